/* Calls of scripts: what waits, side by side and inside each other, and how it ends. */
#include "node_server.h"
#include "script_kit.h"

/* ---- side by side ---- */

#define AFTER(s, v) "function() sleep(" #s ") return " #v " end"

static const struct kit_row together[] = {
    { "sleep(0) return {out = 1}", "{'out':1}" },
    { "return {out = {sleep(0.001)}}", "{'out':{}}" },
    { "local log = {} gather(function() sleep(0.02) log[#log + 1] = 'c' end, function() "
      "sleep(0.001) "
      "log[#log + 1] = 'a' end, function() sleep(0.01) log[#log + 1] = 'b' end) return {out = log}",
      "{'out':['a','b','c']}" },

    /* gather */
    { "return {out = {gather(" AFTER(0.01, 1) ", " AFTER(0.001, 2) ", " AFTER(0, 3) ")}}",
      "{'out':[1,2,3]}" },
    { "return {out = gather{" AFTER(0.01, 1) ", " AFTER(0.001, 2) "}}", "{'out':[1,2]}" },
    { "return {out = gather{}}", "{'out':[]}" },
    { "return {out = {gather()}}", "{'out':{}}" },
    { "return {out = {gather(print, function() return 1, 2 end, function() return nil, 3 end, "
      "function() return 4 end)}, items = {}}",
      "InvalidUpdateError: a list with holes" },
    { "local a, b, c = gather(print, function() return 1, 2 end, function() return 3 end) return "
      "{out = "
      "{a == nil, b, c}}",
      "{'out':[true,1,3]}" },
    { "return {out = {gather(function() return gather(" AFTER(0.002, 1) ", " AFTER(
          0.001, 2) ") end, "
                    "function() return (select(2, gather(" AFTER(0.002,
                                                                 3) ", " AFTER(0, 4) "))) end)}}",
      "{'out':[1,4]}" },
    { "local order = {} local ok, e = pcall(gather, function() sleep(0.001) error({type = 'A', "
      "message = "
      "'a'}) end, function() sleep(10) order[1] = 'never' end, function() local c <close> = "
      "setmetatable({}, {__close = function() order[#order + 1] = 'closed' end}) sleep(10) end) "
      "return "
      "{out = {ok, e.type, order}}",
      "{'out':[false,'A',['closed']]}" },
    { "gather(function() sleep(0.001) error('first') end, function() sleep(0.02) error('second') "
      "end)",
      "LuaError: test.lua:1: first" },
    { "gather(error, error)", "LuaError: nil" },
    { "gather(function() error('inner') end)", "LuaError: inner" },
    { "gather(1)", "LuaError: bad argument #1 to 'gather' (function expected" },
    { "gather{print, 1}", "LuaError: function expected" },
    { "gather(print, {})", "LuaError: bad argument #2 to 'gather' (function expected" },
    { "local t = {} for i = 1, 1001 do t[i] = print end gather(t)",
      "LuaError: the list is longer than script_max_fibers" },
    { "local t = {} for i = 1, 1000 do t[i] = print end gather(t)",
      "LuaError: more than 1000 functions at the same time" },
    { "local t = {} for i = 1, 999 do t[i] = function() return i end end return {out = #gather(t), "
      "items "
      "= {gather(t)[999], select(999, gather(table.unpack(t)))}}",
      "{'items':[999,999],'out':999}" },
    { "gather(setmetatable({}, {__len = function() return 1 << 62 end}))",
      "LuaError: bad argument" },
    { "gather(setmetatable({}, {__len = function() return -1 end}))", "LuaError: bad argument" },
    { "local function deep(n) if n == 0 then return 'end' end return (gather(function() return "
      "deep(n - "
      "1) end)) end return {out = deep(200)}",
      "{'out':'end'}" },
    { "local function deep(n) return (gather(function() return deep(n + 1) end)) end deep(1)",
      "LuaError: more than 1000 functions at the same time" },
    { "local n = 0 for i = 1, 2000 do gather(function() n = n + 1 end) end return {out = n}",
      "{'out':2000}" },

    /* gather_settled */
    { "local a, b = gather_settled(" AFTER(0.002,
                                           1) ", function() error('no', 0) end) return {out = {a, "
                                              "b}}",
      "{'out':[{'ok':true,'value':1},{'error':'no','ok':false}]}" },
    { "return {out = {gather_settled(print)}}", "{'out':[{'ok':true}]}" },
    { "local a = gather_settled(function() error({type = 'T', message = 'm', n = 1}) end) return "
      "{out = "
      "a.error}",
      "{'out':{'message':'m','n':1,'type':'T'}}" },
    { "return {out = {gather_settled()}}", "{'out':{}}" },

    /* spawn and join */
    { "local f = spawn(function(a, b) sleep(0.001) return a + b, 'x' end, 1, 2) return {out = "
      "{join(f)}}",
      "{'out':[3,'x']}" },
    { "local f = spawn(print) return {out = {f:join()}}", "{'out':{}}" },
    { "local f = spawn(function() return 1 end) sleep(0.001) return {out = join(f)}", "{'out':1}" },
    { "local f = spawn(function() error('bad') end) sleep(0.001) join(f)",
      "LuaError: test.lua:1: bad" },
    { "local f = spawn(function() error('bad') end) return {out = {pcall(join, f)}}",
      "{'out':[false,'test.lua:1: bad']}" },
    { "local f = spawn(print) join(f) join(f)", "LuaError: the future was joined already" },
    { "local f = spawn(sleep, 0.01) local a, b = gather_settled(function() join(f) end, function() "
      "join(f) "
      "end) return {out = {a.ok, b.ok, b.error}}",
      "{'out':[true,false,'test.lua:1: bad argument #1 to 'join' (somebody waits for the future "
      "already)']}" },
    { "\nlocal f = spawn(sleep, 10)",
      "FutureNotJoinedError: test.lua:2: node 'it' ended without a join() of the future" },
    { "local f = spawn(print) sleep(0.001)", "FutureNotJoinedError: without a join()" },
    { "local f = spawn(error, 'lost') sleep(0.001)", "FutureNotJoinedError: without a join()" },
    { "local f f = spawn(function() sleep(0) join(f) end) join(f)",
      "LuaError: somebody waits for the future already" },
    { "join(1)", "LuaError: future expected, as spawn() gives one" },
    { "join(state)", "LuaError: future expected" },
    { "join(null)", "LuaError: future expected" },
    { "join()", "LuaError: future expected" },
    { "local f = spawn(1)", "LuaError: bad argument #1 to 'spawn' (function expected" },
    { "local t = {} for i = 1, 1000 do t[i] = spawn(print) end",
      "LuaError: more than 1000 functions at the same time" },
    { "local f = spawn(sleep, 0.01) pcall(with_timeout, 0.001, function() join(f) end) join(f) "
      "return {out "
      "= 1}",
      "{'out':1}" },
    { "local f = spawn(function() return table.unpack({}, 1, 300) end) return {out = select('#', "
      "join(f))}",
      "{'out':300}" },

    /* with_timeout */
    { "return {out = {with_timeout(5, function(a, b) sleep(0.001) return a, b, 3 end, 1, 2)}}",
      "{'out':[1,2,3]}" },
    { "return {out = {with_timeout(5, print)}}", "{'out':{}}" },
    { "with_timeout(0.002, sleep, 10)", "TimeoutError: with_timeout: 0.002 seconds have passed" },
    { "with_timeout(5, error, 'own')", "LuaError: own" },
    { "local ok, e = pcall(with_timeout, 0.001, sleep, 10) return {out = {ok, e.type, e.message, "
      "tostring(e), e.other == nil, type(e)}}",
      "{'out':[false,'TimeoutError','with_timeout: 0.001 seconds have passed','with_timeout: 0.001 "
      "seconds have passed',true,'userdata']}" },
    { "local ok, e = pcall(with_timeout, 0.001, sleep, 10) error(e)",
      "TimeoutError: with_timeout: 0.001 seconds have passed" },
    { "local closed = {} pcall(with_timeout, 0.002, function() gather(function() local c <close> = "
      "setmetatable({}, {__close = function() closed[1] = 'inner' end}) sleep(10) end) end) return "
      "{out = "
      "closed}",
      "{'out':['inner']}" },
    { "return {out = {pcall(with_timeout, 5, with_timeout, 0.001, sleep, 10)}, items = {}}",
      "{'items':[],'out':[false,{'type':'TimeoutError','message':'with_timeout: 0.001 seconds have "
      "passed'}]}" },
    { "with_timeout(0.001, with_timeout, 5, sleep, 10)", "TimeoutError: 0.001 seconds" },
    { "with_timeout(0.005, function() while true do end end)", "TimeoutError: 0.005 seconds" },
    { "with_timeout(-1, print)", "LuaError: seconds between 0 and 86400 expected" },
    { "with_timeout(0/0, print)", "LuaError: seconds between 0 and 86400 expected" },
    { "with_timeout(1)", "LuaError: bad argument #2 to 'with_timeout' (function expected" },
    { "sleep(-1)", "LuaError: seconds between 0 and 86400 expected" },
    { "sleep(math.huge)", "LuaError: seconds between 0 and 86400 expected" },
    { "sleep('x')", "LuaError: number expected, got string" },
    { "sleep()", "LuaError: number expected, got no value" },
    { "local t = {} for i = 1, 1000 do t[i] = print end return {out = pcall(gather, t), items = "
      "{join(spawn(function() return 'room' end))}}",
      "{'items':['room'],'out':false}" },
};

