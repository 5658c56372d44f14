/*
 * From a query to a list: find the checkpoints, newest first, then copy each with its writes and
 * with the values that its head names.
 *
 * A value may be a chain of rows, each standing on its base, which is another checkpoint's row of
 * the same field. What others have stored may be damaged, so a chain has a longest length and a
 * missing link is a fault.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/head.h"
#include "store/memory.h"
#include <stdlib.h>
#include <string.h>

/* ---- which ---- */

struct found {
    const struct item *space;
    const struct item *checkpoint;
};
struct finds {
    struct found *items;
    size_t count;
};

const struct item *memory_latest(const struct item *space)
{
    for (size_t i = space == NULL ? 0 : space->below.count; i > 0; i--)
        if (space->below.items[i - 1]->content != NULL)
            return space->below.items[i - 1];
    return NULL;
}

/* The indexes of the checkpoints that may be meant. */
struct range {
    size_t begin;
    size_t end;
};

static struct range range_of(const struct shelf *checkpoints, const struct store_query *q)
{
    struct range range = { 0, checkpoints->count };
    if (q->before != NULL)
        range.end = shelf_bound(checkpoints, 0, q->before);
    if (q->id == NULL)
        return range;
    range.begin = shelf_bound(checkpoints, 0, q->id);
    if (range.begin >= range.end || strcmp(checkpoints->items[range.begin]->key, q->id) != 0)
        return (struct range){ 0, 0 };
    range.end = range.begin + 1;
    return range;
}

static size_t at_most(size_t count, size_t limit)
{
    return limit != 0 && count > limit ? limit : count;
}

static bool is_asked(const struct item *space, const struct store_query *q)
{
    return q->ns == NULL || strcmp(q->ns, space->key) == 0;
}

static size_t most_finds(const struct item *thread, const struct store_query *q)
{
    size_t sum = 0;
    for (size_t i = 0; i < thread->below.count; i++) {
        if (!is_asked(thread->below.items[i], q))
            continue;
        struct range range = range_of(&thread->below.items[i]->below, q);
        sum += at_most(range.end - range.begin, q->limit);
    }
    return sum;
}

static void find_in_space(const struct item *space, const struct store_query *q, struct finds *f)
{
    struct range range = range_of(&space->below, q);
    size_t end = f->count + at_most(range.end - range.begin, q->limit);
    for (size_t i = range.end; i > range.begin && f->count < end; i--)
        if (space->below.items[i - 1]->content != NULL)
            f->items[f->count++] = (struct found){ space, space->below.items[i - 1] };
}

static int compare_finds(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    int order = strcmp(b->checkpoint->key, a->checkpoint->key);
    return order != 0 ? order : strcmp(a->space->key, b->space->key);
}

static int find_all(const struct item *thread, const struct store_query *q, struct finds *f)
{
    f->items = mem_array(most_finds(thread, q), sizeof(*f->items));
    if (f->items == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < thread->below.count; i++)
        if (is_asked(thread->below.items[i], q))
            find_in_space(thread->below.items[i], q, f);
    qsort(f->items, f->count, sizeof(*f->items), compare_finds);
    f->count = at_most(f->count, q->limit);
    return 0;
}

/* ---- copying ---- */

const struct item *memory_find_value(const struct item *space, const char *checkpoint_id,
                                     const char *field)
{
    const struct item *checkpoint = shelf_find(&space->below, 0, checkpoint_id);
    return checkpoint == NULL ? NULL : shelf_find(&checkpoint->below, LEAF_VALUE, field);
}

/* How many rows a value is made of. */
static int measure_chain(const struct item *space, const struct item *value, size_t *ret)
{
    const char *field = value->key;
    *ret = 1;
    while (value->content->note != NULL) {
        value = memory_find_value(space, value->content->note, field);
        if (value == NULL || *ret == HEAD_CHAIN_MAX) /* a circle is a chain without an end */
            return err_trace(ERR_SYSTEM);
        ++*ret;
    }
    return 0;
}

static int copy_parts(const struct item *space, const struct item *value, struct stored_value *ret)
{
    const char *field = value->key;
    size_t count = 0;
    int r = measure_chain(space, value, &count);
    if (r != 0)
        return err_trace(r);
    ret->parts = mem_array(count, sizeof(*ret->parts));
    if (ret->parts == NULL)
        return err_trace(ERR_NOMEM);
    ret->part_count = count;
    for (size_t i = count; r == 0 && i > 0; i--) { /* from the newest down to the whole one */
        r = find_copy_bytes(value->content->bytes.bytes, value->content->bytes.len_bytes,
                            &ret->parts[i - 1]);
        if (i > 1)
            value = memory_find_value(space, value->content->note, field);
    }
    return r;
}

