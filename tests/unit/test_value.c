#include "base/mem.h"
#include "graph/value.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(bytes_are_the_compact_encoding_and_made_once)
{
    struct value *v;
    ck_assert_int_eq(0, value_new_take(json_pack("{s:i, s:[s]}", "a", 1, "b", "x"), &v));
    const char *bytes, *again;
    size_t len;
    ck_assert_int_eq(0, value_bytes(v, &bytes, &len));
    ck_assert_str_eq("{\"a\":1,\"b\":[\"x\"]}", bytes);
    ck_assert_uint_eq(strlen(bytes), len);
    ck_assert_int_eq(0, value_bytes(v, &again, &len));
    ck_assert_ptr_eq(bytes, again);
    value_unref(v);
}
END_TEST

START_TEST(a_value_lives_until_its_last_reference_is_gone)
{
    struct value *v;
    ck_assert_int_eq(0, value_new_take(json_integer(7), &v));
    ck_assert_ptr_eq(v, value_ref(v));
    ck_assert_ptr_null(value_unref(v));
    ck_assert_int_eq(7, json_integer_value(value_json(v)));
    ck_assert_ptr_null(value_unref(v));
    ck_assert_ptr_null(value_unref(NULL));
}
END_TEST

START_TEST(a_long_value_is_told_and_can_be_measured_again)
{
    struct value *v = NULL;
    const char *bytes;
    size_t len = 0;
    ck_assert_int_eq(0, value_new_take(json_pack("[s,s]", "ab", "cd"), &v)); /* 11 bytes */
    ck_assert_int_eq(VALUE_E_LONG, value_measure(v, 10, &len));
    ck_assert_uint_eq(0, len);
    ck_assert_int_eq(0, value_measure(v, 11, &len));
    ck_assert_uint_eq(11, len);
    ck_assert_int_eq(VALUE_E_LONG, value_measure(v, 10, &len));
    ck_assert_int_eq(0, value_bytes(v, &bytes, &len));
    ck_assert_str_eq("[\"ab\",\"cd\"]", bytes);
    value_unref(v);
}
END_TEST

START_TEST(no_json_is_told_as_no_memory)
{
    struct value *v = NULL;
    ck_assert_int_lt(value_new_take(NULL, &v), 0);
    ck_assert_ptr_null(v);
}
END_TEST

START_TEST(without_memory_the_json_is_released_and_a_fault_returned)
{
    struct value *v = NULL;
    json_t *json = json_integer(7);
    mem_fail_at(1);
    ck_assert_int_lt(value_new_take(json, &v), 0);
    ck_assert_ptr_null(v);

    ck_assert_int_eq(0, value_new_take(json_string("x"), &v));
    const char *bytes;
    size_t len;
    mem_fail_at(1);
    ck_assert_int_lt(value_bytes(v, &bytes, &len), 0);
    mem_fail_at(0);
    ck_assert_int_eq(0, value_bytes(v, &bytes, &len));
    ck_assert_str_eq("\"x\"", bytes);
    value_unref(v);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("value");
    TCase *tc = tcase_create("value");
    tcase_add_test(tc, bytes_are_the_compact_encoding_and_made_once);
    tcase_add_test(tc, a_value_lives_until_its_last_reference_is_gone);
    tcase_add_test(tc, a_long_value_is_told_and_can_be_measured_again);
    tcase_add_test(tc, no_json_is_told_as_no_memory);
    tcase_add_test(tc, without_memory_the_json_is_released_and_a_fault_returned);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