START_TEST(functions_run_side_by_side)
{
    kit_check(&together[_i], "{}");
}
END_TEST

/* ---- errors ---- */

static const struct kit_row errors[] = {
    { "error('x')", "LuaError: test.lua:1: x" },
    { "error('x', 0)", "LuaError: x" },
    { "error({type = 'Mine', message = 'told'})", "Mine: told" },
    { "error({message = 'told'})", "LuaError: told" },
    { "error({})", "LuaError: an error without a message" },
    { "error({type = 1, message = 2})", "LuaError: an error without a message" },
    { "error(setmetatable({}, {__index = error, __tostring = error}))",
      "LuaError: an error without" },
    { "error()", "LuaError: nil" },
    { "error(12)", "LuaError: 12" },
    { "error(print)", "LuaError: function" },
    { "error(state)", "LuaError: {}" },
    { "error(null)", "LuaError: null" },
    { "error('a\\xff')", "LuaError: test.lua:1: a?" },
    { "local t = {} t = t.x.y", "LuaError: test.lua:1: attempt to index a nil value (field 'x')" },
    { "return {out = {pcall(function() sleep(0) error('x', 0) end)}}", "{'out':[false,'x']}" },
    { "local e = {1} local ok, f = pcall(function() sleep(0) error(e) end) return {out = "
      "rawequal(e, f)}",
      "{'out':true}" },
    { "local ok, e = xpcall(function() sleep(0) error('x', 0) end, function(m) return m .. '!' "
      "end) return "
      "{out = {ok, e}}",
      "{'out':[false,'x!']}" },
    { "local ok, e = pcall(gather, function() error('inner', 0) end) error('outer: ' .. e, 0)",
      "LuaError: outer: inner" },
    { "local function f() return 1 + f() end f()", "LuaError: stack overflow" },
    { "xpcall(error, function() sleep(1) end)", "null" },
    { "string.format('%s', setmetatable({}, {__tostring = function() sleep(0) return 'x' end}))",
      "LuaError: sleep() cannot wait here: a function of the library is in between" },
    { "return {out = table.concat(setmetatable({}, {__index = function(_, i) sleep(0) return 'x' "
      ".. i end, "
      "__len = function() sleep(0) return 3 end}), ',')}",
      "{'out':'x1,x2,x3'}" },
    { "local t = {3, 1, 2} table.sort(t, function(a, b) sleep(0) return a < b end) return {out = "
      "t}",
      "{'out':[1,2,3]}" },
    { "return {out = (('abc'):gsub('.', function(c) sleep(0) return c:upper() end))}",
      "{'out':'ABC'}" },
    { "local t = setmetatable({}, {__index = function(_, k) sleep(0) return k end, __add = "
      "function(a, b) "
      "sleep(0) return b end, __call = function(_, x) sleep(0) return x end}) return {out = {t.x, "
      "t + 2, "
      "t(3)}}",
      "{'out':['x',2,3]}" },
    { "error({type = 'a\\xff', message = 'b\\xff'})", "a?: b?" },
};

