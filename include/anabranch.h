#ifndef ANABRANCH_H
#define ANABRANCH_H
/*
 * anabranch: build graphs of agents in C, write node kinds, run them without a server.
 *
 * The JSON graph loader of the server is a client of the builder declared here, so what a graph
 * file can say, C can say.
 *
 *     struct anabranch_engine *engine;
 *     struct anabranch_builder *b;
 *     struct anabranch_graph *graph;
 *     anabranch_engine_new(NULL, &engine);
 *     anabranch_builder_new(engine, "hello", &b);
 *     anabranch_builder_field(b, "text", "{\"type\":\"string\"}");
 *     anabranch_builder_node(b, "greet",
 *                            "{\"kind\":\"set\",\"values\":{\"text\":\"Hi {{text}}\"}}");
 *     anabranch_builder_edge(b, "__start__", "greet");
 *     anabranch_builder_edge(b, "greet", "__end__");
 *     if (anabranch_builder_build(b, &graph) != 0)
 *         fputs(anabranch_builder_problems(b), stderr);
 *     anabranch_builder_free(b);
 *     anabranch_invoke(engine, graph, "{\"text\":\"world\"}", NULL, &result);
 *
 * Data crosses this border as JSON in UTF-8 bytes; no type of another library is part of it. All
 * structs are opaque but the option structs, which begin with `size` (sizeof of the struct the
 * caller was compiled with), so that they can grow: what a caller's struct does not have counts as
 * zero.
 *
 * Threads: an engine owns one thread, the one that calls anabranch_invoke() or
 * anabranch_engine_run(); every callback runs there. Only anabranch_post() and anabranch_cancel()
 * may be called from other threads. Callbacks may call everything but anabranch_invoke(),
 * anabranch_engine_run() and anabranch_engine_free().
 *
 * Every function that returns int: 0 success, ANABRANCH_E_* otherwise; out parameters are untouched
 * on failure. What is wrong with an argument is told by a text where the function has one,
 * otherwise by a line on standard error.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ANABRANCH_API __attribute__((visibility("default")))
#else
#define ANABRANCH_API
#endif

enum {
    ANABRANCH_E_NOMEM = -1,     /* no memory */
    ANABRANCH_E_SYSTEM = -2,    /* the operating system refused */
    ANABRANCH_E_INVALID = 1,    /* an argument or a graph is wrong */
    ANABRANCH_E_FAILED = 2,     /* the run ended with an error; the result says which */
    ANABRANCH_E_CANCELLED = 3,  /* the run was cancelled */
    ANABRANCH_E_INTERRUPTED = 4 /* the run waits for a person, on its thread */
};

struct anabranch_engine;
struct anabranch_builder;
struct anabranch_graph;
struct anabranch_run;
struct anabranch_task;

/* "0.1.0" */
ANABRANCH_API const char *anabranch_version(void);

/* ---- engine: an event loop, providers, node kinds ---- */

struct anabranch_options {
    size_t size;          /* sizeof(struct anabranch_options) */
    const char *settings; /* JSON object of settings as in the settings file, or NULL for the
                             defaults (but `database`, which is "memory:" unless it is named); the environment is read for provider keys as the server does.
                             log_level counts for the whole process. */
};

/* options may be NULL. ANABRANCH_E_INVALID: the settings, or the database that they name; every
 * mistake is logged. */
ANABRANCH_API int anabranch_engine_new(const struct anabranch_options *options,
                                       struct anabranch_engine **ret);
/*
 * Graphs and builders must be gone, and no other thread may still post or cancel. Runs that are
 * left are cancelled and their on_end is called; tasks that were cancelled and never ended by their
 * kind are freed. Accepts NULL.
 */
ANABRANCH_API void anabranch_engine_free(struct anabranch_engine *engine);

/* Serves callbacks until anabranch_engine_stop(), which may come first. ANABRANCH_E_INVALID: it
 * runs already. */
