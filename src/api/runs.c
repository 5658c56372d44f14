/*
 * Runs that are there: follow their events, wait for their end. What the desk knows is at work, or
 * has ended a moment ago; of the others the store tells.
 */
#include "api/about.h"
#include "api/exchange.h"
#include "api/on_run.h"
#include "api/query.h"
#include "api/run_address.h"
#include "api/run_body.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/event.h"
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_MAX_BYTES = 1024 };

static struct run *find(const struct req *req, const char *thread_id)
{
    const struct api *api = req_app(req);

    return desk_find(api->desk, thread_id, req_param(req, "run_id"));
}

/* ---- its events ---- */

/* The modes in stream_mode, 0 = none was given; they are added to the address that has them, too.
 * False: the request was answered. */
static bool read_modes(struct req *req, unsigned *ret, struct buf *address)
{
    json_t *names = NULL;
    const json_t *name;
    size_t i;
    int r = query_list(req, "stream_mode", &names);

    *ret = 0;
    if (r != 0) { /* about_admit() has seen that they are modes */
        reply_failf(req, FAIL_INTERNAL, "%s", err_text(r));
        return false;
    }
    json_array_foreach(names, i, name) {
        buf_addf(address, "%cstream_mode=%s", *ret == 0 ? '?' : '&', json_string_value(name));
        *ret |= mode_find(json_string_value(name));
    }
    json_decref(names);
    return true;
}

/* Behind the id that the client has seen last; "-1" and none: from the start. */
static uint64_t first_wanted(const struct req *req)
{
    const char *last = req_header(req, "last-event-id");
    char *end;

    if (last == NULL || *last < '0' || *last > '9')
        return 0;
    unsigned long long number = strtoull(last, &end, 10);
    return *end == '\0' ? number + 1 : 0;
}

/* modes 0: those that the run was made with. */
static unsigned modes_of(unsigned asked, unsigned run)
{
    return asked != 0 ? asked | (run & MODE_SUBGRAPHS) : run;
}

static struct on_run *of(struct work *w)
{
    return (struct on_run *)(void *)w;
}

/* It has ended, and its log is not in memory. Stored events are kept as long as something is to be
 * done about the run, which is to delete them. */
static void show_stored(struct work *w)
{
    const struct on_run *r = of(w);
    bool is_kept = sheet_is_resumable(&r->sheet) && r->sheet.due_ms > 0;
    const struct exchange_options options = {
        .form = EXCHANGE_NUMBERED_STREAM,
        .modes = modes_of(r->modes, r->sheet.modes),
        .from = r->from,
        .stored_run_id = is_kept ? r->run_id : NULL,
        .stored_end = (uint64_t)r->sheet.events_end,
    };

    if (w->req != NULL)
        exchange_start(w->req, NULL, &options);
    work_leave(w);
}

static void follow_stored(struct req *req, unsigned modes)
{
    struct on_run *r = on_run_new(req);

    if (r == NULL)
        return;
    r->modes = modes;
    r->from = first_wanted(req);
    on_run_find(r, show_stored);
}

static void follow(struct req *req, const char *thread_id)
{
    struct run *run = find(req, thread_id);
    struct buf address MEM_AUTO(buf_deinit);
    unsigned modes;

    buf_init(&address, ADDRESS_MAX_BYTES);
    buf_add_str(&address, "/stream");
    if (!read_modes(req, &modes, &address))
        return;
    if (run == NULL) {
        follow_stored(req, modes);
        return;
    }
    const struct exchange_options options = {
        .form = EXCHANGE_NUMBERED_STREAM,
        .modes = modes_of(modes, run_modes(run)),
        .from = first_wanted(req),
        .cancels_on_disconnect = query_flag(req, "cancel_on_disconnect", false),
    };
    /* The Python client comes back without its query, the JS client with it. */
    if (address.fault == 0)
        reply_run_address(req, "Location", thread_id, run_id(run), address.data);
    exchange_start(req, run, &options);
}

void handle_run_follow(struct req *req)
{
    follow(req, NULL);
}

static const struct query_key follow_query[] = {
    { "stream_mode", &type_stream_modes },
    { "cancel_on_disconnect", &type_boolean },
    QUERY_END,
};
const struct route_about about_run_follow = {
    .summary = "The events of a stateless run, from its first on or behind Last-Event-ID",
    .query = follow_query,
    .answers = { { 200, "text/event-stream" } },
    .fails = FAILS_404,
};

void handle_thread_run_follow(struct req *req)
{
    follow(req, req_param(req, "thread_id"));
}

const struct route_about about_thread_run_follow = {
    .summary = "The events of a run, from its first on or behind Last-Event-ID",
    .query = follow_query,
    .answers = { { 200, "text/event-stream" } },
    .fails = FAILS_404,
};

/* ---- its result ---- */

/* Never null, which the JS client does not expect. */
static void reply_values(struct work *w)
{
    json_auto_t *thread = NULL;

    if (w->found.count == 0) {
        work_failf(w, FAIL_NOT_FOUND, "Thread with ID %s not found", of(w)->thread_id);
        return;
    }
    thread = record_object(&w->found.items[0].body, RECORD_DEPTH_MAX);
    json_t *values = json_object_get(thread, "values");
    work_json_take(w, json_is_object(values) ? json_incref(values) : json_object());
}

/* An error as its stream and its wait have said; of a stateless run there is nothing else. */
static void run_is_there(struct work *w)
{
    const struct on_run *r = of(w);
    const char *const ids[] = { r->thread_id };

    if (r->sheet.error != NULL)
        work_json_take(w, json_pack("{s:O}", "__error__", r->sheet.error));
    else if (r->thread_id[0] == '\0')
        work_json_take(w, json_object());
    else
        work_find(w, &(struct record_query){ .kind = RECORD_THREAD, .ids = ids, .id_count = 1 },
                  reply_values);
}

/* Of a stateless run that has ended there is nothing but what its log's keeper remembers. */
static void join(struct req *req, const char *thread_id)
{
    struct run *run = find(req, thread_id);
    const struct exchange_options options = {
        .form = EXCHANGE_WAIT,
        .cancels_on_disconnect = query_flag(req, "cancel_on_disconnect", false),
    };

    if (run != NULL && (thread_id == NULL || !run_has_ended(run))) {
        reply_run_address(req, "Location", thread_id, run_id(run), "/join");
        exchange_start(req, run, &options);
        return;
    }
    struct on_run *r = on_run_new(req);
    if (r != NULL)
        on_run_find(r, run_is_there);
}

void handle_run_join(struct req *req)
{
    join(req, NULL);
}

static const struct query_key join_query[] = {
    { "cancel_on_disconnect", &type_boolean },
    QUERY_END,
};
const struct route_about about_run_join = {
    .summary = "Wait for the end of a stateless run: its result",
    .query = join_query,
    .answers = { { 200, "Result" } },
    .fails = FAILS_404,
};

void handle_thread_run_join(struct req *req)
{
    join(req, req_param(req, "thread_id"));
}

const struct route_about about_thread_run_join = {
    .summary = "Wait for the end of a run: its result",
    .query = join_query,
    .answers = { { 200, "Result" } },
    .fails = FAILS_404,
};
