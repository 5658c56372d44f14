/*
 * POST /invoke, /runs[/wait|/stream], /threads/THREAD/runs[/wait|/stream]: the doors through which
 * runs are made. A body is read, the desk takes the order, and when the run is in the books the
 * exchange begins. What /invoke runs without a thread or webhook needs no books and begins at once.
 *
 *     handle -> run_body_read -> desk_submit ... submitted -> exchange_start | the Run as JSON
 */
#include "api/about.h"
#include "api/exchange.h"
#include "api/run_address.h"
#include "api/run_body.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

struct creation {
    struct req *req; /* NULL: its client has left */
    const struct api *api;
    enum door door;
    struct run_body body;
    struct desk_op op;
    struct run *run;
    struct fail fail;
};

static void creation_free(struct creation *c)
{
    run_body_clear(&c->body);
    run_unref(c->run);
    fail_clear(&c->fail);
    mem_free(c);
}

/* ---- where the run can be found ---- */

/* A client that loses its connection comes back to Location, with the id of the last event. /invoke has
 * no such address, and streams of stateless runs no ids, as the reference's. */
static void name_the_run(const struct creation *c)
{
    static const char *const ends[] = { [DOOR_WAIT] = "/join", [DOOR_STREAM] = "/stream" };
    const char *thread_id = c->body.request.thread_id;

    reply_run_address(c->req, "Content-Location", thread_id, run_id(c->run), "");
    if (c->door == DOOR_WAIT || (c->door == DOOR_STREAM && thread_id != NULL))
        reply_run_address(c->req, "Location", thread_id, run_id(c->run), ends[c->door]);
}

/* ---- the answer ---- */

static enum exchange_form form_of(const struct creation *c)
{
    if (c->door == DOOR_WAIT)
        return EXCHANGE_WAIT;
    if (c->door == DOOR_STREAM && c->body.request.thread_id != NULL)
        return EXCHANGE_NUMBERED_STREAM;
    return c->body.is_stream ? EXCHANGE_STREAM : EXCHANGE_RESULT;
}

static void answer(struct creation *c)
{
    const struct exchange_options options = {
        .form = form_of(c),
        .modes = c->body.request.modes,
        .cancels_on_disconnect = c->body.cancels_on_disconnect,
    };

    name_the_run(c);
    if (c->door == DOOR_BACKGROUND)
        reply_json_take(c->req, 200, desk_describe(c->api->desk, run_id(c->run)));
    else
        exchange_start(c->req, c->run, &options);
}

static void refuse(struct creation *c, int r)
{
    if (r < 0)
        fail_set_fault(&c->fail, r);
    reply_fail(c->req, &c->fail, NULL);
}

static void submitted(void *arg, int result)
{
    struct creation *c = arg;

    if (c->req == NULL) {
        if (result == 0 && c->body.cancels_on_disconnect)
            run_cancel(c->run);
    } else if (result == 0)
        answer(c);
    else
        refuse(c, result);
    creation_free(c);
}

static void client_gone(void *arg)
{
    struct creation *c = arg;

    c->req = NULL;
}

/* ---- the order ---- */

static int submit(struct creation *c)
{
    json_t *kwargs = run_kwargs_new(&c->body, c->door);

    if (kwargs == NULL)
        return err_trace(ERR_NOMEM);
    const struct desk_order order = run_body_order(&c->body, c->door, kwargs);
    req_on_gone(c->req, client_gone, c);
    desk_submit(c->api->desk, &c->op, &order, &c->run, &c->fail, submitted, c);
    json_decref(kwargs);
    return 0;
}

/* A command, or where its thread stands, is enough to go by. */
static bool needs_input(const struct run_request *req)
{
    return req->command == NULL && (req->input != NULL || req->thread_id == NULL);
}

/* /invoke tells a wrong input by its status, also when a stream was asked for; on /runs/... it is a
 * failed run. */
