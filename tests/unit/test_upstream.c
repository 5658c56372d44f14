/* What results, statuses and words of foreign HTTP servers mean. */
#include "base/mem.h"
#include "llm/upstream.h"
#include "loop/fetch.h"
#include <check.h>
#include <string.h>

#define COUNT(rows) (int)(sizeof(rows) / sizeof(*(rows)))

/* ---- codes ---- */

START_TEST(every_result_of_a_fetch_has_a_code_but_the_callers_own_mistake)
{
    for (int result = FETCH_E_URL; result <= FETCH_E_PROTOCOL; result++)
        ck_assert_msg((upstream_fetch_code(result) == FAIL_NONE) == (result == FETCH_E_URL), "%d",
                      result);
    ck_assert_int_eq(upstream_fetch_code(OP_CANCELLED), FAIL_CANCELLED);
    ck_assert_int_eq(upstream_fetch_code(OP_TIMEOUT), FAIL_UP_TIMEOUT);
    ck_assert_int_eq(upstream_fetch_code(-1), FAIL_NONE);
}
END_TEST

static const struct {
    int status;
    enum fail_code code;
    const char *name;
} statuses[] = {
    { 100, FAIL_UP_REFUSED, "" },
    { 302, FAIL_UP_REFUSED, "Found" },
    { 400, FAIL_UP_REFUSED, "Bad Request" },
    { 401, FAIL_UP_AUTH, "Unauthorized" },
    { 402, FAIL_UP_REFUSED, "Payment Required" },
    { 403, FAIL_UP_AUTH, "Forbidden" },
    { 408, FAIL_UP_STATUS, "Request Timeout" },
    { 409, FAIL_UP_STATUS, "Conflict" },
    { 410, FAIL_UP_REFUSED, "Gone" },
    { 429, FAIL_UP_RATE, "Too Many Requests" },
    { 500, FAIL_UP_STATUS, "Internal Server Error" },
    { 529, FAIL_UP_STATUS, "Overloaded" },
    { 999, FAIL_UP_STATUS, "" },
};

START_TEST(a_status_has_a_code_and_a_name)
{
    ck_assert_int_eq(upstream_status_code(statuses[_i].status), statuses[_i].code);
    ck_assert_str_eq(upstream_status_name(statuses[_i].status), statuses[_i].name);
}
END_TEST

/* ---- Retry-After ---- */

static const int64_t now_ms = INT64_C(1795376400) * 1000; /* 2026-11-22T19:40:00Z */

static const struct {
    const char *header;
    int unit_ms;
    int64_t wait_ms;
} waits[] = {
    { NULL, 1000, 0 },
    { "", 1000, 0 },
    { "7", 1000, 7000 },
    { "7 ", 1000, 7000 },
    { "1.5", 1000, 1500 },
    { "250", 1, 250 },
    { "-5", 1000, 0 },
    { "-1, 5", 1000, 0 },
    { "soon", 1000, 0 },
    { "inf", 1000, 0 },
    { "nan", 1000, 0 },
    { "1e300", 1000, 86400000 },
    { "99999999999999999999999", 1000, 86400000 },
    { "Sun, 22 Nov 2026 19:40:05 GMT", 1000, 5000 },
    { "Sun, 22 Nov 2020 19:40:05 GMT", 1000, 0 },
    { "Sun, 22 Nov 2999 19:40:05 GMT", 1000, 86400000 },
    { "Sun, 22 ovD 2026 19:40:05 GMT", 1000, 0 },
    { "Sun, 22 Nov", 1000, 0 },
    { "Sunday, 22-Nov-26 19:40:05 GMT", 1000, 0 },
};

START_TEST(a_wish_to_wait_is_understood_within_a_day)
{
    ck_assert_int_eq(upstream_retry_after_ms(waits[_i].header, waits[_i].unit_ms, now_ms),
                     waits[_i].wait_ms);
}
END_TEST

/* ---- words ---- */

static const struct {
    const char *bytes;
    size_t max_bytes;
    const char *words;
} lines[] = {
    { "", 10, "" },
    { " \r\n", 10, "" },
    { "\r\n boom\r\n\there \n", 20, "boom here" },
    { "a\xff\xfe b", 10, "a?? b" },
    { "a \xff b", 10, "a ? b" },
    { "a\x01\x7f\x1b[31mb", 20, "a [31mb" },
    { "abcdef", 3, "abc" },
    { "ab cd", 3, "ab" },
    { "ab\xc3\xa9", 3, "ab" },
    { "ab\xc3\xa9", 4, "ab\xc3\xa9" },
};

START_TEST(foreign_words_become_one_short_line)
{
    struct buf b;
    buf_init(&b, 100);
    size_t len = strlen(lines[_i].bytes);
    char *copy = mem_alloc(len); /* of exactly this size, for the sanitizer */
    memcpy(copy, lines[_i].bytes, len);
    upstream_add_words(&b, copy, len);
    upstream_cut_words(&b, lines[_i].max_bytes);
    ck_assert_str_eq(buf_text(&b), lines[_i].words);
    ck_assert_uint_eq(b.len, strlen(lines[_i].words));
    mem_free(copy);
    buf_deinit(&b);
}
END_TEST

/* ---- secrets ---- */

static const struct {
    const char *name;
    const char *value;
    const char *text;
    const char *shown;
} secrets[] = {
    { "Authorization", "Bearer abcdefghij", "you sent abcdefghij.", "you sent ****" },
    { "Authorization", "Bearer abcdefghij", "'abcdefgh****' is wrong", "'****' is wrong" },
    { "X-Api-Key", "abcdefghij", "abcdefg is short, xabcdefghij not",
      "abcdefg is short, x**** not" },
    { "Cookie", "  a=b  abcdefghij ", "a=b abcdefghij", "a=b ****" },
    { "X-Team", "abcdefghij", "abcdefghij", "abcdefghij" },
    { "Authorization", "", "abcdefghij", "abcdefghij" },
};

START_TEST(words_do_not_show_the_secrets_of_headers)
{
    struct buf b;
    buf_init(&b, 100);
    (void)buf_add_str(&b, secrets[_i].text);
    upstream_mask_header(&b, secrets[_i].name, secrets[_i].value);
    ck_assert_str_eq(buf_text(&b), secrets[_i].shown);
    buf_deinit(&b);
}
END_TEST

START_TEST(without_memory_to_mask_nothing_may_be_shown)
{
    struct buf b;
    buf_init(&b, 100);
    (void)buf_add_str(&b, "abcdefghij");
    mem_fail_at(1);
    upstream_mask(&b, "abcdefghij", 10);
    mem_fail_at(0);
    ck_assert_int_lt(b.fault, 0);
    ck_assert_ptr_null(strstr(buf_text(&b), "abc"));
    buf_deinit(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upstream");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, every_result_of_a_fetch_has_a_code_but_the_callers_own_mistake);
    tcase_add_loop_test(tc, a_status_has_a_code_and_a_name, 0, COUNT(statuses));
    tcase_add_loop_test(tc, a_wish_to_wait_is_understood_within_a_day, 0, COUNT(waits));
    tcase_add_loop_test(tc, foreign_words_become_one_short_line, 0, COUNT(lines));
    tcase_add_loop_test(tc, words_do_not_show_the_secrets_of_headers, 0, COUNT(secrets));
    tcase_add_test(tc, without_memory_to_mask_nothing_may_be_shown);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
