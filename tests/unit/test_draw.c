#include "base/mem.h"
#include "fake_kinds.h"
#include "graph/draw.h"
#include "graph/parse.h"
#include "node/node.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define NODE "{\"kind\":\"set\",\"values\":{}}"

static struct graph *graph_with(const struct kind_table *kinds, const char *text)
{
    struct problems problems;
    struct graph *g = NULL;
    problems_init(&problems);
    int r = graph_parse(kinds, &fake_limits, "g.json", text, strlen(text), &problems, &g);
    ck_assert_msg(r == 0, "%s", buf_text(&problems.text));
    problems_deinit(&problems);
    return g;
}

static struct graph *graph_from(const char *text)
{
    return graph_with(&fake_kinds, text);
}

static const struct {
    const char *text;
    const char *drawing;
} drawings[] = {
    { "{\"state\":{},\"nodes\":{\"n\":" NODE "},\"edges\":[[\"START\",\"n\"],[\"n\",\"END\"]]}",
      "graph TD;\n"
      "    __start__([\"__start__\"]);\n"
      "    n[\"n\"];\n"
      "    __end__([\"__end__\"]);\n"
      "    __start__ --> n;\n"
      "    n --> __end__;\n" },
    { "{\"state\":{},\"nodes\":{\"law\":" NODE ",\"math\":" NODE ",\"editor\":" NODE "},"
      "\"edges\":[[\"START\",[\"law\",\"math\"]],[[\"law\",\"math\"],\"editor\"],[\"editor\","
      "\"END\"]]}",
      "graph TD;\n"
      "    __start__([\"__start__\"]);\n"
      "    editor[\"editor\"];\n"
      "    law[\"law\"];\n"
      "    math[\"math\"];\n"
      "    __end__([\"__end__\"]);\n"
      "    __start__ --> law;\n"
      "    __start__ --> math;\n"
      "    editor --> __end__;\n"
      "    law --> editor;\n"
      "    math --> editor;\n" },
    { "{\"state\":{\"a\":{\"type\":\"any\"}},\"nodes\":{\"end\":" NODE ",\"say \\\"hi\\\"\":" NODE
      "},"
      "\"edges\":[{\"from\":\"START\",\"switch\":\"a\",\"cases\":{\"x|\\n#1\":\"end\",\"y\":"
      "\"END\"},"
      "\"default\":\"say \\\"hi\\\"\"}]}",
      "graph TD;\n"
      "    __start__([\"__start__\"]);\n"
      "    __n0[\"end\"];\n"
      "    __n1[\"say #34;hi#34;\"];\n"
      "    __end__([\"__end__\"]);\n"
      "    __start__ -.->|\"x| #35;1\"| __n0;\n"
      "    __start__ -.->|\"y\"| __end__;\n"
      "    __start__ -.->|\"default\"| __n1;\n"
      "    __n0 --> __end__;\n"
      "    __n1 --> __end__;\n" },
    { "{\"state\":{\"l\":{\"type\":\"array\"},\"i\":{\"type\":\"any\"}},"
      "\"nodes\":{\"a\":{\"kind\":\"set\",\"values\":{},\"ends\":[\"b\",\"END\"],"
      "\"on_error\":" NODE "},"
      "\"b\":{\"kind\":\"set\",\"values\":{},\"on_error\":{\"kind\":\"set\",\"values\":{},"
      "\"goto\":\"c\",\"ends\":[\"a\"]}},\"c\":" NODE "},"
      "\"edges\":[{\"from\":\"START\",\"each\":\"l\",\"as\":\"i\",\"send\":\"a\"},[\"b\",\"c\"]]}",
      "graph TD;\n"
      "    __start__([\"__start__\"]);\n"
      "    a[\"a\"];\n"
      "    b[\"b\"];\n"
      "    c[\"c\"];\n"
      "    __end__([\"__end__\"]);\n"
      "    __start__ -.->|\"each l\"| a;\n"
      "    a -.-> b;\n"
      "    a -.-> __end__;\n"
      "    a -.->|\"on error\"| __end__;\n"
      "    b --> c;\n"
      "    b -.->|\"on error\"| a;\n"
      "    b -.->|\"on error\"| c;\n"
      "    c --> __end__;\n" },
};

static void choose_nothing(void *arg, const char *state, struct anabranch_targets *targets)
{
    (void)arg;
    (void)state;
    (void)targets;
}

