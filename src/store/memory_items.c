/* Store items: the rows of store/rows.h with the namespace as owner and the key as name. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "store/filter.h"
#include "store/item_match.h"
#include "store/memory.h"
#include "store/namespaces.h"
#include <stdlib.h>
#include <string.h>

/* ---- orders ---- */

static int by_key(const struct row *a, const struct row *b)
{
    int r = strcmp(a->record.owner, b->record.owner);
    return r == 0 ? strcmp(a->record.name, b->record.name) : r;
}

/* As searches give them: the last one first. */
static int by_updated(const struct row *a, const struct row *b)
{
    if (a->record.updated_ms != b->record.updated_ms)
        return a->record.updated_ms < b->record.updated_ms ? 1 : -1;
    return by_key(a, b);
}

static int by_due(const struct row *a, const struct row *b)
{
    if (a->record.due_ms != b->record.due_ms)
        return a->record.due_ms > b->record.due_ms ? 1 : -1;
    return by_key(a, b);
}

const row_order memory_item_orders[ITEM_ORDER_COUNT] = {
    [ITEMS_BY_KEY] = by_key,
    [ITEMS_BY_UPDATED] = by_updated,
    [ITEMS_BY_DUE] = by_due,
};

static struct row at(const char *ns, const char *key)
{
    return (struct row){ .record = { .owner = (char *)ns, .name = (char *)key } };
}

static struct row *find_item(const struct memory *m, const char *ns, const char *key)
{
    const struct row where = at(ns, key);
    return rows_find(&m->items, ITEMS_BY_KEY, &where);
}

static bool is_alive(const struct row *item, int64_t now_ms)
{
    return item->record.due_ms > now_ms;
}

/* ---- writing ---- */

int memory_put_item(struct memory *m, struct undo *u, const struct store_row *row)
{
    struct row *old = find_item(m, row->ns, row->id);
    bool is_new = old == NULL || !is_alive(old, row->now_ms);
    const struct row view = { .record = { .id = "",
                                          .owner = row->ns,
                                          .status = "",
                                          .name = row->id,
                                          .metadata = { "", 0 },
                                          .body = row->bytes,
                                          .created_ms =
                                              is_new ? row->now_ms : old->record.created_ms,
                                          .updated_ms = row->now_ms,
                                          .due_ms = item_expiry(row->now_ms, row->due_ms) },
                              .ttl_ms = row->due_ms };
    struct row *fresh = row_copy(&view);
    return fresh == NULL ? err_trace(ERR_NOMEM) : rows_replace_take(&m->items, u, old, fresh);
}

int memory_delete_item(struct memory *m, struct undo *u, const struct store_row *row)
{
    struct row *old = find_item(m, row->ns, row->id);
    return old == NULL ? 0 : rows_replace_take(&m->items, u, old, NULL);
}

int memory_refresh_item(struct memory *m, struct undo *u, const struct store_row *row)
{
    struct row *old = find_item(m, row->ns, row->id);
    if (old == NULL || old->ttl_ms == 0 || !is_alive(old, row->now_ms))
        return 0;
    struct row *fresh = row_copy(old);
    if (fresh == NULL)
        return err_trace(ERR_NOMEM);
    fresh->record.due_ms = item_expiry(row->now_ms, old->ttl_ms);
    return rows_replace_take(&m->items, u, old, fresh);
}

/* 0: there is none that ever does. */
static int64_t first_expiry(const struct memory *m)
{
    int64_t due_ms =
        m->items.count == 0 ? INT64_MAX : m->items.sorted[ITEMS_BY_DUE][0]->record.due_ms;
    return due_ms == INT64_MAX ? 0 : due_ms;
}

int memory_sweep_items(struct memory *m, struct undo *u, const struct store_row *row,
                       struct store_op *c)
{
    int r = 0;
    for (int64_t i = 0; r == 0 && i < row->number && m->items.count > 0; i++) {
        struct row *first = m->items.sorted[ITEMS_BY_DUE][0];
        if (is_alive(first, row->now_ms))
            break;
        r = rows_replace_take(&m->items, u, first, NULL);
        c->swept++;
    }
    c->next_due_ms = first_expiry(m);
    return r;
}

