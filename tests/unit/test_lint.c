/* script/lint.h: which mistakes in a Lua file are told, and at which line. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "script/lint.h"
#include "script/lint_code.h"
#include <check.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 16 << 20 };

static const char *const known[] = {
    "_G",    "assert", "coroutine", "error",        "graph",  "http",  "ipairs",   "join",
    "math",  "next",   "node",      "pairs",        "pcall",  "print", "rawset",   "require",
    "sleep", "spawn",  "select",    "setmetatable", "string", "table", "tostring", "type",
};
static const char *const futures[] = { "spawn", "spawn_all" };
static const struct lint_options options = { .known = known,
    .known_count = sizeof(known) / sizeof(*known),
    .futures = futures,
    .future_count = 2 };

static void add_finding(void *arg, bool is_warning, int line, const char *sentence)
{
    ck_assert(is_warning == (strstr(sentence, "file-level local") != NULL));
    ck_assert_int_eq(buf_addf(arg, "%d: %s\n", line, sentence), 0);
}

/* A state with the function of the source on top. */
static lua_State *compile(const char *source, size_t len)
{
    lua_State *L = luaL_newstate();
    ck_assert_ptr_nonnull(L);
    int r = luaL_loadbufferx(L, source, len, "@graph.lua", "t");
    ck_assert_msg(r == LUA_OK, "%s", r == LUA_OK ? "" : lua_tostring(L, -1));
    return L;
}

/* found is empty before. */
static void lint(const char *source, size_t len, struct buf *found)
{
    lua_State *L = compile(source, len);
    buf_init(found, TEXT_MAX_BYTES);
    ck_assert_int_eq(script_lint(L, &options, add_finding, found), 0);
    ck_assert_int_eq(lua_gettop(L), 1);
    ck_assert(lua_isfunction(L, 1));
    lua_close(L);
}

static void expect(const char *source, const char *wanted)
{
    struct buf found;
    lint(source, strlen(source), &found);
    ck_assert_msg(strcmp(buf_text(&found), wanted) == 0,
                  "%.1000s\nfound:\n%.1000s\nwanted:\n%.1000s", source, buf_text(&found), wanted);
    buf_deinit(&found);
}

/* ---- findings ---- */

#define AT(line, sentence) #line ": " sentence "\n"
#define DROP(name)                                                                                 \
    "the future of " name                                                                          \
    "() is thrown away, so nobody can join it; keep it in a local and call join()"
#define SHARE(name)                                                                                \
    "file-level local \"" name "\" is changed by a function: all runs of the graph share it"
#define UNKNOWN(name)    "nothing is called \"" name "\""
#define NEAR(name, near) UNKNOWN(name) "; did you mean \"" near "\"?"
#define INSIDE(name)                                                                               \
    "assignment to the global \"" name                                                             \
    "\" inside a function: it is an error at run time; write local"
#define OURS(name) "\"" name "\" belongs to anabranch and cannot be assigned"
#define LONG_NAME  "a_name_that_is_longer_than_the_forty_bytes_of_a_short_string"

