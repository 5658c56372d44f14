/*
 * Searching records. What is looked for has several indexes to go by; one is chosen:
 *
 *     ids                                     each by itself, then sorted
 *     an owner, one status, a tag of the metadata
 *         that at most FEW_MAX records have   all of them, then sorted
 *         in order of creation                a walk over that index
 *     else                                    a walk over the order's index
 *
 * and what else the query asks is looked at on the rows. Bodies are read of those only that fit. Walks
 * may be long (what the values contain has no index), so they pause:
 *
 *     page -> time is up: note the row -> others' jobs -> page from there ... -> counting, likewise
 */
#include "store/sqlite_search.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

enum { FEW_MAX = 1000 };

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

/* ---- pauses ---- */

/* The statement stands at a row that was seen. */
static int pause_here(struct database *d, enum sql which, struct search *s)
{
    struct stored_record view;
    if (clock_mono_us() < s->until_us)
        return 0;
    int r = search_view_row(d, which, s, &view);
    if (r != 0)
        return r;
    view.metadata = (struct stored_bytes){ "", 0 };
    search_clear_copy(&s->place);
    s->is_paused = true;
    s->has_place = true;
    return search_copy_view(&view, &s->place);
}

static void leave_place(struct search *s)
{
    search_clear_copy(&s->place);
    s->has_place = false;
}

/* It was changed while the search paused, and has come again. */
static bool was_found(const struct search *s, const char *id)
{
    for (size_t i = 0; s->has_place && i < s->ret->count; i++)
        if (strcmp(s->ret->items[i].id, id) == 0)
            return true;
    return false;
}

/* ---- a page ---- */

bool search_is_full(const struct search *s)
{
    return s->query->limit != 0 && s->ret->count == s->query->limit;
}

/* The row at which the statement stands, within a page. */
static int see_row(struct database *d, enum sql which, struct search *s)
{
    struct stored_record view;
    bool does_fit = true;
    int64_t row = sql_column_int(d, which, 0);
    int r = search_view_row(d, which, s, &view);
    if (r == 0 && !s->is_plain)
        r = search_fits(d, s, row, &view, &does_fit);
    if (r != 0 || !does_fit || was_found(s, view.id))
        return r;
    if (s->passed < s->query->offset) {
        s->passed++;
        return 0;
    }
    return search_add_record(d, s, row, &view);
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

enum sql search_walk_of(const struct search *s, bool is_ascending)
{
    enum sql first = s->means == BY_ORDER ? (enum sql)(SQL_WALK_CREATED + 2 * (int)s->query->order)
                                          : statements[s->means].walk;
    return is_ascending ? first : (enum sql)(first + 1);
}

/* Begins; the statement stands at the first row. */
int search_start_walk(struct database *d, const struct search *s, bool is_ascending,
                      const struct stored_record *after, int64_t offset, bool *ret_is_row)
{
    enum sql which = search_walk_of(s, is_ascending);
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
    enum sql which = search_walk_of(s, q->is_ascending);
    bool is_row = false;
    bool may_skip = s->is_plain && q->offset < INT64_MAX && !s->has_place;
    if (may_skip)
        s->passed = q->offset;
    int r = search_start_walk(d, s, q->is_ascending, s->has_place ? &s->place : q->after,
                              may_skip ? (int64_t)q->offset : 0, &is_row);
    while (r == 0 && is_row && !search_is_full(s) && !is_past(s, which, d)) {
        r = see_row(d, which, s);
        if (r == 0)
            r = pause_here(d, which, s);
        if (r != 0 || s->is_paused)
            break;
        r = sql_next(d, which, &is_row);
    }
    sql_end(d, which);
    return r;
}

static int go_on_with_page(struct database *d, struct search *s)
{
    int r = s->is_page_done ? 0 : read_page(d, s);
    if (r != 0 || s->is_paused || s->is_page_done)
        return r;
    s->is_page_done = true;
    leave_place(s);
    return 0;
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
    int r = search_view_row(d, which, s, &view);
    if (r == 0)
        r = search_fits(d, s, sql_column_int(d, which, 0), &view, &does_fit);
    s->ret->total += r == 0 && does_fit;
    return r;
}

static int count_fitting(struct database *d, struct search *s)
{
    enum sql which = search_walk_of(s, true);
    bool is_row = false;
    int r = search_start_walk(d, s, true, s->has_place ? &s->place : NULL, 0, &is_row);
    while (r == 0 && is_row) {
        r = count_row(d, which, s);
        if (r == 0)
            r = pause_here(d, which, s);
        if (r != 0 || s->is_paused)
            break;
        r = sql_next(d, which, &is_row);
    }
    sql_end(d, which);
    return r;
}

/* ---- all of it ---- */

static int find_many(struct database *d, struct search *s)
{
    int r = s->query->total == TOTAL_ONLY ? 0 : go_on_with_page(d, s);
    if (r != 0 || s->is_paused || s->query->total == TOTAL_NONE)
        return r;
    return s->is_plain && s->query->order != RECORDS_BY_DUE ? count_rows(d, s)
                                                            : count_fitting(d, s);
}

/* All that does not change while it goes on. */
static int begin(struct database *d, struct search *s)
{
    int r = record_filter_init(&s->filter, s->query);
    if (r == 0 && s->filter.metadata != NULL)
        r = record_tags_init(&s->tags, s->filter.metadata);
    if (r == 0)
        r = choose(d, s);
    s->is_tag_enough = s->tags.is_all && s->tags.count <= (s->means == BY_TAG ? 1 : 0);
    s->is_plain = is_all_said(s);
    return r;
}

struct search *search_free(struct search *s)
{
    if (s == NULL)
        return NULL;
    search_clear_copy(&s->place);
    record_tags_deinit(&s->tags);
    record_filter_deinit(&s->filter);
    return mem_free(s);
}

static int find(struct database *d, struct search *s)
{
    s->is_paused = false;
    s->until_us = clock_mono_us() + d->slice_us;
    int r = s->is_few ? search_find_few(d, s) : find_many(d, s);
    if (s->query->total == TOTAL_NONE)
        s->ret->total = 0;
    return r;
}

int database_find_records(struct database *d, const struct record_query *query,
                          struct stored_records *ret, struct search **paused)
{
    struct search *s = *paused != NULL ? *paused : mem_zalloc(sizeof(*s));
    int r = s == NULL ? err_trace(ERR_NOMEM) : 0;
    if (r == 0 && *paused == NULL) {
        s->query = query;
        s->ret = ret;
        r = begin(d, s);
    }
    if (r == 0)
        r = find(d, s);
    *paused = r == 0 && s->is_paused ? s : search_free(s);
    return r;
}
