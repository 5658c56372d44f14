/*
 * A script goes from action to action until one waits (a timer comes back to it) or ends the task.
 *
 *     go_on -> action ... action -> end_with_results
 *       ^         | sleep_ms, alone
 *       '-- on_timer
 */
#include "script.h"
#include "base/mem.h"
#include "graph/setup.h"
#include "must.h"
#include <string.h>

enum { ALONE_POLLS = 10, POLL_US = 1000 };

struct script {
    struct list node; /* in stage->waiting */
    struct stage *stage;
    struct task *task;
    struct visit *visit;
    long serial;
    size_t at;
    int polls;
    struct loop_timer *timer;
    json_t *results; /* array of {"update"?, "goto"?, "parent"?} */
    json_t *answers; /* object: field -> answer */
    bool is_waiting_alone;
    bool is_over;
};

/* ---- being alone ---- */

static void begin_alone(struct script *s)
{
    struct list *after = s->stage->waiting.prev;

    while (after != &s->stage->waiting && LIST_OF(after, struct script, node)->serial > s->serial)
        after = after->prev;
    list_add_tail(after->next, &s->node); /* in front of the one behind */
    s->is_waiting_alone = true;
    s->polls = 0;
    s->stage->busy--;
    loop_timer_start(s->timer, POLL_US);
}

static void end_alone(struct script *s)
{
    list_remove(&s->node);
    s->is_waiting_alone = false;
    s->stage->busy++;
}

/* True: it has been alone for long enough. */
static bool poll_alone(struct script *s)
{
    bool is_alone = s->stage->busy == 0 && s->stage->waiting.next == &s->node;

    s->polls = is_alone ? s->polls + 1 : 0;
    if (s->polls == ALONE_POLLS)
        return true;
    loop_timer_start(s->timer, POLL_US);
    return false;
}

/* ---- ends ---- */

/* Before the task is told, which may begin other scripts. */
static void leave(struct script *s)
{
    if (s->is_over)
        return;
    s->is_over = true;
    if (s->is_waiting_alone)
        end_alone(s);
    s->stage->busy--;
    loop_timer_stop(s->timer);
}

static void end_with_fail(struct script *s, struct fail *f)
{
    leave(s);
    task_fail(s->task, f);
}

static void end_with_class(struct script *s, const char *class, const char *message)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_NODE, "%s", message == NULL ? "" : message);
    fail_set_type(&f, class == NULL ? "Error" : class);
    end_with_fail(s, &f);
}

/* What the first result lacks comes from the answers. */
static void add_answers(struct script *s)
{
    json_t *first;
    json_t *update;

    if (json_object_size(s->answers) == 0)
        return;
    if (json_array_size(s->results) == 0)
        must_do(json_array_append_new(s->results, json_object()));
    first = json_array_get(s->results, 0);
    update = must(json_copy(s->answers));
    if (json_object_get(first, "update") != NULL)
        must_do(json_object_update(update, json_object_get(first, "update")));
    must_do(json_object_set_new(first, "update", update));
}

static json_t *as_command(const json_t *result)
{
    json_t *command = must(json_copy((json_t *)result));

    if (json_object_del(command, "parent") == 0)
        must_do(json_object_set_new(command, "graph", json_string("PARENT")));
    return must(json_pack("{s:o}", "__command__", command));
}

static bool is_update_only(const json_t *result)
{
    return json_object_size(result) == 1 && json_object_get(result, "update") != NULL;
}

/* What the node returns; a new reference. */
static json_t *returned(struct script *s)
{
    json_t *list;
    json_t *result;
    size_t i;

    add_answers(s);
    if (json_array_size(s->results) == 0)
        return json_null();
    result = json_array_get(s->results, 0);
    if (json_array_size(s->results) == 1 && is_update_only(result))
        return json_share(json_object_get(result, "update"));
    list = must(json_array());
    json_array_foreach(s->results, i, result)
        must_do(json_array_append_new(list, as_command(result)));
    return list;
}

static void end_with_results(struct script *s)
{
    struct outcome outcome = { 0 };
    struct fail f = { 0 };
    json_t *result = returned(s);
    int r = outcome_add_result(&outcome, s->task->graph, s->task->node->name, result, &f);

    json_decref(result);
    leave(s);
    if (r == 0)
        task_decide(s->task, &outcome);
    else if (r == OUTCOME_E_REFUSED)
        task_fail(s->task, &f);
    else
        task_fault(s->task, r);
    outcome_clear(&outcome);
}

/* ---- {"$input": path} ---- */

static json_t *input_at(const struct scope *scope, const char *text)
{
    struct path *path = NULL;
    const json_t *found =
        path_parse(text, strlen(text), &path) == 0 ? path_find(path, scope) : NULL;
    json_t *kept = json_share(found);

    path_free(path);
    return kept;
}

