#ifndef ANABRANCH_API_ON_RUN_H
#define ANABRANCH_API_ON_RUN_H
/*
 * Requests about a run that the desk does not know: it ended some time ago, and the store tells of it.
 *
 *     r = on_run_new(req)            the {run_id} of the path, and its {thread_id}, if it has one
 *     on_run_find(r, then)       ->  then(w): r->sheet; 404 if there is none, or of another thread
 */
#include "api/work.h"
#include "run/sheet.h"

struct on_run {
    struct work w;                    /* first member */
    char thread_id[STORE_ID_MAX + 1]; /* "" = a stateless run's */
    char run_id[ID_BYTES];
    struct sheet sheet; /* of the run that was found */
    unsigned modes;     /* of a stream: those that were asked for, 0 = those of the run */
    uint64_t from;      /* the number of the first event that is wanted */
    bool waits;         /* for the run's end, before it answers */
    void (*found)(struct work *w);
};

/* As work_new(). */
struct on_run *on_run_new(struct req *req);
void on_run_find(struct on_run *r, void (*then)(struct work *w));

#endif
