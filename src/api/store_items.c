/* The memory that threads share: PUT, GET and DELETE of one item, and the two searches. */
#include "api/about.h"
#include "api/query.h"
#include "api/work.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/filter.h"
#include "store/item_json.h"
#include <string.h>

enum { SEARCH_LIMIT = 10, NAMESPACES_LIMIT = 100, WHY_MAX_BYTES = 4096 };

struct on_items {
    struct work w; /* first member */
    struct buf ns;
    struct buf suffix;
    struct stored_items items;
    struct stored_namespaces namespaces;
    bool refreshes; /* what is read lives on */
};

static struct on_items *of(struct work *w)
{
    return (struct on_items *)(void *)w;
}

static void deinit(struct work *w)
{
    struct on_items *o = of(w);

    buf_deinit(&o->ns);
    buf_deinit(&o->suffix);
    stored_items_clear(&o->items);
    stored_namespaces_clear(&o->namespaces);
}

static struct on_items *on_items_new(struct req *req, const struct body_key *keys)
{
    struct on_items *o = work_new(req, sizeof(*o), keys);

    if (o == NULL)
        return NULL;
    o->w.deinit = deinit;
    o->refreshes = true;
    buf_init(&o->ns, STORE_NS_MAX);
    buf_init(&o->suffix, STORE_NS_MAX);
    return o;
}

/* ---- namespaces ---- */

/* False: it was replied to. */
static bool add_label(struct on_items *o, struct buf *ns, const char *label)
{
    int r = item_ns_add(ns, label);

    if (r != 0 && ns->fault == BUF_E_FULL)
        work_failf(&o->w, FAIL_UNPROCESSABLE, "the namespace is longer than %d bytes",
                   STORE_NS_MAX);
    else if (r == ITEM_E_LABEL)
        work_failf(&o->w, FAIL_UNPROCESSABLE,
                   "Namespace labels cannot be empty or contain periods. Received: %.200s", label);
    else if (r != 0)
        work_fault(&o->w, r);
    return r == 0;
}

static bool read_labels(struct on_items *o, struct buf *ns, const json_t *labels)
{
    const json_t *label;
    size_t i;

    json_array_foreach(labels, i, label) {
        if (!add_label(o, ns, json_string_value(label)))
            return false;
    }
    return true;
}

static bool read_namespace(struct on_items *o)
{
    const json_t *labels = body_find(o->w.body, "namespace");

    if (json_array_size(labels) > 0)
        return read_labels(o, &o->ns, labels);
    work_failf(&o->w, FAIL_BAD_REQUEST, "Namespace is required");
    return false;
}

/* "a.b" */
static bool read_dotted(struct on_items *o, const char *dotted)
{
    char *text MEM_AUTO(mem_freep) = mem_strdup(dotted);
    char *at = text;

    if (text == NULL)
        work_fault(&o->w, err_trace(ERR_NOMEM));
    while (text != NULL && at != NULL) {
        if (!add_label(o, &o->ns, strsep(&at, ".")))
            return false;
    }
    return text != NULL;
}

/* ---- one item ---- */

static const struct type item_key = {
    .kind = TYPE_STRING, .expected = "a string of at most 4096 bytes", 0, STORE_NS_MAX
};
/* Others are refused by add_label(), with 422 as in the protocol. */
static const struct type one_label = { .kind = TYPE_STRING,
                                       .expected = "a label",
                                       .pattern = "^[^.]+$" };
static const struct type any_labels = { .kind = TYPE_LIST,
                                        .expected = "a list of strings",
                                        .item = &one_label };
static const struct type label_list = { .kind = TYPE_LIST,
                                        .expected = "a list of strings, not empty",
                                        1,
                                        .item = &one_label,
                                        .sentence = "Namespace is required" };
static const struct type index_paths = { .kind = TYPE_ONE_OF,
                                         .expected = "false, or a list of paths",
                                         .of = (const struct type *const[]){
                                             &type_boolean, &type_strings, NULL } };

static const struct body_key put_keys[] = {
    { "namespace", &label_list, true }, { "key", &item_key, true },
    { "value", &type_object, true },    { "index", &index_paths, false },
    { "ttl", &type_ttl, false },        BODY_END,
};

