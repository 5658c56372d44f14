/* Calls that are freed, at every point; and what outlives what. */
#include "node_server.h"
#include "script_kit.h"

/* ---- freed after n turns of the loop ---- */

#define GUARD "local c <close> = setmetatable({}, {__close = function() local t = {} end}) "

static const char *const bodies[] = {
    GUARD "sleep(0.001) return {out = 1}",
    GUARD "for i = 1, 200000 do end return {out = 1}",
    "gather(function() " GUARD "sleep(0.001) end, function() " GUARD "sleep(0) end, print)",
    "gather(function() gather(function() " GUARD
    "sleep(0) end, function() sleep(0.001) end) end, function() error() end)",
    "gather_settled(function() error('x') end, function() " GUARD "sleep(0.001) end)",
    GUARD "local f = spawn(function() " GUARD
          "sleep(0.001) return 1 end) sleep(0) return {out = join(f)}",
    "local f = spawn(sleep, 0.001) local g = spawn(function() join(f) end) join(g)",
    "local f = spawn(sleep, 5) sleep(0)",
    "pcall(with_timeout, 0.001, function() " GUARD "gather(function() sleep(5) end) end)",
    "with_timeout(5, function() sleep(0.001) end)",
    "for x in coroutine.wrap(function() " GUARD
    "for i = 1, 3 do sleep(0) coroutine.yield(i) end end) do emit('x') end",
    "coroutine.wrap(function() coroutine.wrap(function() " GUARD "sleep(0.001) end)() end)()",
    "table.sort({3, 2, 1}, function(a, b) sleep(0) return a < b end)",
    "(('abc'):rep(3)):gsub('.', function() sleep(0) end)",
    GUARD "interrupt(1)",
    "gather(function() sleep(0) interrupt(1) end, function() " GUARD "sleep(0.001) end)",
    "error('x')",
    "pcall(http.get, 'http://127.0.0.1:1/')",
    "gather(function() pcall(http.get, 'http://127.0.0.1:1/') end, function() sleep(0) error('x') "
    "end)",
    GUARD "llm.chat('x')",
    "for piece in llm.stream('x') do sleep(0) end",
    "local _, s = llm.stream('x') local f = spawn(function() return s:result() end) sleep(0) "
    "join(f)",
    "llm.stream('x') sleep(0.001)",
    "while true do end",
};

START_TEST(a_call_may_be_freed_after_any_turn)
{
    struct kit x;
    kit_init(&x);
    kit_connect(&x);
    kit_load_body(&x, bodies[_i]);
    bool is_over = false;
    for (int turns = 0; !is_over && turns < 60; turns++) {
        kit_start(&x);
        for (int i = 0; i < turns && !x.has_ended; i++)
            kit_turn(&x);
        is_over = x.has_ended;
        x.call = script_call_free(x.call);
        kit_turn(&x); /* what comes too late finds nobody */
    }
    kit_deinit(&x);
}
END_TEST

/* ---- freed while it waits for one thing ---- */

static const char *const waits[] = {
    "http.get(URL)",
    "pcall(http.get, URL)",
    "with_timeout(50, http.get, URL)",
    "gather(function() http.get(URL) end, function() sleep(50) end)",
    "local f = spawn(http.get, URL) join(f)",
    "coroutine.wrap(function() http.get(URL) end)()",
    "local c <close> = setmetatable({}, {__close = function() pcall(http.get, URL) end}) "
    "http.get(URL)",
};

START_TEST(a_request_under_way_is_let_go_of)
{
    static const struct node_reply reply = { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
                                             true };
    struct kit x;
    struct node_server server;
    kit_init(&x);
    kit_connect(&x);
    node_server_start(&server, &reply, 1);
    char *body = mem_printf("local URL = 'http://127.0.0.1:%d/' %s", server.port, waits[_i]);
    kit_load_body(&x, body);
    mem_free(body);
    kit_start(&x);
    while (!node_server_was_asked(&server))
        kit_wait(&x, 500);
    kit_wait(&x, 2000);
    ck_assert(!x.has_ended);
    x.call = script_call_free(x.call);
    kit_drain(&x);
    node_server_stop(&server);
    kit_deinit(&x);
}
END_TEST

