/* The runs of a thread as they are written down: list them, show one, delete one. */
#include "api/about.h"
#include "api/exchange.h"
#include "api/on_run.h"
#include "api/on_thread.h"
#include "api/query.h"
#include "base/err.h"

enum { LIST_DEFAULT = 10 };

static struct on_thread *of(struct work *w)
{
    return (struct on_thread *)(void *)w;
}

/* ---- the list ---- */

/* As a request shows it; NULL: what is stored of it cannot be read, or there is no memory. */
static json_t *show(const struct stored_record *from, const json_t *names)
{
    struct sheet sheet = { 0 };
    json_t *run = NULL;

    if (sheet_read(&sheet, from, RECORD_DEPTH_MAX) == 0)
        run = select_take(sheet_json(&sheet), names);
    sheet_clear(&sheet);
    return run;
}

static void reply_list(struct work *w)
{
    const json_t *select = of(w)->select;
    const json_t *names = json_array_size(select) > 0 ? select : NULL;
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < w->found.count; i++) {
        if (json_array_append_new(list, show(&w->found.items[i], names)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    work_json_take(w, list);
}

static void find_runs(struct work *w)
{
    const struct on_thread *t = of(w);
    const char *status = w->req == NULL ? NULL : req_query(w->req, "status");

    work_find(w,
              &(struct record_query){ .kind = RECORD_RUN,
                                      .owner = t->id,
                                      .statuses = &status,
                                      .status_count = status != NULL ? 1 : 0,
                                      .offset = (size_t)t->offset,
                                      .limit = (size_t)t->limit },
              reply_list);
}

void handle_thread_runs(struct req *req)
{
    struct on_thread *t = on_thread_new(req, NULL, true);

    if (t == NULL)
        return;
    t->limit = query_integer(req, "limit", LIST_DEFAULT);
    t->offset = query_integer(req, "offset", 0);
    if (req_query(req, "select") != NULL && query_list(req, "select", &t->select) != 0)
        work_fault(&t->w, err_trace(ERR_NOMEM));
    else
        on_thread_find(t, find_runs);
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

static void reply_run(struct work *w)
{
    work_json_take(w, sheet_json(&((struct on_run *)(void *)w)->sheet));
}

void handle_thread_run(struct req *req)
{
    struct on_run *r = on_run_new(req);

    if (r != NULL)
        on_run_find(r, reply_run);
}

const struct route_about about_thread_run = {
    .summary = "Show a run",
    .answers = { { 200, "Run" } },
    .fails = FAILS_404,
};

/* ---- deleting ---- */

static void already_gone(struct work *w)
{
    work_failf(w, FAIL_NOT_FOUND, "Run not found");
}

static void delete_record(struct work *w)
{
    const struct on_run *r = (struct on_run *)(void *)w;

    store_add_expect_record(&w->batch, RECORD_RUN, r->run_id, 0, NULL, 0);
    store_add_delete_record(&w->batch, RECORD_RUN, r->run_id);
    work_commit(w, work_empty, already_gone);
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
    struct on_run *r = on_run_new(req);
    if (r != NULL)
        on_run_find(r, delete_record);
}

const struct route_about about_thread_run_delete = {
    .summary = "End a run and forget it",
    .answers = { { 204, NULL } },
    .fails = FAILS_404,
};
