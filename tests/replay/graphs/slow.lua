-- Takes `steps` times `ms` milliseconds, and says so each time.
local g = StateGraph{ steps = "integer", ms = "integer", log = { type = "array", reducer = append } }

g:add_node("first", function() return { log = { "first" } } end)
g:add_node("tick", function(state)
    for i = 0, state.steps - 1 do
        sleep((state.ms or 100) / 1000)
        writer{ tick = i }
    end
    return { log = { "ticked" } }
end)
g:add_edge(START, "first")
g:add_edge("first", "tick")
g:add_edge("tick", END)
return g:compile{}
