/*
 * The life of a run, as a step table. A step does its part and names the next one; WAIT means that
 * the tasks of the step are at work, and the last of them sets APPLY.
 *
 *     INPUT -> PLAN -> START -> (wait) -> APPLY -> PLAN ... -> FINISH
 *
 * Each step is one turn of the worker's ready list, so a long graph without I/O holds nobody up.
 * Whatever goes wrong calls run_stop(); every step looks at is_stopping first, so there is one way
 * out.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/internal.h"
#include <assert.h>
#include <string.h>

const char *run_status_name(enum run_status s)
{
    static const char *const names[] = {
        [RUN_RUNNING] = "running", [RUN_SUCCESS] = "success",         [RUN_ERROR] = "error",
        [RUN_TIMEOUT] = "timeout", [RUN_INTERRUPTED] = "interrupted",
    };

    return names[s];
}

/* ---- stopping ---- */

void run_stop(struct run *run, struct fail *f)
{
    if (run->is_stopping || run->status != RUN_RUNNING) {
        fail_clear(f);
        return;
    }
    run->is_stopping = true;
    fail_move(&run->fail, f);
    for (size_t i = 0; run->tasks != NULL && i < run->plan.count; i++)
        run_task_cancel(&run->tasks[i]);
}

static void stop_fault(struct run *run, int fault)
{
    struct fail f = { 0 };

    fail_set_fault(&f, fault);
    run_stop(run, &f);
}

void run_cancel(struct run *run)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_CANCELLED, "the run was cancelled");
    run_stop(run, &f);
}

void run_timeout_passed(void *arg)
{
    struct run *run = arg;
    struct fail f = { 0 };

    fail_set(&f, FAIL_RUN_TIMEOUT, "the run did not finish within its timeout_ms");
    run_stop(run, &f);
}

/* ---- steps ---- */

static enum run_step stop_with(struct run *run, int r, struct fail *f)
{
    if (r < 0)
        stop_fault(run, r);
    else
        run_stop(run, f);
    return RUN_STEP_FINISH;
}

/* The next version of the state. 0 or a fault. */
static int commit_take(struct run *run, struct state *after, bool is_shown)
{
    struct state *before = run->state;

    run->state = after;
    int r = is_shown ? run_emit_values(run, before) : 0;
    state_unref(before);
    return r;
}

static enum run_step step_input(struct run *run)
{
    struct fail f = { 0 };
    struct state *after = run->first;
    int r = 0;

    run->first = NULL;
    if (after == NULL)
        r = input_apply(run->runs->services, run->graph, run->state, run->input, &after, &f);
    if (r == 0)
        r = commit_take(run, after, !state_is_same(run->state, after));
    if (r == 0)
        r = route_start(run, &f);
    return r == 0 ? RUN_STEP_PLAN : stop_with(run, r, &f);
}

static enum run_step stop_at_recursion_limit(struct run *run)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_RECURSION,
             "Recursion limit of %lld reached without hitting a stop condition. "
             "You can increase the limit by setting the \"recursion_limit\" config key.",
             (long long)run->recursion_limit);
    return stop_with(run, 0, &f);
}

static enum run_step stop_at_task_limit(struct run *run, int64_t max_tasks)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_LIMIT, "a step of %zu tasks is more than the setting max_tasks allows (%lld)",
             run->plan.count, (long long)max_tasks);
    return stop_with(run, 0, &f);
}

/* The limit counts as the reference's does, before it is known whether there is more to do: a run
 * of m steps needs m + 1. */
static enum run_step step_plan(struct run *run)
{
    int64_t max_tasks = run->runs->services->conf->max_tasks;

    if (run->step >= run->recursion_limit)
        return stop_at_recursion_limit(run);
    sched_plan(run->sched, &run->plan);
    if (run->plan.count == 0)
        return RUN_STEP_FINISH;
    if (run->plan.count > (size_t)max_tasks)
        return stop_at_task_limit(run, max_tasks);
    return RUN_STEP_START;
}

static enum run_step step_start(struct run *run)
{
    run->tasks = mem_array(run->plan.count, sizeof(*run->tasks));
    if (run->tasks == NULL)
        return stop_with(run, ERR_NOMEM, NULL);
    run->step++;
    run->tasks_pending = run->plan.count;
    for (size_t i = 0; i < run->plan.count; i++)
        run_task_start(&run->tasks[i], run, &run->plan.tasks[i]);
    return RUN_STEP_WAIT;
}

