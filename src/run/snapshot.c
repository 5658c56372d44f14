/*
 * How a checkpoint looks from outside. The live one is not touched: what is pending is applied to
 * copies of its state and its marks.
 *
 *     state, marks -> (a command's writes) -> plan -> (writes of finished tasks) -> JSON
 *
 * Looking forgives: what cannot be applied any more, because the graph has changed or the step
 * would fail, is shown as not applied. JSON is put together with a sticky fault in struct view.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/checkpoint_inside.h"
#include <string.h>

struct view {
    const struct checkpoint *c;
    const struct snapshot_options *o;
    bool is_event;
    struct state *state;
    struct sched *sched;
    struct plan plan;      /* of sched */
    char (*ids)[ID_BYTES]; /* of the planned tasks */
    bool hides_finished;   /* their writes are in state, so they are not next any more */
    int fault;
};

/* ---- JSON with a sticky fault ---- */

static void put(struct view *v, json_t *object, const char *key, json_t *take)
{
    if (json_object_set_new(object, key, take) != 0)
        v->fault = err_trace(ERR_NOMEM);
}

static void push(struct view *v, json_t *array, json_t *take)
{
    if (json_array_append_new(array, take) != 0)
        v->fault = err_trace(ERR_NOMEM);
}

/* Shared, not copied: nobody may change it. */
static json_t *share(const json_t *json)
{
    return json_incref((json_t *)json);
}

static json_t *place(struct view *v, const char *ns, const char *id)
{
    json_t *json = json_object();
    put(v, json, "thread_id", json_string(v->o->thread_id));
    put(v, json, "checkpoint_ns", json_string(ns));
    if (id != NULL)
        put(v, json, "checkpoint_id", json_string(id));
    return json;
}

static json_t *configurable(struct view *v, json_t *take)
{
    json_t *json = json_object();
    put(v, json, "configurable", take);
    return json;
}

/* ---- what is pending ---- */

static const json_t *write_of(const struct view *v, size_t task, enum write_kind kind)
{
    return checkpoint_find_write(v->c, v->ids[task], kind);
}

/* As a command stands in LangGraph's pending writes: its gotos belong to the checkpoint behind it,
 * but its Sends are seen. */
static int fire_sends(struct sched *s, const struct outcome *o)
{
    int r = 0;
    for (size_t i = 0; i < o->target_count && r == 0; i++)
        if (o->targets[i].arg != NULL)
            r = sched_fire(s, NODE_NONE, &o->targets[i], 1);
    return r != 0 ? err_trace(r) : 0;
}

static int apply_command(struct view *v, const struct outcome *o, struct fail *f)
{
    struct task_writes writes = { "__input__", &o->update };
    struct state *next = NULL;
    int r = state_apply(v->state, &writes, 1, v->o->limits, &next, NULL, f);
    if (r != 0)
        return r;
    state_unref(v->state);
    v->state = next;
    return fire_sends(v->sched, o);
}

static int show_command(struct view *v, const json_t *json)
{
    struct outcome o = { 0 };
    struct fail f = { 0 };
    int r = outcome_decode(&o, v->c->graph, json, &f);
    if (r == 0)
        r = apply_command(v, &o, &f);
    outcome_clear(&o);
    fail_clear(&f);
    return r < 0 ? err_trace(r) : 0;
}

/* At a run's event the commands have been applied. */
static int show_commands(struct view *v)
{
    const json_t *json;
    size_t i;
    int r = 0;
    json_array_foreach(checkpoint_find_write(v->c, NULL_TASK_ID, WRITE_COMMAND), i, json)
        if (r == 0 && !v->is_event)
            r = show_command(v, json);
    return r;
}

static int apply_finished(struct view *v, const struct finished *finished, struct fail *f)
{
    struct task_writes *writes = mem_array(finished->count, sizeof(*writes));
    struct state *next = NULL;
    if (writes == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < finished->count; i++)
        writes[i] =
            (struct task_writes){ finished->tasks[i].name, &finished->tasks[i].outcome->update };
    int r = state_apply_step(v->state, writes, finished->count, v->o->limits, &next, NULL, f);
    mem_free(writes);
    if (r != 0)
        return r;
    state_unref(v->state);
    v->state = next;
    v->hides_finished = true;
    return 0;
}

