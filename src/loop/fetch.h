#ifndef ANABRANCH_LOOP_FETCH_H
#define ANABRANCH_LOOP_FETCH_H
/*
 * Outgoing HTTP as ops, on curl multi driven by the loop.
 *
 * A fetcher holds `pools` curl multis, because libcurl walks all open connections to a host for
 * each new request. Plain requests use them in turn; all TLS requests to one
 * host and port meet in the same one, where HTTP/2 lets them share a connection.
 *
 * Only http and https; redirects are not followed; a hanging name look-up does not hold the loop;
 * proxies only from the environment, as libcurl does by default.
 *
 * A fetch to an address that a client has chosen is `is_guarded`: it connects to public addresses
 * only (loop/address.h). That is looked at when the socket is made, so what a name is looked up to
 * counts and not what it was a moment before. It uses no proxy, which would look up names itself, and
 * no connection that another fetch has opened.
 */
#include "loop/op.h"

struct fetcher;
int fetcher_new(struct loop *loop, int pools, struct fetcher **ret);
/* Every fetch must have ended (asserted). Accepts NULL. */
struct fetcher *fetcher_free(struct fetcher *f);

struct fetch_header {
    const char *name;
    const char *value; /* no control characters but tab */
};

struct fetch_request {
    const char *method; /* "GET", "POST", ... */
    const char *url;    /* absolute, http or https */
    /* Not Content-Length or Transfer-Encoding. No Content-Type is sent unless it is here. */
    const struct fetch_header *headers;
    int header_count;
    const char *body; /* or NULL; not with HEAD */
    size_t body_len_bytes;
    int64_t connect_ms;    /* name look-up, TCP and TLS; 0 = 10000 */
    int64_t first_byte_ms; /* from the start to the status line; 0 = none */
    int64_t idle_ms;       /* silence between two chunks of the answer; 0 = none */
    int64_t total_ms;      /* 0 = none */
    int64_t max_bytes;     /* of the answer's body; 0 = none */
    bool is_guarded;       /* see above */

    /*
     * Called on the loop thread, never inside fetch_start(), never after on_end. on_head once,
     * before any body, with the final status (1xx skipped); headers are read with
     * fetch_header_find(). on_body 0..n times, each with 1 byte or more that are valid during the
     * call only. Both may be NULL.
     *
     * These two run inside libcurl: they may start and cancel fetches and queue work, they may
     * free nothing that a fetch uses, and what writes to clients belongs into loop_defer().
     */
    void (*on_head)(void *arg, int status);
    void (*on_body)(void *arg, const char *bytes, size_t len_bytes);
    void (*on_end)(void *arg, int result);
    void *arg;
};

/* Results of on_end besides 0 (a whole answer of any status arrived), OP_CANCELLED and faults: */
enum {
    FETCH_E_URL = OP_FIRST_OWN, /* not an http(s) URL, or a header or method that cannot be sent */
    FETCH_E_RESOLVE,            /* the name was not found */
    FETCH_E_CONNECT,            /* refused or unreachable */
    FETCH_E_TLS,                /* handshake or certificate */
    FETCH_E_CONNECT_TIMEOUT,
    FETCH_E_FIRST_BYTE_TIMEOUT,
    FETCH_E_IDLE_TIMEOUT,
    FETCH_E_TOTAL_TIMEOUT,
    FETCH_E_TOO_LARGE, /* max_bytes passed, or a head of more than 256 KiB */
    FETCH_E_CUT,       /* the connection broke before the end of the answer */
    FETCH_E_PROTOCOL,  /* not HTTP */
    FETCH_E_FORBIDDEN, /* is_guarded, and the host has no public address */
};

struct fetch;
/*
 * Everything in req is copied or used before the return, but arg. The fetch is owned by the fetcher
 * and dies by itself after on_end; *ret is for op_cancel() via fetch_op() and valid until on_end
 * was called. Returns 0 or a fault; then nothing will be called.
 */
int fetch_start(struct fetcher *f, const struct fetch_request *req, struct fetch **ret);
struct op *fetch_op(struct fetch *x);

/*
 * Value of an answer header (first match, any case), or NULL; valid from on_head to the end of
 * on_end. Of a long head the first 16 KiB are kept.
 */
const char *fetch_header_find(const struct fetch *x, const char *name);
/* All of them, one after the other: *at begins as 0. Returns the name, or NULL behind the last. */
const char *fetch_header_next(const struct fetch *x, size_t *at, const char **ret_value);
/*
 * One sentence for the result of on_end: "connection refused by 127.0.0.1:9 (Connection refused)".
 * Has the host, never a path, query, key or header. Valid until the end of on_end; before it, and
 * for any other result, the sentence comes without the host.
 */
const char *fetch_error_text(const struct fetch *x, int result);

#endif
