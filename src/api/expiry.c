/*
 * One look at a time:
 *
 *     timer -> items, if some are due: deleted, some at once -> again
 *                    none -> threads that are due, a few at once -> deleted -> again
 *                                  none -> the next one that will be -> timer
 */
#include "api/expiry.h"
#include "api/work.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/item.h"
#include <string.h>

enum { AT_ONCE = 50, ITEMS_AT_ONCE = 500, ITEMS_EVERY_MS = 1000, LATER_MS = 60000, MS_US = 1000 };

struct expiry {
    struct api *api;
    struct loop_timer *timer;
    int64_t armed_ms; /* when the timer will be due, 0 = it is not started */
    int64_t items_ms; /* when items are to be swept, 0 = none will expire */
    bool is_looking;
    bool is_stopped;
};

struct look {
    struct work w; /* first member */
    struct expiry *expiry;
    bool is_done;
};

static struct look *of(struct work *w)
{
    return (struct look *)(void *)w;
}

void expiry_note(struct expiry *e, int64_t due_ms)
{
    int64_t delay_ms = due_ms - clock_wall_ms();

    if (e == NULL || e->is_stopped || (e->armed_ms != 0 && e->armed_ms <= due_ms))
        return;
    e->armed_ms = due_ms;
    loop_timer_start(e->timer, (delay_ms > 0 ? delay_ms : 0) * MS_US);
}

static void note_due(void *arg, int64_t due_ms)
{
    expiry_note(arg, due_ms);
}

/* An item expires then. */
static void note_item(struct expiry *e, int64_t due_ms)
{
    int64_t soon_ms = clock_wall_ms() + ITEMS_EVERY_MS;
    int64_t at_ms = due_ms > soon_ms ? due_ms : soon_ms;

    if (e->items_ms == 0 || at_ms < e->items_ms)
        e->items_ms = at_ms;
    expiry_note(e, e->items_ms);
}

static void item_due(void *arg, int64_t due_ms)
{
    note_item(arg, due_ms);
}

static void look_deinit(struct work *w)
{
    struct expiry *e = of(w)->expiry;

    e->is_looking = false;
    if (of(w)->is_done)
        return;
    log_warn("expiry_failed", "why", fail_message(&w->fail), NULL);
    e->items_ms = clock_wall_ms() + LATER_MS; /* whether they were swept is not known */
    expiry_note(e, e->items_ms);
}

/* ---- the next one ---- */

/* A run is at work on it; who looks again later finds it at rest. */
static bool is_held_up(const struct work *w, const struct stored_record *record)
{
    return strcmp(record->status, "busy") == 0 || desk_is_busy(w->api->desk, record->id);
}

/* The first that is not held up; what has become due since the look is looked at again at once. */
static void wait_for_next(struct work *w)
{
    int64_t now_ms = clock_wall_ms();

    of(w)->is_done = true;
    for (size_t i = 0; i < w->found.count; i++) {
        const struct stored_record *record = &w->found.items[i];
        bool is_late = record->due_ms <= now_ms && is_held_up(w, record);
        expiry_note(of(w)->expiry, is_late ? now_ms + LATER_MS : record->due_ms);
        if (!is_late)
            break;
    }
    if (of(w)->expiry->items_ms != 0)
        expiry_note(of(w)->expiry, of(w)->expiry->items_ms);
    work_empty(w);
}

static void find_next(struct work *w)
{
    work_find(w,
              &(struct record_query){ .kind = RECORD_THREAD,
                                      .order = RECORDS_BY_DUE,
                                      .is_ascending = true,
                                      .limit = AT_ONCE,
                                      .without_body = true },
              wait_for_next);
}

/* ---- those that are due ---- */

static void find_due(struct work *w);

