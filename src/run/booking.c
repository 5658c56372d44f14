/*
 * An order on its way into the books:
 *
 *     read the assistant -> read the thread -> the run is made, held -> commit
 *                              ^--------- somebody has changed the thread: again (at most TRIES)
 *
 * Whether the thread is busy is known from its line, not from its record: between the look at the
 * line and the place in it nothing waits.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/order.h"
#include "run/ticket.h"
#include <string.h>

enum { TRIES = 20 };

struct booking {
    struct desk *desk;
    struct desk_op *op;
    struct desk_order order; /* its pointers are owned */
    struct graph *graph;     /* a reference: graphs may be loaded anew meanwhile */
    struct store_op work;
    struct stored_records found; /* by the last read */
    json_t *assistant_body, *assistant_metadata;
    json_t *thread_body, *thread_metadata;
    int64_t thread_revision; /* 0 = there is none yet */
    char assistant_id[ID_BYTES];
    struct ticket *ticket;
    int tries;
    struct run **ret;
    struct fail *f;
};

/* ---- life ---- */

static void cannot_cancel(struct op *op)
{
    (void)op; /* it ends soon */
}

static void booking_free(struct booking *b)
{
    graph_unref(b->graph);
    mem_free((char *)b->order.assistant);
    mem_free((char *)b->order.thread_id);
    json_decref((json_t *)b->order.kwargs);
    json_decref((json_t *)b->order.metadata);
    json_decref(b->assistant_body);
    json_decref(b->assistant_metadata);
    json_decref(b->thread_body);
    json_decref(b->thread_metadata);
    stored_records_clear(&b->found);
    mem_free(b);
}

static void finish(struct booking *b, int result)
{
    struct desk_op *op = b->op;

    if (result == 0)
        *b->ret = run_ref(b->ticket->run);
    desk_count(b->desk, -1);
    booking_free(b);
    op_finish(&op->op, result);
}

/* r: a fault, or any condition; with it f is set. */
static void refuse(struct booking *b, int r)
{
    if (b->ticket != NULL)
        ticket_abandon(b->ticket);
    finish(b, r < 0 ? err_trace(r) : DESK_E_REFUSED);
}

static bool copy_order(struct booking *b, const struct desk_order *o)
{
    b->order = *o;
    b->order.assistant = mem_strdup(o->assistant);
    b->order.thread_id = mem_strdup(o->thread_id);
    b->order.kwargs = json_incref((json_t *)o->kwargs);
    b->order.metadata = json_incref((json_t *)o->metadata);
    return b->order.assistant != NULL && (o->thread_id == NULL || b->order.thread_id != NULL);
}

/* ---- reading ---- */

static void find_record(struct booking *b, enum record_kind kind, const char *id,
                        void (*on_end)(void *arg, int result))
{
    const struct record_query query = { .kind = kind, .ids = &id, .id_count = 1 };

    stored_records_clear(&b->found);
    store_find_records(b->desk->services->store, b->desk->services->loop, &b->work, &query,
                       &b->found, on_end, b);
}

static const struct stored_record *found_one(const struct booking *b)
{
    return b->found.count > 0 ? &b->found.items[0] : NULL;
}

/* Of a record: 0 or a fault. */
static int read_parts(struct booking *b, json_t **ret_body, json_t **ret_metadata)
{
    const struct stored_record *from = found_one(b);

    json_decref(*ret_body);
    json_decref(*ret_metadata);
    *ret_body = from == NULL ? json_object() : record_object(&from->body, desk_max_depth(b->desk));
    *ret_metadata =
        from == NULL ? json_object() : record_object(&from->metadata, desk_max_depth(b->desk));
    return *ret_body == NULL || *ret_metadata == NULL ? err_trace(ERR_NOMEM) : 0;
}

static void thread_read(void *arg, int result);

static void read_thread(struct booking *b)
{
    find_record(b, RECORD_THREAD, b->order.thread_id, thread_read);
}

/* ---- what is decided ---- */

/* record: the assistant's, or NULL. */
static int refuse_assistant(struct booking *b, const struct stored_record *record)
{
    if (record != NULL)
        fail_set(b->f, FAIL_NOT_FOUND, "Graph \"%.100s\" not found", record->owner);
    else
        fail_set(b->f, FAIL_NOT_FOUND,
                 "No assistant found for \"%.100s\". Make sure the assistant ID is for a valid "
                 "assistant or a valid graph ID.",
                 b->order.assistant);
    return DESK_E_REFUSED;
}

