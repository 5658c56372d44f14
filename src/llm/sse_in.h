#ifndef ANABRANCH_LLM_SSE_IN_H
#define ANABRANCH_LLM_SSE_IN_H
/*
 * Incremental parser of Server-Sent Events from an upstream (WHATWG event stream): bytes in, in
 * pieces of any size; events out. LF, CR and CRLF end lines, also when CR and LF come in different
 * pieces; a byte order mark at the start is skipped; several data lines are joined by LF; comments
 * and unknown fields are skipped. An event without the blank line behind it at the end of the
 * stream is not an event.
 *
 * Most events of a model stream are one whole `data:` line inside one piece: those are given out
 * where they lie, without a copy.
 */
#include "base/buf.h"

struct sse_in {
    struct buf line; /* a line that began in an earlier piece */
    struct buf data;
    struct buf event;
    int state; /* private */
    void (*on_event)(void *arg, const char *event, const char *data, size_t len_bytes);
    void *arg;
};

enum { SSE_IN_E_TOO_LARGE = 1 };
/* on_event: event is "" if it has no name; data is valid during the call, not NUL-terminated.
 * max_event_bytes bounds a line and an event. */
void sse_in_init(struct sse_in *p, size_t max_event_bytes,
                 void (*on_event)(void *arg, const char *event, const char *data, size_t len_bytes),
                 void *arg);
void sse_in_deinit(struct sse_in *p);
/* 0, SSE_IN_E_TOO_LARGE, or a fault; after a failure the parser must not be fed any more. */
int sse_in_feed(struct sse_in *p, const char *bytes, size_t len_bytes);

#endif
