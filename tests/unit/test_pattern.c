#include "script/pattern.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pattern_text text_of(const char *text)
{
    return (struct pattern_text){ text, strlen(text) };
}

static void start(struct pattern *p, const char *subject, const char *pattern)
{
    struct pattern_text s = text_of(subject), t = text_of(pattern);
    pattern_init(p, &s, &t, true);
}

/* Slices of so many steps until it is done. */
static int next_in_slices(struct pattern *p, size_t slice)
{
    int r = PATTERN_E_STEPS;
    while (r == PATTERN_E_STEPS) {
        size_t steps = slice;
        r = pattern_next(p, &steps);
        ck_assert_uint_le(steps, slice);
    }
    return r;
}

/* "[whole]" and the captures, as "=text" or "@position"; "none", or what is wrong. */
static void print_match(struct pattern *p, int r, char *ret, size_t size)
{
    struct pattern_capture c;
    if (r != 0) {
        (void)snprintf(ret, size, "%s", r == PATTERN_E_NONE ? "none" : p->why);
        return;
    }
    int len = snprintf(ret, size, "[%.*s]", (int)(p->end - p->start), p->subject.bytes + p->start);
    for (size_t i = 0; i < p->level; i++) {
        ck_assert_uint_lt(len, size);
        if (pattern_capture(p, i, &c) != 0)
            len += snprintf(ret + len, size - len, " %s", p->why);
        else if (c.len == PATTERN_POSITION)
            len += snprintf(ret + len, size - len, " @%zu", c.at);
        else
            len += snprintf(ret + len, size - len, " =%.*s", (int)c.len, p->subject.bytes + c.at);
    }
}

