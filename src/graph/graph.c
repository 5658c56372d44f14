/* Life and look-up of a built graph. Freeing accepts a graph at any stage of its making: arrays are
 * zeroed when allocated. */
#include "graph/graph.h"
#include "base/mem.h"
#include "graph/path.h"
#include "graph/subgraph.h"
#include "graph/template.h"
#include "graph/texts.h"
#include <assert.h>
#include <string.h>

struct graph *graph_ref(struct graph *g)
{
    assert(g->refs > 0);
    g->refs++;
    return g;
}

static void free_route(struct route *r)
{
    path_free(r->path);
    texts_free(r->values, r->case_count);
    mem_free(r->targets);
    mem_free(r->as);
    mem_free(r->index);
    if (r->chooser.free != NULL)
        r->chooser.free(r->chooser.arg);
}

static void free_outlets(struct outlets *o)
{
    mem_free(o->targets);
    mem_free(o->joins);
    for (size_t i = 0; i < o->route_count; i++)
        free_route(&o->routes[i]);
    mem_free(o->routes);
}

void node_deinit(struct node *n)
{
    if (n->kind != NULL && n->kind->config_free != NULL)
        n->kind->config_free(n->config);
    for (size_t i = 0; i < n->retry_count; i++)
        texts_free(n->retries[i].on, n->retries[i].on_count);
    mem_free(n->retries);
    texts_free(n->tags, n->tag_count);
    json_decref(n->metadata);
    mem_free(n->ends);
    template_free(n->cache.key);
    free_outlets(&n->out);
    if (n->on_error != NULL)
        node_deinit(n->on_error); /* has none itself: no deeper than this */
    mem_free(n->on_error);
    n->subgraph = subgraph_free(n->subgraph);
    mem_free(n->name);
    mem_free(n->trigger);
}

static void free_field(struct field *f)
{
    if (f->fn.free != NULL)
        f->fn.free(f->fn.arg);
    mem_free(f->name);
    value_unref(f->initial);
}

static void free_contents(struct graph *g)
{
    for (size_t i = 0; i < g->field_count; i++)
        free_field(&g->fields[i]);
    for (size_t i = 0; i < g->node_count; i++)
        node_deinit(&g->nodes[i]);
    for (size_t i = 0; i < g->join_count; i++) {
        mem_free(g->joins[i].sources);
        mem_free(g->joins[i].trigger);
    }
    free_outlets(&g->start);
}

struct graph *graph_unref(struct graph *g)
{
    if (g == NULL || --g->refs > 0)
        return NULL;
    free_contents(g);
    mem_free(g->fields);
    mem_free(g->nodes);
    mem_free(g->joins);
    mem_free(g->name);
    mem_free(g->description);
    mem_free(g->assistant_id);
    json_decref(g->assistant);
    json_decref(g->context);
    return mem_free(g);
}

int graph_find_node(const struct graph *g, const char *name)
{
    size_t from = 0;
    size_t to = g->node_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(name, g->nodes[middle].name);
        if (order == 0)
            return (int)middle;
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NODE_NONE;
}

int graph_find_field(const struct graph *g, const char *name)
{
    for (size_t i = 0; i < g->field_count; i++)
        if (strcmp(g->fields[i].name, name) == 0)
            return (int)i;
    return -1;
}

const struct node_kind *kind_find(const struct kind_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->kinds[i]->name, name) == 0)
            return table->kinds[i];
    return NULL;
}
