/*
 * Chat messages in a task's work: the tokens of a model as events, and whole messages that a node
 * returns.
 *
 * A message that was streamed is not repeated whole, nor is one that the node only passes through
 * from its input: the run keeps the ids that clients have seen.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/messages.h"
#include "run/internal.h"
#include <string.h>

/* ---- the metadata element of a message's events ---- */

static void write_key(struct buf *out, const char *key)
{
    if (out->len > 1)
        buf_add_char(out, ',');
    jsonx_encode_string(key, strlen(key), out);
    buf_add_char(out, ':');
}

static void write_text(struct buf *out, const char *key, const char *value)
{
    write_key(out, key);
    jsonx_encode_string(value, strlen(value), out);
}

static void write_items(struct buf *out, const char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        jsonx_encode_string(items[i], strlen(items[i]), out);
    }
}

static void write_list(struct buf *out, const char *key, const char *const *items, size_t count)
{
    write_key(out, key);
    buf_add_char(out, '[');
    write_items(out, items, count);
    buf_add_char(out, ']');
}

/* The node's, then the request's. */
static void write_tags(struct buf *out, const struct run_task *t)
{
    const struct node *node = t->task.node;
    const json_t *tag;
    size_t i;

    write_key(out, "tags");
    buf_add_char(out, '[');
    write_items(out, (const char *const *)node->tags, node->tag_count);
    json_array_foreach(t->run->tags, i, tag) {
        if (node->tag_count + i > 0)
            buf_add_char(out, ',');
        jsonx_encode(tag, out);
    }
    buf_add_char(out, ']');
}

/* Written below; a caller's metadata cannot say them a second time. */
static bool is_reserved(const char *key)
{
    static const char *const reserved[] = {
        "tags",           "run_attempt",        "thread_id",      "run_id",
        "assistant_id",   "graph_id",           "langgraph_step", "langgraph_node",
        "langgraph_path", "langgraph_triggers", "checkpoint_ns",  "langgraph_checkpoint_ns",
        "ls_provider",    "ls_model_name",      "ls_model_type",
    };

    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(reserved[i], key) == 0)
            return true;
    }
    return false;
}

static void write_user_metadata(struct buf *out, const struct run *run)
{
    const char *key;
    json_t *value;

    json_object_foreach(run->metadata, key, value) {
        if (is_reserved(key))
            continue;
        write_key(out, key);
        jsonx_encode(value, out);
    }
}

static void write_place(struct buf *out, const struct run_task *t)
{
    const char *path[] = { "__pregel_pull", t->task.node->name };
    char *ns MEM_AUTO(mem_freep) = mem_printf("%s:%s", t->task.node->name, t->task_id);

    write_key(out, "langgraph_step");
    buf_add_int(out, t->run->step);
    write_text(out, "langgraph_node", t->task.node->name);
    write_list(out, "langgraph_triggers", t->triggers, t->trigger_count);
    write_list(out, "langgraph_path", path, 2);
    write_text(out, "langgraph_checkpoint_ns", ns == NULL ? "" : ns);
    write_text(out, "checkpoint_ns", ns == NULL ? "" : ns);
}

static void write_model(struct buf *out, const char *model)
{
    char provider[64];
    const char *colon = strchr(model, ':');

    llm_model_provider(model, provider, sizeof(provider));
    write_text(out, "ls_provider", provider);
    write_text(out, "ls_model_name", colon == NULL ? model : colon + 1);
    write_text(out, "ls_model_type", "chat");
}

static char *metadata_text(const struct run_task *t, const char *model, size_t *ret_len_bytes)
{
    const struct run *run = t->run;
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, MESSAGE_PART_MAX_BYTES);
    buf_add_char(&out, '{');
    write_tags(&out, t);
    write_user_metadata(&out, run);
    write_key(&out, "run_attempt");
    buf_add_int(&out, 1);
    write_text(&out, "thread_id", run->thread_id);
    write_text(&out, "run_id", run->id);
    write_text(&out, "assistant_id", run->graph->assistant_id);
    write_text(&out, "graph_id", run->graph->name);
    write_place(&out, t);
    if (model[0] != '\0')
        write_model(&out, model);
    buf_add_char(&out, '}');
    return buf_take(&out, ret_len_bytes); /* NULL also after a sticky fault */
}

