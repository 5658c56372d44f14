/* The codes under which LangGraph's pages explain an error, at the end of what is told. */
#include "program.h"

static void return_list(struct program *p, struct anabranch_task *task)
{
    (void)p;
    program_finish(task, "[1]");
}

static void ask(struct program *p, struct anabranch_task *task)
{
    (void)p;
    ck_assert_ptr_null(anabranch_task_ask(task, NULL, 0, NULL));
}

static const struct program_act acts[] = { { "list", return_list },
                                           { "ask", ask },
                                           { NULL, NULL } };

static struct program p;

static void set_up(void)
{
    program_init(&p, acts, NULL);
}

static void tear_down(void)
{
    program_deinit(&p);
}

#define SET(name)      "'" name "':{'kind':'set','values':{'text':'" name "'}}"
#define ACT(name, act) "'" name "':{'kind':'act','do':'" act "'}"

static const struct {
    const char *graph, *type, *message;
} failures[] = {
    { "'nodes':{" SET("a") "," SET("b") "},'edges':[['START',['a','b']]]", "InvalidUpdateError",
      "field \\'text\\' was written by nodes \\'a\\' and \\'b\\' in one step; give it a reducer to "
      "take several writes (INVALID_CONCURRENT_GRAPH_UPDATE)" },
    { "'nodes':{" ACT("a", "list") "},'edges':[['START','a']]", "InvalidUpdateError",
      "node \\'a\\' has to return an object, a Command, or a list with at least one Command; it "
      "returned array (INVALID_GRAPH_NODE_RETURN_VALUE)" },
    { "'recursion_limit':5,'nodes':{" SET("a") "},'edges':[['START','a'],['a','a']]",
      "GraphRecursionError",
      "Recursion limit of 5 reached without hitting a stop condition. You can increase the limit "
      "by setting the \\'recursion_limit\\' config key. (GRAPH_RECURSION_LIMIT)" },
    { "'nodes':{" ACT("a", "ask") "},'edges':[['START','a']]", "UnprocessableError",
      "node \\'a\\' asks with interrupt(), which needs a thread to come back to: start the run "
      "with "
      "a \\'thread_id\\' (MISSING_CHECKPOINTER)" },
};
enum { FAILURE_COUNT = sizeof(failures) / sizeof(failures[0]) };

START_TEST(a_failure_ends_with_its_code)
{
    char expected[512];
    program_use(&p, failures[_i].graph);
    p.run.thread_id = NULL;
    ck_assert_int_eq(program_run(&p, "{}"), ANABRANCH_E_FAILED);
    snprintf(expected, sizeof(expected), "{'error':{'type':'%s','message':'%s'", failures[_i].type,
             failures[_i].message);
    program_expect(&p, expected);
}
END_TEST

START_TEST(an_update_in_the_place_of_a_node_names_it)
{
    program_use(&p, "'nodes':{" SET("a") "},'edges':[['START','a']]");
    ck_assert_int_eq(program_update(&p, "7", "a"), ANABRANCH_E_FAILED);
    program_expect(&p, "node \\'a\\' has to return an object, a Command, or a list with at least "
                       "one Command; it returned integer (INVALID_GRAPH_NODE_RETURN_VALUE)");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("embed_codes");
    TCase *t = tcase_create("codes");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_failure_ends_with_its_code, 0, FAILURE_COUNT);
    tcase_add_test(t, an_update_in_the_place_of_a_node_names_it);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
