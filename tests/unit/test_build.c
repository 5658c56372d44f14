#include "anabranch.h"
#include "base/mem.h"
#include "fake_kinds.h"
#include "graph/build.h"
#include "graph/outcome.h"
#include "graph/path.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct anabranch_builder *builder_of(const char *name)
{
    struct anabranch_builder *b;
    ck_assert_int_eq(0, builder_new(&fake_kinds, &fake_limits, "program", name, &b));
    return b;
}

/* Each returns ANABRANCH_E_NOMEM only, so a sum tells whether one did. */
static int describe_hello(struct anabranch_builder *b)
{
    const char *input[] = { "text" };
    const char *sources[] = { "greet", "shout" };
    struct anabranch_case cases[] = { { "hi", "greet" }, { "ho", "shout" } };
    int r = anabranch_builder_describe(b, "Says hello.");
    r += anabranch_builder_field(b, "text", "{\"type\":\"string\"}");
    r += anabranch_builder_field(b, "mood", "{\"type\":\"string\",\"default\":\"hi\"}");
    r += anabranch_builder_input(b, input, 1);
    r += anabranch_builder_node(b, "shout",
                                "{\"kind\":\"set\",\"values\":{\"text\":\"{{text}}!\"}}");
    r += anabranch_builder_node(b, "greet", "{\"kind\":\"set\",\"values\":{\"text\":\"x\"}}");
    r += anabranch_builder_node(b, "last", "{\"kind\":\"set\",\"values\":{}}");
    r += anabranch_builder_switch(b, "__start__", "mood", cases, 2, NULL);
    r += anabranch_builder_join(b, sources, 2, "last");
    r += anabranch_builder_edge(b, "last", "__end__");
    r += anabranch_builder_recursion_limit(b, 12);
    r += anabranch_builder_step_timeout(b, 3000);
    r += anabranch_builder_node_defaults(b, "{\"timeout_ms\":70}");
    return r;
}

START_TEST(a_program_can_say_what_a_file_says)
{
    struct anabranch_builder *b = builder_of("hello");
    struct anabranch_graph *built = NULL;
    ck_assert_int_eq(0, describe_hello(b));
    ck_assert_msg(anabranch_builder_build(b, &built) == 0, "%s", anabranch_builder_problems(b));
    ck_assert_str_eq("", anabranch_builder_problems(b));
    anabranch_builder_free(b);
    struct graph *g = graph_of(built);
    ck_assert_str_eq("hello", g->name);
    ck_assert_str_eq("Says hello.", g->description);
    ck_assert_int_eq(12, g->recursion_limit);
    ck_assert_int_eq(3000, g->step_timeout_ms);
    ck_assert_int_eq(70, g->nodes[0].timeout_ms);
    ck_assert_uint_eq(1, g->start.route_count);
    ck_assert_int_eq(NODE_NONE, g->start.routes[0].fallback);
    ck_assert_str_eq("join:greet+shout:last", g->joins[0].trigger);
    ck_assert(g->fields[0].is_input && !g->fields[1].is_input && g->fields[1].is_output);
    graph_unref(g);
}
END_TEST

static struct anabranch_builder *builder_of_three(void)
{
    static const char *const names[] = { "a", "b", "c" };
    struct anabranch_builder *b = builder_of("g");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(0,
                         anabranch_builder_node(b, names[i], "{\"kind\":\"set\",\"values\":{}}"));
    return b;
}

START_TEST(a_sequence_is_an_edge_from_each_to_the_next)
{
    static const char *const names[] = { "START", "c", "a", "b", "END" };
    struct anabranch_builder *b = builder_of_three();
    struct graph *g = NULL;
    ck_assert_int_eq(0, anabranch_builder_sequence(b, names, 5));
    ck_assert_int_eq(0, anabranch_builder_sequence(b, names + 2, 1)); /* one alone leads nowhere */
    ck_assert_int_eq(0, builder_build(b, &g));
    anabranch_builder_free(b);
    ck_assert_uint_eq(g->start.target_count, 1);
    ck_assert_int_eq(g->start.targets[0], 2);
    static const int next[] = { 1, NODE_END, 0 }; /* of a, b, c */
    for (int i = 0; i < 3; i++) {
        bool ends = next[i] == NODE_END;
        ck_assert_uint_eq(g->nodes[i].out.target_count, ends ? 0 : 1);
        ck_assert(ends || g->nodes[i].out.targets[0] == next[i]);
    }
    graph_unref(g);
}
END_TEST

