/*
 * Threads in the heap. A commit is applied inside the call, a read is answered inside the call;
 * both report from the ready list. So the order of calls is the order of everything.
 *
 * A commit builds its rows as a tree of their own and merges that at the end, when nothing can fail
 * any more (store/shelf.h).
 */
#include "store/memory.h"
#include "base/err.h"
#include "base/mem.h"
#include <assert.h>
#include <string.h>

/* ---- commit ---- */

static const struct item *find_space(const struct memory *m, const char *thread_id, const char *ns)
{
    const struct item *thread = shelf_find(&m->threads, 0, thread_id);
    return thread == NULL ? NULL : shelf_find(&thread->below, 0, ns);
}

static bool holds(const struct memory *m, const struct store_row *expect)
{
    const struct item *latest = memory_latest(find_space(m, expect->thread_id, expect->ns));
    return strcmp(latest == NULL ? "" : latest->key, expect->id) == 0;
}

static int check_expectations(const struct memory *m, const struct store_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].kind == ROW_EXPECT && !holds(m, &b->rows[i]))
            return STORE_E_STALE;
    return 0;
}

static int get_checkpoint(struct shelf *threads, const struct store_row *row, struct item **ret)
{
    struct item *item = NULL;
    int r = shelf_get(threads, 0, row->thread_id, &item);
    if (r == 0)
        r = shelf_get(&item->below, 0, row->ns, &item);
    if (r == 0)
        r = shelf_get(&item->below, 0, row->id, ret);
    return r;
}

static int add_content(struct shelf *threads, struct store_row *row)
{
    struct item *item = NULL;
    int r = get_checkpoint(threads, row, &item);
    if (r == 0 && row->kind != ROW_CHECKPOINT)
        r = shelf_get(&item->below, row->kind == ROW_VALUE ? LEAF_VALUE : (int)row->write,
                      row->name, &item);
    if (r != 0)
        return err_trace(r);
    item->is_final = row->kind == ROW_WRITE && row->write == WRITE_RESULT;
    item_set_content(item, &row->other, &row->bytes);
    return 0;
}

static int add_reset(struct shelf *threads, const struct store_row *row)
{
    struct item *thread = NULL;
    int r = shelf_get(threads, 0, row->thread_id, &thread);
    if (r != 0)
        return err_trace(r);
    thread->is_reset = true;
    shelf_clear(&thread->below);
    return 0;
}

static int add_row(struct shelf *threads, struct store_row *row)
{
    switch (row->kind) {
    case ROW_CHECKPOINT:
    case ROW_VALUE:
    case ROW_WRITE:
        return add_content(threads, row);
    case ROW_DELETE_THREAD:
        return add_reset(threads, row);
    case ROW_EXPECT:
        return 0; /* was looked at before */
    }
    return 0;
}

static int merge(struct memory *m, struct shelf *fresh)
{
    struct shelf_change change = { .more_bytes = 0 };
    int r = shelf_prepare(&m->threads, fresh, &change);
    if (r != 0)
        return err_trace(r);
    assert(change.less_bytes <= m->used_bytes);
    size_t used_bytes = m->used_bytes - change.less_bytes + change.more_bytes;
    if (used_bytes > m->max_bytes && change.more_bytes > change.less_bytes)
        return STORE_E_FULL;
    m->used_bytes = used_bytes;
    shelf_merge(&m->threads, fresh);
    return 0;
}

static int apply(struct memory *m, struct store_batch *b)
{
    struct shelf fresh MEM_AUTO(shelf_clear) = { .items = NULL };
    int r = check_expectations(m, b);
    for (size_t i = 0; r == 0 && i < b->count; i++)
        r = add_row(&fresh, &b->rows[i]);
    return r == 0 ? merge(m, &fresh) : r;
}

static void memory_commit(struct store *s, struct loop *loop, struct store_op *c,
                          struct store_batch *b)
{
    (void)loop; /* the op knows it */
    op_finish(&c->op, apply((struct memory *)s, b));
}

/* ---- read ---- */

/* An answer on its way: until it is delivered, a cancel takes it back. */
struct answer {
    struct loop_work work;
    struct store_op *r;
    struct stored_list *ret;
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

static void cancel_read(struct op *op)
{
    struct store_op *r = LIST_OF(op, struct store_op, op);
    struct answer *a = r->own;
    loop_work_cancel(&a->work);
    stored_list_clear(a->ret);
    r->own = mem_free(a);
    op_finish(op, OP_CANCELLED);
}

static void memory_read(struct store *s, struct loop *loop, struct store_op *r,
                        const struct store_query *query, struct stored_list *ret)
{
    struct answer *a = mem_alloc(sizeof(*a));
    if (a == NULL) {
        op_finish(&r->op, err_trace(ERR_NOMEM));
        return;
    }
    a->r = r;
    a->ret = ret;
    a->result = memory_find((struct memory *)s, query, ret);
    r->own = a;
    r->op.cancel = cancel_read;
    loop_work_init(&a->work, deliver, a);
    loop_ready(loop, &a->work);
}

/* ---- the backend ---- */

static void memory_close(struct store *s)
{
    struct memory *m = (struct memory *)s;
    shelf_clear(&m->threads);
    mem_free(m);
}

static int memory_open(const struct conf *conf, struct buf *why, struct store **ret)
{
    (void)why; /* nothing is refused here */
    struct memory *m = mem_zalloc(sizeof(*m));
    if (m == NULL)
        return err_trace(ERR_NOMEM);
    m->store = (struct store){ memory_commit, memory_read, memory_close };
    m->max_bytes = (size_t)conf->memory_store_bytes;
    *ret = &m->store;
    return 0;
}

const struct store_backend store_memory = { .scheme = "memory:", .open = memory_open };
