/*
 * The queue of webhooks. It is in the store, in the order in which they are due; here is only who is
 * under way. One look at a time:
 *
 *     noted, ended, timer -> look -> those that are due begin, as many as may
 *                                 -> the next one is due later: timer
 *                                 -> no more may be under way: the next look when one has ended
 */
#include "run/webhook.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/webhook_inside.h"
#include <string.h>

/* After the store has failed. */
enum { PAUSE_MS = 60000, MS_US = 1000 };

/* ---- who is idle ---- */

bool webhooks_are_idle(const struct webhooks *w)
{
    return w->call_count == 0 && !w->is_looking;
}

static void tell_idle(void *arg)
{
    struct webhooks *w = arg;

    if (w->idle != NULL && webhooks_are_idle(w))
        w->idle(w->idle_arg);
}

static void settle(struct webhooks *w)
{
    w->is_quiet = webhooks_are_idle(w);
    if (w->is_quiet && w->idle != NULL)
        loop_ready(w->services->loop, &w->idle_work);
}

void webhooks_when_idle(struct webhooks *w, void (*idle)(void *arg), void *arg)
{
    w->idle = idle;
    w->idle_arg = arg;
    settle(w);
}

/* ---- looking ---- */

static void look(struct webhooks *w);

static void wait_until(struct webhooks *w, int64_t due_ms)
{
    int64_t delay_ms = due_ms - clock_wall_ms();

    loop_timer_start(w->timer, (delay_ms > 0 ? delay_ms : 0) * MS_US);
}

static void pause_looking(struct webhooks *w, int result)
{
    log_warn("webhooks_paused", "why", result < 0 ? err_text(result) : "the database is full",
             "seconds", log_int(PAUSE_MS / 1000), NULL);
    w->is_paused = true;
    if (!w->is_stopped)
        loop_timer_start(w->timer, (int64_t)PAUSE_MS * MS_US);
}

static bool is_under_way(const struct webhooks *w, const char *id)
{
    LIST_EACH(&w->calls, node) {
        if (strcmp(LIST_OF(node, struct webhook_call, node)->id, id) == 0)
            return true;
    }
    return false;
}

static bool may_begin(const struct webhooks *w)
{
    return !w->is_stopped && (int64_t)w->call_count < w->services->conf->webhook_at_once;
}

/* 0 or a fault. */
static int begin_due(struct webhooks *w)
{
    int64_t now_ms = clock_wall_ms();
    int r = 0;

    for (size_t i = 0; r == 0 && i < w->found.count && may_begin(w); i++) {
        const struct stored_record *one = &w->found.items[i];
        if (is_under_way(w, one->id))
            continue;
        if (one->due_ms > now_ms) {
            wait_until(w, one->due_ms);
            break;
        }
        r = webhook_call_start(w, one->id);
    }
    return r;
}

static void looked(void *arg, int result)
{
    struct webhooks *w = arg;

    w->is_looking = false;
    if (result == 0) {
        w->stored_count = w->found.total;
        result = begin_due(w);
    }
    stored_records_clear(&w->found);
    if (result != 0 && !w->is_stopped)
        pause_looking(w, result);
    if (w->is_wanted)
        look(w);
    settle(w);
}

/* Those under way come first, as they were due first. */
static void look(struct webhooks *w)
{
    const struct record_query query = {
        .kind = RECORD_WEBHOOK,
        .order = RECORDS_BY_DUE,
        .is_ascending = true,
        .limit = (size_t)w->services->conf->webhook_at_once + 1,
        .without_body = true,
        .total = TOTAL_TOO,
    };

    w->is_wanted = w->is_looking && !w->is_stopped;
    if (w->is_looking || w->is_stopped || w->is_paused)
        return;
    loop_timer_stop(w->timer);
    w->is_looking = true;
    w->is_quiet = false;
    store_find_records(w->services->store, w->services->loop, &w->op, &query, &w->found, looked, w);
}

static void time_has_come(void *arg)
{
    struct webhooks *w = arg;

    w->is_paused = false;
    look(w);
}

