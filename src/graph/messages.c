/*
 * The reducer of message lists. The new list begins as the old one, sharing its elements; an index
 * from id to place says where a message with a known id goes. A removal only notes the id, because
 * a later message with it comes back in the old place; what is still noted at the end is left out,
 * every message of that id (a list that began with "remove all" may hold several).
 */
#include "graph/messages.h"
#include "base/err.h"
#include "graph/coerce.h"
#include "graph/tool_calls.h"
#include <string.h>

#define REMOVE_ALL "__remove_all__"

struct merge {
    json_t *list;
    json_t *index;   /* id -> place in list, the last one of that id */
    json_t *removed; /* id -> true */
};

static int append(struct merge *m, json_t *message)
{
    json_t *place = json_integer((json_int_t)json_array_size(m->list));
    if (json_object_set_new(m->index, message_id(message), place) != 0 ||
        json_array_append(m->list, message) != 0)
        return err_trace(ERR_NOMEM);
    return 0;
}

/* What a reducer made is flat; the reference brings other lists into form as well. */
static int append_left(struct merge *m, json_t *message, struct fail *f)
{
    if (message_is_flat(message))
        return append(m, message);
    json_auto_t *flat = NULL;
    int r = message_coerce(message, &flat, f);
    return r != 0 ? r : append(m, flat);
}

static int put(struct merge *m, size_t place, json_t *message)
{
    (void)json_object_del(m->removed, message_id(message)); /* fails if it was not removed */
    return json_array_set(m->list, place, message) ? err_trace(ERR_NOMEM) : 0;
}

static int remove_id(struct merge *m, const char *id)
{
    return json_object_set_new(m->removed, id, json_true()) ? err_trace(ERR_NOMEM) : 0;
}

static int refuse_removal(const char *why, struct fail *f)
{
    fail_set(f, FAIL_INVALID_UPDATE, "a remove message names an id that %s", why);
    return MESSAGES_E_REFUSED;
}

static int merge_one(struct merge *m, json_t *message, struct fail *f)
{
    const json_t *known = json_object_get(m->index, message_id(message));
    bool is_removal = message_type_of(message) == MESSAGE_REMOVE;
    if (known == NULL)
        return is_removal ? refuse_removal("no message of the list has", f) : append(m, message);
    if (is_removal)
        return remove_id(m, message_id(message));
    return put(m, (size_t)json_integer_value(known), message);
}

static int merge_all(struct merge *m, const json_t *left, const json_t *incoming, struct fail *f)
{
    size_t i;
    json_t *message;
    int r = m->list == NULL || m->index == NULL || m->removed == NULL ? ERR_NOMEM : 0;
    json_array_foreach(left, i, message) {
        r = r != 0 ? r : append_left(m, message, f);
    }
    json_array_foreach(incoming, i, message) {
        r = r != 0 ? r : merge_one(m, message, f);
    }
    return r;
}

static json_t *without_removed(const struct merge *m)
{
    size_t i;
    json_t *message;
    json_t *kept = json_array();
    int bad = kept == NULL;
    json_array_foreach(m->list, i, message) {
        if (!bad && json_object_get(m->removed, message_id(message)) == NULL)
            bad = json_array_append(kept, message);
    }
    if (bad) {
        json_decref(kept);
        return NULL;
    }
    return kept;
}

static int merge(const json_t *left, const json_t *incoming, json_t **ret, struct fail *f)
{
    struct merge m = { json_array(), json_object(), json_object() };
    int r = merge_all(&m, left, incoming, f);
    json_t *made = NULL;
    if (r == 0) {
        bool is_whole = json_object_size(m.removed) == 0;
        made = is_whole ? json_incref(m.list) : without_removed(&m);
        r = made == NULL ? ERR_NOMEM : 0;
    }
    json_decref(m.list);
    json_decref(m.index);
    json_decref(m.removed);
    if (r == 0)
        *ret = made;
    return r;
}