ANABRANCH_API int anabranch_engine_run(struct anabranch_engine *engine);
ANABRANCH_API void anabranch_engine_stop(struct anabranch_engine *engine);
/* Calls call(arg) on the engine's thread, in order of posting. Any thread. What is not delivered
 * before the engine is freed is dropped. */
ANABRANCH_API int anabranch_post(struct anabranch_engine *engine, void (*call)(void *arg),
                                 void *arg);

/* ---- node kinds written in C ---- */

/*
 * A kind is what a node's "kind" names. An instance of it lives once per node of a graph (config)
 * and once per task (whatever the kind hangs on the task with anabranch_task_set_data()).
 */
struct anabranch_kind {
    size_t size;      /* sizeof(struct anabranch_kind) */
    const char *name; /* as in "kind": "..."; copied */
    void *arg;        /* given to configure */
    /*
     * Reads a node's own fields (spec: the whole node object as JSON, valid during the call). NULL
     * = the kind has no fields. A mistake is told by anabranch_report(); all of them, not only the
     * first. ret_config may stay untouched; it is looked at if 0 comes back. ANABRANCH_E_NOMEM or
     * ANABRANCH_E_SYSTEM: ends the building. Anything else: the node is refused.
     */
    int (*configure)(void *arg, const char *spec, struct anabranch_builder *builder,
                     void **ret_config);
    void (*config_free)(void *config); /* or NULL */
    /*
     * Begins a task and returns promptly. The task ends with one anabranch_task_finish() or
     * anabranch_task_fail(), or an anabranch_task_ask() without an answer, now or later, on the
     * engine's thread. A second one in the same callback does nothing; after that callback the task
     * may be gone.
     */
    void (*start)(struct anabranch_task *task, void *config);
    /*
     * The task's result is not wanted any more (run cancelled, another node failed, timeout): let
     * go of what it waits for. The run does not wait, but the task and its config stay until the
     * task is ended, in any way, here or later. NULL = nothing to let go of.
     */
    void (*cancel)(struct anabranch_task *task, void *config);
    void (*data_free)(void *data); /* for what anabranch_task_set_data() hung on a task, when the
                                      task goes; or NULL */
};

/* Must come before graphs that use it. ANABRANCH_E_INVALID: the name is taken or empty, or start is
 * NULL. */
ANABRANCH_API int anabranch_engine_add_kind(struct anabranch_engine *engine,
                                            const struct anabranch_kind *kind);
/* From configure only: one mistake in the node's field `key` (NULL = the node itself): what is
 * wrong, and what would be right. */
ANABRANCH_API void anabranch_report(struct anabranch_builder *builder, const char *key,
                                    const char *wrong, const char *remedy);

/* The task's node; valid as long as the task. */
ANABRANCH_API const char *anabranch_task_node(const struct anabranch_task *task);
/* A UUID, valid as long as the task: the same for all attempts, and after an interrupt, too. */
ANABRANCH_API const char *anabranch_task_id(const struct anabranch_task *task);
/* What the task works on, JSON, valid until the task ends: the argument of the Send that made it,
 * else the state. In an error handler an object gets the key "error": {"type","message","node"}.
 * NULL: no memory. */
ANABRANCH_API const char *anabranch_task_input(struct anabranch_task *task, size_t *ret_len_bytes);
/* The state at the beginning of the step, whatever the task works on: JSON object, valid until the
 * task ends; NULL: no memory. */
ANABRANCH_API const char *anabranch_task_state(struct anabranch_task *task, size_t *ret_len_bytes);
/*
 * What the run was given, and where it stands; as templates see it. JSON objects, valid until the
 * task ends; NULL: no memory.
 *
 *     context   $context: the run's, over the assistant's of the graph; {} if neither has one
 *     config    $config: the run's "configurable" with run_id, thread_id, graph_id, assistant_id
 *     facts     $run: {"step","remaining_steps","is_last_step"}, of the task's own graph
 */
