/* Who runs next, on graphs built by hand. Node names are single letters, so indexes read as
 * letters: a = 0. */
#include "base/mem.h"
#include "graph/sched.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { A, B, C, D, E, NODES };

#define LIST(...) (int[]){ __VA_ARGS__ }, sizeof((int[]){ __VA_ARGS__ }) / sizeof(int)

static struct node nodes[NODES];
static struct join joins[3];
static struct graph graph;
static struct sched *sched;

static void reset_graph(void)
{
    static char *const names[] = { "a", "b", "c", "d", "e" };
    static char *const triggers[] = { "branch:to:a", "branch:to:b", "branch:to:c", "branch:to:d",
                                      "branch:to:e" };
    memset(nodes, 0, sizeof(nodes));
    memset(joins, 0, sizeof(joins));
    for (int i = 0; i < NODES; i++)
        nodes[i] = (struct node){ .name = names[i], .trigger = triggers[i] };
    graph = (struct graph){ .refs = 1, .nodes = nodes, .node_count = NODES, .joins = joins };
    sched = NULL;
}

static void setup(void)
{
    mem_init();
    reset_graph();
}

static void teardown(void)
{
    sched = sched_free(sched);
}

static void set_targets(struct outlets *out, int *targets, size_t count)
{
    out->targets = targets;
    out->target_count = count;
}

static void set_joins(int node, int *list, size_t count)
{
    nodes[node].out.joins = list;
    nodes[node].out.join_count = count;
}

static void add_join(int target, char *trigger, int *sources, size_t count)
{
    joins[graph.join_count++] = (struct join){ sources, count, target, trigger };
}

static void begin(void)
{
    ck_assert_int_eq(sched_new(&graph, &sched), 0);
    sched_start(sched, NULL, 0);
}

/* Plans, and compares with text like "a[branch:to:a] c[branch:to:c join:a+b:c]". */
static void expect_plan(const char *expected)
{
    struct plan plan;
    char text[500] = "";
    sched_plan(sched, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        const struct planned *p = &plan.tasks[i];
        strcat(strcat(strcat(text, i > 0 ? " " : ""), nodes[p->node].name), "[");
        for (size_t k = 0; k < p->trigger_count; k++)
            strcat(strcat(text, k > 0 ? " " : ""), p->triggers[k]);
        strcat(text, "]");
    }
    ck_assert_str_eq(text, expected);
}

static void finish(int node)
{
    sched_finish(sched, node, NULL, 0);
}

START_TEST(nothing_is_planned_before_the_start)
{
    set_targets(&graph.start, LIST(A));
    ck_assert_int_eq(sched_new(&graph, &sched), 0);
    expect_plan("");
    sched_start(sched, NULL, 0);
    expect_plan("a[branch:to:a]");
    expect_plan("");
}
END_TEST

START_TEST(a_fan_out_is_planned_by_index)
{
    set_targets(&graph.start, LIST(B, C, E));
    begin();
    expect_plan("b[branch:to:b] c[branch:to:c] e[branch:to:e]");
}
END_TEST

START_TEST(several_edges_into_a_node_trigger_it_once)
{
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[A].out, LIST(C));
    set_targets(&nodes[B].out, LIST(C));
    begin();
    expect_plan("a[branch:to:a] b[branch:to:b]");
    finish(B);
    finish(A);
    expect_plan("c[branch:to:c]");
    finish(C);
    expect_plan("");
}
END_TEST

START_TEST(an_edge_and_a_route_to_the_same_node_trigger_it_once)
{
    set_targets(&graph.start, LIST(A));
    set_targets(&nodes[A].out, LIST(C));
    begin();
    expect_plan("a[branch:to:a]");
    sched_finish(sched, A, LIST(C, D, NODE_END));
    expect_plan("c[branch:to:c] d[branch:to:d]");
}
END_TEST

START_TEST(the_end_is_never_planned)
{
    ck_assert_int_eq(sched_new(&graph, &sched), 0);
    sched_start(sched, LIST(NODE_END));
    expect_plan("");
    sched_start(sched, LIST(B, NODE_END));
    expect_plan("b[branch:to:b]");
}
END_TEST

START_TEST(a_node_that_triggers_itself_runs_in_the_next_step)
{
    set_targets(&graph.start, LIST(A));
    begin();
    expect_plan("a[branch:to:a]");
    sched_finish(sched, A, LIST(A));
    expect_plan("a[branch:to:a]");
    finish(A);
    expect_plan("");
}
END_TEST

START_TEST(a_node_triggered_while_it_runs_is_planned_in_the_next_step)
{
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[A].out, LIST(B));
    begin();
    expect_plan("a[branch:to:a] b[branch:to:b]");
    finish(A);
    finish(B);
    expect_plan("b[branch:to:b]");
    finish(B);
    expect_plan("");
}
END_TEST

