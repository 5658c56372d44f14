#ifndef ANABRANCH_RUN_DESK_H
#define ANABRANCH_RUN_DESK_H
/*
 * The desk takes orders for runs, keeps their books in the store, and lets the runs of a thread
 * wait for each other. Whoever has ordered a run gets it at once, held or not: readers may be opened
 * and wait for its events.
 *
 *     order -> read assistant and thread -> the run, held, in its thread's line
 *           -> commit: run pending, thread busy -> told                       booking.c
 *     its turn -> run running, released -> ended
 *           -> commit: run success ..., thread idle ..., values -> closed     ticket.c
 *
 * No row says running without somebody at work on it: what a server leaves unfinished when it goes
 * down is taken up by desk_recover() of the next one. One desk is the only executor of its store.
 *
 * Loop thread only.
 */
#include "graph/registry.h"
#include "run/sheet.h"

struct desk;
/* Borrows all until desk_free(). services->store is there. 0 or a fault. */
int desk_new(const struct services *services, struct runs *runs, const struct registry *graphs,
             struct desk **ret);
/* Lets orders come to their end and forgets what it keeps. The runs have ended. Accepts NULL. */
struct desk *desk_free(struct desk *d);
/* The server goes down: what has not begun stays as it is written, for the next one, and its readers
 * are told; what is at work may go on. */
void desk_drain(struct desk *d);
/* Before the first order: takes up what an earlier process has left. Blocks (runs the loop) until
 * all of it has its place. 0 or a fault. */
int desk_recover(struct desk *d);

/* A thread whose ttl keeps the latest checkpoint loses its older ones so long after a run of it has
 * ended: the end writes its due_ms, and tells when that will be. */
#define THREAD_KEEPS_LATEST "keep_latest"
void desk_on_due(struct desk *d, void (*on_due)(void *arg, int64_t due_ms), void *arg);
/* May a run have this webhook? As webhooks_check() of run/webhook.h: 0, or 1 with f. */
int desk_check_webhook(const struct desk *d, const char *address, struct fail *f);
/* Is no webhook under way or due? Likewise, webhooks_are_idle() and webhooks_when_idle(). */
bool desk_has_told_all(const struct desk *d);
void desk_when_told_all(struct desk *d, void (*told)(void *arg), void *arg);

struct desk_order {
    const char *assistant; /* an assistant's id, or a graph's name */
    const char *thread_id; /* NULL = stateless */
    const json_t *kwargs;  /* what the request says, see sheet.h; without what the assistant adds */
    const json_t *metadata; /* the request's: an object, or NULL */
    enum multitask multitask;
    unsigned modes;      /* what the log keeps */
    bool creates_thread; /* else an unknown one is refused */
    bool is_recorded;    /* stateless: in the store until it has ended, as runs of threads are */
    bool is_attended;    /* nobody wants it any more once its client has left */
    int64_t after_ms;    /* it begins so much later */
};

struct desk_op {
    struct op op; /* first member */
    void *own;
};
enum { DESK_E_REFUSED = OP_FIRST_OWN };
/*
 * Finishes with 0: *ret is a reference, the run and its thread are in the store; DESK_E_REFUSED, f
 * says why (FAIL_NOT_FOUND: assistant, thread; FAIL_CONFLICT; and as run_start()); or a fault. A
 * cancel is ignored. The order is copied; ret and f must live until on_end.
 */
void desk_submit(struct desk *d, struct desk_op *o, const struct desk_order *order,
                 struct run **ret, struct fail *f, void (*on_end)(void *arg, int result),
                 void *arg);

/* ---- runs that it knows: until they have ended and log_keep_ms have passed ---- */

/* Borrowed; NULL = unknown. thread_id NULL: a stateless one. */
struct run *desk_find(const struct desk *d, const char *thread_id, const char *run_id);
/* As sheet_json(), of a run that was found or ordered; also with the thread that a stateless one has
 * to itself. NULL: unknown, or no memory. */
json_t *desk_describe(const struct desk *d, const char *run_id);

enum desk_cancel {
    CANCEL_INTERRUPT, /* it ends as interrupted; its checkpoints stay */
    CANCEL_ROLLBACK,  /* and it is deleted, with its checkpoints */
    CANCEL_DELETE     /* and it is deleted; its checkpoints stay */
};
/* The run ends soon, as a reader sees. One that has ended: nothing happens. */
void desk_cancel(struct desk *d, struct run *run, enum desk_cancel how);
/* The same for all of a kind. thread_id NULL: of every thread, and stateless ones. */
enum { CANCEL_PENDING = 1, CANCEL_RUNNING = 2 };
void desk_cancel_all(struct desk *d, const char *thread_id, unsigned which, enum desk_cancel how);

/* Does a run of the thread wait, or is one at work? Who then changes the thread in a commit of this
 * very turn of the loop does so before any run that is ordered later. */
bool desk_is_busy(const struct desk *d, const char *thread_id);

/* For who deletes a thread: all its runs are cancelled. false: it has none. Else w->empty is called
 * once, from the loop, when the last has ended and is written down; take w->node out of its list if
 * nobody waits any more. */
struct desk_wait {
    struct list node;
    void (*empty)(void *arg);
    void *arg;
};
bool desk_empty_thread(struct desk *d, const char *thread_id, struct desk_wait *w);

#endif
