/*
 * Runs that are there: follow their events, wait for their end, cancel them. What the desk knows is
 * at work, or has ended a moment ago; of the others the store tells.
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

/* ---- its end ---- */

static void reply_cancelled(struct req *req, bool waits)
{
    if (waits)
        reply_empty(req);
    else
        reply_text(req, 202, "");
}

static void cancel_nothing(struct work *w)
{
    if (w->req != NULL)
        reply_cancelled(w->req, of(w)->waits);
    work_leave(w);
}

static void cancel_stored(struct req *req, bool waits)
{
    struct on_run *r = on_run_new(req);

    if (r == NULL)
        return;
    r->waits = waits;
    on_run_find(r, cancel_nothing);
}

static enum desk_cancel action_of(const struct req *req)
{
    const char *action = req_query(req, "action");

    return action != NULL && strcmp(action, "rollback") == 0 ? CANCEL_ROLLBACK : CANCEL_INTERRUPT;
}

static void cancel(struct req *req, const char *thread_id)
{
    const struct api *api = req_app(req);
    const struct exchange_options until_end = { .form = EXCHANGE_END };
    struct run *run = find(req, thread_id);
    bool waits = query_flag(req, "wait", false);

    if (run == NULL) {
        cancel_stored(req, waits);
        return;
    }
    desk_cancel(api->desk, run, action_of(req));
    if (waits)
        exchange_start(req, run, &until_end);
    else
        reply_cancelled(req, false);
}

void handle_run_cancel(struct req *req)
{
    cancel(req, NULL);
}

static const struct type cancel_action = { .kind = TYPE_WORDS,
                                           .expected = "interrupt or rollback",
                                           .words = (const char *const[]){ "interrupt", "rollback",
                                                                           NULL } };
static const struct query_key cancel_query[] = {
    { "wait", &type_boolean },
    { "action", &cancel_action },
    QUERY_END,
};
const struct route_about about_run_cancel = {
    .summary = "End a stateless run",
    .query = cancel_query,
    .answers = { { 202, "text/plain" }, { 204, NULL } },
    .fails = FAILS_404,
};

void handle_thread_run_cancel(struct req *req)
{
    cancel(req, req_param(req, "thread_id"));
}

const struct route_about about_thread_run_cancel = {
    .summary = "End a run",
    .query = cancel_query,
    .answers = { { 202, "text/plain" }, { 204, NULL } },
    .fails = FAILS_404,
};

/* ---- the end of many ---- */

static unsigned which_of(const char *status)
{
    static const struct {
        const char *name;
        unsigned which;
    } names[] = {
        { "pending", CANCEL_PENDING },
        { "running", CANCEL_RUNNING },
        { "all", CANCEL_PENDING | CANCEL_RUNNING },
    };

    for (size_t i = 0; status != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].name, status) == 0)
            return names[i].which;
    }
    return 0;
}

/* Runs that have ended, and such as nobody knows, are passed over. */
static void cancel_named(const struct api *api, const char *thread_id, const json_t *ids,
                         enum desk_cancel how)
{
    const json_t *id;
    size_t i;

    json_array_foreach(ids, i, id) {
        struct run *run =
            json_is_string(id) ? desk_find(api->desk, thread_id, json_string_value(id)) : NULL;
        if (run != NULL)
            desk_cancel(api->desk, run, how);
    }
}

static void cancel_many(struct req *req, const json_t *body, enum desk_cancel how)
{
    const struct api *api = req_app(req);
    const char *thread_id = json_string_value(run_body_find(body, "thread_id"));
    const char *status = json_string_value(run_body_find(body, "status"));
    const json_t *ids = run_body_find(body, "run_ids");

    if (ids == NULL && which_of(status) == 0) {
        reply_failf(req, FAIL_BAD_REQUEST,
                    "say which: \"run_ids\" with their \"thread_id\", or \"status\": pending, "
                    "running or all");
        return;
    }
    if (ids != NULL)
        cancel_named(api, thread_id, ids, how);
    else
        desk_cancel_all(api->desk, thread_id, which_of(status), how);
    reply_empty(req);
}

static const struct type many_status = { .kind = TYPE_WORDS,
                                         .expected = "pending, running or all",
                                         .words = (const char *const[]){ "pending", "running",
                                                                         "all", NULL } };
static const struct body_key many_keys[] = {
    { "thread_id", &type_string, false },
    { "run_ids", &type_strings, false },
    { "status", &many_status, false },
    BODY_END,
};
static const struct query_key many_query[] = {
    { "action", &cancel_action },
    QUERY_END,
};
const struct route_about about_runs_cancel = {
    .summary = "End many runs: those of a list, or all of a status",
    .keys = many_keys,
    .needs = { "run_ids", "status" },
    .query = many_query,
    .answers = { { 204, NULL } },
};

void handle_runs_cancel(struct req *req)
{
    struct fail f = { 0 };
    json_t *body = NULL;
    int r = body_read(req, many_keys, &body, &f);
    if (r < 0)
        fail_set_fault(&f, r);
    if (r != 0)
        reply_fail(req, &f, NULL);
    else
        cancel_many(req, body, action_of(req));
    fail_clear(&f);
    json_decref(body);
}
