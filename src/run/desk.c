/* The desk itself: what it knows, and its end. Orders are taken in booking.c. */
#include "run/desk.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "run/ticket.h"
#include "run/watch.h"
#include <assert.h>
#include <string.h>

size_t desk_bucket(const char *id)
{
    return hash_text(HASH_BEGIN, id) % DESK_BUCKETS;
}

static void sweep(void *arg)
{
    struct desk *d = arg;
    int64_t now_us = clock_mono_us();

    while (!list_is_empty(&d->kept)) {
        struct ticket *t = LIST_OF(d->kept.next, struct ticket, in_line);
        if (t->kept_until_us > now_us) {
            loop_timer_start(d->sweep, t->kept_until_us - now_us);
            return;
        }
        ticket_free(t);
    }
}

int desk_new(const struct services *services, struct runs *runs, const struct registry *graphs,
             struct desk **ret)
{
    struct desk *d = mem_zalloc(sizeof(*d));

    if (d == NULL)
        return err_trace(ERR_NOMEM);
    d->services = services;
    d->runs = runs;
    d->graphs = graphs;
    d->is_quiet = true;
    list_init(&d->kept);
    for (size_t i = 0; i < DESK_BUCKETS; i++) {
        list_init(&d->tickets[i]);
        list_init(&d->lines[i]);
        list_init(&d->watches[i]);
    }
    int r = loop_timer_new(services->loop, sweep, d, &d->sweep);
    if (r == 0)
        r = tidy_new(d);
    if (r == 0)
        r = webhooks_new(services, &d->webhooks);
    if (r != 0) {
        tidy_free(d);
        loop_timer_free(d->sweep);
        mem_free(d);
        return err_trace(r);
    }
    *ret = d;
    return 0;
}

struct desk *desk_free(struct desk *d)
{
    if (d == NULL)
        return NULL;
    tidy_stop(d);
    /* Nothing more can be done about a fault of the loop here. */
    while (d->busy_count > 0 && loop_run_until(d->services->loop, &d->is_quiet) == 0)
        ;
    while (!list_is_empty(&d->kept))
        ticket_free(LIST_OF(d->kept.next, struct ticket, in_line));
    tidy_free(d);
    webhooks_free(d->webhooks);
    loop_timer_free(d->sweep);
    return mem_free(d);
}

void desk_on_due(struct desk *d, void (*on_due)(void *arg, int64_t due_ms), void *arg)
{
    d->on_due = on_due;
    d->on_due_arg = arg;
}

int desk_check_webhook(const struct desk *d, const char *address, struct fail *f)
{
    return webhooks_check(d->webhooks, address, f);
}

bool desk_has_told_all(const struct desk *d)
{
    return webhooks_are_idle(d->webhooks);
}

void desk_when_told_all(struct desk *d, void (*told)(void *arg), void *arg)
{
    webhooks_when_idle(d->webhooks, told, arg);
}

void desk_count(struct desk *d, int by)
{
    d->busy_count += by;
    d->is_quiet = d->busy_count == 0;
}

size_t desk_max_bytes(const struct desk *d)
{
    return 2 * (size_t)d->services->conf->max_state_bytes +
           (size_t)d->services->conf->max_body_bytes + 65536;
}

int desk_max_depth(const struct desk *d)
{
    return (int)d->services->conf->max_depth + 8; /* what is around the values that have it */
}

/* ---- runs that it knows ---- */

struct run *desk_find(const struct desk *d, const char *thread_id, const char *run_id)
{
    const struct ticket *t = ticket_find(d, run_id);

    if (t == NULL || strcmp(t->sheet.thread_id, thread_id == NULL ? "" : thread_id) != 0)
        return NULL;
    return t->run;
}

json_t *desk_describe(const struct desk *d, const char *run_id)
{
    const struct ticket *t = ticket_find(d, run_id);
    json_t *json = t == NULL ? NULL : sheet_json(&t->sheet);

    /* Every Run names a thread; that of a stateless one is gone with it. */
    if (json == NULL || t->sheet.thread_id[0] != '\0' ||
        json_object_set_new(json, "thread_id", json_string(run_thread_id(t->run))) == 0)
        return json;
    json_decref(json);
    return NULL;
}

void desk_cancel(struct desk *d, struct run *run, enum desk_cancel how)
{
    struct ticket *t = ticket_find(d, run_id(run));

    if (t != NULL)
        ticket_cancel(t, how);
}

static bool is_one_of(const struct ticket *t, const char *thread_id, unsigned which)
{
    unsigned kind = t->state == TICKET_AT_WORK ? CANCEL_RUNNING : CANCEL_PENDING;

    return (which & kind) != 0 && (thread_id == NULL || strcmp(t->sheet.thread_id, thread_id) == 0);
}

void desk_cancel_all(struct desk *d, const char *thread_id, unsigned which, enum desk_cancel how)
{
    for (size_t i = 0; i < DESK_BUCKETS; i++) {
        LIST_EACH(&d->tickets[i], node) {
            struct ticket *t = LIST_OF(node, struct ticket, node);
            if (is_one_of(t, thread_id, which))
                ticket_cancel(t, how);
        }
    }
}

bool desk_is_busy(const struct desk *d, const char *thread_id)
{
    return line_find(d, thread_id) != NULL;
}

bool desk_empty_thread(struct desk *d, const char *thread_id, struct desk_wait *w)
{
    struct line *l = line_find(d, thread_id);

    if (l == NULL)
        return false;
    list_add_tail(&l->waits, &w->node);
    line_cancel_before(l, NULL, CANCEL_INTERRUPT);
    return true;
}

/* ---- the end of the server ---- */

void desk_drain(struct desk *d)
{
    d->is_draining = true;
    desk_tell_over(d, NULL);
    for (size_t i = 0; i < DESK_BUCKETS; i++) {
        LIST_EACH(&d->tickets[i], node) {
            struct ticket *t = LIST_OF(node, struct ticket, node);
            if (t->state == TICKET_WAITING || t->state == TICKET_BOOKING)
                run_drain(t->run);
        }
    }
}
