/* Nodes of kind "act", and who of them goes on. */
#include "laws_rig.h"

/* xorshift */
static uint64_t next_random(struct laws *l)
{
    l->random ^= l->random << 13;
    l->random ^= l->random >> 7;
    l->random ^= l->random << 17;
    return l->random;
}

/* ---- tasks ---- */

static struct laws *laws_of(const struct task *task)
{
    return (struct laws *)task->node->kind->arg;
}

/* "sub:id|in:id" -> "sub/in" */
static void write_path(const char *ns, char *out, size_t size)
{
    size_t len = 0;
    for (const char *c = ns; *c != '\0' && len + 1 < size; c++) {
        if (*c == ':') {
            c += strcspn(c, "|");
            if (*c == '\0')
                break;
        }
        out[len++] = *c == '|' ? '/' : *c;
    }
    out[len] = '\0';
}

static size_t count_visits(const struct laws *l, const char *path)
{
    size_t count = 0;
    for (size_t i = 0; i < l->task_count; i++)
        count += strcmp(l->tasks[i].path, path) == 0;
    return count;
}

/* NULL: no memory. */
static struct laws_task *task_of(struct laws *l, struct task *task)
{
    const char *id = task_id(task);
    const char *ns = task_ns(task);
    if (id == NULL || ns == NULL)
        return NULL;
    for (size_t i = 0; i < l->task_count; i++)
        if (strcmp(l->tasks[i].id, id) == 0)
            return &l->tasks[i];
    ck_assert_uint_lt(l->task_count, LAWS_TASK_MAX);
    struct laws_task *t = &l->tasks[l->task_count];
    *t = (struct laws_task){ .visit = 0 };
    memcpy(t->id, id, ID_BYTES);
    write_path(ns, t->path, sizeof(t->path));
    t->visit = count_visits(l, t->path);
    l->task_count++;
    return t;
}

static int64_t root_step(const struct exec *e)
{
    while (e->parent != NULL)
        e = e->parent->exec;
    return e->at.step;
}

static void note_input(const struct laws *l, struct laws_task *t, const struct task *task)
{
    json_t *input = l->notes_nothing ? NULL : scope_input(&task->scope);
    free(t->input);
    t->input = input == NULL ? NULL : laws_text(input);
    json_decref(input);
}

static void remove_held(struct laws *l, const struct task *task)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->held_count; i++)
        if (l->held[i] != task)
            l->held[kept++] = l->held[i];
    l->held_count = kept;
}

static void start_act(struct task *task)
{
    struct laws *l = laws_of(task);
    struct run_task *t = (struct run_task *)(void *)task;
    if (l->delta_max > 0)
        t->exec->saver.delta_max = l->delta_max;
    if (l->is_dead)
        return;
    struct laws_task *known = task_of(l, task);
    if (known == NULL) {
        task_fault(task, ERR_NOMEM);
        return;
    }
    ck_assert_uint_lt(l->held_count, LAWS_TASK_MAX);
    l->held[l->held_count++] = task;
    task->data = known;
    known->start_count++;
    known->step = root_step(t->exec);
    l->start_count++;
    note_input(l, known, task);
}

/* What it still says must not be heard: it would be found in the state or in the store. */
static void cancel_act(struct task *task)
{
    struct update poison = { 0 };
    json_t *json = json_pack("{s:[s]}", "log", "poison");
    remove_held(laws_of(task), task);
    if (json != NULL && update_add_object(&poison, task->graph, json) == 0)
        task_finish(task, &poison);
    update_clear(&poison);
    json_decref(json);
}

static void release_act(struct task *task)
{
    remove_held(laws_of(task), task);
}

static int configure_act(struct setup *s, void **ret_config)
{
    (void)ret_config;
    setup_know_all(s);
    return 0;
}

/* ---- performing ---- */

/* One task on its way through its visit. */
struct performance {
    struct laws *laws;
    struct task *task;
    struct laws_task *known;
    json_t *input;
    json_t *results; /* array of what the node returns */
};

/* NULL: no memory. */
static json_t *fill(const struct performance *p, const json_t *json)
{
    const char *path = json_string_value(json_object_get(json, "$input"));
    const char *key;
    json_t *value, *copy;
    size_t i;

    if (path != NULL) {
        value = json_object_get(p->input, path);
        return value == NULL ? json_null() : json_incref(value);
    }
    if (json_is_object(json)) {
        copy = json_object();
        json_object_foreach((json_t *)json, key, value)
            if (copy != NULL && json_object_set_new(copy, key, fill(p, value)) != 0) {
                json_decref(copy);
                return NULL;
            }
        return copy;
    }
    if (json_is_array(json)) {
        copy = json_array();
        json_array_foreach(json, i, value)
            if (copy != NULL && json_array_append_new(copy, fill(p, value)) != 0) {
                json_decref(copy);
                return NULL;
            }
        return copy;
    }
    return json_incref((json_t *)json);
}

static void fail_with(struct task *task, const char *type)
{
    struct fail f = { 0 };
    fail_set(&f, FAIL_NODE, "as the script says");
    fail_set_type(&f, type);
    task_fail(task, &f);
}

enum act { ACT_ON, ACT_OVER /* the task has ended, or never will */ };

static enum act add_result(struct performance *p, json_t *take)
{
    if (json_array_append_new(p->results, take) == 0)
        return ACT_ON;
    task_fault(p->task, ERR_NOMEM);
    return ACT_OVER;
}

