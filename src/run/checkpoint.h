#ifndef ANABRANCH_RUN_CHECKPOINT_H
#define ANABRANCH_RUN_CHECKPOINT_H
/*
 * Where a graph stands on a thread: its state, what is to run next, what the tasks of that step
 * have left so far, and its place in the history. Made empty or from the store; moved on by the
 * functions below; written by run/saver.h. No I/O here.
 *
 *     step  source   holds
 *       -1  input    an input that waits for __start__
 *        0  loop     the input applied, the first nodes planned
 *      1..  loop     the writes of one more step
 *           update   writes from outside        fork   the same once more, as a branch
 *
 * Loop thread only.
 */
#include "base/fail.h"
#include "base/id.h"
#include "graph/sched.h"
#include "graph/state.h"
#include "store/store.h"

enum checkpoint_source { SOURCE_INPUT, SOURCE_LOOP, SOURCE_UPDATE, SOURCE_FORK };
const char *checkpoint_source_name(enum checkpoint_source s);

/* The task id of what comes from outside (commands): no task has it. */
#define NULL_TASK_ID "00000000-0000-0000-0000-000000000000"

/* What one task of the step has left. */
struct pending_write {
    char task_id[ID_BYTES];
    enum write_kind kind;
    json_t *json; /* RESULT: outcome_json(); ERROR: {"name","message"}; INTERRUPT: [{"id","value"}];
                     RESUME: [answers], for NULL_TASK_ID one answer; COMMAND: [as RESULT, ...], of
                     NULL_TASK_ID only */
};

/* Where a field's value is stored. */
struct field_place {
    char at[ID_BYTES];   /* the checkpoint that wrote it; "" = not stored */
    int64_t delta_count; /* writes since it was stored whole */
    int64_t owed_bytes;  /* as long as this is above 0, they are less than the whole was */
};

struct checkpoint {
    struct graph *graph;      /* a reference */
    char id[ID_BYTES];        /* "" = nothing has happened on this thread and namespace */
    char parent_id[ID_BYTES]; /* "" = the first */
    int64_t step;             /* -2 when id is "" */
    enum checkpoint_source source;
    char created_at[40]; /* ISO 8601, UTC, milliseconds */
    json_t *metadata;    /* object: run_id and what the user gave; without source and step */
    json_t *parents;     /* object: {ancestor namespace: checkpoint id} */
    struct state *state;
    struct sched *sched;
    json_t *input;                /* what waits for __start__, or NULL */
    struct pending_write *writes; /* sorted by task id, then kind */
    size_t write_count;
    size_t write_cap;
    struct field_place *places; /* one per field of the graph */
};

/* As if nothing had happened. 0 or a fault; deinit in every case. */
int checkpoint_init(struct checkpoint *c, struct graph *graph);
void checkpoint_deinit(struct checkpoint *c);

enum { CHECKPOINT_E_REFUSED = 1 };
/*
 * From the store, over one that was init'ed. is_lenient: what the graph does not have any more is
 * left out (to look at, and for update_state with as_node); else CHECKPOINT_E_REFUSED, f names the
 * node, join or field that is missing (FAIL_INVALID_UPDATE). Or a fault (also for damaged rows).
 */
int checkpoint_decode(struct checkpoint *c, const struct stored_checkpoint *from, bool is_lenient,
                      struct fail *f);
/* The head, as JSON text. Sticky error in out. */
void checkpoint_encode_head(const struct checkpoint *c, struct buf *out);

/* ---- what has been left so far ---- */

/* Borrowed; NULL = none, or withdrawn. */
const json_t *checkpoint_find_write(const struct checkpoint *c, const char *task_id,
                                    enum write_kind kind);
/* As it is stored: null = withdrawn. */
const json_t *checkpoint_find_row(const struct checkpoint *c, const char *task_id,
                                  enum write_kind kind);
