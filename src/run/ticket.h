#ifndef ANABRANCH_RUN_TICKET_H
#define ANABRANCH_RUN_TICKET_H
/*
 * Private to the files of the desk (run/internal.h lists them): a run in the books of a desk, and
 * the line of a thread's runs.
 *
 *     BOOKING -> WAITING -> AT_WORK -> CLOSING -> KEPT -> freed
 *        |          +----------------------^
 *        +-> abandoned: its rows were not written
 */
#include "run/desk.h"
#include "run/webhook.h"

enum ticket_state {
    TICKET_BOOKING, /* its rows are being written, or it is being looked at */
    TICKET_WAITING, /* for its time, or for the runs before it */
    TICKET_AT_WORK,
    TICKET_CLOSING, /* it has ended, which is being written */
    TICKET_KEPT     /* for readers that come late */
};

struct line {
    struct list node;       /* in desk->lines */
    struct list tickets;    /* in order of their booking; not those that are KEPT */
    struct ticket *at_work; /* or CLOSING after it was; NULL = nobody */
    struct ticket *closing; /* its end is being written: one at a time, since all change one record */
    struct list waits;      /* struct desk_wait */
    bool is_let_go;         /* its record says other than busy: so the last run has ended */
    char thread_id[STORE_ID_MAX + 1];
};

struct ticket {
    struct list node;    /* in a bucket of desk->tickets */
    struct list in_line; /* or in desk->kept */
    struct desk *desk;
    struct line *line; /* NULL = stateless, or out of it */
    enum ticket_state state;
    struct sheet sheet;
    struct run *run;              /* a reference */
    struct stored_records thread; /* CLOSING: its thread's record */
    json_t *metadata_before;      /* its thread's, if the order has changed them; or NULL */
    int end_tries;
    struct loop_work booked;
    struct loop_timer *timer; /* of one that is to begin later */
    struct store_op began, ended;
    enum desk_cancel cancelled; /* if is_cancelled */
    bool is_cancelled;
    bool is_recorded;
    bool is_abandoned;
    bool has_ended_early; /* while BOOKING */
    bool waits_to_close;  /* CLOSING: for the line's `closing` */
    bool is_spared;       /* the server has ended this attempt, which is noted in the sheet */
    bool is_retried;      /* its end could not be written: a shorter one is tried */
    bool has_webhook;     /* one is in the rows of its end */
    int64_t started_ms;   /* 0 = it has not begun */
    uint64_t turn;        /* 1..: run/watch.h; 0 = it has not begun, or is stateless */
    int64_t kept_until_us;
};

enum { DESK_BUCKETS = 1024 };
struct desk {
    const struct services *services;
    struct runs *runs;
    const struct registry *graphs;
    struct list tickets[DESK_BUCKETS]; /* by run id */
    struct list lines[DESK_BUCKETS];   /* by thread id */
    struct list watches[DESK_BUCKETS]; /* likewise */
    uint64_t turns;                    /* so many runs of threads have begun */
    struct list kept;                  /* oldest first */
    long kept_count;
    long busy_count; /* bookings, and tickets that are not KEPT */
    bool is_quiet;   /* busy_count is 0 */
    bool is_draining;
    struct loop_timer *sweep;
    void (*on_due)(void *arg, int64_t due_ms);
    void *on_due_arg;
    struct tidy *tidy; /* tidy.c's */
    struct webhooks *webhooks;
};
/* Of a run's or a thread's id. */
size_t desk_bucket(const char *id);
/* How many are busy changes by this. */
void desk_count(struct desk *d, int by);
size_t desk_max_bytes(const struct desk *d); /* of a record */
int desk_max_depth(const struct desk *d);

/* ticket.c. A ticket in state BOOKING for the sheet (taken) with its run, held, in its line. 0; or
 * RUN_E_REFUSED with f, or a fault; then the sheet is cleared. */
struct ticket_start {
    bool goes_on;     /* an earlier process has begun it: from its last checkpoint */
    bool is_recorded; /* it has a row of its own */
    int64_t first_event;
};
int ticket_new(struct desk *d, struct sheet *take, struct graph *graph,
               const struct ticket_start *how, struct ticket **ret, struct fail *f);
/* It is in the books: it waits for its turn. */
void ticket_booked(struct ticket *t);
/* The same from the loop: who has ordered it is told first. */
void ticket_booked_soon(struct ticket *t);
/* It could not be booked: its run ends, and it is forgotten. */
void ticket_abandon(struct ticket *t);
void ticket_cancel(struct ticket *t, enum desk_cancel how);
/* Its turn: line.c. */
void ticket_begin(struct ticket *t);
/* The same for its end. */
void ticket_close(struct ticket *t);
bool ticket_is_due(const struct ticket *t);
/* It has been KEPT. */
void ticket_free(struct ticket *t);
struct ticket *ticket_find(const struct desk *d, const char *run_id);

/* After so many tries a run's end is written whoever changes the thread meanwhile. */
enum { END_TRIES = 20 };

/* ledger.c: the rows of a run's end, and of its thread's; brief: without what may be large. */
void ledger_add_end(struct ticket *t, bool brief, struct store_batch *b);

/* tidy.c: the stored events of runs that have ended are deleted when the run's record is due. new: d
 * gets it; 0 or a fault. stop: nothing is begun any more. free: when the desk is quiet. */
int tidy_new(struct desk *d);
void tidy_note(struct desk *d, int64_t due_ms); /* wall clock */
void tidy_stop(struct desk *d);
void tidy_free(struct desk *d);

/* watch.c: a run of the thread is at work. */
void watch_tell_began(struct desk *d, const char *thread_id);

/* line.c */
struct line *line_find(const struct desk *d, const char *thread_id); /* NULL = nobody is there */
struct line *line_get(struct desk *d, const char *thread_id);        /* made; NULL: no memory */
void line_join(struct line *l, struct ticket *t);
/* Is nobody's end being written? Else t is called later. */
bool line_may_close(struct ticket *t);
/* t goes; the next one begins. */
void line_leave(struct ticket *t);
void line_pump(struct line *l);
/* Is there anybody besides t? */
bool line_has_more(const struct ticket *t);
/* Everybody before t is told to end; t NULL: everybody. */
void line_cancel_before(struct line *l, const struct ticket *t, enum desk_cancel how);

#endif
