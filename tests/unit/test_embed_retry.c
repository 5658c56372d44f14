/* Which failures of C kinds a retry policy without "on" repeats. */
#include "program.h"

static const char *type; /* of the failure */

static void fail_once(struct program *p, struct anabranch_task *task)
{
    if (p->start_count == 1)
        anabranch_task_fail(task, type, "not now");
    else
        program_finish(task, "{'log':['again']}");
}

static const struct program_act acts[] = { { "fail once", fail_once }, { NULL, NULL } };

static struct program p;

static void set_up(void)
{
    program_init(&p, acts,
                 "'nodes':{'it':{'kind':'act','do':'fail once','retry':{'initial_ms':0,"
                 "'jitter':false}}},'edges':[['START','it']]");
}

static void tear_down(void)
{
    program_deinit(&p);
}

static const struct {
    const char *type;
    int status;
    const char *part;
} failures[] = {
    { NULL, 0, "'log':['again']" },
    { "ValueError", 0, "'log':['again']" },
    { "NodeTimeoutError", 0, "'log':['again']" },
    { "RateLimitError", 0, "'log':['again']" },
    { "InvalidUpdateError", ANABRANCH_E_FAILED, "'type':'InvalidUpdateError'" },
    { "AuthenticationError", ANABRANCH_E_FAILED, "'type':'AuthenticationError'" },
    { "CancelledError", ANABRANCH_E_FAILED, "'type':'CancelledError'" },
};
enum { FAILURE_COUNT = sizeof(failures) / sizeof(failures[0]) };

START_TEST(a_task_that_failed_is_tried_again_unless_its_class_stays_wrong)
{
    type = failures[_i].type;
    ck_assert_int_eq(program_run(&p, "{}"), failures[_i].status);
    program_expect(&p, failures[_i].part);
    ck_assert_int_eq(p.start_count, failures[_i].status == 0 ? 2 : 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("embed_retry");
    TCase *t = tcase_create("retry");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_task_that_failed_is_tried_again_unless_its_class_stays_wrong, 0,
                        FAILURE_COUNT);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
