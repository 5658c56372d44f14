#ifndef ANABRANCH_NODE_WRITES_H
#define ANABRANCH_NODE_WRITES_H
/* The node field `values`: {state field: JSON template}, as `set` and `wait` have it. */
#include "graph/setup.h"
#include "node/node.h"

struct writes {
    int *fields;
    struct jtemplate **values;
    size_t count;
};

/* w: zeroed before; writes_deinit() whatever comes back. 0 or a fault. */
int writes_read(struct setup *s, bool required, struct writes *w);
void writes_deinit(struct writes *w);
/* Renders them and ends the task. What renders to nothing is not written. */
void writes_finish(const struct writes *w, struct task *task);

#endif
