/*
 * What a graph file says beside a node's kind, seen from a whole run: retry, cache, error handlers,
 * and defaults for them; and max_concurrency, which a request says. How the file is read is in
 * test_parse.c; how retries and run timeouts count, in test_run.c; time limits are in
 * test_time_limits.c.
 *
 * One more kind:
 *
 *     moody   {"errors": "AB"}: fails with the class "A", then with "B", then is done
 */
#include "base/clock.h"
#include "run_kit.h"

/* ---- moody ---- */

static int configure_moody(struct setup *s, void **ret_config)
{
    *ret_config = mem_strdup(setup_string(s, "errors", true));
    return *ret_config == NULL ? err_trace(ERR_NOMEM) : 0;
}

static void free_moody_config(void *config)
{
    mem_free(config);
}

static void start_moody(struct task *task)
{
    const char *errors = task->node->config;
    size_t attempt = (size_t)task->attempt;
    struct fail f = { .code = FAIL_NONE };

    if (attempt > strlen(errors)) {
        task_finish(task, NULL);
        return;
    }
    fail_set(&f, FAIL_NODE, "attempt %zu", attempt);
    fail_set_type(&f, (const char[]){ errors[attempt - 1], '\0' });
    task_fail(task, &f);
}

static const struct node_kind moody_kind = { .name = "moody",
                                             .configure = configure_moody,
                                             .config_free = free_moody_config,
                                             .start = start_moody };

/* ---- the rig ---- */

static struct rig rig;

static void set_up(void)
{
    rig_settings(&rig);
    size_t count = rig.worker.services.kinds.count;
    ck_assert_uint_le(count + 1, sizeof(rig.kinds) / sizeof(rig.kinds[0]));
    rig.kinds[count++] = &moody_kind;
    rig.worker.services.kinds = (struct kind_table){ rig.kinds, count };
}

static void tear_down(void)
{
    rig_deinit(&rig);
}

#define LOG "'log':{'type':'array','reducer':'append'}"
/* A graph of these nodes and edges. */
#define GRAPH(nodes, edges)                                                                        \
    "{'state':{" LOG ",'q':{'type':'any'}},'nodes':{" nodes "},'edges':[" edges "]}"
#define ONE(node)      GRAPH("'n':" node, "['START','n']")
#define NOTE(text)     "{'kind':'set','values':{'log':'" text "'}}"
#define NO_WAIT        "'initial_ms':0,'jitter':false"
#define ON_ERROR(more) "'on_error':{'kind':'set','values':{'log':" more "}"
#define FAILING        "'kind':'fail','error':'BoomError','message':'it went off'"

static void expect_run(const char *graph, const char *input, const char *outcome)
{
    ck_assert_str_eq(rig_run(&rig, graph, input), outcome);
}

static struct run *start_on_thread(const char *graph, const char *input)
{
    return rig_start_with(&rig, rig_graph(&rig, graph), input,
                          (struct run_request){ .thread_id = "t" });
}

/* On the thread "t"; ' for ". */
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

static int count_of(const char *text, const char *part)
{
    int count = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

/* ---- retry ---- */

START_TEST(the_attempts_of_a_task_are_one_task_to_the_stream)
{
    char *events = rig_events(&rig,
                              ONE("{'kind':'flaky','times':2,'is_retryable':true,"
                                  "'retry':{'max_attempts':3," NO_WAIT "}}"),
                              "{}", MODE_TASKS | MODE_UPDATES);

    ck_assert_int_eq(rig.attempt_count, 3);
    ck_assert_int_eq(count_of(events, "tasks {"), 2);
    ck_assert_int_eq(count_of(events, "'error':null"), 1);
    ck_assert_int_eq(count_of(events, "updates "), 1);
    free(events);
}
END_TEST

/* The route refuses what the node has written, so the attempt has failed as a whole. */
START_TEST(what_a_failed_attempt_would_have_written_is_lost)
{
    expect_run(GRAPH("'n':{'kind':'set','values':{'log':'lost'},"
                     "'retry':{'max_attempts':2,'on':['InvalidUpdateError']," NO_WAIT
                     "}," ON_ERROR("'kept'") "}},'m':" NOTE("never"),
                     "['START','n'],{'from':'n','switch':'q','cases':{'yes':'m'}}"),
               "{}", "{'log':['kept']}");
}
END_TEST

/* 20 waits, each up to a second at random: that all are under 200 ms is one case in 10^14. */
START_TEST(with_jitter_a_wait_is_up_to_a_second_longer)
{
    struct run *runs[20];
    int64_t begin_us = clock_mono_us();

    for (int i = 0; i < 20; i++)
        runs[i] = rig_start(&rig,
                            ONE("{'kind':'flaky','times':1,'is_retryable':true,"
                                "'retry':{'initial_ms':0}}"),
                            "{}");
    for (int i = 0; i < 20; i++) {
        rig_finish(&rig, runs[i]);
        ck_assert_str_eq(rig_outcome(runs[i]), "{'log':[]}");
        run_unref(runs[i]);
    }
    ck_assert_int_ge(clock_mono_us() - begin_us, 200000);
    ck_assert_int_lt(clock_mono_us() - begin_us, 30000000); /* however busy the machine is */
    ck_assert_int_eq(rig.attempt_count, 40);
}
END_TEST

START_TEST(the_last_attempts_error_is_the_runs)
{
    struct run *run = rig_start(&rig,
                                ONE("{'kind':'flaky','times':9,'error':'KeyError',"
                                    "'retry':{'on':['KeyError']," NO_WAIT "}}"),
                                "{}");

    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "KeyError");
    ck_assert_str_eq(fail_message(run_fail(run)), "attempt 3");
    ck_assert_str_eq(run_fail(run)->node, "n");
    run_unref(run);
}
END_TEST