static int show_finished(struct view *v)
{
    struct finished finished;
    struct fail f = { 0 };
    if (v->is_event || !v->o->with_pending)
        return 0;
    int r = finished_init(&finished, v->c, v->o->ns, &v->plan, &f);
    if (r == 0 && finished.has_any)
        r = apply_finished(v, &finished, &f);
    finished_deinit(&finished);
    fail_clear(&f);
    return r < 0 ? err_trace(r) : 0;
}

/* ---- tasks ---- */

static json_t *task_path(struct view *v, const struct planned *p)
{
    json_t *path = json_array();
    bool is_push = p->kind == PLANNED_PUSH;
    push(v, path, json_string(is_push ? "__pregel_push" : "__pregel_pull"));
    push(v, path,
         is_push ? json_integer((json_int_t)p->index) : json_string(planned_name(v->c->graph, p)));
    if (is_push)
        push(v, path, json_false());
    return path;
}

static json_t *task_error(const struct view *v, size_t task)
{
    const json_t *error = write_of(v, task, WRITE_ERROR);
    const char *name = json_string_value(json_object_get(error, "name"));
    const char *message = json_string_value(json_object_get(error, "message"));
    if (error == NULL || write_of(v, task, WRITE_RESULT) != NULL)
        return json_null();
    return json_sprintf("%s: %s", name != NULL ? name : "Error", message != NULL ? message : "");
}

static json_t *task_interrupts(const struct view *v, size_t task)
{
    const json_t *list = write_of(v, task, WRITE_INTERRUPT);
    return list == NULL || write_of(v, task, WRITE_RESULT) != NULL ? json_array() : share(list);
}

static bool is_shown(const struct view *v, const char *name)
{
    const struct graph *g = v->c->graph;
    int field = name != NULL ? graph_find_field(g, name) : -1;
    return field >= 0 && field_is_in_view(&g->fields[field], v->o->results);
}

/* One more write of a field: the second makes a list of them. */
static void add_result(struct view *v, json_t *result, json_t *counts, const json_t *pair)
{
    const char *name = json_string_value(json_array_get(pair, 0));
    json_t *value = json_array_get(pair, 1);
    json_t *many = json_object_get(counts, name);
    if (json_object_get(result, name) == NULL) {
        put(v, result, name, share(value));
        return;
    }
    if (many != NULL) {
        push(v, many, share(value));
        return;
    }
    json_t *wrapped = json_object();
    many = json_array();
    put(v, counts, name, share(many));
    push(v, many, share(json_object_get(result, name)));
    push(v, many, share(value));
    put(v, wrapped, "$writes", many);
    put(v, result, name, wrapped);
}

static json_t *task_result(struct view *v, size_t task)
{
    const json_t *json = write_of(v, task, WRITE_RESULT);
    json_t *result = json_object();
    json_auto_t *lists = json_object(); /* those of fields that were written more than once */
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(json, "update"), i, pair) {
        if (is_shown(v, json_string_value(json_array_get(pair, 0))))
            add_result(v, result, lists, pair);
    }
    if (result == NULL || lists == NULL)
        v->fault = err_trace(ERR_NOMEM);
    if (json_object_size(result) > 0)
        return result;
    json_decref(result);
    return json_null();
}

/* LangGraph's events name the place of a subgraph that keeps nothing, too. */
static bool has_place(const struct view *v, const struct planned *p)
{
    const struct subgraph *s = p->node >= 0 ? v->c->graph->nodes[p->node].subgraph : NULL;
    return s != NULL && (v->is_event || s->persistence != PERSIST_NONE);
}

/* Where the subgraph of a task is found; LangGraph does not say it of a failed one. */
static json_t *task_state(struct view *v, size_t task)
{
    const struct planned *p = &v->plan.tasks[task];
    if (!has_place(v, p) || write_of(v, task, WRITE_ERROR) != NULL)
        return json_null();
    char *ns = task_namespace(v->o->ns, planned_name(v->c->graph, p), v->ids[task]);
    if (ns == NULL)
        return NULL;
    json_t *json = configurable(v, place(v, ns, NULL));
    mem_free(ns);
    return json;
}

static json_t *task_json(struct view *v, size_t task)
{
    const struct planned *p = &v->plan.tasks[task];
    json_t *json = json_object();
    put(v, json, "id", json_string(v->ids[task]));
    put(v, json, "name", json_string(planned_name(v->c->graph, p)));
    put(v, json, "path", task_path(v, p));
    put(v, json, "error", task_error(v, task));
    put(v, json, "interrupts", task_interrupts(v, task));
    put(v, json, "state", task_state(v, task));
    put(v, json, "result", task_result(v, task));
    return json;
}

