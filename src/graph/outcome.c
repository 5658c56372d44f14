/*
 * What a node gave back becomes writes and targets:
 *
 *     result   null | object | {"__command__": C} | [ ... at least one {"__command__": C} ... ]
 *     C        update -> writes    goto -> targets    graph: PARENT -> parent, the rest untouched
 */
#include "graph/outcome.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/problem.h"
#include <stdint.h>
#include <string.h>

enum { FIRST_CAP = 4 };
static const char COMMAND_KEY[] = "__command__";

void outcome_clear(struct outcome *o)
{
    update_clear(&o->update);
    for (size_t i = 0; i < o->target_count; i++)
        value_unref(o->targets[i].arg);
    mem_free(o->targets);
    json_decref(o->parent);
    *o = (struct outcome){ 0 };
}

void outcome_move(struct outcome *to, struct outcome *from)
{
    if (to == from)
        return;
    outcome_clear(to);
    *to = *from;
    *from = (struct outcome){ 0 };
}

/* ---- targets ---- */

static int grow(struct outcome *o)
{
    size_t cap = o->target_cap == 0 ? FIRST_CAP : o->target_cap * 2;
    if (cap > SIZE_MAX / sizeof(o->targets[0]))
        return err_trace(ERR_NOMEM);
    struct target *targets = mem_realloc(o->targets, cap * sizeof(o->targets[0]));
    if (targets == NULL)
        return err_trace(ERR_NOMEM);
    o->targets = targets;
    o->target_cap = cap;
    return 0;
}

static int make_room(struct outcome *o, struct fail *f)
{
    if (o->target_max > 0 && o->target_count >= o->target_max) {
        fail_set(f, FAIL_LIMIT,
                 "a task wants to go on in more than %zu places; the setting max_tasks allows no "
                 "more in one step",
                 o->target_max);
        return OUTCOME_E_REFUSED;
    }
    return o->target_count < o->target_cap ? 0 : grow(o);
}

int outcome_add_target_take(struct outcome *o, int node, struct value *arg, struct fail *f)
{
    int r = node == NODE_END ? 0 : make_room(o, f);
    if (r != 0 || node == NODE_END) {
        value_unref(arg);
        return r < 0 ? err_trace(r) : r;
    }
    o->targets[o->target_count++] = (struct target){ node, arg };
    return 0;
}

size_t outcome_count_sends(const struct outcome *o)
{
    size_t count = 0;
    for (size_t i = 0; i < o->target_count; i++)
        count += o->targets[i].arg != NULL;
    return count;
}

static int add_send(struct outcome *o, int node, const json_t *arg, struct fail *f)
{
    struct value *value = NULL;
    int r = value_new_take(json_incref((json_t *)arg), &value);
    return r != 0 ? err_trace(r) : outcome_add_target_take(o, node, value, f);
}

static int refuse_unknown(const struct graph *g, const char *verb, const char *name, struct fail *f)
{
    const char **names MEM_AUTO(mem_freep) = mem_array(g->node_count, sizeof(*names));
    if (names == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < g->node_count; i++)
        names[i] = g->nodes[i].name;
    char *hint MEM_AUTO(mem_freep) = problems_hint(name, names, g->node_count);
    fail_set(f, FAIL_INVALID_UPDATE, "%s names the unknown node \"%s\"; %s", verb, name,
             hint == NULL ? "" : hint);
    return OUTCOME_E_REFUSED;
}

int outcome_add_goto(struct outcome *o, const struct graph *g, const char *name, const json_t *arg,
                     struct fail *f)
{
    const char *verb = arg == NULL ? "a goto" : "a Send";
    if (arg == NULL && strcmp(name, "__end__") == 0)
        return 0;
    if (strcmp(name, "__end__") == 0 || strcmp(name, "__start__") == 0) {
        fail_set(f, FAIL_INVALID_UPDATE, "%s cannot go to \"%s\"", verb, name);
        return OUTCOME_E_REFUSED;
    }
    int node = graph_find_node(g, name);
    if (node == NODE_NONE)
        return refuse_unknown(g, verb, name, f);
    return arg == NULL ? outcome_add_target_take(o, node, NULL, f) : add_send(o, node, arg, f);
}

/* ---- a Command ---- */

static int refuse(struct fail *f, const char *what, const json_t *found)
{
    fail_set(f, FAIL_INVALID_UPDATE, "a Command's %s, found %s", what, jsonx_type_name(found));
    return OUTCOME_E_REFUSED;
}

/* A node's name or a Send. */
static int add_destination(struct outcome *o, const struct graph *g, const json_t *to,
                           struct fail *f)
{
    if (json_is_string(to))
        return outcome_add_goto(o, g, json_string_value(to), NULL, f);
    const char *name = json_string_value(json_object_get(to, "node"));
    const json_t *arg = json_object_get(to, "arg");
    if (name == NULL || arg == NULL || json_object_size(to) != 2)
        return refuse(
            f, "\"goto\" has to be a node's name, {\"node\", \"arg\"}, or a list of those", to);
    return outcome_add_goto(o, g, name, arg, f);
}

static int add_gotos(struct outcome *o, const struct graph *g, const json_t *to, struct fail *f)
{
    size_t i;
    json_t *one;
    if (!json_is_array(to))
        return add_destination(o, g, to, f);
    json_array_foreach(to, i, one) {
        int r = add_destination(o, g, one, f);
        if (r != 0)
            return r;
    }
    return 0;
}