#define POLICY(on, most) "{'on':['" on "'],'max_attempts':" most "," NO_WAIT "}"

static const struct {
    const char *policies;
    const char *errors;
    const char *outcome; /* or the class of the error that was one too many */
} several[] = {
    { "[" POLICY("A", "2") "," POLICY("B", "4") "]", "A", "{'log':[]}" },
    { "[" POLICY("A", "2") "," POLICY("B", "4") "]", "BBB", "{'log':[]}" },
    { "[" POLICY("A", "2") "," POLICY("B", "4") "]", "AA", "A" },
    { "[" POLICY("A", "2") "," POLICY("B", "4") "]", "BBBB", "B" },
    { "[" POLICY("A", "2") "," POLICY("B", "4") "]", "C", "C" },
    /* attempts are counted together */
    { "[" POLICY("A", "2") "," POLICY("B", "4") "]", "ABB", "{'log':[]}" },
    { "[" POLICY("A", "2") "," POLICY("B", "4") "]", "BA", "A" },
    { "[" POLICY("A", "2") "," POLICY("B", "4") "]", "ABBB", "B" },
    /* what comes after the first that is for the error does not count */
    { "[" POLICY("A", "2") "," POLICY("A", "9") "]", "AA", "A" },
    { "[" POLICY("A", "9") "," POLICY("A", "2") "]", "AAA", "{'log':[]}" },
    { "[" POLICY("A','B", "3") "," POLICY("B", "9") "]", "BBB", "B" },
    { "[]", "A", "A" },
};

START_TEST(of_several_policies_the_first_that_is_for_the_error_decides)
{
    char graph[512];

    snprintf(graph, sizeof(graph), ONE("{'kind':'moody','errors':'%s','retry':%s}"),
             several[_i].errors, several[_i].policies);
    expect_run(graph, "{}", several[_i].outcome);
}
END_TEST

START_TEST(a_policy_without_classes_takes_what_may_pass_by_itself)
{
    expect_run(ONE("{'kind':'flaky','times':3,'is_retryable':true,"
                   "'retry':[" POLICY("A", "2") ",{'max_attempts':4," NO_WAIT "}]}"),
               "{}", "{'log':[]}");
    expect_run(ONE("{'kind':'moody','errors':'B','retry':[" POLICY("A", "2") ",{" NO_WAIT "}]}"),
               "{}", "{'log':[]}");
}
END_TEST

/* ---- defaults ---- */

#define DEFAULTED(defaults, node)                                                                  \
    "{'node_defaults':{" defaults "},'state':{" LOG ",'q':{'type':'any'}},'nodes':{'n':" node      \
    "},'edges':[['START','n']]}"
#define RETRIES "'retry':{'max_attempts':2,'on':['A']," NO_WAIT "}"

