#ifndef ANABRANCH_RUN_THREAD_H
#define ANABRANCH_RUN_THREAD_H
/*
 * A thread between its runs: look at its state and history, change its state. Each verb is an op.
 * Rules: LangGraph's getState, getStateHistory, updateState and bulkUpdateState.
 *
 * Loop thread only.
 */
#include "run/run.h"

struct thread_op {
    struct op op; /* first member */
    void *own;
};

/* Which place. Strings are copied. */
struct thread_place {
    struct graph *graph; /* the root's; a reference is taken */
    const char *thread_id;
    const char *ns;            /* "" = root; else a subgraph's, with task ids */
    const char *checkpoint_id; /* NULL = the latest */
};

/* What ends the ops: 0; THREAD_E_REFUSED, f says why (FAIL_NOT_FOUND: a checkpoint id that the
 * thread does not have); OP_CANCELLED; or a fault. */
enum { THREAD_E_REFUSED = OP_FIRST_OWN };

/* *ret: a new reference; form: checkpoint_snapshot(). subgraphs: the `state` of tasks that are
 * subgraphs is their snapshot. A thread that is not known: an empty one. */
void thread_get_state(struct runs *runs, struct thread_op *o, const struct thread_place *place,
                      bool subgraphs, json_t **ret, struct fail *f,
                      void (*on_end)(void *arg, int result), void *arg);

struct thread_history {
    size_t limit;         /* 0 = all */
    const char *before;   /* a checkpoint id of the thread, in any namespace; or NULL */
    const json_t *filter; /* object that the metadata must contain, or NULL */
    size_t max_bytes;     /* of what is stored of them; more is refused (FAIL_LIMIT); 0 = any */
};
/* *ret: an array of snapshots, newest first. */
void thread_get_history(struct runs *runs, struct thread_op *o, const struct thread_place *place,
                        const struct thread_history *how, json_t **ret, struct fail *f,
                        void (*on_end)(void *arg, int result), void *arg);

/*
 * Writes from outside. supersteps: an array of arrays of {"values", "as_node"?}: one checkpoint per
 * inner array; [[{...}]] is update_state. as_node: a node, "__input__", "__end__" (with null
 * values), "__copy__"; missing: who ran last. values null without as_node: the same again.
 * *ret: {"configurable": {thread_id, checkpoint_ns, checkpoint_id}} of the last one.
 * Refused while a run is at work on the thread (FAIL_CONFLICT).
 */
void thread_update_state(struct runs *runs, struct thread_op *o, const struct thread_place *place,
                         const json_t *supersteps, json_t **ret, struct fail *f,
                         void (*on_end)(void *arg, int result), void *arg);

/* Forgets everything of the thread. Refused while a run is at work on it. */
void thread_delete(struct runs *runs, struct thread_op *o, const char *thread_id, struct fail *f,
                   void (*on_end)(void *arg, int result), void *arg);

#endif
