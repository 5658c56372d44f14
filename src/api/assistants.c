/* Assistants as resources: make, show, change, delete. Every change is a version. */
#include "api/about.h"
#include "api/on_assistant.h"
#include "api/query.h"
#include "base/clock.h"
#include "base/err.h"
#include <string.h>

static struct on_assistant *of(struct work *w)
{
    return (struct on_assistant *)(void *)w;
}

/* ---- make ---- */

static const struct type assistant_name = {
    .kind = TYPE_STRING, .expected = "a string of at most 4096 bytes", 0, STORE_NS_MAX
};
static const struct type graph_id = {
    .kind = TYPE_STRING, .expected = "a string of at most 255 bytes", 0, STORE_ID_MAX
};

static const struct body_key create_keys[] = {
    { "graph_id", &graph_id, true },
    { "assistant_id", &type_uuid, false },
    { "config", &type_object, false },
    { "context", &type_object, false },
    { "metadata", &type_object, false },
    { "if_exists", &type_if_exists, false },
    { "name", &assistant_name, false },
    { "description", &type_string, false },
    BODY_END,
};

static json_t *given_or_empty(const json_t *body, const char *key)
{
    json_t *given = body_find(body, key);

    return given != NULL ? json_incref(given) : json_object();
}

static json_t *assistant_new(const struct on_assistant *a)
{
    const json_t *body = a->w.body;
    const char *name = body_text(body, "name");

    return json_pack(
        "{s:s, s:i, s:o, s:o, s:s, s:o, s:s, s:s?}", "assistant_id", a->id, "version", 1, "config",
        given_or_empty(body, "config"), "context", given_or_empty(body, "context"), "graph_id",
        body_text(body, "graph_id"), "metadata", given_or_empty(body, "metadata"), "name",
        name != NULL ? name : "Untitled", "description", body_text(body, "description"));
}

static bool does_nothing(const struct work *w)
{
    const char *how = body_text(w->body, "if_exists");

    return how != NULL && strcmp(how, "do_nothing") == 0;
}

static void exists(struct work *w)
{
    if (does_nothing(w))
        on_assistant_reply(w);
    else
        work_failf(w, FAIL_CONFLICT, "Assistant already exists");
}

void handle_assistant_create(struct req *req)
{
    struct on_assistant *a = on_assistant_new(req, create_keys, false);
    const char *given;

    if (a == NULL)
        return;
    given = body_text(a->w.body, "assistant_id");
    id_v7(a->id);
    if (given != NULL)
        memcpy(a->id, given, ID_BYTES);
    a->graph = registry_find(a->w.api->graphs, a->id);
    if (a->graph != NULL) {
        exists(&a->w);
        return;
    }
    a->assistant = assistant_new(a);
    a->last_version = 1;
    if (a->assistant == NULL)
        work_fault(&a->w, err_trace(ERR_NOMEM));
    else if (on_assistant_put(a, clock_wall_ms(), true))
        work_commit(&a->w, on_assistant_reply, exists);
}

const struct route_about about_assistant_create = {
    .summary = "Make an assistant",
    .keys = create_keys,
    .answers = { { 200, "Assistant" } },
    .fails = FAILS_409,
};

/* ---- show ---- */

void handle_assistant_get(struct req *req)
{
    struct on_assistant *a = on_assistant_new(req, NULL, true);

    if (a != NULL)
        on_assistant_reply(&a->w);
}

const struct route_about about_assistant_get = {
    .summary = "Show an assistant",
    .answers = { { 200, "Assistant" } },
    .fails = FAILS_404,
};

/* ---- change ---- */

static const struct body_key patch_keys[] = {
    { "graph_id", &graph_id, false },
    { "config", &type_object, false },
    { "context", &type_object, false },
    { "metadata", &type_object, false },
    { "name", &assistant_name, false },
    { "description", &type_string, false },
    BODY_END,
};

