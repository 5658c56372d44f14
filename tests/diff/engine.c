/*
 * The engine's side of the differential test: cases on standard input, traces on standard output;
 * FORMAT.md has both.
 *
 * Of the format this version does what the engine has: graphs of script nodes with plain edges,
 * joins and switches, runs with an input, the modes values and updates, retries and failures. A
 * case with more than that is answered with an error line, so run.mjs is to be told which features
 * to mix.
 */
#include "base/jsonx.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/parse.h"
#include "graph/setup.h"
#include "run/hub.h"
#include "run/worker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH = 100, LINE_BYTES = 1 << 24, ALONE_POLLS = 10, POLL_US = 1000 };

/* ---- the case at work ---- */

/* A node has one task at a time, so what the format ties to a task can be kept here. */
struct visitor {
    char *path;
    size_t next_visit;
    size_t visit;
    json_t *failed; /* array: how often the action at this place has failed in this task */
};

static struct {
    struct worker *worker;
    json_t *script;
    struct visitor **visitors;
    size_t visitor_count;
    int busy;            /* scripts at work that do not wait to be alone */
    struct list waiting; /* those that do, in the order in which they began */
    long serial;         /* of the script that began last */
} now;

static struct visitor *visitor_of(const char *path)
{
    struct visitor *v;

    for (size_t i = 0; i < now.visitor_count; i++) {
        if (strcmp(now.visitors[i]->path, path) == 0)
            return now.visitors[i];
    }
    v = mem_zalloc(sizeof(*v));
    v->path = mem_strdup(path);
    now.visitors = mem_realloc(now.visitors, (now.visitor_count + 1) * sizeof(v));
    now.visitors[now.visitor_count++] = v;
    return v;
}

static void forget_visitors(void)
{
    for (size_t i = 0; i < now.visitor_count; i++) {
        mem_free(now.visitors[i]->path);
        json_decref(now.visitors[i]->failed);
        mem_free(now.visitors[i]);
    }
    now.visitors = mem_free(now.visitors);
    now.visitor_count = 0;
}

/* ---- a script node ---- */

struct script {
    struct list node; /* in now.waiting */
    long serial;
    struct task *task;
    struct visitor *visitor;
    const json_t *actions;
    size_t at;
    int polls;
    struct loop_timer *timer;
    struct update update;
    bool is_waiting_alone;
};

/* {"$input": path} at any depth, replaced. */
static json_t *filled(const struct scope *scope, const json_t *json)
{
    const char *text =
        json_object_size(json) == 1 ? json_string_value(json_object_get(json, "$input")) : NULL;
    json_t *copy;
    const char *key;
    json_t *value;
    size_t i;

    if (text != NULL) {
        struct path *path = NULL;
        const json_t *found =
            path_parse(text, strlen(text), &path) == 0 ? path_find(path, scope) : NULL;
        path_free(path);
        return found == NULL ? json_null() : json_incref((json_t *)found);
    }
    if (json_is_object(json)) {
        copy = json_object();
        json_object_foreach((json_t *)json, key, value)
            json_object_set_new(copy, key, filled(scope, value));
        return copy;
    }
    if (json_is_array(json)) {
        copy = json_array();
        json_array_foreach(json, i, value)
            json_array_append_new(copy, filled(scope, value));
        return copy;
    }
    return json_incref((json_t *)json);
}

static bool fails_now(struct script *s, const json_t *fail)
{
    json_int_t times = json_is_integer(json_object_get(fail, "times"))
                           ? json_integer_value(json_object_get(fail, "times"))
                           : 1;
    json_int_t before;

    while (json_array_size(s->visitor->failed) <= s->at)
        json_array_append_new(s->visitor->failed, json_integer(0));
    before = json_integer_value(json_array_get(s->visitor->failed, s->at));
    json_array_set_new(s->visitor->failed, s->at, json_integer(before + 1));
    return before < times;
}

static void end_with_fail(struct script *s, const json_t *fail)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_NODE, "%s", json_string_value(json_object_get(fail, "message")));
    fail_set_type(&f, json_string_value(json_object_get(fail, "error")));
    task_fail(s->task, &f);
}

static void end_with_surprise(struct script *s, const char *what)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_NODE, "this engine cannot do the action %s", what);
    fail_set_type(&f, "NotInThisVersion");
    task_fail(s->task, &f);
}

static void begin_alone(struct script *s)
{
    struct list *after = now.waiting.prev;

    while (after != &now.waiting && LIST_OF(after, struct script, node)->serial > s->serial)
        after = after->prev;
    list_add_tail(after->next, &s->node); /* in front of the one behind */
    s->is_waiting_alone = true;
    s->polls = 0;
    now.busy--;
    loop_timer_start(s->timer, POLL_US);
}

