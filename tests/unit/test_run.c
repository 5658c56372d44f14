/*
 * Runs from input to end, over real services: order, routes, limits, retries, cancelling, the
 * registry, and the fault law. Events are tested in test_hub.c.
 */
#include "base/clock.h"
#include "run_kit.h"

/* ---- order ---- */

static const struct {
    int law_ms, math_ms, general_ms;
} delays[] = { { 1, 12, 24 }, { 24, 12, 1 }, { 12, 24, 1 }, { 0, 0, 0 } };

START_TEST(answers_of_a_step_come_in_canonical_order_whatever_finishes_first)
{
    struct rig rig;
    char graph[2048];
    rig_settings(&rig);
    snprintf(graph, sizeof(graph),
             "{'state':{'q':{'type':'string'},'all':{'type':'array','reducer':'append'},'sum':{'"
             "type':'string'}},"
             "'output':['all','sum'],'nodes':{"
             "'law':{'kind':'wait','ms':%d,'values':{'all':'L {{q}}'}},"
             "'math':{'kind':'wait','ms':%d,'values':{'all':'M {{q}}'}},"
             "'general':{'kind':'wait','ms':%d,'values':{'all':'G {{q}}'}},"
             "'editor':{'kind':'set','values':{'sum':'{{#all}}<{{.}}>{{/all}}'}}},"
             "'edges':[['__start__',['law','math','general']],[['law','math','general'],'editor'],["
             "'editor','__end__']]}",
             delays[_i].law_ms, delays[_i].math_ms, delays[_i].general_ms);
    ck_assert_str_eq(rig_run(&rig, graph, "{'q':'x'}"),
                     "{'all':['G x','L x','M x'],'sum':'<G x><L x><M x>'}");
    rig_deinit(&rig);
}
END_TEST

#define COUNTER                                                                                    \
    "'state':{'n':{'type':'integer','reducer':'add','default':0},'which':{'type':'string'}}"
#define ADD "{'kind':'set','values':{'n':1}}"

START_TEST(a_join_runs_once_and_plain_edges_run_as_often_as_they_fire)
{
    struct rig rig;
    rig_settings(&rig);
    /* a is one step long, b1 b2 are two: the join waits for both, the plain edges fire in different
     * steps. */
    ck_assert_str_eq(rig_run(&rig,
                             "{" COUNTER ",'nodes':{'a':{'kind':'wait','ms':1},'b1':{'kind':'wait',"
                             "'ms':1},'b2':{'kind':'wait','ms':1},"
                             "'c':" ADD
                             "},'edges':[['__start__',['a','b1']],['b1','b2'],[['a','b2'],'c']]}",
                             "{}"),
                     "{'n':1}");
    ck_assert_str_eq(
        rig_run(&rig,
                "{" COUNTER ",'nodes':{'a':{'kind':'wait','ms':1},'b1':{'kind':'wait','ms':1},'b2':"
                "{'kind':'wait','ms':1},"
                "'c':" ADD "},'edges':[['__start__',['a','b1']],['b1','b2'],['a','c'],['b2','c']]}",
                "{}"),
        "{'n':2}");
    rig_deinit(&rig);
}
END_TEST

/* ---- switches ---- */

static const struct {
    const char *input;
    const char *fallback;
    const char *outcome;
} switches[] = {
    { "{'which':'left'}", "", "{'n':1,'which':'left'}" },
    { "{'which':'right'}", "", "{'n':10,'which':'right'}" },
    { "{'which':'out'}", "", "{'n':0,'which':'out'}" },
    { "{'which':'up'}", "", "InvalidUpdateError" },
    { "{}", "", "InvalidUpdateError" },
    { "{'which':'up'}", ",'default':'right'", "{'n':10,'which':'up'}" },
    { "{}", ",'default':'__end__'", "{'n':0}" },
};

