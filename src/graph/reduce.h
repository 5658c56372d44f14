#ifndef ANABRANCH_GRAPH_REDUCE_H
#define ANABRANCH_GRAPH_REDUCE_H
/*
 * One field's part of a step: what it held and what was written, through its reducer. Used by
 * state.c only.
 */
#include "base/fail.h"
#include "graph/graph.h"

/* The writes of a field in a step, in the order in which they are applied. Everything is borrowed.
 */
struct pending {
    const char *node; /* as in struct task_writes */
    struct value *value;
    const struct pending *next;
};

enum { REDUCE_E_REFUSED = 1 };

/*
 * Types are checked before the reducer runs, and once more on what came out.
 *   left    what the field holds, or NULL; not changed, what stays of it is shared.
 *   writes  at least one.
 *   ret     out: a reference; the written value itself where nothing had to be made of it.
 * Returns 0, REDUCE_E_REFUSED (f is filled), or a fault.
 */
int reduce(const struct field *field, struct value *left, const struct pending *writes,
           struct value **ret, struct fail *f);

#endif