/* A condition from __start__ with these targets, beside the nodes a and b. */
static void check_condition(const char *const *targets, size_t count, const char *ways)
{
    struct anabranch_when when = { .size = sizeof(when),
                                   .from = "START",
                                   .choose = choose_nothing,
                                   .targets = targets,
                                   .target_count = count };
    struct anabranch_builder *b;
    struct graph *g = NULL;
    struct buf out;
    ck_assert_int_eq(0, builder_new(&fake_kinds, &fake_limits, "program", "g", &b));
    ck_assert_int_eq(0, anabranch_builder_node(b, "a", NODE));
    ck_assert_int_eq(0, anabranch_builder_node(b, "b", NODE));
    ck_assert_int_eq(0, anabranch_builder_edge(b, "a", "b"));
    ck_assert_int_eq(0, anabranch_builder_when(b, &when));
    ck_assert_msg(builder_build(b, &g) == 0, "%s", anabranch_builder_problems(b));
    buf_init(&out, 10000);
    graph_draw(g, &out);
    ck_assert_msg(strstr(buf_text(&out), ways) != NULL, "%s", buf_text(&out));
    buf_deinit(&out);
    graph_unref(g);
    anabranch_builder_free(b);
}

START_TEST(a_condition_is_drawn_to_its_targets_or_to_everywhere)
{
    const char *one[] = { "a" };
    check_condition(one, 1, "([\"__end__\"]);\n    __start__ -.-> a;\n    a --> b;\n");
    check_condition(NULL, 0,
                    "    __start__ -.-> a;\n    __start__ -.-> b;\n"
                    "    __start__ -.-> __end__;\n    a --> b;\n");
}
END_TEST

START_TEST(a_graph_is_drawn_in_mermaid)
{
    struct graph *g = graph_from(drawings[_i].text);
    struct buf out;
    buf_init(&out, 10000);
    graph_draw(g, &out);
    ck_assert_str_eq(drawings[_i].drawing, buf_text(&out));
    buf_deinit(&out);
    graph_unref(g);
}
END_TEST

START_TEST(a_drawing_is_bounded)
{
    struct graph *g = graph_from(drawings[0].text);
    struct buf out;
    buf_init(&out, 20);
    graph_draw(g, &out);
    ck_assert_int_eq(BUF_E_FULL, out.fault);
    buf_deinit(&out);
    graph_unref(g);
}
END_TEST

static const char typed[] =
    "{\"name\":\"g\",\"state\":{\"s\":{\"type\":\"string\",\"default\":\"x\"},\"i\":{\"type\":"
    "\"integer\"},"
    "\"n\":{\"type\":\"number\"},\"b\":{\"type\":\"boolean\"},\"o\":{\"type\":\"object\"},"
    "\"l\":{\"type\":\"array\",\"reducer\":\"append\"},\"m\":{\"type\":\"messages\"},"
    "\"a\":{\"type\":\"any\"},\"p\":{\"type\":\"string\",\"private\":true}},"
    "\"input\":[\"s\",\"i\"],\"output\":[\"m\"],\"nodes\":{\"n\":" NODE
    "},\"edges\":[[\"START\",\"n\"]]}";

static const struct {
    enum graph_schema which;
    const char *title;
    const char *properties;
} schemas[] = {
    { SCHEMA_INPUT, "g input",
      "{\"s\":{\"type\":\"string\",\"default\":\"x\"},\"i\":{\"type\":\"integer\"}}" },
    { SCHEMA_OUTPUT, "g output",
      "{\"m\":{\"type\":\"array\",\"items\":{\"type\":\"object\"},\"default\":[]}}" },
    { SCHEMA_STATE, "g state",
      "{\"s\":{\"type\":\"string\",\"default\":\"x\"},\"i\":{\"type\":\"integer\"},"
      "\"n\":{\"type\":\"number\"},\"b\":{\"type\":\"boolean\"},\"o\":{\"type\":\"object\"},"
      "\"l\":{\"type\":\"array\",\"default\":[]},"
      "\"m\":{\"type\":\"array\",\"items\":{\"type\":\"object\"},\"default\":[]},\"a\":{},"
      "\"p\":{\"type\":\"string\"}}" },
};

START_TEST(a_schema_has_the_fields_that_belong_to_it)
{
    struct graph *g = graph_from(typed);
    json_t *schema = graph_schema(g, schemas[_i].which);
    json_t *properties = json_loads(schemas[_i].properties, 0, NULL);
    ck_assert_str_eq("http://json-schema.org/draft-07/schema#",
                     json_string_value(json_object_get(schema, "$schema")));
    ck_assert_str_eq(schemas[_i].title, json_string_value(json_object_get(schema, "title")));
    ck_assert_str_eq("object", json_string_value(json_object_get(schema, "type")));
    ck_assert(json_equal(properties, json_object_get(schema, "properties")));
    json_decref(properties);
    json_decref(schema);
    graph_unref(g);
}
END_TEST

START_TEST(without_memory_there_is_no_schema_and_no_leak)
{
    struct graph *g = graph_from(typed);
    for (unsigned long n = 1;; n++) {
        mem_fail_at(n);
        json_t *schema = graph_schema(g, SCHEMA_STATE);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_int_eq(is_pending, schema != NULL);
        json_decref(schema);
        if (is_pending)
            break;
    }
    graph_unref(g);
}
END_TEST

