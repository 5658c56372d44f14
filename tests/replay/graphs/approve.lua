-- Asks a person.
local g = StateGraph{ request = "string", decision = "any", log = { type = "array", reducer = append } }

g:add_node("prepare", function() return { log = { "prepared" } } end)
g:add_node("review", function(state)
    local decision = interrupt{ question = "Approve?", request = state.request }
    return { decision = decision, log = { "reviewed" } }
end)
g:add_node("finish", function() return { log = { "finished" } } end)
g:add_edge(START, "prepare")
g:add_edge("prepare", "review")
g:add_edge("review", "finish")
g:add_edge("finish", END)
return g:compile{}