static int add_pair(struct outcome *o, const struct graph *g, const json_t *pair, struct fail *f)
{
    const char *name = json_string_value(json_array_get(pair, 0));
    if (name == NULL || json_array_size(pair) != 2)
        return refuse(f, "\"update\" list has to hold pairs of a field and its value", pair);
    int field = graph_find_field(g, name);
    if (field < 0)
        return 0;
    struct value *value = NULL;
    int r = value_new_take(json_incref(json_array_get(pair, 1)), &value);
    if (r == 0)
        r = update_add_take(&o->update, field, value);
    return r != 0 ? err_trace(r) : 0;
}

static int add_update(struct outcome *o, const struct graph *g, const json_t *update,
                      struct fail *f)
{
    size_t i;
    json_t *pair;
    if (json_is_object(update))
        return update_add_object(&o->update, g, (json_t *)update);
    if (!json_is_array(update))
        return refuse(f, "\"update\" has to be an object or a list of pairs", update);
    json_array_foreach(update, i, pair) {
        int r = add_pair(o, g, pair, f);
        if (r != 0)
            return r;
    }
    return 0;
}

/* Not with json_copy(): that one hides an allocation that failed. */
static int add_for_parent(struct outcome *o, const json_t *command)
{
    json_t *copy = json_object();
    const char *key;
    json_t *part;
    int bad = copy == NULL;
    json_object_foreach((json_t *)command, key, part)
        bad = bad || (strcmp(key, "graph") != 0 && json_object_set(copy, key, part));
    if (o->parent == NULL)
        o->parent = json_array();
    bad = bad || json_array_append(o->parent, copy); /* a NULL list is an error to jansson */
    json_decref(copy);
    return bad ? err_trace(ERR_NOMEM) : 0;
}

/* "resume" is for who starts a run, and means nothing where a node says it. */
static int check_keys(const json_t *command, struct fail *f)
{
    static const char *const known[] = { "update", "goto", "graph", "resume" };
    const char *key;
    json_t *part;
    if (!json_is_object(command)) {
        fail_set(f, FAIL_INVALID_UPDATE, "a Command has to be an object, found %s",
                 jsonx_type_name(command));
        return OUTCOME_E_REFUSED;
    }
    json_object_foreach((json_t *)command, key, part) {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], key) != 0)
            i++;
        if (i < sizeof(known) / sizeof(known[0]))
            continue;
        fail_set(f, FAIL_INVALID_UPDATE,
                 "a Command has \"update\", \"goto\" and \"graph\", but no \"%.40s\"", key);
        return OUTCOME_E_REFUSED;
    }
    return 0;
}

/* A part that is there; null is as good as absent. */
static const json_t *part_of(const json_t *command, const char *key)
{
    const json_t *part = json_object_get(command, key);
    return json_is_null(part) ? NULL : part;
}

static int add_command(struct outcome *o, const struct graph *g, const json_t *command,
                       struct fail *f)
{
    const json_t *graph = part_of(command, "graph");
    const json_t *update = part_of(command, "update");
    const json_t *to = part_of(command, "goto");
    int r = check_keys(command, f);
    if (r != 0)
        return r;
    if (graph != NULL) {
        bool is_parent = json_is_string(graph) && strcmp(json_string_value(graph), "PARENT") == 0;
        return is_parent ? add_for_parent(o, command)
                         : refuse(f, "\"graph\" has to be \"PARENT\"", graph);
    }
    if (update != NULL)
        r = add_update(o, g, update, f);
    if (r == 0 && to != NULL)
        r = add_gotos(o, g, to, f);
    return r;
}

int outcome_add_command(struct outcome *o, const struct graph *g, const json_t *command,
                        struct fail *f)
{
    int r = add_command(o, g, command, f);
    return r < 0 ? err_trace(r) : r;
}

/* ---- a result ---- */

static bool is_command(const json_t *json)
{
    return json_object_get(json, COMMAND_KEY) != NULL;
}

static bool has_command(const json_t *list)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
        if (is_command(one))
            return true;
    return false;
}

static int refuse_result(struct fail *f, const char *node, const json_t *found)
{
    fail_set(f, FAIL_INVALID_UPDATE,
             "node \"%s\" has to return an object, a Command, or a list with at least one Command; "
             "it returned %s (INVALID_GRAPH_NODE_RETURN_VALUE)",
             node, jsonx_type_name(found));
    return OUTCOME_E_REFUSED;
}

/* What stands alone, or in a list: null, a Command, or an update. */
static int add_one(struct outcome *o, const struct graph *g, const char *node, const json_t *one,
                   struct fail *f)
{
    if (json_is_null(one))
        return 0;
    if (!json_is_object(one))
        return refuse_result(f, node, one);
    if (!is_command(one))
        return update_add_object(&o->update, g, (json_t *)one);
    if (json_object_size(one) == 1)
        return add_command(o, g, json_object_get(one, COMMAND_KEY), f);
    fail_set(f, FAIL_INVALID_UPDATE, "\"%s\" has to be the only key of its object", COMMAND_KEY);
    return OUTCOME_E_REFUSED;
}

int outcome_add_result(struct outcome *o, const struct graph *g, const char *node,
                       const json_t *result, struct fail *f)
{
    size_t i;
    json_t *one;
    int r = has_command(result) ? 0 : add_one(o, g, node, result, f);
    json_array_foreach(result, i, one)
        if (r == 0)
            r = add_one(o, g, node, one, f);
    return r < 0 ? err_trace(r) : r;
}
