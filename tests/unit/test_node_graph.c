/* The kind `graph` as a task; what it reads is test_subgraph_build.c's. */
#include "fake_task.h"

#define STATE "{" F("q", "string") "," F("note", "string") "}"
#define INNER                                                                                      \
    "{\"state\":{" F("q",                                                                          \
                     "string") "},\"nodes\":{\"n\":{\"kind\":\"set\",\"values\":{\"q\":\"x\"}}},"  \
                               "\"edges\":[[\"__start__\",\"n\"]]}"

static const struct fake_wrong wrong[] = {
    { "{\"kind\":\"graph\"}", "\"graph\" is missing" },
    { "{\"kind\":\"graph\",\"graph\":\"other\"}", "/nodes/it/graph: unknown graph \"other\"" },
    { "{\"kind\":\"graph\",\"graph\":" INNER ",\"mode\":1}", "unknown key \"mode\"" },
};

START_TEST(a_wrong_node_is_told)
{
    fake_check_wrong(STATE, &wrong[_i]);
}
END_TEST

START_TEST(the_node_holds_the_graph_and_starts_and_cancels_it)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, "{\"kind\":\"graph\",\"graph\":" INNER "}");
    fake_start(&x, "{}");
    ck_assert_str_eq(x.task.node->subgraph->graph->name, "it");
    ck_assert_int_eq(x.subgraph_count, 1);
    ck_assert(!x.has_ended); /* who runs the child ends the task */
    fake_cancel(&x);
    ck_assert_int_eq(x.subgraph_count, 0);
    fake_release(&x);
    fake_deinit(&x);
}
END_TEST

START_TEST(what_is_common_to_nodes_holds_for_graphs_too)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE,
               "{\"kind\":\"graph\",\"graph\":" INNER
               ",\"retry\":{},\"timeout_ms\":7,\"tags\":[\"a\"]}");
    const struct node *node = &x.graph->nodes[0];
    ck_assert_int_eq(node->retries[0].max_attempts, 3);
    ck_assert_int_eq(node->timeout_ms, 7);
    ck_assert_uint_eq(node->tag_count, 1);
    fake_deinit(&x);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("node_graph");
    TCase *tc = tcase_create("graph");
    tcase_add_loop_test(tc, a_wrong_node_is_told, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(tc, the_node_holds_the_graph_and_starts_and_cancels_it);
    tcase_add_test(tc, what_is_common_to_nodes_holds_for_graphs_too);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
