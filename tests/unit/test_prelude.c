/*
 * Two Luas run the same script: one with its own library, one with ours in its place, interrupted by a
 * hook every few instructions and with slices of a few steps. Both report what came out, errors
 * with the lines they blame included, and the reports must be equal.
 */
#include "script/lib_pattern.h"
#include "script/prelude.h"
#include <check.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

/* What every script begins with; it reports by report(...). In one line: errors tell lines. */
static const char kit[] =
    "local lines, format = {}, string.format "
    "local insert, join, pack = table.insert, table.concat, table.pack "
    "local seed = 42 "
    "local function random(n) seed = (seed * 1103515245 + 12345) % 2147483648 "
    "return seed // 65536 % n + 1 end "
    "local function show(value) "
    "if type(value) ~= 'table' then return type(value) == 'function' and 'f' or format('%q', "
    "value) end "
    "local text = {} "
    "for i = 1, value.n or #value do text[i] = show_(value[i]) end "
    "return '{' .. join(text, ' ') .. '}' end "
    "show_ = show "
    "local function report(...) insert(lines, show(pack(...))) end "
    "local function try(f, ...) report(pcall(f, ...)) end "
    "local function done() return join(lines, '\\n') end ";

static void yield_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    if (lua_isyieldable(L))
        (void)lua_yield(L, 0);
}

/* Puts our functions where Lua's are. */
static void replace_library(lua_State *L, size_t slice_steps)
{
    static const char install[] = "for name, functions in pairs(...) do "
                                  "for key, f in pairs(functions) do _G[name][key] = f end end";
    ck_assert_int_eq(LUA_OK, luaL_loadstring(L, install));
    script_prelude(L, slice_steps);
    lua_call(L, 1, 0);
}

static lua_State *lua_of(size_t slice_steps)
{
    lua_State *L = luaL_newstate();
    ck_assert_ptr_nonnull(L);
    luaL_openlibs(L);
    if (slice_steps > 0)
        replace_library(L, slice_steps);
    return L;
}

/* Resumes until it returns; ret_yields: how often it did not. The result is on top of the coroutine. */
static const char *run(lua_State *co, const char *script, int hook_count, int *ret_yields)
{
    char *text = malloc(sizeof(kit) + strlen(script));
    int r, count;
    strcpy(text, kit);
    strcat(text, script);
    ck_assert_msg(luaL_loadbuffer(co, text, strlen(text), "=script") == LUA_OK, "%s",
                  lua_tostring(co, -1));
    free(text);
    if (hook_count > 0)
        lua_sethook(co, yield_hook, LUA_MASKCOUNT, hook_count);
    *ret_yields = 0;
    while ((r = lua_resume(co, NULL, 0, &count)) == LUA_YIELD) {
        lua_pop(co, count);
        ++*ret_yields;
    }
    ck_assert_msg(r == LUA_OK, "%s", lua_tostring(co, -1));
    return lua_tostring(co, -1);
}

/* The reports of both, and that ours gave way at times. */
static void compare(const char *script, size_t slice_steps, int hook_count)
{
    int yields, ignored;
    lua_State *stock = lua_of(0), *ours = lua_of(slice_steps);
    const char *expected = run(lua_newthread(stock), script, 0, &ignored);
    const char *found = run(lua_newthread(ours), script, hook_count, &yields);
    ck_assert_ptr_nonnull(expected);
    ck_assert_str_eq(expected, found);
    ck_assert_int_gt(yields, 0);
    lua_close(stock);
    lua_close(ours);
}

