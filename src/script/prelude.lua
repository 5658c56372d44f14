-- Functions of Lua's library that can take long, so written that others get their turn: in Lua, which
-- the hook stops wherever it is, on top of functions in C that do a little at a time (lib_*.c). To a script
-- they are what they replace. front() checks the arguments; a function behind it answers or gives
-- `bad`, the number of the argument that is to blame or 0, and a sentence.

local primitives = ...
local front, bad, paused = primitives.front, primitives.bad, primitives.paused
local find, match, next, replace = primitives.find, primitives.match, primitives.next, primitives.replace
local go_on, is_spent, refill = primitives.go_on, primitives.is_spent, primitives.refill
local pause_instructions = primitives.pause_instructions
local rep, join, compare, integer = primitives.rep, primitives.join, primitives.compare, primitives.integer

-- Scripts may change the tables that these come from.
local type, getmetatable = type, getmetatable
local byte, sub, format = string.byte, string.sub, string.format
local math_type, max_integer, min, ult = math.type, math.maxinteger, math.min, math.ult

-- The hook counts instructions and not time, and a function in C counts as one.
local function pause()
    for _ = 1, pause_instructions do
    end
    refill()
end

local function pause_if_spent()
    if is_spent() then
        pause()
    end
end

-- The results of a primitive, in the end.
local function finish(first, ...)
    if first ~= paused then
        return first, ...
    end
    pause()
    return finish(go_on(...))
end

-- nil: something else than an integer.
local function length(list)
    local n = #list
    return math_type(n) == "integer" and n or integer(n)
end

-- table.concat

local chunk = 1000 -- elements that join() gets at a time

local function bad_element(kind, index)
    return bad, 0, format("invalid value (%s) at index %d in table for 'concat'", kind, index)
end

local function join_chunk(list, sep, i, j)
    local text, index, kind = join(list, sep, i, j)
    if not text then
        return bad_element(kind, index)
    end
    pause_if_spent()
    return text
end

