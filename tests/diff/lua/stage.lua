-- What the nodes of a case share in its Lua form: which visit a task performs, how often it has failed already, and who is at
-- work (FORMAT.md, "Visits" and the action `alone`). All of it is in one table: the runs of a case come one after the other.
local stage = { visits = {}, started = {}, failures = {}, waiting = {}, busy = 0, serial = 0 }
local ALONE_POLLS = 10

local Script = {}
Script.__index = Script

-- The next visit of the path for a task that starts for the first time; the last one serves all later ones.
local function visit_of(path, key, count)
    if not stage.visits[key] then
        stage.started[path] = (stage.started[path] or 0) + 1
        stage.visits[key] = math.min(stage.started[path], count)
    end
    return stage.visits[key]
end

local function perform(path, count)
    local key = path .. " " .. runtime.task_id
    stage.serial = stage.serial + 1
    stage.busy = stage.busy + 1
    return setmetatable({ key = key, visit = visit_of(path, key, count), serial = stage.serial }, Script)
end

local function stop_waiting(script)
    for i, other in ipairs(stage.waiting) do
        if other == script then
            table.remove(stage.waiting, i)
            stage.busy = stage.busy + 1
        end
    end
end

-- However it ends: also where a question has no answer, or a sibling has failed.
function Script:__close()
    stop_waiting(self)
    stage.busy = stage.busy - 1
end

function Script:alone()
    local polls = 0
    table.insert(stage.waiting, self)
    table.sort(stage.waiting, function(a, b) return a.serial < b.serial end)
    stage.busy = stage.busy - 1
    repeat
        sleep(0.001)
        polls = stage.busy == 0 and stage.waiting[1] == self and polls + 1 or 0
    until polls == ALONE_POLLS
    stop_waiting(self)
end

-- The action at this place of the script fails so many times.
function Script:fail(place, times, class, message)
    local key = self.key .. " " .. place
    local before = stage.failures[key] or 0
    if before < times then
        stage.failures[key] = before + 1
        error { type = class, message = message }
    end
end

-- {"$input": path}
local function at(value, path)
    for part in path:gmatch("[^.]+") do
        if type(value) ~= "table" or value[part] == nil then
            return null
        end
        value = value[part]
    end
    return value
end

-- What a switch compares with its cases; nil of what is none.
local function case_of(value)
    if type(value) == "table" then
        return nil
    end
    return tostring(value)
end

-- The built-in reducers once more.
local function append_items(held, written)
    local list = json.copy(held)
    if type(written) == "table" then
        for _, item in ipairs(written) do
            list[#list + 1] = item
        end
    else
        list[#list + 1] = written
    end
    return list
end

local function add_number(held, written)
    return held + written
end

local function merge_objects(held, written)
    local all = json.copy(held)
    for key, value in pairs(written) do
        all[key] = value
    end
    return all
end

-- What handlers see of the failure.
local function check_error(err, node)
    assert(err.node == node, "the error is another node's")
    assert(type(err.type) == "string" and type(err.message) == "string", "the error has no type or no message")
end
