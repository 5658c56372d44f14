#ifndef ANABRANCH_NODE_NODE_H
#define ANABRANCH_NODE_NODE_H
/*
 * A node kind at work. The run makes a task (one attempt at one node in one step), calls the kind's
 * start(), and waits for exactly one end, which may come inside start(): task_finish(),
 * task_decide(), task_fail(), or a task_ask() without an answer. Between the two the kind may emit
 * text, message deltas and values of its own.
 *
 *     start(task)      returns promptly; whatever waits is an op
 *     cancel(task)     the result is not wanted any more (run cancelled, sibling failed, timeout):
 *                      lets go of what the task waits for. The run does not wait: after cancel()
 *                      returns it takes no finish, and calls release()
 *     release(task)    frees task->data; called once, later than start() and never inside a call
 *                      of the kind, also after a finish; no pointer to the task may stay
 *
 * cancel and release may be NULL.
 *
 * The kinds are listed in table.c: adding one is a file, a row and a test. Their configure() half
 * is graph/kind.h.
 */
#include "base/conf.h"
#include "base/fail.h"
#include "graph/graph.h"
#include "graph/outcome.h"
#include "graph/path.h"
#include "graph/state.h"
#include "llm/llm.h"
#include "loop/fetch.h"

/* What kinds may use. Owned by the application, the same for all runs of a worker. */
struct services {
    struct loop *loop;
    struct fetcher *fetcher;
    struct llm_models *models;
    const struct conf *conf;
    struct store *store; /* where threads are kept; NULL = nowhere */
    struct kind_table kinds;
};

/* The run's half of the contract. Kinds call the task_* functions below. */
struct task_ops {
    void (*finish)(struct task *task, struct outcome *take);
    void (*fail)(struct task *task, struct fail *take);
    const json_t *(*ask)(struct task *task, json_t *take);
    void (*custom)(struct task *task, json_t *take);
    void (*progress)(struct task *task);
    const char *(*id)(struct task *task);
    const char *(*ns)(struct task *task);
    void (*subgraph_start)(struct task *task);
    void (*subgraph_cancel)(struct task *task);
    void (*message_begin)(struct task *task, const char *id, const char *model);
    void (*message_delta)(struct task *task, const struct llm_delta *delta);
    void (*message_open)(struct task *task, const char *id, const char *model);
    void (*message_use)(struct task *task, const char *id);
    void (*message_close)(struct task *task, const char *id);
};

struct task {
    const struct task_ops *ops;
    const struct services *services;
    const struct graph *graph;
    const struct node *node; /* node->config is the kind's */
    struct scope scope;      /* the step's snapshot or a Send's argument, $context, $config */
    const char *run_id;
    int attempt;      /* 1.. */
    bool has_message; /* message_begin was called */
    void *data;       /* the kind's own */
};

/* Takes what is in update (empties it) / in f. NULL = writes nothing. */
void task_finish(struct task *task, struct update *update);
/* The same with gotos, Sends, or a command for the parent graph. Takes what is in outcome. */
void task_decide(struct task *task, struct outcome *outcome);
void task_fail(struct task *task, struct fail *f);
/* A fault of ours: ends the task with FAIL_INTERNAL. */
void task_fault(struct task *task, int fault);

/*
 * Streaming. A message has an id of its own (a new one for each attempt); its deltas are shown to
 * clients as they come. model: "provider:model" for the event's metadata, or "".
 */
void task_message_begin(struct task *task, const char *id, const char *model);
void task_message_delta(struct task *task, const struct llm_delta *delta);
/*
 * Several messages side by side: open begins one beside those that are open, use says whose the
 * deltas that follow are, close tells that it is whole. What is open at the end of a task counts as
 * whole, too.
 */
void task_message_open(struct task *task, const char *id, const char *model);
void task_message_use(struct task *task, const char *id);
void task_message_close(struct task *task, const char *id);
/* Text without a model (Lua's emit, the C API): begins a message of its own on first use. Loses
 * nothing but the event on no memory. */
void task_emit(struct task *task, const char *text, size_t len_bytes);

/*
 * LangGraph's interrupt(value): asks a person. The k-th call of an attempt gives the k-th answer
 * that the task has got, borrowed until release. NULL: there is none yet; the task has ended, to
 * be run again from its start when there is one, and the kind returns at once. Takes value.
 * In a run without a thread the task fails instead (then NULL, too).
 */
const json_t *task_ask(struct task *task, json_t *value);
/* A value for the stream mode "custom". Takes value. Loses nothing but the event on no memory. */
void task_custom(struct task *task, json_t *value);
/* A sign of life for the node's idle timeout. Messages and custom events are signs, too, unless the
 * node hears these beats only. */
void task_progress(struct task *task);
/* Of the task, borrowed until release: the same for all its attempts, also after a resume. */
const char *task_id(struct task *task);
/* Its namespace: "name:id", below a subgraph "sub:id|name:id". NULL: no memory. */
const char *task_ns(struct task *task);
/* For the kind "graph": runs node->subgraph with the task's input; ends the task by itself. */
void task_subgraph_start(struct task *task);
void task_subgraph_cancel(struct task *task);

/* The most bytes a template of a task may render to: conf->max_state_bytes. */
size_t task_max_bytes(const struct task *task);
/* The bound of an outcome that a kind makes (outcome.target_max): conf->max_tasks. */
size_t task_max_targets(const struct task *task);

extern const struct node_kind node_llm, node_http, node_set, node_wait, node_fail, node_interrupt,
    node_graph, node_lua;
/* The built-in kinds. */
struct kind_table node_kinds(void);

#endif
