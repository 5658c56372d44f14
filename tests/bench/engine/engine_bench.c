/*
 * usage: engine_bench CASE.json
 *
 * Measures one case of cases.py on the engine alone and prints a JSON object: how many microseconds
 * a run takes, or, for a case with "held", how much memory one needs while it waits. Nothing is
 * sent, stored or streamed, and the log keeps no mode.
 *
 * The runs of a round begin one after the other, each when its predecessor has ended. Who finds
 * that out is a piece of work that queues itself behind the run's own on the ready list, so that
 * turns of the loop are not what is measured.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/parse.h"
#include "graph/setup.h"
#include "run/worker.h"
#include "script/script.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARM_US = 300000, ROUND_US = 50000, ROUNDS = 21 };

struct bench {
    struct conf conf;
    struct worker worker;
    struct node_kind put, hold;
    const struct node_kind *kinds[3];
    struct graph *graph;
    const json_t *input;
    json_int_t expect;

    /* a round */
    struct loop_work follow;
    struct run *run;
    long left;
    bool is_over;

    /* runs that wait */
    struct task **held;
    size_t held_count;
    size_t held_wanted;
    json_int_t wait_ms; /* 0: they wait for finish() */
    size_t put_count;   /* tasks that have written */
    bool is_held;
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "engine_bench: %s\n", what); /* there is nobody else to tell */
    exit(1);
}

static void must(int r, const char *what)
{
    if (r != 0)
        die(what);
}

static void *must_have(void *p)
{
    if (p == NULL)
        die("no memory");
    return p;
}

/* ---- kinds: {"values": {field: constant}} ---- */

struct constant {
    int field;
    json_t *json;
};
struct constants {
    size_t count;
    struct constant list[];
};

static int configure(struct setup *s, void **ret_config)
{
    const json_t *values = setup_json(s, "values", true);
    struct constants *c =
        mem_zalloc(sizeof(*c) + json_object_size(values) * sizeof(struct constant));
    const char *name;
    json_t *json;

    if (c == NULL)
        return err_trace(ERR_NOMEM);
    json_object_foreach((json_t *)values, name, json) {
        int field = graph_find_field(setup_graph(s), name);
        if (field < 0)
            setup_problem(s, "values", NULL, "no field \"%s\"", name);
        c->list[c->count++] = (struct constant){ field, json_incref(json) };
    }
    *ret_config = c;
    return 0;
}

static void config_free(void *config)
{
    struct constants *c = config;

    for (size_t i = 0; c != NULL && i < c->count; i++)
        json_decref(c->list[i].json);
    mem_free(c);
}

/* New values each time, as a node would make them: what was encoded once would cost nothing the
 * next time. */
static void finish(struct task *task)
{
    const struct constants *c = task->node->config;
    struct bench *b = (struct bench *)task->node->kind->arg;
    struct update update;
    int r = 0;

    update_init(&update);
    for (size_t i = 0; r == 0 && i < c->count; i++) {
        struct value *value = NULL;
        r = value_new_take(json_incref(c->list[i].json), &value);
        if (r == 0)
            r = update_add_take(&update, c->list[i].field, value);
    }
    must(r, "no memory");
    b->put_count++;
    task_finish(task, &update);
}

static void hold(struct task *task)
{
    struct bench *b = (struct bench *)task->node->kind->arg;

    b->held[b->held_count++] = task;
    b->is_held = b->held_count == b->held_wanted;
}

/* ---- set-up ---- */

static void add_kinds(struct bench *b)
{
    b->put = (struct node_kind){
        .name = "put", .configure = configure, .config_free = config_free, .start = finish, .arg = b
    };
    b->hold = b->put;
    b->hold.name = "hold";
    b->hold.start = hold;
    b->kinds[0] = &b->put;
    b->kinds[1] = &b->hold;
    b->kinds[2] = &node_lua;
    b->worker.services.kinds = (struct kind_table){ b->kinds, 3 };
}

static int load_json(struct bench *b, const json_t *spec, const struct builder_limits *limits,
                     struct problems *problems)
{
    char *text MEM_AUTO(mem_freep) = must_have(json_dumps(spec, 0));

    return graph_parse(&b->worker.services.kinds, limits, "case.json", text, strlen(text), problems,
                       &b->graph);
}

static int load_lua(struct bench *b, const json_t *text, const struct builder_limits *limits,
                    struct problems *problems)
{
    const struct script_tools tools = {
        .conf = &b->conf, .kinds = &b->worker.services.kinds, .limits = limits
    };

    return script_load_graph(&tools, "case.lua", json_string_value(text), json_string_length(text),
                             problems, &b->graph);
}

static void load_graph(struct bench *b, const json_t *spec)
{
    struct builder_limits limits = worker_builder_limits(&b->conf);
    const json_t *lua = json_object_get(spec, "lua");
    struct problems problems;

    problems_init(&problems);
    int r = lua != NULL ? load_lua(b, lua, &limits, &problems)
                        : load_json(b, json_object_get(spec, "graph"), &limits, &problems);
    must(r, buf_text(&problems.text));
    problems_deinit(&problems);
}

