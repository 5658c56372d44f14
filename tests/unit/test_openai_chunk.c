/* The chunk scanner: a table of chunks, characters that are split over chunks, and a comparison
 * with jansson on made-up chunks. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "llm/openai_chunk.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 20 };

struct reader {
    struct openai_chunk chunk;
    struct buf log; /* "t:text f:reason u:1/2/3 c:0,id,name,args" joined by blanks */
};

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

static void on_delta(void *arg, const struct llm_delta *d)
{
    struct reader *r = arg;
    if (r->log.len > 0)
        (void)buf_add_char(&r->log, ' ');
    switch (d->type) {
    case LLM_TEXT:
        ck_assert_uint_gt(d->len_bytes, 0);
        ck_assert_uint_le(d->len_bytes, OPENAI_CHUNK_TEXT_MAX_BYTES);
        ck_assert_uint_eq(jsonx_utf8_prefix(d->text, d->len_bytes), d->len_bytes);
        (void)buf_add_str(&r->log, "t:");
        (void)buf_add(&r->log, d->text, d->len_bytes);
        break;
    case LLM_FINISH:
        (void)buf_addf(&r->log, "f:%s", d->text);
        break;
    case LLM_USAGE:
        (void)buf_addf(&r->log, "u:%lld/%lld/%lld", (long long)d->input_tokens,
                       (long long)d->output_tokens, (long long)d->total_tokens);
        break;
    case LLM_TOOL_CALL:
        (void)buf_addf(&r->log, "c:%d,%s,%s,%s", d->index, or_dash(d->id), or_dash(d->name),
                       or_dash(d->args));
        break;
    }
}

static void reader_init(struct reader *r)
{
    buf_init(&r->log, 4 * MAX_BYTES);
    openai_chunk_init(&r->chunk, MAX_BYTES, on_delta, r);
}

static void reader_deinit(struct reader *r)
{
    openai_chunk_deinit(&r->chunk);
    buf_deinit(&r->log);
}

/* A copy of exactly this size, so that the sanitizer sees a read past the chunk. */
static int scan_bytes(struct reader *r, const char *key, const char *bytes, size_t len)
{
    char *copy = mem_alloc(len);
    memcpy(copy, bytes, len);
    int result = openai_chunk_scan(&r->chunk, key, copy, len);
    mem_free(copy);
    return result;
}

static int scan(struct reader *r, const char *text)
{
    return scan_bytes(r, "delta", text, strlen(text));
}

#define DELTA(inside)   "{\"choices\":[{\"index\":0,\"delta\":{" inside "}}]}"
#define CONTENT(inside) DELTA("\"content\":" inside)
#define FFFD            "\xef\xbf\xbd"

