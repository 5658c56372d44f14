/*
 * What an earlier process has left unfinished, oldest first:
 *
 *     pending                             waits for its turn again
 *     running, with a checkpoint of its own   goes on from there: what its tasks had committed counts
 *     running, without one                is begun once more, as it was asked
 *     attended                            ends as interrupted: its client has left
 *
 * Every start that ended with the process is an attempt; after max_run_attempts of them, or when its
 * graph is not there any more, the run ends as an error that says so.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/ticket.h"
#include <string.h>

struct recovery {
    struct desk *desk;
    struct loop_work go_on;
    struct store_op work;
    struct stored_records runs;
    struct stored_records threads; /* of one that cannot go on: its thread, or none */
    size_t next;
    struct sheet sheet;             /* of the run at next */
    struct stored_list checkpoints; /* the latest one, without values */
    bool goes_on;
    bool has_webhook; /* in the rows of the one that is given up */
    bool is_done;
    int fault;
};

static void take_next(struct recovery *v);

static void end(struct recovery *v, int fault)
{
    v->fault = fault;
    v->is_done = true;
}

/* From the loop: thousands that wait would otherwise be as many calls inside each other. */
static void next(struct recovery *v)
{
    sheet_clear(&v->sheet);
    stored_list_clear(&v->checkpoints);
    v->next++;
    loop_ready(v->desk->services->loop, &v->go_on);
}

/* ---- one that cannot go on ---- */

/* STORE_E_STALE: its thread is not there, so neither is anybody who could ask for the run. */
static void given_up(void *arg, int result)
{
    struct recovery *v = arg;

    if (result > 0)
        log_error("run_end_not_stored", "run", v->sheet.run_id, "result", log_int(result), NULL);
    if (result == 0 && v->has_webhook)
        webhooks_note(v->desk->webhooks);
    if (result < 0)
        end(v, err_trace(result));
    else
        next(v);
}

/* A row that could not be read gets what a reader of rows looks for. 0 or ERR_NOMEM. */
static int mend(struct sheet *s)
{
    s->assistant_id = s->assistant_id != NULL ? s->assistant_id : mem_strdup("");
    s->graph = s->graph != NULL ? s->graph : mem_strdup("");
    s->attempt = s->attempt > 0 ? s->attempt : 1;
    if (!json_is_object(s->kwargs)) {
        json_decref(s->kwargs);
        s->kwargs = json_object();
    }
    if (s->metadata == NULL)
        s->metadata = json_object();
    bool is_whole =
        s->assistant_id != NULL && s->graph != NULL && s->kwargs != NULL && s->metadata != NULL;
    return is_whole ? 0 : err_trace(ERR_NOMEM);
}

/* Do others of its thread come after it? */
static bool has_more(const struct recovery *v)
{
    for (size_t i = v->next + 1; i < v->runs.count; i++) {
        if (strcmp(v->runs.items[i].owner, v->sheet.thread_id) == 0)
            return true;
    }
    return false;
}

static void add_thread(const struct recovery *v, const struct stored_record *thread,
                       struct store_batch *b)
{
    const struct sheet *s = &v->sheet;
    json_t *body = record_object(&thread->body, desk_max_depth(v->desk));
    struct record_put put = {
        .kind = RECORD_THREAD,
        .id = s->thread_id,
        .status = has_more(v)        ? "busy"
                  : s->error != NULL ? "error"
                                     : "idle",
        .now_ms = s->updated_ms,
    };
    char *text MEM_AUTO(mem_freep) = NULL;

    /* A body that cannot be read stays as it is. */
    if (body != NULL && s->error != NULL && json_object_set(body, "error", s->error) == 0)
        text = jsonx_text(body, desk_max_bytes(v->desk), &put.body_len_bytes);
    put.body = text;
    store_add_record(b, &put);
    json_decref(body);
}

static void write_end(struct recovery *v)
{
    struct desk *d = v->desk;
    const struct sheet *s = &v->sheet;
    struct store_batch batch;

    store_batch_init(&batch);
    if (s->is_temporary || (s->thread_id[0] != '\0' && v->threads.count == 0))
        store_add_delete_record(&batch, RECORD_RUN, s->run_id);
    else
        sheet_add(s, &batch, desk_max_bytes(d));
    if (v->threads.count > 0)
        add_thread(v, &v->threads.items[0], &batch);
    const struct webhook_news news = { .sheet = s };
    v->has_webhook = webhooks_add(d->webhooks, &news, &batch);
    store_commit(d->services->store, d->services->loop, &v->work, &batch, given_up, v);
    store_batch_deinit(&batch);
}

static void thread_read(void *arg, int result)
{
    struct recovery *v = arg;

    if (result != 0)
        end(v, err_trace(result < 0 ? result : ERR_SYSTEM));
    else
        write_end(v);
}

static void read_thread(struct recovery *v)
{
    const char *id = v->sheet.thread_id;
    const struct record_query query = { .kind = RECORD_THREAD, .ids = &id, .id_count = 1 };

    stored_records_clear(&v->threads);
    store_find_records(v->desk->services->store, v->desk->services->loop, &v->work, &query,
                       &v->threads, thread_read, v);
}

static int note_end(struct sheet *s, const struct fail *f, int64_t keep_ms)
{
    bool is_error = fail_is_set(f);

    s->updated_ms = clock_wall_ms();
    s->due_ms = sheet_is_resumable(s) ? s->updated_ms + keep_ms : 0;
    snprintf(s->status, sizeof(s->status), is_error ? "error" : "interrupted");
    json_decref(s->error);
    s->error = NULL;
    if (is_error)
        s->error = json_pack("{s:s, s:s}", "error", fail_type(f), "message", fail_message(f));
    return is_error && s->error == NULL ? err_trace(ERR_NOMEM) : 0;
}

