#ifndef ANABRANCH_RUN_WATCH_H
#define ANABRANCH_RUN_WATCH_H
/*
 * Who follows a thread over its runs. A watch is told that something has happened and looks for
 * itself: runs of a thread are at work one after the other, and the desk numbers them as they begin
 * (their turn), so a follower is one number that goes up.
 *
 *     turn = desk_turn_now(d, thread)                  what is at work is the next one
 *     while ((run = desk_next_run(d, thread, turn, &turn)) != NULL)
 *         read its events to their end (run/hub.h)
 *     none: wait for began()
 *
 * Runs that have ended are found as long as the desk keeps them (run/desk.h).
 * Loop thread only.
 */
#include "run/desk.h"

struct desk_watch {
    struct list node;
    char thread_id[STORE_ID_MAX + 1];
    void (*began)(void *arg); /* a run of the thread; from the loop */
    /* The state was changed from outside; one line of JSON, valid during the call. */
    void (*updated)(void *arg, const char *json, size_t len_bytes);
    void (*over)(void *arg); /* the thread is gone, or the server goes down: nothing more comes */
    void *arg;
};
/* Until desk_unwatch(), which may be called in any state, also inside the calls above. */
void desk_watch(struct desk *d, struct desk_watch *w);
void desk_unwatch(struct desk_watch *w);

/* The turn before the run that is at work, or that begins next. */
uint64_t desk_turn_now(const struct desk *d, const char *thread_id);
/* Of a run that has begun; 0 = unknown, or of another thread. */
uint64_t desk_turn_of(const struct desk *d, const char *thread_id, const char *run_id);
/* The first one behind a turn, with its own; borrowed, NULL = none yet. */
struct run *desk_next_run(const struct desk *d, const char *thread_id, uint64_t after,
                          uint64_t *ret_turn);

/* ---- who tells ---- */

bool desk_is_watched(const struct desk *d, const char *thread_id);
void desk_tell_updated(struct desk *d, const char *thread_id, const char *json, size_t len_bytes);
void desk_tell_over(struct desk *d, const char *thread_id /* NULL: of every thread */);

#endif
