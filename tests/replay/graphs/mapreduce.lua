local g = StateGraph{ items = "array", out = { type = "array", reducer = append }, total = "integer" }

g:add_node("plan", function(state) return { items = state.items } end)
g:add_node("work", function(input) return { out = { input.item .. ":" .. #input.item } } end)
g:add_node("reduce", function(state) return { total = #state.out } end)
g:add_edge(START, "plan")
g:add_conditional_edges("plan", function(state)
    local sends = {}
    for i, item in ipairs(state.items) do
        sends[i] = Send("work", { item = item })
    end
    return sends
end, { "work" })
g:add_edge("work", "reduce")
g:add_edge("reduce", END)
return g:compile{}
