/*
 * Readers: cursors into a run's log.
 *
 *     log:      ... [41] [42] [43]          first = 41, next = 44
 *     reader:          ^ held = 42, want = 43
 *
 * A reader holds the record it gave out last, so its bytes stay valid and the next one is found in
 * one step even if the held one has fallen out of the log meanwhile.
 *
 *     store:    [0..17] [18..40]            want < first: replay.c, until it has caught up
 *     log:                        [41] ...
 *
 * An event is not shown before its number is reserved on the disk (tail.h).
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include "run/replay.h"
#include "run/tail.h"

struct reader {
    struct list node;      /* in log->readers */
    struct run *run;       /* a reference; NULL: what is stored of a run is all that there is */
    struct replay *replay; /* made when it is first behind the log; or NULL */
    uint64_t end;          /* without a run: the number behind its last event, or 0 */
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

static struct reader *reader_new(unsigned modes, void (*on_ready)(void *arg), void *arg)
{
    struct reader *r = mem_zalloc(sizeof(*r));

    if (r == NULL)
        return NULL;
    list_init(&r->node);
    r->modes = modes;
    r->on_ready = on_ready;
    r->arg = arg;
    loop_work_init(&r->work, call_ready, r);
    return r;
}

static bool is_stored(const struct run *run)
{
    return run->log.tail != NULL && tail_is_stored(run->log.tail);
}

int reader_open(struct run *run, unsigned modes, void (*on_ready)(void *arg), void *arg,
                struct reader **ret)
{
    struct reader *r = reader_new(modes, on_ready, arg);

    if (r == NULL)
        return err_trace(ERR_NOMEM);
    r->run = run_ref(run);
    r->want = is_stored(run) ? 0 : run->log.first;
    list_add_tail(&run->log.readers, &r->node);
    *ret = r;
    return 0;
}

int reader_open_stored(const struct services *services, const char *run_id, uint64_t events_end,
                       void (*on_ready)(void *arg), void *arg, struct reader **ret)
{
    struct reader *r = reader_new(0, on_ready, arg);
    int fault = r == NULL ? ERR_NOMEM : replay_new(services, run_id, call_ready, r, &r->replay);

    if (fault != 0) {
        mem_free(r);
        return err_trace(fault);
    }
    r->end = events_end;
    *ret = r;
    return 0;
}

void reader_set_modes(struct reader *r, unsigned modes)
{
    r->modes = modes;
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
    replay_close(r->replay);
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
    if (r->held != NULL && r->run != NULL)
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

static enum reader_result give_truncated(struct reader *r, struct run_event *ret, uint64_t first)
{
    char why[160];

    snprintf(why, sizeof(why),
             "this reader fell behind: events %llu to %llu fell out of the run's log (settings "
             "log_bytes and logs_bytes)",
             (unsigned long long)r->want, (unsigned long long)first - 1);
    return give_up(r, ret, "StreamTruncated", why);
}

static enum reader_result give_gap(struct reader *r, struct run_event *ret, uint64_t first)
{
    char why[160];

    snprintf(why, sizeof(why),
             "events %llu to %llu were not kept (setting resumable_bytes), or could not be stored",
             (unsigned long long)r->want, (unsigned long long)first - 1);
    return give_up(r, ret, "StreamTruncated", why);
}

/* A frame may be as large as the state that it shows, or as a message's members and metadata;
 * escaping can make bytes of text six times as long. */
size_t run_max_frame_bytes(const struct run *run)
{
    return 6 * ((size_t)run->runs->services->conf->max_state_bytes + 2 * MESSAGE_PART_MAX_BYTES);
}

static bool is_wanted(const struct reader *r, unsigned mode, bool is_inside)
{
    if (is_inside && (r->modes & MODE_SUBGRAPHS) == 0)
        return false;
    return mode == 0 || (mode & r->modes) != 0;
}

/* ---- from the store ---- */

/* Nothing more is stored: of attempts before this one nothing is missing then. */
static bool skip_to_attempt(struct reader *r)
{
    const struct event_log *log = &r->run->log;

    if (log->tail == NULL || r->want >= log->tail->begin)
        return false;
    r->want = log->tail->begin;
    return true;
}

/* false: the next event is in the log, after all. */
static bool next_stored(struct reader *r, struct run_event *ret, enum reader_result *ret_what)
{
    struct replayed event;

    for (;;) {
        enum replay_result what = replay_next(r->replay, r->want, &event);
        if (what == REPLAY_WAIT)
            *ret_what = READER_WAIT;
        else if (what == REPLAY_FAILED)
            *ret_what = give_up(r, ret, "InternalError", "stored events could not be read");
        else if (what == REPLAY_GAP)
            *ret_what = give_gap(r, ret, event.number);
        else if (what == REPLAY_NONE && r->run == NULL)
            *ret_what = r->want < r->end ? give_gap(r, ret, r->end) : READER_END;
        else if (what == REPLAY_NONE && skip_to_attempt(r))
            return false;
        else if (what == REPLAY_NONE)
            *ret_what = give_gap(r, ret, r->run->log.first);
        else {
            r->want = event.number + 1;
            if (!is_wanted(r, event.mode & ~(unsigned)MODE_SUBGRAPHS,
                           (event.mode & MODE_SUBGRAPHS) != 0))
                continue;
            *ret = event.event;
            *ret_what = READER_EVENT;
        }
        return true;
    }
}

static int find_replay(struct reader *r)
{
    if (r->replay != NULL)
        return 0;
    return replay_new(r->run->runs->services, r->run->id, call_ready, r, &r->replay);
}

/* Of a reader behind the log. false: the next event is in the log. */
static bool catch_up(struct reader *r, struct run_event *ret, enum reader_result *ret_what)
{
    if (r->run != NULL && !is_stored(r->run)) {
        if (skip_to_attempt(r) && r->want >= r->run->log.first)
            return false;
        *ret_what = give_truncated(r, ret, r->run->log.first);
        return true;
    }
    if (r->run != NULL && find_replay(r) != 0) {
        *ret_what = give_up(r, ret, "InternalError", "there is no memory for this event");
        return true;
    }
    return next_stored(r, ret, ret_what);
}

/* ---- from the log ---- */

static uint64_t visible_end(const struct event_log *log)
{
    uint64_t end = log->tail == NULL ? log->next : tail_visible(log->tail);

    return end < log->next ? end : log->next;
}

static bool is_behind(const struct reader *r)
{
    return r->run == NULL || r->want < r->run->log.first;
}

static enum reader_result show(struct reader *r, struct run_event *ret)
{
    struct record *record = r->held;
    bool is_new = record->frame.data == NULL;

    if (record_make_frame(record, run_max_frame_bytes(r->run)) != 0)
        return give_up(r, ret, "InternalError", "there is no memory for this event");
    if (is_new)
        event_log_charge(&r->run->log, record);
    return give(r, ret);
}

enum reader_result reader_next(struct reader *r, struct run_event *ret)
{
    enum reader_result what;

    while (!r->is_over) {
        if (is_behind(r)) {
            if (catch_up(r, ret, &what))
                return what;
            continue;
        }
        if (r->want >= visible_end(&r->run->log))
            break;
        struct record *record = record_ref(next_record(r));
        r->want++;
        hold(r, record);
        if (is_wanted(r, record->mode, record->ns != NULL))
            return show(r, ret);
    }
    if (r->is_over || r->run->is_closed)
        return READER_END;
    r->is_waiting = true;
    return READER_WAIT;
}
