/* base/jsonx.h: what is read, what is refused and with which sentence, and that numbers survive. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 100, TEXT_BYTES = 1 << 20 };

static json_t *parse(const char *text)
{
    struct jsonx_error error;
    json_t *json = NULL;
    int r = jsonx_parse(text, strlen(text), DEPTH, &json, &error);
    ck_assert_msg(r == 0, "%s: %d %s", text, r, r > 0 ? error.message : "");
    return json;
}

/* What comes in and what goes out again; NULL: the same. */
static const struct {
    const char *in;
    const char *out;
} trips[] = {
    { "0", NULL },
    { "-0", "0" },
    { "-0.0", NULL },
    { "1.0", NULL },
    { "0.1", NULL },
    { "0.30000000000000004", NULL },
    { "1e2", "100.0" },
    { "1E+400000", "!" },
    { "1e22", "1e+22" },
    { "1e-7", "1e-07" },
    { "5e-324", "4.94065645841247e-324" },
    { "1e-400", "0.0" },
    { "1.7976931348623157e308", "1.7976931348623157e+308" },
    { "100000000000000000000.0", "1e+20" },
    { "123456789012345.6", "123456789012345.6" },
    { "9223372036854775807", NULL },
    { "-9223372036854775808", NULL },
    { "0.10000000000000000000000000000000000000000000000000000000000000000000000001", "0.1" },
    { "true", NULL },
    { "false", NULL },
    { "null", NULL },
    { " \t\r\n[ ] \n", "[]" },
    { "{}", NULL },
    { "[1,[2,{\"a\":[]}],\"x\"]", NULL },
    { "{\"b\":1,\"a\":{\"c\":null}}", NULL },
    { "\"\"", NULL },
    { "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"", NULL },
    { "\"\\u00e9\\ud83d\\ude00\\u20ac\"", "\"\xc3\xa9\xf0\x9f\x98\x80\xe2\x82\xac\"" },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\\u0041\"",
      "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001fA\"" },
    { "\"\x7f\xe2\x80\xa8\"", NULL },
    { "{\"k\\u0061\\n\":\"v\"}", "{\"ka\\n\":\"v\"}" },
};

START_TEST(a_value_comes_out_as_it_went_in)
{
    struct jsonx_error error;
    json_t *json = NULL;
    const char *in = trips[_i].in;
    const char *wanted = trips[_i].out != NULL ? trips[_i].out : in;
    int r = jsonx_parse(in, strlen(in), DEPTH, &json, &error);
    if (wanted[0] == '!') {
        ck_assert_int_eq(r, JSONX_E_SYNTAX);
        return;
    }
    ck_assert_msg(r == 0, "%s: %s", in, error.message);
    size_t len = 0;
    char *out = jsonx_text(json, TEXT_BYTES, &len);
    ck_assert_str_eq(out, wanted);
    ck_assert_uint_eq(len, strlen(wanted));
    mem_free(out);
    json_decref(json);
}
END_TEST

