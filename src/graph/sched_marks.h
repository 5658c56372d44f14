#ifndef ANABRANCH_GRAPH_SCHED_MARKS_H
#define ANABRANCH_GRAPH_SCHED_MARKS_H
/* The marks themselves, for sched.c and sched_code.c only. sched.c says what they mean. */
#include "graph/sched.h"

enum mark {
    MARK_NONE,
    MARK_ARMED, /* a deferred node that has fired and is not released yet */
    MARK_READY
};

struct node_marks {
    enum mark mark;
    int64_t fired_at; /* version of the mark */
    int64_t ran_at;   /* version of the newest trigger that the node has used up; 0 = none */
};

struct waiting {
    const struct join *join;
    bool *seen; /* per source; a part of sched.seen */
    size_t missing_count;
    bool is_ready; /* none is missing, and a deferred target is released */
    int64_t full_at;
};

struct sched {
    const struct graph *graph;
    int64_t version; /* of the marks that are set now */
    bool is_settled; /* whoever fires next begins a new version */
    bool has_fired;  /* an ordinary node has become ready since the round began */

    struct node_marks *nodes; /* per node, and behind them __start__ */
    struct waiting *joins;    /* as in the graph */
    bool *seen;               /* of all joins, one after the other */
    size_t seen_count;
    struct target *sends;
    size_t send_count;
    size_t send_cap;

    struct waiting **by_target; /* the joins by target, then by trigger */
    struct planned *planned;    /* room for every Send, every node and __start__ */
    const char **triggers;      /* room for every edge mark and every join */
};

static inline struct node_marks *sched_marks(const struct sched *s, int node)
{
    return &s->nodes[node == NODE_START ? (int)s->graph->node_count : node];
}

/* The source has finished, as far as this join goes. */
void waiting_see(struct waiting *w, size_t source);

#endif
