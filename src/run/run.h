#ifndef ANABRANCH_RUN_RUN_H
#define ANABRANCH_RUN_RUN_H
/*
 * The life of a run: load checkpoint -> apply input -> plan -> start all tasks -> gather -> apply
 * writes in canonical order -> checkpoint -> emit -> plan ... -> finish.
 *
 * A run is counted. The registry holds one reference until the run has ended; readers and requests
 * hold theirs. Events go into the run's log (run/event.h); whoever wants them opens a reader
 * (run/hub.h).
 *
 * Loop thread only.
 */
#include "base/fail.h"
#include "base/id.h"
#include "graph/state.h"
#include "node/node.h"

struct run;
struct store_batch;
struct runs; /* the registry of a worker */

/*
 * Whoever keeps the books of a run (run/desk.h). Its run is held: it does nothing until
 * run_release(), or until it is cancelled. When it has ended, `ended` is called once, from the loop:
 * status, fail, state and interrupts are known, but readers do not see the end until run_close(),
 * and the run counts as active until then.
 */
struct run_keeper {
    void (*ended)(void *arg);
    void *arg;
};

/* What of a run's events outlives a kill. The books of the run are kept, but for EVENTS_IN_MEMORY. */
enum events_kept {
    EVENTS_IN_MEMORY,
    EVENTS_NUMBERED, /* their numbers: none is given twice */
    EVENTS_STORED    /* the events of a resumable run, too */
};

/* The run takes references of the graph, the state and all JSON, which nobody may change
 * afterwards. */
struct run_request {
    struct graph *graph;
    const json_t *input;   /* object; NULL or null = none: go on where the thread stands */
    const json_t *command; /* {"resume"?, "update"?, "goto"?} in place of an input, or NULL */
    /* Objects or NULL; what the graph's assistant says stands below them, key by key. */
    const json_t *configurable; /* $config, to which the ids of the run are added */
    const json_t *context;      /* $context */
    const json_t *metadata;     /* goes into the metadata of messages events */
    const json_t *tags;         /* array of strings or NULL */
    int64_t recursion_limit;    /* 0 = the assistant's, each graph's own, the setting's */
    int64_t timeout_ms;         /* 0 = the setting run_timeout_ms */
    int64_t max_concurrency;    /* tasks of an execution at work at once; 0 = no bound */
    unsigned modes;             /* what the log keeps, perhaps with MODE_SUBGRAPHS */
    const char *run_id;         /* NULL = a new UUIDv7 */
    /* A thread of the store, 1..STORE_ID_MAX bytes, made if unknown. NULL = a stateless run:
       nothing is kept of it, and it cannot be interrupted. */
    const char *thread_id;
    const char *checkpoint_id;      /* where on the thread to begin; NULL = its latest checkpoint */
    const json_t *interrupt_before; /* array of node names, or the string "*"; NULL = the graph's */
    const json_t *interrupt_after;
    const char *durability; /* "sync", "async", "exit"; NULL = async */
    /* A resume when nothing is asked, or of an interrupt that is not asked, is refused with
       UnknownInterruptError, and a breakpoint at an unknown node with FAIL_UNPROCESSABLE; else they
       are ignored, as LangGraph's server does. */
    bool is_strict;
    const char *assistant_id; /* what $config says; NULL = the graph's own */
    int attempt;              /* what the `metadata` event says; 0 = 1 */
    uint64_t first_event;     /* the number of the log's first event */
    enum events_kept events;
    bool goes_on; /* an earlier process began it: breakpoints hold where the thread stands */
    const struct run_keeper *keeper; /* copied; NULL = nobody: the run begins by itself */
};

enum run_status {
    RUN_RUNNING,
    RUN_SUCCESS,
    RUN_ERROR,
    RUN_TIMEOUT,
    RUN_INTERRUPTED /* cancelled; a run that asks a person ends as RUN_SUCCESS, see below */
};
const char *run_status_name(enum run_status s);

