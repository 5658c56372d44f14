/* run/thread.h: looking at a thread and its history, changing it, forgetting it. What is expected
 * of an update was seen on LangGraph.js. */
#include "checkpoint_kit.h"
#include "run/internal.h"
#include "run/thread.h"
#include <stdio.h>
#include <stdlib.h>

/* a, then b. p and q together, joined by j. A child with a state per task, and one per thread. */
#define LOG "'state':{'log':{'type':'array','reducer':'append'},'go':{'type':'string'}}"
#define LINE                                                                                       \
    "{" LOG ",'nodes':{" KIT_STEP("a") "," KIT_STEP("b") "},'edges':[['__start__','a'],['a','b']]" \
                                                         "}"
#define JOIN                                                                                       \
    "{" LOG ",'nodes':{" KIT_STEP("p") "," KIT_STEP("q") "," KIT_STEP("j") "," KIT_STEP(           \
        "r") "},"                                                                                  \
             "'edges':[['__start__','p'],['__start__','q'],[['p','q'],'j'],['p','r']]}"
#define SWITCH                                                                                     \
    "{" LOG ",'nodes':{" KIT_STEP("a") "," KIT_STEP("b") "," KIT_STEP(                             \
        "c") "},"                                                                                  \
             "'edges':[['__start__','a'],{'from':'a','switch':'go','cases':{'b':'b'},'default':'"  \
             "c'}]}"
#define INNER                                                                                      \
    "{'state':{'log':{'type':'array','reducer':'append'}},'nodes':{" KIT_STEP(                     \
        "x") "},"                                                                                  \
             "'edges':[['__start__','x']]}"
#define OUTER                                                                                      \
    "{" LOG ",'nodes':{'s':{'kind':'graph','graph':" INNER "},"                                    \
    "'t':{'kind':'graph','persistence':'thread','graph':" INNER "}},"                              \
    "'edges':[['__start__','s'],['__start__','t']]}"

static struct services services;
static struct conf conf;
static struct runs *runs;
static struct graph *graph;
static struct checkpoint at; /* what the test puts */
static struct saver saver;
static struct fail failure;
static json_t *result;

static void setup(void)
{
    ck_assert_int_eq(conf_default(&conf), 0);
    services = (struct services){ .conf = &conf, .store = kit_store(0) };
    ck_assert_int_eq(loop_new(&services.loop), 0);
    ck_assert_int_eq(runs_new(&services, &runs), 0);
}

static void teardown(void)
{
    json_decref(result);
    result = NULL;
    fail_clear(&failure);
    if (graph != NULL) {
        saver_deinit(&saver);
        checkpoint_deinit(&at);
    }
    graph = graph_unref(graph);
    runs = runs_free(runs);
    services.store = store_close(services.store);
    ck_assert_int_eq(loop_op_count(services.loop), 0);
    services.loop = loop_free(services.loop);
    conf_deinit(&conf);
}

static void use(const char *text)
{
    graph = kit_graph(text);
    ck_assert_int_eq(checkpoint_init(&at, graph), 0);
    ck_assert_int_eq(saver_init(&saver, services.store, services.loop, "t", "", DURABILITY_ASYNC),
                     0);
}

/* The input is applied, and so many steps are done. */
static void go(int steps)
{
    kit_begin(&at, &saver, "{'log':['in']}");
    kit_step(&at, &saver, "{}");
    for (int i = 0; i < steps; i++)
        kit_step(&at, &saver,
                 "{'a':{'log':['a']},'b':{'log':['b']},'p':{'log':['p']},'q':{'log':['q']},"
                 "'j':{'log':['j']}}");
    ck_assert_int_eq(kit_wait(&saver), 0);
}

static void leave(size_t task, enum write_kind kind, const char *json)
{
    char id[ID_BYTES];
    kit_task_id(&at, task, id);
    kit_set_write(&at, task, kind, json);
    ck_assert_int_eq(saver_put_write(&saver, &at, id, kind, ""), 0);
    ck_assert_int_eq(kit_wait(&saver), 0);
}

/* ---- verbs ---- */

static struct thread_place place_of(const char *ns, const char *id)
{
    return (struct thread_place){ graph, "t", ns, id };
}

static int run_until_end(struct thread_op *op, struct kit_end *end)
{
    ck_assert(!end->is_done);
    ck_assert_int_eq(loop_run_until(services.loop, &end->is_done), 0);
    ck_assert(!op_is_running(&op->op));
    return end->result;
}

