/* The library coroutine, through which waits pass. */
#include "script_kit.h"

static const struct kit_row rows[] = {
    /* as in Lua */
    { "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) return c, 'end' "
      "end) "
      "return {out = {{coroutine.resume(co, 1, 2)}, {coroutine.resume(co, 'c')}, "
      "{coroutine.resume(co)}, "
      "coroutine.status(co)}}",
      "{'out':[[true,3],[true,'c','end'],[false,'cannot resume dead coroutine'],'dead']}" },
    { "local t = {} for x in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) "
      "do t[#t "
      "+ 1] = x end return {out = t}",
      "{'out':[1,2,3]}" },
    { "coroutine.wrap(function() error('inside') end)()", "LuaError: inside" },
    { "local w = coroutine.wrap(print) w() w()", "LuaError: cannot resume dead coroutine" },
    { "return {out = {coroutine.resume(coroutine.create(error), 'x')}}", "{'out':[false,'x']}" },
    { "local co co = coroutine.create(function() return coroutine.status(co), coroutine.resume(co) "
      "end) "
      "return {out = {coroutine.resume(co)}}",
      "{'out':[true,'running',false,'cannot resume non-suspended coroutine']}" },
    { "local a, b a = coroutine.create(function() return coroutine.resume(b) end) b = "
      "coroutine.create(function() return coroutine.status(a), coroutine.resume(a) end) return "
      "{out = "
      "{coroutine.resume(a)}}",
      "{'out':[true,true,'normal',false,'cannot resume non-suspended coroutine']}" },
    { "coroutine.yield(1)", "LuaError: attempt to yield from outside a coroutine" },
    { "gather(function() coroutine.yield(1) end)",
      "LuaError: attempt to yield from outside a coroutine" },
    { "return {out = {coroutine.isyieldable(), coroutine.wrap(coroutine.isyieldable)()}}",
      "{'out':[false,true]}" },
    { "local co, is_main = coroutine.running() local is = coroutine.wrap(function() return "
      "(select(2, "
      "coroutine.running())) end)() return {out = {type(co), is_main, is}}",
      "{'out':['thread',true,false]}" },
    { "local co = coroutine.create(function() local c <close> = setmetatable({}, {__close = "
      "function() "
      "sleep(0) end}) coroutine.yield() end) coroutine.resume(co) return {out = "
      "{coroutine.close(co)}}",
      "{'out':[false,'test.lua:1: sleep() cannot wait here: a function of the library is in "
      "between that "
      "does not know how to']}" },
    { "local closed = {} local co = coroutine.create(function() local c <close> = setmetatable({}, "
      "{__close = function() closed[1] = 1 end}) coroutine.yield() end) coroutine.resume(co) "
      "return {out = "
      "{coroutine.close(co), closed[1], coroutine.status(co), coroutine.close(co)}}",
      "{'out':[true,1,'dead',true]}" },
    { "coroutine.close(coroutine.running())", "LuaError: cannot close a running coroutine" },
    { "coroutine.resume(1)", "LuaError: bad argument #1 to 'resume'" },
    { "coroutine.wrap(1)", "LuaError: bad argument #1 to 'wrap'" },
    { "local co = coroutine.create(function(...) return select('#', ...) end) return {out = "
      "{coroutine.resume(co, table.unpack({}, 1, 200))}}",
      "{'out':[true,200]}" },

    /* with waits inside */
    { "local w = coroutine.wrap(function() sleep(0.001) coroutine.yield(1) sleep(0.001) return 2 "
      "end) return "
      "{out = {w(), w()}}",
      "{'out':[1,2]}" },
    { "local co = coroutine.create(function() sleep(0.001) error('x', 0) end) return {out = "
      "{coroutine.resume(co)}}",
      "{'out':[false,'x']}" },
    { "local w = coroutine.wrap(function() local v = coroutine.wrap(function() sleep(0.001) "
      "coroutine.yield('deep') end) coroutine.yield(v()) end) return {out = w()}",
      "{'out':'deep'}" },
    { "local function gen(n) return coroutine.wrap(function() for i = 1, 3 do sleep(0.001) "
      "coroutine.yield(n .. i) end end) end local function all(n) local t = {} for x in gen(n) do "
      "t[#t + 1] "
      "= x end return t end return {out = {gather(function() return all('a') end, function() "
      "return all('b') "
      "end)}}",
      "{'out':[['a1','a2','a3'],['b1','b2','b3']]}" },
    { "local w = coroutine.wrap(function() coroutine.yield((gather(function() sleep(0.001) return "
      "'g' "
      "end))) end) return {out = w()}",
      "{'out':'g'}" },
    { "local w = coroutine.wrap(function() local f = spawn(function() sleep(0.001) return 's' end) "
      "coroutine.yield(join(f)) end) return {out = w()}",
      "{'out':'s'}" },
    { "local w = coroutine.wrap(function() coroutine.yield(pcall(with_timeout, 0.001, sleep, 5)) "
      "end) return "
      "{out = w()}",
      "{'out':false}" },
    { "local co = coroutine.create(function() sleep(0.005) return 1 end) local other = function() "
      "return "
      "coroutine.status(co), coroutine.resume(co) end local a, b = gather(function() return "
      "select(2, coroutine.resume(co)) end, function() return {other()} end) return {out = {a, b}}",
      "{'out':[1,['normal',false,'cannot resume non-suspended coroutine']]}" },
    { "local co = coroutine.create(function() sleep(0.005) end) local a, b = "
      "gather_settled(function() "
      "coroutine.resume(co) end, function() coroutine.close(co) end) return {out = b.error}",
      "{'out':'test.lua:1: cannot close a normal coroutine'}" },
    { "local w = coroutine.wrap(function() local n = 0 for i = 1, 3000000 do n = n + 1 end "
      "coroutine.yield(n) end) return {out = w()}",
      "{'out':3000000}" },
    { "return {out = {pcall(coroutine.wrap(function() pcall(sleep, 0.001) error('x', 0) end))}}",
      "{'out':[false,'x']}" },
    { "local t = setmetatable({}, {__index = coroutine.wrap(function() while true do sleep(0) "
      "coroutine.yield('v') end end)}) return {out = {t.a, t.b}}",
      "{'out':['v','v']}" },
    { "local w = coroutine.wrap(function() coroutine.yield(tostring(setmetatable({}, {__tostring = "
      "function() return coroutine.wrap(function() coroutine.yield('in') end)() end}))) end) "
      "return {out = "
      "w()}",
      "{'out':'in'}" },
    { "tostring(setmetatable({}, {__tostring = function() return coroutine.wrap(function() "
      "sleep(0) return "
      "'x' end)() end}))",
      "LuaError: sleep() cannot wait here" },

    /* a generator that nobody finishes */
    { "local w = coroutine.wrap(function() while true do sleep(0) coroutine.yield(1) end end) "
      "return {out = "
      "w()}",
      "{'out':1}" },
    { "local w = coroutine.wrap(function() sleep(5) end) pcall(with_timeout, 0.001, w) return {out "
      "= "
      "{pcall(w)}}",
      "{'out':[false,'cannot resume non-suspended coroutine']}" },

    /* a function's own coroutine is nobody's to resume */
    { "local co = coroutine.running() local f = spawn(function() return coroutine.status(co), "
      "coroutine.resume(co) end) local a, b, c = join(f) return {out = {a, b, c}}",
      "{'out':['normal',false,'cannot resume non-suspended coroutine']}" },
    { "local co = coroutine.running() local f = spawn(function() return pcall(coroutine.close, co) "
      "end) return "
      "{out = {join(f)}}",
      "{'out':[false,'cannot close a normal coroutine']}" },
    { "local co local f = spawn(function() co = coroutine.running() sleep(0.005) return 'mine' "
      "end) sleep(0) "
      "return {out = {pcall(coroutine.close, co), coroutine.resume(co)}, items = {join(f)}}",
      "{'items':['mine'],'out':[false,false,'cannot resume non-suspended coroutine']}" },
    { "local co = gather(function() return (coroutine.running()) end) return {out = "
      "{coroutine.resume(co)}}",
      "{'out':[false,'cannot resume non-suspended coroutine']}" },
    { "local co = coroutine.running() gather(function() coroutine.resume(co) sleep(0.001) end) "
      "return {out = "
      "1}",
      "{'out':1}" },
};