static const struct {
    const char *names[3];
    size_t count;
    const char *told;
} sequences[] = {
    { { NULL, NULL, NULL }, 0, "program: a sequence without nodes; name at least one\n" },
    { { "a", "b", "a" },
      3,
      "program: a sequence with node \"a\" twice; a way back is an edge of its own\n" },
    { { "a", "", "b" }, 3, "program: a sequence with a node that has no name\n" },
    { { NULL, NULL, NULL }, 1, "program: a sequence with a node that has no name\n" },
    { { "a", "q", NULL }, 2, "unknown node \"q\"" },
};

START_TEST(a_sequence_has_nodes_and_each_of_them_once)
{
    struct anabranch_builder *b = builder_of_three();
    struct graph *g = NULL;
    anabranch_builder_edge(b, "START", "a");
    ck_assert_int_eq(0, anabranch_builder_sequence(b, sequences[_i].names, sequences[_i].count));
    ck_assert_int_eq(ANABRANCH_E_INVALID, builder_build(b, &g));
    ck_assert_msg(strstr(anabranch_builder_problems(b), sequences[_i].told) != NULL, "%s",
                  anabranch_builder_problems(b));
    anabranch_builder_free(b);
}
END_TEST

START_TEST(wrong_calls_are_told_at_the_end_and_not_before)
{
    struct anabranch_builder *b = builder_of("");
    struct graph *g = NULL;
    struct anabranch_case cases[] = { { "v", "n" }, { "v", NULL } };
    ck_assert_int_eq(0, anabranch_builder_describe(b, NULL));
    ck_assert_int_eq(0, anabranch_builder_field(b, "f", "{\"type\":"));
    ck_assert_int_eq(0, anabranch_builder_field(b, "f", "{\"type\":\"any\"}"));
    ck_assert_int_eq(0, anabranch_builder_field(b, "\xff", "{\"type\":\"any\"}"));
    ck_assert_int_eq(0, anabranch_builder_field(b, NULL, NULL));
    ck_assert_int_eq(0, anabranch_builder_node(b, "n", "[]"));
    ck_assert_int_eq(0, anabranch_builder_node(b, "n", "{\"kind\":\"set\",\"values\":{}}"));
    ck_assert_int_eq(0, anabranch_builder_node(b, NULL, NULL));
    ck_assert_int_eq(0, anabranch_builder_edge(b, "q", NULL));
    ck_assert_int_eq(0, anabranch_builder_join(b, NULL, 0, "n"));
    ck_assert_int_eq(0, anabranch_builder_switch(b, "n", NULL, cases, 2, "m"));
    ck_assert_int_eq(0, anabranch_builder_recursion_limit(b, -1));
    ck_assert_int_eq(0, anabranch_builder_step_timeout(b, 0));
    ck_assert_int_eq(0, anabranch_builder_node_defaults(b, "7"));
    ck_assert_int_eq(0, anabranch_builder_node_defaults(b, NULL));
    ck_assert_int_eq(ANABRANCH_E_INVALID, builder_build(b, &g));
    static const char *const told[] = {
        "/state/f: not JSON: ",
        "/state/f: there is a field of this name already",
        "the name is not UTF-8",
        "/state/: a field needs a name",
        "/nodes/n: expected object, found array",
        "/nodes/n: there is a node of this name already",
        "/nodes/: a node needs a name",
        "unknown node \"q\"",
        "a join without sources",
        "/switch: \"\" is no path",
        "the case \"v\" is there twice",
        "/default: unknown node \"m\"",
        "/recursion_limit: -1 is not between",
        "/step_timeout_ms: 0 is not between",
        "/node_defaults: expected object, found integer",
        "/node_defaults: not JSON: ",
        "/name: \"\" cannot name a graph",
    };
    for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++)
        ck_assert_msg(strstr(anabranch_builder_problems(b), told[i]) != NULL, "%s\nin %s", told[i],
                      anabranch_builder_problems(b));
    anabranch_builder_free(b);
}
END_TEST

START_TEST(a_builder_builds_once)
{
    struct anabranch_builder *b = builder_of("hello");
    struct graph *g = NULL;
    ck_assert_int_eq(0, describe_hello(b));
    ck_assert_int_eq(0, builder_build(b, &g));
    struct graph *again = NULL;
    ck_assert_int_eq(ANABRANCH_E_INVALID, builder_build(b, &again));
    ck_assert_ptr_null(again);
    anabranch_builder_free(b);
    ck_assert_ptr_eq(g, graph_ref(g));
    graph_unref(g);
    graph_unref(g);
    anabranch_builder_free(NULL);
}
END_TEST

