/* No memory, at every place: of the process (the n-th allocation fails), and of the script (its bound is
 * at every byte). What a script does ends with a failure or a fault; nothing is lost, and the script goes
 * on working. */
#include "script/condition.h"
#include "script_kit.h"

#define FULL                                                                                       \
    "local n = 0\n"                                                                                \
    "local function count(old, new) return (old or 0) + #new end\n"                                \
    "local function route(state) return {Send('b', {x = {}}), 'c'} end\n"                          \
    "local inner = StateGraph({sum = {type = 'integer', reducer = count}})"                        \
    ":add_node('i', function() end):add_edge(START, 'i'):compile{checkpointer = false}\n"          \
    "local g = StateGraph({sum = {type = 'integer', reducer = count}, list = {type = 'array'}, "   \
    "out = "                                                                                       \
    "'any'}, {input = {'list'}, output = {'sum'}})\n"                                              \
    "g:add_node('a', function() return {} end, {retry = {max_attempts = 2}, metadata = {k = "      \
    "{1}}})\n"                                                                                     \
    "g:add_node('b', node.set{values = {out = '{{list}}'}}, {on_error = {function() end, "         \
    "['goto'] = 'c'}})\n"                                                                          \
    "g:add_node('c', inner)\n"                                                                     \
    "g:add_sequence{{'d', function() end}, {'it', function() return {out = 1} end}}\n"             \
    "g:add_edge(START, 'a'):add_conditional_edges('a', route, {'b', 'c', 'd'}):add_edge({'b', "    \
    "'c'}, 'd')\n"                                                                                 \
    "return g:compile{recursion_limit = 9, interrupt_before = {'d'}, description = 'all of it'}"

static const char *const files[] = {
    FULL,
    "local g = StateGraph{a = 'strin', b = {type = 'array', reducer = 'nobody'}} g:add_node('x', "
    "node.nobody{}):add_edge(START, 'y'):add_node('z', node.set{values = {q = 1}}) local f = "
    "function() "
    "return qqqq end return g:compile{}",
    "error({type = 'X', message = 'told'})",
    "local x = = 1",
    "return {}",
};

START_TEST(loading_without_memory_is_a_fault_or_told)
{
    struct kit x;
    kit_init(&x);
    int first = kit_parse(&x, files[_i]);
    unsigned long n = 1;
    for (bool is_pending = false; !is_pending; n++) {
        mem_fail_at(n);
        int r = kit_parse(&x, files[_i]);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(r <= 1 && (r == 0) == (r == 0 && first == 0), "allocation %lu: %d, not %d", n,
                      r, first);
        ck_assert(r == 0 || x.graph == NULL);
        ck_assert(r <= 0 || x.problems.count > 0);
        if (is_pending)
            ck_assert_int_eq(r, first);
    }
    ck_assert_uint_gt(n, 500);
    kit_deinit(&x);
}
END_TEST

/* ---- the script's own bound ---- */

