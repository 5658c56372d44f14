-- Two ask at once, a third has nothing to ask.
local g = StateGraph{ answers = { type = "array", reducer = append } }

g:add_node("ask_a", function() return { answers = { "a=" .. tostring(interrupt("question a")) } } end)
g:add_node("ask_b", function() return { answers = { "b=" .. tostring(interrupt("question b")) } } end)
g:add_node("plain", function() return { answers = { "plain" } } end)
g:add_node("done", function(state) return { answers = { "done " .. #state.answers } } end)
g:add_edge(START, { "ask_a", "ask_b", "plain" })
g:add_edge({ "ask_a", "ask_b", "plain" }, "done")
g:add_edge("done", END)
return g:compile{}
