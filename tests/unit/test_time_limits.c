/*
 * timeout_ms and idle_timeout_ms of a node, and what counts as a sign of life.
 *
 * One more kind:
 *
 *     beat    {"times", "every_ms", "sign"}: gives a sign of life (nothing, progress, custom, text)
 *             that often, then finishes; when it is cancelled it says too late that it is done
 */
#include "run_kit.h"

/* ---- beat ---- */

struct beat_config {
    int64_t times, every_ms;
    char *sign;
};

struct beat {
    struct task *task;
    struct loop_timer *timer;
    int64_t left;
};

static int configure_beat(struct setup *s, void **ret_config)
{
    struct beat_config *c = mem_zalloc(sizeof(*c));

    if (c == NULL)
        return err_trace(ERR_NOMEM);
    c->times = setup_int(s, "times", 0, 1000, 0);
    c->every_ms = setup_int(s, "every_ms", 0, 1000, 0);
    c->sign = mem_strdup(setup_string(s, "sign", false));
    *ret_config = c;
    return 0;
}

static void free_beat_config(void *config)
{
    struct beat_config *c = config;

    if (c != NULL)
        mem_free(c->sign);
    mem_free(c);
}

static void give_sign(struct task *task, const char *sign)
{
    if (strcmp(sign, "progress") == 0)
        task_progress(task);
    else if (strcmp(sign, "custom") == 0)
        task_custom(task, json_true());
    else if (strcmp(sign, "text") == 0)
        task_emit(task, "a", 1);
}

static void beat_once(void *arg)
{
    struct beat *b = arg;
    const struct beat_config *c = b->task->node->config;

    if (b->left-- == 0) {
        task_finish(b->task, NULL);
        return;
    }
    give_sign(b->task, c->sign);
    loop_timer_start(b->timer, c->every_ms * 1000);
}

static void start_beat(struct task *task)
{
    const struct beat_config *c = task->node->config;
    struct beat *b = mem_zalloc(sizeof(*b));

    ck_assert_ptr_nonnull(b);
    b->task = task;
    b->left = c->times;
    task->data = b;
    ck_assert_int_eq(loop_timer_new(task->services->loop, beat_once, b, &b->timer), 0);
    loop_timer_start(b->timer, c->every_ms * 1000);
}

static void cancel_beat(struct task *task)
{
    json_t *late = rig_parse("{'late':true}");
    struct update update;

    update_init(&update);
    ck_assert_int_eq(update_add_object(&update, task->graph, late), 0);
    task_custom(task, json_string("late"));
    task_finish(task, &update);
    json_decref(late);
}

static void release_beat(struct task *task)
{
    struct beat *b = task->data;

    if (b != NULL)
        loop_timer_free(b->timer);
    mem_free(b);
}

static const struct node_kind beat_kind = { .name = "beat",
                                            .configure = configure_beat,
                                            .config_free = free_beat_config,
                                            .start = start_beat,
                                            .cancel = cancel_beat,
                                            .release = release_beat };

/* ---- the rig ---- */

static struct rig rig;

static void set_up(void)
{
    rig_settings(&rig);
    size_t count = rig.worker.services.kinds.count;
    ck_assert_uint_lt(count, sizeof(rig.kinds) / sizeof(rig.kinds[0]));
    rig.kinds[count++] = &beat_kind;
    rig.worker.services.kinds = (struct kind_table){ rig.kinds, count };
}

static void tear_down(void)
{
    rig_deinit(&rig);
}

#define LOG "'log':{'type':'array','reducer':'append'}"
/* A graph of one node. */
#define ONE(node)                                                                                  \
    "{'state':{" LOG ",'late':{'type':'boolean'}},'nodes':{'n':" node "},'edges':[['START','n']]}"
#define NO_WAIT        "'initial_ms':0,'jitter':false"
#define ON_ERROR(more) "'on_error':{'kind':'set','values':{'log':" more "}"

static void expect_run(const char *graph, const char *input, const char *outcome)
{
    ck_assert_str_eq(rig_run(&rig, graph, input), outcome);
}

/* ---- time limits ---- */

