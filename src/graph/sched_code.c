/*
 * Marks as JSON, by name, so that a graph file may be edited while its threads wait:
 *
 *     {"version": 12,
 *      "ready": {"a": 12, "__start__": 12},       fired or released, with their versions
 *      "armed": {"d": 11},                        deferred
 *      "joins": {"join:a+b:c": {"seen": ["a", "b"], "at": 12, "ready": true}},
 *      "sends": [["worker", {"item": 1}]],
 *      "ran":   {"__start__": 9, "a": 11}}
 *
 * A node that became deferred, or is no longer, keeps its mark: what was ready stays ready, and
 * what was armed is as good as fired.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "graph/sched_marks.h"
#include <string.h>

/* ---- out ---- */

/* Every append is sticky. */
static void add_key(const char *name, bool *is_first, struct buf *out)
{
    if (!*is_first)
        (void)buf_add_char(out, ',');
    *is_first = false;
    jsonx_encode_string(name, strlen(name), out);
    (void)buf_add_char(out, ':');
}

static const char *name_of(const struct sched *s, size_t i)
{
    return i < s->graph->node_count ? s->graph->nodes[i].name : "__start__";
}

static void encode_marks(const struct sched *s, enum mark mark, struct buf *out)
{
    bool is_first = true;
    for (size_t i = 0; i <= s->graph->node_count; i++) {
        if (s->nodes[i].mark != mark)
            continue;
        add_key(name_of(s, i), &is_first, out);
        (void)buf_add_int(out, s->nodes[i].fired_at);
    }
}

static void encode_ran(const struct sched *s, struct buf *out)
{
    bool is_first = true;
    for (size_t i = 0; i <= s->graph->node_count; i++) {
        if (s->nodes[i].ran_at == 0)
            continue;
        add_key(name_of(s, i), &is_first, out);
        (void)buf_add_int(out, s->nodes[i].ran_at);
    }
}

static void encode_seen(const struct sched *s, const struct waiting *w, struct buf *out)
{
    bool is_first = true;
    (void)buf_add_str(out, "{\"seen\":[");
    for (size_t i = 0; i < w->join->source_count; i++) {
        const char *name = name_of(s, (size_t)w->join->sources[i]);
        if (!w->seen[i])
            continue;
        if (!is_first)
            (void)buf_add_char(out, ',');
        is_first = false;
        jsonx_encode_string(name, strlen(name), out);
    }
    (void)buf_add_str(out, "],\"at\":");
    (void)buf_add_int(out, w->full_at);
    (void)buf_add_str(out, w->is_ready ? ",\"ready\":true}" : "}");
}

static void encode_joins(const struct sched *s, struct buf *out)
{
    bool is_first = true;
    for (size_t i = 0; i < s->graph->join_count; i++) {
        const struct waiting *w = &s->joins[i];
        if (w->missing_count == w->join->source_count)
            continue;
        add_key(w->join->trigger, &is_first, out);
        encode_seen(s, w, out);
    }
}

void sched_encode(const struct sched *s, struct buf *out)
{
    (void)buf_add_str(out, "{\"version\":");
    (void)buf_add_int(out, s->version);
    (void)buf_add_str(out, ",\"ready\":{");
    encode_marks(s, MARK_READY, out);
    (void)buf_add_str(out, "},\"armed\":{");
    encode_marks(s, MARK_ARMED, out);
    (void)buf_add_str(out, "},\"joins\":{");
    encode_joins(s, out);
    (void)buf_add_str(out, "},\"sends\":");
    targets_encode(s->sends, s->send_count, s->graph, out);
    (void)buf_add_str(out, ",\"ran\":{");
    encode_ran(s, out);
    (void)buf_add_str(out, "}}");
}

/* ---- in ---- */

struct decoder {
    struct sched *s;
    bool is_lenient;
    struct fail *f;
};

static int damaged(void)
{
    return err_trace(ERR_SYSTEM);
}

/* Something that is marked is not in the graph any more. */
static int missing(const struct decoder *d, const char *what, const char *name)
{
    if (d->is_lenient)
        return 0;
    fail_set(d->f, FAIL_INVALID_UPDATE,
             "%s \"%s\" is to run or waited for, but graph \"%s\" does not have it any more", what,
             name, d->s->graph->name);
    return SCHED_E_REFUSED;
}

static bool is_version(const json_t *json)
{
    json_int_t version = json_integer_value(json); /* 0 for what is none */
    return version > 0 && version < INT64_MAX / 2;
}

static int find_node(const struct decoder *d, const char *name)
{
    return strcmp(name, "__start__") == 0 ? NODE_START : graph_find_node(d->s->graph, name);
}

static enum mark mark_of(const struct decoder *d, int node, enum mark stored)
{
    bool can_be_armed = node != NODE_START && d->s->graph->nodes[node].is_deferred;
    return can_be_armed ? stored : MARK_READY;
}

