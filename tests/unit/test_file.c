/* Files are read whole or not at all. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/test_file.XXXXXX";
static struct buf b;
static int error;

/* 40000 bytes: more than one read. */
static void setup(void)
{
    strcpy(strrchr(path, '.'), ".XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 40; i++) {
        char piece[1000];
        memset(piece, 'a' + i % 26, sizeof(piece));
        ck_assert_int_eq(write(fd, piece, sizeof(piece)), sizeof(piece));
    }
    close(fd);
    error = 0;
}

static void teardown(void)
{
    buf_deinit(&b);
    unlink(path);
}

START_TEST(a_file_comes_whole)
{
    buf_init(&b, 40000);
    ck_assert_int_eq(file_read(path, &b, &error), 0);
    ck_assert_uint_eq(b.len, 40000);
    ck_assert_int_eq(b.data[39999], 'a' + 39 % 26);
}
END_TEST

START_TEST(a_file_above_the_limit_is_refused)
{
    buf_init(&b, 39999);
    ck_assert_int_eq(file_read(path, &b, &error), FILE_E_LARGE);
}
END_TEST

START_TEST(a_device_without_end_is_read_to_the_limit_only)
{
    buf_init(&b, 100000);
    ck_assert_int_eq(file_read("/dev/zero", &b, &error), FILE_E_LARGE);
}
END_TEST

START_TEST(a_plain_file_is_neither_a_pipe_nor_a_device_nor_a_folder)
{
    char pipe_path[sizeof(path) + 5];
    const char *const others[] = { "/dev/zero", "/tmp", pipe_path };
    snprintf(pipe_path, sizeof(pipe_path), "%s.fifo", path);
    ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
    buf_init(&b, 40000);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        ck_assert_int_eq(file_read_plain(others[i], &b, &error), FILE_E_NOT_PLAIN);
    ck_assert_int_eq(file_read_plain(path, &b, &error), 0);
    ck_assert_uint_eq(b.len, 40000);
    unlink(pipe_path);
}
END_TEST

START_TEST(what_cannot_be_read_has_a_reason)
{
    buf_init(&b, 100);
    ck_assert_int_eq(file_read("/nowhere/at/all", &b, &error), FILE_E_UNREADABLE);
    ck_assert_int_eq(error, ENOENT);
    ck_assert_int_eq(file_read("/tmp", &b, &error), FILE_E_UNREADABLE);
    ck_assert_int_eq(error, EISDIR);
    ck_assert_int_eq(file_read_fd(-1, &b, &error), FILE_E_UNREADABLE);
    ck_assert_int_eq(error, EBADF);
}
END_TEST

START_TEST(without_memory_it_is_a_fault)
{
    buf_init(&b, 40000);
    mem_fail_at(1);
    ck_assert_int_eq(file_read(path, &b, &error), ERR_NOMEM);
    mem_fail_at(0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *c = tcase_create("file");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_file_comes_whole);
    tcase_add_test(c, a_file_above_the_limit_is_refused);
    tcase_add_test(c, a_device_without_end_is_read_to_the_limit_only);
    tcase_add_test(c, a_plain_file_is_neither_a_pipe_nor_a_device_nor_a_folder);
    tcase_add_test(c, what_cannot_be_read_has_a_reason);
    tcase_add_test(c, without_memory_it_is_a_fault);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
