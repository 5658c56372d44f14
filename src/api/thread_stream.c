/*
 * GET /threads/T/stream: a thread's events over all its runs, until the client leaves, the thread is
 * deleted or the server goes down.
 *
 *     stream_mode     run_modes      the events of its runs, as each keeps them, and run_done
 *                     lifecycle      metadata, error and run_done
 *                     state_update   what POST /threads/T/state has done
 *
 * The stream is a cursor into the log of one run after the other. Its ids name both, RUN:NUMBER, and
 * so a client that comes back goes on behind what it has seen, as long as the desk keeps the run.
 */
#include "api/about.h"
#include "api/on_thread.h"
#include "api/query.h"
#include "api/run_address.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/sse.h"
#include "run/hub.h"
#include "run/watch.h"
#include <stdlib.h>
#include <string.h>

enum { RUN_MODES = 1, LIFECYCLE = 2, STATE_UPDATE = 4 };
/* Of an event besides its JSON: names, namespaces, the id. */
enum { FRAME_EXTRA_BYTES = 65536 };

struct follower {
    const struct api *api;
    struct sse *sse;
    struct desk_watch watch;
    unsigned modes;
    uint64_t turn;   /* of the run that is read, or was last */
    uint64_t seek;   /* of the first run: events below it are known */
    struct run *run; /* a reference; NULL: between two runs */
    struct reader *reader;
    struct buf frame;   /* that was handed out */
    struct buf updates; /* frames that wait */
    bool is_over;       /* nothing comes any more */
};

static void leave_run(struct follower *f)
{
    f->reader = reader_close(f->reader);
    run_unref(f->run);
    f->run = NULL;
}

static void follower_free(struct follower *f)
{
    desk_unwatch(&f->watch);
    leave_run(f);
    buf_deinit(&f->frame);
    buf_deinit(&f->updates);
    mem_free(f);
}

/* ---- what is told ---- */

static void wake(void *arg)
{
    struct follower *f = arg;

    sse_wake(f->sse);
}

static void over(void *arg)
{
    struct follower *f = arg;

    f->is_over = true;
    sse_wake(f->sse);
}

/* One that does not take what it is told has to come back and look. */
static void updated(void *arg, const char *json, size_t len_bytes)
{
    struct follower *f = arg;

    if ((f->modes & STATE_UPDATE) == 0 || f->is_over)
        return;
    buf_add_str(&f->updates, "event: state_update\ndata: ");
    (void)buf_add(&f->updates, json, len_bytes); /* sticky */
    buf_add_str(&f->updates, "\n\n");
    if (f->updates.fault != 0) {
        buf_clear(&f->updates);
        buf_add_str(
            &f->updates,
            "event: error\ndata: {\"error\":\"StreamTruncated\",\"message\":\"the reader is "
            "too slow for the thread's updates\"}\n\n");
        f->is_over = true;
    }
    sse_wake(f->sse);
}

/* ---- the next piece ---- */

static enum sse_next give(struct follower *f, const char **ret, size_t *ret_len)
{
    *ret = buf_text(&f->frame);
    *ret_len = f->frame.len;
    return f->frame.fault == 0 ? SSE_DATA : SSE_END;
}

static enum sse_next give_updates(struct follower *f, const char **ret, size_t *ret_len)
{
    struct buf given = f->frame;

    f->frame = f->updates;
    f->updates = given;
    buf_clear(&f->updates);
    return give(f, ret, ret_len);
}

/* "id: 7\nevent: ..." becomes "id: RUN:7\nevent: ..."; the error of a log that ran over has no id. */
static void add_event(struct follower *f, const struct run_event *event)
{
    static const char id[] = "id: ";

    if (strncmp(event->numbered, id, sizeof(id) - 1) != 0) {
        (void)buf_add(&f->frame, event->frame, event->frame_len_bytes); /* sticky */
        return;
    }
    buf_addf(&f->frame, "id: %s:", run_id(f->run));
    (void)buf_add(&f->frame, event->numbered + sizeof(id) - 1,
                  event->numbered_len_bytes - sizeof(id) + 1);
}

static void add_done(struct follower *f)
{
    buf_addf(&f->frame,
             "id: %s:done\nevent: run_done\ndata: {\"run_id\":\"%s\",\"status\":\"%s\"}\n\n",
             run_id(f->run), run_id(f->run), run_status_name(run_status(f->run)));
}

static bool begin_next_run(struct follower *f)
{
    const unsigned modes = f->modes & RUN_MODES;
    struct run *run = desk_next_run(f->api->desk, f->watch.thread_id, f->turn, &f->turn);

    if (run == NULL)
        return false;
    f->is_over |= reader_open(run, modes ? run_modes(run) : 0, wake, f, &f->reader) != 0;
    if (f->reader == NULL)
        return false;
    f->run = run_ref(run);
    if (f->seek > 0)
        reader_seek(f->reader, f->seek);
    f->seek = 0;
    return true;
}

static enum sse_next next_of_run(struct follower *f, const char **ret, size_t *ret_len)
{
    struct run_event event = { 0 };
    enum reader_result what = reader_next(f->reader, &event);

    if (what == READER_WAIT)
        return SSE_WAIT;
    if (what == READER_EVENT)
        add_event(f, &event);
    else if (run_is_cut(f->run)) /* its end is the next server's to tell */
        return SSE_WAIT;
    else if (run_has_ended(f->run)) {
        add_done(f);
        leave_run(f);
    } else { /* it fell out of the log, which was the last event's news */
        leave_run(f);
        f->is_over = true;
        return SSE_END;
    }
    return give(f, ret, ret_len);
}