START_TEST(errors_keep_what_they_are)
{
    kit_check(&errors[_i], "{}");
}
END_TEST

static const char *whole_message(struct kit *x, const char *body)
{
    (void)kit_do(x, body);
    return fail_message(&x->fail);
}

START_TEST(the_stack_is_told_with_an_error)
{
    struct kit x;
    kit_init(&x);
    const char *text = whole_message(&x, "local function f()\n error('x') end\n f()\n return 1");
    ck_assert_ptr_nonnull(strstr(text, "test.lua:2: in "));
    ck_assert_ptr_nonnull(strstr(text, "test.lua:3: in "));
    text = whole_message(&x, "gather(function()\n local x = nil + 1 end)");
    ck_assert_ptr_nonnull(strstr(text, "in a function that ran beside it:"));
    ck_assert_ptr_nonnull(strstr(text, "test.lua:2: in "));
    kit_deinit(&x);
}
END_TEST

START_TEST(the_stack_of_an_error_that_was_caught_is_not_told)
{
    struct kit x;
    kit_init(&x);
    const char *text = whole_message(&x, "pcall(gather, function() error('a') end) error('b')");
    ck_assert_ptr_null(strstr(text, "in a function that ran beside it:"));
    text = whole_message(&x, "local ok, e = pcall(gather, function() error('a') end) error(e, 0)");
    ck_assert_ptr_nonnull(strstr(text, "in a function that ran beside it:"));
    kit_deinit(&x);
}
END_TEST

