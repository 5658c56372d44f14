-- Says more than it writes, tells its settings back, and calls a tool.
local g = StateGraph {
    topic = "string",
    seen = "object",
    messages = "messages",
}

g:add_node("tell", function(state, config)
    writer { percent = 50 }
    writer("done")
    return { seen = { model = config.configurable.model, header = config.configurable["x-team"] } }
end)
g:add_node("call", function(state)
    return {
        messages = {
            { type = "ai", content = "", id = "call", tool_calls = { { id = "c1", name = "weather", args = { city = "Oslo" } } } },
            { type = "tool", content = "cold", id = "told", tool_call_id = "c1", name = "weather" },
        },
    }
end)
g:add_edge(START, "tell")
g:add_edge("tell", "call")
g:add_edge("call", END)

return g:compile { description = "Custom events, settings and a tool's messages." }
