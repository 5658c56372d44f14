/*
 * Three passes over a run's body: every key against the table of types; the keys that this version cannot honour; then what they mean.
 */
#include "api/run_body.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/event.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* ---- types ---- */

static bool is_string(const json_t *v)
{
    return json_is_string(v);
}
static bool is_object(const json_t *v)
{
    return json_is_object(v);
}
static bool is_boolean(const json_t *v)
{
    return json_is_boolean(v);
}
static bool is_anything(const json_t *v)
{
    (void)v;
    return true;
}
static bool is_count(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0;
}
static bool is_duration(const json_t *v)
{
    return json_is_number(v) && json_number_value(v) >= 0;
}

static bool is_list_of_strings(const json_t *v)
{
    const json_t *item;
    size_t i;

    json_array_foreach(v, i, item)
    {
        if (!json_is_string(item))
            return false;
    }
    return json_is_array(v);
}
static bool is_names(const json_t *v)
{
    return json_is_string(v) || is_list_of_strings(v);
}

static bool is_one_of(const json_t *v, const char *const *words)
{
    for (size_t i = 0; json_is_string(v) && words[i] != NULL; i++) {
        if (strcmp(words[i], json_string_value(v)) == 0)
            return true;
    }
    return false;
}
static bool is_disconnect(const json_t *v)
{
    return is_one_of(v, (const char *const[]){ "cancel", "continue", NULL });
}
/* "complete" and "continue" are what the JS client's types say (wire-protocol.md section 4). */
static bool is_completion(const json_t *v)
{
    return is_one_of(v, (const char *const[]){ "delete", "keep", "complete", "continue", NULL });
}
static bool is_multitask(const json_t *v)
{
    return is_one_of(v, (const char *const[]){ "reject", "interrupt", "rollback", "enqueue", NULL });
}
static bool is_durability(const json_t *v)
{
    return is_one_of(v, (const char *const[]){ "sync", "async", "exit", NULL });
}

static const struct {
    const char *key; /* a dot leads into an object */
    bool (*fits)(const json_t *v);
    const char *expected;
} types[] = {
    { "assistant_id", is_string, "a string: a graph's name or its assistant id" },
    { "graph", is_string, "a string: a graph's name" },
    { "input", is_anything, "" },
    { "stream", is_boolean, "true or false" },
    { "stream_mode", is_names, "a string or a list of strings" },
    { "stream_subgraphs", is_boolean, "true or false" },
    { "stream_resumable", is_boolean, "true or false" },
    { "thread_id", is_string, "a string" },
    { "config", is_object, "an object" },
    { "config.configurable", is_object, "an object" },
    { "config.recursion_limit", is_count, "an integer of at least 1" },
    { "config.tags", is_list_of_strings, "a list of strings" },
    { "config.metadata", is_object, "an object" },
    { "context", is_object, "an object" },
    { "metadata", is_object, "an object" },
    { "command", is_object, "an object" },
    { "checkpoint", is_object, "an object" },
    { "checkpoint_id", is_string, "a string" },
    { "interrupt_before", is_names, "\"*\" or a list of node names" },
    { "interrupt_after", is_names, "\"*\" or a list of node names" },
    { "durability", is_durability, "sync, async or exit" },
    { "multitask_strategy", is_multitask, "reject, interrupt, rollback or enqueue" },
    { "on_disconnect", is_disconnect, "cancel or continue" },
    { "on_completion", is_completion, "delete or keep" },
    { "if_not_exists", is_string, "create or reject" },
    { "after_seconds", is_duration, "a number of seconds" },
    { "webhook", is_string, "an address" },
    { "timeout_ms", is_count, "an integer of milliseconds" },
};

static json_t *find(const json_t *body, const char *key)
{
    const char *dot = strchr(key, '.');
    json_t *found = dot == NULL ? json_object_get(body, key)
                                : json_object_get(json_object_getn(body, key, (size_t)(dot - key)), dot + 1);

    return json_is_null(found) ? NULL : found;
}

static int check_types(const json_t *body, struct fail *f)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const json_t *v = find(body, types[i].key);
        if (v == NULL || types[i].fits(v))
            continue;
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" must be %s, not %s", types[i].key, types[i].expected, jsonx_type_name(v));
        return RUN_BODY_E_WRONG;
    }
    return 0;
}

/* ---- what this version cannot do ---- */

static bool is_empty(const json_t *v)
{
    if (json_is_string(v))
        return json_string_length(v) == 0;
    if (json_is_number(v))
        return json_number_value(v) <= 0;
    return json_is_array(v) ? json_array_size(v) == 0 : json_object_size(v) == 0;
}

