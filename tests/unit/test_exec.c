/* Executions on a thread: what one run leaves behind for the next. */
#include "run_kit.h"

static struct rig rig;
static struct node_kind ask;
static int attempt_count;

/* Asks twice, then writes both answers. */
static void start_ask(struct task *task)
{
    const json_t *first, *second;
    json_t *log;

    attempt_count++;
    first = task_ask(task, json_integer(1));
    second = first == NULL ? NULL : task_ask(task, json_integer(2));
    if (second == NULL)
        return;
    log = json_pack("{s:[O,O]}", "log", first, second);
    struct outcome outcome = { 0 };
    struct fail f = { .code = FAIL_NONE };
    ck_assert_int_eq(outcome_add_result(&outcome, task->graph, task->node->name, log, &f), 0);
    json_decref(log);
    task_decide(task, &outcome);
    outcome_clear(&outcome);
}

static void setup(void)
{
    static char *no_env[] = { NULL };
    size_t count;

    mem_init();
    log_level_set(LOG_ERROR);
    memset(&rig, 0, sizeof(rig));
    ck_assert_int_eq(conf_default(&rig.conf), 0);
    mem_free(rig.conf.database);
    rig.conf.database = mem_strdup("memory:");
    rig.conf.upstream_pools = 1;
    ck_assert_int_eq(worker_init(&rig.worker, &rig.conf, no_env), 0);
    rig_add_kinds(&rig);
    ask = (struct node_kind){ .name = "ask", .configure = rig_configure_hold, .start = start_ask };
    count = rig.worker.services.kinds.count;
    rig.kinds[count] = &ask;
    rig.worker.services.kinds.count = count + 1;
    attempt_count = 0;
}

static void teardown(void)
{
    rig_deinit(&rig);
}

/* One run on the thread; resume NULL: it goes on. What it asks at its end, 0 = nothing. */
static int go_on(const char *graph, const char *input, const char *resume, const char *durability)
{
    json_t *command = resume == NULL ? NULL : json_pack("{s:o}", "resume", rig_parse(resume));
    struct run *run = rig_start_with(
        &rig, rig_graph(&rig, graph), input,
        (struct run_request){ .command = command, .thread_id = "t", .durability = durability });
    rig_finish(&rig, run);
    ck_assert_msg(!fail_is_set(run_fail(run)), "%s", fail_message(run_fail(run)));
    const json_t *first = json_array_get(run_interrupts(run), 0);
    int asked = (int)json_integer_value(json_object_get(first, "value"));
    json_decref(command);
    run_unref(run);
    return asked;
}

#define ASKING                                                                                     \
    "{'state':{'log':{'type':'array','reducer':'append'}},'nodes':{'a':{'kind':'ask'}},"           \
    "'edges':[['__start__','a']]}"

START_TEST(under_exit_a_plain_answer_is_used_once)
{
    ck_assert_int_eq(go_on(ASKING, "{}", NULL, "exit"), 1);
    ck_assert_int_eq(go_on(ASKING, NULL, "'yes'", "exit"), 2);
    ck_assert_int_eq(go_on(ASKING, NULL, NULL, "exit"), 2);
    ck_assert_int_eq(go_on(ASKING, NULL, "'and yes'", "exit"), 0);
    ck_assert_int_eq(attempt_count, 4);
}
END_TEST

START_TEST(else_a_plain_answer_stays_for_the_next_question_of_the_step)
{
    static const char *const durabilities[] = { "sync", "async" };

    ck_assert_int_eq(go_on(ASKING, "{}", NULL, durabilities[_i]), 1);
    ck_assert_int_eq(go_on(ASKING, NULL, "'yes'", durabilities[_i]), 2);
    ck_assert_int_eq(go_on(ASKING, NULL, NULL, durabilities[_i]), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exec");
    TCase *tc = tcase_create("exec");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, under_exit_a_plain_answer_is_used_once);
    tcase_add_loop_test(tc, else_a_plain_answer_stays_for_the_next_question_of_the_step, 0, 2);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