static bool is_first_alone(const struct script *s)
{
    return now.busy == 0 && now.waiting.next == &s->node;
}

static void end_alone(struct script *s)
{
    list_remove(&s->node);
    s->is_waiting_alone = false;
    now.busy++;
}

/* ---- actions: true: go on with the next one; false: the script waits or has ended ---- */

static bool do_sleep(struct script *s, const json_t *ms)
{
    s->at++;
    loop_timer_start(s->timer, json_integer_value(ms) * 1000);
    return false;
}

static bool do_alone(struct script *s, const json_t *given)
{
    (void)given;
    s->at++;
    begin_alone(s);
    return false;
}

static bool do_fail(struct script *s, const json_t *fail)
{
    if (fails_now(s, fail)) {
        end_with_fail(s, fail);
        return false;
    }
    s->at++;
    return true;
}

static bool do_update(struct script *s, const json_t *update)
{
    json_t *object = filled(&s->task->scope, update);

    update_add_object(&s->update, s->task->graph, object);
    json_decref(object);
    s->at++;
    return true;
}

static bool do_action(struct script *s, const json_t *action)
{
    static const struct {
        const char *name;
        bool (*act)(struct script *s, const json_t *given);
    } acts[] = {
        { "sleep_ms", do_sleep },
        { "alone", do_alone },
        { "fail", do_fail },
        { "update", do_update },
    };
    const char *name = json_object_iter_key(json_object_iter((json_t *)action));

    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (json_object_size(action) == 1 && strcmp(acts[i].name, name) == 0)
            return acts[i].act(s, json_object_get(action, name));
    }
    end_with_surprise(s, name == NULL ? "{}" : name);
    return false;
}

static void go_on(struct script *s)
{
    const json_t *action;

    while ((action = json_array_get(s->actions, s->at)) != NULL) {
        if (!do_action(s, action))
            return;
    }
    task_finish(s->task, &s->update);
}

static void on_timer(void *arg)
{
    struct script *s = arg;

    if (s->is_waiting_alone) {
        s->polls = is_first_alone(s) ? s->polls + 1 : 0;
        if (s->polls < ALONE_POLLS) {
            loop_timer_start(s->timer, POLL_US);
            return;
        }
        end_alone(s);
    }
    go_on(s);
}

static void script_start(struct task *task)
{
    struct script *s = mem_zalloc(sizeof(*s));
    struct visitor *v = visitor_of(task->node->name);
    const json_t *visits = json_object_get(now.script, task->node->name);

    if (task->attempt == 1) {
        v->visit = v->next_visit++;
        json_decref(v->failed);
        v->failed = json_array();
    }
    *s = (struct script){ .task = task, .visitor = v, .serial = now.serial++ };
    list_init(&s->node);
    if (json_array_size(visits) > 0) {
        size_t last = json_array_size(visits) - 1;
        s->actions = json_array_get(visits, v->visit < last ? v->visit : last);
    }
    update_init(&s->update);
    task->data = s;
    now.busy++;
    if (loop_timer_new(task->services->loop, on_timer, s, &s->timer) != 0)
        abort();
    go_on(s);
}

static void script_release(struct task *task)
{
    struct script *s = task->data;

    if (!s->is_waiting_alone)
        now.busy--;
    list_remove(&s->node);
    loop_timer_free(s->timer);
    update_clear(&s->update);
    mem_free(s);
}

static int script_configure(struct setup *setup, void **ret_config)
{
    (void)ret_config;
    setup_know_all(setup);
    return 0;
}

static const struct node_kind script_kind = {
    .name = "script",
    .summary = "does what the case says",
    .configure = script_configure,
    .start = script_start,
    .release = script_release,
};

/* ---- traces ---- */

static void print_line(json_t *line)
{
    char *text = jsonx_text(line, LINE_BYTES, NULL);

    puts(text == NULL ? "{}" : text);
    mem_free(text);
    json_decref(line);
}

static void print_error(json_int_t step, const char *class, const char *message)
{
    print_line(json_pack("{s:I, s:{s:s, s:s}}", "step", step, "error", "class", class, "message",
                         message));
}

static json_t *parsed(const char *bytes, size_t len)
{
    struct jsonx_error error;
    json_t *json = NULL;

    return jsonx_parse(bytes, len, DEPTH, &json, &error) == 0 ? json : json_null();
}