/* NULL (logged): then the message has no events; the answer is not harmed. */
static struct message_stream *stream_new(const struct run_task *t, const char *id,
                                         const char *model)
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
    log_warn("message_not_streamed", "run", t->run->id, "node", t->task.node->name, "message",
             "no memory, or its metadata is too long", NULL);
    return message_stream_unref(s);
}

/* ---- streamed messages ---- */

/* LangGraph's tag for a model whose words are nobody's business. */
static bool is_silent(const struct node *node)
{
    for (size_t i = 0; i < node->tag_count; i++) {
        if (strcmp(node->tags[i], "nostream") == 0)
            return true;
    }
    return false;
}

void message_begin(struct run_task *t, const char *id, const char *model)
{
    t->stream = message_stream_unref(t->stream);
    if (run_wants(t->run, MODE_MESSAGES_TUPLE) && !is_silent(t->task.node))
        t->stream = stream_new(t, id, model);
}

static int remember(struct run *run, const char *id)
{
    return json_object_set_new(run->streamed_ids, id, json_true()) == 0 ? 0 : err_trace(ERR_NOMEM);
}

static bool is_remembered(const struct run *run, const char *id)
{
    return json_object_get(run->streamed_ids, id) != NULL;
}

/* Without memory one event is lost, not the run. */
static void append(struct run *run, struct message_stream *stream, enum record_kind kind,
                   const char *text, size_t len_bytes)
{
    struct record *r = record_new(kind, MODE_MESSAGES_TUPLE, text, len_bytes);

    if (r != NULL)
        record_set_stream(r, stream);
    (void)event_log_append_take(&run->log, r);
}

static void write_tool_call(struct buf *out, const struct llm_delta *d, const char *model)
{
    (void)model;
    buf_add_str(out,
                "\"response_metadata\":{},\"tool_call_chunks\":[{\"type\":\"tool_call_chunk\"");
    if (d->id != NULL)
        write_text(out, "id", d->id);
    if (d->name != NULL)
        write_text(out, "name", d->name);
    write_text(out, "args", d->args == NULL ? "" : d->args);
    buf_addf(out, ",\"index\":%d}]", d->index);
}

static void write_finish(struct buf *out, const struct llm_delta *d, const char *model)
{
    const char *colon = strchr(model, ':');

    buf_add_str(out, "\"tool_call_chunks\":[],\"response_metadata\":{\"finish_reason\":");
    jsonx_encode_string(d->text, d->len_bytes, out);
    write_text(out, "model_name", colon == NULL ? model : colon + 1);
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

static void append_chunk(struct run_task *t, const struct llm_delta *d)
{
    static void (*const writers[])(struct buf *, const struct llm_delta *, const char *) = {
        [LLM_TOOL_CALL] = write_tool_call,
        [LLM_FINISH] = write_finish,
        [LLM_USAGE] = write_usage,
    };
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, MESSAGE_PART_MAX_BYTES);
    writers[d->type](&out, d, t->stream->model);
    if (out.fault == 0)
        append(t->run, t->stream, RECORD_CHUNK, out.data, out.len);
}

void message_delta(struct run_task *t, const struct llm_delta *delta)
{
    if (t->stream == NULL)
        return;
    if (!is_remembered(t->run, t->stream->id) && remember(t->run, t->stream->id) != 0)
        return;
    if (delta->type == LLM_TEXT)
        append(t->run, t->stream, RECORD_TEXT, delta->text, delta->len_bytes);
    else
        append_chunk(t, delta);
}

/* ---- whole messages in an update ---- */

