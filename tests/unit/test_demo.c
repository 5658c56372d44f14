/* The demo model: the same words for the same question, one at a time. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "llm/llm.h"
#include <check.h>
#include <math.h>
#include <string.h>

struct bench {
    struct loop *loop;
    struct fetcher *fetcher;
    struct conf conf;
    struct llm_models *models;
    struct llm_call *call;
    struct buf text;
    int words;
    int finishes;
    int cancel_at; /* the delta that cancels the call, 0 = none */
    int64_t input_tokens, output_tokens, total_tokens;
    bool is_ended;
    int end_count;
    struct fail fail;
};

static void on_delta(void *arg, const struct llm_delta *d)
{
    struct bench *b = arg;
    ck_assert_int_eq(b->end_count, 0);
    if (d->type == LLM_TEXT) {
        ck_assert_int_eq(b->finishes, 0);
        ck_assert_uint_eq(jsonx_utf8_prefix(d->text, d->len_bytes), d->len_bytes);
        (void)buf_add(&b->text, d->text, d->len_bytes);
        b->words++;
    } else if (d->type == LLM_FINISH) {
        ck_assert_str_eq(d->text, "stop");
        b->finishes++;
    } else {
        ck_assert_int_eq(d->type, LLM_USAGE);
        ck_assert_int_eq(b->finishes, 1);
        b->input_tokens = d->input_tokens;
        b->output_tokens = d->output_tokens;
        b->total_tokens = d->total_tokens;
    }
    if (b->cancel_at > 0 && b->words + b->finishes == b->cancel_at)
        llm_cancel(b->call);
}

static void on_end(void *arg, const struct fail *f)
{
    struct bench *b = arg;
    b->end_count++;
    b->is_ended = true;
    if (f != NULL)
        fail_copy(&b->fail, f);
}

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    buf_init(&b->text, 1 << 16);
    ck_assert_int_eq(conf_default(&b->conf), 0);
    b->conf.demo_delay_ms = 0;
    ck_assert_int_eq(loop_new(&b->loop), 0);
    ck_assert_int_eq(fetcher_new(b->loop, 1, &b->fetcher), 0);
    ck_assert_int_eq(llm_models_new(&b->conf, b->loop, b->fetcher, NULL, &b->models), 0);
}

static void bench_deinit(struct bench *b)
{
    llm_models_free(b->models);
    fetcher_free(b->fetcher);
    ck_assert_int_eq(loop_op_count(b->loop), 0);
    loop_free(b->loop);
    conf_deinit(&b->conf);
    fail_clear(&b->fail);
    buf_deinit(&b->text);
}

static void start(struct bench *b, const char *model, const char *voice, json_t *messages)
{
    struct llm_request req = { .voice = voice,
                               .messages = messages,
                               .temperature = NAN,
                               .on_delta = on_delta,
                               .on_end = on_end,
                               .arg = b };
    ck_assert_int_eq(llm_start(b->models, model, &req, &b->call), 0);
    json_decref(messages); /* borrowed until the return only */
    ck_assert_int_eq(b->words + b->end_count, 0);
}

static void finish(struct bench *b)
{
    ck_assert_int_eq(loop_run_until(b->loop, &b->is_ended), 0);
    ck_assert_int_eq(b->end_count, 1);
}

static json_t *human(const char *text)
{
    return json_pack("[{s:s,s:s}]", "type", "human", "content", text);
}

/* What it says, for mem_free(). */
static char *answer(const char *model, const char *voice, json_t *messages)
{
    struct bench b;
    bench_init(&b);
    start(&b, model, voice, messages);
    finish(&b);
    ck_assert(!fail_is_set(&b.fail));
    ck_assert_int_eq(b.finishes, 1);
    ck_assert_int_ge(b.words, 8);
    ck_assert_int_eq(b.output_tokens, b.words);
    ck_assert_int_eq(b.total_tokens, b.input_tokens + b.output_tokens);
    char *text = buf_take(&b.text, NULL);
    bench_deinit(&b);
    return text;
}

static const char *const voices[] = { "law", "math", "general", "editor", "anybody" };
enum { VOICE_COUNT = sizeof(voices) / sizeof(*voices) };

START_TEST(a_voice_says_the_same_to_the_same_question)
{
    char *first = answer("demo", voices[_i], human("Who pays?"));
    char *second = answer("demo", voices[_i], human("Who pays?"));
    char *other = answer("demo", voices[_i], human("Who lies?"));
    ck_assert_str_eq(first, second);
    ck_assert_str_ne(first, other);
    ck_assert_ptr_nonnull(strstr(first, "\"Who pays?\""));
    ck_assert_int_ne(first[strlen(first) - 1], ' ');
    mem_free(first);
    mem_free(second);
    mem_free(other);
}
END_TEST