static const struct {
    const char *text;
    size_t len; /* 0: strlen */
    int line;
    int column;
    const char *part; /* of the message */
} refused[] = {
    { "", 0, 1, 1, "a value expected, but the input ends here" },
    { "  \n ", 0, 2, 2, "a value expected" },
    { "1e400", 0, 1, 1, "1e400 is too large for a number" },
    { "[-1e400]", 0, 1, 2, "-1e400 is too large" },
    { "9223372036854775808", 0, 1, 1, "9223372036854775808 does not fit into a 64-bit integer" },
    { "-9223372036854775809", 0, 1, 1, "does not fit" },
    { "99999999999999999999999999999999999999999999999", 0, 1, 1,
      "9999999999999999999999999999999999999999... does not" },
    { "01", 0, 1, 1, "must not start with 0" },
    { "-", 0, 1, 1, "digit" },
    { "1.", 0, 1, 1, "decimal point" },
    { ".5", 0, 1, 1, "found '.'" },
    { "1e", 0, 1, 1, "exponent" },
    { "+1", 0, 1, 1, "found '+'" },
    { "NaN", 0, 1, 1, "found 'N'" },
    { "tru", 0, 1, 1, "a value expected" },
    { "'a'", 0, 1, 1, "found '''" },
    { "1 2", 0, 1, 3, "the end of the input expected, found '2'" },
    { "{} x", 0, 1, 4, "the end of the input expected" },
    { "truefalse", 0, 1, 5, "the end of the input" },
    { "[1", 0, 1, 3, "',' or ']' expected, but the input ends here" },
    { "[1 2]", 0, 1, 4, "',' or ']' expected, found '2'" },
    { "[1,]", 0, 1, 4, "found ']'" },
    { "{\"a\" 1}", 0, 1, 6, "':' expected" },
    { "{\"a\":1,}", 0, 1, 8, "a key in quotes expected" },
    { "{a:1}", 0, 1, 2, "a key in quotes expected, found 'a'" },
    { "{\"a\":}", 0, 1, 6, "a value expected" },
    { "{\"a\":1", 0, 1, 7, "',' or '}' expected" },
    { "{\"a\":1,\n \"a\":2}", 0, 2, 2, "the key \"a\" stands here twice" },
    { "{\"a\":1,\"\\u0061\":2}", 0, 1, 8, "the key \"a\" stands here twice" },
    { "\"abc", 0, 1, 1, "this string has no end" },
    { "\"abc\\", 0, 1, 1, "this string has no end" },
    { "\"a\nb\"", 0, 1, 3, "must be escaped" },
    { "\"\\x\"", 0, 1, 2, "no such escape" },
    { "\"\\u12g4\"", 0, 1, 2, "four hexadecimal digits" },
    { "\"\\u12\"", 0, 1, 2, "four hexadecimal digits" },
    { "\"\\u0000\"", 0, 1, 2, "\\u0000 is not allowed" },
    { "{\"a\\u0000\":1}", 0, 1, 4, "\\u0000 is not allowed" },
    { "\"\\ud800\"", 0, 1, 2, "surrogate" },
    { "\"\\ud800\\u0041\"", 0, 1, 2, "surrogate" },
    { "\"\\udc00\"", 0, 1, 2, "surrogate" },
    { "\"a\0b\"", 5, 1, 3, "NUL" },
    { "1\0", 2, 1, 2, "NUL" },
    { "\"\xc3\xa9\xff\"", 0, 1, 3, "0xff is not valid UTF-8" },
    { "\"\xc0\x80\"", 0, 1, 2, "0xc0" },
    { "\"\xed\xa0\x80\"", 0, 1, 2, "0xed" },
    { "\"\xf4\x90\x80\x80\"", 0, 1, 2, "0xf4" },
    { "\xef\xbb\xbf{}", 0, 1, 1, "found another character" },
};

START_TEST(what_is_not_json_is_refused_with_place_and_sentence)
{
    struct jsonx_error error;
    json_t *json = NULL;
    size_t len = refused[_i].len != 0 ? refused[_i].len : strlen(refused[_i].text);
    /* On the heap, where a read past the end is seen. */
    char *bytes = mem_alloc(len);
    if (len > 0)
        memcpy(bytes, refused[_i].text, len);
    ck_assert_int_eq(jsonx_parse(bytes, len, DEPTH, &json, &error), JSONX_E_SYNTAX);
    ck_assert_ptr_null(json);
    ck_assert_msg(strstr(error.message, refused[_i].part) != NULL, "%s", error.message);
    ck_assert_msg(error.line == refused[_i].line && error.column == refused[_i].column, "%s: %d:%d",
                  refused[_i].text, error.line, error.column);
    mem_free(bytes);
}
END_TEST

START_TEST(nothing_at_all_is_refused_too)
{
    struct jsonx_error error;
    json_t *json = NULL;
    ck_assert_int_eq(jsonx_parse(NULL, 0, DEPTH, &json, &error), JSONX_E_SYNTAX);
}
END_TEST

