/* The getters that know of state fields: fields themselves, templates, and what writes to fields.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/setup.h"
#include <assert.h>
#include <string.h>

enum { ERROR_BYTES = 200 };

/* Where the names in a template are looked for. */
struct path_check {
    struct setup *setup;
    const char *pointer;
};

static void check_path(void *arg, const struct path *path)
{
    const struct path_check *check = arg;
    setup_check_path_at(check->setup, check->pointer, path);
}

/* What a parser's r, which is not 0, means for a getter: a mistake is noted, and only a fault ends
 * the reading. */
static int not_parsed(struct setup *s, const char *pointer, int r, const char *error)
{
    if (r != TEMPLATE_E_SYNTAX)
        return err_trace(r);
    builder_problem(s->builder, pointer, NULL, "%s", error);
    return 0;
}

/* Compiles the JSON at `pointer`; a mistake leaves *ret NULL. */
static int read_jtemplate(struct setup *s, const char *pointer, const json_t *json,
                          struct jtemplate **ret)
{
    char error[ERROR_BYTES];
    *ret = NULL;
    int r = jtemplate_parse(json, ret, error, sizeof(error));
    if (r != 0)
        return not_parsed(s, pointer, r, error);
    struct path_check check = { s, pointer };
    jtemplate_each_path(*ret, check_path, &check);
    return 0;
}

int setup_jtemplate(struct setup *s, const char *key, bool required, struct jtemplate **ret)
{
    const json_t *json = setup_json(s, key, required);
    *ret = NULL;
    if (json == NULL)
        return 0;
    char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, key);
    if (pointer == NULL)
        return err_trace(ERR_NOMEM);
    return read_jtemplate(s, pointer, json, ret);
}

int setup_template(struct setup *s, const char *key, bool required, struct template **ret)
{
    const char *text = setup_string(s, key, required);
    *ret = NULL;
    if (text == NULL)
        return 0;
    char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, key);
    if (pointer == NULL)
        return err_trace(ERR_NOMEM);
    char error[ERROR_BYTES];
    int r = template_parse(text, strlen(text), ret, error, sizeof(error));
    if (r != 0)
        return not_parsed(s, pointer, r, error);
    struct path_check check = { s, pointer };
    template_each_path(*ret, check_path, &check);
    return 0;
}

int setup_field(struct setup *s, const char *key, bool required)
{
    const char *name = setup_string(s, key, required);
    int field = name == NULL ? -1 : graph_find_field(s->graph, name);
    if (name == NULL || field >= 0)
        return field;
    char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, key);
    if (pointer == NULL)
        builder_note_fault(s->builder);
    else
        builder_problem_field(s->builder, s->graph, pointer, name, false);
    return -1;
}

/* Has a reducer a use for a constant that its field could not hold? append takes any value as one
 * more element, a function whatever it likes; messages come in many forms, but never as these. */
static bool takes_other(const struct field *field, const json_t *json)
{
    bool is_overwrite = json_object_get(json, "__overwrite__") != NULL ||
                        json_object_get(json, "type") != NULL; /* its other spelling */
    switch (field->reducer) {
    case REDUCE_APPEND:
    case REDUCE_FUNCTION:
        return true;
    case REDUCE_MESSAGES:
        return json_is_object(json) || json_is_string(json);
    case REDUCE_ADD:
    case REDUCE_MERGE:
    case REDUCE_MAX:
    case REDUCE_MIN:
        return is_overwrite;
    case REDUCE_REPLACE:
        break;
    }
    return false;
}

/* A string with a tag may become anything, all else keeps its type, which can be checked against
 * the field's now. */
static void check_type(struct setup *s, const char *pointer, const struct field *field,
                       const json_t *json)
{
    if (json_is_string(json) && strstr(json_string_value(json), "{{") != NULL)
        return;
    if (field_type_fits(field->type, json) || takes_other(field, json))
        return;
    builder_problem(s->builder, pointer, NULL, "expected %s, found %s",
                    field_type_name(field->type), jsonx_type_name(json));
}

struct writes {
    int *fields;
    struct jtemplate **values;
    size_t count;
};

static void writes_free(struct writes *w)
{
    for (size_t i = 0; i < w->count; i++)
        jtemplate_free(w->values[i]);
    mem_free(w->values);
    mem_free(w->fields);
}

static int read_write(struct setup *s, const char *base, const char *name, const json_t *json,
                      struct writes *w)
{
    char *pointer MEM_AUTO(mem_freep) = pointer_join(base, name);
    if (pointer == NULL)
        return err_trace(ERR_NOMEM);
    int field = graph_find_field(s->graph, name);
    if (field < 0)
        builder_problem_field(s->builder, s->graph, pointer, name, false);
    else
        check_type(s, pointer, &s->graph->fields[field], json);
    struct jtemplate *value = NULL;
    int r = read_jtemplate(s, pointer, json, &value);
    if (field < 0 || value == NULL) {
        jtemplate_free(value);
        return r;
    }
    assert(w->fields != NULL && w->values != NULL); /* room for every key */
    w->fields[w->count] = field;
    w->values[w->count++] = value;
    return 0;
}

int setup_writes(struct setup *s, const char *key, bool required, int **ret_fields,
                 struct jtemplate ***ret_values, size_t *ret_count)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    /* jansson walks objects by non-const pointers; nothing is changed. */
    json_t *object = (json_t *)setup_object(s, key, required, &pointer);
    size_t count = json_object_size(object);
    struct writes w = { mem_array(count, sizeof(int)), mem_array(count, sizeof(struct jtemplate *)),
                        0 };
    int r = w.fields == NULL || w.values == NULL ? err_trace(ERR_NOMEM) : 0;
    const char *name;
    json_t *json;
    if (r == 0)
        json_object_foreach(object, name, json)
            r = r != 0 ? r : read_write(s, pointer, name, json, &w);
    if (r != 0) {
        writes_free(&w);
        return r;
    }
    *ret_fields = w.fields;
    *ret_values = w.values;
    *ret_count = w.count;
    return 0;
}
