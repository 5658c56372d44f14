/*
 * Whether a task that failed is tried again, and the wait before that. The first policy that is for
 * the error decides; all policies of a node count the same attempts.
 *
 * The wait is an op on the task's struct op, between the op of one attempt and that of the next.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "run/internal.h"
#include <math.h>
#include <string.h>
#include <sys/random.h>

/* ---- policies ---- */

static double random_fraction(void)
{
    uint32_t bits = 0;

    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
        bits = (uint32_t)clock_mono_us();
    return (double)bits / 4294967296.0;
}

static bool is_for(const struct retry *retry, const struct fail *f)
{
    if (retry->on_count == 0)
        return fail_is_retryable(f);
    for (size_t i = 0; i < retry->on_count; i++) {
        if (strcmp(retry->on[i], fail_type(f)) == 0)
            return true;
    }
    return false;
}

static const struct retry *find_policy(const struct node *node, const struct fail *f)
{
    for (size_t i = 0; i < node->retry_count; i++) {
        if (is_for(&node->retries[i], f))
            return &node->retries[i];
    }
    return NULL;
}

/* Milliseconds until the next attempt, or -1: there is none. An upstream that asks for more
 * patience than max_ms is not pestered. */
static int64_t delay_of(const struct run_task *t)
{
    const struct retry *retry = find_policy(t->task.node, &t->fail);
    double delay_ms;

    if (t->exec->is_stopping || retry == NULL || t->attempt_count >= retry->max_attempts)
        return -1;
    if (t->fail.retry_after_ms > retry->max_ms)
        return -1;
    delay_ms = (double)retry->initial_ms * pow(retry->factor, t->attempt_count - 1);
    delay_ms = fmin(delay_ms, (double)retry->max_ms);
    if (retry->has_jitter)
        delay_ms += 1000.0 * random_fraction();
    return (int64_t)fmax(delay_ms, (double)t->fail.retry_after_ms);
}

/* ---- the wait ---- */

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
    if (result == 0 && !t->exec->is_stopping) {
        run_task_attempt(t);
        return;
    }
    t->end = TASK_CANCELLED;
    exec_task_ended(t);
}

static int begin_wait(struct run_task *t, int64_t delay_ms)
{
    struct loop *loop = t->task.services->loop;

    if (t->retry_timer == NULL && loop_timer_new(loop, end_wait, t, &t->retry_timer) != 0)
        return err_trace(ERR_NOMEM);
    log_info("node_retry", "run", t->exec->run->id, "node", t->task.node->name, "attempt",
             log_int(t->attempt_count), "error", fail_type(&t->fail), "wait_ms", log_int(delay_ms),
             NULL);
    op_start(&t->op, loop, cancel_wait, wait_ended, t);
    loop_timer_start(t->retry_timer, delay_ms * 1000);
    return 0;
}

bool run_task_retry(struct run_task *t)
{
    int64_t delay_ms = delay_of(t);

    return delay_ms >= 0 && begin_wait(t, delay_ms) == 0;
}
