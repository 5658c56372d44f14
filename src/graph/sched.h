#ifndef ANABRANCH_GRAPH_SCHED_H
#define ANABRANCH_GRAPH_SCHED_H
/*
 * Who runs next: marks and counters. No clock, no I/O; of values it only carries the arguments of
 * Sends.
 *
 *     sched_begin(s)                            an input waits: __start__ runs alone
 *     while (sched_plan(s, &plan), plan.count)
 *         ... the tasks run ...
 *         sched_take(s)                         what the plan was made of is used up
 *         for each task: sched_fire(s, node, targets, count)
 *         sched_settle(s)                       nothing fired: deferred nodes are released
 *
 * A plan is only looked at until sched_take(): the same marks give the same plan, so they can be
 * stored while its tasks run, and planned again by who loads them.
 *
 * A node with several fired edges is planned once (LangGraph: trigger once); each Send is a task of
 * its own. A join remembers its sources across steps, fires when all have finished, and begins
 * again when it fired. What fires while a step runs is planned in the next. A deferred node that
 * has fired waits until a step ends in which no edge fired; then all of them are released.
 * Sends do not count there, as in LangGraph.
 */
#include "graph/graph.h"
#include "graph/outcome.h"

struct sched;
int sched_new(const struct graph *g, struct sched **ret); /* borrows g; 0 or ERR_NOMEM */
struct sched *sched_free(struct sched *s);                /* accepts NULL */
/* Another one with the same marks. 0 or ERR_NOMEM. */
int sched_copy(const struct sched *s, struct sched **ret);

/* What is planned is dropped (joins that were full begin again), and __start__ is to run. */
void sched_begin(struct sched *s);

enum planned_kind { PLANNED_PULL /* an edge fired */, PLANNED_PUSH /* a Send */ };
struct planned {
    enum planned_kind kind;
    int node;                    /* NODE_START: the hidden task that takes the input */
    struct value *arg;           /* PUSH: the input; borrowed from s */
    size_t index;                /* PUSH: its place among the Sends */
    const char *const *triggers; /* names of what fired, sorted ("__pregel_push" for a Send) */
    size_t trigger_count;
};
struct plan {
    const struct planned *tasks; /* Sends by index, then nodes by name */
    size_t count;
};
/* Valid until the next call of another function on s. Changes no mark. Cannot fail. */
void sched_plan(struct sched *s, struct plan *ret);
/* Uses up what the plan was made of: fired edges, full joins, released nodes, Sends. */
void sched_take(struct sched *s);
/* The same for some tasks of the plan (one bool each): to LangGraph only they were in the step. Of
 * the others fired edges and Sends are forgotten, but full joins and released nodes stay. */
void sched_take_some(struct sched *s, const bool *taken);
/* node (or NODE_START) has finished: its plain edges and joins fire, and the targets that its
   outcome names. node NODE_NONE: the targets only. 0 or ERR_NOMEM, then nothing has changed. */
int sched_fire(struct sched *s, int node, const struct target *targets, size_t count);
/* Makes room for as many Sends in all as the fires up to the next settle may bring, so that they
   cannot fail. 0 or ERR_NOMEM. */
int sched_reserve(struct sched *s, size_t send_count);
/* The step is over. If no edge or full join of an ordinary node fired in it, deferred nodes are
 * released. Called again with no take, fire or forget between, it does nothing. */
void sched_settle(struct sched *s);
/* As an update from outside does in LangGraph: fired edges and Sends are forgotten; what joins and
 * deferred nodes have seen stays. */
void sched_forget(struct sched *s);

/* Who has run last, for an update that names nobody. The node or NODE_START; NODE_NONE: nobody has
 * run, or several in the same step (*is_ambiguous). As in LangGraph, what was sent does not count,
 * and of two that run together the one whose edge fired later is the newer. */
int sched_newest(const struct sched *s, bool *is_ambiguous);

/* All marks as a JSON object, by name. What lives for a run only is left out of the Sends. Sticky
 * error in out. */
void sched_encode(const struct sched *s, struct buf *out);
enum { SCHED_E_REFUSED = 1 };
/* The other way. Shares parts of json, which nobody may change any more. A node or join that the
 * graph no longer has but that is marked: SCHED_E_REFUSED, f names it (FAIL_INVALID_UPDATE).
 * is_lenient: such marks are dropped. 0 or a fault (ERR_SYSTEM: json is damaged). */
int sched_decode(const struct graph *g, const json_t *json, bool is_lenient, struct sched **ret,
                 struct fail *f);

#endif