ANABRANCH_API const char *anabranch_task_context(struct anabranch_task *task,
                                                 size_t *ret_len_bytes);
ANABRANCH_API const char *anabranch_task_config(struct anabranch_task *task, size_t *ret_len_bytes);
ANABRANCH_API const char *anabranch_task_facts(struct anabranch_task *task, size_t *ret_len_bytes);
/* Taken, for data_free. Set again, the earlier pointer is the kind's own business. */
ANABRANCH_API void anabranch_task_set_data(struct anabranch_task *task, void *data);
ANABRANCH_API void *anabranch_task_data(const struct anabranch_task *task);
/* A piece of text of the answer; clients see it at once. UTF-8. ANABRANCH_E_CANCELLED: nobody wants
 * it any more. */
ANABRANCH_API int anabranch_task_emit(struct anabranch_task *task, const char *text,
                                      size_t len_bytes);
/* An event of the stream mode `custom`. value: any JSON. ANABRANCH_E_INVALID: not JSON, or too
 * large; ANABRANCH_E_CANCELLED as above. */
ANABRANCH_API int anabranch_task_custom(struct anabranch_task *task, const char *value,
                                        size_t len_bytes);
/* A sign of life, for a node with idle_timeout_ms; text and custom events are signs, too, unless
 * its idle_refresh is "heartbeat".
 * ANABRANCH_E_CANCELLED as above. */
ANABRANCH_API int anabranch_task_progress(struct anabranch_task *task);
/*
 * Asks a person. question: JSON, or NULL for null. Returns the answer as JSON, valid until the task
 * ends. NULL: the task has ended, and its start returns at once. The run then stops with
 * ANABRANCH_E_INTERRUPTED; when it is resumed, the task begins again from its start, and the k-th
 * question of a task gets the k-th answer. So what comes before a question happens more than once.
 *
 *     const char *answer = anabranch_task_ask(task, "\"May I?\"", 8, NULL);
 *     if (answer == NULL)
 *         return;
 *     anabranch_task_finish(...);
 *
 * In a run without a thread, with a question that is not JSON, and without memory, the task fails
 * (NULL, too). ret_len_bytes: of the answer; may be NULL.
 */
ANABRANCH_API const char *anabranch_task_ask(struct anabranch_task *task, const char *question,
                                             size_t len_bytes, size_t *ret_len_bytes);
/*
 * result: JSON; NULL or null: nothing to write. It is one of
 *
 *     {"field": value}                    writes; keys that are no field are dropped
 *     {"__command__": {
 *         "update": {"field": value},     or [["field", value], ...]
 *         "goto":   "node",               or {"node": "n", "arg": any} (a Send), or a list of both
 *         "graph":  "PARENT"}}            the graph around this one gets it; this one ends
 *     [...]                               a list of these with at least one command in it
 *
 * A wrong one fails the run, with a text.
 */
ANABRANCH_API void anabranch_task_finish(struct anabranch_task *task, const char *result,
                                         size_t len_bytes);
/* type: a class name such as "ValueError", or NULL. A retry policy without "on" repeats it, unless
 * it is a class of the engine's own that stays wrong, like "InvalidUpdateError". */
ANABRANCH_API void anabranch_task_fail(struct anabranch_task *task, const char *type,
                                       const char *message);

/* ---- graphs ---- */

ANABRANCH_API int anabranch_builder_new(struct anabranch_engine *engine, const char *name,
                                        struct anabranch_builder **ret);
ANABRANCH_API void anabranch_builder_free(struct anabranch_builder *b);

/*
 * The builder collects mistakes; every call may go on after one, and anabranch_builder_build()
 * tells them all. So these return 0 or ANABRANCH_E_NOMEM only. `spec` is JSON with the keys of
 * docs/graphs.md.
 */
