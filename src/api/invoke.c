/*
 * POST /invoke, /runs/wait, /runs/stream: three doors to one handler. They differ in the shape of
 * the answer:
 *
 *     /invoke as JSON   one reply when the run has ended; its status tells how (answer_when_done)
 *     /runs/wait        headers at once, a line feed per second, then one JSON value (next_of_wait)
 *     SSE               the run's events as they come (next_of_stream)
 *
 * A struct call connects one run with one waiting request, and lives until the request is gone.
 */
#include "api/run_body.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "http/sse.h"
#include "run/hub.h"
#include <assert.h>
#include <ctype.h>
#include <string.h>

#define WAIT_HEARTBEAT_MS 1000 /* what the LangGraph server does */

struct call {
    struct req *req; /* until it was replied to or gone; not used once sse is there */
    struct sse *sse;
    struct run *run; /* a reference */
    struct reader *reader;
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
    if (c->cancels_on_disconnect && !run_has_ended(c->run))
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

static enum sse_next next_of_stream(void *arg, const char **ret, size_t *ret_len_bytes)
{
    static const enum sse_next meaning[] = {
        [READER_EVENT] = SSE_DATA,
        [READER_WAIT] = SSE_WAIT,
        [READER_END] = SSE_END,
    };
    struct call *c = arg;
    struct run_event event = { 0 };
    enum reader_result what = reader_next(c->reader, &event);

    *ret = event.frame;
    *ret_len_bytes = event.frame_len_bytes;
    return meaning[what];
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

/* Never `null` and never a bare value: the JS client looks for a key in it. */
static void write_wait_answer(struct call *c)
{
    const struct fail *f = outcome(c);

    if (fail_is_set(f))
        write_error_object(f, &c->answer);
    else if (run_interrupts(c->run) != NULL) { /* the last `values` event has nothing else either */
        buf_add_char(&c->answer, '{');
        write_interrupts(c);
    } else
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
    if (skip_events(c) == READER_WAIT)
        return SSE_WAIT;
    write_wait_answer(c);
    c->is_answered = true;
    *ret = buf_text(&c->answer);
    *ret_len_bytes = c->answer.len;
    return SSE_DATA;
}

static int open_stream(struct call *c, enum door door)
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
    return sse_open(c->req, door == DOOR_WAIT ? &value : &events, &c->sse);
}

/* ---- beginning ---- */

static void refuse(struct req *req, int r, struct fail *f)
{
    if (r < 0)
        fail_set_fault(f, r);
    reply_fail(req, f, NULL);
    fail_clear(f);
}

/* A command, or where its thread stands, is enough to go by. */
static bool needs_input(const struct run_request *req)
{
    return req->command == NULL && (req->input != NULL || req->thread_id == NULL);
}

/* /invoke tells a wrong input by its status, also when a stream was asked for; on /runs/... it is a
 * failed run. */
static int check_before(const struct api *api, enum door door, struct run_body *b, struct fail *f)
{
    if (door != DOOR_INVOKE || !needs_input(&b->request))
        return 0;
    return run_check_input(api->services, b->request.graph, b->request.input, f);
}

/* Is the answer written while the run is at work? */
static bool is_live(enum door door, const struct run_body *b)
{
    return door == DOOR_WAIT || b->is_stream;
}

static int call_new(const struct api *api, enum door door, const struct run_body *b,
                    struct call **ret, struct fail *f)
{
    struct call *c = mem_zalloc(sizeof(*c));
    int r;

    if (c == NULL)
        return err_trace(ERR_NOMEM);
    /* What it asks is made of the state: as much again. */
    buf_init(&c->answer, 2 * (size_t)api->services->conf->max_state_bytes + 65536);
    c->cancels_on_disconnect = b->cancels_on_disconnect;
    r = run_start(api->runs, &b->request, &c->run, f);
    if (r == 0)
        r = reader_open(c->run, b->request.modes,
                        is_live(door, b) ? reader_ready : answer_when_done, c, &c->reader);
    if (r != 0) {
        if (c->run != NULL)
            run_cancel(c->run);
        call_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

/* A thread's id is any text. */
static void add_segment(struct buf *to, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c) != NULL)
            buf_add_char(to, *text);
        else
            buf_addf(to, "%%%02X", c);
    }
}

static void name_the_run(struct req *req, const struct run *run, const char *thread_id)
{
    struct buf location MEM_AUTO(buf_deinit);

    buf_init(&location, 4096);
    if (thread_id != NULL) {
        buf_add_str(&location, "/threads/");
        add_segment(&location, thread_id);
    }
    buf_addf(&location, "/runs/%s", run_id(run));
    if (location.fault == 0) /* without memory the run has no name, and goes on */
        reply_header(req, "Content-Location", location.data);
}

static void begin(struct req *req, enum door door, const struct run_body *b, struct call *c)
{
    assert(c != NULL);
    c->req = req;
    name_the_run(req, c->run, b->request.thread_id);
    if (is_live(door, b)) {
        if (open_stream(c, door) != 0)
            leave(c);
        return;
    }
    req_on_gone(req, client_gone, c);
    answer_when_done(c); /* arms the reader: the run has not begun yet */
}

static void handle(struct req *req, enum door door)
{
    const struct api *api = req_app(req);
    struct run_body b;
    struct fail f = { 0 };
    struct call *c = NULL;
    int r = run_body_read(req, door, &b, &f);

    if (r == 0)
        r = check_before(api, door, &b, &f);
    if (r == 0)
        r = call_new(api, door, &b, &c, &f);
    if (r == 0)
        begin(req, door, &b, c);
    else
        refuse(req, r, &f);
    run_body_clear(&b);
}

void handle_invoke(struct req *req)
{
    handle(req, DOOR_INVOKE);
}

void handle_run_wait(struct req *req)
{
    handle(req, DOOR_WAIT);
}

void handle_run_stream(struct req *req)
{
    handle(req, DOOR_STREAM);
}
