/* base/fail.h and base/err.h. */
#include "base/err.h"
#include "base/fail.h"
#include "base/mem.h"
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

START_TEST(every_code_has_a_whole_row)
{
    const struct fail_row *row = fail_row_get((enum fail_code)_i);
    ck_assert_int_eq((int)row->code, _i);
    ck_assert(isupper((unsigned char)row->type[0]));
    ck_assert_ptr_nonnull(strstr(row->type, "Error"));
    ck_assert_int_ge(row->status, 400);
    ck_assert_int_le(row->status, 599);
    ck_assert_str_ne(row->sentence, "");
}
END_TEST

static const struct {
    enum fail_code code;
    const char *type;
    int status;
    bool is_retryable;
} samples[] = {
    { FAIL_BAD_JSON, "BadRequestError", 400, false },
    { FAIL_FULL, "ServiceUnavailableError", 503, false },
    { FAIL_RECURSION, "GraphRecursionError", 422, false },
    { FAIL_STEP_TIMEOUT, "StepTimeoutError", 504, false },
    { FAIL_CANCELLED, "CancelledError", 499, false },
    { FAIL_NODE, "NodeError", 500, true },
    { FAIL_TEMPLATE, "TemplateError", 422, false },
    { FAIL_INVALID_UPDATE, "InvalidUpdateError", 422, false },
    { FAIL_LIMIT, "LimitError", 422, false },
    { FAIL_UP_FORBIDDEN_HOST, "ForbiddenHostError", 500, false },
    { FAIL_NODE_TIMEOUT, "NodeTimeoutError", 504, true },
    { FAIL_UP_CONNECT, "APIConnectionError", 502, true },
    { FAIL_UP_TIMEOUT, "APITimeoutError", 504, true },
    { FAIL_UP_CUT, "APIConnectionError", 502, true },
    { FAIL_UP_GARBAGE, "APIResponseError", 502, true },
    { FAIL_UP_AUTH, "AuthenticationError", 502, false },
    { FAIL_UP_RATE, "RateLimitError", 502, true },
    { FAIL_UP_REFUSED, "APIStatusError", 502, false },
    { FAIL_UP_STATUS, "APIStatusError", 502, true },
    { FAIL_UP_TOO_LARGE, "APIResponseError", 502, false },
};

START_TEST(a_code_gives_type_status_and_whether_it_is_repeated)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set(&f, samples[_i].code, "no %d", 1);
    ck_assert(fail_is_set(&f));
    ck_assert_str_eq(fail_type(&f), samples[_i].type);
    ck_assert_int_eq(fail_status(&f), samples[_i].status);
    ck_assert(fail_is_retryable(&f) == samples[_i].is_retryable);
    ck_assert_str_eq(fail_message(&f), "no 1");
    fail_clear(&f);
    ck_assert(!fail_is_set(&f));
}
END_TEST

/* Rows: the class that a node gives its failure. */
static const struct {
    const char *type;
    bool is_retryable;
} named[] = {
    { NULL, true },
    { "ValueError", true },
    { "NodeError", true },
    { "NodeTimeoutError", true },
    { "RateLimitError", true },
    { "APIConnectionError", true },
    { "APIStatusError", true }, /* of its two rows one is repeated */
    { "AuthenticationError", false },
    { "InvalidUpdateError", false },
    { "GraphRecursionError", false },
    { "LimitError", false },
    { "TemplateError", false },
    { "ForbiddenHostError", false },
    { "CancelledError", false },
    { "AbortError", false }, /* of JavaScript */
};

START_TEST(a_node_that_names_a_class_of_ours_means_it)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set(&f, FAIL_NODE, "broken");
    fail_set_type(&f, named[_i].type);
    ck_assert(fail_is_retryable(&f) == named[_i].is_retryable);
    fail_clear(&f);
}
END_TEST

START_TEST(a_class_of_its_own_does_not_make_another_code_repeat)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set(&f, FAIL_TEMPLATE, "broken");
    fail_set_type(&f, "ValueError");
    ck_assert(!fail_is_retryable(&f));
    fail_clear(&f);
}
END_TEST