static int get_state_at(const char *ns, const char *id, bool subgraphs)
{
    struct thread_op op = { 0 };
    struct kit_end end = { 0 };
    const struct thread_place place = place_of(ns, id);
    json_decref(result);
    result = NULL;
    thread_get_state(runs, &op, &place, subgraphs, &result, &failure, kit_on_end, &end);
    return run_until_end(&op, &end);
}

static int get_history(const char *id, const struct thread_history *how)
{
    struct thread_op op = { 0 };
    struct kit_end end = { 0 };
    const struct thread_place place = place_of("", id);
    json_decref(result);
    result = NULL;
    thread_get_history(runs, &op, &place, how, &result, &failure, kit_on_end, &end);
    return run_until_end(&op, &end);
}

static int update_at(const char *ns, const char *id, const char *supersteps)
{
    struct thread_op op = { 0 };
    struct kit_end end = { 0 };
    const struct thread_place place = place_of(ns, id);
    json_t *json = kit_json(supersteps);
    json_decref(result);
    result = NULL;
    thread_update_state(runs, &op, &place, json, &result, &failure, kit_on_end, &end);
    json_decref(json);
    return run_until_end(&op, &end);
}

static void update(const char *supersteps)
{
    int r = update_at("", NULL, supersteps);
    ck_assert_msg(r == 0, "%s: %d %s", supersteps, r, fail_message(&failure));
}

static int delete (const char *thread_id)
{
    struct thread_op op = { 0 };
    struct kit_end end = { 0 };
    thread_delete(runs, &op, thread_id, &failure, kit_on_end, &end);
    return run_until_end(&op, &end);
}

/* ---- expectations ---- */

static const json_t *member(const char *path)
{
    const json_t *json = result;
    char key[64];
    while (*path != '\0') {
        size_t len = strcspn(path, ".");
        (void)snprintf(key, sizeof(key), "%.*s", (int)len, path);
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(key))
                                   : json_object_get(json, key);
        path += len + (path[len] == '.');
    }
    return json;
}

static void expect(const char *path, const char *expected)
{
    kit_expect(member(path), expected);
}

static void get_latest(void)
{
    ck_assert_int_eq(get_state_at("", NULL, false), 0);
}

static void expect_latest(const char *values, const char *next, const char *source, int step)
{
    get_latest();
    expect("values", values);
    expect("next", next);
    ck_assert_str_eq(json_string_value(member("metadata.source")), source);
    ck_assert_int_eq(json_integer_value(member("metadata.step")), step);
}

/* ---- looking ---- */

START_TEST(an_unknown_thread_is_empty)
{
    use(LINE);
    get_latest();
    expect("", "{'values':{},'next':[],'tasks':[],'interrupts':[],'metadata':null,"
               "'created_at':null,'checkpoint':null,'parent_checkpoint':null,'config':null,"
               "'parent_config':null}");
}
END_TEST

START_TEST(the_latest_state_has_what_finished_tasks_left_a_chosen_one_has_not)
{
    use(LINE);
    go(0);
    leave(0, WRITE_RESULT, "{'update':[['log',['late']]],'goto':[]}");
    expect_latest("{'log':['in','late']}", "[]", "loop", 0);
    ck_assert_int_eq(get_state_at("", at.id, false), 0);
    expect("values", "{'log':['in']}");
    expect("next", "['a']");
    expect("tasks.0.result", "{'log':['late']}");
}
END_TEST

/* Puts a subgraph's only checkpoint at ns. */
static void put_inner(const char *ns, const char *log)
{
    struct graph *inner = graph->nodes[0].subgraph->graph;
    struct checkpoint c;
    struct saver s;
    char input[64];
    (void)snprintf(input, sizeof(input), "{'log':['%s']}", log);
    ck_assert_int_eq(checkpoint_init(&c, inner), 0);
    ck_assert_int_eq(saver_init(&s, services.store, services.loop, "t", ns, DURABILITY_ASYNC), 0);
    kit_begin(&c, &s, input);
    kit_step(&c, &s, "{}");
    ck_assert_int_eq(kit_wait(&s), 0);
    saver_deinit(&s);
    checkpoint_deinit(&c);
}

