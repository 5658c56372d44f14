/* A path is keys and places: `a.b[0][-1].c`; places count from the end when negative. */
#include "api/extract.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* One step of a path: a key, or a place in a list. */
struct step {
    const char *key; /* NULL: a place */
    size_t key_len;
    int place;
};

enum { PLACE_MAX_DIGITS = 9 };

static bool read_place(const char **at, struct step *ret)
{
    const char *digits = *at + (**at == '-');
    size_t count = 0;

    while (isdigit((unsigned char)digits[count]))
        count++;
    if (count == 0 || count > PLACE_MAX_DIGITS || digits[count] != ']')
        return false;
    *ret = (struct step){ .place = atoi(*at) };
    *at = digits + count + 1;
    return true;
}

static bool read_key(const char **at, struct step *ret)
{
    size_t len = strcspn(*at, ".[]");

    *ret = (struct step){ .key = *at, .key_len = len };
    *at += len;
    return len > 0;
}

/* The step at *at, which is not the path's end, and moves behind it. False: it is none. */
static bool next_step(const char **at, bool is_first, struct step *ret)
{
    if (is_first)
        return read_key(at, ret);
    switch (*(*at)++) {
    case '.':
        return read_key(at, ret);
    case '[':
        return read_place(at, ret);
    default:
        return false;
    }
}

static bool is_path(const json_t *v)
{
    const char *at = json_string_value(v);
    struct step step;
    bool is_first = true;

    for (; *at != '\0'; is_first = false) {
        if (!next_step(&at, is_first, &step))
            return false;
    }
    return true;
}

static const struct type path_type = {
    .kind = TYPE_STRING,
    .expected = "a path",
    .least = 1,
    .most = EXTRACT_PATH_MAX_BYTES,
    .pattern = "^[^.\\[\\]]+(\\.[^.\\[\\]]+|\\[-?[0-9]{1,9}\\])*$",
};
const struct type type_extract = {
    .kind = TYPE_MAP,
    .expected = "an object of up to 10 paths, like {\"last\": \"values.log[-1]\"}",
    .most = EXTRACT_MAX_PATHS,
    .item = &path_type,
};

bool extract_fits(const json_t *paths)
{
    const char *name;
    json_t *member;

    /* jansson walks objects by non-const pointers; nothing is changed. */
    json_object_foreach((json_t *)paths, name, member) {
        if (!is_path(member))
            return false;
    }
    return true;
}

/* Borrowed; NULL = nothing is there. */
static json_t *take_step(json_t *from, const struct step *step)
{
    if (step->key != NULL)
        return json_object_getn(from, step->key, step->key_len);
    size_t size = json_array_size(from);
    size_t back = step->place < 0 ? (size_t)-step->place : 0;
    if (back > size)
        return NULL;
    return json_array_get(from, back > 0 ? size - back : (size_t)step->place);
}

static json_t *follow(const json_t *thread, const char *path)
{
    json_t *found = (json_t *)thread; /* nothing in it is changed */
    struct step step;
    bool is_first = true;

    for (; found != NULL && *path != '\0'; is_first = false)
        found = next_step(&path, is_first, &step) ? take_step(found, &step) : NULL;
    return found;
}

json_t *extract_new(const json_t *thread, const json_t *paths)
{
    json_t *extracted = json_object();
    const char *name;
    json_t *path;

    json_object_foreach((json_t *)paths, name, path) {
        json_t *found = follow(thread, json_string_value(path));
        if (json_object_set(extracted, name, found != NULL ? found : json_null()) == 0)
            continue;
        json_decref(extracted);
        return NULL;
    }
    return extracted;
}
