/* A run on paper; see sheet.h. */
#include "run/sheet.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <string.h>

const char *const thread_statuses_quiet[THREAD_QUIET_COUNT] = { "idle", "interrupted", "error" };
const char *const run_statuses_ended[RUN_ENDED_COUNT] = { "success", "error", "timeout",
                                                          "interrupted" };

static const char *const strategies[] = {
    [MULTITASK_REJECT] = "reject",
    [MULTITASK_ENQUEUE] = "enqueue",
    [MULTITASK_INTERRUPT] = "interrupt",
    [MULTITASK_ROLLBACK] = "rollback",
};
enum { STRATEGY_COUNT = sizeof(strategies) / sizeof(strategies[0]) };

int multitask_find(const char *name)
{
    for (int i = 0; name != NULL && i < STRATEGY_COUNT; i++) {
        if (strcmp(strategies[i], name) == 0)
            return i;
    }
    return -1;
}

void sheet_clear(struct sheet *s)
{
    mem_free(s->assistant_id);
    mem_free(s->graph);
    json_decref(s->metadata);
    json_decref(s->kwargs);
    json_decref(s->error);
    memset(s, 0, sizeof(*s));
}

bool sheet_is_resumable(const struct sheet *s)
{
    return json_is_true(json_object_get(s->kwargs, "resumable"));
}

/* ---- to the store ---- */

static json_t *body_new(const struct sheet *s)
{
    json_t *body =
        json_pack("{s:s, s:s, s:O, s:s, s:i, s:b, s:b, s:I}", "assistant_id", s->assistant_id,
                  "graph", s->graph, "kwargs", s->kwargs, "multitask_strategy",
                  strategies[s->multitask], "attempt", s->attempt, "temporary", s->is_temporary,
                  "attended", s->is_attended, "modes", (json_int_t)s->modes);
    int bad = body == NULL;

    if (!bad && s->spared > 0)
        bad = json_object_set_new(body, "spared", json_integer(s->spared));
    if (!bad && s->events_end > 0)
        bad = json_object_set_new(body, "events_end", json_integer(s->events_end));
    if (!bad && s->base_id[0] != '\0')
        bad = json_object_set_new(body, "base", json_string(s->base_id));
    if (!bad && s->error != NULL)
        bad = json_object_set(body, "error", s->error);
    if (bad == 0)
        return body;
    json_decref(body);
    return NULL;
}

void sheet_add(const struct sheet *s, struct store_batch *b, size_t max_bytes)
{
    struct record_put put = {
        .kind = RECORD_RUN,
        .id = s->run_id,
        .owner = s->thread_id,
        .status = s->status,
        .now_ms = s->updated_ms,
        .created_ms = s->created_ms,
        .due_ms = s->due_ms != 0 ? s->due_ms : RECORD_NEVER,
    };
    json_t *body = body_new(s);
    char *text = body == NULL ? NULL : jsonx_text(body, max_bytes, &put.body_len_bytes);
    char *metadata = jsonx_text(s->metadata, max_bytes, &put.metadata_len_bytes);

    put.body = text;
    put.metadata = metadata;
    if (text == NULL || metadata == NULL)
        b->fault = b->fault != 0 ? b->fault : err_trace(ERR_NOMEM);
    else
        store_add_record(b, &put);
    mem_free(text);
    mem_free(metadata);
    json_decref(body);
}

/* ---- from the store ---- */

