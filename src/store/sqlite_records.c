/* Records and events: preconditions, writing, and reading events. */
#include "base/err.h"
#include "base/mem.h"
#include "store/record_match.h"
#include "store/sqlite_db.h"
#include <string.h>

/* ---- one record ---- */

/* What a put or a deletion must know of it. */
struct known {
    int64_t row; /* 0 = there is none */
    int64_t revision;
    char *status;
    int64_t created_ms;
    struct stored_bytes metadata;
};

static void known_deinit(struct known *k)
{
    mem_free(k->status);
    mem_free(k->metadata.bytes);
}

static int read_known(struct database *d, struct known *ret)
{
    ret->row = sql_column_int(d, SQL_FIND_RECORD, 0);
    ret->revision = sql_column_int(d, SQL_FIND_RECORD, 1);
    ret->created_ms = sql_column_int(d, SQL_FIND_RECORD, 3);
    int r = sql_column_text(d, SQL_FIND_RECORD, 2, &ret->status);
    return r == 0 ? sql_column_bytes(d, SQL_FIND_RECORD, 4, &ret->metadata) : r;
}

/* 0 or a fault; known_deinit() in every case. */
static int find_known(struct database *d, int kind, const char *id, struct known *ret)
{
    bool is_row = false;
    *ret = (struct known){ .row = 0 };
    int r = sql_first(d, SQL_FIND_RECORD, SQL_WITH(sql_int(kind), sql_text(id)), &is_row);
    if (r == 0 && is_row)
        r = read_known(d, ret);
    sql_end(d, SQL_FIND_RECORD);
    return r;
}

/* ---- preconditions ---- */

static bool has_status(const char *statuses, const char *status)
{
    size_t len = strlen(status);
    for (const char *s = statuses; *s != '\0'; s = strchr(s, '\n') + 1)
        if (strncmp(s, status, len) == 0 && s[len] == '\n')
            return true;
    return false;
}

static bool holds(const struct known *is, const struct store_row *expect)
{
    if (is->row == 0 || expect->number < 0)
        return is->row == 0 && expect->number < 0;
    return (expect->number == 0 || is->revision == expect->number) &&
           (expect->ns == NULL || has_status(expect->ns, is->status));
}

int database_check_record(struct database *d, const struct store_row *expect)
{
    struct known is;
    int r = find_known(d, expect->type, expect->id, &is);
    if (r == 0 && !holds(&is, expect))
        r = STORE_E_STALE;
    known_deinit(&is);
    return r;
}

/* ---- tags ---- */

/* Of what metadata is searched for, beyond what an owner has. */
static bool is_tagged(int kind)
{
    return kind == RECORD_THREAD || kind == RECORD_ASSISTANT;
}

static int run_tags(struct database *d, enum sql which, int kind, const char *id,
                    int64_t created_ms, const struct record_tags *tags)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < tags->count; i++)
        r = sql_run(d, which,
                    SQL_WITH(sql_int(kind), sql_text(tags->items[i].key),
                             sql_text(tags->items[i].value), sql_int(created_ms), sql_text(id)));
    return r;
}

/* SQL_ADD_TAG or SQL_DELETE_TAG for all of an object's; a fault too if it is none. */
static int change_tags(struct database *d, enum sql which, int kind, const char *id,
                       int64_t created_ms, const struct stored_bytes *metadata)
{
    struct record_tags tags = { .items = NULL };
    json_t *json = NULL;
    int r = record_parse_metadata(metadata, &json);
    if (r == 0 && is_tagged(kind))
        r = record_tags_init(&tags, json);
    if (r == 0)
        r = run_tags(d, which, kind, id, created_ms, &tags);
    record_tags_deinit(&tags);
    json_decref(json);
    return r;
}

/* ---- put ---- */

static struct sql_value text_or(const char *text, const char *other)
{
    return sql_text(text != NULL ? text : other);
}

static struct sql_value due_of(const struct store_row *row)
{
    return row->due_ms == 0 ? sql_text(NULL)
                            : sql_int(row->due_ms == RECORD_NEVER ? 0 : row->due_ms);
}

static int put_body(struct database *d, int64_t record, const struct store_row *row)
{
    return row->bytes.bytes == NULL
               ? 0
               : sql_run(d, SQL_PUT_BODY, SQL_WITH(sql_int(record), sql_blob(&row->bytes)));
}

static int insert_record(struct database *d, const struct store_row *row, int64_t created_ms,
                         const struct stored_bytes *metadata, int64_t *ret)
{
    bool is_row = false;
    int64_t due_ms = row->due_ms == RECORD_NEVER ? 0 : row->due_ms;
    int r = sql_first(d, SQL_ADD_RECORD,
                      SQL_WITH(sql_int(row->type), sql_text(row->id), text_or(row->thread_id, ""),
                               text_or(row->ns, ""), text_or(row->name, ""), sql_int(created_ms),
                               sql_int(row->now_ms), sql_int(due_ms), sql_blob(metadata)),
                      &is_row);
    if (r == 0)
        *ret = sql_column_int(d, SQL_ADD_RECORD, 0);
    sql_end(d, SQL_ADD_RECORD);
    return r;
}