static const struct {
    const char *source;
    const char *wanted;
} cases[] = {
    { "", "" },
    { "return 1", "" },
    { "local function f(s)\n  local x = s.a\n  return x\nend\nreturn f", "" },

    /* futures */
    { "spawn(print)", AT(1, DROP("spawn")) },
    { "spawn_all = 1\nlocal function f()\n  spawn_all(1, 2)\nend", AT(3, DROP("spawn_all")) },
    { "return function(s)\n  spawn(print, s)\n  return s\nend", AT(2, DROP("spawn")) },
    { "local f = spawn(print)\njoin(f)", "" },
    { "join(spawn(print))", "" },
    { "return spawn(print)", "" },
    { "print((spawn(print)))", "" },
    { "local t = { spawn(print), spawn(print) }", "" },
    { "spawn(print):cancel()", "" },
    { "spawn(print)()", "" },
    { "local t = {}\nt.spawn(1)\nt:spawn(1)\nhttp.spawn(1)", "" },
    { "spawn.all(1)", "" },
    { "spawn {\n  1,\n  2,\n}", AT(1, DROP("spawn")) },
    { "spawn 'x'\nspawn [[y]]", AT(1, DROP("spawn")) AT(2, DROP("spawn")) },
    { "\n\nspawn(\n  print,\n  function()\n    return 1\n  end\n)", AT(3, DROP("spawn")) },
    { "spawn(function() spawn(print) end)", AT(1, DROP("spawn")) AT(1, DROP("spawn")) },
    { "print(1, 2, 3, spawn(print))\nspawn(print, spawn(print), 2)", AT(2, DROP("spawn")) },
    { "local c = print;\n(c and spawn or spawn)(c)", AT(2, DROP("spawn")) },
    { "local c = print;\n(c and spawn or print)(c)", "" },
    { "print(1)\nlocal spawned = spawn\nspawned(1)", "" },
    { "for i = 1, 3 do\n  spawn(print, i)\nend", AT(2, DROP("spawn")) },
    { "for _, n in ipairs({}) do\n  if n then\n    spawn(n)\n  end\nend", AT(3, DROP("spawn")) },
    { "::again::\nspawn(print)\nif print() then goto again end", AT(2, DROP("spawn")) },
    { "while print() do spawn(print) break end", AT(1, DROP("spawn")) },
    { "repeat local x = print() spawn(x) until x", AT(1, DROP("spawn")) },
    { "local co = coroutine.wrap(function(...)\n  spawn(...)\nend)", AT(2, DROP("spawn")) },
    { "local function f(...)\n  spawn(...)\n  local a, b = ...\n  spawn(a, b)\nend",
      AT(2, DROP("spawn")) AT(4, DROP("spawn")) },

    /* other things that have the name of a future */
    { "local spawn = print\nspawn(1)", "" },
    { "local function f(spawn)\n  spawn(1)\n  return function() spawn(2) end\nend", "" },
    { "local function spawn() end\nspawn()", "" },
    { "do\n  local spawn = print\n  spawn(1)\nend\nspawn(2)", AT(5, DROP("spawn")) },
    { "for spawn in print do spawn(1) end\nfor spawn = 1, 2 do print(spawn) end", "" },
    { "local _ENV = {}\nspawn(1)\nx = y", "" },
    { "local function f(_ENV)\n  spawn(1)\n  x = y\n  return function() z = spawn(2) end\nend",
      "" },
    { "local function f()\n  local _ENV <const> = {}\n  return function() spawn(1) x = y end\nend\n"
      "spawn(1)",
      AT(5, DROP("spawn")) },

    /* locals of the file */
    { "local count = 0\nreturn function()\n  count = count + 1\nend", AT(3, SHARE("count")) },
    { "local a, b = 1, 2\nlocal function f()\n  a, b = b, a\nend",
      AT(3, SHARE("b")) AT(3, SHARE("a")) },
    { "local n\nlocal function f()\n  return function()\n    return function() n = 1 end\n  end\n"
      "end",
      AT(4, SHARE("n")) },
    { "local n = 0\nn = n + 1\ndo n = 2 end", "" },
    { "local function f()\n  local n = 0\n  return function() n = n + 1 return n end\nend", "" },
    { "local n\nlocal function f(n)\n  return function() n = 1 end\nend", "" },
    { "local t = {}\nlocal function f() t.n = 1 t[1] = 2 end", "" },
    { "local f\nfunction f() return f end", "" },
    { "local f\nlocal function g()\n  function f()\n    return 1\n  end\nend", AT(3, SHARE("f")) },
    { "local t\nlocal function g()\n  t = {\n    1,\n  }\nend", AT(3, SHARE("t")) },
    { "for i = 1, 2 do\n  local x\n  print(function() x = i end)\nend", AT(3, SHARE("x")) },
    { "local m = {}\nlocal last\nfunction m:set(v)\n  last = v\n  self.v = v\nend",
      AT(4, SHARE("last")) },
    { "local n = 0\nlocal co = coroutine.wrap(function()\n  while true do\n    n = n + 1\n"
      "    coroutine.yield(n)\n  end\nend)",
      AT(4, SHARE("n")) },
    { "local n\nprint(pcall(function() n = 1 end))", AT(2, SHARE("n")) },

    /* unknown names */
    { "slep(1)", AT(1, NEAR("slep", "sleep")) },
    { "print(pirnt)", AT(1, NEAR("pirnt", "print")) },
    { "local x = zzzzzzzz", AT(1, UNKNOWN("zzzzzzzz")) },
    { "local function f()\n\n  return tpye(1)\nend", AT(3, NEAR("tpye", "type")) },
    { "print(helper)\nfunction helper() end", "" },
    { "counter = 1\nlocal function f() return counter end", "" },
    { "counter = 1\nprint(conter)", AT(2, NEAR("conter", "counter")) },
    { "xyz = xyz or 1", "" },
    { "print(strin.format('x'))", AT(1, NEAR("strin", "string")) },
    { "strin.x = 1", AT(1, NEAR("strin", "string")) },
    { "function nod.f() end\nfunction nod:g() end",
      AT(1, NEAR("nod", "node")) AT(2, NEAR("nod", "node")) },
    { "print(qqqqqq + qqqqqq)\nprint(qqqqqq)", AT(1, UNKNOWN("qqqqqq")) AT(2, UNKNOWN("qqqqqq")) },
    { "print(1,\n  qqqqqq,\n  2)", AT(2, UNKNOWN("qqqqqq")) },
    { "if qqqqqq then\n  print(1)\nend", AT(1, UNKNOWN("qqqqqq")) },
    { "print(math.max(1, 2), http.get, _G.anything)", "" },
    { "goto done\ndo print(qqqqqq) end\n::done::", AT(2, UNKNOWN("qqqqqq")) },
    { "print(" LONG_NAME ")", AT(1, UNKNOWN(LONG_NAME)) },
    { LONG_NAME " = 1\nlocal function f() return " LONG_NAME " end", "" },
    { "print(_ENV.qqqqqq, _ENV['rrrrrr'], _ENV['no name'])",
      AT(1, UNKNOWN("qqqqqq")) AT(1, UNKNOWN("rrrrrr")) },
    { "local env = _ENV\nprint(qqqqqq)", "" },
    { "rawset(_ENV, 'qqqqqq', 1)\nprint(qqqqqq)", "" },
    { "local env, k = _ENV, '" LONG_NAME "'\nprint(env[k], qqqqqq)", "" },
    { "_ENV = { print = print }\nx = y\nlocal function f() z = 1 spawn(1) end", "" },
    { "local n\nlocal function f()\n  _ENV = {}\n  n = 1\nend\nqqqqqq()", AT(4, SHARE("n")) },

    /* assignments to globals */
    { "local function f()\n  x = 1\nend", AT(2, INSIDE("x")) },
    { "x = 1\nlocal function f()\n  x = 2\nend", AT(3, INSIDE("x")) },
    { "x = 1\nfunction y() end\nx, y = y, x", "" },
    { "local function f()\n  function inner()\n    return 1\n  end\nend", AT(2, INSIDE("inner")) },
    { "local function f()\n  inner = function()\n    return 1\n  end\nend",
      AT(2, INSIDE("inner")) },
    { "local function f(a)\n  x = {\n    a,\n    1,\n  }\nend", AT(2, INSIDE("x")) },
    { "local function f(a)\n  x = string.format(\n    'x',\n    a\n  )\nend", AT(2, INSIDE("x")) },
    { "local function f(a)\n  x = a\n    .. 'b'\n    .. 'c'\nend", AT(3, INSIDE("x")) },
    { "local function f()\n  do local a, b, c end\n  x = print(\n    1\n  )\nend",
      AT(3, INSIDE("x")) },
    { "local function f(a)\n  x, y = a, a\nend", AT(2, INSIDE("y")) AT(2, INSIDE("x")) },
    { "local function f()\n  for i = 1, 2 do\n    sum = i\n  end\nend", AT(3, INSIDE("sum")) },
    { "local m = {}\nfunction m:f()\n  state = self\nend", AT(3, INSIDE("state")) },
    { "local function f()\n  return function()\n    x = 1\n  end\nend", AT(3, INSIDE("x")) },
    { "local co = coroutine.create(function(...)\n  x = ...\nend)", AT(2, INSIDE("x")) },
    { "local function f()\n  count = count + 1\nend",
      AT(2, UNKNOWN("count")) AT(2, INSIDE("count")) },
    { "local function f()\n  local x\n  x = 1\n  return function() x = 2 end\nend", "" },
    { "local function f()\n  " LONG_NAME " = print(\n    1\n  )\nend", AT(2, INSIDE(LONG_NAME)) },
    { "print = 1", AT(1, OURS("print")) },
    { "function spawn() end", AT(1, OURS("spawn")) },
    { "local function f()\n  print, x = 1, 2\nend", AT(2, INSIDE("x")) AT(2, OURS("print")) },
    { "local print = print\nprint = 1", "" },
    { "string.x = 1\nlocal function f() string.x = 1 end", "" },

    /* several at once, by line */
    { "local n\nlocal function f()\n  n = 1\n  x = 1\n  spawn(f)\n  slep(1)\nend\nprint = f\n",
      AT(3, SHARE("n")) AT(4, INSIDE("x")) AT(5, DROP("spawn")) AT(6, NEAR("slep", "sleep"))
          AT(8, OURS("print")) },
};