START_TEST(states_of_subgraphs_are_shown_in_place_when_asked_for)
{
    char id[ID_BYTES], other[ID_BYTES], ns[80], expected[200];
    use(OUTER);
    go(0);
    kit_task_id(&at, 0, id);
    kit_task_id(&at, 1, other);
    (void)snprintf(ns, sizeof(ns), "s:%s", id);
    put_inner(ns, "one");
    ck_assert_int_eq(get_state_at("", NULL, true), 0);
    expect("tasks.0.state.values", "{'log':['one']}");
    expect("tasks.0.state.next", "['x']");
    ck_assert_str_eq(json_string_value(member("tasks.0.state.config.configurable.checkpoint_ns")),
                     ns);
    /* the other has not begun: it has a place and nothing else */
    expect("tasks.1.state.values", "{}");
    expect("tasks.1.state.config", "{'configurable':{'thread_id':'t','checkpoint_ns':'t'}}");
    (void)snprintf(expected, sizeof(expected),
                   "{'configurable':{'thread_id':'t','checkpoint_ns':'t:%s'}}", other);
    ck_assert_int_eq(get_state_at("", NULL, false), 0);
    expect("tasks.1.state", expected);
    ck_assert_int_eq(get_state_at(ns, NULL, false), 0);
    expect("values", "{'log':['one']}");
}
END_TEST

START_TEST(a_subgraph_with_one_state_per_thread_is_found_without_and_with_a_task_id)
{
    static const char *const spellings[] = { "t", "t:some-task", "t:another" };
    use(OUTER);
    put_inner("t", "kept");
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(get_state_at(spellings[i], NULL, false), 0);
        expect("values", "{'log':['kept']}");
        expect("config.configurable.checkpoint_ns", "'t'");
    }
}
END_TEST

START_TEST(a_namespace_that_names_no_subgraph_is_not_found)
{
    static const char *const wrong[] = { "x", "s:1|y", "s:1|x", "t|t", ":", "|s" };
    use(OUTER);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_int_eq(get_state_at(wrong[i], NULL, false), THREAD_E_REFUSED);
        ck_assert_int_eq(failure.code, FAIL_NOT_FOUND);
    }
}
END_TEST

START_TEST(too_long_names_are_refused)
{
    char text[5000];
    use(LINE);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(get_state_at(text, NULL, false), THREAD_E_REFUSED);
    ck_assert_int_eq(failure.code, FAIL_BAD_REQUEST);
    ck_assert_int_eq(get_state_at("", text, false), THREAD_E_REFUSED);
    ck_assert_int_eq(delete (text), THREAD_E_REFUSED);
}
END_TEST

START_TEST(without_a_store_every_verb_is_refused)
{
    struct store *store = services.store;
    const struct thread_history how = { 0 };
    use(LINE);
    services.store = NULL;
    ck_assert_int_eq(get_state_at("", NULL, false), THREAD_E_REFUSED);
    ck_assert_int_eq(failure.code, FAIL_UNPROCESSABLE);
    ck_assert_int_eq(get_history(NULL, &how), THREAD_E_REFUSED);
    ck_assert_int_eq(update_at("", NULL, "[[{'values':{}}]]"), THREAD_E_REFUSED);
    ck_assert_int_eq(delete ("t"), THREAD_E_REFUSED);
    services.store = store;
}
END_TEST

START_TEST(a_look_can_be_cancelled)
{
    struct thread_op op = { 0 };
    struct kit_end end = { 0 };
    use(LINE);
    go(1);
    const struct thread_place place = place_of("", NULL);
    thread_get_state(runs, &op, &place, false, &result, &failure, kit_on_end, &end);
    op_cancel(&op.op);
    op_cancel(&op.op);
    ck_assert_int_eq(run_until_end(&op, &end), OP_CANCELLED);
    ck_assert_ptr_null(result);
}
END_TEST

/* ---- history ---- */

START_TEST(history_is_newest_first_with_results_and_all_names)
{
    const struct thread_history how = { 0 };
    use(LINE);
    kit_begin(&at, &saver, "{'log':['in']}");
    leave(0, WRITE_RESULT, "{'update':[['log',['in']]],'goto':[]}");
    kit_step(&at, &saver, "{}");
    leave(0, WRITE_RESULT, "{'update':[['log',['a']]],'goto':[]}");
    ck_assert_int_eq(get_history(NULL, &how), 0);
    ck_assert_uint_eq(json_array_size(result), 2);
    expect("0.values", "{'log':['in']}");
    expect("0.next", "['a']");
    expect("0.tasks.0.result", "{'log':['a']}");
    expect("1.values", "{'log':[]}");
    expect("1.next", "['__start__']");
    expect("1.tasks.0.result", "{'log':['in']}");
    expect("1.parent_config", "null");
    ck_assert(json_equal(member("0.parent_config"), member("1.config")));
}
END_TEST

