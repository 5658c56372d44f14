/*
 * What a program says about a run, as JSON texts, made into a run_request.
 */
#include "base/err.h"
#include "embed/embed.h"
#include "run/event.h"
#include <string.h>

static int wrong(const char *option, const char *why)
{
    return embed_wrong("run_options", option, why);
}

static int read_json(const struct conf *conf, const char *option, const char *text, json_t **ret)
{
    return embed_read_json(conf, "run_options", option, text, ret);
}

static int read_object(const struct conf *conf, const char *option, const char *text, json_t **ret)
{
    return embed_read_object(conf, "run_options", option, text, ret);
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

/* ---- command and breakpoints ---- */

static int check_command(const json_t *command)
{
    static const char *const known[] = { "resume", "update", "goto" };
    const char *key;
    json_t *part;

    json_object_foreach((json_t *)command, key, part) {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], key) != 0)
            i++;
        if (i == sizeof(known) / sizeof(known[0]))
            return wrong("command", "it has resume, update and goto, and no other key");
    }
    return 0;
}

static int read_command(const struct conf *conf, const char *text, struct embed_request *r)
{
    int e = read_object(conf, "command", text, &r->command);

    if (e == 0 && r->command != NULL && r->input != NULL)
        return wrong("command", "it takes the place of an input: leave one of them out");
    return e == 0 ? check_command(r->command) : e;
}

static int read_nodes(const struct conf *conf, const char *option, const char *text, json_t **ret)
{
    int e = read_json(conf, option, text, ret);

    if (e != 0 || *ret == NULL || is_list_of_strings(*ret))
        return e;
    if (json_is_string(*ret) && strcmp(json_string_value(*ret), "*") == 0)
        return 0;
    return wrong(option, "neither a list of node names nor the string \"*\"");
}

/* ---- all of it ---- */

static int read_texts(const struct conf *conf, const struct anabranch_run_options *o,
                      struct embed_request *r)
{
    int e = read_json(conf, "input", o->input, &r->input);

    if (e == 0)
        e = read_command(conf, o->command, r);
    if (e == 0)
        e = read_object(conf, "config", o->config, &r->config);
    if (e == 0)
        e = check_config(conf, r->config);
    if (e == 0)
        e = read_object(conf, "context", o->context, &r->context);
    if (e == 0)
        e = read_nodes(conf, "interrupt_before", o->interrupt_before, &r->before);
    if (e == 0)
        e = read_nodes(conf, "interrupt_after", o->interrupt_after, &r->after);
    return e;
}

static int check_plain(const struct anabranch_run_options *o)
{
    if (o->timeout_ms < 0)
        return wrong("timeout_ms", "less than 0");
    if (o->max_concurrency < 0)
        return wrong("max_concurrency", "less than 0");
    return embed_check_text("run_options", "thread_id", o->thread_id);
}

/* What needs no reading. */
static void copy_plain(const struct anabranch_run_options *o, struct run_request *req)
{
    req->timeout_ms = o->timeout_ms;
    req->max_concurrency = o->max_concurrency;
    req->thread_id = o->thread_id;
    req->checkpoint_id = o->checkpoint_id;
    req->durability = o->durability;
    req->is_strict = !o->is_lenient;
    if (o->subgraphs)
        req->modes |= MODE_SUBGRAPHS;
}

int embed_request_read(const struct anabranch_engine *engine, struct graph *graph,
                       const struct anabranch_run_options *options, struct embed_request *ret)
{
    struct run_request *req = &ret->req;
    int r = read_texts(&engine->conf, options, ret);

    if (r == 0)
        r = read_modes(options->stream_mode, &req->modes);
    if (r == 0)
        r = check_plain(options);
    req->graph = graph;
    req->input = ret->input;
    req->command = ret->command;
    req->interrupt_before = ret->before;
    req->interrupt_after = ret->after;
    req->configurable = json_object_get(ret->config, "configurable");
    req->context = ret->context;
    req->metadata = json_object_get(ret->config, "metadata");
    req->tags = json_object_get(ret->config, "tags");
    req->recursion_limit = json_integer_value(json_object_get(ret->config, "recursion_limit"));
    copy_plain(options, req);
    return r;
}

void embed_request_clear(struct embed_request *r)
{
    json_decref(r->input);
    json_decref(r->command);
    json_decref(r->config);
    json_decref(r->context);
    json_decref(r->before);
    json_decref(r->after);
    memset(r, 0, sizeof(*r));
}