static void set_up(struct bench *b, const json_t *spec)
{
    static char *no_env[] = { NULL };

    log_level_set(LOG_ERROR);
    must(conf_default(&b->conf), "no settings");
    mem_free(b->conf.database);
    b->conf.database = mem_strdup("memory:");
    b->held_wanted = (size_t)json_integer_value(json_object_get(spec, "held"));
    b->wait_ms = json_integer_value(json_object_get(spec, "wait_ms"));
    b->conf.max_runs = (int64_t)b->held_wanted + 1;
    must(worker_init(&b->worker, &b->conf, no_env), "no worker");
    add_kinds(b);
    load_graph(b, spec);
    b->input = json_object_get(spec, "input");
    b->expect = json_integer_value(json_object_get(spec, "expect"));
}

static void tear_down(struct bench *b)
{
    graph_unref(b->graph);
    worker_deinit(&b->worker);
    conf_deinit(&b->conf);
}

/* ---- runs ---- */

static struct run *start(struct bench *b)
{
    struct run_request req = { .graph = b->graph, .input = b->input };
    struct run *run = NULL;
    struct fail f = { 0 };

    if (run_start(b->worker.runs, &req, &run, &f) != 0)
        die(fail_message(&f));
    return run;
}

/* Gives the run back, which must have ended as the case says. */
static void check_end(const struct bench *b, struct run *run)
{
    struct value *n = NULL;

    if (run_status(run) != RUN_SUCCESS)
        die(fail_message(run_fail(run)));
    n = state_get(run_state(run), graph_find_field(b->graph, "n"));
    if (n == NULL || json_integer_value(value_json(n)) != b->expect)
        die("a run ended with another n than the case expects");
    run_unref(run);
}

static void follow(void *arg)
{
    struct bench *b = arg;

    if (run_has_ended(b->run)) {
        check_end(b, b->run);
        b->is_over = --b->left == 0;
        if (b->is_over)
            return;
        b->run = start(b);
    }
    loop_ready(b->worker.loop, &b->follow);
}

static int64_t round_us(struct bench *b, long runs)
{
    int64_t begin_us = clock_mono_us();

    b->left = runs;
    b->is_over = false;
    b->run = start(b);
    loop_ready(b->worker.loop, &b->follow);
    must(loop_run_until(b->worker.loop, &b->is_over), "the loop failed");
    return clock_mono_us() - begin_us;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void measure_time(struct bench *b)
{
    int64_t warm_us = 0;
    long warm_runs = 0;
    double us[ROUNDS];

    loop_work_init(&b->follow, follow, b);
    for (; warm_us < WARM_US; warm_runs++)
        warm_us += round_us(b, 1);
    long runs = 1 + (long)((int64_t)ROUND_US * warm_runs / warm_us);
    for (int i = 0; i < ROUNDS; i++)
        us[i] = (double)round_us(b, runs) / (double)runs;
    qsort(us, ROUNDS, sizeof(us[0]), compare);
    printf("{\"us\":%.3f,\"least_us\":%.3f,\"rounds\":%d,\"runs\":%ld}\n", us[ROUNDS / 2], us[0],
           ROUNDS, runs);
}

/* ---- memory ---- */

static long resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long total, resident;

    if (f == NULL || fscanf(f, "%ld %ld", &total, &resident) != 2)
        die("/proc/self/statm cannot be read");
    (void)fclose(f); /* it was only read */
    return resident * sysconf(_SC_PAGESIZE);
}

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

static void end_all(struct bench *b, struct run **runs)
{
    bool is_idle = false;

    for (size_t i = 0; i < b->held_count; i++)
        finish(b->held[i]);
    runs_drain(b->worker.runs, set_true, &is_idle);
    must(loop_run_until(b->worker.loop, &is_idle), "the loop failed");
    for (size_t i = 0; i < b->held_wanted; i++)
        check_end(b, runs[i]);
    if (runs_active(b->worker.runs) != 0 || loop_op_count(b->worker.loop) != 0)
        die("a run or an op is left");
}

/* Until all runs are behind their first node, and wait in the second. */
static void wait_until_held(struct bench *b)
{
    struct loop_timer *timer = NULL;

    if (b->wait_ms > 0) {
        must(loop_timer_new(b->worker.loop, set_true, &b->is_held, &timer), "no timer");
        loop_timer_start(timer, b->wait_ms * 1000);
    }
    must(loop_run_until(b->worker.loop, &b->is_held), "the loop failed");
    loop_timer_free(timer);
    if (b->put_count != b->held_wanted)
        die("not every run is behind its first node, or one is behind its second");
}

static void measure_memory(struct bench *b)
{
    struct run **runs = must_have(mem_array(b->held_wanted, sizeof(struct run *)));

    b->held = must_have(mem_array(b->held_wanted, sizeof(struct task *)));
    memset(b->held, 1, b->held_wanted * sizeof(struct task *)); /* resident before the count */
    memset(runs, 1, b->held_wanted * sizeof(struct run *));
    long before = resident_bytes();
    for (size_t i = 0; i < b->held_wanted; i++)
        runs[i] = start(b);
    wait_until_held(b);
    long with = resident_bytes();
    end_all(b, runs);
    printf("{\"bytes\":%.0f,\"runs\":%zu}\n", (double)(with - before) / (double)b->held_wanted,
           b->held_wanted);
    mem_free(b->held);
    mem_free(runs);
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    json_t *spec;

    if (argc != 2)
        die("usage: engine_bench CASE.json");
    mem_init();
    spec = json_load_file(argv[1], 0, NULL);
    if (spec == NULL)
        die("the case cannot be read");
    set_up(&b, spec);
    if (b.held_wanted > 0)
        measure_memory(&b);
    else
        measure_time(&b);
    tear_down(&b);
    json_decref(spec);
    return 0;
}
