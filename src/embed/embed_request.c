/*
 * What a program says about a run, as JSON texts, made into a run_request.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "run/event.h"
#include <string.h>

static int wrong(const char *option, const char *why)
{
    log_error("run_options", "option", option, "message", why, NULL);
    return ANABRANCH_E_INVALID;
}

static int read_json(const struct conf *conf, const char *option, const char *text, json_t **ret)
{
    struct jsonx_error error;
    int r;

    if (text == NULL)
        return 0;
    r = jsonx_parse(text, strlen(text), (int)conf->max_depth, ret, &error);
    if (r < 0)
        return err_trace(r);
    return r == 0 ? 0 : wrong(option, error.message);
}

static int read_object(const struct conf *conf, const char *option, const char *text, json_t **ret)
{
    int r = read_json(conf, option, text, ret);

    if (r != 0 || *ret == NULL || json_is_object(*ret))
        return r;
    return wrong(option, "not an object");
}

/* ---- config ---- */

static bool is_object(const json_t *v)
{
    return json_is_object(v);
}

static bool is_positive(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 1;
}

static bool is_list_of_strings(const json_t *v)
{
    const json_t *item;
    size_t i;

    json_array_foreach(v, i, item) {
        if (!json_is_string(item))
            return false;
    }
    return json_is_array(v);
}

static const struct {
    const char *key;
    bool (*fits)(const json_t *v);
    const char *wrong;
} config_keys[] = {
    { "recursion_limit", is_positive, "\"recursion_limit\" must be an integer of at least 1" },
    { "configurable", is_object, "\"configurable\" must be an object" },
    { "tags", is_list_of_strings, "\"tags\" must be a list of strings" },
    { "metadata", is_object, "\"metadata\" must be an object" },
};

/* NULL: nothing is wrong. */
static const char *config_fault(const char *key, const json_t *value)
{
    for (size_t i = 0; i < sizeof(config_keys) / sizeof(config_keys[0]); i++) {
        if (strcmp(config_keys[i].key, key) == 0)
            return config_keys[i].fits(value) ? NULL : config_keys[i].wrong;
    }
    return "it has recursion_limit, configurable, tags and metadata, and no other key";
}

static int check_config(const struct conf *conf, json_t *config)
{
    const char *key;
    json_t *value;

    json_object_foreach(config, key, value) {
        const char *why = config_fault(key, value);
        if (why != NULL)
            return wrong("config", why);
    }
    if (json_integer_value(json_object_get(config, "recursion_limit")) > conf->max_recursion_limit)
        return wrong("config",
                     "\"recursion_limit\" is more than the setting max_recursion_limit allows");
    return 0;
}

/* ---- stream modes ---- */

static int add_mode(const char *name, size_t len, unsigned *modes)
{
    char copy[32] = { 0 };
    unsigned bit = 0;

    if (len < sizeof(copy)) {
        memcpy(copy, name, len);
        bit = mode_find(copy);
    }
    *modes |= bit;
    return bit != 0 ? 0 : wrong("stream_mode", "not a comma separated list of stream modes");
}

static int read_modes(const char *text, unsigned *modes)
{
    static const char blanks[] = " ,";
    int r = 0;

    for (const char *at = text; r == 0 && at != NULL && *(at += strspn(at, blanks)) != '\0';) {
        size_t len = strcspn(at, blanks);
        r = add_mode(at, len, modes);
        at += len;
    }
    return r;
}

/* ---- all of it ---- */

static int read_texts(const struct conf *conf, const struct anabranch_run_options *o,
                      struct embed_request *r)
{
    int e = read_json(conf, "input", o->input, &r->input);

    if (e == 0)
        e = read_object(conf, "config", o->config, &r->config);
    if (e == 0)
        e = check_config(conf, r->config);
    if (e == 0)
        e = read_object(conf, "context", o->context, &r->context);
    if (e == 0)
        e = read_modes(o->stream_mode, &r->req.modes);
    if (e == 0 && o->timeout_ms < 0)
        e = wrong("timeout_ms", "less than 0");
    return e;
}

int embed_request_read(const struct anabranch_engine *engine, struct graph *graph,
                       const struct anabranch_run_options *options, struct embed_request *ret)
{
    int r = read_texts(&engine->conf, options, ret);

    ret->req.graph = graph;
    ret->req.input = ret->input;
    ret->req.configurable = json_object_get(ret->config, "configurable");
    ret->req.context = ret->context;
    ret->req.metadata = json_object_get(ret->config, "metadata");
    ret->req.tags = json_object_get(ret->config, "tags");
    ret->req.recursion_limit = json_integer_value(json_object_get(ret->config, "recursion_limit"));
    ret->req.timeout_ms = options->timeout_ms;
    return r;
}

void embed_request_clear(struct embed_request *r)
{
    json_decref(r->input);
    json_decref(r->config);
    json_decref(r->context);
    memset(r, 0, sizeof(*r));
}