static const struct {
    const char *subject, *pattern, *expected;
} cases[] = {
    /* single bytes */
    { "hello", "l", "[l]" },
    { "hello", "h.l", "[hel]" },
    { "", ".", "none" },
    { "a.b", "%.", "[.]" },
    { "a%b", "%%b", "[%b]" },
    { "x-y", "x-y", "[y]" },
    { "x]y", "x]", "[x]]" },
    /* classes */
    { "4 Apples", "%a+", "[Apples]" },
    { "4 Apples", "%A+", "[4 ]" },
    { "a\tb", "%c", "[\t]" },
    { "abc12d", "%d+", "[12]" },
    { "abc12d", "%D+", "[abc]" },
    { " \177a b", "%g+", "[a]" },
    { "ABcD", "%l+", "[c]" },
    { "a,b", "%p", "[,]" },
    { "ab \t\r\n\v\fc", "%s+", "[ \t\r\n\v\f]" },
    { "abCD", "%u+", "[CD]" },
    { "--a_1b--", "%w+", "[a]" },
    { "xyz0fFg", "%x+", "[0fF]" },
    { "0fFg", "%X", "[g]" },
    { "\344\366", "%a", "none" },
    { "\344", "%A", "[\344]" },
    { "\344", "[%a%p%s%c%d]", "none" },
    { "x\343\201\202", "%W+", "[\343\201\202]" },
    { "aBz", "%z", "none" },
    { "aBz", "%Z+", "[aBz]" },
    /* sets */
    { "hello", "[el]+", "[ell]" },
    { "hello", "[^el]+", "[h]" },
    { "a-z", "[a-]+", "[a-]" },
    { "a-z", "[-a]+", "[a-]" },
    { "f00d", "[a-f0]+", "[f00d]" },
    { "f00d", "[^a-f]+", "[00]" },
    { "a]b", "[]]", "[]]" },
    { "a]b", "[^]]+", "[a]" },
    { "a]b", "[%]b]+", "[]b]" },
    { "ab_1", "[%w_]+", "[ab_1]" },
    { "^a", "[a^]+", "[^a]" },
    { "c-b", "[%a-b]+", "[c-b]" },
    { "a&5z", "[!-%5]+", "[5]" },
    { "zyx", "[z-a]", "none" },
    { "%]", "[+-%%]", "[]]" },
    /* repetitions */
    { "aaab", "a*", "[aaa]" },
    { "baaa", "a*", "[]" },
    { "aaab", "a+b", "[aaab]" },
    { "b", "a+b", "none" },
    { "aaab", "a-b", "[aaab]" },
    { "b", "a-b", "[b]" },
    { "aab", "a?b", "[ab]" },
    { "b", "a?b", "[b]" },
    { "a", "a?a", "[a]" },
    { "aaa", "a?a?a?aaa", "[aaa]" },
    { "<<a>>", "<.->", "[<<a>]" },
    { "<<a>>", "<.*>", "[<<a>>]" },
    { "aXbXc", ".*X", "[aXbX]" },
    { "abc", ".-$", "[abc]" },
    { "a*b", "a**b", "[a*b]" },
    { "*", "*", "[*]" },
    { "+a", "^+a", "[+a]" },
    /* anchors */
    { "hello", "^h", "[h]" },
    { "hello", "^e", "none" },
    { "hello", "o$", "[o]" },
    { "hello", "l$", "none" },
    { "a$b", "a$b", "[a$b]" },
    { "a^b", "a^b", "[a^b]" },
    { "", "^$", "[]" },
    { "^", "^^", "[^]" },
    { "a", "$", "[]" },
    /* captures */
    { "key = value", "(%w+)%s*=%s*(%w+)", "[key = value] =key =value" },
    { "abc", "a(b(c))", "[abc] =bc =c" },
    { "abc", "()b()", "[b] @1 @2" },
    { "abc", "(())", "[] = @0" },
    { "abc", "(a*(.)%w(%s*))", "[abc] =abc =b =" },
    { "aab", "(a-)b", "[aab] =aa" },
    { "aaab", "(a*)(ab)", "[aaab] =aa =ab" },
    { "abab", "((a)(b))-", "none" },
    { "xay", "(x?)(a?)(y?)$", "[xay] =x =a =y" },
    { "aaXaa", "(a+)X%1", "[aaXaa] =aa" },
    { "aaXa", "(a+)X%1", "[aXa] =a" },
    { "'it''s'", "(['\"])(.-)%1", "['it'] =' =it" },
    { "abcabc", "()%1", "none" },
    { "ab", "(a*)b%1", "[b] =" },
    { "abc", "(a", "[a] unfinished capture" },
    { "abc", "()(b", "[b] @1 unfinished capture" },
    /* %b and %f */
    { "f(a(b)c)d)", "%b()", "[(a(b)c)]" },
    { "((a)", "%b()", "[(a)]" },
    { "((a", "%b()", "none" },
    { "|a|b|", "%b||", "[|a|]" },
    { "x(a)(b)", "^x%b()%b()$", "[x(a)(b)]" },
    { "(a)) (b)", "%b().-$", "[(a)) (b)]" },
    { "THE (quick) fox", "%f[%a]%a+", "[THE]" },
    { "THE (quick) fox", "%f[%l]%a+%f[%A]", "[quick]" },
    { "abc", "%f[%z]", "[]" },
    { "abc", "c%f[%A]", "[c]" },
    { "abc", "%f[^%l]", "[]" },
    /* wrong, but only where the match gets there */
    { "a", "%", "malformed pattern (ends with '%')" },
    { "a", "a%", "malformed pattern (ends with '%')" },
    { "b", "a%", "none" },
    { "a", "[a", "malformed pattern (missing ']')" },
    { "a", "[]", "malformed pattern (missing ']')" },
    { "a", "[^]", "malformed pattern (missing ']')" },
    { "a", "[a%]", "malformed pattern (missing ']')" },
    { "a", "[a%", "malformed pattern (missing ']')" },
    { "a", "[", "malformed pattern (missing ']')" },
    { "b", "a[", "none" },
    { "a", "%b", "malformed pattern (missing arguments to '%b')" },
    { "a", "%b(", "malformed pattern (missing arguments to '%b')" },
    { "a", "%f", "missing '[' after '%f' in pattern" },
    { "a", "%fa", "missing '[' after '%f' in pattern" },
    { "a", "%f[a", "malformed pattern (missing ']')" },
    { "a", "a)", "invalid pattern capture" },
    { "a", "(a))", "invalid pattern capture" },
    { "a", "%1", "invalid capture index %1" },
    { "a", "(a)%2", "invalid capture index %2" },
    { "a", "(%1)", "invalid capture index %1" },
    { "a", "%0", "invalid capture index %0" },
};

