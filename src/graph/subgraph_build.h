#ifndef ANABRANCH_GRAPH_SUBGRAPH_BUILD_H
#define ANABRANCH_GRAPH_SUBGRAPH_BUILD_H
/*
 * The fields of a node that is a graph:
 *
 *     {"kind": "graph", "graph": "research" or a whole graph, "persistence": "invocation",
 *      "in": {"topic": "question.text"}, "out": {"notes": "report"}}
 *
 * A name is looked for in the builder's graphs (builder_graphs()). Checked: the graph, which may be
 * nested SUBGRAPH_MAX_DEPTH deep; that paths and the names on both sides of a mapping exist; that
 * fields shared by name have the same type.
 */
#include "graph/setup.h"

/* Reads them, and sets the node's subgraph unless there was a mistake. 0 or a fault. */
int subgraph_read(struct setup *s);

#endif
