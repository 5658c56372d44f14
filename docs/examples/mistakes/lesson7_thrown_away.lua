-- WRONG: what spawn() gives is thrown away, so nobody can ever wait for it. `anabranch check` tells.
local function selam()
    return "Merhaba"
end

local g = StateGraph { sonuc = "string" }

g:add_node("greet", function()
    spawn(selam)
    return { sonuc = "half an answer" }
end)
g:set_entry_point("greet")
g:set_finish_point("greet")

return g:compile {}
