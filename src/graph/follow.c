/* Where a run goes behind a node, as far as its state decides: one row per kind of route. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/outcome.h"
#include "graph/path.h"
#include <string.h>

struct following {
    struct outcome *out;
    const char *node; /* for messages */
    const struct scope *scope;
    struct fail *f;
};

/* ---- switch ---- */

static int find_case(const struct route *r, const char *text)
{
    for (size_t i = 0; i < r->case_count; i++)
        if (strcmp(r->values[i], text) == 0)
            return r->targets[i];
    return r->fallback;
}

/* A number or a boolean stands for its JSON text. */
static int choose_scalar(const struct route *r, const json_t *value, int *ret)
{
    enum { SCALAR_MAX_BYTES = 64 };
    struct buf text;
    buf_init(&text, SCALAR_MAX_BYTES);
    jsonx_encode(value, &text);
    int fault = text.fault;
    if (fault == 0)
        *ret = find_case(r, buf_text(&text));
    buf_deinit(&text);
    return fault != 0 ? err_trace(ERR_NOMEM) : 0;
}

/* node, NODE_END, or NODE_NONE: no case and no fallback. Strings compare as they are, null and
 * absent as "null"; lists and objects match no case. */
static int choose(const struct route *r, const json_t *value, int *ret)
{
    if (json_is_number(value) || json_is_boolean(value))
        return choose_scalar(r, value, ret);
    if (value == NULL || json_is_null(value))
        *ret = find_case(r, "null");
    else
        *ret = json_is_string(value) ? find_case(r, json_string_value(value)) : r->fallback;
    return 0;
}

static int follow_switch(const struct following *w, const struct route *route)
{
    int target = NODE_NONE;
    int r = choose(route, path_find(route->path, w->scope), &target);
    if (r != 0)
        return err_trace(r);
    if (target == NODE_NONE) {
        fail_set(w->f, FAIL_INVALID_UPDATE,
                 "the switch of \"%s\" has no case for the value at \"%s\" and no default", w->node,
                 path_text(route->path));
        return OUTCOME_E_REFUSED;
    }
    return outcome_add_target_take(w->out, target, NULL, w->f);
}

/* ---- each ---- */

static int send_item(const struct following *w, const struct route *route, json_t *item, size_t i)
{
    json_t *arg = json_object();
    struct value *value = NULL;
    int bad = arg == NULL || json_object_set(arg, route->as, item);
    bad = bad || (route->index != NULL &&
                  json_object_set_new(arg, route->index, json_integer((json_int_t)i)));
    if (bad) {
        json_decref(arg);
        return err_trace(ERR_NOMEM);
    }
    int r = value_new_take(arg, &value);
    return r != 0 ? err_trace(r) : outcome_add_target_take(w->out, route->targets[0], value, w->f);
}

/* Before a Send is made of each item: that costs many times what the list does. */
static bool refuse_list(const struct following *w, const struct route *route, const json_t *list)
{
    size_t count = json_array_size(list), most = w->out->target_max;
    if (list != NULL && !json_is_null(list) && !json_is_array(list))
        fail_set(w->f, FAIL_INVALID_UPDATE, "the each of \"%s\" needs a list at \"%s\", found %s",
                 w->node, path_text(route->path), jsonx_type_name(list));
    else if (most > 0 && w->out->target_count + count > most)
        fail_set(w->f, FAIL_LIMIT,
                 "the each of \"%s\" would make a task for each of the %zu items at \"%s\"; the "
                 "setting max_tasks allows %zu in one step",
                 w->node, count, path_text(route->path), most);
    return fail_is_set(w->f);
}

static int follow_each(const struct following *w, const struct route *route)
{
    const json_t *list = path_find(route->path, w->scope);
    size_t i;
    json_t *item;
    int r = refuse_list(w, route, list) ? OUTCOME_E_REFUSED : 0;
    json_array_foreach(list, i, item)
        if (r == 0)
            r = send_item(w, route, item, i);
    return r < 0 ? err_trace(r) : r;
}

/* ---- function ---- */

static bool is_target(const struct route *route, int node)
{
    for (size_t i = 0; i < route->case_count; i++)
        if (route->targets[i] == node)
            return true;
    return route->case_count == 0;
}

static int follow_function(const struct following *w, const struct route *route)
{
    const struct chooser *c = &route->chooser;
    size_t first = w->out->target_count;
    int r = c->choose(c->arg, w->scope, w->out, w->f);
    for (size_t i = first; r == 0 && i < w->out->target_count; i++) {
        int node = w->out->targets[i].node;
        if (is_target(route, node))
            continue;
        fail_set(w->f, FAIL_INVALID_UPDATE,
                 "the conditions of \"%s\" chose \"%s\", which is none of their targets", w->node,
                 w->scope->graph->nodes[node].name);
        r = OUTCOME_E_REFUSED;
    }
    return r;
}

static int (*const followers[])(const struct following *w, const struct route *route) = {
    [ROUTE_SWITCH] = follow_switch,
    [ROUTE_EACH] = follow_each,
    [ROUTE_FUNCTION] = follow_function,
};

int outcome_follow(struct outcome *o, const char *node, const struct outlets *out,
                   const struct scope *scope, struct fail *f)
{
    struct following w = { .out = o, .node = node, .scope = scope, .f = f };
    for (size_t i = 0; i < out->route_count; i++) {
        const struct route *route = &out->routes[i];
        int r = followers[route->kind](&w, route);
        if (r != 0)
            return r < 0 ? err_trace(r) : OUTCOME_E_REFUSED;
    }
    return 0;
}
