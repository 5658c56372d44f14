#ifndef ANABRANCH_GRAPH_SCHED_H
#define ANABRANCH_GRAPH_SCHED_H
/*
 * Who runs next: counters only. No state, no clock, no I/O.
 *
 *     sched_start(s)                       __start__ has finished: its edges fire
 *     while (sched_plan(s, &plan), plan.count)
 *         for each task of the plan:  sched_finish(s, node, ...)
 *
 * A node with several fired edges is planned once (LangGraph: trigger once). A join
 * remembers its sources across steps, fires when all have finished, and begins again when it fired.
 * What fires while a step runs is planned in the next. A deferred node waits until nothing else is
 * left to run; then all deferred nodes that fired run together.
 */
#include "graph/graph.h"

struct sched;
int sched_new(const struct graph *g, struct sched **ret); /* borrows g; 0 or ERR_NOMEM */
struct sched *sched_free(struct sched *s);                /* accepts NULL */

/* Nodes chosen by the routes of __start__: node indexes or NODE_END, which are ignored. */
void sched_start(struct sched *s, const int *chosen, size_t chosen_count);
void sched_finish(struct sched *s, int node, const int *chosen, size_t chosen_count);

struct planned {
    int node;
    const char *const *triggers; /* names of what fired, sorted; as long as the plan */
    size_t trigger_count;
};
struct plan {
    const struct planned *tasks; /* by node index; valid until the next sched_plan() */
    size_t count;
};
/* Takes what has fired. Cannot fail: all memory is there since sched_new(). */
void sched_plan(struct sched *s, struct plan *ret);

/* The target of a switch for a value (NULL = absent): node, NODE_END, or NODE_NONE (no case and no
   fallback). Strings compare as they are, other scalars by their JSON text, null and absent as
   "null". */
int route_choose(const struct route *r, const json_t *value);

#endif
