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
 * caller was compiled with), so that they can grow.
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
    ANABRANCH_E_NOMEM = -1,   /* no memory */
    ANABRANCH_E_SYSTEM = -2,  /* the operating system refused */
    ANABRANCH_E_INVALID = 1,  /* an argument or a graph is wrong */
    ANABRANCH_E_FAILED = 2,   /* the run ended with an error; the result says which */
    ANABRANCH_E_CANCELLED = 3 /* the run was cancelled */
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
                             defaults; the environment is read for provider keys as the server does.
                             log_level counts for the whole process. */
};

/* options may be NULL. ANABRANCH_E_INVALID: the settings; every mistake is logged. */
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
     * anabranch_task_fail(), now or later, on the engine's thread. A second one in the same
     * callback does nothing; after that callback the task may be gone.
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
/* The state as this task sees it, JSON object, valid until the task ends; NULL: no memory. */
ANABRANCH_API const char *anabranch_task_state(struct anabranch_task *task, size_t *ret_len_bytes);
/* Taken, for data_free. Set again, the earlier pointer is the kind's own business. */
ANABRANCH_API void anabranch_task_set_data(struct anabranch_task *task, void *data);
ANABRANCH_API void *anabranch_task_data(const struct anabranch_task *task);
/* A piece of text of the answer; clients see it at once. UTF-8. ANABRANCH_E_CANCELLED: nobody wants
 * it any more. */
ANABRANCH_API int anabranch_task_emit(struct anabranch_task *task, const char *text,
                                      size_t len_bytes);
/* update: JSON object of fields to write, or NULL for none; keys that are no field are dropped. A
 * wrong update fails the run, with a text. */
ANABRANCH_API void anabranch_task_finish(struct anabranch_task *task, const char *update,
                                         size_t len_bytes);
/* type: a class name such as "ValueError", or NULL. */
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
ANABRANCH_API int anabranch_builder_recursion_limit(struct anabranch_builder *b, int64_t limit);

/* ANABRANCH_E_INVALID: anabranch_builder_problems() has one line per mistake. The graph is counted;
 * free it with anabranch_graph_free(). */
ANABRANCH_API int anabranch_builder_build(struct anabranch_builder *b,
                                          struct anabranch_graph **ret);
/* Never NULL; valid until the builder is freed or used again. */
ANABRANCH_API const char *anabranch_builder_problems(const struct anabranch_builder *b);

/* From a graph file's text. problems: out, text to free with anabranch_free(), set on
 * ANABRANCH_E_INVALID; may be NULL. */
ANABRANCH_API int anabranch_graph_parse(struct anabranch_engine *engine, const char *file_name,
                                        const char *json, size_t len_bytes,
                                        struct anabranch_graph **ret, char **problems);
ANABRANCH_API void anabranch_graph_free(struct anabranch_graph *graph);
/* Mermaid text to free with anabranch_free(). */
ANABRANCH_API char *anabranch_graph_draw(const struct anabranch_graph *graph);

/* ---- runs ---- */

struct anabranch_run_options {
    size_t size;
    const char *input; /* JSON object; one that does not fit the graph fails the run */
    /* JSON object {"recursion_limit","configurable","tags","metadata"}, or NULL */
    const char *config;
    const char *context;     /* JSON object, or NULL */
    const char *stream_mode; /* comma separated: values, updates, messages-tuple; NULL: no events */
    int64_t timeout_ms;      /* 0 = the setting run_timeout_ms */
    /* One event of the modes asked: its name and its data (one line of JSON, NUL-terminated), valid
       during the call. The first one is `metadata`, and the last one of a run that failed is
       `error`. May be NULL. */
    void (*on_event)(void *arg, const char *event, const char *data, size_t len_bytes);
    /* Once, at the end: 0, ANABRANCH_E_FAILED, ANABRANCH_E_CANCELLED, or ANABRANCH_E_NOMEM (no
       memory for the result, which is "" then). result: the output fields as a JSON object, or
       {"error":{"type","message","node"}} without node where none is to blame. Valid during the
       call. The run is gone after it. May be NULL. */
    void (*on_end)(void *arg, int status, const char *result, size_t len_bytes);
    void *arg;
};
/*
 * *ret (may be NULL) is for anabranch_cancel() and valid until on_end. No callback comes before
 * this has returned. ANABRANCH_E_FAILED: the engine takes no run now (setting max_runs); nothing
 * will be called.
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
 * meanwhile. result: may be NULL; text to free with anabranch_free(), set on 0 and
 * ANABRANCH_E_FAILED. options may be NULL; its input is overridden by `input`.
 */
ANABRANCH_API int anabranch_invoke(struct anabranch_engine *engine, struct anabranch_graph *graph,
                                   const char *input, const struct anabranch_run_options *options,
                                   char **result);
ANABRANCH_API void anabranch_free(void *text);

#ifdef __cplusplus
}
#endif
#endif
