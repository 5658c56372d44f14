#ifndef ANABRANCH_GRAPH_PATH_H
#define ANABRANCH_GRAPH_PATH_H
/*
 * A dotted path into what a node sees: `user.name`, `items.0`, `$context.user_id`,
 * `$config.thread_id`, `$run.step`. And the scope it is looked up in.
 */
#include "graph/value.h"
#include <stdbool.h>

struct graph;
struct state;

#define PATH_MAX_DEPTH 32
/* Where the step's facts are; struct graph.uses_facts says whether somebody looks there. */
#define ROOT_RUN "$run"

/* What templates and paths see. Everything is borrowed for the time of the call. */
struct scope {
    const struct graph *graph;
    const struct state *state;
    const json_t *context;      /* object or NULL: $context */
    const json_t *configurable; /* object or NULL: $config */
    const json_t *facts;        /* object or NULL: $run */
    const json_t *extra;        /* object or NULL: names that win over the state's */
    const json_t *input; /* a Send's argument: seen in place of the state; NULL = the state */
};

/* Looks up a top-level name ("user_input", "$context"); borrowed, NULL = absent. */
const json_t *scope_find(const struct scope *scope, const char *name);

/* All that a node sees of the state (or its Send's argument) as one value: a new reference, whose
 * parts are shared and must not be changed. NULL: no memory. */
json_t *scope_input(const struct scope *scope);

enum { PATH_E_SYNTAX = 1 /* empty, an empty part, too deep */ };
struct path;
/* text need not end with NUL and is copied. Returns 0, PATH_E_SYNTAX, or a fault. */
int path_parse(const char *text, size_t len_bytes, struct path **ret);
struct path *path_free(struct path *p); /* accepts NULL */
const char *path_text(const struct path *p);
const char *path_root(const struct path *p);               /* the first part */
const char *path_part(const struct path *p, size_t index); /* NULL: there are not so many */
/* Borrowed; NULL = absent. */
const json_t *path_find(const struct path *p, const struct scope *scope);
/* The rest of the path (all parts but the first `skip`) inside `json`; borrowed; NULL = absent. */
const json_t *path_find_in(const struct path *p, size_t skip, const json_t *json);

#endif
