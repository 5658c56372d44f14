/* Flat messages as providers with OpenAI's chat API take them. */
#include "graph/coerce.h"
#include "graph/messages.h"
#include "graph/tool_calls.h"

static const char *const roles[] = {
    [MESSAGE_HUMAN] = "user", [MESSAGE_AI] = "assistant",      [MESSAGE_SYSTEM] = "system",
    [MESSAGE_TOOL] = "tool",  [MESSAGE_FUNCTION] = "function", [MESSAGE_REMOVE] = "user",
};

/* LangChain allows bare strings among the blocks, the API does not. */
static json_t *block_of(json_t *block)
{
    return json_is_string(block) ? json_pack("{s:s,s:O}", "type", "text", "text", block)
                                 : json_incref(block);
}

static json_t *content_of(const json_t *content, bool has_calls)
{
    if (!json_is_array(content)) {
        bool is_empty = json_string_length(content) == 0;
        return is_empty ? (has_calls ? json_null() : json_string(""))
                        : json_incref((json_t *)content);
    }
    size_t i;
    json_t *block;
    json_t *blocks = json_array();
    json_array_foreach(content, i, block) {
        if (blocks != NULL && json_array_append_new(blocks, block_of(block)) != 0) {
            json_decref(blocks);
            blocks = NULL;
        }
    }
    return blocks;
}

/* Copies a string of the message, if it has it. */
static int pass_text(json_t *to, const json_t *message, const char *key)
{
    json_t *text = json_object_get(message, key);
    return json_is_string(text) ? json_object_set(to, key, text) : 0;
}

static int fill(json_t *to, const json_t *message, enum message_type type, json_t *calls)
{
    bool has_calls = json_array_size(calls) > 0;
    const json_t *content = json_object_get(message, "content");
    int bad = json_object_set_new(to, "role", json_string(roles[type]));
    bad = bad || json_object_set_new(to, "content", content_of(content, has_calls));
    bad = bad || pass_text(to, message, "name");
    bad = bad || (has_calls && json_object_set(to, "tool_calls", calls));
    bad = bad || (type == MESSAGE_TOOL && pass_text(to, message, "tool_call_id"));
    return bad;
}

json_t *message_to_openai(const json_t *message)
{
    int found = message_type_of(message);
    enum message_type type = found < 0 ? MESSAGE_HUMAN : (enum message_type)found;
    json_t *calls = type == MESSAGE_AI ? tool_calls_to_openai(message) : json_array();
    json_t *to = json_object();
    int bad = calls == NULL || to == NULL || fill(to, message, type, calls);
    json_decref(calls);
    if (bad) {
        json_decref(to);
        return NULL;
    }
    return to;
}