ANABRANCH_API int anabranch_builder_describe(struct anabranch_builder *b, const char *description);
ANABRANCH_API int anabranch_builder_field(struct anabranch_builder *b, const char *name,
                                          const char *spec);
/*
 * A reducer in C: how a write joins what the field holds. Both are JSON texts, valid during the
 * call; held is NULL if the field holds nothing yet. Answers with one anabranch_reduced_set() or
 * anabranch_reduced_fail() before it returns. Called on the engine's thread, once per write, in the
 * order in which a step's writes are applied.
 */
struct anabranch_reduced;
typedef void anabranch_reduce(void *arg, const char *held, const char *written,
                              struct anabranch_reduced *reduced);
/* json: the field's new value; copied. The last one counts. ANABRANCH_E_INVALID: not JSON, and the
 * run fails with a text that says why; or it has failed already. */
ANABRANCH_API int anabranch_reduced_set(struct anabranch_reduced *reduced, const char *json,
                                        size_t len_bytes);
/* Fails the run. type: a class name such as "ValueError", or NULL. */
ANABRANCH_API void anabranch_reduced_fail(struct anabranch_reduced *reduced, const char *type,
                                          const char *message);
/*
 * For a field whose spec names no reducer; it then begins with nothing, or with its default.
 * arg is taken, whatever comes back: free_arg (or NULL) is called once, with the graph, or when
 * nothing is built.
 */
ANABRANCH_API int anabranch_builder_reducer(struct anabranch_builder *b, const char *field,
                                            anabranch_reduce *reduce, void *arg,
                                            void (*free_arg)(void *arg));
/* Which fields a caller may give, or gets. Never called: all that are not private. */
ANABRANCH_API int anabranch_builder_input(struct anabranch_builder *b, const char *const *fields,
                                          size_t count);
ANABRANCH_API int anabranch_builder_output(struct anabranch_builder *b, const char *const *fields,
                                           size_t count);
/* spec: {"kind": "...", ...}. */
ANABRANCH_API int anabranch_builder_node(struct anabranch_builder *b, const char *name,
                                         const char *spec);
/* "__start__" and "__end__" (also START, END) are the ends. */
ANABRANCH_API int anabranch_builder_edge(struct anabranch_builder *b, const char *from,
                                         const char *to);
/* An edge from each of the names to the next one. A list without names, or with one of them twice,
 * is a mistake. */
ANABRANCH_API int anabranch_builder_sequence(struct anabranch_builder *b, const char *const *names,
                                             size_t count);
/* `to` runs when all sources have run since it last did. */
ANABRANCH_API int anabranch_builder_join(struct anabranch_builder *b, const char *const *sources,
                                         size_t count, const char *to);
/* Goes to the node of the case that equals the value at `path`; otherwise to fallback, NULL = the
 * run fails. */
struct anabranch_case {
    const char *value;
    const char *to;
};
ANABRANCH_API int anabranch_builder_switch(struct anabranch_builder *b, const char *from,
                                           const char *path, const struct anabranch_case *cases,
                                           size_t count, const char *fallback);
/* A task of `send` for each item of the list at `path`. Its whole input is {as: item}, and with
 * index {as: item, index: position from 0}. */
struct anabranch_each {
    size_t size;
    const char *from;
    const char *path;
    const char *as; /* the key of the item in the input of the task; need not be a field */
    const char *send;
    const char *index; /* the key of its place, or NULL */
};
ANABRANCH_API int anabranch_builder_each(struct anabranch_builder *b,
                                         const struct anabranch_each *options);

/*
 * Goes where a function says. It sees the state after the node's own writes (not those of nodes
 * that ran beside it) as a JSON object, valid during the call, and adds any number of targets, also
 * none. Called on the engine's thread.
 */
