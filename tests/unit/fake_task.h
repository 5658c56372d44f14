#ifndef ANABRANCH_TESTS_UNIT_FAKE_TASK_H
#define ANABRANCH_TESTS_UNIT_FAKE_TASK_H
/*
 * The run's half of node/node.h for tests of kinds: a graph of one node, "it"; services that are
 * real; and task_ops that keep what they get. The laws of node.h are asserted: one end per task,
 * nothing after it, nothing after cancel.
 */
#include "base/conf.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/parse.h"
#include "graph/state.h"
#include "loop/loop.h"
#include "node/node.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

/* A state field of a graph file: F("text", "string"). */
#define F(name, type) "\"" name "\":{\"type\":\"" type "\"}"

struct fake {
    struct conf conf;
    struct loop *loop;
    struct services services;
    struct problems problems;
    struct graph *graph; /* NULL: the problems say why */
    struct state *state;
    json_t *context;
    json_t *configurable;
    struct task task;
    json_t *send;   /* a Send's argument, or NULL */
    json_t *answer; /* what task_ask() gives, or NULL */
    bool is_cancelled;
    /* what came from the kind */
    bool has_ended;
    struct update update;
    struct fail fail;
    json_t *asked;
    int subgraph_count; /* started and not cancelled */
    int begin_count;
    char id[64];     /* of the last message */
    char model[128]; /* of the last message */
    int delta_count;
    bool has_delta;
    bool wants_cancel_in_delta;
    struct buf text; /* of all deltas */
};

static inline struct fake *fake_of(struct task *task)
{
    return LIST_OF(task, struct fake, task);
}

static inline void fake_end(struct fake *x)
{
    ck_assert(!x->has_ended);
    ck_assert(!x->is_cancelled);
    x->has_ended = true;
}

static inline void fake_on_finish(struct task *task, struct outcome *take)
{
    fake_end(fake_of(task));
    update_move(&fake_of(task)->update, &take->update);
}

static inline void fake_on_fail(struct task *task, struct fail *take)
{
    fake_end(fake_of(task));
    fail_move(&fake_of(task)->fail, take);
}

static inline const json_t *fake_on_ask(struct task *task, json_t *take)
{
    struct fake *x = fake_of(task);
    ck_assert(!x->has_ended && !x->is_cancelled);
    json_decref(x->asked);
    x->asked = take;
    if (x->answer == NULL)
        fake_end(x);
    return x->answer;
}

static inline void fake_on_custom(struct task *task, json_t *take)
{
    (void)task;
    json_decref(take);
}

static inline void fake_on_progress(struct task *task)
{
    (void)task;
}

static inline void fake_on_subgraph_start(struct task *task)
{
    fake_of(task)->subgraph_count++;
}

static inline void fake_on_subgraph_cancel(struct task *task)
{
    fake_of(task)->subgraph_count--;
}

static inline void fake_on_begin(struct task *task, const char *id, const char *model)
{
    struct fake *x = fake_of(task);
    ck_assert(!x->has_ended && !x->is_cancelled);
    ck_assert_str_ne(id, x->id);
    x->begin_count++;
    snprintf(x->id, sizeof(x->id), "%s", id);
    snprintf(x->model, sizeof(x->model), "%s", model);
}

static inline void fake_cancel(struct fake *x)
{
    x->is_cancelled = true;
    if (x->task.node->kind->cancel != NULL)
        x->task.node->kind->cancel(&x->task);
}

static inline void fake_on_delta(struct task *task, const struct llm_delta *delta)
{
    struct fake *x = fake_of(task);
    ck_assert(!x->has_ended && !x->is_cancelled);
    ck_assert(x->begin_count > 0);
    x->delta_count++;
    x->has_delta = true;
    if (delta->type == LLM_TEXT)
        buf_add(&x->text, delta->text, delta->len_bytes);
    if (x->wants_cancel_in_delta)
        fake_cancel(x);
}

static const struct task_ops fake_ops = {
    .finish = fake_on_finish,
    .fail = fake_on_fail,
    .ask = fake_on_ask,
    .custom = fake_on_custom,
    .progress = fake_on_progress,
    .subgraph_start = fake_on_subgraph_start,
    .subgraph_cancel = fake_on_subgraph_cancel,
    .message_begin = fake_on_begin,
    .message_delta = fake_on_delta,
};

/* ---- set up ---- */

static inline void fake_init(struct fake *x)
{
    *x = (struct fake){ .is_cancelled = false };
    ck_assert_int_eq(conf_default(&x->conf), 0);
    x->conf.demo_delay_ms = 0;
    ck_assert_int_eq(loop_new(&x->loop), 0);
    x->services = (struct services){ .loop = x->loop, .conf = &x->conf, .kinds = node_kinds() };
    problems_init(&x->problems);
    update_init(&x->update);
    buf_init(&x->text, 1 << 24);
}

static inline void fake_clear(struct fake *x)
{
    update_clear(&x->update);
    fail_clear(&x->fail);
    json_decref(x->asked);
    x->asked = NULL;
    x->subgraph_count = 0;
    buf_clear(&x->text);
    x->state = state_unref(x->state);
    x->has_ended = x->is_cancelled = x->has_delta = false;
    x->begin_count = x->delta_count = 0;
    x->id[0] = x->model[0] = '\0';
}

/* Everything but fetcher and models, which their tests made; call fake_drain() before freeing
 * those. */
static inline void fake_deinit(struct fake *x)
{
    fake_clear(x);
    buf_deinit(&x->text);
    graph_unref(x->graph);
    problems_deinit(&x->problems);
    json_decref(x->context);
    json_decref(x->configurable);
    json_decref(x->send);
    json_decref(x->answer);
    ck_assert_int_eq(loop_op_count(x->loop), 0);
    loop_free(x->loop);
    conf_deinit(&x->conf);
}