START_TEST(an_error_that_is_too_long_is_not_taken_for_want_of_memory)
{
    struct kit x;
    kit_init(&x);
    x.conf.max_state_bytes = 20;
    kit_give(&x, "{'out':'a text that is much longer'}");
    ck_assert_str_eq(kit_do(&x, "error(state)"),
                     "NodeError: test.lua: an error that is too long to be told");
    kit_deinit(&x);
}
END_TEST

/* ---- what a node tells and asks ---- */

START_TEST(what_a_node_tells_comes_in_order)
{
    struct kit x;
    kit_init(&x);
    (void)kit_do(&x,
                 "emit('a') writer({1}) gather(function() sleep(0.002) emit('c') end, function() "
                 "emit('b') end) heartbeat() writer(nil) emit('')");
    ck_assert_str_eq(buf_text(&x.said),
                     "emit a\ncustom [1]\nemit b\nemit c\nalive\ncustom null\nemit \n");
    kit_deinit(&x);
}
END_TEST

static const struct kit_row questions[] = {
    { "interrupt('why?') return {out = 1}", "asked 'why?'" },
    { "pcall(interrupt, {a = {}}) return {out = 1}", "asked {'a':{}}" },
    { "pcall(function() pcall(interrupt) end) while true do end", "asked null" },
    { "gather(function() interrupt(1) end, function() interrupt(2) end)", "asked 1" },
    { "gather(function() sleep(0.05) end, function() interrupt(2) end)", "asked 2" },
    { "local f = spawn(interrupt, 3) join(f)", "asked 3" },
    { "coroutine.wrap(function() coroutine.wrap(interrupt)(4) end)()", "asked 4" },
    { "with_timeout(0.01, interrupt, 5)", "asked 5" },
    { "for _ in coroutine.wrap(function() interrupt(6) coroutine.yield(1) end) do end", "asked 6" },
    { "table.sort({2, 1}, function() interrupt(7) end)", "asked 7" },
    { "pcall(tostring, setmetatable({}, {__tostring = function() interrupt(8) end})) emit('no') "
      "while true "
      "do emit('no') end",
      "asked 8" },
    { "pcall(tostring, setmetatable({}, {__tostring = function() interrupt(9) end})) return {out = "
      "'no'}",
      "asked 9" },
    { "local c <close> = setmetatable({}, {__close = function() emit('no') end}) interrupt(10)",
      "asked 10" },
    { "xpcall(error, function() interrupt(11) end)", "asked 11" },
    { "interrupt(print)", "LuaError: a function or coroutine cannot become JSON" },
};