void handle_item_put(struct req *req)
{
    struct on_items *o = on_items_new(req, put_keys);
    struct item_put put = { .now_ms = clock_wall_ms() };
    char *value MEM_AUTO(mem_freep) = NULL;

    if (o == NULL || !read_namespace(o))
        return;
    value = item_value_text(body_find(o->w.body, "value"), &put.value_len_bytes);
    if (value == NULL) {
        work_fault(&o->w, err_trace(ERR_NOMEM));
        return;
    }
    put.ns = buf_text(&o->ns);
    put.key = body_text(o->w.body, "key");
    put.value = value;
    put.ttl_ms = body_ttl_ms(o->w.body);
    store_add_item(&o->w.batch, &put);
    work_commit(&o->w, work_empty, NULL);
}

const struct route_about about_item_put = {
    .summary = "Keep an item",
    .keys = put_keys,
    .answers = { { 204, NULL } },
};

static const struct body_key delete_keys[] = {
    { "namespace", &label_list, true },
    { "key", &item_key, true },
    BODY_END,
};

void handle_item_delete(struct req *req)
{
    struct on_items *o = on_items_new(req, delete_keys);

    if (o == NULL || !read_namespace(o))
        return;
    store_add_delete_item(&o->w.batch, buf_text(&o->ns), body_text(o->w.body, "key"));
    work_commit(&o->w, work_empty, NULL);
}

const struct route_about about_item_delete = {
    .summary = "Delete an item",
    .keys = delete_keys,
    .answers = { { 204, NULL } },
};

/* ---- reading ---- */

static void find(struct on_items *o, const struct item_query *query, void (*then)(struct work *w))
{
    const struct services *services = o->w.api->services;

    o->w.then = then;
    store_find_items(services->store, services->loop, &o->w.store_op, query, &o->items, work_stored,
                     &o->w);
}

/* What was read and has a time to live begins anew; then goes on. */
static void refresh(struct on_items *o, void (*then)(struct work *w))
{
    int64_t now_ms = clock_wall_ms();

    for (size_t i = 0; i < o->items.count && o->refreshes; i++) {
        const struct stored_item *item = &o->items.items[i];
        if (item->ttl_ms > 0)
            store_add_refresh_item(&o->w.batch, item->ns, item->key, now_ms);
    }
    if (o->w.batch.count > 0)
        work_commit(&o->w, then, NULL);
    else
        then(&o->w);
}

static void show_one(struct work *w)
{
    const struct on_items *o = of(w);

    work_json_take(w, o->items.count > 0 ? item_json(&o->items.items[0]) : json_null());
}

static void found_one(struct work *w)
{
    refresh(of(w), show_one);
}

/* Without a namespace or key there is no such item. */
void handle_item_get(struct req *req)
{
    const char *ns = req_query(req, "namespace");
    const char *key = req_query(req, "key");
    struct on_items *o = on_items_new(req, NULL);

    if (o == NULL)
        return;
    o->refreshes = query_flag(req, "refresh_ttl", o->refreshes);
    if (ns == NULL || *ns == '\0' || key == NULL)
        work_json_take(&o->w, json_null());
    else if (read_dotted(o, ns))
        find(o,
             &(struct item_query){
                 .ns = buf_text(&o->ns), .key = key, .now_ms = clock_wall_ms(), .limit = 1 },
             found_one);
}

static const struct query_key get_query[] = {
    { "namespace", &type_string },
    { "key", &type_string },
    { "refresh_ttl", &type_boolean },
    QUERY_END,
};
const struct route_about about_item_get = {
    .summary = "Show an item, or null",
    .query = get_query,
    .answers = { { 200, "ItemOrNull" } },
    .fails = FAILS_422,
};

static const struct body_key search_keys[] = {
    { "namespace_prefix", &any_labels, true },
    { "filter", &type_object, false },
    { "query", &type_string, false },
    { "refresh_ttl", &type_boolean, false },
    BODY_PAGE,
    BODY_END,
};

