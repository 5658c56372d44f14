/* Queries and path values of a request, by what there is to say of its route. */
#include "api/about.h"
#include "api/run_query.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- values as they stand in an address ---- */

static bool is_flag(const char *text)
{
    static const char *const words[] = { "true", "false", "1", "0", "yes", "no" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(words[i], text) == 0)
            return true;
    }
    return false;
}

/* Digits, perhaps a sign; *ret: the number. */
static bool is_integer(const char *text, int64_t *ret)
{
    char *end;

    if (text[strcspn(text, "-0123456789")] != text[0] || *text == '\0')
        return false;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool text_fits(const struct type *t, const char *text)
{
    int64_t number = 0;

    switch (t->kind) {
    case TYPE_BOOLEAN:
        return is_flag(text);
    case TYPE_INTEGER:
        return is_integer(text, &number) && number >= t->least &&
               (t->most == 0 || number <= t->most);
    case TYPE_ONE_OF:
        for (size_t i = 0; t->of[i] != NULL; i++) {
            if (text_fits(t->of[i], text))
                return true;
        }
        return false;
    case TYPE_ANY:
    case TYPE_STRING:
    case TYPE_UUID:
    case TYPE_WORDS:
    case TYPE_NUMBER:
    case TYPE_OBJECT:
    case TYPE_MAP:
    case TYPE_LIST:
    case TYPE_PAIR:
        break;
    }
    json_t *value = json_string(text);
    bool fits = value == NULL || type_fits(t, value); /* without memory: the handler will see */
    json_decref(value);
    return fits;
}

/* False: it was replied to. */
static bool list_fits(struct req *req, const struct query_key *key)
{
    json_t *list = NULL;
    const json_t *word;
    size_t i;

    if (!param_list(req, key->name, &list))
        return false;
    json_array_foreach(list, i, word) {
        if (type_fits(key->type->item, word))
            continue;
        reply_failf(req, FAIL_BAD_REQUEST, "\"%s\" must be %s, and \"%.40s\" is none", key->name,
                    key->type->expected, json_string_value(word));
        json_decref(list);
        return false;
    }
    json_decref(list);
    return true;
}

static bool refuse(struct req *req, const char *name, const struct type *t, const char *text)
{
    reply_failf(req, FAIL_BAD_REQUEST, "\"%s\" must be %s, not \"%.40s\"", name, t->expected, text);
    return false;
}

static bool query_fits(struct req *req, const struct query_key *key)
{
    const char *text;

    if (key->type->kind == TYPE_LIST)
        return list_fits(req, key);
    for (size_t i = 0; (text = req_query_at(req, key->name, i)) != NULL; i++) {
        if (!text_fits(key->type, text))
            return refuse(req, key->name, key->type, text);
    }
    return true;
}

/* ---- path values ---- */

static const struct {
    const char *name;
    const struct type *type;
} path_values[] = {
    { "thread_id", &type_thread_id },    { "run_id", &type_uuid },
    { "assistant_id", &type_thread_id }, { "checkpoint_id", &type_thread_id },
    { "namespace", &type_string },
};
enum { PATH_VALUES = sizeof(path_values) / sizeof(path_values[0]) };

const struct type *about_path_type(const char *name)
{
    for (size_t i = 0; i < PATH_VALUES; i++) {
        if (strcmp(path_values[i].name, name) == 0)
            return path_values[i].type;
    }
    return NULL;
}

static bool path_fits(struct req *req)
{
    for (size_t i = 0; i < PATH_VALUES; i++) {
        const char *name = path_values[i].name;
        if (!req_has_param(req, name))
            continue;
        const char *text = req_param(req, name);
        if (!text_fits(path_values[i].type, text))
            return refuse(req, name, path_values[i].type, text);
    }
    return true;
}

bool about_admit(struct req *req, const struct route_about *about)
{
    bool fits = path_fits(req);

    for (const struct query_key *key = about->query; fits && key != NULL && key->name != NULL;
         key++)
        fits = query_fits(req, key);
    return fits;
}