START_TEST(a_source_gets_these_findings)
{
    expect(cases[_i].source, cases[_i].wanted);
}
END_TEST

/* ---- large files ---- */

static void text_init(struct buf *b)
{
    buf_init(b, TEXT_MAX_BYTES);
}

/* `count` constants of the function that the text is in, on one line. */
static void add_constants(struct buf *b, int count)
{
    buf_add_str(b, "local t = {}");
    for (int i = 0; i < count; i++)
        buf_addf(b, " t = 'c%d'", i);
    buf_add_char(b, '\n');
}

static void expect_text(struct buf *source, const char *wanted)
{
    ck_assert_int_eq(source->fault, 0);
    expect(buf_text(source), wanted);
    buf_deinit(source);
}

/* The numbers of constants from which on an instruction cannot take the name itself. */
static const int constant_counts[] = { 250, 254, 255, 256, 300, 70000, 131060, 131072, 140000 };

START_TEST(names_behind_many_constants_are_seen_in_main)
{
    struct buf b;
    text_init(&b);
    add_constants(&b, constant_counts[_i]);
    buf_add_str(&b, "spawn(print, {\n})\nhelper = print({\n})\nprint(helper, slep)\nprint = 1\n");
    expect_text(&b, AT(2, DROP("spawn")) AT(6, NEAR("slep", "sleep")) AT(7, OURS("print")));
}
END_TEST

