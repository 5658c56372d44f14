/* Threads as resources: make, show, change, delete. */
#include "api/about.h"
#include "api/expiry.h"
#include "api/on_thread.h"
#include "api/query.h"
#include "base/clock.h"
#include "base/err.h"
#include "run/watch.h"
#include <string.h>
#include <strings.h>

static struct on_thread *of(struct work *w)
{
    return (struct on_thread *)(void *)w;
}

/* ---- make ---- */

static const struct type list = { .kind = TYPE_LIST, .expected = "a list", .item = &type_object };
static const struct body_key superstep_keys[] = {
    { "updates", &list, true },
    BODY_END,
};
static const struct type superstep = { .kind = TYPE_OBJECT,
                                       .expected = "an object",
                                       .keys = superstep_keys };
static const struct type supersteps = { .kind = TYPE_LIST,
                                        .expected = "a list of {\"updates\": [...]}",
                                        .item = &superstep };

static const struct body_key create_keys[] = {
    { "thread_id", &type_uuid, false },      { "metadata", &type_object, false },
    { "if_exists", &type_if_exists, false }, { "ttl", &type_ttl, false },
    { "supersteps", &supersteps, false },    BODY_END,
};

/* {"values", "command"?, "as_node"?}: of a command it is the update that is written. */
static json_t *update_new(const json_t *update)
{
    const json_t *values = body_find(update, "values");
    const json_t *as_node = body_find(update, "as_node");

    if (values == NULL)
        values = body_find(update, "command.update");
    return json_pack("{s:O, s:O}", "values", values == NULL ? json_null() : values, "as_node",
                     as_node == NULL ? json_null() : as_node);
}

static json_t *superstep_new(const json_t *step)
{
    json_t *updates = json_array();
    const json_t *update;
    size_t i;

    json_array_foreach(json_object_get(step, "updates"), i, update) {
        if (json_array_append_new(updates, update_new(update)) == 0)
            continue;
        json_decref(updates);
        return NULL;
    }
    return updates;
}

static json_t *supersteps_new(const json_t *steps)
{
    json_t *all = json_array();
    const json_t *step;
    size_t i;

    json_array_foreach(steps, i, step) {
        if (json_array_append_new(all, superstep_new(step)) == 0)
            continue;
        json_decref(all);
        return NULL;
    }
    return all;
}

/* A thread whose supersteps are wrong is not kept. */
static void drop_made(struct work *w)
{
    store_add_delete_thread(&w->batch, of(w)->id);
    work_commit(w, work_fail, NULL);
}

static void made(struct work *w)
{
    struct on_thread *t = of(w);
    const struct thread_place place = on_thread_place(t, NULL, NULL);
    json_auto_t *steps = NULL;

    if (t->due_ms != 0)
        expiry_note(w->api->expiry, t->due_ms);
    if (t->graph == NULL) {
        on_thread_reply(w);
        return;
    }
    steps = supersteps_new(body_find(w->body, "supersteps"));
    if (steps == NULL)
        work_fault(w, err_trace(ERR_NOMEM));
    else
        on_thread_update(t, &place, steps, on_thread_reply, drop_made);
}

static void exists(struct work *w)
{
    const char *how = body_text(w->body, "if_exists");

    if (how != NULL && strcmp(how, "do_nothing") == 0)
        on_thread_reply(w);
    else
        work_failf(w, FAIL_CONFLICT, "Thread already exists");
}

/* Supersteps need a graph. False: it was replied to. */
static bool check_graph(struct on_thread *t)
{
    const char *graph_id = body_text(t->w.body, "metadata.graph_id");

    if (json_array_size(body_find(t->w.body, "supersteps")) == 0)
        return true;
    if (graph_id != NULL)
        return on_thread_set_graph(t, graph_id);
    work_failf(&t->w, FAIL_BAD_REQUEST, "Thread %s has no graph ID", t->id);
    return false;
}

void handle_thread_create(struct req *req)
{
    struct on_thread *t = on_thread_new(req, create_keys, false);
    struct record_put put = { .kind = RECORD_THREAD, .status = "idle", .now_ms = clock_wall_ms() };
    json_auto_t *body = NULL;

    if (t == NULL)
        return;
    id_v7(t->id);
    if (body_text(t->w.body, "thread_id") != NULL)
        memcpy(t->id, body_text(t->w.body, "thread_id"), ID_BYTES);
    if (!check_graph(t))
        return;
    put.id = t->id;
    body = thread_body_new(t->w.body, &put);
    if (body == NULL) {
        work_fault(&t->w, err_trace(ERR_NOMEM));
        return;
    }
    t->due_ms = put.due_ms;
    store_add_expect_absent(&t->w.batch, RECORD_THREAD, t->id);
    if (work_put(&t->w, &put, body_find(t->w.body, "metadata"), body))
        work_commit(&t->w, made, exists);
}

const struct route_about about_thread_create = {
    .summary = "Make a thread",
    .keys = create_keys,
    .answers = { { 200, "Thread" } },
    .fails = FAILS_404 | FAILS_409,
};

