/* The parser of event streams: what it makes of a stream, that the cuts between pieces change
 * nothing, and its limits. */
#include "base/err.h"
#include "base/mem.h"
#include "llm/sse_in.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 4096 };

/* Events as text: "name|data\x1e" each. */
struct record {
    struct buf text;
    int count;
};

static void on_event(void *arg, const char *event, const char *data, size_t len_bytes)
{
    struct record *rec = arg;
    rec->count++;
    (void)buf_add_str(&rec->text, event);
    (void)buf_add_char(&rec->text, '|');
    (void)buf_add(&rec->text, data, len_bytes);
    (void)buf_add_char(&rec->text, '\x1e');
}

static const struct row {
    const char *stream;
    const char *events;
} rows[] = {
    { "", "" },
    { "data: a\n\n", "|a\x1e" },
    { "data:a\n\n", "|a\x1e" },
    { "data:  a \n\n", "| a \x1e" },
    { "data: a\r\n\r\ndata: b\r\n\r\n", "|a\x1e|b\x1e" },
    { "data: a\r\rdata: b\r\r", "|a\x1e|b\x1e" },
    { "data: a\r\n\rdata: b\n\r", "|a\x1e|b\x1e" },
    { "data: a\ndata: b\n\n", "|a\nb\x1e" },
    { "data: a\r\ndata\rdata:\n\n", "|a\n\n\x1e" },
    { "data\n\n", "|\x1e" },
    { "data:\n\n", "|\x1e" },
    { "event: x\ndata: a\n\ndata: b\n\n", "x|a\x1e|b\x1e" },
    { "event: x\n\ndata: b\n\n", "|b\x1e" },
    { "event: x\nevent: y\ndata: b\n\n", "y|b\x1e" },
    { "event:x\nevent\ndata: b\n\n", "|b\x1e" },
    { ": ping\n\n:\n\ndata: a\n: in the middle\n\n", "|a\x1e" },
    { "id: 1\nretry: 3\nfoo: bar\nDATA: no\ndatax: no\ndat: no\ndata : no\ndata: a\n\n", "|a\x1e" },
    { "\xef\xbb\xbf"
      "data: a\n\n",
      "|a\x1e" },
    { "\xef\xbb"
      "data: a\n\ndata: b\n\n",
      "|b\x1e" },
    { "\xef\xbb\xbf\xef\xbb\xbf"
      "data: a\n\ndata: b\n\n",
      "|b\x1e" },
    { "\n\n\ndata: a\n\n\n\n", "|a\x1e" },
    { "data: a: b\n\n", "|a: b\x1e" },
    { "data: whole\n\ndata: no blank line behind it\n", "|whole\x1e" },
    { "data: whole\n\ndata: cut", "|whole\x1e" },
    { "data: {\"a\":\"\xc3\xa4\"}\n\ndata: [DONE]\n\n", "|{\"a\":\"\xc3\xa4\"}\x1e|[DONE]\x1e" },
};
enum { ROW_COUNT = sizeof(rows) / sizeof(*rows) };

struct parsed {
    struct sse_in in;
    struct record rec;
};

static void parsed_init(struct parsed *p, size_t max)
{
    memset(p, 0, sizeof(*p));
    buf_init(&p->rec.text, 1 << 20);
    sse_in_init(&p->in, max, on_event, &p->rec);
}

static void parsed_deinit(struct parsed *p)
{
    sse_in_deinit(&p->in);
    buf_deinit(&p->rec.text);
}

/* A copy of exactly this size, so that the sanitizer sees a read past a piece. */
static int feed(struct parsed *p, const char *bytes, size_t len)
{
    char *copy = mem_alloc(len);
    memcpy(copy, bytes, len);
    int r = sse_in_feed(&p->in, copy, len);
    mem_free(copy);
    return r;
}

START_TEST(a_stream_becomes_its_events)
{
    struct parsed p;
    parsed_init(&p, MAX_BYTES);
    ck_assert_int_eq(feed(&p, rows[_i].stream, strlen(rows[_i].stream)), 0);
    ck_assert_str_eq(buf_text(&p.rec.text), rows[_i].events);
    parsed_deinit(&p);
}
END_TEST

START_TEST(bytes_one_by_one_become_the_same_events)
{
    struct parsed p;
    parsed_init(&p, MAX_BYTES);
    for (const char *c = rows[_i].stream; *c != '\0'; c++)
        ck_assert_int_eq(feed(&p, c, 1), 0);
    ck_assert_str_eq(buf_text(&p.rec.text), rows[_i].events);
    parsed_deinit(&p);
}
END_TEST

