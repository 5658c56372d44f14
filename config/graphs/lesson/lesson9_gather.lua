-- The exercise: three agents side by side in one node, their answers in a list.
local function agent_calistir(agent_adi, soru)
    sleep(0.5) -- every agent takes half a second
    return "[" .. agent_adi .. "]: '" .. soru .. "' sorusuna cevabım hazır."
end

local g = StateGraph {
    user_input = { type = "string", default = "Yardım lazım" },
    agent_responses = { type = "array", reducer = append },
}

g:add_node("paralel_agent_node", function(state)
    local calls = {}
    for i, agent_adi in ipairs { "HukukAgent", "MatematikAgent", "GenelAgent" } do
        calls[i] = function() return agent_calistir(agent_adi, state.user_input) end
    end
    return { agent_responses = gather(calls) }
end)
g:set_entry_point("paralel_agent_node")
g:set_finish_point("paralel_agent_node")

return g:compile { description = "Lesson 4, exercise: three agents side by side in one node." }
