#ifndef ANABRANCH_GRAPH_CODE_H
#define ANABRANCH_GRAPH_CODE_H
/*
 * What a graph needs of a programming language. The language lives in a higher layer (script/), so it
 * comes as functions. A struct code is one loaded script, counted; whatever is made of it (a
 * reducer, a condition, a node's function) keeps it alive by itself.
 *
 *     "script": "helpers.lua"            code_source.open() -> struct code
 *     "reducer": "longest"               ops->reducer()
 *     "when": [{"if": "state.n > 3"}]    ops->conditions()
 *
 * Functions that fill `why` add one sentence without its full stop when they return CODE_E_WRONG.
 */
#include "base/buf.h"
#include "graph/graph.h"

struct code;

enum { CODE_E_WRONG = 1 };

struct code_ops {
    /* A reducer by the name of a function. 0, CODE_E_WRONG, or a fault. */
    int (*reducer)(struct code *code, const char *function, struct reducer_fn *ret,
                   struct buf *why);
    /*
     * Conditions that are tried in turn: the first that holds chooses its target. An expression is
     * Lua over `state` and `config`; NULL = holds always.
     *   wrong    out, on CODE_E_WRONG: the index of the expression that is none
     */
    int (*conditions)(struct code *code, const char *const *expressions,
                      const char *const *targets, size_t count, struct chooser *ret, size_t *wrong,
                      struct buf *why);
    struct code *(*ref)(struct code *code);
    struct code *(*unref)(struct code *code); /* returns NULL */
};

/* The first member of what a language keeps of a script. */
struct code {
    const struct code_ops *ops;
};

struct code *code_ref(struct code *code);   /* accepts NULL */
struct code *code_unref(struct code *code); /* accepts NULL, returns NULL */

struct code_source {
    /*
     * Loads the script of a graph file.
     *   graph_file   the file that names it; scripts lie beside it
     *   script       as the file says it ("helpers.lua"); NULL: expressions only, no functions
     *   ret          a reference
     * 0, CODE_E_WRONG (why: one line for each mistake), or a fault.
     */
    int (*open)(void *arg, const char *graph_file, const char *script, struct code **ret,
                struct buf *why);
    void *arg;
};

#endif