json_t *record_object(const struct stored_bytes *bytes, int max_depth)
{
    struct jsonx_error error;
    json_t *json = NULL;

    if (bytes->bytes == NULL || bytes->len_bytes == 0)
        return json_object();
    if (jsonx_parse(bytes->bytes, bytes->len_bytes, max_depth, &json, &error) != 0)
        return NULL;
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

static const char *text_of(const json_t *body, const char *key)
{
    const char *text = json_string_value(json_object_get(body, key));

    return text == NULL ? "" : text;
}

static void read_columns(struct sheet *s, const struct stored_record *from)
{
    snprintf(s->run_id, sizeof(s->run_id), "%s", from->id);
    snprintf(s->thread_id, sizeof(s->thread_id), "%s", from->owner);
    snprintf(s->status, sizeof(s->status), "%s", from->status);
    s->created_ms = from->created_ms;
    s->updated_ms = from->updated_ms;
    s->due_ms = from->due_ms;
}

static int read_body(struct sheet *s, const json_t *body)
{
    int strategy = multitask_find(text_of(body, "multitask_strategy"));

    s->assistant_id = mem_strdup(text_of(body, "assistant_id"));
    s->graph = mem_strdup(text_of(body, "graph"));
    snprintf(s->base_id, sizeof(s->base_id), "%s", text_of(body, "base"));
    s->multitask = strategy < 0 ? MULTITASK_ENQUEUE : (enum multitask)strategy;
    s->kwargs = json_incref(json_object_get(body, "kwargs"));
    s->error = json_incref(json_object_get(body, "error"));
    s->attempt = (int)json_integer_value(json_object_get(body, "attempt"));
    s->events_end = json_integer_value(json_object_get(body, "events_end"));
    s->spared = (int)json_integer_value(json_object_get(body, "spared"));
    s->modes = (unsigned)json_integer_value(json_object_get(body, "modes"));
    s->is_attended = json_is_true(json_object_get(body, "attended"));
    s->is_temporary = json_is_true(json_object_get(body, "temporary"));
    if (s->assistant_id == NULL || s->graph == NULL)
        return err_trace(ERR_NOMEM);
    return json_is_object(s->kwargs) && s->attempt > 0 ? 0 : SHEET_E_DAMAGED;
}

int sheet_read(struct sheet *s, const struct stored_record *from, int max_depth)
{
    json_t *body = record_object(&from->body, max_depth);

    read_columns(s, from);
    s->metadata = record_object(&from->metadata, max_depth);
    int r = body == NULL || s->metadata == NULL ? SHEET_E_DAMAGED : read_body(s, body);
    json_decref(body);
    return r;
}

/* ---- to clients and to the run ---- */

json_t *sheet_json(const struct sheet *s)
{
    char created[CLOCK_ISO_BYTES], updated[CLOCK_ISO_BYTES];

    clock_iso(s->created_ms, created);
    clock_iso(s->updated_ms, updated);
    return json_pack("{s:s, s:s*, s:s, s:O, s:s, s:O, s:s, s:s, s:s, s:O*}", "run_id", s->run_id,
                     "thread_id", s->thread_id[0] != '\0' ? s->thread_id : NULL, "assistant_id",
                     s->assistant_id, "metadata", s->metadata, "status", s->status, "kwargs",
                     s->kwargs, "multitask_strategy", strategies[s->multitask], "created_at",
                     created, "updated_at", updated, "error", s->error);
}

static const json_t *find(const json_t *object, const char *key)
{
    const json_t *found = json_object_get(object, key);

    return json_is_null(found) ? NULL : found;
}

void sheet_request(const struct sheet *s, struct run_request *ret)
{
    const json_t *config = find(s->kwargs, "config");

    *ret = (struct run_request){
        .input = find(s->kwargs, "input"),
        .command = find(s->kwargs, "command"),
        .configurable = find(config, "configurable"),
        .context = find(s->kwargs, "context"),
        .metadata = s->metadata,
        .tags = find(config, "tags"),
        .recursion_limit = json_integer_value(find(config, "recursion_limit")),
        .max_concurrency = json_integer_value(find(config, "max_concurrency")),
        .timeout_ms = json_integer_value(find(s->kwargs, "timeout_ms")),
        .modes = s->modes,
        .run_id = s->run_id,
        .thread_id = s->thread_id[0] != '\0' ? s->thread_id : NULL,
        .checkpoint_id = json_string_value(find(s->kwargs, "checkpoint_id")),
        .interrupt_before = find(s->kwargs, "interrupt_before"),
        .interrupt_after = find(s->kwargs, "interrupt_after"),
        .durability = json_string_value(find(s->kwargs, "durability")),
        .is_strict = json_is_true(find(s->kwargs, "strict")),
        .assistant_id = s->assistant_id,
        .attempt = s->attempt,
    };
}
