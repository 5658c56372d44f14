/*
 * Mermaid. A node's name is its id where Mermaid can take it; otherwise the id is __nN, which no
 * node can be called. Labels are quoted, and what could end or decorate a quoted label is written
 * as a character reference.
 *
 *     graph TD;
 *         __start__(["__start__"]);
 *         law["law"];
 *         __start__ --> law;
 *         law -.->|"weather"| w;
 */
#include "graph/draw.h"
#include "graph/path.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Words that Mermaid reads as its own, in any case. */
static const char *const mermaid_words[] = {
    "graph", "flowchart", "subgraph",  "end",  "style", "linkstyle", "classdef", "class",
    "click", "default",   "direction", "href", "call",  "tb",        "td",       "bt",
    "rl",    "lr",        "br",        "o",    "x",     "v",
};

static bool is_plain_id(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    for (size_t i = 0; i < sizeof(mermaid_words) / sizeof(*mermaid_words); i++)
        if (strcasecmp(mermaid_words[i], name) == 0)
            return false;
    return true;
}

static void put_id(const struct graph *g, int node, struct buf *out)
{
    if (node == NODE_START)
        buf_add_str(out, "__start__");
    else if (node < 0)
        buf_add_str(out, "__end__");
    else if (is_plain_id(g->nodes[node].name))
        buf_add_str(out, g->nodes[node].name);
    else
        buf_addf(out, "__n%d", node);
}

/* What could end or decorate a quoted label, as a character reference. */
static void put_escaped(const char *text, struct buf *out)
{
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte == 0x7f)
            buf_add_char(out, ' ');
        else if (strchr("\"#<>&;`\\", *c) != NULL)
            buf_addf(out, "#%d;", byte);
        else
            buf_add_char(out, *c);
    }
}

static void put_label(const char *word, const char *text, struct buf *out)
{
    buf_add_char(out, '"');
    buf_add_str(out, word);
    put_escaped(text, out);
    buf_add_char(out, '"');
}

static void put_edge(const struct graph *g, int from, int to, struct buf *out)
{
    buf_add_str(out, "    ");
    put_id(g, from, out);
    buf_add_str(out, " --> ");
    put_id(g, to, out);
    buf_add_str(out, ";\n");
}

/* A way that may be taken or not. */
struct choice {
    int from;
    int to;
    const char *word;  /* in front of the label; or NULL */
    const char *label; /* or NULL */
};

static void put_choice(const struct graph *g, const struct choice *way, struct buf *out)
{
    buf_add_str(out, "    ");
    put_id(g, way->from, out);
    buf_add_str(out, " -.->");
    if (way->label != NULL) {
        buf_add_char(out, '|');
        put_label(way->word == NULL ? "" : way->word, way->label, out);
        buf_add_char(out, '|');
    }
    buf_add_char(out, ' ');
    put_id(g, way->to, out);
    buf_add_str(out, ";\n");
}

static void put_switch(const struct graph *g, int from, const struct route *route, struct buf *out)
{
    for (size_t i = 0; i < route->case_count; i++)
        put_choice(g, &(struct choice){ from, route->targets[i], NULL, route->values[i] }, out);
    if (route->fallback != NODE_NONE)
        put_choice(g, &(struct choice){ from, route->fallback, NULL, "default" }, out);
}

static void put_each(const struct graph *g, int from, const struct route *route, struct buf *out)
{
    struct choice way = { from, route->targets[0], "each ", path_text(route->path) };
    put_choice(g, &way, out);
}

/* A condition that says nothing of its targets may go anywhere. */
static void put_function(const struct graph *g, int from, const struct route *route,
                         struct buf *out)
{
    for (size_t i = 0; i < route->case_count; i++)
        put_choice(g, &(struct choice){ from, route->targets[i], NULL, route->values[i] }, out);
    if (route->case_count > 0)
        return;
    for (size_t i = 0; i < g->node_count; i++)
        put_choice(g, &(struct choice){ from, (int)i, NULL, NULL }, out);
    put_choice(g, &(struct choice){ from, NODE_END, NULL, NULL }, out);
}

static void put_route(const struct graph *g, int from, const struct route *route, struct buf *out)
{
    switch (route->kind) {
    case ROUTE_SWITCH:
        put_switch(g, from, route, out);
        break;
    case ROUTE_EACH:
        put_each(g, from, route, out);
        break;
    case ROUTE_FUNCTION:
        put_function(g, from, route, out);
        break;
    }
}

static void put_outlets(const struct graph *g, int from, const struct outlets *o, struct buf *out)
{
    for (size_t i = 0; i < o->target_count; i++)
        put_edge(g, from, o->targets[i], out);
    for (size_t i = 0; i < o->join_count; i++)
        put_edge(g, from, g->joins[o->joins[i]].target, out);
    for (size_t i = 0; i < o->route_count; i++)
        put_route(g, from, &o->routes[i], out);
}

static bool is_empty(const struct outlets *o)
{
    return o->target_count + o->join_count + o->route_count == 0;
}

static void put_ends(const struct graph *g, int from, const struct node *n, const char *label,
                     struct buf *out)
{
    for (size_t i = 0; i < n->end_count; i++)
        put_choice(g, &(struct choice){ from, n->ends[i], NULL, label }, out);
}

/* An error handler stands for its node, so its ways are drawn as the node's. */
static void put_handler(const struct graph *g, int from, struct buf *out)
{
    const struct node *n = &g->nodes[from];
    if (n->on_error == NULL)
        return;
    put_ends(g, from, n->on_error, "on error", out);
    if (n->on_error_goto != NODE_NONE)
        put_choice(g, &(struct choice){ from, n->on_error_goto, NULL, "on error" }, out);
    else if (n->on_error->end_count == 0)
        put_choice(g, &(struct choice){ from, NODE_END, NULL, "on error" }, out);
}

static void put_node_ways(const struct graph *g, int from, struct buf *out)
{
    const struct node *n = &g->nodes[from];
    put_outlets(g, from, &n->out, out);
    put_ends(g, from, n, NULL, out);
    /* Edges to the end are not kept, as they do nothing: a way ends where nothing follows. */
    if (is_empty(&n->out) && n->end_count == 0)
        put_edge(g, from, NODE_END, out);
    put_handler(g, from, out);
}

void graph_draw(const struct graph *g, struct buf *out)
{
    buf_add_str(out, "graph TD;\n    __start__([\"__start__\"]);\n");
    for (size_t i = 0; i < g->node_count; i++) {
        buf_add_str(out, "    ");
        put_id(g, (int)i, out);
        buf_add_char(out, '[');
        put_label("", g->nodes[i].name, out);
        buf_add_str(out, "];\n");
    }
    buf_add_str(out, "    __end__([\"__end__\"]);\n");
    put_outlets(g, NODE_START, &g->start, out);
    if (is_empty(&g->start))
        put_edge(g, NODE_START, NODE_END, out);
    for (size_t i = 0; i < g->node_count; i++)
        put_node_ways(g, (int)i, out);
}
