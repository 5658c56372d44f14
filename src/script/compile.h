#ifndef ANABRANCH_SCRIPT_COMPILE_H
#define ANABRANCH_SCRIPT_COMPILE_H
/*
 * From the tables of a StateGraph to calls of the builder. The description, as api.lua makes it:
 *
 *     {"fields": [{"name", "spec"}], "nodes": [{"name", "spec", "at": "line 3"}],
 *      "edges": [{"from": "a" or ["a"], "to": "b" or ["b"], "at"},
 *                {"from": "a", "choose": "#7", "map": {"yes": "b"}, "at"}],
 *      "input", "output", "interrupt_before", "interrupt_after", "recursion_limit", ...}
 *
 * "#7" is the seventh function that the script has handed over; a node's "graph": "#0" is the first
 * graph that it has compiled.
 */
#include "script/script.h"

/* A file that is being loaded. */
struct compiling {
    const struct script_tools *tools;
    struct script *script;
    char *name; /* of the graphs */
    struct problems *problems;
    struct graph **graphs; /* a reference to each; NULL: it has mistakes */
    size_t count;
    struct graph_source source; /* ours in front of tools->graphs */
};

int compile_init(struct compiling *c, const struct script_tools *tools, struct script *script,
                 struct problems *problems);
void compile_deinit(struct compiling *c);
/* Mistakes are added to c->problems. *ret: its place in c->graphs. 0 or a fault. */
int compile_graph(struct compiling *c, const json_t *description, int *ret);

#endif
