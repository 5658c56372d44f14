/* Sends to a subgraph: each is a task with a state of its own, and they count in the order of what
 * was sent, whatever finishes first and whoever asks. */
#include "laws_rig.h"

/* A task of "s" for each of the items: its log begins with the item. */
#define FAN(fields)                                                                                \
    "{'state':{'log':{'type':'array','reducer':'append'},'items':{'type':'array'}},"               \
    "'nodes':{'s':{'kind':'graph','in':{'log':'item'}," fields "'graph':{"                         \
    "'state':{'log':{'type':'array','reducer':'append'}},"                                         \
    "'nodes':{'x':{'kind':'act'},'y':{'kind':'act'}},'edges':[['START','x'],['x','y']]}}},"        \
    "'edges':[{'from':'START','each':'items','as':'item','send':'s'}]}"
#define INPUT "{'items':['a','b','c']}"

#define SAYS(word) "[{'update':{'log':'" word "'}}]"
#define ASKS(word) "[{'ask':'" word "','into':'log'}]"
/* Tasks take their visits in the order in which they begin: that of the items. */
#define QUIET                                                                                      \
    "{'s/x':[" SAYS("xa") "," SAYS("xb") "," SAYS("xc") "],"                                       \
                                                        "'s/y':[" SAYS("y") "]}"
#define ALL_ASK                                                                                    \
    "{'s/x':[" ASKS("qa") "," ASKS("qb") "," ASKS("qc") "],"                                       \
                                                        "'s/y':[" SAYS("y") "]}"
#define ONE_ASKS                                                                                   \
    "{'s/x':[" SAYS("xa") "," ASKS("qb") "," SAYS("xc") "],"                                       \
                                                        "'s/y':[" SAYS("y") "]}"

static const struct {
    const char *script;
    const char *log;
    int questions;
} fans[] = {
    { QUIET, "['a','xa','y','b','xb','y','c','xc','y']", 0 },
    { ALL_ASK, "['a','re: qa','y','b','re: qb','y','c','re: qc','y']", 3 },
    { ONE_ASKS, "['a','xa','y','b','re: qb','y','c','xc','y']", 1 },
};
enum { FAN_COUNT = 3, SEED_COUNT = 5, CONCURRENCY_COUNT = 3 };

static struct laws laws;
static struct laws_end end;

static void use(const char *graph, const char *script, int seed)
{
    const struct laws_case c = { "sends", graph, script, INPUT };
    laws_init(&laws, &c);
    laws.random = (uint64_t)seed + 1;
}

static void teardown(void)
{
    laws_end_clear(&end);
    laws_deinit(&laws);
}

static void expect_log(const char *log)
{
    char *text = mem_printf("{'items':['a','b','c'],'log':%s}", log);
    json_t *json = laws_json(text);
    char *expected = laws_text(json);
    laws_check_text(end.values, expected);
    free(expected);
    json_decref(json);
    mem_free(text);
}

START_TEST(sends_to_a_subgraph_count_in_the_order_of_what_was_sent)
{
    int fan = _i % FAN_COUNT;
    use(FAN(""), fans[fan].script, _i / FAN_COUNT);
    const struct laws_play play = { .how = { .input = INPUT,
                                             .max_concurrency = _i % CONCURRENCY_COUNT },
                                    .one_by_one = _i % 2 == 0 };
    laws_play(&laws, &play, &end);
    expect_log(fans[fan].log);
}
END_TEST

/* What has finished is not begun again for the answer of another. */
START_TEST(the_questions_of_sends_stand_in_plan_order_and_go_on_inside)
{
    const char *words[] = { "qa", "qb", "qc" };
    const json_t *one;
    size_t i;
    use(FAN(""), ALL_ASK, _i);
    laws_run(&laws, &(struct laws_how){ .input = INPUT }, &end);
    ck_assert_uint_eq(json_array_size(end.interrupts), 3);
    json_array_foreach(end.interrupts, i, one)
        ck_assert_str_eq(json_string_value(json_object_get(one, "value")), words[i]);
    for (int left = 3; left > 0; left--) {
        json_t *command = laws_answers(end.interrupts, true);
        ck_assert_uint_eq(json_array_size(end.interrupts), left);
        laws_end_clear(&end);
        laws_run(&laws, &(struct laws_how){ .command = command }, &end);
    }
    expect_log(fans[1].log);
    ck_assert_int_eq(laws_done_count(&laws, "s/x"), 3);
    ck_assert_int_eq(laws_done_count(&laws, "s/y"), 3);
}
END_TEST

START_TEST(the_tasks_of_sends_are_shown_each_with_its_own_state)
{
    use(FAN(""), ALL_ASK, 0);
    laws_run(&laws, &(struct laws_how){ .input = INPUT }, &end);
    json_t *state = laws_state(&laws, NULL);
    const json_t *tasks = json_object_get(state, "tasks");
    ck_assert_uint_eq(json_array_size(tasks), 3);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < i; j++) {
            const json_t *a = json_object_get(json_array_get(tasks, i), "state");
            const json_t *b = json_object_get(json_array_get(tasks, j), "state");
            ck_assert(json_is_object(a) && !json_equal((json_t *)a, (json_t *)b));
        }
    json_decref(state);
}
END_TEST

/* Nothing is kept of them, so an interrupt has no answer; without one they run. */
START_TEST(sends_to_a_subgraph_that_keeps_nothing_run_as_well)
{
    use(FAN("'persistence':'none',"), QUIET, _i);
    laws_run(&laws, &(struct laws_how){ .input = INPUT }, &end);
    expect_log(fans[0].log);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("subgraph_sends");
    TCase *t = tcase_create("sends");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_loop_test(t, sends_to_a_subgraph_count_in_the_order_of_what_was_sent, 0,
                        FAN_COUNT * SEED_COUNT);
    tcase_add_loop_test(t, the_questions_of_sends_stand_in_plan_order_and_go_on_inside, 0,
                        SEED_COUNT);
    tcase_add_test(t, the_tasks_of_sends_are_shown_each_with_its_own_state);
    tcase_add_loop_test(t, sends_to_a_subgraph_that_keeps_nothing_run_as_well, 0, SEED_COUNT);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
