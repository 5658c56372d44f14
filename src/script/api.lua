-- What scripts find that is written in Lua. Gets the table of builtins, with primitives of C whose names
-- begin with "__", takes those away and adds what is made of them. Every check blames the caller's line.
local builtins = ...

local function take(name)
    local value = builtins[name]
    builtins[name] = nil
    return value
end

local mark, mark_of, where = take("__mark"), take("__mark_of"), take("__where")
local ref, build, is_graph, seal = take("__ref"), take("__build"), take("__is_graph"), take("__seal")
local http_send, http_status_error = take("__http_send"), take("__http_status_error")
local llm_open, store_do = take("__llm_open"), take("__store")
local json, type, string = builtins.json, builtins.type, builtins.string
local error, pairs, ipairs, tostring, getmetatable, setmetatable, select =
    error, pairs, ipairs, tostring, getmetatable, setmetatable, select
local sort = builtins.table.sort

-- Blames the line that called the function of ours which calls this one.
local function check(good, wrong, ...)
    if not good then
        error(string.format(wrong, ...), 3)
    end
end

local function copy(t)
    local new = {}
    for k, v in pairs(t or {}) do
        new[k] = v
    end
    return new
end

-- What is wrong with options, or nil. kinds: name -> type, or "any".
local function wrong_option(options, kinds)
    for name, value in pairs(options or {}) do
        local kind, found = kinds[name], value == json.null and "null" or type(value)
        if kind == nil then
            return string.format("there is no option \"%s\"", tostring(name))
        elseif kind ~= "any" and kind ~= found then
            return string.format("%s: %s expected, got %s", name, kind, found)
        end
    end
end

-- ---- constants ----

builtins.START, builtins.END = "__start__", "__end__"
for _, name in ipairs { "append", "add", "merge", "max", "min", "messages", "replace" } do
    builtins[name] = name
end

-- ---- xpcall ----

-- Lua calls the handler with the counting of instructions switched off if the error comes from the hook. Here
-- it is called when the stack is gone, which nothing but a traceback could tell.
local function handled(handler, ok, ...)
    if ok then
        return true, ...
    end
    return false, select(2, pcall(handler, ...))
end

function builtins.xpcall(f, handler, ...)
    check(type(handler) == "function", "bad argument #2 to 'xpcall' (function expected, got %s)", type(handler))
    return handled(handler, pcall(f, ...))
end

-- ---- Send, Command, Overwrite ----

function builtins.Send(node, arg)
    check(type(node) == "string", "Send(node, input): the node must be a name, not a %s", type(node))
    if arg == nil then
        arg = json.object {}
    end
    return mark({ node = node, arg = arg }, "send")
end

local command_keys = { update = true, ["goto"] = true, resume = true, graph = true }
local command = {}

local function new_command(_, t)
    check(type(t) == "table", "Command{update = ..., goto = ...}: a table is missing")
    local new = {}
    for k, v in pairs(t) do
        check(command_keys[k], "Command has no \"%s\"", tostring(k))
        new[k] = v
    end
    check(new.resume == nil, "Command{resume = ...} comes from outside, a node does not return it")
    if type(new["goto"]) == "table" and mark_of(new["goto"]) == "send" then
        new["goto"] = { new["goto"] }
    end
    if type(new["goto"]) == "table" then
        new["goto"] = json.array(copy(new["goto"]))
    end
    return mark(new, "command")
end

command.PARENT = "PARENT"
builtins.Command = seal(command, "Command", new_command)

function builtins.Overwrite(value)
    if value == nil then
        value = json.null
    end
    return { __overwrite__ = value }
end

-- ---- node.llm{...} ----

builtins.node = seal({}, "node", nil, function(_, kind)
    return function(spec)
        check(type(spec) == "table", "node.%s{...}: a table is missing", kind)
        local new = copy(spec)
        new.kind = kind
        return mark(new, "node")
    end
end)

