/* Reducers and conditions that are functions of a C program, at work in whole runs through
 * include/anabranch.h alone. What the builder says of wrong ones is in test_build.c. */
#include "anabranch.h"
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct anabranch_options quiet = {
    .size = sizeof(struct anabranch_options),
    .settings = "{\"log_level\":\"error\",\"database\":\"memory:\",\"upstream_pools\":1}"
};

static struct anabranch_engine *engine;
static struct anabranch_builder *builder;
static int free_count;
static char seen[256]; /* by the last condition */

static void set_up(void)
{
    ck_assert_int_eq(anabranch_engine_new(&quiet, &engine), 0);
    ck_assert_int_eq(anabranch_builder_new(engine, "functions", &builder), 0);
}

static void tear_down(void)
{
    anabranch_engine_free(engine);
}

/* ---- functions ---- */

static void count_free(void *arg)
{
    (void)arg;
    free_count++;
}

/* held and written, joined as texts: "(held written)". */
static void join(void *arg, const char *held, const char *written,
                 struct anabranch_reduced *reduced)
{
    char text[256];

    (void)arg;
    if (strcmp(written, "\"bad\"") == 0) {
        anabranch_reduced_fail(reduced, "ValueError", "no bad words");
        return;
    }
    int len =
        snprintf(text, sizeof(text), "\"(%.*s %.*s)\"", held == NULL ? 1 : (int)strlen(held) - 2,
                 held == NULL ? "-" : held + 1, (int)strlen(written) - 2, written + 1);
    ck_assert_int_eq(anabranch_reduced_set(reduced, text, (size_t)len), 0);
}

/* Goes where arg says: names in one text, "NAME=JSON" for a Send, "!" fails. */
static void choose(void *arg, const char *state, struct anabranch_targets *targets)
{
    char words[128];
    char *rest = NULL;

    snprintf(seen, sizeof(seen), "%s", state);
    snprintf(words, sizeof(words), "%s", (const char *)arg);
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        char *json = strchr(word, '=');
        if (json != NULL)
            *json++ = '\0';
        if (strcmp(word, "!") == 0)
            anabranch_targets_fail(targets, "KeyError", "no way");
        else
            (void)anabranch_targets_add(targets, word, json); /* a wrong one fails the run */
    }
}

/* ---- graphs ---- */

/* a and b write "a" and "b" into `text`, c writes what it sees of it into `out`. */
static void add_nodes(const char *lifetime)
{
    char spec[80];

    snprintf(spec, sizeof(spec), "{\"type\":\"string\",\"lifetime\":\"%s\"}", lifetime);
    anabranch_builder_field(builder, "text", spec);
    anabranch_builder_reducer(builder, "text", join, NULL, count_free);
    anabranch_builder_field(builder, "out", "{\"type\":\"array\",\"reducer\":\"append\"}");
    anabranch_builder_field(builder, "way", "{\"type\":\"string\"}");
    anabranch_builder_node(builder, "a", "{\"kind\":\"set\",\"values\":{\"text\":\"a\"}}");
    anabranch_builder_node(builder, "b", "{\"kind\":\"set\",\"values\":{\"text\":\"b\"}}");
    anabranch_builder_node(builder, "c",
                           "{\"kind\":\"set\",\"values\":{\"out\":\"{{text}}{{way}}\"}}");
}

static void add_condition(const char *from, char *way, const char *const *targets, size_t count)
{
    struct anabranch_when when = { .size = sizeof(when),
                                   .from = from,
                                   .choose = choose,
                                   .arg = way,
                                   .free_arg = count_free,
                                   .targets = targets,
                                   .target_count = count };

    ck_assert_int_eq(anabranch_builder_when(builder, &when), 0);
}

static struct anabranch_graph *build(void)
{
    struct anabranch_graph *graph = NULL;
    int r = anabranch_builder_build(builder, &graph);

    ck_assert_msg(r == 0, "%s", anabranch_builder_problems(builder));
    anabranch_builder_free(builder);
    builder = NULL;
    return graph;
}

static void expect(struct anabranch_graph *graph, const char *input, const char *thread_id,
                   int status, const char *part)
{
    struct anabranch_run_options o = { .size = sizeof(o), .thread_id = thread_id };
    char *result = NULL;

    ck_assert_int_eq(anabranch_invoke(engine, graph, input, &o, &result), status);
    ck_assert_msg(strstr(result, part) != NULL, "%s\nis not in %s", part, result);
    anabranch_free(result);
}

/* a and b, then c. */
static struct anabranch_graph *two_writers(const char *lifetime)
{
    const char *both[] = { "a", "b" };

