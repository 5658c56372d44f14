#ifndef ANABRANCH_STORE_ROWS_H
#define ANABRANCH_STORE_ROWS_H
/*
 * For store/memory*.c: rows in several orders at once, each a sorted array of pointers. Every
 * change is noted, so that it can be taken back (store/undo.h).
 *
 * A row is never changed: another one takes its place. In orders in which both have the same place
 * that is one pointer; else what is between moves by one.
 */
#include "store/record.h"
#include "store/undo.h"

/* A record. Or an item: owner is its namespace, name its key, body its value, due when it expires,
 * INT64_MAX = never. */
struct row {
    struct stored_record record;
    int64_t ttl_ms;
};

/* Total: equal only if they are the same. */
typedef int (*row_order)(const struct row *a, const struct row *b);

enum { ROWS_ORDERS_MAX = 5 };
/* Zeroed but for the orders = empty. */
struct rows {
    const row_order *orders;
    int order_count;
    struct row **sorted[ROWS_ORDERS_MAX];
    size_t count;
    size_t cap;
};
void rows_clear(struct rows *t);

/* The index of the first row that is not before `at`; only what the order looks at need be set. */
size_t rows_bound(const struct rows *t, int order, const struct row *at);
/* NULL = none. Borrowed until the rows change. */
struct row *rows_find(const struct rows *t, int order, const struct row *at);
/* old: of t, or NULL; fresh: takes its place, or NULL. Takes fresh, also on failure. 0 or
 * ERR_NOMEM. */
int rows_replace_take(struct rows *t, struct undo *u, struct row *old, struct row *fresh);

/* A copy of a row, texts and bytes too; NULL: no memory. */
struct row *row_copy(const struct row *from);
void row_free(void *row);

#endif