static int coerce_one(json_t *list, const json_t *any, struct fail *f)
{
    json_t *message = NULL;
    int r = message_coerce(any, &message, f);
    if (r != 0)
        return r;
    return json_array_append_new(list, message) ? err_trace(ERR_NOMEM) : 0;
}

/* An array at this level is the list; pairs stand only inside it. */
static int coerce_list(json_t *list, const json_t *right, struct fail *f)
{
    if (!json_is_array(right))
        return coerce_one(list, right, f);
    size_t i;
    json_t *any;
    json_array_foreach(right, i, any) {
        int r = coerce_one(list, any, f);
        if (r != 0)
            return r;
    }
    return 0;
}

/* The place behind the last "remove all", 0 = there is none. */
static size_t after_remove_all(const json_t *incoming)
{
    for (size_t i = json_array_size(incoming); i > 0; i--) {
        const json_t *message = json_array_get(incoming, i - 1);
        if (message_type_of(message) == MESSAGE_REMOVE &&
            strcmp(message_id(message), REMOVE_ALL) == 0)
            return i;
    }
    return 0;
}

/* The reference keeps what follows the marker as it is, equal ids too, so nothing is merged here.
 */
static int start_again(const json_t *incoming, size_t first, json_t **ret, struct fail *f)
{
    json_auto_t *list = json_array();
    for (size_t i = first; list != NULL && i < json_array_size(incoming); i++) {
        json_t *message = json_array_get(incoming, i);
        if (message_type_of(message) == MESSAGE_REMOVE)
            return refuse_removal("\"" REMOVE_ALL "\" before it has removed already", f);
        if (json_array_append(list, message) != 0)
            return err_trace(ERR_NOMEM);
    }
    *ret = json_incref(list);
    return list != NULL ? 0 : err_trace(ERR_NOMEM);
}

int messages_add(const json_t *left, const json_t *right, json_t **ret, struct fail *f)
{
    json_auto_t *incoming = json_array();
    int r = incoming == NULL ? ERR_NOMEM : coerce_list(incoming, right, f);
    if (r == 0) {
        size_t first = after_remove_all(incoming);
        r = first > 0 ? start_again(incoming, first, ret, f) : merge(left, incoming, ret, f);
    }
    return r < 0 ? err_trace(r) : r > 0 ? MESSAGES_E_REFUSED : 0;
}

/* The key only if there is something to say. */
static int set_text(json_t *object, const char *key, const char *text)
{
    return text == NULL ? 0 : json_object_set_new(object, key, json_string(text));
}

static json_t *given_or_array(const json_t *given)
{
    return given != NULL ? json_incref((json_t *)given) : json_array();
}

json_t *message_ai_new(const struct message_ai *m)
{
    json_t *metadata = json_object();
    json_t *message = json_object();
    size_t len_bytes = m->text == NULL ? 0 : m->text_len_bytes;
    int bad = metadata == NULL || message == NULL;
    bad = bad || set_text(metadata, "finish_reason", m->finish_reason);
    bad = bad || set_text(metadata, "model_name", m->model);
    bad = bad || json_object_set_new(message, "content",
                                     json_stringn(m->text == NULL ? "" : m->text, len_bytes));
    bad = bad || json_object_set_new(message, "additional_kwargs", json_object());
    bad = bad || json_object_set(message, "response_metadata", metadata);
    bad = bad || json_object_set_new(message, "tool_call_chunks", json_array());
    bad = bad || json_object_set_new(message, "tool_calls", given_or_array(m->tool_calls));
    bad = bad || json_object_set_new(message, "invalid_tool_calls", json_array());
    bad =
        bad || (m->usage != NULL && json_object_set(message, "usage_metadata", (json_t *)m->usage));
    bad = bad || set_text(message, "id", m->id);
    bad = bad || set_text(message, "type", "ai");
    json_decref(metadata);
    if (bad) {
        json_decref(message);
        return NULL;
    }
    return message;
}
