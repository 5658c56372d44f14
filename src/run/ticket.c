/* A run in the books of a desk, from its order to its end; the states are drawn in ticket.h. */
#include "run/ticket.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include <assert.h>
#include <string.h>

/* A run that has ended keeps its state and log alive. */
enum { KEPT_MAX = 1000 };

struct ticket *ticket_find(const struct desk *d, const char *run_id)
{
    LIST_EACH(&d->tickets[desk_bucket(run_id)], node) {
        struct ticket *t = LIST_OF(node, struct ticket, node);
        if (strcmp(t->sheet.run_id, run_id) == 0)
            return t;
    }
    return NULL;
}

void ticket_free(struct ticket *t)
{
    struct desk *d = t->desk;

    assert(t->line == NULL);
    list_remove(&t->node);
    if (t->state == TICKET_KEPT)
        d->kept_count--;
    list_remove(&t->in_line);
    loop_timer_free(t->timer);
    run_unref(t->run);
    stored_records_clear(&t->thread);
    json_decref(t->metadata_before);
    sheet_clear(&t->sheet);
    mem_free(t);
}

/* ---- the end ---- */

static void write_end(struct ticket *t);
static void read_thread(struct ticket *t);

static void forget_oldest(struct desk *d)
{
    while (d->kept_count > KEPT_MAX)
        ticket_free(LIST_OF(d->kept.next, struct ticket, in_line));
}

/* Readers see the end only now: whoever has read it finds the books closed. */
static void close_ticket(struct ticket *t)
{
    struct desk *d = t->desk;

    stored_records_clear(&t->thread);
    run_close(t->run);
    line_leave(t);
    t->state = TICKET_KEPT;
    t->kept_until_us = clock_mono_us() + d->services->conf->log_keep_ms * 1000;
    if (list_is_empty(&d->kept))
        loop_timer_start(d->sweep, d->services->conf->log_keep_ms * 1000);
    list_add_tail(&d->kept, &t->in_line);
    d->kept_count++;
    forget_oldest(d);
    desk_count(d, -1);
}

/* Has the thread been changed since it was read, so that it is worth another try? The other
 * precondition is the first row: the run is still there. */
static bool was_overtaken(const struct ticket *t, int result)
{
    return result == STORE_E_STALE && t->ended.stale > 0 && t->end_tries <= END_TRIES;
}

/* STORE_E_STALE: run or thread was deleted meanwhile, so there is nothing to be told. */
static void give_up(struct ticket *t, int result)
{
    if (result != 0 && result != STORE_E_STALE)
        log_error("run_end_not_stored", "run", t->sheet.run_id, "result", log_int(result), NULL);
    close_ticket(t);
}

static void end_written(void *arg, int result)
{
    struct ticket *t = arg;

    if (was_overtaken(t, result)) {
        t->end_tries++;
        read_thread(t);
    } else if (result != 0 && result != STORE_E_STALE && !t->is_retried) {
        t->is_retried = true;
        write_end(t);
    } else {
        if (result == 0 && t->has_webhook)
            webhooks_note(t->desk->webhooks);
        give_up(t, result);
    }
}

static void write_end(struct ticket *t)
{
    struct store_batch batch;

    store_batch_init(&batch);
    ledger_add_end(t, t->is_retried, &batch);
    store_commit(t->desk->services->store, t->desk->services->loop, &t->ended, &batch, end_written,
                 t);
    store_batch_deinit(&batch);
}

static void thread_read(void *arg, int result)
{
    struct ticket *t = arg;

    if (result != 0 && !t->is_retried) {
        t->is_retried = true;
        read_thread(t);
    } else if (result != 0 || t->thread.count == 0) /* deleted, with its runs */
        give_up(t, result);
    else
        write_end(t);
}

static void read_thread(struct ticket *t)
{
    const char *id = t->sheet.thread_id;
    const struct record_query query = { .kind = RECORD_THREAD, .ids = &id, .id_count = 1 };

    stored_records_clear(&t->thread);
    store_find_records(t->desk->services->store, t->desk->services->loop, &t->ended, &query,
                       &t->thread, thread_read, t);
}

void ticket_close(struct ticket *t)
{
    if (line_may_close(t))
        read_thread(t);
}

static void run_ended(void *arg)
{
    struct ticket *t = arg;

    if (t->state == TICKET_BOOKING && !t->is_abandoned) {
        t->has_ended_early = true;
        return;
    }
    if (t->timer != NULL)
        loop_timer_stop(t->timer);
    t->state = TICKET_CLOSING;
    if (!t->is_recorded || t->is_abandoned)
        close_ticket(t);
    else if (t->sheet.thread_id[0] != '\0')
        ticket_close(t);
    else
        write_end(t);
}

/* ---- the beginning ---- */

static void time_has_come(void *arg)
{
    struct ticket *t = arg;

    if (t->line != NULL)
        line_pump(t->line);
    else if (t->state == TICKET_WAITING)
        ticket_begin(t);
}

/* What the run was asked is in its first checkpoint. */
static void go_on(struct run_request *request)
{
    request->input = NULL;
    request->command = NULL;
    request->checkpoint_id = NULL;
    request->goes_on = true;
}

static int start_run(struct ticket *t, struct graph *graph, const struct ticket_start *how,
                     struct fail *f)
{
    const struct run_keeper keeper = { run_ended, t };
    struct run_request request;

