/* The laws of ops: one end each, never inside a call, whatever is called when and how often. */
#include "base/mem.h"
#include "loop/op.h"
#include <check.h>
#include <stdlib.h>

struct job {
    struct op op;
    int cancels;
    int ends;
    int result;
    int restarts; /* how often on_end starts it again */
    bool finishes_in_cancel;
    bool done;
};

static struct loop *loop;

static void setup(void)
{
    ck_assert_int_eq(loop_new(&loop), 0);
}

static void teardown(void)
{
    ck_assert_int_eq(loop_op_count(loop), 0);
    loop = loop_free(loop);
}

static void on_cancel(struct op *op)
{
    struct job *j = LIST_OF(op, struct job, op);
    j->cancels++;
    op_cancel(op);
    if (j->finishes_in_cancel)
        op_finish(op, 0);
}

static void on_end(void *arg, int result)
{
    struct job *j = arg;
    ck_assert(!op_is_running(&j->op));
    j->ends++;
    j->result = result;
    j->done = j->restarts == 0;
    if (j->restarts-- > 0) {
        op_start(&j->op, loop, on_cancel, on_end, j);
        op_finish(&j->op, 20 + j->restarts);
    }
}

static void run(struct job *j)
{
    ck_assert_int_eq(j->ends, 0);
    ck_assert_int_eq(loop_run_until(loop, &j->done), 0);
}

/* Lets a stray second on_end show itself. */
static void run_some_turns(void)
{
    for (int i = 0; i < 3; i++) {
        struct job probe = { .result = 0 };
        op_start(&probe.op, loop, NULL, on_end, &probe);
        op_finish(&probe.op, 0);
        run(&probe);
    }
}

START_TEST(finish_is_reported_once_and_never_inside_the_call)
{
    struct job j = { .result = -99 };
    op_start(&j.op, loop, on_cancel, on_end, &j);
    ck_assert_int_eq(loop_op_count(loop), 1);
    op_finish(&j.op, 17);
    op_finish(&j.op, 18);
    ck_assert(op_is_running(&j.op));
    run(&j);
    run_some_turns();
    op_finish(&j.op, 19);
    run_some_turns();
    ck_assert_int_eq(j.ends, 1);
    ck_assert_int_eq(j.result, 17);
    ck_assert_int_eq(j.cancels, 0);
}
END_TEST

START_TEST(many_cancels_reach_the_provider_once)
{
    struct job j = { .result = -99 };
    op_start(&j.op, loop, on_cancel, on_end, &j);
    for (int i = 0; i < 5; i++)
        op_cancel(&j.op);
    ck_assert_int_eq(j.cancels, 1);
    run_some_turns();
    ck_assert_int_eq(j.ends, 0);
    op_finish(&j.op, 17);
    op_cancel(&j.op);
    run(&j);
    ck_assert_int_eq(j.result, OP_CANCELLED);
    ck_assert_int_eq(j.cancels, 1);
}
END_TEST

START_TEST(a_provider_may_finish_inside_its_cancel_function)
{
    struct job j = { .finishes_in_cancel = true };
    op_start(&j.op, loop, on_cancel, on_end, &j);
    op_cancel(&j.op);
    run(&j);
    ck_assert_int_eq(j.result, OP_CANCELLED);
}
END_TEST

START_TEST(cancel_without_a_cancel_function_finishes_the_op)
{
    struct job j = { .result = -99 };
    op_start(&j.op, loop, NULL, on_end, &j);
    op_cancel(&j.op);
    run(&j);
    ck_assert_int_eq(j.result, OP_CANCELLED);
}
END_TEST

START_TEST(cancel_after_finish_changes_nothing)
{
    struct job j = { .result = -99 };
    op_start(&j.op, loop, on_cancel, on_end, &j);
    op_finish(&j.op, 17);
    op_cancel(&j.op);
    run(&j);
    op_cancel(&j.op);
    run_some_turns();
    ck_assert_int_eq(j.cancels, 0);
    ck_assert_int_eq(j.ends, 1);
    ck_assert_int_eq(j.result, 17);
}
END_TEST

START_TEST(the_deadline_ends_an_op_with_timeout)
{
    struct job j = { .finishes_in_cancel = true };
    op_start(&j.op, loop, on_cancel, on_end, &j);
    ck_assert_int_eq(op_deadline(&j.op, 600000), 0);
    ck_assert_int_eq(op_deadline(&j.op, 5), 0);
    run(&j);
    ck_assert_int_eq(j.result, OP_TIMEOUT);
    ck_assert_int_eq(j.cancels, 1);
}
END_TEST

START_TEST(a_deadline_that_is_taken_back_or_too_late_does_nothing)
{
    struct job j = { .result = -99 };
    ck_assert_int_eq(op_deadline(&j.op, 1), 0);
    op_start(&j.op, loop, on_cancel, on_end, &j);
    ck_assert_int_eq(op_deadline(&j.op, INT64_MAX), 0);
    ck_assert_int_eq(op_deadline(&j.op, 0), 0);
    ck_assert_int_eq(op_deadline(&j.op, 600000), 0);
    op_finish(&j.op, 17);
    ck_assert_int_eq(op_deadline(&j.op, 1), 0);
    run(&j);
    ck_assert_int_eq(j.result, 17);
    ck_assert_ptr_null(j.op.deadline);
}
END_TEST

START_TEST(a_deadline_without_memory_leaves_the_op_as_it_was)
{
    struct job j = { .result = -99 };
    op_start(&j.op, loop, on_cancel, on_end, &j);
    mem_fail_at(1);
    ck_assert_int_lt(op_deadline(&j.op, 5), 0);
    mem_fail_at(0);
    op_finish(&j.op, 0);
    run(&j);
    ck_assert_int_eq(j.result, 0);
}
END_TEST

START_TEST(an_op_may_be_started_again_from_its_end)
{
    struct job j = { .restarts = 3 };
    op_start(&j.op, loop, on_cancel, on_end, &j);
    op_finish(&j.op, 0);
    run(&j);
    ck_assert_int_eq(j.ends, 4);
    ck_assert_int_eq(j.result, 20);
}
END_TEST

static void on_end_free(void *arg, int result)
{
    ck_assert_int_eq(result, OP_CANCELLED);
    mem_free(arg);
}

START_TEST(the_end_may_free_the_op)
{
    struct job *j = mem_zalloc(sizeof(*j));
    op_start(&j->op, loop, NULL, on_end_free, j);
    ck_assert_int_eq(op_deadline(&j->op, 1000), 0);
    op_cancel(&j->op);
    run_some_turns();
}
END_TEST

static Suite *op_suite(void)
{
    Suite *s = suite_create("op");
    TCase *t = tcase_create("laws");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, finish_is_reported_once_and_never_inside_the_call);
    tcase_add_test(t, many_cancels_reach_the_provider_once);
    tcase_add_test(t, a_provider_may_finish_inside_its_cancel_function);
    tcase_add_test(t, cancel_without_a_cancel_function_finishes_the_op);
    tcase_add_test(t, cancel_after_finish_changes_nothing);
    tcase_add_test(t, the_deadline_ends_an_op_with_timeout);
    tcase_add_test(t, a_deadline_that_is_taken_back_or_too_late_does_nothing);
    tcase_add_test(t, a_deadline_without_memory_leaves_the_op_as_it_was);
    tcase_add_test(t, an_op_may_be_started_again_from_its_end);
    tcase_add_test(t, the_end_may_free_the_op);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(op_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0 ? 1 : 0;
}
