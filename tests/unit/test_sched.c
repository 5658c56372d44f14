/* Who runs next. */
#include "sched_rig.h"

START_TEST(nothing_is_planned_before_an_input)
{
    set_targets(&graph.start, LIST(A));
    ck_assert_int_eq(sched_new(&graph, &sched), 0);
    expect_plan("");
    sched_begin(sched);
    expect_plan("__start__[__start__]");
    sched_take(sched);
    expect_plan("");
    finish(NODE_START);
    expect_step("a[branch:to:a]");
    expect_step("");
}
END_TEST

START_TEST(a_fan_out_is_planned_by_index)
{
    set_targets(&graph.start, LIST(B, C, E));
    begin();
    expect_step("b[branch:to:b] c[branch:to:c] e[branch:to:e]");
}
END_TEST

START_TEST(several_edges_into_a_node_trigger_it_once)
{
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[A].out, LIST(C));
    set_targets(&nodes[B].out, LIST(C));
    begin();
    expect_step("a[branch:to:a] b[branch:to:b]");
    finish(B);
    finish(A);
    expect_step("c[branch:to:c]");
    finish(C);
    expect_step("");
}
END_TEST

START_TEST(an_edge_and_a_route_to_the_same_node_trigger_it_once)
{
    set_targets(&graph.start, LIST(A));
    set_targets(&nodes[A].out, LIST(C));
    begin();
    expect_step("a[branch:to:a]");
    finish_to(A, TO(C, D));
    expect_step("c[branch:to:c] d[branch:to:d]");
}
END_TEST

START_TEST(a_node_that_triggers_itself_runs_in_the_next_step)
{
    set_targets(&graph.start, LIST(A));
    begin();
    expect_step("a[branch:to:a]");
    finish_to(A, TO(A));
    expect_step("a[branch:to:a]");
    finish(A);
    expect_step("");
}
END_TEST

START_TEST(a_node_triggered_while_it_runs_is_planned_in_the_next_step)
{
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[A].out, LIST(B));
    begin();
    expect_step("a[branch:to:a] b[branch:to:b]");
    finish(A);
    finish(B);
    expect_step("b[branch:to:b]");
    finish(B);
    expect_step("");
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
    expect_step("a[branch:to:a] c[branch:to:c]");
    finish(A);
    finish(C);
    expect_step("d[branch:to:d]");
    finish(D);
    expect_step("e[join:a+d:e]");
    finish(E);
    expect_step("");
}
END_TEST

START_TEST(a_source_that_finishes_twice_counts_once)
{
    set_targets(&graph.start, LIST(A));
    add_join(E, "join:a+b:e", LIST(A, B));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    begin();
    expect_step("a[branch:to:a]");
    finish_to(A, TO(A));
    expect_step("a[branch:to:a]");
    finish_to(A, TO(B));
    expect_step("b[branch:to:b]");
    finish(B);
    expect_step("e[join:a+b:e]");
}
END_TEST

START_TEST(a_join_in_a_cycle_waits_again_after_it_fired)
{
    set_targets(&graph.start, LIST(A, B));
    add_join(C, "join:a+b:c", LIST(A, B));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    begin();
    expect_step("a[branch:to:a] b[branch:to:b]");
    for (int round = 0; round < 3; round++) {
        finish(A);
        finish(B);
        expect_step("c[join:a+b:c]");
        finish_to(C, TO(A));
        expect_step("a[branch:to:a]");
        finish_to(A, TO(A, B)); /* half of the join: must not fire with last round's b */
        expect_step("a[branch:to:a] b[branch:to:b]");
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
    expect_step("a[branch:to:a] b[branch:to:b]");
    finish(A);
    finish(B);
    expect_step("b[branch:to:b] c[join:a+b:c]");
    finish(B);
    finish_to(C, TO(A));
    expect_step("a[branch:to:a] b[branch:to:b]");
    finish(A);
    expect_step("c[join:a+b:c]");
}
END_TEST

/* start -> a, b(deferred); a -> b, c: b waits for the longer way. */
START_TEST(a_deferred_node_waits_until_nothing_else_is_left)
{
    nodes[B].is_deferred = true;
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[A].out, LIST(B, C));
    begin();
    expect_step("a[branch:to:a]");
    finish(A);
    expect_step("c[branch:to:c]");
    finish(C);
    expect_step("b[branch:to:b]");
    finish(B);
    expect_step("");
}
END_TEST

