/* Is there a way in, and does it lead to every node? A walk from __start__ along everything that
 * may ever fire. */
#include "base/mem.h"
#include "graph/builder.h"

struct walk {
    const struct graph *g;
    bool *is_seen;
    int *stack; /* each node enters once */
    size_t depth;
};

static void visit(struct walk *w, int node)
{
    if (node < 0 || w->is_seen[node])
        return;
    w->is_seen[node] = true;
    w->stack[w->depth++] = node;
}

static void follow_route(struct walk *w, const struct route *route)
{
    for (size_t i = 0; i < route->case_count; i++)
        visit(w, route->targets[i]);
    visit(w, route->fallback);
    bool is_free = route->kind == ROUTE_FUNCTION && route->case_count == 0;
    for (size_t i = 0; is_free && i < w->g->node_count; i++)
        visit(w, (int)i);
}

static void follow(struct walk *w, const struct outlets *out)
{
    for (size_t i = 0; i < out->target_count; i++)
        visit(w, out->targets[i]);
    /* One source is enough here: if another is out of reach, that one is told. */
    for (size_t i = 0; i < out->join_count; i++)
        visit(w, w->g->joins[out->joins[i]].target);
    for (size_t i = 0; i < out->route_count; i++)
        follow_route(w, &out->routes[i]);
}

static void follow_ends(struct walk *w, const struct node *n)
{
    for (size_t i = 0; i < n->end_count; i++)
        visit(w, n->ends[i]);
}

static void follow_node(struct walk *w, const struct node *n)
{
    follow(w, &n->out);
    follow_ends(w, n);
    visit(w, n->on_error_goto);
    if (n->on_error != NULL)
        follow_ends(w, n->on_error);
}

static void tell_unseen(struct anabranch_builder *b, const struct walk *w)
{
    for (size_t i = 0; i < w->g->node_count; i++) {
        if (w->is_seen[i])
            continue;
        char *pointer MEM_AUTO(mem_freep) = pointer_join("/nodes", w->g->nodes[i].name);
        if (pointer == NULL)
            builder_note_fault(b);
        else
            builder_problem(b, pointer, "add an edge to it, or remove it (UNREACHABLE_NODE)",
                            "no way leads from __start__ to node \"%s\"", w->g->nodes[i].name);
    }
}

void build_check_reach(struct anabranch_builder *b, const struct graph *g)
{
    if (!b->has_entry) {
        builder_problem(b, "/edges", "add [\"__start__\", \"NODE\"]",
                        "no edge begins at __start__");
        return; /* else every node would be told */
    }
    bool *is_seen MEM_AUTO(mem_freep) = mem_array(g->node_count, sizeof(*is_seen));
    int *stack MEM_AUTO(mem_freep) = mem_array(g->node_count, sizeof(*stack));
    if (is_seen == NULL || stack == NULL) {
        builder_note_fault(b);
        return;
    }
    struct walk w = { g, is_seen, stack, 0 };
    follow(&w, &g->start);
    while (w.depth > 0)
        follow_node(&w, &g->nodes[w.stack[--w.depth]]);
    tell_unseen(b, &w);
}
