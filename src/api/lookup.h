#ifndef ANABRANCH_API_LOOKUP_H
#define ANABRANCH_API_LOOKUP_H
/*
 * A request about a run or a thread that asks the store before it answers:
 *
 *     l = lookup_new(req, thread_id, run_id)
 *     lookup_run(l, then)       -> then(l): l->sheet; the run is not there: 404 was sent
 *     lookup_thread(l, then)    -> then(l): l->thread; likewise
 *     lookup_free(l)            after the reply
 *
 * A client that leaves meanwhile ends the look-up: then is not called.
 */
#include "api/api.h"

struct lookup {
    struct req *req; /* NULL: its client has left */
    const struct api *api;
    char *thread_id; /* NULL = a stateless run's */
    char *run_id;    /* or NULL */
    struct store_op op;
    struct stored_records found;
    struct sheet sheet;
    json_t *thread; /* object: the body of its record */
    void (*then)(struct lookup *l);
    int64_t limit, offset; /* the caller's, as modes */
    unsigned modes;
};
/* thread_id and run_id may be NULL. NULL: no memory, the request was answered. */
struct lookup *lookup_new(struct req *req, const char *thread_id, const char *run_id);
void lookup_free(struct lookup *l);
void lookup_run(struct lookup *l, void (*then)(struct lookup *l));
void lookup_thread(struct lookup *l, void (*then)(struct lookup *l));
/* Any search; l->found holds what it gives. */
void lookup_records(struct lookup *l, const struct record_query *query,
                    void (*then)(struct lookup *l));
/* A commit; 404 "Run not found" if a precondition does not hold. Takes what is in b. */
void lookup_commit(struct lookup *l, struct store_batch *b, void (*then)(struct lookup *l));

#endif
