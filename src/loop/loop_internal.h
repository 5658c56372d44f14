#ifndef ANABRANCH_LOOP_LOOP_INTERNAL_H
#define ANABRANCH_LOOP_LOOP_INTERNAL_H
/* The insides of struct loop, shared by loop.c, timer.c, watch.c and post.c and seen by nobody
 * else. */
#include "loop/loop.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <pthread.h>

/* A binary heap of our own under one libevent timer: its room is reserved when a timer is made, so
 * starting one cannot fail. */
struct timers {
    struct evutil_monotonic_timer *clock;
    struct event alarm;        /* set for the first timer of the heap */
    int64_t armed_us;          /* what the alarm is set for, or INT64_MAX */
    struct loop_timer **items; /* the heap */
    size_t count;              /* running timers: items in use */
    size_t alive;              /* all timers; room for so many is reserved */
    size_t cap;
    uint64_t next_order;
};

struct post_box {
    pthread_mutex_t lock;
    struct list incoming; /* under the lock */
    struct list arrived;  /* loop thread only */
    int wake_fd;          /* an eventfd, or -1 */
    struct event wake;
    struct loop_work deliver;
};

struct loop {
    struct event_base *base;
    struct list ready;
    struct list deferred;
    struct list doomed; /* loop_later, to be freed at the end of the turn */
    struct list signals;
    struct timers timers;
    struct post_box post;
    long op_count;
    long watch_count;
    bool is_stopped;
};

/* Each init leaves something that its deinit accepts, also when it fails. A zeroed part may be
 * deinitialised, too. */
int timers_init(struct loop *loop);
void timers_deinit(struct loop *loop);
/* Sets the alarm for the first timer. Once per turn, just before libevent may block. */
void timers_arm(struct loop *loop);

int post_init(struct loop *loop);
void post_deinit(struct loop *loop);

void signals_deinit(struct loop *loop);

#endif
