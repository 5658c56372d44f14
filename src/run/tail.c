/* Reserving numbers, and events as rows; see tail.h. */
#include "run/tail.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/tail.h"
#include <string.h>

enum { BLOCK = 100000 };
/* A row is closed when it has so much, or what one segment may have; one event may be larger. */
enum { ROW_BYTES = 64 * 1024 };
#define ROW_MAX_BYTES ((size_t)1 << 30) /* bounds a mistake only: frames have limits of their own */
/* What may be on its way to the disk before more is lost. */
#define AHEAD_MAX_BYTES ((size_t)16 << 20)

void tail_init(struct tail *t, struct run *run, enum events_kept kept)
{
    *t = (struct tail){
        .run = run,
        .is_stored = kept == EVENTS_STORED,
        .max_bytes = run->runs->services->conf->resumable_bytes,
        .begin = run->log.next,
        .asked = run->log.next + 1,
        .open = run->log.next + 1, /* `metadata`, which would be the same again */
        .stored = run->log.next,
    };
    run->log.tail = kept == EVENTS_IN_MEMORY ? NULL : t;
}

uint64_t tail_visible(const struct tail *t)
{
    return t->run->is_closed ? UINT64_MAX : t->open;
}

bool tail_is_stored(const struct tail *t)
{
    return t->is_stored;
}

/* ---- commits of its own ---- */

struct tail_commit {
    struct store_op op;
    struct run *run; /* a reference */
    size_t size_bytes;
    uint64_t open;
};

static void committed(void *arg, int result)
{
    struct tail_commit *c = arg;
    struct tail *t = &c->run->tail;

    if (result != 0)
        log_warn("events_not_stored", "run", c->run->id, "result", log_int(result), NULL);
    t->ahead_bytes -= c->size_bytes;
    if (c->open > t->open)
        t->open = c->open; /* also after a failure: readers do not wait for a full disk */
    event_log_wake(&c->run->log);
    run_unref(c->run);
    mem_free(c);
}

static size_t size_of(const struct store_batch *b)
{
    size_t sum = 0;

    for (size_t i = 0; i < b->count; i++)
        sum += b->rows[i].bytes.len_bytes;
    return sum;
}

/* Takes what is in b. */
static int commit(struct tail *t, struct store_batch *b)
{
    const struct services *services = t->run->runs->services;
    struct tail_commit *c = mem_zalloc(sizeof(*c));

    if (c == NULL || b->fault != 0) {
        mem_free(c);
        return err_trace(ERR_NOMEM);
    }
    c->run = run_ref(t->run);
    c->size_bytes = size_of(b);
    c->open = t->asked;
    t->ahead_bytes += c->size_bytes;
    store_commit(services->store, services->loop, &c->op, b, committed, c);
    return 0;
}

/* ---- numbers ---- */

void tail_add_block(struct tail *t, struct store_batch *b)
{
    t->asked = t->run->log.next + BLOCK;
    store_add_reserve_events(b, t->run->id, (int64_t)t->asked);
}

void tail_reserved(struct tail *t)
{
    t->has_begun = true;
    t->open = t->asked;
    event_log_wake(&t->run->log);
}

static int ask_for_more(struct tail *t)
{
    struct store_batch b;

    if (!t->has_begun || t->is_closed || t->asked - t->run->log.next > BLOCK / 2)
        return 0;
    store_batch_init(&b);
    tail_add_block(t, &b);
    int r = commit(t, &b);
    store_batch_deinit(&b);
    return r;
}

/* ---- events as rows ---- */

struct row {
    struct buf bytes;
    uint64_t first;
};

static void begin_row(const struct tail *t, struct row *row, uint64_t first)
{
    row->first = first;
    buf_clear(&row->bytes);
    buf_add_str(&row->bytes, first == t->begin ? "b\n" : "c\n");
}

static void add_event(struct row *row, const struct record *r)
{
    buf_addf(&row->bytes, "%u %zu\n", r->mode | (r->ns != NULL ? MODE_SUBGRAPHS : 0U),
             r->frame.len);
    buf_add(&row->bytes, r->frame.data, r->frame.len);
}

/* The oldest segment goes when there would be one more than fits. */
static void count_segment(struct tail *t, uint64_t first, size_t len_bytes, struct store_batch *b)
{
    t->segment_bytes += (int64_t)len_bytes;
    if (t->segment_bytes <= t->max_bytes / TAIL_SEGMENTS)
        return;
    t->segment_bytes = (int64_t)len_bytes;
    if (t->segment_count == TAIL_SEGMENTS - 1) {
        store_add_drop_events(b, t->run->id, (int64_t)t->segments[0]);
        memmove(t->segments, t->segments + 1, sizeof(t->segments) - sizeof(t->segments[0]));
        t->segment_count--;
    }
    t->segments[t->segment_count++] = first;
}

static void end_row(struct tail *t, struct row *row, uint64_t last, struct store_batch *b)
{
    if (row->bytes.fault != 0) {
        b->fault = b->fault != 0 ? b->fault : ERR_NOMEM;
        return;
    }
    count_segment(t, row->first, row->bytes.len, b);
    store_add_events(b, t->run->id, (int64_t)row->first, (int64_t)last, row->bytes.data,
                     row->bytes.len);
}

/* What is not stored is at the list's end, and little. */
static struct list *first_unstored(const struct tail *t)
{
    struct list *head = &t->run->log.records, *node = head;

    while (node->prev != head && LIST_OF(node->prev, struct record, node)->number >= t->stored)
        node = node->prev;
    return node;
}

void tail_add(struct tail *t, struct store_batch *b)
{
    struct list *head = &t->run->log.records;
    struct row row = { .first = 0 };

    if (!t->is_stored)
        return;
    buf_init(&row.bytes, ROW_MAX_BYTES);
    for (struct list *node = first_unstored(t); node != head; node = node->next) {
        const struct record *r = LIST_OF(node, struct record, node);
        if (row.bytes.len == 0)
            begin_row(t, &row, r->number);
        add_event(&row, r);
        if (row.bytes.len < ROW_BYTES && (int64_t)row.bytes.len < t->max_bytes / TAIL_SEGMENTS &&
            node->next != head)
            continue;
        end_row(t, &row, r->number, b);
        buf_clear(&row.bytes);
    }
    buf_deinit(&row.bytes);
}

void tail_added(struct tail *t)
{
    t->stored = t->run->log.next;
}

/* ---- the log ---- */

int tail_appended(struct tail *t, struct record *r)
{
    int fault = ask_for_more(t);

    if (fault != 0 || !t->is_stored)
        return fault;
    if (record_make_frame(r, run_max_frame_bytes(t->run)) != 0)
        return err_trace(ERR_NOMEM);
    r->cost_bytes += r->frame.len;
    return 0;
}

/* Without memory, or far ahead of the disk, its readers are told that there is a gap. */
void tail_falls_out(struct tail *t)
{
    struct store_batch b;

    if (!t->is_stored || t->is_closed || t->run->log.first < t->stored ||
        t->ahead_bytes > AHEAD_MAX_BYTES)
        return;
    store_batch_init(&b);
    tail_add(t, &b);
    if (commit(t, &b) == 0)
        tail_added(t);
    store_batch_deinit(&b);
}

void tail_add_end(struct tail *t, bool with_events, struct store_batch *b)
{
    t->is_closed = true;
    if (with_events)
        tail_add(t, b);
    if (t->run->log.next > t->asked || !t->has_begun)
        store_add_reserve_events(b, t->run->id, (int64_t)t->run->log.next);
}
