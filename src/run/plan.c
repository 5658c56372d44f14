/*
 * The tasks of a step: made of what the scheduler has planned, given what an earlier run of the same
 * checkpoint has left (results that need no second run, answers to their questions, failures that a
 * handler was to see), and begun as many at a time as the run allows.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include <string.h>

enum { FIRST_CAP = 8 };

struct run_task *exec_add_task(struct exec *e)
{
    struct run_task *t;

    if (e->task_count == e->task_cap) {
        size_t cap = e->task_cap == 0 ? FIRST_CAP : e->task_cap * 2;
        struct run_task **tasks = mem_realloc(e->tasks, cap * sizeof(struct run_task *));
        if (tasks == NULL)
            return NULL;
        e->tasks = tasks;
        e->task_cap = cap;
    }
    t = mem_zalloc(sizeof(*t));
    if (t == NULL)
        return NULL;
    e->tasks[e->task_count++] = t;
    e->run->task_count++;
    return t;
}

void exec_clear_tasks(struct exec *e)
{
    for (size_t i = 0; i < e->task_count; i++) {
        run_task_deinit(e->tasks[i]);
        mem_free(e->tasks[i]);
    }
    e->run->task_count -= e->task_count;
    e->task_count = 0;
    e->next_task = 0;
    e->send_count = 0;
}

/* ---- what is known of a task already ---- */

static int take_result(struct run_task *t, struct fail *f)
{
    const json_t *result = checkpoint_find_write(&t->exec->at, run_task_id(t), WRITE_RESULT);

    if (result == NULL || t->exec->is_replaying)
        return 0;
    t->end = TASK_DONE;
    t->is_replayed = true;
    t->has_begun = true;
    return outcome_decode(&t->outcome, t->exec->graph, result, f);
}

static void read_error(const json_t *error, struct fail *f)
{
    const char *name = json_string_value(json_object_get(error, "name"));
    const char *message = json_string_value(json_object_get(error, "message"));

    fail_set(f, FAIL_NODE, "%s", message == NULL ? "" : message);
    if (name != NULL)
        fail_set_type(f, name);
}

/* A failure that was written down before its handler had finished: the handler runs, the task does
 * not. */
static int take_failure(struct run_task *t, struct fail *f)
{
    const json_t *error;
    struct run_task *handler;

    if (t->exec->at.write_count == 0 || t->exec->is_replaying || t->task.node->on_error == NULL)
        return 0;
    error = checkpoint_find_write(&t->exec->at, run_task_id(t), WRITE_ERROR);
    if (error == NULL)
        return 0;
    read_error(error, &t->fail);
    t->end = TASK_FAILED;
    t->has_begun = true;
    t->is_handled = true;
    handler = exec_add_task(t->exec);
    int r = handler == NULL ? err_trace(ERR_NOMEM) : run_task_init_handler(handler, t);
    if (r == 0)
        r = take_result(handler, f);
    return r == 0 && handler->end == TASK_AT_WORK ? answer_give(handler) : r;
}

/* __start__ is done as soon as it is planned; a new input has come to that already. */
static int begin_with_input(struct run_task *t, struct fail *f)
{
    struct exec *e = t->exec;
    int r = e->has_start ? 0 : input_start(e, &e->start, f);

    outcome_move(&t->outcome, &e->start);
    e->has_start = false;
    t->end = TASK_DONE;
    t->has_begun = true;
    return r;
}

static int make_task(struct exec *e, const struct planned *p, struct fail *f)
{
    struct run_task *t = exec_add_task(e);
    int r = 0;

    if (t == NULL)
        return err_trace(ERR_NOMEM);
    run_task_init(t, e, p);
    if (p->node == NODE_START)
        return begin_with_input(t, f);
    if (e->at.write_count > 0)
        r = take_result(t, f);
    return r == 0 && t->end == TASK_AT_WORK ? answer_give(t) : r;
}

static int make_tasks(struct exec *e, struct fail *f)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < e->plan.count; i++)
        r = make_task(e, &e->plan.tasks[i], f);
    return r;
}

static int call_handlers(struct exec *e, struct fail *f)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < e->plan.count; i++) {
        if (e->tasks[i]->end == TASK_AT_WORK)
            r = take_failure(e->tasks[i], f);
    }
    return r;
}

/* ---- the step ---- */

static bool is_all_done(const struct exec *e)
{
    for (size_t i = 0; i < e->task_count; i++) {
        if (e->tasks[i]->end != TASK_DONE)
            return false;
    }
    return true;
}

static int show_replayed(struct exec *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < e->task_count; i++) {
        if (e->tasks[i]->is_replayed)
            r = emit_update(e->tasks[i]);
    }
    return r;
}

static int show_starts(struct exec *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < e->task_count; i++)
        r = emit_task_start(e->tasks[i]);
    return r;
}

static int refuse_more_steps(const struct exec *e, struct fail *f)
{
    fail_set(f, FAIL_RECURSION,
             "Recursion limit of %lld reached without hitting a stop condition. "
             "You can increase the limit by setting the \"recursion_limit\" config key. "
             "(GRAPH_RECURSION_LIMIT)",
             (long long)e->recursion_limit);
    return 1;
}

