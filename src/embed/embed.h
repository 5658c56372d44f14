#ifndef ANABRANCH_EMBED_EMBED_H
#define ANABRANCH_EMBED_EMBED_H
/*
 * What the files of embed/ share: the public C API (anabranch.h) put over a worker.
 *
 *     engine.c         the engine: settings, loop, what happens at its end
 *     embed_kind.c     node kinds written in C, as the builder and the run see them
 *     embed_task.c     their tasks, as their author sees them
 *     embed_request.c  the options of a run, from JSON texts to a run_request
 *     embed_run.c      runs: events, result, cancelling from other threads
 *     embed_graph.c    builders and graphs
 *
 * Faults of err.h and ANABRANCH_E_NOMEM, ANABRANCH_E_SYSTEM are the same numbers (asserted in
 * engine.c), so a fault passes the border as it is.
 */
#include "anabranch.h"
#include "run/worker.h"
#include <stdint.h>

/* For copies of states, events and failures, which the settings bounded where they were made. */
#define EMBED_UNBOUNDED (SIZE_MAX / 4)

struct anabranch_engine {
    struct conf conf;
    struct worker worker;
    const struct node_kind **kinds; /* worker.services.kinds: the built-in ones, then our own */
    struct list own_kinds;          /* struct embed_kind */
    struct list tasks;              /* struct anabranch_task that their kinds have not ended */
    struct list runs;               /* struct anabranch_run */
    bool is_running;                /* in anabranch_engine_run() or anabranch_invoke() */
};

/* Copies one of the option structs, which begin with their size: what the caller's struct does not
 * have is zero. from may be NULL. */
void embed_copy_options(void *to, size_t to_size, const void *from);
/* Runs turns until *done (NULL = until anabranch_engine_stop()). ANABRANCH_E_INVALID: from inside a
 * callback. */
int embed_turn_until(struct anabranch_engine *engine, const bool *done);

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
    json_t *input, *config, *context;
};
/* Zeroed before; clear whatever comes back. 0, ANABRANCH_E_INVALID (logged: which option and why),
 * or a fault. */
int embed_request_read(const struct anabranch_engine *engine, struct graph *graph,
                       const struct anabranch_run_options *options, struct embed_request *ret);
void embed_request_clear(struct embed_request *r);

/* Asks the runs that are left to end. */
void embed_runs_cancel(struct anabranch_engine *engine);
/* Frees what undelivered calls of anabranch_cancel() still held. After the loop is gone. */
void embed_runs_free(struct anabranch_engine *engine);

#endif
