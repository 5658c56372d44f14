/* What scripts find and do not find: sandbox.c and require.c. */
#include "script_kit.h"
#include <lauxlib.h>
#include <sys/stat.h>

/* ---- what a node cannot do ---- */

#define NOTHING(name)   "LuaError: test.lua:1: nothing is called \"" name "\" here"
#define NO_FIELD(name)  "LuaError: attempt to call a nil value (field '" name "')"
#define SEALED(name)    "LuaError: test.lua:1: the table " name " cannot be changed"
#define OURS(name)      "LuaError: \"" name "\" belongs to anabranch and cannot be assigned"
#define FIXED(name)     "LuaError: assignment to the global \"" name "\": globals are fixed once"
#define PROTECTED(tail) "LuaError: test.lua:1: " tail

/* _G.x = ..., for the loader finds x = ... before it runs. */
static const struct kit_row forbidden[] = {
    { "return _G.io", "LuaError: nothing is called 'io' here" },
    { "return _G.debug", "LuaError: nothing is called 'debug' here" },
    { "return _G.load", "LuaError: nothing is called 'load' here" },
    { "return _G.loadstring", "LuaError: nothing is called 'loadstring' here" },
    { "return _G.loadfile", "LuaError: nothing is called 'loadfile' here" },
    { "return _G.dofile", "LuaError: nothing is called 'dofile' here" },
    { "return _G.package", "LuaError: nothing is called 'package' here" },
    { "return _G.rawset", "LuaError: nothing is called 'rawset' here" },
    { "return _G.collectgarbage", "LuaError: nothing is called 'collectgarbage' here" },
    { "return _G.__http_send", "LuaError: nothing is called '__http_send' here" },
    { "return _G.__build", "LuaError: nothing is called '__build' here" },
    { "return _G[1]", "LuaError: nothing is called '1' here" },
    { "return _G[true]", "LuaError: nothing is called 'true' here" },
    { "os.execute('true')", NO_FIELD("execute") },
    { "os.getenv('HOME')", NO_FIELD("getenv") },
    { "os.exit()", NO_FIELD("exit") },
    { "os.remove('x')", NO_FIELD("remove") },
    { "os.setlocale('C')", NO_FIELD("setlocale") },
    { "os.tmpname()", NO_FIELD("tmpname") },
    { "string.dump(print)", NO_FIELD("dump") },
    { "return {out = (''):dump()}", "LuaError: attempt to call a nil value (method 'dump')" },

    /* nobody changes what others call */
    { "string.upper = nil", "LuaError: the table string cannot be changed" },
    { "table.new = 1", "LuaError: the table table cannot be changed" },
    { "math.pi = 3", "LuaError: the table math cannot be changed" },
    { "utf8.len = 3", "LuaError: the table utf8 cannot be changed" },
    { "os.time = nil", "LuaError: the table os cannot be changed" },
    { "json.null = 1", "LuaError: the table json cannot be changed" },
    { "http.get = 1", "LuaError: the table http cannot be changed" },
    { "llm.chat = 1", "LuaError: the table llm cannot be changed" },
    { "log.info = 1", "LuaError: the table log cannot be changed" },
    { "coroutine.wrap = 1", "LuaError: the table coroutine cannot be changed" },
    { "Command.PARENT = 1", "LuaError: the table Command cannot be changed" },
    { "node.x = 1", "LuaError: the table node cannot be changed" },
    { "runtime.step = 1", "LuaError: runtime cannot be changed" },
    { "runtime.x = 1", "LuaError: runtime cannot be changed" },
    { "return {out = runtime.nothing}", "LuaError: runtime has no 'nothing'" },
    { "for k, v in pairs(math) do math[k] = nil end",
      "LuaError: the table math cannot be changed" },
    { "table.insert(string, 1)", "LuaError: the table string cannot be changed" },
    { "table.move({1}, 1, 1, 1, string)", "LuaError: the table string cannot be changed" },
    { "table.sort(_G)", "null" },
    { "table.insert(_G, 1)", "LuaError: assignment to the global '1'" },
    { "table.move({1}, 1, 1, 1, _G)", "LuaError: assignment to the global '1'" },
    { "setmetatable(string, nil)", "LuaError: cannot change a protected metatable" },
    { "setmetatable(_G, {})", "LuaError: cannot change a protected metatable" },
    { "setmetatable(json.array{}, {})", "LuaError: cannot change a protected metatable" },
    { "setmetatable(runtime, {})", "LuaError: cannot change a protected metatable" },
    { "setmetatable({}, {__gc = print})",
      "LuaError: bad argument #2 to 'setmetatable' (__gc cannot be used here)" },
    { "setmetatable('', {})", "LuaError: bad argument #1 to 'setmetatable'" },
    { "setmetatable({}, 1)", "LuaError: bad argument #2 to 'setmetatable' (nil or table expected" },
    { "getmetatable('').__index.upper = nil", "LuaError: attempt to index a boolean value" },
    { "getmetatable(_G).__index = nil", "LuaError: attempt to index a boolean value" },
    { "getmetatable(state).__index = nil", "LuaError: attempt to index a boolean value" },
    { "getmetatable(null).__index = nil", "LuaError: attempt to index a boolean value" },
    { "getmetatable(select(2, pcall(with_timeout, 0, function() sleep(1) end))).__index = nil",
      "LuaError: attempt to index a boolean value" },
    { "getmetatable(spawn(print)).__index = nil", "LuaError: attempt to index a boolean value" },
    { "spawn(print).join = nil", "LuaError: attempt to index a userdata value" },
    { "_G.print = 1", OURS("print") },
    { "_G._G = 1", OURS("_G") },
    { "_G.x = 1", FIXED("x") },
    { "(function(e) e.x = 1 end)(_G)", FIXED("x") },
    { "_G[1] = 1", FIXED("1") },
    { "require('text')", "LuaError: require() reads files only while the graph's file is loaded" },
    { "StateGraph{}:add_node('x', print)",
      "LuaError: graphs are built while their file is loaded" },
    { "StateGraph{a = 'any'}:compile{}", "LuaError: graphs are built while their file is loaded" },
    { "error(nil)", "LuaError: nil" },
    { "string.rep('x', 1 << 40)", "LuaError: resulting string too large" },
    { "local f, t = pairs(string) t.upper = nil return {out = ('x'):upper()}",
      "LuaError: the table string cannot be changed" },
    { "local f, t = pairs(http) t.get = print", "LuaError: the table http cannot be changed" },
};