struct anabranch_targets;
struct anabranch_when {
    size_t size;
    const char *from;
    void (*choose)(void *arg, const char *state, struct anabranch_targets *targets);
    void *arg;                   /* taken as with anabranch_builder_reducer() */
    void (*free_arg)(void *arg); /* or NULL */
    const char *const *targets;  /* where it may go; none: anywhere */
    size_t target_count;
};
ANABRANCH_API int anabranch_builder_when(struct anabranch_builder *b,
                                         const struct anabranch_when *options);
/*
 * node runs next. arg NULL: on the state, once however often it is named. Else a Send: JSON that is
 * the whole input of a task of its own. ANABRANCH_E_INVALID: no such node, no JSON, or something
 * sent to __end__; the run fails with a text that says which.
 */
ANABRANCH_API int anabranch_targets_add(struct anabranch_targets *targets, const char *node,
                                        const char *arg);
/* anabranch_task_context() and _config() for a condition; valid during the call. An update of the
 * state is no run: both are {} then. NULL: no memory. */
ANABRANCH_API const char *anabranch_targets_context(struct anabranch_targets *targets,
                                                    size_t *ret_len_bytes);
ANABRANCH_API const char *anabranch_targets_config(struct anabranch_targets *targets,
                                                   size_t *ret_len_bytes);
/* Fails the run. type: a class name, or NULL. */
ANABRANCH_API void anabranch_targets_fail(struct anabranch_targets *targets, const char *type,
                                          const char *message);

/* moment: "before" or "after". Runs stop there; one on a thread can be resumed. node: a name, or
 * "*" for every node. */
ANABRANCH_API int anabranch_builder_interrupt(struct anabranch_builder *b, const char *moment,
                                              const char *node);
/* Most steps of a run whose request names no limit; a graph inside another has its own. */
ANABRANCH_API int anabranch_builder_recursion_limit(struct anabranch_builder *b, int64_t limit);
/* The longest time for the nodes that run side by side; a run that needs more fails. */
ANABRANCH_API int anabranch_builder_step_timeout(struct anabranch_builder *b, int64_t timeout_ms);
/* What counts for every node that does not say it itself. spec: JSON object {"retry","timeout_ms",
 * "idle_timeout_ms","idle_refresh","cache","on_error"}, each as in a node; every key may be missing. */
ANABRANCH_API int anabranch_builder_node_defaults(struct anabranch_builder *b, const char *spec);

/* ANABRANCH_E_INVALID: anabranch_builder_problems() has one line per mistake. The graph is counted;
 * free it with anabranch_graph_free(). */
ANABRANCH_API int anabranch_builder_build(struct anabranch_builder *b,
                                          struct anabranch_graph **ret);
/* Never NULL; valid until the builder is freed or used again. */
ANABRANCH_API const char *anabranch_builder_problems(const struct anabranch_builder *b);

/* From a graph file's text: JSON, or Lua if the name ends in ".lua". Scripts and modules that it names
 * are read from the folder of file_name. problems: out, text to free with anabranch_free(), set on
 * ANABRANCH_E_INVALID; may be NULL. */
ANABRANCH_API int anabranch_graph_parse(struct anabranch_engine *engine, const char *file_name,
                                        const char *text, size_t len_bytes,
                                        struct anabranch_graph **ret, char **problems);
ANABRANCH_API void anabranch_graph_free(struct anabranch_graph *graph);
/* Forgets the results that are kept of nodes with a "cache": of this one, or with NULL of all; and
 * of graphs inside of them. Tasks at work go on. ANABRANCH_E_INVALID: the graph has no such node. */
ANABRANCH_API int anabranch_clear_cache(struct anabranch_engine *engine,
                                        struct anabranch_graph *graph, const char *node);
/* Mermaid text to free with anabranch_free(). */
ANABRANCH_API char *anabranch_graph_draw(const struct anabranch_graph *graph);

/* ---- runs ---- */

