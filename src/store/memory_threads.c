/*
 * Checkpoints: putting, and what is done to a whole thread. Pruning marks the value rows that the
 * latest checkpoint stands on, in a list of their own, and removes the others.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/head.h"
#include "store/memory.h"
#include <string.h>

/* ---- one row ---- */

static const struct item *find_space(const struct memory *m, const char *thread_id, const char *ns)
{
    const struct item *thread = shelf_find(&m->threads, 0, thread_id);
    return thread == NULL ? NULL : shelf_find(&thread->below, 0, ns);
}

bool memory_thread_is_at(const struct memory *m, const struct store_row *expect)
{
    const struct item *latest = memory_latest(find_space(m, expect->thread_id, expect->ns));
    return strcmp(latest == NULL ? "" : latest->key, expect->id) == 0;
}

static int get_checkpoint(struct memory *m, struct undo *u, const struct store_row *row,
                          struct item **ret)
{
    int r = shelf_get(&m->threads, u, 0, row->thread_id, ret);
    if (r == 0)
        r = shelf_get(&(*ret)->below, u, 0, row->ns, ret);
    return r == 0 ? shelf_get(&(*ret)->below, u, 0, row->id, ret) : r;
}

int memory_put_content(struct memory *m, struct undo *u, struct store_row *row)
{
    struct item *item = NULL;
    bool is_result = row->kind == ROW_WRITE && row->type == WRITE_RESULT;
    int r = get_checkpoint(m, u, row, &item);
    if (r == 0 && row->kind != ROW_CHECKPOINT)
        r = shelf_get(&item->below, u, row->kind == ROW_VALUE ? LEAF_VALUE : row->type, row->name,
                      &item);
    if (r != 0)
        return err_trace(r);
    if (is_result && item->content != NULL)
        return 0; /* the first one stays */
    return item_set_content(item, u, &row->other, &row->bytes, 0);
}

int memory_delete_thread(struct memory *m, struct undo *u, const char *thread_id)
{
    struct item *thread = shelf_find(&m->threads, 0, thread_id);
    return thread == NULL ? 0 : shelf_remove(&m->threads, u, thread);
}

static int rewind_space(struct undo *u, struct item *space, const char *id)
{
    struct shelf *checkpoints = &space->below;
    int r = 0;
    for (size_t k = checkpoints->count; r == 0 && k > 0; k--)
        if (strcmp(checkpoints->items[k - 1]->key, id) > 0)
            r = shelf_remove(checkpoints, u, checkpoints->items[k - 1]);
    return r;
}

int memory_rewind_thread(struct memory *m, struct undo *u, const struct store_row *row)
{
    struct item *thread = shelf_find(&m->threads, 0, row->thread_id);
    int r = 0;
    if (row->id[0] == '\0')
        return memory_delete_thread(m, u, row->thread_id);
    for (size_t i = thread == NULL ? 0 : thread->below.count; r == 0 && i > 0; i--) {
        struct item *space = thread->below.items[i - 1];
        r = rewind_space(u, space, row->id);
        if (r == 0 && space->below.count == 0)
            r = shelf_remove(&thread->below, u, space);
    }
    return r == 0 && thread != NULL && thread->below.count == 0
               ? shelf_remove(&m->threads, u, thread)
               : r;
}

/* ---- copying ---- */

static int copy_content(struct item *to, struct undo *u, const struct content *from)
{
    char *note MEM_AUTO(mem_freep) = from == NULL ? NULL : mem_strdup(from->note);
    struct stored_bytes bytes = { .bytes = NULL };
    if (from == NULL)
        return 0;
    int r = find_copy_bytes(from->bytes.bytes, from->bytes.len_bytes, &bytes);
    if (r == 0 && from->note != NULL && note == NULL)
        r = err_trace(ERR_NOMEM);
    if (r == 0)
        r = item_set_content(to, u, &note, &bytes, from->number);
    mem_free(bytes.bytes);
    return r;
}

static int copy_item(struct shelf *to, struct undo *u, const struct item *from, const char *key);

static int copy_shelf(struct shelf *to, struct undo *u, const struct shelf *from)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < from->count; i++)
        r = copy_item(to, u, from->items[i], from->items[i]->key);
    return r;
}

/* As deep as threads are: four levels. */
static int copy_item(struct shelf *to, struct undo *u, const struct item *from, const char *key)
{
    struct item *item = NULL;
    int r = shelf_get(to, u, from->kind, key, &item);
    if (r == 0)
        r = copy_content(item, u, from->content);
    return r == 0 ? copy_shelf(&item->below, u, &from->below) : r;
}

