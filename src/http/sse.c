/*
 * A stream is libmicrohttpd's content reader with a memory of where it is in the present piece.
 *
 *     read: piece left? ---yes---> copy, and give the client write_timeout_ms to take it
 *              | no
 *            next() --DATA--> it is the piece
 *                   --END---> done
 *                   --WAIT--> heartbeat due? it is the piece; else suspend until sse_wake(),
 *                             the heartbeat, or the client's leaving
 *
 * A piece leaves as soon as it is there, as a chunk of its own. Only behind a backlog (the source
 * was not silent for BACKLOG_PIECES pieces) are several put into one chunk: none waits for another
 * then, and a chunk for each would cost the time in which the backlog grows.
 */
#include "http/sse.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/internal.h"
#include <assert.h>
#include <string.h>

enum {
    BLOCK_BYTES = 64, /* used for HTTP/1.0 only, but allocated for all */
    BACKLOG_PIECES = 16,
    STATUS_OK = 200,
    STATUS_FAULT = 500, /* for the log: the connection is closed without an answer */
};

struct sse {
    struct req *req;
    struct sse_options options;
    const char *piece;
    size_t left_bytes;
    int streak;               /* pieces since the source was silent */
    struct loop_work closing; /* for a client that had left before sse_open() */
    bool is_woken;            /* since next() was called last */
    bool is_beat_due;
    bool is_cut;
    bool is_ended;
};

/* ---- the reader ---- */

static ssize_t wait_for_more(struct sse *s)
{
    struct conn *c = s->req->conn;
    if (s->options.heartbeat_ms > 0)
        conn_timer_start(c, CONN_TIMER_HEARTBEAT, s->options.heartbeat_ms);
    conn_suspend(c);
    if (s->is_woken)
        conn_resume(c);
    return 0;
}

/* Finds the next piece. What the source says, or WAIT if it is silent and no heartbeat is due. */
static enum sse_next pull(struct sse *s)
{
    s->is_woken = false;
    enum sse_next what = SSE_DATA;
    while (what == SSE_DATA && s->left_bytes == 0)
        what = s->options.next(s->options.arg, &s->piece, &s->left_bytes);
    s->streak = what == SSE_DATA ? s->streak + 1 : 0;
    if (what == SSE_WAIT && s->is_beat_due) {
        s->piece = s->options.heartbeat;
        s->left_bytes = strlen(s->piece);
        what = SSE_DATA;
    }
    s->is_beat_due = false;
    return what;
}

static size_t copy_piece(struct sse *s, char *to, size_t max_bytes)
{
    size_t len = s->left_bytes < max_bytes ? s->left_bytes : max_bytes;
    memcpy(to, s->piece, len);
    s->piece += len;
    s->left_bytes -= len;
    return len;
}

/* A source that says something else than DATA in the middle is asked again by the next read(). */
static ssize_t give(struct sse *s, char *to, size_t max_bytes)
{
    size_t len = copy_piece(s, to, max_bytes);
    while (s->streak > BACKLOG_PIECES && len < max_bytes && !s->is_cut && pull(s) == SSE_DATA)
        len += copy_piece(s, to + len, max_bytes - len);
    s->req->sent_bytes += (long long)len;
    return (ssize_t)len;
}

static ssize_t read_stream(void *arg, uint64_t position, char *to, size_t max_bytes)
{
    (void)position;
    struct sse *s = arg;
    conn_timer_stop(s->req->conn);
    if (s->is_cut || s->req->server->is_stopping)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    enum sse_next what = s->left_bytes > 0 ? SSE_DATA : pull(s);
    if (s->is_cut) /* by the source itself */
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (what == SSE_WAIT)
        return wait_for_more(s);
    conn_timer_start(s->req->conn, CONN_TIMER_WRITE, s->req->server->conf->write_timeout_ms);
    if (what == SSE_DATA)
        return give(s, to, max_bytes);
    s->is_ended = true;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/* ---- the end ---- */

struct sse *sse_free(struct sse *s)
{
    if (s != NULL)
        loop_work_cancel(&s->closing);
    return mem_free(s);
}

static void close_stream(struct sse *s, bool by_client)
{
    struct req *req = s->req;
    loop_work_cancel(&s->closing);
    req->is_released = true;
    s->options.closed(s->options.arg, by_client);
    req_settle(req);
}

static void on_closing(void *arg)
{
    close_stream(arg, true);
}

void sse_finish(struct sse *s, bool is_complete)
{
    /* The reply to HEAD is complete without a word from the source. */
    close_stream(s, !(is_complete && (s->is_ended || s->req->is_head)));
}

void sse_leave(struct sse *s)
{
    s->is_cut = true;
    conn_resume(s->req->conn);
}

void sse_beat(struct sse *s)
{
    s->is_beat_due = true;
    conn_resume(s->req->conn);
}

/* ---- for the source ---- */

static struct MHD_Response *make_response(struct sse *s)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, s, NULL);
    if (response == NULL)
        return NULL;
    if (MHD_add_response_header(response, "Content-Type", s->options.content_type) == MHD_YES &&
        MHD_add_response_header(response, "Cache-Control", "no-cache") == MHD_YES &&
        MHD_add_response_header(response, "X-Accel-Buffering", "no") == MHD_YES)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

int sse_open(struct req *req, const struct sse_options *options, struct sse **ret)
{
    assert(req->state == REQ_HANDLER || req->state == REQ_GONE);
    struct sse *s = mem_zalloc(sizeof(*s));
    struct MHD_Response *response = NULL;
    if (s != NULL) {
        *s = (struct sse){ .req = req, .options = *options };
        loop_work_init(&s->closing, on_closing, s);
        response = make_response(s);
    }
    if (response == NULL) {
        mem_free(s);
        reply_set(req, STATUS_FAULT, NULL);
        return err_trace(ERR_NOMEM);
    }
    bool is_gone = req->state == REQ_GONE;
    req->sse = s;
    if (is_gone) {
        MHD_destroy_response(response);
        loop_ready(req->server->loop, &s->closing);
    } else {
        reply_set(req, STATUS_OK, response);
    }
    req->is_released = false; /* until closed() */
    *ret = s;
    return 0;
}

void sse_wake(struct sse *s)
{
    s->is_woken = true;
    if (s->req->conn != NULL)
        conn_resume(s->req->conn);
}

void sse_abort(struct sse *s)
{
    struct conn *c = s->req->conn;
    s->is_cut = true;
    if (c == NULL)
        return;
    if (c->is_suspended)
        conn_resume(c);
    else
        conn_cut(c);
}
