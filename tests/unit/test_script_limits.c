/* What scripts may use up: time, instructions, memory. */
#include "base/clock.h"
#include "script_kit.h"

enum { MAX_INSTRUCTIONS = 3000000, MAX_SYNC = 200000 };

static void begin(struct kit *x)
{
    kit_init(x);
    x->conf.script_max_instructions = MAX_INSTRUCTIONS;
    x->conf.script_max_sync_instructions = MAX_SYNC;
    x->conf.script_memory_bytes = 8 << 20;
}

/* ---- instructions ---- */

static const char *const endless[] = {
    "while true do end",
    "while true do pcall(error) end",
    "while true do pcall(function() while true do end end) end",
    "local function f() pcall(f) end while true do f() end",
    "xpcall(function() while true do end end, function() while true do end end)",
    "table.sort({3, 2, 1}, function() while true do end end)",
    "(('x'):rep(10)):gsub('.', function() while true do end end)",
    "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
    "local t = setmetatable({}, {__add = function() while true do end end}) return t + 1",
    "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
    "pcall(tostring, setmetatable({}, {__tostring = function() while true do pcall(error) end "
    "end})) "
    "return {out = 1}",
    "print(setmetatable({}, {__tostring = function() while true do end end}))",
    "coroutine.wrap(function() while true do end end)()",
    "while true do coroutine.wrap(function() end)() end",
    "for _ in coroutine.wrap(function() while true do coroutine.yield(1) end end) do end",
    "pcall(coroutine.wrap(function() pcall(function() while true do end end) while true do end "
    "end))",
    "gather(function() while true do end end, function() sleep(5) end)",
    "gather_settled(function() while true do end end)",
    "join(spawn(function() while true do end end))",
    "with_timeout(60, function() while true do end end)",
    "local c <close> = setmetatable({}, {__close = function() while true do end end}) return 1",
    "local co = coroutine.create(function() local c <close> = setmetatable({}, {__close = "
    "function() "
    "while true do end end}) coroutine.yield() end) coroutine.resume(co) coroutine.close(co)",
    "for i = 1, 1e12 do end",
    "while true do sleep(0) for i = 1, 100000 do end end",
    "goto a ::a:: goto a",
};

START_TEST(endless_work_is_ended)
{
    struct kit x;
    begin(&x);
    const char *found = kit_do(&x, endless[_i]);
    ck_assert_msg(strncmp(found,
                          "LimitError: test.lua: node 'it' needs more than "
                          "script_max_instructions, 3000000",
                          60) == 0,
                  "%s\n%s", endless[_i], found);
    ck_assert_str_eq(kit_do(&x, "return {out = 1}"), "{'out':1}");
    kit_deinit(&x);
}
END_TEST

START_TEST(the_next_call_of_the_same_script_has_its_own_instructions)
{
    struct kit x;
    begin(&x);
    kit_load(&x,
             "function it(state) for i = 1, 1500000 do end if state.out then while true do end end "
             "return {out = 1} end");
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(kit_call(&x), "{'out':1}");
    kit_give(&x, "{'out':1}");
    ck_assert_int_eq(strncmp(kit_call(&x), "LimitError", 10), 0);
    kit_give(&x, "{}");
    ck_assert_str_eq(kit_call(&x), "{'out':1}");
    kit_deinit(&x);
}
END_TEST

/* What a file may do is counted over all of its loading, whatever it calls on the way. */
static const char *const endless_files[] = {
    "while true do end",
    "while true do StateGraph{a = 'any'} end",
    "while true do json.decode('[]') end",
    "local g = StateGraph{a = 'any'}:add_node('x', print):add_edge(START, 'x') while true do "
    "g:compile{} "
    "end",
    "while true do pcall(require, 'none') end",
    "while true do coroutine.wrap(function() end)() end",
};

START_TEST(a_file_that_does_not_end_is_ended)
{
    struct kit x;
    begin(&x);
    x.conf.script_max_sync_instructions = 20000;
    x.conf.script_memory_bytes = 256 << 20;
    ck_assert_int_eq(kit_parse(&x, endless_files[_i]), SCRIPT_E_WRONG);
    const char *found = buf_text(&x.problems.text);
    ck_assert_msg(strstr(found, "instructions") != NULL, "%s", found);
    kit_deinit(&x);
}
END_TEST

/* ---- turns ---- */

static const char *const busy[] = {
    "while true do end",
    "while true do pcall(function() for i = 1, 1e9 do end end) end",
    "for _ in coroutine.wrap(function() while true do coroutine.yield(1) end end) do end",
    "coroutine.wrap(function() coroutine.wrap(function() while true do end end)() end)()",
    "local t = {} for i = 1, 1e4 do t[i] = i % 77 end while true do table.sort(t, function(a, b) "
    "return a < "
    "b end) end",
    "local s = ('ab'):rep(1e5) while true do s:gsub('a', 'c') end",
    "local t = setmetatable({}, {__index = function(t, k) local n = 0 for i = 1, 1e9 do n = n + 1 "
    "end return "
    "n end}) return t.x",
    "local s = ('x'):rep(1e5) while true do s:find('y', 1, true) end",
    "while true do json.encode(state) end",
};