static const struct script_code {
    const char *body;
    bool is_caught; /* the body goes on after errors: it may come to any end */
} bodies[] = {
    { "return {out = {a = {1, 2, {}}, b = json.array{}}, items = {'x', state.out, 1.5}}", false },
    { "local c = json.copy(state) return {out = json.encode(json.decode(json.encode(c)))}", false },
    { "local a, b = gather(function() sleep(0) return {1} end, function() return 'b' end) return "
      "{out = {a, b}}",
      false },
    { "local a, b = gather_settled(function() error({type = 'x'}) end, function() return 'b' end) "
      "return {out = "
      "{a, b}}",
      false },
    { "local f, g = spawn(function(x) sleep(0) return x end, {1}), spawn(print) join(g) return "
      "{out = join(f)}",
      false },
    { "local ok, e = pcall(with_timeout, 0, sleep, 5) return {out = {ok, e.type, e.message}}",
      true },
    { "with_timeout(0, sleep, 5)", false },
    { "return {out = {pcall(gather, function() error({type = 'T', message = ('m'):rep(500)}) "
      "end)}}",
      true },
    { "gather(function() error('thrown') end)", false },
    { "local t = {} for x in coroutine.wrap(function() for i = 1, 3 do sleep(0) "
      "coroutine.yield({i}) end end) do "
      "t[#t + 1] = x end return {out = t}",
      false },
    { "local co = coroutine.create(function() sleep(0) error({}) end) return {out = "
      "{coroutine.resume(co)}}",
      true },
    { "for i = 1, 3 do pcall(gather, function() sleep(0) return {i} end, print) end return {out = "
      "1}",
      true },
    { "local c <close> = setmetatable({}, {__close = function() local t = {{}, {}} end}) "
      "error('x')",
      false },
    { "emit('a' .. #state) writer({a = {}}) heartbeat() print('x', {}) return {out = runtime.node}",
      false },
    { "interrupt({a = {'b'}})", false },
    { "return Command{update = {out = {}}, ['goto'] = {Send('it', {a = 1}), 'it'}}", false },
    { "return {{out = 1}, Send('it', {})}", false },
    { "local t = {3, 1, 2} table.sort(t) return {out = table.concat(t, (','):rep(3)):gsub('1', "
      "{['1'] = 'x'})}",
      false },
    { "return {out = (('abc'):gsub('%w', function(c) sleep(0) return c .. c end))}", false },
    { "local r = http.get('http://127.0.0.1:1/', {headers = {a = 'b'}, query = {c = 'd'}})",
      false },
    { "local ok, e = pcall(http.post, 'http://127.0.0.1:1/', {json = {a = {1}}}) return {out = "
      "{ok, e}}",
      true },
    { "return {out = llm.chat('Hello', {system = 's', temperature = 0.5})}", false },
    { "local t = {} for piece in llm.stream({{role = 'user', content = 'x'}}) do t[#t + 1] = piece "
      "end return "
      "{items = t}",
      false },
    { "llm.chat('x', {model = 'nobody'})", false },
    { "local ok, e = pcall(llm.chat, {{type = 'nothing'}, 5}) return {out = tostring(e)}", true },
    { "local f = spawn(sleep, 5) return {out = 1}", false },
    { "error(state)", false },
    { "error({type = ('t'):rep(100), message = 'm'})", false },
    { "return {out = print}", false },
};

/* Text of the end, to free(). */
static char *end_text(struct kit *x)
{
    return strdup(kit_call(x));
}

/* Messages of models have ids, new ones each time. */
static bool is_other(const char *usual, const char *found)
{
    const char *id = strstr(usual, "run-");
    return strncmp(usual, found, id == NULL ? SIZE_MAX : (size_t)(id - usual)) != 0;
}

/* Ends by itself also where the script's memory was short. */
static void check_end(struct kit *x, const struct script_code *code, const char *usual,
                      const char *found, size_t at)
{
    bool is_usual =
        strcmp(found, usual) == 0 || (strstr(usual, "run-") != NULL && !fail_is_set(&x->fail));
    bool is_limit = x->fail.code == FAIL_LIMIT || x->fail.code == FAIL_INTERNAL ||
                    strstr(found, "memory") != NULL ||
                    (fail_is_set(&x->fail) && x->fail.message == NULL);
    ck_assert_msg(code->is_caught || is_usual || is_limit, "%s\nat %zu: %s\nnot %s", code->body, at,
                  found, usual);
}

static void begin(struct kit *x, const struct script_code *code)
{
    kit_init(x);
    kit_connect(x);
    log_level_set(LOG_ERROR);
    kit_give(x, "{'out':{'a':[1,2,{}]},'items':['p']}");
    kit_load_body(x, code->body);
}

START_TEST(a_script_whose_memory_ends_anywhere_fails_and_lives)
{
    enum { STEP = 40 };
    struct kit x;
    begin(&x, &bodies[_i]);
    char *usual = end_text(&x);
    struct script *s = kit_script(&x);
    size_t max_bytes = s->max_bytes;
    bool is_enough = false;
    for (size_t more = 0; !is_enough; more += STEP) {
        lua_gc(s->L, LUA_GCCOLLECT);
        size_t before = s->used_bytes;
        s->max_bytes = before + more;
        char *found = end_text(&x);
        check_end(&x, &bodies[_i], usual, found, more);
        is_enough = more > 60000 || (strcmp(found, usual) == 0 && more > 6000);
        s->max_bytes = max_bytes;
        free(found);
    }
    const char *again = kit_call(&x);
    ck_assert_msg(!is_other(usual, again), "%s", again);
    free(usual);
    kit_deinit(&x);
}
END_TEST

static bool has_started(struct kit *x)
{
    const struct script_call_options options = kit_options(x);
    kit_clear(x);
    int r = script_call_start(&options, &x->call, &x->fail);
    ck_assert(r <= 0 || fail_is_set(&x->fail));
    return r == 0;
}

