/* Where few records are to be looked at: those that fit are collected, then sorted. */
#include "base/err.h"
#include "base/mem.h"
#include "store/sqlite_search.h"
#include <stdlib.h>
#include <string.h>

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

static int consider(struct database *d, enum sql which, const struct search *s,
                    struct candidates *ret)
{
    struct stored_record view;
    bool does_fit = true;
    int64_t row = sql_column_int(d, which, 0);
    int r = search_view_row(d, which, s, &view);
    if (r == 0)
        r = search_fits(d, s, row, &view, &does_fit);
    if (r != 0 || !does_fit)
        return r;
    struct candidate *items = find_grow(ret->items, ret->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    ret->items = items;
    struct candidate *c = &items[ret->count++];
    c->row = row;
    c->query = s->query;
    return search_copy_view(&view, &c->record);
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
    enum sql which = s->means == BY_IDS ? SQL_READ_RECORD : search_walk_of(s, true);
    bool is_row = false;
    if (s->means == BY_IDS)
        return collect_by_ids(d, s, ret);
    int r = search_start_walk(d, s, true, NULL, 0, &is_row);
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
    if (q->total == TOTAL_ONLY || search_is_full(s) ||
        (q->after != NULL && compare(q, &c->record, q->after) <= 0))
        return 0;
    if (s->passed < q->offset) {
        s->passed++;
        return 0;
    }
    return search_add_record(d, s, c->row, &c->record);
}

int search_find_few(struct database *d, struct search *s)
{
    struct candidates c = { .items = NULL };
    int r = collect(d, s, &c);
    if (r == 0 && c.count > 0)
        qsort(c.items, c.count, sizeof(*c.items), compare_candidates);
    for (size_t i = 0; r == 0 && i < c.count; i++)
        if (!is_repeated(&c, i))
            r = see_candidate(d, s, &c.items[i]);
    for (size_t i = 0; i < c.count; i++)
        search_clear_copy(&c.items[i].record);
    mem_free(c.items);
    return r;
}