static const char *const scripts[] = {
    /* patterns of random pieces */
    "local pieces = "
    "{'a','b','.','%a','%d','[ab]','[^a]','(',')','()','*','+','-','?','^','$','%1',\n"
    "  '%b()','%f[%w]',' ','%s','x','%%','[%a_]','1'}\n"
    "local letters = {'a','b','a','(',')',' ','1','x','_','%'}\n"
    "local function make(from, n) local t = {} for i = 1, n do t[i] = from[random(#from)] end\n"
    "  return join(t) end\n"
    "local repls = {'<%0>', '%1', '%1%2', '%%', '%', {a = 1, b = 'B', [1] = 'one'},\n"
    "  function(...) return select('#', ...) end, function(a) return a ~= 'a' and a .. a end}\n"
    "for i = 1, 1200 do\n"
    "  local s, p, init = make(letters, random(14)), make(pieces, random(5)), random(20) - 8\n"
    "  report(s, p, init)\n"
    "  try(string.find, s, p, init) try(string.find, s, p, init, true)\n"
    "  try(string.match, s, p, init)\n"
    "  try(string.gsub, s, p, repls[random(#repls)], random(3) > 1 and random(5) - 1 or nil)\n"
    "  try(function() for a, b in s:gmatch(p, init) do report(a, b) end end)\n"
    "end return done()",

    /* what comes out at the edges */
    "report(('abc'):find('b', -1)) report(('abc'):find('', 4)) report(('abc'):find('', 5))\n"
    "report(('abc'):find('', -10)) report(('abc'):find('c', math.mininteger))\n"
    "report(('abc'):find('c', math.maxinteger)) report(('abc'):match('.', 0))\n"
    "report(string.find(12345, 3)) report(string.find(1.5, '.', 1, true)) report(('a.b'):find('.', "
    "1, 1))\n"
    "report(('a\\0b'):find('\\0')) report(('a\\0b'):find('%z')) report(('a]b'):find(']'))\n"
    "report(('hello'):gsub('', '-')) report(('hello'):gsub('l*', 'x')) report(('abc'):gsub('%w', "
    "'%0%0'))\n"
    "report(('abc'):gsub('%w', '%%%0')) report(('abc'):gsub('^a', 'x')) report(('aaa'):gsub('^a', "
    "'x'))\n"
    "report(('abc'):gsub('b', 7)) report(('abc'):gsub('b', 1.5)) report(('abc'):gsub('.', '', 0))\n"
    "report(('abc'):gsub('.', '', -1)) report(('abc'):gsub('.', {a = false, b = 2.5}))\n"
    "report(('abc'):gsub('()', '%1')) report(('abc def'):gsub('(%w)(%w)', '%2%1'))\n"
    "report(('abc'):gsub('(b', 'x')) report(('abc'):gsub('()(b', {[2] = 'y'}))\n"
    "for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do report(k, v) end\n"
    "for w in ('^a^b'):gmatch('^%a') do report(w) end for p in ('ab'):gmatch('()') do report(p) "
    "end\n"
    "for w in ('abc'):gmatch('%a', -2) do report(w) end for w in ('abc'):gmatch('', 9) do "
    "report(w) end\n"
    "local f = ('ab'):gmatch('.') report(f()) report(f(1, 2)) report(f()) report(select('#', "
    "f()))\n"
    "report(string.rep('ab', 3)) report(string.rep('ab', 3, ',')) report(('ab'):rep(0)) "
    "report(('ab'):rep(-1))\n"
    "report((''):rep(3, ',')) report(('a'):rep(1, ',')) report(string.rep(1, 2, 3))\n"
    "report(('x'):rep(1000, 'yz') == 'x' .. ('yzx'):rep(999))\n"
    "report(table.concat({})) report(table.concat({}, ',')) report(table.concat({1, 2.5, 'x'}, ', "
    "'))\n"
    "report(table.concat({1, 2, 3}, ',', 2)) report(table.concat({1, 2, 3}, ',', 2, 2))\n"
    "report(table.concat({1, 2, 3}, ',', 3, 2)) report(table.concat({[-1] = 'a', [0] = 'b'}, '-', "
    "-1, 0))\n"
    "report(table.concat({[math.maxinteger] = 'z'}, ',', math.maxinteger, math.maxinteger))\n"
    "report(table.concat({1, 2}, 7)) report(table.concat({'a', 'b'}, nil, nil, nil))\n"
    "report(table.move({1, 2, 3}, 1, 3, 2)) report(table.move({1, 2, 3}, 2, 3, 1))\n"
    "report(table.move({1, 2, 3}, 1, 0, 5)) report(table.move({1, 2, 3}, 1, 3, 1, {}))\n"
    "report(table.move({1, 2, 3}, 1, 3, 3)) report(#table.move({[-2] = 5}, -2, -2, 1))\n"
    "report(table.move({[math.mininteger] = 5}, math.mininteger, math.mininteger, 1))\n"
    "local same = {1, 2, 3} report(table.move(same, 1, 3, 2, same))\n"
    "report(table.sort({})) report(table.sort({}, 7)) report(table.sort({1}, 7)) "
    "report(table.sort({2, 1}, nil))\n"
    "return done()",

    /* errors: sentences, names, lines */
    "local find, gsub, sort = string.find, string.gsub, table.sort\n"
    "local function tail(...) return string.match(...) end\n"
    "local tries = {\n"
    "  function() find() end, function() find('a') end, function() find(nil, 'a') end,\n"
    "  function() string.find('a', {}) end, function() string.find('a', 'b', 'c') end,\n"
    "  function() string.find('a', 'b', 1.5) end, function() ('a'):find() end,\n"
    "  function() ('a'):find(true) end, function() ('a'):find('b', {}) end,\n"
    "  function() ('a'):match('[') end, function() return ('a'):match('[') end,\n"
    "  function() return tail('a', '%') end, function() return tail('a') end,\n"
    "  function() ('a'):find('(') end, function() ('a'):find('(()') end,\n"
    "  function() ('a'):find('a)') end, function() ('a'):find('(a))') end,\n"
    "  function() ('a'):find('%1') end, function() ('a'):find('%b') end, function() "
    "('a'):find('%f') end,\n"
    "  function() ('a'):gmatch() end, function() ('a'):gmatch('a', {}) end,\n"
    "  function() for x in ('a'):gmatch('%') do end end, function() ('a'):gmatch('(a')() end,\n"
    "  function() gsub('a', 'b') end, function() gsub('a', 'b', nil, 'x') end,\n"
    "  function() gsub('a', 'b', true) end, function() gsub('a', 'b', 'c', 'd') end,\n"
    "  function() ('a'):gsub('a', print, {}) end, function() gsub('a', 'a', '%2') end,\n"
    "  function() gsub('a', 'a', '%') end, function() gsub('a', 'a', 'x%y') end,\n"
    "  function() gsub('a', '(a)', '%2') end, function() gsub('a', '(a', '%1') end,\n"
    "  function() gsub('a', '(a', print) end, function() gsub('a', '[', print) end,\n"
    "  function() gsub('a', '[', 'x') end, function() gsub('a', 'a', function() return {} end) "
    "end,\n"
    "  function() gsub('a', 'a', function() return print end) end,\n"
    "  function() gsub('a', 'a', {a = true}) end, function() gsub('a', 'a', function() error('x') "
    "end) end,\n"
    "  function() gsub('a', 'a', function() error({}) end) end,\n"
    "  function() gsub('a', 'a', function() nothing() end) end,\n"
    "  function() string.rep() end, function() ('x'):rep() end, function() ('x'):rep('y') end,\n"
    "  function() ('x'):rep(1 << 40) end, function() ('x'):rep(2, {}) end,\n"
    "  function() ('xy'):rep(1 << 62) end, function() ('xy'):rep(math.maxinteger, 'z') end,\n"
    "  function() table.concat() end, function() table.concat(7) end, function() table.concat({}, "
    "{}) end,\n"
    "  function() table.concat({}, '', 'x') end, function() table.concat({}, '', 1, 'x') end,\n"
    "  function() table.concat({1, {}, 3}) end, function() table.concat({1, nil, 3}, ',', 1, 3) "
    "end,\n"
    "  function() table.concat({}, ',', 1, math.maxinteger) end,\n"
    "  function() table.concat({}, ',', math.mininteger, math.maxinteger) end,\n"
    "  function() table.concat({true}) end, function() return table.concat({print}) end,\n"
    "  function() table.concat(setmetatable({}, {__len = function() return 'x' end})) end,\n"
    "  function() table.concat(setmetatable({}, {__len = function() return 2 end})) end,\n"
    "  function() table.move() end, function() table.move({}) end, function() table.move({}, 1, 2) "
    "end,\n"
    "  function() table.move({}, 1, 2, 'x') end, function() table.move({}, 1, 2, 3, 4) end,\n"
    "  function() table.move(1, 1, 2, 3) end, function() table.move({}, 1, 2, 3, false) end,\n"
    "  function() table.move({}, math.mininteger, 0, 2) end, function() table.move({}, 0, "
    "math.maxinteger, 2) end,\n"
    "  function() table.move({}, 1, math.maxinteger, 2) end,\n"
    "  function() table.move({}, 1, 2, math.maxinteger) end,\n"
    "  function() sort() end, function() sort(7) end, function() sort({2, 1}, 7) end,\n"
    "  function() sort({2, 1}, {}) end, function() table.sort({1, 'x'}) end, function() "
    "table.sort({{}, {}}) end,\n"
    "  function() table.sort({true, false}) end, function() table.sort({2, 1}, function() "
    "error('x') end) end,\n"
    "  function() table.sort({2, 1}, function() return nothing.x end) end,\n"
    "  function() table.sort(setmetatable({}, {__len = function() return 'x' end})) end,\n"
    "  function() table.sort(setmetatable({}, {__len = function() return 1 << 31 end})) end,\n"
    "  function() table.sort(setmetatable({}, {__len = function() error('long') end})) end,\n"
    "}\n"
    "for i, f in ipairs(tries) do report(i) try(f) end\n"
    "for _, f in ipairs{string.find, string.gsub, string.gmatch, string.rep, table.concat, "
    "table.sort} do\n"
    "  try(f) try(f, {}) try(f, 1, 2, {}) end\n"
    "return done()",

    /* lists with metamethods */
    "local function proxy(list) return setmetatable({}, {__len = function() return #list end,\n"
    "  __index = function(_, i) return list[i] end, __newindex = function(_, i, v) list[i] = v "
    "end}) end\n"
    "for n = 0, 40 do\n"
    "  local list = {} for i = 1, n do list[i] = random(50) end\n"
    "  local p = proxy(list) table.sort(p) report(list) report(rawlen(p))\n"
    "  report(table.concat(p, ',')) report(table.concat(p, ',', 3, 7 < n and 7 or n))\n"
    "  table.sort(p, function(a, b) return a > b end) report(list)\n"
    "  local to = {} report(table.move(p, 1, n, 3, proxy(to)) ~= nil, to)\n"
    "end\n"
    "local order = {__lt = function(a, b) return a.key < b.key end}\n"
    "local list = {} for i = 1, 60 do list[i] = setmetatable({key = random(1000)}, order) end\n"
    "table.sort(list) for i = 1, 60 do report(list[i].key) end\n"
    "report(table.concat(setmetatable({'a', 'b'}, {}), '+'))\n"
    "report(('abc'):gsub('%w', setmetatable({}, {__index = function(_, k) return k .. k end})))\n"
    "local text = setmetatable({}, {__index = function(_, i) return i <= 3 and 'v' .. i or nil "
    "end})\n"
    "report(table.concat(text, ',', 1, 3)) report(pcall(table.concat, text, ',', 1, 4))\n"
    "debug.setmetatable(7, {__len = function() return 2 end, __index = function(_, i) return i * 2 "
    "end})\n"
    "report(table.concat(7, ',')) report(table.move(7, 1, 2, 1, {})) report(pcall(table.sort, 7))\n"
    "debug.setmetatable(7, nil)\n"
    "return done()",

    /* sorting, in order and not */
    "for n = 0, 200, 7 do for kind = 1, 4 do\n"
    "  local list = {}\n"
    "  for i = 1, n do list[i] = kind == 1 and random(1000) or kind == 2 and 'k' .. random(99) or\n"
    "    kind == 3 and i or n - i + 0.5 end\n"
    "  table.sort(list) report(list)\n"
    "  table.sort(list, function(a, b) return a > b end) report(list)\n"
    "end end return done()",

    /* callbacks that yield, also across each other */
    "local function loud(x) for i = 1, 30 do local _ = i * i end return x:upper() end\n"
    "report(('a b c d e'):gsub('%a', loud))\n"
    "report(('x'):gsub('x', function() return (('y'):gsub('y', function(y) return (y:gsub('y', "
    "loud)) end)) end))\n"
    "table.sort({3, 2, 1}, function(a, b) local l = {a, b} table.sort(l, function(c, d) return c < "
    "d end)\n"
    "  return a < b end)\n"
    "for w in ('a b c'):gmatch('%a') do for v in ('x y'):gmatch('%a') do report(w .. v) end end\n"
    "local function deep(n) return n == 0 and 'end' or (('x'):gsub('x', function() return deep(n - "
    "1) end)) end\n"
    "report(deep(100)) report(pcall(deep, 100000) == false)\n"
    "return done()",

    /* long ones */
    "local s = ('The quick brown fox. '):rep(500)\n"
    "report(s:gsub('%a+', '<%0>')) report(s:gsub('%w+', string.upper)) report(s:gsub(' ', {[' '] = "
    "'_'}))\n"
    "report(s:find('fox%. $')) report(s:find('fox. The slow', 1, true)) report(s:match('^(.-)x'))\n"
    "report(#s:match('.*')) report(s:match('.*q')) report(select(2, s:gsub('', 'x')))\n"
    "local list = {} for i = 1, 5000 do list[i] = i % 7 == 0 and i + 0.5 or 'e' .. i end\n"
    "report(table.concat(list, ', ')) report(table.concat(list, '', 999, 3001))\n"
    "list[4321] = print report(pcall(table.concat, list))\n"
    "report(#table.move(list, 1, 5000, 3)) report(list[5002], list[3], list[1])\n"
    "return done()",
};