static const char *const model_waits[] = {
    "llm.chat('x')",
    "for piece in llm.stream('x') do end",
    "with_timeout(0.002, llm.chat, 'x')",
    "pcall(with_timeout, 0.002, llm.chat, 'x') sleep(50)",
    "gather(function() llm.chat('x') end, function() sleep(0.002) error('x') end)",
    "local f = spawn(llm.chat, 'x') sleep(50)",
    "llm.stream('x')",
    "local _, s = llm.stream('x') pcall(with_timeout, 0.001, s.result, s) s:result()",
};

START_TEST(a_model_that_talks_is_let_go_of)
{
    struct kit x;
    kit_init(&x);
    x.conf.demo_delay_ms = 5;
    kit_connect(&x);
    kit_load_body(&x, model_waits[_i]);
    for (int ms = 0; ms < 8; ms += 3) {
        kit_start(&x);
        kit_wait(&x, ms * 1000);
        x.call = script_call_free(x.call);
        kit_wait(&x, 0);
    }
    kit_deinit(&x);
}
END_TEST

/* ---- after the end ---- */

START_TEST(a_call_stays_as_it_is_after_its_end)
{
    struct kit x;
    kit_init(&x);
    kit_load_body(
        &x, "local f = spawn(sleep, 0.003) gather_settled(function() sleep(0.001) end) error('x')");
    kit_start(&x);
    kit_until(&x, &x.has_ended);
    kit_wait(&x, 6000); /* the future's time comes */
    kit_deinit(&x);
}
END_TEST

START_TEST(nothing_has_run_inside_of_start)
{
    struct kit x;
    kit_init(&x);
    kit_load_body(&x, "emit('begun')");
    kit_start(&x);
    ck_assert_uint_eq(x.said.len, 0);
    x.call = script_call_free(x.call);
    kit_turn(&x);
    ck_assert_uint_eq(x.said.len, 0);
    ck_assert_ptr_null(script_call_free(NULL));
    kit_deinit(&x);
}
END_TEST

/* ---- side by side ---- */

START_TEST(two_calls_of_one_script_do_not_meet)
{
    struct kit a, b;
    kit_init(&a);
    kit_load_body(&a, "local t = {} for i = 1, 5 do sleep(0.001) t[i] = state.out end "
                      "gather(function() sleep(0) end) "
                      "return {out = t}");
    b = a; /* another host on the same loop and graph */
    kit_give(&a, "{'out':'a'}");
    b.state = kit_json("{'out':'b'}");
    buf_init(&b.said, KIT_TEXT_BYTES);
    kit_start(&a);
    kit_start(&b);
    kit_until(&a, &a.has_ended);
    ck_assert_str_eq(kit_text(&a), "{'out':['a','a','a','a','a']}");
    a.call = script_call_free(a.call);
    kit_until(&b, &b.has_ended);
    ck_assert_str_eq(kit_text(&b), "{'out':['b','b','b','b','b']}");
    b.call = script_call_free(b.call);
    json_decref(b.state);
    kit_clear(&b);
    buf_deinit(&b.said);
    kit_deinit(&a);
}
END_TEST

/* The first asks and ends; the second goes on. Then the first is closed in the middle of it. */
START_TEST(a_call_is_closed_while_another_waits)
{
    struct kit a, b;
    kit_init(&a);
    kit_load_body(&a, "local c <close> = setmetatable({}, {__close = function() for i = 1, 3000 do "
                      "end end}) if state.out "
                      "then interrupt(1) end sleep(0.002) return {out = 'b'}");
    b = a;
    kit_give(&a, "{'out':'a'}");
    b.state = kit_json("{}");
    buf_init(&b.said, KIT_TEXT_BYTES);
    kit_start(&a);
    kit_start(&b);
    kit_until(&a, &a.has_ended);
    ck_assert(!b.has_ended);
    a.call = script_call_free(a.call);
    kit_until(&b, &b.has_ended);
    ck_assert_str_eq(kit_text(&b), "{'out':'b'}");
    b.call = script_call_free(b.call);
    json_decref(b.state);
    kit_clear(&b);
    buf_deinit(&b.said);
    kit_deinit(&a);
}
END_TEST

/* ---- what outlives what ---- */

