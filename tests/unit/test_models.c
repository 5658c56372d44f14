/* Which providers there are, which of them can be called, and how a call that cannot be made ends.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "llm/table.h"
#include <check.h>
#include <math.h>
#include <string.h>

struct bench {
    struct loop *loop;
    struct fetcher *fetcher;
    struct conf conf;
    struct llm_models *models;
    struct llm_call *call;
    bool is_ended;
    int end_count;
    struct fail fail;
};

static void on_delta(void *arg, const struct llm_delta *d)
{
    (void)arg;
    (void)d;
    ck_abort_msg("a refused call says nothing");
}

static void on_end(void *arg, const struct fail *f)
{
    struct bench *b = arg;
    b->end_count++;
    b->is_ended = true;
    ck_assert_ptr_nonnull(f);
    fail_copy(&b->fail, f);
}

static char *const env[] = { "A_KEY=abc", "NO_KEY=", "A_KEY_MORE=x", NULL };

static void set_text(char **at, const char *text)
{
    mem_free(*at);
    *at = mem_strdup(text);
}

static void bench_init(struct bench *b, const char *key, const char *url, const char *providers)
{
    json_error_t error;
    memset(b, 0, sizeof(*b));
    ck_assert_int_eq(conf_default(&b->conf), 0);
    set_text(&b->conf.openai_api_key, key);
    if (url != NULL)
        set_text(&b->conf.openai_base_url, url);
    json_decref(b->conf.providers);
    b->conf.providers = json_loads(providers, 0, &error);
    ck_assert_ptr_nonnull(b->conf.providers);
    ck_assert_int_eq(loop_new(&b->loop), 0);
    ck_assert_int_eq(fetcher_new(b->loop, 1, &b->fetcher), 0);
    ck_assert_int_eq(llm_models_new(&b->conf, b->loop, b->fetcher, env, &b->models), 0);
}

static void bench_deinit(struct bench *b)
{
    llm_models_free(b->models);
    fetcher_free(b->fetcher);
    ck_assert_int_eq(loop_op_count(b->loop), 0);
    loop_free(b->loop);
    conf_deinit(&b->conf);
    fail_clear(&b->fail);
}

#define LOCAL "http://127.0.0.1:9/v1"

static const struct row {
    const char *key, *url, *providers, *model;
    const char *problem; /* NULL: it can be called */
} rows[] = {
    { "", NULL, "{}", "demo", NULL },
    { "", NULL, "{}", "demo:law", NULL },
    { "k", NULL, "{}", "openai:m", NULL },
    { "", NULL, "{}", "openai:gpt-4o-mini",
      "model \"openai:gpt-4o-mini\" needs a key: set OPENAI_API_KEY, or name another model" },
    { "", "https://api.openai.com/v1//", "{}", "openai:m",
      "model \"openai:m\" needs a key: set OPENAI_API_KEY, or name another model" },
    { "", LOCAL, "{}", "openai:m", NULL },
    { "", NULL, "{}", "other:m",
      "model \"other:m\" names no known provider; known are: demo, openai" },
    { "", NULL, "{}", "", "model \"\" names no known provider; known are: demo, openai" },
    { "", NULL, "{}", "gpt-4o-mini",
      "model \"gpt-4o-mini\" names no known provider (did you mean \"openai:gpt-4o-mini\"?); known "
      "are: demo, openai" },
    { "", NULL, "{\"a\":{\"kind\":\"openai\",\"base_url\":\"" LOCAL "\"}}", "a:m", NULL },
    { "", NULL, "{\"a\":{\"kind\":\"openai\",\"base_url\":\"" LOCAL "\"}}", "b:m",
      "model \"b:m\" names no known provider; known are: demo, openai, a" },
    { "", NULL,
      "{\"a\":{\"kind\":\"openai\",\"base_url\":\"" LOCAL "\",\"api_key_env\":\"A_KEY\"}}", "a:m",
      NULL },
    { "k", NULL,
      "{\"a\":{\"kind\":\"openai\",\"base_url\":\"" LOCAL "\",\"api_key_env\":\"NO_KEY\"}}", "a:m",
      "model \"a:m\" needs a key: set NO_KEY, or name another model" },
    { "k", NULL,
      "{\"a\":{\"kind\":\"openai\",\"base_url\":\"" LOCAL "\",\"api_key_env\":\"UNSET\"}}", "a:m",
      "model \"a:m\" needs a key: set UNSET, or name another model" },
    { "", NULL, "{\"a\":{\"kind\":\"openai\",\"base_url\":\"" LOCAL "\",\"api_key\":\"x\"}}", "a:m",
      NULL },
    { "k", NULL, "{\"a\":{\"kind\":\"openai\"}}", "a:m",
      "model \"a:m\" needs a key: give provider a an api_key_env, or name another model" },
    { "", NULL, "{\"openai\":{\"kind\":\"openai\",\"base_url\":\"" LOCAL "\"}}", "openai:m", NULL },
    { "k", NULL, "{\"openai\":{\"headers\":{\"a\":\"b\"}}}", "openai:m", NULL },
    { "", NULL, "{\"openai\":{\"api_key_env\":\"A_KEY\"}}", "openai:m", NULL },
    { "", NULL, "{\"a\":{\"kind\":\"strange\"},\"b\":5}", "a:m",
      "model \"a:m\" names no known provider; known are: demo, openai, b" },
};
enum { ROW_COUNT = sizeof(rows) / sizeof(*rows) };