    add_nodes(lifetime);
    anabranch_builder_edge(builder, "START", "b");
    anabranch_builder_edge(builder, "START", "a");
    anabranch_builder_join(builder, both, 2, "c");
    return build();
}

/* ---- reducers ---- */

START_TEST(a_reducer_folds_a_steps_writes_in_canonical_order)
{
    struct anabranch_graph *graph = two_writers("thread");

    expect(graph, "{}", NULL, 0, "{\"text\":\"((- a) b)\",\"out\":[\"((- a) b)\"]}");
    expect(graph, "{\"text\":\"in\"}", NULL, 0, "\"text\":\"(((- in) a) b)\"");
    anabranch_graph_free(graph);
    ck_assert_int_eq(free_count, 1);
}
END_TEST

START_TEST(a_reducer_goes_on_from_what_its_thread_holds)
{
    struct anabranch_graph *graph = two_writers("thread");

    expect(graph, "{}", "t", 0, "\"text\":\"((- a) b)\"");
    expect(graph, "{}", "t", 0, "\"text\":\"((((- a) b) a) b)\"");
    expect(graph, "{}", "u", 0, "\"text\":\"((- a) b)\"");
    anabranch_graph_free(graph);
}
END_TEST

START_TEST(a_reducer_of_a_step_begins_anew)
{
    struct anabranch_graph *graph = two_writers("step");

    expect(graph, "{\"text\":\"in\"}", "t", 0, "{\"out\":[\"((- a) b)\"]}");
    expect(graph, "{}", "t", 0, "{\"out\":[\"((- a) b)\",\"((- a) b)\"]}");
    anabranch_graph_free(graph);
}
END_TEST

START_TEST(a_reducer_of_a_run_begins_anew_in_the_next)
{
    struct anabranch_graph *graph = two_writers("run");

    for (int i = 0; i < 2; i++)
        expect(graph, "{}", "t", 0, "{\"text\":\"((- a) b)\",");
    anabranch_graph_free(graph);
}
END_TEST

static const char *const overwrites[] = {
    "{\"text\":{\"__overwrite__\":\"over\"}}",
    "{\"text\":{\"type\":\"__overwrite__\",\"value\":\"over\"}}",
};

START_TEST(an_overwrite_passes_a_reducer_by)
{
    struct anabranch_graph *graph = two_writers("thread");

    expect(graph, "{\"text\":\"in\"}", "t", 0, "(((- in) a) b)");
    expect(graph, overwrites[_i], "t", 0, "\"text\":\"((over a) b)\"");
    anabranch_graph_free(graph);
}
END_TEST

START_TEST(a_reducer_that_refuses_fails_the_run_and_not_the_thread)
{
    struct anabranch_graph *graph = two_writers("thread");

    expect(graph, "{}", "t", 0, "((- a) b)");
    expect(graph, "{\"text\":\"bad\"}", "t", ANABRANCH_E_FAILED,
           "{\"error\":{\"type\":\"ValueError\",\"message\":\"no bad words\"");
    expect(graph, "{}", "t", 0, "((((- a) b) a) b)");
    anabranch_graph_free(graph);
}
END_TEST

/* ---- lives ---- */

static void write_text(struct anabranch_task *task, void *config)
{
    (void)config;
    anabranch_task_finish(task, "{\"text\":\"k\"}", 12);
}

static int make_config(void *arg, const char *spec, struct anabranch_builder *b, void **ret_config)
{
    (void)spec;
    (void)b;
    *ret_config = arg;
    return 0;
}

/* A result that is kept for later runs keeps what it came from. */
START_TEST(functions_are_let_go_once_though_a_result_was_cached)
{
    struct anabranch_kind kind = { .size = sizeof(kind),
                                   .name = "mine",
                                   .arg = engine,
                                   .configure = make_config,
                                   .config_free = count_free,
                                   .start = write_text };

    ck_assert_int_eq(anabranch_engine_add_kind(engine, &kind), 0);
    add_nodes("thread");
    anabranch_builder_node(builder, "mine", "{\"kind\":\"mine\",\"cache\":{\"key\":\"k\"}}");
    anabranch_builder_edge(builder, "START", "mine");
    anabranch_builder_edge(builder, "mine", "a");
    anabranch_builder_edge(builder, "a", "b");
    anabranch_builder_edge(builder, "b", "c");
    struct anabranch_graph *graph = build();
    for (int i = 0; i < 2; i++)
        expect(graph, "{}", NULL, 0, "\"text\":\"(((- k) a) b)\"");
    anabranch_graph_free(graph);
    anabranch_engine_free(engine);
    engine = NULL;
    ck_assert_int_eq(free_count, 2);
}
END_TEST

/* ---- conditions ---- */

