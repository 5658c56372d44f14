/*
 * Chat messages as events: the tokens of a model, and whole messages that a node returns.
 *
 * A message that was streamed is not repeated whole, nor is one that the node only passes through
 * from its input: the run keeps the ids that clients have seen.
 *
 *     message_begin -> message_delta ... -> message_end     a model at work
 *     message_open, message_use, message_close              several at work
 *     message_show                                          what else the node has written
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/about.h"
#include "run/chunk.h"
#include "run/emit.h"
#include "run/live.h"
#include <string.h>

/* ---- what clients have seen ---- */

static json_int_t seen_forms(const struct run *run, const char *id)
{
    return json_integer_value(json_object_get(run->streamed_ids, id));
}

bool message_is_seen(const struct run *run, const char *id, enum seen form)
{
    return (seen_forms(run, id) & (json_int_t)form) != 0;
}

int message_note_seen(struct run *run, const char *id, enum seen form)
{
    json_t *forms = json_integer(seen_forms(run, id) | (json_int_t)form);

    return json_object_set_new(run->streamed_ids, id, forms) == 0 ? 0 : err_trace(ERR_NOMEM);
}

/* ---- the part that all events of a message share ---- */

static char *metadata_text(struct run_task *t, const char *model, size_t *ret_len_bytes)
{
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, MESSAGE_PART_MAX_BYTES);
    buf_add_char(&out, '{');
    about_tags(&out, t->exec->run, t->task.node, 0);
    about_run(&out, t->exec->run, t);
    about_task(&out, t);
    about_model(&out, model);
    buf_add_char(&out, '}');
    return buf_take(&out, ret_len_bytes); /* NULL also after a sticky fault */
}

/* NULL (logged): then the message has no events; the answer is not harmed. */
static struct message_stream *stream_new(struct run_task *t, const char *id, const char *model)
{
    struct message_stream *s = mem_zalloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    s->refs = 1;
    s->id = mem_strdup(id);
    s->model = mem_strdup(model);
    s->metadata = metadata_text(t, model, &s->metadata_len_bytes);
    if (s->id != NULL && s->model != NULL && s->metadata != NULL)
        return s;
    log_warn("message_not_streamed", "run", t->exec->run->id, "node", t->task.node->name, "message",
             "no memory, or its metadata is too long", NULL);
    return message_stream_unref(s);
}

struct message_stream *message_whole_stream(struct run_task *t)
{
    return stream_new(t, "", "");
}

bool message_is_silent(const struct node *node)
{
    for (size_t i = 0; i < node->tag_count; i++) {
        if (strcmp(node->tags[i], "nostream") == 0)
            return true;
    }
    return false;
}

void message_append(struct run_task *t, struct message_stream *stream, enum event_kind kind,
                    const char *text, size_t len_bytes)
{
    struct record *r = record_new(kind, MODE_MESSAGES_TUPLE, text, len_bytes);

    if (r != NULL) {
        record_set_stream(r, stream);
        r->ns = ns_text_ref(emit_ns(t->exec));
    }
    (void)event_log_append_take(&t->exec->run->log, r); /* only the event is lost */
}

/* ---- a model at work ---- */

/* Frees the live message now; records may keep the stream for long. */
static void forget_live(struct message_stream *s)
{
    if (s != NULL)
        s->live = live_message_free(s->live);
}

static struct message_stream *forget(struct message_stream *s)
{
    forget_live(s);
    return message_stream_unref(s);
}

void message_forget(struct run_task *t)
{
    t->stream = forget(t->stream);
    while (t->others != NULL) {
        struct message_stream *s = t->others;
        t->others = s->next;
        (void)forget(s);
    }
}

void message_end(struct run_task *t)
{
    if (t->stream != NULL && t->stream->live != NULL && run_wants(t->exec->run, MODE_EVENTS))
        events_model_end(t);
    forget_live(t->stream);
}

/* Without memory for the live message its modes show nothing of it. */
static void begin_live(struct run_task *t)
{
    struct run *run = t->exec->run;

    if (!run_wants(run, MODE_MESSAGES | MODE_EVENTS))
        return;
    t->stream->live = live_message_new(MESSAGE_PART_MAX_BYTES);
    if (t->stream->live != NULL && run_wants(run, MODE_EVENTS))
        events_model_start(t);
}

static void begin(struct run_task *t, const char *id, const char *model)
{
    if (!run_wants(t->exec->run, MODE_MESSAGES_TUPLE | MODE_MESSAGES | MODE_EVENTS) ||
        message_is_silent(t->task.node))
        return;
    t->stream = stream_new(t, id, model);
    if (t->stream != NULL)
        begin_live(t);
}

void message_begin(struct run_task *t, const char *id, const char *model)
{
    message_end(t);
    t->stream = message_stream_unref(t->stream);
    begin(t, id, model);
}

/* ---- several at work ---- */

static void park(struct run_task *t)
{
    struct message_stream *s = t->stream;

    if (s == NULL)
        return;
    s->next = t->others;
    t->others = s;
    t->stream = NULL;
}

void message_open(struct run_task *t, const char *id, const char *model)
{
    park(t);
    begin(t, id, model);
}

/* One that has no events (nobody asked for them) is not there. */
void message_use(struct run_task *t, const char *id)
{
    if (t->stream != NULL && strcmp(t->stream->id, id) == 0)
        return;
    park(t);
    for (struct message_stream **at = &t->others; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->id, id) == 0) {
            t->stream = *at;
            *at = t->stream->next;
            return;
        }
    }
}

void message_close(struct run_task *t, const char *id)
{
    message_use(t, id);
    message_end(t);
    t->stream = message_stream_unref(t->stream);
}

void message_end_all(struct run_task *t)
{
    message_end(t);
    while (t->others != NULL) {
        message_use(t, t->others->id);
        message_close(t, t->stream->id);
    }
}

static void append_delta(struct run_task *t, const struct llm_delta *d)
{
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, MESSAGE_PART_MAX_BYTES);
    if (d->type == LLM_TEXT) {
        message_append(t, t->stream, RECORD_TEXT, d->text, d->len_bytes);
        return;
    }
    chunk_members(&out, d, t->stream->model);
    if (out.fault == 0)
        message_append(t, t->stream, RECORD_CHUNK, out.data, out.len);
}

static void grow_live(struct run_task *t, const struct llm_delta *delta)
{
    const struct run *run = t->exec->run;

    live_message_add(t->stream->live, delta);
    if (run_wants(run, MODE_MESSAGES))
        old_partial(t);
    if (run_wants(run, MODE_EVENTS))
        events_model_stream(t, delta);
}

void message_delta(struct run_task *t, const struct llm_delta *delta)
{
    struct message_stream *s = t->stream;

    if (s == NULL)
        return;
    if (!s->is_noted && message_note_seen(t->exec->run, s->id, SEEN_STREAMED) != 0)
        return;
    s->is_noted = true;
    if (run_wants(t->exec->run, MODE_MESSAGES_TUPLE))
        append_delta(t, delta);
    if (s->live != NULL)
        grow_live(t, delta);
}