/*
 * A run on a thread (thread_id) leaves a checkpoint after every step, so that it can stop for a
 * person, be resumed, looked at and begun again from an earlier place. Threads are kept by the
 * engine, as its setting `database` says: in memory unless it is set. What a run does there:
 *
 *     input              begins anew on the thread's state
 *     input NULL         goes on where the thread stopped: at a breakpoint, or after a failure
 *     command            answers what is asked, writes, or goes somewhere else, and goes on
 *     checkpoint_id      the same from an earlier place, on a branch of its own
 */
struct anabranch_run_options {
    size_t size;
    const char *input; /* JSON object; one that does not fit the graph fails the run */
    /* JSON object {"recursion_limit","configurable","tags","metadata"}, or NULL */
    const char *config;
    const char *context;     /* JSON object, or NULL */
    const char *stream_mode; /* comma separated, names as in the server's "stream_mode"; NULL: no
                                events */
    int64_t timeout_ms;      /* 0 = the setting run_timeout_ms */
    /* One event of the modes asked: its name and its data (one line of JSON, NUL-terminated), valid
       during the call. The first one is `metadata`, and the last one of a run that failed is
       `error`. The name of an event of a subgraph has its namespace behind it, as on the wire:
       "updates|research:0e37...". May be NULL. */
    void (*on_event)(void *arg, const char *event, const char *data, size_t len_bytes);
    /* Once, at the end: 0, ANABRANCH_E_INTERRUPTED, ANABRANCH_E_FAILED, ANABRANCH_E_CANCELLED, or
       ANABRANCH_E_NOMEM (no memory for the result, which is "" then). result: the output fields as
       a JSON object; with "__interrupt__" beside them if it was interrupted: a list of
       {"id","value"}, empty at a breakpoint; or {"error":{"type","message","node"}} without node
       where none is to blame. Valid during the call. The run is gone after it. May be NULL. */
    void (*on_end)(void *arg, int status, const char *result, size_t len_bytes);
    void *arg;

    const char *thread_id; /* 1 to 255 bytes, made if unknown; NULL = nothing is kept */
    /* JSON object {"resume","update","goto"} in place of an input, or NULL. resume: the answer, any
       JSON but null, for all that is asked; or a map {interrupt id: answer} for some of it. update
       and goto: see anabranch_task_finish(). */
    const char *command;
    const char *checkpoint_id;    /* of the thread; NULL = its latest */
    const char *interrupt_before; /* JSON list of node names, or "\"*\"": breakpoints in place of */
    const char *interrupt_after;  /* the graph's own; NULL = the graph's */
    const char *durability;       /* when checkpoints are written: "sync" before the next step,
                                     "async" beside it (also NULL), "exit" at the end only */
    int64_t max_concurrency;      /* tasks of a graph at work at once; 0 = no bound */
    int subgraphs;                /* not 0: events of subgraphs, too */
    int is_lenient; /* 0: to resume what is not asked fails with UnknownInterruptError, and a
                       breakpoint at a node that is not there is refused; else they are ignored */
};
/*
 * *ret (may be NULL) is for anabranch_cancel() and valid until on_end. No callback comes before
 * this has returned. ANABRANCH_E_INVALID: an option is not of its form. ANABRANCH_E_FAILED: the
 * engine does not take the run: as many as the setting max_runs allows are at work, another one is
 * at work on the thread, or an option names what does not exist. Nothing will be called then.
 */
ANABRANCH_API int anabranch_run_start(struct anabranch_engine *engine,
                                      struct anabranch_graph *graph,
                                      const struct anabranch_run_options *options,
                                      struct anabranch_run **ret);
/* Any thread, any number of times, as long as on_end has not returned. Without memory it does
 * nothing. */
ANABRANCH_API void anabranch_cancel(struct anabranch_run *run);
/*
 * Runs a graph to its end on the calling thread; other runs and callbacks of the engine go on
 * meanwhile. result: as for on_end, may be NULL; text to free with anabranch_free(), set on 0,
 * ANABRANCH_E_FAILED and ANABRANCH_E_INTERRUPTED. options may be NULL; its input is overridden by
 * `input`, which is NULL with a command or to go on.
 */
