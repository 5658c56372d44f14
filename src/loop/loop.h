#ifndef ANABRANCH_LOOP_LOOP_H
#define ANABRANCH_LOOP_LOOP_H
/*
 * One worker's event loop: timers, descriptors, work deferred to the end of a turn, a ready list,
 * and messages from other threads. Everything that a worker owns is touched on its loop thread
 * only; loop_post() and mail are the exceptions. An idle loop sleeps without a time-out.
 *
 * One turn: libevent calls what its descriptors and timers say -> the ready list is drained for at
 * most 1 ms (what is left waits for the next turn, which then does not block) -> deferred calls run
 * -> objects handed to loop_free_later() are freed.
 *
 * So no callback can free what its caller still holds, and a long chain of work without I/O holds
 * nobody up.
 *
 * Conditions: none. Functions that allocate return ERR_NOMEM or ERR_SYSTEM.
 */
#include "base/list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* Makes the process ignore SIGPIPE and SIGXFSZ: a write to a peer that left is an EPIPE, one that
 * passes the limit on files an EFBIG. */
int loop_new(struct loop **ret);
/*
 * Ops must have ended, timers and watches must have been freed (asserted). Works that are still
 * queued are taken out, messages that were not delivered are dropped without a call (mail is left to
 * its owner), signals are no longer watched. Accepts NULL.
 */
struct loop *loop_free(struct loop *loop);

/* Runs until loop_stop(), which may come first; the turn is completed. Returns 0 or a fault. */
int loop_run(struct loop *loop);
/* Runs turns until *done is true, or loop_stop(): for tests and for the command line. */
int loop_run_until(struct loop *loop, const bool *done);
void loop_stop(struct loop *loop);

/* ---- a function to be called once, soon: never inside the call that queues it ---- */

struct loop_work {
    struct list node;
    void (*call)(void *arg);
    void *arg;
};
void loop_work_init(struct loop_work *w, void (*call)(void *), void *arg);
/* Queues w on the ready list; does nothing if it is queued already. No allocation, cannot fail. */
void loop_ready(struct loop *loop, struct loop_work *w);
/* Queues w for the end of this turn, after the ready list: for "flush once per turn". Likewise. */
void loop_defer(struct loop *loop, struct loop_work *w);
/* Takes w out of whichever queue it is in. */
void loop_work_cancel(struct loop_work *w);

/* Calls free_it(object) at the end of the turn. No allocation: `later` is part of the object. */
struct loop_later {
    struct list node;
    void (*free_it)(void *object);
    void *object;
};
void loop_free_later(struct loop *loop, struct loop_later *later, void (*free_it)(void *),
                     void *object);

/* ---- timers ---- */

struct loop_timer;
/* A stopped timer. call runs on the loop thread, once per loop_timer_start(). */
int loop_timer_new(struct loop *loop, void (*call)(void *), void *arg, struct loop_timer **ret);
/* (Re)starts it. delay_us 0 = next turn. Cannot fail once the timer exists (asserted). */
void loop_timer_start(struct loop_timer *t, int64_t delay_us);
void loop_timer_stop(struct loop_timer *t);
struct loop_timer *loop_timer_free(struct loop_timer *t); /* accepts NULL */

/* ---- descriptors ---- */

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_CLOSED = 4 };
struct loop_watch;
/*
 * Level-triggered READ/WRITE; LOOP_CLOSED (edge-triggered) tells that the peer shut down its side
 * or reset the connection, without reading. LOOP_CLOSED | LOOP_WRITE tells beside that, also once
 * only, that the socket takes bytes again after a send was refused with EAGAIN (and now and then
 * without need, at the start for one). The callback may free its watch. The descriptor stays the
 * caller's; free the watch before closing it. One watch per descriptor and trigger: a closed watch
 * and a level-triggered one do not go together (ERR_SYSTEM).
 */
int loop_watch_new(struct loop *loop, int fd, int what, void (*call)(void *arg, int what),
                   void *arg, struct loop_watch **ret);
struct loop_watch *loop_watch_free(struct loop_watch *w); /* accepts NULL */

/* ---- signals (SIGTERM, SIGINT, SIGHUP) ---- */

/* call runs on the loop thread. Only one loop of the process may watch signals. */
int loop_signal_watch(struct loop *loop, int signal_number,
                      void (*call)(void *arg, int signal_number), void *arg);

/* ---- from other threads ---- */

/* Calls call(arg) on the loop thread, in order of posting. Any thread. ERR_NOMEM or 0. */
int loop_post(struct loop *loop, void (*call)(void *arg), void *arg);

/* What an answer is sent with: part of what is sent, so sending it cannot fail. It is in one box at
 * most, and must live until its call, or until it was taken back. */
struct loop_mail {
    struct list node;
    void (*call)(void *arg);
    void *arg;
};
void loop_mail_init(struct loop_mail *m, void (*call)(void *arg), void *arg);
/* As loop_post(), in the same order. Any thread. */
void loop_mail_send(struct loop *loop, struct loop_mail *m);
/* It is not delivered any more. Loop thread; accepts one that was never sent, or was delivered. */
void loop_mail_take_back(struct loop *loop, struct loop_mail *m);

/* ---- accounting: ops alive on this loop. Zero at exit is a law (tests assert it). ---- */
void loop_op_born(struct loop *loop);
void loop_op_dead(struct loop *loop);
long loop_op_count(const struct loop *loop);

#endif