static int add_record(struct database *d, const struct store_row *row)
{
    static const struct stored_bytes none = { "{}", 2 };
    const struct stored_bytes *metadata = row->metadata.bytes == NULL ? &none : &row->metadata;
    int64_t created_ms = row->created_ms != 0 ? row->created_ms : row->now_ms;
    int64_t record = 0;
    int r = insert_record(d, row, created_ms, metadata, &record);
    if (r == 0)
        r = put_body(d, record, row);
    return r == 0 ? change_tags(d, SQL_ADD_TAG, row->type, row->id, created_ms, metadata) : r;
}

static bool is_same(const struct stored_bytes *a, const struct stored_bytes *b)
{
    return a->len_bytes == b->len_bytes && memcmp(a->bytes, b->bytes, a->len_bytes) == 0;
}

static int change_metadata(struct database *d, const struct known *old, const struct store_row *row)
{
    if (row->metadata.bytes == NULL || is_same(&row->metadata, &old->metadata))
        return 0;
    int r = change_tags(d, SQL_DELETE_TAG, row->type, row->id, old->created_ms, &old->metadata);
    return r == 0 ? change_tags(d, SQL_ADD_TAG, row->type, row->id, old->created_ms, &row->metadata)
                  : r;
}

static int change_record(struct database *d, const struct known *old, const struct store_row *row)
{
    bool has_columns = row->thread_id != NULL || row->name != NULL || row->due_ms != 0;
    int r = sql_run(d, SQL_SET_RECORD,
                    SQL_WITH(sql_int(old->row), sql_text(row->ns), sql_blob(&row->metadata),
                             sql_int(row->now_ms)));
    if (r == 0 && has_columns)
        r = sql_run(d, SQL_SET_COLUMNS,
                    SQL_WITH(sql_int(old->row), sql_text(row->thread_id), sql_text(row->name),
                             due_of(row)));
    if (r == 0)
        r = put_body(d, old->row, row);
    return r == 0 ? change_metadata(d, old, row) : r;
}

int database_put_record(struct database *d, const struct store_row *row)
{
    struct known old;
    int r = find_known(d, row->type, row->id, &old);
    if (r == 0)
        r = old.row == 0 ? add_record(d, row) : change_record(d, &old, row);
    known_deinit(&old);
    return r;
}

/* ---- delete ---- */

static int delete_below(struct database *d, enum record_kind kind, const char *owner)
{
    int r = 0;
    if (kind == RECORD_RUN)
        r = sql_run(d, SQL_DELETE_EVENTS_BELOW, SQL_WITH(sql_int(kind), sql_text(owner)));
    if (r == 0)
        r = sql_run(d, SQL_DELETE_BODIES_BELOW, SQL_WITH(sql_int(kind), sql_text(owner)));
    return r == 0 ? sql_run(d, SQL_DELETE_RECORDS_BELOW, SQL_WITH(sql_int(kind), sql_text(owner)))
                  : r;
}

/* What belongs to a record that may itself not be there. */
static int delete_belongings(struct database *d, enum record_kind kind, const char *id)
{
    if (kind == RECORD_RUN)
        return sql_run(d, SQL_DROP_EVENTS, SQL_WITH(sql_text(id), sql_int(INT64_MAX)));
    if (kind == RECORD_ASSISTANT)
        return delete_below(d, RECORD_VERSION, id);
    if (kind != RECORD_THREAD)
        return 0;
    int r = database_delete_thread(d, id);
    return r == 0 ? delete_below(d, RECORD_RUN, id) : r;
}

static int delete_known(struct database *d, const struct known *old, enum record_kind kind,
                        const char *id)
{
    int r = change_tags(d, SQL_DELETE_TAG, (int)kind, id, old->created_ms, &old->metadata);
    if (r == 0)
        r = sql_run(d, SQL_DELETE_BODY, SQL_WITH(sql_int(old->row)));
    return r == 0 ? sql_run(d, SQL_DELETE_RECORD, SQL_WITH(sql_int(old->row))) : r;
}

int database_delete_record(struct database *d, enum record_kind kind, const char *id)
{
    struct known old;
    int r = find_known(d, (int)kind, id, &old);
    if (r == 0)
        r = delete_belongings(d, kind, id);
    if (r == 0 && old.row != 0)
        r = delete_known(d, &old, kind, id);
    known_deinit(&old);
    return r;
}

/* ---- events ---- */

int database_put_events(struct database *d, const struct store_row *row)
{
    return sql_run(d, SQL_PUT_EVENTS,
                   SQL_WITH(sql_text(row->id), sql_int(row->last_seq), sql_int(row->number),
                            sql_blob(&row->bytes)));
}

static int add_events(struct database *d, struct stored_events *l)
{
    struct stored_events_row *items = find_grow(l->items, l->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    l->items = items;
    struct stored_events_row *to = &items[l->count++];
    to->first_seq = sql_column_int(d, SQL_READ_EVENTS, 0);
    to->last_seq = sql_column_int(d, SQL_READ_EVENTS, 1);
    return sql_column_bytes(d, SQL_READ_EVENTS, 2, &to->bytes);
}

int database_find_events(struct database *d, const void *query, void *ret)
{
    const struct event_query *q = query;
    bool is_row = false;
    int r = sql_first(d, SQL_READ_EVENTS,
                      SQL_WITH(sql_text(q->run_id), sql_int(q->from_seq), sql_limit(q->limit)),
                      &is_row);
    while (r == 0 && is_row) {
        r = add_events(d, ret);
        if (r == 0)
            r = sql_next(d, SQL_READ_EVENTS, &is_row);
    }
    sql_end(d, SQL_READ_EVENTS);
    return r;
}
