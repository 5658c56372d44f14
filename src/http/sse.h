#ifndef ANABRANCH_HTTP_SSE_H
#define ANABRANCH_HTTP_SSE_H
/*
 * A reply that is written while it is made: Server-Sent Events, and the JSON of /wait with its
 * keep-alive bytes. The stream pulls: it asks its source for the next piece when the socket takes
 * more, and the source says WAIT when there is none; sse_wake() makes it ask again. So a slow
 * client never makes the server hold more than one piece for it, or a few KB of small ones.
 *
 * The headers leave at once. Every piece leaves as a chunk of its own (larger ones in several;
 * behind a backlog several in one). In silence of heartbeat_ms the heartbeat bytes are sent. A client
 * that leaves is noticed also in silence (its descriptor is watched while it is suspended).
 *
 * Behind this interface: libmicrohttpd sends the head, what is there at once, and the end; what
 * comes after the first silence goes to the descriptor directly. An HTTP/1.0 client, for whom there
 * are no chunks, is served by libmicrohttpd all the time.
 */
#include "http/http.h"

enum sse_next { SSE_DATA, SSE_WAIT, SSE_END };

struct sse_options {
    const char *content_type; /* "text/event-stream" */
    const char *heartbeat;    /* ": heartbeat\n"; borrowed until closed() */
    int64_t heartbeat_ms;     /* 0 = never */
    /* Loop thread, never inside sse_open() or sse_wake(). The bytes stay valid until the next call
     * of next or closed. */
    enum sse_next (*next)(void *arg, const char **ret, size_t *ret_len_bytes);
    /* Exactly once, at the end: the source said END and everything was handed to the socket
       (by_client false), or the client left or the server is going down (true). Neither next nor
       anything else is called after it; the request is gone. */
    void (*closed)(void *arg, bool by_client);
    void *arg;
};

struct sse;
/* The reply of req (status 200, headers of reply_header()). On ERR_NOMEM the request was ended,
 * closed() will not be called. */
int sse_open(struct req *req, const struct sse_options *options, struct sse **ret);
/* There may be more. Any number of times until closed(); cheap; from any place on the loop thread.
 */
void sse_wake(struct sse *s);
/* Cuts the stream off: closed(arg, true) follows from the loop. */
void sse_abort(struct sse *s);

#endif
