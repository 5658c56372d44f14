/*
 * What a run's end leaves in the books: its own row, and its thread's.
 *
 *     ended as          the run's row   the thread's status
 *     success           success         interrupted if it asks, else idle (busy if more wait)
 *     error, timeout    the same        error; still interrupted if it was refused (run_was_refused())
 *     cancelled         interrupted     idle (busy if more wait), whatever is next
 *     rolled back       deleted         the same; and its checkpoints are gone
 *     server goes down  pending         busy, as it was; an attended one: as cancelled
 *
 * and, but for the last case, its webhook (run/webhook.h). The next run of the thread makes it busy
 * again when it begins (ticket.c).
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/ticket.h"
#include <string.h>

enum { MINUTE_MS = 60000 };

static bool is_cut_by_server(const struct ticket *t)
{
    return run_fail(t->run)->code == FAIL_DRAINING && !t->is_cancelled;
}

/* When the server goes down, the clients of attended runs are gone. */
static enum run_status end_of(const struct ticket *t)
{
    return is_cut_by_server(t) ? RUN_INTERRUPTED : run_status(t->run);
}

static const char *thread_status(const struct ticket *t)
{
    enum run_status status = end_of(t);

    if (status == RUN_ERROR || status == RUN_TIMEOUT)
        return "error";
    if (status == RUN_SUCCESS && run_interrupts(t->run) != NULL)
        return "interrupted";
    return line_has_more(t) ? "busy" : "idle";
}

/* ---- the run's row ---- */

static void note_error(struct ticket *t)
{
    const struct fail *f = run_fail(t->run);

    if (fail_is_set(f) && end_of(t) != RUN_INTERRUPTED && t->sheet.error == NULL)
        t->sheet.error = json_pack("{s:s, s:s}", "error", fail_type(f), "message", fail_message(f));
}

/* A stateless run's row stays as long as its stored events, which need it. */
static bool is_forgotten(const struct ticket *t)
{
    if (t->is_cancelled && t->cancelled != CANCEL_INTERRUPT)
        return true;
    return t->sheet.is_temporary && !sheet_is_resumable(&t->sheet);
}

static void add_run(struct ticket *t, struct store_batch *b)
{
    struct sheet *s = &t->sheet;
    bool is_resumable = sheet_is_resumable(s);

    s->updated_ms = clock_wall_ms();
    s->events_end = is_resumable ? (int64_t)run_events_end(t->run) : 0;
    s->due_ms = is_resumable ? s->updated_ms + t->desk->services->conf->resumable_keep_ms : 0;
    snprintf(s->status, sizeof(s->status), "%s", run_status_name(end_of(t)));
    note_error(t);
    if (is_forgotten(t)) {
        store_add_delete_record(b, RECORD_RUN, s->run_id);
        return;
    }
    sheet_add(s, b, desk_max_bytes(t->desk));
    if (is_resumable)
        tidy_note(t->desk, s->due_ms);
}

/* ---- the thread's row ---- */

static void add_member(struct buf *out, const char *key)
{
    if (out->len > 1)
        buf_add_char(out, ',');
    jsonx_encode_string(key, strlen(key), out);
    buf_add_char(out, ':');
}

static void add_values(const struct ticket *t, struct buf *out)
{
    add_member(out, "values");
    state_encode(run_state(t->run), VIEW_SHOWN, out);
    add_member(out, "interrupts");
    if (run_interrupts_by_task(t->run) != NULL)
        jsonx_encode(run_interrupts_by_task(t->run), out);
    else
        buf_add_str(out, "{}");
}

/* When its older checkpoints go, now that there are some again; 0: as it is. */
static int64_t next_due_ms(const struct ticket *t, const struct stored_record *thread,
                           const json_t *body)
{
    const json_t *minutes = json_object_get(json_object_get(body, "ttl"), "ttl_minutes");

    if (strcmp(thread->name, THREAD_KEEPS_LATEST) != 0 || thread->due_ms != 0)
        return 0;
    return t->sheet.updated_ms + (int64_t)(json_number_value(minutes) * MINUTE_MS);
}

/* One that did not get as far as the thread's state, or that could not be done, says nothing of it. */
static bool knows_state(const struct ticket *t)
{
    return run_state(t->run) != NULL && !run_was_refused(t->run);
}

/* Is it this that a run's end says anew? */
static bool is_of_run(const struct ticket *t, const char *key)
{
    bool is_state = strcmp(key, "values") == 0 || strcmp(key, "interrupts") == 0;

    return (is_state && knows_state(t)) || strcmp(key, "error") == 0;
}

/* A question that was not answered by what was refused is still there. */
static bool still_asks(const struct ticket *t, const struct stored_record *thread)
{
    if (!run_was_refused(t->run) || end_of(t) != RUN_ERROR || line_has_more(t))
        return false;
    json_t *body = record_object(&thread->body, desk_max_depth(t->desk));
    bool asks = json_object_size(json_object_get(body, "interrupts")) > 0;
    json_decref(body);
    return asks;
}

/* What else is in the body stays. 0 or a fault. */
static int write_body(const struct ticket *t, const struct stored_record *thread, struct buf *out,
                      int64_t *ret_due_ms)
{
    json_t *body = record_object(&thread->body, desk_max_depth(t->desk));
    const char *key;
    json_t *value;

    if (body == NULL)
        return err_trace(ERR_NOMEM);
    *ret_due_ms = next_due_ms(t, thread, body);
    buf_add_char(out, '{');
    json_object_foreach(body, key, value) {
        if (is_of_run(t, key))
            continue;
        add_member(out, key);
        jsonx_encode(value, out);
    }
    json_decref(body);
    if (knows_state(t))
        add_values(t, out);
    if (t->sheet.error != NULL) {
        add_member(out, "error");
        jsonx_encode(t->sheet.error, out);
    }
    buf_add_char(out, '}');
    return out->fault == ERR_NOMEM ? err_trace(ERR_NOMEM) : 0;
}

