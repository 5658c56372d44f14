/*
 * Searching records. What is looked for has several indexes to go by; one is chosen:
 *
 *     ids                                     each by itself, then sorted
 *     an owner, one status, a tag of the metadata
 *         that at most FEW_MAX records have   all of them, then sorted
 *         in order of creation                a walk over that index
 *     else                                    a walk over the order's index
 *
 * and what else the query asks is looked at on the rows. Bodies are read of those only that fit.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/record_match.h"
#include "store/sqlite_db.h"
#include <stdlib.h>
#include <string.h>

enum { FEW_MAX = 1000 };

/* By what the rows are found. */
enum means { BY_ORDER, BY_OWNER, BY_STATUS, BY_TAG, BY_IDS };

struct search {
    const struct record_query *query;
    struct record_filter filter;
    struct record_tags tags;
    enum means means;
    const char *common[2]; /* what the rows have in common */
    bool is_few;           /* collect, then sort */
    bool is_plain;         /* every row that is found fits */
    bool is_tag_enough;    /* of metadata nothing is left to look at */
    size_t passed;         /* of offset */
    struct stored_records *ret;
};

static const struct {
    enum sql walk;
    enum sql many;
    enum sql count;
} statements[] = {
    [BY_OWNER] = { SQL_WALK_OF_OWNER, SQL_MANY_OF_OWNER, SQL_COUNT_OF_OWNER },
    [BY_STATUS] = { SQL_WALK_OF_STATUS, SQL_MANY_OF_STATUS, SQL_COUNT_OF_STATUS },
    [BY_TAG] = { SQL_WALK_OF_TAG, SQL_MANY_OF_TAG, SQL_COUNT_OF_TAG },
};

/* ---- choosing ---- */

static int look_at(struct database *d, struct search *s, enum means means, const char *first,
                   const char *second)
{
    bool is_many = false;
    enum sql which = statements[means].many;
    const struct sql_value values[] = {
        sql_int(s->query->kind), sql_int(FEW_MAX), sql_int(0), sql_int(0), sql_int(0),
        sql_text(first),         sql_text(second)
    };
    if (s->is_few)
        return 0;
    int r = sql_first_of(d, which, values, &is_many);
    sql_end(d, which);
    if (r != 0 || (is_many && s->means != BY_ORDER))
        return r;
    s->means = means;
    s->common[0] = first;
    s->common[1] = second;
    s->is_few = !is_many;
    return 0;
}

/* The first one that few have, or else the first one. */
static int choose(struct database *d, struct search *s)
{
    const struct record_query *q = s->query;
    bool is_tagged = q->kind == RECORD_THREAD || q->kind == RECORD_ASSISTANT;
    int r = 0;
    if (q->ids != NULL) {
        s->means = BY_IDS;
        s->is_few = true;
        return 0;
    }
    if (q->owner != NULL)
        r = look_at(d, s, BY_OWNER, q->owner, NULL);
    for (size_t i = 0; r == 0 && is_tagged && i < s->tags.count; i++)
        r = look_at(d, s, BY_TAG, s->tags.items[i].key, s->tags.items[i].value);
    if (r == 0 && q->status_count == 1)
        r = look_at(d, s, BY_STATUS, q->statuses[0], NULL);
    if (!s->is_few && q->order != RECORDS_BY_CREATED)
        s->means = BY_ORDER;
    s->is_few = s->is_few && q->order != RECORDS_BY_CREATED; /* else they are in order */
    return r;
}

static bool is_all_said(const struct search *s)
{
    const struct record_query *q = s->query;
    return (q->owner == NULL || s->means == BY_OWNER) &&
           (q->status_count == 0 || (s->means == BY_STATUS && q->status_count == 1)) &&
           (q->metadata == NULL || s->is_tag_enough) && q->ids == NULL && q->body == NULL &&
           q->name_part == NULL && q->updated_before_ms == 0 && q->due_before_ms == 0;
}

/* ---- one row ---- */