START_TEST(a_match_is_what_the_manual_says)
{
    struct pattern p;
    char found[200];
    start(&p, cases[_i].subject, cases[_i].pattern);
    print_match(&p, next_in_slices(&p, 1000000), found, sizeof(found));
    ck_assert_str_eq(cases[_i].expected, found);
}
END_TEST

START_TEST(slices_make_no_difference)
{
    struct pattern p;
    char found[200];
    for (size_t slice = 1; slice < 6; slice++) {
        start(&p, cases[_i].subject, cases[_i].pattern);
        print_match(&p, next_in_slices(&p, slice), found, sizeof(found));
        ck_assert_str_eq(cases[_i].expected, found);
    }
}
END_TEST

static const struct {
    const char *subject, *pattern, *expected; /* start-end of all matches */
} series[] = {
    { "hello world", "o", "4-5 7-8 " },
    { "abc", "", "0-0 1-1 2-2 3-3 " },
    { "", "", "0-0 " },
    { "", "x", "" },
    { "aab", "a*", "0-2 3-3 " },
    { "baa", "a*", "0-0 1-3 " },
    { "abab", "ab", "0-2 2-4 " },
    { "aaa", "^a", "0-1 " },
    { "a b", "%w*", "0-1 2-3 " },
    { "one two", "%f[%w]%w+", "0-3 4-7 " },
};

START_TEST(matches_follow_each_other)
{
    struct pattern p;
    char found[200] = "";
    size_t len = 0;
    start(&p, series[_i].subject, series[_i].pattern);
    while (next_in_slices(&p, 1) == 0)
        len += snprintf(found + len, sizeof(found) - len, "%zu-%zu ", p.start, p.end);
    ck_assert_str_eq(series[_i].expected, found);
}
END_TEST

START_TEST(a_hat_is_a_hat_where_there_is_no_anchor)
{
    struct pattern p;
    struct pattern_text subject = text_of("a^ab"), pattern = text_of("^a");
    pattern_init(&p, &subject, &pattern, false);
    ck_assert_int_eq(0, next_in_slices(&p, 100));
    ck_assert_uint_eq(1, p.start);
    ck_assert_uint_eq(3, p.end);
}
END_TEST

START_TEST(a_search_can_start_anywhere)
{
    struct pattern p;
    start(&p, "abcabc", "^b");
    pattern_seek(&p, 4, SIZE_MAX);
    ck_assert_int_eq(0, next_in_slices(&p, 100));
    ck_assert_uint_eq(4, p.start);
    start(&p, "abc", "");
    pattern_seek(&p, 3, SIZE_MAX);
    ck_assert_int_eq(0, next_in_slices(&p, 100));
    pattern_seek(&p, 3, 3);
    ck_assert_int_eq(PATTERN_E_NONE, next_in_slices(&p, 100));
    pattern_seek(&p, 4, SIZE_MAX);
    ck_assert_int_eq(PATTERN_E_NONE, next_in_slices(&p, 100));
}
END_TEST

START_TEST(bytes_are_bytes)
{
    struct pattern p;
    struct pattern_text subject = { "a\0b\0", 4 }, pattern = { "%z?\0[b\0]+", 9 };
    pattern_init(&p, &subject, &pattern, true);
    ck_assert_int_eq(0, next_in_slices(&p, 100));
    ck_assert_uint_eq(1, p.start);
    ck_assert_uint_eq(4, p.end);
}
END_TEST

START_TEST(there_are_thirty_two_captures)
{
    struct pattern p;
    char pattern[67];
    for (int i = 0; i < 33; i++)
        memcpy(pattern + 2 * i, "()", 3);
    start(&p, "", pattern);
    ck_assert_int_eq(PATTERN_E_WRONG, next_in_slices(&p, 100));
    ck_assert_str_eq("too many captures", p.why);
    start(&p, "", pattern + 2);
    ck_assert_int_eq(0, next_in_slices(&p, 100));
    ck_assert_uint_eq(32, pattern_capture_count(&p));
}
END_TEST

