/*
 * A stream begins as libmicrohttpd's content reader. At the first silence the connection is
 * suspended, and from then on chunks go to its descriptor directly, because every resume makes
 * libmicrohttpd walk over all suspended connections. It is resumed for the end only.
 *
 *     read_stream() --DATA--> libmicrohttpd's buffer, and it reads again once that is sent
 *          |   \------END---> last chunk, keep-alive
 *         WAIT: suspend (plain body: until sse_wake(), then read on)
 *          |
 *     flush(), at the end of a turn after sse_wake(), a heartbeat, or room in the socket
 *          |   --DATA--> sendmsg(); socket full: keep the rest, wait for room write_timeout_ms
 *          |   --WAIT--> nothing, until the next flush
 *          \---END, client left, cut: resume, and read_stream() says so to libmicrohttpd
 *
 * The reader is called when all that it gave before is sent (and before that, the head), so nothing
 * of libmicrohttpd's can come behind what we write; and what it writes at the end comes behind us.
 *
 * A piece leaves as soon as it is there, as a chunk of its own. Only behind a backlog (the source
 * was not silent for BACKLOG_PIECES pieces) are several put into one chunk: none waits for another
 * then, and a chunk for each would cost the time in which the backlog grows.
 */
#include "http/sse.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/chunk.h"
#include "http/internal.h"
#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
    BLOCK_BYTES = 64,   /* used for HTTP/1.0 only, but allocated for all */
    MERGE_BYTES = 8192, /* of a backlog, in one chunk */
    TURN_BYTES = 65536, /* of one stream; then others have theirs */
    BACKLOG_PIECES = 16,
    US_PER_MS = 1000,
    STATUS_OK = 200,
    STATUS_FAULT = 500, /* for the log: the connection is closed without an answer */
};

struct sse {
    struct req *req;
    struct sse_options options;
    const char *piece;
    size_t left_bytes;
    int streak;        /* pieces since the source was silent */
    int64_t silent_us; /* since when */
    struct chunk chunk;
    struct loop_work flush;
    struct loop_work closing; /* for a client that had left before sse_open() */
    bool is_chunked;
    bool is_direct; /* suspended, and the descriptor is ours to write to */
    bool is_full;   /* the socket: until sse_room() */
    bool is_woken;  /* since next() was called last */
    bool is_beat_due;
    bool is_cut;
    bool is_ended;
};

/* ---- pieces ---- */

