/* What runs of subgraphs show, remember and hand up. */
#include "laws_rig.h"

#define STATE                                                                                      \
    "'state':{'log':{'type':'array','reducer':'append'},'shown':{'type':'any'},"                   \
    "'seen':{'type':'array','reducer':'append'}}"
/* A graph of one node "s", which is a subgraph. fields: more members of the node. */
#define OUTER(fields, inner)                                                                       \
    "{'state':{'log':{'type':'array','reducer':'append'},'shown':{'type':'any'}},"                 \
    "'nodes':{'s':{'kind':'graph'," fields "'graph':{" STATE "," inner "}}},"                      \
    "'edges':[['START','s']]}"
#define BOTH "'nodes':{'x':{'kind':'act'},'y':{'kind':'act'}},'edges':[['START',['x','y']]]"
#define LINE "'nodes':{'x':{'kind':'act'},'y':{'kind':'act'}},'edges':[['START','x'],['x','y']]"
#define ONE  "'nodes':{'x':{'kind':'act'}},'edges':[['START','x']]"
/* A task of "s" for each of the items; more members of it are in fields. */
#define FAN(fields, inner)                                                                         \
    "{'state':{'log':{'type':'array','reducer':'append'},'items':{'type':'array'}},"               \
    "'nodes':{'s':{'kind':'graph','in':{'log':'item'}," fields "'graph':{" STATE "," inner "}}},"  \
    "'edges':[{'from':'START','each':'items','as':'item','send':'s'}]}"
#define UP "[[{'update':{'log':'up'},'parent':true}]]"

static struct laws laws;
static struct laws_end end;

static void use(const char *graph, const char *script)
{
    const struct laws_case c = { "subgraph", graph, script, "{}" };
    laws_init(&laws, &c);
}

static void run(const struct laws_how *how)
{
    laws_end_clear(&end);
    laws_run(&laws, how, &end);
}

static void expect_values(const char *expected)
{
    json_t *json = laws_json(expected);
    char *text = laws_text(json);
    ck_assert_msg(end.status == RUN_SUCCESS, "%s %s", end.error, end.message);
    laws_check_text(end.values, text);
    free(text);
    json_decref(json);
}

static void teardown(void)
{
    laws_end_clear(&end);
    laws_deinit(&laws);
}

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The data of the last event of this name below a namespace that begins so; "" = the root's. */
static const json_t *last_event(const char *name, const char *ns)
{
    const json_t *event, *found = NULL;
    size_t i;
    json_array_foreach(end.events, i, event) {
        const char *where = json_string_value(json_object_get(event, "ns"));
        bool is_there = ns[0] == '\0' ? where[0] == '\0' : begins_with(where, ns);
        if (is_there && strcmp(json_string_value(json_object_get(event, "event")), name) == 0)
            found = json_object_get(event, "data");
    }
    ck_assert_ptr_nonnull(found);
    return found;
}

static const json_t *task_named(const json_t *snapshot, const char *name)
{
    const json_t *task;
    size_t i;
    json_array_foreach(json_object_get(snapshot, "tasks"), i, task)
        if (strcmp(json_string_value(json_object_get(task, "name")), name) == 0)
            return task;
    ck_abort_msg("no task %s", name);
}

/* ---- what is shown ---- */

START_TEST(its_checkpoint_events_show_of_its_tasks_results_what_it_hands_out)
{
    use(OUTER("", "'output':['shown']," BOTH),
        "{'s/x':[[{'ask':'q'}]],'s/y':[[{'update':{'log':'y','shown':1}}]]}");
    run(&(struct laws_how){ .input = "{}" });
    run(&(struct laws_how){ .modes = MODE_CHECKPOINTS | MODE_SUBGRAPHS });
    json_t *result = laws_json("{'shown':1}");
    const json_t *task = task_named(last_event("checkpoints", "s:"), "y");
    ck_assert(json_equal(json_object_get(task, "result"), result));
    json_decref(result);
}
END_TEST

static const char *const persistences[] = { "invocation", "thread", "none" };

static void use_persistence(const char *persistence, const char *inner, const char *script)
{
    char *graph = mem_printf(OUTER("'persistence':'%s',", "%s"), persistence, inner);
    use(graph, script);
    mem_free(graph);
}

START_TEST(an_event_names_its_place_always_and_the_thread_only_if_it_is_kept)
{
    use_persistence(persistences[_i], ONE, "{'s/x':[[]]}");
    run(&(struct laws_how){ .input = "{}", .before = "['s']", .modes = MODE_CHECKPOINTS });
    const json_t *task = task_named(last_event("checkpoints", ""), "s");
    ck_assert(json_is_object(json_object_get(task, "state")));
    json_t *state = laws_state(&laws, NULL);
    bool is_kept = strcmp(persistences[_i], "none") != 0;
    ck_assert_int_eq(json_is_object(json_object_get(task_named(state, "s"), "state")), is_kept);
    json_decref(state);
}
END_TEST

