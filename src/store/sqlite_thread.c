/*
 * What is done to the checkpoints of a whole thread. Pruning collects the row ids of the values that
 * the latest checkpoint stands on, then deletes the other ones of its namespace.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/head.h"
#include "store/sqlite_db.h"
#include <stdlib.h>
#include <string.h>

/* ---- rows that are named by number ---- */

struct ids {
    int64_t *items;
    size_t count;
};

static int add_id(struct ids *ids, int64_t id)
{
    int64_t *items = find_grow(ids->items, ids->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    ids->items = items;
    items[ids->count++] = id;
    return 0;
}

static int compare_ids(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static bool has_id(const struct ids *sorted, int64_t id)
{
    return sorted->count > 0 && bsearch(&id, sorted->items, sorted->count, sizeof(id), compare_ids);
}

/* The first column of all rows. */
static int read_ids(struct database *d, enum sql which, struct sql_value of, struct ids *ret)
{
    bool is_row = false;
    int r = sql_first(d, which, SQL_WITH(of), &is_row);
    while (r == 0 && is_row) {
        r = add_id(ret, sql_column_int(d, which, 0));
        if (r == 0)
            r = sql_next(d, which, &is_row);
    }
    sql_end(d, which);
    return r;
}

static int run_group(struct database *d, enum sql first, enum sql last,
                     const struct sql_value *values, size_t count)
{
    int r = 0;
    for (int i = (int)first; r == 0 && i <= (int)last; i++)
        r = sql_run(d, (enum sql)i, values, count);
    return r;
}

/* ---- delete, rewind, copy ---- */

int database_delete_thread(struct database *d, const char *thread_id)
{
    return run_group(d, SQL_DELETE_WRITES, SQL_DELETE_SPACES, SQL_WITH(sql_text(thread_id)));
}

int database_rewind_thread(struct database *d, const struct store_row *row)
{
    if (row->id[0] == '\0')
        return database_delete_thread(d, row->thread_id);
    int r = run_group(d, SQL_REWIND_WRITES, SQL_REWIND_CHECKPOINTS,
                      SQL_WITH(sql_text(row->thread_id), sql_text(row->id)));
    return r == 0 ? sql_run(d, SQL_DROP_EMPTY_SPACES, SQL_WITH(sql_text(row->thread_id))) : r;
}

int database_copy_thread(struct database *d, const struct store_row *row)
{
    bool is_there = false;
    int r = sql_first(d, SQL_SPACES, SQL_WITH(sql_text(row->id)), &is_there);
    sql_end(d, SQL_SPACES);
    if (r == 0 && is_there)
        return STORE_E_STALE;
    return r != 0 ? r
                  : run_group(d, SQL_COPY_SPACES, SQL_COPY_WRITES,
                              SQL_WITH(sql_text(row->thread_id), sql_text(row->id)));
}

/* ---- prune ---- */

/* *at: the row's checkpoint, then that of the row below it, or NULL. */
static int keep_row(struct database *d, int64_t space, const char *field, char **at,
                    struct ids *kept, bool *ret_is_row)
{
    char *base = NULL;
    int r = sql_first(d, SQL_FIND_VALUE, SQL_WITH(sql_int(space), sql_text(*at), sql_text(field)),
                      ret_is_row);
    if (r == 0 && *ret_is_row)
        r = add_id(kept, sql_column_int(d, SQL_FIND_VALUE, 0));
    if (r == 0 && *ret_is_row && !sql_column_is_null(d, SQL_FIND_VALUE, 1))
        r = sql_column_text(d, SQL_FIND_VALUE, 1, &base);
    sql_end(d, SQL_FIND_VALUE);
    mem_free(*at);
    *at = base;
    return r;
}

/* As reading it: a value without a row is no value, below a row there must be one. */
static int keep_chain(struct database *d, int64_t space, const struct head_field *field,
                      struct ids *kept)
{
    char *at MEM_AUTO(mem_freep) = mem_strdup(field->at);
    size_t count = 0;
    bool is_row = true;
    int r = at == NULL ? err_trace(ERR_NOMEM) : 0;
    while (r == 0 && at != NULL && is_row && count++ < HEAD_CHAIN_MAX)
        r = keep_row(d, space, field->name, &at, kept, &is_row);
    if (r == 0 && ((!is_row && count > 1) || at != NULL))
        r = err_trace(ERR_SYSTEM);
    return r;
}

static int keep_values(struct database *d, int64_t space, const struct stored_bytes *head,
                       struct ids *kept)
{
    struct head_fields h;
    int r = head_fields_init(&h, head);
    for (size_t i = 0; r == 0 && i < h.count; i++)
        r = keep_chain(d, space, &h.items[i], kept);
    head_fields_deinit(&h);
    if (r == 0 && kept->count > 0)
        qsort(kept->items, kept->count, sizeof(*kept->items), compare_ids);
    return r;
}

static int delete_others(struct database *d, int64_t space, const struct ids *kept)
{
    struct ids all = { .items = NULL };
    int r = read_ids(d, SQL_VALUES_OF, sql_int(space), &all);
    for (size_t i = 0; r == 0 && i < all.count; i++)
        if (!has_id(kept, all.items[i]))
            r = sql_run(d, SQL_DELETE_VALUE, SQL_WITH(sql_int(all.items[i])));
    mem_free(all.items);
    return r;
}

static int prune_values(struct database *d, int64_t space, const struct stored_bytes *head)
{
    struct ids kept = { .items = NULL };
    int r = keep_values(d, space, head, &kept);
    if (r == 0)
        r = delete_others(d, space, &kept);
    mem_free(kept.items);
    return r;
}

/* *ret_id: NULL = there is none. Both are to be freed. */
static int read_latest(struct database *d, int64_t space, char **ret_id,
                       struct stored_bytes *ret_head)
{
    bool is_row = false;
    int r = sql_first(d, SQL_LATEST_HEAD, SQL_WITH(sql_int(space)), &is_row);
    if (r == 0 && is_row)
        r = sql_column_bytes(d, SQL_LATEST_HEAD, 1, ret_head);
    if (r == 0 && is_row)
        r = sql_column_text(d, SQL_LATEST_HEAD, 0, ret_id);
    sql_end(d, SQL_LATEST_HEAD);
    return r;
}

static int prune_to(struct database *d, int64_t space, const char *id,
                    const struct stored_bytes *head)
{
    int r = prune_values(d, space, head);
    return r != 0 ? r
                  : run_group(d, SQL_PRUNE_WRITES, SQL_FORGET_PARENT,
                              SQL_WITH(sql_int(space), sql_text(id)));
}

/* root_id: of the latest checkpoint of the root, if this is a namespace of one task; else "". */
static int prune_space(struct database *d, int64_t space, const char *root_id)
{
    char *id MEM_AUTO(mem_freep) = NULL;
    struct stored_bytes head = { .bytes = NULL };
    int r = read_latest(d, space, &id, &head);
    if (r == 0 && id != NULL && strcmp(id, root_id) < 0)
        r = run_group(d, SQL_DROP_WRITES, SQL_DROP_SPACE, SQL_WITH(sql_int(space)));
    else if (r == 0 && id != NULL)
        r = prune_to(d, space, id, &head);
    mem_free(head.bytes);
    return r;
}

static int find_root(struct database *d, const char *thread_id, char **ret_id)
{
    struct stored_bytes head = { .bytes = NULL };
    bool is_row = false;
    int64_t space = 0;
    int r = sql_first(d, SQL_FIND_SPACE, SQL_WITH(sql_text(thread_id), sql_text("")), &is_row);
    if (r == 0 && is_row)
        space = sql_column_int(d, SQL_FIND_SPACE, 0);
    sql_end(d, SQL_FIND_SPACE);
    if (r == 0)
        r = read_latest(d, space, ret_id, &head);
    mem_free(head.bytes);
    return r;
}

struct spaces {
    struct ids ids;
    struct ids of_tasks; /* 1 where the name has a ':' */
};

static int read_spaces(struct database *d, const char *thread_id, struct spaces *ret)
{
    bool is_row = false;
    struct stored_bytes ns = { .bytes = NULL };
    int r = sql_first(d, SQL_SPACES, SQL_WITH(sql_text(thread_id)), &is_row);
    while (r == 0 && is_row) {
        r = sql_column_borrow(d, SQL_SPACES, 1, &ns);
        if (r == 0)
            r = add_id(&ret->of_tasks, memchr(ns.bytes, ':', ns.len_bytes) != NULL);
        if (r == 0)
            r = add_id(&ret->ids, sql_column_int(d, SQL_SPACES, 0));
        if (r == 0)
            r = sql_next(d, SQL_SPACES, &is_row);
    }
    sql_end(d, SQL_SPACES);
    return r;
}

int database_prune_thread(struct database *d, const char *thread_id)
{
    char *root_id MEM_AUTO(mem_freep) = NULL;
    struct spaces spaces = { .ids = { .items = NULL } };
    int r = find_root(d, thread_id, &root_id);
    if (r == 0)
        r = read_spaces(d, thread_id, &spaces);
    for (size_t i = 0; r == 0 && i < spaces.ids.count; i++) {
        bool may_go = spaces.of_tasks.items[i] != 0 && root_id != NULL;
        r = prune_space(d, spaces.ids.items[i], may_go ? root_id : "");
    }
    mem_free(spaces.ids.items);
    mem_free(spaces.of_tasks.items);
    return r;
}
