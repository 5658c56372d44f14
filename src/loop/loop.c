/*
 * The turn, and the three queues of work that hang on it.
 *
 *     event_base_loop(ONCE)      descriptors, signals, the alarm of timer.c, the wake-up of post.c
 *       -> ready                 at most 1 ms, new work is taken up as it comes
 *       -> deferred              what was queued until now, once
 *       -> doomed                freed
 *
 * Whatever is left in a queue makes the next turn poll instead of block. An idle loop sits in
 * epoll_wait() without a timeout.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop_internal.h"
#include <assert.h>
#include <signal.h>

enum { READY_BUDGET_US = 1000 };

static void *event_realloc(void *old, size_t size_bytes)
{
    return mem_realloc(old, size_bytes);
}

static void event_free_memory(void *old)
{
    mem_free(old);
}

static void event_log(int severity, const char *message)
{
    enum log_level level = severity >= EVENT_LOG_WARN ? LOG_WARN : LOG_DEBUG;
    log_event(level, "libevent", "message", message, NULL);
}

static void process_init(void)
{
    event_set_log_callback(event_log);
    event_set_mem_functions(mem_alloc, event_realloc, event_free_memory);
    /* A peer that left is met as EPIPE by whoever writes: never as the end of the process. */
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for a valid signal number */
    /* The same for files that may not grow. */
    (void)signal(SIGXFSZ, SIG_IGN);
}

static int base_new(struct event_base **ret)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return ERR_NOMEM;
    int r = ERR_SYSTEM;
    if (event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0) {
        *ret = event_base_new_with_config(config);
        r = *ret == NULL ? ERR_NOMEM : 0;
    }
    event_config_free(config);
    return r;
}

static int parts_init(struct loop *loop)
{
    list_init(&loop->ready);
    list_init(&loop->deferred);
    list_init(&loop->doomed);
    list_init(&loop->signals);
    int r = base_new(&loop->base);
    if (r == 0)
        r = timers_init(loop);
    if (r == 0)
        r = post_init(loop);
    return r;
}

static void parts_deinit(struct loop *loop)
{
    signals_deinit(loop);
    post_deinit(loop);
    timers_deinit(loop);
    if (loop->base != NULL)
        event_base_free(loop->base);
    mem_free(loop);
}

int loop_new(struct loop **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT; /* libevent's allocator is one per process */
    (void)pthread_once(&once, process_init);        /* fails for a bad argument only */
    struct loop *loop = mem_zalloc(sizeof(*loop));
    if (loop == NULL)
        return err_trace(ERR_NOMEM);
    int r = parts_init(loop);
    if (r != 0) {
        parts_deinit(loop);
        return err_trace(r);
    }
    *ret = loop;
    return 0;
}

static void free_doomed(struct loop *loop)
{
    for (struct list *node = list_pop(&loop->doomed); node != NULL;
         node = list_pop(&loop->doomed)) {
        struct loop_later *later = LIST_OF(node, struct loop_later, node);
        later->free_it(later->object);
    }
}

struct loop *loop_free(struct loop *loop)
{
    if (loop == NULL)
        return NULL;
    free_doomed(loop);
    assert(loop->op_count == 0);
    assert(loop->timers.alive == 0 && loop->watch_count == 0);
    while (list_pop(&loop->ready) != NULL || list_pop(&loop->deferred) != NULL)
        ; /* works outlive the loop: leave none of them linked to it */
    parts_deinit(loop);
    return NULL;
}

/* ---- the turn ---- */

static void run_work(struct list *node)
{
    struct loop_work *w = LIST_OF(node, struct loop_work, node);
    w->call(w->arg);
}

static void drain_ready(struct loop *loop)
{
    struct list *node = list_pop(&loop->ready);
    if (node == NULL)
        return;
    int64_t end_us = clock_mono_us() + READY_BUDGET_US;
    for (; node != NULL; node = list_pop(&loop->ready)) {
        run_work(node);
        if (clock_mono_us() >= end_us)
            break;
    }
}

/* Only what is queued now: a call that defers itself again waits for the next turn. */
static void run_deferred(struct loop *loop)
{
    struct list now;
    list_take_all(&loop->deferred, &now);
    for (struct list *node = list_pop(&now); node != NULL; node = list_pop(&now))
        run_work(node);
}

static bool has_work(const struct loop *loop)
{
    return !list_is_empty(&loop->ready) || !list_is_empty(&loop->deferred) ||
           !list_is_empty(&loop->doomed);
}

static int run_turn(struct loop *loop)
{
    int flags = has_work(loop) ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE;
    timers_arm(loop);
    if (event_base_loop(loop->base, flags) < 0)
        return err_trace(ERR_SYSTEM);
    drain_ready(loop);
    run_deferred(loop);
    free_doomed(loop);
    return 0;
}

int loop_run_until(struct loop *loop, const bool *done)
{
    int r = 0;
    while (r == 0 && !*done && !loop->is_stopped)
        r = run_turn(loop);
    loop->is_stopped = false;
    return r;
}

int loop_run(struct loop *loop)
{
    static const bool never = false;
    return loop_run_until(loop, &never);
}

void loop_stop(struct loop *loop)
{
    loop->is_stopped = true;
}

/* ---- work ---- */

void loop_work_init(struct loop_work *w, void (*call)(void *), void *arg)
{
    list_init(&w->node);
    w->call = call;
    w->arg = arg;
}

static void queue(struct list *to, struct loop_work *w)
{
    if (list_is_empty(&w->node))
        list_add_tail(to, &w->node);
}

void loop_ready(struct loop *loop, struct loop_work *w)
{
    queue(&loop->ready, w);
}

void loop_defer(struct loop *loop, struct loop_work *w)
{
    queue(&loop->deferred, w);
}

void loop_work_cancel(struct loop_work *w)
{
    list_remove(&w->node);
}

void loop_free_later(struct loop *loop, struct loop_later *later, void (*free_it)(void *),
                     void *object)
{
    later->free_it = free_it;
    later->object = object;
    list_add_tail(&loop->doomed, &later->node);
}

/* ---- accounting ---- */

void loop_op_born(struct loop *loop)
{
    loop->op_count++;
}

void loop_op_dead(struct loop *loop)
{
    loop->op_count--;
    assert(loop->op_count >= 0);
}

long loop_op_count(const struct loop *loop)
{
    return loop->op_count;
}
