/*
 * What happens when a task has ended, one function per way to end; and what they all have left, in
 * the order in which it counts.
 *
 * A question does not stop the siblings, a failure does. When the last task has ended the step goes
 * the way of the gravest: failure, question, command for the parent, done.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a task has left ---- */

/* Sorts as text like the canonical order: nodes by name, then Sends by index. */
static void write_path(const struct run_task *t, char *out, size_t size)
{
    if (t->kind == PLANNED_PUSH)
        snprintf(out, size, "__pregel_push:%010zu", t->index);
    else
        snprintf(out, size, "__pregel_pull:%s",
                 t->node == NODE_START ? "__start__" : t->task.node->name);
}

int exec_save_write(struct exec *e, struct run_task *t, enum write_kind kind, json_t *take)
{
    char path[512];
    int r = 0;

    if (e->saver.store == NULL) {
        json_decref(take);
        return 0;
    }
    if (kind == WRITE_RESULT)
        r = outcome_json(&t->outcome, e->graph, &take);
    if (r == 0)
        r = checkpoint_set_write_take(&e->at, run_task_id(t), kind, take);
    write_path(t, path, sizeof(path));
    return r == 0 ? saver_put_write(&e->saver, &e->at, run_task_id(t), kind, path) : err_trace(r);
}

static int save_result(struct run_task *t)
{
    return exec_save_write(t->exec, t, WRITE_RESULT, NULL);
}

/* ---- how many Sends a step may make ---- */

static void refuse_sends(size_t count, int64_t max_tasks, struct fail *f)
{
    fail_set(f, FAIL_LIMIT,
             "the tasks of one step make %zu tasks for the next; the setting max_tasks allows %lld",
             count, (long long)max_tasks);
}

int run_check_sends(const struct services *services, const struct ended_task *tasks, size_t count,
                    struct fail *f)
{
    size_t sends = 0;

    for (size_t i = 0; i < count; i++)
        sends += outcome_count_sends(tasks[i].outcome);
    if (sends <= (size_t)services->conf->max_tasks)
        return 0;
    refuse_sends(sends, services->conf->max_tasks, f);
    return CHECKPOINT_E_REFUSED;
}

/* Not only when the step is applied: until then each of its tasks may hold as many as a whole step
 * may make. It is the step that is refused, no task: which one comes last is chance. */
static bool sends_too_many(struct run_task *t)
{
    struct exec *e = t->exec;
    int64_t max_tasks = t->task.services->conf->max_tasks;
    struct fail f = { 0 };

    e->send_count += outcome_count_sends(&t->outcome);
    if (e->send_count <= (size_t)max_tasks)
        return false;
    refuse_sends(e->send_count, max_tasks, &f);
    exec_stop(e, &f);
    return true;
}

/* ---- ways to end ---- */

static int end_done(struct run_task *t)
{
    struct exec *e = t->exec;

    if (t->outcome.parent != NULL)
        return emit_task_end(t);
    if (sends_too_many(t))
        return 0;
    int r = save_result(t);
    if (r != 0)
        return r;
    if (t->cache_key != NULL && t->asked_count == 0) /* an answer is one person's */
        node_cache_keep(e->run->runs->cache, t);
    message_show(t, &t->outcome.update);
    r = emit_update(t);
    return r == 0 ? emit_task_end(t) : r;
}

static int call_handler(struct run_task *t, struct run_task **ret)
{
    struct run_task *handler;

    *ret = NULL;
    if (t->task.node->on_error == NULL || t->failed != NULL || t->exec->is_stopping)
        return 0;
    handler = exec_add_task(t->exec);
    if (handler == NULL)
        return err_trace(ERR_NOMEM);
    int r = run_task_init_handler(handler, t);
    if (r != 0)
        return err_trace(r);
    t->is_handled = true;
    *ret = handler;
    return emit_task_start(handler);
}

static int save_error(struct run_task *t)
{
    json_t *error =
        json_pack("{s:s, s:s}", "name", fail_type(&t->fail), "message", fail_message(&t->fail));

    return error == NULL ? err_trace(ERR_NOMEM) : exec_save_write(t->exec, t, WRITE_ERROR, error);
}

static void stop_for(struct run_task *t)
{
    struct fail f = { 0 };

    fail_copy(&f, &t->fail);
    fail_set_node(&f, t->task.node->name);
    exec_stop(t->exec, &f);
}

/* It is whoever answered that is wrong, not the node: no handler, and no error to remember. */
static int end_refused(struct run_task *t)
{
    int r = answer_withdraw(t);

    if (r == 0)
        r = emit_task_end(t);
    if (r == 0)
        stop_for(t);
    return r;
}

/* The handler is not one of those that wait for their turn: it takes its task's place. */
static int end_failed(struct run_task *t)
{
    struct run_task *handler = NULL;
    int r;

    if (t->is_refused)
        return end_refused(t);
    r = call_handler(t, &handler);

    if (r == 0)
        r = save_error(t);
    if (r == 0)
        r = emit_task_end(t);
    if (r != 0)
        return r;
    if (handler != NULL) {
        handler->has_begun = true;
        t->exec->at_work_count++;
        run_task_start(handler);
        return 0;
    }
    stop_for(t);
    return 0;
}

