/*
 * Writes from outside in the name of nodes. Each update is what its node might have returned, and
 * becomes a task that has ended: its writes are applied, its edges fire, its routes see the state
 * with its own writes. Then what was planned is forgotten, but not what joins and deferred nodes
 * have seen: to LangGraph the update is a step like others, whose tasks have used up nothing.
 */
#include "run/superstep_write.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/checkpoint_inside.h"
#include <string.h>

/* ---- what is pending ---- */

/* Its gotos and Sends would be forgotten by what follows. */
static int apply_command(const struct superstep *s, const json_t *json,
                         const struct state_limits *limits)
{
    struct outcome all = { 0 };
    struct outcome writes = { 0 };
    struct fail f = { 0 };
    int r = outcome_decode(&all, s->at->graph, json, &f);
    update_move(&writes.update, &all.update);
    if (r == 0 && writes.update.count > 0)
        r = checkpoint_apply_null(s->at, &writes, limits, NULL, &f);
    outcome_clear(&all);
    outcome_clear(&writes);
    fail_clear(&f);
    return r < 0 ? err_trace(r) : 0;
}

static int apply_commands(const struct superstep *s, const struct state_limits *limits)
{
    const json_t *json;
    size_t i;
    int r = 0;
    json_array_foreach(checkpoint_find_write(s->at, NULL_TASK_ID, WRITE_COMMAND), i, json)
        if (r == 0)
            r = apply_command(s, json, limits);
    return r;
}

static int apply_finished(const struct superstep *s, const struct state_limits *limits,
                          bool takes_all)
{
    struct finished finished;
    struct fail f = { 0 };
    struct plan plan;
    sched_plan(s->at->sched, &plan);
    int r = finished_init(&finished, s->at, s->ns, &plan, &f);
    if (r == 0 && takes_all && plan.count > 0)
        r = checkpoint_apply(s->at, finished.tasks, finished.count, limits, NULL, &f);
    else if (r == 0 && finished.has_any)
        r = checkpoint_apply_some(s->at, finished.counts, finished.tasks, finished.count, limits,
                                  &f);
    finished_deinit(&finished);
    fail_clear(&f);
    return r < 0 ? err_trace(r) : 0;
}

int superstep_apply_pending(const struct superstep *s, bool takes_all)
{
    const struct state_limits limits = run_state_limits(s->services);
    int r = apply_commands(s, &limits);
    return r != 0 ? err_trace(r) : apply_finished(s, &limits, takes_all);
}

/* ---- whose update it is ---- */

static int find_newest(const struct superstep *s, int *ret)
{
    bool is_ambiguous = false;
    *ret = sched_newest(s->at->sched, &is_ambiguous);
    if (is_ambiguous)
        return superstep_refuse(s, "Ambiguous update, specify \"as_node\"");
    if (*ret == NODE_NONE)
        *ret = NODE_START; /* nobody has run */
    return 0;
}

static int find_node(const struct superstep *s, const json_t *update, size_t count, int *ret)
{
    const char *name = json_string_value(json_object_get(update, "as_node"));
    if (name == NULL && count > 1)
        return superstep_refuse(s, "\"as_node\" is required when there are several updates");
    if (name == NULL)
        return find_newest(s, ret);
    *ret = strcmp(name, "__start__") == 0 ? NODE_START : graph_find_node(s->at->graph, name);
    if (*ret != NODE_NONE)
        return 0;
    fail_set(s->f, FAIL_INVALID_UPDATE, "Node \"%.100s\" does not exist", name);
    return SUPERSTEP_E_REFUSED;
}

/* ---- updates as tasks ---- */

struct writing {
    struct ended_task *tasks;
    struct outcome *outcomes;
    char (*ids)[ID_BYTES]; /* of the planned tasks in whose place they stand, or "" */
    size_t count;
};

static int writing_init(struct writing *w, size_t count)
{
    w->tasks = mem_array(count, sizeof(*w->tasks));
    w->outcomes = mem_array(count, sizeof(*w->outcomes));
    w->ids = mem_array(count, sizeof(*w->ids));
    w->count = w->outcomes != NULL ? count : 0;
    return w->tasks != NULL && w->outcomes != NULL && w->ids != NULL ? 0 : err_trace(ERR_NOMEM);
}

static void writing_deinit(struct writing *w)
{
    for (size_t i = 0; i < w->count; i++)
        outcome_clear(&w->outcomes[i]);
    mem_free(w->tasks);
    mem_free(w->outcomes);
    mem_free(w->ids);
}

/* For positive results of the layers below, which all say "refused". */
static int refused(const struct superstep *s, int r)
{
    if (r <= 0)
        return r != 0 ? err_trace(r) : 0;
    if (s->f->code == FAIL_INPUT)
        s->f->code = FAIL_INVALID_UPDATE; /* said of what __start__ writes */
    return SUPERSTEP_E_REFUSED;
}

static int follow(const struct superstep *s, const struct ended_task *t, struct outcome *o)
{
    const struct state_limits limits = run_state_limits(s->services);
    const struct graph *g = s->at->graph;
    const struct outlets *out = t->node == NODE_START ? &g->start : &g->nodes[t->node].out;
    const struct task_writes own = { t->name, &o->update };
    struct state *seen = NULL;
    if (out->route_count == 0)
        return 0;
    int r = state_apply(s->at->state, &own, 1, &limits, &seen, NULL, s->f);
    const struct scope scope = { .graph = g, .state = seen };
    if (r == 0)
        r = outcome_follow(o, t->name, out, &scope, s->f);
    state_unref(seen);
    return r;
}

