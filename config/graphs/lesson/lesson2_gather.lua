-- Two slow calls side by side: as long as the slower one, and the answers in the order of the calls.
local function llm_cagir(soru, model)
    sleep(2) -- stands for the network
    return "[" .. model .. "] Cevap: " .. soru
end

local g = StateGraph {
    soru1 = { type = "string", default = "Python nedir?" },
    soru2 = { type = "string", default = "LangGraph nedir?" },
    cevaplar = "array",
}

g:add_node("ask", function(state)
    -- One after the other this would be
    --     local cevap1 = llm_cagir(state.soru1, "gpt-4")
    --     local cevap2 = llm_cagir(state.soru2, "claude")
    -- and take four seconds.
    local cevap1, cevap2 = gather(
        function() return llm_cagir(state.soru1, "gpt-4") end,
        function() return llm_cagir(state.soru2, "claude") end
    )
    return { cevaplar = { cevap1, cevap2 } }
end)
g:set_entry_point("ask")
g:set_finish_point("ask")

return g:compile { description = "Lesson 4, 2: two calls of two seconds in one node, side by side." }
