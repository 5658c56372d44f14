-- A function that waits. There is no async and no await: what waits gives its turn to others by itself.
local function selam_ver(ad)
    sleep(1)
    return "Merhaba, " .. ad .. "!"
end

local g = StateGraph {
    ad = { type = "string", default = "Ahmet" },
    sonuc = "string",
}

g:add_node("greet", function(state)
    return { sonuc = selam_ver(state.ad) }
end)
g:set_entry_point("greet")
g:set_finish_point("greet")

return g:compile { description = "Lesson 4, 1: waits a second and greets." }
