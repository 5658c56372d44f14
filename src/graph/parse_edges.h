#ifndef ANABRANCH_GRAPH_PARSE_EDGES_H
#define ANABRANCH_GRAPH_PARSE_EDGES_H
/* The "edges" of a graph file, for parse.c only: every form of docs/graphs.md becomes a public
 * builder call. */
#include "graph/setup.h"

/* Reads the key "edges" of the file's object. 0 (mistakes are noted in the builder) or ERR_NOMEM.
 */
int parse_edges(struct setup *top);

#endif
