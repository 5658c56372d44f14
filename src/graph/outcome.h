#ifndef ANABRANCH_GRAPH_OUTCOME_H
#define ANABRANCH_GRAPH_OUTCOME_H
/*
 * What a task has decided: what it writes and where the run goes. A node's return value (nothing,
 * an object, a Command, a list of Commands) becomes one of these; the routes behind the node add
 * their targets to it. Then nothing of it depends on anything any more: it can be stored, and
 * applied later in canonical order.
 *
 * A Command as JSON, which is how kinds, scripts and the C API speak of it:
 *
 *     {"update": {"field": value} or [["field", value], ...],
 *      "goto":   "node", {"node": "n", "arg": any}, or a list of both,
 *      "graph":  "PARENT"}
 */
#include "graph/state.h"

/* A node to run next. */
struct target {
    int node;          /* never NODE_END */
    struct value *arg; /* a Send: the whole input of its task; NULL: a goto */
};

/* A plain value. Zeroed is empty. */
struct outcome {
    struct update update;
    struct target *targets; /* in the order in which they were decided */
    size_t target_count;
    size_t target_cap;
    size_t target_max; /* more of them are refused; 0 = no bound. Its maker sets it */
    json_t *parent;    /* array of Commands for the parent graph (without "graph"), or NULL */
};

void outcome_clear(struct outcome *o); /* leaves it empty, and without a bound */
void outcome_move(struct outcome *to, struct outcome *from); /* clears to, empties from */

enum { OUTCOME_E_REFUSED = 1 };
/* Takes arg (also on failure; NULL = a goto). node may be NODE_END, which is ignored. 0,
 * OUTCOME_E_REFUSED with f (FAIL_LIMIT: target_max are there), or ERR_NOMEM. */
int outcome_add_target_take(struct outcome *o, int node, struct value *arg, struct fail *f);
/* How many of the targets are Sends. */
size_t outcome_count_sends(const struct outcome *o);
/* The same by name. "__end__" as a goto is ignored; a Send to it, an unknown node and "__start__"
 * are FAIL_INVALID_UPDATE. As above, or another fault. */
int outcome_add_goto(struct outcome *o, const struct graph *g, const char *name, const json_t *arg,
                     struct fail *f);
/*
 * Adds a Command. Keys of its update that are no field are dropped. Borrows json, whose parts are
 * shared: nobody may change them any more. 0, OUTCOME_E_REFUSED with f (FAIL_INVALID_UPDATE: not
 * of the form above, unknown node; FAIL_LIMIT), or a fault; o may hold a part of it then.
 */
int outcome_add_command(struct outcome *o, const struct graph *g, const json_t *command,
                        struct fail *f);
/*
 * What a function of a node has returned: null; an object (its keys are fields); {"__command__":
 * Command}; or a list with at least one of those, where other elements count as updates. Anything
 * else is FAIL_INVALID_UPDATE, which says so of `node`. As above.
 */
int outcome_add_result(struct outcome *o, const struct graph *g, const char *node,
                       const json_t *result, struct fail *f);

/*
 * The targets of an outlets' routes, by the state that `scope` shows. node: for messages, or
 * "__start__". 0, OUTCOME_E_REFUSED with f (a switch without a case for the value and without a
 * default; `each` over what is no list, or over more items than target_max has room for; what a
 * function says), or a fault.
 */
int outcome_follow(struct outcome *o, const char *node, const struct outlets *out,
                   const struct scope *scope, struct fail *f);

/*
 * As JSON for the store: {"update": [["field", value], ...], "goto": [["node"], ["node", arg]]}.
 * Fields that live for a run only are left out, also from the top level of a Send's arg.
 * It shares its parts with o. 0 or ERR_NOMEM.
 */
int outcome_json(const struct outcome *o, const struct graph *g, json_t **ret);
/* The array of "goto" alone, as text. For the scheduler, whose Sends are stored the same way. Sticky. */
void targets_encode(const struct target *targets, size_t count, const struct graph *g,
                    struct buf *out);
/* The other way. What the graph no longer has is refused by name. Fills an empty o.
 * Shares parts of json, which nobody may change any more. 0, OUTCOME_E_REFUSED with f
 * (FAIL_INVALID_UPDATE), or a fault (ERR_SYSTEM: json is damaged); o may hold a part. */
int outcome_decode(struct outcome *o, const struct graph *g, const json_t *json, struct fail *f);

#endif
