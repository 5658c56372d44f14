/*
 * Edges become outlets: what happens when a node has finished. A name that is no node's is told and
 * then read as the nearest one, so that a misspelt edge does not make its target unreachable as
 * well.
 */
#include "base/err.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/path.h"
#include "graph/texts.h"
#include <stdlib.h>
#include <string.h>

enum { TRIGGER_MAX_BYTES = 1 << 24 };

/* What one edge is resolved with. */
struct edge_build {
    struct anabranch_builder *b;
    struct graph *g;
    const struct edge_spec *e;
};

static int find_end(const char *name)
{
    if (strcmp(name, "__start__") == 0 || strcmp(name, "START") == 0)
        return NODE_START;
    if (strcmp(name, "__end__") == 0 || strcmp(name, "END") == 0)
        return NODE_END;
    return NODE_NONE;
}

static int problem_node(struct edge_build *eb, const char *name)
{
    const struct graph *g = eb->g;
    const char **names MEM_AUTO(mem_freep) = mem_array(g->node_count + 2, sizeof(*names));
    if (names == NULL) {
        builder_note_fault(eb->b);
        return NODE_NONE;
    }
    for (size_t i = 0; i < g->node_count; i++)
        names[i] = g->nodes[i].name;
    names[g->node_count] = "__start__";
    names[g->node_count + 1] = "__end__";
    const char *nearest =
        builder_problem_unknown(eb->b, eb->e->at, "node", name, names, g->node_count + 2);
    return nearest == NULL ? NODE_NONE : graph_find_node(g, nearest);
}

static int find_node(struct edge_build *eb, const char *name)
{
    int node = find_end(name);
    if (node == NODE_NONE)
        node = graph_find_node(eb->g, name);
    return node == NODE_NONE ? problem_node(eb, name) : node;
}

/* NODE_NONE with a problem noted if the edge cannot begin there. */
static int find_source(struct edge_build *eb, const char *name)
{
    int node = find_node(eb, name);
    if (node != NODE_END)
        return node;
    builder_problem(eb->b, eb->e->at, NULL, "nothing can follow __end__");
    return NODE_NONE;
}

static int find_target(struct edge_build *eb, const char *name)
{
    int node = find_node(eb, name);
    if (node != NODE_START)
        return node;
    builder_problem(eb->b, eb->e->at, NULL, "nothing can lead to __start__");
    return NODE_NONE;
}

static struct outlets *outlets_of(struct graph *g, int node)
{
    return node == NODE_START ? &g->start : &g->nodes[node].out;
}

/* Sorted, no doubles. */
static int insert(int **array, size_t *count, int item)
{
    size_t at = *count; /* from the end, as joins come in ascending order and are many */
    while (at > 0 && (*array)[at - 1] > item)
        at--;
    if (at > 0 && (*array)[at - 1] == item)
        return 0;
    int *wider = mem_realloc(*array, (*count + 1) * sizeof(*wider));
    if (wider == NULL)
        return err_trace(ERR_NOMEM);
    memmove(wider + at + 1, wider + at, (*count - at) * sizeof(*wider));
    wider[at] = item;
    *array = wider;
    ++*count;
    return 0;
}

static int add_plain(struct edge_build *eb)
{
    int source = find_source(eb, eb->e->sources[0]);
    int target = find_target(eb, eb->e->to);
    eb->b->has_entry = eb->b->has_entry || source == NODE_START;
    if (source == NODE_NONE || target < 0)
        return 0; /* told, or an edge to the end, which does nothing */
    struct outlets *out = outlets_of(eb->g, source);
    return insert(&out->targets, &out->target_count, target);
}

/* An equal join is among those of any source. */
static bool has_join(const struct graph *g, const struct join *join)
{
    const struct outlets *out = &g->nodes[join->sources[0]].out;
    for (size_t i = 0; i < out->join_count; i++) {
        const struct join *other = &g->joins[out->joins[i]];
        if (other->target == join->target && other->source_count == join->source_count &&
            memcmp(other->sources, join->sources, join->source_count * sizeof(int)) == 0)
            return true;
    }
    return false;
}

/* Sorted sources, and their names in the order of the file. */
static int read_sources(struct edge_build *eb, struct join *join, struct buf *names)
{
    for (size_t i = 0; i < eb->e->source_count; i++) {
        int source = find_source(eb, eb->e->sources[i]);
        if (source == NODE_START)
            builder_problem(eb->b, eb->e->at, "give it an edge of its own",
                            "a join cannot wait for __start__");
        if (source < 0)
            continue;
        size_t before = join->source_count;
        int r = insert(&join->sources, &join->source_count, source);
        if (r != 0)
            return r;
        if (join->source_count > before)
            buf_addf(names, "%s%s", before == 0 ? "" : "+", eb->g->nodes[source].name);
    }
    return 0;
}

/* Moves the join into the graph and tells its sources. */
static int keep_join(struct graph *g, struct join *join, const char *names)
{
    join->trigger = mem_printf("join:%s:%s", names, g->nodes[join->target].name);
    struct join *joins = mem_realloc(g->joins, (g->join_count + 1) * sizeof(*joins));
    if (joins != NULL)
        g->joins = joins;
    if (joins == NULL || join->trigger == NULL)
        return err_trace(ERR_NOMEM);
    int index = (int)g->join_count++;
    joins[index] = *join;
    *join = (struct join){ .sources = NULL };
    for (size_t i = 0; i < joins[index].source_count; i++) {
        struct outlets *out = &g->nodes[joins[index].sources[i]].out;
        int r = insert(&out->joins, &out->join_count, index);
        if (r != 0)
            return r;
    }
    return 0;
}

