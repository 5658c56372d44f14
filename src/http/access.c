/*
 * The life of a request as libmicrohttpd tells it: access_begin() with the request line,
 * access_handle() with the head, with pieces of the body, with its end, and once more after each
 * resume; access_end() in any case.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "http/internal.h"
#include <string.h>

enum { US_PER_MS = 1000, LOG_PATH_BYTES = 200, STATUS_CLIENT_LEFT = 499 };

void *access_begin(void *server, const char *target, struct MHD_Connection *mhd)
{
    struct http_server *s = server;
    struct conn *c = conn_of(mhd);
    struct req *req;
    if (c == NULL || s->is_stopping || req_new(c, target, &req) != 0)
        return NULL; /* access_handle() closes */
    if (c->timer_use == CONN_TIMER_NONE)
        conn_timer_start(c, CONN_TIMER_REQUEST, s->conf->request_timeout_ms);
    return req;
}

static enum MHD_Result hand_over(struct req *req)
{
    struct MHD_Response *response = req->response;
    req->response = NULL;
    if (response == NULL)
        return MHD_NO;
    bool is_good = !req->is_broken && head_add_common(req, response);
    enum MHD_Result r = MHD_NO;
    if (is_good)
        r = MHD_queue_response(req->conn->mhd, (unsigned)req->status, response);
    MHD_destroy_response(response); /* lives on if it was queued */
    return r;
}

static enum MHD_Result on_head(struct req *req, const char *method, const char *version)
{
    req->is_counted = true;
    server_count(req->server, 1);
    head_check(req, method, version);
    if (req->state == REQ_HEAD) {
        req->state = REQ_BODY;
        return MHD_YES;
    }
    conn_timer_stop(req->conn);
    if (!req->must_close)
        return MHD_YES; /* handed over at the end of the empty body: earlier, libmicrohttpd would
                           close */
    req->conn->has_unread = true;
    return hand_over(req);
}

static enum MHD_Result on_data(struct req *req, const char *data, size_t *len)
{
    int r = buf_add(&req->body, data, *len);
    *len = 0;
    if (r == 0)
        return MHD_YES;
    if (r == BUF_E_FULL)
        reply_raw(req, FAIL_TOO_LARGE, "the body is larger than max_body_bytes");
    else
        reply_raw(req, FAIL_INTERNAL, err_text(r));
    req->conn->has_unread = true;
    return MHD_NO;
}

static enum MHD_Result on_whole(struct req *req)
{
    conn_timer_stop(req->conn);
    req->state = REQ_HANDLER;
    const struct http_route *route = req->route;
    if (route->about == NULL || req->server->admit == NULL || req->server->admit(req, route->about))
        route->handle(req);
    if (req->state == REQ_ANSWERED)
        return hand_over(req);
    conn_suspend(req->conn);
    return MHD_YES;
}

enum MHD_Result access_handle(void *server, struct MHD_Connection *mhd, const char *target,
                              const char *method, const char *version, const char *data,
                              size_t *data_len_bytes, void **context)
{
    (void)mhd;
    (void)target; /* cut at %00 by then: access_begin() has taken the whole one */
    struct req *req = *context;
    if (req == NULL || ((struct http_server *)server)->is_stopping)
        return MHD_NO;
    switch (req->state) {
    case REQ_HEAD:
        return on_head(req, method, version);
    case REQ_BODY:
        return *data_len_bytes > 0 ? on_data(req, data, data_len_bytes) : on_whole(req);
    case REQ_HANDLER:
        break;
    case REQ_ANSWERED:
        return hand_over(req);
    case REQ_GONE:
        break;
    }
    return MHD_NO; /* resumed without a reply: the client left */
}

static void log_request(const struct req *req)
{
    bool is_quiet = req->route != NULL && (req->route->flags & ROUTE_OPEN) != 0;
    char path[LOG_PATH_BYTES];
    (void)strncpy(path, req_path(req), sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    int status = req->state == REQ_ANSWERED ? req->status : STATUS_CLIENT_LEFT;
    log_event(is_quiet ? LOG_DEBUG : LOG_INFO, "request", "req", req->id, "method", req->method,
              "path", path, "status", log_int(status), "ms",
              log_int((clock_mono_us() - req->start_us) / US_PER_MS), "bytes",
              log_int(req->sent_bytes), NULL);
}

void access_end(void *server, struct MHD_Connection *mhd, void **context,
                enum MHD_RequestTerminationCode code)
{
    (void)mhd;
    struct http_server *s = server;
    struct req *req = *context;
    *context = NULL;
    if (req == NULL)
        return;
    if (req->is_counted)
        log_request(req);
    conn_next_request(req->conn);
    req->conn = NULL;
    if (req->sse != NULL && req->state == REQ_ANSWERED)
        sse_finish(req->sse, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    else if (req->state == REQ_HANDLER)
        req_leave(req);
    else if (req->state != REQ_GONE)
        req->is_released = true;
    if (req->is_counted)
        server_count(s, -1);
    req_settle(req);
}
