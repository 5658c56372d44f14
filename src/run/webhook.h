#ifndef ANABRANCH_RUN_WEBHOOK_H
#define ANABRANCH_RUN_WEBHOOK_H
/*
 * Webhooks: where a run's end is to be told. The address comes from a client, in kwargs.webhook of
 * the run's sheet; what is told is a record of its own (RECORD_WEBHOOK), written in the commit of the
 * end and deleted by the delivery:
 *
 *     the run ends     webhooks_add()     its row, in the batch of the end
 *                      webhooks_note()    when that is committed
 *     look             what is due, as many as may be under way at once
 *     each of them     read -> POST -> 2xx                  -> deleted
 *                                   -> worth another try    -> due later: 1 s, 4 s, 16 s ... 5 min
 *                                   -> not, or too many     -> deleted, with a line in the log
 *
 * So the queue is in the store: what a server leaves is delivered by the next one, and a receiver may
 * hear of a run twice, but not never. In memory are only those under way. A timer runs only while
 * something waits for its next try.
 *
 * The addresses are reached through guarded fetches (loop/fetch.h), but for hosts of the setting
 * webhook_hosts, and for webhooks that are a path, which webhook_base_url stands before.
 *
 * Loop thread only.
 */
#include "node/node.h"
#include "run/run.h"
#include "run/sheet.h"

struct webhooks;
/* Looks into the store soon. Borrows services, whose store is there, until webhooks_free(). 0 or a
 * fault. */
int webhooks_new(const struct services *services, struct webhooks **ret);
/* Ends what is under way, which the next server will try again; runs the loop until it has ended.
 * Accepts NULL, returns NULL. */
struct webhooks *webhooks_free(struct webhooks *w);

/* May a run have this webhook? 0; or WEBHOOK_E_REFUSED with f (FAIL_UNPROCESSABLE). An address that
 * is a name is judged when it is called. */
enum { WEBHOOK_E_REFUSED = 1, WEBHOOK_MAX_BYTES = 2048 };
int webhooks_check(const struct webhooks *w, const char *address, struct fail *f);

/* The end of a run. */
struct webhook_news {
    const struct sheet *sheet; /* with the status that the run has ended with */
    const struct run *run;     /* for its values; NULL = they are not told */
    int64_t started_ms;        /* 0 = it never began */
    bool is_brief;             /* neither values nor kwargs are told, which may be large */
};
/* Adds the row to b. false: the run has no webhook, or there are max_webhooks already, or no memory:
 * then b->fault is set. */
bool webhooks_add(struct webhooks *w, const struct webhook_news *news, struct store_batch *b);
/* Such a batch is committed. */
void webhooks_note(struct webhooks *w);

/* For a server that goes down: is nothing under way, and nothing due? `idle` is called from the loop
 * each time that this has become true. Next tries that are due later are not waited for. */
bool webhooks_are_idle(const struct webhooks *w);
void webhooks_when_idle(struct webhooks *w, void (*idle)(void *arg), void *arg);

#endif