/* Finds a piece or the rest of one. WAIT: the source is silent and no heartbeat is due. */
static enum sse_next pull(struct sse *s)
{
    s->is_woken = false;
    enum sse_next what = s->is_ended ? SSE_END : SSE_DATA;
    while (what == SSE_DATA && s->left_bytes == 0)
        what = s->options.next(s->options.arg, &s->piece, &s->left_bytes);
    s->is_ended = what == SSE_END;
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

/* A source that falls silent in the middle is asked again next time. */
static size_t give(struct sse *s, char *to, size_t max_bytes)
{
    size_t len = copy_piece(s, to, max_bytes);
    while (s->streak > BACKLOG_PIECES && len < max_bytes && !s->is_cut && pull(s) == SSE_DATA)
        len += copy_piece(s, to + len, max_bytes - len);
    return len;
}

/* Silence begins. A timer that runs for an earlier one is left alone, for it would be moved with
 * each token: sse_beat() finds out that it is too early. */
static void heartbeat_start(struct sse *s)
{
    struct conn *c = s->req->conn;
    s->silent_us = clock_mono_us();
    if (s->options.heartbeat_ms > 0 && c->timer_use != CONN_TIMER_HEARTBEAT)
        conn_timer_start(c, CONN_TIMER_HEARTBEAT, s->options.heartbeat_ms);
}

static void write_timer_start(struct sse *s)
{
    conn_timer_start(s->req->conn, CONN_TIMER_WRITE, s->req->server->conf->write_timeout_ms);
}

/* ---- directly ---- */

/* The rest is the reader's. */
static void hand_back(struct sse *s)
{
    s->is_direct = false;
    conn_resume(s->req->conn);
}

/* There may be something to do for a suspended connection. */
static void go_on(struct sse *s)
{
    if (!s->is_direct)
        conn_resume(s->req->conn);
    else if (!s->is_full)
        loop_defer(s->req->server->loop, &s->flush);
}

static void start_chunk(struct sse *s, char *block)
{
    if (s->streak > BACKLOG_PIECES && s->left_bytes < MERGE_BYTES) {
        chunk_start(&s->chunk, block, give(s, block, MERGE_BYTES));
        return;
    }
    size_t len = s->left_bytes < TURN_BYTES ? s->left_bytes : TURN_BYTES;
    chunk_start(&s->chunk, s->piece, len);
    s->piece += len;
    s->left_bytes -= len;
}

/* Starts a chunk with what the source has; block has room for that of a backlog. false: there is
 * nothing to send. */
static bool find_chunk(struct sse *s, char *block)
{
    enum sse_next what = s->left_bytes > 0 ? SSE_DATA : pull(s);
    if (!s->is_direct) /* cut off by the source itself */
        return false;
    if (what == SSE_DATA)
        start_chunk(s, block);
    else if (what == SSE_WAIT)
        heartbeat_start(s);
    else
        hand_back(s);
    return what == SSE_DATA;
}

/* Returns how many bytes left. */
static ssize_t send_some(struct sse *s)
{
    size_t before = chunk_payload_sent_bytes(&s->chunk);
    ssize_t n = chunk_send(&s->chunk, s->req->conn->fd);
    s->req->sent_bytes += (long long)(chunk_payload_sent_bytes(&s->chunk) - before);
    if (n >= 0)
        return n;
    if (errno == EAGAIN) {
        s->is_full = true;
        write_timer_start(s);
    } else if (errno != EINTR) {
        sse_leave(s);
    }
    return 0;
}

static void flush(void *arg)
{
    struct sse *s = arg;
    char block[MERGE_BYTES];
    ssize_t sent = 0;
    while (s->is_direct && !s->is_full && sent < TURN_BYTES) {
        if (chunk_is_sent(&s->chunk) && !find_chunk(s, block))
            return;
        sent += send_some(s);
    }
    if (s->chunk.bytes == block && !chunk_keep(&s->chunk))
        sse_leave(s); /* the client cannot be told what is missing */
    go_on(s);
}

/* ---- through libmicrohttpd ---- */

static ssize_t wait_for_more(struct sse *s)
{
    heartbeat_start(s);
    s->is_direct = s->is_chunked;
    conn_suspend(s->req->conn);
    if (s->is_woken)
        go_on(s);
    return 0;
}

static ssize_t read_stream(void *arg, uint64_t position, char *to, size_t max_bytes)
{
    (void)position;
    struct sse *s = arg;
    conn_timer_stop(s->req->conn);
    if (s->is_cut || s->req->server->is_stopping)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    /* Bytes for a chunk go to the connection's pool, those of a plain body to the response's block:
     * nothing else tells how libmicrohttpd frames it. */
    s->is_chunked = max_bytes > BLOCK_BYTES;
    enum sse_next what = s->left_bytes > 0 ? SSE_DATA : pull(s);
    if (s->is_cut) /* by the source itself */
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (what == SSE_WAIT)
        return wait_for_more(s);
    write_timer_start(s);
    if (what == SSE_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t len = give(s, to, max_bytes);
    s->req->sent_bytes += (long long)len;
    return (ssize_t)len;
}

/* ---- the end ---- */

struct sse *sse_free(struct sse *s)
{
    if (s == NULL)
        return NULL;
    loop_work_cancel(&s->flush);
    loop_work_cancel(&s->closing);
    chunk_drop(&s->chunk);
    return mem_free(s);
}

static void close_stream(struct sse *s, bool by_client)
{
    struct req *req = s->req;
    s->is_direct = false;
    loop_work_cancel(&s->flush);
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
    hand_back(s);
}

void sse_beat(struct sse *s)
{
    int64_t past_ms = (clock_mono_us() - s->silent_us) / US_PER_MS;
    if (past_ms < s->options.heartbeat_ms) {
        conn_timer_start(s->req->conn, CONN_TIMER_HEARTBEAT, s->options.heartbeat_ms - past_ms);
        return;
    }
    s->is_beat_due = true;
    go_on(s);
}

void sse_room(struct sse *s)
{
    if (!s->is_full)
        return;
    s->is_full = false;
    conn_timer_stop(s->req->conn);
    go_on(s);
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
        loop_work_init(&s->flush, flush, s);
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
        go_on(s);
}

void sse_abort(struct sse *s)
{
    struct conn *c = s->req->conn;
    s->is_cut = true;
    if (c == NULL)
        return;
    if (c->is_suspended)
        hand_back(s);
    else
        conn_cut(c);
}
