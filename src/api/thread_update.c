/*
 * POST /threads/T/state, and what creating a thread with supersteps shares with it: the update, a
 * look at what came of it, and the record, whose values follow. The thread's status stays.
 */
#include "api/about.h"
#include "api/on_thread.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/watch.h"
#include <string.h>

static struct on_thread *of(struct work *w)
{
    return (struct on_thread *)(void *)w;
}

/* ---- the update and the record ---- */

static void find_to_refresh(struct work *w);

/* Those who follow the thread. Without memory they are not told of this one. */
static void tell_followers(struct work *w)
{
    struct desk *desk = w->api->desk;
    size_t len;

    if (!desk_is_watched(desk, of(w)->id))
        return;
    json_auto_t *json =
        json_pack("{s:O, s:O}", "checkpoint", json_object_get(of(w)->update, "configurable"),
                  "values", json_object_get(w->result, "values"));
    char *text MEM_AUTO(mem_freep) =
        json == NULL ? NULL
                     : jsonx_text(json, 2 * (size_t)w->api->services->conf->max_state_bytes, &len);
    if (text != NULL)
        desk_tell_updated(desk, of(w)->id, text, len);
}

static void refreshed(struct work *w)
{
    tell_followers(w);
    of(w)->updated(w);
}

static void refresh(struct work *w)
{
    struct on_thread *t = of(w);
    struct record_put put = { .kind = RECORD_THREAD, .id = t->id, .now_ms = clock_wall_ms() };
    json_t *values = json_object_get(w->result, "values");

    if (values == NULL || json_object_set(t->record_body, "values", values) != 0) {
        work_fault(w, err_trace(ERR_NOMEM));
        return;
    }
    store_add_expect_record(&w->batch, RECORD_THREAD, t->id, w->found.items[0].revision, NULL, 0);
    if (work_put(w, &put, NULL, t->record_body))
        work_commit(w, refreshed, find_to_refresh);
}

static void find_to_refresh(struct work *w)
{
    on_thread_find(of(w), refresh);
}

static void look(struct on_thread *t)
{
    struct work *w = &t->w;
    const struct thread_place place = on_thread_place(t, NULL, NULL);

    t->update = w->result;
    w->result = NULL;
    w->then = find_to_refresh;
    thread_get_state(w->api->runs, &w->thread_op, &place, false, &w->result, &w->fail,
                     work_thread_done, w);
}

static void update_done(void *arg, int result)
{
    struct on_thread *t = arg;

    if (result == 0) {
        look(t);
        return;
    }
    if (result != THREAD_E_REFUSED)
        fail_set_fault(&t->w.fail, result < 0 ? result : ERR_SYSTEM);
    t->refused(&t->w);
}

void on_thread_update(struct on_thread *t, const struct thread_place *place,
                      const json_t *supersteps, void (*then)(struct work *w),
                      void (*refused)(struct work *w))
{
    struct work *w = &t->w;

    t->updated = then;
    t->refused = refused;
    thread_update_state(w->api->runs, &w->thread_op, place, supersteps, &w->result, &w->fail,
                        update_done, t);
}

/* ---- the route ---- */

static const struct type list = { .kind = TYPE_LIST, .expected = "a list", .item = &type_any };
static const struct type update_values = { .kind = TYPE_ONE_OF,
                                           .expected = "an object or a list",
                                           .of = (const struct type *const[]){ &type_object, &list,
                                                                               NULL } };

static const struct body_key update_keys[] = {
    { "values", &update_values, false },
    { "as_node", &type_string, false },
    { "checkpoint_id", &type_string, false },
    { "checkpoint", &type_object, false },
    { "checkpoint.checkpoint_id", &type_string, false },
    { "checkpoint.checkpoint_ns", &type_string, false },
    BODY_END,
};

static json_t *given_or_null(json_t *values)
{
    return values == NULL ? json_null() : json_incref(values);
}

static void reply_checkpoint(struct work *w)
{
    work_json_take(
        w, json_pack("{s:O}", "checkpoint", json_object_get(of(w)->update, "configurable")));
}

static void apply(struct on_thread *t)
{
    const json_t *body = t->w.body;
    const char *as_node = body_text(body, "as_node");
    const char *id = body_text(body, "checkpoint.checkpoint_id");
    struct thread_place place;
    json_auto_t *steps = json_pack("[[{s:o, s:s?}]]", "values",
                                   given_or_null(body_find(body, "values")), "as_node", as_node);

    if (id == NULL)
        id = body_text(body, "checkpoint_id");
    place = on_thread_place(t, body_text(body, "checkpoint.checkpoint_ns"), id);
    if (steps == NULL)
        work_fault(&t->w, err_trace(ERR_NOMEM));
    else
        on_thread_update(t, &place, steps, reply_checkpoint, work_fail);
}

static void found(struct work *w)
{
    struct on_thread *t = of(w);

    if (strcmp(w->found.items[0].status, "busy") == 0)
        work_failf(w, FAIL_CONFLICT, "Thread is busy");
    else if (on_thread_graph_id(t) == NULL)
        work_failf(w, FAIL_BAD_REQUEST, "Thread %s has no graph ID", t->id);
    else if (on_thread_set_graph(t, on_thread_graph_id(t)))
        apply(t);
}

void handle_thread_update_state(struct req *req)
{
    struct on_thread *t = on_thread_new(req, update_keys, true);

    if (t != NULL)
        on_thread_find(t, found);
}

const struct route_about about_thread_update_state = {
    .summary = "Write values as if a node had returned them",
    .keys = update_keys,
    .answers = { { 200, "Place" } },
    .fails = FAILS_404 | FAILS_409,
};