/* A new value in which every {"$input": path} is replaced. */
static json_t *filled(const struct scope *scope, const json_t *json)
{
    const char *path = json_string_value(json_object_get(json, "$input"));
    json_t *copy;
    const char *key;
    json_t *value;
    size_t i;

    if (path != NULL && json_object_size(json) == 1)
        return input_at(scope, path);
    if (json_is_object(json)) {
        copy = must(json_object());
        json_object_foreach((json_t *)json, key, value)
            must_do(json_object_set_new(copy, key, filled(scope, value)));
        return copy;
    }
    if (json_is_array(json)) {
        copy = must(json_array());
        json_array_foreach(json, i, value)
            must_do(json_array_append_new(copy, filled(scope, value)));
        return copy;
    }
    return json_share(json);
}

/* ---- actions. True: go on with the next one; false: the script waits or has ended ---- */

static bool do_sleep(struct script *s, const json_t *action)
{
    s->at++;
    loop_timer_start(s->timer, json_integer_value(json_object_get(action, "sleep_ms")) * 1000);
    return false;
}

static bool do_alone(struct script *s, const json_t *action)
{
    (void)action;
    s->at++;
    begin_alone(s);
    return false;
}

static bool do_custom(struct script *s, const json_t *action)
{
    task_custom(s->task, filled(&s->task->scope, json_object_get(action, "custom")));
    s->at++;
    return true;
}

static bool do_interrupt(struct script *s, const json_t *action)
{
    json_t *question = filled(&s->task->scope, json_object_get(action, "interrupt"));
    const char *into = json_string_value(json_object_get(action, "into"));
    const json_t *answer = task_ask(s->task, question);

    if (answer == NULL) {
        leave(s);
        return false;
    }
    if (into != NULL)
        must_do(json_object_set_new(s->answers, into, json_share(answer)));
    s->at++;
    return true;
}

static bool do_fail(struct script *s, const json_t *action)
{
    const json_t *fail = json_object_get(action, "fail");
    const json_t *times = json_object_get(fail, "times");

    if (visit_fails(s->visit, s->at, times == NULL ? 1 : json_integer_value(times))) {
        end_with_class(s, json_string_value(json_object_get(fail, "error")),
                       json_string_value(json_object_get(fail, "message")));
        return false;
    }
    s->at++;
    return true;
}

static bool do_result(struct script *s, const json_t *action)
{
    json_t *result = filled(&s->task->scope, action);

    must_do(json_array_append_new(s->results, result));
    s->at++;
    return true;
}

static bool do_action(struct script *s, const json_t *action)
{
    static const struct {
        const char *key;
        bool (*act)(struct script *s, const json_t *action);
    } acts[] = {
        { "sleep_ms", do_sleep },      { "alone", do_alone },   { "custom", do_custom },
        { "interrupt", do_interrupt }, { "fail", do_fail },     { "update", do_result },
        { "goto", do_result },         { "parent", do_result },
    };

    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (json_object_get(action, acts[i].key) != NULL)
            return acts[i].act(s, action);
    }
    end_with_class(s, "InvalidCase", "an action that the engine's driver does not know");
    return false;
}

static void go_on(struct script *s)
{
    const json_t *action;

    while ((action = json_array_get(s->visit->actions, s->at)) != NULL) {
        if (!do_action(s, action))
            return;
    }
    end_with_results(s);
}

static void on_timer(void *arg)
{
    struct script *s = arg;

    if (s->is_waiting_alone) {
        if (!poll_alone(s))
            return;
        end_alone(s);
    }
    go_on(s);
}

/* ---- the kind ---- */

static void script_start(struct task *task)
{
    struct stage *stage = LIST_OF(task->node->kind, struct script_kind, kind)->stage;
    struct script *s = must(mem_zalloc(sizeof(*s)));

    *s = (struct script){
        .stage = stage,
        .task = task,
        .visit = stage_visit(stage, task),
        .serial = stage->serial++,
        .results = must(json_array()),
        .answers = must(json_object()),
    };
    list_init(&s->node);
    task->data = s;
    stage->busy++;
    must_do(loop_timer_new(task->services->loop, on_timer, s, &s->timer));
    go_on(s);
}

static void script_cancel(struct task *task)
{
    leave(task->data);
}

static void script_release(struct task *task)
{
    struct script *s = task->data;

    leave(s);
    loop_timer_free(s->timer);
    json_decref(s->results);
    json_decref(s->answers);
    mem_free(s);
}

static int script_configure(struct setup *setup, void **ret_config)
{
    (void)ret_config;
    setup_know_all(setup);
    return 0;
}

struct script_kind script_kind_of(struct stage *stage)
{
    return (struct script_kind){
        .kind = {
            .name = "script",
            .summary = "does what the case says",
            .configure = script_configure,
            .start = script_start,
            .cancel = script_cancel,
            .release = script_release,
        },
        .stage = stage,
    };
}