START_TEST(nodes_and_fields_are_bounded)
{
    struct anabranch_builder *b = builder_of("many");
    struct graph *g = NULL;
    for (int i = 0; i < fake_limits.max_nodes + 5; i++) {
        char name[20];
        snprintf(name, sizeof(name), "n%d", i);
        ck_assert_int_eq(0, anabranch_builder_field(b, name, "{\"type\":\"any\"}"));
        ck_assert_int_eq(0, anabranch_builder_node(b, name, "{\"kind\":\"set\",\"values\":{}}"));
        if (i < fake_limits.max_nodes)
            ck_assert_int_eq(0, anabranch_builder_edge(b, "START", name));
    }
    ck_assert_int_eq(ANABRANCH_E_INVALID, builder_build(b, &g));
    ck_assert_str_eq("program: /state: more than 50; make fewer, or raise the limit\n"
                     "program: /nodes: more than 50; make fewer, or raise the limit\n",
                     anabranch_builder_problems(b));
    anabranch_builder_free(b);
}
END_TEST

static const struct {
    const char *name;
    const char *spec;
    const char *initial; /* NULL: absent */
} beginnings[] = {
    { "string", "{\"type\":\"string\"}", NULL },
    { "append", "{\"type\":\"array\",\"reducer\":\"append\"}", "[]" },
    { "append to any", "{\"type\":\"any\",\"reducer\":\"append\"}", "[]" },
    { "replace", "{\"type\":\"array\",\"reducer\":\"replace\"}", NULL },
    { "add", "{\"type\":\"number\",\"reducer\":\"add\"}", "0" },
    { "merge", "{\"type\":\"object\",\"reducer\":\"merge\"}", "{}" },
    { "max", "{\"type\":\"number\",\"reducer\":\"max\"}", NULL },
    { "min", "{\"type\":\"string\",\"reducer\":\"min\"}", NULL },
    { "messages", "{\"type\":\"messages\"}", "[]" },
    { "messages twice", "{\"type\":\"messages\",\"reducer\":\"messages\"}", "[]" },
    { "default", "{\"type\":\"string\",\"default\":\"x\"}", "\"x\"" },
    { "default of a reducer", "{\"type\":\"integer\",\"reducer\":\"add\",\"default\":5}", "5" },
    { "integer for number", "{\"type\":\"number\",\"default\":5}", "5" },
    { "default of max", "{\"type\":\"number\",\"reducer\":\"max\",\"default\":1.5}", "1.5" },
};

START_TEST(a_field_begins_as_its_reducer_and_default_say)
{
    struct anabranch_builder *b = builder_of("g");
    struct graph *g = NULL;
    ck_assert_int_eq(0, anabranch_builder_field(b, beginnings[_i].name, beginnings[_i].spec));
    ck_assert_int_eq(0, anabranch_builder_edge(b, "START", "END"));
    ck_assert_msg(builder_build(b, &g) == 0, "%s", anabranch_builder_problems(b));
    struct value *initial = g->fields[0].initial;
    ck_assert_int_eq(beginnings[_i].initial != NULL, initial != NULL);
    if (initial != NULL) {
        const char *bytes;
        size_t len;
        ck_assert_int_eq(0, value_bytes(initial, &bytes, &len));
        ck_assert_str_eq(beginnings[_i].initial, bytes);
    }
    graph_unref(g);
    anabranch_builder_free(b);
}
END_TEST

START_TEST(default_messages_are_kept_in_the_form_of_the_state)
{
    struct anabranch_builder *b = builder_of("g");
    struct graph *g = NULL;
    ck_assert_int_eq(0, anabranch_builder_field(
                            b, "m", "{\"type\":\"messages\",\"default\":[[\"user\",\"hi\"]]}"));
    ck_assert_int_eq(0, anabranch_builder_edge(b, "START", "END"));
    ck_assert_msg(builder_build(b, &g) == 0, "%s", anabranch_builder_problems(b));
    json_t *message = json_array_get(value_json(g->fields[0].initial), 0);
    ck_assert_str_eq("human", json_string_value(json_object_get(message, "type")));
    ck_assert_str_eq("hi", json_string_value(json_object_get(message, "content")));
    graph_unref(g);
    anabranch_builder_free(b);
}
END_TEST

