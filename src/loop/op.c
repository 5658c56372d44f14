/*
 * The life of an op:
 *
 *     IDLE --start--> RUNNING --finish------------------> FINISHED --ready list--> IDLE, on_end
 *                        |                                   ^
 *                        +--cancel, deadline--> CANCELLING --+ finish
 *
 * CANCELLING is finished by the provider, or at once where there is no cancel function.
 */
#include "loop/op.h"
#include "base/err.h"
#include <assert.h>

enum { US_PER_MS = 1000 };

/* Test hook, see op_watch(). */
static _Thread_local int (*watch_hook)(void *arg, int result);
static _Thread_local void *watch_arg;

/* Everything is read before the call: on_end may free the op, or start it again. */
static void end(void *arg)
{
    struct op *op = arg;
    assert(op->state == OP_FINISHED);
    op->deadline = loop_timer_free(op->deadline);
    op->state = OP_IDLE;
    loop_op_dead(op->loop);
    op->on_end(op->arg, op->result);
}

void op_start(struct op *op, struct loop *loop, void (*cancel)(struct op *),
              void (*on_end)(void *arg, int result), void *arg)
{
    assert(op->state == OP_IDLE);
    *op = (struct op){
        .loop = loop, .state = OP_RUNNING, .cancel = cancel, .on_end = on_end, .arg = arg
    };
    loop_work_init(&op->work, end, op);
    loop_op_born(loop);
}

static void force(struct op *op, int reason)
{
    if (op->state != OP_RUNNING)
        return;
    op->state = OP_CANCELLING;
    op->forced = reason;
    if (op->cancel != NULL)
        op->cancel(op);
    else
        op_finish(op, reason);
}

static void on_deadline(void *arg)
{
    force(arg, OP_TIMEOUT);
}

int op_deadline(struct op *op, int64_t deadline_ms)
{
    assert(deadline_ms >= 0);
    if (op->state != OP_RUNNING)
        return 0;
    if (deadline_ms == 0) {
        op->deadline = loop_timer_free(op->deadline);
        return 0;
    }
    if (op->deadline == NULL) {
        int r = loop_timer_new(op->loop, on_deadline, op, &op->deadline);
        if (r != 0)
            return err_trace(r);
    }
    loop_timer_start(op->deadline,
                     deadline_ms < INT64_MAX / US_PER_MS ? deadline_ms * US_PER_MS : INT64_MAX);
    return 0;
}

void op_cancel(struct op *op)
{
    force(op, OP_CANCELLED);
}

void op_finish(struct op *op, int result)
{
    if (!op_is_running(op) || op->state == OP_FINISHED)
        return;
    op->result = op->state == OP_CANCELLING ? op->forced : result;
    if (watch_hook != NULL)
        op->result = watch_hook(watch_arg, op->result);
    op->state = OP_FINISHED;
    loop_ready(op->loop, &op->work);
}

bool op_is_running(const struct op *op)
{
    return op->state != OP_IDLE;
}

void op_watch(int (*hook)(void *arg, int result), void *arg)
{
    watch_hook = hook;
    watch_arg = arg;
}