START_TEST(without_memory_the_sentence_of_the_table_stands_in)
{
    struct fail f = { .code = FAIL_NONE };
    mem_fail_at(1);
    fail_set(&f, FAIL_NOT_FOUND, "graph %s", "x");
    ck_assert_str_eq(fail_message(&f), fail_row_get(FAIL_NOT_FOUND)->sentence);
    fail_clear(&f);
}
END_TEST

START_TEST(the_first_node_stays_and_a_type_of_its_own_wins)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set(&f, FAIL_NODE, "boom");
    fail_set_node(&f, "inner");
    fail_set_node(&f, "outer");
    fail_set_type(&f, "ValueError");
    ck_assert_str_eq(f.node, "inner");
    ck_assert_str_eq(fail_type(&f), "ValueError");
    fail_clear(&f);
}
END_TEST

START_TEST(a_message_may_be_made_from_the_old_one)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set(&f, FAIL_NODE, "first");
    fail_set(&f, FAIL_INTERNAL, "second after %s", fail_message(&f));
    ck_assert_str_eq(fail_message(&f), "second after first");
    fail_clear(&f);
}
END_TEST

START_TEST(a_message_is_utf8_whatever_it_quotes)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set(&f, FAIL_NODE, "cut \"%.3s\" and %s, kept %s", "a\u00e4\u00e4", "\xff\xfe", "\u00fc");
    ck_assert_str_eq(fail_message(&f), "cut \"a\u00e4\" and ??, kept \u00fc");
    fail_set(&f, FAIL_NODE, "cut \"%.2s\"", "a\u00e4");
    ck_assert_str_eq(fail_message(&f), "cut \"a?\"");
    fail_clear(&f);
}
END_TEST

START_TEST(moving_empties_the_source_and_copying_does_not)
{
    struct fail a = { .code = FAIL_NONE };
    struct fail b = { .code = FAIL_NONE };
    fail_set(&a, FAIL_UP_RATE, "slow down");
    a.retry_after_ms = 1500;
    fail_copy(&b, &a);
    ck_assert_str_eq(fail_message(&b), "slow down");
    ck_assert_int_eq(b.retry_after_ms, 1500);
    fail_move(&b, &a);
    ck_assert(!fail_is_set(&a));
    ck_assert_int_eq(b.code, FAIL_UP_RATE);
    fail_clear(&b);
}
END_TEST

START_TEST(a_fault_is_an_internal_error_with_its_sentence)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set_fault(&f, ERR_NOMEM);
    ck_assert_int_eq(fail_status(&f), 500);
    ck_assert_str_eq(fail_message(&f), err_text(ERR_NOMEM));
    ck_assert_str_eq(err_text(-77), "unknown fault");
    ck_assert_int_eq(err_trace(ERR_SYSTEM), ERR_SYSTEM);
    fail_clear(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fail");
    TCase *c = tcase_create("fail");
    tcase_add_loop_test(c, every_code_has_a_whole_row, 1, FAIL_CODE_COUNT);
    tcase_add_loop_test(c, a_code_gives_type_status_and_whether_it_is_repeated, 0,
                        sizeof(samples) / sizeof(*samples));
    tcase_add_loop_test(c, a_node_that_names_a_class_of_ours_means_it, 0,
                        sizeof(named) / sizeof(*named));
    tcase_add_test(c, a_class_of_its_own_does_not_make_another_code_repeat);
    tcase_add_test(c, without_memory_the_sentence_of_the_table_stands_in);
    tcase_add_test(c, the_first_node_stays_and_a_type_of_its_own_wins);
    tcase_add_test(c, a_message_may_be_made_from_the_old_one);
    tcase_add_test(c, a_message_is_utf8_whatever_it_quotes);
    tcase_add_test(c, moving_empties_the_source_and_copying_does_not);
    tcase_add_test(c, a_fault_is_an_internal_error_with_its_sentence);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