START_TEST(doubled_edges_and_joins_count_once_and_a_join_of_one_is_an_edge)
{
    struct anabranch_builder *b = builder_of("g");
    struct graph *g = NULL;
    const char *one[] = { "a", "a" };
    const char *two[] = { "a", "b" };
    const char *turned[] = { "b", "a" };
    const char *node = "{\"kind\":\"set\",\"values\":{}}";
    int r = anabranch_builder_node(b, "a", node);
    r += anabranch_builder_node(b, "b", node);
    r += anabranch_builder_node(b, "c", node);
    r += anabranch_builder_edge(b, "START", "a");
    r += anabranch_builder_edge(b, "START", "a");
    r += anabranch_builder_join(b, one, 2, "b");
    r += anabranch_builder_join(b, two, 2, "c");
    r += anabranch_builder_join(b, turned, 2, "c");
    r += anabranch_builder_join(b, two, 2, "END");
    ck_assert_int_eq(0, r);
    ck_assert_msg(builder_build(b, &g) == 0, "%s", anabranch_builder_problems(b));
    ck_assert_uint_eq(1, g->start.target_count);
    ck_assert_uint_eq(1, g->nodes[0].out.target_count);
    ck_assert_int_eq(1, g->nodes[0].out.targets[0]);
    ck_assert_uint_eq(1, g->join_count);
    ck_assert_uint_eq(1, g->nodes[0].out.join_count);
    graph_unref(g);
    anabranch_builder_free(b);
}
END_TEST

/* A kind that reports as kinds of the C API do. */
static int reporting_configure(struct setup *s, void **ret)
{
    (void)ret; /* has no config */
    setup_know_all(s);
    ck_assert_str_eq("n", setup_node_name(s));
    ck_assert(json_is_object(setup_spec(s)));
    anabranch_report(setup_builder(s), "size", "too small", "make it larger");
    anabranch_report(setup_builder(s), NULL, "no good", NULL);
    struct path *path = NULL;
    ck_assert_int_eq(path_parse("nowhere.x", 9, &path), 0);
    setup_check_path(s, "where", path);
    path_free(path);
    return 0;
}

START_TEST(a_kind_reports_mistakes_with_their_place)
{
    static const struct node_kind kind = { .name = "own", .configure = reporting_configure };
    static const struct node_kind *const list[] = { &kind };
    static const struct kind_table kinds = { list, 1 };
    struct anabranch_builder *b;
    struct graph *g = NULL;
    ck_assert_int_eq(0, builder_new(&kinds, &fake_limits, "program", "g", &b));
    ck_assert_int_eq(0, anabranch_builder_node(b, "n", "{\"kind\":\"own\",\"size\":1}"));
    ck_assert_int_eq(0, anabranch_builder_edge(b, "START", "n"));
    ck_assert_int_eq(ANABRANCH_E_INVALID, builder_build(b, &g));
    ck_assert_str_eq(
        "program: /nodes/n/size: too small; make it larger\n"
        "program: /nodes/n: no good\n"
        "program: /nodes/n/where: unknown field \"nowhere\"; known are $context, $config, $run\n",
        anabranch_builder_problems(b));
    anabranch_builder_free(b);
}
END_TEST

/* ---- functions of the program ---- */

/* What a function of these tests answers with, and what it was asked. */
struct probe {
    const char *first;  /* the reducer's value, or the node to go to */
    const char *second; /* what is told after it; or NULL */
    const char *arg;    /* of the Send; or NULL */
    bool fails;
    char seen[200];
    int status; /* of the last answer */
    int free_count;
};

static void count_free(void *arg)
{
    ((struct probe *)arg)->free_count++;
}

static void reduce(void *arg, const char *held, const char *written,
                   struct anabranch_reduced *reduced)
{
    struct probe *p = arg;
    snprintf(p->seen, sizeof(p->seen), "%s+%s", held == NULL ? "nothing" : held, written);
    if (p->fails)
        anabranch_reduced_fail(reduced, "ValueError", p->first);
    if (p->first != NULL)
        p->status = anabranch_reduced_set(reduced, p->first, strlen(p->first));
    if (p->second != NULL)
        p->status = anabranch_reduced_set(reduced, p->second, strlen(p->second));
}