ANABRANCH_API int anabranch_invoke(struct anabranch_engine *engine, struct anabranch_graph *graph,
                                   const char *input, const struct anabranch_run_options *options,
                                   char **result);
ANABRANCH_API void anabranch_free(void *text);

/* ---- threads between their runs ---- */

struct anabranch_thread_options {
    size_t size;
    const char *thread_id;
    const char *checkpoint_ns; /* a subgraph's place, as states and events name it; NULL or "" = the
                                  graph's own */
    const char *checkpoint_id; /* NULL = the latest */
    /*
     * Once, at the end: 0; ANABRANCH_E_FAILED, json is {"error":{"type","message"}};
     * ANABRANCH_E_CANCELLED, the engine is being freed; ANABRANCH_E_NOMEM or ANABRANCH_E_SYSTEM.
     * json: what was asked for, else ""; valid during the call. May be NULL.
     */
    void (*on_end)(void *arg, int status, const char *json, size_t len_bytes);
    void *arg;
};
/*
 * These begin a call and return; texts are copied. No callback comes before they have returned.
 * graph: the one whose runs the thread has seen; counted meanwhile. ANABRANCH_E_INVALID: an
 * argument is not of its form. ANABRANCH_E_CANCELLED: the engine is being freed. If it is not 0,
 * nothing will be called.
 *
 * A state is a JSON object as the server answers it: values, next (node names), tasks (id, name,
 * path, error, interrupts, state), metadata, created_at, checkpoint, parent_checkpoint, config,
 * parent_config, interrupts (what is asked). A thread that is not known has an empty one; a
 * checkpoint id that it does not have fails every call with NotFoundError, and nothing is written.
 */

/* subgraphs, not 0: the state of a task that is a subgraph is in the task's "state". */
ANABRANCH_API int anabranch_get_state(struct anabranch_engine *engine,
                                      struct anabranch_graph *graph,
                                      const struct anabranch_thread_options *options,
                                      int subgraphs);

struct anabranch_history {
    size_t size;
    int64_t limit;      /* 0 = all */
    const char *before; /* a checkpoint id: only what is older; or NULL */
    const char *filter; /* JSON object that the metadata must contain, or NULL */
};
/* A JSON list of states, the newest first. history may be NULL: all of it. */
ANABRANCH_API int anabranch_get_history(struct anabranch_engine *engine,
                                        struct anabranch_graph *graph,
                                        const struct anabranch_thread_options *options,
                                        const struct anabranch_history *history);
/*
 * Writes as if the node as_node had written (NULL: the one that ran last), through the reducers;
 * the next run goes on behind it. values: JSON object, or NULL for none. as_node may be "__input__"
 * (values wait as an input), "__end__" (with no values: what was to run next is forgotten) and
 * "__copy__" (with no values: the place once more, as a branch). Gives {"configurable":
 * {"thread_id","checkpoint_ns","checkpoint_id"}}, the new place. Fails while a run is at work on
 * the thread.
 */
ANABRANCH_API int anabranch_update_state(struct anabranch_engine *engine,
                                         struct anabranch_graph *graph,
                                         const struct anabranch_thread_options *options,
                                         const char *values, const char *as_node);
/* supersteps: JSON list of lists of {"values","as_node"}: one checkpoint for each inner list. Else
 * the same. */
ANABRANCH_API int anabranch_bulk_update_state(struct anabranch_engine *engine,
                                              struct anabranch_graph *graph,
                                              const struct anabranch_thread_options *options,
                                              const char *supersteps);
/* Forgets everything of the thread; of options only thread_id and the callback count. Gives "".
 * Fails while a run is at work on it. */
ANABRANCH_API int anabranch_delete_thread(struct anabranch_engine *engine,
                                          const struct anabranch_thread_options *options);

#ifdef __cplusplus
}
#endif
#endif
