/*
 * Nodes and edges as JSON. A graph inside that is drawn along loses its __start__ and __end__ where
 * they lead to one node only, as in LangGraph; what led to the node then leads to its first one.
 *
 *     before -> child -> after        before -> child:model -> child:tail -> after
 */
#include "base/err.h"
#include "base/mem.h"
#include "graph/draw.h"
#include "graph/ways.h"
#include <string.h>

struct sketch {
    const struct graph *g;
    const char *prefix; /* "" or "child:" */
    json_t *nodes;
    json_t *edges;
    json_t *firsts; /* {"name of a node that was drawn along": its first node's id} */
    json_t *lasts;
    int fault;
};

static void check(struct sketch *s, int result)
{
    if (result != 0)
        s->fault = err_trace(ERR_NOMEM);
}

/* ---- trimming ---- */

static bool is_at(const json_t *edge, const char *side, const char *id)
{
    const char *at = json_string_value(json_object_get(edge, side));
    return at != NULL && strcmp(at, id) == 0;
}

/* Does an edge arrive (near "target", far "source") or leave at id, not counting those of `without`? */
static bool has_edge(const json_t *edges, const char *near, const char *far, const char *id,
                     const char *without)
{
    const json_t *edge;
    size_t i;
    json_array_foreach(edges, i, edge) {
        if (is_at(edge, near, id) && (without == NULL || !is_at(edge, far, without)))
            return true;
    }
    return false;
}

/* The one node at which nothing arrives (or from which nothing leaves); NULL: none, or several. */
static const char *find_outermost(const struct sketch *s, const char *near, const char *far,
                                  const char *without)
{
    const char *found = NULL;
    const json_t *node;
    size_t i;
    json_array_foreach(s->nodes, i, node) {
        const char *id = json_string_value(json_object_get(node, "id"));
        bool is_out = id == NULL || (without != NULL && strcmp(id, without) == 0);
        if (is_out || has_edge(s->edges, near, far, id, without))
            continue;
        if (found != NULL)
            return NULL;
        found = id;
    }
    return found;
}

static void remove_where(json_t *list, const char *key, const char *id)
{
    for (size_t i = json_array_size(list); i > 0; i--) {
        if (is_at(json_array_get(list, i - 1), key, id))
            (void)json_array_remove(list, i - 1); /* it is there */
    }
}

/* Takes the outermost node off if that leaves one outermost node. */
static void trim(struct sketch *s, const char *near, const char *far)
{
    const char *outermost = find_outermost(s, near, far, NULL);
    char *id MEM_AUTO(mem_freep) = mem_strdup(outermost);
    if (outermost != NULL && id == NULL)
        s->fault = err_trace(ERR_NOMEM);
    if (id == NULL || find_outermost(s, near, far, id) == NULL)
        return;
    remove_where(s->edges, "source", id);
    remove_where(s->edges, "target", id);
    remove_where(s->nodes, "id", id);
}

/* ---- nodes ---- */

static void add_node(struct sketch *s, const char *name, json_t *take_data, const char *type)
{
    json_t *id = json_sprintf("%s%s", s->prefix, name);
    check(s, json_array_append_new(s->nodes, json_pack("{s:o, s:s, s:o}", "id", id, "type", type,
                                                       "data", take_data)));
}

static void add_edge_of_graph(struct sketch *s, const char *name)
{
    json_t *data = json_pack("{s:s}", "$schema", "http://json-schema.org/draft-07/schema#");
    add_node(s, name, data, "schema");
}

static void draw(struct sketch *s, int depth);

static void sketch_deinit(struct sketch *s)
{
    json_decref(s->nodes);
    json_decref(s->edges);
    json_decref(s->firsts);
    json_decref(s->lasts);
}

static void sketch_init(struct sketch *s, const struct graph *g, const char *prefix)
{
    *s = (struct sketch){ .g = g, .prefix = prefix };
    s->nodes = json_array();
    s->edges = json_array();
    s->firsts = json_object();
    s->lasts = json_object();
    if (s->firsts == NULL || s->lasts == NULL) /* the others are noticed when they are used */
        s->fault = err_trace(ERR_NOMEM);
}

static void add_inner(struct sketch *s, const struct sketch *inner, const char *name)
{
    const char *first = find_outermost(inner, "target", "source", NULL);
    const char *last = find_outermost(inner, "source", "target", NULL);
    if (inner->fault != 0)
        s->fault = inner->fault;
    check(s, json_array_extend(s->nodes, inner->nodes));
    check(s, json_array_extend(s->edges, inner->edges));
    if (first != NULL)
        check(s, json_object_set_new(s->firsts, name, json_string(first)));
    if (last != NULL)
        check(s, json_object_set_new(s->lasts, name, json_string(last)));
}

/* Depth is bound by that of the graph itself. */
static void draw_inside(struct sketch *s, const struct node *n, int depth)
{
    char *prefix MEM_AUTO(mem_freep) = mem_printf("%s%s:", s->prefix, n->name);
    struct sketch inner;
    if (prefix == NULL) {
        s->fault = err_trace(ERR_NOMEM);
        return;
    }
    sketch_init(&inner, n->subgraph->graph, prefix);
    draw(&inner, depth - 1);
    trim(&inner, "target", "source");
    trim(&inner, "source", "target");
    add_inner(s, &inner, n->name);
    sketch_deinit(&inner);
}

static void draw_node(struct sketch *s, const struct node *n, int depth)
{
    if (n->subgraph != NULL && depth > 0)
        draw_inside(s, n, depth);
    else
        add_node(s, n->name,
                 json_pack("{s:[s, s], s:s}", "id", "anabranch", n->kind->name, "name", n->name),
                 "runnable");
}

/* ---- edges ---- */

static json_t *end_id(const struct sketch *s, int node, const json_t *inside)
{
    const char *name = node == NODE_START ? "__start__"
                       : node < 0         ? "__end__"
                                          : s->g->nodes[node].name;
    json_t *known = node < 0 ? NULL : json_object_get(inside, name);
    return known != NULL ? json_incref(known) : json_sprintf("%s%s", s->prefix, name);
}

static void add_way(void *arg, const struct way *way)
{
    struct sketch *s = arg;
    json_t *edge =
        json_pack("{s:o, s:o, s:b}", "source", end_id(s, way->from, s->lasts), "target",
                  end_id(s, way->to, s->firsts), "conditional", (int)way->is_conditional);
    if (way->label != NULL)
        check(s, json_object_set_new(
                     edge, "data",
                     json_sprintf("%s%s", way->word == NULL ? "" : way->word, way->label)));
    check(s, json_array_append_new(s->edges, edge));
}

/* As they were declared, which is how people know them. */
static const struct node *declared_at(const struct graph *g, size_t place)
{
    for (size_t i = 0; i < g->node_count; i++)
        if (g->nodes[i].declared == place)
            return &g->nodes[i];
    return NULL;
}

static void draw(struct sketch *s, int depth)
{
    add_edge_of_graph(s, "__start__");
    for (size_t i = 0; i < s->g->node_count; i++) {
        const struct node *n = declared_at(s->g, i);
        draw_node(s, n != NULL ? n : &s->g->nodes[i], depth);
    }
    add_edge_of_graph(s, "__end__");
    graph_each_way(s->g, add_way, s);
}

json_t *graph_draw_json(const struct graph *g, int depth)
{
    struct sketch s;
    json_t *json = NULL;
    sketch_init(&s, g, "");
    draw(&s, depth);
    if (s.fault == 0)
        json = json_pack("{s:O, s:O}", "nodes", s.nodes, "edges", s.edges);
    sketch_deinit(&s);
    return json;
}