/* ---- what is remembered ---- */

/* A run from the first run's step 0. How often the subgraph has been there, as it knows. */
static size_t count_seen_from_the_first(const char *input)
{
    json_t *history = laws_history(&laws);
    size_t count = json_array_size(history);
    const char *id = laws_id_of(json_array_get(history, count - 2));
    run(&(struct laws_how){
        .input = input, .checkpoint_id = id, .modes = MODE_CHECKPOINTS | MODE_SUBGRAPHS });
    json_decref(history);
    const json_t *values = json_object_get(last_event("checkpoints", "s"), "values");
    return json_array_size(json_object_get(values, "seen"));
}

START_TEST(with_one_state_per_thread_a_replay_forgets_what_came_later_a_new_input_does_not)
{
    use_persistence("thread", ONE, "{'s/x':[[{'update':{'seen':'x'}}]]}");
    run(&(struct laws_how){ .input = "{}" });
    run(&(struct laws_how){ .input = "{}" });
    ck_assert_uint_eq(count_seen_from_the_first(NULL), 1);
    ck_assert_uint_eq(count_seen_from_the_first("{}"), 2); /* one on top of the replay's */
}
END_TEST

START_TEST(another_attempt_goes_on_where_the_first_one_stopped)
{
    use(OUTER("'retry':{'max_attempts':2,'initial_ms':0,'jitter':false,'on':['Flaky']},", LINE),
        "{'s/x':[[{'update':{'log':'x'}}]],"
        "'s/y':[[{'fail':'Flaky','times':1},{'update':{'log':'y'}}]]}");
    run(&(struct laws_how){ .input = "{}" });
    expect_values("{'log':['x','y']}");
    ck_assert_int_eq(laws_perform_count(&laws, "s/x"), 1);
    ck_assert_int_eq(laws_perform_count(&laws, "s/y"), 2);
}
END_TEST

/* ---- one state, several tasks ---- */

static const char two_items[] = "{'items':['one','two']}";

/* Rows: a subgraph that is sent to, and one inside of it. */
static const struct {
    const char *graph, *node, *alone, *values;
} fans[] = {
    { FAN("'persistence':'thread',", ONE), "s", "['one','two']", "['one','three']" },
    { FAN("", "'nodes':{'x':{'kind':'graph','persistence':'thread','graph':{" STATE "," ONE
              "}}},'edges':[['START','x']]"),
      "x", "['one','one','two','two']", "['three','one','three']" },
};

static void expect_log(const char *items, const char *log)
{
    char *values = mem_printf("{'items':%s,'log':%s}", items, log);
    expect_values(values);
    mem_free(values);
}

static void expect_refusal(int row)
{
    char *node = mem_printf("\"%s\"", fans[row].node);
    ck_assert_str_eq(end.error, "InvalidUpdateError");
    ck_assert_str_eq(end.node, fans[row].node);
    ck_assert_msg(strstr(end.message, node) != NULL, "%s", end.message);
    ck_assert_msg(strstr(end.message, "\"invocation\"") != NULL, "%s", end.message);
    mem_free(node);
}

START_TEST(two_tasks_of_a_step_cannot_share_one_state_of_a_thread)
{
    int row = _i / 3, concurrency = _i % 3;
    use(fans[row].graph, "{'s/x':[[]]}");
    run(&(struct laws_how){ .input = two_items, .max_concurrency = concurrency });
    expect_refusal(row);
    run(&(struct laws_how){ .max_concurrency = concurrency }); /* what was planned still is */
    expect_refusal(row);
}
END_TEST

START_TEST(a_thread_goes_on_after_two_tasks_wanted_one_state)
{
    use(fans[_i].graph, "{'s/x':[[]]}");
    run(&(struct laws_how){ .input = two_items, .max_concurrency = 1 });
    expect_refusal(_i);
    run(&(struct laws_how){ .input = "{'items':['three']}" });
    expect_log("['three']", fans[_i].values);
}
END_TEST

START_TEST(what_is_not_kept_is_not_shared)
{
    use(fans[_i].graph, "{'s/x':[[]]}");
    run(&(struct laws_how){ .input = two_items, .is_stateless = true });
    expect_log("['one','two']", fans[_i].alone);
}
END_TEST

/* ---- how many steps ---- */

/* A root of one step, in it a graph of one step, in that one a graph of two: 1 + 1 + 2 nodes, which
 * need limits of 2, 2 and 3. Each of them says `limit` or nothing. */