static const struct {
    const char *graph;
    const char *outcome;
} defaulted[] = {
    { DEFAULTED(RETRIES, "{'kind':'moody','errors':'A'}"), "{'log':[]}" },
    { DEFAULTED(RETRIES, "{'kind':'moody','errors':'A','retry':[]}"), "A" },
    { DEFAULTED("'timeout_ms':10", "{'kind':'hold'}"), "NodeTimeoutError" },
    { DEFAULTED("'idle_timeout_ms':10", "{'kind':'hold'}"), "NodeTimeoutError" },
    { DEFAULTED("'timeout_ms':10", "{'kind':'wait','ms':30,'timeout_ms':10000}"), "{'log':[]}" },
    { DEFAULTED(ON_ERROR("'{{error.node}} {{error.type}}'") "}", "{" FAILING "}"),
      "{'log':['n BoomError']}" },
    { DEFAULTED(ON_ERROR("'default'") "}", "{" FAILING "," ON_ERROR("'own'") "}}"),
      "{'log':['own']}" },
    /* handlers */
    { DEFAULTED(RETRIES, "{" FAILING ",'on_error':{'kind':'moody','errors':'A'}}"), "{'log':[]}" },
    { DEFAULTED("'timeout_ms':10", "{" FAILING ",'on_error':{'kind':'hold'}}"),
      "NodeTimeoutError" },
    { DEFAULTED(ON_ERROR("'again'") "}", "{" FAILING ",'on_error':{'kind':'moody','errors':'H'}}"),
      "H" },
    { DEFAULTED(RETRIES ",'on_error':{'kind':'moody','errors':'A'}", "{" FAILING "}"),
      "{'log':[]}" },
    /* The node that is a graph has them, those in it have not: their second attempt would do. */
    { DEFAULTED(RETRIES, "{'kind':'graph','graph':{'state':{" LOG "},'nodes':{'i':{'kind':'moody',"
                         "'errors':'A'}},'edges':[['START','i']]}}"),
      "A" },
};

START_TEST(what_a_node_leaves_out_its_graphs_defaults_say)
{
    expect_run(defaulted[_i].graph, "{}", defaulted[_i].outcome);
}
END_TEST

START_TEST(a_default_handler_goes_on_where_it_says)
{
    expect_run("{'node_defaults':{" ON_ERROR(
                   "'{{error.node}}'") ",'goto':'z'}},'state':{" LOG "},'nodes':{'a':{" FAILING
                                       "},'b':{" FAILING
                                       "},'z':" NOTE("z") "},"
                                                          "'edges':[['START',['a','b']]]}",
               "{}", "{'log':['a','b','z']}");
}
END_TEST

/* ---- cache ---- */

#define CACHED(more) ONE("{'kind':'flaky'," more "}")

/* Results belong to a graph as it was built: these runs share one. */
static struct graph *built;

static void build(const char *graph)
{
    built = rig_graph(&rig, graph);
}

static struct run *run_built(const char *input, struct run_request req)
{
    struct run *run = rig_start_with(&rig, graph_ref(built), input, req);

    rig_finish(&rig, run);
    return run;
}

static void expect_built(const char *input, const char *outcome)
{
    struct run *run = run_built(input, (struct run_request){ .modes = 0 });

    ck_assert_str_eq(rig_outcome(run), outcome);
    run_unref(run);
}

/* The events behind the first one; mem_free(). */
static char *events_of_built(const char *input, unsigned modes)
{
    struct run *run = run_built(input, (struct run_request){ .modes = modes });
    struct reader *reader = NULL;

    ck_assert_int_eq(reader_open(run, modes, NULL, NULL, &reader), 0);
    char *events = rig_read(reader, NULL);
    reader_close(reader);
    run_unref(run);
    return events;
}

START_TEST(a_hit_is_told_as_an_update_and_a_begun_task)
{
    build(ONE("{'kind':'set','values':{'log':'x'},'cache':{}}"));
    char *first = events_of_built("{}", MODE_TASKS | MODE_UPDATES);
    char *second = events_of_built("{}", MODE_TASKS | MODE_UPDATES);

    ck_assert_ptr_null(strstr(first, "cached"));
    ck_assert_int_eq(count_of(first, "tasks {"), 2);
    ck_assert_ptr_nonnull(
        strstr(second, "updates {'n':{'log':'x'},'__metadata__':{'cached':true}}"));
    ck_assert_int_eq(count_of(second, "tasks {"), 1);
    ck_assert_ptr_nonnull(strstr(second, "'triggers'"));
    mem_free(first);
    mem_free(second);
    graph_unref(built);
}
END_TEST

