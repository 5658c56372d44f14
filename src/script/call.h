#ifndef ANABRANCH_SCRIPT_CALL_H
#define ANABRANCH_SCRIPT_CALL_H
/*
 * A call: one attempt at one node, as coroutines (fibers) that wait on the loop.
 *
 *     script_call_start() ... the function runs, waits, runs ...
 *       host.emit, custom, message_*   what it tells while it runs
 *       host.finish/fail  once, never inside script_call_start()
 *     script_call_free()  any time: what still waits is cancelled, its coroutines are closed
 *
 * The first slice of a function runs from the ready list, too: a call that is started has done
 * nothing yet. A function that computes gives the loop back after a millisecond.
 *
 * Loop thread only.
 */
#include "llm/llm.h"
#include "script/script.h"

/* What a call asks of the task that it is. After finish, fail, or an ask without an answer nothing
 * of it is called any more. */
struct script_host {
    /* result: what the function returned, as outcome_add_result() takes it. Takes it. */
    void (*finish)(void *arg, json_t *take);
    void (*fail)(void *arg, struct fail *take);
    /* interrupt(): the answer, borrowed as long as the call; NULL: the task has ended. */
    const json_t *(*ask)(void *arg, json_t *take);
    void (*custom)(void *arg, json_t *take);
    void (*emit)(void *arg, const char *text, size_t len_bytes);
    /* Messages of models, any number side by side, told apart by id. */
    void (*message_open)(void *arg, const char *id, const char *model);
    void (*message_delta)(void *arg, const char *id, const struct llm_delta *delta);
    void (*message_close)(void *arg, const char *id);
    void (*progress)(void *arg); /* a sign of life */
    /* Borrowed as long as the call; NULL: no memory. Asked for because making an id is dear: the
     * hashing of it is a quarter of a short call. */
    const char *(*task_id)(void *arg);
};

/* What scripts see of the run; borrowed until the call is freed. */
struct script_about {
    const char *run_id;
    const char *node;
    int attempt;
    const struct graph *graph;
    json_t *state;         /* object: what the node sees; the call takes a reference */
    const json_t *context; /* or NULL, likewise below */
    const json_t *configurable;
    const json_t *facts;
    const json_t *error; /* {"type","message","node"}: an error handler's */
};

struct script_call_options {
    const struct script_function *function;
    struct loop *loop;
    struct fetcher *fetcher;
    struct llm_models *models;
    struct store *store; /* of items; NULL: there is none */
    const struct script_host *host;
    void *arg; /* for host */
    struct script_about about;
};

struct script_call;
/* 0; SCRIPT_E_WRONG with f filled (the script's memory is full); or a fault. If not 0, nothing will be
 * called. */
int script_call_start(const struct script_call_options *o, struct script_call **ret,
                      struct fail *f);
/* Accepts NULL. Not from inside a function of host. */
struct script_call *script_call_free(struct script_call *c);

#endif