static void run_switch(const char *from)
{
    struct rig rig;
    char graph[2048];
    rig_settings(&rig);
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        snprintf(graph, sizeof(graph),
                 "{" COUNTER ",'nodes':{'first':{'kind':'set','values':{}},'left':" ADD
                 ",'right':{'kind':'set','values':{'n':10}}},"
                 "'edges':[%s{'from':'%s','switch':'which','cases':{'left':'left','right':'right','"
                 "out':'END'}%s}%s]}",
                 strcmp(from, "first") == 0 ? "['START','first']," : "", from, switches[i].fallback,
                 strcmp(from, "first") == 0 ? "" : ",['left','first']");
        ck_assert_str_eq(rig_run(&rig, graph, switches[i].input), switches[i].outcome);
    }
    rig_deinit(&rig);
}

START_TEST(a_switch_goes_to_the_case_of_the_value)
{
    run_switch("first");
}
END_TEST

START_TEST(the_start_can_be_a_switch)
{
    run_switch("__start__");
}
END_TEST

START_TEST(a_switch_without_a_match_names_its_node)
{
    struct rig rig;
    rig_settings(&rig);
    struct run *run =
        rig_start(&rig,
                  "{" COUNTER ",'nodes':{'a':" ADD ",'b':" ADD "},"
                  "'edges':[['START','a'],{'from':'a','switch':'which','cases':{'x':'b'}}]}",
                  "{'which':'y'}");
    rig_finish(&rig, run);
    ck_assert_int_eq(run_status(run), RUN_ERROR);
    ck_assert_str_eq(run_fail(run)->node, "a");
    ck_assert_ptr_nonnull(strstr(fail_message(run_fail(run)), "which"));
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_switch_sees_what_its_own_node_wrote)
{
    struct rig rig;
    rig_settings(&rig);
    ck_assert_str_eq(
        rig_run(&rig,
                "{" COUNTER ",'nodes':{'a':{'kind':'set','values':{'which':'go'}},'b':" ADD "},"
                "'edges':[['START','a'],{'from':'a','switch':'which','cases':{'go':'b'}}]}",
                "{'which':'stay'}"),
        "{'n':1,'which':'go'}");
    rig_deinit(&rig);
}
END_TEST

/* ---- the recursion limit: a run of m steps needs a limit of m + 1 ---- */

static const struct {
    int steps;
    int64_t of_request, of_graph, of_settings;
    const char *outcome;
} limits[] = {
    { 1, 1, 0, 25, "GraphRecursionError" },
    { 1, 2, 0, 25, "{'n':1}" },
    { 3, 3, 0, 25, "GraphRecursionError" },
    { 3, 4, 0, 25, "{'n':3}" },
    { 3, 0, 4, 25, "{'n':3}" },
    { 3, 0, 3, 25, "GraphRecursionError" },
    { 3, 4, 3, 25, "{'n':3}" },
    { 3, 3, 9, 25, "GraphRecursionError" },
    { 3, 0, 0, 4, "{'n':3}" },
    { 3, 0, 0, 3, "GraphRecursionError" },
};

START_TEST(a_run_of_m_steps_needs_a_recursion_limit_of_m_and_one)
{
    struct rig rig;
    char graph[2048], limit[64] = "";
    rig_settings(&rig);
    rig.conf.recursion_limit = limits[_i].of_settings;
    if (limits[_i].of_graph > 0)
        snprintf(limit, sizeof(limit), "'recursion_limit':%lld,", (long long)limits[_i].of_graph);
    /* The node follows itself until n is the number of steps. */
    snprintf(graph, sizeof(graph),
             "{%s" COUNTER ",'nodes':{'a':" ADD "},'edges':[['START','a'],"
             "{'from':'a','switch':'n','cases':{'%d':'END'},'default':'a'}]}",
             limit, limits[_i].steps);
    struct run *run =
        rig_start_with(&rig, rig_graph(&rig, graph), "{}",
                       (struct run_request){ .recursion_limit = limits[_i].of_request });
    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), limits[_i].outcome);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

/* ---- retries ---- */