START_TEST(a_question_without_an_answer_ends_the_node)
{
    kit_check(&questions[_i], "{}");
}
END_TEST

START_TEST(a_question_with_an_answer_goes_on)
{
    struct kit x;
    kit_init(&x);
    x.answer = kit_json("{'name':['x']}");
    ck_assert_str_eq(kit_do(&x, "local a = interrupt('who?') sleep(0) return {out = a.name[1]}"),
                     "{'out':'x'}");
    json_decref(x.answer);
    x.answer = json_null();
    ck_assert_str_eq(kit_do(&x, "return {out = interrupt('who?') == null}"), "{'out':true}");
    kit_deinit(&x);
}
END_TEST

/* ---- requests and models ---- */

#define OK(body) "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: " body

static const struct {
    const char *reply;
    const char *body;
    const char *wanted;
} requests[] = {
    { OK("7\r\n\r\n{\"a\":1}"),
      "local r = http.get(URL) return {out = {r.status, r.ok, r:json(), "
      "r:header('X-A'), r.body, r:check() == r}}",
      "{'out':[200,true,{'a':1},'1, 2','{\\'a\\':1}',true]}" },
    { OK("0\r\n\r\n"), "return {out = {http.post(URL, {json = {}}).body, pcall(http.get, URL)}}",
      NULL },
    { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
      "local r = http.get(URL) local ok, e = pcall(r.check, r) return {out = {r.ok, ok, e.type, "
      "(e.message:gsub('%d+%.%d+%.%d+%.%d+:%d+', 'HOST'))}}",
      "{'out':[false,false,'APIStatusError','GET HOST answered 404 Not Found']}" },
    { OK("1\r\n\r\nx"), "http.get(URL):json()", "LuaError: not JSON" },
    { "nonsense\r\n\r\n",
      "local ok, e = pcall(http.get, URL) return {out = {ok, e.type, #e.message > 0}}", NULL },
    { OK("99\r\n\r\nshort"), "http.get(URL)", "APIConnectionError: " },
    { OK("5\r\n\r\nlarge"), "http.get(URL, {max_bytes = 3})", "APIResponseError: " },
};

START_TEST(requests_wait_and_fail_with_their_class)
{
    struct kit x;
    struct node_server server;
    const struct node_reply reply = { requests[_i].reply, false };
    kit_init(&x);
    kit_connect(&x);
    node_server_start(&server, &reply, 1);
    char *body =
        mem_printf("local URL = 'http://127.0.0.1:%d/a' %s", server.port, requests[_i].body);
    const char *found = kit_do(&x, body);
    if (requests[_i].wanted != NULL)
        ck_assert_msg(kit_is(&x, found, requests[_i].wanted), "%s\nfound:  %s", requests[_i].body,
                      found);
    mem_free(body);
    node_server_stop(&server);
    kit_deinit(&x);
}
END_TEST

