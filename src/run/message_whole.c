/* Whole messages in what a task has written: brought to the flat form, and shown. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/messages.h"
#include "run/emit.h"
#include <string.h>

static bool is_overwrite(const json_t *json)
{
    const char *type = json_string_value(json_object_get(json, "type"));

    return json_object_get(json, "__overwrite__") != NULL ||
           (type != NULL && strcmp(type, "__overwrite__") == 0);
}

/* ---- settle ---- */

static int settle_list(const json_t *list, json_t **ret, struct fail *f)
{
    json_t *all = json_array();
    const json_t *any;
    size_t i;

    if (all == NULL)
        return err_trace(ERR_NOMEM);
    json_array_foreach(list, i, any) {
        json_t *message = NULL;
        int r = message_coerce_at(any, i, &message, f);
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

/* As the reducer will say, before a message is made of each. */
static bool is_too_many(const struct services *services, const json_t *given, struct fail *f)
{
    int64_t max = services->conf->max_messages;

    if (json_array_size(given) <= (size_t)max)
        return false;
    fail_set(f, FAIL_LIMIT, "%zu messages at once; the setting max_messages allows %lld",
             json_array_size(given), (long long)max);
    return true;
}

static int settle_write(const struct services *services, struct write *w, struct fail *f)
{
    json_t *given = value_json(w->value);
    json_t *settled = NULL;
    struct value *value = NULL;
    int r;

    if (is_overwrite(given))
        return 0;
    if (is_too_many(services, given, f))
        return MESSAGES_E_REFUSED;
    r = json_is_array(given) ? settle_list(given, &settled, f) : message_coerce(given, &settled, f);
    if (r == 0)
        r = value_new_take(settled, &value);
    if (r != 0)
        return r;
    value_unref(w->value);
    w->value = value;
    return 0;
}

/* What is wrong with a message does not say yet where it was to go. */
static void name_place(const struct field *field, const char *writer, struct fail *f)
{
    struct fail why = { 0 };

    if (f->code != FAIL_INVALID_UPDATE)
        return;
    fail_move(&why, f);
    write_refused(field, writer, fail_message(&why), f);
    fail_clear(&why);
}

int message_settle(const struct services *services, const struct graph *graph, const char *writer,
                   struct update *update, struct fail *f)
{
    for (size_t i = 0; i < update->count; i++) {
        struct write *w = &update->writes[i];
        const struct field *field = &graph->fields[w->field];
        if (field->type != FIELD_MESSAGES)
            continue;
        int r = settle_write(services, w, f);
        if (r > 0)
            name_place(field, writer, f);
        if (r != 0)
            return r;
    }
    return 0;
}

/* ---- show ---- */

/* What showing the messages of one task needs; made when the first one may have to be shown. */
struct show {
    struct run_task *t;
    struct message_stream *whole; /* whole messages carry their own ids, so they share one */
    json_t *given;                /* object used as a set: ids in the task's input */
};

static const char *id_of(const json_t *message)
{
    return json_string_value(json_object_get(message, "id"));
}

static int note_given(json_t *set, const json_t *messages)
{
    const json_t *message;
    size_t i;

    if (id_of(messages) != NULL && json_object_set_new(set, id_of(messages), json_true()) != 0)
        return err_trace(ERR_NOMEM);
    json_array_foreach(messages, i, message) {
        if (id_of(message) != NULL && json_object_set_new(set, id_of(message), json_true()) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

static int note_argument(json_t *set, const json_t *argument)
{
    const char *key;
    json_t *part;
    int fault = note_given(set, argument);

    json_object_foreach((json_t *)argument, key, part) {
        if (fault == 0)
            fault = note_given(set, part);
    }
    return fault;
}

static int note_state(json_t *set, const struct state *state)
{
    const struct graph *g = state_graph(state);
    int fault = 0;

    for (size_t i = 0; fault == 0 && i < g->field_count; i++) {
        struct value *held = state_get(state, (int)i);
        if (held != NULL && g->fields[i].type == FIELD_MESSAGES)
            fault = note_given(set, value_json(held));
    }
    return fault;
}

/* Without memory the messages are not shown; the task is not harmed. */
static bool has_begun(struct show *s)
{
    const struct scope *scope = &s->t->task.scope;
    json_t *set;
    int fault;

    if (s->whole != NULL)
        return true;
    set = json_object();
    if (set == NULL)
        return false;
    fault = scope->input != NULL ? note_argument(set, scope->input) : note_state(set, scope->state);
    if (fault == 0)
        s->whole = message_whole_stream(s->t);
    if (s->whole == NULL) {
        json_decref(set);
        return false;
    }
    s->given = set;
    return true;
}

static bool is_removal(const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));

    return type != NULL && strcmp(type, "remove") == 0;
}

static void show_one(struct show *s, const json_t *message)
{
    struct run *run = s->t->exec->run;
    const char *id = id_of(message);
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, (size_t)run->runs->services->conf->max_state_bytes);
    if (id == NULL || is_removal(message) || message_is_seen(run, id, SEEN_STREAMED))
        return;
    if (!has_begun(s) || json_object_get(s->given, id) != NULL)
        return;
    jsonx_encode(message, &out);
    if (out.fault == 0 && message_note_seen(run, id, SEEN_STREAMED) == 0)
        message_append(s->t, s->whole, RECORD_MESSAGE, out.data, out.len);
}

static void show_write(struct show *s, const json_t *messages)
{
    const json_t *message;
    size_t i;

    if (json_is_object(messages) && !is_overwrite(messages))
        show_one(s, messages);
    json_array_foreach(messages, i, message)
        show_one(s, message);
}

void message_show(struct run_task *t, const struct update *update)
{
    const struct field *fields = t->exec->graph->fields;
    struct show s = { .t = t };

    if (!run_wants(t->exec->run, MODE_MESSAGES_TUPLE) || message_is_silent(t->task.node))
        return;
    for (size_t i = 0; i < update->count; i++) {
        const struct write *w = &update->writes[i];
        if (fields[w->field].type == FIELD_MESSAGES && !fields[w->field].is_private)
            show_write(&s, value_json(w->value));
    }
    json_decref(s.given);
    message_stream_unref(s.whole);
}