START_TEST(a_model_can_be_called_or_the_sentence_says_why_not)
{
    const struct row *row = &rows[_i];
    struct bench b;
    char text[400] = "";
    bench_init(&b, row->key, row->url, row->providers);
    int r = llm_model_check(b.models, row->model, text, sizeof(text));
    ck_assert_int_eq(r, row->problem != NULL ? LLM_E_MODEL : 0);
    if (row->problem != NULL)
        ck_assert_str_eq(text, row->problem);
    bench_deinit(&b);
}
END_TEST

static void start(struct bench *b, const char *model)
{
    json_t *messages = json_pack("[{s:s,s:s}]", "type", "human", "content", "Hello");
    struct llm_request req = {
        .messages = messages, .temperature = NAN, .on_delta = on_delta, .on_end = on_end, .arg = b
    };
    ck_assert_int_eq(llm_start(b->models, model, &req, &b->call), 0);
    json_decref(messages);
    ck_assert_int_eq(b->end_count, 0);
}

START_TEST(a_call_that_cannot_be_made_ends_later_and_once)
{
    struct bench b;
    bench_init(&b, "", NULL, "{}");
    start(&b, "openai:m");
    ck_assert_int_eq(loop_run_until(b.loop, &b.is_ended), 0);
    ck_assert_int_eq(b.end_count, 1);
    ck_assert_int_eq(b.fail.code, FAIL_NO_PROVIDER);
    ck_assert_ptr_nonnull(strstr(fail_message(&b.fail), "OPENAI_API_KEY"));
    bench_deinit(&b);
}
END_TEST

START_TEST(a_call_that_cannot_be_made_can_be_cancelled)
{
    struct bench b;
    bench_init(&b, "", NULL, "{}");
    start(&b, "nobody:m");
    llm_cancel(b.call);
    llm_cancel(b.call);
    ck_assert_int_eq(loop_run_until(b.loop, &b.is_ended), 0);
    ck_assert_int_eq(b.end_count, 1);
    ck_assert_int_eq(b.fail.code, FAIL_CANCELLED);
    bench_deinit(&b);
}
END_TEST

START_TEST(a_long_model_name_is_cut_in_the_sentence)
{
    struct bench b;
    char model[1000];
    char text[400];
    memset(model, 'm', sizeof(model));
    model[sizeof(model) - 1] = '\0';
    bench_init(&b, "", NULL, "{}");
    ck_assert_int_eq(llm_model_check(b.models, model, text, sizeof(text)), LLM_E_MODEL);
    ck_assert_uint_lt(strlen(text), 200);
    ck_assert_int_eq(llm_model_check(b.models, model, text, 10), LLM_E_MODEL);
    ck_assert_str_eq(text, "model \"mm");
    bench_deinit(&b);
}
END_TEST

START_TEST(a_long_model_name_is_not_cut_inside_a_character)
{
    struct bench b;
    char model[300] = "m";
    char text[400];
    for (size_t len = 1; len + 3 < sizeof(model); len += 2)
        memcpy(model + len, "\xc3\xa9", 3);
    bench_init(&b, "", NULL, "{}");
    ck_assert_int_eq(llm_model_check(b.models, model, text, sizeof(text)), LLM_E_MODEL);
    ck_assert_uint_eq(jsonx_utf8_prefix(text, strlen(text)), strlen(text));
    bench_deinit(&b);
}
END_TEST

START_TEST(the_provider_of_a_model_text_is_what_stands_before_the_colon)
{
    char text[8];
    llm_model_provider("openai:gpt-4o:x", text, sizeof(text));
    ck_assert_str_eq(text, "openai");
    llm_model_provider("demo", text, sizeof(text));
    ck_assert_str_eq(text, "demo");
    llm_model_provider("a-long-provider:m", text, sizeof(text));
    ck_assert_str_eq(text, "a-long-");
    llm_model_provider("", text, sizeof(text));
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(kinds_are_found_by_name)
{
    ck_assert_ptr_eq(llm_kind_find("demo"), &llm_kind_demo);
    ck_assert_ptr_eq(llm_kind_find("openai"), &llm_kind_openai);
    ck_assert_ptr_null(llm_kind_find("open"));
}
END_TEST

START_TEST(a_failed_allocation_is_a_fault_and_leaks_nothing)
{
    struct bench b;
    bench_init(&b, "k", NULL,
               "{\"a\":{\"base_url\":\"" LOCAL
               "\",\"api_key_env\":\"A_KEY\",\"headers\":{\"x\":\"y\"}},"
               "\"openai\":{\"api_key\":\"z\"}}");
    for (unsigned long n = 1;; n++) {
        struct llm_models *m = NULL;
        mem_fail_at(n);
        int r = llm_models_new(&b.conf, b.loop, b.fetcher, env, &m);
        int was_pending = mem_fail_pending();
        mem_fail_at(0);
        llm_models_free(m);
        if (was_pending) {
            ck_assert_int_eq(r, 0);
            ck_assert_uint_gt(n, 10);
            break;
        }
        ck_assert_int_eq(r, ERR_NOMEM);
        ck_assert_ptr_null(m);
    }
    bench_deinit(&b);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("models");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 30);
    tcase_add_loop_test(tc, a_model_can_be_called_or_the_sentence_says_why_not, 0, ROW_COUNT);
    tcase_add_test(tc, a_call_that_cannot_be_made_ends_later_and_once);
    tcase_add_test(tc, a_call_that_cannot_be_made_can_be_cancelled);
    tcase_add_test(tc, a_long_model_name_is_cut_in_the_sentence);
    tcase_add_test(tc, a_long_model_name_is_not_cut_inside_a_character);
    tcase_add_test(tc, the_provider_of_a_model_text_is_what_stands_before_the_colon);
    tcase_add_test(tc, kinds_are_found_by_name);
    tcase_add_test(tc, a_failed_allocation_is_a_fault_and_leaks_nothing);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
