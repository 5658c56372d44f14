/*
 * build(): an empty graph, then fields, nodes and edges in this order, because each names what came
 * before. A part with a mistake in it stays in the graph as well as it can, so that what refers to
 * it is not called a mistake, too.
 */
#include "base/err.h"
#include "base/id.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include <string.h>

static bool is_graph_name(const char *name)
{
    size_t len = strlen(name);
    size_t right = strspn(name, GRAPH_NAME_CHARS);
    return len > 0 && len <= GRAPH_NAME_MAX_BYTES && right == len;
}

static int name_graph(struct anabranch_builder *b, struct graph *g)
{
    if (!is_graph_name(b->name))
        builder_problem(b, "/name", "use 1 to 100 letters, digits, \"_\", \".\" and \"-\"",
                        "\"%s\" cannot name a graph", b->name);
    char id[ID_BYTES];
    id_v5(ID_NS_ASSISTANT, b->name, strlen(b->name), id);
    g->name = mem_strdup(b->name);
    g->description = mem_strdup(b->description);
    g->assistant_id = mem_strdup(id);
    g->assistant = json_incref(b->assistant);
    g->context = json_incref(b->context);
    g->recursion_limit = b->recursion_limit;
    g->step_timeout_ms = b->step_timeout_ms;
    bool is_whole = g->name != NULL && g->description != NULL && g->assistant_id != NULL;
    return is_whole ? 0 : err_trace(ERR_NOMEM);
}

static int fill(struct anabranch_builder *b, struct graph *g)
{
    int r = name_graph(b, g);
    if (r == 0)
        r = build_fields(b, g);
    if (r == 0)
        r = build_nodes(b, g);
    g->depth = 1 + b->inner_depth;
    if (r == 0)
        r = build_edges(b, g);
    if (r == 0)
        r = build_links(b, g);
    if (r == 0)
        build_check_reach(b, g);
    g->uses_facts = b->uses_facts;
    g->asks = b->asks;
    return r;
}

int builder_build(struct anabranch_builder *b, struct graph **ret)
{
    if (b->is_built) {
        builder_problem(b, "", "make a new builder", "this builder has built already");
        return ANABRANCH_E_INVALID;
    }
    b->is_built = true;
    struct graph *g = mem_zalloc(sizeof(*g));
    if (g == NULL)
        return err_trace(ERR_NOMEM);
    g->refs = 1;
    int r = fill(b, g);
    if (b->depth == 0) /* else who joins them closes his own list */
        problems_close(&b->problems);
    if (r == 0)
        r = b->problems.fault;
    if (r != 0 || b->problems.count > 0) {
        graph_unref(g);
        return r != 0 ? err_trace(r) : ANABRANCH_E_INVALID;
    }
    *ret = g;
    return 0;
}

int anabranch_builder_build(struct anabranch_builder *b, struct anabranch_graph **ret)
{
    struct graph *g = NULL;
    int r = builder_build(b, &g);
    if (r == 0)
        *ret = graph_publish(g);
    return r;
}
