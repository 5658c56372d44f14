#ifndef ANABRANCH_DIFF_STAGE_H
#define ANABRANCH_DIFF_STAGE_H
/*
 * What the scripts of a case share: which visit a task performs, how often it has failed already,
 * and who is at work (FORMAT.md, "Visits" and the action `alone`).
 */
#include "base/list.h"
#include "node/node.h"

/* One task's, for all the times that it starts. */
struct visit {
    struct list node;
    char *key;             /* path and task id */
    const json_t *actions; /* borrowed from the case; NULL = does nothing */
    json_t *failed;        /* array: how often the action at this place has failed */
};

struct stage {
    const json_t *script; /* of the case; borrowed */
    struct list visits;
    json_t *started;     /* object: path -> tasks that have started */
    int busy;            /* scripts at work that do not wait to be alone */
    struct list waiting; /* those that do, in the order in which they began */
    long serial;         /* of the script that will begin next */
};

void stage_init(struct stage *stage, const json_t *script);
void stage_deinit(struct stage *stage);
struct visit *stage_visit(struct stage *stage, struct task *task);
/* Counts one failure of the action, unless it has failed so often. */
bool visit_fails(struct visit *visit, size_t action, json_int_t times);

#endif
