/*
 * What we know about a connection beside libmicrohttpd: one timer with changing use, a watch for
 * the client's end and for room in its socket (it stays for the connection's life, so that a token
 * costs no system call for it), and the way in and out of suspension.
 */
#include "base/log.h"
#include "base/mem.h"
#include "http/internal.h"
#include "http/linger.h"
#include <sys/socket.h>

enum { US_PER_MS = 1000, LEFT_MS = 1000 };

struct conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void leave(struct conn *c)
{
    if (c->req->sse != NULL)
        sse_leave(c->req->sse);
    else
        req_leave(c->req);
}

/* ---- timer ---- */

static void on_slow_sender(struct conn *c)
{
    log_debug("client_slow", "req", c->req == NULL ? NULL : c->req->id, NULL);
    if (c->req != NULL && c->req->state == REQ_BODY)
        reply_raw(c->req, FAIL_TIMEOUT_REQUEST, "the request took too long to arrive");
    conn_cut(c);
}

static void on_stall(struct conn *c)
{
    log_debug("client_stalled", "req", c->req->id, NULL);
    if (c->is_suspended)
        leave(c);
    else
        conn_cut(c);
}

static void on_timer(void *arg)
{
    struct conn *c = arg;
    enum conn_timer use = c->timer_use;
    c->timer_use = CONN_TIMER_NONE;
    switch (use) {
    case CONN_TIMER_NONE:
        break;
    case CONN_TIMER_REQUEST:
        on_slow_sender(c);
        break;
    case CONN_TIMER_HEARTBEAT:
        sse_beat(c->req->sse);
        break;
    case CONN_TIMER_WRITE:
        on_stall(c);
        break;
    }
}

void conn_timer_start(struct conn *c, enum conn_timer use, int64_t delay_ms)
{
    c->timer_use = use;
    loop_timer_start(c->timer, delay_ms * US_PER_MS);
}

void conn_timer_stop(struct conn *c)
{
    c->timer_use = CONN_TIMER_NONE;
    loop_timer_stop(c->timer);
}

/* ---- clients that leave ---- */

static bool is_sending(const struct conn *c)
{
    return c->req != NULL && c->req->state == REQ_ANSWERED;
}

/*
 * libmicrohttpd 0.9.75 does not see an end that arrives together with the last bytes, and sees none
 * while it is suspended or writing. What the client sent before is in the kernel already, so a
 * short time is enough for a request that is still to be read.
 */
static void on_closed(struct conn *c)
{
    c->is_left = true;
    if (c->is_suspended)
        leave(c);
    else if (!is_sending(c))
        conn_timer_start(c, CONN_TIMER_REQUEST, LEFT_MS);
}

static void on_watch(void *arg, int what)
{
    struct conn *c = arg;
    if (what == LOOP_CLOSED)
        on_closed(c);
    else if (c->req != NULL && c->req->sse != NULL)
        sse_room(c->req->sse);
}

void conn_next_request(struct conn *c)
{
    conn_timer_stop(c);
    c->req = NULL;
    if (c->is_left)
        conn_timer_start(c, CONN_TIMER_REQUEST, LEFT_MS);
}

/* ---- birth and death ---- */

static void conn_free(void *arg)
{
    struct conn *c = arg;
    loop_timer_free(c->timer);
    mem_free(c);
}

static struct conn *conn_new(struct http_server *s, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct conn *c = info == NULL ? NULL : mem_zalloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    c->server = s;
    c->mhd = mhd;
    c->fd = info->connect_fd;
    list_init(&c->resume_node);
    if (loop_timer_new(s->loop, on_timer, c, &c->timer) != 0 ||
        loop_watch_new(s->loop, c->fd, LOOP_CLOSED | LOOP_WRITE, on_watch, c, &c->watch) != 0) {
        loop_timer_free(c->timer);
        return mem_free(c);
    }
    s->connection_count++;
    c->is_surplus = s->connection_count > s->connection_limit;
    conn_timer_start(c, CONN_TIMER_REQUEST, s->conf->request_timeout_ms);
    return c;
}

/* Its descriptor is still open here, and closed right after. */
static void conn_end(struct conn *c)
{
    struct http_server *s = c->server;
    if (c->has_unread)
        linger_start(s, c->fd);
    conn_timer_stop(c);
    c->watch = loop_watch_free(c->watch); /* before the descriptor is closed */
    list_remove(&c->resume_node);
    s->connection_count--;
    loop_free_later(s->loop, &c->later, conn_free, c);
}

void conn_notify(void *server, struct MHD_Connection *mhd, void **context,
                 enum MHD_ConnectionNotificationCode code)
{
    switch (code) {
    case MHD_CONNECTION_NOTIFY_STARTED:
        *context = conn_new(server, mhd); /* NULL: its first request is turned down */
        break;
    case MHD_CONNECTION_NOTIFY_CLOSED:
        if (*context != NULL)
            conn_end(*context);
        *context = NULL;
        break;
    }
}

void conn_cut(struct conn *c)
{
    (void)shutdown(c->fd, SHUT_RDWR); /* fails if it is down already */
    server_kick(c->server);
}

/* ---- suspension ---- */

void conn_suspend(struct conn *c)
{
    MHD_suspend_connection(c->mhd);
    c->is_suspended = true;
    c->server->suspended_count++;
    if (c->is_left)
        leave(c);
}

void conn_resume(struct conn *c)
{
    if (!c->is_suspended || !list_is_empty(&c->resume_node))
        return;
    conn_timer_stop(c);
    list_add_tail(&c->server->resuming, &c->resume_node);
    server_kick(c->server);
}

void conn_resume_now(struct conn *c)
{
    c->is_suspended = false;
    c->server->suspended_count--;
    MHD_resume_connection(c->mhd);
}
