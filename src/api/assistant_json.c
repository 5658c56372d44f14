/* Assistants and their versions in the protocol's shape. */
#include "api/on_assistant.h"
#include "api/on_thread.h"
#include "base/clock.h"

/* Members of a file's assistant, or {}. */
static json_t *part_of(const json_t *object, const char *key)
{
    json_t *part = json_object_get(object, key);

    return part != NULL ? json_incref(part) : json_object();
}

static json_t *or_null(const json_t *object, const char *key)
{
    json_t *part = json_object_get(object, key);

    return part != NULL ? json_incref(part) : json_null();
}

static json_t *metadata_of_graph(const struct graph *g)
{
    json_t *metadata = json_pack("{s:s}", "created_by", "system");
    json_t *more = json_object_get(g->assistant, "metadata");

    if (metadata == NULL || more == NULL || json_object_update(metadata, more) == 0)
        return metadata;
    json_decref(metadata);
    return NULL;
}

json_t *assistant_of_graph(const struct api *api, const struct graph *g)
{
    char started[CLOCK_ISO_BYTES];

    clock_iso(api->started_ms, started);
    /* A NULL in the place of a part makes json_pack() fail too, and it frees what it took. */
    return json_pack("{s:s, s:i, s:o, s:o, s:s, s:s, s:s, s:o, s:s, s:s?}", "assistant_id",
                     g->assistant_id, "version", 1, "config", part_of(g->assistant, "config"),
                     "context", part_of(g->assistant, "context"), "created_at", started,
                     "updated_at", started, "graph_id", g->name, "metadata", metadata_of_graph(g),
                     "name", g->name, "description",
                     g->description[0] != '\0' ? g->description : NULL);
}

static json_t *make(const struct stored_record *record, const char *id, const char *graph_id,
                    const json_t *body)
{
    char created[CLOCK_ISO_BYTES];

    clock_iso(record->created_ms, created);
    return json_pack("{s:s, s:I, s:o, s:o, s:s, s:s, s:o, s:s, s:o}", "assistant_id", id, "version",
                     json_integer_value(json_object_get(body, "version")), "config",
                     part_of(body, "config"), "context", part_of(body, "context"), "created_at",
                     created, "graph_id", graph_id, "metadata",
                     record_object(&record->metadata, RECORD_DEPTH_MAX), "name", record->name,
                     "description", or_null(body, "description"));
}

json_t *assistant_json(const struct stored_record *record)
{
    json_auto_t *body = record_object(&record->body, RECORD_DEPTH_MAX);
    char updated[CLOCK_ISO_BYTES];
    json_t *json = body == NULL ? NULL : make(record, record->id, record->owner, body);

    clock_iso(record->updated_ms, updated);
    if (json_object_set_new(json, "updated_at", json_string(updated)) == 0)
        return json;
    json_decref(json);
    return NULL;
}

json_t *version_json(const struct stored_record *record)
{
    json_auto_t *body = record_object(&record->body, RECORD_DEPTH_MAX);
    const char *graph_id = json_string_value(json_object_get(body, "graph_id"));

    return graph_id == NULL ? NULL : make(record, record->owner, graph_id, body);
}
