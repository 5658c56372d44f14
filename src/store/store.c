/*
 * What all backends have in common: the life of an op around each verb, the limits of strings, and
 * the list that a read fills.
 */
#include "store/store.h"
#include "base/mem.h"
#include "store/find.h"
#include "store/item_match.h"
#include <assert.h>
#include <string.h>

/* ---- commit ---- */

static bool fits(const char *text, size_t max_bytes)
{
    return text == NULL || strnlen(text, max_bytes + 1) <= max_bytes;
}

static bool is_item(const struct store_row *row)
{
    return row->kind >= ROW_ITEM && row->kind <= ROW_REFRESH_ITEM;
}

/* What is no id may be as long as an ns: paths, fields, names, and the keys of items. */
static bool row_fits(const struct store_row *row)
{
    size_t id_max = is_item(row) ? STORE_NS_MAX : STORE_ID_MAX;
    size_t other_max = row->kind == ROW_WRITE ? STORE_NS_MAX : STORE_ID_MAX;
    size_t name_max = row->kind == ROW_WRITE ? STORE_ID_MAX : STORE_NS_MAX;
    size_t ns_max = row->kind == ROW_RECORD ? STORE_ID_MAX : STORE_NS_MAX;
    return fits(row->thread_id, STORE_ID_MAX) && fits(row->ns, ns_max) && fits(row->id, id_max) &&
           fits(row->other, other_max) && fits(row->name, name_max);
}

static int check_batch(const struct store_batch *b)
{
    if (b->fault != 0)
        return b->fault;
    for (size_t i = 0; i < b->count; i++)
        if (!row_fits(&b->rows[i]))
            return STORE_E_TOO_LARGE;
    return 0;
}

/* What was handed over cannot be called back: the op goes on as if nobody had asked. */
static void ignore_cancel(struct op *op)
{
    op->state = OP_RUNNING;
    op->forced = 0;
}

/* Before the rows go where nobody else may look at them. */
static void tell_watcher(const struct store *s, const struct store_batch *b)
{
    for (size_t i = 0; s->item_due != NULL && i < b->count; i++) {
        const struct store_row *row = &b->rows[i];
        if (row->kind == ROW_ITEM && row->due_ms != 0)
            s->item_due(s->item_due_arg, item_expiry(row->now_ms, row->due_ms));
    }
}

void store_watch_items(struct store *s, void (*due)(void *arg, int64_t due_ms), void *arg)
{
    s->item_due = due;
    s->item_due_arg = arg;
}

void store_commit(struct store *s, struct loop *loop, struct store_op *c, struct store_batch *b,
                  void (*on_end)(void *arg, int result), void *arg)
{
    c->own = NULL;
    c->stale = 0;
    c->swept = 0;
    c->next_due_ms = 0;
    op_start(&c->op, loop, ignore_cancel, on_end, arg);
    int r = check_batch(b);
    if (r == 0)
        tell_watcher(s, b);
    if (r == 0)
        s->commit(s, loop, c, b);
    else
        op_finish(&c->op, r);
    store_batch_deinit(b);
}

/* ---- read ---- */

static void start_find(struct store *s, struct loop *loop, struct store_op *r, enum find_kind kind,
                       const void *query, void *ret)
{
    memset(ret, 0, find_table[kind].answer_bytes);
    s->find(s, loop, r, &find_table[kind], query, ret);
}

static void start_op(struct loop *loop, struct store_op *r, void (*on_end)(void *arg, int result),
                     void *arg)
{
    r->own = NULL;
    op_start(&r->op, loop, NULL, on_end, arg);
}

void store_read(struct store *s, struct loop *loop, struct store_op *r,
                const struct store_query *query, struct stored_list *ret,
                void (*on_end)(void *arg, int result), void *arg)
{
    start_op(loop, r, on_end, arg);
    start_find(s, loop, r, FIND_CHECKPOINTS, query, ret);
}

void store_find_records(struct store *s, struct loop *loop, struct store_op *r,
                        const struct record_query *query, struct stored_records *ret,
                        void (*on_end)(void *arg, int result), void *arg)
{
    assert(query->order != RECORDS_BY_NAME || query->kind == RECORD_ASSISTANT);
    start_op(loop, r, on_end, arg);
    start_find(s, loop, r, FIND_RECORDS, query, ret);
}

void store_read_events(struct store *s, struct loop *loop, struct store_op *r,
                       const struct event_query *query, struct stored_events *ret,
                       void (*on_end)(void *arg, int result), void *arg)
{
    start_op(loop, r, on_end, arg);
    start_find(s, loop, r, FIND_EVENTS, query, ret);
}

void store_find_items(struct store *s, struct loop *loop, struct store_op *r,
                      const struct item_query *query, struct stored_items *ret,
                      void (*on_end)(void *arg, int result), void *arg)
{
    assert(query->key == NULL || query->filter == NULL);
    start_op(loop, r, on_end, arg);
    start_find(s, loop, r, FIND_ITEMS, query, ret);
}

void store_list_namespaces(struct store *s, struct loop *loop, struct store_op *r,
                           const struct namespace_query *query, struct stored_namespaces *ret,
                           void (*on_end)(void *arg, int result), void *arg)
{
    start_op(loop, r, on_end, arg);
    start_find(s, loop, r, FIND_NAMESPACES, query, ret);
}

static void value_deinit(struct stored_value *v)
{
    mem_free(v->field);
    for (size_t i = 0; i < v->part_count; i++)
        mem_free(v->parts[i].bytes);
    mem_free(v->parts);
}

static void write_deinit(struct stored_write *w)
{
    mem_free(w->task_id);
    mem_free(w->path);
    mem_free(w->bytes.bytes);
}

static void checkpoint_deinit(struct stored_checkpoint *c)
{
    mem_free(c->thread_id);
    mem_free(c->ns);
    mem_free(c->id);
    mem_free(c->parent_id);
    mem_free(c->head.bytes);
    for (size_t i = 0; i < c->value_count; i++)
        value_deinit(&c->values[i]);
    mem_free(c->values);
    for (size_t i = 0; i < c->write_count; i++)
        write_deinit(&c->writes[i]);
    mem_free(c->writes);
}

void stored_list_clear(struct stored_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        checkpoint_deinit(&l->items[i]);
    mem_free(l->items);
    *l = (struct stored_list){ .items = NULL };
}
