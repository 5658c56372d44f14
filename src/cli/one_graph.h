#ifndef ANABRANCH_CLI_ONE_GRAPH_H
#define ANABRANCH_CLI_ONE_GRAPH_H
/* The graph that `run` and `draw` are asked for: a name among the graphs of the settings, or a
 * graph file. */
#include "cli/cli.h"

/* *ret: a reference for the caller. Prints what is wrong. Returns EXIT_OK, EXIT_WRONG or
 * EXIT_FAILED. */
int one_graph_load(const struct conf *conf, const struct kind_table *kinds, const char *name,
                   struct graph **ret);

#endif
