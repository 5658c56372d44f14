#ifndef ANABRANCH_SCRIPT_CONDITION_H
#define ANABRANCH_SCRIPT_CONDITION_H
/* Functions of a script as conditions and reducers of a graph. They are called at once and cannot wait. */
#include "script/script.h"

/*
 * function: "#7". What it returns chooses: a name, a Send, or a list of both; an empty list: nothing. nil is
 * refused, as LangGraph refuses None. map: object of results (as texts) to nodes, or NULL: results are nodes.
 * ret: see struct chooser.
 * 0 or a fault.
 */
int condition_by_function(struct script *s, const char *function, json_t *map, struct chooser *ret);

/* See struct code_ops. */
int condition_by_expressions(struct code *code, const char *const *expressions,
                             const char *const *targets, size_t count, struct chooser *ret,
                             size_t *wrong, struct buf *why);
int condition_reducer(struct code *code, const char *name, struct reducer_fn *ret, struct buf *why);

#endif
