#ifndef ANABRANCH_RUN_REPLAY_H
#define ANABRANCH_RUN_REPLAY_H
/*
 * A cursor over the events of a run that lie in the store (run/tail.h), for readers that are behind
 * the log or came after it. It holds a few rows at a time.
 *
 * Loop thread only.
 */
#include "node/node.h"
#include "run/hub.h"

struct replay;
/* on_ready: from the loop, once after each REPLAY_WAIT. run_id is copied. 0 or ERR_NOMEM. */
int replay_new(const struct services *services, const char *run_id, void (*on_ready)(void *arg),
               void *arg, struct replay **ret);
struct replay *replay_close(struct replay *p); /* accepts NULL; on_ready is not called any more */

enum replay_result {
    REPLAY_EVENT,
    REPLAY_WAIT,
    REPLAY_NONE, /* nothing from `want` on is stored */
    REPLAY_GAP, /* what is stored begins at ret->number, and events of the same attempt are missing */
    REPLAY_FAILED /* the store, or what it has */
};
struct replayed {
    uint64_t number;
    unsigned mode;          /* 0 = every reader gets it; with MODE_SUBGRAPHS: a subgraph's */
    struct run_event event; /* its bytes are valid until the next call */
};
/* The first stored event from `want` on. want grows from call to call. */
enum replay_result replay_next(struct replay *p, uint64_t want, struct replayed *ret);

#endif
