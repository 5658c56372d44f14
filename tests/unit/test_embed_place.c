/* Places of a thread that do not exist: every verb says so, and nothing is written. */
#include "program.h"

static const struct program_act acts[] = { { NULL, NULL } };

static struct program p;

/* One line, and a subgraph with a state per thread. */
static void set_up(void)
{
    program_init(&p, acts,
                 "'nodes':{'a':{'kind':'set','values':{'log':'a'}},"
                 "'s':{'kind':'graph','persistence':'thread','graph':{"
                 "'state':{'log':{'type':'array','reducer':'append'}},"
                 "'nodes':{'x':{'kind':'set','values':{'log':'x'}}},'edges':[['START','x']]}}},"
                 "'edges':[['START','a'],['a','s']]");
    ck_assert_int_eq(program_run(&p, "{'text':'in'}"), 0);
}

static void tear_down(void)
{
    program_deinit(&p);
}

/* "root|s": how many checkpoints there are in each. */
static void count(char *ret, size_t size)
{
    int counts[2] = { 0, 0 };
    static const char *const places[] = { "", "s" };
    const struct anabranch_thread_options asked = p.at;

    for (int i = 0; i < 2; i++) {
        p.at.checkpoint_ns = places[i];
        p.at.checkpoint_id = NULL;
        ck_assert_int_eq(program_history(&p, NULL, NULL), 0);
        for (const char *c = p.answer; (c = strstr(c, "'created_at'")) != NULL; c++)
            counts[i]++;
    }
    p.at = asked;
    snprintf(ret, size, "%d|%d", counts[0], counts[1]);
}

static int get_state(void)
{
    return program_state(&p, false);
}

static int get_all_states(void)
{
    return program_state(&p, true);
}

static int get_history(void)
{
    return program_history(&p, NULL, NULL);
}

static int update_state(void)
{
    return program_update(&p, "{'log':['never']}", NULL);
}

static int copy_state(void)
{
    return program_update(&p, NULL, "__copy__");
}

static int (*const verbs[])(void) = { get_state, get_all_states, get_history, update_state,
                                      copy_state };
static const char *const places[] = { "", "s" };
static const char *const ids[] = { "no such id", "ffffffff-ffff-7fff-bfff-ffffffffffff",
                                   "00000000-0000-7000-8000-000000000000" };
enum { VERB_COUNT = 5, PLACE_COUNT = 2, ID_COUNT = 3 };

START_TEST(no_verb_knows_a_checkpoint_that_does_not_exist)
{
    char before[32], after[32];
    count(before, sizeof(before));
    p.at.checkpoint_ns = places[_i % PLACE_COUNT];
    p.at.checkpoint_id = ids[_i / PLACE_COUNT % ID_COUNT];
    ck_assert_int_eq(verbs[_i / PLACE_COUNT / ID_COUNT](), ANABRANCH_E_FAILED);
    program_expect(&p, "{'error':{'type':'NotFoundError','message':'thread ");
    program_expect(&p, p.at.checkpoint_id);
    count(after, sizeof(after));
    ck_assert_str_eq(after, before);
    p.at.checkpoint_ns = NULL;
    p.at.checkpoint_id = NULL;
    ck_assert_int_eq(program_state(&p, false), 0);
    program_expect(&p, "'values':{'text':'in','log':['a','a','x']}");
}
END_TEST

START_TEST(a_history_before_what_does_not_exist_is_refused)
{
    p.at.checkpoint_ns = places[_i % PLACE_COUNT];
    ck_assert_int_eq(program_history(&p, ids[_i / PLACE_COUNT], NULL), ANABRANCH_E_FAILED);
    program_expect(&p, "NotFoundError");
    program_expect(&p, ids[_i / PLACE_COUNT]);
}
END_TEST

START_TEST(a_history_may_begin_before_any_checkpoint_of_its_thread)
{
    char id[64];
    ck_assert_int_eq(program_history(&p, NULL, NULL), 0);
    program_take(p.answer, "'checkpoint_id':'", 1, id, sizeof(id));
    ck_assert_int_eq(program_history(&p, id, NULL), 0);
    program_expect_no(&p, "'next':[]");
    p.at.checkpoint_ns = "s";
    ck_assert_int_eq(program_history(&p, id, NULL), 0);
    program_expect(&p, "'checkpoint_ns':'s'");
}
END_TEST

START_TEST(a_thread_that_is_not_known_is_empty_but_has_no_checkpoints_to_name)
{
    p.at.thread_id = "other";
    ck_assert_int_eq(program_state(&p, true), 0);
    program_expect(&p, "'values':{}");
    ck_assert_int_eq(program_history(&p, NULL, NULL), 0);
    ck_assert_str_eq(p.answer, "[]");
    ck_assert_int_eq(program_history(&p, ids[0], NULL), ANABRANCH_E_FAILED);
    p.at.checkpoint_id = ids[1];
    ck_assert_int_eq(program_state(&p, true), ANABRANCH_E_FAILED);
    program_expect(&p, "'message':'thread \\'other\\' has no checkpoint");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("embed_place");
    TCase *t = tcase_create("place");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, no_verb_knows_a_checkpoint_that_does_not_exist, 0,
                        VERB_COUNT * PLACE_COUNT * ID_COUNT);
    tcase_add_loop_test(t, a_history_before_what_does_not_exist_is_refused, 0,
                        PLACE_COUNT * ID_COUNT);
    tcase_add_test(t, a_history_may_begin_before_any_checkpoint_of_its_thread);
    tcase_add_test(t, a_thread_that_is_not_known_is_empty_but_has_no_checkpoints_to_name);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
