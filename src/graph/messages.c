/*
 * The reducer of message lists. The new list begins as the old one, sharing its elements; an index
 * from id to place says where a message with a known id goes. Within a write a removal only notes
 * the id, because a later message with it comes back in the old place. What is still noted at the
 * end of the write leaves the index, so that the next write does not know it; in the list it stays
 * behind a mark until all writes are done:
 *
 *     list      1:a  2:b  1:c      two of id 1 (a list that began with "remove all" may hold such)
 *     remove 1  1:a  2:b  1:c      gone: 1 before place 3
 *     write 1   1:a  2:b  1:c  1:d
 *     finish    2:b  1:d
 */
#include "graph/messages.h"
#include "base/err.h"
#include "graph/coerce.h"
#include "graph/tool_calls.h"
#include <assert.h>
#include <string.h>

#define REMOVE_ALL "__remove_all__"

void message_fold_init(struct message_fold *m, const json_t *left)
{
    *m = (struct message_fold){ .left = left };
}

void message_fold_deinit(struct message_fold *m)
{
    json_decref(m->list);
    json_decref(m->index);
    json_decref(m->removed);
    json_decref(m->gone);
    message_fold_init(m, NULL);
}

/* Of no messages. Everything is made new: an object that is cleared keeps its size, and then every
 * later clearing would cost as much as the longest list. */
static int start_empty(struct message_fold *m)
{
    message_fold_deinit(m);
    m->list = json_array();
    m->index = json_object();   /* id -> place in list, the last one of that id */
    m->removed = json_object(); /* id -> true: by the write at hand */
    m->gone = json_object();    /* id -> the place before which all of that id are removed */
    bool is_made = m->list != NULL && m->index != NULL && m->removed != NULL && m->gone != NULL;
    return is_made ? 0 : err_trace(ERR_NOMEM);
}

static int append(struct message_fold *m, json_t *message)
{
    json_t *place = json_integer((json_int_t)json_array_size(m->list));
    if (json_object_set_new(m->index, message_id(message), place) != 0 ||
        json_array_append(m->list, message) != 0)
        return err_trace(ERR_NOMEM);
    return 0;
}

/* What a reducer made is flat; the reference brings other lists into form as well. */
static int append_left(struct message_fold *m, json_t *message, struct fail *f)
{
    if (message_is_flat(message))
        return append(m, message);
    json_auto_t *flat = NULL;
    int r = message_coerce(message, &flat, f);
    return r != 0 ? r : append(m, flat);
}

/* Not before a write needs it: one that removes all does not care what the list was. */
static int read_left(struct message_fold *m, struct fail *f)
{
    if (m->list != NULL)
        return 0;
    size_t i;
    json_t *message;
    const json_t *left = m->left;
    int r = start_empty(m);
    json_array_foreach(left, i, message) {
        r = r != 0 ? r : append_left(m, message, f);
    }
    return r;
}

static int put(struct message_fold *m, size_t place, json_t *message)
{
    (void)json_object_del(m->removed, message_id(message)); /* fails if it was not removed */
    return json_array_set(m->list, place, message) ? err_trace(ERR_NOMEM) : 0;
}

static int remove_id(struct message_fold *m, const char *id)
{
    return json_object_set_new(m->removed, id, json_true()) ? err_trace(ERR_NOMEM) : 0;
}

static int refuse_removal(const json_t *message, const char *why, struct fail *f)
{
    fail_set(f, FAIL_INVALID_UPDATE, "a remove message names the id \"%.100s\", which %s",
             message_id(message), why);
    return MESSAGES_E_REFUSED;
}

static int merge_one(struct message_fold *m, json_t *message, struct fail *f)
{
    const json_t *known = json_object_get(m->index, message_id(message));
    bool is_removal = message_type_of(message) == MESSAGE_REMOVE;
    if (known == NULL)
        return is_removal ? refuse_removal(message, "no message of the list has", f)
                          : append(m, message);
    if (is_removal)
        return remove_id(m, message_id(message));
    return put(m, (size_t)json_integer_value(known), message);
}

