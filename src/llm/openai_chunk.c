/* The second half of reading a chunk: from the places that openai_scan() found to deltas. */
#include "llm/openai_chunk.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "llm/openai_scan.h"
#include <string.h>

enum { QUOTES_BYTES = 2 };

void openai_chunk_init(struct openai_chunk *c, size_t max_bytes,
                       void (*on_delta)(void *arg, const struct llm_delta *delta), void *arg)
{
    *c = (struct openai_chunk){ .on_delta = on_delta, .arg = arg };
    buf_init(&c->text, max_bytes + 8); /* what is decoded may carry a half character more */
}

void openai_chunk_deinit(struct openai_chunk *c)
{
    buf_deinit(&c->text);
}

static bool is_there(struct span s)
{
    return s.at != NULL && s.at[0] != 'n'; /* null is as good as nothing */
}

/* ---- text ---- */

static void give_text(struct openai_chunk *c, const char *text, size_t len_bytes)
{
    while (len_bytes > 0) {
        size_t part = len_bytes;
        if (part > OPENAI_CHUNK_TEXT_MAX_BYTES)
            part = jsonx_utf8_prefix(text, OPENAI_CHUNK_TEXT_MAX_BYTES);
        const struct llm_delta delta = { .type = LLM_TEXT, .text = text, .len_bytes = part };
        c->on_delta(c->arg, &delta);
        text += part;
        len_bytes -= part;
    }
}

static int text_fault(const struct openai_chunk *c)
{
    if (c->text.fault < 0)
        return err_trace(c->text.fault);
    return c->text.fault == 0 ? 0 : OPENAI_CHUNK_E_GARBAGE;
}

static int give_string(struct openai_chunk *c, struct span content)
{
    if (c->high_half == 0 && memchr(content.at, '\\', content.len_bytes) == NULL) {
        give_text(c, content.at + 1, content.len_bytes - 2);
        return 0;
    }
    buf_clear(&c->text);
    openai_decode_string(content, &c->high_half, &c->text);
    if (c->text.fault != 0)
        return text_fault(c);
    give_text(c, buf_text(&c->text), c->text.len);
    return 0;
}

/* A first half of a pair that stays alone. */
static void give_half(struct openai_chunk *c)
{
    if (c->high_half != 0)
        give_text(c, "\xef\xbf\xbd", 3);
    c->high_half = 0;
}

static int parse(struct span s, json_t **ret)
{
    struct jsonx_error error;
    int r = jsonx_parse(s.at, s.len_bytes, OPENAI_CHUNK_DEPTH_MAX, ret, &error);
    if (r < 0)
        return err_trace(r);
    return r == 0 ? 0 : OPENAI_CHUNK_E_GARBAGE;
}

/* Content in parts: [{"type":"text","text":"..."}]; parts of other kinds are not text. */
static void give_parts(struct openai_chunk *c, const json_t *parts)
{
    size_t i;
    json_t *part;
    give_half(c);
    json_array_foreach(parts, i, part)
    {
        const json_t *text = json_object_get(part, "text");
        if (json_is_string(text))
            give_text(c, json_string_value(text), json_string_length(text));
    }
}

/* ---- tool calls ---- */