static void choose(void *arg, const char *state, struct anabranch_targets *targets)
{
    struct probe *p = arg;
    snprintf(p->seen, sizeof(p->seen), "%s", state);
    if (p->fails)
        anabranch_targets_fail(targets, NULL, NULL);
    if (p->first != NULL)
        p->status = anabranch_targets_add(targets, p->first, p->arg);
    if (p->second != NULL)
        p->status = anabranch_targets_add(targets, p->second, NULL);
}

#define SET_NODE "{\"kind\":\"set\",\"values\":{}}"

static int describe_functions(struct anabranch_builder *b, struct probe *reducer,
                              struct probe *chooser)
{
    const char *targets[] = { "a", "__end__" };
    struct anabranch_when when = { sizeof(when), "START", choose, chooser, count_free, targets, 2 };
    struct anabranch_each each = { sizeof(each), "a", "list", "x", "b", NULL };
    int r = anabranch_builder_field(b, "x", "{\"type\":\"integer\",\"default\":1}");
    r += anabranch_builder_field(b, "list", "{\"type\":\"array\"}");
    r += anabranch_builder_node(b, "a", SET_NODE);
    r += anabranch_builder_node(b, "b", SET_NODE);
    r += anabranch_builder_each(b, &each);
    r += anabranch_builder_interrupt(b, "before", "*");
    r += anabranch_builder_interrupt(b, "after", "b");
    r += anabranch_builder_reducer(b, "x", reduce, reducer, count_free);
    r += anabranch_builder_when(b, &when);
    return r;
}

static struct graph *graph_with(struct probe *reducer, struct probe *chooser)
{
    struct anabranch_builder *b = builder_of("g");
    struct graph *g = NULL;
    ck_assert_int_eq(0, describe_functions(b, reducer, chooser));
    ck_assert_msg(builder_build(b, &g) == 0, "%s", anabranch_builder_problems(b));
    anabranch_builder_free(b);
    return g;
}

START_TEST(a_program_can_say_what_only_programs_say)
{
    struct probe reducer = { .first = "1" };
    struct probe chooser = { .first = "a" };
    struct graph *g = graph_with(&reducer, &chooser);
    ck_assert_int_eq(REDUCE_FUNCTION, g->fields[0].reducer);
    ck_assert_ptr_nonnull(g->fields[0].initial);
    ck_assert_int_eq(ROUTE_FUNCTION, g->start.routes[0].kind);
    ck_assert_uint_eq(2, g->start.routes[0].case_count);
    ck_assert_int_eq(0, g->start.routes[0].targets[0]);
    ck_assert_int_eq(NODE_END, g->start.routes[0].targets[1]);
    ck_assert_int_eq(ROUTE_EACH, g->nodes[0].out.routes[0].kind);
    ck_assert(g->nodes[0].interrupt_before && !g->nodes[0].interrupt_after);
    ck_assert(g->nodes[1].interrupt_before && g->nodes[1].interrupt_after);
    ck_assert_int_eq(0, reducer.free_count + chooser.free_count);
    graph_unref(g);
    ck_assert_int_eq(1, reducer.free_count);
    ck_assert_int_eq(1, chooser.free_count);
}
END_TEST

static const struct {
    struct probe reducer;
    const char *held; /* or NULL */
    const char *seen;
    const char *result; /* or NULL: */
    const char *type;
    const char *message; /* its beginning */
    int status;
} foldings[] = {
    { { .first = "{\"a\":[1]}" }, "[2]", "[2]+3", "{\"a\":[1]}", NULL, NULL, 0 },
    { { .first = "null" }, NULL, "nothing+3", "null", NULL, NULL, 0 },
    { { .first = "1", .second = "2" }, NULL, "nothing+3", "2", NULL, NULL, 0 },
    { { .first = NULL },
      NULL,
      "nothing+3",
      NULL,
      "NodeError",
      "the reducer of field \"x\" gave no",
      0 },
    { { .first = "[", .second = "2" },
      NULL,
      "nothing+3",
      NULL,
      "InvalidUpdateError",
      "what the reducer of field \"x\" gave is not JSON: line 1",
      ANABRANCH_E_INVALID },
    { { .first = "no good", .fails = true },
      NULL,
      "nothing+3",
      NULL,
      "ValueError",
      "no good",
      ANABRANCH_E_INVALID },
};

