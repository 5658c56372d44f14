#ifndef ANABRANCH_GRAPH_DRAW_H
#define ANABRANCH_GRAPH_DRAW_H
/* A graph for people and for forms: Mermaid text, nodes and edges as JSON, and JSON Schemas (draft-07) of its input, output
 * and state. */
#include "base/buf.h"
#include "graph/graph.h"

/* Appends "graph TD;\n..." ; node names are escaped as Mermaid needs. Plain edges
 * and joins are solid. Ways that depend on the run are dotted: a switch with its cases, "each
 * PATH", conditions, the ends of commands, and "on error" to where an error handler goes. */
void graph_draw(const struct graph *g, struct buf *out);

/*
 * The same for programs: {"nodes": [{"id","type","data"}], "edges": [{"source","target",
 * "conditional","data"?}]}, as LangGraph's servers print a graph. depth: so many levels of graphs
 * inside are drawn in place of their nodes, as "node:inner node"; 0 = none. A new reference, NULL:
 * no memory.
 */
json_t *graph_draw_json(const struct graph *g, int depth);

enum graph_schema { SCHEMA_INPUT, SCHEMA_OUTPUT, SCHEMA_STATE };
/* A new reference, NULL: no memory. */
json_t *graph_schema(const struct graph *g, enum graph_schema which);

#endif