void run_task_ended(struct run_task *t)
{
    struct run *run = t->run;

    if (fail_is_set(&t->fail) && !t->is_cancelled) {
        fail_set_node(&t->fail, t->task.node->name);
        run_stop(run, &t->fail);
    } else if (!t->is_cancelled) {
        int r = run_emit_update(run, t);
        if (r != 0)
            stop_fault(run, r);
    }
    if (--run->tasks_pending > 0)
        return;
    run->next = RUN_STEP_APPLY;
    loop_ready(run->runs->services->loop, &run->advance);
}

static void clear_tasks(struct run *run)
{
    for (size_t i = 0; run->tasks != NULL && i < run->plan.count; i++)
        run_task_clear(&run->tasks[i]);
    run->tasks = mem_free(run->tasks);
}

static int apply_writes(struct run *run, struct fail *f)
{
    struct state_limits limits = run_state_limits(run->runs->services);
    struct task_writes *writes MEM_AUTO(mem_freep) = mem_array(run->plan.count, sizeof(*writes));
    bool *changed MEM_AUTO(mem_freep) = mem_array(run->graph->field_count + 1, sizeof(*changed));
    struct state *after = NULL;

    if (writes == NULL || changed == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < run->plan.count; i++) {
        writes[i].node = run->tasks[i].task.node->name;
        writes[i].update = &run->tasks[i].update;
    }
    int r = state_apply(run->state, writes, run->plan.count, &limits, &after, changed, f);
    if (r != 0)
        return r;
    return commit_take(run, after, memchr(changed, true, run->graph->field_count) != NULL);
}

static enum run_step step_apply(struct run *run)
{
    struct fail f = { 0 };
    int r = 0;

    for (size_t i = 0; r == 0 && i < run->plan.count; i++)
        r = route_task(run, &run->tasks[i], &f);
    if (r == 0)
        r = apply_writes(run, &f);
    clear_tasks(run);
    return r == 0 ? RUN_STEP_PLAN : stop_with(run, r, &f);
}

static enum run_status status_of(const struct fail *f)
{
    switch ((int)f->code) {
    case FAIL_NONE:
        return RUN_SUCCESS;
    case FAIL_CANCELLED:
        return RUN_INTERRUPTED;
    case FAIL_RUN_TIMEOUT:
        return RUN_TIMEOUT;
    default:
        return RUN_ERROR;
    }
}

static void log_end(const struct run *run)
{
    const struct fail *f = &run->fail;
    const char *ms = log_int((clock_mono_us() - run->started_us) / 1000);

    if (!fail_is_set(f))
        log_info("run_end", "run", run->id, "graph", run->graph->name, "status",
                 run_status_name(run->status), "steps", log_int(run->step), "ms", ms, NULL);
    else
        log_info("run_end", "run", run->id, "graph", run->graph->name, "status",
                 run_status_name(run->status), "steps", log_int(run->step), "ms", ms, "node",
                 f->node, "error", fail_type(f), "message", fail_message(f), NULL);
}

/* A cancelled run's readers just see the end, as the protocol says; every other failure is
 * an event. */
static enum run_step step_finish(struct run *run)
{
    clear_tasks(run);
    loop_timer_stop(run->timeout);
    run->status = status_of(&run->fail);
    /* Without memory the reader just sees the end, and the log line tells. */
    if (fail_is_set(&run->fail) && run->status != RUN_INTERRUPTED)
        (void)run_emit_error(run);
    log_end(run);
    event_log_wake(&run->log);
    runs_remove(run->runs, run);
    return RUN_STEP_WAIT;
}

void run_advance(void *arg)
{
    static enum run_step (*const steps[])(struct run *) = {
        [RUN_STEP_INPUT] = step_input,   [RUN_STEP_PLAN] = step_plan,
        [RUN_STEP_START] = step_start,   [RUN_STEP_APPLY] = step_apply,
        [RUN_STEP_FINISH] = step_finish,
    };
    struct run *run = arg;
    enum run_step now = run->is_stopping ? RUN_STEP_FINISH : run->next;

    assert(run->status == RUN_RUNNING);
    run->next = steps[now](run);
    if (run->next != RUN_STEP_WAIT)
        loop_ready(run->runs->services->loop, &run->advance);
    else if (now == RUN_STEP_FINISH)
        run_unref(run); /* the registry's reference */
}

/* ---- what others may know ---- */

const char *run_id(const struct run *run)
{
    return run->id;
}

const char *run_thread_id(const struct run *run)
{
    return run->thread_id;
}

const struct graph *run_graph(const struct run *run)
{
    return run->graph;
}

enum run_status run_status(const struct run *run)
{
    return run->status;
}

bool run_has_ended(const struct run *run)
{
    return run->status != RUN_RUNNING;
}

const struct fail *run_fail(const struct run *run)
{
    return &run->fail;
}

const struct state *run_state(const struct run *run)
{
    return run->state;
}
