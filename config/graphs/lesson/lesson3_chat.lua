-- A model call in a node. It names no model, so it asks the setting default_model; model = "openai:gpt-4" would name one.
local g = StateGraph {
    messages = "messages",
    user_input = { type = "string", default = "Python öğrenmek istiyorum" },
    response = "string",
}

g:add_node("llm_node", function(state)
    local response = llm.chat(state.user_input, { temperature = 0.7 })
    return { response = response.content }
end)
g:set_entry_point("llm_node")
g:set_finish_point("llm_node")

return g:compile { description = "Lesson 4, 3: a node that asks a model, in Lua." }