static inline int fake_parse(struct fake *x, const char *state, const char *node)
{
    const struct builder_limits limits = { 100, 100, 100, 1000 };
    char *text = mem_printf("{\"state\":%s,\"nodes\":{\"it\":%s},"
                            "\"edges\":[[\"__start__\",\"it\"],[\"it\",\"__end__\"]]}",
                            state, node);
    if (text == NULL)
        return -1;
    problems_deinit(&x->problems);
    problems_init(&x->problems);
    x->graph = graph_unref(x->graph);
    int r = graph_parse(&x->services.kinds, &limits, "test.json", text, strlen(text), &x->problems,
                        &x->graph);
    mem_free(text);
    return r;
}

/* Builds the graph, which must be right. */
static inline void fake_graph(struct fake *x, const char *state, const char *node)
{
    int r = fake_parse(x, state, node);
    ck_assert_msg(r == 0, "%d: %s", r, buf_text(&x->problems.text));
}

/* Builds a graph that must be wrong in one way, and tells it. */
static inline const char *fake_problem(struct fake *x, const char *state, const char *node)
{
    ck_assert_int_eq(fake_parse(x, state, node), PARSE_E_WRONG);
    ck_assert_msg(x->problems.count == 1, "%s", buf_text(&x->problems.text));
    return buf_text(&x->problems.text);
}

/* ---- run ---- */

static inline void fake_input(struct fake *x, const char *input)
{
    const struct state_limits limits = { .max_bytes = 1 << 24, .max_depth = 100 };
    struct update update;
    struct state *initial;
    struct fail f = { .code = FAIL_NONE };
    json_t *json = json_loads(input, 0, NULL);
    ck_assert_ptr_nonnull(json);
    update_init(&update);
    ck_assert_int_eq(update_add_object(&update, x->graph, json), 0);
    ck_assert_int_eq(state_new(x->graph, &initial), 0);
    const struct task_writes writes = { "__start__", &update };
    ck_assert_int_eq(state_apply(initial, &writes, 1, &limits, &x->state, NULL, &f), 0);
    state_unref(initial);
    update_clear(&update);
    json_decref(json);
}

/* Everything but the start, which tests of no memory call themselves. */
static inline void fake_prepare(struct fake *x, const char *input)
{
    fake_clear(x);
    fake_input(x, input);
    x->task = (struct task){
        .ops = &fake_ops,
        .services = &x->services,
        .graph = x->graph,
        .node = &x->graph->nodes[graph_find_node(x->graph, "it")],
        .scope = { .graph = x->graph,
                   .state = x->state,
                   .context = x->context,
                   .configurable = x->configurable,
                   .input = x->send },
        .run_id = "run",
        .attempt = 1,
    };
}

static inline void fake_start(struct fake *x, const char *input)
{
    fake_prepare(x, input);
    x->task.node->kind->start(&x->task);
}

struct fake_poll {
    bool (*is_true)(void *arg);
    void *arg;
    bool done;
    struct loop_timer *timer;
};

static inline void fake_poll_tick(void *arg)
{
    struct fake_poll *p = arg;
    p->done = p->is_true(p->arg);
    if (!p->done)
        loop_timer_start(p->timer, 500);
}

/* Turns the loop until is_true(arg). */
static inline void fake_until(struct fake *x, bool (*is_true)(void *arg), void *arg)
{
    struct fake_poll p = { .is_true = is_true, .arg = arg };
    ck_assert_int_eq(loop_timer_new(x->loop, fake_poll_tick, &p, &p.timer), 0);
    loop_timer_start(p.timer, 0);
    ck_assert_int_eq(loop_run_until(x->loop, &p.done), 0);
    loop_timer_free(p.timer);
}

static inline bool fake_is_idle(void *loop)
{
    return loop_op_count(loop) == 0;
}

/* Until no op is alive. */
static inline void fake_drain(struct fake *x)
{
    fake_until(x, fake_is_idle, x->loop);
}

static inline void fake_release(struct fake *x)
{
    if (x->task.node->kind->release != NULL)
        x->task.node->kind->release(&x->task);
    memset(&x->task, 0x5a, sizeof(x->task)); /* nobody may look at it any more */
}

/* A task from start to release. */
static inline void fake_run(struct fake *x, const char *input)
{
    fake_start(x, input);
    ck_assert_int_eq(loop_run_until(x->loop, &x->has_ended), 0);
    fake_release(x);
    fake_drain(x);
}

/* ---- look ---- */

/* The update as JSON text, valid until the next call. */
static inline const char *fake_update(struct fake *x)
{
    ck_assert_msg(!fail_is_set(&x->fail), "%s: %s", fail_type(&x->fail), fail_message(&x->fail));
    buf_clear(&x->text);
    update_encode(&x->update, x->graph, VIEW_SHOWN, &x->text);
    return buf_text(&x->text);
}

static inline void fake_check_fail(const struct fake *x, enum fail_code code, const char *part)
{
    ck_assert(x->has_ended);
    ck_assert_msg(x->fail.code == code, "%s: %s", fail_type(&x->fail), fail_message(&x->fail));
    ck_assert_msg(strstr(fail_message(&x->fail), part) != NULL, "%s", fail_message(&x->fail));
}

/* One row of a table of wrong nodes. */
struct fake_wrong {
    const char *node;
    const char *part; /* of the problem */
};

static inline void fake_check_wrong(const char *state, const struct fake_wrong *row)
{
    struct fake x;
    fake_init(&x);
    const char *problem = fake_problem(&x, state, row->node);
    ck_assert_msg(strstr(problem, row->part) != NULL, "%s", problem);
    fake_deinit(&x);
}

#endif