START_TEST(a_reducer_of_a_program_folds_json)
{
    struct probe reducer = foldings[_i].reducer;
    struct probe chooser = { .first = "a" };
    struct graph *g = graph_with(&reducer, &chooser);
    const struct reducer_fn *fn = &g->fields[0].fn;
    json_t *held = foldings[_i].held == NULL ? NULL : json_loads(foldings[_i].held, 0, NULL);
    json_t *written = json_integer(3);
    json_t *result = NULL;
    struct fail f = { .code = FAIL_NONE };
    int r = fn->fold(fn->arg, held, written, &result, &f);
    ck_assert_str_eq(foldings[_i].seen, reducer.seen);
    ck_assert_int_eq(foldings[_i].status, reducer.status);
    ck_assert_int_eq(foldings[_i].result == NULL, r);
    if (r == 0) {
        char *text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
        ck_assert_str_eq(foldings[_i].result, text);
        mem_free(text);
    } else {
        ck_assert_str_eq(foldings[_i].type, fail_type(&f));
        ck_assert_msg(strstr(fail_message(&f), foldings[_i].message) == fail_message(&f), "%s",
                      fail_message(&f));
    }
    fail_clear(&f);
    json_decref(held);
    json_decref(written);
    json_decref(result);
    graph_unref(g);
}
END_TEST

static const struct {
    struct probe chooser;
    int node; /* of the only target; NODE_NONE: there is none */
    const char *arg;
    const char *type; /* or NULL: no failure */
} choices[] = {
    { { .first = "a" }, 0, NULL, NULL },
    { { .first = "a", .arg = "{\"x\":[7]}" }, 0, "{\"x\":[7]}", NULL },
    { { .first = "END" }, NODE_NONE, NULL, NULL },
    { { .first = "__end__", .second = "a" }, 0, NULL, NULL },
    { { .first = NULL }, NODE_NONE, NULL, NULL },
    { { .first = "nobody", .second = "a" }, NODE_NONE, NULL, "InvalidUpdateError" },
    { { .first = "START" }, NODE_NONE, NULL, "InvalidUpdateError" },
    { { .first = "END", .arg = "1" }, NODE_NONE, NULL, "InvalidUpdateError" },
    { { .first = "a", .arg = "{" }, NODE_NONE, NULL, "InvalidUpdateError" },
    { { .first = "b" }, NODE_NONE, NULL, "InvalidUpdateError" }, /* not among its targets */
    { { .first = "a", .fails = true }, NODE_NONE, NULL, "NodeError" },
};

START_TEST(a_condition_of_a_program_sees_the_state_and_adds_targets)
{
    struct probe reducer = { .first = "1" };
    struct probe chooser = choices[_i].chooser;
    struct graph *g = graph_with(&reducer, &chooser);
    struct state *state = NULL;
    struct outcome out = { .target_count = 0 };
    struct fail f = { .code = FAIL_NONE };
    ck_assert_int_eq(0, state_new(g, &state));
    struct scope scope = { .graph = g, .state = state };
    int r = outcome_follow(&out, "__start__", &g->start, &scope, &f);
    ck_assert_str_eq("{\"x\":1}", chooser.seen);
    ck_assert_int_eq(choices[_i].type != NULL, r);
    if (r != 0)
        ck_assert_str_eq(choices[_i].type, fail_type(&f));
    else
        ck_assert_uint_eq(choices[_i].node != NODE_NONE, out.target_count);
    if (r == 0 && out.target_count > 0) {
        ck_assert_int_eq(choices[_i].node, out.targets[0].node);
        ck_assert_int_eq(choices[_i].arg != NULL, out.targets[0].arg != NULL);
    }
    fail_clear(&f);
    outcome_clear(&out);
    state_unref(state);
    graph_unref(g);
}
END_TEST