START_TEST(names_behind_many_constants_are_seen_in_functions)
{
    struct buf b;
    text_init(&b);
    buf_add_str(&b, "local n\nreturn function()\n");
    add_constants(&b, constant_counts[_i]);
    buf_add_str(&b, "spawn(print, {\n})\nx = print({\n})\nslep(n)\nn = 'c'\n"
                    "print = n and 1 or 2\nx = 2 end\n");
    expect_text(&b, AT(4, DROP("spawn")) AT(6, INSIDE("x")) AT(8, NEAR("slep", "sleep"))
                        AT(9, SHARE("n")) AT(10, OURS("print")) AT(11, INSIDE("x")));
}
END_TEST

START_TEST(shadows_behind_many_constants_are_no_globals)
{
    struct buf b;
    text_init(&b);
    buf_add_str(&b, "local _ENV = {}\n");
    add_constants(&b, constant_counts[_i]);
    buf_add_str(&b, "spawn(1) x = y\nreturn function() spawn(2) x = y end\n");
    expect_text(&b, "");
}
END_TEST

START_TEST(a_table_in_a_local_behind_many_constants_is_not_the_globals)
{
    struct buf b;
    text_init(&b);
    add_constants(&b, 300);
    buf_add_str(&b, "print(print)\nlocal e, k = {}, 'spawn'\ne.x = 1 e.spawn(1) e[k] = e.y\n"
                    "return function(e) e.x = 1 end");
    expect_text(&b, "");
}
END_TEST

