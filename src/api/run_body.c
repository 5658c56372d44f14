/* What a run's body means, once run_body_check.c has found nothing wrong with it. */
#include "api/run_body.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/event.h"
#include <string.h>

static int unknown_graph(const struct api *api, const char *name, struct fail *f)
{
    struct buf known MEM_AUTO(buf_deinit);

    buf_init(&known, 4096);
    registry_names(api->graphs, &known);
    fail_set(f, FAIL_NOT_FOUND, "there is no graph \"%.100s\"; known graphs: %s", name,
             buf_text(&known));
    return RUN_BODY_E_WRONG;
}

static int read_graph(const struct api *api, enum door door, struct run_body *b, struct fail *f)
{
    const json_t *name = run_body_find(b->json, "assistant_id");

    if (name == NULL)
        name = run_body_find(b->json, "graph");
    if (name == NULL) {
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" is missing: name the graph to run",
                 door == DOOR_INVOKE ? "graph" : "assistant_id");
        return RUN_BODY_E_WRONG;
    }
    b->assistant = json_string_value(name);
    b->request.graph = registry_find(api->graphs, b->assistant);
    /* At the other doors it may be an assistant of the store. */
    return b->request.graph != NULL || door != DOOR_INVOKE ? 0
                                                           : unknown_graph(api, b->assistant, f);
}

static int add_mode(const json_t *name, unsigned *modes, struct fail *f)
{
    unsigned bit = mode_find(json_string_value(name));
    /* The one mode of the protocol that is no mistake and not here. */
    bool is_later = strcmp(json_string_value(name), "tools") == 0;

    if (bit == 0)
        fail_set(f, is_later ? FAIL_UNPROCESSABLE : FAIL_BAD_REQUEST,
                 "\"stream_mode\" has \"%.40s\"; this version knows %s", json_string_value(name),
                 mode_names());
    *modes |= bit;
    return bit != 0 ? 0 : RUN_BODY_E_WRONG;
}

/* Nobody reads the events of a stateless run that is only waited for; on a thread its followers do. Who
 * will read those of one in the background is not known. */
static unsigned default_modes(enum door door, const struct run_body *b)
{
    bool has_readers = b->is_stream || b->request.thread_id != NULL;

    if (door == DOOR_INVOKE)
        return MODE_UPDATES | MODE_MESSAGES_TUPLE;
    if (door == DOOR_BACKGROUND)
        return MODES_ALL;
    return has_readers ? MODE_VALUES : 0;
}

static int read_modes(enum door door, struct run_body *b, struct fail *f)
{
    const json_t *asked = run_body_find(b->json, "stream_mode");
    const json_t *name;
    size_t i;
    int r = 0;

    if (json_is_string(asked))
        r = add_mode(asked, &b->request.modes, f);
    json_array_foreach(asked, i, name) {
        if (r == 0)
            r = add_mode(name, &b->request.modes, f);
    }
    if (b->request.modes == 0)
        b->request.modes = default_modes(door, b);
    if (json_is_true(run_body_find(b->json, "stream_subgraphs")) && b->request.modes != 0)
        b->request.modes |= MODE_SUBGRAPHS;
    if (door == DOOR_INVOKE && !b->is_stream)
        b->request.modes = 0;
    return r;
}

static int read_limit(const json_t *body, const char *key, int64_t most, int64_t *ret,
                      struct fail *f)
{
    const json_t *limit = run_body_find(body, key);
    int64_t number = json_integer_value(limit);

    if (limit == NULL)
        return 0;
    *ret = number;
    if (number < 1)
        fail_set(f, FAIL_UNPROCESSABLE, "\"%s\" must be at least 1, not %lld", key,
                 (long long)number);
    else if (number > most)
        fail_set(f, FAIL_UNPROCESSABLE, "\"%s\" must be at most %lld, not %lld", key,
                 (long long)most, (long long)number);
    return fail_is_set(f) ? RUN_BODY_E_WRONG : 0;
}

static int read_limits(const struct api *api, struct run_body *b, struct fail *f)
{
    int r = read_limit(b->json, "config.recursion_limit", api->services->conf->max_recursion_limit,
                       &b->request.recursion_limit, f);

    return r == 0 ? read_limit(b->json, "config.max_concurrency", INT64_MAX,
                               &b->request.max_concurrency, f)
                  : r;
}

/* Headers that a graph may see as $config: x-... and user-agent, but nothing that may be a secret.
 */
