/* AI message chunks; see chunk.h. */
#include "run/chunk.h"
#include "base/jsonx.h"
#include "run/about.h"
#include <string.h>

static void write_head(struct buf *out, const char *id)
{
    buf_add_str(out, "{\"id\":");
    jsonx_encode_string(id, strlen(id), out);
}

void chunk_write_text(struct buf *out, const char *id, const char *text, size_t len_bytes)
{
    write_head(out, id);
    buf_add_str(out, ",\"content\":");
    jsonx_encode_string(text, len_bytes, out);
    buf_add_str(out, ",\"tool_calls\":[],\"invalid_tool_calls\":[],\"tool_call_chunks\":[],"
                     "\"additional_kwargs\":{},\"response_metadata\":{},\"type\":\"ai\"}");
}

void chunk_write(struct buf *out, const char *id, const char *members, size_t len_bytes)
{
    write_head(out, id);
    buf_add_str(
        out,
        ",\"content\":\"\",\"tool_calls\":[],\"invalid_tool_calls\":[],\"additional_kwargs\":{},");
    buf_add(out, members, len_bytes);
    buf_add_str(out, ",\"type\":\"ai\"}");
}

static void write_tool_call(struct buf *out, const struct llm_delta *d, const char *model)
{
    (void)model;
    buf_add_str(out,
                "\"response_metadata\":{},\"tool_call_chunks\":[{\"type\":\"tool_call_chunk\"");
    if (d->id != NULL)
        about_text(out, "id", d->id);
    if (d->name != NULL)
        about_text(out, "name", d->name);
    about_text(out, "args", d->args == NULL ? "" : d->args);
    buf_addf(out, ",\"index\":%d}]", d->index);
}

static void write_finish(struct buf *out, const struct llm_delta *d, const char *model)
{
    buf_add_str(out, "\"tool_call_chunks\":[],\"response_metadata\":{\"finish_reason\":");
    jsonx_encode_string(d->text, d->len_bytes, out);
    about_text(out, "model_name", about_model_name(model));
    buf_add_char(out, '}');
}

static void write_usage(struct buf *out, const struct llm_delta *d, const char *model)
{
    (void)model;
    buf_addf(out,
             "\"tool_call_chunks\":[],\"response_metadata\":{},\"usage_metadata\":"
             "{\"input_tokens\":%lld,\"output_tokens\":%lld,\"total_tokens\":%lld}",
             (long long)d->input_tokens, (long long)d->output_tokens, (long long)d->total_tokens);
}

void chunk_members(struct buf *out, const struct llm_delta *d, const char *model)
{
    static void (*const writers[])(struct buf *, const struct llm_delta *, const char *) = {
        [LLM_TOOL_CALL] = write_tool_call,
        [LLM_FINISH] = write_finish,
        [LLM_USAGE] = write_usage,
    };

    writers[d->type](out, d, model);
}
