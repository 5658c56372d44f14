#ifndef ANABRANCH_RUN_INTERNAL_H
#define ANABRANCH_RUN_INTERNAL_H
/*
 * What the files of run/ share. Ownership runs downwards: registry -> run -> execution of the root
 * graph -> tasks of the step -> execution of a subgraph ...; run -> log -> records.
 *
 *     runs.c       the registry: who is alive, draining
 *     birth.c      how a run begins and is freed     assistant.c  $config, $context and metadata
 *     run.c        the life of a run                 worker.c     what every program needs
 *     exec.c       one execution of one graph as a step table
 *     load.c       where its thread stands
 *     first.c      what it begins with: input, resume, replay
 *     input.c      an input as writes                command.c    a command as input
 *     plan.c       the tasks of a step, and what is known of them already
 *     gather.c     what happens when a task has ended
 *     finish.c     how an execution ends
 *     task.c       one node of one step: its attempts    retry.c  the waits between them
 *     task_id.c    what it is called              settle.c     what it comes to
 *     ask.c        interrupt() in a task             answer.c     what people say to that
 *     subgraph.c   a task that is an execution
 *     cache.c      results of nodes that may be used again
 *     checkpoint*.c, snapshot.c, saver*.c            where a thread stands, and writing it down
 *     thread*.c    a thread between its runs         superstep*.c writes from outside
 *     emit*.c      the run's events                  about.c      where an event comes from
 *     message*.c   chat messages as events           chunk.c, live.c   their pieces, joined again
 *     event_log.c  the bounded log                   record.c     a record and its frame
 *     tail.c       what of it is in the store        replay.c     reading that
 *     hub.c        readers                           event.c      the names of modes
 *
 * Above all that is the desk of a server (ticket.h), which uses run.h as others do:
 *
 *     desk.c       what it knows                     booking.c    an order on its way into the books
 *     ticket.c     a run in the books                line.c       the runs of a thread
 *     ledger.c     the rows of an end                recover.c    what an earlier process has left
 *     sheet.c      what is written of a run          order.c      what order, assistant and thread say
 *     webhook*.c   who is to hear of an end
 */
#include "base/buf.h"
#include "base/list.h"
#include "graph/sched.h"
#include "run/checkpoint.h"
#include "run/event.h"
#include "run/hub.h"
#include "run/run.h"
#include "run/saver.h"

/* ---- records and the log ---- */

enum event_kind {
    RECORD_METADATA, /* run id and attempt */
    RECORD_VALUES,   /* a state version */
    RECORD_UPDATES,  /* a node and what it wrote */
    RECORD_JSON,     /* an event whose data was written when it happened, in `text` */
    RECORD_TEXT,     /* a token of a message stream */
    RECORD_CHUNK,    /* another fragment of one: JSON members of the chunk, in `text` */
    RECORD_MESSAGE,  /* a whole message: its JSON, in `text` */
    RECORD_ERROR
};

/* Where events of a subgraph come from: "sub:uuid|inner:uuid", counted. NULL is the root. */
struct ns_text {
    int refs;
    char text[];
};
struct ns_text *ns_text_new(const char *text);     /* NULL: no memory */
struct ns_text *ns_text_ref(struct ns_text *ns);   /* accepts NULL */
struct ns_text *ns_text_unref(struct ns_text *ns); /* accepts NULL, returns NULL */

/*
 * The part of a message's events that is the same for all of them: made once per message, not once
 * per token. An event's data is
 *
 *     [{"id":"...",  <what differs>  ,"type":"ai"},{metadata}]
 */
struct message_stream {
    int refs;
    struct message_stream *next; /* open beside this one, in run_task->others */
    char *id;                    /* "" for whole messages, which bring theirs */
    char *model;                 /* "provider:model", "" if none */
    char *metadata;              /* the second element, as JSON text */
    size_t metadata_len_bytes;
    struct live_message *live; /* what has come so far, for modes that say it again; or NULL */
    bool is_noted;             /* its id is among the run's streamed_ids */
};
/* The metadata of a message, and a chunk's members. */
#define MESSAGE_PART_MAX_BYTES ((size_t)1 << 20)
/* Both accept NULL. unref returns NULL. */
struct message_stream *message_stream_ref(struct message_stream *s);
struct message_stream *message_stream_unref(struct message_stream *s);

