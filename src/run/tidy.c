/*
 * Stored events of runs that ended resumable_keep_ms ago go, and the rows of stateless runs with
 * them. Such a run's record is due then. One look at a time:
 *
 *     timer -> those that are due, a few at once -> gone -> again
 *                    none -> the next one that will be -> timer
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/ticket.h"
#include "store/tail.h"
#include <string.h>

enum { AT_ONCE = 50, LATER_MS = 60000 };

struct tidy {
    struct desk *desk;
    struct loop_timer *timer;
    int64_t armed_ms; /* 0 = the timer is not started */
    bool is_looking;
    bool is_stopped;
    struct store_op work;
    struct stored_records found;
};

static void arm(struct tidy *t, int64_t due_ms)
{
    int64_t delay_ms = due_ms - clock_wall_ms();

    if (t->is_stopped || (t->armed_ms != 0 && t->armed_ms <= due_ms))
        return;
    t->armed_ms = due_ms;
    loop_timer_start(t->timer, (delay_ms > 0 ? delay_ms : 0) * 1000);
}

void tidy_note(struct desk *d, int64_t due_ms)
{
    arm(d->tidy, due_ms);
}

static void end_look(struct tidy *t, int64_t next_ms)
{
    stored_records_clear(&t->found);
    t->is_looking = false;
    if (next_ms > 0)
        arm(t, next_ms);
    desk_count(t->desk, -1);
}

static void look(struct tidy *t, int64_t due_before_ms, size_t limit,
                 void (*on_end)(void *arg, int result))
{
    const struct record_query query = { .kind = RECORD_RUN,
                                        .statuses = run_statuses_ended,
                                        .status_count = RUN_ENDED_COUNT,
                                        .due_before_ms = due_before_ms,
                                        .order = RECORDS_BY_DUE,
                                        .is_ascending = true,
                                        .limit = limit,
                                        .without_body = true };
    const struct services *services = t->desk->services;

    stored_records_clear(&t->found);
    store_find_records(services->store, services->loop, &t->work, &query, &t->found, on_end, t);
}

static void find_due(struct tidy *t);

static void fail(struct tidy *t, int result)
{
    log_warn("events_not_deleted", "result", log_int(result), NULL);
    end_look(t, clock_wall_ms() + LATER_MS);
}

static void next_found(void *arg, int result)
{
    struct tidy *t = arg;

    if (result != 0)
        fail(t, result);
    else
        end_look(t, t->found.count > 0 ? t->found.items[0].due_ms : 0);
}

/* STORE_E_STALE: somebody has deleted one of them meanwhile. */
static void gone(void *arg, int result)
{
    struct tidy *t = arg;

    if (result != 0 && result != STORE_E_STALE)
        fail(t, result);
    else
        find_due(t);
}

static void add_one(const struct stored_record *run, struct store_batch *b)
{
    store_add_expect_record(b, RECORD_RUN, run->id, run->revision, run_statuses_ended,
                            RUN_ENDED_COUNT);
    if (run->owner[0] == '\0') {
        store_add_delete_record(b, RECORD_RUN, run->id);
        return;
    }
    store_add_drop_events(b, run->id, INT64_MAX);
    store_add_record(b, &(struct record_put){ .kind = RECORD_RUN,
                                              .id = run->id,
                                              .now_ms = run->updated_ms,
                                              .due_ms = RECORD_NEVER });
}

static void due_found(void *arg, int result)
{
    struct tidy *t = arg;
    const struct services *services = t->desk->services;
    struct store_batch batch;

    if (result != 0) {
        fail(t, result);
        return;
    }
    if (t->found.count == 0 || t->is_stopped) {
        look(t, 0, 1, next_found);
        return;
    }
    store_batch_init(&batch);
    for (size_t i = 0; i < t->found.count; i++)
        add_one(&t->found.items[i], &batch);
    store_commit(services->store, services->loop, &t->work, &batch, gone, t);
    store_batch_deinit(&batch);
}

static void find_due(struct tidy *t)
{
    look(t, clock_wall_ms() + 1, AT_ONCE, due_found);
}

static void fire(void *arg)
{
    struct tidy *t = arg;

    t->armed_ms = 0;
    if (t->is_looking || t->is_stopped) /* it will look for the next one */
        return;
    t->is_looking = true;
    desk_count(t->desk, 1);
    find_due(t);
}

int tidy_new(struct desk *d)
{
    struct tidy *t = mem_zalloc(sizeof(*t));
    int r = t == NULL ? ERR_NOMEM : loop_timer_new(d->services->loop, fire, t, &t->timer);

    if (r != 0) {
        mem_free(t);
        return err_trace(r);
    }
    t->desk = d;
    d->tidy = t;
    return 0;
}

void tidy_stop(struct desk *d)
{
    if (d->tidy == NULL)
        return;
    d->tidy->is_stopped = true;
    loop_timer_stop(d->tidy->timer);
}

void tidy_free(struct desk *d)
{
    if (d->tidy != NULL)
        loop_timer_free(d->tidy->timer);
    d->tidy = mem_free(d->tidy);
}