START_TEST(lines_are_right_in_a_long_file)
{
    struct buf b;
    struct buf wanted;
    text_init(&b);
    text_init(&wanted);
    buf_add_str(&b, "local n\n");
    for (int line = 2; line <= 3000; line++) {
        bool is_wrong = line % 100 == 0;
        buf_add_str(&b, is_wrong ? "print(function() n = slep() end)\n" : "print(n)\n");
        if (is_wrong)
            buf_addf(&wanted, "%d: " NEAR("slep", "sleep") "\n%d: " SHARE("n") "\n", line, line);
    }
    expect_text(&b, buf_text(&wanted));
    buf_deinit(&wanted);
}
END_TEST

START_TEST(lines_are_right_behind_long_gaps_and_within_long_functions)
{
    static const int gaps[] = { 126, 127, 128, 129, 255, 256, 3000 };
    struct buf b;
    struct buf wanted;
    int line = 2;
    text_init(&b);
    text_init(&wanted);
    buf_add_str(&b, "return function()\n");
    for (size_t i = 0; i < sizeof(gaps) / sizeof(*gaps); i++) {
        for (int n = 0; n < gaps[i]; n++, line++)
            buf_add_char(&b, '\n');
        buf_add_str(&b, "x = 1\n");
        buf_addf(&wanted, "%d: " INSIDE("x") "\n", line++);
        for (int n = 0; n < 200; n++)
            buf_add_str(&b, "print() ");
    }
    buf_add_str(&b, "\nslep()\nend");
    buf_addf(&wanted, "%d: " NEAR("slep", "sleep") "\n", line + 1);
    expect_text(&b, buf_text(&wanted));
    buf_deinit(&wanted);
}
END_TEST

START_TEST(an_upvalue_is_followed_through_many_functions)
{
    struct buf b;
    text_init(&b);
    buf_add_str(&b, "local n\n");
    for (int i = 0; i < 60; i++)
        buf_add_str(&b, "return function(...) ");
    buf_add_str(&b, "n = 1 x = 2 spawn(3)");
    for (int i = 0; i < 60; i++)
        buf_add_str(&b, " end");
    expect_text(&b, AT(2, SHARE("n")) AT(2, INSIDE("x")) AT(2, DROP("spawn")));
}
END_TEST

START_TEST(guesses_end_and_findings_do_not)
{
    struct buf b;
    struct buf found;
    text_init(&b);
    for (int i = 0; i < 200; i++)
        buf_add_str(&b, "slep()\n");
    lint(buf_text(&b), b.len, &found);
    ck_assert_ptr_nonnull(strstr(buf_text(&found), "100: " NEAR("slep", "sleep") "\n"));
    ck_assert_ptr_nonnull(strstr(buf_text(&found), "\n101: " UNKNOWN("slep") "\n"));
    ck_assert_ptr_nonnull(strstr(buf_text(&found), "\n200: " UNKNOWN("slep") "\n"));
    buf_deinit(&found);
    buf_deinit(&b);
}
END_TEST

START_TEST(bytes_of_strings_do_no_harm)
{
    static const char source[] = "local s = 'a\0b'\nprint(_ENV['a\0b'], _ENV['sp\xff'])\nslep()";
    struct buf found;
    lint(source, sizeof(source) - 1, &found);
    ck_assert_str_eq(buf_text(&found), AT(3, NEAR("slep", "sleep")));
    buf_deinit(&found);
}
END_TEST

