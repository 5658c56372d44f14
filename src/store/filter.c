/* Filters of items. A condition is an object of operators, or what the value must look like. */
#include "store/filter.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "store/match.h"
#include <string.h>

/* ---- operators ---- */

static bool is_in(const json_t *value, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_same(value, json_array_get(list, i)))
            return true;
    return false;
}

static bool op_eq(const json_t *value, const json_t *with)
{
    return json_same(value, with);
}
static bool op_ne(const json_t *value, const json_t *with)
{
    return !json_same(value, with);
}
static bool op_gt(const json_t *value, const json_t *with)
{
    int order;
    return json_order(value, with, &order) && order > 0;
}
static bool op_gte(const json_t *value, const json_t *with)
{
    int order;
    return json_order(value, with, &order) && order >= 0;
}
static bool op_lt(const json_t *value, const json_t *with)
{
    int order;
    return json_order(value, with, &order) && order < 0;
}
static bool op_lte(const json_t *value, const json_t *with)
{
    int order;
    return json_order(value, with, &order) && order <= 0;
}
static bool op_nin(const json_t *value, const json_t *list)
{
    return !is_in(value, list);
}

static const struct filter_op {
    const char *name;
    bool (*holds)(const json_t *value, const json_t *with);
    bool takes_list;
} operators[] = {
    { "$eq", op_eq, false },   { "$ne", op_ne, false },  { "$gt", op_gt, false },
    { "$gte", op_gte, false }, { "$lt", op_lt, false },  { "$lte", op_lte, false },
    { "$in", is_in, true },    { "$nin", op_nin, true },
};

static const struct filter_op *find_operator(const char *name)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
        if (strcmp(operators[i].name, name) == 0)
            return &operators[i];
    return NULL;
}

static bool has_operators(const json_t *condition)
{
    const char *name;
    json_t *with;
    json_object_foreach((json_t *)condition, name, with)
        if (name[0] == '$')
            return true;
    return false;
}

/* ---- looking at a filter ---- */

static int check_condition(const json_t *condition, struct buf *why);

static int wrong(struct buf *why, const char *what, const char *name, const char *right)
{
    if (why != NULL)
        (void)buf_addf(why, "filter: %s \"%.40s\": %s", what, name, right); /* sticky */
    return FILTER_E_WRONG;
}

static int check_operators(const json_t *condition, struct buf *why)
{
    const char *name;
    json_t *with;
    json_object_foreach((json_t *)condition, name, with) {
        const struct filter_op *o = find_operator(name);
        if (o == NULL)
            return wrong(why, "unknown operator", name,
                         "use $eq $ne $gt $gte $lt $lte $in $nin, and nothing else beside them");
        if (o->takes_list && !json_is_array(with))
            return wrong(why, "operator", name, "it takes an array");
    }
    return 0;
}

static int check_members(const json_t *condition, struct buf *why)
{
    const char *name;
    json_t *value;
    int r = 0;
    json_object_foreach((json_t *)condition, name, value) {
        r = check_condition(value, why);
        if (r != 0)
            break;
    }
    return r;
}

static int check_condition(const json_t *condition, struct buf *why)
{
    int r = 0;
    if (json_is_object(condition))
        return has_operators(condition) ? check_operators(condition, why)
                                        : check_members(condition, why);
    for (size_t i = 0; r == 0 && i < json_array_size(condition); i++)
        r = check_condition(json_array_get(condition, i), why);
    return r;
}

int filter_check(const json_t *filter, struct buf *why)
{
    const char *name;
    json_t *value;
    if (!json_is_object(filter))
        return wrong(why, "this is no object but", jsonx_type_name(filter), "name members");
    if (jsonx_depth(filter, FILTER_DEPTH_MAX) > FILTER_DEPTH_MAX)
        return wrong(why, "nested too deep", "{", "100 levels are the most");
    json_object_foreach((json_t *)filter, name, value)
        if (name[0] == '$')
            return wrong(why, "operator", name, "it belongs inside a member");
    return check_members(filter, why);
}

/* ---- matching ---- */

static bool condition_holds(const json_t *condition, const json_t *value);

static bool operators_hold(const json_t *condition, const json_t *value)
{
    const char *name;
    json_t *with;
    json_object_foreach((json_t *)condition, name, with)
        if (!find_operator(name)->holds(value, with))
            return false;
    return true;
}

static bool members_hold(const json_t *condition, const json_t *value)
{
    const char *name;
    json_t *inner;
    json_object_foreach((json_t *)condition, name, inner) {
        const json_t *member = json_object_get(value, name);
        if (!condition_holds(inner, member == NULL ? json_null() : member))
            return false;
    }
    return true;
}

static bool elements_hold(const json_t *condition, const json_t *value)
{
    if (json_array_size(value) != json_array_size(condition))
        return false;
    for (size_t i = 0; i < json_array_size(condition); i++)
        if (!condition_holds(json_array_get(condition, i), json_array_get(value, i)))
            return false;
    return true;
}

static bool condition_holds(const json_t *condition, const json_t *value)
{
    if (json_is_object(condition) && has_operators(condition))
        return operators_hold(condition, value);
    if (json_is_object(condition))
        return json_is_object(value) && members_hold(condition, value);
    if (json_is_array(condition))
        return json_is_array(value) && elements_hold(condition, value);
    return json_same(value, condition);
}

bool filter_matches(const json_t *filter, const json_t *value)
{
    return members_hold(filter, value);
}