/* Borrows services until runs_free(). 0 or ERR_NOMEM. */
int runs_new(const struct services *services, struct runs **ret);
/* Every run must have ended and every reference to one been given back. Accepts NULL. */
struct runs *runs_free(struct runs *r);
/* Runs that have not ended. */
long runs_active(const struct runs *r);
/* From now on run_start() answers FAIL_DRAINING. idle is called (once, from the loop) when every
 * run has ended; a second drain takes the place of the first. */
void runs_drain(struct runs *r, void (*idle)(void *arg), void *arg);
/* Ends every run soon with FAIL_DRAINING. */
void runs_cancel_all(struct runs *r);
/* Forgets the results that are kept of g's nodes with a cache policy, or of the one with this name;
 * and of the graphs inside them, wherever else those are used. */
void runs_clear_cache(struct runs *r, const struct graph *g, const char *node);

enum { RUN_E_REFUSED = 1 };
/*
 * Begins a run; its first step is planned from the loop, never inside the call.
 * Returns 0 and a reference for the caller; RUN_E_REFUSED with f (draining, full); or a fault.
 */
int run_start(struct runs *r, const struct run_request *req, struct run **ret, struct fail *f);
/*
 * Whether the fields of an input fit the graph, before there is a run: for doors that answer a wrong
 * input with a status of its own instead of an event. 0; RUN_E_REFUSED with f (FAIL_INPUT,
 * FAIL_EMPTY_INPUT, FAIL_LIMIT); or a fault.
 */
int run_check_input(const struct services *services, struct graph *graph, const json_t *input,
                    struct fail *f);
struct run *run_ref(struct run *run);
struct run *run_unref(struct run *run); /* accepts NULL, returns NULL */

/* Of a run with a keeper. release: it begins soon; any number of times. close: once, after `ended`;
 * from now on readers see the end. */
void run_release(struct run *run);
void run_close(struct run *run);

/* Rows about the run's events for the commits of its books; nothing for EVENTS_IN_MEMORY. Begin: with
 * the row that says running; begun: that commit has ended, however. End: with the run's last row, for
 * each try; with_events: all that is not stored yet. */
void run_add_begin(struct run *run, struct store_batch *b);
void run_begun(struct run *run);
void run_add_end(struct run *run, bool with_events, struct store_batch *b);

/* Ends the run soon as RUN_INTERRUPTED with FAIL_CANCELLED. Any number of times. */
void run_cancel(struct run *run);
/* The same with FAIL_DRAINING, because the server ends. */
void run_drain(struct run *run);
/* The next server goes on with it when this one ends, so that FAIL_DRAINING is no end to tell. */
void run_spare(struct run *run);
/* Has it ended like that? */
bool run_is_cut(const struct run *run);

const char *run_id(const struct run *run);
const char *run_thread_id(const struct run *run);
enum run_status run_status(const struct run *run);
bool run_has_ended(const struct run *run);
/* Once ended: what went wrong, or an empty fail. */
const struct fail *run_fail(const struct run *run);
/* Has it failed because of what it was asked, before it did anything to its thread? */
bool run_was_refused(const struct run *run);
/* Once ended: the last state; NULL if there was none, or the run failed before it knew its thread's.
 * Borrowed. */
const struct state *run_state(const struct run *run);
/* Once ended: what it asks, an array of {"id","value"} in plan order, empty at a breakpoint; NULL =
 * it was not interrupted. Borrowed. */
const json_t *run_interrupts(const struct run *run);
/* The same as an object {task id: [{"id","value"}]} of the tasks that are still to run, empty arrays
 * where nothing is asked. Borrowed; NULL = it was not interrupted. */
const json_t *run_interrupts_by_task(const struct run *run);
/* The number behind its last event. */
uint64_t run_events_end(const struct run *run);
/* What its log keeps. */
unsigned run_modes(const struct run *run);

#endif