START_TEST(without_options_every_name_is_unknown)
{
    lua_State *L = compile("spawn()", 7);
    struct lint_options none = { 0 };
    struct buf found;
    text_init(&found);
    ck_assert_int_eq(script_lint(L, &none, add_finding, &found), 0);
    ck_assert_str_eq(buf_text(&found), AT(1, UNKNOWN("spawn")));
    buf_deinit(&found);
    lua_close(L);
}
END_TEST

/* ---- the numbers that lint relies on ---- */

static int write_dump(lua_State *L, const void *bytes, size_t len, void *arg)
{
    (void)L;
    return buf_add(arg, bytes, len);
}

static void dump(const char *source, int strip, struct buf *ret)
{
    lua_State *L = compile(source, strlen(source));
    text_init(ret);
    ck_assert_int_eq(lua_dump(L, write_dump, ret, strip), 0);
    lua_close(L);
}

/* All instructions of the innermost first function, as "number number". */
static const struct {
    const char *source;
    const char *ops;
} snippets[] = {
    { "", "81 70" },
    { "local a, b", "81 8 70" },
    { "local a = 'x'", "81 3 70" },
    { "local a = true", "81 7 70" },
    { "local a = x", "81 11 70" },
    { "x = 1", "81 15 70" },
    { "local t, k; return t[k]", "81 8 12 70 70" },
    { "local t; return t.k, t[1]", "81 8 14 13 70 70" },
    { "local t, k; t[k] = 1; t.k = 1; t[1] = 1", "81 8 16 18 17 70" },
    { "return {}", "81 19 82 70 70" },
    { "return { 1 }", "81 19 82 1 78 70 70" },
    { "f()", "81 11 68 70" },
    { "return f()", "81 11 69 70 70" },
    { "local t; t:m()", "81 8 20 68 70" },
    { "local a; a = a + 1; a = a + 2.5; a = a + a", "81 8 21 47 22 48 34 46 70" },
    { "local a; a = a >> 1; a = a >> a; a = -a", "81 8 32 47 45 46 49 70" },
    { "local a; a = a .. a; a = #a", "81 8 0 0 53 0 52 70" },
    { "local a; if a == 1 then a = a or 2 end", "81 8 61 56 66 56 1 70" },
    { "local a; local b = a and a", "81 8 67 56 0 70" },
    { "for i = 1, 2 do end", "81 1 1 1 74 73 70" },
    { "for i in f do end", "81 11 8 75 76 77 54 70" },
    { "local a = ...", "81 80 70" },
    { "local a; return function() return a end", "9 72 71" },
    { "local a; return function() a = nil end", "8 10 71" },
    { "do local a; f = function() return a end end", "9 72 71" },
};

START_TEST(instructions_have_the_numbers_of_lua_5_4)
{
    struct lint_function *f = NULL;
    struct buf bytes;
    struct buf ops;
    dump(snippets[_i].source, 0, &bytes);
    text_init(&ops);
    ck_assert_int_eq(lint_code_parse(bytes.data, bytes.len, &f), 0);
    const struct lint_function *inner = f->function_count > 0 ? &f->functions[0] : f;
    for (size_t i = 0; i < inner->code_count; i++)
        buf_addf(&ops, "%s%d", i == 0 ? "" : " ", lint_op(inner->code[i]));
    ck_assert_str_eq(buf_text(&ops), snippets[_i].ops);
    lint_code_free(f);
    buf_deinit(&ops);
    buf_deinit(&bytes);
}
END_TEST

static const struct {
    const char *source;
    int pc;
    int op;
    int a;
    int k;
    int b;
    int c;
} operands[] = {
    { "f()", 1, LINT_OP_GETTABUP, 0, 0, 0, 0 },
    { "f()", 2, LINT_OP_CALL, 0, 0, 1, 1 },
    { "local x, y = f(1)", 3, LINT_OP_CALL, 0, 0, 2, 3 },
    { "local a = 1; x = a", 2, LINT_OP_SETTABUP, 0, 0, 0, 0 },
    { "local a = 1; x = 'k'", 2, LINT_OP_SETTABUP, 0, 1, 0, 1 },
    { "local a, b; b[b] = a", 2, LINT_OP_SETTABLE, 1, 0, 1, 0 },
    { "local a, b; local c = b[a]", 2, LINT_OP_GETTABLE, 2, 0, 1, 0 },
};

