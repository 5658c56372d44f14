#ifndef ANABRANCH_RUN_INTERNAL_H
#define ANABRANCH_RUN_INTERNAL_H
/*
 * What the files of run/ share. Ownership runs downwards: registry -> run -> tasks of the step; run
 * -> log -> records.
 *
 *     runs.c       the registry: who is alive, draining
 *     birth.c      how a run begins and is freed
 *     input.c      the caller's input        assistant.c  $config, $context and metadata
 *     run.c        the life of a run as a step table
 *     task.c       one node of one step: attempts, timeout, retries
 *     route.c      what follows when a node has finished
 *     emit.c       the run's events          message.c    chat messages: tokens, ids, whole ones
 *     event_log.c  the bounded log           record.c     a record and its frame
 *     hub.c        readers
 */
#include "base/buf.h"
#include "base/list.h"
#include "graph/sched.h"
#include "run/event.h"
#include "run/hub.h"
#include "run/run.h"

/* ---- records and the log ---- */

enum record_kind {
    RECORD_METADATA, /* run id and attempt */
    RECORD_VALUES,   /* a state version */
    RECORD_UPDATES,  /* a node and what it wrote */
    RECORD_TEXT,     /* a token of a message stream */
    RECORD_CHUNK,    /* another fragment of one: JSON members of the chunk, in `text` */
    RECORD_MESSAGE,  /* a whole message: its JSON, in `text` */
    RECORD_ERROR
};

/*
 * The part of a message's events that is the same for all of them: made once per message, not once
 * per token. An event's data is
 *
 *     [{"id":"...",  <what differs>  ,"type":"ai"},{metadata}]
 */
struct message_stream {
    int refs;
    char *id;       /* "" for whole messages, which bring theirs */
    char *model;    /* "provider:model", "" if none */
    char *metadata; /* the second element, as JSON text */
    size_t metadata_len_bytes;
};
/* The metadata of a message, and a chunk's members. */
#define MESSAGE_PART_MAX_BYTES ((size_t)1 << 20)
/* Both accept NULL. unref returns NULL. */
struct message_stream *message_stream_ref(struct message_stream *s);
struct message_stream *message_stream_unref(struct message_stream *s);

struct record {
    struct list node; /* in the log; a record that fell out may still be held by a reader */
    int refs;
    enum record_kind kind;
    unsigned mode;     /* bit of the mode it belongs to; 0 = every reader gets it */
    size_t cost_bytes; /* charged to the log */
    struct state *state;
    const struct graph *graph; /* borrowed from the run */
    const char *name;          /* RECORD_UPDATES: the node; borrowed from the graph */
    struct update update;
    struct message_stream *stream;
    struct fail fail;
    struct buf frame; /* empty until somebody reads it */
    size_t data_at;   /* where the data begins in frame, and how long it is */
    size_t data_len_bytes;
    size_t text_len_bytes;
    char text[];
};
/* A record with room for text (copied, may be NULL). NULL: no memory. */
struct record *record_new(enum record_kind kind, unsigned mode, const char *text,
                          size_t text_len_bytes);
struct record *record_ref(struct record *r);
struct record *record_unref(struct record *r); /* accepts NULL, returns NULL */
/* Before r is in a log: r refers to s. The first record that holds s is charged for it. */
void record_set_stream(struct record *r, struct message_stream *s);
/* Before r is in a log: charges r for a value that it keeps alive. 0 or ERR_NOMEM. */
int record_charge_value(struct record *r, struct value *v);
/* Makes the frame if it is not there. 0, BUF_E_FULL (over max_bytes), or ERR_NOMEM. */
int record_make_frame(struct record *r, size_t max_bytes);
const char *record_event_name(const struct record *r);

struct event_log {
    struct list records;
    uint64_t first; /* number of the first record that is still here; records are numbered from 0 */
    uint64_t next;
    size_t bytes;
    size_t max_bytes;
    unsigned modes;      /* what is kept */
    size_t *total_bytes; /* of all logs of the worker */
    size_t total_max_bytes;
    struct list readers;
    struct loop *loop;
};
void event_log_init(struct event_log *log, struct runs *runs, unsigned modes); /* borrows runs */
/* Readers must be closed. */
void event_log_deinit(struct event_log *log);
/* Takes r (NULL: no memory, then nothing happens and ERR_NOMEM comes back). Wakes the readers at
 * the end of the turn. */
int event_log_append_take(struct event_log *log, struct record *r);
/* Tells the readers that there is nothing more to wait for. */
void event_log_wake(struct event_log *log);
/* r's frame was made (call it once per frame), which costs more; the oldest records may fall out,
 * r too. */