static enum act do_result(struct performance *p, const json_t *action)
{
    json_t *command = fill(p, action);
    json_t *result;
    if (json_object_del(command, "parent") == 0 &&
        json_object_set_new(command, "graph", json_string("PARENT")) != 0) {
        json_decref(command);
        command = NULL;
    }
    if (command != NULL && json_object_size(command) == 1 &&
        json_object_get(command, "update") != NULL) {
        result = json_incref(json_object_get(command, "update"));
        json_decref(command);
    } else {
        result = json_pack("{s:o}", "__command__", command);
    }
    return add_result(p, result);
}

static enum act do_ask(struct performance *p, const json_t *action)
{
    const json_t *question = json_object_get(action, "ask");
    const char *into = json_string_value(json_object_get(action, "into"));
    json_t *answer;
    if (p->laws->answers_inline) {
        answer = json_sprintf("re: %s", json_string_value(question));
    } else {
        const json_t *given = task_ask(p->task, json_incref((json_t *)question));
        if (given == NULL)
            return ACT_OVER;
        answer = json_incref((json_t *)given);
    }
    if (into == NULL) {
        json_decref(answer);
        return ACT_ON;
    }
    return add_result(p, json_pack("{s:o}", into, answer));
}

static enum act do_fail(struct performance *p, const json_t *action)
{
    json_int_t times = json_integer_value(json_object_get(action, "times"));
    if (p->laws->fails_never || p->known->fail_count >= (times == 0 ? 1 : times))
        return ACT_ON;
    p->known->fail_count++;
    fail_with(p->task, json_string_value(json_object_get(action, "fail")));
    return ACT_OVER;
}

/* If the node has a time limit, that passes now. */
static enum act do_hold(struct performance *p, const json_t *action)
{
    struct run_task *t = (struct run_task *)(void *)p->task;
    if (p->known->hold_count >= json_integer_value(json_object_get(action, "hold")))
        return ACT_ON;
    p->known->hold_count++;
    if (t->op.deadline != NULL)
        loop_timer_start(t->op.deadline, 0);
    else if (t->idle_timer != NULL)
        loop_timer_start(t->idle_timer, 0);
    return ACT_OVER;
}

static enum act do_custom(struct performance *p, const json_t *action)
{
    task_custom(p->task, json_incref(json_object_get(action, "custom")));
    return ACT_ON;
}

static enum act do_action(struct performance *p, const json_t *action)
{
    static const struct {
        const char *key;
        enum act (*act)(struct performance *p, const json_t *action);
    } acts[] = {
        { "ask", do_ask },       { "fail", do_fail },     { "hold", do_hold },
        { "custom", do_custom }, { "update", do_result }, { "goto", do_result },
    };
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        if (json_object_get(action, acts[i].key) != NULL)
            return acts[i].act(p, action);
    ck_abort_msg("no such action");
    return ACT_OVER;
}

static void end_with_results(struct performance *p)
{
    struct outcome outcome = { 0 };
    struct fail f = { 0 };
    json_t *result;
    size_t i;
    int r = 0;
    json_array_foreach(p->results, i, result)
        if (r == 0)
            r = outcome_add_result(&outcome, p->task->graph, p->task->node->name, result, &f);
    if (r == 0) {
        p->known->done_count++;
        task_decide(p->task, &outcome);
    } else if (r > 0) {
        task_fail(p->task, &f);
    } else {
        task_fault(p->task, r);
    }
    outcome_clear(&outcome);
    fail_clear(&f);
}

static const json_t *visit_of(const struct laws *l, const struct laws_task *known)
{
    const json_t *visits = json_object_get(l->script, known->path);
    size_t count = json_array_size(visits);
    if (count == 0)
        return NULL;
    return json_array_get(visits, known->visit < count ? known->visit : count - 1);
}

static void do_visit(struct performance *p)
{
    const json_t *actions = visit_of(p->laws, p->known);
    const json_t *action;
    size_t i;
    if (p->input == NULL || p->results == NULL) {
        task_fault(p->task, ERR_NOMEM);
        return;
    }
    json_array_foreach(actions, i, action)
        if (do_action(p, action) == ACT_OVER)
            return;
    end_with_results(p);
}

/* Law 6: what siblings have done meanwhile is not seen. */
static void check_input(const struct performance *p)
{
    if (p->input == NULL || p->laws->notes_nothing)
        return;
    char *text = laws_text(p->input);
    laws_check_text(text, p->known->input);
    free(text);
}

void laws_perform_one(struct laws *l)
{
    struct task *task = l->held[next_random(l) % l->held_count];
    struct performance p = { l, task, task->data, NULL, NULL };
    remove_held(l, task);
    p.known->perform_count++;
    if (++l->perform_count == l->fail_at_perform) {
        fail_with(task, "Injected");
        return;
    }
    p.input = scope_input(&task->scope);
    p.results = json_array();
    check_input(&p);
    do_visit(&p);
    json_decref(p.input);
    json_decref(p.results);
}

/* ---- the kind ---- */

void laws_stage_init(struct laws *l)
{
    struct kind_table own = node_kinds();
    ck_assert_uint_lt(own.count, sizeof(l->kinds) / sizeof(l->kinds[0]));
    memcpy(l->kinds, own.kinds, own.count * sizeof(l->kinds[0]));
    l->act = (struct node_kind){ .name = "act",
                                 .summary = "does what the script says",
                                 .configure = configure_act,
                                 .start = start_act,
                                 .cancel = cancel_act,
                                 .release = release_act,
                                 .arg = l };
    l->kinds[own.count] = &l->act;
    l->worker.services.kinds = (struct kind_table){ l->kinds, own.count + 1 };
}