START_TEST(deferred_nodes_run_together_and_may_be_armed_again)
{
    nodes[B].is_deferred = nodes[D].is_deferred = true;
    set_targets(&graph.start, LIST(A, B, D));
    set_targets(&nodes[D].out, LIST(A));
    set_targets(&nodes[A].out, LIST(B));
    begin();
    expect_step("a[branch:to:a]");
    finish(A);
    expect_step("b[branch:to:b] d[branch:to:d]");
    finish(B);
    finish(D);
    expect_step("a[branch:to:a]");
    finish(A);
    expect_step("b[branch:to:b]");
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
    expect_step("a[branch:to:a] b[branch:to:b]");
    finish(A);
    finish(B);
    expect_step("d[branch:to:d]");
    finish(D);
    expect_step("c[join:a+b:c]");
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
    expect_step("a[branch:to:a] b[branch:to:b] d[branch:to:d]");
    finish(D);
    finish(B);
    finish(A);
    expect_step("c[branch:to:c join:a+b:c join:b+d:c] e[join:a+b:e]");
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
    expect_step("a[branch:to:a]");
    finish(A);
    expect_step("b[branch:to:b] c[branch:to:c]");
    finish(B);
    finish(C);
    expect_step("c[join:a+b:c]");
    finish(C);
    expect_step("");
}
END_TEST

START_TEST(planning_changes_no_mark)
{
    set_targets(&graph.start, LIST(A, B));
    add_join(C, "join:a+b:c", LIST(A, B));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    begin();
    expect_plan("a[branch:to:a] b[branch:to:b]");
    expect_step("a[branch:to:a] b[branch:to:b]");
    finish(A);
    finish(B);
    expect_plan("c[join:a+b:c]");
    expect_plan("c[join:a+b:c]");
}
END_TEST

START_TEST(a_graph_without_nodes_plans_nothing)
{
    graph.node_count = 0;
    begin();
    expect_step("");
}
END_TEST

START_TEST(a_node_that_nobody_is_fires_its_targets_only)
{
    set_targets(&graph.start, LIST(A));
    begin();
    expect_step("a[branch:to:a]");
    finish_to(NODE_NONE, TO(B));
    expect_step("b[branch:to:b]");
}
END_TEST

/* ---- Sends ---- */

START_TEST(every_send_is_a_task_before_the_nodes)
{
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[B].out, LIST(C));
    begin();
    expect_step("a[branch:to:a] b[branch:to:b]");
    send(A, D, 1);
    send(B, C, 2);
    send(NODE_NONE, D, 3);
    expect_step("d(1)#0[__pregel_push] c(2)#1[__pregel_push] d(3)#2[__pregel_push] c[branch:to:c]");
    expect_step("");
}
END_TEST

START_TEST(the_edges_of_a_node_that_was_sent_to_fire_once)
{
    set_targets(&graph.start, LIST(A));
    set_targets(&nodes[B].out, LIST(C));
    begin();
    expect_step("a[branch:to:a]");
    send(A, B, 1);
    send(NODE_NONE, B, 2);
    expect_step("b(1)#0[__pregel_push] b(2)#1[__pregel_push]");
    finish(B);
    finish(B);
    expect_step("c[branch:to:c]");
}
END_TEST

START_TEST(a_fire_that_was_reserved_for_allocates_nothing)
{
    set_targets(&graph.start, LIST(A));
    begin();
    expect_step("a[branch:to:a]");
    struct target targets[9];
    for (int i = 0; i < 9; i++) {
        targets[i] = (struct target){ .node = B };
        ck_assert_int_eq(value_new_take(json_integer(i), &targets[i].arg), 0);
    }
    ck_assert_int_eq(sched_reserve(sched, 18), 0);
    mem_fail_at(1);
    fire(A, targets, 9);
    fire(NODE_NONE, targets, 9);
    sched_settle(sched);
    struct plan plan;
    sched_plan(sched, &plan);
    ck_assert_uint_eq(plan.count, 18);
    sched_take(sched);
    ck_assert(mem_fail_pending());
    mem_fail_at(0);
    for (int i = 0; i < 9; i++)
        value_unref(targets[i].arg);
}
END_TEST

START_TEST(a_fire_without_memory_changes_nothing)
{
    set_targets(&graph.start, LIST(A));
    set_targets(&nodes[A].out, LIST(C));
    begin();
    expect_step("a[branch:to:a]");
    struct target t = { .node = B };
    ck_assert_int_eq(value_new_take(json_true(), &t.arg), 0);
    for (unsigned long n = 1; n <= 2; n++) {
        mem_fail_at(n);
        ck_assert_int_eq(sched_fire(sched, A, &t, 1), ERR_NOMEM);
        mem_fail_at(0);
        expect_plan("");
    }
    fire(A, &t, 1);
    expect_step("b(true)#0[__pregel_push] c[branch:to:c]");
    value_unref(t.arg);
}
END_TEST

/* ---- deferred nodes ---- */

START_TEST(sends_do_not_keep_a_deferred_node_waiting)
{
    nodes[C].is_deferred = true;
    set_targets(&graph.start, LIST(A, C));
    begin();
    expect_step("a[branch:to:a]");
    send(A, B, 1);
    expect_step("b(1)#0[__pregel_push] c[branch:to:c]");
}
END_TEST

