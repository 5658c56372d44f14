#ifndef ANABRANCH_GRAPH_SUBGRAPH_H
#define ANABRANCH_GRAPH_SUBGRAPH_H
/*
 * What goes into a graph that is a node, and what comes out of it. Pure: the run layer gives the
 * one to the child as its input, and applies the other as the node's update.
 *
 *     parent {question, notes}  --in-->  child {question, draft}  --out-->  parent {notes: draft}
 *
 * Values are shared: nobody may change what these functions return.
 */
#include "graph/path.h"
#include "graph/state.h"

enum { SUBGRAPH_MAX_DEPTH = 8 /* graphs inside each other */ };

struct subgraph *subgraph_free(struct subgraph *s); /* accepts NULL and half-built, returns NULL */

/*
 * scope: of the node's task. Without `in`: the child's input fields that the task's input has (the
 * state, or a Send's argument); else what its paths find. What is absent is left out.
 * ret: out, an object, a new reference. 0 or ERR_NOMEM.
 */
int subgraph_input(const struct subgraph *s, const struct graph *parent, const struct scope *scope,
                   json_t **ret);
/*
 * child_final: the child's state at its end. Without `out`: the child's output fields that the
 * parent has; else what its paths find. What is absent is not written. Whole values go through
 * the parent's reducers: a list that was appended to comes back with what was handed in.
 * ret: out, was empty; holds a part of it on failure. 0 or ERR_NOMEM.
 */
int subgraph_output(const struct subgraph *s, const struct graph *parent,
                    const struct state *child_final, struct update *ret);

#endif
