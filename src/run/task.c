/*
 * One node of one step: its attempts.
 *
 *     run_task_attempt -> kind's start() ... end | deadline | silence | cancel -> attempt_ended
 *          ^                                                                         |
 *          +------------------------ wait (retry.c) <--------------------------------+
 *                                                                                    |
 *                                                                             exec_task_ended
 *
 * The attempt is an op, and so is the wait between two attempts (on the same struct op, one after
 * the other): cancelling the task is op_cancel() in every state. What follows the node (its
 * messages' ids, its routes) belongs to the attempt: if it fails, the attempt has failed.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include <string.h>

static struct run_task *task_of(struct task *task)
{
    return (struct run_task *)(void *)task;
}

bool run_task_takes_result(const struct run_task *t)
{
    return t->op.state == OP_RUNNING && t->end == TASK_AT_WORK;
}

void run_task_end(struct run_task *t)
{
    op_finish(&t->op, 0);
}

/* ---- what kinds call ---- */

/* What a subgraph's tasks do is progress of the task that it is. is_beat: the task says so itself;
 * else it is seen to do something. */
static void restart_idle_timers(struct run_task *t, bool is_beat)
{
    for (; t != NULL; t = t->exec->parent) {
        const struct node *node = t->task.node;
        if (t->idle_timer == NULL || !run_task_takes_result(t))
            continue;
        if (is_beat || !node->hears_beats_only)
            loop_timer_start(t->idle_timer, node->idle_timeout_ms * 1000);
    }
}

static void take_beat(struct task *task)
{
    restart_idle_timers(task_of(task), true);
}

static void note_progress(struct task *task)
{
    restart_idle_timers(task_of(task), false);
}

static void take_finish(struct task *task, struct outcome *outcome)
{
    struct run_task *t = task_of(task);

    if (!run_task_takes_result(t)) {
        if (outcome != NULL)
            outcome_clear(outcome);
        return;
    }
    if (outcome != NULL)
        outcome_move(&t->outcome, outcome);
    t->end = TASK_DONE;
    run_task_end(t);
}

static void take_fail(struct task *task, struct fail *f)
{
    struct run_task *t = task_of(task);

    if (!run_task_takes_result(t)) {
        fail_clear(f);
        return;
    }
    fail_move(&t->fail, f);
    t->end = TASK_FAILED;
    run_task_end(t);
}

static void take_custom(struct task *task, json_t *value)
{
    if (run_task_takes_result(task_of(task)))
        (void)emit_custom(task_of(task), value); /* without memory the event is lost */
    note_progress(task);
    json_decref(value);
}

static void begin_message(struct task *task, const char *id, const char *model)
{
    if (run_task_takes_result(task_of(task)))
        message_begin(task_of(task), id, model);
    note_progress(task);
}

static void take_delta(struct task *task, const struct llm_delta *delta)
{
    if (run_task_takes_result(task_of(task)))
        message_delta(task_of(task), delta);
    note_progress(task);
}

static void open_message(struct task *task, const char *id, const char *model)
{
    if (run_task_takes_result(task_of(task)))
        message_open(task_of(task), id, model);
    note_progress(task);
}

static void use_message(struct task *task, const char *id)
{
    if (run_task_takes_result(task_of(task)))
        message_use(task_of(task), id);
}

static void close_message(struct task *task, const char *id)
{
    if (run_task_takes_result(task_of(task)))
        message_close(task_of(task), id);
    note_progress(task);
}

static const char *give_id(struct task *task)
{
    return run_task_id(task_of(task));
}

static const char *give_ns(struct task *task)
{
    return run_task_ns(task_of(task));
}

static const struct task_ops ops = {
    .id = give_id,
    .ns = give_ns,
    .finish = take_finish,
    .fail = take_fail,
    .ask = run_task_ask,
    .custom = take_custom,
    .progress = take_beat,
    .subgraph_start = run_task_subgraph_start,
    .subgraph_cancel = run_task_subgraph_cancel,
    .message_begin = begin_message,
    .message_delta = take_delta,
    .message_open = open_message,
    .message_use = use_message,
    .message_close = close_message,
};

/* ---- attempts ---- */

/* A subgraph ends the op itself, when it has let go of everything. */
static void cancel_attempt(struct op *op)
{
    struct run_task *t = LIST_OF(op, struct run_task, op);

    if (t->task.node->kind->cancel != NULL)
        t->task.node->kind->cancel(&t->task);
    if (t->child == NULL)
        op_finish(op, OP_CANCELLED);
}

static void note_timeout(struct run_task *t, const char *which, int64_t limit_ms)
{
    outcome_clear(&t->outcome);
    fail_clear(&t->fail);
    fail_set(&t->fail, FAIL_NODE_TIMEOUT, "node \"%s\" did not %s within its %s of %lld",
             t->task.node->name,
             strcmp(which, "timeout_ms") == 0 ? "finish" : "show a sign of progress", which,
             (long long)limit_ms);
    t->end = TASK_FAILED;
}

static void silence_passed(void *arg)
{
    struct run_task *t = arg;

    if (!run_task_takes_result(t))
        return;
    note_timeout(t, "idle_timeout_ms", t->task.node->idle_timeout_ms);
    op_cancel(&t->op);
}

