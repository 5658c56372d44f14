/* Types as JSON Schemas (2020-12), as OpenAPI 3.1 has them. */
#include "api/params.h"
#include "api/type.h"
#include <string.h>

/* ---- one type ---- */

static json_t *words_schema(const struct type *t)
{
    json_t *words = json_array();

    for (size_t i = 0; t->words[i] != NULL; i++) {
        if (json_array_append_new(words, json_string(t->words[i])) == 0)
            continue;
        json_decref(words);
        return NULL;
    }
    return json_pack("{s:s, s:o}", "type", "string", "enum", words);
}

static json_t *one_of_schema(const struct type *t)
{
    json_t *of = json_array();

    for (size_t i = 0; t->of[i] != NULL; i++) {
        if (json_array_append_new(of, type_schema(t->of[i])) == 0)
            continue;
        json_decref(of);
        return NULL;
    }
    return json_pack("{s:o}", "anyOf", of);
}

static json_t *integer_schema(const struct type *t)
{
    return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)t->least,
                     "maximum", (json_int_t)(t->most == 0 ? INT64_MAX : t->most));
}

static json_t *number_schema(const struct type *t)
{
    json_t *schema = json_pack("{s:s, s:I}", "type", "number",
                               t->is_above ? "exclusiveMinimum" : "minimum", (json_int_t)t->least);

    if (t->most == 0 || json_object_set_new(schema, "maximum", json_integer(t->most)) == 0)
        return schema;
    json_decref(schema);
    return NULL;
}

/* Schemas count characters and we count bytes, of which there are no fewer. */
static json_t *string_schema(const struct type *t)
{
    json_t *schema = json_pack("{s:s}", "type", "string");
    int bad = 0;

    if (t->least > 0)
        bad |= json_object_set_new(schema, "minLength", json_integer(t->least));
    if (t->pattern != NULL)
        bad |= json_object_set_new(schema, "pattern", json_string(t->pattern));
    if (t->most > 0)
        bad |= json_object_set_new(schema, "maxLength", json_integer(t->most)) |
               json_object_set_new(schema, "description",
                                   json_sprintf("at most %lld bytes", (long long)t->most));
    if (!bad)
        return schema;
    json_decref(schema);
    return NULL;
}

static json_t *list_schema(const struct type *t)
{
    json_t *schema = json_pack("{s:s, s:o}", "type", "array", "items", type_schema(t->item));

    if (t->least == 0 || json_object_set_new(schema, "minItems", json_integer(t->least)) == 0)
        return schema;
    json_decref(schema);
    return NULL;
}

static json_t *map_schema(const struct type *t)
{
    return json_pack("{s:s, s:o, s:I, s:I}", "type", "object", "additionalProperties",
                     type_schema(t->item), "minProperties", (json_int_t)t->least, "maxProperties",
                     (json_int_t)(t->most == 0 ? INT32_MAX : t->most));
}

json_t *type_schema(const struct type *t)
{
    switch (t->kind) {
    case TYPE_ANY:
        return json_object();
    case TYPE_STRING:
        return string_schema(t);
    case TYPE_UUID:
        return json_pack("{s:s, s:s}", "type", "string", "format", "uuid");
    case TYPE_WORDS:
        return words_schema(t);
    case TYPE_BOOLEAN:
        return json_pack("{s:s}", "type", "boolean");
    case TYPE_INTEGER:
        return integer_schema(t);
    case TYPE_NUMBER:
        return number_schema(t);
    case TYPE_OBJECT:
        return t->keys != NULL ? type_keys_schema(t->keys) : json_pack("{s:s}", "type", "object");
    case TYPE_MAP:
        return map_schema(t);
    case TYPE_LIST:
        return list_schema(t);
    case TYPE_PAIR:
        return json_pack("{s:s, s:[{s:s}], s:i, s:i}", "type", "array", "prefixItems", "type",
                         "string", "minItems", 2, "maxItems", 2);
    case TYPE_ONE_OF:
        return one_of_schema(t);
    }
    return NULL;
}

/* ---- objects ---- */

/* Null is what absent is. */
static int allow_null(json_t *schema)
{
    json_t *type = json_object_get(schema, "type");
    json_t *words = json_object_get(schema, "enum");
    json_t *of = json_object_get(schema, "anyOf");

    if (type != NULL && json_object_set_new(schema, "type", json_pack("[O, s]", type, "null")) != 0)
        return -1;
    if (words != NULL && json_array_append_new(words, json_null()) != 0)
        return -1;
    return of == NULL ? 0 : json_array_append_new(of, json_pack("{s:s}", "type", "null"));
}

/* The schema of an object's member; NULL: no memory. Borrowed. */
static json_t *member_of(json_t *object, const char *name, size_t len)
{
    json_t *members = json_object_get(object, "properties");

    if (members == NULL) {
        if (json_object_set_new(object, "properties", json_object()) != 0)
            return NULL;
        members = json_object_get(object, "properties");
    }
    if (json_object_getn(members, name, len) == NULL &&
        json_object_setn_new(members, name, len, json_object()) != 0)
        return NULL;
    return json_object_getn(members, name, len);
}

static int require(json_t *object, const char *name)
{
    if (json_object_get(object, "required") == NULL &&
        json_object_set_new(object, "required", json_array()) != 0)
        return -1;
    return json_array_append_new(json_object_get(object, "required"), json_string(name));
}

static int add_key(json_t *object, const struct body_key *key)
{
    const char *name = key->key;
    json_t *schema, *place;
    int bad;

    for (const char *dot; (dot = strchr(name, '.')) != NULL; name = dot + 1)
        object = member_of(object, name, (size_t)(dot - name));
    place = member_of(object, name, strlen(name));
    schema = type_schema(key->type);
    bad = place == NULL || schema == NULL || (!key->is_required && allow_null(schema) != 0) ||
          json_object_update(place, schema) != 0 ||
          (key->is_required && require(object, name) != 0);
    json_decref(schema);
    return bad ? -1 : 0;
}

json_t *type_keys_schema(const struct body_key *keys)
{
    json_t *object = json_pack("{s:s}", "type", "object");
    int bad = object == NULL;

    for (; !bad && keys->key != NULL; keys++)
        bad = add_key(object, keys) != 0;
    if (!bad)
        return object;
    json_decref(object);
    return NULL;
}