START_TEST(history_has_limit_before_and_filter)
{
    enum { COUNT = 100 };
    char before[ID_BYTES] = "";
    use(LINE);
    for (int i = 0; i < COUNT / 4; i++) {
        go(2);
        if (i == 9)
            memcpy(before, at.id, ID_BYTES);
    }
    struct thread_history how = { 0 };
    ck_assert_int_eq(get_history(NULL, &how), 0);
    ck_assert_uint_eq(json_array_size(result), COUNT);
    how.limit = 7;
    ck_assert_int_eq(get_history(NULL, &how), 0);
    ck_assert_uint_eq(json_array_size(result), 7);
    how = (struct thread_history){ .before = before };
    ck_assert_int_eq(get_history(NULL, &how), 0);
    ck_assert_uint_eq(json_array_size(result), 39);
    json_t *filter = kit_json("{'source':'input','parents':{}}");
    how = (struct thread_history){ .filter = filter, .limit = 20 };
    ck_assert_int_eq(get_history(NULL, &how), 0);
    ck_assert_uint_eq(json_array_size(result), 20);
    expect("19.metadata.source", "'input'");
    json_decref(filter);
    how = (struct thread_history){ 0 };
    ck_assert_int_eq(get_history(before, &how), 0);
    ck_assert_uint_eq(json_array_size(result), 1);
}
END_TEST

/* ---- changing ---- */

START_TEST(an_update_of_an_empty_thread_counts_as_start)
{
    use(LINE);
    update("[[{'values':{'log':['x'],'unknown':1}}]]");
    expect_latest("{'log':['x']}", "['a']", "update", 0);
    expect("parent_config", "null");
    update("[[{'values':null}]]");
    expect_latest("{'log':['x']}", "['a']", "update", 1);
    update("[[{'values':{'log':['x']}}]]");
    expect_latest("{'log':['x','x']}", "['a']", "update", 2);
}
END_TEST

START_TEST(an_update_without_a_name_counts_as_who_ran_last)
{
    use(LINE);
    go(1);
    update("[[{'values':{'log':['x']}}]]");
    expect_latest("{'log':['in','a','x']}", "['b']", "update", 2);
    update("[[{'values':{'log':['y']},'as_node':'b'}]]");
    expect_latest("{'log':['in','a','x','y']}", "[]", "update", 3);
    /* an update is no run: a is still the last one */
    update("[[{'values':null,'as_node':null}]]");
    expect_latest("{'log':['in','a','x','y']}", "[]", "update", 4);
    update("[[{'values':{'log':['z']}}]]");
    expect_latest("{'log':['in','a','x','y','z']}", "['b']", "update", 5);
}
END_TEST

START_TEST(the_result_names_the_new_checkpoint)
{
    char expected[200];
    use(LINE);
    go(1);
    update("[[{'values':{'log':['x']},'as_node':'a'}]]");
    json_t *given = json_incref(result);
    get_latest();
    ck_assert(json_equal(given, member("config")));
    json_decref(given);
    (void)snprintf(expected, sizeof(expected), "'%s'", at.id);
    expect("parent_config.configurable.checkpoint_id", expected);
}
END_TEST

START_TEST(null_as_a_node_fires_its_edges_and_writes_nothing)
{
    use(LINE);
    go(2);
    update("[[{'values':null,'as_node':'a'}]]");
    expect_latest("{'log':['in','a','b']}", "['b']", "update", 3);
}
END_TEST

START_TEST(routes_see_the_update)
{
    use(SWITCH);
    update("[[{'values':{'go':'b'},'as_node':'a'}]]");
    expect_latest("{'log':[],'go':'b'}", "['b']", "update", 0);
    update("[[{'values':{'go':'other'},'as_node':'a'}]]");
    expect_latest("{'log':[],'go':'other'}", "['c']", "update", 1);
}
END_TEST

START_TEST(end_takes_what_finished_tasks_left_and_drops_the_rest)
{
    use(JOIN);
    go(0);
    leave(0, WRITE_RESULT, "{'update':[['log',['late']]],'goto':[]}");
    update("[[{'values':null,'as_node':'__end__'}]]");
    expect_latest("{'log':['in','late']}", "['r']", "update", 1);
    update("[[{'values':null,'as_node':'__end__'}]]");
    expect_latest("{'log':['in','late']}", "[]", "update", 2);
}
END_TEST

