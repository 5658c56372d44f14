/* A JSON value compiled to a tree of the same shape; parts without a tag stay the JSON they were
 * and are shared by every result. */
#include "base/err.h"
#include "base/mem.h"
#include "graph/template.h"
#include <string.h>

enum jkind { J_CONSTANT, J_TEXT, J_LIST, J_OBJECT };

struct jtemplate {
    enum jkind kind;
    json_t *json; /* what it was made from; for J_OBJECT the source of the keys */
    struct template *text;
    struct jtemplate **parts;
    size_t count; /* of parts */
};

struct jtemplate *jtemplate_free(struct jtemplate *t)
{
    if (t == NULL)
        return NULL;
    for (size_t i = 0; i < t->count; i++)
        jtemplate_free(t->parts[i]);
    mem_free(t->parts);
    template_free(t->text);
    json_decref(t->json);
    return mem_free(t);
}

static int parse_text(struct jtemplate *t, char *error, size_t error_size)
{
    const char *text = json_string_value(t->json);
    if (strstr(text, "{{") == NULL)
        return 0;
    t->kind = J_TEXT;
    return template_parse(text, json_string_length(t->json), &t->text, error, error_size);
}

static int parse_part(struct jtemplate *t, const json_t *json, char *error, size_t error_size)
{
    int r = jtemplate_parse(json, &t->parts[t->count], error, error_size);
    if (r == 0)
        t->count++;
    return r;
}

static int parse_parts(struct jtemplate *t, char *error, size_t error_size)
{
    size_t count = json_is_array(t->json) ? json_array_size(t->json) : json_object_size(t->json);
    t->parts = mem_array(count, sizeof(struct jtemplate *));
    if (t->parts == NULL)
        return ERR_NOMEM;
    t->kind = json_is_array(t->json) ? J_LIST : J_OBJECT;
    int r = 0;
    for (size_t i = 0; t->kind == J_LIST && r == 0 && i < count; i++)
        r = parse_part(t, json_array_get(t->json, i), error, error_size);
    const char *key;
    json_t *member;
    if (t->kind == J_OBJECT)
        json_object_foreach(t->json, key, member)
            r = r != 0 ? r : parse_part(t, member, error, error_size);
    return r;
}

/* A list or object of constants is one constant. */
static void fold(struct jtemplate *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->parts[i]->kind != J_CONSTANT)
            return;
    for (size_t i = 0; i < t->count; i++)
        jtemplate_free(t->parts[i]);
    t->parts = mem_free(t->parts);
    t->count = 0;
    t->kind = J_CONSTANT;
}

int jtemplate_parse(const json_t *json, struct jtemplate **ret, char *error, size_t error_size)
{
    struct jtemplate *t = mem_zalloc(sizeof(*t));
    if (t == NULL)
        return err_trace(ERR_NOMEM);
    /* Counting a reference changes nothing that a reader of the const value could see. */
    t->json = json_incref((json_t *)json);
    int r = 0;
    if (json_is_string(json))
        r = parse_text(t, error, error_size);
    else if (json_is_array(json) || json_is_object(json))
        r = parse_parts(t, error, error_size);
    if (r != 0) {
        jtemplate_free(t);
        return r;
    }
    if (t->kind != J_TEXT)
        fold(t);
    *ret = t;
    return 0;
}

static int render_text(const struct template *t, const struct scope *scope, size_t max_bytes,
                       json_t **ret)
{
    const struct path *path = template_whole_path(t);
    if (path != NULL) {
        *ret = json_incref((json_t *)path_find(path, scope));
        return 0;
    }
    struct buf text;
    buf_init(&text, max_bytes);
    template_render(t, scope, ESCAPE_NONE, &text);
    int r = text.fault;
    if (r == 0) {
        *ret = json_stringn(buf_text(&text), text.len);
        r = *ret == NULL ? ERR_NOMEM : 0;
    }
    buf_deinit(&text);
    return r;
}

static int render_list(const struct jtemplate *t, const struct scope *scope, size_t max_bytes,
                       json_t *list)
{
    for (size_t i = 0; i < t->count; i++) {
        json_t *item = NULL;
        int r = jtemplate_render(t->parts[i], scope, max_bytes, &item);
        if (r != 0)
            return r;
        if (item != NULL && json_array_append_new(list, item) != 0)
            return ERR_NOMEM;
    }
    return 0;
}

static int render_object(const struct jtemplate *t, const struct scope *scope, size_t max_bytes,
                         json_t *object)
{
    size_t i = 0;
    const char *key;
    json_t *source;
    json_object_foreach(t->json, key, source) {
        json_t *member = NULL;
        int r = jtemplate_render(t->parts[i++], scope, max_bytes, &member);
        if (r != 0)
            return r;
        if (member != NULL && json_object_set_new(object, key, member) != 0)
            return ERR_NOMEM;
    }
    return 0;
}

int jtemplate_render(const struct jtemplate *t, const struct scope *scope, size_t max_bytes,
                     json_t **ret)
{
    if (t->kind == J_CONSTANT) {
        *ret = json_incref(t->json);
        return 0;
    }
    if (t->kind == J_TEXT)
        return render_text(t->text, scope, max_bytes, ret);
    json_t *made = t->kind == J_LIST ? json_array() : json_object();
    if (made == NULL)
        return err_trace(ERR_NOMEM);
    int r = t->kind == J_LIST ? render_list(t, scope, max_bytes, made)
                              : render_object(t, scope, max_bytes, made);
    if (r != 0) {
        json_decref(made);
        return r;
    }
    *ret = made;
    return 0;
}

void jtemplate_each_path(const struct jtemplate *t,
                         void (*seen)(void *arg, const struct path *path), void *arg)
{
    if (t->text != NULL)
        template_each_path(t->text, seen, arg);
    for (size_t i = 0; i < t->count; i++)
        jtemplate_each_path(t->parts[i], seen, arg);
}
