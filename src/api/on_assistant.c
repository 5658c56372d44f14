/* What the handlers of assistants share: finding one, and writing it down. */
#include "api/on_assistant.h"
#include "api/on_thread.h"
#include "base/err.h"
#include <stdio.h>

static struct on_assistant *of(struct work *w)
{
    return (struct on_assistant *)(void *)w;
}

static void deinit(struct work *w)
{
    json_decref(of(w)->assistant);
    json_decref(of(w)->is_overridden);
}

/* A graph's name, or an id as it is. False: no assistant can be called so. */
static bool set_id(struct on_assistant *a, const char *name)
{
    a->graph = registry_find(a->w.api->graphs, name);
    if (a->graph == NULL && !id_is_uuid(name))
        return false;
    (void)snprintf(a->id, sizeof(a->id), "%s", a->graph != NULL ? a->graph->assistant_id : name);
    return true;
}

struct on_assistant *on_assistant_new(struct req *req, const struct body_key *keys, bool has_id)
{
    struct on_assistant *a = work_new(req, sizeof(*a), keys);

    if (a == NULL)
        return NULL;
    a->w.deinit = deinit;
    if (!has_id || set_id(a, req_param(req, "assistant_id")))
        return a;
    work_failf(&a->w, FAIL_NOT_FOUND, "Assistant not found");
    return NULL;
}

/* ---- finding ---- */

static int take_record(struct on_assistant *a, const struct stored_record *record)
{
    json_auto_t *body = record_object(&record->body, RECORD_DEPTH_MAX);

    a->assistant = assistant_json(record);
    a->revision = record->revision;
    a->last_version = json_integer_value(json_object_get(body, "last_version"));
    a->is_system = false;
    return a->assistant != NULL && body != NULL ? 0 : err_trace(ERR_NOMEM);
}

static int take_graph(struct on_assistant *a)
{
    a->assistant = assistant_of_graph(a->w.api, a->graph);
    a->revision = 0;
    a->last_version = 1;
    a->is_system = true;
    return a->assistant != NULL ? 0 : err_trace(ERR_NOMEM);
}

static void found(struct work *w)
{
    struct on_assistant *a = of(w);
    int r;

    json_decref(a->assistant);
    a->assistant = NULL;
    if (w->found.count == 0 && a->graph == NULL) {
        work_failf(w, FAIL_NOT_FOUND, "Assistant not found");
        return;
    }
    r = w->found.count > 0 ? take_record(a, &w->found.items[0]) : take_graph(a);
    if (r != 0)
        work_fault(w, r);
    else
        a->found(w);
}

void on_assistant_find(struct on_assistant *a, void (*then)(struct work *w))
{
    const char *const ids[] = { a->id };

    a->found = then;
    work_find(&a->w, &(struct record_query){ .kind = RECORD_ASSISTANT, .ids = ids, .id_count = 1 },
              found);
}

static void reply_found(struct work *w)
{
    work_json_take(w, json_incref(of(w)->assistant));
}

void on_assistant_reply(struct work *w)
{
    on_assistant_find(of(w), reply_found);
}

/* ---- writing ---- */

void version_id(const char *assistant_id, int64_t version, char ret[VERSION_ID_BYTES])
{
    /* Versions sort by their ids; nobody makes ten thousand million of them. */
    (void)snprintf(ret, VERSION_ID_BYTES, "%s.%010u", assistant_id, (unsigned)version);
}

static const char *text_of(const json_t *assistant, const char *key)
{
    return json_string_value(json_object_get(assistant, key));
}

bool on_assistant_put_version(struct on_assistant *a, const json_t *assistant, int64_t now_ms)
{
    char id[VERSION_ID_BYTES];
    struct record_put put = { .kind = RECORD_VERSION,
                              .id = id,
                              .owner = a->id,
                              .name = text_of(assistant, "name"),
                              .now_ms = now_ms };
    json_auto_t *body = json_pack(
        "{s:O, s:O, s:O, s:O, s:O}", "config", json_object_get(assistant, "config"), "context",
        json_object_get(assistant, "context"), "description",
        json_object_get(assistant, "description"), "version", json_object_get(assistant, "version"),
        "graph_id", json_object_get(assistant, "graph_id"));

    version_id(a->id, json_integer_value(json_object_get(assistant, "version")), id);
    if (body == NULL) {
        work_fault(&a->w, err_trace(ERR_NOMEM));
        return false;
    }
    return work_put(&a->w, &put, json_object_get(assistant, "metadata"), body);
}

static bool put_record(struct on_assistant *a, int64_t now_ms)
{
    const json_t *assistant = a->assistant;
    struct record_put put = { .kind = RECORD_ASSISTANT,
                              .id = a->id,
                              .owner = text_of(assistant, "graph_id"),
                              .name = text_of(assistant, "name"),
                              .now_ms = now_ms };
    json_auto_t *body = json_pack(
        "{s:O, s:O, s:O, s:O, s:I}", "config", json_object_get(assistant, "config"), "context",
        json_object_get(assistant, "context"), "description",
        json_object_get(assistant, "description"), "version", json_object_get(assistant, "version"),
        "last_version", (json_int_t)a->last_version);

    if (a->is_system)
        put.created_ms = a->w.api->started_ms;
    if (body == NULL) {
        work_fault(&a->w, err_trace(ERR_NOMEM));
        return false;
    }
    return work_put(&a->w, &put, json_object_get(assistant, "metadata"), body);
}

bool on_assistant_put(struct on_assistant *a, int64_t now_ms, bool is_new_version)
{
    if (a->revision == 0)
        store_add_expect_absent(&a->w.batch, RECORD_ASSISTANT, a->id);
    else
        store_add_expect_record(&a->w.batch, RECORD_ASSISTANT, a->id, a->revision, NULL, 0);
    if (!put_record(a, now_ms))
        return false;
    return !is_new_version || on_assistant_put_version(a, a->assistant, now_ms);
}
