/* Comparing JSON values. Whoever stored them bounded their depth (base/jsonx.h). */
#include "store/match.h"
#include <math.h>
#include <string.h>

static int sign(bool is_above, bool is_below)
{
    return is_above - is_below;
}

/* An integer and a real. Beyond 2^53 not every integer is a real, so the real becomes an integer. */
static int order_mixed(json_int_t a, double b)
{
    if (b >= 9223372036854775808.0)
        return -1;
    if (b < -9223372036854775808.0)
        return 1;
    double whole = floor(b);
    json_int_t limit = (json_int_t)whole;
    return a != limit ? sign(a > limit, a < limit) : sign(false, b > whole);
}

static int order_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return sign(json_integer_value(a) > json_integer_value(b),
                    json_integer_value(a) < json_integer_value(b));
    if (json_is_integer(a))
        return order_mixed(json_integer_value(a), json_real_value(b));
    if (json_is_integer(b))
        return -order_mixed(json_integer_value(b), json_real_value(a));
    return sign(json_real_value(a) > json_real_value(b), json_real_value(a) < json_real_value(b));
}

bool json_order(const json_t *a, const json_t *b, int *ret_order)
{
    if (json_is_number(a) && json_is_number(b))
        *ret_order = order_numbers(a, b);
    else if (json_is_string(a) && json_is_string(b))
        *ret_order = strcmp(json_string_value(a), json_string_value(b));
    else
        return false;
    return true;
}

static bool same_objects(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *value;
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)a, name, value) {
        const json_t *other = json_object_get(b, name);
        if (other == NULL || !json_same(value, other))
            return false;
    }
    return true;
}

static bool same_arrays(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!json_same(json_array_get(a, i), json_array_get(b, i)))
            return false;
    return true;
}

bool json_same(const json_t *a, const json_t *b)
{
    int order;
    if (json_order(a, b, &order))
        return order == 0;
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_object(a))
        return same_objects(a, b);
    return !json_is_array(a) || same_arrays(a, b); /* else true, false and null: the type is all */
}

static bool object_contains(const json_t *whole, const json_t *part)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)part, name, value) {
        const json_t *other = json_object_get(whole, name);
        if (other == NULL || !json_contains(other, value))
            return false;
    }
    return true;
}

static bool has_element(const json_t *array, const json_t *part)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (json_contains(json_array_get(array, i), part))
            return true;
    return false;
}

static bool array_contains(const json_t *whole, const json_t *part)
{
    for (size_t i = 0; i < json_array_size(part); i++)
        if (!has_element(whole, json_array_get(part, i)))
            return false;
    return true;
}

bool json_contains(const json_t *whole, const json_t *part)
{
    if (json_is_object(whole) && json_is_object(part))
        return object_contains(whole, part);
    if (json_is_array(whole) && json_is_array(part))
        return array_contains(whole, part);
    return json_same(whole, part);
}