/* ".-" as often as that, then an x, which is not there. */
static void start_deep(struct pattern *p, char *pattern, size_t repetitions)
{
    for (size_t i = 0; i < repetitions; i++)
        memcpy(pattern + 2 * i, ".-", 2);
    memcpy(pattern + 2 * repetitions, "x", 2);
    start(p, "aaaa", pattern);
}

START_TEST(a_match_comes_back_to_so_many_repetitions_and_no_more)
{
    struct pattern p;
    char pattern[2 * PATTERN_DEPTH + 4];
    size_t steps = 10000;
    start_deep(&p, pattern, PATTERN_DEPTH);
    ck_assert_int_eq(PATTERN_E_STEPS, pattern_next(&p, &steps));
    ck_assert_uint_eq(0, steps);
    start_deep(&p, pattern, PATTERN_DEPTH + 1);
    ck_assert_int_eq(PATTERN_E_WRONG, next_in_slices(&p, 10000));
    ck_assert_str_eq("pattern too complex", p.why);
}
END_TEST

START_TEST(items_that_never_come_back_have_no_limit)
{
    struct pattern p;
    char pattern[4001];
    memset(pattern, 'a', sizeof(pattern) - 1);
    pattern[4000] = '\0';
    start(&p, pattern, pattern);
    ck_assert_int_eq(0, next_in_slices(&p, 7));
    for (size_t i = 1; i < 4000; i += 2) /* a*a*..., none of which finds an a */
        pattern[i] = '*';
    start(&p, "bbb", pattern);
    ck_assert_int_eq(0, next_in_slices(&p, 7));
}
END_TEST

/* Where a step could take long: each costs what it takes. */
static const struct {
    const char *pattern;
    size_t least_steps;
} long_ways[] = {
    { ".*b", 100000 },     { ".-b", 100000 }, { "a*$b", 100000 },
    { "%baX", 50000 },     { "%bab", 50000 }, { "[b-z0-9_%%%s%d]*b", 100000 },
    { "^(.*)%1$", 50000 },
};

START_TEST(steps_are_counted)
{
    static char subject[100001];
    struct pattern p;
    size_t used = 0;
    int r = PATTERN_E_STEPS;
    memset(subject, 'a', sizeof(subject) - 1);
    start(&p, subject, long_ways[_i].pattern);
    while (used < long_ways[_i].least_steps) {
        size_t steps = 1000;
        r = pattern_next(&p, &steps);
        ck_assert_int_eq(PATTERN_E_STEPS, r);
        ck_assert_uint_eq(0, steps);
        used += 1000;
    }
}
END_TEST

START_TEST(without_steps_nothing_happens)
{
    struct pattern p;
    size_t steps = 0;
    start(&p, "abc", "b");
    ck_assert_int_eq(PATTERN_E_STEPS, pattern_next(&p, &steps));
    ck_assert_int_eq(PATTERN_E_STEPS, pattern_next_plain(&p, &steps));
    steps = 10;
    ck_assert_int_eq(0, pattern_next(&p, &steps));
    ck_assert_uint_lt(steps, 10);
}
END_TEST

START_TEST(a_half_done_match_can_be_copied)
{
    struct pattern p, copy;
    size_t steps = 5;
    start(&p, "aaaaaaab", "(a-)b");
    ck_assert_int_eq(PATTERN_E_STEPS, pattern_next(&p, &steps));
    copy = p;
    memset(&p, 0x55, sizeof(p));
    ck_assert_int_eq(0, next_in_slices(&copy, 2));
    ck_assert_uint_eq(8, copy.end);
}
END_TEST