    sheet_request(&t->sheet, &request);
    request.graph = graph;
    request.keeper = &keeper;
    request.first_event = (uint64_t)how->first_event;
    if (how->is_recorded)
        request.events = sheet_is_resumable(&t->sheet) ? EVENTS_STORED : EVENTS_NUMBERED;
    if (how->goes_on)
        go_on(&request);
    return run_start(t->desk->runs, &request, &t->run, f);
}

static int join(struct ticket *t)
{
    struct desk *d = t->desk;

    if (t->sheet.thread_id[0] == '\0')
        return 0;
    struct line *l = line_get(d, t->sheet.thread_id);
    if (l == NULL)
        return err_trace(ERR_NOMEM);
    line_join(l, t);
    return 0;
}

static void drop_new(struct ticket *t)
{
    if (t->line != NULL)
        line_leave(t);
    ticket_free(t);
}

int ticket_new(struct desk *d, struct sheet *take, struct graph *graph,
               const struct ticket_start *how, struct ticket **ret, struct fail *f)
{
    struct ticket *t = mem_zalloc(sizeof(*t));

    if (t == NULL) {
        sheet_clear(take);
        return err_trace(ERR_NOMEM);
    }
    t->desk = d;
    t->sheet = *take;
    t->is_recorded = how->is_recorded;
    memset(take, 0, sizeof(*take));
    list_init(&t->in_line);
    list_add_tail(&d->tickets[desk_bucket(t->sheet.run_id)], &t->node);
    int r = loop_timer_new(d->services->loop, time_has_come, t, &t->timer);
    if (r == 0)
        r = join(t);
    if (r == 0)
        r = start_run(t, graph, how, f);
    if (r != 0) {
        drop_new(t);
        return r;
    }
    desk_count(d, 1);
    *ret = t;
    return 0;
}

bool ticket_is_due(const struct ticket *t)
{
    return t->sheet.due_ms <= clock_wall_ms();
}

static bool outlives_server(const struct ticket *t)
{
    static const char memory[] = "memory:";
    const char *database = t->desk->services->conf->database;

    return t->is_recorded && !t->sheet.is_attended &&
           strncmp(database, memory, sizeof(memory) - 1) != 0;
}

void ticket_booked(struct ticket *t)
{
    t->state = TICKET_WAITING;
    if (outlives_server(t))
        run_spare(t->run);
    if (t->has_ended_early) {
        run_ended(t);
        return;
    }
    if (!ticket_is_due(t))
        loop_timer_start(t->timer, (t->sheet.due_ms - clock_wall_ms()) * 1000);
    if (t->line != NULL)
        line_pump(t->line);
    else if (ticket_is_due(t))
        ticket_begin(t);
}

static void call_booked(void *arg)
{
    ticket_booked(arg);
}

void ticket_booked_soon(struct ticket *t)
{
    loop_work_init(&t->booked, call_booked, t);
    loop_ready(t->desk->services->loop, &t->booked);
}

void ticket_abandon(struct ticket *t)
{
    t->is_abandoned = true;
    if (t->has_ended_early)
        run_ended(t);
    else
        run_cancel(t->run);
}

/* ---- its turn ---- */

static void began(void *arg, int result)
{
    const struct ticket *t = arg;

    if (result != 0 && result != STORE_E_STALE)
        log_warn("run_begin_not_stored", "run", t->sheet.run_id, "result", log_int(result), NULL);
    run_begun(t->run);
}

/* The run before has left the thread with a status of its own. */
static void take_thread(struct ticket *t, struct store_batch *b)
{
    const char *id = t->sheet.thread_id;

    if (t->line == NULL || !t->line->is_let_go)
        return;
    t->line->is_let_go = false;
    store_add_expect_record(b, RECORD_THREAD, id, 0, NULL, 0);
    store_add_record(
        b, &(struct record_put){
               .kind = RECORD_THREAD, .id = id, .status = "busy", .now_ms = t->sheet.updated_ms });
}

/* Handed over before the run can write anything, so it is there before any checkpoint is. */
static void write_began(struct ticket *t)
{
    struct store_batch batch;

    store_batch_init(&batch);
    store_add_expect_record(&batch, RECORD_RUN, t->sheet.run_id, 0, NULL, 0);
    sheet_add(&t->sheet, &batch, desk_max_bytes(t->desk));
    take_thread(t, &batch);
    run_add_begin(t->run, &batch);
    store_commit(t->desk->services->store, t->desk->services->loop, &t->began, &batch, began, t);
    store_batch_deinit(&batch);
}

void ticket_begin(struct ticket *t)
{
    struct sheet *s = &t->sheet;

    t->state = TICKET_AT_WORK;
    snprintf(s->status, sizeof(s->status), "running");
    s->updated_ms = clock_wall_ms();
    t->started_ms = s->updated_ms;
    s->due_ms = 0;
    if (s->base_id[0] == '\0')
        id_v6(-1, s->base_id);
    if (t->is_recorded)
        write_began(t);
    run_release(t->run);
    if (t->line != NULL) {
        t->turn = ++t->desk->turns;
        watch_tell_began(t->desk, s->thread_id);
    }
}

void ticket_cancel(struct ticket *t, enum desk_cancel how)
{
    if (t->state == TICKET_CLOSING || t->state == TICKET_KEPT || run_has_ended(t->run))
        return;
    if (!t->is_cancelled || how > t->cancelled)
        t->cancelled = how;
    t->is_cancelled = true;
    run_cancel(t->run);
}