START_TEST(coroutines_are_those_of_Lua_and_may_wait)
{
    kit_check(&rows[_i], "{}");
}
END_TEST

/* The state's main thread, which runs conditions, is seen in the second call. */
START_TEST(the_main_thread_is_nobodys_to_resume)
{
    struct kit x;
    kit_init(&x);
    kit_load(
        &x, "local main = coroutine.running() function it() return {out = {coroutine.status(main), "
            "coroutine.resume(main), (pcall(coroutine.close, main))}} end");
    ck_assert_str_eq(kit_call(&x), "{'out':['normal',false,false]}");
    kit_deinit(&x);
}
END_TEST

#define FILE_LEVEL                                                                                 \
    "local log = {} local co = coroutine.create(function() local c <close> = setmetatable({}, "    \
    "{__close = "                                                                                  \
    "function() log[#log + 1] = 'co' end}) sleep(5) end) function it(state) if state.out then "    \
    "local s = "                                                                                   \
    "coroutine.status(co) return {out = {s, {coroutine.resume(co)}, (pcall(coroutine.close, "      \
    "co)), log}} "                                                                                 \
    "end local c <close> = setmetatable({}, {__close = function() local w = "                      \
    "coroutine.wrap(function() "                                                                   \
    "coroutine.yield('from a generator') end) log[#log + 1] = w() log[#log + 1] = "                \
    "tostring(coroutine.resume(co)) end}) coroutine.resume(co) end"

START_TEST(a_coroutine_that_waited_in_a_run_that_has_ended_stays_busy)
{
    struct kit x;
    kit_init(&x);
    kit_load(&x, FILE_LEVEL);
    kit_start(&x);
    kit_wait(&x, 2000);
    x.call = script_call_free(x.call);
    kit_give(&x, "{'out':1}");
    ck_assert_str_eq(
        kit_call(&x),
        "{'out':['normal',[false,'cannot resume non-suspended coroutine'],false,['from a "
        "generator','false']]}");
    kit_deinit(&x);
}
END_TEST

START_TEST(a_coroutine_of_the_file_goes_from_run_to_run)
{
    struct kit x;
    kit_init(&x);
    kit_load(&x, "local next = coroutine.wrap(function() for i = 1, 10 do sleep(0) "
                 "coroutine.yield(i) end end) "
                 "function it() return {out = next()} end");
    ck_assert_str_eq(kit_call(&x), "{'out':1}");
    ck_assert_str_eq(kit_call(&x), "{'out':2}");
    kit_deinit(&x);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, coroutines_are_those_of_Lua_and_may_wait, 0, KIT_ROWS(rows));
    tcase_add_test(tc, the_main_thread_is_nobodys_to_resume);
    tcase_add_test(tc, a_coroutine_that_waited_in_a_run_that_has_ended_stays_busy);
    tcase_add_test(tc, a_coroutine_of_the_file_goes_from_run_to_run);
}

int main(void)
{
    return kit_main("script_coroutine", add);
}