int memory_copy_thread(struct memory *m, struct undo *u, const struct store_row *row)
{
    const struct item *from = shelf_find(&m->threads, 0, row->thread_id);
    if (shelf_find(&m->threads, 0, row->id) != NULL)
        return STORE_E_STALE;
    return from == NULL ? 0 : copy_item(&m->threads, u, from, row->id);
}

/* ---- pruning ---- */

/* The values that stay. */
struct marks {
    const struct item **items;
    size_t count;
};

static int mark_chain(const struct item *space, const struct head_field *field, struct marks *marks)
{
    const struct item *value = memory_find_value(space, field->at, field->name);
    for (size_t i = 0; value != NULL; i++) {
        const struct item **items = find_grow(marks->items, marks->count, sizeof(*items));
        if (items == NULL)
            return err_trace(ERR_NOMEM);
        marks->items = items;
        items[marks->count++] = value;
        if (value->content->note == NULL)
            return 0;
        value = memory_find_value(space, value->content->note, field->name);
        if (value == NULL || i == HEAD_CHAIN_MAX)
            return err_trace(ERR_SYSTEM); /* as reading it would say */
    }
    return 0;
}

static int mark_values(const struct item *space, const struct item *latest, struct marks *marks)
{
    struct head_fields h;
    int r = head_fields_init(&h, &latest->content->bytes);
    for (size_t i = 0; r == 0 && i < h.count; i++)
        r = mark_chain(space, &h.items[i], marks);
    head_fields_deinit(&h);
    return r;
}

static bool is_marked(const struct marks *marks, const struct item *item)
{
    for (size_t i = 0; i < marks->count; i++)
        if (marks->items[i] == item)
            return true;
    return false;
}

/* Of one checkpoint. Without content it is there for the values that stay. */
static int prune_checkpoint(struct undo *u, struct item *checkpoint, bool is_latest,
                            const struct marks *marks)
{
    int r = 0;
    for (size_t i = checkpoint->below.count; r == 0 && i > 0; i--) {
        struct item *leaf = checkpoint->below.items[i - 1];
        bool stays = leaf->kind == LEAF_VALUE ? is_marked(marks, leaf) : is_latest;
        if (!stays)
            r = shelf_remove(&checkpoint->below, u, leaf);
    }
    return r;
}

static int forget_parent(struct item *latest, struct undo *u)
{
    char *none MEM_AUTO(mem_freep) = mem_strdup("");
    struct stored_bytes bytes = { .bytes = NULL };
    int r = none == NULL ? err_trace(ERR_NOMEM) : 0;
    if (r == 0)
        r = find_copy_bytes(latest->content->bytes.bytes, latest->content->bytes.len_bytes, &bytes);
    if (r == 0)
        r = item_set_content(latest, u, &none, &bytes, 0);
    mem_free(bytes.bytes);
    return r;
}

static int prune_checkpoints(struct undo *u, struct item *space, const struct item *latest,
                             const struct marks *marks)
{
    int r = 0;
    for (size_t i = space->below.count; r == 0 && i > 0; i--) {
        struct item *checkpoint = space->below.items[i - 1];
        bool is_latest = checkpoint == latest;
        r = prune_checkpoint(u, checkpoint, is_latest, marks);
        if (r == 0 && is_latest)
            r = forget_parent(checkpoint, u);
        else if (r == 0 && checkpoint->below.count == 0)
            r = shelf_remove(&space->below, u, checkpoint);
        else if (r == 0 && checkpoint->content != NULL)
            r = item_drop_content(checkpoint, u);
    }
    return r;
}

static int prune_space(struct undo *u, struct item *space)
{
    const struct item *latest = memory_latest(space);
    struct marks marks = { .items = NULL };
    if (latest == NULL)
        return 0;
    int r = mark_values(space, latest, &marks);
    if (r == 0)
        r = prune_checkpoints(u, space, latest, &marks);
    mem_free(marks.items);
    return r;
}

/* Of a task of a checkpoint that is not the latest. */
static bool is_left_over(const struct item *space, const char *root_id)
{
    const struct item *latest = memory_latest(space);
    return strchr(space->key, ':') != NULL && latest != NULL && strcmp(latest->key, root_id) < 0;
}

int memory_prune_thread(struct memory *m, struct undo *u, const char *thread_id)
{
    struct item *thread = shelf_find(&m->threads, 0, thread_id);
    const struct item *root = memory_latest(find_space(m, thread_id, ""));
    int r = 0;
    for (size_t i = thread == NULL ? 0 : thread->below.count; r == 0 && i > 0; i--) {
        struct item *space = thread->below.items[i - 1];
        if (root != NULL && is_left_over(space, root->key))
            r = shelf_remove(&thread->below, u, space);
        else
            r = prune_space(u, space);
    }
    return r;
}