/* 0 or a fault. */
static int merge(struct on_assistant *a)
{
    static const char *const replaced[] = { "graph_id", "config", "context", "name",
                                            "description" };
    json_t *more = body_find(a->w.body, "metadata");
    int bad = 0;

    for (size_t i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++) {
        json_t *given = body_find(a->w.body, replaced[i]);
        if (given != NULL)
            bad |= json_object_set(a->assistant, replaced[i], given);
    }
    if (more != NULL)
        bad |= json_object_update(json_object_get(a->assistant, "metadata"), more);
    a->last_version++;
    bad |= json_object_set_new(a->assistant, "version", json_integer(a->last_version));
    return bad != 0 ? err_trace(ERR_NOMEM) : 0;
}

static void find_to_change(struct work *w);

static void change(struct work *w)
{
    struct on_assistant *a = of(w);
    /* The first version of a graph's own assistant is kept when there is a second one. */
    bool goes_on = !a->is_system || on_assistant_put_version(a, a->assistant, w->api->started_ms);
    int r;

    if (!goes_on)
        return;
    r = merge(a);
    if (r != 0)
        work_fault(w, r);
    else if (on_assistant_put(a, clock_wall_ms(), true))
        work_commit(w, on_assistant_reply, find_to_change);
}

static void find_to_change(struct work *w)
{
    on_assistant_find(of(w), change);
}

void handle_assistant_patch(struct req *req)
{
    struct on_assistant *a = on_assistant_new(req, patch_keys, true);

    if (a != NULL)
        find_to_change(&a->w);
}

const struct route_about about_assistant_patch = {
    .summary = "Make a new version of an assistant",
    .keys = patch_keys,
    .answers = { { 200, "Assistant" } },
    .fails = FAILS_404 | FAILS_409,
};

/* ---- delete ---- */

static void deleted(struct work *w)
{
    work_json_take(w, json_pack("[s]", of(w)->id));
}

static void remove_record(struct work *w)
{
    store_add_delete_record(&w->batch, RECORD_ASSISTANT, of(w)->id);
    work_commit(w, deleted, NULL);
}

/* Those that a run is at work on stay. */
static void remove_threads(struct work *w)
{
    for (size_t i = 0; i < w->found.count; i++) {
        const char *id = w->found.items[i].id;
        if (strcmp(w->found.items[i].status, "busy") == 0)
            continue;
        store_add_expect_record(&w->batch, RECORD_THREAD, id, 0, thread_statuses_quiet,
                                THREAD_QUIET_COUNT);
        store_add_delete_thread(&w->batch, id);
    }
    remove_record(w);
}

static void found_to_delete(struct work *w)
{
    struct on_assistant *a = of(w);
    char metadata[ID_BYTES + 32];

    if (a->is_system) {
        work_failf(w, FAIL_UNPROCESSABLE,
                   "the assistant of a graph goes with the graph; it cannot be deleted");
        return;
    }
    if (!a->is_flag) {
        remove_record(w);
        return;
    }
    (void)snprintf(metadata, sizeof(metadata), "{\"assistant_id\":\"%s\"}", a->id); /* it fits */
    work_find(
        w,
        &(struct record_query){ .kind = RECORD_THREAD, .metadata = metadata, .without_body = true },
        remove_threads);
}

void handle_assistant_delete(struct req *req)
{
    struct on_assistant *a = on_assistant_new(req, NULL, true);

    if (a == NULL)
        return;
    a->is_flag = query_flag(req, "delete_threads", false);
    on_assistant_find(a, found_to_delete);
}

static const struct query_key delete_query[] = {
    { "delete_threads", &type_boolean },
    QUERY_END,
};
const struct route_about about_assistant_delete = {
    .summary = "Delete an assistant",
    .query = delete_query,
    .answers = { { 200, "Deleted" } },
    .fails = FAILS_404 | FAILS_409 | FAILS_422,
};
