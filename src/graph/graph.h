#ifndef ANABRANCH_GRAPH_GRAPH_H
#define ANABRANCH_GRAPH_GRAPH_H
/*
 * A built graph: immutable, counted, shared by all its runs. Made by the builder (graph/build.h),
 * read by everyone.
 *
 * Nodes are sorted by name (bytes), so an index is also the canonical order in which writes of a
 * step are applied. Fields keep the order in which they were declared, which is the order in which
 * a state is printed.
 */
#include "graph/kind.h"
#include "graph/value.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NODE_END = -1, NODE_START = -2, NODE_NONE = -3 };

enum field_type {
    FIELD_STRING,
    FIELD_NUMBER,
    FIELD_INTEGER,
    FIELD_BOOLEAN,
    FIELD_OBJECT,
    FIELD_ARRAY,
    FIELD_MESSAGES,
    FIELD_ANY
};
enum reducer {
    REDUCE_REPLACE,
    REDUCE_APPEND,
    REDUCE_ADD,
    REDUCE_MERGE,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_MESSAGES,
    REDUCE_FUNCTION /* the field's reducer_fn; has no name of its own in a file */
};

/* How long what was written into a field stays. */
enum field_life {
    LIFE_THREAD, /* "thread", the default: until it is written again; in every checkpoint */
    LIFE_STEP,   /* "step": for the next step only (LangGraph: EphemeralValue) */
    LIFE_RUN     /* "run": until the run ends, in no checkpoint (LangGraph: UntrackedValue) */
};

/* "string" ...; reducers also back, -1 = unknown. The tables are in field.c. REDUCE_FUNCTION is
 * printed as "function" and found by no name. */
const char *field_type_name(enum field_type type);
const char *reducer_name(enum reducer r);
int reducer_find(const char *name);
const char *field_life_name(enum field_life life);
int field_life_find(const char *name);
/* Whether a value of this JSON type may stand in a field: integers fit number; null fits any only.
 */
bool field_type_fits(enum field_type type, const json_t *json);

struct fail;
struct outcome;
struct scope;

/*
 * A reducer that is not in the table: a function of the C API or of a script.
 *   held     what the field holds, NULL = nothing; written: one write. Both borrowed, not changed.
 *   ret      out: a new reference, which nobody changes any more.
 * Returns 0, 1 with f filled (the class of FAIL_NODE unless it says otherwise), or a fault.
 */
struct reducer_fn {
    int (*fold)(void *arg, const json_t *held, const json_t *written, json_t **ret, struct fail *f);
    void *arg;
    void (*free)(void *arg); /* with the graph; or NULL */
};

struct field {
    char *name;
    enum field_type type;
    enum reducer reducer;
    struct reducer_fn fn; /* REDUCE_FUNCTION */
    enum field_life life;
    struct value *initial; /* what the field holds before the first write; NULL = absent */
    bool is_private;       /* not in the input, not in the output */
    bool is_input;
    bool is_output;
};

/* LangGraph's RetryPolicy. */
struct retry {
    int max_attempts; /* in all, whichever policies granted them */
    int64_t initial_ms;
    double factor;
    int64_t max_ms;
    bool has_jitter; /* up to 1 s more */
    char **on;       /* class names; count 0 = the default predicate, fail_is_retryable() */
    size_t on_count;
};

/* A join: runs `target` when every source has finished since the last time. */
struct join {
    int *sources; /* sorted; none is NODE_START */
    size_t source_count;
    int target;
    char *trigger; /* "join:a+b:target", sources in the order of the file */
};

struct path;

enum route_kind {
    ROUTE_SWITCH,  /* the value at path chooses one target */
    ROUTE_EACH,    /* one Send per item of the list at path */
    ROUTE_FUNCTION /* conditions: a function of the C API or of a script chooses */
};

/*
 * Looks at what a node has left (the step's snapshot with the node's own writes, not its siblings')
 * and adds targets to out (graph/outcome.h). Does not wait.
 * Returns 0, 1 with f filled, or a fault.
 */
struct chooser {
    int (*choose)(void *arg, const struct scope *scope, struct outcome *out, struct fail *f);
    void *arg;
    void (*free)(void *arg); /* with the graph; or NULL */
};