/* The end of its next run writes when it is due again. */
static void lose_past(struct work *w, const struct stored_record *record)
{
    store_add_prune_thread(&w->batch, record->id);
    store_add_record(&w->batch, &(struct record_put){ .kind = RECORD_THREAD,
                                                      .id = record->id,
                                                      .now_ms = record->updated_ms,
                                                      .due_ms = RECORD_NEVER });
}

static void sweep(struct work *w)
{
    bool is_stopped = of(w)->expiry->is_stopped;

    for (size_t i = 0; !is_stopped && i < w->found.count; i++) {
        const struct stored_record *record = &w->found.items[i];
        if (desk_is_busy(w->api->desk, record->id))
            continue;
        store_add_expect_record(&w->batch, RECORD_THREAD, record->id, record->revision,
                                thread_statuses_quiet, THREAD_QUIET_COUNT);
        if (strcmp(record->name, THREAD_KEEPS_LATEST) == 0)
            lose_past(w, record);
        else
            work_delete_thread(w, record->id);
    }
    if (w->batch.count > 0)
        work_commit(w, find_due, find_due);
    else
        find_next(w);
}

static void find_due(struct work *w)
{
    work_find(w,
              &(struct record_query){ .kind = RECORD_THREAD,
                                      .statuses = thread_statuses_quiet,
                                      .status_count = THREAD_QUIET_COUNT,
                                      .due_before_ms = clock_wall_ms() + 1,
                                      .order = RECORDS_BY_DUE,
                                      .is_ascending = true,
                                      .limit = AT_ONCE,
                                      .without_body = true },
              sweep);
}

/* ---- items ---- */

static void sweep_items(struct work *w);

static void items_swept(struct work *w)
{
    int64_t next_ms = w->store_op.next_due_ms;

    if (w->store_op.swept == ITEMS_AT_ONCE && !of(w)->expiry->is_stopped) {
        sweep_items(w);
        return;
    }
    if (next_ms != 0)
        note_item(of(w)->expiry, next_ms);
    find_due(w);
}

/* What is put meanwhile is noted anew. */
static void sweep_items(struct work *w)
{
    of(w)->expiry->items_ms = 0;
    store_add_sweep_items(&w->batch, clock_wall_ms(), ITEMS_AT_ONCE);
    work_commit(w, items_swept, NULL);
}

static bool has_items_due(const struct expiry *e)
{
    return e->items_ms != 0 && e->items_ms <= clock_wall_ms();
}

static void fire(void *arg)
{
    struct expiry *e = arg;
    struct look *l;

    e->armed_ms = 0;
    if (e->is_looking) /* it will look for the next one */
        return;
    l = work_new_inner(e->api, sizeof(*l));
    if (l == NULL) {
        expiry_note(e, clock_wall_ms() + LATER_MS);
        return;
    }
    l->expiry = e;
    l->w.deinit = look_deinit;
    e->is_looking = true;
    if (has_items_due(e))
        sweep_items(&l->w);
    else
        find_due(&l->w);
}

/* ---- life ---- */

int expiry_new(struct api *api, struct expiry **ret)
{
    struct expiry *e = mem_zalloc(sizeof(*e));
    int r = e == NULL ? ERR_NOMEM : loop_timer_new(api->services->loop, fire, e, &e->timer);

    if (r != 0) {
        mem_free(e);
        return err_trace(r);
    }
    e->api = api;
    desk_on_due(api->desk, note_due, e);
    e->items_ms = clock_wall_ms();
    store_watch_items(api->services->store, item_due, e);
    expiry_note(e, clock_wall_ms());
    *ret = e;
    return 0;
}

void expiry_stop(struct expiry *e)
{
    if (e == NULL)
        return;
    e->is_stopped = true;
    store_watch_items(e->api->services->store, NULL, NULL);
    e->timer = loop_timer_free(e->timer);
}

struct expiry *expiry_free(struct expiry *e)
{
    if (e == NULL)
        return NULL;
    expiry_stop(e);
    desk_on_due(e->api->desk, NULL, NULL);
    return mem_free(e);
}