/* A subgraph that stopped at a breakpoint of its own asks nothing. */
static int end_interrupted(struct run_task *t)
{
    struct exec *e = t->exec;
    int r;

    if (json_array_size(t->interrupts) == 0)
        return 0;
    r = exec_save_write(e, t, WRITE_INTERRUPT, json_incref(t->interrupts));
    if (r == 0 && json_array_size(t->answers) > 0)
        r = exec_save_write(e, t, WRITE_RESUME, json_incref(t->answers));
    if (r == 0)
        r = emit_interrupts(e, t->interrupts);
    return r == 0 ? emit_task_end(t) : r;
}

static int end_cancelled(struct run_task *t)
{
    (void)t; /* nothing of it counts */
    return 0;
}

/* ---- the end of the step ---- */

static bool has_ended_so(const struct exec *e, enum task_end end)
{
    for (size_t i = 0; i < e->task_count; i++) {
        if (e->tasks[i]->end == end && !e->tasks[i]->is_handled)
            return true;
    }
    return false;
}

static int collect_interrupts(struct exec *e)
{
    e->interrupts = json_array();
    for (size_t i = 0; e->interrupts != NULL && i < e->task_count; i++) {
        const struct run_task *t = e->tasks[i];
        if (t->end == TASK_INTERRUPTED && json_array_size(t->interrupts) > 0 &&
            json_array_extend(e->interrupts, t->interrupts) != 0)
            return err_trace(ERR_NOMEM);
    }
    return e->interrupts == NULL ? err_trace(ERR_NOMEM) : 0;
}

static json_t *parent_command(const struct exec *e)
{
    for (size_t i = 0; i < e->task_count; i++) {
        if (e->tasks[i]->outcome.parent != NULL)
            return e->tasks[i]->outcome.parent;
    }
    return NULL;
}

static int leave(struct exec *e, json_t *command, struct fail *f)
{
    if (e->parent == NULL) {
        fail_set(f, FAIL_INVALID_UPDATE, "There is no parent graph for this Command");
        return 1;
    }
    e->parent_command = json_incref(command);
    e->end = EXEC_LEFT;
    return 0;
}

static enum exec_step after_tasks(struct exec *e)
{
    struct fail f = { 0 };
    json_t *command = parent_command(e);

    if (e->is_stopping)
        return EXEC_FINISH;
    if (has_ended_so(e, TASK_INTERRUPTED)) {
        int r = collect_interrupts(e);
        return r == 0 ? exec_interrupt(e) : exec_check(e, r, NULL, EXEC_FINISH);
    }
    if (command != NULL)
        return exec_check(e, leave(e, command, &f), &f, EXEC_FINISH);
    return EXEC_APPLY;
}

void exec_task_ended(struct run_task *t)
{
    static int (*const ends[])(struct run_task *) = {
        [TASK_DONE] = end_done,
        [TASK_FAILED] = end_failed,
        [TASK_INTERRUPTED] = end_interrupted,
        [TASK_CANCELLED] = end_cancelled,
    };
    struct exec *e = t->exec;
    int r = ends[t->end](t);

    if (r != 0)
        exec_stop_fault(e, r);
    e->at_work_count--;
    exec_begin_tasks(e);
    if (e->at_work_count > 0)
        return;
    if (e->step_timer != NULL)
        loop_timer_stop(e->step_timer);
    exec_go_on(e, after_tasks(e));
}

/* ---- canonical order ---- */

/* The task that t stands for. */
static const struct run_task *place_of(const struct run_task *t)
{
    return t->failed != NULL ? t->failed : t;
}

static int compare(const void *a, const void *b)
{
    const struct run_task *x = place_of(*(struct run_task *const *)a);
    const struct run_task *y = place_of(*(struct run_task *const *)b);

    if (x->kind != y->kind)
        return x->kind == PLANNED_PULL ? -1 : 1;
    if (x->kind == PLANNED_PULL)
        return (x->node > y->node) - (x->node < y->node);
    return (x->index > y->index) - (x->index < y->index);
}

static size_t pick(const struct exec *e, struct run_task **out)
{
    size_t count = 0;

    for (size_t i = 0; i < e->task_count; i++) {
        if (e->tasks[i]->end == TASK_DONE)
            out[count++] = e->tasks[i];
    }
    return count;
}

int exec_gather(struct exec *e, struct ended_task **ret, size_t *ret_count)
{
    struct run_task **order MEM_AUTO(mem_freep) =
        mem_array(e->task_count + 1, sizeof(struct run_task *));
    struct ended_task *ended = mem_array(e->task_count + 1, sizeof(*ended));

    if (order == NULL || ended == NULL) {
        mem_free(ended);
        return err_trace(ERR_NOMEM);
    }
    *ret_count = pick(e, order);
    if (*ret_count > 1)
        qsort(order, *ret_count, sizeof(order[0]), compare);
    for (size_t i = 0; i < *ret_count; i++) {
        const struct run_task *t = order[i];
        ended[i].name = t->node == NODE_START ? "__start__" : t->task.node->name;
        ended[i].node = t->node;
        ended[i].outcome = &t->outcome;
    }
    *ret = ended;
    return 0;
}