static const struct {
    const char *cache;
    const char *second_input; /* after {'q':{'a':1,'b':1}} */
    int attempts;
} keys[] = {
    { "{}", "{'q':{'a':1,'b':1}}", 1 },
    { "{}", "{'q':{'a':1,'b':2}}", 2 },
    { "{'key':'{{q.a}}'}", "{'q':{'a':1,'b':2}}", 1 },
    { "{'key':'{{q.a}}'}", "{'q':{'a':2,'b':1}}", 2 },
    { "{'key':'{{q.a}}'}", "{'q':{'a':'1'}}", 1 },
    { "{'key':'always'}", "{}", 1 },
    { "{'ttl_ms':86400000}", "{'q':{'a':1,'b':1}}", 1 },
};

START_TEST(what_is_found_depends_on_the_key)
{
    char graph[512];

    snprintf(graph, sizeof(graph), CACHED("'cache':%s"), keys[_i].cache);
    build(graph);
    run_unref(run_built("{'q':{'a':1,'b':1}}", (struct run_request){ .modes = 0 }));
    run_unref(run_built(keys[_i].second_input, (struct run_request){ .modes = 0 }));
    ck_assert_int_eq(rig.attempt_count, keys[_i].attempts);
    graph_unref(built);
}
END_TEST

START_TEST(a_default_cache_is_each_nodes_own)
{
    build("{'node_defaults':{'cache':{'key':'always'}},'state':{" LOG "},'nodes':{'a':{'kind':"
          "'flaky'},'b':{'kind':'flaky'}},'edges':[['START','a'],['a','b']]}");
    expect_built("{}", "{'log':[]}");
    ck_assert_int_eq(rig.attempt_count, 2);
    expect_built("{}", "{'log':[]}");
    ck_assert_int_eq(rig.attempt_count, 2);
    graph_unref(built);
}
END_TEST

START_TEST(a_key_may_name_what_only_its_node_is_sent)
{
    build("{'state':{'list':{'type':'array'}," LOG "},'output':['log'],'nodes':{'n':{'kind':'set',"
          "'values':{'log':'{{item}}'},'cache':{'key':'{{item}}'}}},"
          "'edges':[{'from':'START','each':'list','as':'item','send':'n'}]}");
    expect_built("{'list':['a','b','a']}", "{'log':['a','b','a']}");
    graph_unref(built);
}
END_TEST

START_TEST(the_argument_of_a_send_is_its_key)
{
    build("{'state':{'list':{'type':'array'},'q':{'type':'any'}," LOG "},'output':['log'],"
          "'nodes':{'n':{'kind':'set','values':{'log':'{{q}}'},'cache':{}}},"
          "'edges':[{'from':'START','each':'list','as':'q','send':'n'}]}");
    expect_built("{'list':['a','b']}", "{'log':['a','b']}");
    char *events = events_of_built("{'list':['c','b','a']}", MODE_UPDATES);
    ck_assert_int_eq(count_of(events, "cached"), 2);
    ck_assert_ptr_nonnull(strstr(events, "{'n':{'log':'c'}}\n"));
    mem_free(events);
    expect_built("{'list':['c','b','a']}", "{'log':['c','b','a']}");
    graph_unref(built);
}
END_TEST

START_TEST(a_result_is_used_until_its_time_is_over)
{
    static const struct {
        int64_t at_us;
        int attempts;
    } looks[] = { { 1000, 1 }, { 5999, 1 }, { 6000, 2 }, { 10999, 2 }, { 11000, 3 } };

    build(CACHED("'cache':{'ttl_ms':5}"));
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        clock_fake(looks[i].at_us, 1700000000000);
        expect_built("{}", "{'log':[]}");
        ck_assert_int_eq(rig.attempt_count, looks[i].attempts);
    }
    clock_fake(-1, 0);
    graph_unref(built);
}
END_TEST

START_TEST(a_failure_is_not_kept)
{
    build(CACHED("'times':9,'error':'KeyError','cache':{}"));
    expect_built("{}", "KeyError");
    expect_built("{}", "KeyError");
    ck_assert_int_eq(rig.attempt_count, 2);
    graph_unref(built);
}
END_TEST

START_TEST(a_hit_goes_the_way_that_the_node_has_gone)
{
    build(GRAPH("'n':{'kind':'set','values':{'log':'n'},'cache':{}},'m':" NOTE("m"),
                "['START','n'],{'from':'n','switch':'q','cases':{'yes':'m','no':'END'}}"));
    for (int i = 0; i < 2; i++) {
        expect_built("{'q':'yes'}", "{'log':['n','m'],'q':'yes'}");
        expect_built("{'q':'no'}", "{'log':['n'],'q':'no'}");
    }
    graph_unref(built);
}
END_TEST

