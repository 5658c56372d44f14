/* `graph`: another graph as a node. What it reads is graph/subgraph_build.h; the run layer makes
 * the child's run and ends the task with what comes out of it. */
#include "graph/subgraph_build.h"
#include "node/node.h"

static int configure(struct setup *s, void **ret_config)
{
    (void)ret_config; /* the node's `subgraph` says everything */
    return subgraph_read(s);
}

const struct node_kind node_graph = {
    .name = "graph",
    .summary = "Runs another graph and takes over what it leaves in the fields they share.",
    .configure = configure,
    .start = task_subgraph_start,
    .cancel = task_subgraph_cancel,
};
