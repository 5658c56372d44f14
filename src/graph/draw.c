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

static void put_label(const char *text, struct buf *out)
{
    buf_add_char(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte == 0x7f)
            buf_add_char(out, ' ');
        else if (strchr("\"#<>&;`\\", *c) != NULL)
            buf_addf(out, "#%d;", byte);
        else
            buf_add_char(out, *c);
    }
    buf_add_char(out, '"');
}

static void put_edge(const struct graph *g, int from, int to, const char *label, struct buf *out)
{
    buf_add_str(out, "    ");
    put_id(g, from, out);
    if (label == NULL) {
        buf_add_str(out, " --> ");
    } else {
        buf_add_str(out, " -.->|");
        put_label(label, out);
        buf_add_str(out, "| ");
    }
    put_id(g, to, out);
    buf_add_str(out, ";\n");
}

static void put_outlets(const struct graph *g, int from, const struct outlets *o, struct buf *out)
{
    for (size_t i = 0; i < o->target_count; i++)
        put_edge(g, from, o->targets[i], NULL, out);
    for (size_t i = 0; i < o->join_count; i++)
        put_edge(g, from, g->joins[o->joins[i]].target, NULL, out);
    for (size_t i = 0; i < o->route_count; i++) {
        const struct route *route = &o->routes[i];
        for (size_t j = 0; j < route->case_count; j++)
            put_edge(g, from, route->targets[j], route->values[j], out);
        if (route->fallback != NODE_NONE)
            put_edge(g, from, route->fallback, "default", out);
    }
    /* Edges to the end are not kept, as they do nothing: a way ends where nothing follows. */
    if (o->target_count + o->join_count + o->route_count == 0)
        put_edge(g, from, NODE_END, NULL, out);
}

void graph_draw(const struct graph *g, struct buf *out)
{
    buf_add_str(out, "graph TD;\n    __start__([\"__start__\"]);\n");
    for (size_t i = 0; i < g->node_count; i++) {
        buf_add_str(out, "    ");
        put_id(g, (int)i, out);
        buf_add_char(out, '[');
        put_label(g->nodes[i].name, out);
        buf_add_str(out, "];\n");
    }
    buf_add_str(out, "    __end__([\"__end__\"]);\n");
    put_outlets(g, NODE_START, &g->start, out);
    for (size_t i = 0; i < g->node_count; i++)
        put_outlets(g, (int)i, &g->nodes[i].out, out);
}