START_TEST(scripts_see_no_difference)
{
    compare(scripts[_i], 5, 7);
}
END_TEST

START_TEST(scripts_see_no_difference_with_longer_slices)
{
    compare(scripts[_i], 300, 100);
}
END_TEST

/* A script that returns true, with a hook as the server sets it. Returns how often it gave way. */
static int yields_of(const char *script)
{
    int yields;
    lua_State *L = lua_of(SCRIPT_SLICE_STEPS), *co = lua_newthread(L);
    (void)run(co, script, SCRIPT_PAUSE_INSTRUCTIONS, &yields);
    ck_assert_msg(lua_toboolean(co, -1), "not true: %s", script);
    lua_close(L);
    return yields;
}

static const struct {
    const char *script;
    int least_yields;
} busy[] = {
    { "return ('a'):rep(400):find('.-.-b') == nil", 30 },
    { "return #('a'):rep(3000000):match('.*') == 3000000", 10 },
    { "return ('a'):rep(3000000):find('b', 1, true) == nil", 1 },
    { "return select(2, ('a'):rep(300000):gsub('a', 'bc')) == 300000", 5 },
    { "return #('('):rep(3000):gsub('%b()', '') == 3000", 10 },
    { "for i = 1, 100 do local _ = ('a'):rep(1000000) end return true", 25 },
    { "local s = ('a'):rep(20000) for i = 1, 100 do s:find('b+') end return true", 8 },
    { "local t = {} for i = 1, 100 do t[i] = ('a'):rep(100000) end return #table.concat(t) == "
      "10000000",
      2 },
    { "local n = 0 table.sort({3, 2, 1}, function(a, b) for i = 1, 5000 do n = n + 1 end return a "
      "< b end)\n"
      "return n >= 10000",
      8 },
    { "local n = 0 ('ab'):gsub('.', function() for i = 1, 5000 do n = n + 1 end end) return n == "
      "10000",
      8 },
    { "return #table.move({}, 1, 1000000, 2) == 0", 1000 },
};

