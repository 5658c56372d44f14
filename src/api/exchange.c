/*
 * One run, one request that waits for something of it (api/exchange.h):
 *
 *     the result     one reply when the run has ended; its status tells how (answer_when_done)
 *     a wait         headers at once, a line feed per second, then one JSON value (next_of_wait)
 *     a stream       the run's events as they come (next_of_stream)
 *     its end        204
 *
 * A struct call connects the two, and lives until the request is gone.
 */
#include "api/exchange.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "http/sse.h"
#include "run/hub.h"
#include <assert.h>
#include <string.h>

#define WAIT_HEARTBEAT_MS 1000 /* what the LangGraph server does */

struct call {
    struct req *req; /* until it was replied to or gone; not used once sse is there */
    struct sse *sse;
    struct run *run; /* a reference; NULL: it is not in memory any more */
    struct reader *reader;
    enum exchange_form form;
    bool cancels_on_disconnect;
    bool is_answered; /* /runs/wait: the JSON value was handed out */
    struct fail lost; /* see outcome() */
    struct buf answer;
};

static void call_free(struct call *c)
{
    reader_close(c->reader);
    run_unref(c->run);
    fail_clear(&c->lost);
    buf_deinit(&c->answer);
    mem_free(c);
}

/* However the exchange ended, nobody waits for the run any more. */
static void leave(struct call *c)
{
    if (c->cancels_on_disconnect && c->run != NULL && !run_has_ended(c->run))
        run_cancel(c->run);
    call_free(c);
}

/* Reads over the events; READER_END once the run has ended, or could not be followed to its end. */
static enum reader_result skip_events(struct call *c)
{
    struct run_event event;
    enum reader_result what;

    do {
        what = reader_next(c->reader, &event);
    } while (what == READER_EVENT);
    return what;
}

/* After READER_END: what went wrong, or an empty fail. A reader without memory ends before its run,
 * whose state then is no result. */
static const struct fail *outcome(struct call *c)
{
    if (run_has_ended(c->run))
        return run_fail(c->run);
    fail_set(&c->lost, FAIL_INTERNAL, "there was no memory to follow the run to its end");
    return &c->lost;
}

/* ---- one JSON answer at the end ---- */

static void write_interrupts(struct call *c)
{
    buf_add_str(&c->answer, "\"__interrupt__\":");
    jsonx_encode(run_interrupts(c->run), &c->answer);
    buf_add_char(&c->answer, '}');
}

/* Into the object that is there. */
static void add_interrupts(struct call *c)
{
    struct buf *out = &c->answer;

    if (out->fault != 0)
        return;
    assert(out->len >= 2 && out->data[out->len - 1] == '}');
    out->data[--out->len] = '\0';
    if (out->len > 1)
        buf_add_char(out, ',');
    write_interrupts(c);
}

static void reply_result(struct call *c)
{
    const struct fail *f = outcome(c);

    if (fail_is_set(f)) {
        reply_fail(c->req, f, run_id(c->run));
        return;
    }
    state_encode(run_state(c->run), VIEW_OUTPUT, &c->answer);
    if (run_interrupts(c->run) != NULL)
        add_interrupts(c);
    if (c->answer.fault == BUF_E_FULL)
        reply_failf(c->req, FAIL_LIMIT, "the answer is too large with what it asks");
    else if (c->answer.fault != 0)
        reply_failf(c->req, FAIL_INTERNAL, "there is no memory for the answer");
    else
        reply_json(c->req, 200, c->answer.data, c->answer.len);
}

static void answer_when_done(void *arg)
{
    struct call *c = arg;

    if (skip_events(c) != READER_END)
        return;
    if (c->form == EXCHANGE_END)
        reply_empty(c->req);
    else
        reply_result(c);
    leave(c);
}

static void client_gone(void *arg)
{
    leave(arg);
}

/* ---- streams ---- */

static void reader_ready(void *arg)
{
    struct call *c = arg;

    sse_wake(c->sse);
}

static void stream_closed(void *arg, bool by_client)
{
    (void)by_client; /* a reader that fell out of the log ends its stream before the run, too */
    leave(arg);
}

/* A run that the next server goes on with has not ended: the stream is left open for this one to cut,
 * and its client comes back. */
static bool goes_on(const struct call *c)
{
    return c->run != NULL && run_is_cut(c->run);
}

static enum sse_next next_of_stream(void *arg, const char **ret, size_t *ret_len_bytes)
{
    static const enum sse_next meaning[] = {
        [READER_EVENT] = SSE_DATA,
        [READER_WAIT] = SSE_WAIT,
        [READER_END] = SSE_END,
    };
    struct call *c = arg;
    struct run_event event = { 0 };
    bool has_numbers = c->form == EXCHANGE_NUMBERED_STREAM;
    enum reader_result what = c->reader == NULL ? READER_END : reader_next(c->reader, &event);

    *ret = has_numbers ? event.numbered : event.frame;
    *ret_len_bytes = has_numbers ? event.numbered_len_bytes : event.frame_len_bytes;
    return what == READER_END && goes_on(c) ? SSE_WAIT : meaning[what];
}