START_TEST(a_join_waits_for_all_its_sources_across_steps)
{
    set_targets(&graph.start, LIST(A, C));
    set_targets(&nodes[C].out, LIST(D));
    add_join(E, "join:a+d:e", LIST(A, D));
    set_joins(A, LIST(0));
    set_joins(D, LIST(0));
    begin();
    expect_plan("a[branch:to:a] c[branch:to:c]");
    finish(A);
    finish(C);
    expect_plan("d[branch:to:d]");
    finish(D);
    expect_plan("e[join:a+d:e]");
    finish(E);
    expect_plan("");
}
END_TEST

START_TEST(a_source_that_finishes_twice_counts_once)
{
    set_targets(&graph.start, LIST(A));
    add_join(E, "join:a+b:e", LIST(A, B));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    begin();
    expect_plan("a[branch:to:a]");
    sched_finish(sched, A, LIST(A));
    expect_plan("a[branch:to:a]");
    sched_finish(sched, A, LIST(B));
    expect_plan("b[branch:to:b]");
    finish(B);
    expect_plan("e[join:a+b:e]");
}
END_TEST

START_TEST(a_join_in_a_cycle_waits_again_after_it_fired)
{
    set_targets(&graph.start, LIST(A, B));
    add_join(C, "join:a+b:c", LIST(A, B));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    begin();
    expect_plan("a[branch:to:a] b[branch:to:b]");
    for (int round = 0; round < 3; round++) {
        finish(A);
        finish(B);
        expect_plan("c[join:a+b:c]");
        sched_finish(sched, C, LIST(A));
        expect_plan("a[branch:to:a]");
        sched_finish(sched, A,
                     LIST(A, B)); /* half of the join: must not fire with last round's b */
        expect_plan("a[branch:to:a] b[branch:to:b]");
    }
}
END_TEST

START_TEST(a_source_that_finishes_beside_the_join_counts_for_the_next_time)
{
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[B].out, LIST(B));
    add_join(C, "join:a+b:c", LIST(A, B));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    begin();
    expect_plan("a[branch:to:a] b[branch:to:b]");
    finish(A);
    finish(B);
    expect_plan("b[branch:to:b] c[join:a+b:c]");
    finish(B);
    sched_finish(sched, C, LIST(A));
    expect_plan("a[branch:to:a] b[branch:to:b]");
    finish(A);
    expect_plan("c[join:a+b:c]");
}
END_TEST

/* start -> a, b(deferred); a -> b, c: b waits for the longer way. */
START_TEST(a_deferred_node_waits_until_nothing_else_is_left)
{
    nodes[B].is_deferred = true;
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[A].out, LIST(B, C));
    begin();
    expect_plan("a[branch:to:a]");
    finish(A);
    expect_plan("c[branch:to:c]");
    finish(C);
    expect_plan("b[branch:to:b]");
    finish(B);
    expect_plan("");
}
END_TEST

START_TEST(deferred_nodes_run_together_and_may_be_armed_again)
{
    nodes[B].is_deferred = nodes[D].is_deferred = true;
    set_targets(&graph.start, LIST(A, B, D));
    set_targets(&nodes[D].out, LIST(A));
    set_targets(&nodes[A].out, LIST(B));
    begin();
    expect_plan("a[branch:to:a]");
    finish(A);
    expect_plan("b[branch:to:b] d[branch:to:d]");
    finish(B);
    finish(D);
    expect_plan("a[branch:to:a]");
    finish(A);
    expect_plan("b[branch:to:b]");
}
END_TEST

START_TEST(a_join_into_a_deferred_node_stays_full_until_it_runs)
{
    nodes[C].is_deferred = true;
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[B].out, LIST(D));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    add_join(C, "join:a+b:c", LIST(A, B));
    begin();
    expect_plan("a[branch:to:a] b[branch:to:b]");
    finish(A);
    finish(B);
    expect_plan("d[branch:to:d]");
    finish(D);
    expect_plan("c[join:a+b:c]");
}
END_TEST

START_TEST(triggers_of_one_step_are_sorted_by_name)
{
    set_targets(&graph.start, LIST(A, B, D));
    set_targets(&nodes[A].out, LIST(C));
    add_join(C, "join:b+d:c", LIST(B, D));
    add_join(E, "join:a+b:e", LIST(A, B));
    add_join(C, "join:a+b:c", LIST(A, B));
    set_joins(A, LIST(1, 2));
    set_joins(B, LIST(0, 1, 2));
    set_joins(D, LIST(0));
    begin();
    expect_plan("a[branch:to:a] b[branch:to:b] d[branch:to:d]");
    finish(D);
    finish(B);
    finish(A);
    expect_plan("c[branch:to:c join:a+b:c join:b+d:c] e[join:a+b:e]");
}
END_TEST

START_TEST(an_edge_and_a_join_in_different_steps_trigger_twice)
{
    set_targets(&graph.start, LIST(A));
    set_targets(&nodes[A].out, LIST(B, C));
    add_join(C, "join:a+b:c", LIST(A, B));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    begin();
    expect_plan("a[branch:to:a]");
    finish(A);
    expect_plan("b[branch:to:b] c[branch:to:c]");
    finish(B);
    finish(C);
    expect_plan("c[join:a+b:c]");
    finish(C);
    expect_plan("");
}
END_TEST

