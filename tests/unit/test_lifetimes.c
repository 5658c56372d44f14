/*
 * How long what was written stays, seen from whole runs: a field that lives for a step is seen in
 * the next step only, one that lives for a run is in no checkpoint; and Overwrite in both its forms.
 * How one version of a state follows another is in test_state.c.
 */
#include "run/thread.h"
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

#define FIELDS                                                                                     \
    "'state':{'log':{'type':'array','reducer':'append'},'hint':{'type':'string','lifetime':"       \
    "'step'},'pile':{'type':'array','reducer':'append','lifetime':'step'},'key':{'type':"          \
    "'string','lifetime':'run'},'list':{'type':'array'}},'output':['log']"
#define GRAPH(nodes, edges) "{" FIELDS ",'nodes':{" nodes "},'edges':[" edges "]}"
#define SET(values)         "{'kind':'set','values':{" values "}}"
#define LOOK(name)          SET("'log':'" name " {{hint}}{{pile}}{{key}}'")
#define ASK                 "{'kind':'interrupt','value':'{{hint}}{{key}}'}"

static void expect_run(const char *graph, const char *input, const char *outcome)
{
    ck_assert_str_eq(rig_run(&rig, graph, input), outcome);
}

/* On the thread "t"; input and command may be NULL. */
static void expect_on_thread(const char *graph, const char *input, const char *command,
                             const char *outcome)
{
    json_t *json = command == NULL ? NULL : rig_parse(command);
    struct run *run = rig_start_with(&rig, rig_graph(&rig, graph), input,
                                     (struct run_request){ .thread_id = "t", .command = json });

    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), outcome);
    run_unref(run);
    json_decref(json);
}

struct look {
    bool is_done;
    int result;
};

static void look_ended(void *arg, int result)
{
    struct look *look = arg;

    look->is_done = true;
    look->result = result;
}

/* The values of the thread's state; a new reference. */
static json_t *values_of_thread(const char *text)
{
    struct graph *graph = rig_graph(&rig, text);
    struct thread_place place = { .graph = graph, .thread_id = "t", .ns = "" };
    struct thread_op op = { 0 };
    struct look look = { 0 };
    struct fail f = { 0 };
    json_t *state = NULL;

    thread_get_state(rig.worker.runs, &op, &place, false, &state, &f, look_ended, &look);
    ck_assert_int_eq(loop_run_until(rig.worker.loop, &look.is_done), 0);
    ck_assert_int_eq(look.result, 0);
    json_t *values = json_incref(json_object_get(state, "values"));
    json_decref(state);
    graph_unref(graph);
    return values;
}

/* ---- a step ---- */

START_TEST(what_lives_for_a_step_is_seen_in_the_next_step_only)
{
    expect_run(GRAPH("'a':" SET("'hint':'H','pile':'P'") ",'b':" LOOK("b") ",'c':" LOOK("c"),
                     "['START','a'],['a','b'],['b','c']"),
               "{}", "{'log':['b H[\\'P\\']','c []']}");
}
END_TEST

START_TEST(an_input_that_lives_for_a_step_is_seen_by_the_first_nodes)
{
    expect_run(GRAPH("'a':" LOOK("a") ",'b':" LOOK("b"), "['START','a'],['a','b']"),
               "{'hint':'in'}", "{'log':['a in[]','b []']}");
}
END_TEST

START_TEST(a_reducer_of_a_step_folds_what_that_step_has_written)
{
    expect_run(GRAPH("'a':" SET("'pile':1") ",'b':" SET("'pile':2") ",'c':" SET(
                         "'pile':3,'log':'{{pile}}'") ",'d':" SET("'log':'{{pile}}'"),
                     "['START',['a','b']],['a','c'],['c','d']"),
               "{}", "{'log':[1,2,3]}");
}
END_TEST

START_TEST(a_switch_sees_what_its_node_has_written_for_a_step)
{
    expect_run(GRAPH("'a':" SET("'hint':'left'") ",'l':" SET("'log':'l'") ",'r':" SET("'log':'r'"),
                     "['START','a'],{'from':'a','switch':'hint','cases':{'left':'l'},"
                     "'default':'r'}"),
               "{}", "{'log':['l']}");
}
END_TEST