START_TEST(a_node_cannot)
{
    struct kit_row row = forbidden[_i];
    char wanted[400];
    (void)snprintf(wanted, sizeof(wanted), "%s", row.wanted);
    for (char *c = wanted; *c != '\0'; c++)
        if (*c == '"')
            *c = '\'';
    row.wanted = wanted;
    kit_check(&row, "{}");
}
END_TEST

static const struct kit_row allowed[] = {
    { "return {out = {('x'):rep(3, ','), #('abc'), ('aXb'):lower(), ('a,b'):find(',', 1, true)}}",
      "{'out':['x,x,x',3,'axb',2,2]}" },
    { "return {out = {math.type(1), math.floor(2.5), math.max(1, 2), utf8.char(228), "
      "string.format('%5.1f|%s', 1.25, 'a')}}",
      "{'out':['integer',2,2,'\xc3\xa4','  1.2|a']}" },
    { "return {out = {type(os.time()), type(os.clock()), os.date('!%Y', 0), os.difftime(2, 1)}}",
      "{'out':['number','number','1970',1.0]}" },
    { "local t = {} for k in pairs(json) do t[#t + 1] = k end table.sort(t) return {out = t}",
      "{'out':['array','copy','decode','encode','null','object']}" },
    { "local n = 0 for k, v in pairs(string) do n = n + 1 end return {out = n > 10}",
      "{'out':true}" },
    { "for k, v in pairs(_G) do return {out = k} end", "null" },
    { "return {out = {next(string) == nil, #string, rawlen(_G), rawget(_G, 'x') == nil}}",
      "{'out':[true,0,0,true]}" },
    { "return {out = {select('#', 1, nil), tostring(nil), tonumber('0x10'), _VERSION}}",
      "{'out':[2,'nil',16,'Lua 5.4']}" },
    { "return {out = {pcall(error, 'x', 0)}}", "{'out':[false,'x']}" },
    { "return {out = {xpcall(error, function(e) return e .. '!' end, 'x')}}",
      "{'out':[false,'x!']}" },
    { "local _ENV = {} x = 1 return {out = x}", "{'out':1}" },
    { "local t = setmetatable({}, {__index = string, __close = nil, __mode = 'k'}) return {out = "
      "t.upper('x')}",
      "{'out':'X'}" },
    { "local p = setmetatable({}, {__metatable = 'mine'}) return {out = {getmetatable(p), "
      "pcall(setmetatable, p, {})}}",
      "{'out':['mine',false,'cannot change a protected metatable']}" },
    { "goto done do return {out = 1} end ::done:: return {out = 2}", "{'out':2}" },
    { "return {out = {runtime.node, runtime.run_id, runtime.task_id, runtime.attempt, "
      "runtime.graph, "
      "runtime.step == nil, runtime.thread_id == nil}}",
      "{'out':['it','run','task',1,'test',true,true]}" },
    { "return {out = {config, next(runtime.context) == nil}}",
      "{'out':[{'configurable':{}},true]}" },
    { "return {out = {append, add, merge, max, min, messages, replace, START, END}}",
      "{'out':['append','add','merge','max','min','messages','replace','__start__','__end__']}" },
};

