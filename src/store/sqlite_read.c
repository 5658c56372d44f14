/*
 * From a query to a list: each checkpoint as it is found, with its writes, and with the values that
 * its head names. A value may be a chain of rows, from the newest down to the whole one.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/find.h"
#include "store/head.h"
#include "store/sqlite_db.h"
#include <string.h>

/* ---- writes ---- */

static int add_write(struct database *d, struct stored_checkpoint *to)
{
    struct stored_write *writes = find_grow(to->writes, to->write_count, sizeof(*writes));
    if (writes == NULL)
        return err_trace(ERR_NOMEM);
    to->writes = writes;
    struct stored_write *w = &writes[to->write_count++];
    int64_t kind = sql_column_int(d, SQL_READ_WRITES, 1);
    if (kind < 0 || kind >= WRITE_KIND_COUNT)
        return err_trace(ERR_SYSTEM); /* damage, or another program's */
    w->kind = (enum write_kind)kind;
    int r = sql_column_text(d, SQL_READ_WRITES, 0, &w->task_id);
    if (r == 0)
        r = sql_column_text(d, SQL_READ_WRITES, 2, &w->path);
    return r == 0 ? sql_column_bytes(d, SQL_READ_WRITES, 3, &w->bytes) : r;
}

static int read_writes(struct database *d, int64_t space, struct stored_checkpoint *to)
{
    bool is_row = true;
    int r = sql_begin(d, SQL_READ_WRITES, SQL_WITH(sql_int(space), sql_text(to->id)));
    while (r == 0 && is_row) {
        r = sql_next(d, SQL_READ_WRITES, &is_row);
        if (r == 0 && is_row)
            r = add_write(d, to);
    }
    sql_end(d, SQL_READ_WRITES);
    return r;
}

/* ---- values ---- */

static int add_part(struct database *d, struct stored_value *to)
{
    struct stored_bytes *parts = find_grow(to->parts, to->part_count, sizeof(*parts));
    if (parts == NULL)
        return err_trace(ERR_NOMEM);
    to->parts = parts;
    return sql_column_bytes(d, SQL_READ_VALUE, 1, &parts[to->part_count++]);
}

/* The row of the field at a checkpoint. *at: the row that it stands on, NULL if it is whole. */
static int read_part(struct database *d, int64_t space, char **at, struct stored_value *to,
                     bool *ret_is_there)
{
    char *base = NULL;
    int r =
        sql_begin(d, SQL_READ_VALUE, SQL_WITH(sql_int(space), sql_text(*at), sql_text(to->field)));
    if (r == 0)
        r = sql_next(d, SQL_READ_VALUE, ret_is_there);
    if (r == 0 && *ret_is_there)
        r = add_part(d, to);
    if (r == 0 && *ret_is_there && !sql_column_is_null(d, SQL_READ_VALUE, 0))
        r = sql_column_text(d, SQL_READ_VALUE, 0, &base);
    sql_end(d, SQL_READ_VALUE);
    mem_free(*at);
    *at = base;
    return r;
}

static void reverse(struct stored_bytes *parts, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct stored_bytes part = parts[i];
        parts[i] = parts[count - 1 - i];
        parts[count - 1 - i] = part;
    }
}

/* A value without a row is no value; below a row there must be one. */
static int read_chain(struct database *d, int64_t space, const char *first, struct stored_value *to)
{
    char *at MEM_AUTO(mem_freep) = mem_strdup(first);
    bool is_there = true;
    int r = at == NULL ? err_trace(ERR_NOMEM) : 0;
    while (r == 0 && at != NULL && is_there && to->part_count < HEAD_CHAIN_MAX)
        r = read_part(d, space, &at, to, &is_there);
    if (r == 0 && to->part_count > 0 && (at != NULL || !is_there))
        r = err_trace(ERR_SYSTEM); /* a missing link, or a circle */
    reverse(to->parts, to->part_count);
    return r;
}

static int add_value(struct database *d, int64_t space, const struct head_field *field,
                     struct stored_checkpoint *to)
{
    struct stored_value *v = &to->values[to->value_count++];
    v->field = mem_strdup(field->name);
    if (v->field == NULL)
        return err_trace(ERR_NOMEM);
    int r = read_chain(d, space, field->at, v);
    if (r == 0 && v->part_count == 0) {
        v->field = mem_free(v->field);
        to->value_count--;
    }
    return r;
}

static int read_values(struct database *d, int64_t space, struct stored_checkpoint *to)
{
    struct head_fields fields;
    int r = head_fields_init(&fields, &to->head);
    if (r == 0 && (to->values = mem_array(fields.count, sizeof(*to->values))) == NULL)
        r = err_trace(ERR_NOMEM);
    for (size_t i = 0; r == 0 && i < fields.count; i++)
        r = add_value(d, space, &fields.items[i], to);
    head_fields_deinit(&fields);
    return r;
}

/* ---- checkpoints ---- */

static int read_row(struct database *d, enum sql which, const struct store_query *q,
                    struct stored_checkpoint *to)
{
    to->thread_id = mem_strdup(q->thread_id);
    int r = to->thread_id == NULL ? err_trace(ERR_NOMEM) : 0;
    if (r == 0)
        r = sql_column_text(d, which, 1, &to->ns);
    if (r == 0)
        r = sql_column_text(d, which, 2, &to->id);
    if (r == 0)
        r = sql_column_text(d, which, 3, &to->parent_id);
    if (r == 0)
        r = sql_column_bytes(d, which, 4, &to->head);
    return r;
}

static int add_checkpoint(struct database *d, enum sql which, const struct store_query *q,
                          struct stored_list *ret)
{
    struct stored_checkpoint *items = find_grow(ret->items, ret->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    ret->items = items;
    struct stored_checkpoint *c = &items[ret->count++];
    int64_t space = sql_column_int(d, which, 0);
    int r = read_row(d, which, q, c);
    if (r == 0)
        r = read_writes(d, space, c);
    if (r == 0 && !q->without_values)
        r = read_values(d, space, c);
    return r;
}

static enum sql statement_for(const struct store_query *q)
{
    if (q->ns == NULL)
        return q->id == NULL ? SQL_READ_ALL_BELOW : SQL_READ_ALL_ONE;
    return q->id == NULL ? SQL_READ_BELOW : SQL_READ_ONE;
}

static struct sql_value bound_of(const struct store_query *q)
{
    if (q->id != NULL)
        return sql_text(q->id);
    return q->before == NULL ? sql_above_all() : sql_text(q->before);
}

static int read_all(struct database *d, const struct store_query *q, struct stored_list *ret)
{
    enum sql which = statement_for(q);
    size_t count = q->ns == NULL ? 3 : 4;
    bool is_row = true;
    const struct sql_value values[] = { sql_text(q->thread_id), bound_of(q), sql_limit(q->limit),
                                        sql_text(q->ns) };
    int r = sql_begin(d, which, values, count);
    while (r == 0 && is_row) {
        r = sql_next(d, which, &is_row);
        if (r == 0 && is_row)
            r = add_checkpoint(d, which, q, ret);
    }
    sql_end(d, which);
    return r;
}

int database_find_checkpoints(struct database *d, const void *query, void *ret)
{
    const struct store_query *q = query;
    if (q->id != NULL && q->before != NULL && strcmp(q->id, q->before) >= 0)
        return 0;
    return read_all(d, q, ret);
}
