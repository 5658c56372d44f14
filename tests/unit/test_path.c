#include "base/mem.h"
#include "graph/graph.h"
#include "graph/path.h"
#include "graph/state.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static json_t *json_of(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(json);
    return json;
}

static const struct {
    const char *path;
    const char *expected; /* NULL: absent */
} lookups[] = {
    { "user", "{\"name\":\"Ada\",\"tags\":[\"x\",[\"y\"]]}" },
    { "user.name", "\"Ada\"" },
    { "user.tags.0", "\"x\"" },
    { "user.tags.1.0", "\"y\"" },
    { "user.tags.2", NULL },
    { "user.tags.00", NULL },
    { "user.tags.-1", NULL },
    { "user.tags.18446744073709551616", NULL },
    { "user.tags.x", NULL },
    { "user.name.first", NULL },
    { "user.age", NULL },
    { "nobody", NULL },
    { "$context.id", "7" },
    { "$config.thread_id", "\"t\"" },
    { "$config.x", NULL },
    { "$run.step", "3" },
};

START_TEST(a_path_finds_what_it_names)
{
    json_t *extra = json_of("{\"user\":{\"name\":\"Ada\",\"tags\":[\"x\",[\"y\"]]}}");
    json_t *context = json_of("{\"id\":7}");
    json_t *configurable = json_of("{\"thread_id\":\"t\"}");
    json_t *facts = json_of("{\"step\":3}");
    struct scope scope = {
        .extra = extra, .context = context, .configurable = configurable, .facts = facts
    };
    struct path *p;
    const char *text = lookups[_i].path;
    ck_assert_int_eq(0, path_parse(text, strlen(text), &p));
    ck_assert_str_eq(text, path_text(p));
    const json_t *found = path_find(p, &scope);
    ck_assert_int_eq(lookups[_i].expected != NULL, found != NULL);
    if (found != NULL) {
        json_t *expected = json_of(lookups[_i].expected);
        ck_assert(json_equal(expected, found));
        json_decref(expected);
    }
    path_free(p);
    json_decref(extra);
    json_decref(context);
    json_decref(configurable);
    json_decref(facts);
}
END_TEST

/* One field "n" that holds 1. */
static struct field field;
static struct graph graph;

static struct state *state_of_one(void)
{
    struct state *state;
    field = (struct field){ .name = (char *)"n", .type = FIELD_INTEGER };
    graph = (struct graph){ .refs = 1, .fields = &field, .field_count = 1 };
    ck_assert_int_eq(0, value_new_take(json_integer(1), &field.initial));
    ck_assert_int_eq(0, state_new(&graph, &state));
    return state;
}

static void forget_one(struct state *state)
{
    state_unref(state);
    value_unref(field.initial);
}

START_TEST(names_of_the_state_are_found_and_extra_names_win)
{
    struct state *state = state_of_one();
    struct scope scope = { .graph = &graph, .state = state };
    ck_assert_int_eq(1, json_integer_value(scope_find(&scope, "n")));
    ck_assert_ptr_null(scope_find(&scope, "m"));
    json_t *extra = json_of("{\"n\":2}");
    scope.extra = extra;
    ck_assert_int_eq(2, json_integer_value(scope_find(&scope, "n")));
    json_decref(extra);
    forget_one(state);
}
END_TEST

START_TEST(a_sends_argument_is_seen_in_place_of_the_state)
{
    struct state *state = state_of_one();
    json_t *input = json_of("{\"item\":2,\"$context\":3}");
    json_t *extra = json_of("{\"e\":4}");
    json_t *context = json_of("{\"c\":5}");
    struct scope scope = {
        .graph = &graph, .state = state, .input = input, .extra = extra, .context = context
    };
    ck_assert_ptr_null(scope_find(&scope, "n"));
    ck_assert_int_eq(2, json_integer_value(scope_find(&scope, "item")));
    ck_assert_int_eq(4, json_integer_value(scope_find(&scope, "e")));
    ck_assert_ptr_eq(context, scope_find(&scope, "$context"));
    ck_assert_ptr_null(scope_find(&scope, "$config"));
    json_t *seen = scope_input(&scope);
    ck_assert_ptr_eq(input, seen);
    json_decref(seen);
    json_decref(input);
    json_decref(extra);
    json_decref(context);
    forget_one(state);
}
END_TEST