static const struct {
    const char *sign;
    const char *outcome;
} signs[] = {
    { "progress", "{'log':[]}" },
    { "custom", "{'log':[]}" },
    { "text", "{'log':[]}" },
    { "none", "NodeTimeoutError" },
};

/* 25 times 20 ms are longer than the limit, 20 ms are not. However late the loop comes, it calls
 * timers in the order in which they are due, so a sign comes before the limit behind it. */
START_TEST(each_sign_of_life_begins_the_idle_timeout_anew)
{
    char graph[512];

    snprintf(graph, sizeof(graph),
             ONE("{'kind':'beat','times':25,'every_ms':20,'sign':'%s','idle_timeout_ms':400}"),
             signs[_i].sign);
    expect_run(graph, "{}", signs[_i].outcome);
}
END_TEST

#define INNER(node)                                                                                \
    ONE("{'kind':'graph','idle_timeout_ms':1000,'graph':{'state':{" LOG "},'nodes':{'i':" node     \
        ",'j':" node ",'k':" node "},'edges':[['START','i'],['i','j'],"                            \
        "['j','k']]}}")

START_TEST(a_sign_of_life_inside_a_subgraph_is_one_outside)
{
    char graph[1024];

    snprintf(graph, sizeof(graph),
             ONE("{'kind':'graph','idle_timeout_ms':400,'graph':{'state':{" LOG
                 "},'nodes':{'i':{'kind':'beat','times':25,'every_ms':20,'sign':'%s'}},"
                 "'edges':[['START','i']]}}"),
             signs[_i].sign);
    expect_run(graph, "{}", signs[_i].outcome);
}
END_TEST

START_TEST(a_step_inside_a_subgraph_is_a_sign_of_life)
{
    expect_run(INNER("{'kind':'wait','ms':400}"), "{}", "{'log':[]}");
}
END_TEST

/* With "heartbeat" nothing but progress that a task tells is a sign of life. */
static const struct {
    const char *refresh, *sign;
    const char *outcome;
} refreshes[] = {
    { "auto", "text", "{'log':[]}" },
    { "auto", "none", "NodeTimeoutError" },
    { "heartbeat", "progress", "{'log':[]}" },
    { "heartbeat", "custom", "NodeTimeoutError" },
    { "heartbeat", "text", "NodeTimeoutError" },
    { "heartbeat", "none", "NodeTimeoutError" },
};

START_TEST(an_idle_timeout_may_hear_heartbeats_only)
{
    char graph[512];

    snprintf(graph, sizeof(graph),
             ONE("{'kind':'beat','times':25,'every_ms':20,'sign':'%s','idle_timeout_ms':400,"
                 "'idle_refresh':'%s'}"),
             refreshes[_i].sign, refreshes[_i].refresh);
    expect_run(graph, "{}", refreshes[_i].outcome);
}
END_TEST

START_TEST(a_graph_may_hear_the_heartbeats_of_its_tasks_only)
{
    char graph[1024];

    snprintf(graph, sizeof(graph),
             ONE("{'kind':'graph','idle_timeout_ms':400,'idle_refresh':'%s','graph':{'state':{" LOG
                 "},'nodes':{'i':{'kind':'beat','times':25,'every_ms':20,'sign':'%s'}},"
                 "'edges':[['START','i']]}}"),
             refreshes[_i].refresh, refreshes[_i].sign);
    expect_run(graph, "{}", refreshes[_i].outcome);
}
END_TEST

START_TEST(with_heartbeats_the_steps_of_a_graph_are_no_sign_of_life)
{
    expect_run(ONE("{'kind':'graph','idle_timeout_ms':400,'idle_refresh':'heartbeat','graph':{"
                   "'state':{" LOG "},'nodes':{'i':{'kind':'wait','ms':250},'j':{'kind':'wait','ms'"
                   ":250}},'edges':[['START','i'],['i','j']]}}"),
               "{}", "NodeTimeoutError");
}
END_TEST

START_TEST(what_refreshes_may_be_a_default)
{
    expect_run("{'node_defaults':{'idle_timeout_ms':400,'idle_refresh':'heartbeat'},'state':{" LOG
               "},'nodes':{'n':{'kind':'beat','times':25,'every_ms':20,'sign':'text'}},"
               "'edges':[['START','n']]}",
               "{}", "NodeTimeoutError");
}
END_TEST