#define NO_WAIT ",'initial_ms':0,'jitter':false"
static const struct {
    const char *node;
    int attempts;
    const char *outcome;
} retries[] = {
    { "'times':0", 1, "{}" },
    { "'times':1,'is_retryable':true", 1, "RateLimitError" },
    { "'times':2,'is_retryable':true,'retry':{'max_attempts':3" NO_WAIT "}", 3, "{}" },
    { "'times':3,'is_retryable':true,'retry':{'max_attempts':3" NO_WAIT "}", 3, "RateLimitError" },
    { "'times':2,'is_retryable':true,'retry':{'max_attempts':1" NO_WAIT "}", 1, "RateLimitError" },
    { "'times':1,'retry':{'max_attempts':3" NO_WAIT "}", 2, "{}" },
    { "'times':1,'error':'ValueError','retry':{'max_attempts':3" NO_WAIT "}", 2, "{}" },
    { "'times':1,'error':'TemplateError','retry':{'max_attempts':3" NO_WAIT "}", 1,
      "TemplateError" },
    { "'times':1,'error':'ValueError','retry':{'max_attempts':3,'on':['ValueError']" NO_WAIT "}", 2,
      "{}" },
    { "'times':1,'error':'KeyError','retry':{'max_attempts':3,'on':['ValueError']" NO_WAIT "}", 1,
      "KeyError" },
    { "'times':1,'is_retryable':true,'retry':{'max_attempts':3,'on':['ValueError']" NO_WAIT "}", 1,
      "RateLimitError" },
    { "'times':1,'error':'KeyError','retry':{'on':['ValueError','KeyError']" NO_WAIT "}", 2, "{}" },
    { "'times':1,'is_retryable':true,'retry_after_ms':20,'retry':{'max_ms':20" NO_WAIT "}", 2,
      "{}" },
    { "'times':1,'is_retryable':true,'retry_after_ms':21,'retry':{'max_ms':20" NO_WAIT "}", 1,
      "RateLimitError" },
};

START_TEST(a_node_is_repeated_as_its_policy_says)
{
    struct rig rig;
    char graph[1024];
    rig_settings(&rig);
    snprintf(graph, sizeof(graph),
             "{'state':{'a':{'type':'string'}},'nodes':{'n':{'kind':'flaky',%s}},'edges':[['START',"
             "'n']]}",
             retries[_i].node);
    ck_assert_str_eq(rig_run(&rig, graph, "{}"), retries[_i].outcome);
    ck_assert_int_eq(rig.attempt_count, retries[_i].attempts);
    rig_deinit(&rig);
}
END_TEST

START_TEST(the_wait_grows_by_the_factor_and_stops_at_max_ms)
{
    struct rig rig;
    rig_settings(&rig);
    int64_t begin_us = clock_mono_us();
    ck_assert_str_eq(
        rig_run(
            &rig,
            "{'state':{'a':{'type':'string'}},'nodes':{'n':{'kind':'flaky','times':3,'is_retryable'"
            ":true,"
            "'retry':{'max_attempts':4,'initial_ms':10,'factor':2,'max_ms':15,'jitter':false}}},"
            "'edges':[['START','n']]}",
            "{}"),
        "{}");
    ck_assert_int_ge(clock_mono_us() - begin_us, (10 + 15 + 15 - 3) * 1000);
    rig_deinit(&rig);
}
END_TEST

/* ---- time limits ---- */

#define HOLD(more)                                                                                 \
    "{'state':{'a':{'type':'string'}},'nodes':{'n':{'kind':'hold'" more                            \
    "}},'edges':[['START','n']]}"

START_TEST(a_node_that_takes_too_long_fails_with_its_own_class)
{
    struct rig rig;
    rig_settings(&rig);
    ck_assert_str_eq(rig_run(&rig, HOLD(",'timeout_ms':5"), "{}"), "NodeTimeoutError");
    ck_assert_int_eq(rig.cancel_count, 1);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_timeout_is_repeated_by_default)
{
    struct rig rig;
    rig_settings(&rig);
    ck_assert_str_eq(
        rig_run(&rig, HOLD(",'timeout_ms':5,'retry':{'max_attempts':2" NO_WAIT "}"), "{}"),
        "NodeTimeoutError");
    ck_assert_int_eq(rig.held_count, 2);
    ck_assert_int_eq(rig.cancel_count, 2);
    rig_deinit(&rig);
}
END_TEST

