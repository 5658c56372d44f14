/* Records and the event logs of runs: writing, and reading events. */
#include "base/err.h"
#include "base/mem.h"
#include "store/memory.h"
#include "store/record_match.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- orders ---- */

static int compare_kinds(enum record_order order, const struct row *a, const struct row *b)
{
    if (a->record.kind != b->record.kind)
        return a->record.kind > b->record.kind ? 1 : -1;
    return record_compare(order, &a->record, &b->record);
}

static int by_created(const struct row *a, const struct row *b)
{
    return compare_kinds(RECORDS_BY_CREATED, a, b);
}
static int by_updated(const struct row *a, const struct row *b)
{
    return compare_kinds(RECORDS_BY_UPDATED, a, b);
}
static int by_id(const struct row *a, const struct row *b)
{
    return compare_kinds(RECORDS_BY_ID, a, b);
}
static int by_status(const struct row *a, const struct row *b)
{
    return compare_kinds(RECORDS_BY_STATUS, a, b);
}
static int by_owner(const struct row *a, const struct row *b)
{
    return compare_kinds(RECORDS_BY_OWNER, a, b);
}

const row_order memory_record_orders[RECORD_ORDER_COUNT] = {
    [RECORDS_BY_CREATED] = by_created, [RECORDS_BY_UPDATED] = by_updated, [RECORDS_BY_ID] = by_id,
    [RECORDS_BY_STATUS] = by_status,   [RECORDS_BY_OWNER] = by_owner,
};

