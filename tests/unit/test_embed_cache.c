/* anabranch_clear_cache(): kept results are forgotten, of a graph, of a node, of what is inside. */
#include "program.h"

static void count(struct program *p, struct anabranch_task *task)
{
    (void)p;
    program_finish(task, "{'log':['x']}");
}

static const struct program_act acts[] = { { "count", count }, { NULL, NULL } };

#define CACHED "{'kind':'act','do':'count','cache':{'key':'k'}}"
#define INNER                                                                                      \
    "{'state':{'log':{'type':'array','reducer':'append'}},'nodes':{'a':" CACHED "},"               \
    "'edges':[['START','a']]}"
#define GRAPH                                                                                      \
    "'nodes':{'a':" CACHED ",'ab':" CACHED ",'s':{'kind':'graph','graph':" INNER "}},"             \
    "'edges':[['START',['a','ab','s']]]"

static struct program p;

static void set_up(void)
{
    program_init(&p, acts, GRAPH);
}

static void tear_down(void)
{
    program_deinit(&p);
}

/* How many nodes begin in a run. */
static int begun(void)
{
    int before = p.start_count;

    ck_assert_int_eq(program_run(&p, "{}"), 0);
    return p.start_count - before;
}

static const struct {
    const char *node;
    int status, begun;
} clears[] = {
    { NULL, 0, 3 }, /* the graph, and the one inside */
    { "a", 0, 1 },
    { "ab", 0, 1 },
    { "s", 0, 1 },
    { "b", ANABRANCH_E_INVALID, 0 },
    { "", ANABRANCH_E_INVALID, 0 },
};
enum { CLEAR_COUNT = sizeof(clears) / sizeof(clears[0]) };

START_TEST(what_is_cleared_runs_again_and_the_rest_does_not)
{
    ck_assert_int_eq(anabranch_clear_cache(p.engine, p.graph, clears[_i].node),
                     clears[_i].status); /* nothing is there yet */
    ck_assert_int_eq(begun(), 3);
    ck_assert_int_eq(begun(), 0);
    ck_assert_int_eq(anabranch_clear_cache(p.engine, p.graph, clears[_i].node), clears[_i].status);
    ck_assert_int_eq(begun(), clears[_i].begun);
    ck_assert_int_eq(begun(), 0);
}
END_TEST

START_TEST(another_graph_keeps_its_results)
{
    struct anabranch_graph *first = p.graph;

    ck_assert_int_eq(begun(), 3);
    p.graph = NULL;
    program_use(&p, GRAPH);
    ck_assert_int_eq(begun(), 3);
    ck_assert_int_eq(anabranch_clear_cache(p.engine, p.graph, NULL), 0);
    anabranch_graph_free(p.graph);
    p.graph = first;
    ck_assert_int_eq(begun(), 0);
}
END_TEST

START_TEST(without_a_graph_nothing_is_cleared)
{
    ck_assert_int_eq(begun(), 3);
    ck_assert_int_eq(anabranch_clear_cache(p.engine, NULL, NULL), ANABRANCH_E_INVALID);
    ck_assert_int_eq(begun(), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("embed_cache");
    TCase *t = tcase_create("cache");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, what_is_cleared_runs_again_and_the_rest_does_not, 0, CLEAR_COUNT);
    tcase_add_test(t, another_graph_keeps_its_results);
    tcase_add_test(t, without_a_graph_nothing_is_cleared);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