static const struct {
    const char *way;
    int status;
    const char *part;
} ways[] = {
    { "", 0, "{\"text\":\"(- a)\",\"out\":[]}" },
    { "END", 0, "{\"text\":\"(- a)\",\"out\":[]}" },
    { "c", 0, "\"out\":[\"(- a)\"]" },
    { "c c", 0, "\"out\":[\"(- a)\"]" },
    { "b c", 0, "{\"text\":\"((- a) b)\",\"out\":[\"(- a)\"]}" },
    { "c={\"way\":\"1\"} c={\"way\":\"2\"}", 0, "\"out\":[\"1\",\"2\"]" },
    { "c={\"way\":\"1\"} c", 0, "\"out\":[\"(- a)\",\"1\"]" },
    { "nobody", ANABRANCH_E_FAILED, "\"InvalidUpdateError\"" },
    { "START", ANABRANCH_E_FAILED, "\"InvalidUpdateError\"" },
    { "END={}", ANABRANCH_E_FAILED, "\"InvalidUpdateError\"" },
    { "c={", ANABRANCH_E_FAILED, "\"InvalidUpdateError\"" },
    { "!", ANABRANCH_E_FAILED, "{\"type\":\"KeyError\",\"message\":\"no way\",\"node\":\"a\"" },
};

START_TEST(a_condition_goes_to_what_it_adds)
{
    char way[128];

    snprintf(way, sizeof(way), "%s", ways[_i].way);
    add_nodes("thread");
    anabranch_builder_edge(builder, "START", "a");
    add_condition("a", way, NULL, 0);
    struct anabranch_graph *graph = build();
    expect(graph, "{}", NULL, ways[_i].status, ways[_i].part);
    ck_assert_str_eq(seen, "{\"text\":\"(- a)\",\"out\":[]}"); /* with a's own write */
    anabranch_graph_free(graph);
    ck_assert_int_eq(free_count, 2);
}
END_TEST

START_TEST(a_condition_does_not_see_what_siblings_write)
{
    char way[] = "c";

    add_nodes("thread");
    anabranch_builder_edge(builder, "START", "a");
    anabranch_builder_edge(builder, "START", "b");
    add_condition("b", way, NULL, 0);
    struct anabranch_graph *graph = build();
    expect(graph, "{}", NULL, 0, "\"out\":[\"((- a) b)\"]");
    ck_assert_str_eq(seen, "{\"text\":\"(- b)\",\"out\":[]}");
    anabranch_graph_free(graph);
}
END_TEST

START_TEST(a_condition_at_the_start_sees_the_input)
{
    char way[] = "a c={\"way\":\"sent\"}";

    add_nodes("thread");
    add_condition("START", way, NULL, 0);
    struct anabranch_graph *graph = build();
    expect(graph, "{\"way\":\"in\"}", NULL, 0, "\"out\":[\"sent\"]");
    ck_assert_str_eq(seen, "{\"out\":[],\"way\":\"in\"}");
    anabranch_graph_free(graph);
}
END_TEST

START_TEST(a_condition_keeps_to_the_targets_that_it_has_named)
{
    static const char *const named[] = { "b", "END" };
    char way[] = "c";

    add_nodes("thread");
    anabranch_builder_edge(builder, "START", "a");
    anabranch_builder_edge(builder, "b", "c");
    add_condition("a", way, named, 2);
    struct anabranch_graph *graph = build();
    expect(graph, "{}", NULL, ANABRANCH_E_FAILED, "\"InvalidUpdateError\"");
    anabranch_graph_free(graph);
}
END_TEST

/* ---- the suite ---- */

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *s = suite_create("embed_functions");
    TCase *t = tcase_create("functions");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_reducer_folds_a_steps_writes_in_canonical_order);
    tcase_add_test(t, a_reducer_goes_on_from_what_its_thread_holds);
    tcase_add_test(t, a_reducer_of_a_step_begins_anew);
    tcase_add_test(t, a_reducer_of_a_run_begins_anew_in_the_next);
    tcase_add_loop_test(t, an_overwrite_passes_a_reducer_by, 0, COUNT(overwrites));
    tcase_add_test(t, a_reducer_that_refuses_fails_the_run_and_not_the_thread);
    tcase_add_test(t, functions_are_let_go_once_though_a_result_was_cached);
    tcase_add_loop_test(t, a_condition_goes_to_what_it_adds, 0, COUNT(ways));
    tcase_add_test(t, a_condition_does_not_see_what_siblings_write);
    tcase_add_test(t, a_condition_at_the_start_sees_the_input);
    tcase_add_test(t, a_condition_keeps_to_the_targets_that_it_has_named);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
