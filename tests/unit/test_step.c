/*
 * What a graph says of its steps and what its steps say to the graph: step_timeout_ms, and $run.
 */
#include "run_kit.h"

static struct rig rig;

static void set_up(void)
{
    rig_settings(&rig);
}

static void tear_down(void)
{
    rig_deinit(&rig);
}

#define LOG        "'log':{'type':'array','reducer':'append'}"
#define STATE      "'state':{" LOG ",'q':{'type':'any'}}"
#define ONE(node)  "'nodes':{'n':" node "},'edges':[['START','n']]"
#define NOTE(text) "{'kind':'set','values':{'log':'" text "'}}"
/* A graph whose steps may take so long. */
#define TIMED(ms, rest) "{'step_timeout_ms':" ms "," STATE "," rest "}"
#define INNER(ms, node) "{'kind':'graph','graph':" TIMED(ms, ONE(node)) "%s}"
#define A_DAY           "86400000"

/* Runs until it ends or stops; input or command may be NULL, ' for ". */
static const char *run_on_thread(const char *graph, const char *input, const char *command)
{
    json_t *json = command == NULL ? NULL : rig_parse(command);
    struct run_request req = { .thread_id = "t", .command = json };
    struct run *run = rig_start_with(&rig, rig_graph(&rig, graph), input, req);

    json_decref(json);
    rig_finish(&rig, run);
    const char *outcome = rig_outcome(run);
    run_unref(run);
    return outcome;
}

/* ---- step_timeout_ms ---- */

static const struct {
    const char *rest;
    const char *outcome;
    int held;
} times[] = {
    { ONE("{'kind':'hold'}"), "StepTimeoutError", 1 },
    { ONE("{'kind':'wait','ms':1}"), "{'log':[]}", 0 },
    /* a task beside it, a wait before a second attempt, a handler, a graph inside */
    { "'nodes':{'a':" NOTE("a") ",'b':{'kind':'hold'}},'edges':[['START',['a','b']]]",
      "StepTimeoutError", 1 },
    { ONE("{'kind':'flaky','times':9,'is_retryable':true,'retry':{'initial_ms':86400000}}"),
      "StepTimeoutError", 0 },
    { ONE("{'kind':'fail','on_error':{'kind':'hold'}}"), "StepTimeoutError", 1 },
    { ONE("{'kind':'graph','graph':{'state':{" LOG "}," ONE("{'kind':'hold'}") "}}"),
      "StepTimeoutError", 1 },
    /* The run itself has failed, not a node: no handler, no second attempt. */
    { ONE("{'kind':'hold','retry':{'on':['StepTimeoutError']},'on_error':" NOTE("never") "}"),
      "StepTimeoutError", 1 },
};

START_TEST(a_step_that_takes_too_long_fails_the_run)
{
    char graph[1024];

    snprintf(graph, sizeof(graph), TIMED("30", "%s"), times[_i].rest);
    ck_assert_str_eq(rig_run(&rig, graph, "{}"), times[_i].outcome);
    ck_assert_int_eq(rig.held_count, times[_i].held);
    ck_assert_int_eq(rig.cancel_count, times[_i].held);
}
END_TEST

START_TEST(the_error_names_the_step_and_the_limit)
{
    struct run *run = rig_start(
        &rig, "{'name':'slow','step_timeout_ms':5," STATE "," ONE("{'kind':'hold'}") "}", "{}");

    rig_finish(&rig, run);
    ck_assert_str_eq(fail_message(run_fail(run)),
                     "step 1 did not finish within the step_timeout_ms of 5 of graph \"slow\"");
    ck_assert_int_eq(fail_status(run_fail(run)), 504);
    run_unref(run);
}
END_TEST