static struct row *find_record(const struct memory *m, int kind, const char *id)
{
    const struct row at = { .record = { .kind = (enum record_kind)kind, .id = (char *)id } };
    return rows_find(&m->records, RECORDS_BY_ID, &at);
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

bool memory_record_is(const struct memory *m, const struct store_row *expect)
{
    const struct row *row = find_record(m, expect->type, expect->id);
    if (row == NULL || expect->number < 0)
        return row == NULL && expect->number < 0;
    return (expect->number == 0 || row->record.revision == expect->number) &&
           (expect->ns == NULL || has_status(expect->ns, row->record.status));
}

/* ---- records ---- */

static const struct row empty = { .record = { .owner = "",
                                              .status = "",
                                              .name = "",
                                              .metadata = { "{}", 2 },
                                              .body = { "{}", 2 } } };

static void set_text(char **text, char *fresh)
{
    if (fresh != NULL)
        *text = fresh;
}

static void set_bytes(struct stored_bytes *bytes, struct stored_bytes fresh)
{
    if (fresh.bytes != NULL)
        *bytes = fresh;
}

/* ret borrows from both. */
static void put_over(const struct row *old, const struct store_row *row, struct row *ret)
{
    *ret = old == NULL ? empty : *old;
    struct stored_record *r = &ret->record;
    r->kind = (enum record_kind)row->type;
    r->id = row->id;
    set_text(&r->owner, row->thread_id);
    set_text(&r->status, row->ns);
    set_text(&r->name, row->name);
    set_bytes(&r->metadata, row->metadata);
    set_bytes(&r->body, row->bytes);
    if (old == NULL)
        r->created_ms = row->created_ms != 0 ? row->created_ms : row->now_ms;
    r->updated_ms = row->now_ms;
    if (row->due_ms != 0)
        r->due_ms = row->due_ms == RECORD_NEVER ? 0 : row->due_ms;
    r->revision++;
}

static int check_metadata(const struct store_row *row)
{
    json_t *json = NULL;
    int r = row->metadata.bytes == NULL ? 0 : record_parse_metadata(&row->metadata, &json);
    json_decref(json);
    return r;
}

int memory_put_record(struct memory *m, struct undo *u, const struct store_row *row)
{
    struct row *old = find_record(m, row->type, row->id);
    struct row view;
    int r = check_metadata(row);
    if (r != 0)
        return r;
    put_over(old, row, &view);
    struct row *fresh = row_copy(&view);
    return fresh == NULL ? err_trace(ERR_NOMEM) : rows_replace_take(&m->records, u, old, fresh);
}

/* The kind that belongs to a kind, by its owner; or none. */
static int kind_below(enum record_kind kind)
{
    return kind == RECORD_THREAD ? RECORD_RUN : kind == RECORD_ASSISTANT ? RECORD_VERSION : -1;
}

static int remove_record(struct memory *m, struct undo *u, struct row *row)
{
    int r = 0;
    if (row->record.kind == RECORD_RUN)
        r = memory_drop_events(m, u, row->record.id, INT64_MAX);
    return r == 0 ? rows_replace_take(&m->records, u, row, NULL) : r;
}

static int remove_below(struct memory *m, struct undo *u, int kind, const char *owner)
{
    const struct row at = { .record = { .kind = (enum record_kind)kind,
                                        .owner = (char *)owner,
                                        .id = "",
                                        .created_ms = INT64_MIN } };
    size_t index = rows_bound(&m->records, RECORDS_BY_OWNER, &at);
    int r = 0;
    while (r == 0 && index < m->records.count) {
        struct row *row = m->records.sorted[RECORDS_BY_OWNER][index];
        if ((int)row->record.kind != kind || strcmp(row->record.owner, owner) != 0)
            break;
        r = remove_record(m, u, row);
    }
    return r;
}

int memory_delete_record(struct memory *m, struct undo *u, enum record_kind kind, const char *id)
{
    struct row *row = find_record(m, (int)kind, id);
    int r = kind == RECORD_THREAD ? memory_delete_thread(m, u, id) : 0;
    if (r == 0 && kind == RECORD_RUN)
        r = memory_drop_events(m, u, id, INT64_MAX);
    if (r == 0 && kind_below(kind) >= 0)
        r = remove_below(m, u, kind_below(kind), id);
    return r == 0 && row != NULL ? remove_record(m, u, row) : r;
}

int memory_reserve_events(struct memory *m, struct undo *u, const struct store_row *row)
{
    struct row *old = find_record(m, RECORD_RUN, row->id);
    if (old == NULL || old->record.reserved_seq >= row->number)
        return 0;
    struct row *fresh = row_copy(old);
    if (fresh == NULL)
        return err_trace(ERR_NOMEM);
    fresh->record.reserved_seq = row->number;
    return rows_replace_take(&m->records, u, old, fresh);
}

/* ---- events ---- */

enum { SEQ_BYTES = 24 };

static void seq_text(int64_t seq, char ret[SEQ_BYTES])
{
    (void)snprintf(ret, SEQ_BYTES, "%020lld", (long long)seq); /* fits */
}

int memory_put_events(struct memory *m, struct undo *u, struct store_row *row)
{
    char key[SEQ_BYTES];
    char *note = NULL;
    struct item *item = NULL;
    seq_text(row->last_seq, key);
    int r = shelf_get(&m->events, u, 0, row->id, &item);
    if (r == 0)
        r = shelf_get(&item->below, u, 0, key, &item);
    return r == 0 ? item_set_content(item, u, &note, &row->bytes, row->number) : r;
}

int memory_drop_events(struct memory *m, struct undo *u, const char *run_id, int64_t below_seq)
{
    char key[SEQ_BYTES];
    struct item *run = shelf_find(&m->events, 0, run_id);
    int r = 0;
    if (run == NULL)
        return 0;
    seq_text(below_seq, key);
    for (size_t i = shelf_bound(&run->below, 0, key); r == 0 && i > 0; i--)
        r = shelf_remove(&run->below, u, run->below.items[i - 1]);
    return r == 0 && run->below.count == 0 ? shelf_remove(&m->events, u, run) : r;
}

static int copy_events(const struct item *from, struct stored_events *l)
{
    struct stored_events_row *items = find_grow(l->items, l->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    l->items = items;
    struct stored_events_row *to = &items[l->count++];
    to->first_seq = from->content->number;
    to->last_seq = strtoll(from->key, NULL, 10);
    return find_copy_bytes(from->content->bytes.bytes, from->content->bytes.len_bytes, &to->bytes);
}

int memory_find_events(const struct memory *m, const void *query, void *ret)
{
    const struct event_query *q = query;
    struct stored_events *l = ret;
    const struct item *run = shelf_find(&m->events, 0, q->run_id);
    char key[SEQ_BYTES];
    int r = 0;
    if (run == NULL)
        return 0;
    seq_text(q->from_seq < 0 ? 0 : q->from_seq, key);
    for (size_t i = shelf_bound(&run->below, 0, key);
         r == 0 && i < run->below.count && (q->limit == 0 || l->count < q->limit); i++)
        r = copy_events(run->below.items[i], l);
    return r;
}
