#ifndef ANABRANCH_RUN_WEBHOOK_INSIDE_H
#define ANABRANCH_RUN_WEBHOOK_INSIDE_H
/*
 * What the files of webhooks share:
 *
 *     webhook.c          the queue: looking into the store, who is under way
 *     webhook_call.c     one try to deliver one
 *     webhook_address.c  what an address may be, and where it leads
 *     webhook_text.c     what is told, and what an answer means. Pure
 */
#include "base/buf.h"
#include "base/list.h"
#include "loop/fetch.h"
#include "node/http_url.h"
#include "run/webhook.h"
#include "store/record.h"

struct webhooks {
    const struct services *services;
    struct host_rule *rules; /* of webhook_hosts */
    size_t rule_count;
    struct list calls; /* under way */
    size_t call_count;
    struct loop_timer *timer;
    struct store_op op;
    struct stored_records found;
    size_t stored_count; /* as far as it is known */
    bool is_looking;
    bool is_wanted; /* another look */
    bool is_paused; /* the store failed: not before the timer */
    bool is_stopped;
    bool is_quiet; /* nothing is under way or being looked for */
    void (*idle)(void *arg);
    void *idle_arg;
    struct loop_work idle_work;
};

/* ---- webhook_call.c ---- */

struct webhook_call {
    struct list node; /* in webhooks->calls */
    struct webhooks *office;
    char id[STORE_ID_MAX + 1]; /* of the record and the run */
    struct store_op op;
    struct stored_records found;
    struct fetch *fetch;
    struct buf url;
    struct buf body;
    char host[300]; /* for the log */
    int tries;      /* before this one */
    int status;     /* of the answer, 0 = none */
    int64_t begun_us;
};
/* 0 or a fault. */
int webhook_call_start(struct webhooks *w, const char *id);
/* Ends it soon. */
void webhook_call_stop(struct webhook_call *c);
/* webhook.c: c has ended, and is freed by this. failed: the store did. */
void webhooks_call_ended(struct webhook_call *c, bool failed);

/* ---- webhook_address.c ---- */

/* Where an address that was checked leads by the settings of today. *ret_is_guarded: only if that is
 * public. 0; WEBHOOK_E_REFUSED: it is a path, and there is nothing to put before it any more; or a
 * fault. */
int webhook_resolve(const struct webhooks *w, const char *address, struct buf *ret_url,
                    bool *ret_is_guarded);
/* 0 or a fault. */
int webhooks_read_hosts(struct webhooks *w);

/* ---- webhook_text.c ---- */

/* What the run's record and the receiver get, but for webhook_sent_at: JSON, an object. 0, BUF_E_FULL
 * or ERR_NOMEM. */
int webhook_write(const struct webhook_news *news, struct buf *out);
/* The same with webhook_sent_at. text: what webhook_write() wrote. */
int webhook_stamp(const char *text, size_t len_bytes, int64_t now_ms, struct buf *out);

enum webhook_verdict { WEBHOOK_SENT, WEBHOOK_AGAIN, WEBHOOK_FAILED };
/* status: of the answer, 0 = there was none, because of the fetch's result. */
enum webhook_verdict webhook_judge(int status, int result);
/* Before the next try, after so many (1..). */
int64_t webhook_pause_ms(int tries);

#endif