static const struct row {
    const char *chunk;
    int result;
    const char *log;
} rows[] = {
    { CONTENT("\"Hel\""), 0, "t:Hel" },
    { CONTENT("\"\""), 0, "" },
    { CONTENT("null"), 0, "" },
    { CONTENT("5"), 0, "" },
    { CONTENT("\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\""), 0, "t:a\n\t\"\\/\b\f\r" },
    { CONTENT("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""), 0,
      "t:\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
    { CONTENT("\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\""), 0,
      "t:A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
    { CONTENT("\"a\\u0000b\""), 0, "t:a" FFFD "b" },
    { CONTENT("\"\\ude00\""), 0, "t:" FFFD },
    { CONTENT("\"\\ud83dx\""), 0, "t:" FFFD "x" },
    { CONTENT("\"\\ud83d\\n\""), 0, "t:" FFFD "\n" },
    { CONTENT("\"\\ud83d\\ud83d\\ude00\""), 0, "t:" FFFD "\xf0\x9f\x98\x80" },
    { " \r\n\t" CONTENT(" \"x\" ") " \n", 0, "t:x" },
    { CONTENT("[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image\"},{\"type\":\"text\","
              "\"text\":\"b\"}]"),
      0, "t:a t:b" },
    { DELTA("\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":\"x\""), 0, "t:x" },
    { "{\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"content\":\"no\",\"delta\":{\"content\":"
      "\"no\"}}",
      0, "t:x" },
    { "{\"x\":{\"choices\":[{\"delta\":{\"content\":\"no\"}}]}}", 0, "" },
    { "{\"choices\":[{\"delta\":{\"x\":{\"content\":\"no\"},\"y\":[{\"content\":\"no\"}]}}]}", 0,
      "" },
    { "{\"choices\":{\"delta\":{\"content\":\"no\"}}}", 0, "" },
    { "{\"choices\":[[{\"delta\":{\"content\":\"no\"}}]]}", 0, "" },
    { "{\"choices\":[{\"delta\":[{\"content\":\"no\"}]}]}", 0, "" },
    { "{\"ch\\u006fices\":[{\"d\\u0065lta\":{\"cont\\u0065nt\":\"x\"}}]}", 0, "t:x" },
    { "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"one\"}},{\"index\":0,\"delta\":{"
      "\"content\":\"zero\"}}]}",
      0, "t:zero" },
    { "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"one\"},\"finish_reason\":\"stop\"}]}", 0,
      "" },
    { "{\"choices\":[{\"delta\":{\"content\":\"a\"}},{\"delta\":{\"content\":\"b\"}}]}", 0, "t:a" },
    { "{\"choices\":[]}", 0, "" },
    { "{\"choices\":null,\"usage\":null,\"error\":null}", 0, "" },
    { "{}", 0, "" },
    { "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}", 0, "f:stop" },
    { "{\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}", 0, "t:x" },
    { "{\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"\"}]}", 0, "t:x" },
    { "{\"choices\":[{\"finish_reason\":\"len\\u0067th\",\"delta\":{\"content\":\"x\"}}]}", 0,
      "t:x f:length" },
    { "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}",
      0, "u:7/2/9" },
    { "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}", 0, "u:7/2/9" },
    { "{\"usage\":{\"prompt_tokens\":-7,\"completion_tokens\":\"x\"}}", 0, "u:0/0/0" },
    { "{\"usage\":[1]}", 0, "" },
    { DELTA("\"tool_calls\":[{\"index\":2,\"id\":\"c1\",\"type\":\"function\",\"function\":{"
            "\"name\":\"f\",\"arguments\":\"\"}}]"),
      0, "c:2,c1,f," },
    { DELTA("\"tool_calls\":[{\"index\":2,\"function\":{\"arguments\":\"{\\\"a\\\":\"}}]"), 0,
      "c:2,-,-,{\"a\":" },
    { DELTA("\"tool_calls\":[{\"id\":\"a\"},{\"id\":\"b\"},7,{\"index\":-1},{\"index\":99999999999}"
            "]"),
      0, "c:0,a,-,- c:1,b,-,-" },
    { DELTA("\"tool_calls\":null"), 0, "" },
    { "{\"n\":[0,-0,1.5,-1.25e+10,1E5,true,false,null,99999999999999999999]}", 0, "" },
    { "{\"error\":{\"message\":\"no\"}}", OPENAI_CHUNK_E_ERROR, "" },
    { "{\"error\":\"no\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", OPENAI_CHUNK_E_ERROR,
      "" },

    { "", OPENAI_CHUNK_E_GARBAGE, "" },
    { "5", OPENAI_CHUNK_E_GARBAGE, "" },
    { "[]", OPENAI_CHUNK_E_GARBAGE, "" },
    { "\"x\"", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\"", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":1", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":1,}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{,}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":[1,]}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":[1 2]}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":[1}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":01}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":1.}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":.5}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":1e}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":-}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":+1}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":tru}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"a\":nul", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{a:1}", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{} {}", OPENAI_CHUNK_E_GARBAGE, "" },
    { CONTENT("\"\\x\""), OPENAI_CHUNK_E_GARBAGE, "" },
    { CONTENT("\"\\u12g4\""), OPENAI_CHUNK_E_GARBAGE, "" },
    { CONTENT("\"a\nb\""), OPENAI_CHUNK_E_GARBAGE, "" },
    { CONTENT("\"\xff\""), OPENAI_CHUNK_E_GARBAGE, "" },
    { CONTENT("\"\xc3\""), OPENAI_CHUNK_E_GARBAGE, "" },
    { CONTENT("\"\xed\xa0\x80\""), OPENAI_CHUNK_E_GARBAGE, "" },
    { CONTENT("\"cut"), OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"choices\":[{\"delta\":{\"content\":\"x\\u12", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"choices\":[{\"delta\":{\"content\":\"x\\", OPENAI_CHUNK_E_GARBAGE, "" },
    { "{\"choices\":[{\"delta\":{\"content\":\"given\"}}],\"usage\":{\"a\":1,\"a\":2}}",
      OPENAI_CHUNK_E_GARBAGE, "" },
};
enum { ROW_COUNT = sizeof(rows) / sizeof(*rows) };