/* Nothing is added where there is no row. */
static int add_value(struct stored_checkpoint *to, const struct item *space,
                     const struct head_field *field)
{
    const struct item *value = memory_find_value(space, field->at, field->name);
    if (value == NULL)
        return 0;
    struct stored_value *ret = &to->values[to->value_count++];
    int r = find_copy_text(field->name, &ret->field);
    return r == 0 ? copy_parts(space, value, ret) : r;
}

static int add_values(struct stored_checkpoint *to, const struct item *space,
                      const struct head_fields *h)
{
    int r = 0;
    to->values = mem_array(h->count, sizeof(*to->values));
    if (to->values == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; r == 0 && i < h->count; i++)
        r = add_value(to, space, &h->items[i]);
    return r;
}

static int copy_values(const struct found *from, struct stored_checkpoint *to)
{
    struct head_fields fields;
    int r = head_fields_init(&fields, &from->checkpoint->content->bytes);
    if (r == 0)
        r = add_values(to, from->space, &fields);
    head_fields_deinit(&fields);
    return r != 0 ? err_trace(r) : 0;
}

static int compare_writes(const void *left, const void *right)
{
    const struct stored_write *a = left;
    const struct stored_write *b = right;
    int order = strcmp(a->path, b->path);
    if (order == 0)
        order = strcmp(a->task_id, b->task_id);
    return order != 0 ? order : (a->kind > b->kind) - (a->kind < b->kind);
}

static int copy_write(const struct item *from, struct stored_write *ret)
{
    ret->kind = (enum write_kind)from->kind;
    int r = find_copy_text(from->key, &ret->task_id);
    if (r == 0)
        r = find_copy_text(from->content->note, &ret->path);
    return r == 0 ? find_copy_bytes(from->content->bytes.bytes, from->content->bytes.len_bytes,
                                    &ret->bytes)
                  : r;
}

static int copy_writes(const struct item *checkpoint, struct stored_checkpoint *to)
{
    int r = 0;
    size_t count = shelf_bound(&checkpoint->below, LEAF_VALUE, "");
    to->writes = mem_array(count, sizeof(*to->writes));
    if (to->writes == NULL)
        return err_trace(ERR_NOMEM);
    for (; r == 0 && to->write_count < count; to->write_count++)
        r = copy_write(checkpoint->below.items[to->write_count], &to->writes[to->write_count]);
    if (r != 0)
        return err_trace(r);
    qsort(to->writes, count, sizeof(*to->writes), compare_writes);
    return 0;
}

/* to: zeroed; may be half filled on failure, fit for stored_list_clear(). */
static int copy_checkpoint(const struct found *from, const struct store_query *q,
                           struct stored_checkpoint *to)
{
    const struct item *checkpoint = from->checkpoint;
    int r = find_copy_text(q->thread_id, &to->thread_id);
    if (r == 0)
        r = find_copy_text(from->space->key, &to->ns);
    if (r == 0)
        r = find_copy_text(checkpoint->key, &to->id);
    if (r == 0)
        r = find_copy_text(checkpoint->content->note, &to->parent_id);
    if (r == 0)
        r = find_copy_bytes(checkpoint->content->bytes.bytes, checkpoint->content->bytes.len_bytes,
                            &to->head);
    if (r == 0)
        r = copy_writes(checkpoint, to);
    if (r == 0 && !q->without_values)
        r = copy_values(from, to);
    return r;
}

static int copy_all(const struct finds *f, const struct store_query *q, struct stored_list *ret)
{
    int r = 0;
    ret->items = mem_array(f->count, sizeof(*ret->items));
    if (ret->items == NULL)
        return err_trace(ERR_NOMEM);
    for (; r == 0 && ret->count < f->count; ret->count++)
        r = copy_checkpoint(&f->items[ret->count], q, &ret->items[ret->count]);
    return r;
}

int memory_find_checkpoints(const struct memory *m, const void *query, void *ret)
{
    const struct store_query *q = query;
    const struct item *thread = shelf_find(&m->threads, 0, q->thread_id);
    struct finds finds = { .items = NULL };
    if (thread == NULL)
        return 0;
    int r = find_all(thread, q, &finds);
    if (r == 0)
        r = copy_all(&finds, q, ret);
    mem_free(finds.items);
    return r != 0 ? err_trace(r) : 0;
}