void webhooks_note(struct webhooks *w)
{
    w->stored_count++;
    look(w);
}

void webhooks_call_ended(struct webhook_call *c, bool failed)
{
    struct webhooks *w = c->office;

    list_remove(&c->node);
    w->call_count--;
    stored_records_clear(&c->found);
    buf_deinit(&c->url);
    buf_deinit(&c->body);
    mem_free(c);
    if (failed && !w->is_stopped)
        pause_looking(w, ERR_SYSTEM);
    look(w);
    settle(w);
}

/* ---- a run's end ---- */

static const char *address_of(const struct sheet *s)
{
    const char *address = json_string_value(json_object_get(s->kwargs, "webhook"));

    return address == NULL || address[0] == '\0' || strlen(address) > WEBHOOK_MAX_BYTES ? NULL
                                                                                        : address;
}

static size_t max_bytes(const struct conf *conf)
{
    return 2 * (size_t)conf->max_state_bytes + (size_t)conf->max_body_bytes + 65536;
}

/* Briefly where it would be too large. */
static int write_news(const struct webhooks *w, const struct webhook_news *news, struct buf *out)
{
    struct webhook_news brief = *news;

    buf_init(out, max_bytes(w->services->conf));
    int r = webhook_write(news, out);
    if (r != BUF_E_FULL)
        return r;
    brief.is_brief = true;
    buf_clear(out);
    return webhook_write(&brief, out);
}

static bool is_full(const struct webhooks *w, const struct sheet *s)
{
    if ((int64_t)w->stored_count < w->services->conf->max_webhooks)
        return false;
    log_warn("webhook_dropped", "run", s->run_id, "why",
             "max_webhooks are waiting for their delivery", NULL);
    return true;
}

bool webhooks_add(struct webhooks *w, const struct webhook_news *news, struct store_batch *b)
{
    const char *address = address_of(news->sheet);
    struct buf text MEM_AUTO(buf_deinit) = { .data = NULL };

    if (address == NULL || is_full(w, news->sheet))
        return false;
    int r = write_news(w, news, &text);
    if (r != 0) {
        b->fault = b->fault != 0 ? b->fault : ERR_NOMEM;
        return false;
    }
    store_add_record(b, &(struct record_put){ .kind = RECORD_WEBHOOK,
                                              .id = news->sheet->run_id,
                                              .status = "0",
                                              .name = address,
                                              .body = text.data,
                                              .body_len_bytes = text.len,
                                              .now_ms = news->sheet->updated_ms,
                                              .due_ms = news->sheet->updated_ms });
    return true;
}

/* ---- life ---- */

int webhooks_new(const struct services *services, struct webhooks **ret)
{
    struct webhooks *w = mem_zalloc(sizeof(*w));

    if (w == NULL)
        return err_trace(ERR_NOMEM);
    w->services = services;
    list_init(&w->calls);
    loop_work_init(&w->idle_work, tell_idle, w);
    int r = loop_timer_new(services->loop, time_has_come, w, &w->timer);
    if (r == 0)
        r = webhooks_read_hosts(w);
    if (r != 0) {
        webhooks_free(w);
        return err_trace(r);
    }
    loop_timer_start(w->timer, 0);
    w->is_quiet = true;
    *ret = w;
    return 0;
}

struct webhooks *webhooks_free(struct webhooks *w)
{
    if (w == NULL)
        return NULL;
    w->is_stopped = true;
    w->idle = NULL;
    LIST_EACH(&w->calls, node)
        webhook_call_stop(LIST_OF(node, struct webhook_call, node));
    w->is_quiet = webhooks_are_idle(w);
    /* Nothing more can be done about a fault of the loop here. */
    while (!w->is_quiet && loop_run_until(w->services->loop, &w->is_quiet) == 0)
        ;
    loop_work_cancel(&w->idle_work);
    w->timer = loop_timer_free(w->timer);
    for (size_t i = 0; i < w->rule_count; i++)
        host_rule_deinit(&w->rules[i]);
    mem_free(w->rules);
    return mem_free(w);
}