static void count_turn(void *arg)
{
    (*(int *)arg)++;
}

START_TEST(others_get_their_turn)
{
    struct kit x;
    int turns = 0;
    int64_t begin_us = clock_mono_us();
    begin(&x);
    x.conf.script_max_instructions = INT64_C(1000000000000);
    kit_load_body(&x, busy[_i]);
    kit_start(&x);
    for (int i = 0; i < 20; i++) {
        kit_wait(&x, 0);
        count_turn(&turns);
    }
    ck_assert(!x.has_ended);
    ck_assert_int_lt(clock_mono_us() - begin_us,
                     2000000); /* 20 turns of a millisecond, generously */
    kit_deinit(&x);
}
END_TEST

START_TEST(functions_that_compute_take_turns)
{
    struct kit x;
    begin(&x);
    x.conf.script_max_instructions = INT64_C(1000000000000);
    ck_assert_str_eq(
        kit_do(
            &x,
            "local stop local function work(n) return function() local turns = 0 while not stop do "
            "turns = turns + 1 end return turns > 0 end end return {out = {gather(work(1), "
            "work(2), "
            "function() sleep(0.02) stop = true return 'stopped' end)}}"),
        "{'out':[true,true,'stopped']}");
    kit_deinit(&x);
}
END_TEST

/* ---- what is closed from outside ---- */

#define GUARD(body) "local c <close> = setmetatable({}, {__close = function() " body " end}) "

static const struct {
    const char *close; /* what __close does, beside noting that it was called */
    const char *wanted;
} closings[] = {
    { "", "{'out':['begun','done']}" },
    { "sleep(1)", "{'out':['begun']}" },
    { "pcall(sleep, 1)", "{'out':['begun','done']}" },
    { "gather(print)", "{'out':['begun']}" },
    { "log[#log + 1] = select(2, pcall(spawn, print)):match('being ended')",
      "{'out':['begun','being "
      "ended','done']}" },
    { "emit('x')", "{'out':['begun']}" },
    { "pcall(emit, 'x') pcall(writer, 1) pcall(interrupt, 1) pcall(heartbeat) pcall(join, 1) "
      "pcall(with_timeout, 1, print) pcall(llm.chat, 'x') pcall(http.get, 'http://127.0.0.1:1')",
      "{'out':['begun','done']}" },
    { "pcall(function() return runtime.node end)", "{'out':['begun','done']}" },
    { "for i = 1, 20000 do end", "{'out':['begun','done']}" },
    { "while true do end", "{'out':['begun']}" },
    { "while true do pcall(error) end", "{'out':['begun']}" },
    { "pcall(function() while true do end end) while true do end", "{'out':['begun']}" },
    { "coroutine.wrap(function() while true do end end)()", "{'out':['begun']}" },
    { "error('x')", "{'out':['begun']}" },
    { "local t = {} while true do t[#t + 1] = ('x'):rep(1000) end", "{'out':['begun']}" },
    { GUARD("log[#log + 1] = 'nested' error('y')") " error('x')", "{'out':['begun','nested']}" },
    { "print('x')", "{'out':['begun','done']}" },
};

/* The first call waits, or computes, until it is freed. */
static const char *const workings[] = { "sleep(100)", "while true do end",
                                        "gather(function() sleep(100) end)",
                                        "coroutine.wrap(function() sleep(100) end)()",
                                        "pcall(pcall, sleep, 100)" };
enum { WORKING_COUNT = sizeof(workings) / sizeof(workings[0]) };

static void check_closing(const char *close, const char *work, const char *wanted)
{
    struct kit x;
    begin(&x);
    x.conf.script_max_instructions = INT64_C(1000000000000);
    char *text = mem_printf(
        "local log = {} function it(state) if state.out then return {out = log} end " GUARD(
            "log[#log + 1] = 'begun' %s log[#log + 1] = 'done'") " %s end",
        close, work);
    kit_load(&x, text);
    mem_free(text);
    kit_start(&x);
    kit_wait(&x, 3000);
    x.call = script_call_free(x.call);
    ck_assert(!x.has_ended);
    kit_give(&x, "{'out':1}");
    const char *found = kit_call(&x);
    ck_assert_msg(strcmp(found, wanted) == 0, "%s\nwhile %s\nfound:  %s\nwanted: %s", close, work,
                  found, wanted);
    kit_deinit(&x);
}

START_TEST(what_is_open_is_closed_at_the_end)
{
    for (int i = 0; i < WORKING_COUNT; i++)
        check_closing(closings[_i].close, workings[i], closings[_i].wanted);
}
END_TEST

/* ---- memory ---- */