static int use_join(struct edge_build *eb, struct join *join, const char *names)
{
    struct graph *g = eb->g;
    if (join->target < 0 || join->source_count == 0)
        return 0; /* told, or a join at the end, which does nothing */
    if (join->source_count == 1) {
        struct outlets *out = &g->nodes[join->sources[0]].out;
        return insert(&out->targets, &out->target_count, join->target);
    }
    return has_join(g, join) ? 0 : keep_join(g, join, names);
}

static int add_join(struct edge_build *eb)
{
    if (eb->e->source_count == 0) {
        builder_problem(eb->b, eb->e->at, NULL, "a join without sources");
        return 0;
    }
    struct join join = { .target = find_target(eb, eb->e->to) };
    struct buf names;
    buf_init(&names, TRIGGER_MAX_BYTES);
    int r = read_sources(eb, &join, &names);
    if (r == 0 && names.fault != 0)
        r = err_trace(ERR_NOMEM);
    if (r == 0)
        r = use_join(eb, &join, buf_text(&names));
    buf_deinit(&names);
    mem_free(join.sources);
    mem_free(join.trigger);
    return r;
}

static char *place_of(struct edge_build *eb, const char *key, const char *value)
{
    char *outer = pointer_join(eb->e->at, key);
    if (outer == NULL || value == NULL)
        return outer;
    char *place = pointer_join(outer, value);
    mem_free(outer);
    return place;
}

/* A target of a switch; the problem, if any, is at /edges/N/cases/VALUE or /edges/N/default. */
static int find_case_target(struct edge_build *eb, const char *value, const char *name)
{
    char *place MEM_AUTO(mem_freep) =
        value == NULL ? place_of(eb, "default", NULL) : place_of(eb, "cases", value);
    if (place == NULL) {
        builder_note_fault(eb->b);
        return NODE_NONE;
    }
    struct edge_spec there = *eb->e;
    there.at = place;
    struct edge_build inner = { eb->b, eb->g, &there };
    return find_target(&inner, name);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Only a program can name a case twice; a file with a key twice is no JSON of ours. */
static int check_cases(struct edge_build *eb)
{
    const struct edge_spec *e = eb->e;
    const char **sorted MEM_AUTO(mem_freep) = mem_array(e->case_count, sizeof(*sorted));
    if (sorted == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < e->case_count; i++)
        sorted[i] = e->values[i];
    qsort(sorted, e->case_count, sizeof(*sorted), compare_texts);
    for (size_t i = 1; i < e->case_count; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            builder_problem(eb->b, e->at, NULL, "the case \"%s\" is there twice", sorted[i]);
    return 0;
}

static int read_cases(struct edge_build *eb, struct route *route)
{
    const struct edge_spec *e = eb->e;
    route->values = texts_copy((const char *const *)e->values, e->case_count);
    route->case_count = route->values == NULL ? 0 : e->case_count;
    route->targets = mem_array(e->case_count, sizeof(*route->targets));
    if (route->values == NULL || route->targets == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < e->case_count; i++)
        route->targets[i] = find_case_target(eb, e->values[i], e->targets[i]);
    if (e->case_count == 0)
        builder_problem(eb->b, e->at, "use a plain edge", "a switch without cases");
    route->fallback = e->fallback == NULL ? NODE_NONE : find_case_target(eb, NULL, e->fallback);
    return check_cases(eb);
}

static int read_path(struct edge_build *eb, struct route *route)
{
    char *place MEM_AUTO(mem_freep) = place_of(eb, "switch", NULL);
    if (place == NULL)
        return err_trace(ERR_NOMEM);
    int r = path_parse(eb->e->path, strlen(eb->e->path), &route->path);
    if (r == PATH_E_SYNTAX) {
        builder_problem(eb->b, place, "write it like user.name", "\"%s\" is no path", eb->e->path);
        return 0;
    }
    if (r == 0)
        builder_check_root(eb->b, eb->g, place, path_root(route->path));
    return r;
}

static int add_switch(struct edge_build *eb)
{
    int source = find_source(eb, eb->e->sources[0]);
    eb->b->has_entry = eb->b->has_entry || source == NODE_START;
    /* Even a switch from nowhere is read, for its other mistakes; a route of __start__ does no
     * harm, as nothing is built then. */
    struct outlets *out = outlets_of(eb->g, source == NODE_NONE ? NODE_START : source);
    struct route *routes = mem_realloc(out->routes, (out->route_count + 1) * sizeof(*routes));
    if (routes == NULL)
        return err_trace(ERR_NOMEM);
    out->routes = routes;
    struct route *route = &routes[out->route_count++];
    *route = (struct route){ .fallback = NODE_NONE };
    int r = read_path(eb, route);
    return r != 0 ? r : read_cases(eb, route);
}

int build_edges(struct anabranch_builder *b, struct graph *g)
{
    int r = 0;
    for (size_t i = 0; i < b->edge_count && r == 0; i++) {
        struct edge_build eb = { b, g, &b->edges[i] };
        if (eb.e->path != NULL)
            r = add_switch(&eb);
        else if (eb.e->source_count == 1)
            r = add_plain(&eb);
        else
            r = add_join(&eb);
    }
    return r;
}
