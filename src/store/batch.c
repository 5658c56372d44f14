/*
 * The rows of one commit: copies of what the caller gave, in the order of the calls. Growing fails
 * once and sticks, so that a writer of many rows need not look after each.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"
#include <string.h>

enum { FIRST_CAP = 8 };

/* A row that is not copied yet. NULL texts stay NULL. */
struct source {
    enum store_row_kind kind;
    enum write_kind write;
    const char *thread_id;
    const char *ns;
    const char *id;
    const char *other;
    const char *name;
    const char *bytes;
    size_t len_bytes;
};

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

static bool copy_bytes(const struct source *from, struct stored_bytes *ret)
{
    if (from->bytes == NULL)
        return true;
    ret->bytes = mem_strndup(from->bytes, from->len_bytes);
    ret->len_bytes = from->len_bytes;
    return ret->bytes != NULL;
}

static bool copy_row(const struct source *from, struct store_row *ret)
{
    *ret = (struct store_row){ .kind = from->kind, .write = from->write };
    return copy_text(from->thread_id, &ret->thread_id) && copy_text(from->ns, &ret->ns) &&
           copy_text(from->id, &ret->id) && copy_text(from->other, &ret->other) &&
           copy_text(from->name, &ret->name) && copy_bytes(from, &ret->bytes);
}

static void add(struct store_batch *b, const struct source *from)
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
    add(b, &(struct source){ .kind = ROW_CHECKPOINT,
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
    add(b, &(struct source){ .kind = ROW_VALUE,
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
    add(b, &(struct source){ .kind = ROW_WRITE,
                             .write = kind,
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
    add(b, &(struct source){ .kind = ROW_DELETE_THREAD, .thread_id = thread_id });
}

void store_add_expect(struct store_batch *b, const char *thread_id, const char *ns, const char *id)
{
    add(b, &(struct source){ .kind = ROW_EXPECT, .thread_id = thread_id, .ns = ns, .id = id });
}
