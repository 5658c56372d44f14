#ifndef ANABRANCH_GRAPH_WAYS_H
#define ANABRANCH_GRAPH_WAYS_H
/* The ways of a graph from node to node, as drawings show them. */
#include "graph/graph.h"

struct way {
    int from; /* a node, or NODE_START */
    int to;   /* a node, or NODE_END */
    bool is_conditional;
    const char *word;  /* in front of the label; or NULL */
    const char *label; /* a case, what it is that is sent, "default", "on error"; or NULL */
};
/* Shows the ways from __start__, then those of each node in canonical order. A way ends where
 * nothing follows. */
void graph_each_way(const struct graph *g, void (*seen)(void *arg, const struct way *way),
                    void *arg);

#endif