START_TEST(long_work_gives_way)
{
    ck_assert_int_ge(yields_of(busy[_i].script), busy[_i].least_yields);
}
END_TEST

static const char *const ours_only[] = {
    /* equal elements stay in order */
    "local t = {} for i = 1, 500 do t[i] = {key = random(5), i = i} end\n"
    "table.sort(t, function(a, b) return a.key < b.key end)\n"
    "for i = 2, 500 do if t[i - 1].key > t[i].key or\n"
    "  t[i - 1].key == t[i].key and t[i - 1].i > t[i].i then return false end end return true",
    /* an order that is none ends nevertheless, and loses nothing */
    "local t, sum = {}, 0 for i = 1, 500 do t[i] = i end\n"
    "table.sort(t, function() return random(2) == 1 end)\n"
    "for i = 1, 500 do sum = sum + t[i] end\n"
    "table.sort(t, function() return true end) return sum == 125250",
    /* an error leaves the list as it was */
    "local t, n = {}, 0 for i = 1, 100 do t[i] = 101 - i end\n"
    "pcall(table.sort, t, function(a, b) n = n + 1 if n > 50 then error('x') end return a < b "
    "end)\n"
    "for i = 1, 100 do if t[i] ~= 101 - i then return false end end return true",
    /* comparators and callbacks may yield in a coroutine of the script */
    "local co = coroutine.create(function()\n"
    "  local t = {3, 1, 2} table.sort(t, function(a, b) coroutine.yield() return a < b end)\n"
    "  local s = ('abc'):gsub('.', function(c) return coroutine.yield(c) end)\n"
    "  return join(t) .. s end)\n"
    "local ok, value\n"
    "repeat ok, value = coroutine.resume(co, 'x') until coroutine.status(co) == 'dead'\n"
    "return ok and value == '123xxx'",
    /* nothing as often as that, which Lua does one by one */
    "return (''):rep(1e15) == '' and (''):rep(math.maxinteger, '') == ''",
    /* 200 in Lua */
    "return pcall(string.find, 'a', ('a?'):rep(190)) and\n"
    "  select(2, pcall(string.find, ('a'):rep(300), ('a?'):rep(250))) == 'pattern too complex'",
    /* what the script does to the library does nothing to the prelude */
    "string.sub, string.byte, string.format, type, getmetatable, math.min = nil\n"
    "local t = {2, 1} table.sort(t)\n"
    "return ('abc'):gsub('b', function() return 'x' end) == 'axc' and table.concat(t) == '12'",
};