START_TEST(two_or_three_pieces_become_the_same_events)
{
    const char *stream = rows[_i].stream;
    size_t len = strlen(stream);
    for (size_t first = 0; first <= len; first++)
        for (size_t second = first; second <= len; second++) {
            struct parsed p;
            parsed_init(&p, MAX_BYTES);
            ck_assert_int_eq(feed(&p, stream, first), 0);
            ck_assert_int_eq(feed(&p, stream + first, second - first), 0);
            ck_assert_int_eq(feed(&p, stream + second, len - second), 0);
            ck_assert_str_eq(buf_text(&p.rec.text), rows[_i].events);
            parsed_deinit(&p);
        }
}
END_TEST

START_TEST(nul_bytes_are_data)
{
    static const char stream[] = "data: a\0b\n\n";
    struct parsed p;
    parsed_init(&p, MAX_BYTES);
    ck_assert_int_eq(feed(&p, stream, sizeof(stream) - 1), 0);
    ck_assert_mem_eq(p.rec.text.data, "|a\0b\x1e", 5);
    parsed_deinit(&p);
}
END_TEST

START_TEST(a_whole_event_in_one_piece_is_not_copied)
{
    static const char stream[] = "data: abc\n\ndata: def\n\n";
    struct parsed p;
    parsed_init(&p, MAX_BYTES);
    ck_assert_int_eq(sse_in_feed(&p.in, stream, sizeof(stream) - 1), 0);
    ck_assert_int_eq(p.rec.count, 2);
    ck_assert_ptr_null(p.in.line.data);
    ck_assert_ptr_null(p.in.data.data);
    parsed_deinit(&p);
}
END_TEST

static const struct limit_row {
    const char *stream;
    int result;
} limits[] = {
    { "data: 3456789012\n\n", 0 },                   /* a line of 16 */
    { "data: 34567890123\n\n", SSE_IN_E_TOO_LARGE }, /* of 17 */
    { ": 34567890123456", 0 },
    { ": 345678901234567", SSE_IN_E_TOO_LARGE },
    { "data: 1234567\ndata: 12345678\n\n", 0 },                   /* 7 + 1 + 8 */
    { "data: 12345678\ndata: 12345678\n\n", SSE_IN_E_TOO_LARGE }, /* one more */
    { "data: 1234567890\n\ndata: 1234567890\n\n", 0 },
};
enum { LIMIT_COUNT = sizeof(limits) / sizeof(*limits) };

START_TEST(lines_and_events_are_bounded_however_they_are_cut)
{
    const char *stream = limits[_i].stream;
    size_t len = strlen(stream);
    for (size_t cut = 0; cut <= len; cut++) {
        struct parsed p;
        parsed_init(&p, 16);
        int r = feed(&p, stream, cut);
        if (r == 0)
            r = feed(&p, stream + cut, len - cut);
        ck_assert_int_eq(r, limits[_i].result);
        parsed_deinit(&p);
    }
}
END_TEST

START_TEST(a_failed_allocation_is_a_fault_and_leaks_nothing)
{
    static const char stream[] = "event: name\ndata: first\ndata: second\n\ndata: third";
    for (unsigned long n = 1;; n++) {
        struct parsed p;
        int r = 0;
        parsed_init(&p, MAX_BYTES);
        (void)buf_reserve(&p.rec.text, 200);
        mem_fail_at(n);
        for (size_t i = 0; r == 0 && i < sizeof(stream) - 1; i += 9)
            r = sse_in_feed(&p.in, stream + i,
                            sizeof(stream) - 1 - i < 9 ? sizeof(stream) - 1 - i : 9);
        int was_pending = mem_fail_pending();
        mem_fail_at(0);
        parsed_deinit(&p);
        if (was_pending) {
            ck_assert_int_eq(r, 0);
            ck_assert_uint_gt(n, 2);
            return;
        }
        ck_assert_int_eq(r, ERR_NOMEM);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sse_in");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_stream_becomes_its_events, 0, ROW_COUNT);
    tcase_add_loop_test(tc, bytes_one_by_one_become_the_same_events, 0, ROW_COUNT);
    tcase_add_loop_test(tc, two_or_three_pieces_become_the_same_events, 0, ROW_COUNT);
    tcase_add_test(tc, nul_bytes_are_data);
    tcase_add_test(tc, a_whole_event_in_one_piece_is_not_copied);
    tcase_add_loop_test(tc, lines_and_events_are_bounded_however_they_are_cut, 0, LIMIT_COUNT);
    tcase_add_test(tc, a_failed_allocation_is_a_fault_and_leaks_nothing);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