START_TEST(operands_stand_where_lua_5_4_has_them)
{
    struct lint_function *f = NULL;
    struct buf bytes;
    dump(operands[_i].source, 0, &bytes);
    ck_assert_int_eq(lint_code_parse(bytes.data, bytes.len, &f), 0);
    uint32_t code = f->code[operands[_i].pc];
    ck_assert_int_eq(lint_op(code), operands[_i].op);
    ck_assert_int_eq(lint_a(code), operands[_i].a);
    ck_assert_int_eq(lint_k(code), operands[_i].k);
    ck_assert_int_eq(lint_b(code), operands[_i].b);
    ck_assert_int_eq(lint_c(code), operands[_i].c);
    lint_code_free(f);
    buf_deinit(&bytes);
}
END_TEST

/* ---- what cannot be read ---- */

static int nothing(lua_State *L)
{
    (void)L;
    return 0;
}

START_TEST(a_function_in_c_is_unreadable)
{
    lua_State *L = luaL_newstate();
    lua_pushcfunction(L, nothing);
    ck_assert_int_eq(script_lint(L, &options, add_finding, NULL), LINT_E_UNREADABLE);
    ck_assert_int_eq(lua_gettop(L), 1);
    lua_close(L);
}
END_TEST

START_TEST(a_function_inside_a_file_is_unreadable)
{
    static const char source[] = "local a\nreturn function() a = 1 end";
    lua_State *L = compile(source, sizeof(source) - 1);
    ck_assert_int_eq(lua_pcall(L, 0, 1, 0), LUA_OK);
    ck_assert_int_eq(script_lint(L, &options, add_finding, NULL), LINT_E_UNREADABLE);
    lua_close(L);
}
END_TEST

START_TEST(a_dump_without_lines_is_unreadable)
{
    struct buf bytes;
    dump("spawn()", 1, &bytes);
    ck_assert_int_eq(script_lint_dump(bytes.data, bytes.len, &options, add_finding, NULL),
                     LINT_E_UNREADABLE);
    buf_deinit(&bytes);
}
END_TEST

START_TEST(a_dump_that_is_cut_is_unreadable)
{
    struct buf bytes;
    dump("local n\nreturn function()\n\n\n n = spawn() return 1.5, 2, 'x' end", 0, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        char *cut = mem_strndup(bytes.data, 0);
        cut = mem_realloc(cut, len + 1); /* so that ASan sees its end */
        memcpy(cut, bytes.data, len);
        ck_assert_int_eq(script_lint_dump(cut, len, &options, add_finding, NULL),
                         LINT_E_UNREADABLE);
        mem_free(cut);
    }
    ck_assert_int_eq(buf_add_char(&bytes, '\0'), 0);
    ck_assert_int_eq(script_lint_dump(bytes.data, bytes.len, &options, add_finding, NULL),
                     LINT_E_UNREADABLE);
    buf_deinit(&bytes);
}
END_TEST

START_TEST(a_dump_of_another_format_is_unreadable)
{
    enum { HEADER_BYTES = 31 };
    struct buf bytes;
    dump("spawn()", 0, &bytes);
    for (size_t i = 0; i < HEADER_BYTES; i++) {
        bytes.data[i] ^= 1;
        ck_assert_int_eq(script_lint_dump(bytes.data, bytes.len, &options, add_finding, NULL),
                         LINT_E_UNREADABLE);
        bytes.data[i] ^= 1;
    }
    buf_deinit(&bytes);
}
END_TEST

/* ---- no memory ---- */

