/* What an assistant's graph looks like: as a drawing, as schemas, and the graphs inside it. */
#include "api/about.h"
#include "api/on_assistant.h"
#include "api/query.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/draw.h"
#include <limits.h>
#include <string.h>

static struct on_assistant *of(struct work *w)
{
    return (struct on_assistant *)(void *)w;
}

/* An assistant may have been made for a graph that is not here. False: it was replied to. */
static bool find_graph(struct on_assistant *a)
{
    const char *name = json_string_value(json_object_get(a->assistant, "graph_id"));

    struct graph *graph = registry_find(a->w.api->graphs, name);

    a->graph = graph;
    if (graph == NULL)
        work_failf(&a->w, FAIL_NOT_FOUND, "Graph \"%.100s\" not found", name);
    return graph != NULL;
}

/* ---- drawing ---- */

static void draw(struct work *w)
{
    struct on_assistant *a = of(w);

    if (find_graph(a))
        work_json_take(w, graph_draw_json(a->graph, (int)a->depth));
}

/* xray: true is every level, a number is so many. */
static int64_t read_xray(const struct req *req)
{
    return query_integer(req, "xray", query_flag(req, "xray", false) ? INT_MAX : 0);
}

void handle_assistant_graph(struct req *req)
{
    struct on_assistant *a = on_assistant_new(req, NULL, true);

    if (a == NULL)
        return;
    a->depth = read_xray(req);
    on_assistant_find(a, draw);
}

static const struct type levels = {
    .kind = TYPE_INTEGER, .expected = "how many levels", 0, INT_MAX
};
static const struct type xray = { .kind = TYPE_ONE_OF,
                                  .expected = "true, false or how many levels",
                                  .of = (const struct type *const[]){ &type_boolean, &levels,
                                                                      NULL } };
static const struct query_key graph_query[] = {
    { "xray", &xray },
    QUERY_END,
};
const struct route_about about_assistant_graph = {
    .summary = "An assistant's graph as nodes and edges",
    .query = graph_query,
    .answers = { { 200, "Drawing" } },
    .fails = FAILS_404,
};

/* ---- schemas ---- */

/* A graph takes any config, and any context if it does not say what it wants to be told. */
static json_t *any_object(void)
{
    return json_pack("{s:s, s:s}", "type", "object", "$schema",
                     "http://json-schema.org/draft-07/schema#");
}

static json_t *context_schema(const struct graph *g)
{
    return g->context != NULL ? json_incref(g->context) : any_object();
}

static void show_schemas(struct work *w)
{
    struct on_assistant *a = of(w);

    if (!find_graph(a))
        return;
    work_json_take(w,
                   json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "graph_id", a->graph->name,
                             "input_schema", graph_schema(a->graph, SCHEMA_INPUT), "output_schema",
                             graph_schema(a->graph, SCHEMA_OUTPUT), "state_schema",
                             graph_schema(a->graph, SCHEMA_STATE), "config_schema", any_object(),
                             "context_schema", context_schema(a->graph)));
}

void handle_assistant_schemas(struct req *req)
{
    struct on_assistant *a = on_assistant_new(req, NULL, true);

    if (a != NULL)
        on_assistant_find(a, show_schemas);
}

const struct route_about about_assistant_schemas = {
    .summary = "The schemas of an assistant's graph",
    .answers = { { 200, "GraphSchemas" } },
    .fails = FAILS_404,
};

/* ---- graphs inside ---- */

static json_t *subgraph_json(const struct graph *g)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "state", graph_schema(g, SCHEMA_STATE), "input",
                     graph_schema(g, SCHEMA_INPUT), "output", graph_schema(g, SCHEMA_OUTPUT),
                     "config", any_object());
}

/* Names of nodes from the outermost graph on, as "a|b". wanted: only this one, or NULL. Graphs have
 * a bound of their own for how deep they are. 0 or a fault. */
static int add_subgraphs(const struct graph *g, const char *above, bool recurses,
                         const char *wanted, json_t *to)
{
    int r = 0;

    for (size_t i = 0; i < g->node_count && r == 0; i++) {
        const struct node *n = &g->nodes[i];
        if (n->subgraph == NULL)
            continue;
        char *ns MEM_AUTO(mem_freep) =
            mem_printf("%s%s%s", above, *above == '\0' ? "" : "|", n->name);
        if (ns == NULL)
            return err_trace(ERR_NOMEM);
        if ((wanted == NULL || strcmp(wanted, ns) == 0) &&
            json_object_set_new(to, ns, subgraph_json(n->subgraph->graph)) != 0)
            return err_trace(ERR_NOMEM);
        if (recurses)
            r = add_subgraphs(n->subgraph->graph, ns, recurses, wanted, to);
    }
    return r;
}

static void show_subgraphs(struct on_assistant *a, const char *wanted)
{
    json_t *all = json_object();
    bool recurses = a->is_flag || wanted != NULL; /* it may lie deeper */

    if (add_subgraphs(a->graph, "", recurses, wanted, all) != 0) {
        json_decref(all);
        all = NULL;
    }
    work_json_take(&a->w, all);
}

static void find_subgraphs(struct work *w)
{
    if (find_graph(of(w)))
        show_subgraphs(of(w), NULL);
}

static void find_subgraph(struct work *w)
{
    const char *wanted = w->req == NULL ? "" : req_param(w->req, "namespace");

    if (find_graph(of(w)))
        show_subgraphs(of(w), wanted);
}

static void subgraphs(struct req *req, void (*then)(struct work *w))
{
    struct on_assistant *a = on_assistant_new(req, NULL, true);

    if (a == NULL)
        return;
    a->is_flag = query_flag(req, "recurse", false);
    on_assistant_find(a, then);
}

void handle_assistant_subgraphs(struct req *req)
{
    subgraphs(req, find_subgraphs);
}

static const struct query_key subgraphs_query[] = {
    { "recurse", &type_boolean },
    QUERY_END,
};
const struct route_about about_assistant_subgraphs = {
    .summary = "The schemas of the graphs inside",
    .query = subgraphs_query,
    .answers = { { 200, "Subgraphs" } },
    .fails = FAILS_404,
};

void handle_assistant_subgraph(struct req *req)
{
    subgraphs(req, find_subgraph);
}

const struct route_about about_assistant_subgraph = {
    .summary = "The schemas of one graph inside",
    .query = subgraphs_query,
    .answers = { { 200, "Subgraphs" } },
    .fails = FAILS_404,
};