struct record {
    struct list node; /* in the log; a record that fell out may still be held by a reader */
    int refs;
    enum event_kind kind;
    unsigned mode;          /* bit of the mode it belongs to; 0 = every reader gets it */
    struct ns_text *ns;     /* NULL = the root's, which every reader of the mode gets */
    const char *event_name; /* RECORD_JSON: static text */
    bool is_cached;         /* RECORD_UPDATES: the work of an earlier run, shown again */
    bool has_number;        /* it is in a log, as `number` */
    uint64_t number;
    size_t cost_bytes;    /* charged to the log */
    enum state_view view; /* VALUES, UPDATES: which fields are shown */
    struct state *state;
    const struct graph *graph; /* borrowed from the run */
    const char *name;          /* RECORD_UPDATES: the node; borrowed from the graph */
    struct update update;
    struct message_stream *stream;
    struct fail fail;
    struct buf frame; /* empty until somebody reads it */
    size_t event_at;  /* where the frame begins that does not say its number */
    size_t data_at;   /* where the data begins in frame, and how long it is */
    size_t data_len_bytes;
    size_t text_len_bytes;
    char text[];
};
/* A record with room for text (copied, may be NULL). NULL: no memory. */
struct record *record_new(enum event_kind kind, unsigned mode, const char *text,
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
    struct tail *tail; /* NULL: it is in memory only */
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

/* What of a log is in the store (run/tail.h). */
enum { TAIL_SEGMENTS = 8 };
struct tail {
    struct run *run;
    bool is_stored;     /* events are, not only their numbers reserved */
    bool has_begun;     /* tail_reserved() was called */
    bool is_closed;     /* the rest goes with the run's end */
    uint64_t begin;     /* the attempt's first event */
    uint64_t asked;     /* numbers below are reserved, or will be by a commit on its way */
    uint64_t open;      /* numbers below are reserved */
    uint64_t stored;    /* events below were handed over, from begin on */
    size_t ahead_bytes; /* of commits of its own on their way */
    int64_t max_bytes;
    int64_t segment_bytes;                /* of the newest segment so far */
    uint64_t segments[TAIL_SEGMENTS - 1]; /* where the segments begin; the first begins at 0 */
    size_t segment_count;
};

/* ---- tasks ---- */

/* What a task has come to. */
enum task_end {
    TASK_AT_WORK,     /* or not begun */
    TASK_DONE,        /* outcome holds the result */
    TASK_FAILED,      /* fail says why */
    TASK_INTERRUPTED, /* interrupts holds what it asks */
    TASK_CANCELLED    /* nobody wants it any more */
};

struct run_task {
    struct task task; /* what the kind sees; first member */
    struct exec *exec;
    struct op op; /* the attempt */
    enum planned_kind kind;
    int node;                    /* as planned; NODE_NONE for a handler */
    size_t index;                /* PUSH */
    struct value *arg;           /* PUSH: a reference */
    const char *const *triggers; /* borrowed from the scheduler until the step is applied */
    size_t trigger_count;
    /* Both are made when somebody asks for them: a run that is not kept and not watched needs
       neither, and they are most of what a short task costs. */
    char id[ID_BYTES];       /* run_task_id(); "" = not made yet */
    char *ns;                /* run_task_ns(); [ns of exec|]name:id */
    struct run_task *failed; /* a handler: the task in whose place it runs */
    json_t *answers;         /* array: what it was answered so far, or NULL */
    json_t *plain_answer;    /* of a resume that names no interrupt: taken by the first question
                                    without an answer; or NULL */
    size_t asked_count;      /* questions of this attempt */
    json_t *interrupts;      /* array of {"id","value"}, or NULL */
    int attempt_count;
    struct loop_timer *retry_timer;
    struct loop_timer *idle_timer;
    struct message_stream *stream; /* of this attempt, whose deltas come; or NULL */
    struct message_stream *others; /* open beside it: a reference to each */
    struct exec *child;            /* kind "graph", while it is at work */
    struct outcome outcome;
    struct fail fail;
    json_t *error;     /* a handler: {"error": {"type","message","node"}} for its templates */
    json_t *cache_key; /* string, if its result may be kept */
    enum task_end end;
    bool has_begun;
    bool is_replayed; /* the result is an earlier run's, or the cache's */
    bool is_handled;  /* failed, and a handler runs in its place */
    bool is_refused; /* failed, because what it made of an answer is nothing that the state takes */
    bool has_taken_plain; /* the plain answer was used up by it, or by a task inside it */
};
/* Begins the first attempt. The task ends through exec_task_ended(), never inside this call. */
void run_task_start(struct run_task *t);
void run_task_cancel(struct run_task *t); /* any number of times, in every state */
/* Makes t of what is planned. "__start__" is a task, too, but never begun: plan.c ends it at once,
 * and it has no task.node. */
void run_task_init(struct run_task *t, struct exec *e, const struct planned *p);
/* The handler of a task that failed. 0 or a fault; deinit always. */
int run_task_init_handler(struct run_task *t, struct run_task *failed);
void run_task_deinit(struct run_task *t);
/* Of this task for ever: the same checkpoint gives it again. Until the step is applied. */
const char *run_task_id(struct run_task *t);
const char *run_task_ns(struct run_task *t); /* NULL: no memory */
/* gather.c: called once per task that was begun, from the loop; t->end says how. */
void exec_task_ended(struct run_task *t);
/* task.c, for ask.c and subgraph.c: the attempt ends so, unless it has ended. */
bool run_task_takes_result(const struct run_task *t);
void run_task_end(struct run_task *t);
/* settle.c: t->outcome, as the kind left it, is brought to its end; or t has failed. */
void run_task_settle(struct run_task *t);
/* For retry.c: begins an attempt. */
void run_task_attempt(struct run_task *t);
/* retry.c: t has failed. true: there will be another attempt. */
bool run_task_retry(struct run_task *t);

/* ask.c */
const json_t *run_task_ask(struct task *task, json_t *take);
/* subgraph.c */
void run_task_subgraph_start(struct task *task);
void run_task_subgraph_cancel(struct task *task);

/* message.c, message_whole.c */
void message_begin(struct run_task *t, const char *id, const char *model);
void message_delta(struct run_task *t, const struct llm_delta *delta);
/* Messages side by side, see node/node.h. */
void message_open(struct run_task *t, const char *id, const char *model);
void message_use(struct run_task *t, const char *id);
void message_close(struct run_task *t, const char *id);
/* The attempt is over, however it ended: nobody adds to its messages any more. */
void message_forget(struct run_task *t);
/*
 * Brings what is written into messages fields to the flat form with ids (the reducer would do it
 * later, but then the event, the stored write and the state would carry different ids). writer: as
 * in struct task_writes. 0, MESSAGES_E_REFUSED with f, or a fault.
 */
int message_settle(const struct services *services, const struct graph *graph, const char *writer,
                   struct update *update, struct fail *f);
/* Emits the whole messages in a settled update that clients have not seen. */
void message_show(struct run_task *t, const struct update *update);

/* ---- executions ---- */

enum exec_step {
    EXEC_LOAD,  /* ask the store where the thread stands */
    EXEC_FIRST, /* input, command, resume, replay */
    EXEC_PLAN,
    EXEC_START,
    EXEC_APPLY,
    EXEC_SAVED, /* after the apply, once the checkpoint is stored (durability sync) */
    EXEC_FINISH,
    EXEC_END,
    EXEC_WAIT
};

enum exec_end {
    EXEC_RUNNING,
    EXEC_DONE,
    EXEC_INTERRUPTED, /* questions or a breakpoint */
    EXEC_FAILED,
    EXEC_LEFT /* a command for the parent: parent_command */
};

struct exec {
    struct run *run;
    struct run_task *parent; /* the task that it is, or NULL: the root */
    struct graph *graph;     /* a reference */
    char *ns; /* "" or "sub:uuid|...": of events, task ids and the store; without the task ids for
                 PERSIST_THREAD */
    struct ns_text *event_ns; /* the same, counted; NULL for the root */
    struct saver saver;
    struct checkpoint at; /* where it stands */

    /* what it begins with */
    json_t *input;            /* or NULL: go on */
    json_t *command;          /* the root's, or NULL */
    char wanted_id[ID_BYTES]; /* the checkpoint asked for, or "" */
    json_t *plain_answer;     /* for the tasks of the first step, or NULL */
    json_t *noted_before;     /* what commands had noted before this run's, if has_noted; or NULL */
    bool has_noted;
    bool is_refused;   /* an answer was: see run_task */
    bool is_resuming;  /* until the first step is applied: subgraphs go on, too */
    bool is_replaying; /* results of finished tasks do not count: the step runs again */
    bool is_fresh;     /* something changed since the run began or was resumed: breakpoints
                                hold */
    bool has_applied;  /* a step of this run */
    struct store_op load;
    struct stored_list loaded;
    char newest_id[ID_BYTES]; /* of the thread when it was loaded, or "" */
    struct outcome start;     /* what __start__ has made of a new input, if has_start */
    bool has_start;           /* until its step is planned */
    bool is_addressed;        /* it was not simply the latest checkpoint that was asked for */

    /* between the apply of a step and its end */
    struct state *before; /* what held before it, for `values`; or NULL */
    bool is_shown;        /* a field was written */
    bool breaks_after;

    int64_t recursion_limit;       /* the run's, else the graph's, else the parent's */
    int64_t stop;                  /* the last step number that may run, as the reference counts */
    json_t *facts;                 /* of this step: $run; NULL if the graph does not look there */
    struct loop_timer *step_timer; /* of a graph with step_timeout_ms, from its first tasks on */
    struct plan plan;
    struct run_task **tasks; /* in plan order, then handlers */
    size_t task_count;
    size_t task_cap;
    size_t next_task; /* the first that has not begun */
    size_t at_work_count;
    size_t send_count;  /* of the tasks that are done, in this run */
    json_t *interrupts; /* array: all questions of this step, plan order */

    enum exec_step next;
    struct loop_work advance;
    bool is_stopping; /* failed or cancelled: nothing new begins */
    enum exec_end end;
    struct fail fail;
    json_t *parent_command;         /* EXEC_LEFT */
    void (*on_end)(struct exec *e); /* once, from the loop */
};
/* How an execution begins. Strings are copied, references are taken. */
struct exec_options {
    struct run *run;
    struct run_task *parent;
    struct graph *graph;
    const char *ns;
    bool is_kept; /* in the store, under ns */
    json_t *input;
    json_t *command;
    const char *checkpoint_id; /* or NULL */
    json_t *plain_answer;
    bool is_resuming;
    void (*on_end)(struct exec *e); /* once, from the loop, never inside exec_start(); frees e */
};
/* 0 or a fault; then *ret is NULL and on_end is not called. */
int exec_start(const struct exec_options *o, struct exec **ret);
/* It has ended. Accepts NULL, returns NULL. */
struct exec *exec_free(struct exec *e);
/* Ends what runs, for f (taken). The first reason wins. */
void exec_stop(struct exec *e, struct fail *f);
void exec_stop_fault(struct exec *e, int fault);
/* For the files of exec: takes the next step soon. */
void exec_go_on(struct exec *e, enum exec_step next);
/* 0: next; else stops with the fault or f, and EXEC_FINISH. */
enum exec_step exec_check(struct exec *e, int r, struct fail *f, enum exec_step next);
/* Stops here without a failure. */
enum exec_step exec_interrupt(struct exec *e);

/* The steps (exec.c's table). */
enum exec_step exec_step_load(struct exec *e);
enum exec_step exec_step_first(struct exec *e);
enum exec_step exec_step_plan(struct exec *e);
enum exec_step exec_step_start(struct exec *e);
enum exec_step exec_step_finish(struct exec *e);
enum exec_step exec_step_end(struct exec *e);
/* plan.c: begins tasks as long as max_concurrency allows. */
void exec_begin_tasks(struct exec *e);
/* e->facts: what $run is to the tasks of the step behind e->at. 0 or ERR_NOMEM. */
int exec_find_facts(struct exec *e);
/* Adds a task to the step (e->tasks grows). NULL: no memory. */
struct run_task *exec_add_task(struct exec *e);
void exec_clear_tasks(struct exec *e);
/* The ended tasks in canonical order (a handler in its failed task's place); *ret for mem_free().
 * Those that are not done are left out. 0 or ERR_NOMEM. */
int exec_gather(struct exec *e, struct ended_task **ret, size_t *ret_count);
/* May one step make all the Sends of these tasks? 0, or CHECKPOINT_E_REFUSED with f (FAIL_LIMIT). */
int run_check_sends(const struct services *services, const struct ended_task *tasks, size_t count,
                    struct fail *f);
/* Does the whole step stop here? before: those planned; else those just applied. */
bool exec_breaks(const struct exec *e, bool before);
/* What t has left is noted and stored. 0 or a fault. */
int exec_save_write(struct exec *e, struct run_task *t, enum write_kind kind, json_t *take);
/* The way up, in e's checkpoints: which checkpoints of which graphs led to this execution. 0 or
 * ERR_NOMEM. */
int exec_note_parents(struct exec *e);
/* The thread's next checkpoint, and its record in the store. 0 or a fault. */
int exec_checkpoint(struct exec *e, enum checkpoint_source source);

/* command.c: brings e->command (and what earlier ones have left) into effect. *ret_acts: there was
 * anything to do. forks: it will be stored with a checkpoint of its own. */
int command_apply(struct exec *e, bool forks, bool *ret_acts, struct fail *f);
bool command_resumes(const json_t *command);
/* What this run's command has noted at e's checkpoint is taken back, in the store, too. 0 or a
 * fault. */
int command_withdraw(struct exec *e);

/* answer.c: "resume" of a command. */

/* Says it anything? Not if it is absent, null, or a map of nulls. */
bool answer_is_given(const json_t *resume);
/* May it be given where e stands? 0; 1 with f: nothing like that is asked (UnknownInterruptError, if
 * the run is strict), or who asks cannot take it; or a fault. Nothing has changed. */
int answer_check(const struct exec *e, const json_t *resume, struct fail *f);
/* After that: writes it down. 0 or a fault. */
int answer_take(struct exec *e, const json_t *resume);
/* t gets what it has been answered, in this run and before. 0 or a fault. */
int answer_give(struct run_task *t);
/* Brings t's update to its final form (message_settle()). If t was answered, the state has to take
 * it alone: else t->is_refused. 0; OUTCOME_E_REFUSED with t->fail; or a fault. */
int answer_check_result(struct run_task *t);
/* t was refused: its answers, and what else the command has stored, are taken back. 0 or a fault. */
int answer_withdraw(struct run_task *t);
/* The plain answer alone. 0 or a fault. */
int answer_withdraw_plain(struct exec *e);

/* input.c */
struct state_limits run_state_limits(const struct services *services);
/* What of an input are fields: an outcome's update. 0, OUTCOME_E_REFUSED with f, or a fault. */
int input_outcome(const struct services *services, const struct graph *graph, const json_t *input,
                  struct outcome *ret, struct fail *f);

/* What __start__ makes of the input that waits at e->at: its writes, and the targets of its routes.
 * *ret was empty; it is left empty on failure. As above. */
int input_start(struct exec *e, struct outcome *ret, struct fail *f);

/* cache.c: results of nodes with a cache policy, for all runs of a worker. */
struct node_cache;
int node_cache_new(int64_t max_bytes, struct node_cache **ret);
struct node_cache *node_cache_free(struct node_cache *c);
/* Sets t->cache_key; with a hit also the outcome, t->end and is_replayed. 0 or a fault. */
int node_cache_find(struct node_cache *c, struct run_task *t);
/* Without memory nothing is kept. */
void node_cache_keep(struct node_cache *c, const struct run_task *t);
/* Forgets what is kept of g's nodes, or of the one with this name. */
void node_cache_drop(struct node_cache *c, const struct graph *g, const char *node);

/* assistant.c: what the request and the graph's assistant say together. */
int assistant_apply(struct run *run, const struct run_request *req);
/* What the request says, else its assistant; 0 or less: neither, and each graph has its own. */
int64_t assistant_recursion_limit(const struct runs *runs, const struct run_request *req);
int64_t assistant_max_concurrency(const struct run_request *req); /* 0 = no bound */
const json_t *assistant_tags(const struct run_request *req);      /* borrowed, or NULL */

/* ---- the run ---- */

struct run {
    struct list node; /* in runs->active until the end */
    int refs;
    struct runs *runs;
    struct graph *graph;
    char id[ID_BYTES];
    char thread_id[STORE_ID_MAX + 1];
    bool is_kept; /* on a thread of the store: it can be interrupted and resumed */
    json_t *configurable, *context, *metadata, *tags; /* references, or NULL */
    json_t *stamp;            /* what its checkpoints carry: metadata and the ids of the run */
    struct run_keeper keeper; /* ended NULL = nobody keeps it */
    bool goes_on;             /* it was begun by an earlier process */
    bool is_held;             /* it has not been released */
    bool is_closed;           /* readers may see the end */
    int attempt;
    int64_t timeout_ms;     /* 0 = none */
    bool is_strict;         /* a resume must name what is asked */
    json_t *resume_map;     /* {interrupt id: answer} of the command, or NULL */
    json_t *before, *after; /* breakpoints in place of the graph's: array of names, or the string
                               "*"; NULL = the graph's own */
    json_t *input, *command;
    char checkpoint_id[ID_BYTES]; /* where it begins, or "" */
    enum durability durability;
    int64_t recursion_limit; /* for all its graphs; not above 0: see exec's */
    int64_t max_concurrency; /* per execution; 0 = no bound */
    int64_t started_us;
    char replay_id[ID_BYTES]; /* time travel: subgraphs load what was before this; or "" */
    json_t *replayed;         /* object used as a set: namespaces that did so already */

    enum run_status status;
    struct exec *root; /* until the run has ended */
    struct loop_timer *timeout;
    struct loop_work begin;
    struct fail fail;    /* why it failed */
    json_t *interrupts;  /* array of the end's questions; NULL = none */
    json_t *asked_by;    /* object: the same by task; NULL = none */
    bool is_interrupted; /* by questions or a breakpoint */
    struct state *state; /* what the root's execution left; NULL before its end */
    int64_t step_count;  /* supersteps that were begun, subgraphs' too */
    size_t task_count;   /* tasks that are there, subgraphs' too */

    struct event_log log;
    struct tail tail;
    json_t *streamed_ids; /* object used as a set: messages that clients have seen */
};
/* hub.c */
size_t run_max_frame_bytes(const struct run *run);
/* run.c: a timer's and a loop_work's function. */
void run_timeout_passed(void *run);
void run_begin(void *run);

/* ---- events: one each, if its mode is kept. 0 or a fault ---- */

bool run_wants(const struct run *run, unsigned mode);
/* The mode is kept, and e is the root or events of subgraphs are kept. */
bool exec_wants(const struct exec *e, unsigned mode);
int emit_metadata(struct run *run);
/* What the world sees of e's state: of a subgraph its output. */
enum state_view exec_view(const struct exec *e);
/* `values` (and messages/complete of the old messages mode). before: what changed since is
   charged, or NULL: everything. */
int emit_values(struct exec *e, struct state *before);
/* `updates` of a task that is done, with __metadata__ if it is_replayed. */
int emit_update(struct run_task *t);
/* {"__interrupt__": interrupts} in updates and in values. */
int emit_interrupts(struct exec *e, const json_t *interrupts);
/* `tasks` and `debug`: a task is about to run; it has ended (not if it is_replayed). Also the
   chain events of `events`. */
int emit_task_start(struct run_task *t);
int emit_task_end(struct run_task *t);
/* `checkpoints` and `debug`: where e stands, with what its tasks have left. */
int emit_checkpoint(struct exec *e);
/* Without subgraphs, custom values of subgraphs are shown as the root's. */
int emit_custom(struct run_task *t, const json_t *value);
/* `events`: the execution begins, has ended. */
int emit_exec_start(struct exec *e);
int emit_exec_end(struct exec *e);
int emit_error(struct run *run);

/* A thread that is being changed or deleted. */
struct thread_claim {
    struct list node;      /* in runs->claims */
    const char *thread_id; /* borrowed as long as it is there */
};

struct runs {
    const struct services *services;
    struct node_cache *cache;
    struct list active;
    struct list claims;
    long active_count;
    size_t log_bytes; /* of all logs */
    bool is_draining;
    void (*idle)(void *arg);
    void *idle_arg;
    struct loop_work idle_work;
};
void runs_add(struct runs *r, struct run *run);
void runs_remove(struct runs *r, struct run *run);
/* Is a run at work on this thread of the store, or is it claimed? */
bool runs_thread_is_busy(const struct runs *r, const char *thread_id);
bool runs_thread_is_claimed(const struct runs *r, const char *thread_id);
/* Until c->node is removed nobody else may write to the thread. It was not busy. */
void runs_claim_thread(struct runs *r, struct thread_claim *c, const char *thread_id);

#endif