/* An edge whose targets depend on the state. */
struct route {
    enum route_kind kind;
    struct path *path; /* not for ROUTE_FUNCTION */
    char **values;     /* SWITCH: the cases. FUNCTION: labels for drawing, each may be NULL */
    int *targets;      /* case_count of each: node or NODE_END. EACH: one, the node sent to */
    size_t case_count;
    int fallback;           /* SWITCH: node, NODE_END, or NODE_NONE: then no match fails the run */
    char *as;               /* EACH: the key of the item in the Send's input */
    char *index;            /* EACH: the key of its position, or NULL */
    struct chooser chooser; /* FUNCTION; may go to `targets` only, or anywhere if there are none */
};

/* What happens when a node (or __start__) has finished. */
struct outlets {
    int *targets; /* plain edges and fan-outs, without ends; sorted, no doubles */
    size_t target_count;
    int *joins; /* indexes into graph->joins */
    size_t join_count;
    struct route *routes; /* in the order of the file */
    size_t route_count;
};

struct template;

/* Results of a node that may be used again. */
struct cache_policy {
    bool is_on;
    int64_t ttl_ms;       /* 0 = for ever */
    struct template *key; /* NULL = the node's whole input */
};

enum persistence {
    PERSIST_INVOCATION, /* a state per task of the parent; interrupts resume inside (default) */
    PERSIST_THREAD,     /* one state per thread: it goes on from task to task */
    PERSIST_NONE        /* nothing is kept: an interrupt runs the whole subgraph again */
};

/* `from`, a path of the one graph, is written into field `to` of the other. */
struct mapping {
    int to;
    struct path *from;
};

/* A node that is a graph. Fields of the same name are shared unless in/out say otherwise. */
struct subgraph {
    struct graph *graph; /* a reference */
    enum persistence persistence;
    struct mapping *in; /* to: a field of the child; from: seen by the parent's node */
    size_t in_count;
    struct mapping *out; /* to: a field of the parent; from: a path of the child's output */
    size_t out_count;
    bool has_in, has_out; /* given: then nothing but what they say is shared in that direction */
};

struct node {
    char *name;
    char *trigger;   /* "branch:to:NAME" */
    size_t declared; /* its place in the file */
    const struct node_kind *kind;
    void *config;          /* the kind's */
    struct retry *retries; /* the first that is for an error decides; none: no second attempt */
    size_t retry_count;
    int64_t timeout_ms;      /* of one attempt; 0 = none */
    int64_t idle_timeout_ms; /* of one attempt without a sign of progress; 0 = none */
    bool hears_beats_only;   /* nothing counts as progress but task_progress() */
    bool is_deferred;        /* runs when nothing else is left to run */
    bool interrupt_before;   /* breakpoints of the file */
    bool interrupt_after;
    struct cache_policy cache;
    char **tags;
    size_t tag_count;
    json_t *metadata; /* object: what its events carry, and those of a graph inside; or NULL */
    int *ends;        /* where its commands may go, for drawing and for what can be reached */
    size_t end_count;
    struct outlets out;
    /* Runs in this node's place when its last attempt has failed. A node of its own that is not in
       graph->nodes: named "__error_handler__NAME", without outlets and handler. Or NULL. */
    struct node *on_error;
    int on_error_goto;         /* then goes here: a node, NODE_END, or NODE_NONE */
    struct subgraph *subgraph; /* kind "graph", else NULL */
};

struct graph {
    int refs;
    char *name;
    char *description;  /* "" if none */
    char *assistant_id; /* system assistant: UUIDv5 of the name */
    struct field *fields;
    size_t field_count;
    struct node *nodes;
    size_t node_count;
    struct join *joins;
    size_t join_count;
    struct outlets start;
    int64_t recursion_limit; /* 0 = the setting's */
    int64_t step_timeout_ms; /* of each superstep; 0 = none */
    bool uses_facts;         /* something in it looks at $run, or may */
    bool asks;               /* a node of it, or of a graph inside, is an interrupt */
    int depth;               /* graphs inside each other: 1 = no node is a graph */
    json_t *assistant;       /* {"config","context","metadata"} of the file, or NULL */
    json_t *context;         /* JSON Schema of what a run may be told as its context, or NULL */
};

/* What a node owns; n itself is the caller's. Accepts a half-built one. */
void node_deinit(struct node *n);

struct graph *graph_ref(struct graph *g);
struct graph *graph_unref(struct graph *g); /* accepts NULL and half-built, returns NULL */

int graph_find_node(const struct graph *g, const char *name);  /* index, or NODE_NONE */
int graph_find_field(const struct graph *g, const char *name); /* index, or -1 */

#endif
