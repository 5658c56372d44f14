/* store/filter.h and store/match.h: what filters mean, and which values are the same. */
#include "base/jsonx.h"
#include "base/mem.h"
#include "store/filter.h"
#include "store/match.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static json_t *parse(const char *text)
{
    json_t *json = NULL;
    struct jsonx_error error;
    int r = jsonx_parse(text, strlen(text), 200, &json, &error);
    ck_assert_msg(r == 0, "%s: %s", text, error.message);
    return json;
}

/* ---- the same, more, less, contained ---- */

static const struct {
    const char *a, *b;
    bool same;
    int order; /* 2 = none */
} pairs[] = {
    { "1", "1", true, 0 },
    { "1", "1.0", true, 0 },
    { "1", "1.5", false, -1 },
    { "-1", "-1.5", false, 1 },
    { "2", "1.5", false, 1 },
    { "9007199254740993", "9007199254740992.0", false, 1 },
    { "9223372036854775807", "9223372036854775808.0", false, -1 },
    { "-9223372036854775808", "-9223372036854775808.0", true, 0 },
    { "-9223372036854775808", "-1e300", false, 1 },
    { "0.1", "0.1", true, 0 },
    { "1e300", "1e299", false, 1 },
    { "\"a\"", "\"b\"", false, -1 },
    { "\"a\"", "\"a\"", true, 0 },
    { "\"10\"", "\"9\"", false, -1 },
    { "\"1\"", "1", false, 2 },
    { "true", "true", true, 2 },
    { "true", "false", false, 2 },
    { "true", "1", false, 2 },
    { "null", "null", true, 2 },
    { "null", "0", false, 2 },
    { "[]", "[]", true, 2 },
    { "[1,2]", "[1.0,2]", true, 2 },
    { "[1,2]", "[2,1]", false, 2 },
    { "[1]", "[1,1]", false, 2 },
    { "[]", "{}", false, 2 },
    { "{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"a\":1}", true, 2 },
    { "{\"a\":1}", "{\"a\":1,\"b\":2}", false, 2 },
    { "{\"a\":1}", "{\"b\":1}", false, 2 },
};

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

START_TEST(values_are_compared_by_what_they_are_worth)
{
    json_t *a = parse(pairs[_i].a);
    json_t *b = parse(pairs[_i].b);
    int order = 0;
    int back = 0;
    ck_assert_int_eq(json_same(a, b), pairs[_i].same);
    ck_assert_int_eq(json_same(b, a), pairs[_i].same);
    ck_assert_int_eq(json_order(a, b, &order), pairs[_i].order != 2);
    ck_assert_int_eq(json_order(b, a, &back), pairs[_i].order != 2);
    if (pairs[_i].order != 2) {
        ck_assert_int_eq(sign(order), pairs[_i].order);
        ck_assert_int_eq(sign(back), -pairs[_i].order);
    }
    json_decref(a);
    json_decref(b);
}
END_TEST

static const struct {
    const char *whole, *part;
    bool contains;
} contents[] = {
    { "{\"a\":1,\"b\":2}", "{}", true },
    { "{\"a\":1,\"b\":2}", "{\"a\":1.0}", true },
    { "{\"a\":1,\"b\":2}", "{\"a\":2}", false },
    { "{\"a\":1}", "{\"a\":1,\"b\":2}", false },
    { "{\"a\":null}", "{\"a\":null}", true },
    { "{}", "{\"a\":null}", false },
    { "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", "{\"a\":{\"b\":{\"d\":2}}}", true },
    { "{\"a\":{\"b\":1}}", "{\"a\":1}", false },
    { "{\"a\":1}", "{\"a\":{}}", false },
    { "[1,2,3]", "[3,1,1]", true },
    { "[1,2,3]", "[4]", false },
    { "[1,2,3]", "[]", true },
    { "[{\"a\":1,\"b\":2},{\"a\":3}]", "[{\"a\":3},{\"b\":2}]", true },
    { "[{\"a\":1},{\"b\":2}]", "[{\"a\":1,\"b\":2}]", false },
    { "[1]", "1", false },
    { "{}", "[]", false },
    { "\"abc\"", "\"a\"", false },
};

START_TEST(a_whole_contains_its_parts)
{
    json_t *whole = parse(contents[_i].whole);
    json_t *part = parse(contents[_i].part);
    ck_assert_int_eq(json_contains(whole, part), contents[_i].contains);
    ck_assert(json_contains(whole, whole));
    json_decref(whole);
    json_decref(part);
}
END_TEST

/* ---- filters ---- */

#define VALUE                                                                                      \
    "{\"i\":5,\"r\":2.5,\"s\":\"b\",\"t\":true,\"n\":null,\"o\":{\"a\":1,\"b\":{\"c\":2}},"        \
    "\"l\":[1,{\"x\":2}]}"

