/* Many threads at once: search and count. */
#include "api/about.h"
#include "api/extract.h"
#include "api/on_thread.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <string.h>

enum { SEARCH_LIMIT = 10, FILTER_MAX_BYTES = 16 << 20 };

/* ---- what may be asked ---- */

static const struct {
    const char *name;
    enum record_order order;
} orders[] = {
    { "created_at", RECORDS_BY_CREATED },
    { "updated_at", RECORDS_BY_UPDATED },
    { "state_updated_at", RECORDS_BY_UPDATED },
    { "thread_id", RECORDS_BY_ID },
    { "status", RECORDS_BY_STATUS },
};

static bool find_order(const char *name, enum record_order *ret)
{
    for (size_t i = 0; name != NULL && i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (strcmp(orders[i].name, name) != 0)
            continue;
        *ret = orders[i].order;
        return true;
    }
    return false;
}

static const struct type sort_by = {
    .kind = TYPE_WORDS,
    .expected = "thread_id, status, created_at, updated_at or state_updated_at",
    .words = (const char *const[]){ "thread_id", "status", "created_at", "updated_at",
                                    "state_updated_at", NULL }
};

static const struct body_key search_keys[] = {
    { "metadata", &type_object, false },
    { "values", &type_object, false },
    { "ids", &type_thread_ids, false },
    { "status", &type_thread_status, false },
    { "sort_by", &sort_by, false },
    { "sort_order", &type_sort_order, false },
    { "select", &type_strings, false },
    { "extract", &type_extract, false },
    BODY_PAGE,
    BODY_END,
};

/* ---- the query ---- */

/* What a record_query borrows. */
struct filter {
    char *metadata;
    char *values;
    const char **ids;
    const char *status;
};

static void filter_clear(struct filter *f)
{
    mem_free(f->metadata);
    mem_free(f->values);
    mem_free((void *)f->ids);
}

static int set_text(const json_t *json, char **ret)
{
    size_t len;

    if (json == NULL || json_object_size(json) == 0)
        return 0;
    *ret = jsonx_text(json, FILTER_MAX_BYTES, &len);
    return *ret != NULL ? 0 : err_trace(ERR_NOMEM);
}

static int set_values(const json_t *values, char **ret)
{
    json_auto_t *body = NULL;

    if (values == NULL || json_object_size(values) == 0)
        return 0;
    body = json_pack("{s:O}", "values", values);
    return body != NULL ? set_text(body, ret) : err_trace(ERR_NOMEM);
}

static int set_ids(const json_t *ids, struct filter *f, struct record_query *q)
{
    const json_t *id;
    size_t i;

    if (json_array_size(ids) == 0)
        return 0;
    f->ids = mem_array(json_array_size(ids) + 1, sizeof(*f->ids));
    if (f->ids == NULL)
        return err_trace(ERR_NOMEM);
    json_array_foreach(ids, i, id)
        f->ids[i] = json_string_value(id);
    q->ids = f->ids;
    q->id_count = json_array_size(ids);
    return 0;
}

/* f: begins zeroed. 0 or a fault. */
static int make_query(const json_t *body, struct filter *f, struct record_query *q)
{
    int r = set_text(body_find(body, "metadata"), &f->metadata);

    if (r == 0)
        r = set_values(body_find(body, "values"), &f->values);
    if (r == 0)
        r = set_ids(body_find(body, "ids"), f, q);
    f->status = body_text(body, "status");
    q->kind = RECORD_THREAD;
    q->metadata = f->metadata;
    q->body = f->values;
    q->statuses = f->status != NULL ? &f->status : NULL;
    q->status_count = f->status != NULL;
    return r;
}

static void find(struct work *w, struct record_query *q, void (*then)(struct work *w))
{
    struct filter f = { 0 };
    int r = make_query(w->body, &f, q);

    if (r == 0)
        work_find(w, q, then);
    else
        work_fault(w, r);
    filter_clear(&f);
}

/* ---- search ---- */

/* What the request wants to see of a thread. NULL: no memory. */
static json_t *shown_new(const struct stored_record *record, const json_t *body)
{
    const json_t *paths = body_find(body, "extract");
    json_t *thread = thread_json(record);
    json_t *extracted = thread != NULL && paths != NULL ? extract_new(thread, paths) : NULL;
    json_t *shown = select_take(thread, body_find(body, "select"));

    if (paths == NULL || json_object_set_new(shown, "extracted", extracted) == 0)
        return shown;
    json_decref(shown);
    return NULL;
}

static json_t *list_new(const struct work *w)
{
    json_t *list = json_array();

    for (size_t i = 0; i < w->found.count; i++) {
        if (json_array_append_new(list, shown_new(&w->found.items[i], w->body)) == 0)
            continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static void show(struct work *w)
{
    const struct page page = body_page(w->body, SEARCH_LIMIT);

    if (w->req != NULL)
        reply_page(w->req, &page, w->found.count, w->found.total);
    work_json_take(w, list_new(w));
}

/* Whether something is asked that only a record's body says. */
static bool needs_body(const json_t *names)
{
    static const char *const of_body[] = { "values", "interrupts", "config", "error" };
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name) {
        for (size_t k = 0; k < sizeof(of_body) / sizeof(of_body[0]); k++) {
            if (strcmp(json_string_value(name), of_body[k]) == 0)
                return true;
        }
    }
    return names == NULL;
}

void handle_threads_search(struct req *req)
{
    struct on_thread *t = on_thread_new(req, search_keys, false);
    const char *order;

    if (t == NULL)
        return;
    if (!extract_fits(body_find(t->w.body, "extract"))) {
        work_failf(&t->w, FAIL_BAD_REQUEST, "\"extract\" must be %s", type_extract.expected);
        return;
    }
    const struct page page = body_page(t->w.body, SEARCH_LIMIT);
    struct record_query q = {
        .offset = page.offset,
        .limit = page.limit,
        .without_body =
            !needs_body(body_find(t->w.body, "select")) && body_find(t->w.body, "extract") == NULL,
        .total = TOTAL_TOO,
    };
    order = body_text(t->w.body, "sort_order");
    q.is_ascending = order != NULL && strcmp(order, "asc") == 0;
    (void)find_order(body_text(t->w.body, "sort_by"), &q.order); /* absent: the newest first */
    find(&t->w, &q, show);
}

const struct route_about about_threads_search = {
    .summary = "Find threads",
    .keys = search_keys,
    .answers = { { 200, "[SomeThread]" } },
};

/* ---- count ---- */

static void show_count(struct work *w)
{
    work_json_take(w, json_integer((json_int_t)w->found.total));
}

void handle_threads_count(struct req *req)
{
    struct on_thread *t = on_thread_new(req, search_keys, false);
    struct record_query q = { .total = TOTAL_ONLY };

    if (t != NULL)
        find(&t->w, &q, show_count);
}

const struct route_about about_threads_count = {
    .summary = "Count threads",
    .keys = search_keys,
    .answers = { { 200, "Count" } },
};
