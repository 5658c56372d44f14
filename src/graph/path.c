/*
 * A path keeps its text and, behind it in the same allocation, a copy cut at the dots:
 *
 *     text   "items.0"
 *     parts  "items" "0"
 */
#include "graph/path.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "graph/state.h"
#include <string.h>

struct path {
    char *text;
    size_t count;
    const char *parts[PATH_MAX_DEPTH];
};

const json_t *scope_find(const struct scope *scope, const char *name)
{
    const json_t *found = json_object_get(scope->extra, name);
    if (found != NULL)
        return found;
    if (strcmp(name, "$context") == 0)
        return scope->context;
    if (strcmp(name, "$config") == 0)
        return scope->configurable;
    if (strcmp(name, ROOT_RUN) == 0)
        return scope->facts;
    if (scope->input != NULL)
        return json_object_get(scope->input, name);
    int field = scope->graph == NULL ? -1 : graph_find_field(scope->graph, name);
    struct value *value = field < 0 || scope->state == NULL ? NULL : state_get(scope->state, field);
    return value == NULL ? NULL : value_json(value);
}

json_t *scope_input(const struct scope *scope)
{
    if (scope->input != NULL)
        return json_incref((json_t *)scope->input);
    json_t *all = json_object();
    size_t count = scope->graph == NULL || scope->state == NULL ? 0 : scope->graph->field_count;
    int bad = all == NULL;
    for (size_t i = 0; i < count && !bad; i++) {
        struct value *value = state_get(scope->state, (int)i);
        if (value != NULL)
            bad = json_object_set(all, scope->graph->fields[i].name, value_json(value));
    }
    if (bad) {
        json_decref(all);
        return NULL;
    }
    return all;
}

/* Cuts `text` at its dots. */
static int cut(struct path *p, char *text)
{
    for (char *part = text; part != NULL;) {
        char *dot = strchr(part, '.');
        if (dot != NULL)
            *dot = '\0';
        if (*part == '\0' || p->count == PATH_MAX_DEPTH)
            return PATH_E_SYNTAX;
        p->parts[p->count++] = part;
        part = dot == NULL ? NULL : dot + 1;
    }
    return 0;
}

int path_parse(const char *text, size_t len_bytes, struct path **ret)
{
    if (len_bytes > 0 && memchr(text, '\0', len_bytes) != NULL)
        return PATH_E_SYNTAX;
    struct path *p = mem_zalloc(sizeof(*p));
    if (p == NULL)
        return err_trace(ERR_NOMEM);
    p->text = mem_array(2, len_bytes + 1);
    if (p->text == NULL) {
        path_free(p);
        return err_trace(ERR_NOMEM);
    }
    char *parts = p->text + len_bytes + 1;
    if (len_bytes > 0) {
        memcpy(p->text, text, len_bytes);
        memcpy(parts, text, len_bytes);
    }
    int r = cut(p, parts);
    if (r != 0) {
        path_free(p);
        return r;
    }
    *ret = p;
    return 0;
}

struct path *path_free(struct path *p)
{
    if (p != NULL)
        mem_free(p->text);
    return mem_free(p);
}

const char *path_text(const struct path *p)
{
    return p->text;
}

const char *path_part(const struct path *p, size_t index)
{
    return index < p->count ? p->parts[index] : NULL;
}

const char *path_root(const struct path *p)
{
    return p->parts[0];
}

/* Decimal digits only: "01" and "1" must not both name the same element, so no leading zero. */
static const json_t *element(const json_t *array, const char *digits)
{
    if (digits[0] == '0' && digits[1] != '\0')
        return NULL;
    size_t index = 0;
    for (const char *d = digits; *d != '\0'; d++) {
        if (*d < '0' || *d > '9' || index >= json_array_size(array))
            return NULL;
        index = index * 10 + (size_t)(*d - '0');
    }
    return json_array_get(array, index);
}

const json_t *path_find_in(const struct path *p, size_t skip, const json_t *json)
{
    for (size_t i = skip; i < p->count && json != NULL; i++)
        json =
            json_is_array(json) ? element(json, p->parts[i]) : json_object_get(json, p->parts[i]);
    return json;
}

const json_t *path_find(const struct path *p, const struct scope *scope)
{
    return path_find_in(p, 1, scope_find(scope, path_root(p)));
}
