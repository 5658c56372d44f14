/* base/log.h: what a line looks like. Standard error is a temporary file while a line is written.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAMP "1970-01-01T00:00:01.500Z "

struct capture {
    int file;
    int saved;
};

static struct capture capture_start(void)
{
    char name[] = "/tmp/anabranch-test-log-XXXXXX";
    struct capture c = { .file = mkstemp(name), .saved = dup(STDERR_FILENO) };
    ck_assert_int_ge(c.file, 0);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(dup2(c.file, STDERR_FILENO), STDERR_FILENO);
    clock_fake(0, 1500);
    return c;
}

static void capture_end(struct capture *c, char *ret, size_t ret_bytes)
{
    ck_assert_int_eq(dup2(c->saved, STDERR_FILENO), STDERR_FILENO);
    ssize_t len = pread(c->file, ret, ret_bytes - 1, 0);
    ck_assert_int_ge(len, 0);
    ret[len] = '\0';
    close(c->file);
    close(c->saved);
    clock_fake(-1, 0);
}

static const struct {
    const char *value;
    const char *printed;
} values[] = {
    { "plain", "plain" },
    { "/a/b:c?d", "/a/b:c?d" },
    { "", "\"\"" },
    { NULL, "-" },
    { "two words", "\"two words\"" },
    { "a\nb\tc", "\"a\\u000ab\\u0009c\"" },
    { "a=b", "\"a=b\"" },
    { "say \"x\\y\"", "\"say \\\"x\\\\y\\\"\"" },
    { "caf\xc3\xa9", "\"caf\xc3\xa9\"" },
    { "\xff!", "\"\\ufffd!\"" },
    { "\x1b[31m", "\"\\u001b[31m\"" },
    { "\xc2\x9b", "\"\\u009b\"" },
    { "\xe2\x82", "\"\\ufffd\\ufffd\"" },
};

START_TEST(a_value_is_quoted_only_where_it_must_be)
{
    char line[4200];
    char wanted[200];
    struct capture c = capture_start();
    log_info("event", "key", values[_i].value, NULL);
    capture_end(&c, line, sizeof(line));
    snprintf(wanted, sizeof(wanted), STAMP "info event key=%s\n", values[_i].printed);
    ck_assert_str_eq(line, wanted);
}
END_TEST

START_TEST(pairs_follow_each_other_on_one_line)
{
    char line[4200];
    struct capture c = capture_start();
    log_warn("run_end", "run", "r1", "ms", log_int(812), "n", log_int(-3), NULL);
    capture_end(&c, line, sizeof(line));
    ck_assert_str_eq(line, STAMP "warn run_end run=r1 ms=812 n=-3\n");
}
END_TEST

START_TEST(events_below_the_level_are_not_written)
{
    char line[4200];
    struct capture c = capture_start();
    log_debug("hidden", NULL);
    log_level_set(LOG_ERROR);
    log_warn("hidden", NULL);
    log_error("shown", NULL);
    log_level_set(LOG_DEBUG);
    err_trace(ERR_NOMEM);
    log_level_set(LOG_INFO);
    capture_end(&c, line, sizeof(line));
    const char *start = STAMP "error shown\n" STAMP "debug fault cause=\"out of memory\" function=";
    ck_assert_msg(strncmp(line, start, strlen(start)) == 0, "%s", line);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut_and_closed)
{
    char line[9000];
    char value[8000];
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    value[_i] = ' '; /* quoted or not */
    struct capture c = capture_start();
    log_info("event", "key", value, "after", "x", NULL);
    capture_end(&c, line, sizeof(line));
    size_t len = strlen(line);
    ck_assert_uint_le(len, 4096);
    ck_assert_str_eq(line + len - 4, "...\n");
}
END_TEST

START_TEST(a_level_is_found_by_its_name)
{
    enum log_level level = LOG_INFO;
    ck_assert_int_eq(log_level_find("debug", &level), 0);
    ck_assert_int_eq(level, LOG_DEBUG);
    ck_assert_int_eq(log_level_find("Debug", &level), LOG_E_UNKNOWN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *c = tcase_create("log");
    tcase_add_loop_test(c, a_value_is_quoted_only_where_it_must_be, 0,
                        sizeof(values) / sizeof(*values));
    tcase_add_test(c, pairs_follow_each_other_on_one_line);
    tcase_add_test(c, events_below_the_level_are_not_written);
    tcase_add_loop_test(c, a_line_that_is_too_long_is_cut_and_closed, 0, 2);
    tcase_add_test(c, a_level_is_found_by_its_name);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
