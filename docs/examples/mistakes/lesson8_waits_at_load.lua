-- WRONG: the file itself waits. Only what runs in a node can: here there is nobody yet who could do something else meanwhile.
local function baska_async()
    sleep(1)
    return "Merhaba"
end

local sonuc = baska_async()

local g = StateGraph { sonuc = "string" }

g:add_node("greet", function()
    return { sonuc = sonuc }
end)
g:set_entry_point("greet")
g:set_finish_point("greet")

return g:compile {}