#define SAYS(v)                                                                                    \
    "{'name':'g','state':{'q':{'type':'any'}},'nodes':{'n':{'kind':'set','values':{'q':" v "},"    \
    "'cache':{}}},'edges':[['START','n']]}"
#define INSIDE(v)                                                                                  \
    "{'name':'g" v "','state':{'q':{'type':'any'}},'nodes':{'sub':{'kind':'graph','graph':" SAYS(  \
        v) "}},'edges':[['START','sub']]}"

START_TEST(nodes_of_one_name_in_two_graphs_do_not_share_results)
{
    expect_run(SAYS("1"), "{}", "{'q':1}");
    expect_run(SAYS("2"), "{}", "{'q':2}");
    expect_run(INSIDE("3"), "{}", "{'q':3}");
    expect_run(INSIDE("4"), "{}", "{'q':4}");
}
END_TEST

/* Room for two results or so: the oldest goes. */
START_TEST(the_cache_has_a_bound)
{
    static const char *const inputs[] = { "{'q':1}", "{'q':2}", "{'q':3}", "{'q':4}", "{'q':4}" };

    build(CACHED("'cache':{'key':'{{q}}'}"));
    node_cache_free(rig.worker.runs->cache);
    ck_assert_int_eq(node_cache_new(200, &rig.worker.runs->cache), 0);
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
        run_unref(run_built(inputs[i], (struct run_request){ .modes = 0 }));
    ck_assert_int_eq(rig.attempt_count, 4);
    run_unref(run_built(inputs[0], (struct run_request){ .modes = 0 }));
    ck_assert_int_eq(rig.attempt_count, 5);
    graph_unref(built);
}
END_TEST

/* ---- error handlers ---- */

START_TEST(a_handler_sees_the_failure_and_names_where_it_goes_on)
{
    expect_run(GRAPH("'n':{" FAILING
                     "," ON_ERROR("'{{error.type}}|{{error.message}}|{{error."
                                  "node}}|{{q}}'") ",'goto':'m'}},"
                                                   "'m':" NOTE("m") ",'x':" NOTE("never"),
                     "['START','n'],['n','x']"),
               "{'q':'in'}", "{'log':['BoomError|it went off|n|in','m'],'q':'in'}");
}
END_TEST

START_TEST(a_handler_of_a_sent_task_sees_what_was_sent)
{
    expect_run(
        "{'state':{'list':{'type':'array'},'q':{'type':'any'}," LOG "},'output':['log'],"
        "'nodes':{'n':{" FAILING "," ON_ERROR(
            "'{{q}} {{list}}'") "}}},"
                                "'edges':[{'from':'START','each':'list','as':'q','send':'n'}]}",
        "{'list':['a','b']}", "{'log':['a ','b ']}");
}
END_TEST

START_TEST(a_handler_may_name_what_only_its_node_is_sent)
{
    expect_run("{'state':{'list':{'type':'array'}," LOG "},'output':['log'],'nodes':{'n':{" FAILING
               "," ON_ERROR("'{{item}} {{place}}'") "}}},'edges':[{'from':'START','each':'list',"
                                                    "'as':'item','index':'place','send':'n'}]}",
               "{'list':['a','b']}", "{'log':['a 0','b 1']}");
}
END_TEST

START_TEST(a_handled_failure_stops_no_sibling_and_stands_in_its_place)
{
    expect_run(GRAPH("'b':{" FAILING "," ON_ERROR("'handled'") "}},'a':{'kind':'wait','ms':10,"
                                                               "'values':{'log':'a'}},'c':" NOTE(
                                                                   "c") ",'end':" NOTE("end"),
                     "['START',['a','b','c']],['a','end']"),
               "{}", "{'log':['a','handled','c','end']}");
}
END_TEST

START_TEST(a_join_does_not_count_a_failed_source)
{
    expect_run(GRAPH("'a':{" FAILING
                     "," ON_ERROR("'handled'") "}},'b':" NOTE("b") ",'c':" NOTE("never"),
                     "['START',['a','b']],[['a','b'],'c']"),
               "{}", "{'log':['handled','b']}");
}
END_TEST

START_TEST(the_attempts_come_before_the_handler_and_it_has_its_own)
{
    expect_run(
        ONE("{'kind':'flaky','times':9,'is_retryable':true,'retry':{'max_attempts':2," NO_WAIT
            "},'on_error':{'kind':'flaky','times':1,'is_retryable':true,"
            "'retry':{'max_attempts':2," NO_WAIT "}}}"),
        "{}", "{'log':[]}");
    ck_assert_int_eq(rig.attempt_count, 4);
}
END_TEST