/* f: why it is an error; an empty one: it is as if it had been cancelled. */
static void give_up(struct recovery *v, const struct fail *f)
{
    struct sheet *s = &v->sheet;
    int r = mend(s);

    if (r == 0)
        r = note_end(s, f, v->desk->services->conf->resumable_keep_ms);
    if (r != 0) {
        end(v, err_trace(r));
        return;
    }
    log_warn("run_not_resumed", "run", s->run_id, "graph", s->graph, "message",
             fail_is_set(f) ? fail_message(f) : "its client has left", NULL);
    stored_records_clear(&v->threads);
    if (s->thread_id[0] != '\0')
        read_thread(v);
    else
        write_end(v);
}

static void give_up_because(struct recovery *v, const char *why)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_INTERNAL, "%s", why);
    give_up(v, &f);
    fail_clear(&f);
}

/* ---- one that goes on ---- */

/* v keeps what give_up() needs. 0 or ERR_NOMEM; clear *ret in every case. */
static int copy_sheet(const struct sheet *from, struct sheet *ret)
{
    *ret = *from;
    ret->assistant_id = mem_strdup(from->assistant_id);
    ret->graph = mem_strdup(from->graph);
    json_incref(ret->metadata);
    json_incref(ret->kwargs);
    json_incref(ret->error);
    return ret->assistant_id != NULL && ret->graph != NULL ? 0 : err_trace(ERR_NOMEM);
}

static void take_up(struct recovery *v)
{
    struct desk *d = v->desk;
    struct graph *graph = registry_find(d->graphs, v->sheet.graph);
    struct ticket_start how = {
        .goes_on = v->goes_on,
        .is_recorded = true,
        .first_event = v->runs.items[v->next].reserved_seq,
    };
    struct ticket *t = NULL;
    struct fail f = { 0 };
    struct sheet sheet;
    int r = copy_sheet(&v->sheet, &sheet);

    if (r == 0)
        r = ticket_new(d, &sheet, graph, &how, &t, &f);
    sheet_clear(&sheet);
    if (r < 0) {
        end(v, err_trace(r));
        return;
    }
    if (r > 0) {
        give_up(v, &f);
        fail_clear(&f);
        return;
    }
    log_info("run_resumed", "run", t->sheet.run_id, "graph", t->sheet.graph, "attempt",
             log_int(t->sheet.attempt), "from", v->goes_on ? "checkpoint" : "input", NULL);
    ticket_booked(t);
    next(v);
}

static void checkpoint_read(void *arg, int result)
{
    struct recovery *v = arg;

    if (result != 0) {
        end(v, err_trace(result < 0 ? result : ERR_SYSTEM));
        return;
    }
    v->goes_on =
        v->checkpoints.count > 0 && strcmp(v->checkpoints.items[0].id, v->sheet.base_id) > 0;
    take_up(v);
}

static void read_checkpoint(struct recovery *v)
{
    const struct store_query query = {
        .thread_id = v->sheet.thread_id, .ns = "", .limit = 1, .without_values = true
    };

    store_read(v->desk->services->store, v->desk->services->loop, &v->work, &query, &v->checkpoints,
               checkpoint_read, v);
}

static void take_next(struct recovery *v)
{
    struct desk *d = v->desk;

    if (v->next >= v->runs.count) {
        end(v, 0);
        return;
    }
    v->goes_on = false;
    int r = sheet_read(&v->sheet, &v->runs.items[v->next], desk_max_depth(d));
    if (r < 0) {
        end(v, err_trace(r));
        return;
    }
    const struct fail none = { 0 };
    bool has_run = strcmp(v->sheet.status, "running") == 0;
    if (r == 0)
        v->sheet.attempt += has_run ? 1 : 0;
    if (r != 0)
        give_up_because(v, "what is stored of the run cannot be read");
    else if (v->sheet.is_attended)
        give_up(v, &none);
    else if (registry_find(d->graphs, v->sheet.graph) == NULL)
        give_up_because(v, "the server went down, and the one that came after it does not have "
                           "the run's graph");
    else if (v->sheet.attempt - v->sheet.spared > d->services->conf->max_run_attempts)
        give_up_because(v, "the server went down each time that it had begun the run; see the "
                           "setting max_run_attempts");
    else if (v->sheet.thread_id[0] != '\0' && v->sheet.base_id[0] != '\0')
        read_checkpoint(v);
    else
        take_up(v);
}

static void go_on(void *arg)
{
    take_next(arg);
}

static void runs_read(void *arg, int result)
{
    struct recovery *v = arg;

    if (result != 0)
        end(v, err_trace(result < 0 ? result : ERR_SYSTEM));
    else
        take_next(v);
}

int desk_recover(struct desk *d)
{
    static const char *const unfinished[] = { "pending", "running" };
    const struct record_query query = {
        .kind = RECORD_RUN, .statuses = unfinished, .status_count = 2, .is_ascending = true
    };
    struct recovery v = { .desk = d };

    loop_work_init(&v.go_on, go_on, &v);
    store_find_records(d->services->store, d->services->loop, &v.work, &query, &v.runs, runs_read,
                       &v);
    int r = loop_run_until(d->services->loop, &v.is_done);
    loop_work_cancel(&v.go_on);
    sheet_clear(&v.sheet);
    stored_records_clear(&v.runs);
    stored_records_clear(&v.threads);
    stored_list_clear(&v.checkpoints);
    tidy_note(d, clock_wall_ms());
    return r != 0 ? err_trace(r) : v.fault;
}
