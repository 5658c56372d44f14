/*
 * One try to deliver a webhook:
 *
 *     read its record -> POST -> write what came of it -> gone
 *                          +-- stopped: nothing is written, so it is tried again as if this had not been
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/webhook_inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 10000, ANSWER_MAX_BYTES = 65536, URL_MAX_BYTES = 8192 };

static const struct conf *conf_of(const struct webhook_call *c)
{
    return c->office->services->conf;
}

static void ended(void *arg, int result)
{
    struct webhook_call *c = arg;

    if (result != 0)
        log_warn("webhook_not_noted", "run", c->id, "result", log_int(result), NULL);
    webhooks_call_ended(c, result != 0);
}

static void commit(struct webhook_call *c, struct store_batch *b)
{
    const struct services *services = c->office->services;

    store_commit(services->store, services->loop, &c->op, b, ended, c);
    store_batch_deinit(b);
}

/* ---- what came of it: one line each ---- */

static const char *elapsed_ms(const struct webhook_call *c)
{
    return log_int((clock_mono_us() - c->begun_us) / 1000);
}

static const char *status_text(const struct webhook_call *c)
{
    return c->status == 0 ? NULL : log_int(c->status);
}

static void close_call(struct webhook_call *c)
{
    struct store_batch batch;

    store_batch_init(&batch);
    store_add_delete_record(&batch, RECORD_WEBHOOK, c->id);
    commit(c, &batch);
}

static void sent(struct webhook_call *c)
{
    log_info("webhook_sent", "run", c->id, "host", c->host, "status", log_int(c->status), "tries",
             log_int(c->tries + 1), "ms", elapsed_ms(c), NULL);
    close_call(c);
}

static void failed(struct webhook_call *c, const char *why)
{
    log_warn("webhook_failed", "run", c->id, "host", c->host, "status", status_text(c), "tries",
             log_int(c->tries + 1), "why", why, NULL);
    close_call(c);
}

static void try_later(struct webhook_call *c, const char *why)
{
    int64_t pause_ms = webhook_pause_ms(c->tries + 1);
    int64_t now_ms = clock_wall_ms();
    char tries[24];
    struct store_batch batch;

    log_info("webhook_delayed", "run", c->id, "host", c->host, "status", status_text(c), "tries",
             log_int(c->tries + 1), "again_in_ms", log_int(pause_ms), "why", why, NULL);
    snprintf(tries, sizeof(tries), "%d", c->tries + 1);
    store_batch_init(&batch);
    store_add_record(&batch, &(struct record_put){ .kind = RECORD_WEBHOOK,
                                                   .id = c->id,
                                                   .status = tries,
                                                   .now_ms = now_ms,
                                                   .due_ms = now_ms + pause_ms });
    commit(c, &batch);
}

/* ---- the request ---- */

static void on_head(void *arg, int status)
{
    struct webhook_call *c = arg;

    c->status = status;
}

/* What came behind the head does not matter, nor whether it came. */
static void on_end(void *arg, int result)
{
    struct webhook_call *c = arg;
    enum webhook_verdict verdict = webhook_judge(c->status, result);
    const char *why =
        c->status != 0 ? "the receiver answered so" : fetch_error_text(c->fetch, result);

    c->fetch = NULL; /* why may point into it until the end of this call */
    if (verdict == WEBHOOK_SENT)
        sent(c);
    else if (c->office->is_stopped || result == OP_CANCELLED)
        webhooks_call_ended(c, false);
    else if (verdict == WEBHOOK_AGAIN && c->tries + 1 < conf_of(c)->webhook_tries)
        try_later(c, why);
    else
        failed(c, why);
}

static int post(struct webhook_call *c, bool is_guarded)
{
    static const struct fetch_header headers[] = {
        { "Content-Type", "application/json" },
        { "User-Agent", "anabranch" },
    };
    int64_t total_ms = conf_of(c)->webhook_timeout_ms;
    const struct fetch_request req = {
        .method = "POST",
        .url = buf_text(&c->url),
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(headers[0]),
        .body = c->body.data,
        .body_len_bytes = c->body.len,
        .connect_ms = total_ms < CONNECT_MS ? total_ms : CONNECT_MS,
        .total_ms = total_ms,
        .max_bytes = ANSWER_MAX_BYTES,
        .is_guarded = is_guarded,
        .on_head = on_head,
        .on_end = on_end,
        .arg = c,
    };

    c->begun_us = clock_mono_us();
    int r = fetch_start(c->office->services->fetcher, &req, &c->fetch);
    buf_deinit(&c->body); /* the fetch has its own */
    return r;
}

static void name_host(struct webhook_call *c)
{
    struct url_host host;

    if (url_read(c->url.data, c->url.len, &host) == 0)
        snprintf(c->host, sizeof(c->host), "%.*s:%d", (int)host.len_bytes, host.name, host.port);
}

static int prepare(struct webhook_call *c, bool *ret_is_guarded)
{
    const struct stored_record *record = &c->found.items[0];

    c->tries = atoi(record->status);
    int r = webhook_resolve(c->office, record->name, &c->url, ret_is_guarded);
    if (r == 0) {
        name_host(c);
        buf_init(&c->body, record->body.len_bytes + 256);
        r = webhook_stamp(record->body.bytes, record->body.len_bytes, clock_wall_ms(), &c->body);
    }
    return r;
}

static void found(void *arg, int result)
{
    struct webhook_call *c = arg;
    bool is_guarded = true;
    int r = result;

    if (c->office->is_stopped || (r == 0 && c->found.count == 0)) {
        webhooks_call_ended(c, false);
        return;
    }
    if (r == 0)
        r = prepare(c, &is_guarded);
    stored_records_clear(&c->found);
    if (r == 0)
        r = post(c, is_guarded);
    if (r == WEBHOOK_E_REFUSED)
        failed(c, "it has no address any more: the setting webhook_base_url is empty");
    else if (r != 0)
        webhooks_call_ended(c, true);
}

int webhook_call_start(struct webhooks *w, const char *id)
{
    const struct services *services = w->services;
    struct webhook_call *c = mem_zalloc(sizeof(*c));
    const struct record_query query = { .kind = RECORD_WEBHOOK, .ids = &id, .id_count = 1 };

    if (c == NULL)
        return err_trace(ERR_NOMEM);
    c->office = w;
    snprintf(c->id, sizeof(c->id), "%s", id);
    buf_init(&c->url, URL_MAX_BYTES);
    list_add_tail(&w->calls, &c->node);
    w->call_count++;
    store_find_records(services->store, services->loop, &c->op, &query, &c->found, found, c);
    return 0;
}

void webhook_call_stop(struct webhook_call *c)
{
    if (c->fetch != NULL)
        op_cancel(fetch_op(c->fetch));
}
