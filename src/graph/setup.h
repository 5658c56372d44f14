#ifndef ANABRANCH_GRAPH_SETUP_H
#define ANABRANCH_GRAPH_SETUP_H
/*
 * How a node kind reads its fields. Each getter marks its key as known, checks type and range, and
 * notes a problem with the right JSON pointer; the builder reports the keys that nobody asked for.
 * On a problem getters return their "absent" answer and go on, so that one pass finds every
 * mistake. Problems also tell state fields that do not exist (with the nearest name).
 *
 * Getters return 0 or ERR_NOMEM. Borrowed results live as long as the setup.
 */
#include "graph/graph.h"
#include "graph/template.h"

struct anabranch_builder;
struct code;
struct setup;

/* What is being built: fields are all there, nodes and edges are not. */
const struct graph *setup_graph(const struct setup *s);
/* For anabranch_report(), which kinds of the C API call. */
struct anabranch_builder *setup_builder(const struct setup *s);
const char *setup_node_name(const struct setup *s);
/* The node's object, whole; borrowed. For kinds of the C API, which read it themselves (then call
 * setup_know_all()). */
const json_t *setup_spec(const struct setup *s);
void setup_know_all(struct setup *s);

/* NULL = absent or wrong. `required` reports an absent key. */
const json_t *setup_json(struct setup *s, const char *key, bool required);
const char *setup_string(struct setup *s, const char *key, bool required);
/* Absent or wrong: fallback. */
int64_t setup_int(struct setup *s, const char *key, int64_t least, int64_t most, int64_t fallback);
double setup_number(struct setup *s, const char *key, double least, double most, double fallback);
bool setup_bool(struct setup *s, const char *key, bool fallback);
/*
 * The graph's script, for kinds that run what is in it. *ret: borrowed; NULL: there is none, and
 * a problem was noted at key. 0 or a fault.
 */
int setup_code(struct setup *s, const char *key, struct code **ret);
/* The kind looks at $run: the run has to count its steps for it. */
void setup_needs_facts(struct setup *s);
/* Index of a state field, or -1. */
int setup_field(struct setup *s, const char *key, bool required);
/* *ret NULL = absent or wrong; else owned by the caller. Paths are checked against the fields. */
int setup_template(struct setup *s, const char *key, bool required, struct template **ret);
int setup_jtemplate(struct setup *s, const char *key, bool required, struct jtemplate **ret);
/* key: {field: JSON template}; *ret_fields (mem_free) and *ret_values (each jtemplate_free, then
 * mem_free), *ret_count of each. */
int setup_writes(struct setup *s, const char *key, bool required, int **ret_fields,
                 struct jtemplate ***ret_values, size_t *ret_count);

/* What the node runs is a graph. Takes sub. */
void setup_set_subgraph_take(struct setup *s, struct subgraph *sub);

/* A mistake of another sort. key NULL = the node itself. */
void setup_problem(struct setup *s, const char *key, const char *remedy, const char *wrong, ...)
    __attribute__((format(printf, 4, 5)));
/* Checks a path as the getters do, for templates that a kind parses itself. */
void setup_check_path(struct setup *s, const char *key, const struct path *path);

#endif
