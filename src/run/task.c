/*
 * One node of one step: its attempts.
 *
 *     begin_attempt -> kind's start() ... finish | fail | deadline | cancel -> attempt_ended
 *          ^                                                                      |
 *          +------------- wait (retry policy) <-----------------------------------+
 *                                                                                 |
 *                                                                          run_task_ended
 *
 * The attempt is an op, and so is the wait between two attempts (on the same struct op, one after
 * the other): cancelling the task is op_cancel() in every state.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "run/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static struct run_task *task_of(struct task *task)
{
    return (struct run_task *)(void *)task;
}

/* ---- what kinds call ---- */

static bool takes_result(const struct run_task *t)
{
    return t->op.state == OP_RUNNING && !t->is_done;
}

static void take_finish(struct task *task, struct update *update)
{
    struct run_task *t = task_of(task);

    if (!takes_result(t)) {
        if (update != NULL)
            update_clear(update);
        return;
    }
    if (update != NULL)
        update_move(&t->update, update);
    t->is_done = true;
    op_finish(&t->op, 0);
}

static void take_fail(struct task *task, struct fail *f)
{
    struct run_task *t = task_of(task);

    if (!takes_result(t)) {
        fail_clear(f);
        return;
    }
    fail_move(&t->fail, f);
    t->is_done = true;
    op_finish(&t->op, 0);
}

static void begin_message(struct task *task, const char *id, const char *model)
{
    if (takes_result(task_of(task)))
        message_begin(task_of(task), id, model);
}

static void take_delta(struct task *task, const struct llm_delta *delta)
{
    if (takes_result(task_of(task)))
        message_delta(task_of(task), delta);
}

static const struct task_ops ops = {
    .finish = take_finish,
    .fail = take_fail,
    .message_begin = begin_message,
    .message_delta = take_delta,
};

/* ---- retry policy ---- */

static double random_fraction(void)
{
    uint32_t bits = 0;

    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
        bits = (uint32_t)clock_mono_us();
    return (double)bits / 4294967296.0;
}

static bool is_retried(const struct retry *retry, const struct fail *f)
{
    if (retry->on_count == 0)
        return fail_is_retryable(f);
    for (size_t i = 0; i < retry->on_count; i++) {
        if (strcmp(retry->on[i], fail_type(f)) == 0)
            return true;
    }
    return false;
}

/* Milliseconds until the next attempt, or -1: there is none. An upstream that asks for more
 * patience than max_ms is not pestered. */
static int64_t retry_delay_ms(const struct run_task *t)
{
    const struct retry *retry = &t->task.node->retry;
    double delay_ms;

    if (t->run->is_stopping || t->attempt_count >= retry->max_attempts ||
        !is_retried(retry, &t->fail))
        return -1;
    if (t->fail.retry_after_ms > retry->max_ms)
        return -1;
    delay_ms = (double)retry->initial_ms * pow(retry->factor, t->attempt_count - 1);
    delay_ms = fmin(delay_ms, (double)retry->max_ms);
    if (retry->has_jitter)
        delay_ms += 1000.0 * random_fraction();
    return (int64_t)fmax(delay_ms, (double)t->fail.retry_after_ms);
}

static void begin_attempt(struct run_task *t);

static void end_wait(void *arg)
{
    struct run_task *t = arg;

    op_finish(&t->op, 0);
}

static void cancel_wait(struct op *op)
{
    struct run_task *t = LIST_OF(op, struct run_task, op);

    loop_timer_stop(t->retry_timer);
    op_finish(op, OP_CANCELLED);
}

static void wait_ended(void *arg, int result)
{
    struct run_task *t = arg;

    /* The run may have stopped between the timer and this call. */
    if (result == 0 && !t->run->is_stopping) {
        begin_attempt(t);
        return;
    }
    t->is_cancelled = true;
    run_task_ended(t);
}