static bool is_overwrite(const json_t *json)
{
    const char *type = json_string_value(json_object_get(json, "type"));

    return json_object_get(json, "__overwrite__") != NULL ||
           (type != NULL && strcmp(type, "__overwrite__") == 0);
}

static bool is_removal(const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));

    return type != NULL && strcmp(type, "remove") == 0;
}

static int settle_list(const json_t *list, json_t **ret, struct fail *f)
{
    json_t *all = json_array();
    const json_t *any;
    size_t i;

    if (all == NULL)
        return err_trace(ERR_NOMEM);
    json_array_foreach(list, i, any) {
        json_t *message = NULL;
        int r = message_coerce(any, &message, f);
        if (r == 0 && json_array_append_new(all, message) != 0)
            r = err_trace(ERR_NOMEM);
        if (r != 0) {
            json_decref(all);
            return r;
        }
    }
    *ret = all;
    return 0;
}

static bool is_in_state(const struct run *run, int field, const char *id)
{
    const struct value *held = state_get(run->state, field);
    const json_t *message;
    size_t i;

    if (held == NULL)
        return false;
    json_array_foreach(value_json(held), i, message) {
        const char *other = json_string_value(json_object_get(message, "id"));
        if (other != NULL && strcmp(other, id) == 0)
            return true;
    }
    return false;
}

static void show(struct run_task *t, int field, const json_t *message, struct message_stream *whole)
{
    const char *id = json_string_value(json_object_get(message, "id"));
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, (size_t)t->task.services->conf->max_state_bytes);
    if (id == NULL || is_removal(message) || is_remembered(t->run, id) ||
        is_in_state(t->run, field, id))
        return;
    jsonx_encode(message, &out);
    if (out.fault == 0 && remember(t->run, id) == 0)
        append(t->run, whole, RECORD_MESSAGE, out.data, out.len);
}

/* Whole messages carry their own ids, so all those of a write share one stream. */
static void show_all(struct run_task *t, int field, const json_t *messages)
{
    struct message_stream *whole;
    const json_t *message;
    size_t i;

    if (!run_wants(t->run, MODE_MESSAGES_TUPLE) || is_silent(t->task.node) ||
        t->run->graph->fields[field].is_private)
        return;
    whole = stream_new(t, "", "");
    if (whole == NULL)
        return;
    if (json_is_object(messages))
        show(t, field, messages, whole);
    json_array_foreach(messages, i, message)
        show(t, field, message, whole);
    message_stream_unref(whole);
}

/* As the reducer will say, before a message is made of each. */
static bool is_too_many(const struct run_task *t, const json_t *given, struct fail *f)
{
    int64_t max = t->task.services->conf->max_messages;

    if (json_array_size(given) <= (size_t)max)
        return false;
    fail_set(f, FAIL_LIMIT, "%zu messages at once; the setting max_messages allows %lld",
             json_array_size(given), (long long)max);
    return true;
}

static int settle_write(struct run_task *t, struct write *w, struct fail *f)
{
    json_t *given = value_json(w->value);
    json_t *settled = NULL;
    struct value *value = NULL;
    int r;

    if (is_overwrite(given))
        return 0;
    if (is_too_many(t, given, f))
        return MESSAGES_E_REFUSED;
    r = json_is_array(given) ? settle_list(given, &settled, f) : message_coerce(given, &settled, f);
    if (r == 0)
        r = value_new_take(settled, &value);
    if (r != 0)
        return r;
    value_unref(w->value);
    w->value = value;
    show_all(t, w->field, value_json(value));
    return 0;
}

int message_settle(struct run_task *t, struct update *update, struct fail *f)
{
    for (size_t i = 0; i < update->count; i++) {
        struct write *w = &update->writes[i];
        if (t->run->graph->fields[w->field].type != FIELD_MESSAGES)
            continue;
        int r = settle_write(t, w, f);
        if (r != 0)
            return r;
    }
    return 0;
}