static void show_all(struct work *w)
{
    const struct on_items *o = of(w);
    json_t *list = json_array();

    for (size_t i = 0; i < o->items.count; i++) {
        if (json_array_append_new(list, item_json(&o->items.items[i])) == 0)
            continue;
        json_decref(list);
        list = NULL;
        break;
    }
    work_json_take(w, list == NULL ? NULL : json_pack("{s:o}", "items", list));
}

static void found_all(struct work *w)
{
    refresh(of(w), show_all);
}

/* False: it was replied to. */
static bool read_filter(struct on_items *o, char **ret)
{
    const json_t *filter = body_find(o->w.body, "filter");
    struct buf why MEM_AUTO(buf_deinit);
    size_t len;

    buf_init(&why, WHY_MAX_BYTES);
    if (json_object_size(filter) == 0)
        return true;
    int r = filter_check(filter, &why);
    if (r == FILTER_E_WRONG) {
        work_failf(&o->w, FAIL_BAD_REQUEST, "\"filter\": %s", buf_text(&why));
        return false;
    }
    *ret = r == 0 ? item_value_text(filter, &len) : NULL;
    if (*ret == NULL)
        work_fault(&o->w, err_trace(ERR_NOMEM));
    return *ret != NULL;
}

void handle_items_search(struct req *req)
{
    struct on_items *o = on_items_new(req, search_keys);
    char *filter MEM_AUTO(mem_freep) = NULL;

    if (o == NULL || !read_labels(o, &o->ns, body_find(o->w.body, "namespace_prefix")) ||
        !read_filter(o, &filter))
        return;
    const struct page page = body_page(o->w.body, SEARCH_LIMIT);
    o->refreshes = !json_is_false(body_find(o->w.body, "refresh_ttl"));
    find(o,
         &(struct item_query){ .ns = buf_text(&o->ns),
                               .filter = filter,
                               .now_ms = clock_wall_ms(),
                               .offset = page.offset,
                               .limit = page.limit },
         found_all);
}

const struct route_about about_items_search = {
    .summary = "Find items",
    .keys = search_keys,
    .answers = { { 200, "Items" } },
};

/* ---- namespaces ---- */

static const struct type depth = {
    .kind = TYPE_INTEGER, .expected = "an integer of at least 1", 1, INT32_MAX
};

static const struct body_key namespaces_keys[] = {
    { "prefix", &any_labels, false },
    { "suffix", &any_labels, false },
    { "max_depth", &depth, false },
    BODY_PAGE,
    BODY_END,
};

static void show_namespaces(struct work *w)
{
    const struct on_items *o = of(w);
    json_t *list = json_array();

    for (size_t i = 0; i < o->namespaces.count; i++) {
        if (json_array_append_new(list, item_ns_json(o->namespaces.items[i])) == 0)
            continue;
        json_decref(list);
        list = NULL;
        break;
    }
    work_json_take(w, list == NULL ? NULL : json_pack("{s:o}", "namespaces", list));
}

void handle_namespaces(struct req *req)
{
    struct on_items *o = on_items_new(req, namespaces_keys);

    if (o == NULL || !read_labels(o, &o->ns, body_find(o->w.body, "prefix")) ||
        !read_labels(o, &o->suffix, body_find(o->w.body, "suffix")))
        return;
    const struct services *services = o->w.api->services;
    const struct page page = body_page(o->w.body, NAMESPACES_LIMIT);
    const struct namespace_query query = {
        .prefix = o->ns.len > 0 ? buf_text(&o->ns) : NULL,
        .suffix = o->suffix.len > 0 ? buf_text(&o->suffix) : NULL,
        .max_depth = (size_t)json_integer_value(body_find(o->w.body, "max_depth")),
        .now_ms = clock_wall_ms(),
        .offset = page.offset,
        .limit = page.limit,
    };
    o->w.then = show_namespaces;
    store_list_namespaces(services->store, services->loop, &o->w.store_op, &query, &o->namespaces,
                          work_stored, &o->w);
}

const struct route_about about_namespaces = {
    .summary = "List namespaces",
    .keys = namespaces_keys,
    .answers = { { 200, "Namespaces" } },
};