/* ---- searching ---- */

static int copy_item(const struct row *from, struct stored_items *l)
{
    struct stored_item *items = find_grow(l->items, l->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    l->items = items;
    struct stored_item *to = &items[l->count++];
    to->created_ms = from->record.created_ms;
    to->updated_ms = from->record.updated_ms;
    to->ttl_ms = from->ttl_ms;
    int r = find_copy_text(from->record.owner, &to->ns);
    if (r == 0)
        r = find_copy_text(from->record.name, &to->key);
    return r == 0
               ? find_copy_bytes(from->record.body.bytes, from->record.body.len_bytes, &to->value)
               : r;
}

static int compare_updated(const void *a, const void *b)
{
    return by_updated(*(struct row *const *)a, *(struct row *const *)b);
}

/* Those below ns are together, by key. *ret is to be freed. */
static int collect(const struct rows *t, const char *ns, struct row ***ret, size_t *ret_count)
{
    const struct row where = at(ns, "");
    size_t len = strlen(ns);
    size_t begin = rows_bound(t, ITEMS_BY_KEY, &where);
    size_t end = begin;
    while (end < t->count && strncmp(t->sorted[ITEMS_BY_KEY][end]->record.owner, ns, len) == 0)
        end++;
    *ret_count = end - begin;
    *ret = mem_array(end - begin, sizeof(struct row *));
    if (*ret == NULL)
        return err_trace(ERR_NOMEM);
    if (end > begin)
        memcpy(*ret, &t->sorted[ITEMS_BY_KEY][begin], (end - begin) * sizeof(struct row *));
    qsort(*ret, end - begin, sizeof(struct row *), compare_updated);
    return 0;
}

static int walk(struct row *const *rows, size_t count, const struct item_query *q,
                const json_t *filter, struct stored_items *ret)
{
    size_t passed = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count && (q->limit == 0 || ret->count < q->limit); i++) {
        bool fits = is_alive(rows[i], q->now_ms);
        if (fits)
            r = item_fits(filter, &rows[i]->record.body, &fits);
        if (r == 0 && fits && passed++ >= q->offset)
            r = copy_item(rows[i], ret);
    }
    return r;
}

static int search(const struct rows *t, const struct item_query *q, const json_t *filter,
                  struct stored_items *ret)
{
    struct row **made = NULL;
    size_t count = t->count;
    int r = q->ns[0] == '\0' ? 0 : collect(t, q->ns, &made, &count);
    if (r == 0)
        r = walk(made != NULL ? made : t->sorted[ITEMS_BY_UPDATED], count, q, filter, ret);
    mem_free(made);
    return r;
}

int memory_find_items(const struct memory *m, const void *query, void *ret)
{
    const struct item_query *q = query;
    json_t *filter = NULL;
    if (q->key != NULL) {
        const struct row *item = find_item(m, q->ns, q->key);
        return item != NULL && is_alive(item, q->now_ms) ? copy_item(item, ret) : 0;
    }
    int r = item_filter_parse(q->filter, &filter);
    if (r == 0)
        r = search(&m->items, q, filter, ret);
    json_decref(filter);
    return r;
}

/* ---- namespaces ---- */

static const char *next_namespace(const struct rows *t, const char *from, int64_t now_ms)
{
    const struct row where = at(from, "");
    size_t i = rows_bound(t, ITEMS_BY_KEY, &where);
    while (i < t->count && !is_alive(t->sorted[ITEMS_BY_KEY][i], now_ms))
        i++;
    return i < t->count ? t->sorted[ITEMS_BY_KEY][i]->record.owner : NULL;
}

int memory_find_namespaces(const struct memory *m, const void *query, void *ret)
{
    const struct namespace_query *q = query;
    struct namespace_walk w;
    int r = namespace_walk_init(&w, q, ret);
    while (r == 0 && !w.is_over) {
        const char *ns = next_namespace(&m->items, w.from, q->now_ms);
        if (ns == NULL)
            break;
        r = namespace_walk_see(&w, ns);
    }
    namespace_walk_deinit(&w);
    return r;
}