static bool is_copied_header(const char *name)
{
    static const char *const secret_words[] = {
        "auth", "token", "secret", "key", "cookie", "session", "signature", "password",
    };

    for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
        if (strcasestr(name, secret_words[i]) != NULL)
            return false;
    }
    if (strcmp(name, "x-tenant-id") == 0) /* the protocol's clients use it themselves */
        return false;
    return strncmp(name, "x-", 2) == 0 || strcmp(name, "user-agent") == 0;
}

static void copy_header(void *arg, const char *name, const char *value)
{
    json_t *configurable = arg;

    /* Left out: a value that is not UTF-8, and one that there is no memory for. */
    if (is_copied_header(name))
        (void)json_object_set_new(configurable, name, json_string(value));
}

static int merge(json_t *to, const json_t *from)
{
    return from == NULL || json_object_update(to, (json_t *)from) == 0 ? 0 : err_trace(ERR_NOMEM);
}

static int read_objects(struct req *req, struct run_body *b)
{
    req_each_header(req, copy_header, b->configurable);
    int r = merge(b->configurable, run_body_find(b->json, "config.configurable"));
    if (r == 0)
        r = merge(b->metadata, run_body_find(b->json, "config.metadata"));
    if (r == 0)
        r = merge(b->metadata, run_body_find(b->json, "metadata"));
    return r;
}

static bool wants_stream(const struct req *req, enum door door, const json_t *body)
{
    const json_t *asked = run_body_find(body, "stream");

    if (door != DOOR_INVOKE)
        return door == DOOR_STREAM;
    return asked != NULL ? json_is_true(asked) : req_accepts_sse(req);
}

static bool cancels_on_disconnect(enum door door, const json_t *body)
{
    const char *asked = json_string_value(run_body_find(body, "on_disconnect"));

    return asked != NULL ? strcmp(asked, "cancel") == 0 : door == DOOR_INVOKE;
}

static int read_meaning(struct req *req, enum door door, struct run_body *b, struct fail *f)
{
    const struct api *api = req_app(req);
    int r = read_graph(api, door, b, f);

    b->is_stream = wants_stream(req, door, b->json);
    b->cancels_on_disconnect = cancels_on_disconnect(door, b->json);
    b->request.timeout_ms = json_integer_value(run_body_find(b->json, "timeout_ms"));
    b->request.input = run_body_find(b->json, "input");
    b->request.tags = run_body_find(b->json, "config.tags");
    b->request.context = run_body_find(b->json, "context");
    if (r == 0)
        r = read_modes(door, b, f);
    if (r == 0)
        r = read_limits(api, b, f);
    if (r == 0)
        r = run_body_read_thread(door, b, f);
    if (r == 0)
        r = run_body_read_end(api, b, f);
    if (r == 0)
        r = read_objects(req, b);
    return r;
}

int run_body_parse(struct req *req, json_t **ret, struct fail *f)
{
    const struct api *api = req_app(req);
    struct jsonx_error error;
    size_t len = 0;
    const char *bytes = req_body(req, &len);
    int r = jsonx_parse(bytes, len, (int)api->services->conf->max_depth, ret, &error);

    if (r > 0)
        fail_set(f, FAIL_BAD_JSON,
                 "the body is not JSON as this server takes it: line %d, column %d: %s", error.line,
                 error.column, error.message);
    return r > 0 ? RUN_BODY_E_WRONG : r;
}

int run_body_take(struct req *req, enum door door, const char *thread_id, json_t *json,
                  struct run_body *b, struct fail *f)
{
    memset(b, 0, sizeof(*b));
    b->json = json;
    b->configurable = json_object();
    b->metadata = json_object();
    if (b->configurable == NULL || b->metadata == NULL)
        return err_trace(ERR_NOMEM);
    if (!json_is_object(json)) {
        fail_set(f, FAIL_BAD_REQUEST, "the body must be a JSON object, not %s",
                 jsonx_type_name(json));
        return RUN_BODY_E_WRONG;
    }
    b->request.thread_id = thread_id;
    int r = run_body_check(b->json, door, thread_id != NULL, f);
    if (r == 0)
        r = read_meaning(req, door, b, f);
    b->request.configurable = b->configurable;
    b->request.metadata = b->metadata;
    return r;
}

int run_body_read(struct req *req, enum door door, const char *thread_id, struct run_body *b,
                  struct fail *f)
{
    json_t *json = NULL;
    int r = run_body_parse(req, &json, f);

    if (r == 0)
        return run_body_take(req, door, thread_id, json, b, f);
    memset(b, 0, sizeof(*b));
    return r;
}

void run_body_clear(struct run_body *b)
{
    json_decref(b->json);
    json_decref(b->configurable);
    json_decref(b->metadata);
    json_decref(b->command);
    memset(b, 0, sizeof(*b));
}
