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
#include "graph/ways.h"
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
static void put_choice(const struct graph *g, const struct way *way, struct buf *out)
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

struct drawing {
    const struct graph *g;
    struct buf *out;
};

static void put_way(void *arg, const struct way *way)
{
    const struct drawing *d = arg;
    if (way->is_conditional)
        put_choice(d->g, way, d->out);
    else
        put_edge(d->g, way->from, way->to, d->out);
}

void graph_draw(const struct graph *g, struct buf *out)
{
    struct drawing d = { g, out };
    buf_add_str(out, "graph TD;\n    __start__([\"__start__\"]);\n");
    for (size_t i = 0; i < g->node_count; i++) {
        buf_add_str(out, "    ");
        put_id(g, (int)i, out);
        buf_add_char(out, '[');
        put_label("", g->nodes[i].name, out);
        buf_add_str(out, "];\n");
    }
    buf_add_str(out, "    __end__([\"__end__\"]);\n");
    graph_each_way(g, put_way, &d);
}
