#ifndef ANABRANCH_STORE_ITEM_H
#define ANABRANCH_STORE_ITEM_H
/*
 * Store items, the memory that threads share: a JSON value by namespace and key.
 *
 * A namespace is a list of labels. Here it is one text, each label with ITEM_LABEL_END behind it:
 * the text of ["a", "b"] is the beginning of the text of ["a", "b", "c"] and of no text of
 * ["a", "bc"], and texts sort as the lists do. "" is the empty list, in which no item may be.
 *
 *     item_ns_add(&ns, "users"); item_ns_add(&ns, "7");           struct buf ns
 *     store_add_item(&b, &(struct item_put){ buf_text(&ns), "name", json, len, now_ms })
 *     store_find_items(..., &(struct item_query){ .ns = buf_text(&ns), .now_ms = now_ms, .limit = 10 })
 *
 * An item with ttl_ms is gone for every reader when so much time has passed since it was last put or
 * refreshed, whether it was swept or not.
 *
 * Conditions: those of store_commit(). Loop thread only, but for the pure functions.
 */
#include "store/store.h"

#define ITEM_LABEL_END '\1'

enum { ITEM_E_LABEL = 1 };
/* ITEM_E_LABEL: empty, with a period or a control character; nothing was added. Or what buf says. */
int item_ns_add(struct buf *ns, const char *label);
/* The first label and its length; "" has none: NULL. *ret_rest: the text behind it. Pure. */
const char *item_ns_label(const char *ns, size_t *ret_len_bytes, const char **ret_rest);

/* ---- writing ---- */

struct item_put {
    const char *ns; /* not "" */
    const char *key;
    const char *value; /* JSON text */
    size_t value_len_bytes;
    int64_t now_ms; /* becomes updated_ms; created_ms stays what it is while the item lives */
    int64_t ttl_ms; /* 0 = for ever */
};
/* Replaces the item as a whole. */
void store_add_item(struct store_batch *b, const struct item_put *put);
void store_add_delete_item(struct store_batch *b, const char *ns, const char *key);
/* It was looked at: if it has a ttl and lives, it begins anew. updated_ms stays. */
void store_add_refresh_item(struct store_batch *b, const char *ns, const char *key, int64_t now_ms);
/* Deletes at most max_count items that expired at now_ms or before, those that did so first.
 * store_op.swept says how many; fewer than max_count: there are no more. store_op.next_due_ms: when
 * to come again. */
void store_add_sweep_items(struct store_batch *b, int64_t now_ms, int64_t max_count);

/* ---- reading ---- */

struct item_query {
    const char *ns;     /* and all namespaces that begin with these labels; "" = all */
    const char *key;    /* not NULL: this item of this very namespace; filter must be NULL */
    const char *filter; /* JSON object, see store/filter.h; NULL = all */
    int64_t now_ms;     /* items that expired at it or before are not there */
    size_t offset;
    size_t limit; /* 0 = all */
};
struct stored_item {
    char *ns;
    char *key;
    struct stored_bytes value;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t ttl_ms; /* 0 = for ever */
};
/* The caller owns it. */
struct stored_items {
    struct stored_item *items; /* by updated_ms, last first; then by namespace, then by key */
    size_t count;
};
void stored_items_clear(struct stored_items *l);
/* As store_read(). The filter was looked at by filter_check(); a wrong one ends in a fault. Costs:
 * 0.2 us for each item below ns, and 2 us for each that the filter sees. */
void store_find_items(struct store *s, struct loop *loop, struct store_op *r,
                      const struct item_query *query, struct stored_items *ret,
                      void (*on_end)(void *arg, int result), void *arg);

/* Namespaces that have items, cut after max_depth labels. */
struct namespace_query {
    const char *prefix; /* labels that it begins with; a label `*` is any one; NULL = any */
    const char *suffix; /* and ends with */
    size_t max_depth;   /* 0 = whole */
    int64_t now_ms;
    size_t offset;
    size_t limit; /* 0 = all */
};
/* The caller owns it. */
struct stored_namespaces {
    char **items; /* sorted, none twice */
    size_t count;
};
void stored_namespaces_clear(struct stored_namespaces *l);
/* As store_read(). */
void store_list_namespaces(struct store *s, struct loop *loop, struct store_op *r,
                           const struct namespace_query *query, struct stored_namespaces *ret,
                           void (*on_end)(void *arg, int result), void *arg);

#endif