START_TEST(a_node_can)
{
    kit_check(&allowed[_i], "{}");
}
END_TEST

/* ---- what a file cannot do while it is loaded ---- */

static const struct {
    const char *text;
    const char *problem; /* NULL: it is right */
} files[] = {
    { "function it() return {out = x} end x = 1", NULL },
    { "x = 1 x = x + 1 assert(x == 2) local function it() end", NULL },
    { "local m = {} function m.f() end local it = m.f", NULL },
    { "io.write('x')", "test.lua:1: nothing is called \"io\"" },
    { "local ok, why = pcall(function() return _G.io end) assert(not ok) io = 1 function it() "
      "return io "
      "end",
      NULL },
    { "\nload('x')", "test.lua:2: nothing is called \"load\"" },
    { "print = nil", "\"print\" belongs to anabranch and cannot be assigned" },
    { "local function f() _G.x = 1 end f()",
      "assignment to the global \"x\" inside a function: write local, or define it at the top" },
    { "local function f() x = 1 end function it() end",
      "test.lua:1: assignment to the global \"x\"" },
    { "function it() _ENV.x = 1 end", "test.lua:1: assignment to the global \"x\"" },
    { "table.move({1}, 1, 1, 1, _G)", "assignment to the global \"1\" inside a function" },
    { "coroutine.wrap(function() _G.x = 1 end)()",
      "assignment to the global \"x\" inside a function" },
    { "return qqqq", "nothing is called \"qqqq\"" },
    { "local x = = 1", "unexpected symbol near '='" },
    { "\n\nerror('told')", "test.lua:3: told" },
    { "error({message = 'told', type = 'Mine'})", "told" },
    { "error(setmetatable({}, {__tostring = function() return 'told' end}))", "an error without" },
    { "sleep(1)", "only works inside of a node: here the file is being loaded" },
    { "interrupt(1)", "only works inside of a node: here the file is being loaded" },
    { "emit('x')", "only works inside of a node: here the file is being loaded" },
    { "http.get('http://127.0.0.1:1')", "only works inside of a node" },
    { "llm.chat('x')", "only works inside of a node" },
    { "gather(print)", "only works inside of a node" },
    { "return runtime.step", "only works inside of a node" },
    { "while true do end", "instructions" },
    { "pcall(function() while true do end end) while true do end", "instructions" },
    { "while true do pcall(error) end", "instructions" },
    { "coroutine.wrap(function() while true do end end)()", "instructions" },
    { "local t = {} for i = 1, 1e9 do t[i] = {} end", "memory" },
    { "local s = 'x' while true do s = s .. s end", "memory" },
    { "string.rep('x', 1 << 31)", "resulting string too large" },
    { "local function f(n) return 1 + f(n) end f(1)", "stack overflow" },
    { "require('..')", "a module is named like" },
    { "require('/etc/passwd')", "a module is named like" },
    { "require('a/b')", "a module is named like" },
    { "require('a..b')", "a module is named like" },
    { "require('.a')", "a module is named like" },
    { "require('a\\0b')", "a module is named like" },
    { "require('a.')", "a module is named like" },
    { "require('')", "a module is named like" },
    { "require(('a'):rep(300))", "a module is named like" },
    { "require()", "bad argument #1 to 'require'" },
    { "require('no.such.module')", "module \"no.such.module\": no/such/module.lua cannot be read" },
};

