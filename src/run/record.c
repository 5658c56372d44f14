/*
 * A record of the event log, and the SSE frame that is made of it when it is first read:
 *
 *     id: NUMBER\n                  readers may leave it out
 *     event: NAME|NAMESPACE\n       only events of subgraphs have one; names hold no control characters
 *     data: DATA\n
 *     \n
 *
 * One function per kind writes DATA; JSON text never holds a raw line break, so a frame cannot be
 * split by its data.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/chunk.h"
#include "run/internal.h"
#include "run/live.h"
#include <string.h>

/* ---- what records share ---- */

struct ns_text *ns_text_new(const char *text)
{
    size_t len_bytes = strlen(text);
    struct ns_text *ns = mem_alloc(sizeof(*ns) + len_bytes + 1);

    if (ns == NULL)
        return NULL;
    ns->refs = 1;
    memcpy(ns->text, text, len_bytes + 1);
    return ns;
}

struct ns_text *ns_text_ref(struct ns_text *ns)
{
    if (ns != NULL)
        ns->refs++;
    return ns;
}

struct ns_text *ns_text_unref(struct ns_text *ns)
{
    if (ns == NULL || --ns->refs > 0)
        return NULL;
    return mem_free(ns);
}

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
    live_message_free(s->live);
    return mem_free(s);
}

/* ---- a record's life ---- */

struct record *record_new(enum event_kind kind, unsigned mode, const char *text,
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
    ns_text_unref(r->ns);
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
    state_encode(r->state, r->view, out);
}

static void write_updates(const struct record *r, struct buf *out)
{
    buf_add_char(out, '{');
    jsonx_encode_string(r->name, strlen(r->name), out);
    buf_add_char(out, ':');
    update_encode(&r->update, r->graph, r->view, out);
    if (r->is_cached)
        buf_add_str(out, ",\"__metadata__\":{\"cached\":true}");
    buf_add_char(out, '}');
}

static void begin_pair(struct buf *out)
{
    buf_add_char(out, '[');
}

/* Behind a message: the second element, and the end. */
static void end_pair(const struct record *r, struct buf *out)
{
    buf_add_char(out, ',');
    buf_add(out, r->stream->metadata, r->stream->metadata_len_bytes);
    buf_add_char(out, ']');
}

static void write_token(const struct record *r, struct buf *out)
{
    begin_pair(out);
    chunk_write_text(out, r->stream->id, r->text, r->text_len_bytes);
    end_pair(r, out);
}

static void write_chunk(const struct record *r, struct buf *out)
{
    begin_pair(out);
    chunk_write(out, r->stream->id, r->text, r->text_len_bytes);
    end_pair(r, out);
}

static void write_message(const struct record *r, struct buf *out)
{
    begin_pair(out);
    buf_add(out, r->text, r->text_len_bytes);
    end_pair(r, out);
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
    [RECORD_JSON] = { NULL, write_text_as_it_is }, /* the name is the record's own */
    [RECORD_TEXT] = { "messages", write_token },
    [RECORD_CHUNK] = { "messages", write_chunk },
    [RECORD_MESSAGE] = { "messages", write_message },
    [RECORD_ERROR] = { "error", write_error },
};

const char *record_event_name(const struct record *r)
{
    return r->event_name != NULL ? r->event_name : kinds[r->kind].event;
}

static void write_head(const struct record *r, struct buf *out)
{
    buf_add_str(out, "event: ");
    buf_add_str(out, record_event_name(r));
    if (r->ns != NULL) {
        buf_add_char(out, '|');
        buf_add_str(out, r->ns->text);
    }
    buf_add_str(out, "\ndata: ");
}

int record_make_frame(struct record *r, size_t max_bytes)
{
    struct buf *out = &r->frame;

    if (out->data != NULL)
        return 0;
    buf_init(out, max_bytes);
    if (r->has_number)
        buf_addf(out, "id: %llu\n", (unsigned long long)r->number);
    r->event_at = out->len;
    write_head(r, out);
    r->data_at = out->len;
    kinds[r->kind].write(r, out);
    r->data_len_bytes = out->len - r->data_at;
    buf_add_str(out, "\n\n");
    int fault = out->fault;
    if (fault != 0)
        buf_deinit(out);
    return fault;
}
