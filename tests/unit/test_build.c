#include "anabranch.h"
#include "base/mem.h"
#include "fake_kinds.h"
#include "graph/build.h"
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
    ck_assert_uint_eq(1, g->start.route_count);
    ck_assert_int_eq(NODE_NONE, g->start.routes[0].fallback);
    ck_assert_str_eq("join:greet+shout:last", g->joins[0].trigger);
    ck_assert(g->fields[0].is_input && !g->fields[1].is_input && g->fields[1].is_output);
    graph_unref(g);
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
    setup_check_root(s, "where", "nowhere");
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
        "program: /nodes/n/where: unknown field \"nowhere\"; known are $context, $config\n",
        anabranch_builder_problems(b));
    anabranch_builder_free(b);
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
    tcase_add_test(tc, wrong_calls_are_told_at_the_end_and_not_before);
    tcase_add_test(tc, a_builder_builds_once);
    tcase_add_test(tc, nodes_and_fields_are_bounded);
    tcase_add_loop_test(tc, a_field_begins_as_its_reducer_and_default_say, 0,
                        (int)(sizeof(beginnings) / sizeof(*beginnings)));
    tcase_add_test(tc, default_messages_are_kept_in_the_form_of_the_state);
    tcase_add_test(tc, doubled_edges_and_joins_count_once_and_a_join_of_one_is_an_edge);
    tcase_add_test(tc, a_kind_reports_mistakes_with_their_place);
    tcase_add_test(tc, without_memory_building_is_a_fault_and_leaks_nothing);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
