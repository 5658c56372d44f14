/*
 * One look at a time, at one duty after the other:
 *
 *     timer -> where did we stop? -> duty: old ones, a few at once -> done -> the next few
 *                                      none -> when will there be? -> next duty
 *                                                        no more duties -> timer
 *
 * Records are taken in the order in which they were last changed, and whatever happens to one moves
 * it to the end. So all up to a place can be done with for good: where old ones stay (threads that
 * have lost their past) that place is kept, in the store, too, so that they are not pruned again.
 */
#include "api/retention.h"
#include "api/on_thread.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { AT_ONCE = 20, MS_US = 1000 };
/* Between two looks: a part of the age, so that each takes many, but no longer than a minute. */
enum { PART_OF_AGE = 100, PAUSE_MAX_MS = 60000, PAUSE_MIN_MS = 10 };

/* ---- what there is to do ---- */

struct duty {
    const char *name;
    size_t age;             /* where the setting is in struct conf */
    const char *is_done_to; /* for the log */
    enum record_kind kind;
    const char *const *statuses;
    size_t status_count;
    void (*add)(struct store_batch *b, const char *id);
    bool leaves_them; /* the records stay where they are */
};

static void delete_run(struct store_batch *b, const char *id)
{
    store_add_delete_record(b, RECORD_RUN, id);
}

#define STATUSES(list) (list), sizeof(list) / sizeof((list)[0])
static const struct duty duties[] = {
    { "threads", offsetof(struct conf, thread_keep_ms), "deleted", RECORD_THREAD,
      STATUSES(thread_statuses_quiet), store_add_delete_thread, false },
    { "histories", offsetof(struct conf, history_keep_ms), "pruned", RECORD_THREAD,
      STATUSES(thread_statuses_quiet), store_add_prune_thread, true },
    { "runs", offsetof(struct conf, run_keep_ms), "deleted", RECORD_RUN,
      STATUSES(run_statuses_ended), delete_run, false },
};
enum { DUTY_COUNT = sizeof(duties) / sizeof(duties[0]) };

/* Behind this record nothing was done yet. */
struct place {
    int64_t updated_ms;
    char id[STORE_ID_MAX + 1]; /* "" = none was */
};

struct retention {
    struct api *api;
    struct loop_timer *timer;
    struct place places[DUTY_COUNT]; /* of duties that leave the records */
    bool knows_places;
    bool is_stopped;
};

struct look {
    struct work w; /* first member */
    struct retention *of;
    int duty;
    struct place place; /* as far as this look has come with the duty */
    struct place next_place;
    size_t in_batch;
    size_t count;    /* that the duty was done to */
    int64_t next_ms; /* when the next look is worth it */
    bool is_done;
};

static struct look *look_of(struct work *w)
{
    return (struct look *)(void *)w;
}

static const struct duty *duty_of(struct work *w)
{
    return &duties[look_of(w)->duty];
}

static int64_t age_ms(const struct api *api, int duty)
{
    int64_t age;

    memcpy(&age, (const char *)api->services->conf + duties[duty].age, sizeof(age));
    return age;
}

static int64_t pause_ms(int64_t age)
{
    int64_t pause = age / PART_OF_AGE;

    return pause < PAUSE_MIN_MS ? PAUSE_MIN_MS : pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause;
}

static void arm(struct retention *t, int64_t delay_ms)
{
    if (!t->is_stopped)
        loop_timer_start(t->timer, (delay_ms > 0 ? delay_ms : 0) * MS_US);
}

/* ---- the end of a look ---- */

static void look_deinit(struct work *w)
{
    struct look *l = look_of(w);

    if (l->is_done) {
        arm(l->of, l->next_ms - clock_wall_ms());
        return;
    }
    log_warn("retention_failed", "of", l->duty < DUTY_COUNT ? duties[l->duty].name : "all", "why",
             fail_message(&w->fail), NULL);
    arm(l->of, PAUSE_MAX_MS);
}

static void begin_duty(struct work *w);

static void end_duty(struct work *w, int64_t next_ms)
{
    struct look *l = look_of(w);

    if (l->count > 0)
        log_info("retention", duty_of(w)->name, duty_of(w)->is_done_to, "count",
                 log_int((long long)l->count), NULL);
    if (duty_of(w)->leaves_them)
        l->of->places[l->duty] = l->place;
    if (l->next_ms == 0 || next_ms < l->next_ms)
        l->next_ms = next_ms;
    l->duty++;
    begin_duty(w);
}

/* ---- old ones ---- */

static struct record_query query_of(struct work *w, const struct stored_record *behind)
{
    const struct duty *d = duty_of(w);

    return (struct record_query){ .kind = d->kind,
                                  .statuses = d->statuses,
                                  .status_count = d->status_count,
                                  .order = RECORDS_BY_UPDATED,
                                  .is_ascending = true,
                                  .after = behind->id[0] != '\0' ? behind : NULL,
                                  .without_body = true };
}

/* Nothing can come of age sooner than the oldest does, or than one that is written now. */
static void oldest_found(struct work *w)
{
    int64_t now_ms = clock_wall_ms();
    int64_t age = age_ms(w->api, look_of(w)->duty);
    int64_t oldest_ms = w->found.count > 0 ? w->found.items[0].updated_ms : now_ms;
    int64_t soon_ms = now_ms + pause_ms(age);

    end_duty(w, oldest_ms + age > soon_ms ? oldest_ms + age + 1 : soon_ms);
}