START_TEST(a_join_that_becomes_full_keeps_a_deferred_node_waiting)
{
    nodes[D].is_deferred = true;
    set_targets(&graph.start, LIST(A, B, D));
    add_join(C, "join:a+b:c", LIST(A, B));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    begin();
    expect_step("a[branch:to:a] b[branch:to:b]");
    finish(A);
    finish(B);
    expect_step("c[join:a+b:c]");
    finish(C);
    expect_step("d[branch:to:d]");
}
END_TEST

START_TEST(a_join_that_is_not_full_does_not_keep_a_deferred_node_waiting)
{
    nodes[D].is_deferred = true;
    set_targets(&graph.start, LIST(A, D));
    add_join(C, "join:a+d:c", LIST(A, D));
    set_joins(A, LIST(0));
    set_joins(D, LIST(0));
    begin();
    expect_step("a[branch:to:a]");
    finish(A);
    expect_step("d[branch:to:d]");
    finish(D);
    expect_step("c[join:a+d:c]");
}
END_TEST

START_TEST(a_deferred_node_that_is_fired_while_it_runs_runs_again)
{
    nodes[B].is_deferred = true;
    set_targets(&graph.start, LIST(B));
    begin();
    expect_step("b[branch:to:b]");
    finish_to(B, TO(A, B));
    expect_step("a[branch:to:a]");
    finish(A);
    expect_step("b[branch:to:b]");
    expect_step("");
}
END_TEST

START_TEST(a_goto_from_outside_holds_a_released_node_back)
{
    nodes[B].is_deferred = true;
    set_targets(&graph.start, LIST(B));
    begin();
    sched_settle(sched);
    expect_plan("b[branch:to:b]");
    finish_to(NODE_NONE, TO(B));
    expect_plan("");
    expect_step("b[branch:to:b]");
}
END_TEST

/* ---- inputs and updates ---- */

START_TEST(an_input_drops_what_is_planned_and_keeps_what_waits)
{
    stand_in_the_middle();
    sched_begin(sched);
    expect_plan("__start__[__start__]");
    sched_take(sched);
    expect_step("c[branch:to:c]"); /* nothing fired: it is released */
    finish(E);
    expect_step("d[join:b+e:d]");
    finish(A);
    expect_step("a[branch:to:a]"); /* the full join has begun again */
}
END_TEST

START_TEST(an_input_drops_a_released_node)
{
    nodes[C].is_deferred = true;
    set_targets(&graph.start, LIST(C));
    begin();
    sched_settle(sched);
    expect_plan("c[branch:to:c]");
    sched_begin(sched);
    sched_take(sched);
    expect_step("");
}
END_TEST

START_TEST(an_update_drops_edges_and_sends_but_not_joins_and_deferred_nodes)
{
    stand_in_the_middle();
    sched_forget(sched);
    expect_plan("d[join:a+b:d]");
    finish_to(NODE_NONE, TO(B));
    sched_settle(sched);
    expect_plan("b[branch:to:b] d[join:a+b:d]");
    sched_forget(sched);
    sched_settle(sched);
    expect_plan("c[branch:to:c] d[join:a+b:d]");
    sched_forget(sched);
    sched_settle(sched);
    expect_plan("c[branch:to:c] d[join:a+b:d]");
}
END_TEST

START_TEST(what_some_tasks_take_leaves_the_joins_and_deferred_nodes_of_the_others)
{
    static const struct {
        bool taken[4]; /* of e, a, c and d */
        const char *plan;
        int newest;
    } rows[] = {
        { { false, true, false, false }, "c[branch:to:c] d[join:a+b:d]", A },
        { { true, false, true, false }, "d[join:a+b:d]", C },
        { { true, true, false, true }, "c[branch:to:c]", A },
        { { true, true, true, true }, "", A },
    };
    stand_in_the_middle();
    sched_forget(sched); /* so that c is released */
    finish_to(NODE_NONE, TO(C));
    sched_settle(sched);
    send(NODE_NONE, E, 7);
    finish_to(NODE_NONE, TO(A));
    expect_plan("e(7)#0[__pregel_push] a[branch:to:a] c[branch:to:c] d[join:a+b:d]");
    sched_take_some(sched, rows[_i].taken);
    expect_plan(rows[_i].plan);
    expect_newest(rows[_i].newest, false);
}
END_TEST

START_TEST(some_of_an_input_may_be_taken)
{
    ck_assert_int_eq(sched_new(&graph, &sched), 0);
    sched_begin(sched);
    sched_take_some(sched, &(bool){ true });
    expect_plan("");
    expect_newest(NODE_START, false);
}
END_TEST

