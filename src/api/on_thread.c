/* What the handlers of threads share: finding one, and showing it. */
#include "api/on_thread.h"
#include "base/clock.h"
#include "base/err.h"
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

static void deinit(struct work *w)
{
    struct on_thread *t = (struct on_thread *)(void *)w;

    json_decref(t->metadata);
    json_decref(t->record_body);
    json_decref(t->update);
    json_decref(t->select);
    graph_unref(t->graph);
}

struct on_thread *on_thread_new(struct req *req, const struct body_key *keys, bool has_id)
{
    const char *id = has_id ? req_param(req, "thread_id") : "";
    struct on_thread *t = work_new(req, sizeof(*t), keys);

    if (t == NULL)
        return NULL;
    t->w.deinit = deinit;
    (void)snprintf(t->id, sizeof(t->id), "%s", id); /* about_admit() has seen that it fits */
    return t;
}

/* ---- finding ---- */

static void found(struct work *w)
{
    struct on_thread *t = (struct on_thread *)(void *)w;

    if (w->found.count == 0) {
        work_failf(w, FAIL_NOT_FOUND, "Thread with ID %s not found", t->id);
        return;
    }
    json_decref(t->metadata);
    json_decref(t->record_body);
    t->metadata = record_object(&w->found.items[0].metadata, RECORD_DEPTH_MAX);
    t->record_body = record_object(&w->found.items[0].body, RECORD_DEPTH_MAX);
    if (t->metadata == NULL || t->record_body == NULL)
        work_fault(w, err_trace(ERR_NOMEM));
    else
        t->found(w);
}

void on_thread_find(struct on_thread *t, void (*then)(struct work *w))
{
    const char *const ids[] = { t->id };

    t->found = then;
    work_find(&t->w, &(struct record_query){ .kind = RECORD_THREAD, .ids = ids, .id_count = 1 },
              found);
}

static void reply_found(struct work *w)
{
    work_json_take(w, thread_json(&w->found.items[0]));
}

void on_thread_reply(struct work *w)
{
    on_thread_find((struct on_thread *)(void *)w, reply_found);
}

/* ---- its graph ---- */

const char *on_thread_graph_id(const struct on_thread *t)
{
    return json_string_value(json_object_get(t->metadata, "graph_id"));
}

bool on_thread_set_graph(struct on_thread *t, const char *graph_id)
{
    struct graph *graph = registry_find(t->w.api->graphs, graph_id);

    if (graph == NULL) {
        work_failf(&t->w, FAIL_NOT_FOUND, "Graph \"%.100s\" not found", graph_id);
        return false;
    }
    graph_unref(t->graph);
    t->graph = graph_ref(graph);
    return true;
}

struct thread_place on_thread_place(const struct on_thread *t, const char *ns,
                                    const char *checkpoint_id)
{
    return (struct thread_place){ t->graph, t->id, ns == NULL ? "" : ns, checkpoint_id };
}

/* ---- records ---- */

json_t *thread_json(const struct stored_record *record)
{
    static const char *const shown[] = { "config", "values", "interrupts", "error" };
    json_auto_t *metadata = record_object(&record->metadata, RECORD_DEPTH_MAX);
    json_auto_t *body = record_object(&record->body, RECORD_DEPTH_MAX);
    char created[CLOCK_ISO_BYTES], updated[CLOCK_ISO_BYTES];
    json_t *json;
    int bad = 0;

    if (metadata == NULL || body == NULL)
        return NULL;
    clock_iso(record->created_ms, created);
    clock_iso(record->updated_ms, updated);
    json =
        json_pack("{s:s, s:s, s:s, s:O, s:s, s:{}}", "thread_id", record->id, "created_at", created,
                  "updated_at", updated, "metadata", metadata, "status", record->status, "config");
    for (size_t i = 0; json != NULL && i < sizeof(shown) / sizeof(shown[0]); i++) {
        json_t *part = json_object_get(body, shown[i]);
        if (part != NULL && json_object_set(json, shown[i], part) != 0)
            bad = 1;
    }
    if (!bad)
        return json;
    json_decref(json);
    return NULL;
}

json_t *thread_body_new(const json_t *request, struct record_put *put)
{
    int64_t ttl_ms = body_ttl_ms(request);
    const char *strategy = body_text(request, "ttl.strategy");
    bool keeps = strategy != NULL && strcmp(strategy, THREAD_KEEPS_LATEST) == 0;
    json_t *body = json_pack("{s:{}}", "config");

    if (ttl_ms == 0 || body == NULL)
        return body;
    put->due_ms = put->now_ms + ttl_ms;
    put->name = keeps ? THREAD_KEEPS_LATEST : "";
    if (json_object_set_new(body, "ttl",
                            json_pack("{s:s, s:f}", "strategy",
                                      keeps ? THREAD_KEEPS_LATEST : "delete", "ttl_minutes",
                                      (double)ttl_ms / MINUTE_MS)) == 0)
        return body;
    json_decref(body);
    return NULL;
}