START_TEST(a_handler_that_fails_fails_the_run)
{
    struct run *run = rig_start(&rig,
                                ONE("{" FAILING ",'on_error':{'kind':'fail','error':'WorseError',"
                                    "'message':'after {{error.type}}'}}"),
                                "{}");

    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "WorseError");
    ck_assert_str_eq(fail_message(run_fail(run)), "after BoomError");
    ck_assert_str_eq(run_fail(run)->node, "__error_handler__n");
    run_unref(run);
}
END_TEST

START_TEST(who_goes_on_after_a_failed_handler_runs_the_handler_only)
{
    const char *graph = ONE("{'kind':'flaky','times':9,'error':'KeyError','on_error':"
                            "{'kind':'fail','error':'{{q}}','message':'{{error.type}}'}}");

    ck_assert_str_eq(run_on_thread(graph, "{'q':'WorseError'}", NULL), "WorseError");
    ck_assert_int_eq(rig.attempt_count, 1);
    ck_assert_str_eq(run_on_thread(graph, NULL, NULL), "WorseError");
    ck_assert_int_eq(rig.attempt_count, 1);
    ck_assert_str_eq(run_on_thread(graph, "{'q':'NewError'}", NULL), "NewError");
    ck_assert_int_eq(rig.attempt_count, 2);
}
END_TEST

START_TEST(a_handler_that_was_cut_off_runs_again_and_ends_the_step)
{
    const char *graph = GRAPH("'n':{'kind':'flaky','times':9,'error':'KeyError','on_error':{'kind':"
                              "'hold','goto':'m'}},'m':" NOTE("m"),
                              "['START','n']");
    struct run *run = start_on_thread(graph, "{}");

    while (rig.held_count == 0)
        rig_turn(&rig);
    run_cancel(run);
    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "CancelledError");
    run_unref(run);
    run = start_on_thread(graph, NULL);
    while (rig.held_count == 1)
        rig_turn(&rig);
    task_finish(rig.held[1], NULL);
    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "{'log':['m']}");
    ck_assert_int_eq(rig.attempt_count, 1);
    run_unref(run);
}
END_TEST

START_TEST(a_question_is_no_failure_to_a_handler)
{
    const char *graph =
        ONE("{'kind':'interrupt','value':'?','output':'q'," ON_ERROR("'handled'") "}}");

    ck_assert_str_eq(run_on_thread(graph, "{}", NULL), "{'log':[]}");
    ck_assert_str_eq(run_on_thread(graph, NULL, "{'resume':1}"), "{'log':[],'q':1}");
}
END_TEST

static const char *const askers[] = {
    "{'kind':'interrupt','value':'{{error.type}}','output':'q'}",
    "{'kind':'graph','graph':{'state':{" LOG ",'q':{'type':'any'}},'nodes':{'i':" NOTE(
        "once") ",'a':{'kind':'interrupt','value':'BoomError','output':'q'}},"
                "'edges':[['START','i'],['i','a']]}}",
};

START_TEST(a_handler_may_ask_and_hears_the_answer)
{
    char graph[1024];

    snprintf(graph, sizeof(graph), ONE("{" FAILING ",'on_error':%s}"), askers[_i]);
    struct run *run = start_on_thread(graph, "{}");
    rig_finish(&rig, run);
    const json_t *asked = json_array_get(run_interrupts(run), 0);
    ck_assert_str_eq(json_string_value(json_object_get(asked, "value")), "BoomError");
    run_unref(run);
    ck_assert_str_eq(run_on_thread(graph, NULL, "{'resume':'yes'}"),
                     _i == 0 ? "{'log':[],'q':'yes'}" : "{'log':['once'],'q':'yes'}");
}
END_TEST

START_TEST(a_handler_hears_of_what_failed_inside_a_subgraph)
{
    expect_run(ONE("{'kind':'graph','graph':{'state':{" LOG
                   "},'nodes':{'i':" NOTE("lost") ",'j':{" FAILING
                                                  "}},'edges':[['START','i'],['i','j']]}," ON_ERROR(
                                                      "'{{error.type}} {{error.node}}'") "}}"),
               "{}", "{'log':['BoomError n']}");
}
END_TEST

START_TEST(a_cancelled_run_calls_no_handler)
{
    struct run *run = rig_start(&rig, ONE("{'kind':'hold'," ON_ERROR("'handled'") "}}"), "{}");

    while (rig.held_count == 0)
        rig_turn(&rig);
    run_cancel(run);
    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "CancelledError");
    run_unref(run);
}
END_TEST

