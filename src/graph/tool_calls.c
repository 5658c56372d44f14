/*
 * OpenAI:  {"id","type":"function","function":{"name","arguments":"<JSON text>"}}
 * flat:    {"name","args":{...},"id","type":"tool_call"}
 * invalid: {"name","args":"<text>","id","error","type":"invalid_tool_call"}
 */
#include "graph/tool_calls.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/coerce.h"
#include <stdint.h>
#include <string.h>

enum { ARGUMENTS_MAX_DEPTH = 64 };

/* Where the calls of one message go. */
struct sorting {
    json_t *valid;
    json_t *invalid;
    struct fail *f;
};

static int refuse(struct fail *f, const char *what, const json_t *found)
{
    fail_set(f, FAIL_INVALID_UPDATE, "%s, found %s", what, message_found_word(found));
    return TOOL_CALLS_E_REFUSED;
}

/* 0 and the arguments, or 0 and the reason why there are none, or a fault. */
static int parse_arguments(const json_t *text, json_t **ret, struct jsonx_error *why)
{
    size_t len = json_string_length(text);
    if (len == 0) { /* what some servers send for a function without parameters */
        *ret = json_object();
        return *ret != NULL ? 0 : err_trace(ERR_NOMEM);
    }
    json_t *parsed = NULL;
    int r = jsonx_parse(json_string_value(text), len, ARGUMENTS_MAX_DEPTH, &parsed, why);
    if (r < 0)
        return err_trace(r);
    if (r > 0)
        return 0;
    if (json_is_object(parsed)) {
        *ret = parsed;
        return 0;
    }
    json_decref(parsed);
    (void)strcpy(why->message, "arguments are not a JSON object");
    return 0;
}

/* The id goes before the type; a call without one has no key for it. */
static int append_call(json_t *list, json_t *call_new, const json_t *id, const char *type)
{
    int bad = call_new == NULL;
    if (!bad && json_is_string(id))
        bad = json_object_set(call_new, "id", (json_t *)id);
    if (!bad)
        bad = json_object_set_new(call_new, "type", json_string(type));
    if (bad) {
        json_decref(call_new);
        return err_trace(ERR_NOMEM);
    }
    return json_array_append_new(list, call_new) ? err_trace(ERR_NOMEM) : 0;
}

static int sort_text(struct sorting *s, const json_t *name, const json_t *text, const json_t *id)
{
    json_auto_t *args = NULL;
    struct jsonx_error why = { 0 };
    int r = parse_arguments(text, &args, &why);
    if (r != 0)
        return err_trace(r);
    if (args != NULL)
        return append_call(s->valid, json_pack("{s:O,s:O}", "name", name, "args", args), id,
                           "tool_call");
    return append_call(s->invalid,
                       json_pack("{s:O,s:O,s:s}", "name", name, "args", text, "error", why.message),
                       id, "invalid_tool_call");
}

static int sort_openai(struct sorting *s, const json_t *call, const json_t *function)
{
    const json_t *name = json_object_get(function, "name");
    json_t *arguments = json_object_get(function, "arguments");
    const json_t *id = json_object_get(call, "id");
    if (!json_is_string(name))
        return refuse(s->f, "the function of a tool call needs a name that is a string", name);
    if (json_is_object(arguments)) /* some servers parse them already */
        return append_call(s->valid, json_pack("{s:O,s:O}", "name", name, "args", arguments), id,
                           "tool_call");
    if (arguments != NULL && !json_is_string(arguments) && !json_is_null(arguments))
        return refuse(s->f, "the arguments of a tool call are a string", arguments);
    return sort_text(s, name, arguments, id);
}

static int sort_flat(struct sorting *s, json_t *call)
{
    const json_t *name = json_object_get(call, "name");
    json_t *args = json_object_get(call, "args");
    if (!json_is_string(name))
        return refuse(s->f, "a tool call needs a name that is a string", name);
    if (args != NULL && !json_is_object(args))
        return refuse(s->f, "the args of a tool call are an object", args);
    if (args != NULL && json_object_get(call, "type") != NULL)
        return json_array_append(s->valid, call) ? err_trace(ERR_NOMEM) : 0;
    json_t *whole = json_object(); /* json_copy() would hide an allocation that failed */
    if (whole == NULL || json_object_update(whole, call) != 0 ||
        (args == NULL && json_object_set_new(whole, "args", json_object()) != 0)) {
        json_decref(whole);
        return err_trace(ERR_NOMEM);
    }
    return append_call(s->valid, whole, NULL, "tool_call");
}

static int sort_calls(struct sorting *s, const json_t *calls)
{
    size_t i;
    json_t *call;
    json_array_foreach(calls, i, call) {
        if (!json_is_object(call))
            return refuse(s->f, "a tool call is an object", call);
        const json_t *function = json_object_get(call, "function");
        int r = json_is_object(function) ? sort_openai(s, call, function) : sort_flat(s, call);
        if (r != 0)
            return r < 0 ? err_trace(r) : TOOL_CALLS_E_REFUSED;
    }
    return 0;
}

int tool_calls_flatten(json_t *message, struct fail *f)
{
    const json_t *calls = json_object_get(message, "tool_calls");
    if (json_array_size(calls) == 0)
        return 0;
    json_auto_t *valid = json_array();
    json_auto_t *invalid = json_array();
    if (valid == NULL || invalid == NULL ||
        json_array_extend(invalid, json_object_get(message, "invalid_tool_calls")) != 0)
        return err_trace(ERR_NOMEM);
    struct sorting s = { valid, invalid, f };
    int r = sort_calls(&s, calls);
    if (r != 0)
        return r < 0 ? err_trace(r) : TOOL_CALLS_E_REFUSED;
    if (json_object_set(message, "tool_calls", valid) != 0 ||
        json_object_set(message, "invalid_tool_calls", invalid) != 0)
        return err_trace(ERR_NOMEM);
    return 0;
}

static json_t *string_or_empty(const json_t *json)
{
    return json_is_string(json) ? json_incref((json_t *)json) : json_string("");
}

/* Valid calls have an object that becomes text, invalid ones the text as the model wrote it. */
static json_t *arguments_of(const json_t *args)
{
    if (json_is_string(args))
        return json_incref((json_t *)args);
    if (!json_is_object(args))
        return json_string("{}");
    size_t len = 0;
    char *text MEM_AUTO(mem_freep) = jsonx_text(args, SIZE_MAX / 4, &len);
    return text != NULL ? json_stringn_nocheck(text, len) : NULL;
}

static int add_openai(json_t *list, const json_t *calls)
{
    size_t i;
    json_t *call;
    json_array_foreach(calls, i, call) {
        json_t *made = json_pack("{s:o,s:s,s:{s:o,s:o}}", "id",
                                 string_or_empty(json_object_get(call, "id")), "type", "function",
                                 "function", "name", string_or_empty(json_object_get(call, "name")),
                                 "arguments", arguments_of(json_object_get(call, "args")));
        if (json_array_append_new(list, made) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

json_t *tool_calls_to_openai(const json_t *message)
{
    json_t *list = json_array();
    if (list == NULL || add_openai(list, json_object_get(message, "tool_calls")) != 0 ||
        add_openai(list, json_object_get(message, "invalid_tool_calls")) != 0) {
        json_decref(list);
        return NULL;
    }
    return list;
}