static int check_before(struct creation *c)
{
    const struct run_request *request = &c->body.request;

    if (c->door != DOOR_INVOKE || !needs_input(request))
        return 0;
    return run_check_input(c->api->services, request->graph, request->input, &c->fail);
}

/* *ret_is_over: c was answered. */
static int start(struct creation *c, bool *ret_is_over)
{
    *ret_is_over = false;
    if (c->door != DOOR_INVOKE || c->body.request.thread_id != NULL || c->body.webhook != NULL)
        return submit(c);
    int r = run_start(c->api->runs, &c->body.request, &c->run, &c->fail);
    *ret_is_over = r == 0;
    if (r == 0)
        answer(c);
    return r;
}

static void handle(struct req *req, enum door door, const char *thread_id)
{
    struct creation *c = mem_zalloc(sizeof(*c));
    bool is_over = false;

    if (c == NULL) {
        reply_failf(req, FAIL_INTERNAL, "%s", err_text(ERR_NOMEM));
        return;
    }
    c->req = req;
    c->api = req_app(req);
    c->door = door;
    int r = run_body_read(req, door, thread_id, &c->body, &c->fail);
    if (r == 0)
        r = check_before(c);
    if (r == 0)
        r = start(c, &is_over);
    if (r != 0)
        refuse(c, r);
    if (r != 0 || is_over)
        creation_free(c);
}

void handle_invoke(struct req *req)
{
    handle(req, DOOR_INVOKE, NULL);
}

const struct route_about about_invoke = {
    .summary = "Run a graph: its output, or a stream",
    .keys = run_body_keys,
    .needs = { "graph", "assistant_id" },
    .answers = { { 200, "Result" }, { 200, "text/event-stream" } },
    .fails = FAILS_404 | FAILS_409 | FAILS_502,
};

void handle_run_wait(struct req *req)
{
    handle(req, DOOR_WAIT, NULL);
}

const struct route_about about_run_wait = {
    .summary = "Run a graph without a thread: its result",
    .keys = run_body_keys,
    .needs = { "assistant_id" },
    .answers = { { 200, "Result" } },
    .fails = FAILS_404,
};

void handle_run_stream(struct req *req)
{
    handle(req, DOOR_STREAM, NULL);
}

const struct route_about about_run_stream = {
    .summary = "Run a graph without a thread: its events",
    .keys = run_body_keys,
    .needs = { "assistant_id" },
    .answers = { { 200, "text/event-stream" } },
    .fails = FAILS_404,
};

void handle_run_background(struct req *req)
{
    handle(req, DOOR_BACKGROUND, NULL);
}

const struct route_about about_run_background = {
    .summary = "Run a graph without a thread in the background",
    .keys = run_body_keys,
    .needs = { "assistant_id" },
    .answers = { { 200, "Run" } },
    .fails = FAILS_404,
};

void handle_thread_run_wait(struct req *req)
{
    handle(req, DOOR_WAIT, req_param(req, "thread_id"));
}

const struct route_about about_thread_run_wait = {
    .summary = "Run a graph on a thread: its result",
    .keys = run_body_keys,
    .needs = { "assistant_id" },
    .answers = { { 200, "Result" } },
    .fails = FAILS_404 | FAILS_409,
};

void handle_thread_run_stream(struct req *req)
{
    handle(req, DOOR_STREAM, req_param(req, "thread_id"));
}

const struct route_about about_thread_run_stream = {
    .summary = "Run a graph on a thread: its events",
    .keys = run_body_keys,
    .needs = { "assistant_id" },
    .answers = { { 200, "text/event-stream" } },
    .fails = FAILS_404 | FAILS_409,
};

void handle_thread_run_background(struct req *req)
{
    handle(req, DOOR_BACKGROUND, req_param(req, "thread_id"));
}

const struct route_about about_thread_run_background = {
    .summary = "Run a graph on a thread in the background",
    .keys = run_body_keys,
    .needs = { "assistant_id" },
    .answers = { { 200, "Run" } },
    .fails = FAILS_404 | FAILS_409,
};