START_TEST(each_voice_says_something_else)
{
    char *mine = answer("demo", voices[_i], human("Who pays?"));
    for (int i = 0; i < VOICE_COUNT; i++) {
        char *theirs = answer("demo", voices[i], human("Who pays?"));
        ck_assert((strcmp(mine, theirs) == 0) == (i == _i));
        mem_free(theirs);
    }
    mem_free(mine);
}
END_TEST

START_TEST(a_model_name_is_a_voice_and_wins_over_the_node)
{
    char *by_name = answer("demo:law", "math", human("Who pays?"));
    char *by_node = answer("demo", "law", human("Who pays?"));
    char *nobody = answer("demo", NULL, human("Who pays?"));
    ck_assert_str_eq(by_name, by_node);
    ck_assert_str_ne(by_name, nobody);
    mem_free(by_name);
    mem_free(by_node);
    mem_free(nobody);
}
END_TEST

/* What must be quoted of a question. */
static const struct {
    const char *question;
    const char *quote;
} quotes[] = {
    { "", "\"\"" },
    { " \n ", "\"\"" },
    { "  two \t words\n\nand more", "\"two words\"" },
    { "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "\"12345678901234567890123456789012345678901234567890123456789012345678901234567890\"" },
    { "1234567890123456789012345678901234567890123456789012345678901234567890123456789\xc3\xa4",
      "\"1234567890123456789012345678901234567890123456789012345678901234567890123456789...\"" },
};
enum { QUOTE_COUNT = sizeof(quotes) / sizeof(*quotes) };

START_TEST(a_question_is_quoted_by_its_first_line_cut_between_characters)
{
    char *text = answer("demo:math", NULL, human(quotes[_i].question));
    ck_assert_msg(strstr(text, quotes[_i].quote) != NULL, "%s", text);
    mem_free(text);
}
END_TEST

START_TEST(the_last_human_message_is_answered)
{
    char *text =
        answer("demo", NULL,
               json_pack("[{s:s,s:s},{s:s,s:[{s:s},{s:s,s:s}]},{s:s,s:s}]", "type", "human",
                         "content", "first", "type", "human", "content", "type", "image", "type",
                         "text", "text", "second", "type", "ai", "content", "third"));
    ck_assert_ptr_nonnull(strstr(text, "\"second\""));
    mem_free(text);
    text = answer("demo", NULL, json_pack("[{s:s,s:s}]", "type", "system", "content", "alone"));
    ck_assert_ptr_nonnull(strstr(text, "\"alone\""));
    mem_free(text);
}
END_TEST

START_TEST(a_cancelled_call_says_nothing_more)
{
    struct bench b;
    bench_init(&b);
    b.cancel_at = 3;
    start(&b, "demo:law", NULL, human("Who pays?"));
    finish(&b);
    ck_assert_int_eq(b.words, 3);
    ck_assert_int_eq(b.fail.code, FAIL_CANCELLED);
    bench_deinit(&b);
}
END_TEST

START_TEST(a_call_may_be_cancelled_before_its_first_word)
{
    struct bench b;
    bench_init(&b);
    b.conf.demo_delay_ms = 60000;
    start(&b, "demo:law", NULL, human("Who pays?"));
    llm_cancel(b.call);
    llm_cancel(b.call);
    ck_assert_int_eq(b.end_count, 0);
    finish(&b);
    ck_assert_int_eq(b.words, 0);
    ck_assert_int_eq(b.fail.code, FAIL_CANCELLED);
    bench_deinit(&b);
}
END_TEST

START_TEST(a_failed_allocation_at_the_start_is_a_fault)
{
    struct bench b;
    struct llm_request req = {
        .messages = NULL, .temperature = NAN, .on_delta = on_delta, .on_end = on_end, .arg = &b
    };
    json_t *messages = human("Who pays?");
    bench_init(&b);
    req.messages = messages;
    for (unsigned long n = 1;; n++) {
        mem_fail_at(n);
        int r = llm_start(b.models, "demo", &req, &b.call);
        int was_pending = mem_fail_pending();
        mem_fail_at(0);
        if (was_pending) {
            ck_assert_int_eq(r, 0);
            ck_assert_uint_gt(n, 2);
            break;
        }
        ck_assert_int_eq(r, ERR_NOMEM);
    }
    finish(&b);
    json_decref(messages);
    bench_deinit(&b);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("demo");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 30);
    tcase_add_loop_test(tc, a_voice_says_the_same_to_the_same_question, 0, VOICE_COUNT);
    tcase_add_loop_test(tc, each_voice_says_something_else, 0, VOICE_COUNT);
    tcase_add_test(tc, a_model_name_is_a_voice_and_wins_over_the_node);
    tcase_add_loop_test(tc, a_question_is_quoted_by_its_first_line_cut_between_characters, 0,
                        QUOTE_COUNT);
    tcase_add_test(tc, the_last_human_message_is_answered);
    tcase_add_test(tc, a_cancelled_call_says_nothing_more);
    tcase_add_test(tc, a_call_may_be_cancelled_before_its_first_word);
    tcase_add_test(tc, a_failed_allocation_at_the_start_is_a_fault);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
