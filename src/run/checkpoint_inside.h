#ifndef ANABRANCH_RUN_CHECKPOINT_INSIDE_H
#define ANABRANCH_RUN_CHECKPOINT_INSIDE_H
/* What the files of a checkpoint share, and thread_update.c with them. */
#include "run/checkpoint.h"

int checkpoint_source_find(const char *name); /* -1 = unknown, also for NULL */

/* As checkpoint_apply(), for writes from outside: fired edges and Sends are forgotten, but what
 * joins and deferred nodes have seen stays. */
int checkpoint_apply_outside(struct checkpoint *c, const struct ended_task *tasks, size_t count,
                             const struct state_limits *limits, bool *changed, struct fail *f);

/* The planned tasks that have left a result, in canonical order. */
struct finished {
    struct ended_task *tasks;
    struct outcome *outcomes; /* theirs */
    size_t count;
    size_t answered_count; /* beside them: tasks that have got an answer, and ask once more */
};
/* ns: of the graph. Borrows c and plan. 0, CHECKPOINT_E_REFUSED with f (the graph no longer has
 * what a result names), or a fault; deinit in every case. */
int finished_init(struct finished *l, const struct checkpoint *c, const char *ns,
                  const struct plan *plan, struct fail *f);
void finished_deinit(struct finished *l);

#endif