START_TEST(every_cut_of_a_document_is_refused)
{
    const char *text = "{\"a\":[1.5e3,-2,\"x\\u00e9\\n\"],\"b\":{\"c\":[true,false,null]}}";
    for (size_t len = 0; len < strlen(text); len++) {
        struct jsonx_error error;
        json_t *json = NULL;
        char *bytes = mem_strndup(text, len);
        bytes = mem_realloc(bytes, len == 0 ? 1 : len);
        ck_assert_int_eq(jsonx_parse(bytes, len, DEPTH, &json, &error), JSONX_E_SYNTAX);
        mem_free(bytes);
    }
}
END_TEST

static char *nested(int depth)
{
    char *text = mem_zalloc(2 * (size_t)depth + 1);
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    return text;
}

static const struct {
    int depth;
    int max_depth;
    int result;
} depths[] = {
    { 1, 1, 0 },
    { 2, 1, JSONX_E_DEPTH },
    { 100, 100, 0 },
    { 101, 100, JSONX_E_DEPTH },
    { 2000, 2000, 0 },
    { 100000, 2000, JSONX_E_DEPTH },
    { 100000, 1000000, JSONX_E_DEPTH },
};

START_TEST(nesting_is_allowed_up_to_the_given_depth)
{
    struct jsonx_error error;
    json_t *json = NULL;
    char *text = nested(depths[_i].depth);
    int r = jsonx_parse(text, strlen(text), depths[_i].max_depth, &json, &error);
    ck_assert_int_eq(r, depths[_i].result);
    if (r == 0) {
        ck_assert_int_eq(jsonx_depth(json, 5000), depths[_i].depth);
        ck_assert_int_eq(jsonx_depth(json, 0), 1);
        char *again = jsonx_text(json, TEXT_BYTES, NULL);
        ck_assert_str_eq(again, text);
        mem_free(again);
    }
    json_decref(json);
    mem_free(text);
}
END_TEST

START_TEST(brackets_in_strings_are_no_nesting)
{
    struct jsonx_error error;
    json_t *json = NULL;
    const char *text = "[\"[[[[\\\"[[\"]";
    ck_assert_int_eq(jsonx_parse(text, strlen(text), 1, &json, &error), 0);
    json_decref(json);
}
END_TEST

START_TEST(the_depth_of_a_value_counts_arrays_and_objects)
{
    json_t *json = parse("{\"a\":1,\"b\":[{\"c\":[]}]}");
    ck_assert_int_eq(jsonx_depth(json, 10), 4);
    ck_assert_int_eq(jsonx_depth(json, 2), 3);
    ck_assert_int_eq(jsonx_depth(json_object_get(json, "a"), 10), 0);
    json_decref(json);
}
END_TEST

START_TEST(any_real_reads_back_equal)
{
    struct buf b;
    unsigned long long bits = 88172645463325252ULL;
    buf_init(&b, 100);
    for (int i = 0; i < 20000; i++) {
        double number;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&number, &bits, sizeof(number));
        if (!isfinite(number))
            continue;
        buf_clear(&b);
        jsonx_encode_real(number, &b);
        json_t *json = parse(buf_text(&b));
        ck_assert(json_is_real(json));
        ck_assert(json_real_value(json) == number);
        json_decref(json);
    }
    buf_clear(&b);
    jsonx_encode_real((double)INFINITY, &b);
    ck_assert_str_eq(buf_text(&b), "null");
    buf_deinit(&b);
}
END_TEST

START_TEST(text_longer_than_the_maximum_is_not_given)
{
    json_t *json = parse("[1,2,3]");
    ck_assert_ptr_null(jsonx_text(json, 6, NULL));
    char *text = jsonx_text(json, 7, NULL);
    ck_assert_str_eq(text, "[1,2,3]");
    mem_free(text);
    json_decref(json);
}
END_TEST