/* ---- show ---- */

static void show(struct work *w)
{
    struct on_thread *t = of(w);
    const struct stored_record *record = &w->found.items[0];
    json_t *json = thread_json(record);
    json_t *ttl = json_object_get(t->record_body, "ttl");
    char expires[CLOCK_ISO_BYTES];

    if (json != NULL && ttl != NULL && record->due_ms > 0 && w->req != NULL &&
        query_has(w->req, "include", "ttl")) {
        clock_iso(record->due_ms, expires);
        if (json_object_set_new(ttl, "expires_at", json_string(expires)) != 0 ||
            json_object_set(json, "ttl", ttl) != 0) {
            json_decref(json);
            json = NULL;
        }
    }
    work_json_take(w, json);
}

void handle_thread_get(struct req *req)
{
    struct on_thread *t = on_thread_new(req, NULL, true);

    if (t != NULL)
        on_thread_find(t, show);
}

static const struct query_key get_query[] = {
    { "include", &type_strings },
    QUERY_END,
};
const struct route_about about_thread_get = {
    .summary = "Show a thread",
    .query = get_query,
    .answers = { { 200, "Thread" } },
    .fails = FAILS_404,
};

/* ---- change ---- */

static const struct body_key patch_keys[] = {
    { "metadata", &type_object, false },
    { "ttl", &type_ttl, false },
    BODY_END,
};

static void changed(struct work *w)
{
    const char *prefer = w->req == NULL ? NULL : req_header(w->req, "prefer");

    if (of(w)->due_ms != 0)
        expiry_note(w->api->expiry, of(w)->due_ms);
    if (of(w)->is_minimal || (prefer != NULL && strcasestr(prefer, "return=minimal") != NULL))
        work_empty(w);
    else
        on_thread_reply(w);
}

static void find_to_change(struct work *w);

static void change(struct work *w)
{
    struct on_thread *t = of(w);
    const struct stored_record *record = &w->found.items[0];
    struct record_put put = { .kind = RECORD_THREAD, .id = t->id, .now_ms = clock_wall_ms() };
    const json_t *more = body_find(w->body, "metadata");
    json_auto_t *fresh = thread_body_new(w->body, &put);
    json_t *ttl = json_object_get(fresh, "ttl");
    int bad =
        fresh == NULL || (more != NULL && json_object_update(t->metadata, (json_t *)more) != 0);

    if (!bad && ttl != NULL)
        bad = json_object_set(t->record_body, "ttl", ttl) != 0;
    if (bad) {
        work_fault(w, err_trace(ERR_NOMEM));
        return;
    }
    t->due_ms = put.due_ms;
    store_add_expect_record(&w->batch, RECORD_THREAD, t->id, record->revision, NULL, 0);
    if (work_put(w, &put, t->metadata, ttl != NULL ? t->record_body : NULL))
        work_commit(w, changed, find_to_change);
}

static void find_to_change(struct work *w)
{
    on_thread_find(of(w), change);
}

void handle_thread_patch(struct req *req)
{
    struct on_thread *t = on_thread_new(req, patch_keys, true);

    if (t != NULL)
        find_to_change(&t->w);
}

const struct route_about about_thread_patch = {
    .summary = "Change a thread's metadata or time to live",
    .keys = patch_keys,
    .answers = { { 200, "Thread" }, { 204, NULL } },
    .fails = FAILS_404 | FAILS_409,
};

/* What the JS client's patchState() calls: the metadata is the thread's. */
static const struct body_key patch_state_keys[] = {
    { "metadata", &type_object, true },
    BODY_END,
};

void handle_thread_patch_state(struct req *req)
{
    struct on_thread *t = on_thread_new(req, patch_state_keys, true);

    if (t == NULL)
        return;
    t->is_minimal = true;
    find_to_change(&t->w);
}

const struct route_about about_thread_patch_state = {
    .summary = "Change a thread's metadata",
    .keys = patch_state_keys,
    .answers = { { 204, NULL } },
    .fails = FAILS_404 | FAILS_409,
};

/* ---- delete ---- */

static void deleted(struct work *w)
{
    desk_tell_over(w->api->desk, of(w)->id);
    work_empty(w);
}

static void delete_empty(void *arg)
{
    struct work *w = arg;

    w->then = deleted;
    thread_delete(w->api->runs, &w->thread_op, of(w)->id, &w->fail, work_thread_done, w);
}

static void found_to_delete(struct work *w)
{
    struct on_thread *t = of(w);

    t->wait = (struct desk_wait){ .empty = delete_empty, .arg = w };
    if (!desk_empty_thread(w->api->desk, t->id, &t->wait))
        delete_empty(w);
}

void handle_thread_delete(struct req *req)
{
    struct on_thread *t = on_thread_new(req, NULL, true);

    if (t != NULL)
        on_thread_find(t, found_to_delete);
}

const struct route_about about_thread_delete = {
    .summary = "Delete a thread with its runs and checkpoints",
    .answers = { { 204, NULL } },
    .fails = FAILS_404,
};
