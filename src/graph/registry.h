#ifndef ANABRANCH_GRAPH_REGISTRY_H
#define ANABRANCH_GRAPH_REGISTRY_H
/* The graphs that a server knows, by name and by the id of their system assistant. */
#include "base/buf.h"
#include "graph/graph.h"

/* Begins zeroed. */
struct registry {
    struct graph **graphs; /* sorted by name; a reference to each */
    size_t count;
};

enum { REGISTRY_E_TAKEN = 1 };
/* Takes a reference of its own. Returns 0, REGISTRY_E_TAKEN (a graph of that name is there), or
 * ERR_NOMEM. */
int registry_add(struct registry *r, struct graph *graph);
void registry_deinit(struct registry *r);
/* name: a graph's name or an assistant id. Borrowed; NULL = unknown. */
struct graph *registry_find(const struct registry *r, const char *name);
/* "chat, panel, sequential", or "none": for messages. At most 20 names, then "...". */
void registry_names(const struct registry *r, struct buf *out);

#endif
