/* Names of nodes and fields that a graph file may not use, or not twice. */
#include "base/mem.h"
#include "fake_kinds.h"
#include "graph/parse.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The problems of a file whose text has ' for "; mem_free(). */
static char *problems_of(const char *text)
{
    struct problems problems;
    struct graph *g = NULL;
    char *json = strdup(text);
    for (char *c = json; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    problems_init(&problems);
    int r = graph_parse(&fake_kinds, &fake_limits, "dir/g.json", json, strlen(json), &problems, &g);
    free(json);
    ck_assert_msg(r == PARSE_E_WRONG, "%d for %s", r, text);
    ck_assert_ptr_null(g);
    char *told = mem_strdup(buf_text(&problems.text));
    problems_deinit(&problems);
    return told;
}

static void expect(const char *text, const char *wanted)
{
    char *told = problems_of(text);
    ck_assert_msg(strstr(told, wanted) != NULL, "%s\nis not in\n%s", wanted, told);
    mem_free(told);
}

#define KEPT     "names with \"__\" in front are kept for the server\n"
#define RESERVED "this name is reserved for the engine\n"

/* What the reference keeps for itself, and what would be taken for something else. */
static const struct {
    const char *name;
    const char *why;
} nodes[] = {
    { "__start__", KEPT },
    { "__end__", KEPT },
    { "__input__", KEPT },
    { "__interrupt__", KEPT },
    { "__resume__", KEPT },
    { "__error__", KEPT },
    { "__error_source_node__", KEPT },
    { "__no_writes__", KEPT },
    { "__pregel_tasks", KEPT },
    { "__error_handler__x", KEPT },
    { "START", "START and END are the ends of every graph\n" },
    { "END", "START and END are the ends of every graph\n" },
    { "a|b", "\"|\" and \":\" cannot be in a name\n" },
    { "a:b", "\"|\" and \":\" cannot be in a name\n" },
    { "langsmith:hidden", "\"|\" and \":\" cannot be in a name\n" },
    { "configurable", RESERVED },
    { "checkpoint_id", RESERVED },
    { "checkpoint_ns", RESERVED },
    { "checkpoint_map", RESERVED },
};
enum { NODE_COUNT = sizeof(nodes) / sizeof(nodes[0]) };

START_TEST(a_reserved_name_of_a_node_is_refused)
{
    char text[400], wanted[200];
    snprintf(text, sizeof(text),
             "{'state':{'a':{'type':'string'}},'nodes':{'%s':{'kind':'set','values':{}}},"
             "'edges':[['START','%s']]}",
             nodes[_i].name, nodes[_i].name);
    snprintf(wanted, sizeof(wanted), "dir/g.json: /nodes/%s: %s", nodes[_i].name, nodes[_i].why);
    expect(text, wanted);
}
END_TEST

#define SCOPES "names with \"$\" in front are kept for $context, $config and $run\n"
#define MARKS  "names with \"branch:to:\" or \"join:\" in front are kept for the server\n"

static const struct {
    const char *name;
    const char *why;
} fields[] = {
    { "__start__", KEPT },
    { "__interrupt__", KEPT },
    { "__pregel_tasks", KEPT },
    { "$run", SCOPES },
    { "branch:to:x", MARKS },
    { "join:x", MARKS },
    { "a.b", "a dot in a name would be taken for a path\n" },
    { "configurable", RESERVED },
    { "checkpoint_id", RESERVED },
    { "checkpoint_ns", RESERVED },
    { "checkpoint_map", RESERVED },
    { "langsmith:hidden", RESERVED },
};
enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

START_TEST(a_reserved_name_of_a_field_is_refused)
{
    char text[400], wanted[200];
    snprintf(text, sizeof(text),
             "{'state':{'%s':{'type':'string'}},'nodes':{'x':{'kind':'set','values':{}}},"
             "'edges':[['START','x']]}",
             fields[_i].name);
    snprintf(wanted, sizeof(wanted), "dir/g.json: /state/%s: %s", fields[_i].name, fields[_i].why);
    expect(text, wanted);
}
END_TEST

/* Names that only look like them. */
static const char *const free_names[] = {
    "configurables", "checkpoint", "checkpoint_id2", "thread_id", "run_id", "start", "End"
};
enum { FREE_COUNT = sizeof(free_names) / sizeof(free_names[0]) };

START_TEST(a_name_that_is_like_a_reserved_one_is_right)
{
    char text[400];
    struct problems problems;
    struct graph *g = NULL;
    int len = snprintf(text, sizeof(text),
                       "{\"state\":{\"%s\":{\"type\":\"string\"}},\"nodes\":{\"%s\":{\"kind\":\"set"
                       "\",\"values\":{}}},\"edges\":[[\"START\",\"%s\"]]}",
                       free_names[_i], free_names[_i], free_names[_i]);
    problems_init(&problems);
    int r = graph_parse(&fake_kinds, &fake_limits, "g.json", text, (size_t)len, &problems, &g);
    ck_assert_msg(r == 0, "%s", buf_text(&problems.text));
    problems_deinit(&problems);
    graph_unref(g);
}
END_TEST

/* A key that stands twice is no JSON that means one thing, so the reader of JSON tells it. */
START_TEST(a_name_that_stands_twice_is_told_with_its_place)
{
    char *told = problems_of("{'state':{'a':{'type':'string'}},\n"
                             "'nodes':{'x':{'kind':'set','values':{}},\n"
                             " 'x':{'kind':'set','values':{}}},'edges':[['START','x']]}");
    ck_assert_str_eq(told, "dir/g.json:3:2: the key \"x\" stands here twice\n");
    mem_free(told);
    told = problems_of("{'state':{'a':{'type':'string'},'a':{'type':'string'}},"
                       "'nodes':{'x':{'kind':'set','values':{}}},'edges':[['START','x']]}");
    ck_assert_str_eq(told, "dir/g.json:1:33: the key \"a\" stands here twice\n");
    mem_free(told);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *s = suite_create("names");
    TCase *t = tcase_create("names");
    tcase_add_loop_test(t, a_reserved_name_of_a_node_is_refused, 0, NODE_COUNT);
    tcase_add_loop_test(t, a_reserved_name_of_a_field_is_refused, 0, FIELD_COUNT);
    tcase_add_loop_test(t, a_name_that_is_like_a_reserved_one_is_right, 0, FREE_COUNT);
    tcase_add_test(t, a_name_that_stands_twice_is_told_with_its_place);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
