/* Names of nodes, wherever one node speaks of another. */
#include "base/mem.h"
#include "graph/builder.h"
#include <string.h>

enum { END_COUNT = 2 };

/* What the reference keeps beside the names with "__" in front: where a run is configured, its
 * channels and its settings share one object. */
static const char *const reserved[] = { "configurable", "checkpoint_id", "checkpoint_ns",
                                        "checkpoint_map", "langsmith:hidden" };

const char *builder_reserved_fault(const char *name)
{
    for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
        if (strcmp(reserved[i], name) == 0)
            return "this name is reserved for the engine";
    return NULL;
}

static int find_end(const char *name)
{
    if (strcmp(name, "__start__") == 0 || strcmp(name, "START") == 0)
        return NODE_START;
    if (strcmp(name, "__end__") == 0 || strcmp(name, "END") == 0)
        return NODE_END;
    return NODE_NONE;
}

/* end_count: whether __start__ and __end__ would be right, too. */
static int problem_node(struct anabranch_builder *b, const struct graph *g, const char *at,
                        const char *name, size_t end_count)
{
    const char **names MEM_AUTO(mem_freep) = mem_array(g->node_count + END_COUNT, sizeof(*names));
    if (names == NULL) {
        builder_note_fault(b);
        return NODE_NONE;
    }
    for (size_t i = 0; i < g->node_count; i++)
        names[i] = g->nodes[i].name;
    names[g->node_count] = "__start__";
    names[g->node_count + 1] = "__end__";
    const char *nearest =
        builder_problem_unknown(b, at, "node", name, names, g->node_count + end_count);
    return nearest == NULL ? NODE_NONE : graph_find_node(g, nearest);
}

static int find_any(struct anabranch_builder *b, const struct graph *g, const char *at,
                    const char *name)
{
    int node = find_end(name);
    if (node == NODE_NONE)
        node = graph_find_node(g, name);
    return node == NODE_NONE ? problem_node(b, g, at, name, END_COUNT) : node;
}

int build_find_source(struct anabranch_builder *b, const struct graph *g, const char *at,
                      const char *name)
{
    int node = find_any(b, g, at, name);
    if (node != NODE_END)
        return node;
    builder_problem(b, at, NULL, "nothing can follow __end__");
    return NODE_NONE;
}

int build_find_target(struct anabranch_builder *b, const struct graph *g, const char *at,
                      const char *name)
{
    int node = find_any(b, g, at, name);
    if (node != NODE_START)
        return node;
    builder_problem(b, at, NULL, "nothing can lead to __start__");
    return NODE_NONE;
}

int build_find_node(struct anabranch_builder *b, const struct graph *g, const char *at,
                    const char *name)
{
    int node = graph_find_node(g, name);
    return node == NODE_NONE ? problem_node(b, g, at, name, 0) : node;
}
