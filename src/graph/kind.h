#ifndef ANABRANCH_GRAPH_KIND_H
#define ANABRANCH_GRAPH_KIND_H
/*
 * What the builder knows of a node kind: a name and how to read its fields. What a kind does when
 * it runs is node/node.h; the two halves meet in this struct so that graph/ needs nothing from
 * above.
 */
#include <stdbool.h>
#include <stddef.h>

struct setup;
struct task;

struct node_kind {
    const char *name;
    const char *summary; /* one sentence for docs and `check` */
    /*
     * Reads the node's fields through setup (graph/setup.h), which notes mistakes; reports every
     * one. All fields of the state are known by then. *ret_config: the kind's, freed with
     * config_free; may stay untouched. Returns 0 (mistakes are in setup) or a fault; then nothing
     * is kept.
     */
    int (*configure)(struct setup *setup, void **ret_config);
    void (*config_free)(void *config); /* accepts NULL; or NULL */
    /* Of a kind that asks and whose result is the answer: the field that gets it, or -1. NULL: any
     * other kind. */
    int (*answer_field)(const void *config);
    /* See node/node.h. */
    void (*start)(struct task *task);
    void (*cancel)(struct task *task);
    void (*release)(struct task *task);
    bool sees_facts; /* its tasks may look at $run without a template that names it */
    const void *arg; /* a kind made at run time (C API): its registration */
};

/* The kinds that a builder may use. */
struct kind_table {
    const struct node_kind *const *kinds;
    size_t count;
};
const struct node_kind *kind_find(const struct kind_table *table, const char *name); /* or NULL */

#endif