START_TEST(end_on_an_empty_thread_makes_an_empty_checkpoint)
{
    use(LINE);
    update("[[{'values':null,'as_node':'__end__'}]]");
    expect_latest("{'log':[]}", "[]", "update", 0);
}
END_TEST

START_TEST(input_waits_for_start)
{
    use(LINE);
    update("[[{'values':{'log':['q']},'as_node':'__input__'}]]");
    expect_latest("{'log':[]}", "['__start__']", "input", -1);
    update("[[{'values':{'log':['q']},'as_node':'__start__'}]]");
    expect_latest("{'log':['q']}", "['a']", "update", 0);
}
END_TEST

START_TEST(a_copy_is_a_sibling_of_its_checkpoint)
{
    char parent[ID_BYTES];
    use(LINE);
    go(1);
    memcpy(parent, at.parent_id, ID_BYTES);
    update("[[{'values':null,'as_node':'__copy__'}]]");
    expect_latest("{'log':['in','a']}", "['b']", "fork", 2);
    ck_assert_str_eq(json_string_value(member("parent_config.configurable.checkpoint_id")), parent);
}
END_TEST

START_TEST(a_copy_with_updates_has_them_in_the_place_of_its_tasks)
{
    const struct thread_history how = { .limit = 2 };
    use(JOIN);
    go(0);
    update("[[{'values':[[{'log':['P']},'p'],[{'log':['Q']},'q']],'as_node':'__copy__'}]]");
    expect_latest("{'log':['in','P','Q']}", "['j','r']", "update", 2);
    ck_assert_int_eq(get_history(NULL, &how), 0);
    expect("1.metadata.source", "'fork'");
    expect("1.tasks.0.result", "{'log':['P']}");
    expect("1.tasks.1.result", "{'log':['Q']}");
    ck_assert(json_equal(member("0.parent_config"), member("1.config")));
}
END_TEST

START_TEST(several_updates_are_one_step_and_several_steps_are_several_checkpoints)
{
    use(JOIN);
    go(0);
    update("[[{'values':{'log':['q']},'as_node':'q'},{'values':{'log':['p']},'as_node':'p'}],"
           "[{'values':{'log':['j']},'as_node':'j'}]]");
    /* an update uses up nothing: the full join goes on waiting for j */
    expect_latest("{'log':['in','q','p','j']}", "['j']", "update", 2);
    const struct thread_history how = { .limit = 2 };
    ck_assert_int_eq(get_history(NULL, &how), 0);
    expect("1.next", "['j','r']");
}
END_TEST

START_TEST(what_finished_tasks_left_is_applied_first)
{
    use(JOIN);
    go(0);
    leave(0, WRITE_RESULT, "{'update':[['log',['p']]],'goto':[]}");
    update("[[{'values':{'log':['q']},'as_node':'q'}]]");
    /* p's own edge is forgotten, but the join has seen it */
    expect_latest("{'log':['in','p','q']}", "['j']", "update", 1);
}
END_TEST

START_TEST(a_chosen_checkpoint_is_a_fork_without_them)
{
    char chosen[ID_BYTES];
    use(JOIN);
    go(0);
    leave(0, WRITE_RESULT, "{'update':[['log',['p']]],'goto':[]}");
    memcpy(chosen, at.id, ID_BYTES);
    ck_assert_int_eq(update_at("", chosen, "[[{'values':{'log':['q']},'as_node':'q'}]]"), 0);
    expect_latest("{'log':['in','q']}", "[]", "update", 1);
    ck_assert_str_eq(json_string_value(member("parent_config.configurable.checkpoint_id")), chosen);
}
END_TEST

START_TEST(who_waits_behind_a_full_join_waits_on)
{
    use(JOIN);
    go(1);
    kit_expect_plan(&at, "j r");
    leave(1, WRITE_RESULT, "{'update':[['log',['r']]],'goto':[]}");
    update("[[{'values':{'log':['x']},'as_node':'q'}]]");
    expect_latest("{'log':['in','p','q','r','x']}", "['j']", "update", 2);
    update("[[{'values':null,'as_node':'q'}]]");
    expect_latest("{'log':['in','p','q','r','x']}", "['j']", "update", 3);
}
END_TEST