START_TEST(a_file_is_right_or_told)
{
    struct kit x;
    kit_init(&x);
    x.conf.script_memory_bytes = 96 << 20;
    char *text = mem_printf("%s%s", files[_i].text, files[_i].problem == NULL ? KIT_TAIL : "");
    int r = kit_parse(&x, text);
    mem_free(text);
    const char *found = buf_text(&x.problems.text);
    if (files[_i].problem == NULL)
        ck_assert_msg(r == 0, "%s\nfound:  %s", files[_i].text, found);
    else
        ck_assert_msg(r == SCRIPT_E_WRONG && x.problems.count > 0 &&
                          strstr(found, files[_i].problem) != NULL,
                      "%s\nfound:  %d %s\nwanted: %s", files[_i].text, r, found, files[_i].problem);
    kit_deinit(&x);
}
END_TEST

/* ---- modules ---- */

static const struct {
    const char *module; /* m.lua */
    const char *file;
    const char *wanted; /* of the run, or a part of the problem */
} modules[] = {
    { "return {n = 7}", "local m = require('m') function it() return {out = m.n} end",
      "{'out':7}" },
    { "return {n = 7}", "local m = require('m') function it() return {out = require('m') == m} end",
      "{'out':true}" },
    { "helper = 8", "assert(require('m') == true) function it() return {out = helper} end",
      "{'out':8}" },
    { "", "assert(require('m') == true) function it() end", "null" },
    { "return false", "assert(require('m') == true) function it() end", "null" },
    { "return {name = ...}", "local n = require('m').name function it() return {out = n} end",
      "{'out':'m'}" },
    { "local function f() error('deep') end return {f = f}",
      "local m = require('m') function it() m.f() end", "m.lua:1: deep" },
    { "return require('m')", "require('m') function it() end", "module \"m\" requires itself" },
    { "\nqqqq()", "require('m') function it() end", "m.lua:2: nothing is called \"qqqq\"" },
    { "return {f = function()\n return qqqq end}", "require('m') function it() end",
      "m.lua:2: nothing is called \"qqqq\"" },
    { "x = = 1", "require('m') function it() end", "m.lua:1: unexpected symbol near '='" },
    { "\x1bLua", "require('m') function it() end", "attempt to load a binary chunk" },
    { "error('broken')", "pcall(require, 'm') local ok, why = pcall(require, 'm') error(why, 0)",
      "broken" },
    { "error('broken')", "pcall(require, 'n') local ok, why = pcall(require, 'n') error(why, 0)",
      "cannot be read" },
    { "return {f = function() x = 1 end}", "require('m') function it() end",
      "m.lua:1: assignment to the global \"x\" inside a function" },
};