/* Five waits of 100 ms are longer than the limit, one is not. */
START_TEST(each_step_has_the_whole_time)
{
    ck_assert_str_eq(
        rig_run(&rig,
                TIMED("400", "'nodes':{'a':{'kind':'wait','ms':100},'b':{'kind':'wait',"
                             "'ms':100},'c':{'kind':'wait','ms':100},'d':{'kind':'wait',"
                             "'ms':100},'e':{'kind':'wait','ms':100}},'edges':[['START',"
                             "'a'],['a','b'],['b','c'],['c','d'],['d','e']]"),
                "{}"),
        "{'log':[]}");
}
END_TEST

START_TEST(what_has_finished_beside_it_does_not_run_again)
{
    static const char graph[] = TIMED(
        "30", "'nodes':{'a':{'kind':'flaky'},'b':{'kind':'hold'}},'edges':[['START',['a','b']]]");

    ck_assert_str_eq(run_on_thread(graph, "{}", NULL), "StepTimeoutError");
    ck_assert_int_eq(rig.attempt_count, 1);
    ck_assert_str_eq(run_on_thread(graph, NULL, NULL), "StepTimeoutError");
    ck_assert_int_eq(rig.attempt_count, 1);
    ck_assert_int_eq(rig.held_count, 2);
}
END_TEST

static const struct {
    const char *more;
    const char *outcome;
    int held;
} inner[] = {
    { "", "StepTimeoutError", 1 },
    { ",'retry':{'initial_ms':0,'jitter':false}", "StepTimeoutError", 1 },
    { ",'retry':{'initial_ms':0,'jitter':false,'on':['StepTimeoutError']}", "StepTimeoutError", 3 },
    { ",'on_error':" NOTE("{{error.type}}"), "{'log':['StepTimeoutError']}", 1 },
};

START_TEST(a_slow_step_of_an_inner_graph_is_a_failure_of_its_node)
{
    char graph[1024];

    snprintf(graph, sizeof(graph), TIMED(A_DAY, ONE(INNER("20", "{'kind':'hold'}"))),
             inner[_i].more);
    ck_assert_str_eq(rig_run(&rig, graph, "{}"), inner[_i].outcome);
    ck_assert_int_eq(rig.held_count, inner[_i].held);
    ck_assert_int_eq(rig.cancel_count, inner[_i].held);
}
END_TEST

START_TEST(a_step_out_of_the_cache_takes_no_time)
{
    struct graph *graph =
        rig_graph(&rig, TIMED("50", "'nodes':{'a':{'kind':'flaky','cache':{}},'b':{'kind':'wait',"
                                    "'ms':1}},'edges':[['START','a'],['a','b']]"));

    for (int i = 0; i < 2; i++) {
        struct run *run = rig_start_with(&rig, graph_ref(graph), "{}", (struct run_request){ 0 });
        rig_finish(&rig, run);
        ck_assert_str_eq(rig_outcome(run), "{'log':[]}");
        run_unref(run);
    }
    ck_assert_int_eq(rig.attempt_count, 1);
    graph_unref(graph);
}
END_TEST

/* ---- $run ---- */

#define LIMITED(limit, rest) "{'recursion_limit':" limit "," STATE "," rest "}"
#define ALL                  "{{$run.step}}/{{$run.remaining_steps}}/{{$run.is_last_step}}"
#define NOTE_ALL             NOTE(ALL)

