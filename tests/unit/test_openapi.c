/* The document of the routes: that nothing is missing in it, and that lack of memory gives none. */
#include "api/openapi.h"
#include "base/mem.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *member(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

/* ---- the table ---- */

START_TEST(a_route_says_what_it_does)
{
    const struct http_route *r = &api_routes[_i];
    ck_assert_ptr_nonnull(r->about);
    ck_assert(strlen(r->about->summary) > 5);
    ck_assert_int_ge(r->about->answers[0].status, 200);
    ck_assert_msg(((r->flags & ROUTE_BODY) != 0) == (r->about->keys != NULL),
                  "%s %s: a body needs ROUTE_BODY and keys", r->method, r->path);
}
END_TEST

START_TEST(a_value_in_a_path_has_a_type)
{
    char name[64];
    for (const char *at = api_routes[_i].path; (at = strchr(at, '{')) != NULL; at++) {
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "}"), at + 1);
        ck_assert_msg(about_path_type(name) != NULL, "{%s} is not in api/about.c", name);
    }
}
END_TEST

/* ---- the document ---- */

static void has_operation(const json_t *document, const struct http_route *r)
{
    static const char *const methods[][2] = {
        { "GET", "get" },     { "POST", "post" },     { "PUT", "put" },
        { "PATCH", "patch" }, { "DELETE", "delete" },
    };
    const char *method = NULL;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(methods[i][0], r->method) == 0)
            method = methods[i][1];
    ck_assert_ptr_nonnull(method);
    const json_t *operation = member(member(member(document, "paths"), r->path), method);
    ck_assert_msg(operation != NULL, "%s %s is missing", r->method, r->path);
    ck_assert_str_eq(json_string_value(member(operation, "summary")), r->about->summary);
}

START_TEST(every_route_is_in_the_document)
{
    json_t *document = openapi_document(api_routes, api_route_count, 0);
    ck_assert_ptr_nonnull(document);
    ck_assert_str_eq(json_string_value(member(document, "openapi")), "3.1.0");
    for (size_t i = 0; i < api_route_count; i++)
        has_operation(document, &api_routes[i]);
    json_decref(document);
}
END_TEST

static void check_refs(const json_t *json, const json_t *components)
{
    const char *key;
    json_t *value;
    size_t i;
    const char *ref = json_string_value(member(json, "$ref"));
    if (ref != NULL) {
        char section[32], name[64];
        ck_assert_int_eq(sscanf(ref, "#/components/%31[^/]/%63s", section, name), 2);
        ck_assert_msg(member(member(components, section), name) != NULL, "%s leads nowhere", ref);
    }
    json_object_foreach((json_t *)json, key, value)
        check_refs(value, components);
    json_array_foreach(json, i, value)
        check_refs(value, components);
}

START_TEST(every_shape_that_is_named_is_there)
{
    json_t *document = openapi_document(api_routes, api_route_count, 0);
    check_refs(document, member(document, "components"));
    json_decref(document);
}
END_TEST

START_TEST(hidden_routes_are_not_in_it)
{
    json_t *document = openapi_document(api_routes, api_route_count, ROUTE_TEST);
    ck_assert_ptr_null(member(member(document, "paths"), "/internal/truncate"));
    ck_assert_ptr_nonnull(member(member(document, "paths"), "/invoke"));
    json_decref(document);
}
END_TEST

/* Most parts are made alike: the first ones, and some of the others. */
START_TEST(without_memory_there_is_no_document_and_nothing_leaks)
{
    json_t *document = NULL;
    unsigned long n = 1;
    for (; document == NULL; n += 1 + n / 40) {
        mem_fail_at(n);
        document = openapi_document(api_routes, api_route_count, 0);
        int was_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg((document != NULL) == (was_pending != 0), "allocation %lu", n);
    }
    json_decref(document);
    ck_assert_uint_gt(n, 1000);
}
END_TEST

/* ---- types ---- */

static const char *const modes[] = { "values", "none", NULL };
static const struct type word = { TYPE_WORDS, .expected = "a word", .words = modes };
static const struct type few = { TYPE_INTEGER, .expected = "few", .least = 1, .most = 3 };
static const struct type some = { TYPE_LIST, .expected = "some", .least = 1, .item = &few };
static const struct type above = { TYPE_NUMBER, .expected = "more", .most = 5, .is_above = true };
static const struct body_key inner_keys[] = { { "a", &few, true },
                                              { "b", &word, false },
                                              BODY_END };
static const struct type inner = { TYPE_OBJECT, .expected = "inner", .keys = inner_keys };
static const struct type either = { TYPE_ONE_OF, .expected = "either",
                                    .of = (const struct type *const[]){ &word, &inner, NULL } };