START_TEST(a_plan_stays_valid_while_its_tasks_finish)
{
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[A].out, LIST(C, D));
    begin();
    struct plan plan;
    sched_plan(sched, &plan);
    finish(A);
    ck_assert_uint_eq(plan.count, 2);
    ck_assert_int_eq(plan.tasks[1].node, B);
    ck_assert_uint_eq(plan.tasks[1].trigger_count, 1);
    ck_assert_str_eq(plan.tasks[1].triggers[0], "branch:to:b");
}
END_TEST

START_TEST(a_graph_without_nodes_plans_nothing)
{
    graph.node_count = 0;
    begin();
    expect_plan("");
}
END_TEST

START_TEST(every_failing_allocation_is_a_fault)
{
    add_join(C, "join:a+b:c", LIST(A, B));
    add_join(D, "join:a+b:d", LIST(A, B));
    unsigned long n = 1;
    for (bool is_pending = false; !is_pending; n++) {
        mem_fail_at(n);
        int r = sched_new(&graph, &sched);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(is_pending ? r == 0 : r < 0);
        sched = sched_free(sched);
    }
    ck_assert_uint_gt(n, 7);
}
END_TEST

static char *case_values[] = { "yes", "1", "0.5", "true", "null", "[]", "-7", "" };
static int case_targets[] = { A, B, C, D, E, A, NODE_END, B };

static const struct {
    const char *json; /* NULL = absent */
    int target;
} choices[] = {
    { "\"yes\"", A },     { "\"no\"", NODE_NONE }, { "1", B },
    { "\"1\"", B },       { "2", NODE_NONE },      { "0.5", C },
    { "true", D },        { "false", NODE_NONE },  { "null", E },
    { NULL, E },          { "\"null\"", E },       { "[]", NODE_NONE },
    { "{}", NODE_NONE },  { "-7", NODE_END },      { "\"\"", B },
    { "1.0", NODE_NONE },
};

static int choose(const char *json, int fallback)
{
    const struct route route = { NULL, case_values, case_targets,
                                 sizeof(case_values) / sizeof(case_values[0]), fallback };
    json_t *value = json == NULL ? NULL : json_loads(json, JSON_DECODE_ANY, NULL);
    int target = route_choose(&route, value);
    json_decref(value);
    return target;
}

START_TEST(a_route_compares_scalars_by_their_text)
{
    ck_assert_int_eq(choose(choices[_i].json, NODE_NONE), choices[_i].target);
}
END_TEST

START_TEST(a_route_without_a_match_takes_its_fallback)
{
    int target = choices[_i].target;
    ck_assert_int_eq(choose(choices[_i].json, D), target == NODE_NONE ? D : target);
}
END_TEST

START_TEST(a_route_without_memory_chooses_nothing)
{
    const struct route route = { NULL, case_values, case_targets, 2, D };
    json_t *value = json_integer(1);
    mem_fail_at(1);
    int target = route_choose(&route, value);
    mem_fail_at(0);
    json_decref(value);
    ck_assert_int_eq(target, NODE_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sched");
    TCase *tc = tcase_create("sched");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nothing_is_planned_before_the_start);
    tcase_add_test(tc, a_fan_out_is_planned_by_index);
    tcase_add_test(tc, several_edges_into_a_node_trigger_it_once);
    tcase_add_test(tc, an_edge_and_a_route_to_the_same_node_trigger_it_once);
    tcase_add_test(tc, the_end_is_never_planned);
    tcase_add_test(tc, a_node_that_triggers_itself_runs_in_the_next_step);
    tcase_add_test(tc, a_node_triggered_while_it_runs_is_planned_in_the_next_step);
    tcase_add_test(tc, a_join_waits_for_all_its_sources_across_steps);
    tcase_add_test(tc, a_source_that_finishes_twice_counts_once);
    tcase_add_test(tc, a_join_in_a_cycle_waits_again_after_it_fired);
    tcase_add_test(tc, a_source_that_finishes_beside_the_join_counts_for_the_next_time);
    tcase_add_test(tc, triggers_of_one_step_are_sorted_by_name);
    tcase_add_test(tc, an_edge_and_a_join_in_different_steps_trigger_twice);
    tcase_add_test(tc, a_deferred_node_waits_until_nothing_else_is_left);
    tcase_add_test(tc, deferred_nodes_run_together_and_may_be_armed_again);
    tcase_add_test(tc, a_join_into_a_deferred_node_stays_full_until_it_runs);
    tcase_add_test(tc, a_plan_stays_valid_while_its_tasks_finish);
    tcase_add_test(tc, a_graph_without_nodes_plans_nothing);
    tcase_add_test(tc, every_failing_allocation_is_a_fault);
    int choice_count = (int)(sizeof(choices) / sizeof(choices[0]));
    tcase_add_loop_test(tc, a_route_compares_scalars_by_their_text, 0, choice_count);
    tcase_add_loop_test(tc, a_route_without_a_match_takes_its_fallback, 0, choice_count);
    tcase_add_test(tc, a_route_without_memory_chooses_nothing);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