static const char *string_or_null(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void give_tool_calls(struct openai_chunk *c, const json_t *calls)
{
    size_t i;
    json_t *call;
    json_array_foreach(calls, i, call)
    {
        const json_t *index = json_object_get(call, "index");
        const json_t *function = json_object_get(call, "function");
        int64_t number = json_is_integer(index) ? json_integer_value(index) : (int64_t)i;
        if (!json_is_object(call) || number < 0 || number > INT32_MAX)
            continue;
        const struct llm_delta delta = {
            .type = LLM_TOOL_CALL,
            .index = (int)number,
            .id = string_or_null(call, "id"),
            .name = string_or_null(function, "name"),
            .args = string_or_null(function, "arguments"),
        };
        c->on_delta(c->arg, &delta);
    }
}

/* ---- finish and usage ---- */

/* Some gateways write "" where others write null. */
static bool is_reason(struct span reason)
{
    return is_there(reason) && reason.at[0] == '"' && reason.len_bytes > QUOTES_BYTES;
}

static int give_finish(struct openai_chunk *c, struct span reason)
{
    if (!is_reason(reason) || c->has_finish)
        return 0;
    give_half(c);
    buf_clear(&c->text);
    openai_decode_string(reason, NULL, &c->text);
    if (c->text.fault != 0)
        return text_fault(c);
    const struct llm_delta delta = { .type = LLM_FINISH,
                                     .text = buf_text(&c->text),
                                     .len_bytes = c->text.len };
    c->has_finish = true;
    c->on_delta(c->arg, &delta);
    return 0;
}

static int64_t count_of(const json_t *usage, const char *key)
{
    int64_t count = json_integer_value(json_object_get(usage, key)); /* 0 if it is none */
    return count < 0 ? 0 : count;
}

/* Some servers repeat usage in every chunk, so the last one counts. */
static void keep_usage(struct openai_chunk *c, const json_t *usage)
{
    int64_t input = count_of(usage, "prompt_tokens");
    int64_t output = count_of(usage, "completion_tokens");
    int64_t total = count_of(usage, "total_tokens");
    if (!json_is_object(usage))
        return;
    if (total == 0 && input <= INT64_MAX - output)
        total = input + output;
    c->has_usage = true;
    c->usage = (struct llm_delta){
        .type = LLM_USAGE, .input_tokens = input, .output_tokens = output, .total_tokens = total
    };
}

void openai_chunk_finish(struct openai_chunk *c)
{
    give_half(c);
    if (c->has_usage)
        c->on_delta(c->arg, &c->usage);
    c->has_usage = false;
}

/* ---- one chunk ---- */

/* The values that are parsed. All before anything is given out, so that a bad chunk gives out
 * nothing. */
struct parsed {
    json_t *content; /* in parts */
    json_t *tool_calls;
    json_t *usage;
};

static void parsed_deinit(struct parsed *p)
{
    json_decref(p->content);
    json_decref(p->tool_calls);
    json_decref(p->usage);
}

static int parse_all(const struct openai_parts *parts, struct parsed *p)
{
    const struct {
        struct span span;
        json_t **ret;
    } rows[] = { { parts->choice.content, &p->content },
                 { parts->choice.tool_calls, &p->tool_calls },
                 { parts->usage, &p->usage } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (!is_there(rows[i].span) || rows[i].span.at[0] == '"')
            continue;
        int r = parse(rows[i].span, rows[i].ret);
        if (r != 0)
            return r; /* traced, or a condition that this module shares */
    }
    return 0;
}

static int give(struct openai_chunk *c, const struct openai_choice *choice, const struct parsed *p)
{
    int r = 0;
    if (is_there(choice->content) && choice->content.at[0] == '"')
        r = give_string(c, choice->content);
    else if (json_is_array(p->content))
        give_parts(c, p->content);
    if (r == 0)
        give_tool_calls(c, p->tool_calls);
    if (r == 0)
        r = give_finish(c, choice->finish_reason);
    keep_usage(c, p->usage);
    return r;
}

int openai_chunk_scan(struct openai_chunk *c, const char *message_key, const char *bytes,
                      size_t len_bytes)
{
    struct openai_parts parts;
    struct parsed parsed = { NULL, NULL, NULL };
    int r = openai_scan(message_key, bytes, len_bytes, &c->text, &parts);
    if (r != 0)
        return r < 0 ? err_trace(r) : OPENAI_CHUNK_E_GARBAGE;
    if (is_there(parts.error)) {
        c->error = parts.error.at;
        c->error_len_bytes = parts.error.len_bytes;
        return OPENAI_CHUNK_E_ERROR;
    }
    c->has_choice |= parts.has_choice;
    r = parse_all(&parts, &parsed);
    if (r == 0)
        r = give(c, &parts.choice, &parsed);
    parsed_deinit(&parsed);
    return r;
}