struct reading {
    struct reader *reader;
    json_int_t step;
    unsigned asked;
    json_t *values; /* of the last event, asked for or not */
    bool is_over;
};

static void read_events(void *arg)
{
    struct reading *r = arg;
    struct run_event event;
    enum reader_result what;

    while ((what = reader_next(r->reader, &event)) == READER_EVENT) {
        json_t *data = parsed(event.data, event.data_len_bytes);
        if ((mode_find(event.name) & r->asked) != 0)
            print_line(json_pack("{s:I, s:s, s:[], s:O}", "step", r->step, "event", event.name,
                                 "ns", "data", data));
        if (strcmp(event.name, "values") == 0) {
            json_decref(r->values);
            r->values = json_incref(data);
        }
        json_decref(data);
    }
    r->is_over = what == READER_END;
}

static void print_end(const struct reading *r, const struct run *run)
{
    const struct fail *f = run_fail(run);

    if (fail_is_set(f))
        print_error(r->step, fail_type(f), fail_message(f));
    else
        print_line(json_pack("{s:I, s:o, s:[]}", "step", r->step, "result",
                             r->values == NULL ? json_null() : json_incref(r->values),
                             "interrupts"));
}

/* ---- steps ---- */

static unsigned modes_of(const json_t *step)
{
    unsigned modes = 0;
    const json_t *name;
    size_t i;

    json_array_foreach(json_object_get(step, "modes"), i, name)
        modes |= mode_find(json_string_value(name));
    return modes;
}

static void do_run(json_int_t number, struct graph *graph, const json_t *step)
{
    struct run_request req = {
        .graph = graph,
        .input = json_object_get(step, "input"),
        .recursion_limit =
            json_integer_value(json_object_get(json_object_get(step, "config"), "recursion_limit")),
        .modes = modes_of(step) | MODE_VALUES,
    };
    struct reading reading = { .step = number, .asked = modes_of(step) };
    struct run *run = NULL;
    struct fail f = { 0 };

    if (run_start(now.worker->runs, &req, &run, &f) != 0 ||
        reader_open(run, req.modes, read_events, &reading, &reading.reader) != 0)
        abort();
    read_events(&reading);
    (void)loop_run_until(now.worker->loop, &reading.is_over);
    print_end(&reading, run);
    json_decref(reading.values);
    reader_close(reading.reader);
    run_unref(run);
}

static void do_steps(struct graph *graph, const json_t *steps)
{
    const json_t *step;
    size_t i;

    json_array_foreach(steps, i, step) {
        const char *what = json_string_value(json_object_get(step, "do"));
        if (what != NULL && strcmp(what, "run") == 0)
            do_run((json_int_t)i, graph, step);
        else
            print_error((json_int_t)i, "NotInThisVersion", "this engine has no such step");
    }
}

static void do_case(const json_t *one)
{
    static const struct node_kind *const kinds[] = { &script_kind };
    struct kind_table table = { .kinds = kinds, .count = 1 };
    struct builder_limits limits = worker_builder_limits(now.worker->conf);
    struct problems problems;
    struct graph *graph = NULL;
    size_t len = 0;
    char *text = jsonx_text(json_object_get(one, "graph"), LINE_BYTES, &len);

    problems_init(&problems);
    now.script = json_object_get(one, "script");
    if (text == NULL ||
        graph_parse(&table, &limits, "case.json", text, len, &problems, &graph) != 0)
        print_error(-1, "InvalidGraph", buf_text(&problems.text));
    else
        do_steps(graph, json_object_get(one, "steps"));
    graph_unref(graph);
    problems_deinit(&problems);
    mem_free(text);
    forget_visitors();
}

static void do_line(const char *line, size_t len)
{
    json_t *one = parsed(line, len);

    if (json_is_object(one))
        do_case(one);
    else
        print_error(-1, "InvalidCase", "a line is not a JSON object");
    print_line(
        json_pack("{s:O}", "done", json_is_object(one) ? json_object_get(one, "name") : one));
    fflush(stdout);
    json_decref(one);
}

int main(void)
{
    struct conf conf = { 0 };
    struct worker worker;
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    mem_init();
    log_level_set(LOG_ERROR);
    if (conf_default(&conf) != 0 || worker_init(&worker, &conf, environ) != 0)
        return 1;
    now.worker = &worker;
    list_init(&now.waiting);
    while ((len = getline(&line, &size, stdin)) > 0)
        do_line(line, (size_t)len);
    free(line); /* getline's */
    worker_deinit(&worker);
    conf_deinit(&conf);
    return 0;
}