/* ---- nodes and edges as JSON ---- */

static const char nested[] =
    "{\"state\":{\"a\":{\"type\":\"any\"}},\"nodes\":{\"before\":" NODE
    ",\"child\":{\"kind\":\"graph\","
    "\"graph\":{\"state\":{\"a\":{\"type\":\"any\"}},\"nodes\":{\"m\":" NODE ",\"l\":" NODE "},"
    "\"edges\":[[\"START\",\"m\"],[\"m\",\"l\"],[\"l\",\"END\"]]}},\"x\":" NODE "},"
    "\"edges\":[[\"START\",\"before\"],[\"before\",\"child\"],{\"from\":\"child\",\"switch\":\"a\","
    "\"cases\":{\"go\":\"x\"},\"default\":\"END\"}]}";

static const char branching[] =
    "{\"state\":{},\"nodes\":{\"child\":{\"kind\":\"graph\",\"graph\":{\"state\":{},"
    "\"nodes\":{\"m\":" NODE ",\"l\":" NODE "},\"edges\":[[\"START\",[\"m\",\"l\"]]]}}},"
    "\"edges\":[[\"START\",\"child\"]]}";

static const struct {
    const char *text;
    int depth;
    const char *ids;
    const char *ways;
} sketches[] = {
    { nested, 0, "__start__ before child x __end__ ",
      "__start__>before before>child child?x(go) child?__end__(default) x>__end__ " },
    { nested, 1, "__start__ before child:m child:l x __end__ ",
      "child:m>child:l __start__>before before>child:m child:l?x(go) child:l?__end__(default) "
      "x>__end__ " },
    /* Its start and its end lead to two nodes. */
    { branching, 9, "__start__ child:__start__ child:m child:l child:__end__ __end__ ",
      "child:__start__>child:l child:__start__>child:m child:l>child:__end__ "
      "child:m>child:__end__ __start__>child:__start__ child:__end__>__end__ " },
};

static struct graph *nested_from(const char *text)
{
    const struct kind_table kinds = node_kinds();
    return graph_with(&kinds, text);
}

static void describe(const json_t *drawing, struct buf *ids, struct buf *ways)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(drawing, "nodes"), i, one)
        buf_addf(ids, "%s ", json_string_value(json_object_get(one, "id")));
    json_array_foreach(json_object_get(drawing, "edges"), i, one) {
        const char *data = json_string_value(json_object_get(one, "data"));
        buf_addf(ways, "%s%c%s", json_string_value(json_object_get(one, "source")),
                 json_is_true(json_object_get(one, "conditional")) ? '?' : '>',
                 json_string_value(json_object_get(one, "target")));
        if (data != NULL)
            buf_addf(ways, "(%s)", data);
        buf_add_char(ways, ' ');
    }
}

START_TEST(graphs_inside_are_drawn_as_deep_as_is_asked)
{
    struct graph *g = nested_from(sketches[_i].text);
    json_t *drawing = graph_draw_json(g, sketches[_i].depth);
    struct buf ids, ways;
    buf_init(&ids, 1000);
    buf_init(&ways, 1000);
    describe(drawing, &ids, &ways);
    ck_assert_str_eq(buf_text(&ids), sketches[_i].ids);
    ck_assert_str_eq(buf_text(&ways), sketches[_i].ways);
    buf_deinit(&ids);
    buf_deinit(&ways);
    json_decref(drawing);
    graph_unref(g);
}
END_TEST

START_TEST(without_memory_there_is_no_sketch_and_no_leak)
{
    struct graph *g = nested_from(nested);
    for (unsigned long n = 1;; n++) {
        mem_fail_at(n);
        json_t *drawing = graph_draw_json(g, 1);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_int_eq(is_pending, drawing != NULL);
        json_decref(drawing);
        if (is_pending)
            break;
    }
    graph_unref(g);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof(table)[0])

int main(void)
{
    mem_init();
    Suite *suite = suite_create("draw");
    TCase *tc = tcase_create("draw");
    tcase_add_loop_test(tc, a_graph_is_drawn_in_mermaid, 0, ROWS(drawings));
    tcase_add_test(tc, a_condition_is_drawn_to_its_targets_or_to_everywhere);
    tcase_add_test(tc, a_drawing_is_bounded);
    tcase_add_loop_test(tc, a_schema_has_the_fields_that_belong_to_it, 0, ROWS(schemas));
    tcase_add_test(tc, without_memory_there_is_no_schema_and_no_leak);
    tcase_add_loop_test(tc, graphs_inside_are_drawn_as_deep_as_is_asked, 0, ROWS(sketches));
    tcase_add_test(tc, without_memory_there_is_no_sketch_and_no_leak);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