START_TEST(an_argument_that_is_no_object_has_no_names)
{
    json_t *input = json_of("7");
    struct scope scope = { .input = input };
    ck_assert_ptr_null(scope_find(&scope, "n"));
    json_t *seen = scope_input(&scope);
    ck_assert_int_eq(7, json_integer_value(seen));
    json_decref(seen);
    json_decref(input);
}
END_TEST

START_TEST(the_whole_input_shares_the_states_values)
{
    struct state *state = state_of_one();
    struct scope scope = { .graph = &graph, .state = state };
    json_t *seen = NULL;
    unsigned long n = 1;
    for (; seen == NULL; n++) {
        mem_fail_at(n);
        seen = scope_input(&scope);
        ck_assert(mem_fail_pending() == (seen != NULL));
        mem_fail_at(0);
    }
    ck_assert_uint_gt(n, 2);
    ck_assert_uint_eq(1, json_object_size(seen));
    ck_assert_ptr_eq(value_json(field.initial), json_object_get(seen, "n"));
    json_decref(seen);
    scope = (struct scope){ 0 };
    seen = scope_input(&scope);
    ck_assert(json_is_object(seen) && json_object_size(seen) == 0);
    json_decref(seen);
    forget_one(state);
}
END_TEST

static const char *const wrong_paths[] = { "", ".", "a.", ".a", "a..b" };

START_TEST(a_path_with_an_empty_part_is_refused)
{
    struct path *p = NULL;
    const char *text = wrong_paths[_i];
    ck_assert_int_eq(PATH_E_SYNTAX, path_parse(text, strlen(text), &p));
    ck_assert_ptr_null(p);
}
END_TEST

START_TEST(a_path_is_bounded_in_depth_and_holds_no_nul)
{
    struct path *p = NULL;
    char deep[2 * PATH_MAX_DEPTH + 1];
    for (int i = 0; i <= PATH_MAX_DEPTH; i++)
        memcpy(deep + 2 * i, "a.", i == PATH_MAX_DEPTH ? 1 : 2);
    ck_assert_int_eq(0, path_parse(deep, 2 * PATH_MAX_DEPTH - 1, &p));
    path_free(p);
    ck_assert_int_eq(PATH_E_SYNTAX, path_parse(deep, sizeof(deep), &p));
    ck_assert_int_eq(PATH_E_SYNTAX, path_parse("a\0b", 3, &p));
}
END_TEST

START_TEST(without_memory_parsing_is_a_fault_and_leaks_nothing)
{
    struct path *p = NULL;
    for (unsigned long n = 1;; n++) {
        mem_fail_at(n);
        int r = path_parse("a.b", 3, &p);
        if (mem_fail_pending()) {
            mem_fail_at(0);
            ck_assert_int_eq(0, r);
            break;
        }
        ck_assert_int_lt(r, 0);
    }
    ck_assert_str_eq("a", path_root(p));
    path_free(p);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("path");
    TCase *tc = tcase_create("path");
    tcase_add_loop_test(tc, a_path_finds_what_it_names, 0, sizeof(lookups) / sizeof(*lookups));
    tcase_add_test(tc, names_of_the_state_are_found_and_extra_names_win);
    tcase_add_test(tc, a_sends_argument_is_seen_in_place_of_the_state);
    tcase_add_test(tc, an_argument_that_is_no_object_has_no_names);
    tcase_add_test(tc, the_whole_input_shares_the_states_values);
    tcase_add_loop_test(tc, a_path_with_an_empty_part_is_refused, 0,
                        sizeof(wrong_paths) / sizeof(*wrong_paths));
    tcase_add_test(tc, a_path_is_bounded_in_depth_and_holds_no_nul);
    tcase_add_test(tc, without_memory_parsing_is_a_fault_and_leaks_nothing);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
