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
    REDUCE_MESSAGES
};

/* "string" ... and back; -1 = unknown. The tables are in field.c. */
const char *field_type_name(enum field_type type);
int field_type_find(const char *name);
const char *reducer_name(enum reducer r);
int reducer_find(const char *name);
/* Whether a value of this JSON type may stand in a field: integers fit number; null fits any only.
 */
bool field_type_fits(enum field_type type, const json_t *json);

struct field {
    char *name;
    enum field_type type;
    enum reducer reducer;
    struct value *initial; /* what the field holds before the first write; NULL = absent */
    bool is_private;       /* not in the input, not in the output */
    bool is_input;
    bool is_output;
};

/* LangGraph's RetryPolicy. */
struct retry {
    int max_attempts; /* 1 = no retry */
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

/* A switch edge. */
struct route {
    struct path *path;
    char **values; /* case_count of each */
    int *targets;  /* node or NODE_END */
    size_t case_count;
    int fallback; /* node, NODE_END, or NODE_NONE: then no match fails the run */
};

/* What happens when a node (or __start__) has finished. */
struct outlets {
    int *targets; /* plain edges and fan-outs, without ends; sorted, no doubles */
    size_t target_count;
    int *joins; /* indexes into graph->joins */
    size_t join_count;
    struct route *routes;
    size_t route_count;
};

struct node {
    char *name;
    char *trigger; /* "branch:to:NAME" */
    const struct node_kind *kind;
    void *config; /* the kind's */
    struct retry retry;
    int64_t timeout_ms; /* of one attempt; 0 = none */
    bool is_deferred;   /* runs when nothing else is left to run */
    char **tags;
    size_t tag_count;
    struct outlets out;
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
    json_t *assistant;       /* {"config","context","metadata"} of the file, or NULL */
};

struct graph *graph_ref(struct graph *g);
struct graph *graph_unref(struct graph *g); /* accepts NULL and half-built, returns NULL */

int graph_find_node(const struct graph *g, const char *name);  /* index, or NODE_NONE */
int graph_find_field(const struct graph *g, const char *name); /* index, or -1 */

#endif
