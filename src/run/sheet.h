#ifndef ANABRANCH_RUN_SHEET_H
#define ANABRANCH_RUN_SHEET_H
/*
 * What is written down of a run: the record of it in the store (store/record.h), and the object
 * that clients see. A sheet is a plain value that owns its JSON and strings; nobody changes its JSON
 * once it is there.
 *
 *     record   id, owner = thread, status, metadata, due
 *     body     {"assistant_id", "graph", "kwargs", "multitask_strategy", "attempt", "temporary",
 *               "modes", "attended", "spared"?, "base"?, "error"?,
 *               "events_end"?}
 *
 * kwargs is what the run was asked to do, in the words of the protocol:
 *
 *     {"input"? | "command"?, "config": {"configurable", "tags"?, "recursion_limit"?,
 *      "max_concurrency"?, "metadata"?}, "context", "stream_mode", "subgraphs", "resumable",
 *      "temporary", "interrupt_before"?, "interrupt_after"?, "checkpoint_id"?, "durability"?,
 *      "timeout_ms"?, "webhook"?}
 */
#include "run/run.h"
#include "store/record.h"

/* The statuses of threads that no run is ordered on, and of runs that have ended. */
enum { THREAD_QUIET_COUNT = 3, RUN_ENDED_COUNT = 4 };
extern const char *const thread_statuses_quiet[THREAD_QUIET_COUNT];
extern const char *const run_statuses_ended[RUN_ENDED_COUNT];

enum multitask { MULTITASK_REJECT, MULTITASK_ENQUEUE, MULTITASK_INTERRUPT, MULTITASK_ROLLBACK };
/* By the protocol's name: the enum, or -1. */
int multitask_find(const char *name);

struct sheet {
    char run_id[ID_BYTES];
    char thread_id[STORE_ID_MAX + 1]; /* "" = stateless */
    char *assistant_id;
    char *graph; /* its name */
    char status[16];
    char
        base_id[ID_BYTES]; /* "" = it has not begun; else every checkpoint that it makes is above */
    json_t *metadata;      /* object */
    json_t *kwargs;        /* object */
    json_t *error;         /* {"error","message"}, or NULL */
    enum multitask multitask;
    int attempt; /* 1.. */
    int spared;  /* of the attempts before this one: those that a server has ended in good order */
    unsigned modes;
    bool is_attended;   /* it ends when its client leaves, so also when the server does */
    bool is_temporary;  /* nothing is kept of it once it has ended */
    int64_t events_end; /* of a resumable run that has ended: the number behind its last event */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t due_ms; /* 0 = at once */
};
void sheet_clear(struct sheet *s);
/* Are its events stored, too? */
bool sheet_is_resumable(const struct sheet *s);

/* The record, whole. Sticky fault in b. */
void sheet_add(const struct sheet *s, struct store_batch *b, size_t max_bytes);
enum { SHEET_E_DAMAGED = 1 };
/* From a record with its body, into a zeroed one. 0, SHEET_E_DAMAGED or a fault; clear it in every
 * case. */
int sheet_read(struct sheet *s, const struct stored_record *from, int max_depth);
/* As clients see it. NULL: no memory. */
json_t *sheet_json(const struct sheet *s);
/* What kwargs and the rest say of the run; borrowed. The graph is left alone. */
void sheet_request(const struct sheet *s, struct run_request *ret);

/* A JSON object of a record's bytes, {} for none; NULL: damaged, or no memory. */
json_t *record_object(const struct stored_bytes *bytes, int max_depth);

#endif
