#ifndef ANABRANCH_RUN_CHECKPOINT_INSIDE_H
#define ANABRANCH_RUN_CHECKPOINT_INSIDE_H
/* What the files of a checkpoint share, and thread_update.c with them. */
#include "run/checkpoint.h"

int checkpoint_source_find(const char *name); /* -1 = unknown, also for NULL */

/* As checkpoint_apply(), for writes from outside: fired edges and Sends are forgotten, but what
 * joins and deferred nodes have seen stays. */
int checkpoint_apply_outside(struct checkpoint *c, const struct ended_task *tasks, size_t count,
                             const struct state_limits *limits, bool *changed, struct fail *f);

/* As checkpoint_apply(), for the tasks of the plan that count (one bool each); see
 * sched_take_some(). */
int checkpoint_apply_some(struct checkpoint *c, const bool *counts, const struct ended_task *tasks,
                          size_t count, const struct state_limits *limits, struct fail *f);

/* Has this planned task, whose id it is, left anything that makes it one of the step's to
 * LangGraph? That is a result; an answer, even if it asks once more; a failure that its node's
 * handler is to see. */
bool checkpoint_counts(const struct checkpoint *c, const struct planned *p, const char *task_id);

/* The planned tasks that have left something, and the results of those that have one, in canonical
 * order. */
struct finished {
    struct ended_task *tasks;
    struct outcome *outcomes; /* theirs */
    size_t count;
    bool *counts; /* one per planned task: checkpoint_counts() */
    bool has_any; /* one of them does */
};
/* ns: of the graph. Borrows c and plan. 0, CHECKPOINT_E_REFUSED with f (the graph no longer has
 * what a result names), or a fault; deinit in every case. */
int finished_init(struct finished *l, const struct checkpoint *c, const char *ns,
                  const struct plan *plan, struct fail *f);
void finished_deinit(struct finished *l);

#endif
