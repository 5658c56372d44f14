/* Plain edges and joins, then what depends on the run: routes, the ends of commands, and where an
 * error handler goes. */
#include "graph/ways.h"
#include "graph/path.h"

struct walk {
    const struct graph *g;
    void (*seen)(void *arg, const struct way *way);
    void *arg;
};

static void see(const struct walk *w, int from, int to)
{
    w->seen(w->arg, &(struct way){ .from = from, .to = to });
}

static void see_choice(const struct walk *w, int from, int to, const char *label)
{
    w->seen(w->arg, &(struct way){ from, to, true, NULL, label });
}

static void see_cases(const struct walk *w, int from, const struct route *route)
{
    for (size_t i = 0; i < route->case_count; i++)
        see_choice(w, from, route->targets[i], route->values[i]);
}

static void see_switch(const struct walk *w, int from, const struct route *route)
{
    see_cases(w, from, route);
    if (route->fallback != NODE_NONE)
        see_choice(w, from, route->fallback, "default");
}

static void see_each(const struct walk *w, int from, const struct route *route)
{
    w->seen(w->arg,
            &(struct way){ from, route->targets[0], true, "each ", path_text(route->path) });
}

/* A condition that says nothing of its targets may go anywhere. */
static void see_function(const struct walk *w, int from, const struct route *route)
{
    see_cases(w, from, route);
    if (route->case_count > 0)
        return;
    for (size_t i = 0; i < w->g->node_count; i++)
        see_choice(w, from, (int)i, NULL);
    see_choice(w, from, NODE_END, NULL);
}

static void see_route(const struct walk *w, int from, const struct route *route)
{
    switch (route->kind) {
    case ROUTE_SWITCH:
        see_switch(w, from, route);
        break;
    case ROUTE_EACH:
        see_each(w, from, route);
        break;
    case ROUTE_FUNCTION:
        see_function(w, from, route);
        break;
    }
}

static void see_outlets(const struct walk *w, int from, const struct outlets *o)
{
    for (size_t i = 0; i < o->target_count; i++)
        see(w, from, o->targets[i]);
    for (size_t i = 0; i < o->join_count; i++)
        see(w, from, w->g->joins[o->joins[i]].target);
    for (size_t i = 0; i < o->route_count; i++)
        see_route(w, from, &o->routes[i]);
}

static bool is_empty(const struct outlets *o)
{
    return o->target_count + o->join_count + o->route_count == 0;
}

static void see_ends(const struct walk *w, int from, const struct node *n, const char *label)
{
    for (size_t i = 0; i < n->end_count; i++)
        see_choice(w, from, n->ends[i], label);
}

/* An error handler stands for its node, so its ways are drawn as the node's. */
static void see_handler(const struct walk *w, int from)
{
    const struct node *n = &w->g->nodes[from];
    if (n->on_error == NULL)
        return;
    see_ends(w, from, n->on_error, "on error");
    if (n->on_error_goto != NODE_NONE)
        see_choice(w, from, n->on_error_goto, "on error");
    else if (n->on_error->end_count == 0)
        see_choice(w, from, NODE_END, "on error");
}

static void see_node(const struct walk *w, int from)
{
    const struct node *n = &w->g->nodes[from];
    see_outlets(w, from, &n->out);
    see_ends(w, from, n, NULL);
    /* Edges to the end are not kept, as they do nothing: a way ends where nothing follows. */
    if (is_empty(&n->out) && n->end_count == 0)
        see(w, from, NODE_END);
    see_handler(w, from);
}

void graph_each_way(const struct graph *g, void (*seen)(void *arg, const struct way *way),
                    void *arg)
{
    const struct walk w = { g, seen, arg };
    see_outlets(&w, NODE_START, &g->start);
    if (is_empty(&g->start))
        see(&w, NODE_START, NODE_END);
    for (size_t i = 0; i < g->node_count; i++)
        see_node(&w, (int)i);
}
