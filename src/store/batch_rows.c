/* Rows of records, events and items. */
#include "base/err.h"
#include "store/batch.h"
#include "store/item.h"
#include "store/record.h"
#include "store/tail.h"
#include <assert.h>

/* ---- records ---- */

void store_add_record(struct store_batch *b, const struct record_put *put)
{
    assert(put->id[0] != '\0');
    batch_add(b, &(struct batch_row){ .kind = ROW_RECORD,
                                      .type = (int)put->kind,
                                      .thread_id = put->owner,
                                      .ns = put->status,
                                      .id = put->id,
                                      .name = put->name,
                                      .bytes = put->body,
                                      .len_bytes = put->body_len_bytes,
                                      .metadata = put->metadata,
                                      .metadata_len_bytes = put->metadata_len_bytes,
                                      .now_ms = put->now_ms,
                                      .created_ms = put->created_ms,
                                      .due_ms = put->due_ms });
}

void store_add_delete_record(struct store_batch *b, enum record_kind kind, const char *id)
{
    if (kind == RECORD_THREAD)
        store_add_delete_thread(b, id);
    else
        batch_add(b, &(struct batch_row){ .kind = ROW_DELETE_RECORD, .type = (int)kind, .id = id });
}

void store_add_expect_absent(struct store_batch *b, enum record_kind kind, const char *id)
{
    batch_add(b, &(struct batch_row){
                     .kind = ROW_EXPECT_RECORD, .type = (int)kind, .id = id, .number = -1 });
}

enum { STATUSES_MAX_BYTES = STORE_NS_MAX };

void store_add_expect_record(struct store_batch *b, enum record_kind kind, const char *id,
                             int64_t revision, const char *const *statuses, size_t count)
{
    struct buf list;
    buf_init(&list, STATUSES_MAX_BYTES);
    for (size_t i = 0; i < count; i++)
        (void)buf_addf(&list, "%s\n", statuses[i]); /* sticky */
    assert(list.fault != BUF_E_FULL);
    if (list.fault != 0)
        b->fault = err_trace(list.fault);
    batch_add(b, &(struct batch_row){ .kind = ROW_EXPECT_RECORD,
                                      .type = (int)kind,
                                      .id = id,
                                      .ns = count == 0 ? NULL : buf_text(&list),
                                      .number = revision });
    buf_deinit(&list);
}

/* ---- events ---- */

void store_add_events(struct store_batch *b, const char *run_id, int64_t first_seq,
                      int64_t last_seq, const char *bytes, size_t len_bytes)
{
    assert(first_seq >= 0 && first_seq <= last_seq);
    batch_add(b, &(struct batch_row){ .kind = ROW_EVENTS,
                                      .id = run_id,
                                      .number = first_seq,
                                      .last_seq = last_seq,
                                      .bytes = bytes,
                                      .len_bytes = len_bytes });
}

void store_add_drop_events(struct store_batch *b, const char *run_id, int64_t below_seq)
{
    batch_add(b, &(struct batch_row){ .kind = ROW_DROP_EVENTS, .id = run_id, .number = below_seq });
}

void store_add_reserve_events(struct store_batch *b, const char *run_id, int64_t below_seq)
{
    batch_add(b,
              &(struct batch_row){ .kind = ROW_RESERVE_EVENTS, .id = run_id, .number = below_seq });
}

/* ---- items ---- */

void store_add_item(struct store_batch *b, const struct item_put *put)
{
    assert(put->ns[0] != '\0');
    batch_add(b, &(struct batch_row){ .kind = ROW_ITEM,
                                      .ns = put->ns,
                                      .id = put->key,
                                      .bytes = put->value,
                                      .len_bytes = put->value_len_bytes,
                                      .now_ms = put->now_ms,
                                      .due_ms = put->ttl_ms });
}

void store_add_delete_item(struct store_batch *b, const char *ns, const char *key)
{
    batch_add(b, &(struct batch_row){ .kind = ROW_DELETE_ITEM, .ns = ns, .id = key });
}

void store_add_refresh_item(struct store_batch *b, const char *ns, const char *key, int64_t now_ms)
{
    batch_add(
        b, &(struct batch_row){ .kind = ROW_REFRESH_ITEM, .ns = ns, .id = key, .now_ms = now_ms });
}

void store_add_sweep_items(struct store_batch *b, int64_t now_ms, int64_t max_count)
{
    batch_add(
        b, &(struct batch_row){ .kind = ROW_SWEEP_ITEMS, .now_ms = now_ms, .number = max_count });
}