static const struct {
    const char *bytes;
    size_t prefix;
    size_t partial;
} utf8[] = {
    { "", 0, 0 },
    { "plain ascii text", 16, 0 },
    { "12345678\xc3\xa9", 10, 0 },
    { "a\xc3", 1, 1 },
    { "a\xe2\x82", 1, 2 },
    { "a\xf0\x9f\x98", 1, 3 },
    { "a\xf0\x9f", 1, 2 },
    { "\xf0\x9f\x98\x80", 4, 0 },
    { "\xed\xa0", 0, 0 },
    { "\xe0\x80", 0, 0 },
    { "\xf4\x90", 0, 0 },
    { "\xf5", 0, 0 },
    { "\xc1", 0, 0 },
    { "\x80", 0, 0 },
    { "a\xc3(", 1, 0 },
    { "\xe2(\xa1", 0, 0 },
    { "\xe2\x82(", 0, 0 },
};

START_TEST(utf8_is_split_where_a_stream_may_go_on)
{
    size_t len = strlen(utf8[_i].bytes);
    ck_assert_uint_eq(jsonx_utf8_prefix(utf8[_i].bytes, len), utf8[_i].prefix);
    ck_assert_uint_eq(jsonx_utf8_partial(utf8[_i].bytes, len), utf8[_i].partial);
}
END_TEST

static const struct {
    const char *json;
    const char *name;
} types[] = {
    { "\"\"", "string" },   { "1", "integer" }, { "1.0", "number" }, { "true", "boolean" },
    { "false", "boolean" }, { "null", "null" }, { "[]", "array" },   { "{}", "object" },
};

START_TEST(a_type_has_its_word)
{
    json_t *json = parse(types[_i].json);
    ck_assert_str_eq(jsonx_type_name(json), types[_i].name);
    json_decref(json);
}
END_TEST

static const char *const long_document =
    "{\"a\":[1,2.5,\"a text that is longer than a first buffer would be, and has \\n escapes\"],"
    "\"an escaped \\u0061 key\":{\"x\":null,\"y\":[[],{},true]},"
    "\"n\":0.1000000000000000000000000000000000000000000000000000000000000000000000000000001}";

START_TEST(parsing_survives_each_failing_allocation)
{
    struct jsonx_error error;
    int r = ERR_NOMEM;
    for (unsigned long n = 1; r != 0; n++) {
        json_t *json = NULL;
        mem_fail_at(n);
        r = jsonx_parse(long_document, strlen(long_document), DEPTH, &json, &error);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_int_eq(r, is_pending ? 0 : ERR_NOMEM);
        ck_assert((json != NULL) == (r == 0));
        json_decref(json);
    }
}
END_TEST

START_TEST(encoding_survives_each_failing_allocation)
{
    json_t *json = parse(long_document);
    char *text = NULL;
    for (unsigned long n = 1; text == NULL; n++) {
        mem_fail_at(n);
        text = jsonx_text(json, TEXT_BYTES, NULL);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert((text != NULL) == (is_pending != 0));
    }
    mem_free(text);
    json_decref(json);
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

int main(void)
{
    mem_init();
    Suite *suite = suite_create("jsonx");
    TCase *c = tcase_create("jsonx");
    tcase_add_loop_test(c, a_value_comes_out_as_it_went_in, 0, COUNT(trips));
    tcase_add_loop_test(c, what_is_not_json_is_refused_with_place_and_sentence, 0, COUNT(refused));
    tcase_add_test(c, nothing_at_all_is_refused_too);
    tcase_add_test(c, every_cut_of_a_document_is_refused);
    tcase_add_loop_test(c, nesting_is_allowed_up_to_the_given_depth, 0, COUNT(depths));
    tcase_add_test(c, brackets_in_strings_are_no_nesting);
    tcase_add_test(c, the_depth_of_a_value_counts_arrays_and_objects);
    tcase_add_test(c, any_real_reads_back_equal);
    tcase_add_test(c, text_longer_than_the_maximum_is_not_given);
    tcase_add_loop_test(c, utf8_is_split_where_a_stream_may_go_on, 0, COUNT(utf8));
    tcase_add_loop_test(c, a_type_has_its_word, 0, COUNT(types));
    tcase_add_test(c, parsing_survives_each_failing_allocation);
    tcase_add_test(c, encoding_survives_each_failing_allocation);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
