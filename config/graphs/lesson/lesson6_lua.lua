-- The lesson's graph, call by call.
local graph = StateGraph {
    user_input = { type = "string", default = "Merhaba" },
    step1_result = "string",
    step2_result = "string",
}

local function node_1(state)
    sleep(0.1) -- stands for a model
    return { step1_result = "İşlendi: " .. state.user_input }
end

local function node_2(state)
    sleep(0.1)
    return { step2_result = "Zenginleştirildi: " .. state.step1_result }
end

graph:add_node("node1", node_1)
graph:add_node("node2", node_2)
graph:set_entry_point("node1")
graph:add_edge("node1", "node2")
graph:add_edge("node2", END)

return graph:compile { description = "Lesson 4, 6: two nodes, one after the other, in Lua." }
