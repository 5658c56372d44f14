#ifndef ANABRANCH_EMBED_EMBED_H
#define ANABRANCH_EMBED_EMBED_H
/*
 * What the files of embed/ share: the public C API (anabranch.h) put over a worker.
 *
 *     engine.c         the engine: settings, loop, what happens at its end
 *     embed_kind.c     node kinds written in C, as the builder and the run see them
 *     embed_task.c     their tasks: how they live, and what they see
 *     embed_say.c      what tasks say: text, events, questions, their end
 *     embed_json.c     texts of a program, most of them JSON
 *     embed_request.c  the options of a run, from JSON texts to a run_request
 *     embed_run.c      runs: events, cancelling from other threads
 *     embed_result.c   what a run has come to, as JSON
 *     embed_thread.c   threads between their runs
 *     embed_graph.c    builders and graphs
 *
 * Faults of err.h and ANABRANCH_E_NOMEM, ANABRANCH_E_SYSTEM are the same numbers (asserted in
 * engine.c), so a fault passes the border as it is.
 */
#include "anabranch.h"
#include "graph/code.h"
#include "run/worker.h"
#include "script/script.h"
#include <stdint.h>

/* For copies of states, events and failures, which the settings bounded where they were made. */
#define EMBED_UNBOUNDED (SIZE_MAX / 4)

struct anabranch_engine {
    struct conf conf;
    struct worker worker;
    struct script_tools scripts;
    struct code_source language;    /* what graphs of this engine may have code in; from scripts */
    const struct node_kind **kinds; /* worker.services.kinds: the built-in ones, then our own */
    struct list own_kinds;          /* struct embed_kind */
    struct list tasks;              /* struct anabranch_task that their kinds have not ended */
    struct list runs;               /* struct anabranch_run */
    struct list calls;              /* struct embed_call: threads that are looked at or changed */
    bool is_running;                /* in anabranch_engine_run() or anabranch_invoke() */
    bool is_ending;                 /* in anabranch_engine_free(): no new calls */
    bool has_no_calls;              /* ... and the last one has ended */
};

/* Runs turns until *done (NULL = until anabranch_engine_stop()). ANABRANCH_E_INVALID: from inside a
 * callback. */
int embed_turn_until(struct anabranch_engine *engine, const bool *done);

/* ---- texts of a program ---- */

/* ANABRANCH_E_INVALID, with a line in the log: what is wrong with an argument. */
int embed_wrong(const char *call, const char *argument, const char *why);
/* NULL is no text: *ret stays. call and argument: for messages. 0, ANABRANCH_E_INVALID (logged), or
 * a fault. */
int embed_read_json(const struct conf *conf, const char *call, const char *argument,
                    const char *text, json_t **ret);
/* Has the text a character, and can it stand in JSON? NULL is no text, and right. 0, or
 * ANABRANCH_E_INVALID (logged). */
int embed_check_text(const char *call, const char *argument, const char *text);
/* embed_read_json() for an object. */
int embed_read_object(const struct conf *conf, const char *call, const char *argument,
                      const char *text, json_t **ret);

/* ---- kinds ---- */

struct embed_kind {
    struct list node;
    struct anabranch_engine *engine;
    struct anabranch_kind api; /* api.name is ours */
    struct node_kind kind;     /* what the builder finds; kind.arg leads back here */
};
int embed_kinds_init(struct anabranch_engine *engine);
/* When no graph uses them any more. */
void embed_kinds_deinit(struct anabranch_engine *engine);
/* What configure gave, for a node of a C kind. */
void *embed_config(const struct node *node);

/* JSON that a task may look at, and its text once it has. */
struct embed_sight {
    json_t *json; /* a reference; NULL = an empty object */
    char *text;
    size_t len_bytes;
};
/*
 * A task of a C kind. Two sides hold it, and either may let go first:
 *
 *     the kind   until its finish or fail, or a question without an answer: is_ended
 *     the run    until it called release: is_released
 */
struct anabranch_task {
    struct list node; /* engine->tasks */
    struct loop_later later;
    const struct embed_kind *kind;
    struct task *task;   /* NULL: the run does not want it any more */
    struct state *state; /* as the task sees it */
    json_t *arg;         /* a Send's, or NULL */
    json_t *extra;       /* what an error handler sees besides, or NULL */
    struct embed_sight context, config, facts;
    const struct node *of; /* in the graph that state holds */
    char id[ID_BYTES];
    char *state_text, *input_text; /* made when they are asked for */
    size_t state_len_bytes, input_len_bytes;
    char **answers; /* texts that were given out */
    size_t answer_count;
    void *data;
    bool is_ended;
    bool is_released;
};
/* The kind has ended it: freed at the end of the turn, as soon as the run let go of it, too. */
void embed_task_end(struct anabranch_task *t);

/* The task half of struct node_kind. */
void embed_task_start(struct task *task);
void embed_task_cancel(struct task *task);
void embed_task_release(struct task *task);
/* Frees the tasks that were cancelled and never ended by their kinds. After the loop is gone. */
void embed_tasks_free(struct anabranch_engine *engine);

/* ---- runs ---- */

/* A run_request and what it borrows. */
struct embed_request {
    struct run_request req;
    json_t *input, *command, *config, *context, *before, *after;
};
/* Zeroed before; clear whatever comes back. 0, ANABRANCH_E_INVALID (logged: which option and why),
 * or a fault. */
int embed_request_read(const struct anabranch_engine *engine, struct graph *graph,
                       const struct anabranch_run_options *options, struct embed_request *ret);
void embed_request_clear(struct embed_request *r);

/* {"error":{"type","message","node"?}}. Sticky error in out. */
void embed_write_fail(const struct fail *f, struct buf *out);
/* The output fields of a run that ended well; and "__interrupt__" if it was interrupted. Sticky. */
void embed_write_output(const struct run *run, struct buf *out);

/* Asks the runs that are left to end. */
void embed_runs_cancel(struct anabranch_engine *engine);
/* Frees what undelivered calls of anabranch_cancel() still held. After the loop is gone. */
void embed_runs_free(struct anabranch_engine *engine);

/* ---- threads ---- */

/* Ends the calls that are left, and tells them so. The engine is ending. */
void embed_calls_end(struct anabranch_engine *engine);

#endif