START_TEST(modules_lie_beside_the_file)
{
    struct kit x;
    struct kit_folder folder;
    kit_init(&x);
    kit_folder_init(&folder);
    kit_write(&folder, "m.lua", modules[_i].module, strlen(modules[_i].module));
    char *text = mem_printf("%s%s", modules[_i].file, KIT_TAIL);
    int r = kit_parse_at(&x, kit_path(&folder, "test.lua"), text);
    mem_free(text);
    const char *found = r == 0 ? kit_call(&x) : buf_text(&x.problems.text);
    ck_assert_msg(strstr(found, modules[_i].wanted) != NULL, "%s\nfound:  %s\nwanted: %s",
                  modules[_i].module, found, modules[_i].wanted);
    kit_deinit(&x);
    kit_folder_deinit(&folder);
}
END_TEST

START_TEST(a_module_may_lie_below_the_folder)
{
    struct kit x;
    struct kit_folder folder;
    kit_init(&x);
    kit_folder_init(&folder);
    ck_assert_int_eq(mkdir(kit_path(&folder, "lib"), 0700), 0);
    snprintf(folder.names[folder.count++], sizeof(folder.names[0]), "lib");
    kit_write(&folder, "lib/a.lua", "return require('lib.b') + 1", 27);
    kit_write(&folder, "lib/b.lua", "return 5", 8);
    ck_assert_int_eq(
        kit_parse_at(&x, kit_path(&folder, "test.lua"),
                     "local n = require('lib.a') function it() return {out = n} end" KIT_TAIL),
        0);
    ck_assert_str_eq(kit_call(&x), "{'out':6}");
    kit_deinit(&x);
    kit_folder_deinit(&folder);
}
END_TEST

/* ---- bytecode ---- */

static int keep(lua_State *L, const void *bytes, size_t len, void *arg)
{
    (void)L;
    return buf_add(arg, bytes, len);
}

START_TEST(bytecode_is_refused)
{
    struct kit x;
    struct buf code;
    lua_State *L = luaL_newstate();
    kit_init(&x);
    buf_init(&code, 1 << 16);
    ck_assert_int_eq(luaL_loadstring(L, "return 1"), LUA_OK);
    ck_assert_int_eq(lua_dump(L, keep, &code, 0), 0);
    lua_close(L);
    const struct script_tools tools = { &x.conf, &x.kinds, &kit_limits, NULL, NULL };
    ck_assert_int_eq(
        script_load_graph(&tools, "test.lua", buf_text(&code), code.len, &x.problems, &x.graph),
        SCRIPT_E_WRONG);
    ck_assert_ptr_nonnull(
        strstr(buf_text(&x.problems.text), "attempt to load a binary chunk (mode is 't')"));
    buf_deinit(&code);
    kit_deinit(&x);
}
END_TEST

/* ---- one run and another ---- */

START_TEST(a_run_leaves_nothing_for_the_next)
{
    struct kit x;
    kit_init(&x);
    kit_load(&x, "local shared = {} "
                 "function it() local seen = shared.n shared.n = 1 pcall(function() _G.y = 1 end) "
                 "return {out = {seen == nil, (pcall(function() return _G.y end))}} end");
    ck_assert_str_eq(kit_call(&x), "{'out':[true,false]}");
    ck_assert_str_eq(kit_call(&x), "{'out':[false,false]}"); /* a file-level table is shared */
    kit_deinit(&x);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, a_node_cannot, 0, KIT_ROWS(forbidden));
    tcase_add_loop_test(tc, a_node_can, 0, KIT_ROWS(allowed));
    tcase_add_loop_test(tc, a_file_is_right_or_told, 0, KIT_ROWS(files));
    tcase_add_loop_test(tc, modules_lie_beside_the_file, 0, KIT_ROWS(modules));
    tcase_add_test(tc, a_module_may_lie_below_the_folder);
    tcase_add_test(tc, bytecode_is_refused);
    tcase_add_test(tc, a_run_leaves_nothing_for_the_next);
}

int main(void)
{
    return kit_main("script_sandbox", add);
}
