/*
 * Descriptors and signals as libevent events that are embedded in a record of ours.
 *
 * The trap in LOOP_CLOSED: when the peer resets the connection, epoll says EPOLLERR, and libevent
 * turns that into "readable and writable" and leaves EV_CLOSED out. A watch for EV_CLOSED alone
 * would sleep through it. So a closed watch asks for EV_WRITE as well, edge-triggered: that wakes
 * once at its start and then only when a full send buffer has drained, and the few wake-ups that
 * are no end are sorted out with poll(). Those are what a LOOP_WRITE beside LOOP_CLOSED is told of.
 */
#include "base/err.h"
#include "base/mem.h"
#include "loop/loop_internal.h"
#include <assert.h>
#include <poll.h>

struct loop_watch {
    struct loop *loop;
    struct event event;
    int what;
    void (*call)(void *arg, int what);
    void *arg;
};

static bool is_gone(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLRDHUP };
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void on_closed(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *w = arg;
    if ((what & EV_CLOSED) != 0 || is_gone(fd))
        w->call(w->arg, LOOP_CLOSED); /* may free w */
    else if ((w->what & LOOP_WRITE) != 0)
        w->call(w->arg, LOOP_WRITE); /* may free w */
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct loop_watch *w = arg;
    int ours = ((what & EV_READ) != 0 ? LOOP_READ : 0) | ((what & EV_WRITE) != 0 ? LOOP_WRITE : 0);
    w->call(w->arg, ours); /* may free w */
}

static int event_assign_what(struct loop_watch *w, int fd)
{
    int what = w->what;
    if ((what & LOOP_CLOSED) != 0)
        return event_assign(&w->event, w->loop->base, fd, EV_PERSIST | EV_ET | EV_CLOSED | EV_WRITE,
                            on_closed, w);
    int flags = EV_PERSIST | ((what & LOOP_READ) != 0 ? EV_READ : 0) |
                ((what & LOOP_WRITE) != 0 ? EV_WRITE : 0);
    return event_assign(&w->event, w->loop->base, fd, (short)flags, on_event, w);
}

int loop_watch_new(struct loop *loop, int fd, int what, void (*call)(void *arg, int what),
                   void *arg, struct loop_watch **ret)
{
    assert(what != 0 &&
           ((what & ~(LOOP_READ | LOOP_WRITE)) == 0 || (what & ~(LOOP_WRITE | LOOP_CLOSED)) == 0));
    struct loop_watch *w = mem_zalloc(sizeof(*w));
    if (w == NULL)
        return err_trace(ERR_NOMEM);
    w->loop = loop;
    w->what = what;
    w->call = call;
    w->arg = arg;
    if (event_assign_what(w, fd) < 0 || event_add(&w->event, NULL) < 0) {
        mem_free(w);
        return err_trace(ERR_SYSTEM);
    }
    loop->watch_count++;
    *ret = w;
    return 0;
}

struct loop_watch *loop_watch_free(struct loop_watch *w)
{
    if (w == NULL)
        return NULL;
    (void)event_del(&w->event); /* fails for an event without a base only */
    w->loop->watch_count--;
    return mem_free(w);
}

/* ---- signals ---- */

struct loop_signal {
    struct list node;
    struct event event;
    void (*call)(void *arg, int signal_number);
    void *arg;
};

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    (void)what;
    struct loop_signal *s = arg;
    s->call(s->arg, signal_number);
}

int loop_signal_watch(struct loop *loop, int signal_number,
                      void (*call)(void *arg, int signal_number), void *arg)
{
    struct loop_signal *s = mem_zalloc(sizeof(*s));
    if (s == NULL)
        return err_trace(ERR_NOMEM);
    s->call = call;
    s->arg = arg;
    if (evsignal_assign(&s->event, loop->base, signal_number, on_signal, s) < 0 ||
        event_add(&s->event, NULL) < 0) {
        mem_free(s);
        return err_trace(ERR_SYSTEM);
    }
    list_add_tail(&loop->signals, &s->node);
    return 0;
}

void signals_deinit(struct loop *loop)
{
    for (struct list *node = list_pop(&loop->signals); node != NULL;
         node = list_pop(&loop->signals)) {
        struct loop_signal *s = LIST_OF(node, struct loop_signal, node);
        (void)event_del(&s->event); /* fails for an event without a base only */
        mem_free(s);
    }
}
