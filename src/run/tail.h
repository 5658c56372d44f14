#ifndef ANABRANCH_RUN_TAIL_H
#define ANABRANCH_RUN_TAIL_H
/*
 * The end of a run's event log that lies in the store: for runs whose books are kept.
 *
 * Numbers. No two events have one number, over a kill and the next attempt too: readers see an event
 * only when its number is reserved on the disk. Blocks are reserved ahead, so nobody waits.
 *
 *     reserved on the disk          asked for         0 .. open .. asked .. next block at half of one
 *
 * Events (of resumable runs only). What has not been stored rides along with every commit of the
 * run's savers, so a checkpoint and the events that led to it are there together or not at all; the
 * last ones go with the run's end. Between commits the oldest are stored before they fall out of the
 * log. What is stored of an attempt is its first events, without gaps unless a commit failed or
 * resumable_bytes were passed, and then the reader is told (run/replay.h).
 *
 *     row     one letter, '\n', then events that follow each other: MODE ' ' BYTES '\n' FRAME
 *             'b': the attempt's first; 'c': others. MODE has MODE_SUBGRAPHS for a subgraph's
 *
 * Loop thread only.
 */
#include "run/internal.h"

/* The run's log gets it. Before the first event. */
void tail_init(struct tail *t, struct run *run, enum events_kept kept);

/* ---- for the event log ---- */

/* Readers may see the events below. */
uint64_t tail_visible(const struct tail *t);
/* Its readers come from the store if they are behind the log. */
bool tail_is_stored(const struct tail *t);
/* r is being appended, its number is known; of a resumable run its frame is made here. 0, or ERR_NOMEM. */
int tail_appended(struct tail *t, struct record *r);
/* The log's first record is about to fall out. */
void tail_falls_out(struct tail *t);

/* ---- for the desk's commits ---- */

/* Rows for what is not stored yet. Sticky fault in b. */
void tail_add(struct tail *t, struct store_batch *b);
/* The batch was handed over. */
void tail_added(struct tail *t);
/* The run begins: the first block. tail_reserved(): that commit has ended, however. */
void tail_add_block(struct tail *t, struct store_batch *b);
void tail_reserved(struct tail *t);
/* The end of the books: what is left, and no number that was given out is free. Any number of times;
 * nothing is stored by itself afterwards. */
void tail_add_end(struct tail *t, bool with_events, struct store_batch *b);

#endif