START_TEST(who_waits_behind_a_full_join_waits_on_beside_one_that_has_finished)
{
    use("{" LOG ",'nodes':{" KIT_STEP("i") "," KIT_STEP("j") "," KIT_STEP("p") "," KIT_STEP(
        "q") "},"
             "'edges':[['__start__','p'],['__start__','q'],[['p','q'],'i'],[['p','q'],'j']]}");
    go(1);
    kit_expect_plan(&at, "i j");
    leave(0, WRITE_RESULT, "{'update':[['log',['i']]],'goto':[]}");
    update("[[{'values':{'log':['x']},'as_node':'j'}]]");
    expect_latest("{'log':['in','p','q','i','x']}", "['j']", "update", 2);
}
END_TEST

START_TEST(what_a_handler_is_to_see_is_used_up_by_an_update)
{
    use("{" LOG ",'nodes':{'j':{'kind':'step','on_error':{'kind':'step'}}," KIT_STEP(
        "p") "," KIT_STEP("q") "},"
                               "'edges':[['__start__','p'],['__start__','q'],[['p','q'],'j']]}");
    go(1);
    leave(0, WRITE_ERROR, "{'name':'Boom','message':'it broke'}");
    update("[[{'values':{'log':['x']},'as_node':'j'}]]");
    expect_latest("{'log':['in','p','q','x']}", "[]", "update", 2);
}
END_TEST

START_TEST(what_a_command_has_left_is_applied_first)
{
    use(LINE);
    go(0);
    json_t *command = kit_json("[{'update':[['log',['c']]],'goto':[['b']]}]");
    ck_assert_int_eq(checkpoint_set_write_take(&at, NULL_TASK_ID, WRITE_COMMAND, command), 0);
    ck_assert_int_eq(saver_put_write(&saver, &at, NULL_TASK_ID, WRITE_COMMAND, ""), 0);
    update("[[{'values':{'log':['x']},'as_node':'b'}]]");
    expect_latest("{'log':['in','c','x']}", "[]", "update", 1);
}
END_TEST

START_TEST(pending_writes_do_not_come_along)
{
    use(LINE);
    go(0);
    leave(0, WRITE_INTERRUPT, "[{'id':'i','value':1}]");
    update("[[{'values':null}]]");
    get_latest();
    expect("interrupts", "[]");
    expect("next", "['a']");
}
END_TEST

START_TEST(an_update_gets_a_thread_going_whose_graph_has_changed)
{
    use(LINE);
    go(1);
    struct graph *old = graph;
    graph = kit_graph("{" LOG ",'nodes':{" KIT_STEP("a") "," KIT_STEP(
        "c") "},'edges':[['__start__','a'],['a','c']]}");
    update("[[{'values':{'log':['x']},'as_node':'a'}]]");
    expect_latest("{'log':['in','a','x']}", "['c']", "update", 2);
    graph_unref(graph);
    graph = old;
}
END_TEST

START_TEST(a_subgraph_is_updated_at_its_own_place)
{
    use(OUTER);
    put_inner("s:1", "one");
    ck_assert_int_eq(update_at("s:1", NULL, "[[{'values':{'log':['two']},'as_node':'x'}]]"), 0);
    expect("configurable.checkpoint_ns", "'s:1'");
    ck_assert_int_eq(get_state_at("s:1", NULL, false), 0);
    expect("values", "{'log':['one','two']}");
    get_latest();
    expect("values", "{}");
}
END_TEST

static const struct {
    const char *supersteps;
    const char *says;
} refused[] = {
    { "[]", "No supersteps provided" },
    { "{}", "No supersteps provided" },
    { "[[]]", "No updates provided" },
    { "[7]", "No updates provided" },
    { "[[7]]", "an update is an object" },
    { "[[{'values':{},'as_node':7}]]", "an update is an object" },
    { "[[{'values':{},'as_node':'zz'}]]", "Node \"zz\" does not exist" },
    { "[[{'values':{},'as_node':'__end__'}]]", "Node \"__end__\" does not exist" },
    { "[[{'values':{}}]]", "Ambiguous update" },
    { "[[{'values':{}},{'values':{},'as_node':'p'}]]", "\"as_node\" is required" },
    { "[[{'values':null},{'values':{},'as_node':'p'}]]", "one update" },
    { "[[{'values':null,'as_node':'__end__'},{'values':{},'as_node':'p'}]]", "one update" },
    { "[[{'values':{},'as_node':'__input__'},{'values':{},'as_node':'p'}]]", "one update" },
    { "[[{'values':null,'as_node':'__copy__'},{'values':{},'as_node':'p'}]]", "one update" },
    { "[[{'values':null,'as_node':'__input__'}]]", "no object" },
    { "[[{'values':[[{},7]],'as_node':'__copy__'}]]", "[values, node]" },
    { "[[{'values':[[{},'p'],[{},7]],'as_node':'__copy__'}]]", "[values, node]" },
    { "[[{'values':'text','as_node':'p'}]]", "has to return" },
    { "[[{'values':{'go':7},'as_node':'p'}]]", "go" },
    { "[[{'values':{'go':7},'as_node':'__start__'}]]", "go" },
    { "[[{'values':{'go':'x'},'as_node':'p'},{'values':{'go':'y'},'as_node':'q'}]]", "go" },
    { "[[{'values':{'__command__':{'graph':'PARENT','goto':'p'}},'as_node':'p'}]]", "parent" },
};

