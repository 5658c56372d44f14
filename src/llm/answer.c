/*
 * A tool call arrives in pieces that carry its index: id and name with the first, then JSON text
 * bit by bit. Whether that text is JSON shows only at the end; graph/tool_calls.h sorts valid calls
 * from invalid ones then.
 */
#include "llm/answer.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/messages.h"
#include "graph/tool_calls.h"
#include <assert.h>
#include <string.h>

enum { TOOL_CALLS_MAX = 1000 };

struct tool_call {
    int index;
    char *id;   /* or NULL */
    char *name; /* or NULL */
    struct buf args;
};

void answer_init(struct answer *a, size_t max_bytes)
{
    *a = (struct answer){ .left_bytes = max_bytes, .max_bytes = max_bytes };
    buf_init(&a->text, max_bytes);
}

void answer_deinit(struct answer *a)
{
    for (size_t i = 0; i < a->call_count; i++) {
        mem_free(a->calls[i].id);
        mem_free(a->calls[i].name);
        buf_deinit(&a->calls[i].args);
    }
    mem_free(a->calls);
    mem_free(a->finish_reason);
    json_decref(a->usage);
    buf_deinit(&a->text);
}

void answer_clear(struct answer *a)
{
    size_t max_bytes = a->max_bytes;
    answer_deinit(a);
    answer_init(a, max_bytes);
}

static int take_room(struct answer *a, size_t len_bytes)
{
    if (len_bytes > a->left_bytes)
        return ANSWER_E_FULL;
    a->left_bytes -= len_bytes;
    return 0;
}

static int add_text(struct answer *a, const struct llm_delta *delta)
{
    int r = take_room(a, delta->len_bytes);
    if (r != 0)
        return r;
    a->has_output = true;
    r = buf_add(&a->text, delta->text, delta->len_bytes);
    return r == 0 ? 0 : err_trace(r);
}

static int add_call(struct answer *a, int index, struct tool_call **ret)
{
    if (a->call_count == TOOL_CALLS_MAX)
        return ANSWER_E_FULL;
    struct tool_call *calls = mem_realloc(a->calls, (a->call_count + 1) * sizeof(*calls));
    if (calls == NULL)
        return err_trace(ERR_NOMEM);
    a->calls = calls;
    *ret = &calls[a->call_count++];
    **ret = (struct tool_call){ .index = index };
    buf_init(&(*ret)->args, a->max_bytes);
    return 0;
}

/* From the end, because pieces of one call follow each other. */
static struct tool_call *find_call(const struct answer *a, int index)
{
    for (size_t i = a->call_count; i > 0; i--)
        if (a->calls[i - 1].index == index)
            return &a->calls[i - 1];
    return NULL;
}

/* The first that says something stays. */
static int set_once(struct answer *a, char **where, const char *text)
{
    assert(where != NULL);
    if (text == NULL || *text == '\0' || *where != NULL)
        return 0;
    int r = take_room(a, strlen(text));
    if (r != 0)
        return r;
    *where = mem_strdup(text);
    return *where != NULL ? 0 : err_trace(ERR_NOMEM);
}

static int add_tool_call(struct answer *a, const struct llm_delta *delta)
{
    struct tool_call *call = find_call(a, delta->index);
    int r = call != NULL ? 0 : add_call(a, delta->index, &call);
    if (r == 0)
        r = set_once(a, &call->id, delta->id);
    if (r == 0)
        r = set_once(a, &call->name, delta->name);
    const char *args = delta->args != NULL ? delta->args : "";
    if (r == 0)
        r = take_room(a, strlen(args));
    if (r != 0)
        return r;
    a->has_output = true;
    r = buf_add_str(&call->args, args);
    return r == 0 ? 0 : err_trace(r);
}

static int set_finish(struct answer *a, const struct llm_delta *delta)
{
    char *reason = mem_strndup(delta->text, delta->len_bytes);
    if (reason == NULL)
        return err_trace(ERR_NOMEM);
    mem_free(a->finish_reason);
    a->finish_reason = reason;
    return 0;
}

static int set_usage(struct answer *a, const struct llm_delta *delta)
{
    json_t *usage = json_pack("{s:I,s:I,s:I}", "input_tokens", (json_int_t)delta->input_tokens,
                              "output_tokens", (json_int_t)delta->output_tokens, "total_tokens",
                              (json_int_t)delta->total_tokens);
    if (usage == NULL)
        return err_trace(ERR_NOMEM);
    json_decref(a->usage);
    a->usage = usage;
    return 0;
}

int answer_add(struct answer *a, const struct llm_delta *delta)
{
    switch (delta->type) {
    case LLM_TEXT:
        return add_text(a, delta);
    case LLM_TOOL_CALL:
        return add_tool_call(a, delta);
    case LLM_FINISH:
        return set_finish(a, delta);
    case LLM_USAGE:
        return set_usage(a, delta);
    }
    return 0;
}

/* ---- what is written ---- */

static json_t *call_json(const struct tool_call *call)
{
    const char *name = call->name != NULL ? call->name : "";
    json_t *json =
        json_pack("{s:{s:s,s:s}}", "function", "name", name, "arguments", buf_text(&call->args));
    if (json != NULL && call->id != NULL &&
        json_object_set_new(json, "id", json_string(call->id)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static json_t *calls_json(const struct answer *a)
{
    json_t *list = json_array();
    for (size_t i = 0; i < a->call_count && list != NULL; i++) {
        if (json_array_append_new(list, call_json(&a->calls[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *message_json(const struct answer *a, const char *id, const char *model)
{
    json_auto_t *calls = calls_json(a);
    struct message_ai parts = {
        .id = id,
        .text = buf_text(&a->text),
        .text_len_bytes = a->text.len,
        .tool_calls = calls,
        .usage = a->usage,
        .model = model,
        .finish_reason = a->finish_reason,
    };
    json_t *message = calls == NULL ? NULL : message_ai_new(&parts);
    struct fail f = { .code = FAIL_NONE };
    if (message == NULL || tool_calls_flatten(message, &f) == 0)
        return message;
    /* The calls have the right shape, so it was memory. */
    fail_clear(&f);
    json_decref(message);
    return NULL;
}

json_t *answer_json(const struct answer *a, enum field_type type, const char *id, const char *model)
{
    if (type != FIELD_STRING && type != FIELD_ARRAY)
        return message_json(a, id, model);
    json_t *text = json_stringn(buf_text(&a->text), a->text.len);
    return type == FIELD_STRING || text == NULL ? text : json_pack("[o]", text);
}