/* Where the error itself finds no room. */
static const char *const full[] = {
    "with_timeout(0.005, function() emit('starve') sleep(5) end)",
    "local f = spawn(http.get, 'http://127.0.0.1:1/') sleep(0) emit('starve') join(f)",
    "local f = spawn(llm.chat, 'x', {model = 'nobody'}) sleep(0) emit('starve') join(f)",
    "local m = {{role = 'user', content = 'x'}, {role = 'nobody', content = 5}} pcall(llm.chat, m) "
    "emit('starve') llm.chat(m)",
    "local f = spawn(error, 'x') sleep(0) emit('starve') join(f)",
    "emit('starve') error({})",
    "local f = spawn(sleep, 0) emit('starve') return {out = 1}",
    "emit('starve') return {out = {1, {2}}}",
    "emit('starve') coroutine.wrap(print)()",
    "local co = coroutine.create(function() sleep(0) emit('starve') coroutine.yield() sleep(0) "
    "end) coroutine.resume(co) coroutine.resume(co) local t = {}",
    "emit('starve') local c <close> = state return 1",
};

START_TEST(an_error_that_finds_no_room_is_not_lost)
{
    struct kit x;
    begin(&x);
    kit_connect(&x);
    x.conf.script_max_instructions = INT64_C(1000000000000);
    const char *found = kit_do(&x, full[_i]);
    ck_assert_msg(strncmp(found, "LimitError: test.lua: the script needs more memory", 50) == 0,
                  "%s\n%s", full[_i], found);
    kit_deinit(&x);
}
END_TEST

static const char *const greedy[] = {
    "local t = {} while true do t[#t + 1] = {} end",
    "local s = 'x' while true do s = s .. s end",
    "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(1000) end) error('x') end",
    "string.rep('x', 100 << 20)",
    "local t = {} for i = 1, 900 do t[i] = spawn(function() local u = {} while true do u[#u + 1] = "
    "{} end end) "
    "end sleep(5)",
    "gather(function() local t = {} while true do t[#t + 1] = {} end end)",
    "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
    "local t = {} while true do t = setmetatable({t}, {__index = t}) end",
    "local function f() return 1 + f() end f()",
    "local t = {} for i = 1, 1e9 do t['k' .. i] = i end",
    "return table.concat(setmetatable({}, {__len = function() return 1e9 end, __index = function() "
    "return "
    "'xxxxxxxxxx' end}))",
    "local t = {} for i = 1, 1e9 do t[i] = json.copy(state) end",
};

START_TEST(a_script_without_memory_fails_and_lives)
{
    struct kit x;
    begin(&x);
    x.conf.script_max_instructions = INT64_C(1000000000000);
    kit_give(&x, "{'out':{'a':[1,2,3]}}");
    char *text = mem_printf(
        "function it(state) if state.items then return {out = 'lives'} end %s end", greedy[_i]);
    kit_load(&x, text);
    mem_free(text);
    for (int i = 0; i < 2; i++) {
        const char *found = kit_call(&x);
        bool is_limit = strncmp(found,
                                "LimitError: test.lua: the script needs more memory than "
                                "script_memory_bytes, 8388608",
                                60) == 0;
        ck_assert_msg(is_limit || strncmp(found, "LuaError: x", 11) == 0 ||
                          strstr(found, "LuaError: test.lua:1: x"),
                      "%s\n%s", greedy[_i], found);
    }
    kit_give(&x, "{'items':[]}");
    ck_assert_str_eq(kit_call(&x), "{'out':'lives'}");
    kit_deinit(&x);
}
END_TEST

/* A file-level table that only grows. */
START_TEST(a_script_that_is_full_fails_at_its_start)
{
    struct kit x;
    begin(&x);
    x.conf.script_max_instructions = INT64_C(1000000000000);
    kit_load(&x, "local all = {} function it(state) for i = 1, 1e9 do all[i] = {} end end");
    ck_assert_int_eq(strncmp(kit_call(&x), "LimitError", 10), 0);
    kit_script(&x)->max_bytes = kit_script(&x)->used_bytes;
    const char *found = kit_call(&x);
    ck_assert_msg(strncmp(found, "LimitError: test.lua: the script needs more memory", 40) == 0,
                  "%s", found);
    kit_deinit(&x);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, endless_work_is_ended, 0, KIT_ROWS(endless));
    tcase_add_test(tc, the_next_call_of_the_same_script_has_its_own_instructions);
    tcase_add_loop_test(tc, a_file_that_does_not_end_is_ended, 0, KIT_ROWS(endless_files));
    tcase_add_loop_test(tc, others_get_their_turn, 0, KIT_ROWS(busy));
    tcase_add_test(tc, functions_that_compute_take_turns);
    tcase_add_loop_test(tc, what_is_open_is_closed_at_the_end, 0, KIT_ROWS(closings));
    tcase_add_loop_test(tc, an_error_that_finds_no_room_is_not_lost, 0, KIT_ROWS(full));
    tcase_add_loop_test(tc, a_script_without_memory_fails_and_lives, 0, KIT_ROWS(greedy));
    tcase_add_test(tc, a_script_that_is_full_fails_at_its_start);
}

int main(void)
{
    return kit_main("script_limits", add);
}
