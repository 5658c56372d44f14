/*
 * The event log of a run: a list of records, bounded in bytes for the run and for all runs of the
 * worker. When a bound is passed the oldest records fall out; a reader finds that out by number
 * (hub.c). The newest record always stays.
 */
#include "base/err.h"
#include "run/internal.h"
#include "run/tail.h"

void event_log_init(struct event_log *log, struct runs *runs, unsigned modes)
{
    const struct conf *conf = runs->services->conf;

    *log = (struct event_log){
        .modes = modes,
        .max_bytes = (size_t)conf->log_bytes,
        .total_max_bytes = (size_t)conf->logs_bytes,
        .total_bytes = &runs->log_bytes,
        .loop = runs->services->loop,
    };
    list_init(&log->records);
    list_init(&log->readers);
}

static void drop_first(struct event_log *log)
{
    struct list *node = list_pop(&log->records);
    struct record *r = LIST_OF(node, struct record, node);

    log->first++;
    log->bytes -= r->cost_bytes;
    *log->total_bytes -= r->cost_bytes;
    record_unref(r);
}

void event_log_deinit(struct event_log *log)
{
    while (!list_is_empty(&log->records))
        drop_first(log);
}

static bool is_too_large(const struct event_log *log)
{
    return log->bytes > log->max_bytes || *log->total_bytes > log->total_max_bytes;
}

static void trim(struct event_log *log)
{
    while (is_too_large(log) && log->next - log->first > 1) {
        if (log->tail != NULL)
            tail_falls_out(log->tail);
        drop_first(log);
    }
}

int event_log_append_take(struct event_log *log, struct record *r)
{
    if (r == NULL)
        return err_trace(ERR_NOMEM);
    r->number = log->next;
    r->has_number = true;
    int fault = log->tail == NULL ? 0 : tail_appended(log->tail, r);
    if (fault != 0) {
        record_unref(r);
        return err_trace(fault);
    }
    list_add_tail(&log->records, &r->node);
    log->next++;
    log->bytes += r->cost_bytes;
    *log->total_bytes += r->cost_bytes;
    trim(log);
    event_log_wake(log);
    return 0;
}

void event_log_charge(struct event_log *log, struct record *r)
{
    /* A record that has fallen out is kept by its readers only, for one event's time. */
    if (list_is_empty(&r->node))
        return;
    r->cost_bytes += r->frame.len;
    log->bytes += r->frame.len;
    *log->total_bytes += r->frame.len;
    trim(log);
}

static bool is_unstored(const struct event_log *log, const struct record *r)
{
    return log->tail != NULL && log->tail->is_stored && r->number >= log->tail->stored;
}

static bool has_one_reader(const struct event_log *log)
{
    return log->readers.next != &log->readers && log->readers.next == log->readers.prev;
}

/* Most runs have one reader all their life: frames that it has taken would be kept for nobody. */
void event_log_passed(struct event_log *log, struct record *r)
{
    if (list_is_empty(&r->node) || r->frame.data == NULL || !has_one_reader(log) ||
        is_unstored(log, r))
        return;
    r->cost_bytes -= r->frame.len;
    log->bytes -= r->frame.len;
    *log->total_bytes -= r->frame.len;
    buf_deinit(&r->frame);
}
