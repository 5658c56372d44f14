/* Queries and path values of a request, by what there is to say of its route. */
#include "api/about.h"
#include "api/query.h"
#include "base/err.h"
#include <string.h>

/* ---- values as they stand in an address ---- */

static bool text_fits(const struct type *t, const char *text)
{
    int64_t number = 0;
    bool flag;

    switch (t->kind) {
    case TYPE_BOOLEAN:
        return query_read_flag(text, &flag);
    case TYPE_INTEGER:
        return query_read_integer(text, &number) && number >= t->least &&
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
    json_auto_t *list = NULL;
    const json_t *word;
    size_t i;
    int r = query_list(req, key->name, &list);

    if (r < 0)
        reply_failf(req, FAIL_INTERNAL, "%s", err_text(r));
    else if (r == QUERY_E_WRONG)
        reply_failf(req, FAIL_BAD_REQUEST, "\"%s\" must be a list of strings", key->name);
    json_array_foreach(list, i, word) {
        if (type_fits(key->type->item, word))
            continue;
        reply_failf(req, FAIL_BAD_REQUEST, "\"%s\" must be %s, and \"%.40s\" is none", key->name,
                    key->type->expected, json_string_value(word));
        return false;
    }
    return r == 0;
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
