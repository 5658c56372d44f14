/* The end of runs, of one or of many: POST .../runs/RUN/cancel, POST /runs/cancel. */
#include "api/about.h"
#include "api/exchange.h"
#include "api/on_run.h"
#include "api/query.h"
#include <string.h>

/* ---- one ---- */

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
        reply_cancelled(w->req, ((struct on_run *)(void *)w)->waits);
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
    struct run *run = desk_find(api->desk, thread_id, req_param(req, "run_id"));
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

/* ---- many ---- */

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
        struct run *run = desk_find(api->desk, thread_id, json_string_value(id));
        if (run != NULL)
            desk_cancel(api->desk, run, how);
    }
}

static void cancel_many(struct req *req, const json_t *body, enum desk_cancel how)
{
    const struct api *api = req_app(req);
    const char *thread_id = body_text(body, "thread_id");
    const char *status = body_text(body, "status");
    const json_t *ids = body_find(body, "run_ids");

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
