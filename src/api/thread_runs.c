/* The runs of a thread as they are written down: list them, show one, delete one. */
#include "api/about.h"
#include "api/exchange.h"
#include "api/lookup.h"
#include "api/run_query.h"
#include "base/mem.h"

enum { LIST_DEFAULT = 10, LIST_MAX = 1000 };

/* ---- the list ---- */

/* With the keys in names only; none = all. Takes run. NULL: no memory. */
static json_t *select_keys(json_t *run, const json_t *names)
{
    const json_t *name;
    size_t i;

    if (run == NULL || json_array_size(names) == 0)
        return run;
    json_t *some = json_object();
    json_array_foreach(names, i, name) {
        json_t *value = json_object_get(run, json_string_value(name));
        if (value != NULL && json_object_set(some, json_string_value(name), value) != 0) {
            json_decref(some);
            some = NULL;
        }
    }
    json_decref(run);
    return some;
}

static json_t *show(const struct lookup *l, const struct stored_record *from)
{
    struct sheet sheet = { 0 };
    json_t *run = NULL;

    if (sheet_read(&sheet, from, (int)l->api->services->conf->max_depth + 8) == 0)
        run = sheet_json(&sheet);
    sheet_clear(&sheet);
    return run;
}

static void reply_list(struct lookup *l)
{
    json_t *list = json_array();
    json_t *names = NULL;

    if (!param_list(l->req, "select", &names)) {
        json_decref(list);
        lookup_free(l);
        return;
    }
    for (size_t i = 0; i < l->found.count; i++) {
        json_t *run = select_keys(show(l, &l->found.items[i]), names);
        if (json_array_append_new(list, run) != 0) {
            json_decref(list);
            list = NULL;
            break;
        }
    }
    json_decref(names);
    reply_json_take(l->req, 200, list);
    lookup_free(l);
}

static void find_runs(struct lookup *l)
{
    const char *status = req_query(l->req, "status");
    const struct record_query query = {
        .kind = RECORD_RUN,
        .owner = l->thread_id,
        .statuses = status != NULL ? &status : NULL,
        .status_count = status != NULL ? 1 : 0,
        .offset = (size_t)l->offset,
        .limit = (size_t)l->limit,
    };

    lookup_records(l, &query, reply_list);
}

void handle_thread_runs(struct req *req)
{
    int64_t limit, offset;

    if (!param_int(req, "limit", 1, LIST_MAX, LIST_DEFAULT, &limit) ||
        !param_int(req, "offset", 0, INT64_MAX, 0, &offset))
        return;
    struct lookup *l = lookup_new(req, req_param(req, "thread_id"), NULL);
    if (l == NULL)
        return;
    l->limit = limit;
    l->offset = offset;
    lookup_thread(l, find_runs);
}

static const struct query_key runs_query[] = {
    { "limit", &type_limit },
    { "offset", &type_offset },
    { "status", &type_run_status },
    { "select", &type_strings },
    QUERY_END,
};
const struct route_about about_thread_runs = {
    .summary = "The runs of a thread, newest first",
    .query = runs_query,
    .answers = { { 200, "[SomeRun]" } },
    .fails = FAILS_404,
};

/* ---- one ---- */

static void reply_run(struct lookup *l)
{
    reply_json_take(l->req, 200, sheet_json(&l->sheet));
    lookup_free(l);
}

static struct lookup *lookup_of(struct req *req)
{
    return lookup_new(req, req_param(req, "thread_id"), req_param(req, "run_id"));
}

void handle_thread_run(struct req *req)
{
    struct lookup *l = lookup_of(req);

    if (l != NULL)
        lookup_run(l, reply_run);
}

const struct route_about about_thread_run = {
    .summary = "Show a run",
    .answers = { { 200, "Run" } },
    .fails = FAILS_404,
};

/* ---- deleting ---- */

static void reply_deleted(struct lookup *l)
{
    reply_empty(l->req);
    lookup_free(l);
}

static void delete_record(struct lookup *l)
{
    struct store_batch batch;

    store_batch_init(&batch);
    store_add_expect_record(&batch, RECORD_RUN, l->run_id, 0, NULL, 0);
    store_add_delete_record(&batch, RECORD_RUN, l->run_id);
    lookup_commit(l, &batch, reply_deleted);
    store_batch_deinit(&batch);
}

/* One that is at work ends first. */
void handle_thread_run_delete(struct req *req)
{
    const struct api *api = req_app(req);
    struct run *run = desk_find(api->desk, req_param(req, "thread_id"), req_param(req, "run_id"));
    const struct exchange_options until_end = { .form = EXCHANGE_END };

    if (run != NULL && !run_has_ended(run)) {
        desk_cancel(api->desk, run, CANCEL_DELETE);
        exchange_start(req, run, &until_end);
        return;
    }
    struct lookup *l = lookup_of(req);
    if (l != NULL)
        lookup_run(l, delete_record);
}

const struct route_about about_thread_run_delete = {
    .summary = "End a run and forget it",
    .answers = { { 204, NULL } },
    .fails = FAILS_404,
};
