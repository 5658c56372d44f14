/* base/buf.h and base/mem.h: bytes with a maximum, and the heap door. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include <check.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

START_TEST(an_empty_buffer_reads_as_an_empty_text)
{
    struct buf b;
    buf_init(&b, 10);
    ck_assert_str_eq(buf_text(&b), "");
    ck_assert_int_eq(buf_add(&b, NULL, 0), 0);
    ck_assert_str_eq(buf_text(&b), "");
    buf_deinit(&b);
}
END_TEST

START_TEST(pieces_are_joined_and_closed_with_nul)
{
    struct buf b;
    buf_init(&b, 100);
    buf_add_str(&b, "ab");
    buf_add_char(&b, 'c');
    buf_addf(&b, "%d-%s", 7, "x");
    buf_add(&b, "\0z", 2);
    ck_assert_int_eq(b.fault, 0);
    ck_assert_uint_eq(b.len, 8);
    ck_assert_mem_eq(b.data, "abc7-x\0z", 9);
    buf_deinit(&b);
}
END_TEST

static const struct {
    long long number;
    const char *text;
} numbers[] = {
    { 0, "0" },
    { -1, "-1" },
    { 1200, "1200" },
    { LLONG_MAX, "9223372036854775807" },
    { LLONG_MIN, "-9223372036854775808" },
};

START_TEST(an_integer_is_written_in_full)
{
    struct buf b;
    buf_init(&b, 100);
    buf_add_int(&b, numbers[_i].number);
    ck_assert_str_eq(buf_text(&b), numbers[_i].text);
    buf_deinit(&b);
}
END_TEST

START_TEST(exactly_the_maximum_fits)
{
    struct buf b;
    buf_init(&b, 200);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(buf_add_char(&b, 'x'), 0);
    ck_assert_int_eq(buf_add_char(&b, 'x'), BUF_E_FULL);
    ck_assert_uint_eq(b.len, 200);
    ck_assert_uint_eq(strlen(buf_text(&b)), 200);
    buf_deinit(&b);
}
END_TEST

START_TEST(the_first_failure_sticks_until_the_buffer_is_cleared)
{
    struct buf b;
    buf_init(&b, 4);
    ck_assert_int_eq(buf_add_str(&b, "abcde"), BUF_E_FULL);
    ck_assert_int_eq(buf_add_char(&b, 'a'), BUF_E_FULL);
    ck_assert_int_eq(buf_addf(&b, "%d", 1), BUF_E_FULL);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_ptr_null(buf_take(&b, NULL));
    buf_add_str(&b, "12345");
    buf_clear(&b);
    ck_assert_int_eq(buf_add_str(&b, "abcd"), 0);
    buf_deinit(&b);
}
END_TEST

START_TEST(a_huge_request_is_full_and_does_not_wrap_around)
{
    struct buf b;
    buf_init(&b, 100);
    buf_add_char(&b, 'a');
    ck_assert_int_eq(buf_reserve(&b, SIZE_MAX), BUF_E_FULL);
    buf_deinit(&b);
}
END_TEST

START_TEST(a_failed_allocation_is_a_fault_and_keeps_the_bytes)
{
    struct buf b;
    buf_init(&b, 10000);
    buf_add_str(&b, "kept");
    mem_fail_at(1);
    ck_assert_int_eq(buf_reserve(&b, 5000), ERR_NOMEM);
    ck_assert_int_eq(mem_fail_pending(), 0);
    ck_assert_str_eq(buf_text(&b), "kept");
    ck_assert_int_eq(buf_add_char(&b, 'x'), ERR_NOMEM);
    buf_deinit(&b);
}
END_TEST

START_TEST(dropping_removes_from_the_front)
{
    struct buf b;
    buf_init(&b, 100);
    buf_drop(&b, 0);
    buf_add_str(&b, "abcdef");
    buf_drop(&b, 2);
    ck_assert_str_eq(buf_text(&b), "cdef");
    buf_drop(&b, 4);
    ck_assert_str_eq(buf_text(&b), "");
    buf_deinit(&b);
}
END_TEST

START_TEST(taking_hands_over_the_bytes_and_empties_the_buffer)
{
    struct buf b;
    size_t len = 99;
    buf_init(&b, 100);
    char *empty = buf_take(&b, &len);
    ck_assert_str_eq(empty, "");
    ck_assert_uint_eq(len, 0);
    buf_add_str(&b, "abc");
    char *text = buf_take(&b, &len);
    ck_assert_str_eq(text, "abc");
    ck_assert_uint_eq(len, 3);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_int_eq(buf_add_str(&b, "again"), 0);
    mem_free(empty);
    mem_free(text);
    buf_deinit(&b);
}
END_TEST

START_TEST(zero_bytes_are_a_pointer_and_not_a_failure)
{
    void *a = mem_alloc(0);
    void *b = mem_array(0, 8);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    mem_free(a);
    mem_free(b);
}
END_TEST

START_TEST(only_the_nth_allocation_fails)
{
    mem_fail_at(2);
    char *first = mem_strdup("a");
    ck_assert_int_eq(mem_fail_pending(), 1);
    char *second = mem_printf("%d", 2);
    ck_assert_int_eq(mem_fail_pending(), 0);
    char *third = mem_strndup("abc", 2);
    ck_assert_str_eq(first, "a");
    ck_assert_ptr_null(second);
    ck_assert_str_eq(third, "ab");
    ck_assert_ptr_null(mem_strdup(NULL));
    mem_free(first);
    mem_free(third);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("buf");
    TCase *c = tcase_create("buf");
    tcase_add_test(c, an_empty_buffer_reads_as_an_empty_text);
    tcase_add_test(c, pieces_are_joined_and_closed_with_nul);
    tcase_add_loop_test(c, an_integer_is_written_in_full, 0, sizeof(numbers) / sizeof(*numbers));
    tcase_add_test(c, exactly_the_maximum_fits);
    tcase_add_test(c, the_first_failure_sticks_until_the_buffer_is_cleared);
    tcase_add_test(c, a_huge_request_is_full_and_does_not_wrap_around);
    tcase_add_test(c, a_failed_allocation_is_a_fault_and_keeps_the_bytes);
    tcase_add_test(c, dropping_removes_from_the_front);
    tcase_add_test(c, taking_hands_over_the_bytes_and_empties_the_buffer);
    tcase_add_test(c, zero_bytes_are_a_pointer_and_not_a_failure);
    tcase_add_test(c, only_the_nth_allocation_fails);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