static void end_cancelled(struct run_task *t)
{
    t->end = TASK_CANCELLED;
    exec_task_ended(t);
}

static void let_go(struct run_task *t)
{
    if (t->exec->parent != NULL)
        note_progress(&t->exec->parent->task);
    if (t->idle_timer != NULL)
        loop_timer_stop(t->idle_timer);
    if (t->task.node->kind->release != NULL)
        t->task.node->kind->release(&t->task);
    t->task.data = NULL;
}

static void attempt_ended(void *arg, int result)
{
    struct run_task *t = arg;
    bool was_silent = result == OP_CANCELLED && t->end == TASK_FAILED && !t->exec->is_stopping;

    let_go(t);
    if (result == OP_CANCELLED && !was_silent) {
        end_cancelled(t);
        return;
    }
    if (result == OP_TIMEOUT)
        note_timeout(t, "timeout_ms", t->task.node->timeout_ms);
    if (t->end == TASK_DONE)
        run_task_settle(t);
    if (t->end != TASK_FAILED || t->is_refused || !run_task_retry(t))
        exec_task_ended(t);
}

static int watch_time(struct run_task *t)
{
    const struct node *node = t->task.node;
    int r = 0;

    if (node->timeout_ms > 0)
        r = op_deadline(&t->op, node->timeout_ms);
    if (r == 0 && node->idle_timeout_ms > 0 && t->idle_timer == NULL)
        r = loop_timer_new(t->task.services->loop, silence_passed, t, &t->idle_timer);
    if (r == 0 && t->idle_timer != NULL)
        loop_timer_start(t->idle_timer, node->idle_timeout_ms * 1000);
    return r;
}

void run_task_attempt(struct run_task *t)
{
    const struct node *node = t->task.node;

    t->attempt_count++;
    t->task.attempt = t->attempt_count;
    t->task.has_message = false;
    message_forget(t);
    t->asked_count = 0;
    t->end = TASK_AT_WORK;
    outcome_clear(&t->outcome);
    fail_clear(&t->fail);
    op_start(&t->op, t->task.services->loop, cancel_attempt, attempt_ended, t);
    int r = watch_time(t);
    if (r != 0) {
        struct fail f = { 0 };
        fail_set_fault(&f, r);
        take_fail(&t->task, &f);
        return;
    }
    node->kind->start(&t->task);
}

void run_task_start(struct run_task *t)
{
    if (t->exec->parent != NULL)
        note_progress(&t->exec->parent->task);
    run_task_attempt(t);
}

void run_task_cancel(struct run_task *t)
{
    op_cancel(&t->op);
}

/* ---- life ---- */

static void set_scope(struct run_task *t)
{
    const struct run *run = t->exec->run;

    t->task.scope = (struct scope){
        .graph = t->exec->graph,
        .state = t->exec->at.state,
        .context = run->context,
        .configurable = run->configurable,
        .facts = t->exec->facts,
        .input = t->arg == NULL ? NULL : value_json(t->arg),
    };
}

static void init(struct run_task *t, struct exec *e, const struct planned *p)
{
    t->exec = e;
    t->kind = p->kind;
    t->node = p->node;
    t->index = p->index;
    t->arg = p->arg == NULL ? NULL : value_ref(p->arg);
    t->triggers = p->triggers;
    t->trigger_count = p->trigger_count;
    t->task.ops = &ops;
    t->task.services = e->run->runs->services;
    t->task.graph = e->graph;
    t->task.run_id = e->run->id;
    set_scope(t);
}

void run_task_init(struct run_task *t, struct exec *e, const struct planned *p)
{
    t->task.node = p->node == NODE_START ? NULL : &e->graph->nodes[p->node];
    init(t, e, p);
}

static json_t *error_of(const struct run_task *failed)
{
    return json_pack("{s:{s:s, s:s, s:s}}", "error", "type", fail_type(&failed->fail), "message",
                     fail_message(&failed->fail), "node", failed->task.node->name);
}

/* A handler sees what its task saw, and why that failed. Its id hangs on the task's. */
int run_task_init_handler(struct run_task *t, struct run_task *failed)
{
    static const char *const trigger = "__pregel_push";
    struct planned p = { .kind = PLANNED_PUSH,
                         .node = failed->node,
                         .arg = failed->arg,
                         .triggers = &trigger,
                         .trigger_count = 1 };

    init(t, failed->exec, &p);
    t->task.node = failed->task.node->on_error;
    t->failed = failed;
    t->node = NODE_NONE;
    t->error = error_of(failed);
    t->task.scope.extra = t->error;
    return t->error == NULL ? err_trace(ERR_NOMEM) : 0;
}

void run_task_deinit(struct run_task *t)
{
    t->retry_timer = loop_timer_free(t->retry_timer);
    t->idle_timer = loop_timer_free(t->idle_timer);
    message_forget(t);
    outcome_clear(&t->outcome);
    fail_clear(&t->fail);
    value_unref(t->arg);
    json_decref(t->answers);
    json_decref(t->plain_answer);
    json_decref(t->interrupts);
    json_decref(t->cache_key);
    json_decref(t->error);
    mem_free(t->ns);
}