/* The loop runs with the failure ahead. */
START_TEST(a_call_without_memory_of_the_process_fails)
{
    struct kit x;
    begin(&x, &bodies[_i]);
    char *usual = end_text(&x);
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        struct loop_timer *patience = NULL;
        ck_assert_int_eq(loop_timer_new(x.loop, kit_give_up, &x, &patience), 0);
        loop_timer_start(patience, (int64_t)KIT_PATIENCE_S * 1000000);
        mem_fail_at(n);
        bool is_started = has_started(&x);
        int r = is_started ? loop_run_until(x.loop, &x.has_ended) : 0;
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        x.call = script_call_free(x.call);
        loop_timer_free(patience);
        ck_assert_int_eq(r, 0);
        kit_drain(&x);
        const char *found = is_started
                                ? kit_text(&x)
                                : usual; /* of failures, all that was to be said may be lost */
        ck_assert_msg(bodies[_i].is_caught || fail_is_set(&x.fail) || !is_other(usual, found),
                      "%s\nallocation %lu: %s", bodies[_i].body, n, found);
        ck_assert(!is_pending || is_started);
    }
    free(usual);
    kit_deinit(&x);
}
END_TEST

/* ---- conditions and reducers ---- */

/* With the n-th allocation failing: 0, more or a fault. */
static int reduce(struct kit *x, unsigned long n, bool *is_pending)
{
    const struct field *sum = &x->graph->fields[graph_find_field(x->graph, "sum")];
    json_t *held = kit_json("7"), *written = kit_json("['a','b']"), *result = NULL;
    struct fail f = { .code = FAIL_NONE };
    mem_fail_at(n);
    int r = sum->fn.fold(sum->fn.arg, held, written, &result, &f);
    *is_pending = mem_fail_pending();
    mem_fail_at(0);
    ck_assert_int_eq(r == 0, result != NULL);
    ck_assert_int_eq(r > 0, fail_is_set(&f));
    fail_clear(&f);
    json_decref(held);
    json_decref(written);
    json_decref(result);
    return r;
}

static int choose(struct kit *x, unsigned long n, bool *is_pending)
{
    const struct node *a = &x->graph->nodes[graph_find_node(x->graph, "a")];
    struct fail f = { .code = FAIL_NONE };
    struct outcome out = { .parent = NULL };
    struct state *state = NULL;
    ck_assert_int_eq(state_new(x->graph, &state), 0);
    const struct scope scope = { .graph = x->graph, .state = state };
    mem_fail_at(n);
    int r = outcome_follow(&out, "a", &a->out, &scope, &f);
    *is_pending = mem_fail_pending();
    mem_fail_at(0);
    ck_assert_int_eq(r > 0, fail_is_set(&f));
    ck_assert(r != 0 || out.target_count == 2);
    fail_clear(&f);
    outcome_clear(&out);
    state_unref(state);
    return r;
}

static int (*const at_once[])(struct kit *x, unsigned long n, bool *is_pending) = { reduce,
                                                                                    choose };

START_TEST(conditions_and_reducers_without_memory_fail)
{
    struct kit x;
    bool is_pending = false;
    kit_init(&x);
    ck_assert_msg(kit_parse(&x, FULL) == 0, "%s", buf_text(&x.problems.text));
    for (unsigned long n = 1; !is_pending; n++) {
        int r = at_once[_i](&x, n, &is_pending);
        ck_assert(!is_pending || r == 0);
    }
    struct script *s = kit_script(&x);
    size_t max_bytes = s->max_bytes;
    int r = 1;
    for (size_t more = 0; r != 0; more += 8) {
        lua_gc(s->L, LUA_GCCOLLECT);
        s->max_bytes = s->used_bytes + more;
        r = at_once[_i](&x, 0, &is_pending);
        s->max_bytes = max_bytes;
        ck_assert_int_ge(r, 0);
    }
    kit_deinit(&x);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, loading_without_memory_is_a_fault_or_told, 0, KIT_ROWS(files));
    tcase_add_loop_test(tc, a_script_whose_memory_ends_anywhere_fails_and_lives, 0,
                        KIT_ROWS(bodies));
    tcase_add_loop_test(tc, a_call_without_memory_of_the_process_fails, 0, KIT_ROWS(bodies));
    tcase_add_loop_test(tc, conditions_and_reducers_without_memory_fail, 0, KIT_ROWS(at_once));
}

int main(void)
{
    return kit_main("script_memory", add);
}