static const struct {
    const char *filter;
    bool matches;
} matches[] = {
    { "{}", true },
    { "{\"i\":5}", true },
    { "{\"i\":5.0}", true },
    { "{\"i\":6}", false },
    { "{\"i\":5,\"s\":\"b\"}", true },
    { "{\"i\":5,\"s\":\"c\"}", false },
    { "{\"i\":\"5\"}", false },
    { "{\"none\":1}", false },
    { "{\"none\":null}", true },
    { "{\"n\":null}", true },
    { "{\"i\":null}", false },
    { "{\"o\":{\"a\":1}}", true },
    { "{\"o\":{\"b\":{\"c\":2}}}", true },
    { "{\"o\":{\"b\":{\"c\":{\"$gt\":1}}}}", true },
    { "{\"o\":{\"b\":{\"c\":3}}}", false },
    { "{\"o\":{}}", true },
    { "{\"i\":{}}", false },
    { "{\"i\":{\"a\":1}}", false },
    { "{\"l\":[1,{\"x\":2}]}", true },
    { "{\"l\":[1,{}]}", true },
    { "{\"l\":[1]}", false },
    { "{\"l\":[{\"x\":2},1]}", false },
    { "{\"l\":[{\"$lt\":2},{\"x\":{\"$ne\":3}}]}", true },
    { "{\"s\":[1]}", false },
    { "{\"i\":{\"$eq\":5}}", true },
    { "{\"l\":{\"$eq\":[1,{\"x\":2}]}}", true },
    { "{\"l\":{\"$eq\":[1,{}]}}", false },
    { "{\"i\":{\"$ne\":5}}", false },
    { "{\"i\":{\"$ne\":\"5\"}}", true },
    { "{\"none\":{\"$ne\":5}}", true },
    { "{\"none\":{\"$ne\":null}}", false },
    { "{\"i\":{\"$gt\":4}}", true },
    { "{\"i\":{\"$gt\":5}}", false },
    { "{\"i\":{\"$gt\":4.5}}", true },
    { "{\"i\":{\"$gte\":5}}", true },
    { "{\"i\":{\"$lt\":5}}", false },
    { "{\"i\":{\"$lte\":5}}", true },
    { "{\"r\":{\"$gt\":2,\"$lt\":3}}", true },
    { "{\"r\":{\"$gt\":2,\"$lt\":2.5}}", false },
    { "{\"s\":{\"$gt\":\"a\"}}", true },
    { "{\"s\":{\"$gt\":1}}", false },
    { "{\"s\":{\"$lte\":1}}", false },
    { "{\"none\":{\"$gt\":0}}", false },
    { "{\"none\":{\"$lt\":0}}", false },
    { "{\"t\":{\"$gte\":true}}", false },
    { "{\"n\":{\"$lte\":null}}", false },
    { "{\"i\":{\"$in\":[1,5.0]}}", true },
    { "{\"i\":{\"$in\":[]}}", false },
    { "{\"none\":{\"$in\":[1,null]}}", true },
    { "{\"i\":{\"$nin\":[1,2]}}", true },
    { "{\"i\":{\"$nin\":[1,5]}}", false },
    { "{\"none\":{\"$nin\":[1]}}", true },
    { "{\"i\":{\"$eq\":{\"$gt\":1}}}", false },
};

START_TEST(a_filter_matches_what_fits_all_its_members)
{
    json_t *filter = parse(matches[_i].filter);
    json_t *value = parse(VALUE);
    ck_assert_int_eq(filter_check(filter, NULL), 0);
    ck_assert_msg(filter_matches(filter, value) == matches[_i].matches, "%s", matches[_i].filter);
    json_decref(filter);
    json_decref(value);
}
END_TEST

START_TEST(a_value_that_is_no_object_has_no_members)
{
    static const char *const values[] = { "1", "[]", "null", "\"a\"" };
    json_t *none = parse("{}");
    json_t *one = parse("{\"a\":1}");
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        json_t *value = parse(values[i]);
        ck_assert(filter_matches(none, value));
        ck_assert(!filter_matches(one, value));
        json_decref(value);
    }
    json_decref(none);
    json_decref(one);
}
END_TEST

static const struct {
    const char *filter;
    const char *names; /* what the sentence speaks of */
} wrong[] = {
    { "[]", "array" },
    { "null", "null" },
    { "{\"a\":{\"$regex\":\"x\"}}", "$regex" },
    { "{\"a\":{\"$gt\":1,\"b\":2}}", "\"b\"" },
    { "{\"a\":{\"b\":{\"$\":2}}}", "\"$\"" },
    { "{\"a\":[{\"$gt\":1},{\"$foo\":2}]}", "$foo" },
    { "{\"a\":{\"$in\":1}}", "$in" },
    { "{\"a\":{\"$nin\":{}}}", "$nin" },
    { "{\"$eq\":1}", "$eq" },
};

START_TEST(a_wrong_filter_is_told_in_words)
{
    json_t *filter = parse(wrong[_i].filter);
    struct buf why;
    buf_init(&why, 1000);
    ck_assert_int_eq(filter_check(filter, &why), FILTER_E_WRONG);
    ck_assert_msg(strstr(buf_text(&why), wrong[_i].names) != NULL, "%s", buf_text(&why));
    ck_assert_int_eq(filter_check(filter, NULL), FILTER_E_WRONG);
    buf_deinit(&why);
    json_decref(filter);
}
END_TEST

START_TEST(a_filter_may_be_nested_so_deep_and_not_deeper)
{
    json_t *filter = json_integer(1);
    for (int i = 0; i < FILTER_DEPTH_MAX; i++)
        filter = json_pack("{s:o}", "a", filter);
    ck_assert_int_eq(filter_check(filter, NULL), 0);
    filter = json_pack("{s:o}", "a", filter);
    ck_assert_int_eq(filter_check(filter, NULL), FILTER_E_WRONG);
    json_decref(filter);
}
END_TEST

#define LOOP(c, test, table) tcase_add_loop_test(c, test, 0, sizeof(table) / sizeof(*(table)))

int main(void)
{
    mem_init();
    Suite *suite = suite_create("filter");
    TCase *c = tcase_create("filter");
    LOOP(c, values_are_compared_by_what_they_are_worth, pairs);
    LOOP(c, a_whole_contains_its_parts, contents);
    LOOP(c, a_filter_matches_what_fits_all_its_members, matches);
    LOOP(c, a_wrong_filter_is_told_in_words, wrong);
    tcase_add_test(c, a_value_that_is_no_object_has_no_members);
    tcase_add_test(c, a_filter_may_be_nested_so_deep_and_not_deeper);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