/* In place of one of that task and kind. Takes json (also on failure); null withdraws what is there
 * (rows of the store are replaced, never removed). 0 or ERR_NOMEM. */
int checkpoint_set_write_take(struct checkpoint *c, const char *task_id, enum write_kind kind,
                              json_t *json);
void checkpoint_drop_write(struct checkpoint *c, const char *task_id, enum write_kind kind);
void checkpoint_drop_writes(struct checkpoint *c, enum write_kind kind); /* of all tasks */
void checkpoint_clear_writes(struct checkpoint *c);

/* ---- moving on ---- */

/* One task that has ended, in canonical order: nodes by name, then Sends by index. */
struct ended_task {
    const char *name; /* for messages */
    int node;         /* NODE_START, or NODE_NONE: only its writes and targets count (a handler) */
    const struct outcome *outcome;
};
/*
 * The end of a step: takes what was planned, applies the writes, fires edges and targets, settles,
 * forgets the pending writes and a waiting input. The place in history is not moved yet.
 * changed: one bool per field, or NULL.
 * 0; CHECKPOINT_E_REFUSED with f; or a fault: then nothing has changed.
 */
int checkpoint_apply(struct checkpoint *c, const struct ended_task *tasks, size_t count,
                     const struct state_limits *limits, bool *changed, struct fail *f);
/* Writes and targets of nobody (a command given as input): nothing is taken, nothing expires. */
int checkpoint_apply_null(struct checkpoint *c, const struct outcome *o,
                          const struct state_limits *limits, bool *changed, struct fail *f);
/* A new input: what was planned is dropped, pending writes too. Takes input. */
void checkpoint_begin_take(struct checkpoint *c, json_t *input);
/* The next place in history: a new id, the old one is its parent, step + 1, now. */
void checkpoint_advance(struct checkpoint *c, enum checkpoint_source source);

/* ---- tasks ---- */

/* UUIDv5 over checkpoint id, namespace, step, name, kind, and trigger or index: the same
 * checkpoint always gives the same ids. ns: the graph's own namespace, "" = root. */
void checkpoint_task_id(const struct checkpoint *c, const char *ns, const struct planned *p,
                        char ret[ID_BYTES]);
/* "__start__", or the node's. */
const char *planned_name(const struct graph *g, const struct planned *p);
/* [ns|]name:task_id; free with mem_free(). NULL: no memory. */
char *task_namespace(const char *ns, const char *name, const char *task_id);
/* Where a subgraph with one state for the whole thread is stored: no task id may be in the way, not
 * above it either. In place. */
void namespace_strip(char *ns);
/* The 32 hex digits of a UUIDv5 of the task's namespace, and from the second question (index 1) on
 * of its number too. */
void interrupt_id(const char *task_ns, size_t index, char ret[ID_BYTES]);

/* ---- how it looks from outside ---- */

struct snapshot_options {
    const char *thread_id;
    const char *ns;    /* as clients write it, task ids included */
    bool with_pending; /* latest state: finished tasks' writes are shown as applied */
    const struct state_limits *limits;
    enum state_view results; /* which fields of the tasks' results are shown */
};
/*
 * LangGraph's StateSnapshot as the HTTP API prints it (wire-protocol.md): values, next, tasks
 * (id, name, path, error, interrupts, state, result), metadata (source, step, parents, the user's,
 * thread_id), created_at, checkpoint {thread_id, checkpoint_ns, checkpoint_id}, parent_checkpoint
 * or null, config and parent_config ({"configurable": {...}}), interrupts (those of all tasks that
 * still wait). Empty thread: {"values": {}, "next": [], "tasks": [], ...null}.
 * `state` of a task that is a subgraph: {"configurable": {thread_id, checkpoint_ns}}, else null.
 * is_event: the form of `checkpoints` events: next names all tasks, finished ones, too.
 * 0 or a fault.
 */
int checkpoint_snapshot(const struct checkpoint *c, const struct snapshot_options *o, bool is_event,
                        json_t **ret);

#endif