static const struct {
    const char *key;
    const char *why;
} later[] = {
    { "thread_id", "runs on threads are not in this version; leave thread_id out for a stateless run" },
    { "command", "commands need a thread, and threads are not in this version" },
    { "checkpoint", "checkpoints are not in this version" },
    { "checkpoint_id", "checkpoints are not in this version" },
    { "interrupt_before", "breakpoints need a thread, and threads are not in this version" },
    { "interrupt_after", "breakpoints need a thread, and threads are not in this version" },
    { "after_seconds", "delayed runs are not in this version" },
    { "webhook", "webhooks are not in this version" },
};

static int check_later(const json_t *body, struct fail *f)
{
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        const json_t *v = find(body, later[i].key);
        if (v == NULL || is_empty(v))
            continue;
        fail_set(f, FAIL_UNPROCESSABLE, "\"%s\": %s", later[i].key, later[i].why);
        return RUN_BODY_E_WRONG;
    }
    return 0;
}

/* ---- meaning ---- */

static int unknown_graph(const struct api *api, enum door door, const char *name, struct fail *f)
{
    struct buf known MEM_AUTO(buf_deinit);

    buf_init(&known, 4096);
    registry_names(api->graphs, &known);
    if (door == DOOR_INVOKE)
        fail_set(f, FAIL_NOT_FOUND, "there is no graph \"%.100s\"; known graphs: %s", name, buf_text(&known));
    else
        fail_set(f, FAIL_NOT_FOUND,
                 "No assistant found for \"%.100s\". Make sure the assistant ID is for a valid assistant or a valid graph ID.",
                 name);
    return RUN_BODY_E_WRONG;
}

static int read_graph(const struct api *api, enum door door, struct run_body *b, struct fail *f)
{
    const json_t *name = find(b->json, "assistant_id");

    if (name == NULL)
        name = find(b->json, "graph");
    if (name == NULL) {
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" is missing: name the graph to run",
                 door == DOOR_INVOKE ? "graph" : "assistant_id");
        return RUN_BODY_E_WRONG;
    }
    b->request.graph = registry_find(api->graphs, json_string_value(name));
    return b->request.graph != NULL ? 0 : unknown_graph(api, door, json_string_value(name), f);
}

static int add_mode(const json_t *name, unsigned *modes, struct fail *f)
{
    unsigned bit = mode_find(json_string_value(name));

    if (bit == 0)
        fail_set(f, FAIL_BAD_REQUEST, "\"stream_mode\" has \"%.40s\"; this version knows %s", json_string_value(name),
                 mode_names());
    *modes |= bit;
    return bit != 0 ? 0 : RUN_BODY_E_WRONG;
}

static int read_modes(enum door door, struct run_body *b, struct fail *f)
{
    const json_t *asked = find(b->json, "stream_mode");
    const json_t *name;
    size_t i;
    int r = 0;

    if (json_is_string(asked))
        r = add_mode(asked, &b->request.modes, f);
    json_array_foreach(asked, i, name)
    {
        if (r == 0)
            r = add_mode(name, &b->request.modes, f);
    }
    if (b->request.modes == 0)
        b->request.modes = door == DOOR_INVOKE ? MODE_UPDATES | MODE_MESSAGES_TUPLE : MODE_VALUES;
    if (!b->is_stream)
        b->request.modes = 0;
    return r;
}

static int read_recursion_limit(const struct api *api, struct run_body *b, struct fail *f)
{
    const json_t *limit = find(b->json, "config.recursion_limit");
    int64_t most = api->services->conf->max_recursion_limit;

    if (limit == NULL)
        return 0;
    b->request.recursion_limit = json_integer_value(limit);
    if (b->request.recursion_limit >= 1 && b->request.recursion_limit <= most)
        return 0;
    fail_set(f, FAIL_BAD_REQUEST, "\"config.recursion_limit\" must be between 1 and %lld", (long long)most);
    return RUN_BODY_E_WRONG;
}

/* Headers that a graph may see as $config: x-... and user-agent, but nothing that may be a secret (rules.md, Safety). */
static bool is_copied_header(const char *name)
{
    static const char *const secret_words[] = {
        "auth", "token", "secret", "key", "cookie", "session", "signature", "password",
    };
    static const char *const reserved[] = { "x-tenant-id", "x-service-key" };

    for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
        if (strcasestr(name, secret_words[i]) != NULL)
            return false;
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(name, reserved[i]) == 0)
            return false;
    }
    return strncmp(name, "x-", 2) == 0 || strcmp(name, "user-agent") == 0;
}

static void copy_header(void *arg, const char *name, const char *value)
{
    json_t *configurable = arg;

    /* A value that is not UTF-8 gives NULL, and the header is left out. */
    if (is_copied_header(name))
        (void)json_object_set_new(configurable, name, json_string(value));
}

static int merge(json_t *to, const json_t *from)
{
    return from == NULL || json_object_update(to, (json_t *)from) == 0 ? 0 : err_trace(ERR_NOMEM);
}