/* What the row says, borrowed; all but the body. */
static int view_row(struct database *d, enum sql which, const struct search *s,
                    struct stored_record *ret)
{
    struct stored_bytes texts[4];
    int r = 0;
    for (int i = 0; r == 0 && i < 4; i++)
        r = sql_column_borrow(d, which, 1 + i, &texts[i]);
    if (r == 0)
        r = sql_column_borrow(d, which, 10, &ret->metadata);
    if (r != 0)
        return r;
    ret->kind = s->query->kind;
    ret->id = texts[0].bytes;
    ret->owner = texts[1].bytes;
    ret->status = texts[2].bytes;
    ret->name = texts[3].bytes;
    ret->created_ms = sql_column_int(d, which, 5);
    ret->updated_ms = sql_column_int(d, which, 6);
    ret->due_ms = sql_column_int(d, which, 7);
    ret->revision = sql_column_int(d, which, 8);
    ret->reserved_seq = sql_column_int(d, which, 9);
    ret->body = (struct stored_bytes){ .bytes = NULL };
    return 0;
}

static int read_body(struct database *d, int64_t row, struct stored_bytes *ret)
{
    bool is_row = false;
    int r = sql_first(d, SQL_READ_BODY, SQL_WITH(sql_int(row)), &is_row);
    if (r == 0)
        r = is_row ? sql_column_bytes(d, SQL_READ_BODY, 0, ret) : find_copy_bytes("{}", 2, ret);
    sql_end(d, SQL_READ_BODY);
    return r;
}

static int fits(struct database *d, const struct search *s, int64_t row,
                const struct stored_record *view, bool *ret_fits)
{
    struct stored_bytes body = { .bytes = NULL };
    int r = 0;
    *ret_fits = record_fits_columns(&s->filter, view);
    if (*ret_fits && !s->is_tag_enough)
        r = record_fits_json(s->filter.metadata, &view->metadata, ret_fits);
    if (r == 0 && *ret_fits && s->filter.body != NULL) {
        r = read_body(d, row, &body);
        if (r == 0)
            r = record_fits_json(s->filter.body, &body, ret_fits);
    }
    mem_free(body.bytes);
    return r;
}

static int copy_view(const struct stored_record *from, struct stored_record *to)
{
    *to = *from;
    to->id = to->owner = to->status = to->name = NULL;
    to->metadata = (struct stored_bytes){ .bytes = NULL };
    int r = find_copy_text(from->id, &to->id);
    if (r == 0)
        r = find_copy_text(from->owner, &to->owner);
    if (r == 0)
        r = find_copy_text(from->status, &to->status);
    if (r == 0)
        r = find_copy_text(from->name, &to->name);
    return r == 0 ? find_copy_bytes(from->metadata.bytes, from->metadata.len_bytes, &to->metadata)
                  : r;
}