/* A needle of that length at that place, in a haystack of so many bytes that look like it. */
static const struct {
    size_t subject_len, at, len;
} needles[] = {
    { 300000, 299997, 3 }, { 300000, 65530, 20 },     { 300000, 0, 1 },
    { 300000, 65535, 2 },  { 300000, 200000, 70000 }, { 300000, 150000, 150000 },
    { 10, 10, 0 },         { 65536, 65535, 1 },       { 131072, 131070, 2 },
};

START_TEST(plain_text_is_found_across_windows)
{
    char *subject = malloc(needles[_i].subject_len + 1), *needle = malloc(needles[_i].len + 1);
    struct pattern p;
    int r = PATTERN_E_STEPS, slices = 0;
    memset(subject, 'a', needles[_i].subject_len);
    memset(subject + needles[_i].at, 'b', needles[_i].len);
    memset(needle, 'b', needles[_i].len);
    struct pattern_text s = { subject, needles[_i].subject_len }, t = { needle, needles[_i].len };
    pattern_init(&p, &s, &t, true);
    pattern_seek(&p, needles[_i].len == 0 ? 10 : 0, SIZE_MAX);
    for (; r == PATTERN_E_STEPS; slices++) {
        size_t steps = 1;
        r = pattern_next_plain(&p, &steps);
    }
    ck_assert_int_eq(0, r);
    ck_assert_uint_eq(needles[_i].at, p.start);
    ck_assert_uint_eq(needles[_i].at + needles[_i].len, p.end);
    ck_assert(slices > 1 || needles[_i].subject_len < 200000 || needles[_i].len != 3);
    free(subject);
    free(needle);
}
END_TEST

START_TEST(plain_text_that_is_not_there_is_not_found)
{
    struct pattern p;
    size_t steps = 1000;
    start(&p, "abc", "bb");
    ck_assert_int_eq(PATTERN_E_NONE, pattern_next_plain(&p, &steps));
    start(&p, "abc", "abcd");
    ck_assert_int_eq(PATTERN_E_NONE, pattern_next_plain(&p, &steps));
    start(&p, "abc", "");
    pattern_seek(&p, 4, SIZE_MAX);
    ck_assert_int_eq(PATTERN_E_NONE, pattern_next_plain(&p, &steps));
}
END_TEST

START_TEST(a_pattern_is_plain_if_nothing_in_it_has_a_meaning)
{
    static const char specials[] = "^$*+?.([%-";
    struct pattern_text text = text_of("a)]{}|\\b");
    ck_assert(pattern_is_plain(&text));
    text = (struct pattern_text){ "", 0 };
    ck_assert(pattern_is_plain(&text));
    for (size_t i = 0; specials[i] != '\0'; i++) {
        char bytes[3] = { '\0', specials[i], 'a' };
        text = (struct pattern_text){ bytes, 3 };
        ck_assert(!pattern_is_plain(&text));
    }
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
    Suite *suite = suite_create("pattern");
    TCase *tc = tcase_create("pattern");
    tcase_add_loop_test(tc, a_match_is_what_the_manual_says, 0, COUNT(cases));
    tcase_add_loop_test(tc, slices_make_no_difference, 0, COUNT(cases));
    tcase_add_loop_test(tc, matches_follow_each_other, 0, COUNT(series));
    tcase_add_test(tc, a_hat_is_a_hat_where_there_is_no_anchor);
    tcase_add_test(tc, a_search_can_start_anywhere);
    tcase_add_test(tc, bytes_are_bytes);
    tcase_add_test(tc, there_are_thirty_two_captures);
    tcase_add_test(tc, a_match_comes_back_to_so_many_repetitions_and_no_more);
    tcase_add_test(tc, items_that_never_come_back_have_no_limit);
    tcase_add_loop_test(tc, steps_are_counted, 0, COUNT(long_ways));
    tcase_add_test(tc, without_steps_nothing_happens);
    tcase_add_test(tc, a_half_done_match_can_be_copied);
    tcase_add_loop_test(tc, plain_text_is_found_across_windows, 0, COUNT(needles));
    tcase_add_test(tc, plain_text_that_is_not_there_is_not_found);
    tcase_add_test(tc, a_pattern_is_plain_if_nothing_in_it_has_a_meaning);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