/* Mistakes that only a program can make. */
START_TEST(wrong_functions_and_options_are_told)
{
    struct probe probe = { .first = "a" };
    struct anabranch_builder *b = builder_of("g");
    struct graph *g = NULL;
    const char *targets[] = { "nobody" };
    struct anabranch_when no_function = { sizeof(no_function), "n",  NULL, &probe,
                                          count_free,          NULL, 0 };
    struct anabranch_when lost = { sizeof(lost), "n", choose, &probe, count_free, targets, 1 };
    ck_assert_int_eq(0, anabranch_builder_field(b, "m", "{\"type\":\"messages\"}"));
    ck_assert_int_eq(0, anabranch_builder_field(b, "f", "{\"type\":\"any\"}"));
    ck_assert_int_eq(0, anabranch_builder_node(b, "n", SET_NODE));
    ck_assert_int_eq(0, anabranch_builder_edge(b, "START", "n"));
    ck_assert_int_eq(0, anabranch_builder_reducer(b, "q", reduce, &probe, count_free));
    ck_assert_int_eq(0, anabranch_builder_reducer(b, "m", reduce, &probe, count_free));
    ck_assert_int_eq(0, anabranch_builder_reducer(b, "f", reduce, &probe, count_free));
    ck_assert_int_eq(0, anabranch_builder_reducer(b, "f", reduce, &probe, count_free));
    ck_assert_int_eq(0, anabranch_builder_reducer(b, NULL, NULL, NULL, NULL));
    ck_assert_int_eq(0, anabranch_builder_when(b, &no_function));
    ck_assert_int_eq(0, anabranch_builder_when(b, &lost));
    ck_assert_int_eq(0, anabranch_builder_when(b, NULL));
    ck_assert_int_eq(0, anabranch_builder_each(b, NULL));
    ck_assert_int_eq(0, anabranch_builder_interrupt(b, "during", "n"));
    ck_assert_int_eq(0, anabranch_builder_interrupt(b, NULL, "n"));
    ck_assert_int_eq(0, anabranch_builder_interrupt(b, "after", "nn"));
    ck_assert_int_eq(0, anabranch_builder_interrupt(b, "after", NULL));
    ck_assert_int_eq(ANABRANCH_E_INVALID, builder_build(b, &g));
    static const char *const told[] = {
        "/state: unknown field \"q\"; known are m, f",
        "/state/m: there is a reducer already",
        "/state/f: there is a reducer already",
        "/state: the reducer of \"\" has no function",
        "program: a condition without a function; use a plain edge",
        "program: unknown node \"nobody\"",
        "program: unknown node \"\"",
        "program: /each: \"\" is no path",
        "program: /send: unknown node \"\"",
        "program: /as: the name is empty",
        "unknown moment \"during\"; known are before, after",
        "unknown moment \"\"",
        "unknown node \"nn\"; known are n\n",
    };
    for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++)
        ck_assert_msg(strstr(anabranch_builder_problems(b), told[i]) != NULL, "%s\nin %s", told[i],
                      anabranch_builder_problems(b));
    anabranch_builder_free(b);
    ck_assert_int_eq(6, probe.free_count);
}
END_TEST

/* A program that was compiled when the options ended earlier. */
START_TEST(options_may_be_shorter_than_they_are_today)
{
    struct anabranch_builder *b = builder_of("g");
    struct graph *g = NULL;
    struct anabranch_each each = {
        offsetof(struct anabranch_each, index), "n", "f", "f", "n", "f"
    };
    ck_assert_int_eq(0, anabranch_builder_field(b, "f", "{\"type\":\"any\"}"));
    ck_assert_int_eq(0, anabranch_builder_node(b, "n", SET_NODE));
    ck_assert_int_eq(0, anabranch_builder_edge(b, "START", "n"));
    ck_assert_int_eq(0, anabranch_builder_each(b, &each));
    ck_assert_msg(builder_build(b, &g) == 0, "%s", anabranch_builder_problems(b));
    ck_assert_ptr_null(g->nodes[0].out.routes[0].index);
    graph_unref(g);
    anabranch_builder_free(b);
}
END_TEST

/* A function that may go anywhere reaches everything, if it is reached itself. */
START_TEST(a_condition_without_targets_reaches_every_node)
{
    struct probe probe = { .first = "a" };
    struct anabranch_when when = {
        .size = sizeof(when), .from = "a", .choose = choose, .arg = &probe
    };
    for (int is_reached = 0; is_reached < 2; is_reached++) {
        struct anabranch_builder *b = builder_of("g");
        struct graph *g = NULL;
        ck_assert_int_eq(0, anabranch_builder_node(b, "a", SET_NODE));
        ck_assert_int_eq(0, anabranch_builder_node(b, "b", SET_NODE));
        ck_assert_int_eq(0, anabranch_builder_edge(b, "START", is_reached ? "a" : "b"));
        ck_assert_int_eq(0, anabranch_builder_when(b, &when));
        ck_assert_int_eq(is_reached ? 0 : ANABRANCH_E_INVALID, builder_build(b, &g));
        graph_unref(g);
        anabranch_builder_free(b);
    }
}
END_TEST