START_TEST(another_word_for_it_is_a_mistake)
{
    static const char text[] =
        "{\"state\":{},\"nodes\":{\"n\":{\"kind\":\"hold\",\"idle_refresh\":\"hartbeat\"}},"
        "\"edges\":[[\"START\",\"n\"]]}";
    const struct builder_limits builder = worker_builder_limits(&rig.conf);
    struct problems problems;
    struct graph *g = NULL;

    problems_init(&problems);
    ck_assert_int_eq(graph_parse(&rig.worker.services.kinds, &builder, "g.json", text, strlen(text),
                                 &problems, &g),
                     PARSE_E_WRONG);
    ck_assert_str_eq(buf_text(&problems.text), "g.json: /nodes/n/idle_refresh: unknown refresh "
                                               "\"hartbeat\"; did you mean \"heartbeat\"?\n");
    problems_deinit(&problems);
}
END_TEST

static const char *const limits[] = { "timeout_ms", "idle_timeout_ms" };

START_TEST(what_comes_after_a_time_limit_is_dropped)
{
    char graph[512];

    snprintf(graph, sizeof(graph),
             ONE("{'kind':'beat','times':1,'every_ms':1000,'sign':'none','%s':20," ON_ERROR(
                 "'{{error.type}} {{error.message}}'") "}}"),
             limits[_i]);
    char *events = rig_events(&rig, graph, "{}", MODE_CUSTOM | MODE_VALUES);
    ck_assert_ptr_null(strstr(events, "custom"));
    ck_assert_ptr_null(strstr(events, "'late'"));
    ck_assert_ptr_nonnull(strstr(events, "NodeTimeoutError node"));
    ck_assert_ptr_nonnull(strstr(events, limits[_i]));
    free(events);
}
END_TEST

START_TEST(a_time_limit_counts_for_each_attempt)
{
    char graph[512];

    snprintf(graph, sizeof(graph),
             ONE("{'kind':'hold','%s':5,'retry':{'max_attempts':3," NO_WAIT "}}"), limits[_i]);
    expect_run(graph, "{}", "NodeTimeoutError");
    ck_assert_int_eq(rig.held_count, 3);
    ck_assert_int_eq(rig.cancel_count, 3);
}
END_TEST

START_TEST(a_time_limit_ends_a_subgraph_and_what_runs_in_it)
{
    char graph[1024];

    snprintf(graph, sizeof(graph),
             ONE("{'kind':'graph','%s':500,'graph':{'state':{" LOG "},'nodes':{'in':"
                 "{'kind':'hold'}},'edges':[['START','in']]}," ON_ERROR("'{{error.type}}'") "}}"),
             limits[_i]);
    expect_run(graph, "{}", "{'log':['NodeTimeoutError']}");
    ck_assert_int_eq(rig.held_count, 1);
    ck_assert_int_eq(rig.cancel_count, 1);
}
END_TEST

/* ---- the suite ---- */

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *s = suite_create("time_limits");
    TCase *t = tcase_create("time limits");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, each_sign_of_life_begins_the_idle_timeout_anew, 0, COUNT(signs));
    tcase_add_loop_test(t, a_sign_of_life_inside_a_subgraph_is_one_outside, 0, COUNT(signs));
    tcase_add_test(t, a_step_inside_a_subgraph_is_a_sign_of_life);
    tcase_add_loop_test(t, an_idle_timeout_may_hear_heartbeats_only, 0, COUNT(refreshes));
    tcase_add_loop_test(t, a_graph_may_hear_the_heartbeats_of_its_tasks_only, 0, COUNT(refreshes));
    tcase_add_test(t, with_heartbeats_the_steps_of_a_graph_are_no_sign_of_life);
    tcase_add_test(t, what_refreshes_may_be_a_default);
    tcase_add_test(t, another_word_for_it_is_a_mistake);
    tcase_add_loop_test(t, what_comes_after_a_time_limit_is_dropped, 0, COUNT(limits));
    tcase_add_loop_test(t, a_time_limit_counts_for_each_attempt, 0, COUNT(limits));
    tcase_add_loop_test(t, a_time_limit_ends_a_subgraph_and_what_runs_in_it, 0, COUNT(limits));
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