START_TEST(an_update_drops_an_input_that_waits)
{
    ck_assert_int_eq(sched_new(&graph, &sched), 0);
    sched_begin(sched);
    sched_forget(sched);
    expect_plan("");
}
END_TEST

/* ---- who ran last ---- */

START_TEST(the_node_that_ran_last_is_known)
{
    ck_assert_int_eq(sched_new(&graph, &sched), 0);
    set_targets(&graph.start, LIST(A));
    expect_newest(NODE_NONE, false);
    sched_begin(sched);
    expect_newest(NODE_NONE, false);
    sched_take(sched);
    expect_newest(NODE_START, false);
    finish(NODE_START);
    expect_step("a[branch:to:a]");
    expect_newest(A, false);
    finish_to(A, TO(B, C));
    expect_step("b[branch:to:b] c[branch:to:c]");
    expect_newest(NODE_NONE, true);
    finish_to(B, TO(A));
    expect_step("a[branch:to:a]");
    expect_newest(A, false);
}
END_TEST

START_TEST(a_send_does_not_count_as_a_run)
{
    set_targets(&graph.start, LIST(A));
    begin();
    expect_step("a[branch:to:a]");
    send(A, B, 1);
    expect_step("b(1)#0[__pregel_push]");
    expect_newest(A, false);
}
END_TEST

START_TEST(a_goto_from_outside_is_newer_than_what_was_planned)
{
    set_targets(&graph.start, LIST(A));
    begin();
    sched_settle(sched);
    finish_to(NODE_NONE, TO(B));
    expect_step("a[branch:to:a] b[branch:to:b]");
    expect_newest(B, false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sched");
    TCase *tc = tcase_create("sched");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nothing_is_planned_before_an_input);
    tcase_add_test(tc, a_fan_out_is_planned_by_index);
    tcase_add_test(tc, several_edges_into_a_node_trigger_it_once);
    tcase_add_test(tc, an_edge_and_a_route_to_the_same_node_trigger_it_once);
    tcase_add_test(tc, a_node_that_triggers_itself_runs_in_the_next_step);
    tcase_add_test(tc, a_node_triggered_while_it_runs_is_planned_in_the_next_step);
    tcase_add_test(tc, a_join_waits_for_all_its_sources_across_steps);
    tcase_add_test(tc, a_source_that_finishes_twice_counts_once);
    tcase_add_test(tc, a_join_in_a_cycle_waits_again_after_it_fired);
    tcase_add_test(tc, a_source_that_finishes_beside_the_join_counts_for_the_next_time);
    tcase_add_test(tc, a_deferred_node_waits_until_nothing_else_is_left);
    tcase_add_test(tc, deferred_nodes_run_together_and_may_be_armed_again);
    tcase_add_test(tc, a_join_into_a_deferred_node_stays_full_until_it_runs);
    tcase_add_test(tc, triggers_of_one_step_are_sorted_by_name);
    tcase_add_test(tc, an_edge_and_a_join_in_different_steps_trigger_twice);
    tcase_add_test(tc, planning_changes_no_mark);
    tcase_add_test(tc, a_graph_without_nodes_plans_nothing);
    tcase_add_test(tc, a_node_that_nobody_is_fires_its_targets_only);
    tcase_add_test(tc, every_send_is_a_task_before_the_nodes);
    tcase_add_test(tc, the_edges_of_a_node_that_was_sent_to_fire_once);
    tcase_add_test(tc, a_fire_that_was_reserved_for_allocates_nothing);
    tcase_add_test(tc, a_fire_without_memory_changes_nothing);
    tcase_add_test(tc, sends_do_not_keep_a_deferred_node_waiting);
    tcase_add_test(tc, a_join_that_becomes_full_keeps_a_deferred_node_waiting);
    tcase_add_test(tc, a_join_that_is_not_full_does_not_keep_a_deferred_node_waiting);
    tcase_add_test(tc, a_deferred_node_that_is_fired_while_it_runs_runs_again);
    tcase_add_test(tc, a_goto_from_outside_holds_a_released_node_back);
    tcase_add_test(tc, an_input_drops_what_is_planned_and_keeps_what_waits);
    tcase_add_test(tc, an_input_drops_a_released_node);
    tcase_add_test(tc, an_update_drops_edges_and_sends_but_not_joins_and_deferred_nodes);
    tcase_add_loop_test(tc, what_some_tasks_take_leaves_the_joins_and_deferred_nodes_of_the_others,
                        0, 4);
    tcase_add_test(tc, some_of_an_input_may_be_taken);
    tcase_add_test(tc, an_update_drops_an_input_that_waits);
    tcase_add_test(tc, the_node_that_ran_last_is_known);
    tcase_add_test(tc, a_send_does_not_count_as_a_run);
    tcase_add_test(tc, a_goto_from_outside_is_newer_than_what_was_planned);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
