/* Sorted arrays of the same rows. */
#include "store/rows.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/find.h"
#include <assert.h>
#include <string.h>

enum { FIRST_CAP = 16 };

/* ---- one row ---- */

void row_free(void *row)
{
    struct row *old = row;
    if (old == NULL)
        return;
    mem_free(old->record.id);
    mem_free(old->record.owner);
    mem_free(old->record.status);
    mem_free(old->record.name);
    mem_free(old->record.metadata.bytes);
    mem_free(old->record.body.bytes);
    mem_free(old);
}

static bool copy_row(const struct stored_record *from, struct stored_record *to)
{
    return find_copy_text(from->id, &to->id) == 0 && find_copy_text(from->owner, &to->owner) == 0 &&
           find_copy_text(from->status, &to->status) == 0 &&
           find_copy_text(from->name, &to->name) == 0 &&
           find_copy_bytes(from->metadata.bytes, from->metadata.len_bytes, &to->metadata) == 0 &&
           find_copy_bytes(from->body.bytes, from->body.len_bytes, &to->body) == 0;
}

struct row *row_copy(const struct row *from)
{
    struct row *to = mem_alloc(sizeof(*to));
    if (to == NULL)
        return NULL;
    *to = *from;
    to->record.id = to->record.owner = to->record.status = to->record.name = NULL;
    to->record.metadata = to->record.body = (struct stored_bytes){ .bytes = NULL };
    if (copy_row(&from->record, &to->record))
        return to;
    row_free(to);
    return NULL;
}

static int64_t row_bytes(const struct row *row, int order_count)
{
    const struct stored_record *r = row == NULL ? NULL : &row->record;
    if (r == NULL)
        return 0;
    return (int64_t)(sizeof(*row) + (size_t)order_count * sizeof(row) + strlen(r->id) +
                     strlen(r->owner) + strlen(r->status) + strlen(r->name) +
                     r->metadata.len_bytes + r->body.len_bytes + 6);
}

/* ---- looking up ---- */

size_t rows_bound(const struct rows *t, int order, const struct row *at)
{
    size_t low = 0;
    size_t high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->orders[order](t->sorted[order][middle], at) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct row *rows_find(const struct rows *t, int order, const struct row *at)
{
    size_t index = rows_bound(t, order, at);
    bool is_there = index < t->count && t->orders[order](t->sorted[order][index], at) == 0;
    return is_there ? t->sorted[order][index] : NULL;
}

void rows_clear(struct rows *t)
{
    for (size_t i = 0; i < t->count; i++)
        row_free(t->sorted[0][i]);
    for (int k = 0; k < t->order_count; k++)
        t->sorted[k] = mem_free(t->sorted[k]);
    t->count = t->cap = 0;
}

/* ---- changing ---- */

/* Arrays that have grown before another could not stay so: cap says what all have. */
static bool reserve(struct rows *t)
{
    if (t->count < t->cap)
        return true;
    size_t cap = t->cap == 0 ? FIRST_CAP : 2 * t->cap;
    for (int k = 0; k < t->order_count; k++) {
        struct row **rows = mem_realloc(t->sorted[k], cap * sizeof(struct row *));
        if (rows == NULL)
            return false;
        t->sorted[k] = rows;
    }
    t->cap = cap;
    return true;
}

/* In one order; from and to: places before the change. */
static void move(struct row **rows, size_t from, size_t to, struct row *fresh)
{
    if (to > from) {
        to--; /* the old one's place closes */
        memmove(&rows[from], &rows[from + 1], (to - from) * sizeof(struct row *));
    } else
        memmove(&rows[to + 1], &rows[to], (from - to) * sizeof(struct row *));
    rows[to] = fresh;
}

static void change(struct rows *t, const struct row *old, struct row *fresh)
{
    assert(t->count < t->cap || old != NULL);
    for (int k = 0; k < t->order_count; k++) {
        size_t from = old == NULL ? t->count : rows_bound(t, k, old);
        size_t to = fresh == NULL ? t->count : rows_bound(t, k, fresh);
        assert(old == NULL || t->sorted[k][from] == old);
        move(t->sorted[k], from, to, fresh);
    }
    t->count = t->count + (fresh != NULL) - (old != NULL);
}

/* Room once had stays, so that what is taken away can come back. */
static void take_back(void *place, void *old, void *fresh)
{
    change(place, fresh, old);
    row_free(fresh);
}

static const struct undo_kind undo_replace = { take_back, row_free };

int rows_replace_take(struct rows *t, struct undo *u, struct row *old, struct row *fresh)
{
    if (undo_reserve(u) != 0 || !reserve(t)) {
        row_free(fresh);
        return err_trace(ERR_NOMEM);
    }
    change(t, old, fresh);
    undo_note(u, &undo_replace, t, old, fresh);
    u->bytes += row_bytes(fresh, t->order_count) - row_bytes(old, t->order_count);
    return 0;
}