START_TEST(a_wrong_update_is_refused_and_changes_nothing)
{
    use(JOIN);
    go(1);
    ck_assert_int_eq(update_at("", NULL, refused[_i].supersteps), THREAD_E_REFUSED);
    ck_assert_msg(failure.code == FAIL_INVALID_UPDATE, "%d", (int)failure.code);
    ck_assert_msg(strstr(fail_message(&failure), refused[_i].says) != NULL, "%s",
                  fail_message(&failure));
    ck_assert_ptr_null(result);
    get_latest();
    if (strstr(refused[_i].supersteps, "[[{},") ==
        NULL) /* the copy itself stays, as in LangGraph */
        ck_assert_str_eq(json_string_value(member("checkpoint.checkpoint_id")), at.id);
}
END_TEST

START_TEST(a_copy_of_nothing_is_refused)
{
    use(LINE);
    ck_assert_int_eq(update_at("", NULL, "[[{'values':null,'as_node':'__copy__'}]]"),
                     THREAD_E_REFUSED);
    ck_assert_int_eq(failure.code, FAIL_INVALID_UPDATE);
}
END_TEST

START_TEST(a_busy_thread_is_not_changed)
{
    struct run run = { .is_kept = true, .thread_id = "t" };
    use(LINE);
    go(0);
    list_add_tail(&runs->active, &run.node);
    ck_assert_int_eq(update_at("", NULL, "[[{'values':{}}]]"), THREAD_E_REFUSED);
    ck_assert_int_eq(failure.code, FAIL_CONFLICT);
    ck_assert_int_eq(delete ("t"), THREAD_E_REFUSED);
    ck_assert_int_eq(failure.code, FAIL_CONFLICT);
    ck_assert_int_eq(delete ("other"), 0);
    get_latest();
    list_remove(&run.node);
}
END_TEST

START_TEST(a_full_store_refuses_the_update)
{
    use(LINE);
    store_close(services.store);
    services.store = kit_store(100);
    ck_assert_int_eq(update_at("", NULL, "[[{'values':{'log':['x']}}]]"), THREAD_E_REFUSED);
    ck_assert_int_eq(failure.code, FAIL_NO_ROOM);
    ck_assert_ptr_nonnull(strstr(fail_message(&failure), "memory_store_bytes"));
}
END_TEST

START_TEST(a_deleted_thread_is_forgotten)
{
    const struct thread_history how = { 0 };
    use(OUTER);
    go(0);
    put_inner("t", "x");
    ck_assert_int_eq(delete ("t"), 0);
    ck_assert_int_eq(get_history(NULL, &how), 0);
    ck_assert_uint_eq(json_array_size(result), 0);
    ck_assert_int_eq(get_state_at("t", NULL, false), 0);
    expect("values", "{}");
    ck_assert_int_eq(delete ("t"), 0);
}
END_TEST

/* ---- without memory ---- */

static int look(void)
{
    return get_state_at("", NULL, true);
}

static int list_history(void)
{
    const struct thread_history how = { .limit = 3 };
    return get_history(NULL, &how);
}

/* The text of the update must not be what lacks memory: it was parsed before. */
static json_t *parsed;

static int change(void)
{
    struct thread_op op = { 0 };
    struct kit_end end = { 0 };
    const struct thread_place place = place_of("", NULL);
    json_decref(result);
    result = NULL;
    thread_update_state(runs, &op, &place, parsed, &result, &failure, kit_on_end, &end);
    return run_until_end(&op, &end);
}

static int (*const verbs[])(void) = { look, list_history, change };

