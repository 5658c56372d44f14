-- A graph in a graph; the inner one has a model.
local child = StateGraph{ messages = "messages", child_note = "string" }
child:add_node("c_model", function(state)
    return { messages = { llm.chat(state.messages, { model = "openai:scripted-1", params = { user = "child" } }) }, child_note = "n" }
end)
child:add_node("c_tail", function() return { child_note = "tail" } end)
child:add_edge(START, "c_model")
child:add_edge("c_model", "c_tail")
child:add_edge("c_tail", END)

local g = StateGraph{ messages = "messages", done = "boolean" }
g:add_node("before", function() return { done = false } end)
g:add_node("child_graph", child:compile{})
g:add_node("after", function() return { done = true } end)
g:add_edge(START, "before")
g:add_edge("before", "child_graph")
g:add_edge("child_graph", "after")
g:add_edge("after", END)
return g:compile{}
