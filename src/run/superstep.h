#ifndef ANABRANCH_RUN_SUPERSTEP_H
#define ANABRANCH_RUN_SUPERSTEP_H
/* One superstep of writes from outside: one checkpoint, as LangGraph's bulkUpdateState makes it. */
#include "run/internal.h"

struct superstep {
    const struct services *services;
    struct checkpoint *at; /* where the thread stands; moved on */
    struct saver *saver;   /* of at */
    const char *ns;        /* of the graph: for task ids */
    bool with_pending;     /* what finished tasks have left is applied first */
    struct fail *f;
};

enum { SUPERSTEP_E_REFUSED = 1 };
/* updates: a non-empty array of {"values", "as_node"?}. 0, SUPERSTEP_E_REFUSED with f
 * (FAIL_INVALID_UPDATE mostly), or a fault; then `at` is good for nothing but its end. */
int superstep_apply(const struct superstep *s, const json_t *updates);

#endif
