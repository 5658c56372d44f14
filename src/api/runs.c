/*
 * Runs that are there: follow their events, wait for their end, cancel them. What the desk knows is
 * at work, or has ended a moment ago; of the others the store tells.
 */
#include "api/about.h"
#include "api/exchange.h"
#include "api/lookup.h"
#include "api/run_address.h"
#include "api/run_body.h"
#include "api/run_query.h"
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

    *ret = 0;
    if (!param_list(req, "stream_mode", &names))
        return false;
    bool ok = true;
    json_array_foreach(names, i, name) {
        unsigned bit = mode_find(json_string_value(name));
        if (bit == 0 && ok) {
            reply_failf(req, FAIL_BAD_REQUEST,
                        "\"stream_mode\" has \"%.40s\"; this version knows %s",
                        json_string_value(name), mode_names());
            ok = false;
        }
        if (bit != 0)
            buf_addf(address, "%cstream_mode=%s", *ret == 0 ? '?' : '&', json_string_value(name));
        *ret |= bit;
    }
    json_decref(names);
    return ok;
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

/* It has ended, and its log is not in memory. Stored events are kept as long as something is to be
 * done about the run, which is to delete them. */
static void show_stored(struct lookup *l)
{
    bool is_kept = sheet_is_resumable(&l->sheet) && l->sheet.due_ms > 0;
    const struct exchange_options options = {
        .form = EXCHANGE_NUMBERED_STREAM,
        .modes = modes_of(l->modes, l->sheet.modes),
        .from = first_wanted(l->req),
        .stored_run_id = is_kept ? l->sheet.run_id : NULL,
        .stored_end = (uint64_t)l->sheet.events_end,
    };

    exchange_start(l->req, NULL, &options);
    lookup_free(l);
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
        struct lookup *l = lookup_new(req, thread_id, req_param(req, "run_id"));
        if (l == NULL)
            return;
        l->modes = modes;
        lookup_run(l, show_stored);
        return;
    }
    const struct exchange_options options = {
        .form = EXCHANGE_NUMBERED_STREAM,
        .modes = modes_of(modes, run_modes(run)),
        .from = first_wanted(req),
        .cancels_on_disconnect = param_bool(req, "cancel_on_disconnect"),
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
static void reply_values(struct lookup *l)
{
    json_t *values = json_object_get(l->thread, "values");

    reply_json_take(l->req, 200, json_is_object(values) ? json_incref(values) : json_object());
    lookup_free(l);
}

static void reply_nothing(struct lookup *l)
{
    reply_json_take(l->req, 200, json_object());
    lookup_free(l);
}

/* As its stream and its wait have said. */
static void reply_error(struct lookup *l)
{
    reply_json_take(l->req, 200, json_pack("{s:O}", "__error__", l->sheet.error));
    lookup_free(l);
}

static void run_is_there(struct lookup *l)
{
    if (l->sheet.error != NULL)
        reply_error(l);
    else if (l->thread_id == NULL)
        reply_nothing(l);
    else
        lookup_thread(l, reply_values);
}

/* Of a stateless run that has ended there is nothing but what its log's keeper remembers. */
static void join(struct req *req, const char *thread_id)
{
    struct run *run = find(req, thread_id);
    const struct exchange_options options = {
        .form = EXCHANGE_WAIT,
        .cancels_on_disconnect = param_bool(req, "cancel_on_disconnect"),
    };

    if (run != NULL && (thread_id == NULL || !run_has_ended(run))) {
        reply_run_address(req, "Location", thread_id, run_id(run), "/join");
        exchange_start(req, run, &options);
        return;
    }
    struct lookup *l = lookup_new(req, thread_id, req_param(req, "run_id"));
    if (l != NULL)
        lookup_run(l, run_is_there);
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

static void cancel_nothing(struct lookup *l)
{
    reply_cancelled(l->req, l->limit != 0);
    lookup_free(l);
}

static bool read_action(struct req *req, enum desk_cancel *ret)
{
    const char *action = req_query(req, "action");

    *ret = action != NULL && strcmp(action, "rollback") == 0 ? CANCEL_ROLLBACK : CANCEL_INTERRUPT;
    if (action == NULL || strcmp(action, "interrupt") == 0 || strcmp(action, "rollback") == 0)
        return true;
    reply_failf(req, FAIL_BAD_REQUEST, "\"action\" must be interrupt or rollback, not \"%.40s\"",
                action);
    return false;
}

static void cancel(struct req *req, const char *thread_id)
{
    const struct api *api = req_app(req);
    const struct exchange_options until_end = { .form = EXCHANGE_END };
    struct run *run = find(req, thread_id);
    bool waits = param_bool(req, "wait");
    enum desk_cancel how;

    if (!read_action(req, &how))
        return;
    if (run == NULL) {
        struct lookup *l = lookup_new(req, thread_id, req_param(req, "run_id"));
        if (l == NULL)
            return;
        l->limit = waits;
        lookup_run(l, cancel_nothing);
        return;
    }
    desk_cancel(api->desk, run, how);
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
    enum desk_cancel how;

    if (!read_action(req, &how))
        return;
    int r = body_read(req, many_keys, &body, &f);
    if (r < 0)
        fail_set_fault(&f, r);
    if (r != 0)
        reply_fail(req, &f, NULL);
    else
        cancel_many(req, body, how);
    fail_clear(&f);
    json_decref(body);
}