START_TEST(a_chunk_becomes_its_deltas)
{
    struct reader r;
    reader_init(&r);
    ck_assert_msg(scan(&r, rows[_i].chunk) == rows[_i].result, "%s", rows[_i].chunk);
    if (rows[_i].result == 0)
        openai_chunk_finish(&r.chunk);
    ck_assert_str_eq(buf_text(&r.log), rows[_i].log);
    reader_deinit(&r);
}
END_TEST

START_TEST(every_cut_of_a_chunk_is_garbage)
{
    static const char chunk[] = "{\"choices\":[{\"index\":0,\"delta\":{\"content\":"
                                "\"a\\u00e4\xc3\xa4\"},\"x\":[1.5e3,true]}]}";
    for (size_t len = 0; len < sizeof(chunk) - 1; len++) {
        struct reader r;
        reader_init(&r);
        ck_assert_int_eq(scan_bytes(&r, "delta", chunk, len), OPENAI_CHUNK_E_GARBAGE);
        ck_assert_uint_eq(r.log.len, 0);
        reader_deinit(&r);
    }
}
END_TEST

static const struct split_row {
    const char *first;
    const char *second;
    const char *log;
} splits[] = {
    { CONTENT("\"a\\ud83d\""), CONTENT("\"\\ude00b\""),
      "t:a t:\xf0\x9f\x98\x80"
      "b" },
    { CONTENT("\"\\ud83d\""), CONTENT("\"b\""), "t:" FFFD "b" },
    { CONTENT("\"\\ud83d\""), CONTENT("\"\\n\""), "t:" FFFD "\n" },
    { CONTENT("\"\\ud83d\""), CONTENT("\"\""), "t:" FFFD },
    { CONTENT("\"\\ud83d\""), "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
      "t:" FFFD " f:stop" },
    { CONTENT("\"\\ud83d\""), CONTENT("[{\"type\":\"text\",\"text\":\"x\"}]"), "t:" FFFD " t:x" },
    { "{\"choices\":[{\"finish_reason\":\"stop\"}]}",
      "{\"choices\":[{\"finish_reason\":\"length\"}]}", "f:stop" },
    { "{\"usage\":{\"total_tokens\":1}}", "{\"usage\":{\"total_tokens\":2}}", "u:0/0/2" },
};
enum { SPLIT_COUNT = sizeof(splits) / sizeof(*splits) };

START_TEST(what_is_split_over_two_chunks_is_joined)
{
    struct reader r;
    reader_init(&r);
    ck_assert_int_eq(scan(&r, splits[_i].first), 0);
    ck_assert_int_eq(scan(&r, splits[_i].second), 0);
    openai_chunk_finish(&r.chunk);
    ck_assert_str_eq(buf_text(&r.log), splits[_i].log);
    reader_deinit(&r);
}
END_TEST

START_TEST(an_answer_without_a_stream_is_read_by_its_message)
{
    static const char answer[] =
        "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}";
    struct reader r;
    reader_init(&r);
    ck_assert_int_eq(scan_bytes(&r, "message", answer, sizeof(answer) - 1), 0);
    openai_chunk_finish(&r.chunk);
    ck_assert_str_eq(buf_text(&r.log), "t:Hello f:stop u:1/2/3");
    ck_assert(r.chunk.has_choice && r.chunk.has_finish);
    reader_deinit(&r);
}
END_TEST

