-- A model that asks for a tool, and is asked again with what the tool said.
local g = StateGraph{ messages = "messages" }

g:add_node("agent", node.llm{ model = "openai:scripted-1", params = { user = "weather" }, output = "messages" })
g:add_node("tools", function(state)
    local answers = json.array{}
    for i, call in ipairs(state.messages[#state.messages].tool_calls) do
        answers[i] = { type = "tool", status = "success", tool_call_id = call.id, name = call.name,
                       content = "It is 15C in " .. call.args.city .. "." }
    end
    return { messages = answers }
end)

g:add_edge(START, "agent")
g:add_conditional_edges("agent", function(state)
    local calls = state.messages[#state.messages].tool_calls
    return calls and #calls > 0 and "tools" or END
end, { "tools", END })
g:add_edge("tools", "agent")
return g:compile{}
