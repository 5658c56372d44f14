/*
 * Everything in the heap. A commit is applied inside the call, a read is answered inside the call;
 * both report from the ready list. So the order of calls is the order of everything.
 *
 * A batch is applied row by row, in its order; where one fails, all before it are taken back
 * (store/undo.h).
 */
#include "store/memory.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

/* ---- commit ---- */

static bool holds(const struct memory *m, const struct store_row *row)
{
    if (row->kind == ROW_EXPECT)
        return memory_thread_is_at(m, row);
    return row->kind != ROW_EXPECT_RECORD || memory_record_is(m, row);
}

static int check_expectations(const struct memory *m, const struct store_batch *b,
                              struct store_op *c)
{
    for (size_t i = 0; i < b->count; i++) {
        c->stale = i;
        if (!holds(m, &b->rows[i]))
            return STORE_E_STALE;
    }
    return 0;
}

static int apply_row(struct memory *m, struct undo *u, struct store_row *row, struct store_op *c)
{
    switch (row->kind) {
    case ROW_CHECKPOINT:
    case ROW_VALUE:
    case ROW_WRITE:
        return memory_put_content(m, u, row);
    case ROW_DELETE_THREAD:
        return memory_delete_record(m, u, RECORD_THREAD, row->thread_id);
    case ROW_COPY_THREAD:
        return memory_copy_thread(m, u, row);
    case ROW_PRUNE_THREAD:
        return memory_prune_thread(m, u, row->thread_id);
    case ROW_REWIND_THREAD:
        return memory_rewind_thread(m, u, row);
    case ROW_EXPECT:
    case ROW_EXPECT_RECORD:
        return 0; /* was looked at before */
    case ROW_RECORD:
        return memory_put_record(m, u, row);
    case ROW_DELETE_RECORD:
        return memory_delete_record(m, u, (enum record_kind)row->type, row->id);
    case ROW_EVENTS:
        return memory_put_events(m, u, row);
    case ROW_DROP_EVENTS:
        return memory_drop_events(m, u, row->id, row->number);
    case ROW_RESERVE_EVENTS:
        return memory_reserve_events(m, u, row);
    case ROW_ITEM:
        return memory_put_item(m, u, row);
    case ROW_DELETE_ITEM:
        return memory_delete_item(m, u, row);
    case ROW_REFRESH_ITEM:
        return memory_refresh_item(m, u, row);
    case ROW_SWEEP_ITEMS:
        return memory_sweep_items(m, u, row, c);
    }
    return 0;
}

static int apply_rows(struct memory *m, struct undo *u, struct store_batch *b, struct store_op *c)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < b->count; i++) {
        c->stale = i;
        r = apply_row(m, u, &b->rows[i], c);
    }
    if (r == 0 && u->bytes > 0 && m->used_bytes + u->bytes > m->max_bytes)
        r = STORE_E_FULL;
    return r;
}

static int apply(struct memory *m, struct store_batch *b, struct store_op *c)
{
    struct undo undo = { .steps = NULL };
    int r = check_expectations(m, b, c);
    if (r == 0)
        r = apply_rows(m, &undo, b, c);
    if (r == 0) {
        m->used_bytes += undo.bytes;
        undo_forget(&undo);
        return 0;
    }
    undo_take_back(&undo);
    c->swept = 0;
    c->next_due_ms = 0;
    return r;
}

static void memory_commit(struct store *s, struct loop *loop, struct store_op *c,
                          struct store_batch *b)
{
    (void)loop; /* the op knows it */
    op_finish(&c->op, apply((struct memory *)s, b, c));
}

/* ---- read ---- */

static int (*const functions[FIND_KIND_COUNT])(const struct memory *m, const void *query,
                                               void *ret) = {
    [FIND_CHECKPOINTS] = memory_find_checkpoints, [FIND_RECORDS] = memory_find_records,
    [FIND_EVENTS] = memory_find_events,           [FIND_ITEMS] = memory_find_items,
    [FIND_NAMESPACES] = memory_find_namespaces,
};

/* An answer on its way: until it is delivered, a cancel takes it back. */
struct answer {
    struct loop_work work;
    struct store_op *r;
    const struct find *what;
    void *ret;
    int result;
};

static void deliver(void *arg)
{
    struct answer *a = arg;
    struct store_op *r = a->r;
    int result = a->result;
    r->own = mem_free(a);
    op_finish(&r->op, result);
}

static void cancel_find(struct op *op)
{
    struct store_op *r = LIST_OF(op, struct store_op, op);
    struct answer *a = r->own;
    loop_work_cancel(&a->work);
    a->what->clear(a->ret);
    r->own = mem_free(a);
    op_finish(op, OP_CANCELLED);
}

static void memory_find(struct store *s, struct loop *loop, struct store_op *r,
                        const struct find *what, const void *query, void *ret)
{
    struct answer *a = mem_alloc(sizeof(*a));
    if (a == NULL) {
        op_finish(&r->op, err_trace(ERR_NOMEM));
        return;
    }
    *a = (struct answer){ .r = r, .what = what, .ret = ret };
    a->result = functions[what->kind]((struct memory *)s, query, ret);
    if (a->result != 0)
        what->clear(ret);
    r->own = a;
    r->op.cancel = cancel_find;
    loop_work_init(&a->work, deliver, a);
    loop_ready(loop, &a->work);
}

/* ---- the backend ---- */

static void memory_close(struct store *s)
{
    struct memory *m = (struct memory *)s;
    shelf_clear(&m->threads);
    shelf_clear(&m->events);
    rows_clear(&m->records);
    rows_clear(&m->items);
    mem_free(m);
}

static int memory_open(const struct conf *conf, struct buf *why, struct store **ret)
{
    (void)why; /* nothing is refused here */
    struct memory *m = mem_zalloc(sizeof(*m));
    if (m == NULL)
        return err_trace(ERR_NOMEM);
    m->store =
        (struct store){ .commit = memory_commit, .find = memory_find, .close = memory_close };
    m->records = (struct rows){ memory_record_orders, RECORD_ORDER_COUNT, .count = 0 };
    m->items = (struct rows){ memory_item_orders, ITEM_ORDER_COUNT, .count = 0 };
    m->max_bytes = conf->memory_store_bytes;
    *ret = &m->store;
    return 0;
}

const struct store_backend store_memory = { .scheme = "memory:", .open = memory_open };
