#ifndef ANABRANCH_API_EXCHANGE_H
#define ANABRANCH_API_EXCHANGE_H
/* A request that is answered with what a run does: its events, its result, or its end. */
#include "api/api.h"

enum exchange_form {
    EXCHANGE_RESULT,          /* /invoke as JSON: the output, or an error with its status */
    EXCHANGE_STREAM,          /* /invoke as SSE */
    EXCHANGE_NUMBERED_STREAM, /* the protocol's SSE, whose events have ids */
    EXCHANGE_WAIT,            /* the protocol's wait and join: 200 at once, then one JSON object */
    EXCHANGE_END              /* 204 when the run has ended */
};
struct exchange_options {
    enum exchange_form form;
    unsigned modes;             /* of a stream */
    uint64_t from;              /* the number of the first event that is wanted */
    bool cancels_on_disconnect; /* the run ends when the client leaves */
    const char *stored_run_id;  /* of a stream without a run: what is stored of this one; or NULL */
    uint64_t stored_end;        /* the number behind its last event; 0 = not known */
};
/* The reply of req, now or later. Keeps a reference of its own of run; NULL: a stream of stored
 * events, or without any. What o points to is borrowed for the call. */
void exchange_start(struct req *req, struct run *run, const struct exchange_options *o);

#endif
