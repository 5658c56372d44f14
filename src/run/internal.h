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
 *     watch.c      who follows a thread              tidy.c       stored events of runs that ended
 *     webhook*.c   who is to hear of an end
 */
#include "base/buf.h"
#include "base/list.h"
#include "graph/sched.h"
#include "run/checkpoint.h"
#include "run/event_log.h"
#include "run/hub.h"
#include "run/run.h"
#include "run/saver.h"
#include "run/task.h"

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
    bool is_spared;   /* run_spare() */
    bool has_planned; /* a step: what was asked made sense */
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