START_TEST(without_memory_functions_are_let_go_once)
{
    for (unsigned long n = 1;; n++) {
        struct anabranch_builder *b = builder_of("g");
        struct graph *g = NULL;
        struct probe reducer = { .first = "1" };
        struct probe chooser = { .first = "a" };
        mem_fail_at(n);
        int r = describe_functions(b, &reducer, &chooser);
        if (r == 0)
            r = builder_build(b, &g);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        anabranch_builder_free(b);
        graph_unref(g);
        ck_assert_int_eq(1, reducer.free_count);
        ck_assert_int_eq(1, chooser.free_count);
        ck_assert(is_pending ? r == 0 : r < 0);
        if (is_pending)
            break;
    }
}
END_TEST

START_TEST(without_memory_a_function_of_a_program_is_a_fault)
{
    struct probe reducer = { .first = "[1]" };
    struct probe chooser = { .first = "a", .arg = "[1]" };
    struct graph *g = graph_with(&reducer, &chooser);
    struct state *state = NULL;
    json_t *written = json_integer(3);
    ck_assert_int_eq(0, state_new(g, &state));
    struct scope scope = { .graph = g, .state = state };
    for (unsigned long n = 1;; n++) {
        struct outcome out = { .target_count = 0 };
        struct fail f = { .code = FAIL_NONE };
        json_t *result = NULL;
        mem_fail_at(n);
        int r = outcome_follow(&out, "__start__", &g->start, &scope, &f);
        if (r == 0)
            r = g->fields[0].fn.fold(g->fields[0].fn.arg, written, written, &result, &f);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        json_decref(result);
        outcome_clear(&out);
        fail_clear(&f);
        ck_assert(is_pending ? r == 0 : r < 0);
        if (is_pending)
            break;
    }
    json_decref(written);
    state_unref(state);
    graph_unref(g);
}
END_TEST

START_TEST(without_memory_building_is_a_fault_and_leaks_nothing)
{
    for (unsigned long n = 1;; n++) {
        struct anabranch_builder *b = NULL;
        struct graph *g = NULL;
        mem_fail_at(n);
        int r = builder_new(&fake_kinds, &fake_limits, "program", "hello", &b);
        if (r == 0)
            r = describe_hello(b);
        if (r == 0)
            r = builder_build(b, &g);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        anabranch_builder_free(b);
        graph_unref(g);
        if (is_pending) {
            ck_assert_int_eq(0, r);
            break;
        }
        ck_assert_int_lt(r, 0);
    }
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("build");
    TCase *tc = tcase_create("build");
    tcase_add_test(tc, a_program_can_say_what_a_file_says);
    tcase_add_test(tc, a_sequence_is_an_edge_from_each_to_the_next);
    tcase_add_loop_test(tc, a_sequence_has_nodes_and_each_of_them_once, 0,
                        (int)(sizeof(sequences) / sizeof(sequences[0])));
    tcase_add_test(tc, wrong_calls_are_told_at_the_end_and_not_before);
    tcase_add_test(tc, a_builder_builds_once);
    tcase_add_test(tc, nodes_and_fields_are_bounded);
    tcase_add_loop_test(tc, a_field_begins_as_its_reducer_and_default_say, 0,
                        (int)(sizeof(beginnings) / sizeof(*beginnings)));
    tcase_add_test(tc, default_messages_are_kept_in_the_form_of_the_state);
    tcase_add_test(tc, doubled_edges_and_joins_count_once_and_a_join_of_one_is_an_edge);
    tcase_add_test(tc, a_kind_reports_mistakes_with_their_place);
    tcase_add_test(tc, a_program_can_say_what_only_programs_say);
    tcase_add_loop_test(tc, a_reducer_of_a_program_folds_json, 0,
                        (int)(sizeof(foldings) / sizeof(*foldings)));
    tcase_add_loop_test(tc, a_condition_of_a_program_sees_the_state_and_adds_targets, 0,
                        (int)(sizeof(choices) / sizeof(*choices)));
    tcase_add_test(tc, wrong_functions_and_options_are_told);
    tcase_add_test(tc, options_may_be_shorter_than_they_are_today);
    tcase_add_test(tc, a_condition_without_targets_reaches_every_node);
    tcase_add_test(tc, without_memory_functions_are_let_go_once);
    tcase_add_test(tc, without_memory_a_function_of_a_program_is_a_fault);
    tcase_add_test(tc, without_memory_building_is_a_fault_and_leaks_nothing);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