void event_log_charge(struct event_log *log, struct record *r);
/* A reader needs r's frame no more. If nobody else reads the log, the frame goes; a later reader
 * makes it again. */
void event_log_passed(struct event_log *log, struct record *r);

/* ---- tasks ---- */

struct run_task {
    struct task task; /* what the kind sees; first member */
    struct run *run;
    struct op op; /* the attempt */
    char task_id[ID_BYTES];
    const char *const *triggers; /* borrowed from the scheduler until the next plan */
    size_t trigger_count;
    int attempt_count;
    struct loop_timer *retry_timer;
    struct message_stream *stream; /* of this attempt, or NULL */
    struct update update;
    struct fail fail;
    bool is_done; /* update or fail holds the result */
    bool is_cancelled;
};
/* Begins the first attempt. The task ends through run_task_ended(), never inside this call. */
void run_task_start(struct run_task *t, struct run *run, const struct planned *planned);
void run_task_cancel(struct run_task *t);
void run_task_clear(struct run_task *t);
/* run.c: called once per task, from the loop. */
void run_task_ended(struct run_task *t);

/* message.c */
void message_begin(struct run_task *t, const char *id, const char *model);
void message_delta(struct run_task *t, const struct llm_delta *delta);
/*
 * Brings what a task writes into messages fields to the flat form with ids (the reducer would do it
 * later, but then the event and the state would carry different ids), and emits the whole messages
 * among them that were not streamed. 0, MESSAGES_E_REFUSED with f, or a fault.
 */
int message_settle(struct run_task *t, struct update *update, struct fail *f);

/* ---- the run ---- */

/* input.c: applies a caller's input to `before`. 0, STATE_E_REFUSED with f, or a fault. */
int input_apply(const struct services *services, struct graph *graph, struct state *before,
                const json_t *input, struct state **ret, struct fail *f);
struct state_limits run_state_limits(const struct services *services);

/* assistant.c: what the request and the graph's assistant say together. */
int assistant_apply(struct run *run, const struct run_request *req);
int64_t assistant_recursion_limit(const struct runs *runs, const struct run_request *req);

/* route.c: fires what follows __start__, or a task that finished. 0, STATE_E_REFUSED with f, or a
 * fault. */
int route_start(struct run *run, struct fail *f);
int route_task(struct run *run, const struct run_task *t, struct fail *f);

enum run_step {
    RUN_STEP_INPUT,
    RUN_STEP_PLAN,
    RUN_STEP_START,
    RUN_STEP_APPLY,
    RUN_STEP_FINISH,
    RUN_STEP_WAIT
};

struct run {
    struct list node; /* in runs->active until the end */
    int refs;
    struct runs *runs;
    struct graph *graph;
    char id[ID_BYTES];
    char thread_id[ID_BYTES];
    json_t *input, *configurable, *context, *metadata, *tags; /* references, or NULL */
    int64_t recursion_limit;
    int64_t started_us;

    enum run_status status;
    enum run_step next; /* what advance does */
    struct loop_work advance;
    struct loop_timer *timeout;
    bool is_stopping; /* failed or cancelled: nothing new begins */
    struct fail fail; /* why */

    struct state *first; /* what the input makes of it, if it is known already; until it is used */
    struct state *state;
    struct sched *sched;
    struct plan plan;
    int step;               /* of the tasks at work; 1 = first, 0 = before it */
    struct run_task *tasks; /* plan.count of them */
    size_t tasks_pending;

    struct event_log log;
    json_t *streamed_ids; /* object used as a set: messages that clients have seen */
};
/* Ends what runs, for f (taken). The first reason wins. */
void run_stop(struct run *run, struct fail *f);
/* run.c: takes the next step; a loop_work's function. And the end of timeout_ms; a timer's. */
void run_advance(void *run);
void run_timeout_passed(void *run);

/* emit.c: one event each, if its mode is kept. 0 or a fault. */
bool run_wants(const struct run *run, unsigned mode);
int run_emit_metadata(struct run *run);
int run_emit_values(struct run *run, struct state *before); /* what changed since is charged */
int run_emit_update(struct run *run, const struct run_task *t);
int run_emit_error(struct run *run);

struct runs {
    const struct services *services;
    struct list active;
    long active_count;
    size_t log_bytes; /* of all logs */
    bool is_draining;
    void (*idle)(void *arg);
    void *idle_arg;
    struct loop_work idle_work;
};
void runs_add(struct runs *r, struct run *run);
void runs_remove(struct runs *r, struct run *run);

#endif
