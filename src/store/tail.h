#ifndef ANABRANCH_STORE_TAIL_H
#define ANABRANCH_STORE_TAIL_H
/*
 * The event log of a run, as far as it is kept. A row holds one event or several that follow each
 * other; what is in its bytes is the writer's.
 *
 *     store_add_events(&b, run, 0, 4, bytes, len)      events 0..4
 *     store_add_events(&b, run, 5, 5, bytes, len)
 *     read from 3: both rows, as 3 is in the first     from 6: none
 *
 * Event numbers that readers have seen must not be given twice, not after a crash either. So a run
 * reserves them in blocks, in any commit before it uses the first of them, and after a restart goes
 * on from the record's reserved_seq:
 *
 *     store_add_reserve_events(&b, run, 1000)          0..999 may have been seen from now on
 *
 * Conditions: those of store_commit(). Loop thread only.
 */
#include "store/store.h"

/* 0 <= first_seq <= last_seq. A row with the same last_seq is replaced. Rows of one run must not
 * overlap, which nobody checks. */
void store_add_events(struct store_batch *b, const char *run_id, int64_t first_seq,
                      int64_t last_seq, const char *bytes, size_t len_bytes);
/* Those that hold nothing from below_seq on; INT64_MAX: all. */
void store_add_drop_events(struct store_batch *b, const char *run_id, int64_t below_seq);
/* Only ever up; changes neither revision nor updated_ms. No such run: nothing happens. */
void store_add_reserve_events(struct store_batch *b, const char *run_id, int64_t below_seq);

struct event_query {
    const char *run_id;
    int64_t from_seq; /* the first row is the one that holds it, or the next one */
    size_t limit;     /* rows; 0 = all */
};
struct stored_events_row {
    int64_t first_seq;
    int64_t last_seq;
    struct stored_bytes bytes;
};
/* The caller owns it. */
struct stored_events {
    struct stored_events_row *items; /* oldest first */
    size_t count;
};
void stored_events_clear(struct stored_events *l);
/* As store_read(). */
void store_read_events(struct store *s, struct loop *loop, struct store_op *r,
                       const struct event_query *query, struct stored_events *ret,
                       void (*on_end)(void *arg, int result), void *arg);

#endif
