#ifndef ANABRANCH_NODE_MODELS_H
#define ANABRANCH_NODE_MODELS_H
/* Which models a graph will call, as far as its file says so: for warnings at start. */
#include "node/node.h"

/*
 * Calls seen for every model that a node of the graph, or of a graph inside it, names as a
 * constant, and for the setting default_model where a node names none. A model that is a template
 * is known only when the node runs.
 */
void graph_each_model(const struct graph *g, const struct conf *conf,
                      void (*seen)(void *arg, const char *node, const char *model), void *arg);

#endif