static enum sse_next next(void *arg, const char **ret, size_t *ret_len)
{
    struct follower *f = arg;
    bool has_runs = (f->modes & (RUN_MODES | LIFECYCLE)) != 0;
    enum sse_next what = SSE_WAIT;

    buf_clear(&f->frame);
    if (f->run != NULL || (has_runs && begin_next_run(f)))
        what = next_of_run(f, ret, ret_len);
    if (what == SSE_WAIT && f->updates.len > 0)
        what = give_updates(f, ret, ret_len);
    return what == SSE_WAIT && f->is_over && f->run == NULL ? SSE_END : what;
}

static void closed(void *arg, bool by_client)
{
    (void)by_client; /* no run depends on who follows its thread */
    follower_free(arg);
}

/* ---- where it begins ---- */

/* Last-Event-ID "RUN:NUMBER" or "RUN:done"; "-1" is all that is kept, none what is at work. */
static void find_place(struct follower *f, const char *last)
{
    const struct desk *desk = f->api->desk;
    const char *thread_id = f->watch.thread_id;
    const char *colon = last == NULL ? NULL : strchr(last, ':');
    char run[ID_BYTES] = "";

    if (colon != NULL && colon - last == ID_BYTES - 1)
        memcpy(run, last, ID_BYTES - 1);
    uint64_t turn = desk_turn_of(desk, thread_id, run);
    if (turn == 0) {
        f->turn = last != NULL && strcmp(last, "-1") == 0 ? 0 : desk_turn_now(desk, thread_id);
        return;
    }
    bool is_done = strcmp(colon, ":done") == 0;
    f->turn = is_done ? turn : turn - 1;
    f->seek = is_done ? 0 : strtoull(colon + 1, NULL, 10) + 1;
}

static struct follower *follower_new(struct req *req, const char *thread_id, unsigned modes)
{
    struct follower *f = mem_zalloc(sizeof(*f));

    if (f == NULL)
        return NULL;
    f->api = req_app(req);
    const struct conf *conf = f->api->services->conf;
    f->modes = modes;
    f->watch.began = wake;
    f->watch.updated = updated;
    f->watch.over = over;
    f->watch.arg = f;
    snprintf(f->watch.thread_id, sizeof(f->watch.thread_id), "%s", thread_id);
    buf_init(&f->frame, 2 * (size_t)conf->max_state_bytes + FRAME_EXTRA_BYTES);
    buf_init(&f->updates, f->frame.max); /* they change places */
    find_place(f, req_header(req, "last-event-id"));
    desk_watch(f->api->desk, &f->watch);
    return f;
}

static const struct {
    const char *name;
    unsigned mode;
} mode_rows[] = {
    { "run_modes", RUN_MODES },
    { "lifecycle", LIFECYCLE },
    { "state_update", STATE_UPDATE },
};
enum { MODE_ROW_COUNT = sizeof(mode_rows) / sizeof(mode_rows[0]) };

/* A client that loses its connection comes back to this address, with the id of the last event. */
static void name_the_place(struct req *req, const char *thread_id, unsigned modes)
{
    struct buf end MEM_AUTO(buf_deinit);
    char mark = '?';

    buf_init(&end, 256);
    buf_add_str(&end, "/stream");
    for (size_t i = 0; i < MODE_ROW_COUNT; i++) {
        if ((modes & mode_rows[i].mode) == 0)
            continue;
        buf_addf(&end, "%cstream_mode=%s", mark, mode_rows[i].name);
        mark = '&';
    }
    if (end.fault == 0)
        reply_run_address(req, "Location", thread_id, NULL, end.data);
}

static void start(struct req *req, const char *thread_id, unsigned modes)
{
    struct follower *f = follower_new(req, thread_id, modes);

    if (f == NULL) {
        reply_failf(req, FAIL_INTERNAL, "%s", err_text(ERR_NOMEM));
        return;
    }
    name_the_place(req, thread_id, modes);
    const struct sse_options options = {
        .content_type = "text/event-stream",
        .heartbeat = ": heartbeat\n", /* one line feed: see exchange.c */
        .heartbeat_ms = f->api->services->conf->heartbeat_ms,
        .next = next,
        .closed = closed,
        .arg = f,
    };
    if (sse_open(req, &options, &f->sse) != 0)
        follower_free(f);
}

/* ---- the route ---- */

static unsigned modes_of(const struct req *req)
{
    unsigned modes = 0;

    for (size_t i = 0; i < MODE_ROW_COUNT; i++) {
        if (query_has(req, "stream_mode", mode_rows[i].name))
            modes |= mode_rows[i].mode;
    }
    return modes == 0 ? RUN_MODES : modes;
}

static void thread_is_there(struct work *w)
{
    if (w->req != NULL)
        start(w->req, ((struct on_thread *)(void *)w)->id, modes_of(w->req));
    work_leave(w);
}

void handle_thread_stream(struct req *req)
{
    struct on_thread *t = on_thread_new(req, NULL, true);

    if (t != NULL)
        on_thread_find(t, thread_is_there);
}

static const struct type thread_mode = { .kind = TYPE_WORDS,
                                         .expected = "run_modes, lifecycle or state_update",
                                         .words = (const char *const[]){ "run_modes", "lifecycle",
                                                                         "state_update", NULL } };
static const struct type thread_modes = { .kind = TYPE_LIST,
                                          .expected = "run_modes, lifecycle or state_update",
                                          .item = &thread_mode };
static const struct query_key stream_query[] = {
    { "stream_mode", &thread_modes },
    QUERY_END,
};

const struct route_about about_thread_stream = {
    .summary = "The events of a thread over all its runs",
    .query = stream_query,
    .answers = { { 200, "text/event-stream" } },
    .fails = FAILS_404,
};
