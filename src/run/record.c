/*
 * A record of the event log, and the SSE frame that is made of it when it is first read:
 *
 *     event: NAME\n
 *     data: DATA\n
 *     \n
 *
 * One function per kind writes DATA; JSON text never holds a raw line break, so a frame cannot be
 * split by its data.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/internal.h"
#include <string.h>

struct message_stream *message_stream_ref(struct message_stream *s)
{
    if (s != NULL)
        s->refs++;
    return s;
}

struct message_stream *message_stream_unref(struct message_stream *s)
{
    if (s == NULL || --s->refs > 0)
        return NULL;
    mem_free(s->id);
    mem_free(s->model);
    mem_free(s->metadata);
    return mem_free(s);
}

struct record *record_new(enum record_kind kind, unsigned mode, const char *text,
                          size_t text_len_bytes)
{
    struct record *r = mem_alloc(sizeof(*r) + text_len_bytes);

    if (r == NULL)
        return NULL;
    memset(r, 0, sizeof(*r));
    list_init(&r->node);
    r->refs = 1;
    r->kind = kind;
    r->mode = mode;
    r->text_len_bytes = text_len_bytes;
    if (text_len_bytes > 0)
        memcpy(r->text, text, text_len_bytes);
    r->cost_bytes = sizeof(*r) + text_len_bytes;
    return r;
}

struct record *record_ref(struct record *r)
{
    r->refs++;
    return r;
}

struct record *record_unref(struct record *r)
{
    if (r == NULL || --r->refs > 0)
        return NULL;
    state_unref(r->state);
    update_clear(&r->update);
    message_stream_unref(r->stream);
    fail_clear(&r->fail);
    buf_deinit(&r->frame);
    return mem_free(r);
}

void record_set_stream(struct record *r, struct message_stream *s)
{
    if (s->refs == 1) /* no record holds it, so nobody has paid for it */
        r->cost_bytes += sizeof(*s) + strlen(s->id) + strlen(s->model) + s->metadata_len_bytes;
    r->stream = message_stream_ref(s);
}

int record_charge_value(struct record *r, struct value *v)
{
    const char *bytes;
    size_t len = 0;
    int fault = value_bytes(v, &bytes, &len);

    if (fault != 0)
        return err_trace(fault);
    r->cost_bytes += len;
    return 0;
}

/* ---- DATA, one writer per kind ---- */

static void write_text_as_it_is(const struct record *r, struct buf *out)
{
    buf_add(out, r->text, r->text_len_bytes);
}

static void write_values(const struct record *r, struct buf *out)
{
    state_encode(r->state, VIEW_SHOWN, out);
}

static void write_updates(const struct record *r, struct buf *out)
{
    buf_add_char(out, '{');
    jsonx_encode_string(r->name, strlen(r->name), out);
    buf_add_char(out, ':');
    update_encode(&r->update, r->graph, out);
    buf_add_char(out, '}');
}

static void write_message_tail(const struct record *r, struct buf *out)
{
    buf_add_str(out, ",\"type\":\"ai\"},");
    buf_add(out, r->stream->metadata, r->stream->metadata_len_bytes);
    buf_add_char(out, ']');
}

static void write_message_head(const struct record *r, struct buf *out)
{
    buf_add_str(out, "[{\"id\":");
    jsonx_encode_string(r->stream->id, strlen(r->stream->id), out);
}

static void write_token(const struct record *r, struct buf *out)
{
    write_message_head(r, out);
    buf_add_str(out, ",\"content\":");
    jsonx_encode_string(r->text, r->text_len_bytes, out);
    buf_add_str(out, ",\"tool_calls\":[],\"invalid_tool_calls\":[],\"tool_call_chunks\":[],"
                     "\"additional_kwargs\":{},\"response_metadata\":{}");
    write_message_tail(r, out);
}

static void write_chunk(const struct record *r, struct buf *out)
{
    write_message_head(r, out);
    buf_add_str(
        out,
        ",\"content\":\"\",\"tool_calls\":[],\"invalid_tool_calls\":[],\"additional_kwargs\":{},");
    buf_add(out, r->text, r->text_len_bytes);
    write_message_tail(r, out);
}

static void write_message(const struct record *r, struct buf *out)
{
    buf_add_char(out, '[');
    buf_add(out, r->text, r->text_len_bytes);
    buf_add_char(out, ',');
    buf_add(out, r->stream->metadata, r->stream->metadata_len_bytes);
    buf_add_char(out, ']');
}

static void write_member(struct buf *out, const char *key, const char *value)
{
    buf_addf(out, "\"%s\":", key);
    jsonx_encode_string(value, strlen(value), out);
}

static void write_error(const struct record *r, struct buf *out)
{
    buf_add_char(out, '{');
    write_member(out, "error", fail_type(&r->fail));
    buf_add_char(out, ',');
    write_member(out, "message", fail_message(&r->fail));
    if (r->fail.node != NULL) {
        buf_add_char(out, ',');
        write_member(out, "node", r->fail.node);
    }
    buf_add_char(out, '}');
}

static const struct {
    const char *event;
    void (*write)(const struct record *r, struct buf *out);
} kinds[] = {
    [RECORD_METADATA] = { "metadata", write_text_as_it_is },
    [RECORD_VALUES] = { "values", write_values },
    [RECORD_UPDATES] = { "updates", write_updates },
    [RECORD_TEXT] = { "messages", write_token },
    [RECORD_CHUNK] = { "messages", write_chunk },
    [RECORD_MESSAGE] = { "messages", write_message },
    [RECORD_ERROR] = { "error", write_error },
};

const char *record_event_name(const struct record *r)
{
    return kinds[r->kind].event;
}

int record_make_frame(struct record *r, size_t max_bytes)
{
    struct buf *out = &r->frame;

    if (out->data != NULL)
        return 0;
    buf_init(out, max_bytes);
    buf_add_str(out, "event: ");
    buf_add_str(out, kinds[r->kind].event);
    buf_add_str(out, "\ndata: ");
    r->data_at = out->len;
    kinds[r->kind].write(r, out);
    r->data_len_bytes = out->len - r->data_at;
    buf_add_str(out, "\n\n");
    int fault = out->fault;
    if (fault != 0)
        buf_deinit(out);
    return fault;
}