static int decode_marks(const struct decoder *d, const json_t *json, enum mark mark)
{
    const char *name;
    json_t *version;
    json_object_foreach((json_t *)json, name, version) {
        int node = find_node(d, name);
        int r = node == NODE_NONE ? missing(d, "node", name) : is_version(version) ? 0 : damaged();
        if (r != 0)
            return r;
        if (node == NODE_NONE)
            continue;
        struct node_marks *m = sched_marks(d->s, node);
        m->mark = mark_of(d, node, mark);
        m->fired_at = json_integer_value(version);
    }
    return json_is_object(json) ? 0 : damaged();
}

static int decode_ready(const struct decoder *d, const json_t *json)
{
    return decode_marks(d, json, MARK_READY);
}

static int decode_armed(const struct decoder *d, const json_t *json)
{
    return decode_marks(d, json, MARK_ARMED);
}

/* That a node ran which is gone is no reason to refuse anything. */
static int decode_ran(const struct decoder *d, const json_t *json)
{
    const char *name;
    json_t *version;
    json_object_foreach((json_t *)json, name, version) {
        int node = find_node(d, name);
        if (!is_version(version))
            return damaged();
        if (node != NODE_NONE)
            sched_marks(d->s, node)->ran_at = json_integer_value(version);
    }
    return json_is_object(json) ? 0 : damaged();
}

static struct waiting *find_join(const struct decoder *d, const char *trigger)
{
    for (size_t i = 0; i < d->s->graph->join_count; i++)
        if (strcmp(d->s->joins[i].join->trigger, trigger) == 0)
            return &d->s->joins[i];
    return NULL;
}

static bool see_source(struct waiting *w, int node)
{
    for (size_t i = 0; i < w->join->source_count; i++)
        if (w->join->sources[i] == node) {
            waiting_see(w, i);
            return true;
        }
    return false;
}

static int decode_seen(const struct decoder *d, struct waiting *w, const json_t *names)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name) {
        if (!json_is_string(name))
            return damaged();
        const char *text = json_string_value(name);
        int r = see_source(w, graph_find_node(d->s->graph, text)) ? 0 : missing(d, "node", text);
        if (r != 0)
            return r;
    }
    return json_is_array(names) ? 0 : damaged();
}

static int decode_join(const struct decoder *d, struct waiting *w, const json_t *json)
{
    int r = decode_seen(d, w, json_object_get(json, "seen"));
    if (r != 0 || w->missing_count > 0)
        return r;
    const json_t *at = json_object_get(json, "at");
    if (!is_version(at))
        return damaged();
    bool is_late = d->s->graph->nodes[w->join->target].is_deferred;
    w->full_at = json_integer_value(at);
    w->is_ready = !is_late || json_is_true(json_object_get(json, "ready"));
    return 0;
}

static int decode_joins(const struct decoder *d, const json_t *json)
{
    const char *trigger;
    json_t *join;
    json_object_foreach((json_t *)json, trigger, join) {
        struct waiting *w = find_join(d, trigger);
        int r = w == NULL ? missing(d, "join", trigger) : decode_join(d, w, join);
        if (r != 0)
            return r;
    }
    return json_is_object(json) ? 0 : damaged();
}

static int decode_send(const struct decoder *d, const json_t *send)
{
    const char *name = json_string_value(json_array_get(send, 0));
    json_t *arg = json_array_get(send, 1);
    if (name == NULL || arg == NULL)
        return damaged();
    struct target t = { .node = graph_find_node(d->s->graph, name) };
    if (t.node == NODE_NONE)
        return missing(d, "node", name);
    int r = value_new_take(json_incref(arg), &t.arg);
    if (r == 0)
        r = sched_fire(d->s, NODE_NONE, &t, 1);
    value_unref(t.arg);
    return r != 0 ? err_trace(r) : 0;
}

static int decode_sends(const struct decoder *d, const json_t *json)
{
    size_t i;
    json_t *send;
    json_array_foreach(json, i, send) {
        int r = decode_send(d, send);
        if (r != 0)
            return r;
    }
    return json_is_array(json) ? 0 : damaged();
}

static const struct {
    const char *name;
    int (*decode)(const struct decoder *d, const json_t *json);
} parts[] = {
    { "ready", decode_ready }, { "armed", decode_armed }, { "joins", decode_joins },
    { "sends", decode_sends }, { "ran", decode_ran },
};

static int decode(const struct decoder *d, const json_t *json)
{
    const json_t *version = json_object_get(json, "version");
    if (!is_version(version))
        return damaged();
    d->s->version = json_integer_value(version);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int r = parts[i].decode(d, json_object_get(json, parts[i].name));
        if (r != 0)
            return r;
    }
    d->s->is_settled = true;
    return 0;
}

int sched_decode(const struct graph *g, const json_t *json, bool is_lenient, struct sched **ret,
                 struct fail *f)
{
    struct decoder d = { .is_lenient = is_lenient, .f = f };
    int r = sched_new(g, &d.s);
    if (r == 0)
        r = decode(&d, json);
    if (r != 0) {
        sched_free(d.s);
        return r < 0 ? err_trace(r) : SCHED_E_REFUSED;
    }
    *ret = d.s;
    return 0;
}
