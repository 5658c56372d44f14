-- A graph in a graph asks.
local child = StateGraph{ v = "string", log = { type = "array", reducer = append } }
child:add_node("c_ask", function() return { v = interrupt{ from = "child" } } end)
child:add_edge(START, "c_ask")
child:add_edge("c_ask", END)

local g = StateGraph{ v = "string", log = { type = "array", reducer = append } }
g:add_node("child_graph", child:compile{})
g:add_node("tail", function() return { log = { "tail" } } end)
g:add_edge(START, "child_graph")
g:add_edge("child_graph", "tail")
g:add_edge("tail", END)
return g:compile{}