static int add_record(struct database *d, const struct search *s, int64_t row,
                      const struct stored_record *view)
{
    struct stored_records *l = s->ret;
    struct stored_record *items = find_grow(l->items, l->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    l->items = items;
    struct stored_record *to = &items[l->count++];
    int r = copy_view(view, to);
    return r == 0 && !s->query->without_body ? read_body(d, row, &to->body) : r;
}

static bool is_full(const struct search *s)
{
    return s->query->limit != 0 && s->ret->count == s->query->limit;
}

/* The row at which the statement stands, within a page. */
static int see_row(struct database *d, enum sql which, struct search *s)
{
    struct stored_record view;
    bool does_fit = true;
    int64_t row = sql_column_int(d, which, 0);
    int r = view_row(d, which, s, &view);
    if (r == 0 && !s->is_plain)
        r = fits(d, s, row, &view, &does_fit);
    if (r != 0 || !does_fit)
        return r;
    if (s->passed < s->query->offset) {
        s->passed++;
        return 0;
    }
    return add_record(d, s, row, &view);
}

/* ---- walking ---- */

/* Where a walk begins: behind a record, or at the end of all. */
static void set_start(const struct search *s, bool is_ascending, const struct stored_record *after,
                      struct sql_value values[7])
{
    enum record_order order = s->means == BY_ORDER ? s->query->order : RECORDS_BY_CREATED;
    values[2] = is_ascending ? sql_text("") : sql_above_all();
    values[3] = sql_int(is_ascending ? INT64_MIN : INT64_MAX);
    values[4] = values[2];
    if (after == NULL)
        return;
    values[2] = sql_text(order == RECORDS_BY_STATUS  ? after->status
                         : order == RECORDS_BY_OWNER ? after->owner
                                                     : after->name);
    values[3] = sql_int(order == RECORDS_BY_UPDATED ? after->updated_ms
                        : order == RECORDS_BY_DUE   ? after->due_ms
                                                    : after->created_ms);
    values[4] = sql_text(after->id);
}

static enum sql walk_of(const struct search *s, bool is_ascending)
{
    enum sql first = s->means == BY_ORDER ? (enum sql)(SQL_WALK_CREATED + 2 * (int)s->query->order)
                                          : statements[s->means].walk;
    return is_ascending ? first : (enum sql)(first + 1);
}

/* Begins; the statement stands at the first row. */
static int start_walk(struct database *d, const struct search *s, bool is_ascending,
                      const struct stored_record *after, int64_t offset, bool *ret_is_row)
{
    enum sql which = walk_of(s, is_ascending);
    struct sql_value values[7] = { sql_int(s->query->kind), sql_int(offset) };
    values[5] = sql_text(s->common[0]);
    values[6] = sql_text(s->common[1]);
    set_start(s, is_ascending, after, values);
    return sql_first_of(d, which, values, ret_is_row);
}

/* Nothing behind this row can fit. */
static bool is_past(const struct search *s, enum sql which, struct database *d)
{
    const struct record_query *q = s->query;
    if (s->means != BY_ORDER || !q->is_ascending)
        return false;
    if (q->order == RECORDS_BY_UPDATED && q->updated_before_ms != 0)
        return sql_column_int(d, which, 6) >= q->updated_before_ms;
    return q->order == RECORDS_BY_DUE && q->due_before_ms != 0 &&
           sql_column_int(d, which, 7) >= q->due_before_ms;
}

static int read_page(struct database *d, struct search *s)
{
    const struct record_query *q = s->query;
    enum sql which = walk_of(s, q->is_ascending);
    bool is_row = false;
    bool may_skip = s->is_plain && q->offset < INT64_MAX;
    if (may_skip)
        s->passed = q->offset;
    int r = start_walk(d, s, q->is_ascending, q->after, may_skip ? (int64_t)q->offset : 0, &is_row);
    while (r == 0 && is_row && !is_full(s) && !is_past(s, which, d)) {
        r = see_row(d, which, s);
        if (r == 0)
            r = sql_next(d, which, &is_row);
    }
    sql_end(d, which);
    return r;
}

/* ---- few ---- */

/* A record that fits, and its row. */
struct candidate {
    struct stored_record record; /* without body */
    int64_t row;
    const struct record_query *query; /* for qsort() */
};
struct candidates {
    struct candidate *items;
    size_t count;
};

static void candidate_deinit(struct candidate *c)
{
    mem_free(c->record.id);
    mem_free(c->record.owner);
    mem_free(c->record.status);
    mem_free(c->record.name);
    mem_free(c->record.metadata.bytes);
}

static int consider(struct database *d, enum sql which, const struct search *s,
                    struct candidates *ret)
{
    struct stored_record view;
    bool does_fit = true;
    int64_t row = sql_column_int(d, which, 0);
    int r = view_row(d, which, s, &view);
    if (r == 0)
        r = fits(d, s, row, &view, &does_fit);
    if (r != 0 || !does_fit)
        return r;
    struct candidate *items = find_grow(ret->items, ret->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    ret->items = items;
    struct candidate *c = &items[ret->count++];
    c->row = row;
    c->query = s->query;
    return copy_view(&view, &c->record);
}

static int collect_by_ids(struct database *d, const struct search *s, struct candidates *ret)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->query->id_count; i++) {
        bool is_row = false;
        r = sql_first(d, SQL_READ_RECORD,
                      SQL_WITH(sql_int(s->query->kind), sql_int(0), sql_int(0), sql_int(0),
                               sql_text(s->query->ids[i])),
                      &is_row);
        if (r == 0 && is_row)
            r = consider(d, SQL_READ_RECORD, s, ret);
        sql_end(d, SQL_READ_RECORD);
    }
    return r;
}

static int collect(struct database *d, const struct search *s, struct candidates *ret)
{
    enum sql which = s->means == BY_IDS ? SQL_READ_RECORD : walk_of(s, true);
    bool is_row = false;
    if (s->means == BY_IDS)
        return collect_by_ids(d, s, ret);
    int r = start_walk(d, s, true, NULL, 0, &is_row);
    while (r == 0 && is_row) {
        r = consider(d, which, s, ret);
        if (r == 0)
            r = sql_next(d, which, &is_row);
    }
    sql_end(d, which);
    return r;
}

