/*
 * The rows of one commit: copies of what the caller gave, in the order of the calls. Growing fails
 * once and sticks, so that a writer of many rows need not look after each.
 */
#include "store/batch.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

enum { FIRST_CAP = 8 };

void store_batch_init(struct store_batch *b)
{
    memset(b, 0, sizeof(*b));
}

static void row_deinit(struct store_row *row)
{
    mem_free(row->thread_id);
    mem_free(row->ns);
    mem_free(row->id);
    mem_free(row->other);
    mem_free(row->name);
    mem_free(row->bytes.bytes);
    mem_free(row->metadata.bytes);
}

void store_batch_deinit(struct store_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        row_deinit(&b->rows[i]);
    mem_free(b->rows);
    store_batch_init(b);
}

static bool reserve(struct store_batch *b)
{
    if (b->count < b->cap)
        return true;
    size_t cap = b->cap == 0 ? FIRST_CAP : 2 * b->cap;
    struct store_row *rows = mem_realloc(b->rows, cap * sizeof(*rows));
    if (rows == NULL)
        return false;
    b->rows = rows;
    b->cap = cap;
    return true;
}

static bool copy_text(const char *text, char **ret)
{
    *ret = mem_strdup(text);
    return text == NULL || *ret != NULL;
}

static bool copy_bytes(const char *from, size_t len_bytes, struct stored_bytes *ret)
{
    if (from == NULL)
        return true;
    ret->bytes = mem_strndup(from, len_bytes);
    ret->len_bytes = len_bytes;
    return ret->bytes != NULL;
}

static bool copy_texts(const struct batch_row *from, struct store_row *ret)
{
    return copy_text(from->thread_id, &ret->thread_id) && copy_text(from->ns, &ret->ns) &&
           copy_text(from->id, &ret->id) && copy_text(from->other, &ret->other) &&
           copy_text(from->name, &ret->name);
}

static bool copy_row(const struct batch_row *from, struct store_row *ret)
{
    *ret = (struct store_row){ .kind = from->kind,
                               .type = from->type,
                               .now_ms = from->now_ms,
                               .created_ms = from->created_ms,
                               .due_ms = from->due_ms,
                               .number = from->number,
                               .last_seq = from->last_seq };
    return copy_texts(from, ret) && copy_bytes(from->bytes, from->len_bytes, &ret->bytes) &&
           copy_bytes(from->metadata, from->metadata_len_bytes, &ret->metadata);
}

void batch_add(struct store_batch *b, const struct batch_row *from)
{
    struct store_row row;
    if (b->fault != 0)
        return;
    if (!copy_row(from, &row) || !reserve(b)) {
        row_deinit(&row);
        b->fault = err_trace(ERR_NOMEM);
        return;
    }
    b->rows[b->count++] = row;
}

void store_add_checkpoint(struct store_batch *b, const char *thread_id, const char *ns,
                          const char *id, const char *parent_id, const char *head,
                          size_t head_len_bytes)
{
    batch_add(b, &(struct batch_row){ .kind = ROW_CHECKPOINT,
                                      .thread_id = thread_id,
                                      .ns = ns,
                                      .id = id,
                                      .other = parent_id,
                                      .bytes = head,
                                      .len_bytes = head_len_bytes });
}

void store_add_value(struct store_batch *b, const char *thread_id, const char *ns,
                     const char *field, const char *checkpoint_id, const char *base,
                     const char *bytes, size_t len_bytes)
{
    batch_add(b, &(struct batch_row){ .kind = ROW_VALUE,
                                      .thread_id = thread_id,
                                      .ns = ns,
                                      .id = checkpoint_id,
                                      .other = base,
                                      .name = field,
                                      .bytes = bytes,
                                      .len_bytes = len_bytes });
}

void store_add_write(struct store_batch *b, const char *thread_id, const char *ns,
                     const char *checkpoint_id, const char *task_id, enum write_kind kind,
                     const char *path, const char *bytes, size_t len_bytes)
{
    batch_add(b, &(struct batch_row){ .kind = ROW_WRITE,
                                      .type = (int)kind,
                                      .thread_id = thread_id,
                                      .ns = ns,
                                      .id = checkpoint_id,
                                      .other = path,
                                      .name = task_id,
                                      .bytes = bytes,
                                      .len_bytes = len_bytes });
}

void store_add_delete_thread(struct store_batch *b, const char *thread_id)
{
    batch_add(b, &(struct batch_row){ .kind = ROW_DELETE_THREAD, .thread_id = thread_id });
}

void store_add_copy_thread(struct store_batch *b, const char *thread_id, const char *new_thread_id)
{
    batch_add(b, &(struct batch_row){
                     .kind = ROW_COPY_THREAD, .thread_id = thread_id, .id = new_thread_id });
}

void store_add_prune_thread(struct store_batch *b, const char *thread_id)
{
    batch_add(b, &(struct batch_row){ .kind = ROW_PRUNE_THREAD, .thread_id = thread_id });
}

void store_add_rewind_thread(struct store_batch *b, const char *thread_id,
                             const char *checkpoint_id)
{
    batch_add(b, &(struct batch_row){
                     .kind = ROW_REWIND_THREAD, .thread_id = thread_id, .id = checkpoint_id });
}

void store_add_expect(struct store_batch *b, const char *thread_id, const char *ns, const char *id)
{
    batch_add(
        b, &(struct batch_row){ .kind = ROW_EXPECT, .thread_id = thread_id, .ns = ns, .id = id });
}
