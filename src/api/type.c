/* Does a value fit a type? And the types that several routes share. */
#include "api/type.h"
#include "api/params.h"
#include "store/store.h"
#include <string.h>

/* ---- checking ---- */

static bool is_between(const struct type *t, int64_t n)
{
    return n >= t->least && (t->most == 0 || n <= t->most);
}

static bool is_number(const struct type *t, const json_t *v)
{
    double n = json_number_value(v);

    return json_is_number(v) && n >= (double)t->least && (!t->is_above || n > (double)t->least) &&
           (t->most == 0 || n <= (double)t->most);
}

static bool is_word(const struct type *t, const json_t *v)
{
    const char *word = json_string_value(v);

    for (size_t i = 0; word != NULL && t->words[i] != NULL; i++) {
        if (strcmp(t->words[i], word) == 0)
            return true;
    }
    return false;
}

static bool is_object(const struct type *t, const json_t *v)
{
    for (const struct body_key *key = t->keys; key != NULL && key->key != NULL; key++) {
        const json_t *member = json_object_get(v, key->key);
        bool is_absent = member == NULL || json_is_null(member);
        if (is_absent ? key->is_required : !type_fits(key->type, member))
            return false;
    }
    return json_is_object(v);
}

static bool is_map(const struct type *t, const json_t *v)
{
    const char *name;
    json_t *member;

    /* jansson walks objects by non-const pointers; nothing is changed. */
    json_object_foreach((json_t *)v, name, member) {
        if (!type_fits(t->item, member))
            return false;
    }
    return json_is_object(v) && is_between(t, (int64_t)json_object_size(v));
}

static bool is_list(const struct type *t, const json_t *v)
{
    const json_t *item;
    size_t i;

    json_array_foreach(v, i, item) {
        if (!type_fits(t->item, item))
            return false;
    }
    return json_is_array(v) && is_between(t, (int64_t)json_array_size(v));
}

static bool is_one_of(const struct type *t, const json_t *v)
{
    for (size_t i = 0; t->of[i] != NULL; i++) {
        if (type_fits(t->of[i], v))
            return true;
    }
    return false;
}

bool type_fits(const struct type *t, const json_t *v)
{
    switch (t->kind) {
    case TYPE_ANY:
        return true;
    case TYPE_STRING:
        return json_is_string(v) && is_between(t, (int64_t)json_string_length(v));
    case TYPE_UUID:
        return json_is_string(v) && id_is_uuid(json_string_value(v));
    case TYPE_WORDS:
        return is_word(t, v);
    case TYPE_BOOLEAN:
        return json_is_boolean(v);
    case TYPE_INTEGER:
        return json_is_integer(v) && is_between(t, json_integer_value(v));
    case TYPE_NUMBER:
        return is_number(t, v);
    case TYPE_OBJECT:
        return is_object(t, v);
    case TYPE_MAP:
        return is_map(t, v);
    case TYPE_LIST:
        return is_list(t, v);
    case TYPE_PAIR:
        return json_array_size(v) == 2 && json_is_string(json_array_get(v, 0));
    case TYPE_ONE_OF:
        return is_one_of(t, v);
    }
    return false;
}

const json_t *type_find_wrong_item(const struct type *t, const json_t *v)
{
    const json_t *item, *found = NULL;
    size_t i;

    for (size_t k = 0; t->kind == TYPE_ONE_OF && found == NULL && t->of[k] != NULL; k++)
        found = type_find_wrong_item(t->of[k], v);
    if (t->kind != TYPE_LIST)
        return found;
    json_array_foreach(v, i, item) {
        if (!type_fits(t->item, item))
            return item;
    }
    return NULL;
}

/* ---- shared types ---- */

/* Far from the end of int64 in milliseconds. */
enum { MINUTES_MAX = 1000000000 };

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define TYPES(...) ((const struct type *const[]){ __VA_ARGS__, NULL })

const struct type type_any = { .kind = TYPE_ANY, .expected = "anything" };
const struct type type_string = { .kind = TYPE_STRING, .expected = "a string" };
const struct type type_object = { .kind = TYPE_OBJECT, .expected = "an object" };
const struct type type_boolean = { .kind = TYPE_BOOLEAN, .expected = "true or false" };
const struct type type_strings = { .kind = TYPE_LIST,
                                   .expected = "a list of strings",
                                   .item = &type_string };
const struct type type_uuid = { .kind = TYPE_UUID, .expected = "a UUID" };
const struct type type_limit = {
    .kind = TYPE_INTEGER, .expected = "an integer from 1 to 1000", 1, PAGE_MAX
};
const struct type type_offset = {
    .kind = TYPE_INTEGER, .expected = "an integer from 0 to 2147483647", 0, INT32_MAX
};
const struct type type_if_exists = { .kind = TYPE_WORDS,
                                     .expected = "raise or do_nothing",
                                     .words = WORDS("raise", "do_nothing") };
const struct type type_sort_order = { .kind = TYPE_WORDS,
                                      .expected = "asc or desc",
                                      .words = WORDS("asc", "desc") };
const struct type type_thread_status = { .kind = TYPE_WORDS,
                                         .expected = "idle, busy, interrupted or error",
                                         .words = WORDS("idle", "busy", "interrupted", "error") };
const struct type type_run_status = {
    .kind = TYPE_WORDS,
    .expected = "pending, running, success, error, timeout or interrupted",
    .words = WORDS("pending", "running", "success", "error", "timeout", "interrupted")
};
const struct type type_thread_id = {
    .kind = TYPE_STRING, .expected = "an id of 1 to 255 bytes", 1, STORE_ID_MAX
};
const struct type type_thread_ids = { .kind = TYPE_LIST,
                                      .expected = "a list of ids of threads",
                                      .item = &type_thread_id };

static const struct type minutes = {
    .kind = TYPE_NUMBER, .expected = "a number of minutes", 0, MINUTES_MAX, .is_above = true
};
static const struct type ttl_strategy = { .kind = TYPE_WORDS,
                                          .expected = "delete or keep_latest",
                                          .words = WORDS("delete", "keep_latest") };
static const struct body_key ttl_keys[] = {
    { "ttl", &minutes, true },
    { "strategy", &ttl_strategy, false },
    BODY_END,
};
static const struct type ttl_object = { .kind = TYPE_OBJECT,
                                        .expected = "an object",
                                        .keys = ttl_keys };
const struct type type_ttl = {
    .kind = TYPE_ONE_OF,
    .expected = "minutes, or {\"ttl\": minutes, \"strategy\": \"delete\" or \"keep_latest\"}",
    .of = TYPES(&minutes, &ttl_object)
};