/* A failed change may have stored its first step: each try gets a thread of its own. */
static void begin_again(void)
{
    if (graph != NULL) {
        ck_assert_int_eq(delete ("t"), 0);
        saver_deinit(&saver);
        checkpoint_deinit(&at);
        graph = graph_unref(graph);
    }
    use(OUTER);
    go(0);
    leave(0, WRITE_RESULT, "{'update':[['log',['s']]],'goto':[]}");
}

START_TEST(without_memory_a_verb_ends_with_a_fault_and_leaks_nothing)
{
    bool is_pending = false;
    parsed = kit_json("[[{'values':{'log':['x']},'as_node':'s'}],"
                      "[{'values':[[{'log':['y']},'s']],'as_node':'__copy__'}]]");
    for (unsigned long n = 1; !is_pending; n++) {
        begin_again();
        mem_fail_at(n);
        int r = verbs[_i]();
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(is_pending ? r == 0 : r < 0, "%lu: %d %s", n, r, fail_message(&failure));
    }
    json_decref(parsed);
}
END_TEST

static TCase *make_case(const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    return t;
}

static TCase *look_case(void)
{
    TCase *t = make_case("looking");
    tcase_add_test(t, an_unknown_thread_is_empty);
    tcase_add_test(t, the_latest_state_has_what_finished_tasks_left_a_chosen_one_has_not);
    tcase_add_test(t, states_of_subgraphs_are_shown_in_place_when_asked_for);
    tcase_add_test(t, a_subgraph_with_one_state_per_thread_is_found_without_and_with_a_task_id);
    tcase_add_test(t, a_namespace_that_names_no_subgraph_is_not_found);
    tcase_add_test(t, too_long_names_are_refused);
    tcase_add_test(t, without_a_store_every_verb_is_refused);
    tcase_add_test(t, a_look_can_be_cancelled);
    tcase_add_test(t, history_is_newest_first_with_results_and_all_names);
    tcase_add_test(t, history_has_limit_before_and_filter);
    return t;
}

static TCase *change_case(void)
{
    TCase *t = make_case("changing");
    tcase_add_test(t, an_update_of_an_empty_thread_counts_as_start);
    tcase_add_test(t, an_update_without_a_name_counts_as_who_ran_last);
    tcase_add_test(t, the_result_names_the_new_checkpoint);
    tcase_add_test(t, null_as_a_node_fires_its_edges_and_writes_nothing);
    tcase_add_test(t, routes_see_the_update);
    tcase_add_test(t, end_takes_what_finished_tasks_left_and_drops_the_rest);
    tcase_add_test(t, end_on_an_empty_thread_makes_an_empty_checkpoint);
    tcase_add_test(t, input_waits_for_start);
    tcase_add_test(t, a_copy_is_a_sibling_of_its_checkpoint);
    tcase_add_test(t, a_copy_with_updates_has_them_in_the_place_of_its_tasks);
    tcase_add_test(t, several_updates_are_one_step_and_several_steps_are_several_checkpoints);
    tcase_add_test(t, what_finished_tasks_left_is_applied_first);
    tcase_add_test(t, a_chosen_checkpoint_is_a_fork_without_them);
    tcase_add_test(t, who_waits_behind_a_full_join_waits_on);
    tcase_add_test(t, who_waits_behind_a_full_join_waits_on_beside_one_that_has_finished);
    tcase_add_test(t, what_a_handler_is_to_see_is_used_up_by_an_update);
    tcase_add_test(t, what_a_command_has_left_is_applied_first);
    tcase_add_test(t, pending_writes_do_not_come_along);
    tcase_add_test(t, an_update_gets_a_thread_going_whose_graph_has_changed);
    tcase_add_test(t, a_subgraph_is_updated_at_its_own_place);
    return t;
}

static TCase *refused_case(void)
{
    TCase *t = make_case("refused");
    tcase_add_loop_test(t, a_wrong_update_is_refused_and_changes_nothing, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(t, a_copy_of_nothing_is_refused);
    tcase_add_test(t, a_busy_thread_is_not_changed);
    tcase_add_test(t, a_full_store_refuses_the_update);
    tcase_add_test(t, a_deleted_thread_is_forgotten);
    tcase_add_loop_test(t, without_memory_a_verb_ends_with_a_fault_and_leaks_nothing, 0, 3);
    return t;
}

int main(void)
{
    mem_init();
    Suite *suite = suite_create("thread");
    suite_add_tcase(suite, look_case());
    suite_add_tcase(suite, change_case());
    suite_add_tcase(suite, refused_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