/* ---- max_concurrency ---- */

#define HOLDS                                                                                      \
    GRAPH("'a':{'kind':'hold'},'b':{'kind':'hold'},'c':{'kind':'hold'},'d':{'kind':'hold'},"       \
          "'end':" NOTE("end"),                                                                    \
          "['START',['a','b','c','d']],[['a','b','c','d'],'end']")

static struct run *start_with_bound(const char *graph, const char *input, int64_t bound)
{
    return rig_start_with(&rig, rig_graph(&rig, graph), input,
                          (struct run_request){ .max_concurrency = bound });
}

static const int bounds[] = { 1, 2, 3, 4, 5 };

START_TEST(no_more_tasks_than_the_bound_are_at_work_and_they_begin_in_plan_order)
{
    int bound = bounds[_i];
    struct run *run = start_with_bound(HOLDS, "{}", bound);

    for (int done = 0; done < 4; done++) {
        int begun = done + bound < 4 ? done + bound : 4;
        for (int turn = 0; turn < 8; turn++)
            rig_turn(&rig);
        ck_assert_int_eq(rig.held_count, begun);
        const char name[] = { (char)('a' + begun - 1), '\0' };
        ck_assert_str_eq(rig.held[begun - 1]->node->name, name);
        task_finish(rig.held[done], NULL);
    }
    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "{'log':['end']}");
    run_unref(run);
}
END_TEST

START_TEST(one_at_a_time_all_sent_tasks_come_to_their_turn)
{
    struct run *run = start_with_bound(
        "{'state':{'list':{'type':'array'},'q':{'type':'any'}," LOG "},'output':['log'],"
        "'nodes':{'n':{'kind':'wait','ms':1,'values':{'log':'{{q}}'}}},"
        "'edges':[{'from':'START','each':'list','as':'q','send':'n'}]}",
        "{'list':[1,2,3,4,5,6,7,8,9,10,11,12]}", 1);

    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "{'log':[1,2,3,4,5,6,7,8,9,10,11,12]}");
    run_unref(run);
}
END_TEST

START_TEST(one_at_a_time_a_handler_takes_its_tasks_place)
{
    struct run *run = start_with_bound(
        GRAPH("'a':{" FAILING "," ON_ERROR("'ha'") "}},'b':{" FAILING
                                                   "," ON_ERROR("'hb'") "}},'c':" NOTE("c"),
              "['START',['a','b','c']]"),
        "{}", 1);

    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "{'log':['ha','hb','c']}");
    run_unref(run);
}
END_TEST

START_TEST(one_at_a_time_a_failure_leaves_the_waiting_unbegun)
{
    struct run *run = start_with_bound(
        GRAPH("'a':{" FAILING "},'b':{'kind':'hold'}", "['START',['a','b']]"), "{}", 1);

    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "BoomError");
    ck_assert_int_eq(rig.held_count, 0);
    run_unref(run);
}
END_TEST

START_TEST(one_at_a_time_questions_are_all_asked)
{
    const char *graph =
        GRAPH("'a':{'kind':'interrupt','value':1},'b':{'kind':'interrupt','value':2}",
              "['START',['a','b']]");
    struct run *run =
        rig_start_with(&rig, rig_graph(&rig, graph), "{}",
                       (struct run_request){ .max_concurrency = 1, .thread_id = "t" });

    rig_finish(&rig, run);
    ck_assert_uint_eq(json_array_size(run_interrupts(run)), 2);
    run_unref(run);
}
END_TEST

/* The subgraph's tasks count for themselves, or the parent's task would wait for them for ever. */
START_TEST(the_bound_holds_at_each_level_by_itself)
{
    struct run *run = start_with_bound(
        GRAPH("'s':{'kind':'graph','graph':{'state':{" LOG "},'nodes':{'i':" NOTE("i") ",'j':" NOTE(
                  "j") "},'edges':[['START',['i','j']]]}},'t':" NOTE("t"),
              "['START',['s','t']]"),
        "{}", 1);

    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), "{'log':['i','j','t']}");
    run_unref(run);
}
END_TEST

