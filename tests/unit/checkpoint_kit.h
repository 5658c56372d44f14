#ifndef ANABRANCH_TESTS_UNIT_CHECKPOINT_KIT_H
#define ANABRANCH_TESTS_UNIT_CHECKPOINT_KIT_H
/*
 * A thread without a run: graphs whose nodes are told by the test what they return, a memory store,
 * and a step as the run layer does it. Texts are written with ' for ".
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/parse.h"
#include "graph/subgraph_build.h"
#include "run/saver.h"
#include <check.h>
#include <string.h>

static inline int kit_configure_step(struct setup *s, void **ret)
{
    (void)s;
    (void)ret;
    return 0;
}

static inline int kit_configure_graph(struct setup *s, void **ret)
{
    (void)ret;
    return subgraph_read(s);
}

static const struct node_kind kit_step_kind = { .name = "step", .configure = kit_configure_step };
static const struct node_kind kit_graph_kind = { .name = "graph",
                                                 .configure = kit_configure_graph };
static const struct node_kind *const kit_kind_list[] = { &kit_step_kind, &kit_graph_kind };
static const struct kind_table kit_kinds = { kit_kind_list, 2 };
static const struct builder_limits kit_builder_limits = {
    .max_nodes = 50, .max_fields = 50, .max_depth = 64, .max_recursion_limit = 1000
};
static const struct state_limits kit_limits = { .max_bytes = 1 << 20, .max_depth = 64 };

#define KIT_STEP(name) "'" name "':{'kind':'step'}"

/* For mem_free(). */
static inline char *kit_quoted(const char *text)
{
    char *copy = mem_strdup(text);
    ck_assert_ptr_nonnull(copy);
    for (char *c = copy; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

static inline json_t *kit_json(const char *text)
{
    struct jsonx_error error;
    json_t *json = NULL;
    char *quoted = kit_quoted(text);
    ck_assert_msg(jsonx_parse(quoted, strlen(quoted), 100, &json, &error) == 0, "%s: %s", text,
                  error.message);
    mem_free(quoted);
    return json;
}

/* json is compared as text, keys in their order. */
static inline void kit_expect(const json_t *json, const char *expected)
{
    char *want = kit_quoted(expected);
    char *got = jsonx_text(json, 1 << 20, NULL);
    ck_assert_str_eq(got, want);
    mem_free(got);
    mem_free(want);
}

static inline struct graph *kit_graph(const char *text)
{
    struct problems problems;
    struct graph *g = NULL;
    char *quoted = kit_quoted(text);
    problems_init(&problems);
    int r = graph_parse(&kit_kinds, &kit_builder_limits, "g.json", quoted, strlen(quoted),
                        &problems, &g);
    ck_assert_msg(r == 0, "%d: %s", r, buf_text(&problems.text));
    problems_deinit(&problems);
    mem_free(quoted);
    return g;
}

/* ---- a step ---- */

enum { KIT_TASKS_MAX = 8 };
struct kit_step {
    struct ended_task tasks[KIT_TASKS_MAX];
    struct outcome outcomes[KIT_TASKS_MAX];
    size_t count;
    struct fail f;
};

static inline void kit_step_clear(struct kit_step *s)
{
    for (size_t i = 0; i < s->count; i++)
        outcome_clear(&s->outcomes[i]);
    fail_clear(&s->f);
    *s = (struct kit_step){ 0 };
}

/* NODE_START writes its input; a node that `results` does not name returns nothing. */
static inline void kit_add_task(struct kit_step *s, const struct checkpoint *c,
                                const struct planned *p, const json_t *results)
{
    const char *name = planned_name(c->graph, p);
    struct outcome *o = &s->outcomes[s->count];
    json_t *result = p->node == NODE_START ? c->input : json_object_get(results, name);
    int r =
        p->node == NODE_START
            ? update_add_object(&o->update, c->graph, result)
            : outcome_add_result(o, c->graph, name, result != NULL ? result : json_null(), &s->f);
    ck_assert_msg(r == 0, "%s: %s", name, fail_message(&s->f));
    s->tasks[s->count++] = (struct ended_task){ name, p->node, o };
}

/* What the planned tasks return, in canonical order. results: {node: what it returns}. */
static inline void kit_step_fill(struct kit_step *s, const struct checkpoint *c,
                                 const json_t *results)
{
    struct plan plan;
    *s = (struct kit_step){ 0 };
    sched_plan(c->sched, &plan);
    for (int kind = PLANNED_PULL; kind <= PLANNED_PUSH; kind++)
        for (size_t i = 0; i < plan.count; i++)
            if ((int)plan.tasks[i].kind == kind)
                kit_add_task(s, c, &plan.tasks[i], results);
}

static inline void kit_step(struct checkpoint *c, struct saver *saver, const char *results)
{
    json_t *json = kit_json(results);
    struct kit_step s;
    kit_step_fill(&s, c, json);
    ck_assert_int_eq(saver_note_step(saver, c, s.tasks, s.count), 0);
    int r = checkpoint_apply(c, s.tasks, s.count, &kit_limits, NULL, &s.f);
    ck_assert_msg(r == 0, "%d: %s", r, fail_message(&s.f));
    checkpoint_advance(c, SOURCE_LOOP);
    ck_assert_int_eq(saver_put(saver, c), 0);
    kit_step_clear(&s);
    json_decref(json);
}

/* An input that waits, and then __start__. */
static inline void kit_begin(struct checkpoint *c, struct saver *saver, const char *input)
{
    checkpoint_begin_take(c, kit_json(input));
    checkpoint_advance(c, SOURCE_INPUT);
    ck_assert_int_eq(saver_put(saver, c), 0);
}

/* The id of the i-th planned task. */
static inline void kit_task_id(const struct checkpoint *c, size_t i, char ret[ID_BYTES])
{
    struct plan plan;
    sched_plan(c->sched, &plan);
    ck_assert_uint_lt(i, plan.count);
    checkpoint_task_id(c, "", &plan.tasks[i], ret);
}

static inline void kit_set_write(struct checkpoint *c, size_t task, enum write_kind kind,
                                 const char *json)
{
    char id[ID_BYTES];
    kit_task_id(c, task, id);
    ck_assert_int_eq(checkpoint_set_write_take(c, id, kind, kit_json(json)), 0);
}

/* For json_decref(). */
static inline json_t *kit_state(const struct checkpoint *c)
{
    json_t *json = NULL;
    struct jsonx_error error;
    struct buf text;
    buf_init(&text, 1 << 20);
    state_encode(c->state, VIEW_ALL, &text);
    ck_assert_int_eq(jsonx_parse(text.data, text.len, 100, &json, &error), 0);
    buf_deinit(&text);
    return json;
}

static inline void kit_expect_state(const struct checkpoint *c, const char *expected)
{
    json_t *json = kit_state(c);
    kit_expect(json, expected);
    json_decref(json);
}

/* "a b" */
static inline void kit_expect_plan(const struct checkpoint *c, const char *expected)
{
    struct plan plan;
    char names[200] = "";
    sched_plan(c->sched, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        strcat(names, i > 0 ? " " : "");
        strcat(names, planned_name(c->graph, &plan.tasks[i]));
    }
    ck_assert_str_eq(names, expected);
}

/* ---- a store ---- */

static inline struct store *kit_store(int64_t max_bytes)
{
    struct conf conf;
    struct store *store = NULL;
    ck_assert_int_eq(conf_default(&conf), 0);
    mem_free(conf.database);
    conf.database = mem_strdup("memory:");
    if (max_bytes > 0)
        conf.memory_store_bytes = max_bytes;
    ck_assert_int_eq(store_open(&conf, NULL, &store), 0);
    conf_deinit(&conf);
    return store;
}

struct kit_end {
    bool is_done;
    int result;
};

static inline void kit_on_end(void *arg, int result)
{
    *(struct kit_end *)arg = (struct kit_end){ true, result };
}

static inline void kit_on_idle(void *arg)
{
    *(bool *)arg = true;
}

static inline int kit_wait(struct saver *saver)
{
    bool is_idle = false;
    saver_wait(saver, kit_on_idle, &is_idle);
    ck_assert(!is_idle);
    ck_assert_int_eq(loop_run_until(saver->loop, &is_idle), 0);
    return saver->result;
}

static inline void kit_read(struct store *store, struct loop *loop, const char *id,
                            struct stored_list *ret)
{
    const struct store_query query = { .thread_id = "t", .ns = "", .id = id };
    struct store_op op = { 0 };
    struct kit_end end = { 0 };
    *ret = (struct stored_list){ 0 };
    store_read(store, loop, &op, &query, ret, kit_on_end, &end);
    ck_assert_int_eq(loop_run_until(loop, &end.is_done), 0);
    ck_assert_int_eq(end.result, 0);
}

/* The checkpoint as the store gives it back; id NULL: the latest. */
static inline void kit_load(struct store *store, struct loop *loop, struct graph *g, const char *id,
                            struct checkpoint *ret)
{
    struct stored_list list;
    struct fail f = { 0 };
    kit_read(store, loop, id, &list);
    ck_assert_uint_ge(list.count, 1);
    ck_assert_int_eq(checkpoint_init(ret, g), 0);
    int r = checkpoint_decode(ret, &list.items[0], false, &f);
    ck_assert_msg(r == 0, "%d: %s", r, fail_message(&f));
    stored_list_clear(&list);
}

#endif
