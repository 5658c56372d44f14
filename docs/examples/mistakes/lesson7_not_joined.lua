-- WRONG: the greeting is begun and never waited for. spawn() gives a future, not a string; join() waits for it.
local function selam()
    sleep(1)
    return "Merhaba"
end

local g = StateGraph { sonuc = "string" }

g:add_node("greet", function()
    local sonuc = spawn(selam) -- selam() would be right, or join(sonuc) below
    return { sonuc = type(sonuc) == "string" and sonuc or "half an answer" }
end)
g:set_entry_point("greet")
g:set_finish_point("greet")

return g:compile {}