START_TEST(content_without_escapes_is_not_copied)
{
    struct reader r;
    reader_init(&r);
    ck_assert_int_eq(scan(&r, CONTENT("\"Hello\"")), 0);
    ck_assert_ptr_null(r.chunk.text.data);
    reader_deinit(&r);
}
END_TEST

START_TEST(long_content_comes_in_pieces_that_cut_no_character)
{
    struct reader r;
    struct buf b;
    reader_init(&r);
    buf_init(&b, MAX_BYTES);
    (void)buf_add_str(&b, "{\"choices\":[{\"delta\":{\"content\":\"x");
    for (int i = 0; i < 50000; i++)
        (void)buf_add_str(&b, "\xe2\x82\xac");
    (void)buf_add_str(&b, "\"}}]}");
    ck_assert_int_eq(scan_bytes(&r, "delta", b.data, b.len), 0);
    ck_assert_uint_eq(r.log.len,
                      3 * 2 + 2 + 150001); /* three deltas, lengths checked in on_delta */
    buf_deinit(&b);
    reader_deinit(&r);
}
END_TEST

START_TEST(nesting_is_bounded)
{
    for (int depth = 99; depth <= 100; depth++) {
        struct reader r;
        struct buf b;
        reader_init(&r);
        buf_init(&b, MAX_BYTES);
        (void)buf_add_str(&b, "{\"a\":");
        for (int i = 0; i < depth; i++)
            (void)buf_add_char(&b, '[');
        for (int i = 0; i < depth; i++)
            (void)buf_add_char(&b, ']');
        (void)buf_add_char(&b, '}');
        ck_assert_int_eq(scan_bytes(&r, "delta", b.data, b.len),
                         depth + 1 <= OPENAI_CHUNK_DEPTH_MAX ? 0 : OPENAI_CHUNK_E_GARBAGE);
        buf_deinit(&b);
        reader_deinit(&r);
    }
}
END_TEST

/* ---- against jansson ---- */

static unsigned random_state;

static unsigned pick(unsigned below)
{
    random_state = random_state * 1103515245u + 12345u;
    return (random_state >> 16) % below;
}

/* A string of odd characters, as JSON text. Only whole characters: jansson refuses halves. */
static void add_string(struct buf *b)
{
    static const char *const parts[] = { "a",
                                         "word ",
                                         "\\n",
                                         "\\\"",
                                         "\\\\",
                                         "\xc3\xa4",
                                         "\\u00e4",
                                         "\\ud83d\\ude00",
                                         "\xf0\x9f\x98\x80",
                                         "{",
                                         "]",
                                         ":",
                                         "\\/",
                                         "\\u0001" };
    (void)buf_add_char(b, '"');
    for (unsigned n = pick(6); n > 0; n--)
        (void)buf_add_str(b, parts[pick(sizeof(parts) / sizeof(*parts))]);
    (void)buf_add_char(b, '"');
}

static void add_value(struct buf *b, int depth)
{
    static const char *const scalars[] = { "null", "true", "false", "0", "-12", "1.5", "2e3" };
    unsigned kind = pick(depth > 0 ? 4 : 2);
    if (kind == 0)
        add_string(b);
    else if (kind == 1)
        (void)buf_add_str(b, scalars[pick(sizeof(scalars) / sizeof(*scalars))]);
    unsigned count = kind < 2 ? 0 : pick(4);
    if (kind >= 2)
        (void)buf_add_char(b, kind == 2 ? '[' : '{');
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            (void)buf_add_char(b, ',');
        if (kind == 3)
            (void)buf_addf(b, "\"k%u\" : ", i);
        add_value(b, depth - 1);
    }
    if (kind >= 2)
        (void)buf_add_char(b, kind == 2 ? ']' : '}');
}