local function join_all(list, sep, i, j)
    if i > j then
        return ""
    elseif ult(j - i, chunk) then -- the difference may be more than an integer holds
        return join_chunk(list, sep, i, j)
    end
    local pieces = {}
    for from = i, j, chunk do
        local to = ult(j - from, chunk) and j or from + chunk - 1
        local piece, argument, sentence = join_chunk(list, sep, from, to)
        if piece == bad then
            return piece, argument, sentence
        end
        pieces[#pieces + 1] = piece
    end
    return join_all(pieces, sep, 1, #pieces)
end

-- Reading may call metamethods, which may yield.
local function join_copy(list, sep, i, j)
    local copy, count = {}, 0
    for index = i, j do
        local value = list[index]
        local kind = type(value)
        if kind ~= "string" and kind ~= "number" then
            return bad_element(kind, index)
        end
        count = count + 1
        copy[count] = value
    end
    return join_all(copy, sep, 1, count)
end

local function concat(list, sep, i, j)
    local n = length(list)
    if not n then
        return bad, 0, "object length is not an integer"
    end
    local join_list = getmetatable(list) == nil and join_all or join_copy
    return join_list(list, sep or "", i or 1, j or n)
end

-- string.gmatch

local function gmatch(s, pattern, init)
    local last = 0
    init = init or 1
    local function advance(from, to, ...)
        if from == nil then
            return
        elseif from == bad then
            return from, to, ...
        end
        init, last = to, to
        return ...
    end
    return front("", function()
        return advance(finish(next(s, pattern, init, last, false)))
    end)
end

-- string.gsub

local function gsub_text(s, pattern, text, max)
    local pieces = {}
    local first, second, third = replace(s, pattern, text, max)
    while first == paused do
        pieces[#pieces + 1] = third
        pause()
        first, second, third = go_on(second)
    end
    if first == bad then
        return first, second, third
    elseif #pieces == 0 then
        return first, second
    end
    pieces[#pieces + 1] = first
    return join_all(pieces, "", 1, #pieces), second
end

-- A match's place and what takes it.
local function evaluate(value_of, from, to, ...)
    if from == nil or from == bad then
        return from, to, ...
    end
    return from, to, (value_of(...))
end

local function gsub_values(s, pattern, value_of, max, most_captures)
    local pieces, count, copied, init, last = {}, 0, 1, 1, 0
    local is_anchored = byte(pattern) == 94 -- ^
    while count < max do
        local from, to, value =
            evaluate(value_of, finish(next(s, pattern, init, last, true, most_captures)))
        if from == nil then
            break
        elseif from == bad then
            return from, to, value
        end
        count = count + 1
        if value then
            local kind = type(value)
            if kind ~= "string" and kind ~= "number" then
                return bad, 0, "invalid replacement value (a " .. kind .. ")"
            end
            pieces[#pieces + 1] = sub(s, copied, from - 1)
            pieces[#pieces + 1] = value
            copied = to
        end
        if is_anchored then
            break
        end
        init, last = to, to
    end
    pieces[#pieces + 1] = sub(s, copied)
    return join_all(pieces, "", 1, #pieces), count
end

local function gsub(s, pattern, value, max)
    max = max or #s + 1
    local kind = type(value)
    if kind == "string" then
        return gsub_text(s, pattern, value, max)
    elseif kind == "function" then
        return gsub_values(s, pattern, value, max)
    end
    return gsub_values(s, pattern, function(key)
        return value[key]
    end, max, 1)
end

-- table.sort

local run = 8 -- elements that are sorted by insertion

local function sort_run(list, i, stop, is_less)
    for index = i + 1, stop do
        local value, hole = list[index], index
        while hole > i and is_less(value, list[hole - 1]) do
            list[hole] = list[hole - 1]
            hole = hole - 1
        end
        list[hole] = value
    end
end

-- Merges from[i .. j-1] and from[j .. stop], both sorted, into to[i .. stop].
local function merge(from, to, i, j, stop, is_less)
    local left, right = i, j
    for index = i, stop do
        if left < j and (right > stop or not is_less(from[right], from[left])) then
            to[index] = from[left]
            left = left + 1
        else
            to[index] = from[right]
            right = right + 1
        end
    end
end

-- The sorted list, which may be another.
local function merge_sort(list, n, is_less)
    for i = 1, n, run do
        sort_run(list, i, min(i + run - 1, n), is_less)
    end
    local from, to, width = list, {}, run
    while width < n do
        for i = 1, n, 2 * width do
            merge(from, to, i, min(i + width, n + 1), min(i + 2 * width - 1, n), is_less)
        end
        from, to, width = to, from, 2 * width
    end
    return from
end

local function is_less_plain(a, b)
    return a < b
end

-- A comparison that fails does so in C: the message shall not have a line of this file.
local function is_less_mixed(a, b)
    local is_less = compare(a, b)
    if is_less == nil then
        return a < b
    end
    return is_less
end

local function default_order(list, n)
    local kind = type(list[1])
    if kind ~= "number" and kind ~= "string" then
        return is_less_mixed
    end
    for i = 2, n do
        if type(list[i]) ~= kind then
            return is_less_mixed
        end
    end
    return is_less_plain
end

local function sort(list, is_less)
    local n = length(list)
    if not n then
        return bad, 0, "object length is not an integer"
    elseif n < 2 then
        return
    elseif n >= 0x7fffffff then
        return bad, 1, "array too big"
    elseif is_less ~= nil and type(is_less) ~= "function" then
        return bad, 2, "function expected, got " .. type(is_less)
    end
    local copy = {}
    for i = 1, n do
        copy[i] = list[i]
    end
    local sorted = merge_sort(copy, n, is_less or default_order(copy, n))
    for i = 1, n do
        list[i] = sorted[i]
    end
end

-- table.move

local function move(from, i, j, to_index, to)
    to = to or from
    if j < i then
        return to
    elseif i <= 0 and j >= max_integer + i then
        return bad, 3, "too many elements to move"
    end
    local last = j - i
    if to_index > max_integer - last then
        return bad, 4, "destination wrap around"
    end
    if to_index > j or to_index <= i or to ~= from then
        for k = 0, last do
            to[to_index + k] = from[i + k]
        end
    else
        for k = last, 0, -1 do
            to[to_index + k] = from[i + k]
        end
    end
    return to
end

local function rep_text(s, n, sep)
    local text = rep(s, n, sep or "")
    pause_if_spent()
    if not text then
        return bad, 0, "resulting string too large"
    end
    return text
end

-- Shifting what stands behind the place is work for a loop that can be interrupted; at the end there is none.
local stock_insert, stock_remove, tointeger = table.insert, table.remove, math.tointeger

local function insert(t, ...)
    local place, value = ...
    local pos, last = tointeger(place), #t
    if select("#", ...) ~= 2 or not pos or pos < 1 or pos > last then
        return stock_insert(t, ...)
    end
    for i = last, pos, -1 do
        t[i + 1] = t[i]
    end
    t[pos] = value
end

local function remove(t, ...)
    local place = ...
    local pos, last = tointeger(place), #t
    if not pos or pos < 1 or pos >= last then
        return stock_remove(t, ...)
    end
    local value = t[pos]
    for i = pos, last - 1 do
        t[i] = t[i + 1]
    end
    t[last] = nil
    return value
end

return {
    string = {
        find = front("1s2s3I", find, finish),
        match = front("1s2s3I", match, finish),
        gmatch = front("1s2s3I", gmatch),
        gsub = front("1s2s4I3r", gsub),
        rep = front("1s2i3S", rep_text),
    },
    table = {
        concat = front("1l2S3I4I", concat),
        insert = insert,
        remove = remove,
        move = front("2i3i4i1f5d", move),
        sort = front("1m", sort),
    },
}
