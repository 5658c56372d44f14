#ifndef ANABRANCH_STORE_SQLITE_GROUP_H
#define ANABRANCH_STORE_SQLITE_GROUP_H
/*
 * Private to sqlite*.c and their test: what the storage thread is given, and how it makes one
 * transaction of a group of it.
 *
 * Jobs are done in their order, so a read sees the commits before it and not those behind it. All
 * results count once the transaction is on the disk. A batch that fails takes only itself back.
 * Where the transaction as a whole fails, each job gets one of its own.
 */
#include "loop/service.h"
#include "store/sqlite_db.h"

struct sqlite_job {
    struct service_job job;  /* first member */
    struct store_op *op;     /* loop thread only; NULL = nobody waits any more */
    void *ret;               /* the same: where the reader wants the answer */
    const struct find *what; /* of a read; NULL: it is a commit */
    struct store_batch batch;
    union find_query query; /* what it points to is in keep */
    struct keep keep;
    union find_answer answer; /* what was read */
    struct search *paused;    /* a read that is to be put again: there is more to read */
    struct commit_note note;  /* of a commit */
    int result;               /* what the op will end with */
};

enum { GROUP_MAX = 50 };

/* jobs: of struct sqlite_job, by service_job.node. */
void group_work(struct database *d, struct list *jobs);

#endif