START_TEST(a_cached_result_takes_no_place)
{
    build(GRAPH("'a':{'kind':'set','values':{'log':'a'},'cache':{}},'b':{'kind':'set','values':"
                "{'log':'b'},'cache':{}},'c':" NOTE("c"),
                "['START',['a','b','c']]"));
    for (int i = 0; i < 2; i++) {
        struct run *run = run_built("{}", (struct run_request){ .max_concurrency = 1 });
        ck_assert_str_eq(rig_outcome(run), "{'log':['a','b','c']}");
        run_unref(run);
    }
    graph_unref(built);
}
END_TEST

/* ---- the suite ---- */

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *new_case(Suite *s, const char *name)
{
    TCase *t = tcase_create(name);

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    suite_add_tcase(s, t);
    return t;
}

static void add_retry(Suite *s)
{
    TCase *t = new_case(s, "retry");

    tcase_add_test(t, the_attempts_of_a_task_are_one_task_to_the_stream);
    tcase_add_test(t, what_a_failed_attempt_would_have_written_is_lost);
    tcase_add_test(t, with_jitter_a_wait_is_up_to_a_second_longer);
    tcase_add_test(t, the_last_attempts_error_is_the_runs);
    tcase_add_loop_test(t, of_several_policies_the_first_that_is_for_the_error_decides, 0,
                        COUNT(several));
    tcase_add_test(t, a_policy_without_classes_takes_what_may_pass_by_itself);
    tcase_add_loop_test(t, what_a_node_leaves_out_its_graphs_defaults_say, 0, COUNT(defaulted));
    tcase_add_test(t, a_default_handler_goes_on_where_it_says);
}

static void add_cache(Suite *s)
{
    TCase *t = new_case(s, "cache");

    tcase_add_test(t, a_hit_is_told_as_an_update_and_a_begun_task);
    tcase_add_loop_test(t, what_is_found_depends_on_the_key, 0, COUNT(keys));
    tcase_add_test(t, a_default_cache_is_each_nodes_own);
    tcase_add_test(t, a_key_may_name_what_only_its_node_is_sent);
    tcase_add_test(t, the_argument_of_a_send_is_its_key);
    tcase_add_test(t, a_result_is_used_until_its_time_is_over);
    tcase_add_test(t, a_failure_is_not_kept);
    tcase_add_test(t, a_hit_goes_the_way_that_the_node_has_gone);
    tcase_add_test(t, nodes_of_one_name_in_two_graphs_do_not_share_results);
    tcase_add_test(t, the_cache_has_a_bound);
}

static void add_handlers(Suite *s)
{
    TCase *t = new_case(s, "error handlers");

    tcase_add_test(t, a_handler_sees_the_failure_and_names_where_it_goes_on);
    tcase_add_test(t, a_handler_of_a_sent_task_sees_what_was_sent);
    tcase_add_test(t, a_handler_may_name_what_only_its_node_is_sent);
    tcase_add_test(t, a_handled_failure_stops_no_sibling_and_stands_in_its_place);
    tcase_add_test(t, a_join_does_not_count_a_failed_source);
    tcase_add_test(t, the_attempts_come_before_the_handler_and_it_has_its_own);
    tcase_add_test(t, a_handler_that_fails_fails_the_run);
    tcase_add_test(t, who_goes_on_after_a_failed_handler_runs_the_handler_only);
    tcase_add_test(t, a_handler_that_was_cut_off_runs_again_and_ends_the_step);
    tcase_add_test(t, a_question_is_no_failure_to_a_handler);
    tcase_add_loop_test(t, a_handler_may_ask_and_hears_the_answer, 0, COUNT(askers));
    tcase_add_test(t, a_handler_hears_of_what_failed_inside_a_subgraph);
    tcase_add_test(t, a_cancelled_run_calls_no_handler);
}

static void add_bounds(Suite *s)
{
    TCase *t = new_case(s, "max_concurrency");

    tcase_add_loop_test(t, no_more_tasks_than_the_bound_are_at_work_and_they_begin_in_plan_order, 0,
                        COUNT(bounds));
    tcase_add_test(t, one_at_a_time_all_sent_tasks_come_to_their_turn);
    tcase_add_test(t, one_at_a_time_a_handler_takes_its_tasks_place);
    tcase_add_test(t, one_at_a_time_a_failure_leaves_the_waiting_unbegun);
    tcase_add_test(t, one_at_a_time_questions_are_all_asked);
    tcase_add_test(t, the_bound_holds_at_each_level_by_itself);
    tcase_add_test(t, a_cached_result_takes_no_place);
}

int main(void)
{
    Suite *s = suite_create("node options");

    add_retry(s);
    add_cache(s);
    add_handlers(s);
    add_bounds(s);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