static int compare(const struct record_query *q, const struct stored_record *a,
                   const struct stored_record *b)
{
    return q->is_ascending ? record_compare(q->order, a, b) : record_compare(q->order, b, a);
}

static int compare_candidates(const void *left, const void *right)
{
    const struct candidate *a = left;
    const struct candidate *b = right;
    return compare(a->query, &a->record, &b->record);
}

/* An id may be asked for twice. */
static bool is_repeated(const struct candidates *c, size_t i)
{
    return i > 0 && strcmp(c->items[i - 1].record.id, c->items[i].record.id) == 0;
}

static int see_candidate(struct database *d, struct search *s, const struct candidate *c)
{
    const struct record_query *q = s->query;
    s->ret->total++;
    if (q->total == TOTAL_ONLY || is_full(s) ||
        (q->after != NULL && compare(q, &c->record, q->after) <= 0))
        return 0;
    if (s->passed < q->offset) {
        s->passed++;
        return 0;
    }
    return add_record(d, s, c->row, &c->record);
}

static int find_few(struct database *d, struct search *s)
{
    struct candidates c = { .items = NULL };
    int r = collect(d, s, &c);
    if (r == 0 && c.count > 0)
        qsort(c.items, c.count, sizeof(*c.items), compare_candidates);
    for (size_t i = 0; r == 0 && i < c.count; i++)
        if (!is_repeated(&c, i))
            r = see_candidate(d, s, &c.items[i]);
    for (size_t i = 0; i < c.count; i++)
        candidate_deinit(&c.items[i]);
    mem_free(c.items);
    return r;
}

/* ---- how many ---- */

static int count_rows(struct database *d, struct search *s)
{
    enum sql which = s->means == BY_ORDER ? SQL_COUNT_OF_KIND : statements[s->means].count;
    const struct sql_value values[7] = { sql_int(s->query->kind),
                                         sql_int(0),
                                         sql_int(0),
                                         sql_int(0),
                                         sql_int(0),
                                         sql_text(s->common[0]),
                                         sql_text(s->common[1]) };
    bool is_row = false;
    int r = sql_first_of(d, which, values, &is_row);
    if (r == 0)
        s->ret->total = (size_t)sql_column_int(d, which, 0);
    sql_end(d, which);
    return r;
}

static int count_row(struct database *d, enum sql which, struct search *s)
{
    struct stored_record view;
    bool does_fit = true;
    int r = view_row(d, which, s, &view);
    if (r == 0)
        r = fits(d, s, sql_column_int(d, which, 0), &view, &does_fit);
    s->ret->total += r == 0 && does_fit;
    return r;
}

static int count_fitting(struct database *d, struct search *s)
{
    enum sql which = walk_of(s, true);
    bool is_row = false;
    int r = start_walk(d, s, true, NULL, 0, &is_row);
    while (r == 0 && is_row) {
        r = count_row(d, which, s);
        if (r == 0)
            r = sql_next(d, which, &is_row);
    }
    sql_end(d, which);
    return r;
}

/* ---- all of it ---- */

static int find_many(struct database *d, struct search *s)
{
    int r = s->query->total == TOTAL_ONLY ? 0 : read_page(d, s);
    if (r != 0 || s->query->total == TOTAL_NONE)
        return r;
    return s->is_plain && s->query->order != RECORDS_BY_DUE ? count_rows(d, s)
                                                            : count_fitting(d, s);
}

static int search(struct database *d, struct search *s)
{
    int r = choose(d, s);
    if (r != 0)
        return r;
    s->is_tag_enough = s->tags.is_all && s->tags.count <= (s->means == BY_TAG ? 1 : 0);
    s->is_plain = is_all_said(s);
    r = s->is_few ? find_few(d, s) : find_many(d, s);
    if (s->query->total == TOTAL_NONE)
        s->ret->total = 0;
    return r;
}

int database_find_records(struct database *d, const void *query, void *ret)
{
    struct search s = { .query = query, .ret = ret };
    int r = record_filter_init(&s.filter, query);
    if (r == 0 && s.filter.metadata != NULL)
        r = record_tags_init(&s.tags, s.filter.metadata);
    if (r == 0)
        r = search(d, &s);
    record_tags_deinit(&s.tags);
    record_filter_deinit(&s.filter);
    return r;
}