static void write_error_object(const struct fail *f, struct buf *out)
{
    buf_add_str(out, "{\"__error__\":{\"error\":");
    jsonx_encode_string(fail_type(f), strlen(fail_type(f)), out);
    buf_add_str(out, ",\"message\":");
    jsonx_encode_string(fail_message(f), strlen(fail_message(f)), out);
    if (f->node != NULL) {
        buf_add_str(out, ",\"node\":");
        jsonx_encode_string(f->node, strlen(f->node), out);
    }
    buf_add_str(out, "}}");
}

/* Never `null` and never a bare value: the JS client looks for a key in it. Of a run that was
 * cancelled it is what the run had, as its stream just ends. */
static void write_wait_answer(struct call *c)
{
    const struct fail *f = outcome(c);

    if (fail_is_set(f) && f->code != FAIL_CANCELLED)
        write_error_object(f, &c->answer);
    else if (run_interrupts(c->run) != NULL) { /* the last `values` event has nothing else either */
        buf_add_char(&c->answer, '{');
        write_interrupts(c);
    } else if (run_state(c->run) == NULL) /* cancelled before it began */
        buf_add_str(&c->answer, "{}");
    else
        state_encode(run_state(c->run), VIEW_SHOWN, &c->answer);
    if (c->answer.fault == 0)
        return;
    buf_clear(&c->answer);
    buf_add_str(&c->answer, "{\"__error__\":{\"error\":\"InternalError\",\"message\":\"there is no "
                            "memory for the answer\"}}");
}

static enum sse_next next_of_wait(void *arg, const char **ret, size_t *ret_len_bytes)
{
    struct call *c = arg;

    if (c->is_answered)
        return SSE_END;
    if (skip_events(c) == READER_WAIT || goes_on(c))
        return SSE_WAIT;
    write_wait_answer(c);
    c->is_answered = true;
    *ret = buf_text(&c->answer);
    *ret_len_bytes = c->answer.len;
    return SSE_DATA;
}

static int open_stream(struct call *c)
{
    const struct conf *conf = ((const struct api *)req_app(c->req))->services->conf;
    struct sse_options events = {
        .content_type = "text/event-stream",
        /* One line feed, not two: with a blank line behind a comment the JS client shows an empty
           event. */
        .heartbeat = ": heartbeat\n",
        .heartbeat_ms = conf->heartbeat_ms,
        .next = next_of_stream,
        .closed = stream_closed,
        .arg = c,
    };
    struct sse_options value = events;

    value.content_type = "application/json";
    value.heartbeat = "\n";
    value.heartbeat_ms = WAIT_HEARTBEAT_MS;
    value.next = next_of_wait;
    return sse_open(c->req, c->form == EXCHANGE_WAIT ? &value : &events, &c->sse);
}

/* ---- beginning ---- */

/* Is the answer written while the run is at work? */
static bool is_live(enum exchange_form form)
{
    return form != EXCHANGE_RESULT && form != EXCHANGE_END;
}

/* Who waits for the end only does not look at events, which may be gone or in the store. */
static bool is_stream(enum exchange_form form)
{
    return form == EXCHANGE_STREAM || form == EXCHANGE_NUMBERED_STREAM;
}

static int open_reader(struct call *c, struct run *run, const struct exchange_options *o)
{
    int r = reader_open(run, o->modes, is_live(o->form) ? reader_ready : answer_when_done, c,
                        &c->reader);

    if (r != 0)
        return r;
    c->run = run_ref(run);
    if (!is_stream(o->form))
        reader_seek(c->reader, READER_SEEK_END);
    else if (o->from > 0)
        reader_seek(c->reader, o->from);
    return 0;
}

static int open_stored(struct call *c, const struct exchange_options *o)
{
    const struct services *services = ((const struct api *)req_app(c->req))->services;

    if (o->stored_run_id == NULL)
        return 0;
    int r =
        reader_open_stored(services, o->stored_run_id, o->stored_end, reader_ready, c, &c->reader);
    if (r != 0)
        return r;
    reader_set_modes(c->reader, o->modes);
    reader_seek(c->reader, o->from);
    return 0;
}

static int call_new(struct req *req, struct run *run, const struct exchange_options *o,
                    struct call **ret)
{
    const struct conf *conf = ((const struct api *)req_app(req))->services->conf;
    struct call *c = mem_zalloc(sizeof(*c));

    if (c == NULL)
        return err_trace(ERR_NOMEM);
    /* What it asks is made of the state: as much again. */
    buf_init(&c->answer, 2 * (size_t)conf->max_state_bytes + 65536);
    c->req = req;
    c->form = o->form;
    c->cancels_on_disconnect = o->cancels_on_disconnect;
    int r = run == NULL ? open_stored(c, o) : open_reader(c, run, o);
    if (r != 0) {
        call_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

static void begin(struct call *c)
{
    if (is_live(c->form)) {
        if (open_stream(c) != 0)
            leave(c);
        return;
    }
    req_on_gone(c->req, client_gone, c);
    answer_when_done(c);
}

void exchange_start(struct req *req, struct run *run, const struct exchange_options *o)
{
    struct call *c = NULL;
    int r = call_new(req, run, o, &c);

    if (r == 0) {
        begin(c);
        return;
    }
    if (run != NULL && o->cancels_on_disconnect)
        run_cancel(run);
    reply_failf(req, FAIL_INTERNAL, "%s", err_text(r));
}