START_TEST(what_only_ours_can_do)
{
    (void)yields_of(ours_only[_i]);
}
END_TEST

/* An allocator that has so many bytes and no more. */
static void *alloc_some(void *left, void *old, size_t old_size, size_t size)
{
    size_t *bytes = left;
    if (old == NULL)
        old_size = 0;
    if (size > old_size && size - old_size > *bytes)
        return NULL;
    *bytes += old_size;
    *bytes -= size;
    if (size > 0)
        return realloc(old, size);
    free(old);
    return NULL;
}

static int open_and_run(lua_State *L)
{
    luaL_openlibs(L);
    replace_library(L, 50);
    if (luaL_dostring(L,
                      "local t = {} for i = 1, 300 do t[i] = ('x'):rep(i, ',') end table.sort(t)\n"
                      "local s = table.concat(t, ';'):gsub('x+', '%0%0'):gsub('.', {x = 'y'})\n"
                      "assert(#s:match('.*') == #s and s:find('q', 1, true) == nil)\n"
                      "for w in s:gmatch('%a+') do assert(w == 'yy') end") != LUA_OK)
        return lua_error(L);
    return 0;
}

START_TEST(without_memory_it_is_an_error_of_lua)
{
    int failures = 0, r = LUA_ERRMEM;
    for (size_t limit = 60000; r != LUA_OK; limit += limit / 16) {
        size_t left = limit;
        lua_State *L = lua_newstate(alloc_some, &left);
        ck_assert_ptr_nonnull(L);
        lua_pushcfunction(L, open_and_run);
        r = lua_pcall(L, 0, 0, 0);
        ck_assert(r == LUA_OK || strstr(lua_tostring(L, -1), "not enough memory") != NULL);
        failures += r != LUA_OK;
        lua_close(L);
        ck_assert_uint_eq(limit, left);
    }
    ck_assert_int_gt(failures, 5);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
    Suite *suite = suite_create("prelude");
    TCase *tc = tcase_create("prelude");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, scripts_see_no_difference, 0, COUNT(scripts));
    tcase_add_loop_test(tc, scripts_see_no_difference_with_longer_slices, 0, COUNT(scripts));
    tcase_add_loop_test(tc, long_work_gives_way, 0, COUNT(busy));
    tcase_add_loop_test(tc, what_only_ours_can_do, 0, COUNT(ours_only));
    tcase_add_test(tc, without_memory_it_is_an_error_of_lua);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
