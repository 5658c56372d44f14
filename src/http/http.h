#ifndef ANABRANCH_HTTP_HTTP_H
#define ANABRANCH_HTTP_HTTP_H
/*
 * The HTTP server as its handlers see it: a route table, a request, exactly one reply.
 * libmicrohttpd stays behind this header.
 *
 *     static void handle_ok(struct req *req) { reply_json(req, 200, "{\"ok\":true}", 11); }
 *     static const struct http_route routes[] = {
 *         { "GET", "/ok", handle_ok, ROUTE_OPEN, NULL },
 *     };
 *
 * A handler is called once the whole body is there, on the loop thread. It replies at once or
 * later; until then the connection is suspended. A request lives until its reply was sent or its
 * client left; after replying a handler does not touch it any more.
 */
#include "base/conf.h"
#include "base/fail.h"
#include "loop/loop.h"
#include <stdbool.h>
#include <stddef.h>

struct http_server;
struct req;
struct route_about;

enum route_flags {
    ROUTE_OPEN = 1,     /* answers without a key */
    ROUTE_PROTOCOL = 2, /* errors in the LangGraph protocol's shape (plain text, or {"detail"}
                           for its Python client), else {"error":{...}} as /invoke */
    ROUTE_BODY = 4,     /* takes a JSON body: other content types are 415 */
    ROUTE_ADMIN = 8,    /* on an open server for this machine only, and not through a proxy */
    ROUTE_TEST = 16,    /* not there unless conf->test_routes */
};
struct http_route {
    const char *method;
    const char *path; /* segments, {name} takes one: "/threads/{thread_id}/runs" */
    void (*handle)(struct req *req);
    unsigned flags;
    const struct route_about *about; /* what the application has to say of it, or NULL */
};

/* What clients may ask for and this program does not have: the 404 says so. */
struct http_absence {
    const char *path; /* and everything below it that is no route */
    const char *sentence;
};

struct http_options {
    const struct conf *conf;
    const struct http_route *routes;
    size_t route_count;
    const struct http_absence *absences;
    size_t absence_count;
    void *app; /* for req_app() */
    /* Looks at a request whose route has an `about` before its handler does; false: it has replied.
     * NULL: nothing is looked at. */
    bool (*admit)(struct req *req, const struct route_about *about);
};
enum {
    HTTP_E_ADDRESS = 1 /* not host:port, or the host is unknown */,
    HTTP_E_IN_USE = 2,
    HTTP_E_REFUSED = 3 /* by policy: see text */
};
/*
 * Opens the port (conf->listen) and serves. text (text_size bytes): a sentence on failure, the
 * address in use ("127.0.0.1:8123") on success. HTTP_E_REFUSED: an address that is not loopback,
 * with neither keys nor auth off.
 * Raises the soft limit of open files to the hard one. At most half of that is given to connections
 * (each may need a second one for its model); the first ones above the limit get a 503, the others
 * wait in the backlog. With auth off on an address that is not loopback, Host and Origin are not
 * checked.
 */
int http_server_new(struct loop *loop, const struct http_options *options, struct http_server **ret,
                    char *text, size_t text_size);
/* Stops accepting: the port is closed, open requests go on. */
void http_server_quiesce(struct http_server *s);
/* Streams and requests open at this moment. */
long http_server_open(const struct http_server *s);
/* Calls idle(arg) once, from the loop, when the last open request has ended (at once if there is
 * none). After quiesce. */
void http_server_when_idle(struct http_server *s, void (*idle)(void *arg), void *arg);
/* Ends what is still open, hard. Accepts NULL. */
struct http_server *http_server_free(struct http_server *s);

/* ---- request ---- */

void *req_app(const struct req *req);
const char *req_path(const struct req *req);
/* Of the route's {name}, decoded; never NULL for a name of the route. */
const char *req_param(const struct req *req, const char *name);
bool req_has_param(const struct req *req, const char *name);
/* The first value, decoded; NULL = absent. */
const char *req_query(const struct req *req, const char *name);
/* The index-th value (0 = first) of a name that may be repeated; NULL = there are not so many. */
const char *req_query_at(const struct req *req, const char *name, size_t index);
const char *req_header(const struct req *req, const char *name); /* NULL = absent */
/* Calls seen for every header, name in lower case. */
void req_each_header(const struct req *req,
                     void (*seen)(void *arg, const char *name, const char *value), void *arg);
const char *req_body(const struct req *req, size_t *ret_len_bytes); /* "" if none */
/* Does the Accept header ask for text/event-stream? */
bool req_accepts_sse(const struct req *req);
/*
 * The client left (or the server is being freed) before there was a reply: called once, from the
 * loop, then the request is gone; without it the request stays until the handler replies. The
 * request's owner sets it when it keeps the request beyond its handler. Not called after a reply
 * function of this header was called, but by sse.h as its own header says.
 */
void req_on_gone(struct req *req, void (*gone)(void *arg), void *arg);

/* ---- reply: exactly one of these, now or later; never fails for the caller (without memory the
 * connection is closed) ---- */

/* Before the reply; both copied. */
void reply_header(struct req *req, const char *name, const char *value);
void reply_json(struct req *req, int status, const char *bytes, size_t len_bytes);
/* Takes json; NULL: there was no memory for it. */
void reply_json_take(struct req *req, int status, json_t *json);
void reply_text(struct req *req, int status, const char *text);
/* In the shape of the request's route; borrows f. run_id may be NULL. */
void reply_fail(struct req *req, const struct fail *f, const char *run_id);
/* The same in one line. */
void reply_failf(struct req *req, enum fail_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 204 */
void reply_empty(struct req *req);

#endif
