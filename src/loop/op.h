#ifndef ANABRANCH_LOOP_OP_H
#define ANABRANCH_LOOP_OP_H
/*
 * Anything that takes time is an op: an outgoing request, a timer, a node task, a run. An op is
 * embedded in its object.
 *
 *     op_start(&x->op, loop, x_cancel, on_end, arg)  the provider accepts the work
 *     op_deadline(&x->op, 2000)                      optional
 *     op_cancel(&x->op)                              any number of times, by anybody, ever
 *     op_finish(&x->op, result)                      by the provider; only the first one counts
 *     on_end(arg, result)                            once, from the ready list: in none of these
 *
 * Cancel means "finish soon with OP_CANCELLED": it calls the provider's cancel function once; the
 * provider lets go of what it waits for and calls op_finish (any result; the op reports
 * OP_CANCELLED, or OP_TIMEOUT when the deadline did it). A provider that has nothing to let go of
 * passes NULL, then op_cancel() finishes the op itself.
 *
 * After on_end the op is dead and may be started again. The object that embeds it must live until
 * then: free it from on_end, by loop_free_later(), or when op_is_running() is false.
 *
 * Loop thread only. Results: 0, OP_CANCELLED, OP_TIMEOUT, the provider's own conditions (from 16
 * up), or a fault.
 */
#include "loop/loop.h"

enum { OP_CANCELLED = 1, OP_TIMEOUT = 2, OP_FIRST_OWN = 16 };

enum op_state { OP_IDLE, OP_RUNNING, OP_CANCELLING, OP_FINISHED /* on_end is queued */ };

struct op {
    struct loop *loop;
    enum op_state state;
    int result; /* what on_end will get, once FINISHED */
    int forced; /* OP_CANCELLED or OP_TIMEOUT while CANCELLING */
    void (*cancel)(struct op *op);
    void (*on_end)(void *arg, int result);
    void *arg;
    struct loop_work work;
    struct loop_timer *deadline; /* owned, made on first use, freed when on_end was called */
};

/* A zeroed op is idle. start asserts that it is idle or was ended. */
void op_start(struct op *op, struct loop *loop, void (*cancel)(struct op *),
              void (*on_end)(void *arg, int result), void *arg);
/*
 * Milliseconds from now; 0 = none. Does nothing unless the op is running. ERR_NOMEM: then no
 * deadline is set and the caller should finish the op.
 */
int op_deadline(struct op *op, int64_t deadline_ms);
void op_cancel(struct op *op);
void op_finish(struct op *op, int result);
bool op_is_running(const struct op *op); /* started, and on_end has not been called */

/* Tests only: every op of this thread that finishes is shown to hook before that is told, and gets
 * the result that it answers. NULL switches it off. */
void op_watch(int (*hook)(void *arg, int result), void *arg);

#endif
