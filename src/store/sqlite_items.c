/*
 * Store items. A search has SQLite sort the row ids of what is below the namespace, by an index that
 * has all it needs; the values are read only of those that may be wanted.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/item_match.h"
#include "store/namespaces.h"
#include "store/sqlite_db.h"
#include <string.h>

/* ---- writing ---- */

int database_put_item(struct database *d, const struct store_row *row)
{
    return sql_run(d, SQL_PUT_ITEM,
                   SQL_WITH(sql_text(row->ns), sql_text(row->id), sql_int(row->now_ms),
                            sql_int(row->due_ms), sql_int(item_expiry(row->now_ms, row->due_ms)),
                            sql_blob(&row->bytes)));
}

static int find_first_expiry(struct database *d, int64_t *ret_ms)
{
    bool is_row = false;
    int r = sql_first(d, SQL_FIRST_EXPIRY, NULL, 0, &is_row);
    *ret_ms = r == 0 && is_row ? sql_column_int(d, SQL_FIRST_EXPIRY, 0) : 0;
    sql_end(d, SQL_FIRST_EXPIRY);
    return r;
}

int database_sweep_items(struct database *d, const struct store_row *row, struct commit_note *note)
{
    int64_t most = row->number < 0 ? 0 : row->number;
    int r = sql_run(d, SQL_SWEEP_ITEMS, SQL_WITH(sql_int(row->now_ms), sql_int(most)));
    if (r != 0)
        return r;
    note->swept += sql_changes(d);
    return find_first_expiry(d, &note->next_due_ms);
}

/* ---- searching ---- */

static int read_item(struct database *d, enum sql which, struct stored_item *to)
{
    to->created_ms = sql_column_int(d, which, 2);
    to->updated_ms = sql_column_int(d, which, 3);
    to->ttl_ms = sql_column_int(d, which, 4);
    int r = sql_column_text(d, which, 0, &to->ns);
    if (r == 0)
        r = sql_column_text(d, which, 1, &to->key);
    return r == 0 ? sql_column_bytes(d, which, 5, &to->value) : r;
}

static int add_item(struct database *d, enum sql which, struct stored_items *l)
{
    struct stored_item *items = find_grow(l->items, l->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    l->items = items;
    return read_item(d, which, &items[l->count++]);
}

static int get_item(struct database *d, const struct item_query *q, struct stored_items *ret)
{
    bool is_row = false;
    int r = sql_first(d, SQL_GET_ITEM,
                      SQL_WITH(sql_text(q->ns), sql_text(q->key), sql_int(q->now_ms)), &is_row);
    if (r == 0 && is_row)
        r = add_item(d, SQL_GET_ITEM, ret);
    sql_end(d, SQL_GET_ITEM);
    return r;
}

struct search {
    const struct item_query *query;
    json_t *filter;
    size_t passed; /* of offset, where there is a filter */
    struct stored_items *ret;
};

static int see_item(struct database *d, struct search *s)
{
    struct stored_bytes value = { .bytes = NULL };
    bool fits = false;
    int r = sql_column_borrow(d, SQL_READ_ITEM, 5, &value);
    if (r == 0)
        r = item_fits(s->filter, &value, &fits);
    if (r != 0 || !fits)
        return r;
    if (s->filter != NULL && s->passed++ < s->query->offset)
        return 0;
    return add_item(d, SQL_READ_ITEM, s->ret);
}

static int see_row(struct database *d, struct search *s, int64_t row)
{
    bool is_row = false;
    int r = sql_first(d, SQL_READ_ITEM, SQL_WITH(sql_int(row)), &is_row);
    if (r == 0 && is_row)
        r = see_item(d, s);
    sql_end(d, SQL_READ_ITEM);
    return r;
}

static bool is_full(const struct search *s)
{
    return s->query->limit != 0 && s->ret->count == s->query->limit;
}

static int walk(struct database *d, struct search *s, enum sql which,
                const struct sql_value *values, size_t count)
{
    bool is_row = false;
    int r = sql_first(d, which, values, count, &is_row);
    while (r == 0 && is_row && !is_full(s)) {
        r = see_row(d, s, sql_column_int(d, which, 0));
        if (r == 0)
            r = sql_next(d, which, &is_row);
    }
    sql_end(d, which);
    return r;
}

/* Without a filter SQLite counts what to leave out. */
static int search(struct database *d, struct search *s)
{
    const struct item_query *q = s->query;
    struct sql_value limit = sql_limit(s->filter == NULL ? q->limit : 0);
    struct sql_value offset =
        sql_int(s->filter == NULL && q->offset < INT64_MAX ? (int64_t)q->offset : 0);
    size_t len = strlen(q->ns);
    if (len == 0)
        return walk(d, s, SQL_WALK_ITEMS,
                    SQL_WITH(sql_int(q->now_ms), limit, offset, sql_int(INT64_MIN)));
    char *above MEM_AUTO(mem_freep) = mem_strdup(q->ns);
    if (above == NULL)
        return err_trace(ERR_NOMEM);
    above[len - 1]++; /* behind all that begin with ns: its last label's end is one more */
    return walk(d, s, SQL_WALK_ITEMS_BELOW,
                SQL_WITH(sql_int(q->now_ms), limit, offset, sql_text(q->ns), sql_text(above)));
}

int database_find_items(struct database *d, const void *query, void *ret)
{
    struct search s = { .query = query, .ret = ret };
    if (s.query->key != NULL)
        return get_item(d, query, ret);
    int r = item_filter_parse(s.query->filter, &s.filter);
    if (r == 0)
        r = search(d, &s);
    json_decref(s.filter);
    return r;
}

/* ---- namespaces ---- */

/* *ret: to be freed; NULL = there is none. */
static int next_namespace(struct database *d, const char *from, int64_t now_ms, char **ret)
{
    bool is_row = false;
    int r = sql_first(d, SQL_NEXT_NAMESPACE, SQL_WITH(sql_text(from), sql_int(now_ms)), &is_row);
    *ret = NULL;
    if (r == 0 && is_row)
        r = sql_column_text(d, SQL_NEXT_NAMESPACE, 0, ret);
    sql_end(d, SQL_NEXT_NAMESPACE);
    return r;
}

int database_find_namespaces(struct database *d, const void *query, void *ret)
{
    const struct namespace_query *q = query;
    struct namespace_walk w;
    int r = namespace_walk_init(&w, q, ret);
    while (r == 0 && !w.is_over) {
        char *ns MEM_AUTO(mem_freep) = NULL;
        r = next_namespace(d, w.from, q->now_ms, &ns);
        if (r != 0 || ns == NULL)
            break;
        r = namespace_walk_see(&w, ns);
    }
    namespace_walk_deinit(&w);
    return r;
}