static int stamp(json_t *to, const char *key, const char *value)
{
    return json_object_set_new(to, key, json_string(value)) == 0 ? 0 : err_trace(ERR_NOMEM);
}

static int read_configurable(struct req *req, struct run_body *b)
{
    const struct graph *g = b->request.graph;
    const json_t *of_assistant = json_object_get(json_object_get(g->assistant, "config"), "configurable");
    const struct {
        const char *key;
        const char *value;
    } ids[] = { { "run_id", b->run_id }, { "thread_id", b->thread_id }, { "graph_id", g->name }, { "assistant_id", g->assistant_id } };
    int r;

    req_each_header(req, copy_header, b->configurable);
    r = merge(b->configurable, of_assistant);
    if (r == 0)
        r = merge(b->configurable, find(b->json, "config.configurable"));
    for (size_t i = 0; r == 0 && i < sizeof(ids) / sizeof(ids[0]); i++)
        r = stamp(b->configurable, ids[i].key, ids[i].value);
    return r;
}

static int read_context_and_metadata(struct run_body *b)
{
    const json_t *assistant = b->request.graph->assistant;
    const struct {
        json_t *to;
        const json_t *from;
    } sources[] = {
        { b->context, json_object_get(assistant, "context") },
        { b->context, find(b->json, "context") },
        { b->metadata, json_object_get(assistant, "metadata") },
        { b->metadata, find(b->json, "config.metadata") },
        { b->metadata, find(b->json, "metadata") },
    };
    int r = stamp(b->metadata, "created_by", "system");

    for (size_t i = 0; r == 0 && i < sizeof(sources) / sizeof(sources[0]); i++)
        r = merge(sources[i].to, sources[i].from);
    return r;
}

static bool wants_stream(const struct req *req, enum door door, const json_t *body)
{
    const json_t *asked = find(body, "stream");

    if (door != DOOR_INVOKE)
        return door == DOOR_STREAM;
    return asked != NULL ? json_is_true(asked) : req_accepts_sse(req);
}

static bool cancels_on_disconnect(enum door door, const json_t *body)
{
    const char *asked = json_string_value(find(body, "on_disconnect"));

    return asked != NULL ? strcmp(asked, "cancel") == 0 : door == DOOR_INVOKE;
}

static int read_meaning(struct req *req, enum door door, struct run_body *b, struct fail *f)
{
    const struct api *api = req_app(req);
    int r = read_graph(api, door, b, f);

    b->is_stream = wants_stream(req, door, b->json);
    b->cancels_on_disconnect = cancels_on_disconnect(door, b->json);
    b->request.timeout_ms = json_integer_value(find(b->json, "timeout_ms"));
    b->request.input = find(b->json, "input");
    b->request.tags = find(b->json, "config.tags");
    if (r == 0)
        r = read_modes(door, b, f);
    if (r == 0)
        r = read_recursion_limit(api, b, f);
    if (r == 0)
        r = read_configurable(req, b);
    if (r == 0)
        r = read_context_and_metadata(b);
    return r;
}

static int parse(struct req *req, struct run_body *b, struct fail *f)
{
    const struct api *api = req_app(req);
    struct jsonx_error error;
    size_t len = 0;
    const char *bytes = req_body(req, &len);
    int r = jsonx_parse(bytes, len, (int)api->services->conf->max_depth, &b->json, &error);

    if (r > 0)
        fail_set(f, FAIL_BAD_JSON, "the body is not JSON as this server takes it: line %d, column %d: %s", error.line, error.column,
                 error.message);
    else if (r == 0 && !json_is_object(b->json))
        fail_set(f, FAIL_BAD_REQUEST, "the body must be a JSON object, not %s", jsonx_type_name(b->json));
    return fail_is_set(f) ? RUN_BODY_E_WRONG : r;
}

int run_body_read(struct req *req, enum door door, struct run_body *b, struct fail *f)
{
    memset(b, 0, sizeof(*b));
    b->configurable = json_object();
    b->context = json_object();
    b->metadata = json_object();
    id_v7(b->run_id);
    id_v7(b->thread_id);
    if (b->configurable == NULL || b->context == NULL || b->metadata == NULL)
        return err_trace(ERR_NOMEM);
    int r = parse(req, b, f);
    if (r == 0)
        r = check_types(b->json, f);
    if (r == 0)
        r = check_later(b->json, f);
    if (r == 0)
        r = read_meaning(req, door, b, f);
    b->request.run_id = b->run_id;
    b->request.thread_id = b->thread_id;
    b->request.configurable = b->configurable;
    b->request.context = b->context;
    b->request.metadata = b->metadata;
    return r;
}

void run_body_clear(struct run_body *b)
{
    json_decref(b->json);
    json_decref(b->configurable);
    json_decref(b->context);
    json_decref(b->metadata);
    memset(b, 0, sizeof(*b));
}