static const struct kit_row networks[] = {
    { "http.get('http://127.0.0.1:1/')", "APIConnectionError: " },
    { "local ok, e = pcall(http.get, 'http://127.0.0.1:1/') return {out = {ok, e.type}}",
      "{'out':[false,'APIConnectionError']}" },
    { "local ok, e = pcall(http.get, 'http://127.0.0.1:1/') error(e)", "APIConnectionError: " },
    { "gather(function() http.get('http://127.0.0.1:1/') end)", "APIConnectionError: " },
    { "coroutine.wrap(http.get)('http://127.0.0.1:1/')", "APIConnectionError: " },
    { "http.get('x://y')", "" },
    { "http.get('http://127.0.0.1:1/', {headers = {a = 1}})", "LuaError: " },
    { "http.get('http://127.0.0.1:1/', {body = 'a', json = {}})", "LuaError: " },
    { "http.get('http://127.0.0.1:1/', {query = 'a'})", "LuaError: " },
    { "return {out = {llm.chat('Hello').type, #llm.chat('Hello').content > 10}}",
      "{'out':['ai',true]}" },
    { "local text, s = '' for piece, stream in llm.stream('Hello') do text = text .. piece end "
      "return {out "
      "= #text > 10}",
      "{'out':true}" },
    { "local next, s = llm.stream('Hello') local text = '' for piece in next do text = text .. "
      "piece end "
      "return {out = s:result().content == text}",
      "{'out':true}" },
    { "local n = 0 local m = llm.chat({{role = 'user', content = 'x'}}, {on_token = function() n = "
      "n + 1 "
      "end}) return {out = n > 1}",
      "{'out':true}" },
    { "local a, b = gather(function() return llm.chat('a').content end, function() return "
      "llm.chat('b').content end) return {out = a ~= b}",
      "{'out':true}" },
    { "local ok, e = pcall(llm.chat, 'x', {model = 'nobody:x'}) return {out = {ok, e.type}}",
      "{'out':[false,'ProviderNotConfiguredError']}" },
    { "llm.chat('x', {model = 'nobody:x'})", "ProviderNotConfiguredError: " },
    { "llm.chat({{type = 'human'}, 5})", "" },
    { "llm.chat({})", "LuaError: a text or a list of messages expected" },
    { "llm.stream('x')", "null" },
    { "local _, s = llm.stream('x') local a, b = gather_settled(function() s:result() end, "
      "function() "
      "s:result() end) return {out = {a.ok, b.ok, b.error:match('another function waits') ~= nil}}",
      "{'out':[true,false,true]}" },
    { "local f = spawn(llm.chat, 'x') sleep(0)", "FutureNotJoinedError: " },
};

START_TEST(the_network_fails_with_classes)
{
    struct kit x;
    kit_init(&x);
    kit_connect(&x);
    const char *found = kit_do(&x, networks[_i].body);
    const char *wanted = networks[_i].wanted;
    ck_assert_msg(wanted[0] == '\0' ? fail_is_set(&x.fail) : kit_is(&x, found, wanted),
                  "%s\nfound:  %s\nwanted: %s", networks[_i].body, found, wanted);
    kit_deinit(&x);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, functions_run_side_by_side, 0, KIT_ROWS(together));
    tcase_add_loop_test(tc, errors_keep_what_they_are, 0, KIT_ROWS(errors));
    tcase_add_test(tc, the_stack_is_told_with_an_error);
    tcase_add_test(tc, the_stack_of_an_error_that_was_caught_is_not_told);
    tcase_add_test(tc, an_error_that_is_too_long_is_not_taken_for_want_of_memory);
    tcase_add_test(tc, what_a_node_tells_comes_in_order);
    tcase_add_loop_test(tc, a_question_without_an_answer_ends_the_node, 0, KIT_ROWS(questions));
    tcase_add_test(tc, a_question_with_an_answer_goes_on);
    tcase_add_loop_test(tc, requests_wait_and_fail_with_their_class, 0, KIT_ROWS(requests));
    tcase_add_loop_test(tc, the_network_fails_with_classes, 0, KIT_ROWS(networks));
}

int main(void)
{
    return kit_main("script_call", add);
}
