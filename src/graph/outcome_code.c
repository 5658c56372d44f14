/* Outcomes as JSON for the store. What lives for a run only stays out of it, wherever it stands. */
#include "base/err.h"
#include "base/jsonx.h"
#include "graph/outcome.h"
#include <string.h>

/* ---- targets as text, for the scheduler; every append is sticky ---- */

static void add_value(struct value *v, struct buf *out)
{
    const char *bytes;
    size_t len_bytes;
    int r = value_bytes(v, &bytes, &len_bytes);
    if (r == 0)
        (void)buf_add(out, bytes, len_bytes);
    else if (out->fault == 0)
        out->fault = r;
}

static void add_name(const char *name, struct buf *out)
{
    jsonx_encode_string(name, strlen(name), out);
}

static bool is_for_run(const struct graph *g, const char *name)
{
    int field = graph_find_field(g, name);
    return field >= 0 && g->fields[field].life == LIFE_RUN;
}

static bool has_run_fields(const struct graph *g, const json_t *arg)
{
    for (size_t i = 0; i < g->field_count; i++)
        if (g->fields[i].life == LIFE_RUN && json_object_get(arg, g->fields[i].name) != NULL)
            return true;
    return false;
}

static void add_stripped(const struct graph *g, const json_t *arg, struct buf *out)
{
    const char *key;
    json_t *part;
    bool is_first = true;
    (void)buf_add_char(out, '{');
    json_object_foreach((json_t *)arg, key, part) {
        if (is_for_run(g, key))
            continue;
        if (!is_first)
            (void)buf_add_char(out, ',');
        is_first = false;
        add_name(key, out);
        (void)buf_add_char(out, ':');
        jsonx_encode(part, out);
    }
    (void)buf_add_char(out, '}');
}

static void add_target(const struct target *t, const struct graph *g, struct buf *out)
{
    (void)buf_add_char(out, '[');
    add_name(g->nodes[t->node].name, out);
    if (t->arg != NULL)
        (void)buf_add_char(out, ',');
    if (t->arg != NULL && has_run_fields(g, value_json(t->arg)))
        add_stripped(g, value_json(t->arg), out);
    else if (t->arg != NULL)
        add_value(t->arg, out);
    (void)buf_add_char(out, ']');
}

void targets_encode(const struct target *targets, size_t count, const struct graph *g,
                    struct buf *out)
{
    (void)buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            (void)buf_add_char(out, ',');
        add_target(&targets[i], g, out);
    }
    (void)buf_add_char(out, ']');
}

/* ---- as a value ---- */

/* Key by key: json_copy() loses members without a word when there is no memory. */
static json_t *stripped(const struct graph *g, const json_t *arg)
{
    json_t *copy = json_object();
    const char *key;
    json_t *part;

    json_object_foreach((json_t *)arg, key, part) {
        if (copy == NULL || is_for_run(g, key) || json_object_set(copy, key, part) == 0)
            continue;
        json_decref(copy);
        copy = NULL;
    }
    return copy;
}

/* [name, value]; value may be NULL: [name]. Takes value. */
static json_t *pair(const char *name, json_t *take, bool has_value)
{
    json_t *all = json_array();

    if (json_array_append_new(all, json_string(name)) != 0) {
        json_decref(take);
        json_decref(all);
        return NULL;
    }
    if (!has_value || json_array_append_new(all, take) == 0)
        return all;
    json_decref(all);
    return NULL;
}

static json_t *target_json(const struct target *t, const struct graph *g)
{
    json_t *arg = NULL;

    if (t->arg != NULL)
        arg = has_run_fields(g, value_json(t->arg)) ? stripped(g, value_json(t->arg))
                                                    : json_incref(value_json(t->arg));
    return pair(g->nodes[t->node].name, arg, t->arg != NULL);
}

static int add_targets(const struct outcome *o, const struct graph *g, json_t *all)
{
    for (size_t i = 0; i < o->target_count; i++) {
        if (json_array_append_new(all, target_json(&o->targets[i], g)) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

static int add_writes(const struct update *u, const struct graph *g, json_t *all)
{
    for (size_t i = 0; i < u->count; i++) {
        const struct field *field = &g->fields[u->writes[i].field];
        if (field->life == LIFE_RUN)
            continue;
        json_t *value = json_incref(value_json(u->writes[i].value));
        if (json_array_append_new(all, pair(field->name, value, true)) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

int outcome_json(const struct outcome *o, const struct graph *g, json_t **ret)
{
    json_t *json = json_object();
    json_t *writes = json_array();
    json_t *targets = json_array();
    int r = json_object_set_new(json, "update", writes) == 0 ? 0 : err_trace(ERR_NOMEM);

    if (json_object_set_new(json, "goto", targets) != 0)
        r = err_trace(ERR_NOMEM);
    if (r == 0)
        r = add_writes(&o->update, g, writes);
    if (r == 0)
        r = add_targets(o, g, targets);
    if (r != 0) {
        json_decref(json);
        return r;
    }
    *ret = json;
    return 0;
}

/* ---- in ---- */

static int damaged(void)
{
    return err_trace(ERR_SYSTEM);
}

static int missing(const struct graph *g, const char *what, const char *name, struct fail *f)
{
    fail_set(f, FAIL_INVALID_UPDATE,
             "a task has left something for %s \"%s\", which graph \"%s\" does not have any more",
             what, name, g->name);
    return OUTCOME_E_REFUSED;
}

/* A new reference of what stands at `i`, as a value; NULL in *ret if there is nothing. */
static int value_at(const json_t *list, size_t i, struct value **ret)
{
    json_t *json = json_array_get(list, i);
    *ret = NULL;
    return json == NULL ? 0 : value_new_take(json_incref(json), ret);
}

static int decode_write(struct outcome *o, const struct graph *g, const json_t *pair,
                        struct fail *f)
{
    struct value *value;
    const char *name = json_string_value(json_array_get(pair, 0));
    if (name == NULL || json_array_size(pair) != 2)
        return damaged();
    int field = graph_find_field(g, name);
    if (field < 0)
        return missing(g, "field", name, f);
    int r = value_at(pair, 1, &value);
    return r != 0 ? r : update_add_take(&o->update, field, value);
}

static int decode_target(struct outcome *o, const struct graph *g, const json_t *target,
                         struct fail *f)
{
    struct value *arg;
    const char *name = json_string_value(json_array_get(target, 0));
    if (name == NULL || json_array_size(target) > 2)
        return damaged();
    int node = graph_find_node(g, name);
    if (node == NODE_NONE)
        return missing(g, "node", name, f);
    int r = value_at(target, 1, &arg);
    return r != 0 ? r : outcome_add_target_take(o, node, arg, f);
}

int outcome_decode(struct outcome *o, const struct graph *g, const json_t *json, struct fail *f)
{
    const json_t *writes = json_object_get(json, "update");
    const json_t *targets = json_object_get(json, "goto");
    size_t i;
    json_t *one;
    int r = json_is_array(writes) && json_is_array(targets) ? 0 : damaged();
    json_array_foreach(writes, i, one)
        if (r == 0)
            r = decode_write(o, g, one, f);
    json_array_foreach(targets, i, one)
        if (r == 0)
            r = decode_target(o, g, one, f);
    return r < 0 ? err_trace(r) : r;
}
