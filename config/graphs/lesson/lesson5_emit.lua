-- What the lesson's generator yields, a node emits: clients get each piece at once.
local function llm_stream(_)
    local kelimeler = { "Python", " çok", " güçlü", " bir", " dil!" }
    for _, kelime in ipairs(kelimeler) do
        sleep(0.3) -- stands for the model
        emit(kelime)
    end
    return table.concat(kelimeler)
end

local g = StateGraph {
    prompt = { type = "string", default = "Python nedir?" },
    cevap = "string",
}

g:add_node("speak", function(state)
    return { cevap = llm_stream(state.prompt) }
end)
g:set_entry_point("speak")
g:set_finish_point("speak")

return g:compile { description = "Lesson 4, 5: five pieces of an answer, 0.3 s apart." }
