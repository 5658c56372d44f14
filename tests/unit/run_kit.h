#ifndef ANABRANCH_TESTS_UNIT_RUN_KIT_H
#define ANABRANCH_TESTS_UNIT_RUN_KIT_H
/*
 * A worker with real services for tests of runs, the built-in kinds and two more:
 *
 *     hold    answers when the test says so (rig_release()), or never
 *     flaky   {"times": n}: fails n times, with {"error": class}, then writes nothing;
 *             {"is_retryable": true}: as a model that asks for fewer requests does
 *
 * Graphs and inputs are written with ' for ". A run that does not come to its end within some
 * seconds fails the test instead of hanging it.
 */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/parse.h"
#include "graph/setup.h"
#include "run/internal.h"
#include "run/worker.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RIG_HELD_MAX = 16, RIG_PATIENCE_S = 20 };

struct rig {
    struct conf conf;
    struct worker worker;
    struct node_kind hold, flaky;
    const struct node_kind *kinds[16];
    struct task *held[RIG_HELD_MAX];
    int held_count;
    int cancel_count;
    int attempt_count; /* of flaky nodes */
};

/* ---- kinds ---- */

static inline struct rig *rig_of(const struct task *task)
{
    return (struct rig *)task->node->kind->arg;
}

static inline int rig_configure_hold(struct setup *s, void **ret_config)
{
    (void)s;
    (void)ret_config;
    return 0;
}

static inline void rig_start_hold(struct task *task)
{
    struct rig *rig = rig_of(task);

    ck_assert_int_lt(rig->held_count, RIG_HELD_MAX);
    rig->held[rig->held_count++] = task;
}

static inline void rig_cancel_hold(struct task *task)
{
    rig_of(task)->cancel_count++;
}

struct rig_flaky {
    int64_t times;
    int64_t retry_after_ms;
    int code;
    char *error;
};

static inline int rig_configure_flaky(struct setup *s, void **ret_config)
{
    struct rig_flaky *c = mem_zalloc(sizeof(*c));

    if (c == NULL)
        return err_trace(ERR_NOMEM);
    c->times = setup_int(s, "times", 0, 100, 0);
    c->retry_after_ms = setup_int(s, "retry_after_ms", 0, 1000000, 0);
    c->code = setup_bool(s, "is_retryable", false) ? FAIL_UP_RATE : FAIL_NODE;
    c->error = mem_strdup(setup_string(s, "error", false));
    *ret_config = c;
    return 0;
}

static inline void rig_free_flaky(void *config)
{
    struct rig_flaky *c = config;

    if (c != NULL)
        mem_free(c->error);
    mem_free(c);
}

static inline void rig_start_flaky(struct task *task)
{
    const struct rig_flaky *c = task->node->config;
    struct fail f = { .code = FAIL_NONE };

    rig_of(task)->attempt_count++;
    if (task->attempt > c->times) {
        task_finish(task, NULL);
        return;
    }
    fail_set(&f, (enum fail_code)c->code, "attempt %d", task->attempt);
    fail_set_type(&f, c->error);
    f.retry_after_ms = c->retry_after_ms;
    task_fail(task, &f);
}

static inline void rig_add_kinds(struct rig *rig)
{
    struct kind_table own = node_kinds();
    size_t count = own.count;

    ck_assert_uint_le(count + 2, sizeof(rig->kinds) / sizeof(rig->kinds[0]));
    memcpy(rig->kinds, own.kinds, count * sizeof(rig->kinds[0]));
    rig->hold = (struct node_kind){ .name = "hold",
                                    .configure = rig_configure_hold,
                                    .start = rig_start_hold,
                                    .cancel = rig_cancel_hold,
                                    .arg = rig };
    rig->flaky = (struct node_kind){ .name = "flaky",
                                     .configure = rig_configure_flaky,
                                     .config_free = rig_free_flaky,
                                     .start = rig_start_flaky,
                                     .arg = rig };
    rig->kinds[count++] = &rig->hold;
    rig->kinds[count++] = &rig->flaky;
    rig->worker.services.kinds = (struct kind_table){ rig->kinds, count };
}

/* ---- life ---- */

/* Settings may be changed between the two. */
static inline void rig_settings(struct rig *rig)
{
    static char *no_env[] = { NULL };

    mem_init();
    log_level_set(LOG_ERROR);
    memset(rig, 0, sizeof(*rig));
    ck_assert_int_eq(conf_default(&rig->conf), 0);
    mem_free(rig->conf.database);
    rig->conf.database = mem_strdup("memory:");
    rig->conf.demo_delay_ms = 0;
    rig->conf.upstream_pools = 1;
    ck_assert_int_eq(worker_init(&rig->worker, &rig->conf, no_env), 0);
    rig_add_kinds(rig);
}

static inline void rig_deinit(struct rig *rig)
{
    ck_assert_int_eq(runs_active(rig->worker.runs), 0);
    ck_assert_int_eq(loop_op_count(rig->worker.loop), 0);
    ck_assert_uint_eq(rig->worker.runs->log_bytes, 0);
    worker_deinit(&rig->worker);
    conf_deinit(&rig->conf);
}

/* ' becomes "; free(). */
static inline char *rig_json(const char *text)
{
    char *json = strdup(text);

    ck_assert_ptr_nonnull(json);
    for (char *c = json; *c != '\0'; c++) {
        if (*c == '\'')
            *c = '"';
    }
    return json;
}

