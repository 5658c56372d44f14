#include "base/clock.h"
#include "fake_task.h"

#define STATE "{" F("ms", "any") "," F("out", "string") "}"

static const struct fake_wrong wrong[] = {
    { "{\"kind\":\"wait\"}", "\"ms\" is missing" },
    { "{\"kind\":\"wait\",\"ms\":-1}", "-1 is not between 0 and 86400000" },
    { "{\"kind\":\"wait\",\"ms\":86400001}", "86400001" },
    { "{\"kind\":\"wait\",\"ms\":1.5}", "/nodes/it/ms" },
    { "{\"kind\":\"wait\",\"ms\":\"{{sm}}\"}", "ms" },
    { "{\"kind\":\"wait\",\"ms\":\"1 s\"}", "expected a whole number" },
    { "{\"kind\":\"wait\",\"ms\":1,\"values\":[]}", "/nodes/it/values" },
    { "{\"kind\":\"wait\",\"ms\":1,\"values\":{\"ou\":1}}", "out" },
};

START_TEST(a_wrong_node_is_told)
{
    fake_check_wrong(STATE, &wrong[_i]);
}
END_TEST

START_TEST(it_writes_when_the_time_has_passed)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, "{\"kind\":\"wait\",\"ms\":30,\"values\":{\"out\":\"after {{ms}}\"}}");
    int64_t begin_us = clock_mono_us();
    fake_run(&x, "{\"ms\":9}");
    ck_assert_int_ge(clock_mono_us() - begin_us, 29000);
    ck_assert_str_eq(fake_update(&x), "{\"out\":\"after 9\"}");
    fake_deinit(&x);
}
END_TEST

START_TEST(no_time_at_all_still_ends_outside_start)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, "{\"kind\":\"wait\",\"ms\":0}");
    fake_start(&x, "{}");
    ck_assert(!x.has_ended);
    ck_assert_int_eq(loop_run_until(x.loop, &x.has_ended), 0);
    fake_release(&x);
    ck_assert_str_eq(fake_update(&x), "{}");
    fake_deinit(&x);
}
END_TEST

static const struct {
    const char *input;
    bool is_right;
} times[] = {
    { "{\"ms\":1}", true },
    { "{\"ms\":\"2\"}", true },
    { "{}", false },
    { "{\"ms\":-1}", false },
    { "{\"ms\":1.5}", false },
    { "{\"ms\":\"soon\"}", false },
    { "{\"ms\":86400001}", false },
    { "{\"ms\":\" 1\"}", false },
    { "{\"ms\":[1]}", false },
    { "{\"ms\":99999999999999999}", false },
};

START_TEST(a_rendered_time_must_be_a_whole_number)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, "{\"kind\":\"wait\",\"ms\":\"{{ms}}\"}");
    fake_run(&x, times[_i].input);
    if (times[_i].is_right)
        ck_assert_str_eq(fake_update(&x), "{}");
    else
        fake_check_fail(&x, FAIL_TEMPLATE, "whole number from 0 to 86400000");
    fake_deinit(&x);
}
END_TEST

START_TEST(a_cancelled_wait_lets_go_of_its_timer)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, "{\"kind\":\"wait\",\"ms\":86400000}");
    fake_start(&x, "{}");
    fake_cancel(&x);
    fake_release(&x);
    fake_deinit(&x); /* loop_free() asserts that no timer is alive */
}
END_TEST

START_TEST(a_wait_that_is_only_released_lets_go_too)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, "{\"kind\":\"wait\",\"ms\":86400000}");
    fake_start(&x, "{}");
    fake_release(&x);
    fake_deinit(&x);
}
END_TEST

START_TEST(no_memory_for_the_timer_is_a_fault)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, "{\"kind\":\"wait\",\"ms\":5}");
    fake_start(&x, "{}");
    fake_cancel(&x);
    fake_release(&x);
    fake_prepare(&x, "{}");
    mem_fail_at(1);
    x.task.node->kind->start(&x.task);
    mem_fail_at(0);
    fake_check_fail(&x, FAIL_INTERNAL, "");
    fake_release(&x);
    fake_deinit(&x);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("node_wait");
    TCase *tc = tcase_create("wait");
    tcase_add_loop_test(tc, a_wrong_node_is_told, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(tc, it_writes_when_the_time_has_passed);
    tcase_add_test(tc, no_time_at_all_still_ends_outside_start);
    tcase_add_loop_test(tc, a_rendered_time_must_be_a_whole_number, 0,
                        sizeof(times) / sizeof(times[0]));
    tcase_add_test(tc, a_cancelled_wait_lets_go_of_its_timer);
    tcase_add_test(tc, a_wait_that_is_only_released_lets_go_too);
    tcase_add_test(tc, no_memory_for_the_timer_is_a_fault);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