/* A Send to a subgraph that sends to a subgraph multiplies. */
static bool refuse_so_many(const struct exec *e, struct fail *f)
{
    const struct conf *conf = e->run->runs->services->conf;

    if (e->plan.count > (size_t)conf->max_tasks)
        fail_set(f, FAIL_LIMIT,
                 "a step of %zu tasks is more than the setting max_tasks allows (%lld)",
                 e->plan.count, (long long)conf->max_tasks);
    else if (e->run->task_count + e->plan.count > (size_t)conf->max_run_tasks)
        fail_set(f, FAIL_LIMIT,
                 "the run would have %zu tasks at once with those of its subgraphs; the setting "
                 "max_run_tasks allows %lld",
                 e->run->task_count + e->plan.count, (long long)conf->max_run_tasks);
    return fail_is_set(f);
}

int exec_find_facts(struct exec *e)
{
    int64_t step = e->at.step + 1;

    if (!e->graph->uses_facts)
        return 0;
    json_decref(e->facts);
    e->facts = json_pack("{s:I, s:I, s:b}", "step", (json_int_t)step, "remaining_steps",
                         (json_int_t)(e->stop - step), "is_last_step", step == e->stop - 1);
    return e->facts == NULL ? err_trace(ERR_NOMEM) : 0;
}

/* The limit counts as the reference's does, before it is known whether there is more to do: a fresh
 * run of m steps needs m + 1. */
static int plan_step(struct exec *e, struct fail *f)
{
    int r;

    if (e->at.step + 1 > e->stop)
        return refuse_more_steps(e, f);
    sched_plan(e->at.sched, &e->plan);
    if (refuse_so_many(e, f))
        return 1;
    r = exec_find_facts(e);
    if (r == 0)
        r = make_tasks(e, f);
    if (r == 0)
        r = emit_checkpoint(e);
    if (r == 0 && e->task_count > 0 && e->tasks[0]->node == NODE_START)
        r = exec_save_write(e, e->tasks[0], WRITE_RESULT, NULL);
    return r == 0 ? call_handlers(e, f) : r;
}

enum exec_step exec_step_plan(struct exec *e)
{
    struct fail f = { 0 };
    int r = plan_step(e, &f);

    e->run->has_planned = true;
    if (r != 0)
        return exec_check(e, r, &f, EXEC_PLAN);
    if (e->task_count == 0) {
        e->end = EXEC_DONE;
        return EXEC_FINISH;
    }
    if (is_all_done(e))
        return exec_check(e, show_replayed(e), &f, EXEC_APPLY);
    if (exec_breaks(e, true))
        return exec_interrupt(e);
    r = show_replayed(e);
    if (r == 0)
        r = show_starts(e);
    return exec_check(e, r, &f, EXEC_START);
}

static int look_into_cache(struct exec *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < e->task_count; i++) {
        struct run_task *t = e->tasks[i];
        if (t->end != TASK_AT_WORK || t->failed != NULL || !t->task.node->cache.is_on)
            continue;
        r = node_cache_find(e->run->runs->cache, t);
        if (r == 0 && t->end == TASK_DONE) {
            t->has_begun = true;
            r = exec_save_write(e, t, WRITE_RESULT, NULL);
            if (r == 0)
                r = emit_update(t);
        }
    }
    return r;
}

/* Tasks end from the loop only, so the count is right even if one has ended inside its start. */
void exec_begin_tasks(struct exec *e)
{
    int64_t most = e->run->max_concurrency;

    for (; e->next_task < e->task_count && !e->is_stopping; e->next_task++) {
        struct run_task *t = e->tasks[e->next_task];
        if (t->has_begun)
            continue;
        if (most > 0 && e->at_work_count >= (size_t)most)
            return;
        t->has_begun = true;
        e->at_work_count++;
        run_task_start(t);
    }
}

static void step_time_passed(void *arg)
{
    struct exec *e = arg;
    struct fail f = { 0 };

    fail_set(&f, FAIL_STEP_TIMEOUT,
             "step %lld did not finish within the step_timeout_ms of %lld of graph \"%s\"",
             (long long)(e->at.step + 1), (long long)e->graph->step_timeout_ms, e->graph->name);
    exec_stop(e, &f);
}

/* Until the last task has ended. */
static int watch_time(struct exec *e)
{
    if (e->graph->step_timeout_ms == 0)
        return 0;
    if (e->step_timer == NULL) {
        int r = loop_timer_new(e->run->runs->services->loop, step_time_passed, e, &e->step_timer);
        if (r != 0)
            return err_trace(r);
    }
    loop_timer_start(e->step_timer, e->graph->step_timeout_ms * 1000);
    return 0;
}

enum exec_step exec_step_start(struct exec *e)
{
    int r = look_into_cache(e);

    if (r == 0)
        r = watch_time(e);
    if (r != 0)
        return exec_check(e, r, NULL, EXEC_START);
    e->run->step_count++;
    exec_begin_tasks(e);
    if (e->at_work_count > 0)
        return EXEC_WAIT;
    if (e->step_timer != NULL)
        loop_timer_stop(e->step_timer);
    return EXEC_APPLY;
}
