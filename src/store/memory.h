#ifndef ANABRANCH_STORE_MEMORY_H
#define ANABRANCH_STORE_MEMORY_H
/*
 * Private to memory*.c: what the memory backend keeps.
 *
 *     threads  by id                                              memory_threads.c, memory_read.c
 *       namespaces  by name
 *         checkpoints  by id; content: head, note: the parent. Without content: only rows below
 *           writes   by kind and task id; note: the path
 *           values   LEAF_VALUE and the field; note: the base, or NULL
 *     events  by run id                                           memory_records.c
 *       rows  by last_seq as a text; content: bytes, number: first_seq
 *     records  of all kinds, in five orders                       memory_records.c, memory_search.c
 *     items  in three orders                                      memory_items.c
 */
#include "store/find.h"
#include "store/rows.h"
#include "store/shelf.h"

enum { LEAF_VALUE = WRITE_KIND_COUNT }; /* kinds below it are enum write_kind */

struct memory {
    struct store store; /* first member */
    struct shelf threads;
    struct shelf events;
    struct rows records;
    struct rows items;
    int64_t used_bytes;
    int64_t max_bytes;
};

/* Orders of the records: kind first, then enum record_order. */
enum { RECORD_ORDER_COUNT = RECORDS_BY_OWNER + 1 };
extern const row_order memory_record_orders[RECORD_ORDER_COUNT];
enum { ITEMS_BY_KEY, ITEMS_BY_UPDATED, ITEMS_BY_DUE, ITEM_ORDER_COUNT };
extern const row_order memory_item_orders[ITEM_ORDER_COUNT];

/* ---- preconditions: do they hold? ---- */

bool memory_thread_is_at(const struct memory *m, const struct store_row *expect);
bool memory_record_is(const struct memory *m, const struct store_row *expect);

/* ---- one row of a batch; may move texts and bytes out of it. 0, STORE_E_STALE or ERR_NOMEM ---- */

int memory_put_content(struct memory *m, struct undo *u, struct store_row *row);
int memory_delete_thread(struct memory *m, struct undo *u, const char *thread_id);
int memory_copy_thread(struct memory *m, struct undo *u, const struct store_row *row);
int memory_prune_thread(struct memory *m, struct undo *u, const char *thread_id);
int memory_rewind_thread(struct memory *m, struct undo *u, const struct store_row *row);
int memory_put_record(struct memory *m, struct undo *u, const struct store_row *row);
int memory_delete_record(struct memory *m, struct undo *u, enum record_kind kind, const char *id);
int memory_put_events(struct memory *m, struct undo *u, struct store_row *row);
int memory_drop_events(struct memory *m, struct undo *u, const char *run_id, int64_t below_seq);
int memory_reserve_events(struct memory *m, struct undo *u, const struct store_row *row);
int memory_put_item(struct memory *m, struct undo *u, const struct store_row *row);
int memory_delete_item(struct memory *m, struct undo *u, const struct store_row *row);
int memory_refresh_item(struct memory *m, struct undo *u, const struct store_row *row);
/* c: what it tells. */
int memory_sweep_items(struct memory *m, struct undo *u, const struct store_row *row,
                       struct store_op *c);

/* ---- reading: copies of what the query finds. 0 or a fault; ret may be half filled ---- */

int memory_find_checkpoints(const struct memory *m, const void *query, void *ret);
int memory_find_records(const struct memory *m, const void *query, void *ret);
int memory_find_events(const struct memory *m, const void *query, void *ret);
int memory_find_items(const struct memory *m, const void *query, void *ret);
int memory_find_namespaces(const struct memory *m, const void *query, void *ret);

/* space: of the threads' second level. NULL = none, or no checkpoint. */
const struct item *memory_latest(const struct item *space);
/* The row of a field at a checkpoint, or NULL. */
const struct item *memory_find_value(const struct item *space, const char *checkpoint_id,
                                     const char *field);

#endif
