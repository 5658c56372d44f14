/*
 * The mode `messages`, older than `messages-tuple`, in which clients do not join anything:
 *
 *     messages/metadata   {id: {"metadata": {...}}}   once, before a message's first partial
 *     messages/partial    [the message so far]        per piece
 *     messages/complete   [message, ...]              what is new in the root's state
 *
 * They have no namespace: a model in a subgraph shows up like one of the root.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/about.h"
#include "run/emit.h"
#include "run/live.h"

/* ---- partial ---- */

static void announce(struct run_task *t)
{
    const struct message_stream *s = t->stream;
    struct run *run = t->exec->run;
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, emit_max_bytes(run));
    buf_add_char(&out, '{');
    about_key(&out, s->id);
    buf_add_str(&out, "{\"metadata\":");
    buf_add(&out, s->metadata, s->metadata_len_bytes);
    buf_add_str(&out, "}}");
    s->live->is_announced = emit_json(run, MODE_MESSAGES, "messages/metadata", NULL, &out) == 0;
    s->live->is_lost = s->live->is_lost || !s->live->is_announced;
}

void old_partial(struct run_task *t)
{
    const struct message_stream *s = t->stream;
    struct run *run = t->exec->run;
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, emit_max_bytes(run));
    if (!s->live->is_announced && !s->live->is_lost)
        announce(t);
    if (s->live->is_lost)
        return;
    buf_add_char(&out, '[');
    live_message_encode(s->live, s->id, about_model_name(s->model), &out);
    buf_add_char(&out, ']');
    (void)emit_json(run, MODE_MESSAGES, "messages/partial", NULL, &out); /* only it is lost */
}

/* ---- complete ---- */

/* What is noted but then not sent for want of memory is lost with its event. */
static int add_message(struct run *run, const json_t *message, struct buf *out)
{
    const char *id = json_string_value(json_object_get(message, "id"));

    if (id == NULL || message_is_seen(run, id, SEEN_COMPLETE))
        return 0;
    if (out->len > 1)
        buf_add_char(out, ',');
    jsonx_encode(message, out);
    return message_note_seen(run, id, SEEN_COMPLETE);
}

static int add_field(struct run *run, const json_t *messages, struct buf *out)
{
    const json_t *message;
    size_t i;
    int fault = 0;

    json_array_foreach(messages, i, message) {
        if (fault == 0)
            fault = add_message(run, message, out);
    }
    return fault;
}

static bool is_new(const struct state *now, struct state *before, int field)
{
    const struct field *f = &state_graph(now)->fields[field];
    const struct value *v = state_get(now, field);

    return f->type == FIELD_MESSAGES && !f->is_private && v != NULL &&
           (before == NULL || v != state_get(before, field));
}

int old_complete(struct exec *e, struct state *before)
{
    struct state *now = e->at.state;
    size_t field_count = state_graph(now)->field_count;
    struct buf out MEM_AUTO(buf_deinit);
    int fault = 0;

    buf_init(&out, emit_max_bytes(e->run));
    buf_add_char(&out, '[');
    for (size_t i = 0; fault == 0 && i < field_count; i++) {
        if (is_new(now, before, (int)i))
            fault = add_field(e->run, value_json(state_get(now, (int)i)), &out);
    }
    if (fault != 0)
        return err_trace(fault);
    if (out.len <= 1)
        return out.fault < 0 ? err_trace(out.fault) : 0;
    buf_add_char(&out, ']');
    return emit_json(e->run, MODE_MESSAGES, "messages/complete", NULL, &out);
}