static const struct {
    const char *graph;
    const char *outcome;
} facts[] = {
    { LIMITED("4", "'nodes':{'a':" NOTE_ALL ",'b':" NOTE_ALL ",'c':" NOTE_ALL
                   "},'edges':[['START','a'],['a','b'],['b','c']]"),
      "{'log':['1/3/false','2/2/false','3/1/true']}" },
    { LIMITED("1", ONE(NOTE_ALL)), "GraphRecursionError" },
    /* the values keep their types */
    { LIMITED("9", ONE("{'kind':'set','values':{'q':'{{$run}}'}}")),
      "{'log':[],'q':{'step':1,'remaining_steps':8,'is_last_step':false}}" },
    /* inside of a section */
    { LIMITED("9", ONE(NOTE("{{#q}}no{{/q}}{{^q}}" ALL "{{/q}}"))), "{'log':['1/8/false']}" },
    { LIMITED("9", "'nodes':{'a':{'kind':'set','values':{'q':['x','y']}},'b':" NOTE(
                       "{{#q}}{{.}}{{$run.step}}{{/q}}") "},'edges':[['START','a'],['a','b']]"),
      "{'log':['x2y2'],'q':['x','y']}" },
    /* behind a node, behind __start__ */
    { LIMITED("5", "'nodes':{'n':" NOTE("{{$run.step}}") "},'edges':[['START','n'],{'from':'n',"
                                                         "'switch':'$run.is_last_step','cases':{'"
                                                         "true':'__end__','false':'n'}}]"),
      "{'log':[1,2,3,4]}" },
    { LIMITED("7", "'nodes':{'n':" NOTE("zero") "},'edges':[{'from':'START','switch':'$run.step',"
                                                "'cases':{'0':'n'}}]"),
      "{'log':['zero']}" },
    /* an error handler */
    { LIMITED("7", ONE("{'kind':'fail','on_error':" NOTE_ALL "}")), "{'log':['1/6/false']}" },
    /* a graph inside has steps of its own, and may be told those around it */
    { LIMITED("7",
              "'nodes':{'a':{'kind':'set','values':{}},'n':{'kind':'graph','graph':{'state':{" LOG
              ",'outer':{'type':'any'}}," ONE(
                  NOTE("{{outer}} {{$run.step}}")) "},'in':{'outer':'$run.step'}}},'edges':[['"
                                                   "START','a'],['a','n']]"),
      "{'log':['2 1']}" },
};

START_TEST(a_graph_sees_where_its_run_stands)
{
    ck_assert_str_eq(rig_run(&rig, facts[_i].graph, "{}"), facts[_i].outcome);
}
END_TEST

/* No step is spent on the input. */
START_TEST(who_goes_on_has_two_steps_more)
{
    static const char graph[] =
        LIMITED("5", "'nodes':{'a':{'kind':'interrupt','value':'?'},'b':" NOTE_ALL
                     "},'edges':[['START','a'],['a','b']]");

    run_on_thread(graph, "{}", NULL);
    ck_assert_str_eq(run_on_thread(graph, NULL, "{'resume':1}"), "{'log':['2/5/false']}");
}
END_TEST

/* The step is no part of a node's input, by which results are found. */
START_TEST(a_cached_node_sees_another_step_if_its_key_names_it)
{
    static const struct {
        const char *cache, *outcome;
    } rows[] = {
        { "{'key':'{{$run.step}}'}", "{'log':[1,3]}" },
        { "{'key':'one for all'}", "{'log':[1,1]}" },
    };
    char graph[1024];

    snprintf(graph, sizeof(graph),
             LIMITED("9",
                     "'nodes':{'m':{'kind':'set','values':{}},'n':{'kind':'set','values':{'log':"
                     "'{{$run.step}}'},'cache':%s}},'edges':[['START','n'],['n','m'],{'from':'m',"
                     "'switch':'$run.step','cases':{'4':'__end__'},'default':'n'}]"),
             rows[_i].cache);
    ck_assert_str_eq(rig_run(&rig, graph, "{}"), rows[_i].outcome);
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("step");
    TCase *t = tcase_create("step");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_step_that_takes_too_long_fails_the_run, 0, COUNT(times));
    tcase_add_test(t, the_error_names_the_step_and_the_limit);
    tcase_add_test(t, each_step_has_the_whole_time);
    tcase_add_test(t, what_has_finished_beside_it_does_not_run_again);
    tcase_add_loop_test(t, a_slow_step_of_an_inner_graph_is_a_failure_of_its_node, 0, COUNT(inner));
    tcase_add_test(t, a_step_out_of_the_cache_takes_no_time);
    tcase_add_loop_test(t, a_graph_sees_where_its_run_stands, 0, COUNT(facts));
    tcase_add_test(t, who_goes_on_has_two_steps_more);
    tcase_add_loop_test(t, a_cached_node_sees_another_step_if_its_key_names_it, 0, 2);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