START_TEST(a_question_keeps_the_step_and_what_lives_for_it)
{
    const char *graph = GRAPH("'a':" SET("'hint':'H'") ",'b':" ASK ",'c':" LOOK("c"),
                              "['START','a'],['a','b'],['b','c']");

    expect_on_thread(graph, "{}", NULL, "{'log':[]}");
    json_t *values = values_of_thread(graph);
    ck_assert_str_eq(json_string_value(json_object_get(values, "hint")), "H");
    json_decref(values);
    expect_on_thread(graph, NULL, "{'resume':1}", "{'log':['c []']}");
    values = values_of_thread(graph);
    ck_assert_ptr_null(json_object_get(values, "hint"));
    json_decref(values);
}
END_TEST

START_TEST(a_subgraph_has_steps_of_its_own)
{
    expect_run(
        GRAPH("'a':" SET(
                  "'hint':'H'") ",'s':{'kind':'graph','graph':{" FIELDS ",'nodes':{"
                                "'i':" LOOK("i") ",'j':" LOOK(
                                    "j") "},'edges':[['START','i'],['i','j']]}},'z':" LOOK("z"),
              "['START','a'],['a','s'],['s','z']"),
        "{}", "{'log':['i H[]','j []','z []']}");
}
END_TEST

/* ---- a run ---- */

START_TEST(what_lives_for_a_run_is_seen_until_its_end)
{
    expect_run(GRAPH("'a':" SET("'key':'K'") ",'b':" LOOK("b") ",'c':" LOOK("c"),
                     "['START','a'],['a','b'],['b','c']"),
               "{}", "{'log':['b []K','c []K']}");
}
END_TEST

static const char *const durabilities[] = { "sync", "async", "exit" };

START_TEST(what_lives_for_a_run_is_in_no_checkpoint)
{
    const char *graph = GRAPH("'a':" SET("'key':'K'") ",'b':" ASK ",'c':" LOOK("c"),
                              "['START','a'],['a','b'],['b','c']");
    struct run *run =
        rig_start_with(&rig, rig_graph(&rig, graph), "{'key':'in'}",
                       (struct run_request){ .thread_id = "t", .durability = durabilities[_i] });

    rig_finish(&rig, run);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_array_get(run_interrupts(run), 0), "value")), "K");
    run_unref(run);
    json_t *values = values_of_thread(graph);
    ck_assert_ptr_null(json_object_get(values, "key"));
    json_decref(values);
    expect_on_thread(graph, NULL, "{'resume':1}", "{'log':['c []']}");
}
END_TEST

START_TEST(the_next_run_of_a_thread_begins_without_it)
{
    const char *graph = GRAPH("'a':" LOOK("a") ",'b':" SET("'key':'K'"), "['START','a'],['a','b']");

    expect_on_thread(graph, "{'key':'in'}", NULL, "{'log':['a []in']}");
    expect_on_thread(graph, "{}", NULL, "{'log':['a []in','a []']}");
}
END_TEST

START_TEST(what_lives_for_a_run_is_taken_out_of_stored_sends)
{
    const char *graph = GRAPH("'a':{'kind':'set','values':{}},'b':{'kind':'interrupt','value':"
                              "'{{key}} {{hint}}'}",
                              "['START','a'],"
                              "{'from':'a','each':'list','as':'key','send':'b','index':'hint'}");
    static const char *const asked[] = { "x 0", " 0" };

    for (int i = 0; i < 2; i++) {
        struct run *run =
            rig_start_with(&rig, rig_graph(&rig, graph), i == 0 ? "{'list':['x']}" : NULL,
                           (struct run_request){ .thread_id = "t" });
        rig_finish(&rig, run);
        const json_t *question = json_array_get(run_interrupts(run), 0);
        ck_assert_str_eq(json_string_value(json_object_get(question, "value")), asked[i]);
        run_unref(run);
    }
}
END_TEST

/* ---- Overwrite ---- */