static const struct {
    const char *root, *middle, *inner;
    int64_t request;
    const char *refused; /* the limit that the failure names, or NULL */
} limits[] = {
    { "", "", "", 0, NULL },
    { "", "", "'recursion_limit':2,", 0, " 2 " },
    { "", "", "'recursion_limit':3,", 0, NULL },
    { "'recursion_limit':2,", "", "'recursion_limit':3,", 0, NULL },
    { "'recursion_limit':2,", "", "", 0, " 2 " },
    { "'recursion_limit':2,", "'recursion_limit':3,", "", 0, NULL },
    { "'recursion_limit':9,", "'recursion_limit':2,", "", 0, " 2 " },
    { "'recursion_limit':9,", "'recursion_limit':1,", "'recursion_limit':9,", 0, " 1 " },
    { "", "", "'recursion_limit':99,", 2, " 2 " },
    { "'recursion_limit':99,", "'recursion_limit':99,", "", 2, " 2 " },
    { "'recursion_limit':1,", "'recursion_limit':1,", "'recursion_limit':1,", 3, NULL },
    { "'assistant':{'config':{'recursion_limit':3}},", "", "'recursion_limit':2,", 0, NULL },
    { "'assistant':{'config':{'recursion_limit':2}},", "", "'recursion_limit':9,", 0, " 2 " },
};

START_TEST(a_graph_inside_has_the_limit_of_the_run_or_its_own_or_that_of_its_parent)
{
    char *graph = mem_printf("{%s" STATE ",'nodes':{'s':{'kind':'graph','graph':{%s" STATE
                             ",'nodes':{'x':{'kind':'graph','graph':{%s" STATE "," LINE "}}},"
                             "'edges':[['START','x']]}}},'edges':[['START','s']]}",
                             limits[_i].root, limits[_i].middle, limits[_i].inner);
    use(graph, "{'s/x/x':[[]]}");
    mem_free(graph);
    run(&(struct laws_how){ .input = "{}", .recursion_limit = limits[_i].request });
    if (limits[_i].refused == NULL) {
        expect_values("{'log':[],'seen':[]}");
        return;
    }
    ck_assert_str_eq(end.error, "GraphRecursionError");
    ck_assert_msg(strstr(end.message, limits[_i].refused) != NULL, "%s", end.message);
}
END_TEST

/* ---- what is handed up ---- */

START_TEST(a_command_for_the_parent_reaches_it_whatever_is_kept_of_the_subgraph)
{
    use_persistence(persistences[_i], ONE, "{'s/x':" UP "}");
    run(&(struct laws_how){ .input = "{}" });
    expect_values("{'log':['up']}");
}
END_TEST

START_TEST(a_command_for_the_parent_passes_an_error_handler_by)
{
    use(OUTER("", "'nodes':{'x':{'kind':'act','on_error':{'kind':'act'}}},'edges':[['START','x']]"),
        "{'s/x':" UP ",'s/__error_handler__x':[[{'update':{'log':'handled'}}]]}");
    run(&(struct laws_how){ .input = "{}" });
    expect_values("{'log':['up']}");
}
END_TEST

START_TEST(a_question_comes_before_a_command_for_the_parent_of_the_same_step)
{
    use(OUTER("", BOTH), "{'s/x':[[{'ask':'q'}]],'s/y':" UP "}");
    run(&(struct laws_how){ .input = "{}" });
    ck_assert_uint_eq(json_array_size(end.interrupts), 1);
    run(&(struct laws_how){ .command = laws_answers(end.interrupts, false) });
    expect_values("{'log':['up']}");
    ck_assert_ptr_null(end.interrupts);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("subgraph");
    TCase *t = tcase_create("subgraph");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, its_checkpoint_events_show_of_its_tasks_results_what_it_hands_out);
    tcase_add_loop_test(t, an_event_names_its_place_always_and_the_thread_only_if_it_is_kept, 0, 3);
    tcase_add_test(t,
                   with_one_state_per_thread_a_replay_forgets_what_came_later_a_new_input_does_not);
    tcase_add_test(t, another_attempt_goes_on_where_the_first_one_stopped);
    tcase_add_loop_test(t, two_tasks_of_a_step_cannot_share_one_state_of_a_thread, 0, 6);
    tcase_add_loop_test(t, a_thread_goes_on_after_two_tasks_wanted_one_state, 0, 2);
    tcase_add_loop_test(t, what_is_not_kept_is_not_shared, 0, 2);
    tcase_add_loop_test(t, a_graph_inside_has_the_limit_of_the_run_or_its_own_or_that_of_its_parent,
                        0, (int)(sizeof(limits) / sizeof(limits[0])));
    tcase_add_loop_test(t, a_command_for_the_parent_reaches_it_whatever_is_kept_of_the_subgraph, 0,
                        3);
    tcase_add_test(t, a_command_for_the_parent_passes_an_error_handler_by);
    tcase_add_test(t, a_question_comes_before_a_command_for_the_parent_of_the_same_step);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