static void find_oldest(struct work *w)
{
    struct look *l = look_of(w);
    const struct stored_record behind = { .id = l->place.id, .updated_ms = l->place.updated_ms };
    struct record_query query = query_of(w, &behind);

    query.limit = 1;
    work_find(w, &query, oldest_found);
}

static void find_old(struct work *w);

static void batch_done(struct work *w)
{
    struct look *l = look_of(w);

    l->count += l->in_batch;
    l->place = l->next_place;
    w->stale_count = 0;
    find_old(w);
}

static void note_place(struct work *w, const struct place *place)
{
    const struct duty *d = duty_of(w);
    char body[STORE_ID_MAX + 100];
    int len = snprintf(body, sizeof(body), "{\"updated_ms\":%lld,\"id\":\"%s\"}",
                       (long long)place->updated_ms, place->id);

    store_add_record(&w->batch, &(struct record_put){ .kind = RECORD_MARK,
                                                      .id = d->name,
                                                      .body = body,
                                                      .body_len_bytes = (size_t)len,
                                                      .now_ms = clock_wall_ms() });
}

/* An id of a thread may hold anything that a client of our own door gave it. */
static bool can_be_noted(const char *id)
{
    return strpbrk(id, "\"\\") == NULL;
}

static void do_batch(struct work *w)
{
    struct look *l = look_of(w);
    const struct duty *d = duty_of(w);
    const struct stored_record *last;

    if (w->found.count == 0 || l->of->is_stopped) {
        find_oldest(w);
        return;
    }
    l->in_batch = 0;
    for (size_t i = 0; i < w->found.count; i++) {
        const struct stored_record *r = &w->found.items[i];
        if (d->kind == RECORD_THREAD && desk_is_busy(w->api->desk, r->id))
            continue;
        store_add_expect_record(&w->batch, d->kind, r->id, r->revision, d->statuses,
                                d->status_count);
        d->add(&w->batch, r->id);
        l->in_batch++;
    }
    last = &w->found.items[w->found.count - 1];
    l->next_place.updated_ms = last->updated_ms;
    snprintf(l->next_place.id, sizeof(l->next_place.id), "%s", last->id);
    if (d->leaves_them && l->in_batch > 0 && can_be_noted(last->id))
        note_place(w, &l->next_place);
    work_commit(w, batch_done, find_old); /* again: something has happened to one of them */
}

static void find_old(struct work *w)
{
    struct look *l = look_of(w);
    const struct stored_record behind = { .id = l->place.id, .updated_ms = l->place.updated_ms };
    struct record_query query = query_of(w, &behind);

    query.updated_before_ms = clock_wall_ms() - age_ms(w->api, l->duty);
    query.limit = AT_ONCE;
    work_find(w, &query, do_batch);
}

static void begin_duty(struct work *w)
{
    struct look *l = look_of(w);

    while (l->duty < DUTY_COUNT && age_ms(w->api, l->duty) == 0)
        l->duty++;
    if (l->duty == DUTY_COUNT) {
        l->is_done = true;
        work_empty(w);
        return;
    }
    l->count = 0;
    l->place = duty_of(w)->leaves_them ? l->of->places[l->duty] : (struct place){ .id = "" };
    find_old(w);
}

/* ---- where an earlier server has stopped ---- */

static void read_place(const struct stored_record *from, struct place *to)
{
    json_t *body = record_object(&from->body, RECORD_DEPTH_MAX);
    const char *id = json_string_value(json_object_get(body, "id"));

    if (id != NULL && strlen(id) <= STORE_ID_MAX) {
        to->updated_ms = json_integer_value(json_object_get(body, "updated_ms"));
        snprintf(to->id, sizeof(to->id), "%s", id);
    }
    json_decref(body);
}

static void places_found(struct work *w)
{
    struct look *l = look_of(w);

    for (size_t i = 0; i < w->found.count; i++) {
        for (int k = 0; k < DUTY_COUNT; k++) {
            if (strcmp(w->found.items[i].id, duties[k].name) == 0)
                read_place(&w->found.items[i], &l->of->places[k]);
        }
    }
    l->of->knows_places = true;
    begin_duty(w);
}

static void fire(void *arg)
{
    struct retention *t = arg;
    struct look *l = work_new_inner(t->api, sizeof(*l));

    if (l == NULL) {
        arm(t, PAUSE_MAX_MS);
        return;
    }
    l->of = t;
    l->w.deinit = look_deinit;
    if (t->knows_places)
        begin_duty(&l->w);
    else
        work_find(&l->w, &(struct record_query){ .kind = RECORD_MARK }, places_found);
}

/* ---- life ---- */

static bool has_duties(const struct api *api)
{
    for (int i = 0; i < DUTY_COUNT; i++)
        if (age_ms(api, i) > 0)
            return true;
    return false;
}

int retention_new(struct api *api, struct retention **ret)
{
    struct retention *t = mem_zalloc(sizeof(*t));
    int r = t == NULL ? ERR_NOMEM : loop_timer_new(api->services->loop, fire, t, &t->timer);

    if (r != 0) {
        mem_free(t);
        return err_trace(r);
    }
    t->api = api;
    if (has_duties(api))
        arm(t, 0);
    *ret = t;
    return 0;
}

void retention_stop(struct retention *t)
{
    if (t == NULL)
        return;
    t->is_stopped = true;
    t->timer = loop_timer_free(t->timer);
}

struct retention *retention_free(struct retention *t)
{
    if (t != NULL)
        retention_stop(t);
    return mem_free(t);
}
