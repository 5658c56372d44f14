#ifndef ANABRANCH_HTTP_INTERNAL_H
#define ANABRANCH_HTTP_INTERNAL_H
/*
 * Private to this folder, the only place that sees libmicrohttpd.
 *
 * A connection (struct conn) carries one request at a time (struct req). A request may outlive its
 * connection: when the client left while a handler that set no req_on_gone() has it, it stays until
 * that handler replies.
 *
 *     HEAD --policy--> BODY --all there--> HANDLER --reply--> ANSWERED --sent--> freed
 *       \------------------refused------------------------------^
 *                                             \--client left--> GONE --reply or gone()--> freed
 *
 * While a handler thinks, and from a stream's first silence to its end, the connection is
 * suspended: libmicrohttpd does not look at it, and a watch of ours tells when the client leaves.
 * libmicrohttpd runs in server_turn() only, once per turn of the loop; whoever wants a connection
 * to go on puts it into server->resuming and asks for a turn.
 */
#include "base/buf.h"
#include "base/list.h"
#include "http/guard.h"
#include "http/http.h"
#include "http/uri.h"
#include <microhttpd.h>

struct sse;
struct sse_options;

struct http_server {
    struct loop *loop;
    const struct conf *conf;
    const struct http_route *routes;
    size_t route_count;
    const struct http_absence *absences;
    size_t absence_count;
    void *app;
    bool (*admit)(struct req *req, const struct route_about *about);
    struct guard guard;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch; /* of the daemon's epoll descriptor */
    struct loop_timer *timer; /* what MHD_get_timeout() asked for */
    struct loop_work turn;
    struct list resuming; /* conn.resume_node */
    struct list reqs;     /* req.node: all that live */
    struct list lingers;
    size_t linger_count;
    unsigned connection_limit;
    unsigned connection_count;
    unsigned suspended_count;
    unsigned long long next_id;
    long open_count;
    void (*idle)(void *arg);
    void *idle_arg;
    struct loop_work idle_work;
    bool is_quiesced;
    bool is_stopping;
};

/* Runs the daemon at the end of this turn. */
void server_kick(struct http_server *s);
/* A request began (1) or ended (-1). */
void server_count(struct http_server *s, int change);

/* ---- conn.c ---- */

enum conn_timer {
    CONN_TIMER_NONE,
    CONN_TIMER_REQUEST,   /* the client is sending */
    CONN_TIMER_HEARTBEAT, /* a stream is silent */
    CONN_TIMER_WRITE,     /* a stream waits for the client to take */
};

struct conn {
    struct http_server *server;
    struct MHD_Connection *mhd;
    int fd;
    struct req *req; /* NULL between requests */
    struct loop_timer *timer;
    enum conn_timer timer_use;
    struct loop_watch *watch; /* for the client's end, and for room in its socket */
    struct list resume_node;
    struct loop_later later;
    bool is_suspended;
    bool is_left;    /* the client shut down its side at least */
    bool is_surplus; /* above max_connections: gets a 503 */
    bool has_unread; /* closed with bytes of the client unread: see linger.h */
};

void conn_notify(void *server, struct MHD_Connection *mhd, void **context,
                 enum MHD_ConnectionNotificationCode code);
struct conn *conn_of(struct MHD_Connection *mhd); /* NULL: there was no memory for it */
void conn_timer_start(struct conn *c, enum conn_timer use, int64_t delay_ms);
void conn_timer_stop(struct conn *c);
/* Its request is over. */
void conn_next_request(struct conn *c);
/* From a callback of libmicrohttpd. If the client has left by then, the request's owner is told. */
void conn_suspend(struct conn *c);
/* Lets a suspended connection go on, from the next server_turn(); else does nothing. */
void conn_resume(struct conn *c);
/* What conn_resume() asked for; by server_turn(). */
void conn_resume_now(struct conn *c);
/* The connection dies soon; libmicrohttpd learns it from the descriptor. */
void conn_cut(struct conn *c);

/* ---- access.c ---- */

void *access_begin(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result access_handle(void *server, struct MHD_Connection *mhd, const char *target,
                              const char *method, const char *version, const char *data,
                              size_t *data_len_bytes, void **context);
void access_end(void *server, struct MHD_Connection *mhd, void **context,
                enum MHD_RequestTerminationCode code);

/* ---- head.c ---- */

/* Judges a request by its head. A refusal is its reply. */
void head_check(struct req *req, const char *method, const char *version);
/* Headers of every reply. false: no memory. */
bool head_add_common(const struct req *req, struct MHD_Response *response);

/* ---- req.c ---- */

enum req_state { REQ_HEAD, REQ_BODY, REQ_HANDLER, REQ_ANSWERED, REQ_GONE };

struct reply_header {
    struct list node;
    char *value;
    char name[];
};

struct req {
    struct list node;
    struct http_server *server;
    struct conn *conn; /* NULL once it is over for libmicrohttpd */
    enum req_state state;
    char id[24];
    char method[16]; /* cut: for logs */
    struct uri uri;
    int uri_result;
    size_t target_bytes;            /* as the client wrote it */
    const struct http_route *route; /* NULL until found */
    struct buf body;
    void (*gone)(void *arg);
    void *gone_arg;
    struct list headers;           /* struct reply_header */
    struct MHD_Response *response; /* not yet handed over */
    struct sse *sse;
    int status;
    long long sent_bytes;
    int64_t start_us;
    struct loop_later later;
    bool is_counted;
    bool is_head;     /* method HEAD */
    bool is_broken;   /* no memory for part of the reply: close instead */
    bool is_released; /* its handler does not touch it any more */
    bool must_close;
};

int req_new(struct conn *c, const char *target, struct req **ret);
/* Frees it later, when both its handler and the connection are through with it. */
void req_settle(struct req *req);
/* At once, whatever its state. */
void req_free(void *req);
/* The client left, or the server ends: tells whoever has the request. */
void req_leave(struct req *req);

/* ---- reply.c ---- */

/* The one way to ANSWERED. Takes response; NULL: close the connection. */
void reply_set(struct req *req, int status, struct MHD_Response *response);
/* A failure written to the descriptor itself: libmicrohttpd takes no reply while a body is coming
 * in. The caller closes. */
void reply_raw(struct req *req, enum fail_code code, const char *message);

/* ---- sse.c ---- */

void sse_leave(struct sse *s);                    /* the client left */
void sse_beat(struct sse *s);                     /* silence was long enough */
void sse_room(struct sse *s);                     /* the socket takes bytes again */
void sse_finish(struct sse *s, bool is_complete); /* it is over for libmicrohttpd */
struct sse *sse_free(struct sse *s);              /* accepts NULL */

/* ---- fail_reply.c: pure ---- */

enum fail_shape { FAIL_SHAPE_INVOKE, FAIL_SHAPE_TEXT, FAIL_SHAPE_DETAIL };
/* status on the wire */
int fail_reply_status(const struct fail *f, enum fail_shape shape);
const char *fail_reply_type(enum fail_shape shape);
bool fail_reply_wants_retry(const struct fail *f);
void fail_reply_body(const struct fail *f, enum fail_shape shape, const char *run_id,
                     struct buf *out);
enum fail_shape fail_shape_of(const struct req *req);

#endif
