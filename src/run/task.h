#ifndef ANABRANCH_RUN_TASK_H
#define ANABRANCH_RUN_TASK_H
/*
 * Private to run/: one node of one step of an execution. It is attempts, until one of them is its
 * last; what it comes to is its outcome, and how it ended is its enum task_end.
 *
 *     run_task_init() -> run_task_start() -> attempt -> settle.c -> exec_task_ended()
 *                                               ^-- retry.c --+
 *
 * Loop thread only.
 */
#include "graph/sched.h"
#include "run/event_log.h"

struct exec;

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

#endif