START_TEST(the_nth_allocation_may_fail)
{
    static const char source[] = "local n\nhelper = 1\nreturn function()\n n = 1 x = 2\n"
                                 "spawn(helper)\n slep() print = 1 return function() end\nend";
    lua_State *L = compile(source, sizeof(source) - 1);
    struct buf found;
    unsigned long n = 0;
    int r;
    do {
        text_init(&found);
        ck_assert_int_eq(buf_reserve(&found, 4096), 0); /* its own allocations are not meant */
        mem_fail_at(++n);
        r = script_lint(L, &options, add_finding, &found);
        bool is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_int_eq(r, is_pending ? 0 : ERR_NOMEM);
        ck_assert_int_eq(lua_gettop(L), 1);
        if (r != 0)
            buf_deinit(&found);
    } while (r != 0);
    ck_assert_uint_gt(n, 20);
    ck_assert_str_eq(buf_text(&found), AT(4, SHARE("n")) AT(4, INSIDE("x")) AT(5, DROP("spawn"))
                                           AT(6, NEAR("slep", "sleep")) AT(6, OURS("print")));
    buf_deinit(&found);
    lua_close(L);
}
END_TEST

static void *limited_alloc(void *arg, void *old, size_t old_bytes, size_t bytes)
{
    const bool *is_out = arg;
    if (bytes == 0) {
        free(old);
        return NULL;
    }
    return *is_out && (old == NULL || bytes > old_bytes) ? NULL : realloc(old, bytes);
}

START_TEST(lua_without_memory_is_a_fault_and_no_panic)
{
    bool is_out = false;
    struct buf found;
    lua_State *L = lua_newstate(limited_alloc, &is_out);
    text_init(&found);
    ck_assert(lua_checkstack(L, _i + 1));
    lua_settop(L, _i); /* at some depths the stack must grow for the dump */
    ck_assert_int_eq(luaL_loadbufferx(L, "spawn()", 7, "@graph.lua", "t"), LUA_OK);
    is_out = true;
    int r = script_lint(L, &options, add_finding, &found);
    is_out = false;
    ck_assert_msg(r == 0 || r == ERR_NOMEM, "%d", r);
    ck_assert_str_eq(buf_text(&found), r == 0 ? AT(1, DROP("spawn")) : "");
    ck_assert_int_eq(lua_gettop(L), _i + 1);
    buf_deinit(&found);
    lua_close(L);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(*(table))))

int main(void)
{
    Suite *suite = suite_create("lint");
    TCase *c = tcase_create("lint");
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_source_gets_these_findings, 0, COUNT(cases));
    tcase_add_loop_test(c, names_behind_many_constants_are_seen_in_main, 0, COUNT(constant_counts));
    tcase_add_loop_test(c, names_behind_many_constants_are_seen_in_functions, 0,
                        COUNT(constant_counts));
    tcase_add_loop_test(c, shadows_behind_many_constants_are_no_globals, 0, COUNT(constant_counts));
    tcase_add_test(c, a_table_in_a_local_behind_many_constants_is_not_the_globals);
    tcase_add_test(c, lines_are_right_in_a_long_file);
    tcase_add_test(c, lines_are_right_behind_long_gaps_and_within_long_functions);
    tcase_add_test(c, an_upvalue_is_followed_through_many_functions);
    tcase_add_test(c, guesses_end_and_findings_do_not);
    tcase_add_test(c, bytes_of_strings_do_no_harm);
    tcase_add_test(c, without_options_every_name_is_unknown);
    tcase_add_loop_test(c, instructions_have_the_numbers_of_lua_5_4, 0, COUNT(snippets));
    tcase_add_loop_test(c, operands_stand_where_lua_5_4_has_them, 0, COUNT(operands));
    tcase_add_test(c, a_function_in_c_is_unreadable);
    tcase_add_test(c, a_function_inside_a_file_is_unreadable);
    tcase_add_test(c, a_dump_without_lines_is_unreadable);
    tcase_add_test(c, a_dump_that_is_cut_is_unreadable);
    tcase_add_test(c, a_dump_of_another_format_is_unreadable);
    tcase_add_test(c, the_nth_allocation_may_fail);
    tcase_add_loop_test(c, lua_without_memory_is_a_fault_and_no_panic, 0, 200);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