static inline struct graph *rig_graph(struct rig *rig, const char *text)
{
    struct builder_limits limits = worker_builder_limits(&rig->conf);
    struct problems problems;
    struct graph *graph = NULL;
    char *json = rig_json(text);

    problems_init(&problems);
    int r = graph_parse(&rig->worker.services.kinds, &limits, "test.json", json, strlen(json),
                        &problems, &graph);
    ck_assert_msg(r == 0, "%s", buf_text(&problems.text));
    problems_deinit(&problems);
    free(json);
    return graph;
}

static inline json_t *rig_parse(const char *text)
{
    char *json = rig_json(text);
    json_t *ret = json_loads(json, JSON_DECODE_ANY, NULL);

    ck_assert_msg(ret != NULL, "not JSON: %s", text);
    free(json);
    return ret;
}

/* ---- runs ---- */

/* req without graph and input; the graph's reference is taken. */
static inline struct run *rig_start_with(struct rig *rig, struct graph *graph, const char *input,
                                         struct run_request req)
{
    struct run *run = NULL;
    struct fail f = { .code = FAIL_NONE };
    json_t *json = input == NULL ? NULL : rig_parse(input);

    req.graph = graph;
    req.input = json;
    int r = run_start(rig->worker.runs, &req, &run, &f);
    ck_assert_msg(r == 0, "%d: %s", r, fail_message(&f));
    json_decref(json);
    graph_unref(graph);
    return run;
}

static inline struct run *rig_start(struct rig *rig, const char *graph, const char *input)
{
    return rig_start_with(rig, rig_graph(rig, graph), input, (struct run_request){ .modes = 0 });
}

static inline void rig_give_up(void *arg)
{
    (void)arg;
    ck_abort_msg("the run did not come to its end");
}

static inline void rig_stop(void *arg)
{
    loop_stop(arg);
}

/* One turn of the loop. */
static inline void rig_turn(struct rig *rig)
{
    struct loop_work work;

    loop_work_init(&work, rig_stop, rig->worker.loop);
    loop_ready(rig->worker.loop, &work);
    ck_assert_int_eq(loop_run(rig->worker.loop), 0);
}

/* Waits for the end. */
static inline void rig_finish(struct rig *rig, struct run *run)
{
    struct loop_timer *patience = NULL;

    ck_assert_int_eq(loop_timer_new(rig->worker.loop, rig_give_up, rig, &patience), 0);
    loop_timer_start(patience, (int64_t)RIG_PATIENCE_S * 1000000);
    do
        rig_turn(rig);
    while (!run_has_ended(run));
    loop_timer_free(patience);
}

/* The output, or "ErrorClass" of a run that failed; valid until the next call. */
static inline const char *rig_outcome(const struct run *run)
{
    static char text[65536];
    struct buf out;

    buf_init(&out, sizeof(text));
    if (fail_is_set(run_fail(run)))
        buf_add_str(&out, fail_type(run_fail(run)));
    else
        state_encode(run_state(run), VIEW_OUTPUT, &out);
    for (char *c = out.data; c != NULL && *c != '\0'; c++) {
        if (*c == '"')
            *c = '\'';
    }
    snprintf(text, sizeof(text), "%s", buf_text(&out));
    buf_deinit(&out);
    return text;
}

/* A whole run: its outcome. */
static inline const char *rig_run(struct rig *rig, const char *graph, const char *input)
{
    struct run *run = rig_start(rig, graph, input);

    rig_finish(rig, run);
    const char *outcome = rig_outcome(run);
    run_unref(run);
    return outcome;
}

/* ---- events ---- */

/* All that there is to read now, one "name data" a line, ' for "; mem_free(). *ret_end: why it
 * stopped. */
static inline char *rig_read(struct reader *reader, enum reader_result *ret_end)
{
    struct buf out;
    struct run_event event;
    enum reader_result what;

    buf_init(&out, 1 << 24);
    while ((what = reader_next(reader, &event)) == READER_EVENT) {
        buf_add_str(&out, event.name);
        buf_add_char(&out, ' ');
        buf_add(&out, event.data, event.data_len_bytes);
        buf_add_char(&out, '\n');
    }
    if (ret_end != NULL)
        *ret_end = what;
    for (char *c = out.data; c != NULL && *c != '\0'; c++) {
        if (*c == '"')
            *c = '\'';
    }
    char *text = buf_take(&out, NULL);
    ck_assert_ptr_nonnull(text);
    return text;
}

/* A whole run read afterwards; the first line, which has the run's id in it, is left out. free() */
static inline char *rig_events(struct rig *rig, const char *graph, const char *input,
                               unsigned modes)
{
    struct run *run =
        rig_start_with(rig, rig_graph(rig, graph), input, (struct run_request){ .modes = modes });
    struct reader *reader = NULL;
    enum reader_result end;

    ck_assert_int_eq(reader_open(run, modes, NULL, NULL, &reader), 0);
    rig_finish(rig, run);
    char *all = rig_read(reader, &end);
    ck_assert_int_eq(end, READER_END);
    ck_assert_msg(strncmp(all, "metadata {'run_id':'", 20) == 0, "%s", all);
    char *rest = strdup(strchr(all, '\n') + 1);
    mem_free(all);
    reader_close(reader);
    run_unref(run);
    return rest;
}

#endif
