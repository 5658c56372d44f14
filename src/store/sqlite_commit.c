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

static int check_thread(struct database *d, const struct store_row *expect)
{
    int64_t space = 0;
    int r = find_space(d, expect->thread_id, expect->ns, &space);
    return r == 0 ? check_latest(d, space, expect->id) : r;
}

static int check_expectations(struct database *d, const struct store_batch *b,
                              struct commit_note *note)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < b->count; i++) {
        note->stale = i;
        if (b->rows[i].kind == ROW_EXPECT)
            r = check_thread(d, &b->rows[i]);
        else if (b->rows[i].kind == ROW_EXPECT_RECORD)
            r = database_check_record(d, &b->rows[i]);
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
    return sql_run(d, row->type == WRITE_RESULT ? SQL_PUT_RESULT : SQL_PUT_WRITE,
                   SQL_WITH(sql_int(in->id), sql_text(row->id), sql_text(row->name),
                            sql_int(row->type), sql_text(row->other), sql_blob(&row->bytes)));
}

static int change_thread(struct database *d, const struct store_row *row, struct space *in)
{
    in->thread_id = NULL; /* it may be gone */
    if (row->kind == ROW_COPY_THREAD)
        return database_copy_thread(d, row);
    if (row->kind == ROW_PRUNE_THREAD)
        return database_prune_thread(d, row->thread_id);
    if (row->kind == ROW_REWIND_THREAD)
        return database_rewind_thread(d, row);
    return database_delete_record(d, RECORD_THREAD, row->thread_id);
}

static int apply_row(struct database *d, const struct store_row *row, struct space *in,
                     struct commit_note *note)
{
    switch (row->kind) {
    case ROW_CHECKPOINT:
    case ROW_VALUE:
    case ROW_WRITE:
        return put_content(d, row, in);
    case ROW_DELETE_THREAD:
    case ROW_COPY_THREAD:
    case ROW_PRUNE_THREAD:
    case ROW_REWIND_THREAD:
        return change_thread(d, row, in);
    case ROW_EXPECT:
    case ROW_EXPECT_RECORD:
        return 0; /* was looked at before */
    case ROW_RECORD:
        return database_put_record(d, row);
    case ROW_DELETE_RECORD:
        return database_delete_record(d, (enum record_kind)row->type, row->id);
    case ROW_EVENTS:
        return database_put_events(d, row);
    case ROW_DROP_EVENTS:
        return sql_run(d, SQL_DROP_EVENTS, SQL_WITH(sql_text(row->id), sql_int(row->number)));
    case ROW_RESERVE_EVENTS:
        return sql_run(d, SQL_RESERVE_EVENTS, SQL_WITH(sql_text(row->id), sql_int(row->number)));
    case ROW_ITEM:
        return database_put_item(d, row);
    case ROW_DELETE_ITEM:
        return sql_run(d, SQL_DELETE_ITEM, SQL_WITH(sql_text(row->ns), sql_text(row->id)));
    case ROW_REFRESH_ITEM:
        return sql_run(d, SQL_REFRESH_ITEM,
                       SQL_WITH(sql_text(row->ns), sql_text(row->id), sql_int(row->now_ms)));
    case ROW_SWEEP_ITEMS:
        return database_sweep_items(d, row, note);
    }
    return 0;
}

static int apply_rows(struct database *d, const struct store_batch *b, struct commit_note *note)
{
    struct space in = { .thread_id = NULL };
    int r = 0;
    for (size_t i = 0; r == 0 && i < b->count; i++) {
        note->stale = i;
        r = apply_row(d, &b->rows[i], &in, note);
    }
    return r;
}

/* Without a savepoint to go back to there is nothing to keep of the transaction. */
static void take_back(struct database *d)
{
    if (!sql_is_in_transaction(d))
        return;
    if (sql_run(d, SQL_ROLLBACK_TO, NULL, 0) != 0 || sql_run(d, SQL_RELEASE, NULL, 0) != 0)
        (void)sql_run(d, SQL_ROLLBACK, NULL, 0); /* ends it whatever it answers */
}

int database_apply(struct database *d, const struct store_batch *b, struct commit_note *note)
{
    *note = (struct commit_note){ .stale = 0 };
    int r = sql_run(d, SQL_SAVEPOINT, NULL, 0);
    if (r != 0)
        return r;
    r = check_expectations(d, b, note);
    if (r == 0)
        r = apply_rows(d, b, note);
    if (r == 0)
        r = sql_run(d, SQL_RELEASE, NULL, 0);
    if (r == 0)
        return 0;
    note->swept = 0;
    note->next_due_ms = 0;
    take_back(d);
    return r;
}

/* ---- questions ---- */

static int (*const functions[FIND_KIND_COUNT])(struct database *d, const void *query, void *ret) = {
    [FIND_CHECKPOINTS] = database_find_checkpoints,
    [FIND_EVENTS] = database_find_events,
    [FIND_ITEMS] = database_find_items,
    [FIND_NAMESPACES] = database_find_namespaces,
};

int database_find(struct database *d, const struct find *what, const union find_query *query,
                  union find_answer *answer, struct search **paused)
{
    int r = what->kind == FIND_RECORDS
                ? database_find_records(d, &query->records, &answer->records, paused)
                : functions[what->kind](d, query, answer);
    if (r != 0)
        what->clear(answer);
    return r > 0 ? err_trace(ERR_SYSTEM) : r; /* reading knows no conditions */
}
