#ifndef ANABRANCH_GRAPH_PARSE_H
#define ANABRANCH_GRAPH_PARSE_H
/* A graph file (docs/graphs.md) read into a graph, through the same builder calls that C programs
 * use. */
#include "graph/build.h"

enum { PARSE_E_WRONG = 1 };
/*
 * bytes: the file, borrowed for the call. file: for messages; the graph's name is its base name
 * without ending unless the file says otherwise. kinds: the kinds in it must outlive the graph.
 *
 * problems: every mistake is added, and the list of them closed. ret: a reference; untouched on
 * failure. Returns 0, PARSE_E_WRONG (a mistake was added), or a fault.
 */
int graph_parse(const struct kind_table *kinds, const struct builder_limits *limits,
                const char *file, const char *bytes, size_t len_bytes, struct problems *problems,
                struct graph **ret);

#endif
