/* Where nodes name other nodes, and breakpoints: read when all nodes are there. */
#include "base/err.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/texts.h"
#include <string.h>

static int resolve_ends(struct setup *s, const struct graph *g, struct node *n, char *const *names,
                        size_t count)
{
    n->ends = mem_array(count, sizeof(*n->ends));
    if (n->ends == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < count; i++) {
        char *place MEM_AUTO(mem_freep) = mem_printf("%s/ends/%zu", s->pointer, i);
        if (place == NULL)
            return err_trace(ERR_NOMEM);
        int node = build_find_target(s->builder, g, place, names[i]);
        if (node != NODE_NONE)
            n->ends[n->end_count++] = node;
    }
    return 0;
}

static int read_ends(struct setup *s, const struct graph *g, struct node *n)
{
    char **names;
    size_t count;
    int r = setup_texts(s, "ends", &names, &count);
    if (r != 0 || count == 0)
        return r;
    r = resolve_ends(s, g, n, names, count);
    texts_free(names, count);
    return r;
}

static int read_goto(struct setup *s, const struct graph *g, struct node *n)
{
    const char *name = setup_string(s, "goto", false);
    if (name == NULL)
        return 0;
    char *place MEM_AUTO(mem_freep) = pointer_join(s->pointer, "goto");
    if (place == NULL)
        return err_trace(ERR_NOMEM);
    n->on_error_goto = build_find_target(s->builder, g, place, name);
    return 0;
}

/* owner: of the key on_error, a node's object or node_defaults. */
static int link_handler(struct setup *owner, const struct graph *g, struct node *n)
{
    char *pointer MEM_AUTO(mem_freep) = pointer_join(owner->pointer, "on_error");
    if (pointer == NULL)
        return err_trace(ERR_NOMEM);
    struct setup s;
    setup_init(&s, owner->builder, pointer, json_object_get(owner->spec, "on_error"));
    int r = read_ends(&s, g, n->on_error);
    return r != 0 ? r : read_goto(&s, g, n);
}

static int link_default_handler(struct anabranch_builder *b, const struct graph *g, struct node *n)
{
    struct setup s;
    setup_init(&s, b, DEFAULTS_POINTER, b->node_defaults);
    return link_handler(&s, g, n);
}

/* Mistakes in it were told when it was linked for all nodes. */
static int link_default_again(struct anabranch_builder *b, const struct graph *g, struct node *n)
{
    b->problems.is_muted = true;
    int r = link_default_handler(b, g, n);
    b->problems.is_muted = false;
    return r;
}

static int link_node(struct anabranch_builder *b, const struct graph *g,
                     const struct node_spec *spec)
{
    char *pointer MEM_AUTO(mem_freep) = pointer_join("/nodes", spec->name);
    if (pointer == NULL)
        return err_trace(ERR_NOMEM);
    struct node *n = &g->nodes[graph_find_node(g, spec->name)];
    struct setup s;
    setup_init(&s, b, pointer, spec->json);
    int r = read_ends(&s, g, n);
    if (r != 0 || n->on_error == NULL)
        return r;
    bool is_own = json_object_get(spec->json, "on_error") != NULL;
    return is_own ? link_handler(&s, g, n) : link_default_again(b, g, n);
}

static void stop_at(struct node *n, bool is_before)
{
    if (is_before)
        n->interrupt_before = true;
    else
        n->interrupt_after = true;
}

static void add_stop(struct anabranch_builder *b, struct graph *g, const struct stop_spec *stop)
{
    if (strcmp(stop->node, "*") == 0) {
        for (size_t i = 0; i < g->node_count; i++)
            stop_at(&g->nodes[i], stop->is_before);
        return;
    }
    int node = build_find_node(b, g, stop->at, stop->node);
    if (node != NODE_NONE)
        stop_at(&g->nodes[node], stop->is_before);
}

int build_links(struct anabranch_builder *b, struct graph *g)
{
    int r = b->defaults.on_error == NULL ? 0 : link_default_handler(b, g, &b->defaults);
    for (size_t i = 0; i < b->node_count && r == 0; i++) {
        /* Sorted by now; only the first of doubled names is in the graph. */
        bool is_double = i > 0 && strcmp(b->nodes[i - 1].name, b->nodes[i].name) == 0;
        if (!is_double && b->nodes[i].json != NULL)
            r = link_node(b, g, &b->nodes[i]);
    }
    for (size_t i = 0; i < b->stop_count && r == 0; i++)
        add_stop(b, g, &b->stops[i]);
    return r;
}