static int begin_wait(struct run_task *t, int64_t delay_ms)
{
    struct loop *loop = t->task.services->loop;

    if (t->retry_timer == NULL && loop_timer_new(loop, end_wait, t, &t->retry_timer) != 0)
        return err_trace(ERR_NOMEM);
    log_info("node_retry", "run", t->run->id, "node", t->task.node->name, "attempt",
             log_int(t->attempt_count), "error", fail_type(&t->fail), "wait_ms", log_int(delay_ms),
             NULL);
    op_start(&t->op, loop, cancel_wait, wait_ended, t);
    loop_timer_start(t->retry_timer, delay_ms * 1000);
    return 0;
}

/* ---- attempts ---- */

static void cancel_attempt(struct op *op)
{
    struct run_task *t = LIST_OF(op, struct run_task, op);

    if (t->task.node->kind->cancel != NULL)
        t->task.node->kind->cancel(&t->task);
    op_finish(op, OP_CANCELLED);
}

static void note_timeout(struct run_task *t)
{
    update_clear(&t->update);
    fail_clear(&t->fail);
    fail_set(&t->fail, FAIL_NODE_TIMEOUT,
             "node \"%s\" did not finish within its timeout_ms of %lld", t->task.node->name,
             (long long)t->task.node->timeout_ms);
}

static void settle(struct run_task *t)
{
    int r = message_settle(t, &t->update, &t->fail);

    if (r < 0)
        fail_set_fault(&t->fail, r);
}

static void attempt_ended(void *arg, int result)
{
    struct run_task *t = arg;

    if (t->task.node->kind->release != NULL)
        t->task.node->kind->release(&t->task);
    t->task.data = NULL;
    if (result == OP_CANCELLED) {
        t->is_cancelled = true;
        run_task_ended(t);
        return;
    }
    if (result == OP_TIMEOUT)
        note_timeout(t);
    if (!fail_is_set(&t->fail))
        settle(t);
    int64_t delay_ms = fail_is_set(&t->fail) ? retry_delay_ms(t) : -1;
    if (delay_ms < 0 || begin_wait(t, delay_ms) != 0)
        run_task_ended(t);
}

static void begin_attempt(struct run_task *t)
{
    const struct node *node = t->task.node;

    t->attempt_count++;
    t->task.attempt = t->attempt_count;
    t->task.has_message = false;
    t->stream = message_stream_unref(t->stream);
    t->is_done = false;
    update_clear(&t->update);
    fail_clear(&t->fail);
    op_start(&t->op, t->task.services->loop, cancel_attempt, attempt_ended, t);
    if (node->timeout_ms > 0 && op_deadline(&t->op, node->timeout_ms) != 0) {
        struct fail f = { 0 };
        fail_set_fault(&f, ERR_NOMEM);
        take_fail(&t->task, &f);
        return;
    }
    node->kind->start(&t->task);
}

/* The same run, step and node give the same id, whatever finished first. */
static void name_task(struct run_task *t)
{
    char name[512];
    int len = snprintf(name, sizeof(name), "%d:%s:__pregel_pull", t->run->step, t->task.node->name);

    id_v5(t->run->id, name, len < (int)sizeof(name) ? (size_t)len : sizeof(name) - 1, t->task_id);
}

void run_task_start(struct run_task *t, struct run *run, const struct planned *planned)
{
    t->run = run;
    t->triggers = planned->triggers;
    t->trigger_count = planned->trigger_count;
    t->task.ops = &ops;
    t->task.services = run->runs->services;
    t->task.graph = run->graph;
    t->task.node = &run->graph->nodes[planned->node];
    t->task.scope = (struct scope){
        .graph = run->graph,
        .state = run->state,
        .context = run->context,
        .configurable = run->configurable,
    };
    t->task.run_id = run->id;
    update_init(&t->update);
    name_task(t);
    begin_attempt(t);
}

void run_task_cancel(struct run_task *t)
{
    op_cancel(&t->op);
}

void run_task_clear(struct run_task *t)
{
    t->retry_timer = loop_timer_free(t->retry_timer);
    t->stream = message_stream_unref(t->stream);
    update_clear(&t->update);
    fail_clear(&t->fail);
}
