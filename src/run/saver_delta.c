/*
 * What may be stored as a step's writes. Append and messages give the same value every time, but
 * for messages that still wait for an id. An Overwrite could be applied again as well; the value it
 * leaves is short, and stored whole it ends the chain below.
 */
#include "run/saver_delta.h"
#include "base/err.h"
#include "graph/coerce.h"

static bool has_ids(const json_t *json)
{
    size_t i;
    const json_t *message;
    if (!json_is_array(json))
        return message_is_flat(json);
    json_array_foreach(json, i, message) {
        if (!message_is_flat(message))
            return false;
    }
    return true;
}

static bool can_repeat(const struct field *field, const json_t *json)
{
    if (json_object_get(json, "__overwrite__") != NULL)
        return false;
    const char *type = json_string_value(json_object_get(json, "type"));
    if (type != NULL && type[0] == '_')
        return false; /* the other spelling of an Overwrite */
    return field->reducer != REDUCE_MESSAGES || has_ids(json);
}

static int add_writes(const struct field *field, int index, const struct update *u, json_t **list,
                      bool *can)
{
    for (size_t i = 0; i < u->count && *can; i++) {
        if (u->writes[i].field != index)
            continue;
        json_t *json = value_json(u->writes[i].value);
        *can = can_repeat(field, json);
        if (*list == NULL && (*list = json_array()) == NULL)
            return err_trace(ERR_NOMEM);
        if (json_array_append(*list, json) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

int delta_of_step(const struct field *field, int index, const struct ended_task *tasks,
                  size_t count, json_t **ret)
{
    json_t *list = NULL;
    bool can = true;
    int r = 0;
    *ret = NULL;
    for (size_t i = 0; i < count && r == 0; i++)
        r = add_writes(field, index, &tasks[i].outcome->update, &list, &can);
    if (r != 0 || !can) {
        json_decref(list);
        return r != 0 ? err_trace(r) : 0;
    }
    *ret = list;
    return 0;
}
