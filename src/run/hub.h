#ifndef ANABRANCH_RUN_HUB_H
#define ANABRANCH_RUN_HUB_H
/*
 * Readers of a run: cursors into its event log. An SSE client, a caller that waits for the result
 * and a test are all readers.
 *
 *     reader_open(run, MODE_UPDATES, on_ready, arg, &r)
 *     while ((what = reader_next(r, &event)) == READER_EVENT) ...
 *     READER_WAIT: on_ready is called once when there is more (from the loop, at the end of a
 *                  turn); then call reader_next() again
 *     READER_END:  the run has ended and everything was read
 *
 * Loop thread only.
 */
#include "run/event.h"
#include "run/run.h"

struct reader;

struct run_event {
    const char *name; /* without the namespace: "metadata", "values", "messages/partial", ... */
    const char *ns;   /* "" = the root graph, else "sub:uuid|inner:uuid" */
    const char *data; /* one line of JSON */
    size_t data_len_bytes;
    const char *frame; /* the whole SSE frame: "event: NAME|NS\ndata: DATA\n\n" */
    size_t frame_len_bytes;
    const char *numbered; /* the same behind "id: N\n", if it has a number */
    size_t numbered_len_bytes;
};

enum reader_result { READER_EVENT, READER_WAIT, READER_END };

/*
 * A reader that begins with the oldest event the log still has, or, of a resumable run, with its
 * first. Of what an earlier process has shown of the run it gets what was stored.
 *   modes     a subset of what the log keeps; metadata and error events always come. Without
 *             MODE_SUBGRAPHS no event with a namespace does
 *   on_ready  never called inside a call of this header; may close the reader
 *   ret       owned by the caller, who closes it; it holds a reference of the run
 * 0 or ERR_NOMEM.
 */
int reader_open(struct run *run, unsigned modes, void (*on_ready)(void *arg), void *arg,
                struct reader **ret);
/* The same of a run that is not in memory any more: its stored events, then READER_END. events_end:
 * the number behind its last one, which tells whether some are missing; 0 = not known. */
int reader_open_stored(const struct services *services, const char *run_id, uint64_t events_end,
                       void (*on_ready)(void *arg), void *arg, struct reader **ret);
/* For reader_open_stored(): which events it gives; else as reader_open(). Before the first
 * reader_next(). */
void reader_set_modes(struct reader *r, unsigned modes);
/* Events with a number below `number` are passed over; what has fallen out above it counts as lost.
 * READER_SEEK_END: all of them are. Before the first reader_next(). */
#define READER_SEEK_END UINT64_MAX
void reader_seek(struct reader *r, uint64_t number);
struct reader *reader_close(struct reader *r); /* accepts NULL; on_ready is not called any more */
/* The event's bytes are valid until the next call on this reader. A reader that fell out of the log
   gets one `error` event StreamTruncated, then READER_END. No memory for a frame: the same with
   InternalError. */
enum reader_result reader_next(struct reader *r, struct run_event *ret);

#endif
