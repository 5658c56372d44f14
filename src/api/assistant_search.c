/*
 * Many assistants: those of records and those that graphs have without one. There are few of the
 * latter, so they are put among the records of all pages up to the one that is asked for.
 *
 *     which graphs' assistants have records -> the records that fit -> both together, sorted -> page
 */
#include "api/about.h"
#include "api/on_assistant.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "store/match.h"
#include <stdlib.h>
#include <string.h>

enum { SEARCH_LIMIT = 10, FILTER_MAX_BYTES = 16 << 20 };

static struct on_assistant *of(struct work *w)
{
    return (struct on_assistant *)(void *)w;
}

/* ---- what may be asked ---- */

static int by_created(const json_t *a, const json_t *b);
static int by_updated(const json_t *a, const json_t *b);
static int by_id(const json_t *a, const json_t *b);
static int by_graph(const json_t *a, const json_t *b);
static int by_name(const json_t *a, const json_t *b);

static const struct order {
    const char *name;
    enum record_order order;
    int (*compare)(const json_t *a, const json_t *b);
} orders[] = {
    { "created_at", RECORDS_BY_CREATED, by_created },
    { "updated_at", RECORDS_BY_UPDATED, by_updated },
    { "assistant_id", RECORDS_BY_ID, by_id },
    { "graph_id", RECORDS_BY_OWNER, by_graph },
    { "name", RECORDS_BY_NAME, by_name },
};

static const struct order *find_order(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (strcmp(orders[i].name, name) == 0)
            return &orders[i];
    }
    return NULL;
}

static const struct type sort_by = {
    .kind = TYPE_WORDS,
    .expected = "assistant_id, graph_id, name, created_at or updated_at",
    .words = (const char *const[]){ "assistant_id", "graph_id", "name", "created_at", "updated_at",
                                    NULL }
};

static const struct body_key search_keys[] = {
    { "metadata", &type_object, false },
    { "graph_id", &type_string, false },
    { "name", &type_string, false },
    { "sort_by", &sort_by, false },
    { "sort_order", &type_sort_order, false },
    { "select", &type_strings, false },
    BODY_PAGE,
    BODY_END,
};

/* ---- order: as the store's records have it ---- */

static int by(const json_t *a, const json_t *b, const char *key)
{
    return strcmp(json_string_value(json_object_get(a, key)),
                  json_string_value(json_object_get(b, key)));
}

static int by_id(const json_t *a, const json_t *b)
{
    return by(a, b, "assistant_id");
}
/* Times as texts sort as times do. */
static int by_created(const json_t *a, const json_t *b)
{
    int r = by(a, b, "created_at");

    return r != 0 ? r : by_id(a, b);
}
static int by_updated(const json_t *a, const json_t *b)
{
    int r = by(a, b, "updated_at");

    return r != 0 ? r : by_id(a, b);
}
static int by_graph(const json_t *a, const json_t *b)
{
    int r = by(a, b, "graph_id");

    return r != 0 ? r : by_created(a, b);
}
static int by_name(const json_t *a, const json_t *b)
{
    int r = by(a, b, "name");

    return r != 0 ? r : by_created(a, b);
}

static const struct order *order_of(const json_t *body)
{
    const struct order *order = find_order(body_text(body, "sort_by"));

    return order != NULL ? order : &orders[0];
}

static bool is_ascending(const json_t *body)
{
    const char *order = body_text(body, "sort_order");

    return order != NULL && strcmp(order, "asc") == 0;
}

/* Puts one among those that are sorted. 0 or a fault. */
static int insert_take(json_t *list, const json_t *body, json_t *one)
{
    const struct order *order = order_of(body);
    int direction = is_ascending(body) ? 1 : -1;
    size_t at = 0;

    if (one == NULL)
        return err_trace(ERR_NOMEM);
    while (at < json_array_size(list) &&
           direction * order->compare(json_array_get(list, at), one) <= 0)
        at++;
    return json_array_insert_new(list, at, one) == 0 ? 0 : err_trace(ERR_NOMEM);
}

/* ---- assistants of graphs ---- */

static bool is_wanted(const json_t *assistant, const json_t *body)
{
    const json_t *metadata = body_find(body, "metadata");
    const char *graph_id = body_text(body, "graph_id");
    const char *name = body_text(body, "name");

    return (metadata == NULL || json_contains(json_object_get(assistant, "metadata"), metadata)) &&
           (graph_id == NULL ||
            strcmp(graph_id, json_string_value(json_object_get(assistant, "graph_id"))) == 0) &&
           (name == NULL ||
            strcasestr(json_string_value(json_object_get(assistant, "name")), name) != NULL);
}

