/* JSON Schemas for forms. Nothing is required: what is absent from an input stays absent from the
 * state. */
#include "base/mem.h"
#include "graph/draw.h"

static const char *const json_types[] = {
    [FIELD_STRING] = "string",   [FIELD_NUMBER] = "number", [FIELD_INTEGER] = "integer",
    [FIELD_BOOLEAN] = "boolean", [FIELD_OBJECT] = "object", [FIELD_ARRAY] = "array",
    [FIELD_MESSAGES] = "array",  [FIELD_ANY] = NULL,
};

static bool in_input(const struct field *f)
{
    return f->is_input;
}

static bool in_output(const struct field *f)
{
    return f->is_output;
}

static bool in_state(const struct field *f)
{
    (void)f; /* the state is all of them */
    return true;
}

static const struct {
    const char *title;
    bool (*has)(const struct field *f);
} views[] = {
    [SCHEMA_INPUT] = { "input", in_input },
    [SCHEMA_OUTPUT] = { "output", in_output },
    [SCHEMA_STATE] = { "state", in_state },
};

static json_t *message_schema(void)
{
    json_t *message = json_object();
    if (json_object_set_new(message, "type", json_string("object")) == 0)
        return message;
    json_decref(message);
    return NULL;
}

static int add_type(json_t *property, const struct field *f)
{
    if (json_types[f->type] == NULL)
        return 0;
    int r = json_object_set_new(property, "type", json_string(json_types[f->type]));
    if (r == 0 && f->type == FIELD_MESSAGES)
        r = json_object_set_new(property, "items", message_schema());
    return r;
}

static json_t *property_of(const struct field *f)
{
    json_t *property = json_object();
    int r = property == NULL ? -1 : add_type(property, f);
    /* The value is shared; who gets a schema prints it. */
    if (r == 0 && f->initial != NULL)
        r = json_object_set(property, "default", value_json(f->initial));
    if (r == 0)
        return property;
    json_decref(property);
    return NULL;
}

static json_t *properties_of(const struct graph *g, bool (*has)(const struct field *f))
{
    json_t *properties = json_object();
    for (size_t i = 0; i < g->field_count && properties != NULL; i++) {
        const struct field *f = &g->fields[i];
        if (!has(f) || json_object_set_new(properties, f->name, property_of(f)) == 0)
            continue;
        json_decref(properties);
        properties = NULL;
    }
    return properties;
}

json_t *graph_schema(const struct graph *g, enum graph_schema which)
{
    char *title MEM_AUTO(mem_freep) = mem_printf("%s %s", g->name, views[which].title);
    json_t *schema = title == NULL ? NULL : json_object();
    const char *draft = "http://json-schema.org/draft-07/schema#";
    int r = json_object_set_new(schema, "$schema", json_string(draft));
    if (r == 0)
        r = json_object_set_new(schema, "title", json_string(title));
    if (r == 0)
        r = json_object_set_new(schema, "type", json_string("object"));
    if (r == 0)
        r = json_object_set_new(schema, "properties", properties_of(g, views[which].has));
    if (r == 0)
        return schema;
    json_decref(schema);
    return NULL;
}
