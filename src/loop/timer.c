/*
 * Timers: a binary heap ordered by (due time, order of start), with one libevent timer as the alarm
 * for its first item.
 *
 * The time is libevent's own monotonic clock, the one that wakes the loop, and not base/clock.h: a
 * test that freezes the clock still gets its time-outs.
 */
#include "base/err.h"
#include "base/mem.h"
#include "loop/loop_internal.h"
#include <assert.h>

#define TIMER_NEVER     INT64_MAX
#define TIMER_LATEST_US (INT64_C(30) * 365 * 86400 * 1000000) /* keeps sums far from overflow */

enum { US_PER_S = 1000000, FIRST_CAP = 16 };

struct loop_timer {
    struct loop *loop;
    void (*call)(void *arg);
    void *arg;
    int64_t due_us;
    uint64_t order;
    size_t slot; /* in the heap, or NO_SLOT while stopped */
};
#define NO_SLOT SIZE_MAX

static int64_t now_us(struct timers *ts)
{
    struct timeval tv = { 0, 0 };
    (void)evutil_gettime_monotonic(ts->clock, &tv); /* CLOCK_MONOTONIC cannot fail on Linux */
    return (int64_t)tv.tv_sec * US_PER_S + tv.tv_usec;
}

/* ---- the heap ---- */

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void put(struct timers *ts, size_t slot, struct loop_timer *t)
{
    ts->items[slot] = t;
    t->slot = slot;
}

static size_t sift_up(struct timers *ts, size_t slot, const struct loop_timer *t)
{
    while (slot > 0 && is_before(t, ts->items[(slot - 1) / 2])) {
        put(ts, slot, ts->items[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    return slot;
}

static size_t sift_down(struct timers *ts, size_t slot, const struct loop_timer *t)
{
    for (;;) {
        size_t child = 2 * slot + 1;
        if (child >= ts->count)
            return slot;
        if (child + 1 < ts->count && is_before(ts->items[child + 1], ts->items[child]))
            child++;
        if (!is_before(ts->items[child], t))
            return slot;
        put(ts, slot, ts->items[child]);
        slot = child;
    }
}

static void heap_add(struct timers *ts, struct loop_timer *t)
{
    assert(ts->count < ts->cap);
    ts->count++;
    put(ts, sift_up(ts, ts->count - 1, t), t);
}

static void heap_remove(struct timers *ts, struct loop_timer *t)
{
    size_t slot = t->slot;
    struct loop_timer *last = ts->items[--ts->count];
    t->slot = NO_SLOT;
    if (last == t)
        return;
    slot = sift_up(ts, slot, last);
    put(ts, sift_down(ts, slot, last), last);
}

static int heap_reserve(struct timers *ts, size_t count)
{
    if (count <= ts->cap)
        return 0;
    size_t cap = ts->cap == 0 ? FIRST_CAP : 2 * ts->cap;
    struct loop_timer **items = mem_realloc(ts->items, cap * sizeof(*items));
    if (items == NULL)
        return ERR_NOMEM;
    ts->items = items;
    ts->cap = cap;
    return 0;
}

/* ---- the alarm ---- */

/* Fires what is due and was started before this pass: a timer that restarts itself with 0 waits for
 * the next turn. */
static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct timers *ts = &((struct loop *)arg)->timers;
    int64_t now = now_us(ts);
    uint64_t end = ts->next_order;
    ts->armed_us = TIMER_NEVER;
    while (ts->count > 0 && ts->items[0]->due_us <= now && ts->items[0]->order < end) {
        struct loop_timer *t = ts->items[0];
        heap_remove(ts, t);
        t->call(t->arg); /* may free t */
    }
}

/* The alarm is the only timer that libevent knows: after it was added once, its heap has room and
 * adding cannot fail. */
static void set_alarm(struct timers *ts, int64_t delay_us)
{
    struct timeval tv = { (time_t)(delay_us / US_PER_S), (suseconds_t)(delay_us % US_PER_S) };
    int r = event_add(&ts->alarm, &tv);
    assert(r == 0);
}

void timers_arm(struct loop *loop)
{
    struct timers *ts = &loop->timers;
    int64_t due_us = ts->count == 0 ? TIMER_NEVER : ts->items[0]->due_us;
    if (due_us == ts->armed_us)
        return;
    ts->armed_us = due_us;
    if (due_us == TIMER_NEVER) {
        (void)event_del(&ts->alarm); /* fails for an event without a base only */
        return;
    }
    int64_t delay_us = due_us - now_us(ts);
    set_alarm(ts, delay_us < 0 ? 0 : delay_us);
}

int timers_init(struct loop *loop)
{
    struct timers *ts = &loop->timers;
    struct timeval day = { 86400, 0 };
    ts->armed_us = TIMER_NEVER;
    ts->clock = evutil_monotonic_timer_new();
    if (ts->clock == NULL)
        return ERR_NOMEM;
    if (evutil_configure_monotonic_time(ts->clock, EV_MONOT_PRECISE) < 0 ||
        event_assign(&ts->alarm, loop->base, -1, 0, on_alarm, loop) < 0)
        return ERR_SYSTEM;
    if (event_add(&ts->alarm, &day) < 0) /* makes room, see set_alarm() */
        return ERR_NOMEM;
    return event_del(&ts->alarm) < 0 ? ERR_SYSTEM : 0;
}

void timers_deinit(struct loop *loop)
{
    struct timers *ts = &loop->timers;
    if (event_initialized(&ts->alarm))
        (void)event_del(&ts->alarm); /* as above */
    if (ts->clock != NULL)
        evutil_monotonic_timer_free(ts->clock);
    mem_free(ts->items);
}

/* ---- timers ---- */

int loop_timer_new(struct loop *loop, void (*call)(void *), void *arg, struct loop_timer **ret)
{
    struct loop_timer *t = mem_zalloc(sizeof(*t));
    if (t == NULL)
        return err_trace(ERR_NOMEM);
    int r = heap_reserve(&loop->timers, loop->timers.alive + 1);
    if (r != 0) {
        mem_free(t);
        return err_trace(r);
    }
    loop->timers.alive++;
    t->loop = loop;
    t->call = call;
    t->arg = arg;
    t->slot = NO_SLOT;
    *ret = t;
    return 0;
}

void loop_timer_start(struct loop_timer *t, int64_t delay_us)
{
    struct timers *ts = &t->loop->timers;
    assert(delay_us >= 0);
    loop_timer_stop(t);
    t->due_us = now_us(ts) + (delay_us < TIMER_LATEST_US ? delay_us : TIMER_LATEST_US);
    t->order = ts->next_order++;
    heap_add(ts, t);
}

void loop_timer_stop(struct loop_timer *t)
{
    if (t->slot != NO_SLOT)
        heap_remove(&t->loop->timers, t);
}

struct loop_timer *loop_timer_free(struct loop_timer *t)
{
    if (t == NULL)
        return NULL;
    loop_timer_stop(t);
    t->loop->timers.alive--;
    return mem_free(t);
}