static int make_task(const struct superstep *s, const json_t *update, struct writing *w, size_t i)
{
    struct outcome *o = &w->outcomes[i];
    struct ended_task *t = &w->tasks[i];
    const struct planned as = { .kind = PLANNED_PULL, .node = t->node };
    const json_t *values = json_object_get(update, "values");
    *t = (struct ended_task){ planned_name(s->at->graph, &as), t->node, o };
    o->target_max = (size_t)s->services->conf->max_tasks;
    int r = outcome_add_result(o, s->at->graph, t->name, values, s->f);
    if (r == 0 && o->parent != NULL)
        return superstep_refuse(s, "an update has no parent graph to send commands to");
    if (r == 0)
        r = message_settle(s->services, s->at->graph, t->name, &o->update, s->f);
    if (r == 0)
        r = follow(s, t, o);
    return refused(s, r);
}

/* What the update has in the planned task's place, for the history. */
static int save_result(const struct superstep *s, const struct writing *w, size_t i)
{
    json_t *json = NULL;
    if (w->ids[i][0] == '\0')
        return 0;
    int r = outcome_json(&w->outcomes[i], s->at->graph, &json);
    if (r == 0)
        r = checkpoint_set_write_take(s->at, w->ids[i], WRITE_RESULT, json);
    if (r == 0)
        r = saver_put_write(s->saver, s->at, w->ids[i], WRITE_RESULT, w->tasks[i].name);
    return r != 0 ? err_trace(r) : 0;
}

static int apply(const struct superstep *s, const struct writing *w)
{
    const struct state_limits limits = run_state_limits(s->services);
    int r = run_check_sends(s->services, w->tasks, w->count, s->f);
    if (r == 0)
        r = saver_note_step(s->saver, s->at, w->tasks, w->count);
    if (r == 0)
        r = checkpoint_apply_outside(s->at, w->tasks, w->count, &limits, NULL, s->f);
    if (r == 0)
        r = superstep_new_metadata(s);
    return r != 0 ? refused(s, r) : superstep_checkpoint(s, SOURCE_UPDATE);
}

static int write_all(const struct superstep *s, const json_t *updates, struct writing *w)
{
    int r = 0;
    for (size_t i = 0; i < w->count && r == 0; i++)
        r = find_node(s, json_array_get(updates, i), w->count, &w->tasks[i].node);
    for (size_t i = 0; i < w->count && r == 0; i++)
        r = make_task(s, json_array_get(updates, i), w, i);
    for (size_t i = 0; i < w->count && r == 0; i++)
        r = save_result(s, w, i);
    return r != 0 ? r : apply(s, w);
}

int superstep_write(const struct superstep *s, const json_t *updates)
{
    struct writing w = { 0 };
    int r = s->with_pending ? superstep_apply_pending(s, false) : 0;
    if (r == 0)
        r = writing_init(&w, json_array_size(updates));
    if (r == 0)
        r = write_all(s, updates, &w);
    writing_deinit(&w);
    return r < 0 ? err_trace(r) : r;
}

/* ---- in the place of planned tasks ---- */

/* The id of the nth planned task of a node; "" if there is none. */
static void nth_task_id(const struct superstep *s, const char *node, size_t nth, char *ret)
{
    struct plan plan;
    sched_plan(s->at->sched, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        if (strcmp(planned_name(s->at->graph, &plan.tasks[i]), node) != 0)
            continue;
        if (nth-- > 0)
            continue;
        checkpoint_task_id(s->at, s->ns, &plan.tasks[i], ret);
        return;
    }
}

static int add_pairs_of(const json_t *pairs, const char *node, json_t *updates)
{
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair) {
        json_t *values = json_array_get(pair, 0);
        const char *name = json_string_value(json_array_get(pair, 1));
        if (name == NULL || strcmp(name, node) != 0)
            continue;
        json_t *update = json_pack("{s:O, s:s}", "values", values, "as_node", name);
        if (json_array_append_new(updates, update) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

static bool is_named_before(const json_t *pairs, size_t end, const char *node)
{
    for (size_t i = 0; i < end; i++)
        if (strcmp(json_string_value(json_array_get(json_array_get(pairs, i), 1)), node) == 0)
            return true;
    return false;
}

/* Grouped by node, in the order in which the nodes are first named. */
static int group(const struct superstep *s, const json_t *pairs, json_t *updates)
{
    size_t i;
    const json_t *pair;
    int r = 0;
    json_array_foreach(pairs, i, pair) {
        const char *node = json_string_value(json_array_get(pair, 1));
        if (node == NULL)
            return superstep_refuse(s, "each update of a copy is [values, node]");
        if (r == 0 && !is_named_before(pairs, i, node))
            r = add_pairs_of(pairs, node, updates);
    }
    return r;
}

static const char *node_of(const json_t *updates, size_t i)
{
    return json_string_value(json_object_get(json_array_get(updates, i), "as_node"));
}

static void take_ids(const struct superstep *s, const json_t *updates, struct writing *w)
{
    size_t nth = 0;
    for (size_t i = 0; i < w->count; i++) {
        const char *node = node_of(updates, i);
        bool goes_on = i > 0 && strcmp(node, node_of(updates, i - 1)) == 0;
        nth = goes_on ? nth + 1 : 0;
        nth_task_id(s, node, nth, w->ids[i]);
    }
}

int superstep_write_list(const struct superstep *s, const json_t *pairs)
{
    struct writing w = { 0 };
    json_auto_t *updates = json_array();
    int r = updates == NULL ? err_trace(ERR_NOMEM) : group(s, pairs, updates);
    if (r == 0)
        r = writing_init(&w, json_array_size(updates));
    if (r == 0) {
        take_ids(s, updates, &w);
        r = write_all(s, updates, &w);
    }
    writing_deinit(&w);
    return r < 0 ? err_trace(r) : r;
}