/* Those that are wanted and have no record go into list. 0 or a fault. */
static int add_graphs(const struct on_assistant *a, json_t *list, size_t *ret_count)
{
    const struct registry *graphs = a->w.api->graphs;
    int r = 0;

    *ret_count = 0;
    for (size_t i = 0; i < graphs->count && r == 0; i++) {
        json_auto_t *one = assistant_of_graph(a->w.api, graphs->graphs[i]);
        if (one == NULL)
            return err_trace(ERR_NOMEM);
        if (json_object_get(a->is_overridden, graphs->graphs[i]->assistant_id) != NULL ||
            !is_wanted(one, a->w.body))
            continue;
        ++*ret_count;
        r = insert_take(list, a->w.body, json_incref(one));
    }
    return r;
}

/* ---- the answers ---- */

static json_t *records_new(const struct work *w)
{
    json_t *list = json_array();

    for (size_t i = 0; i < w->found.count; i++) {
        if (json_array_append_new(list, assistant_json(&w->found.items[i])) == 0)
            continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *page_new(const json_t *list, const json_t *body)
{
    const struct page page = body_page(body, SEARCH_LIMIT);
    const json_t *names = body_find(body, "select");
    json_t *shown = json_array();

    for (size_t i = page.offset; i < json_array_size(list) && i - page.offset < page.limit; i++) {
        if (json_array_append_new(shown,
                                  select_take(json_incref(json_array_get(list, i)), names)) == 0)
            continue;
        json_decref(shown);
        return NULL;
    }
    return shown;
}

static void show(struct work *w)
{
    const struct page page = body_page(w->body, SEARCH_LIMIT);
    json_auto_t *list = records_new(w);
    json_t *shown = NULL;
    size_t graph_count = 0;

    if (list != NULL && add_graphs(of(w), list, &graph_count) == 0)
        shown = page_new(list, w->body);
    if (w->req != NULL)
        reply_page(w->req, &page, json_array_size(shown), w->found.total + graph_count);
    work_json_take(w, shown);
}

static void show_count(struct work *w)
{
    json_auto_t *list = json_array();
    size_t graph_count = 0;
    int r = add_graphs(of(w), list, &graph_count);

    if (r != 0)
        work_fault(w, r);
    else
        work_json_take(w, json_integer((json_int_t)(w->found.total + graph_count)));
}

/* ---- the reads ---- */

static void find_records(struct work *w, enum record_total total, void (*then)(struct work *w))
{
    const struct page page = body_page(w->body, SEARCH_LIMIT);
    const json_t *wanted = body_find(w->body, "metadata");
    size_t len;
    char *metadata MEM_AUTO(mem_freep) =
        wanted == NULL ? NULL : jsonx_text(wanted, FILTER_MAX_BYTES, &len);

    if (wanted != NULL && metadata == NULL) {
        work_fault(w, err_trace(ERR_NOMEM));
        return;
    }
    work_find(w,
              &(struct record_query){ .kind = RECORD_ASSISTANT,
                                      .owner = body_text(w->body, "graph_id"),
                                      .metadata = metadata,
                                      .name_part = body_text(w->body, "name"),
                                      .order = order_of(w->body)->order,
                                      .is_ascending = is_ascending(w->body),
                                      .limit = page.offset + page.limit,
                                      .total = total },
              then);
}

static bool note_overridden(struct work *w)
{
    struct on_assistant *a = of(w);

    a->is_overridden = json_object();
    for (size_t i = 0; i < w->found.count; i++) {
        if (json_object_set_new(a->is_overridden, w->found.items[i].id, json_true()) == 0)
            continue;
        work_fault(w, err_trace(ERR_NOMEM));
        return false;
    }
    return true;
}

static void search(struct work *w)
{
    if (note_overridden(w))
        find_records(w, TOTAL_TOO, show);
}

static void count(struct work *w)
{
    if (note_overridden(w))
        find_records(w, TOTAL_ONLY, show_count);
}

static void begin(struct req *req, void (*then)(struct work *w))
{
    struct on_assistant *a = on_assistant_new(req, search_keys, false);

    if (a == NULL)
        return;
    const struct registry *graphs = a->w.api->graphs;
    const char **ids = mem_array(graphs->count + 1, sizeof(*ids));
    if (ids == NULL) {
        work_fault(&a->w, err_trace(ERR_NOMEM));
        return;
    }
    for (size_t i = 0; i < graphs->count; i++)
        ids[i] = graphs->graphs[i]->assistant_id;
    work_find(
        &a->w,
        &(struct record_query){
            .kind = RECORD_ASSISTANT, .ids = ids, .id_count = graphs->count, .without_body = true },
        then);
    mem_free((void *)ids);
}

void handle_assistants_search(struct req *req)
{
    begin(req, search);
}

const struct route_about about_assistants_search = {
    .summary = "Find assistants",
    .keys = search_keys,
    .answers = { { 200, "[SomeAssistant]" } },
};

void handle_assistants_count(struct req *req)
{
    begin(req, count);
}

const struct route_about about_assistants_count = {
    .summary = "Count assistants",
    .keys = search_keys,
    .answers = { { 200, "Count" } },
};
