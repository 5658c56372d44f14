#ifndef ANABRANCH_GRAPH_PARSE_H
#define ANABRANCH_GRAPH_PARSE_H
/* A graph file (docs/graphs.md) read into a graph, through the same builder calls that C programs
 * use. */
#include "graph/build.h"

struct setup;

/* All is borrowed for the call, but the kinds in `kinds` must outlive the graph. */
struct parse_tools {
    const struct kind_table *kinds;
    const struct builder_limits *limits;
    const struct graph_source *graphs; /* those that nodes may name; NULL = none */
    const struct code_source *language; /* where scripts come from; NULL = nowhere */
};

enum { PARSE_E_WRONG = 1 };
/*
 * bytes: the file, borrowed for the call. file: for messages; the graph's name is its base name
 * without ending unless the file says otherwise.
 *
 * problems: every mistake is added, and the list of them closed. ret: a reference; untouched on
 * failure. Returns 0, PARSE_E_WRONG (a mistake was added), or a fault.
 */
int graph_parse_with(const struct parse_tools *with, const char *file, const char *bytes,
                     size_t len_bytes, struct problems *problems, struct graph **ret);
/* The same where no node may name another graph. */
int graph_parse(const struct kind_table *kinds, const struct builder_limits *limits,
                const char *file, const char *bytes, size_t len_bytes, struct problems *problems,
                struct graph **ret);

/* What the graph in a file is called, as far as the file can be read. For mem_free(); NULL: no
 * memory. */
char *graph_peek_name(const char *file, const char *bytes, size_t len_bytes, int max_depth);

/*
 * The graph at `key` of a node: an object, read like a file. Mistakes are told at their places
 * below the node. *ret: a reference, or NULL after a mistake. 0 or a fault.
 */
int graph_parse_inside(struct setup *s, const char *key, struct graph **ret);

#endif