/* The order has said whose state the thread's is. If the run could not even read it, it is not. */
static bool is_not_its_state(const struct ticket *t, const json_t *metadata)
{
    const char *graph = json_string_value(json_object_get(metadata, "graph_id"));

    return run_state(t->run) == NULL && t->sheet.error != NULL && t->metadata_before != NULL &&
           graph != NULL && strcmp(graph, t->sheet.graph) == 0;
}

static int put_back(json_t *metadata, const json_t *before, const char *key)
{
    json_t *value = json_object_get(before, key);

    return value != NULL ? json_object_set(metadata, key, value) : json_object_del(metadata, key);
}

/* NULL: they stay as they are, or there is no memory. */
static char *metadata_text(const struct ticket *t, const struct stored_record *thread, size_t *ret)
{
    json_t *metadata = record_object(&thread->metadata, desk_max_depth(t->desk));
    char *text = NULL;

    if (metadata != NULL && is_not_its_state(t, metadata) &&
        put_back(metadata, t->metadata_before, "graph_id") == 0 &&
        put_back(metadata, t->metadata_before, "assistant_id") == 0)
        text = jsonx_text(metadata, desk_max_bytes(t->desk), ret);
    json_decref(metadata);
    return text;
}

/* A body that is too large is left out, as with brief. */
static void add_thread(struct ticket *t, const struct stored_record *thread, bool brief,
                       struct store_batch *b)
{
    struct buf body MEM_AUTO(buf_deinit);
    bool is_undone = t->is_cancelled && t->cancelled == CANCEL_ROLLBACK;
    bool has_news = run_state(t->run) != NULL || t->sheet.error != NULL;
    int64_t due_ms = 0;

    buf_init(&body, desk_max_bytes(t->desk));
    if (!brief && !is_undone && has_news && write_body(t, thread, &body, &due_ms) != 0)
        b->fault = b->fault != 0 ? b->fault : ERR_NOMEM;
    const char *status = still_asks(t, thread) ? "interrupted" : thread_status(t);
    struct record_put put = {
        .kind = RECORD_THREAD,
        .id = t->sheet.thread_id,
        .status = status,
        .body = body.fault == 0 ? body.data : NULL,
        .body_len_bytes = body.fault == 0 ? body.len : 0,
        .now_ms = t->sheet.updated_ms,
        .due_ms = due_ms,
    };
    char *metadata MEM_AUTO(mem_freep) = metadata_text(t, thread, &put.metadata_len_bytes);
    put.metadata = metadata;
    store_add_record(b, &put);
    if (due_ms != 0 && t->desk->on_due != NULL)
        t->desk->on_due(t->desk->on_due_arg, due_ms);
    if (t->line != NULL)
        t->line->is_let_go = strcmp(status, "busy") != 0;
}

/* As if it had not begun: the next server takes it up. Its clients see another attempt, which does
 * not count as one that has brought a server down. */
static void add_interruption_by_server(struct ticket *t, struct store_batch *b)
{
    if (t->sheet.base_id[0] != '\0' && !t->is_spared) {
        t->is_spared = true;
        t->sheet.attempt++;
        t->sheet.spared++;
    }
    snprintf(t->sheet.status, sizeof(t->sheet.status), "pending");
    t->sheet.updated_ms = clock_wall_ms();
    sheet_add(&t->sheet, b, desk_max_bytes(t->desk));
}

/* What was taken back is not told, and what may be large is left out of brief rows. */
static void add_webhook(struct ticket *t, bool brief, struct store_batch *b)
{
    bool is_undone = t->is_cancelled && t->cancelled == CANCEL_ROLLBACK;
    const struct webhook_news news = {
        .sheet = &t->sheet,
        .run = is_undone ? NULL : t->run,
        .started_ms = t->started_ms,
        .is_brief = brief,
    };

    t->has_webhook = webhooks_add(t->desk->webhooks, &news, b);
}

void ledger_add_end(struct ticket *t, bool brief, struct store_batch *b)
{
    const struct sheet *s = &t->sheet;
    const struct stored_record *thread = t->thread.count > 0 ? &t->thread.items[0] : NULL;

    store_add_expect_record(b, RECORD_RUN, s->run_id, 0, NULL, 0); /* the first row: see ticket.c */
    if (thread != NULL)
        store_add_expect_record(b, RECORD_THREAD, s->thread_id,
                                t->end_tries < END_TRIES ? thread->revision : 0, NULL, 0);
    bool is_cut = is_cut_by_server(t) && !s->is_attended;
    /* Not with its last event: for readers of the next server there was no failure. */
    run_add_end(t->run, !brief && !is_cut && !is_forgotten(t), b);
    if (is_cut) {
        add_interruption_by_server(t, b);
        return;
    }
    if (t->is_cancelled && t->cancelled == CANCEL_ROLLBACK && s->base_id[0] != '\0')
        store_add_rewind_thread(b, s->thread_id, s->base_id);
    add_run(t, b);
    if (thread != NULL)
        add_thread(t, thread, brief, b);
    add_webhook(t, brief, b);
}
