/*
 * One batch, as a savepoint within the transaction of its group: its preconditions first, then its
 * rows in their order.
 */
#include "base/err.h"
#include "store/sqlite_db.h"
#include <string.h>

/* Where the row before went, which is usually where the next one goes, too. */
struct space {
    const char *thread_id; /* borrowed from the batch; NULL = none yet */
    const char *ns;
    int64_t id;
};

/* *ret_id: 0 = there is none. */
static int find_space(struct database *d, const char *thread_id, const char *ns, int64_t *ret_id)
{
    bool is_row = false;
    *ret_id = 0;
    int r = sql_begin(d, SQL_FIND_SPACE, SQL_WITH(sql_text(thread_id), sql_text(ns)));
    if (r == 0)
        r = sql_next(d, SQL_FIND_SPACE, &is_row);
    if (r == 0 && is_row)
        *ret_id = sql_column_int(d, SQL_FIND_SPACE, 0);
    sql_end(d, SQL_FIND_SPACE);
    return r;
}

static int add_space(struct database *d, const char *thread_id, const char *ns, int64_t *ret_id)
{
    bool is_row = false;
    int r = sql_begin(d, SQL_ADD_SPACE, SQL_WITH(sql_text(thread_id), sql_text(ns)));
    if (r == 0)
        r = sql_next(d, SQL_ADD_SPACE, &is_row);
    if (r == 0 && is_row)
        *ret_id = sql_column_int(d, SQL_ADD_SPACE, 0);
    sql_end(d, SQL_ADD_SPACE);
    return r;
}

static int enter_space(struct database *d, const struct store_row *row, struct space *in)
{
    if (in->thread_id != NULL && strcmp(in->thread_id, row->thread_id) == 0 &&
        strcmp(in->ns, row->ns) == 0)
        return 0;
    in->thread_id = NULL;
    int r = find_space(d, row->thread_id, row->ns, &in->id);
    if (r == 0 && in->id == 0)
        r = add_space(d, row->thread_id, row->ns, &in->id);
    if (r != 0)
        return r;
    in->thread_id = row->thread_id;
    in->ns = row->ns;
    return 0;
}

/* ---- preconditions ---- */

static int check_latest(struct database *d, int64_t space, const char *id)
{
    bool is_row = false;
    bool is_it = id[0] == '\0'; /* if there is none */
    int r = sql_begin(d, SQL_LATEST, SQL_WITH(sql_int(space), sql_text(id)));
    if (r == 0)
        r = sql_next(d, SQL_LATEST, &is_row);
    if (r == 0 && is_row)
        is_it = sql_column_int(d, SQL_LATEST, 0) != 0;
    sql_end(d, SQL_LATEST);
    return r == 0 && !is_it ? STORE_E_STALE : r;
}

static int check_expectations(struct database *d, const struct store_batch *b)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < b->count; i++) {
        const struct store_row *row = &b->rows[i];
        int64_t space = 0;
        if (row->kind != ROW_EXPECT)
            continue;
        r = find_space(d, row->thread_id, row->ns, &space);
        if (r == 0)
            r = check_latest(d, space, row->id);
    }
    return r;
}

/* ---- rows ---- */

static int put_content(struct database *d, const struct store_row *row, struct space *in)
{
    int r = enter_space(d, row, in);
    if (r != 0)
        return r;
    if (row->kind == ROW_CHECKPOINT)
        return sql_run(d, SQL_PUT_CHECKPOINT,
                       SQL_WITH(sql_int(in->id), sql_text(row->id), sql_text(row->other),
                                sql_blob(&row->bytes)));
    if (row->kind == ROW_VALUE)
        return sql_run(d, SQL_PUT_VALUE,
                       SQL_WITH(sql_int(in->id), sql_text(row->id), sql_text(row->name),
                                sql_text(row->other), sql_blob(&row->bytes)));
    return sql_run(d, row->write == WRITE_RESULT ? SQL_PUT_RESULT : SQL_PUT_WRITE,
                   SQL_WITH(sql_int(in->id), sql_text(row->id), sql_text(row->name),
                            sql_int((int64_t)row->write), sql_text(row->other),
                            sql_blob(&row->bytes)));
}

static int delete_thread(struct database *d, const char *thread_id, struct space *in)
{
    int r = 0;
    in->thread_id = NULL;
    for (int i = SQL_DELETE_WRITES; r == 0 && i <= SQL_DELETE_SPACES; i++)
        r = sql_run(d, (enum sql)i, SQL_WITH(sql_text(thread_id)));
    return r;
}

static int apply_row(struct database *d, const struct store_row *row, struct space *in)
{
    switch (row->kind) {
    case ROW_CHECKPOINT:
    case ROW_VALUE:
    case ROW_WRITE:
        return put_content(d, row, in);
    case ROW_DELETE_THREAD:
        return delete_thread(d, row->thread_id, in);
    case ROW_EXPECT:
        return 0; /* was looked at before */
    }
    return 0;
}

/* Without a savepoint to go back to there is nothing to keep of the transaction. */
static void take_back(struct database *d)
{
    if (!sql_is_in_transaction(d))
        return;
    if (sql_run(d, SQL_ROLLBACK_TO, NULL, 0) != 0 || sql_run(d, SQL_RELEASE, NULL, 0) != 0)
        (void)sql_run(d, SQL_ROLLBACK, NULL, 0); /* ends it whatever it answers */
}

int database_apply(struct database *d, const struct store_batch *b)
{
    struct space in = { .thread_id = NULL };
    int r = sql_run(d, SQL_SAVEPOINT, NULL, 0);
    if (r != 0)
        return r;
    r = check_expectations(d, b);
    for (size_t i = 0; r == 0 && i < b->count; i++)
        r = apply_row(d, &b->rows[i], &in);
    if (r == 0)
        r = sql_run(d, SQL_RELEASE, NULL, 0);
    if (r != 0)
        take_back(d);
    return r;
}
