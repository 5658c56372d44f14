/*
 * One look at a time:
 *
 *     timer -> those that are due, a few at once -> deleted -> again
 *                    none -> the next one that will be -> timer
 */
#include "api/expiry.h"
#include "api/work.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include <string.h>

enum { AT_ONCE = 50, LATER_MS = 60000, MS_US = 1000 };

struct expiry {
    struct api *api;
    struct loop_timer *timer;
    int64_t armed_ms; /* when the timer will be due, 0 = it is not started */
    bool is_looking;
    bool is_stopped;
};

struct look {
    struct work w; /* first member */
    struct expiry *expiry;
    bool is_done;
};

static const char *const quiet[] = { "idle", "interrupted", "error" };
enum { QUIET_COUNT = sizeof(quiet) / sizeof(quiet[0]) };

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

static void look_deinit(struct work *w)
{
    struct expiry *e = of(w)->expiry;

    e->is_looking = false;
    if (of(w)->is_done)
        return;
    log_warn("expiry_failed", "why", fail_message(&w->fail), NULL);
    expiry_note(e, clock_wall_ms() + LATER_MS);
}

/* ---- the next one ---- */

static void wait_for_next(struct work *w)
{
    int64_t later_ms = clock_wall_ms() + LATER_MS;

    of(w)->is_done = true;
    if (w->found.count > 0) {
        int64_t due_ms = w->found.items[0].due_ms;
        bool is_past = due_ms <= clock_wall_ms(); /* a run is at work on it */
        expiry_note(of(w)->expiry, is_past ? later_ms : due_ms);
    }
    work_empty(w);
}

static void find_next(struct work *w)
{
    work_find(w,
              &(struct record_query){ .kind = RECORD_THREAD,
                                      .order = RECORDS_BY_DUE,
                                      .is_ascending = true,
                                      .limit = 1,
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
        store_add_expect_record(&w->batch, RECORD_THREAD, record->id, record->revision, quiet,
                                QUIET_COUNT);
        if (strcmp(record->name, THREAD_KEEPS_LATEST) == 0)
            lose_past(w, record);
        else
            store_add_delete_thread(&w->batch, record->id);
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
                                      .statuses = quiet,
                                      .status_count = QUIET_COUNT,
                                      .due_before_ms = clock_wall_ms() + 1,
                                      .order = RECORDS_BY_DUE,
                                      .is_ascending = true,
                                      .limit = AT_ONCE,
                                      .without_body = true },
              sweep);
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
    expiry_note(e, clock_wall_ms());
    *ret = e;
    return 0;
}

void expiry_stop(struct expiry *e)
{
    if (e == NULL)
        return;
    e->is_stopped = true;
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
