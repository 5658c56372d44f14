/*
 * Readers: cursors into a run's log.
 *
 *     log:      ... [41] [42] [43]          first = 41, next = 44
 *     reader:          ^ held = 42, want = 43
 *
 * A reader holds the record it gave out last, so its bytes stay valid and the next one is found in
 * one step even if the held one has fallen out of the log meanwhile.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"

struct reader {
    struct list node; /* in log->readers */
    struct run *run;  /* a reference */
    unsigned modes;
    uint64_t want; /* number of the next record */
    struct record *held;
    bool is_waiting;
    bool is_over; /* after a StreamTruncated or a failed frame */
    struct loop_work work;
    void (*on_ready)(void *arg);
    void *arg;
};

static void call_ready(void *arg)
{
    struct reader *r = arg;

    r->on_ready(r->arg);
}

int reader_open(struct run *run, unsigned modes, void (*on_ready)(void *arg), void *arg,
                struct reader **ret)
{
    struct reader *r = mem_zalloc(sizeof(*r));

    if (r == NULL)
        return err_trace(ERR_NOMEM);
    r->run = run_ref(run);
    r->modes = modes;
    r->want = run->log.first;
    r->on_ready = on_ready;
    r->arg = arg;
    loop_work_init(&r->work, call_ready, r);
    list_add_tail(&run->log.readers, &r->node);
    *ret = r;
    return 0;
}

void reader_seek(struct reader *r, uint64_t number)
{
    r->want = number;
}

struct reader *reader_close(struct reader *r)
{
    if (r == NULL)
        return NULL;
    list_remove(&r->node);
    loop_work_cancel(&r->work);
    record_unref(r->held);
    run_unref(r->run);
    return mem_free(r);
}

/* Every record of a turn wakes a reader once: the work is queued for the turn's end. */
void event_log_wake(struct event_log *log)
{
    LIST_EACH(&log->readers, node) {
        struct reader *r = LIST_OF(node, struct reader, node);
        if (!r->is_waiting)
            continue;
        r->is_waiting = false;
        loop_defer(log->loop, &r->work);
    }
}

static struct record *next_record(const struct reader *r)
{
    const struct event_log *log = &r->run->log;
    struct list *node = log->records.next;

    if (r->held != NULL && !list_is_empty(&r->held->node))
        node = r->held->node.next;
    while (LIST_OF(node, struct record, node)->number < r->want) /* only after a seek */
        node = node->next;
    return LIST_OF(node, struct record, node);
}

static void hold(struct reader *r, struct record *record)
{
    if (r->held != NULL)
        event_log_passed(&r->run->log, r->held);
    record_unref(r->held);
    r->held = record;
}

static enum reader_result give(struct reader *r, struct run_event *ret)
{
    const struct record *record = r->held;

    ret->name = record_event_name(record);
    ret->ns = record->ns == NULL ? "" : record->ns->text;
    ret->numbered = record->frame.data;
    ret->numbered_len_bytes = record->frame.len;
    ret->frame = record->frame.data + record->event_at;
    ret->frame_len_bytes = record->frame.len - record->event_at;
    ret->data = record->frame.data + record->data_at;
    ret->data_len_bytes = record->data_len_bytes;
    return READER_EVENT;
}

/* The last event of a reader that cannot go on. It belongs to this reader only. */
static enum reader_result give_up(struct reader *r, struct run_event *ret, const char *type,
                                  const char *why)
{
    struct record *record = record_new(RECORD_ERROR, 0, NULL, 0);

    r->is_over = true;
    if (record == NULL)
        return READER_END;
    fail_set(&record->fail, FAIL_LIMIT, "%s", why);
    fail_set_type(&record->fail, type);
    hold(r, record);
    if (record_make_frame(record, (size_t)1 << 16) != 0)
        return READER_END;
    return give(r, ret);
}

static enum reader_result give_truncated(struct reader *r, struct run_event *ret)
{
    char why[160];

    snprintf(why, sizeof(why),
             "this reader fell behind: events %llu to %llu fell out of the run's log (settings "
             "log_bytes and logs_bytes)",
             (unsigned long long)r->want, (unsigned long long)r->run->log.first - 1);
    return give_up(r, ret, "StreamTruncated", why);
}

/* A frame may be as large as the state that it shows, or as a message's members and metadata;
 * escaping can make bytes of text six times as long. */
static size_t max_frame_bytes(const struct run *run)
{
    return 6 * ((size_t)run->runs->services->conf->max_state_bytes + 2 * MESSAGE_PART_MAX_BYTES);
}

static bool is_wanted(const struct reader *r, const struct record *record)
{
    if (record->ns != NULL && (r->modes & MODE_SUBGRAPHS) == 0)
        return false;
    return record->mode == 0 || (record->mode & r->modes) != 0;
}

enum reader_result reader_next(struct reader *r, struct run_event *ret)
{
    struct event_log *log = &r->run->log;

    while (!r->is_over && r->want < log->next) {
        if (r->want < log->first)
            return give_truncated(r, ret);
        struct record *record = record_ref(next_record(r));
        r->want++;
        hold(r, record);
        if (!is_wanted(r, record))
            continue;
        bool is_new = record->frame.data == NULL;
        if (record_make_frame(record, max_frame_bytes(r->run)) != 0)
            return give_up(r, ret, "InternalError", "there is no memory for this event");
        if (is_new)
            event_log_charge(log, record);
        return give(r, ret);
    }
    if (r->is_over || r->run->is_closed)
        return READER_END;
    r->is_waiting = true;
    return READER_WAIT;
}