-- ---- StateGraph ----

local StateGraph = {}
local graph_meta = { __index = StateGraph, __name = "StateGraph", __metatable = false }

-- What graphs are made of so far. Files do not see it, so all that compile() hands on has been checked.
local parts_of = setmetatable({}, { __mode = "k" })

local function check_graph(g, method)
    if parts_of[g] == nil then
        error("call it as graph:" .. method .. "(...), with a colon", 3)
    end
end

local function sorted_names(t)
    local names = {}
    for name in pairs(t) do
        names[#names + 1] = name
    end
    sort(names, function(a, b) return tostring(a) < tostring(b) end)
    return names
end

-- "string", {type = "array", reducer = append}
local function read_field(name, spec)
    if type(spec) == "string" then
        return { type = spec }
    end
    if type(spec) ~= "table" then
        error(string.format("field \"%s\": a type like \"string\" or a table {type = ...} expected, got %s",
            name, type(spec)), 3)
    end
    local new = copy(spec)
    if type(new.reducer) == "function" then
        new.reducer = ref(new.reducer, "the reducer of " .. name)
    end
    return new
end

function builtins.StateGraph(fields, options)
    check(type(fields) == "table", "StateGraph{field = \"string\", ...}: the fields are missing")
    check(options == nil or type(options) == "table", "StateGraph(fields, {input = {...}, output = {...}})")
    local parts = { fields = json.array {}, nodes = json.array {}, edges = json.array {} }
    for _, name in ipairs(sorted_names(fields)) do
        check(type(name) == "string", "StateGraph: fields need names")
        parts.fields[#parts.fields + 1] = { name = name, spec = read_field(name, fields[name]) }
    end
    options = options or {}
    for name in pairs(options) do
        check(name == "input" or name == "output", "StateGraph has no option \"%s\"", tostring(name))
    end
    parts.input, parts.output = options.input, options.output
    local g = setmetatable({}, graph_meta)
    parts_of[g] = parts
    return g
end

-- What a node is made of: a function, node.kind{...}, or a compiled graph.
local function read_node(what)
    if type(what) == "function" then
        return { kind = "lua", ["function"] = ref(what, "a node") }
    elseif is_graph(what) then
        local name, checkpointer = is_graph(what)
        local persistence = nil
        if checkpointer ~= nil then
            persistence = checkpointer and "thread" or "none"
        end
        return { kind = "graph", graph = name, persistence = persistence }
    elseif type(what) == "table" and mark_of(what) == "node" then
        return copy(what)
    end
end

-- A function, node.kind{...}, or {function or node, goto = "node"}.
local function read_handler(what)
    local handler, to = what, nil
    if type(what) == "table" and mark_of(what) ~= "node" and what[1] ~= nil then
        handler, to = what[1], what["goto"]
    end
    local spec = read_node(handler)
    if spec ~= nil and to ~= nil then
        spec["goto"] = to
    end
    return spec
end

-- The description of a node, or nil and what is wrong.
local function new_node(at, name, what, options)
    local spec = read_node(what)
    if not spec then
        return nil, string.format("a function, node.kind{...} or a compiled graph expected, got %s", type(what))
    elseif options ~= nil and type(options) ~= "table" then
        return nil, "the options must be a table"
    end
    for key, value in pairs(options or {}) do
        spec[key] = value
    end
    if spec.on_error ~= nil then
        spec.on_error = read_handler(spec.on_error)
        if not spec.on_error then
            return nil, "on_error must be a function, node.kind{...} or {function, goto = ...}"
        end
    end
    return { name = name, spec = spec, at = at }
end

function StateGraph:add_node(name, what, options)
    check_graph(self, "add_node")
    check(type(name) == "string", "add_node(name, function): the name is missing")
    local new, wrong = new_node(where(1), name, what, options)
    check(new, "node \"%s\": %s", name, wrong)
    local nodes = parts_of[self].nodes
    nodes[#nodes + 1] = new
    return self
end

-- at: the caller's line; asked for in the method itself, for a tail call leaves no trace of who made it.
local function add_edge(g, at, edge)
    local edges = parts_of[g].edges
    edge.at = at
    edges[#edges + 1] = edge
    return g
end

-- A name, or a list of names that is not empty.
local function is_names(what)
    if type(what) == "string" then
        return true
    end
    for _, name in ipairs(what) do
        if type(name) ~= "string" then
            return false
        end
    end
    return #what > 0
end

function StateGraph:add_edge(from, to)
    check_graph(self, "add_edge")
    check(type(from) == "string" or type(from) == "table", "add_edge(from, to): from must be a name or a list of names")
    check(type(to) == "string" or type(to) == "table", "add_edge(from, to): to must be a name or a list of names")
    check(type(from) == "string" or type(to) == "string", "add_edge: write one join for each target")
    check(is_names(from) and is_names(to), "add_edge: a list must hold names of nodes")
    return add_edge(self, where(1), { from = from, to = to })
end

-- {"a", "b"} or {yes = "a", no = "b"}; keys may be booleans and numbers, too.
local function read_map(map)
    if map == nil then
        return nil
    end
    local new = {}
    local count = 0
    for _, to in pairs(map) do
        count = count + 1
        if type(to) ~= "string" then
            error("add_conditional_edges: the map must hold names of nodes", 3)
        end
    end
    local is_list = count == #map
    for key, to in pairs(map) do
        new[is_list and to or tostring(key)] = to
    end
    return json.object(new)
end

local function add_conditional(g, at, from, choose, map)
    check(type(from) == "string", "add_conditional_edges(from, function): from must be a name")
    check(type(choose) == "function", "add_conditional_edges: a function expected, got %s", type(choose))
    check(map == nil or type(map) == "table", "add_conditional_edges: the map must be a table")
    return add_edge(g, at, { from = from, choose = ref(choose, "the condition of " .. from), map = read_map(map) })
end

function StateGraph:add_conditional_edges(from, choose, map)
    check_graph(self, "add_conditional_edges")
    return add_conditional(self, where(1), from, choose, map)
end

function StateGraph:set_conditional_entry_point(choose, map)
    check_graph(self, "set_conditional_entry_point")
    return add_conditional(self, where(1), "__start__", choose, map)
end

function StateGraph:set_entry_point(name)
    check_graph(self, "set_entry_point")
    check(type(name) == "string", "set_entry_point(name): the name is missing")
    return add_edge(self, where(1), { from = "__start__", to = name })
end

function StateGraph:set_finish_point(name)
    check_graph(self, "set_finish_point")
    check(type(name) == "string", "set_finish_point(name): the name is missing")
    return add_edge(self, where(1), { from = name, to = "__end__" })
end

-- {{"a", fa}, {"b", fb, {retry = {}}}}: nodes, and an edge from each to the next.
function StateGraph:add_sequence(list)
    check_graph(self, "add_sequence")
    check(type(list) == "table" and #list > 0, "add_sequence{{\"a\", f}, {\"b\", g}}: the list is empty")
    local at, nodes = where(1), parts_of[self].nodes
    for i, item in ipairs(list) do
        check(type(item) == "table" and type(item[1]) == "string", "add_sequence: item %d is not {name, function}", i)
        local new, wrong = new_node(at, item[1], item[2], item[3])
        check(new, "add_sequence: node \"%s\": %s", item[1], wrong)
        nodes[#nodes + 1] = new
        if i > 1 then
            add_edge(self, at, { from = list[i - 1][1], to = item[1] })
        end
    end
    return self
end

local compile_options = {
    assistant = true, checkpointer = true, context = true, description = true, interrupt_after = true,
    interrupt_before = true, node_defaults = true, recursion_limit = true, step_timeout_ms = true,
}

function StateGraph:compile(options)
    check_graph(self, "compile")
    check(options == nil or type(options) == "table", "compile{...}: the options must be a table")
    options = options or {}
    for name in pairs(options) do
        check(compile_options[name], "compile has no option \"%s\"", tostring(name))
    end
    check(options.context == nil or type(options.context) == "table", "compile{context=}: a JSON Schema is a table")
    local checkpointer, parts = options.checkpointer, parts_of[self]
    local desc = {
        assistant = options.assistant, context = options.context, description = options.description,
        edges = parts.edges, fields = parts.fields, input = parts.input, interrupt_after = options.interrupt_after, interrupt_before = options.interrupt_before,
        node_defaults = options.node_defaults, nodes = parts.nodes, output = parts.output,
        recursion_limit = options.recursion_limit, step_timeout_ms = options.step_timeout_ms,
    }
    if checkpointer ~= nil then
        checkpointer = checkpointer and true or false
    end
    return build(desc, checkpointer)
end

-- ---- http ----

local Response = {}

function Response:json()
    return json.decode(self.body)
end

function Response:header(name)
    return self.headers[string.lower(name)]
end

function Response:check()
    if not self.ok then
        http_status_error(self.what, self.status, self.headers["retry-after"])
    end
    return self
end

local response = { __index = seal(Response, "response"), __name = "response", __metatable = false }

local http_options = {
    body = "string", headers = "table", json = "any", max_bytes = "number", query = "table", timeout = "number",
}
local request_options = copy(http_options)
request_options.url, request_options.method = "string", "string"

-- The same of a request, with what types do not say.
local function wrong_request(options, kinds)
    local wrong = wrong_option(options, kinds)
    if wrong ~= nil or options == nil then
        return wrong
    elseif options.timeout ~= nil and not (options.timeout > 0 and options.timeout <= 86400) then
        return "timeout: seconds between 0 and 86400 expected"
    elseif options.max_bytes ~= nil and options.max_bytes < 1 then
        return "max_bytes: at least 1 expected"
    elseif options.body ~= nil and options.json ~= nil then
        return "either body or json"
    end
    for name, value in pairs(options.headers or {}) do
        if type(name) ~= "string" or type(value) ~= "string" then
            return string.format("the header %s: a string expected, got %s", tostring(name), type(value))
        end
    end
end

local function request(spec, what)
    spec.method = spec.method or ((spec.body ~= nil or spec.json ~= nil) and "POST" or "GET")
    local status, headers, body = http_send(spec, what)
    local host = string.match(spec.url, "^%a+://([^/?#]*)") or ""
    host = string.match(host, "[^@]*$") -- a password there is nobody's business
    return setmetatable({
        status = status, ok = status >= 200 and status < 300, headers = headers, body = body,
        what = spec.method .. " " .. host,
    }, response)
end

local function with_method(method)
    local name = string.lower(method)
    return function(url, options)
        check(type(url) == "string", "http.%s(url, options): the url must be a string", name)
        check(options == nil or type(options) == "table", "http.%s: the options must be a table", name)
        local wrong = wrong_request(options, http_options)
        check(not wrong, "http.%s: %s", name, wrong)
        local spec = copy(options)
        spec.url, spec.method = url, method
        return request(spec, "http." .. name .. "()")
    end
end

builtins.http = seal({
    request = function(spec)
        check(type(spec) == "table" and type(spec.url) == "string", "http.request{url = \"...\"}: the url is missing")
        local wrong = wrong_request(spec, request_options)
        check(not wrong, "http.request: %s", wrong)
        return request(copy(spec), "http.request()")
    end,
    get = with_method("GET"), post = with_method("POST"), put = with_method("PUT"),
    patch = with_method("PATCH"), delete = with_method("DELETE"), head = with_method("HEAD"),
}, "http")

-- ---- store ----

local put_options = { ttl = "number" }
local search_options = { filter = "table", limit = "number", offset = "number" }

local function check_place(namespace, key, name)
    local kind = type(namespace)
    if kind ~= "string" and kind ~= "table" then
        error(string.format("store.%s: a namespace is a list of texts, or a text with periods", name), 3)
    elseif type(key) ~= "string" then
        error(string.format("store.%s: the key must be a text, not %s", name, type(key)), 3)
    end
end

-- Numbers of options: what types do not say.
local function wrong_number(options)
    for name, value in pairs(options or {}) do
        local least = name == "offset" and 0 or name == "limit" and 1
        if least and (value < least or value % 1 ~= 0) then
            return string.format("%s: a whole number of at least %d expected", name, least)
        elseif name == "ttl" and not (value > 0 and value < 1e9) then
            return "ttl: minutes above 0 expected"
        end
    end
end

local function wrong_options(options, kinds)
    if options ~= nil and type(options) ~= "table" then
        return "the options must be a table"
    end
    return wrong_option(options, kinds) or wrong_number(options)
end

local function whole(number)
    return number and number // 1 | 0
end

builtins.store = seal({
    get = function(namespace, key)
        check_place(namespace, key, "get")
        return store_do({ op = "get", namespace = namespace, key = key }, "store.get()")[1]
    end,
    put = function(namespace, key, value, options)
        check_place(namespace, key, "put")
        check(type(value) == "table", "store.put: a value is a table with names, not %s", type(value))
        local wrong = wrong_options(options, put_options)
        check(not wrong, "store.put: %s", wrong)
        local ttl = options and options.ttl
        store_do({ op = "put", namespace = namespace, key = key, value = value, ttl = ttl }, "store.put()")
    end,
    delete = function(namespace, key)
        check_place(namespace, key, "delete")
        store_do({ op = "delete", namespace = namespace, key = key }, "store.delete()")
    end,
    search = function(namespace, options)
        check_place(namespace, "", "search")
        local wrong = wrong_options(options, search_options)
        check(not wrong, "store.search: %s", wrong)
        local spec = copy(options)
        spec.op, spec.namespace = "search", namespace
        spec.limit, spec.offset = whole(spec.limit), whole(spec.offset)
        return store_do(spec, "store.search()")
    end,
}, "store")

-- ---- llm ----

local stream_options = {
    max_tokens = "number", model = "string", params = "table", stream = "boolean", system = "string",
    temperature = "number",
}
local chat_options = copy(stream_options)
chat_options.on_token = "function"

-- What is wrong with the arguments, or nil.
local function wrong_question(what, options, kinds)
    if type(what) ~= "string" and (type(what) ~= "table" or #what == 0) then
        return "a text or a list of messages expected"
    elseif options ~= nil and type(options) ~= "table" then
        return "the options must be a table"
    end
    return wrong_option(options, kinds)
end

-- What the primitive gets: messages, and the options.
local function ask(name, what, options)
    local spec = copy(options)
    if type(what) == "string" then
        what = { { type = "human", content = what } }
    end
    spec.messages, spec.on_token = what, nil
    return llm_open(spec, name)
end

local function chat(what, options)
    local wrong = wrong_question(what, options, chat_options)
    check(not wrong, "llm.chat: %s", wrong)
    local stream = ask("llm.chat()", what, options)
    local on_token = options and options.on_token
    if on_token then
        local piece = stream:next()
        while piece do
            on_token(piece)
            piece = stream:next()
        end
    end
    return stream:result()
end

-- for piece in llm.stream("...") do ... end; the second value is the stream: its result() is the message.
local function stream(what, options)
    local wrong = wrong_question(what, options, stream_options)
    check(not wrong, "llm.stream: %s", wrong)
    local s = ask("llm.stream()", what, options)
    return function() return s:next() end, s
end

builtins.llm = seal({ chat = chat, stream = stream }, "llm")
