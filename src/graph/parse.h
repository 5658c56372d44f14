#ifndef ANABRANCH_GRAPH_PARSE_H
#define ANABRANCH_GRAPH_PARSE_H
/* A graph file (docs/graphs.md) read into a graph, through the same builder calls that C programs
 * use. */
#include "graph/build.h"

enum { PARSE_E_WRONG = 1 };
/*
 *   file      for messages; the graph's name is its base name without ending unless the file says
 * otherwise. problems  every mistake. Returns 0, PARSE_E_WRONG, or a fault.
 */
int graph_parse(const struct kind_table *kinds, const struct builder_limits *limits,
                const char *file, const char *bytes, size_t len_bytes, struct problems *problems,
                struct graph **ret);

#endif