static int settle_assistant(struct booking *b)
{
    const struct stored_record *record = found_one(b);
    const char *name = record != NULL ? record->owner : b->order.assistant;
    int r = read_parts(b, &b->assistant_body, &b->assistant_metadata);

    b->graph = registry_find(b->desk->graphs, name);
    if (b->graph == NULL)
        return refuse_assistant(b, record);
    graph_ref(b->graph);
    snprintf(b->assistant_id, sizeof(b->assistant_id), "%s",
             record != NULL ? record->id : b->graph->assistant_id);
    if (r == 0 && record == NULL &&
        json_object_set_new(b->assistant_metadata, "created_by", json_string("system")) != 0)
        r = err_trace(ERR_NOMEM);
    return r;
}

static int refuse_busy(struct booking *b)
{
    const struct line *l = line_find(b->desk, b->order.thread_id);

    if (l == NULL || b->order.multitask != MULTITASK_REJECT)
        return 0;
    fail_set(b->f, FAIL_BUSY,
             "Thread is already running a task. Wait for it to finish or choose a different "
             "multitask strategy.");
    return DESK_E_REFUSED;
}

static int settle_thread(struct booking *b)
{
    const struct stored_record *record = found_one(b);
    int r = read_parts(b, &b->thread_body, &b->thread_metadata);

    b->thread_revision = record == NULL ? 0 : record->revision;
    if (r == 0 && record == NULL && !b->order.creates_thread) {
        fail_set(b->f, FAIL_NOT_FOUND, "Thread with ID %s not found", b->order.thread_id);
        return DESK_E_REFUSED;
    }
    return r;
}

/* ---- the run ---- */

static int write_sheet(struct booking *b, struct sheet *s)
{
    struct order_ground ground = { b->assistant_body, b->assistant_metadata, b->thread_body, NULL };
    bool is_new;

    id_v7(s->run_id);
    snprintf(s->thread_id, sizeof(s->thread_id), "%s",
             b->order.thread_id != NULL ? b->order.thread_id : "");
    snprintf(s->status, sizeof(s->status), "pending");
    s->assistant_id = mem_strdup(b->assistant_id);
    s->graph = mem_strdup(b->graph->name);
    if (s->assistant_id == NULL || s->graph == NULL)
        return err_trace(ERR_NOMEM);
    s->multitask = b->order.multitask;
    s->attempt = 1;
    s->modes = b->order.modes;
    s->is_attended = b->order.is_attended;
    s->is_temporary = b->order.thread_id == NULL;
    s->updated_ms = clock_wall_ms();
    s->created_ms = s->updated_ms + b->order.after_ms;
    s->due_ms = b->order.after_ms > 0 ? s->created_ms : 0;
    json_t *metadata = order_thread_metadata(s, b->thread_metadata, &is_new);
    ground.thread_metadata = metadata;
    int r = metadata == NULL ? err_trace(ERR_NOMEM)
                             : order_merge(s, b->order.kwargs, b->order.metadata, &ground);
    json_decref(metadata);
    return r;
}

static int make_ticket(struct booking *b)
{
    const struct ticket_start how = {
        .is_recorded = b->order.thread_id != NULL || b->order.is_recorded,
    };
    struct sheet sheet = { 0 };
    int r = b->order.thread_id == NULL ? 0 : refuse_busy(b);

    if (r == 0)
        r = write_sheet(b, &sheet);
    if (r != 0) {
        sheet_clear(&sheet);
        return r;
    }
    return ticket_new(b->desk, &sheet, b->graph, &how, &b->ticket, b->f);
}

/* ---- the rows ---- */

static int add_thread(struct booking *b, struct store_batch *batch)
{
    const struct desk_order *o = &b->order;
    bool is_new = false;
    json_t *after = order_thread_metadata(&b->ticket->sheet, b->thread_metadata, &is_new);
    struct record_put put = {
        .kind = RECORD_THREAD,
        .id = o->thread_id,
        .status = "busy",
        .now_ms = clock_wall_ms(),
    };
    char *text MEM_AUTO(mem_freep) =
        after == NULL ? NULL : jsonx_text(after, desk_max_bytes(b->desk), &put.metadata_len_bytes);

    json_decref(after);
    if (text == NULL)
        return err_trace(ERR_NOMEM);
    put.metadata = text;
    if (b->thread_revision == 0) {
        put.body = "{\"config\":{}}";
        put.body_len_bytes = strlen(put.body);
        store_add_expect_absent(batch, RECORD_THREAD, o->thread_id);
    } else if (is_new) {
        json_decref(b->ticket->metadata_before); /* of a try before this one */
        b->ticket->metadata_before = json_incref(b->thread_metadata);
        store_add_expect_record(batch, RECORD_THREAD, o->thread_id, b->thread_revision, NULL, 0);
    } else {
        put.metadata = NULL;
        put.metadata_len_bytes = 0;
        store_add_expect_record(batch, RECORD_THREAD, o->thread_id, 0, NULL, 0);
    }
    store_add_record(batch, &put);
    return 0;
}