/* Members in any order, some missing, some of another type than they should be. */
static void add_chunk(struct buf *b)
{
    static const char *const extras[] = { "id", "object", "created" };
    buf_clear(b);
    (void)buf_add_char(b, '{');
    for (unsigned i = pick(3); i > 0; i--) {
        (void)buf_addf(b, "\"%s\":", extras[i]);
        add_value(b, 3);
        (void)buf_add_char(b, ',');
    }
    (void)buf_add_str(b, "\"choices\":[");
    if (pick(8) != 0) {
        (void)buf_add_str(b, "{\"delta\": {\"role\":");
        add_value(b, 2);
        (void)buf_add_str(b, ", \"content\" :");
        if (pick(5) == 0)
            add_value(b, 2);
        else
            add_string(b);
        (void)buf_add_str(b, "},\"finish_reason\":");
        (void)buf_add_str(b, pick(2) ? "null" : "\"stop\"");
        (void)buf_add_str(b, ",\"logprobs\":");
        add_value(b, 3);
        (void)buf_add_char(b, '}');
    }
    (void)buf_add_str(b, "],\"system_fingerprint\":");
    add_value(b, 1);
    (void)buf_add_char(b, '}');
}

/* The same by way of a tree. */
static void expect(const json_t *root, struct buf *log)
{
    const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
    const json_t *content = json_object_get(json_object_get(choice, "delta"), "content");
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
    if (json_string_length(content) > 0)
        (void)buf_addf(log, "t:%s", json_string_value(content));
    if (finish != NULL)
        (void)buf_addf(log, "%sf:%s", log->len > 0 ? " " : "", finish);
}

START_TEST(the_scanner_agrees_with_jansson_on_random_chunks)
{
    struct buf text, wanted;
    buf_init(&text, MAX_BYTES);
    buf_init(&wanted, MAX_BYTES);
    random_state = 4711;
    for (int i = 0; i < 20000; i++) {
        struct reader r;
        json_error_t error;
        add_chunk(&text);
        /* And on broken ones, but for halves of pairs, which jansson refuses. */
        if (strstr(text.data, "\\ud") == NULL && pick(4) == 0)
            text.data[pick((unsigned)text.len)] = "{}[]\",:x1\\"[pick(10)];
        json_t *root = json_loadb(text.data, text.len, JSON_ALLOW_NUL, &error);
        reader_init(&r);
        int result = scan_bytes(&r, "delta", text.data, text.len);
        ck_assert_msg((result == 0) == json_is_object(root), "%s", text.data);
        buf_clear(&wanted);
        if (root != NULL && json_is_array(json_object_get(root, "choices")))
            expect(root, &wanted);
        if (result == 0)
            ck_assert_msg(strcmp(buf_text(&r.log), buf_text(&wanted)) == 0, "%s", text.data);
        json_decref(root);
        reader_deinit(&r);
    }
    buf_deinit(&text);
    buf_deinit(&wanted);
}
END_TEST

START_TEST(a_failed_allocation_is_a_fault_and_leaks_nothing)
{
    static const char chunk[] =
        "{\"ch\\u006fices\":[{\"delta\":{\"content\":\"a\\nb\",\"tool_calls\":[{\"index\":0,"
        "\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}],"
        "\"usage\":{\"prompt_tokens\":1}}";
    for (unsigned long n = 1;; n++) {
        struct reader r;
        reader_init(&r);
        (void)buf_reserve(&r.log, 500);
        mem_fail_at(n);
        int result = openai_chunk_scan(&r.chunk, "delta", chunk, sizeof(chunk) - 1);
        int was_pending = mem_fail_pending();
        mem_fail_at(0);
        reader_deinit(&r);
        if (was_pending) {
            ck_assert_int_eq(result, 0);
            ck_assert_uint_gt(n, 5);
            return;
        }
        ck_assert_int_eq(result, ERR_NOMEM);
    }
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("openai_chunk");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_chunk_becomes_its_deltas, 0, ROW_COUNT);
    tcase_add_test(tc, every_cut_of_a_chunk_is_garbage);
    tcase_add_loop_test(tc, what_is_split_over_two_chunks_is_joined, 0, SPLIT_COUNT);
    tcase_add_test(tc, an_answer_without_a_stream_is_read_by_its_message);
    tcase_add_test(tc, content_without_escapes_is_not_copied);
    tcase_add_test(tc, long_content_comes_in_pieces_that_cut_no_character);
    tcase_add_test(tc, nesting_is_bounded);
    tcase_add_test(tc, the_scanner_agrees_with_jansson_on_random_chunks);
    tcase_add_test(tc, a_failed_allocation_is_a_fault_and_leaks_nothing);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
