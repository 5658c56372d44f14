/* graph/registry.h: the graphs of a server by name and id. */
#include "base/mem.h"
#include "graph/build.h"
#include "graph/parse.h"
#include "graph/registry.h"
#include "node/node.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

static struct graph *make(const char *name)
{
    static const struct builder_limits limits = {
        .max_nodes = 10, .max_fields = 10, .max_depth = 20, .max_recursion_limit = 100
    };
    struct kind_table kinds = node_kinds();
    struct problems problems;
    struct graph *graph = NULL;
    char json[512];
    int len = snprintf(json, sizeof(json),
                       "{\"name\":\"%s\",\"state\":{\"a\":{\"type\":\"string\"}},\"nodes\":{\"n\":{"
                       "\"kind\":\"set\",\"values\":{\"a\":\"b\"}}},"
                       "\"edges\":[[\"__start__\",\"n\"]]}",
                       name);

    problems_init(&problems);
    int r = graph_parse(&kinds, &limits, "file.json", json, (size_t)len, &problems, &graph);
    ck_assert_msg(r == 0, "%s", buf_text(&problems.text));
    problems_deinit(&problems);
    return graph;
}

static int add(struct registry *r, const char *name)
{
    struct graph *graph = make(name);
    int result = registry_add(r, graph);

    graph_unref(graph);
    return result;
}

static void check_names(const struct registry *r, const char *expected)
{
    struct buf out;

    buf_init(&out, 4096);
    registry_names(r, &out);
    ck_assert_str_eq(buf_text(&out), expected);
    buf_deinit(&out);
}

START_TEST(graphs_are_kept_in_the_order_of_their_names)
{
    struct registry r = { .count = 0 };
    ck_assert_int_eq(add(&r, "panel"), 0);
    ck_assert_int_eq(add(&r, "chat"), 0);
    ck_assert_int_eq(add(&r, "sequential"), 0);
    check_names(&r, "chat, panel, sequential");
    registry_deinit(&r);
}
END_TEST

START_TEST(a_graph_is_found_by_name_and_by_assistant_id)
{
    struct registry r = { .count = 0 };
    ck_assert_int_eq(add(&r, "panel"), 0);
    struct graph *g = registry_find(&r, "panel");
    ck_assert_ptr_nonnull(g);
    ck_assert_ptr_eq(registry_find(&r, g->assistant_id), g);
    ck_assert_ptr_null(registry_find(&r, "pane"));
    ck_assert_ptr_null(registry_find(&r, ""));
    registry_deinit(&r);
}
END_TEST

START_TEST(a_name_is_taken_once)
{
    struct registry r = { .count = 0 };
    ck_assert_int_eq(add(&r, "panel"), 0);
    ck_assert_int_eq(add(&r, "panel"), REGISTRY_E_TAKEN);
    ck_assert_uint_eq(r.count, 1);
    registry_deinit(&r);
}
END_TEST

START_TEST(an_empty_registry_says_none)
{
    struct registry r = { .count = 0 };
    check_names(&r, "none");
    registry_deinit(&r);
    registry_deinit(&r);
}
END_TEST

START_TEST(a_long_list_of_names_is_cut)
{
    struct registry r = { .count = 0 };
    struct buf out;
    char name[16];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "g%02d", i);
        ck_assert_int_eq(add(&r, name), 0);
    }
    buf_init(&out, 4096);
    registry_names(&r, &out);
    ck_assert_ptr_nonnull(strstr(buf_text(&out), "g19, ..."));
    ck_assert_ptr_null(strstr(buf_text(&out), "g20"));
    buf_deinit(&out);
    registry_deinit(&r);
}
END_TEST

START_TEST(without_memory_nothing_is_added)
{
    struct registry r = { .count = 0 };
    struct graph *graph = make("panel");
    mem_fail_at(1);
    ck_assert_int_lt(registry_add(&r, graph), 0);
    mem_fail_at(0);
    ck_assert_uint_eq(r.count, 0);
    ck_assert_int_eq(registry_add(&r, graph), 0);
    graph_unref(graph);
    registry_deinit(&r);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *s = suite_create("registry");
    TCase *t = tcase_create("registry");
    tcase_add_test(t, graphs_are_kept_in_the_order_of_their_names);
    tcase_add_test(t, a_graph_is_found_by_name_and_by_assistant_id);
    tcase_add_test(t, a_name_is_taken_once);
    tcase_add_test(t, an_empty_registry_says_none);
    tcase_add_test(t, a_long_list_of_names_is_cut);
    tcase_add_test(t, without_memory_nothing_is_added);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