static const char *const overwrites[] = {
    "{'__overwrite__':['new']}",
    "{'type':'__overwrite__','value':['new']}",
};

START_TEST(what_a_command_writes_for_a_run_counts_in_that_run_only)
{
    const char *graph = GRAPH("'a':" ASK ",'b':" LOOK("b") ",'c':" ASK ",'d':" LOOK("d"),
                              "['START','a'],['a','b'],['b','c'],['c','d']");

    expect_on_thread(graph, "{}", NULL, "{'log':[]}");
    expect_on_thread(graph, NULL, "{'resume':1,'update':{'key':5}}", "InvalidUpdateError");
    expect_on_thread(graph, NULL, "{'resume':1,'update':{'key':'K'}}", "{'log':['b []K']}");
    expect_on_thread(graph, NULL, "{'resume':1}", "{'log':['b []K','d []']}");
}
END_TEST

START_TEST(an_overwrite_takes_the_place_of_all_writes_of_its_step)
{
    char graph[1024];

    snprintf(graph, sizeof(graph),
             GRAPH("'a':" SET("'log':'a'") ",'b':" SET("'log':%s") ",'c':" SET("'log':'c'"),
                   "['START',['a','b','c']]"),
             overwrites[_i]);
    expect_run(graph, "{'log':['old']}", "{'log':['new']}");
}
END_TEST

START_TEST(an_input_and_a_command_may_overwrite)
{
    const char *graph = GRAPH("'a':" SET("'log':'a'"), "['START','a']");
    char text[200];

    expect_on_thread(graph, "{'log':'old'}", NULL, "{'log':['old','a']}");
    snprintf(text, sizeof(text), "{'log':%s}", overwrites[_i]);
    expect_on_thread(graph, text, NULL, "{'log':['new','a']}");
    expect_on_thread(graph, "{'log':'more'}", NULL, "{'log':['new','a','more','a']}");
    snprintf(text, sizeof(text), "{'update':{'log':%s}}", overwrites[_i]);
    expect_on_thread(graph, NULL, text, "{'log':['new']}");
}
END_TEST

START_TEST(an_overwrite_may_be_written_into_a_step_only)
{
    char graph[1024];

    snprintf(
        graph, sizeof(graph),
        GRAPH("'a':" SET("'pile':1") ",'b':" SET("'pile':%s") ",'c':" LOOK("c") ",'d':" LOOK("d"),
              "['START',['a','b']],['b','c'],['c','d']"),
        overwrites[_i]);
    expect_run(graph, "{}", "{'log':['c [\\'new\\']','d []']}");
}
END_TEST

/* ---- the suite ---- */

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *s = suite_create("lifetimes");
    TCase *t = tcase_create("lifetimes");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, what_lives_for_a_step_is_seen_in_the_next_step_only);
    tcase_add_test(t, an_input_that_lives_for_a_step_is_seen_by_the_first_nodes);
    tcase_add_test(t, a_reducer_of_a_step_folds_what_that_step_has_written);
    tcase_add_test(t, a_switch_sees_what_its_node_has_written_for_a_step);
    tcase_add_test(t, a_question_keeps_the_step_and_what_lives_for_it);
    tcase_add_test(t, a_subgraph_has_steps_of_its_own);
    tcase_add_test(t, what_lives_for_a_run_is_seen_until_its_end);
    tcase_add_loop_test(t, what_lives_for_a_run_is_in_no_checkpoint, 0, COUNT(durabilities));
    tcase_add_test(t, the_next_run_of_a_thread_begins_without_it);
    tcase_add_test(t, what_lives_for_a_run_is_taken_out_of_stored_sends);
    tcase_add_test(t, what_a_command_writes_for_a_run_counts_in_that_run_only);
    tcase_add_loop_test(t, an_overwrite_takes_the_place_of_all_writes_of_its_step, 0,
                        COUNT(overwrites));
    tcase_add_loop_test(t, an_input_and_a_command_may_overwrite, 0, COUNT(overwrites));
    tcase_add_loop_test(t, an_overwrite_may_be_written_into_a_step_only, 0, COUNT(overwrites));
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
