#ifndef ANABRANCH_GRAPH_STATE_H
#define ANABRANCH_GRAPH_STATE_H
/*
 * One version of a run's state: immutable, counted. Applying a step's writes makes the next
 * version; unchanged fields share their values. A node task, an event and a checkpoint each hold
 * the version they speak of.
 */
#include "base/buf.h"
#include "base/fail.h"
#include "graph/graph.h"

struct state;

/* Fields at their initial values. Holds a reference of graph. 0 or ERR_NOMEM. */
int state_new(struct graph *graph, struct state **ret);
struct state *state_ref(struct state *s);
struct state *state_unref(struct state *s);             /* accepts NULL, returns NULL */
const struct graph *state_graph(const struct state *s); /* borrowed, as long as s lives */
/* Borrowed; NULL = never written. */
struct value *state_get(const struct state *s, int field);

/* What one task wants to write, in its own order. A plain value; owns its values. */
struct write {
    int field;
    struct value *value;
};
struct update {
    struct write *writes;
    size_t count;
    size_t cap;
};
void update_init(struct update *u);
void update_clear(struct update *u);
/* Takes value (also on failure). 0 or ERR_NOMEM. */
int update_add_take(struct update *u, int field, struct value *value);
/* Splits an object: keys that are no field are dropped, as LangGraph does. Borrows json, whose
 * parts are shared: nobody may change them any more. 0 or ERR_NOMEM; u then holds a part of it. */
int update_add_object(struct update *u, const struct graph *g, json_t *object);
void update_move(struct update *to, struct update *from); /* clears to, empties from */

/* One task's writes with its name, for state_apply(). */
struct task_writes {
    const char *node; /* for messages: a node's name, "__start__" (the input), "__input__" (a
                         command) */
    const struct update *update;
};

enum { STATE_E_REFUSED = 1 };
struct state_limits {
    int64_t max_bytes; /* of all encoded values */
    int64_t max_depth;
    int64_t max_messages; /* in one field; 0 = not limited */
};
/*
 * Applies the tasks' writes in the order given, through the reducers.
 * changed: out, one bool per field (whether it was written), or NULL. ret: out, a reference; s is
 * still the caller's. Nothing is encoded past max_bytes, however large a write would be.
 *
 * f is filled on STATE_E_REFUSED: FAIL_INVALID_UPDATE (two writers of a `replace` field; a wrong
 * type: node, field, expected and found) or FAIL_LIMIT; for the writer "__start__" a wrong type is
 * FAIL_INPUT. Returns 0, STATE_E_REFUSED, or a fault; *ret and *changed are untouched then.
 */
int state_apply(struct state *s, const struct task_writes *tasks, size_t count,
                const struct state_limits *limits, struct state **ret, bool *changed,
                struct fail *f);
/* The same at the end of a step: what was written in an earlier step into a field that lives for
 * one step is gone before the writes are applied, so a field that is not written is as before its
 * first write. `changed` does not tell of those. */
int state_apply_step(struct state *s, const struct task_writes *tasks, size_t count,
                     const struct state_limits *limits, struct state **ret, bool *changed,
                     struct fail *f);
/* f becomes what state_apply() says of a write that does not fit its field; why: "expected string,
 * found null". writer: as in task_writes. */
void write_refused(const struct field *field, const char *writer, const char *why, struct fail *f);
/* A version as it was stored: the fields' initial values, and over them those of `values`, as they
 * are, without a reducer. Holds a reference of graph. 0 or ERR_NOMEM. */
int state_restore(struct graph *graph, const struct update *values, struct state **ret);

enum state_view {
    VIEW_ALL,   /* every field: what nodes see */
    VIEW_SHOWN, /* all but private ones: what `values` events and /runs/wait show */
    VIEW_OUTPUT /* the output fields: what /invoke answers */
};
/* Appends the state as a JSON object, fields in declared order, absent ones left out. Sticky error
 * in out. */
void state_encode(const struct state *s, enum state_view view, struct buf *out);
bool field_is_in_view(const struct field *field, enum state_view view);
/* Appends an update as it goes into an `updates` event: {"field": value}; {} if it writes nothing.
   Fields that are not in view are left out. A field written twice: an array of one-key objects is
   used instead. */
void update_encode(const struct update *u, const struct graph *g, enum state_view view,
                   struct buf *out);

#endif