static const char *const kept[] = {
    "held.x = spawn(sleep, 0) join(held.x)",
    "held.x = spawn(sleep, 5)",
    "held.x = coroutine.running()",
    "held.x = gather(coroutine.running)",
    "held.x = state",
    "held.x = config",
    "held.x = select(2, pcall(with_timeout, 0, sleep, 5))",
    "held.x = select(2, llm.stream('x'))",
    "held.x = select(2, llm.stream('x')) held.x:result()",
    "held.x = function() return c end",
    "held.x = coroutine.create(function() sleep(5) end) pcall(with_timeout, 0, coroutine.resume, "
    "held.x)",
};
static const char *const used[] = {
    "return {out = {pcall(join, held.x)}}",
    "return {out = {pcall(function() return held.x:result().type end)}}",
    "return {out = {pcall(function() return held.x:next() end)}}",
    "return {out = {pcall(coroutine.resume, held.x)}}",
    "return {out = {pcall(coroutine.close, held.x)}}",
    "return {out = {tostring(held.x) ~= nil, type(held.x), pcall(next, held.x)}}",
    "error(held.x)",
    "held.x = nil for i = 1, 30000 do local t = {{}} end",
    "return {out = held.x}",
};
enum { USED_COUNT = sizeof(used) / sizeof(used[0]) };

START_TEST(what_a_run_keeps_in_the_file_is_harmless_later)
{
    struct kit x;
    kit_init(&x);
    kit_connect(&x);
    for (int i = 0; i < USED_COUNT; i++) {
        char *text = mem_printf("local held = {} local c = 1 function it(state, config) if "
                                "state.out then %s else %s end end",
                                used[i], kept[_i]);
        kit_give(&x, "{}");
        kit_load(&x, text);
        (void)kit_call(&x);
        kit_give(&x, "{'out':1}");
        (void)kit_call(&x);
        mem_free(text);
    }
    kit_deinit(&x);
}
END_TEST

START_TEST(a_call_keeps_its_script)
{
    struct kit x;
    struct script_function function = { .ref = 0 };
    struct buf why;
    kit_init(&x);
    kit_load_body(&x, "sleep(0.001) return {out = runtime.graph}");
    buf_init(&why, 1024);
    ck_assert_int_eq(script_compile_body(kit_script(&x), "own",
                                         "sleep(0.001) return {out = runtime.graph}", &function,
                                         &why),
                     0);
    struct script_call_options options = kit_options(&x);
    options.function = &function;
    ck_assert_int_eq(script_call_start(&options, &x.call, &x.fail), 0);
    script_function_clear(&function);
    ck_assert_str_eq(kit_end(&x), "{'out':'test'}");
    buf_deinit(&why);
    kit_deinit(&x);
}
END_TEST

START_TEST(a_script_outlives_its_graph)
{
    struct kit x;
    struct script_function function = { .ref = 0 };
    struct buf why;
    kit_init(&x);
    kit_load_body(&x, "return nil");
    buf_init(&why, 1024);
    ck_assert_int_eq(script_compile_body(kit_script(&x), "own",
                                         "gather(function() sleep(0.001) end) return {out = 1}",
                                         &function, &why),
                     0);
    x.graph = graph_unref(x.graph);
    kit_load_body(&x, "return nil"); /* another graph for the call to be of */
    struct script_call_options options = kit_options(&x);
    options.function = &function;
    ck_assert_int_eq(script_call_start(&options, &x.call, &x.fail), 0);
    ck_assert_str_eq(kit_end(&x), "{'out':1}");
    script_function_clear(&function);
    script_function_clear(&function);
    buf_deinit(&why);
    kit_deinit(&x);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, a_call_may_be_freed_after_any_turn, 0, KIT_ROWS(bodies));
    tcase_add_loop_test(tc, a_request_under_way_is_let_go_of, 0, KIT_ROWS(waits));
    tcase_add_loop_test(tc, a_model_that_talks_is_let_go_of, 0, KIT_ROWS(model_waits));
    tcase_add_test(tc, a_call_stays_as_it_is_after_its_end);
    tcase_add_test(tc, nothing_has_run_inside_of_start);
    tcase_add_test(tc, two_calls_of_one_script_do_not_meet);
    tcase_add_test(tc, a_call_is_closed_while_another_waits);
    tcase_add_loop_test(tc, what_a_run_keeps_in_the_file_is_harmless_later, 0, KIT_ROWS(kept));
    tcase_add_test(tc, a_call_keeps_its_script);
    tcase_add_test(tc, a_script_outlives_its_graph);
}

int main(void)
{
    return kit_main("script_end", add);
}
