/* The words for field types, reducers and lives, and which JSON goes into which type. */
#include "graph/graph.h"
#include <string.h>

static const char *const type_names[] = {
    [FIELD_STRING] = "string",     [FIELD_NUMBER] = "number", [FIELD_INTEGER] = "integer",
    [FIELD_BOOLEAN] = "boolean",   [FIELD_OBJECT] = "object", [FIELD_ARRAY] = "array",
    [FIELD_MESSAGES] = "messages", [FIELD_ANY] = "any",
};

static const char *const reducer_names[] = {
    [REDUCE_REPLACE] = "replace",   [REDUCE_APPEND] = "append", [REDUCE_ADD] = "add",
    [REDUCE_MERGE] = "merge",       [REDUCE_MAX] = "max",       [REDUCE_MIN] = "min",
    [REDUCE_MESSAGES] = "messages",
};

static const char *const life_names[] = {
    [LIFE_THREAD] = "thread",
    [LIFE_STEP] = "step",
    [LIFE_RUN] = "run",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int find_word(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    return -1;
}

const char *field_type_name(enum field_type type)
{
    return type_names[type];
}

const char *reducer_name(enum reducer r)
{
    return r == REDUCE_FUNCTION ? "function" : reducer_names[r];
}

int reducer_find(const char *name)
{
    return find_word(reducer_names, COUNT(reducer_names), name);
}

const char *field_life_name(enum field_life life)
{
    return life_names[life];
}

int field_life_find(const char *name)
{
    return find_word(life_names, COUNT(life_names), name);
}

bool field_type_fits(enum field_type type, const json_t *json)
{
    switch (type) {
    case FIELD_STRING:
        return json_is_string(json);
    case FIELD_NUMBER:
        return json_is_number(json);
    case FIELD_INTEGER:
        return json_is_integer(json);
    case FIELD_BOOLEAN:
        return json_is_boolean(json);
    case FIELD_OBJECT:
        return json_is_object(json);
    case FIELD_ARRAY:
    case FIELD_MESSAGES:
        return json_is_array(json);
    case FIELD_ANY:
        return json != NULL;
    }
    return false;
}