static int forget_removed(struct message_fold *m)
{
    const char *id;
    json_t *unused;
    if (json_object_size(m->removed) == 0)
        return 0;
    json_object_foreach(m->removed, id, unused) {
        json_t *place = json_integer((json_int_t)json_array_size(m->list));
        (void)json_object_del(m->index, id); /* a removal is noted only of what is in there */
        if (json_object_set_new(m->gone, id, place) != 0)
            return err_trace(ERR_NOMEM);
    }
    json_decref(m->removed);
    m->removed = json_object();
    return m->removed != NULL ? 0 : err_trace(ERR_NOMEM);
}

static int merge(struct message_fold *m, const json_t *incoming, struct fail *f)
{
    size_t i;
    json_t *message;
    int r = read_left(m, f);
    json_array_foreach(incoming, i, message) {
        r = r != 0 ? r : merge_one(m, message, f);
    }
    return r != 0 ? r : forget_removed(m);
}

static bool is_gone(const struct message_fold *m, size_t place, const json_t *message)
{
    const json_t *before = json_object_get(m->gone, message_id(message));
    return before != NULL && (json_int_t)place < json_integer_value(before);
}

static json_t *without_gone(const struct message_fold *m)
{
    size_t i;
    json_t *message;
    json_t *kept = json_array();
    int bad = kept == NULL;
    json_array_foreach(m->list, i, message) {
        if (!bad && !is_gone(m, i, message))
            bad = json_array_append(kept, message);
    }
    if (bad) {
        json_decref(kept);
        return NULL;
    }
    return kept;
}

static int append_coerced(json_t *list, json_t *message)
{
    return json_array_append_new(list, message) ? err_trace(ERR_NOMEM) : 0;
}

/* An array at this level is the list; pairs stand only inside it. */
static int coerce_list(json_t *list, const json_t *right, struct fail *f)
{
    json_t *message = NULL;
    size_t i;
    json_t *any;
    int r = json_is_array(right) ? 0 : message_coerce(right, &message, f);
    if (r == 0 && message != NULL)
        r = append_coerced(list, message);
    json_array_foreach(right, i, any) {
        if (r == 0)
            r = message_coerce_at(any, i, &message, f);
        if (r == 0)
            r = append_coerced(list, message);
    }
    return r;
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
static int start_again(struct message_fold *m, const json_t *incoming, size_t first, struct fail *f)
{
    int r = start_empty(m);
    for (size_t i = first; r == 0 && i < json_array_size(incoming); i++) {
        json_t *message = json_array_get(incoming, i);
        if (message_type_of(message) == MESSAGE_REMOVE)
            return refuse_removal(message, "\"" REMOVE_ALL "\" before it has removed already", f);
        r = append(m, message);
    }
    return r;
}

int message_fold_write(struct message_fold *m, const json_t *right, struct fail *f)
{
    json_auto_t *incoming = json_array();
    int r = incoming == NULL ? ERR_NOMEM : coerce_list(incoming, right, f);
    if (r == 0) {
        size_t first = after_remove_all(incoming);
        r = first > 0 ? start_again(m, incoming, first, f) : merge(m, incoming, f);
    }
    return r < 0 ? err_trace(r) : r > 0 ? MESSAGES_E_REFUSED : 0;
}

int message_fold_finish(struct message_fold *m, json_t **ret)
{
    assert(m->list != NULL);
    json_t *made = json_object_size(m->gone) == 0 ? json_incref(m->list) : without_gone(m);
    if (made == NULL)
        return err_trace(ERR_NOMEM);
    *ret = made;
    return 0;
}

int messages_add(const json_t *left, const json_t *right, json_t **ret, struct fail *f)
{
    struct message_fold m;
    message_fold_init(&m, left);
    int r = message_fold_write(&m, right, f);
    if (r == 0)
        r = message_fold_finish(&m, ret);
    message_fold_deinit(&m);
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
