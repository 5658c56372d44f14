#ifndef ANABRANCH_RUN_ORDER_H
#define ANABRANCH_RUN_ORDER_H
/*
 * What an order, its assistant and its thread say together. Later ones win, key by key:
 *
 *     config.configurable   assistant < thread < request < the ids of the run
 *     metadata              assistant < thread < request
 *     context               assistant < request
 *     tags, recursion_limit, max_concurrency     the assistant's, where the request has none
 *
 * Pure.
 */
#include "run/sheet.h"

/* What is known of the other two; NULL = nothing. Borrowed. */
struct order_ground {
    const json_t *assistant_body;     /* {"config"?, "context"?} */
    const json_t *assistant_metadata; /* object */
    const json_t *thread_body;        /* {"config"?} */
    const json_t *thread_metadata;    /* object, with what the run adds to it */
};
/* Fills metadata and kwargs of a sheet with its ids. kwargs, metadata: the request's; the latter may be
 * NULL. 0 or ERR_NOMEM. */
int order_merge(struct sheet *s, const json_t *kwargs, const json_t *metadata,
                const struct order_ground *ground);
/* A thread's metadata once a run of it was ordered: a new object, NULL: no memory. *ret_is_new: it
 * differs from what was there. */
json_t *order_thread_metadata(const struct sheet *s, const json_t *before, bool *ret_is_new);

#endif