/* ---- the whole ---- */

static json_t *values(struct view *v)
{
    const struct graph *g = v->c->graph;
    json_t *json = json_object();
    for (size_t i = 0; i < g->field_count; i++) {
        struct value *value = state_get(v->state, (int)i);
        if (value != NULL && !g->fields[i].is_private)
            put(v, json, g->fields[i].name, share(value_json(value)));
    }
    return json;
}

static json_t *metadata(struct view *v)
{
    json_t *json = json_object();
    const char *key;
    json_t *given;
    put(v, json, "source", json_string(checkpoint_source_name(v->c->source)));
    put(v, json, "step", json_integer(v->c->step));
    put(v, json, "parents", share(v->c->parents));
    json_object_foreach(v->c->metadata, key, given) {
        if (json_object_get(json, key) == NULL)
            put(v, json, key, share(given));
    }
    put(v, json, "thread_id", json_string(v->o->thread_id));
    return json;
}

static json_t *next_names(struct view *v)
{
    json_t *names = json_array();
    for (size_t i = 0; i < v->plan.count; i++)
        if (!v->hides_finished || !checkpoint_counts(v->c, &v->plan.tasks[i], v->ids[i]))
            push(v, names, json_string(planned_name(v->c->graph, &v->plan.tasks[i])));
    return names;
}

static void put_tasks(struct view *v, json_t *json)
{
    json_t *tasks = json_array();
    json_t *interrupts = json_array();
    for (size_t i = 0; i < v->plan.count; i++) {
        json_t *task = task_json(v, i);
        if (json_array_extend(interrupts, json_object_get(task, "interrupts")) != 0)
            v->fault = err_trace(ERR_NOMEM);
        push(v, tasks, task);
    }
    put(v, json, "tasks", tasks);
    put(v, json, "interrupts", interrupts);
}

static void put_places(struct view *v, json_t *json)
{
    const struct checkpoint *c = v->c;
    const char *ns = v->o->ns;
    bool has_parent = c->parent_id[0] != '\0';
    put(v, json, "checkpoint", place(v, ns, c->id));
    put(v, json, "parent_checkpoint", has_parent ? place(v, ns, c->parent_id) : json_null());
    put(v, json, "config", configurable(v, place(v, ns, c->id)));
    put(v, json, "parent_config",
        has_parent ? configurable(v, place(v, ns, c->parent_id)) : json_null());
}

static json_t *build(struct view *v)
{
    json_t *json = json_object();
    put(v, json, "values", values(v));
    put(v, json, "next", next_names(v));
    put_tasks(v, json);
    put(v, json, "metadata", metadata(v));
    put(v, json, "created_at", json_string(v->c->created_at));
    put_places(v, json);
    return json;
}

static json_t *build_empty(void)
{
    return json_pack("{s:{}, s:[], s:[], s:[], s:n, s:n, s:n, s:n, s:n, s:n}", "values", "next",
                     "tasks", "interrupts", "metadata", "created_at", "checkpoint",
                     "parent_checkpoint", "config", "parent_config");
}

static int view_init(struct view *v)
{
    int r = sched_copy(v->c->sched, &v->sched);
    v->state = state_ref(v->c->state);
    if (r == 0)
        r = show_commands(v);
    if (r != 0)
        return err_trace(r);
    sched_plan(v->sched, &v->plan);
    v->ids = mem_array(v->plan.count, sizeof(*v->ids));
    if (v->ids == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < v->plan.count; i++)
        checkpoint_task_id(v->c, v->o->ns, &v->plan.tasks[i], v->ids[i]);
    return show_finished(v);
}

static void view_deinit(struct view *v)
{
    mem_free(v->ids);
    sched_free(v->sched);
    state_unref(v->state);
}

int checkpoint_snapshot(const struct checkpoint *c, const struct snapshot_options *o, bool is_event,
                        json_t **ret)
{
    struct view v = { .c = c, .o = o, .is_event = is_event };
    bool is_empty = c->id[0] == '\0';
    int r = is_empty ? 0 : view_init(&v);
    json_t *json = r != 0 ? NULL : is_empty ? build_empty() : build(&v);
    view_deinit(&v);
    if (r == 0 && (json == NULL || v.fault != 0))
        r = ERR_NOMEM;
    if (r != 0) {
        json_decref(json);
        return err_trace(r);
    }
    *ret = json;
    return 0;
}
