#ifndef ANABRANCH_API_WORK_H
#define ANABRANCH_API_WORK_H
/*
 * A request at work between its handler and its reply, for handlers that ask the store: the first
 * member of the handler's own struct. It reads, changes, and replies once; whoever replies ends it.
 *
 *     handle        struct x *x = work_new(req, sizeof(*x), keys);     NULL: it was replied to
 *                   work_find(&x->w, &query, found);
 *     found         work_put(w, &put, metadata, body);                 false: it was replied to
 *                   work_commit(w, done, again);
 *     done          work_json_take(w, 200, json);
 *
 * Whatever goes wrong on the way is replied to here, and nothing of the handler's is called any
 * more. A client that leaves changes nothing: what was begun goes on, the reply goes nowhere.
 *
 * Loop thread only.
 */
#include "api/api.h"
#include "api/params.h"
#include "run/thread.h"
#include "store/record.h"

struct work {
    struct req *req; /* NULL: there is none, or the client has left */
    struct api *api;
    json_t *body; /* what the keys were checked of, or NULL */
    struct fail fail;
    struct stored_records found; /* of the last work_find() */
    struct store_batch batch;    /* of the next work_commit() */
    json_t *result;              /* of the last verb of run/thread.h */
    struct thread_op thread_op;
    struct store_op store_op;
    void (*then)(struct work *w);
    void (*again)(struct work *w);
    int stale_count;
    void (*deinit)(struct work *w); /* the handler's, or NULL */
};

/* A zeroed struct that begins with a struct work. keys: what the body is checked by; NULL: there is
 * no body to read. NULL: it was replied to. */
void *work_new(struct req *req, size_t size_bytes, const struct body_key *keys);

/* The same without a request: for what the server does by itself. Its replies only end it. NULL: no
 * memory. */
void *work_new_inner(struct api *api, size_t size_bytes);

/* ---- the store ---- */

/* The depth of JSON that was stored by us: requests are not as deep as settings allow, and what they
 * bring lies a few levels deeper in a record. */
enum { RECORD_DEPTH_MAX = 10000 };

void work_find(struct work *w, const struct record_query *query, void (*then)(struct work *w));
/* Adds the record to the batch, with metadata and body as its JSON texts where they are not NULL
 * (both are borrowed). False: they are too large, or there is no memory; it was replied to. */
bool work_put(struct work *w, struct record_put *put, const json_t *metadata, const json_t *body);
/* again: a precondition of the batch did not hold, NULL: none was added. The batch is empty
 * then. A handler that reads again and again is ended with 409 after some time. */
void work_commit(struct work *w, void (*then)(struct work *w), void (*again)(struct work *w));
/* An op of the store that is w->store_op: its on_end, with w as arg, after w->then was set. */
void work_stored(void *arg, int result);

/* For the verbs of run/thread.h, which get w->thread_op, w->result and w->fail: their on_end, with w
 * as arg, after w->then was set. */
void work_thread_done(void *arg, int result);

/* ---- replies ---- */

void work_json_take(struct work *w, json_t *json); /* 200; NULL: there was no memory for it */
/* Somebody else replies, who has taken w->req; or there is none any more. */
void work_leave(struct work *w);
void work_empty(struct work *w); /* 204 */
void work_fail(struct work *w);  /* w->fail */
void work_fault(struct work *w, int fault);
void work_failf(struct work *w, enum fail_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Serving has ended: waits for what is still at work. */
void api_finish(struct api *api);

#endif
