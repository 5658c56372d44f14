/*
 * Searching records: a list in the order that is asked for (a part of one that is kept, or one that
 * is made for this search), then one walk over it. Metadata has no index here.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/memory.h"
#include "store/record_match.h"
#include <stdlib.h>
#include <string.h>

/* Ascending. */
struct span {
    struct row *const *rows;
    size_t begin;
    size_t end;
    struct row **made; /* what rows is, if it was made; to be freed */
};

/* ---- lists that are kept ---- */

/* Those of a kind, perhaps of one owner, are together. */
static bool is_before(const struct row *row, const struct record_query *q, const char *owner)
{
    if (row->record.kind != q->kind || owner == NULL)
        return row->record.kind < q->kind;
    return strcmp(row->record.owner, owner) < 0;
}

static bool is_behind(const struct row *row, const struct record_query *q, const char *owner)
{
    if (row->record.kind != q->kind || owner == NULL)
        return row->record.kind > q->kind;
    return strcmp(row->record.owner, owner) > 0;
}

/* The first row that is not before, or (behind) that is behind. */
static size_t edge(const struct rows *t, int order, const struct record_query *q, const char *owner,
                   bool behind)
{
    size_t low = 0;
    size_t high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct row *row = t->sorted[order][middle];
        if (behind ? !is_behind(row, q, owner) : is_before(row, q, owner))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct span kept(const struct rows *t, int order, const struct record_query *q,
                        const char *owner)
{
    return (struct span){ .rows = t->sorted[order],
                          .begin = edge(t, order, q, owner, false),
                          .end = edge(t, order, q, owner, true) };
}

/* ---- lists that are made ---- */

static int compare_names(const void *a, const void *b)
{
    return record_compare(RECORDS_BY_NAME, &(*(struct row *const *)a)->record,
                          &(*(struct row *const *)b)->record);
}

static int compare_dues(const void *a, const void *b)
{
    return record_compare(RECORDS_BY_DUE, &(*(struct row *const *)a)->record,
                          &(*(struct row *const *)b)->record);
}

static int make(const struct span *from, enum record_order order, struct span *ret)
{
    size_t count = from->end - from->begin;
    *ret = (struct span){ .made = mem_array(count, sizeof(struct row *)), .end = count };
    if (ret->made == NULL)
        return err_trace(ERR_NOMEM);
    ret->rows = ret->made;
    if (count > 0)
        memcpy(ret->made, &from->rows[from->begin], count * sizeof(struct row *));
    qsort(ret->made, count, sizeof(struct row *),
          order == RECORDS_BY_NAME ? compare_names : compare_dues);
    return 0;
}

static int choose(const struct rows *t, const struct record_query *q, struct span *ret)
{
    bool is_kept = (int)q->order < RECORD_ORDER_COUNT;
    bool is_owned = q->owner != NULL && (q->order == RECORDS_BY_CREATED || !is_kept);
    int order = is_owned ? RECORDS_BY_OWNER : is_kept ? (int)q->order : RECORDS_BY_CREATED;
    *ret = kept(t, order, q, is_owned ? q->owner : NULL);
    struct span from = *ret;
    return is_kept ? 0 : make(&from, q->order, ret);
}

/* ---- the walk ---- */

struct walk {
    const struct record_query *query;
    struct record_filter filter;
    struct stored_records *ret;
    size_t passed; /* of offset */
};

static int copy_record(const struct row *from, bool without_body, struct stored_records *l)
{
    struct stored_record *items = find_grow(l->items, l->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    l->items = items;
    struct row view = *from;
    if (without_body)
        view.record.body = (struct stored_bytes){ "", 0 };
    struct row *copy = row_copy(&view);
    if (copy == NULL)
        return err_trace(ERR_NOMEM);
    if (without_body)
        copy->record.body.bytes = mem_free(copy->record.body.bytes);
    items[l->count++] = copy->record;
    mem_free(copy);
    return 0;
}

static int fits(const struct walk *w, const struct stored_record *r, bool *ret_fits)
{
    *ret_fits = record_fits_columns(&w->filter, r);
    int result = *ret_fits ? record_fits_json(w->filter.metadata, &r->metadata, ret_fits) : 0;
    return result == 0 && *ret_fits ? record_fits_json(w->filter.body, &r->body, ret_fits) : result;
}

static bool is_full(const struct walk *w)
{
    const struct record_query *q = w->query;
    return q->total == TOTAL_ONLY || (q->limit != 0 && w->ret->count == q->limit);
}

static bool is_passed(const struct walk *w, const struct stored_record *r)
{
    const struct record_query *q = w->query;
    int order = q->after == NULL ? 0 : record_compare(q->order, r, q->after);
    return q->after != NULL && (q->is_ascending ? order <= 0 : order >= 0);
}

static int see(struct walk *w, const struct row *row)
{
    bool is_fit;
    int r = fits(w, &row->record, &is_fit);
    if (r != 0 || !is_fit)
        return r;
    w->ret->total++;
    if (is_full(w) || is_passed(w, &row->record))
        return 0;
    if (w->passed < w->query->offset) {
        w->passed++;
        return 0;
    }
    return copy_record(row, w->query->without_body, w->ret);
}

static int walk(struct walk *w, const struct span *span)
{
    const struct record_query *q = w->query;
    int r = 0;
    for (size_t i = 0; r == 0 && i < span->end - span->begin; i++) {
        if (q->total == TOTAL_NONE && is_full(w))
            break;
        r = see(w, span->rows[q->is_ascending ? span->begin + i : span->end - 1 - i]);
    }
    if (q->total == TOTAL_NONE)
        w->ret->total = 0;
    return r;
}

int memory_find_records(const struct memory *m, const void *query, void *ret)
{
    struct walk w = { .query = query, .ret = ret };
    struct span span = { .made = NULL };
    int r = record_filter_init(&w.filter, query);
    if (r == 0)
        r = choose(&m->records, query, &span);
    if (r == 0)
        r = walk(&w, &span);
    mem_free(span.made);
    record_filter_deinit(&w.filter);
    return r;
}
