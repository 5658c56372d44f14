#ifndef ANABRANCH_TESTS_SCHED_RIG_H
#define ANABRANCH_TESTS_SCHED_RIG_H
/* A scheduler on a graph that is put together by hand, for its two suites. Node names are single
 * letters, so indexes read as letters: a = 0. */
#include "base/err.h"
#include "base/fail.h"
#include "base/mem.h"
#include "graph/sched.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { A, B, C, D, E, NODES };

#define LIST(...) (int[]){ __VA_ARGS__ }, sizeof((int[]){ __VA_ARGS__ }) / sizeof(int)

static struct node nodes[NODES];
static struct join joins[3];
static struct graph graph;
static struct sched *sched;
static struct fail failure;

static inline void reset_graph(void)
{
    static char *const names[] = { "a", "b", "c", "d", "e" };
    static char *const triggers[] = { "branch:to:a", "branch:to:b", "branch:to:c", "branch:to:d",
                                      "branch:to:e" };
    memset(nodes, 0, sizeof(nodes));
    memset(joins, 0, sizeof(joins));
    for (int i = 0; i < NODES; i++)
        nodes[i] = (struct node){ .name = names[i], .trigger = triggers[i] };
    graph = (struct graph){
        .refs = 1, .name = (char *)"g", .nodes = nodes, .node_count = NODES, .joins = joins
    };
    sched = NULL;
}

static inline void setup(void)
{
    mem_init();
    reset_graph();
}

static inline void teardown(void)
{
    sched = sched_free(sched);
    fail_clear(&failure);
}

static inline void set_targets(struct outlets *out, int *targets, size_t count)
{
    out->targets = targets;
    out->target_count = count;
}

static inline void set_joins(int node, int *list, size_t count)
{
    nodes[node].out.joins = list;
    nodes[node].out.join_count = count;
}

static inline void add_join(int target, char *trigger, int *sources, size_t count)
{
    joins[graph.join_count++] = (struct join){ sources, count, target, trigger };
}

static inline const char *name_of(int node)
{
    return node == NODE_START ? "__start__" : node == NODE_NONE ? "none" : nodes[node].name;
}

static inline void add_text(char *text, const struct planned *p)
{
    strcat(text, name_of(p->node));
    if (p->kind == PLANNED_PUSH) {
        char *arg = json_dumps(value_json(p->arg), JSON_COMPACT | JSON_ENCODE_ANY);
        sprintf(text + strlen(text), "(%s)#%zu", arg, p->index);
        mem_free(arg);
    }
    strcat(text, "[");
    for (size_t k = 0; k < p->trigger_count; k++)
        strcat(strcat(text, k > 0 ? " " : ""), p->triggers[k]);
    strcat(text, "]");
}

/* Compares with text like "a(1)#0[__pregel_push] c[branch:to:c join:a+b:c]". */
static inline void expect_plan(const char *expected)
{
    struct plan plan;
    char text[500] = "";
    sched_plan(sched, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        strcat(text, i > 0 ? " " : "");
        add_text(text, &plan.tasks[i]);
    }
    ck_assert_str_eq(text, expected);
}

/* The step before has ended, and this one begins. */
static inline void expect_step(const char *expected)
{
    sched_settle(sched);
    expect_plan(expected);
    sched_take(sched);
}

static inline void fire(int node, const struct target *targets, size_t count)
{
    ck_assert_int_eq(sched_fire(sched, node, targets, count), 0);
}

static inline void finish(int node)
{
    fire(node, NULL, 0);
}

/* Targets are nodes up to NODE_NONE. */
static inline void finish_to(int node, const int *list)
{
    struct target targets[NODES];
    size_t count = 0;
    for (; list[count] != NODE_NONE; count++)
        targets[count] = (struct target){ .node = list[count] };
    fire(node, targets, count);
}
#define TO(...)                                                                                    \
    (int[])                                                                                        \
    {                                                                                              \
        __VA_ARGS__, NODE_NONE                                                                     \
    }

static inline void send(int from, int to, int number)
{
    struct target t = { .node = to };
    ck_assert_int_eq(value_new_take(json_integer(number), &t.arg), 0);
    fire(from, &t, 1);
    value_unref(t.arg);
}

static inline void begin(void)
{
    ck_assert_int_eq(sched_new(&graph, &sched), 0);
    sched_begin(sched);
    expect_plan("__start__[__start__]");
    sched_take(sched);
    finish(NODE_START);
}

static inline void expect_newest(int node, bool is_ambiguous)
{
    bool found = !is_ambiguous;
    ck_assert_str_eq(name_of(sched_newest(sched, &found)), name_of(node));
    ck_assert_int_eq(found, is_ambiguous);
}

/* a and b have run, a join behind them is full, one is half full, c is armed, e is sent to. */
static inline void stand_in_the_middle(void)
{
    static int a_b_c[] = { A, B, C }, b_e[] = { B, E }, join_list[] = { 0, 1 };
    nodes[C].is_deferred = true;
    set_targets(&graph.start, a_b_c, 3);
    set_targets(&nodes[A].out, a_b_c, 1);
    add_join(D, "join:a+b:d", a_b_c, 2);
    add_join(D, "join:b+e:d", b_e, 2);
    set_joins(A, join_list, 1);
    set_joins(B, join_list, 2);
    set_joins(E, join_list + 1, 1);
    begin();
    expect_step("a[branch:to:a] b[branch:to:b]");
    finish(B);
    send(A, E, 7);
    sched_settle(sched);
    expect_plan("e(7)#0[__pregel_push] a[branch:to:a] d[join:a+b:d]");
}

#endif