static const struct type pair = { TYPE_PAIR, .expected = "a pair" };

static const struct fit {
    const struct type *type;
    const char *json;
    bool fits;
} fits[] = {
    { &word, "'none'", true },
    { &word, "'nones'", false },
    { &word, "1", false },
    { &few, "3", true },
    { &few, "4", false },
    { &few, "0", false },
    { &few, "'1'", false },
    { &few, "1.5", false },
    { &some, "[1, 2]", true },
    { &some, "[]", false },
    { &some, "[1, 4]", false },
    { &some, "{}", false },
    { &above, "0", false },
    { &above, "0.1", true },
    { &above, "5", true },
    { &above, "5.1", false },
    { &inner, "{'a': 1}", true },
    { &inner, "{}", false },
    { &inner, "{'a': null}", false },
    { &inner, "{'a': 1, 'b': null, 'c': 1}", true },
    { &inner, "{'a': 1, 'b': 'x'}", false },
    { &inner, "[]", false },
    { &either, "'none'", true },
    { &either, "{'a': 2}", true },
    { &either, "{'a': 9}", false },
    { &pair, "['a', 1]", true },
    { &pair, "['a']", false },
    { &pair, "[1, 'a']", false },
    { &type_any, "[]", true },
    { &type_uuid, "'00000000-0000-4000-8000-000000000001'", true },
    { &type_uuid, "'x'", false },
    { &type_boolean, "true", true },
    { &type_boolean, "'true'", false },
    { &type_ttl, "0.5", true },
    { &type_ttl, "0", false },
    { &type_ttl, "{'ttl': 1}", true },
    { &type_ttl, "{'ttl': 1, 'strategy': 'burn'}", false },
    { &type_ttl, "{}", false },
};

static json_t *quoted(const char *text)
{
    char json[200];
    (void)snprintf(json, sizeof(json), "%s", text);
    for (char *at = json; (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    return json_loads(json, JSON_DECODE_ANY, NULL);
}

START_TEST(a_value_fits_its_type_or_does_not)
{
    json_t *value = quoted(fits[_i].json);
    ck_assert_ptr_nonnull(value);
    ck_assert_msg(type_fits(fits[_i].type, value) == fits[_i].fits, "%s for %s", fits[_i].json,
                  fits[_i].type->expected);
    json_decref(value);
}
END_TEST

static const struct type words = { TYPE_LIST, .expected = "words", .item = &word };
static const struct type one_or_more = { TYPE_ONE_OF, .expected = "words",
                                         .of =
                                             (const struct type *const[]){ &word, &words, NULL } };

START_TEST(the_item_to_blame_is_found)
{
    json_t *list = quoted("['none', 'x', 'y']");
    json_t *good = quoted("['none']");
    ck_assert_ptr_eq(type_find_wrong_item(&one_or_more, list), json_array_get(list, 1));
    ck_assert_ptr_null(type_find_wrong_item(&one_or_more, good));
    ck_assert_ptr_null(type_find_wrong_item(&one_or_more, json_array_get(list, 1)));
    ck_assert_ptr_null(type_find_wrong_item(&word, list));
    json_decref(list);
    json_decref(good);
}
END_TEST

START_TEST(keys_become_a_schema)
{
    static const struct body_key keys[] = {
        { "limit", &few, false },
        { "checkpoint.id", &type_string, false },
        { "checkpoint", &type_object, true },
        BODY_END,
    };
    json_t *schema = type_keys_schema(keys);
    json_t *wanted = quoted("{'type':'object','properties':{"
                            "'limit':{'type':['integer','null'],'minimum':1,'maximum':3},"
                            "'checkpoint':{'properties':{'id':{'type':['string','null']}},"
                            "'type':'object'}},'required':['checkpoint']}");
    ck_assert(json_equal(schema, wanted));
    json_decref(schema);
    json_decref(wanted);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("openapi");
    TCase *tests = tcase_create("openapi");
    tcase_add_loop_test(tests, a_route_says_what_it_does, 0, (int)api_route_count);
    tcase_add_loop_test(tests, a_value_in_a_path_has_a_type, 0, (int)api_route_count);
    tcase_add_test(tests, every_route_is_in_the_document);
    tcase_add_test(tests, every_shape_that_is_named_is_there);
    tcase_add_test(tests, hidden_routes_are_not_in_it);
    tcase_add_test(tests, without_memory_there_is_no_document_and_nothing_leaks);
    tcase_add_loop_test(tests, a_value_fits_its_type_or_does_not, 0,
                        sizeof(fits) / sizeof(fits[0]));
    tcase_add_test(tests, the_item_to_blame_is_found);
    tcase_add_test(tests, keys_become_a_schema);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