static void stop_others(struct booking *b)
{
    enum multitask how = b->order.multitask;

    if (b->ticket->line == NULL || (how != MULTITASK_INTERRUPT && how != MULTITASK_ROLLBACK))
        return;
    line_cancel_before(b->ticket->line, b->ticket,
                       how == MULTITASK_ROLLBACK ? CANCEL_ROLLBACK : CANCEL_INTERRUPT);
}

static void booked(struct booking *b)
{
    struct ticket *t = b->ticket;

    stop_others(b);
    finish(b, 0);
    ticket_booked_soon(t);
}

static void committed(void *arg, int result)
{
    struct booking *b = arg;

    if (result == STORE_E_STALE && ++b->tries < TRIES) {
        read_thread(b);
        return;
    }
    if (result == STORE_E_STALE)
        fail_set(b->f, FAIL_CONFLICT, "the thread is being changed all the time; try again");
    else if (result == STORE_E_FULL)
        fail_set(b->f, FAIL_NO_ROOM,
                 "the database is full, and the run cannot be written down: memory: holds what "
                 "memory_store_bytes allows, a file what its disk has room for. Runs without a "
                 "thread are not concerned; delete threads, or give it more room");
    else if (result == STORE_E_TOO_LARGE)
        fail_set(b->f, FAIL_LIMIT, "the run is larger than the database takes");
    if (result == 0)
        booked(b);
    else
        refuse(b, result);
}

static void commit(struct booking *b)
{
    struct store_batch batch;
    int r = 0;

    store_batch_init(&batch);
    if (b->order.thread_id != NULL)
        r = add_thread(b, &batch);
    sheet_add(&b->ticket->sheet, &batch, desk_max_bytes(b->desk));
    if (r == 0)
        store_commit(b->desk->services->store, b->desk->services->loop, &b->work, &batch, committed,
                     b);
    else
        refuse(b, r);
    store_batch_deinit(&batch);
}

static void decide(struct booking *b)
{
    int r = b->ticket != NULL ? 0 : make_ticket(b);

    if (r != 0)
        refuse(b, r);
    else if (b->ticket->is_recorded)
        commit(b);
    else
        booked(b);
}

static void thread_read(void *arg, int result)
{
    struct booking *b = arg;
    int r = result == 0 ? settle_thread(b) : err_trace(result < 0 ? result : ERR_SYSTEM);

    if (r != 0)
        refuse(b, r);
    else
        decide(b);
}

static void assistant_known(struct booking *b)
{
    int r = settle_assistant(b);

    if (r != 0)
        refuse(b, r);
    else if (b->order.thread_id != NULL)
        read_thread(b);
    else
        decide(b);
}

static void assistant_read(void *arg, int result)
{
    if (result == 0)
        assistant_known(arg);
    else
        refuse(arg, result < 0 ? result : ERR_SYSTEM);
}

/* A stateless run of a graph asks the store nothing. */
static void begin(struct booking *b)
{
    const struct graph *g = registry_find(b->desk->graphs, b->order.assistant);

    if (g != NULL && b->order.thread_id == NULL && !b->order.is_recorded)
        assistant_known(b);
    else
        find_record(b, RECORD_ASSISTANT, g != NULL ? g->assistant_id : b->order.assistant,
                    assistant_read);
}

/* Clients take such a segment out of an address, however it is written. */
static bool is_dots(const char *id)
{
    return strcmp(id, ".") == 0 || strcmp(id, "..") == 0;
}

static bool is_thread_id(const char *id, struct fail *f)
{
    if (id == NULL || (id[0] != '\0' && strlen(id) <= STORE_ID_MAX && !is_dots(id)))
        return true;
    fail_set(f, FAIL_UNPROCESSABLE, "a thread_id has 1 to %d bytes, and is not \".\" or \"..\"",
             STORE_ID_MAX);
    return false;
}

void desk_submit(struct desk *d, struct desk_op *o, const struct desk_order *order,
                 struct run **ret, struct fail *f, void (*on_end)(void *arg, int result), void *arg)
{
    struct booking *b = mem_zalloc(sizeof(*b));

    op_start(&o->op, d->services->loop, cannot_cancel, on_end, arg);
    if (b == NULL) {
        op_finish(&o->op, err_trace(ERR_NOMEM));
        return;
    }
    b->desk = d;
    b->op = o;
    b->ret = ret;
    b->f = f;
    desk_count(d, 1);
    if (!copy_order(b, order))
        refuse(b, ERR_NOMEM);
    else if (!is_thread_id(order->thread_id, f))
        refuse(b, DESK_E_REFUSED);
    else
        begin(b);
}