/* The time is long enough for the node to have begun. */
static void check_run_timeout(int64_t of_request, int64_t of_settings)
{
    struct rig rig;
    rig_settings(&rig);
    rig.conf.run_timeout_ms = of_settings;
    struct run *run = rig_start_with(&rig, rig_graph(&rig, HOLD("")), "{}",
                                     (struct run_request){ .timeout_ms = of_request });
    rig_finish(&rig, run);
    ck_assert_int_eq(run_status(run), RUN_TIMEOUT);
    ck_assert_str_eq(rig_outcome(run), "RunTimeoutError");
    ck_assert_int_eq(rig.cancel_count, 1);
    run_unref(run);
    rig_deinit(&rig);
}

START_TEST(a_run_that_takes_too_long_ends_as_timed_out)
{
    check_run_timeout(300, 0);
    check_run_timeout(300, 3600000);
    check_run_timeout(0, 300);
}
END_TEST

START_TEST(the_longest_timeout_is_no_timeout)
{
    struct rig rig;
    rig_settings(&rig);
    struct run *run = rig_start_with(&rig, rig_graph(&rig, HOLD("")), "{}",
                                     (struct run_request){ .timeout_ms = INT64_MAX });
    rig_turn(&rig);
    task_finish(rig.held[0], NULL);
    rig_finish(&rig, run);
    ck_assert_int_eq(run_status(run), RUN_SUCCESS);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

/* ---- cancelling ---- */

START_TEST(a_run_can_be_cancelled_after_any_turn)
{
    struct rig rig;
    rig_settings(&rig);
    struct run *run =
        rig_start(&rig,
                  "{" COUNTER ",'nodes':{'a':" ADD ",'b':{'kind':'wait','ms':0,'values':{'n':1}},"
                  "'c':{'kind':'wait','ms':1,'values':{'n':1}},"
                  "'d':{'kind':'flaky','times':1,'is_retryable':true,'retry':{'max_attempts':2,'"
                  "initial_ms':1,'jitter':false}},"
                  "'e':{'kind':'hold'}},"
                  "'edges':[['START',['a','b']],[['a','b'],'c'],['c','d'],['d','e']]}",
                  "{}");
    for (int i = 0; i < _i; i++)
        rig_turn(&rig);
    run_cancel(run);
    run_cancel(run);
    rig_finish(&rig, run);
    run_cancel(run);
    ck_assert_int_eq(run_status(run), RUN_INTERRUPTED);
    ck_assert_str_eq(rig_outcome(run), "CancelledError");
    ck_assert_int_eq(rig.cancel_count, rig.held_count);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_result_after_the_cancel_is_not_taken)
{
    struct rig rig;
    rig_settings(&rig);
    struct run *run = rig_start(&rig, HOLD(""), "{}");
    while (rig.held_count == 0)
        rig_turn(&rig);
    run_cancel(run);
    task_finish(rig.held[0], NULL);
    rig_finish(&rig, run);
    ck_assert_int_eq(run_status(run), RUN_INTERRUPTED);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_failure_cancels_the_siblings)
{
    struct rig rig;
    rig_settings(&rig);
    struct run *run =
        rig_start(&rig,
                  "{" COUNTER ",'nodes':{'bad':{'kind':'fail','error':'ValueError','message':'no'},"
                  "'h1':{'kind':'hold'},'h2':{'kind':'hold'},'after':" ADD "},"
                  "'edges':[['START',['bad','h1','h2']],['h1','after']]}",
                  "{}");
    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "ValueError");
    ck_assert_str_eq(run_fail(run)->node, "bad");
    ck_assert_str_eq(fail_message(run_fail(run)), "no");
    ck_assert_int_eq(rig.cancel_count, 2);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

#define LONG_WAIT "'retry':{'max_attempts':9,'initial_ms':3600000,'max_ms':3600000}"

/* Both fail in the same turn; the one that may be repeated must not wait an hour for it. */
START_TEST(a_run_that_stops_begins_no_wait_for_a_retry)
{
    struct rig rig;
    rig_settings(&rig);
    ck_assert_str_eq(rig_run(&rig,
                             "{" COUNTER
                             ",'nodes':{'a':{'kind':'flaky','times':1,'error':'ValueError'},"
                             "'b':{'kind':'flaky','times':9,'is_retryable':true," LONG_WAIT
                             "}},'edges':[['START',['a','b']]]}",
                             "{}"),
                     "ValueError");
    ck_assert_int_eq(rig.attempt_count, 2);
    rig_deinit(&rig);
}
END_TEST

/* Until the only task waits for its second attempt. */
static struct run_task *rig_wait_for_retry(struct rig *rig, struct run *run)
{
    while (run->root == NULL || run->root->task_count == 0 ||
           run->root->tasks[0]->retry_timer == NULL)
        rig_turn(rig);
    return run->root->tasks[0];
}

/* The wait of 0 ms is over, and before its end is told the run stops. */
START_TEST(a_run_that_stops_begins_no_further_attempt)
{
    struct rig rig;
    rig_settings(&rig);
    struct run *run = rig_start(&rig,
                                "{" COUNTER ",'nodes':{'n':{'kind':'flaky','times':1,'is_retryable'"
                                ":true,'retry':{'max_attempts':2" NO_WAIT "}}},"
                                "'edges':[['START','n']]}",
                                "{}");
    op_finish(&rig_wait_for_retry(&rig, run)->op, 0); /* what the timer does */
    run_cancel(run);
    rig_finish(&rig, run);
    ck_assert_int_eq(run_status(run), RUN_INTERRUPTED);
    ck_assert_int_eq(rig.attempt_count, 1);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_cancel_ends_the_wait_for_a_retry)
{
    struct rig rig;
    rig_settings(&rig);
    struct run *run = rig_start(
        &rig,
        "{" COUNTER ",'nodes':{'n':{'kind':'flaky','times':9,'is_retryable':true," LONG_WAIT
        "}},'edges':[['START','n']]}",
        "{}");
    (void)rig_wait_for_retry(&rig, run);
    run_cancel(run);
    rig_finish(&rig, run);
    ck_assert_int_eq(run_status(run), RUN_INTERRUPTED);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

/* ---- inputs and limits ---- */

static const struct {
    const char *input;
    const char *outcome;
} inputs[] = {
    { NULL, "EmptyInputError" },
    { "null", "EmptyInputError" },
    { "[]", "InvalidInputError" },
    { "'text'", "InvalidInputError" },
    { "{'which':7}", "InvalidInputError" },
    { "{'n':'x'}", "InvalidInputError" },
    { "{'unknown':1,'which':'w'}", "{'n':1,'which':'w'}" },
    { "{}", "{'n':1}" },
};

START_TEST(a_wrong_input_fails_the_run_and_the_check_alike)
{
    struct rig rig;
    rig_settings(&rig);
    struct graph *graph =
        rig_graph(&rig, "{" COUNTER ",'nodes':{'a':" ADD "},'edges':[['START','a']]}");
    json_t *json = inputs[_i].input == NULL ? NULL : rig_parse(inputs[_i].input);
    struct fail f = { .code = FAIL_NONE };
    int r = run_check_input(&rig.worker.services, graph, json, &f);
    bool is_right = inputs[_i].outcome[0] == '{';
    ck_assert_int_eq(r, is_right ? 0 : RUN_E_REFUSED);
    if (!is_right)
        ck_assert_str_eq(fail_type(&f), inputs[_i].outcome);
    fail_clear(&f);
    json_decref(json);
    struct run *run =
        rig_start_with(&rig, graph, inputs[_i].input, (struct run_request){ .modes = 0 });
    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), inputs[_i].outcome);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(private_fields_are_neither_input_nor_output)
{
    struct rig rig;
    rig_settings(&rig);
    ck_assert_str_eq(
        rig_run(&rig,
                "{'state':{'a':{'type':'string'},'p':{'type':'string','private':true}},"
                "'nodes':{'n':{'kind':'set','values':{'a':'[{{p}}]'}}},'edges':[['START','n']]}",
                "{'p':'x','a':'y'}"),
        "{'a':'[]'}");
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_step_has_at_most_max_tasks)
{
    struct rig rig;
    static const char graph[] = "{" COUNTER ",'nodes':{'a':" ADD ",'b':" ADD ",'c':" ADD
                                "},'edges':[['START',['a','b','c']]]}";
    rig_settings(&rig);
    rig.conf.max_tasks = 3;
    ck_assert_str_eq(rig_run(&rig, graph, "{}"), "{'n':3}");
    rig.conf.max_tasks = 2;
    ck_assert_str_eq(rig_run(&rig, graph, "{}"), "LimitError");
    rig_deinit(&rig);
}
END_TEST

START_TEST(two_writers_of_a_field_that_takes_one_fail_the_run)
{
    struct rig rig;
    rig_settings(&rig);
    ck_assert_str_eq(rig_run(&rig,
                             "{" COUNTER ",'nodes':{'a':{'kind':'set','values':{'which':'a'}},'b':{"
                             "'kind':'set','values':{'which':'b'}}},"
                             "'edges':[['START',['a','b']]]}",
                             "{}"),
                     "InvalidUpdateError");
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_state_that_grows_too_large_fails_the_run)
{
    struct rig rig;
    rig_settings(&rig);
    rig.conf.max_state_bytes = 200;
    ck_assert_str_eq(rig_run(&rig,
                             "{'state':{'t':{'type':'string'}},'nodes':{'a':{'kind':'set','values':"
                             "{'t':'{{t}}{{t}}'}}},"
                             "'edges':[['START','a'],['a','a']]}",
                             "{'t':'0123456789'}"),
                     "LimitError");
    rig_deinit(&rig);
}
END_TEST

/* ---- the registry of runs ---- */

static int try_start(struct rig *rig, struct fail *f)
{
    struct graph *graph = rig_graph(rig, HOLD(""));
    json_t *input = json_object();
    struct run_request req = { .graph = graph, .input = input };
    struct run *run = NULL;
    int r = run_start(rig->worker.runs, &req, &run, f);
    json_decref(input);
    graph_unref(graph);
    run_unref(run);
    return r;
}

START_TEST(above_max_runs_a_run_is_refused)
{
    struct rig rig;
    struct fail f = { .code = FAIL_NONE };
    rig_settings(&rig);
    rig.conf.max_runs = 1;
    struct run *run = rig_start(&rig, HOLD(""), "{}");
    ck_assert_int_eq(runs_active(rig.worker.runs), 1);
    ck_assert_int_eq(try_start(&rig, &f), RUN_E_REFUSED);
    ck_assert_int_eq(f.code, FAIL_FULL);
    fail_clear(&f);
    run_cancel(run);
    rig_finish(&rig, run);
    run_unref(run);
    ck_assert_int_eq(runs_active(rig.worker.runs), 0);
    ck_assert_str_eq(
        rig_run(&rig, "{" COUNTER ",'nodes':{'a':" ADD "},'edges':[['START','a']]}", "{}"),
        "{'n':1}");
    rig_deinit(&rig);
}
END_TEST

static void count(void *arg)
{
    ++*(int *)arg;
}

START_TEST(a_drain_refuses_new_runs_and_tells_once_when_the_last_has_ended)
{
    struct rig rig;
    struct fail f = { .code = FAIL_NONE };
    int idle_count = 0;
    rig_settings(&rig);
    struct run *run = rig_start(&rig, HOLD(""), "{}");
    rig_turn(&rig);
    runs_drain(rig.worker.runs, count, &idle_count);
    ck_assert_int_eq(try_start(&rig, &f), RUN_E_REFUSED);
    ck_assert_int_eq(f.code, FAIL_DRAINING);
    fail_clear(&f);
    rig_turn(&rig);
    ck_assert_int_eq(idle_count, 0);
    task_finish(rig.held[0], NULL);
    rig_finish(&rig, run);
    rig_turn(&rig);
    rig_turn(&rig);
    ck_assert_int_eq(idle_count, 1);
    ck_assert_int_eq(run_status(run), RUN_SUCCESS);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_drain_of_nobody_is_told_from_the_loop)
{
    struct rig rig;
    int idle_count = 0;
    rig_settings(&rig);
    runs_drain(rig.worker.runs, count, &idle_count);
    ck_assert_int_eq(idle_count, 0);
    rig_turn(&rig);
    ck_assert_int_eq(idle_count, 1);
    rig_deinit(&rig);
}
END_TEST

START_TEST(cancel_all_ends_every_run_with_a_reason)
{
    struct rig rig;
    struct run *run[3];
    rig_settings(&rig);
    for (int i = 0; i < 3; i++)
        run[i] = rig_start(&rig, HOLD(""), "{}");
    rig_turn(&rig);
    runs_cancel_all(rig.worker.runs);
    for (int i = 0; i < 3; i++) {
        rig_finish(&rig, run[i]);
        ck_assert_str_eq(rig_outcome(run[i]), "ServiceUnavailableError");
        run_unref(run[i]);
    }
    rig_deinit(&rig);
}
END_TEST

/* A stop that nobody has taken yet must not keep the worker from waiting for its runs. */
START_TEST(a_worker_ends_its_runs_even_after_a_stop)
{
    struct rig rig;
    rig_settings(&rig);
    struct run *run = rig_start(&rig, HOLD(""), "{}");
    while (rig.held_count == 0)
        rig_turn(&rig);
    run_unref(run);
    loop_stop(rig.worker.loop);
    worker_deinit(&rig.worker);
    ck_assert_int_eq(rig.cancel_count, 1);
    conf_deinit(&rig.conf);
}
END_TEST

START_TEST(a_run_outlives_its_callers_and_ends_alone)
{
    struct rig rig;
    rig_settings(&rig);
    run_unref(rig_start(
        &rig, "{" COUNTER ",'nodes':{'a':{'kind':'wait','ms':1}},'edges':[['START','a']]}", "{}"));
    while (runs_active(rig.worker.runs) > 0)
        rig_turn(&rig);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_run_has_the_ids_that_it_was_given)
{
    struct rig rig;
    char id[ID_BYTES], thread[ID_BYTES];
    rig_settings(&rig);
    id_v7(id);
    id_v7(thread);
    struct run *run = rig_start_with(&rig, rig_graph(&rig, HOLD("")), "{}",
                                     (struct run_request){ .run_id = id, .thread_id = thread });
    ck_assert_str_eq(run_id(run), id);
    ck_assert_str_eq(run_thread_id(run), thread);
    struct run *other = rig_start(&rig, HOLD(""), "{}");
    ck_assert(id_is_uuid(run_id(other)));
    ck_assert_str_ne(run_id(other), id);
    run_cancel(run);
    run_cancel(other);
    rig_finish(&rig, run);
    rig_finish(&rig, other);
    run_unref(run);
    run_unref(other);
    rig_deinit(&rig);
}
END_TEST

/* ---- the fault law ---- */

/*
 * The n-th allocation fails somewhere in a run: it ends, well or with an error, and nothing is
 * left. Waits for the end without allocating itself.
 */
static bool end_with_fault(struct rig *rig, struct graph *graph, const json_t *input,
                           unsigned long n)
{
    struct run_request req = { .graph = graph,
                               .input = input,
                               .modes = MODE_VALUES | MODE_UPDATES | MODE_MESSAGES_TUPLE };
    struct run *run = NULL;
    struct fail f = { .code = FAIL_NONE };
    struct loop_work work;

    mem_fail_at(n);
    int r = run_start(rig->worker.runs, &req, &run, &f);
    for (int turn = 0; r == 0 && runs_active(rig->worker.runs) > 0; turn++) {
        ck_assert_int_lt(turn, 10000);
        loop_work_init(&work, rig_stop, rig->worker.loop);
        loop_ready(rig->worker.loop, &work);
        (void)loop_run(rig->worker.loop);
    }
    bool was_met = mem_fail_pending() == 0;
    mem_fail_at(0);
    ck_assert(r <= 0);
    if (!was_met)
        ck_assert_int_eq(run_status(run), RUN_SUCCESS);
    if (r == 0)
        ck_assert(run_has_ended(run));
    fail_clear(&f);
    run_unref(run);
    ck_assert_int_eq(loop_op_count(rig->worker.loop), 0);
    return was_met;
}

START_TEST(without_memory_a_run_ends_and_leaks_nothing)
{
    struct rig rig;
    unsigned long n = 1;
    rig_settings(&rig);
    struct graph *graph = rig_graph(
        &rig,
        "{'state':{'q':{'type':'string'},'all':{'type':'array','reducer':'append'},'messages':{'"
        "type':'messages'}},"
        "'nodes':{'a':{'kind':'wait','ms':0,'values':{'all':'{{q}}'}},"
        "'b':{'kind':'set','values':{'all':['x'],'messages':[{'role':'user','content':'hi'}]}},"
        "'f':{'kind':'flaky','times':1,'is_retryable':true,'timeout_ms':5000,'retry':{'max_"
        "attempts':2" NO_WAIT "}},"
        "'c':{'kind':'llm','prompt':'{{q}}','output':'messages'}},"
        "'edges':[['START',['a','b','f']],{'from':'a','switch':'q','cases':{'x':'END'},'default':'"
        "END'},[['a','b','f'],'c']]}");
    json_t *input = rig_parse("{'q':'x'}");
    while (end_with_fault(&rig, graph, input, n))
        n++;
    ck_assert_uint_gt(n, 200);
    json_decref(input);
    graph_unref(graph);
    rig_deinit(&rig);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *s = suite_create("run");
    TCase *t = tcase_create("run");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, answers_of_a_step_come_in_canonical_order_whatever_finishes_first, 0,
                        COUNT(delays));
    tcase_add_test(t, a_join_runs_once_and_plain_edges_run_as_often_as_they_fire);
    tcase_add_test(t, a_switch_goes_to_the_case_of_the_value);
    tcase_add_test(t, the_start_can_be_a_switch);
    tcase_add_test(t, a_switch_without_a_match_names_its_node);
    tcase_add_test(t, a_switch_sees_what_its_own_node_wrote);
    tcase_add_loop_test(t, a_run_of_m_steps_needs_a_recursion_limit_of_m_and_one, 0, COUNT(limits));
    tcase_add_loop_test(t, a_node_is_repeated_as_its_policy_says, 0, COUNT(retries));
    tcase_add_test(t, the_wait_grows_by_the_factor_and_stops_at_max_ms);
    tcase_add_test(t, a_node_that_takes_too_long_fails_with_its_own_class);
    tcase_add_test(t, a_timeout_is_repeated_by_default);
    tcase_add_test(t, a_run_that_takes_too_long_ends_as_timed_out);
    tcase_add_test(t, the_longest_timeout_is_no_timeout);
    tcase_add_loop_test(t, a_run_can_be_cancelled_after_any_turn, 0, 12);
    tcase_add_test(t, a_result_after_the_cancel_is_not_taken);
    tcase_add_test(t, a_failure_cancels_the_siblings);
    tcase_add_test(t, a_run_that_stops_begins_no_wait_for_a_retry);
    tcase_add_test(t, a_run_that_stops_begins_no_further_attempt);
    tcase_add_test(t, a_cancel_ends_the_wait_for_a_retry);
    tcase_add_loop_test(t, a_wrong_input_fails_the_run_and_the_check_alike, 0, COUNT(inputs));
    tcase_add_test(t, private_fields_are_neither_input_nor_output);
    tcase_add_test(t, a_step_has_at_most_max_tasks);
    tcase_add_test(t, two_writers_of_a_field_that_takes_one_fail_the_run);
    tcase_add_test(t, a_state_that_grows_too_large_fails_the_run);
    tcase_add_test(t, above_max_runs_a_run_is_refused);
    tcase_add_test(t, a_drain_refuses_new_runs_and_tells_once_when_the_last_has_ended);
    tcase_add_test(t, a_drain_of_nobody_is_told_from_the_loop);
    tcase_add_test(t, cancel_all_ends_every_run_with_a_reason);
    tcase_add_test(t, a_worker_ends_its_runs_even_after_a_stop);
    tcase_add_test(t, a_run_outlives_its_callers_and_ends_alone);
    tcase_add_test(t, a_run_has_the_ids_that_it_was_given);
    tcase_add_test(t, without_memory_a_run_ends_and_leaks_nothing);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
