/* What of a run's configuration its checkpoints carry, seen from a program: metadata of states and
 * histories, and how a history is found by it. */
#include "program.h"

static const struct program_act acts[] = { { NULL, NULL } };

static struct program p;

static void set_up(void)
{
    program_init(&p, acts,
                 "'nodes':{'a':{'kind':'set','values':{'log':'a'}}},'edges':[['START','a']]");
    p.run.config =
        "{\"metadata\":{\"team\":\"blue\",\"deep\":{\"a\":1},\"__m\":1,\"langgraph_m\":1,"
        "\"checkpoint_m\":1,\"source\":\"fake\",\"step\":99,\"run_id\":\"fake\"},"
        "\"configurable\":{\"user\":\"u\",\"n\":7,\"yes\":true,\"none\":null,\"__secret\":1,"
        "\"langgraph_x\":1,\"checkpoint_x\":1,\"object\":{\"a\":1},\"list\":[1],\"team\":\"red\"}}";
    ck_assert_int_eq(program_run(&p, "{}"), 0);
}

static void tear_down(void)
{
    program_deinit(&p);
}

static const char *const absent[] = {
    "__m",          "langgraph_m", "checkpoint_m", "__secret", "langgraph_x",
    "checkpoint_x", "object",      "list",         "red",      "fake",
};
enum { ABSENT_COUNT = sizeof(absent) / sizeof(absent[0]) };

static void expect_stamp(void)
{
    char quoted[64];
    program_expect(&p, "'metadata':{'source':'loop','step':1,'parents':{},'run_id':'");
    program_expect(&p, "'team':'blue','deep':{'a':1},'created_by':'system',"
                       "'user':'u','n':7,'yes':true,'none':null}");
    for (int i = 0; i < ABSENT_COUNT; i++) {
        snprintf(quoted, sizeof(quoted), "'%s'", absent[i]);
        program_expect_no(&p, quoted);
    }
}

START_TEST(a_state_carries_metadata_and_what_was_configured_with_plain_values)
{
    ck_assert_int_eq(program_state(&p, false), 0);
    expect_stamp();
}
END_TEST

START_TEST(so_does_every_state_of_a_history)
{
    int count = 0;
    ck_assert_int_eq(program_history(&p, NULL, NULL), 0);
    expect_stamp();
    for (const char *c = p.answer; (c = strstr(c, "'team':'blue'")) != NULL; c++)
        count++;
    ck_assert_int_eq(count, 3); /* input, __start__, a */
}
END_TEST

START_TEST(so_do_the_events_of_checkpoints)
{
    p.run.stream_mode = "checkpoints";
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    program_expect_event(&p, "'team':'blue'");
    program_expect_event(&p, "'user':'u'");
    ck_assert_ptr_null(strstr(p.events, "'__secret'"));
}
END_TEST

/* Another run by another user on the same thread. */
static const struct {
    const char *filter;
    int count;
} filters[] = {
    { "{'user':'u'}", 3 },
    { "{'user':'v'}", 3 },
    { "{'user':'w'}", 0 },
    { "{'user':'u','team':'blue'}", 3 },
    { "{'user':'v','team':'blue'}", 0 },
    { "{'user':'u','step':0}", 1 },
    { "{'deep':{'a':1}}", 3 },
    { "{'n':7}", 3 },
    { "{'n':'7'}", 0 },
    { "{'__secret':1}", 0 },
    { "{}", 6 },
};
enum { FILTER_COUNT = sizeof(filters) / sizeof(filters[0]) };

START_TEST(a_history_is_found_by_what_the_user_said)
{
    int count = 0;
    p.run.config = "{\"configurable\":{\"user\":\"v\"}}";
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    ck_assert_int_eq(program_history(&p, NULL, filters[_i].filter), 0);
    for (const char *c = p.answer; (c = strstr(c, "'created_at'")) != NULL; c++)
        count++;
    ck_assert_int_eq(count, filters[_i].count);
}
END_TEST

START_TEST(an_update_of_the_state_carries_nothing_of_a_run)
{
    ck_assert_int_eq(program_update(&p, "{'log':['x']}", "a"), 0);
    ck_assert_int_eq(program_state(&p, false), 0);
    program_expect(&p, "'metadata':{'source':'update','step':2,'parents':{},'thread_id':'t'}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("embed_stamp");
    TCase *t = tcase_create("stamp");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_state_carries_metadata_and_what_was_configured_with_plain_values);
    tcase_add_test(t, so_does_every_state_of_a_history);
    tcase_add_test(t, so_do_the_events_of_checkpoints);
    tcase_add_loop_test(t, a_history_is_found_by_what_the_user_said, 0, FILTER_COUNT);
    tcase_add_test(t, an_update_of_the_state_carries_nothing_of_a_run);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
