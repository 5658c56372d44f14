#include "fake_task.h"

#define STATE                                                                                      \
    "{" F("draft", "string") "," F("n", "integer") "," F("answer", "any") "," F("text",            \
                                                                                "string") "}"
#define ASK(rest) "{\"kind\":\"interrupt\"" rest "}"

static const struct fake_wrong wrong[] = {
    { ASK(""), "\"value\" is missing" },
    { ASK(",\"value\":\"{{drift}}\""), "/nodes/it/value: unknown field \"drift\"" },
    { ASK(",\"value\":\"{{#draft}}\""), "/nodes/it/value" },
    { ASK(",\"value\":1,\"output\":\"anwser\""), "did you mean \"answer\"?" },
    { ASK(",\"value\":1,\"output\":3"), "/nodes/it/output: expected string" },
    { ASK(",\"value\":1,\"outptu\":\"answer\""), "unknown key \"outptu\"" },
};

START_TEST(a_wrong_node_is_told)
{
    fake_check_wrong(STATE, &wrong[_i]);
}
END_TEST

static const struct {
    const char *value;
    const char *input;
    const char *asked;
} questions[] = {
    { "null", "{}", "null" },
    { "\"Is it right?\"", "{}", "\"Is it right?\"" },
    { "\"{{draft}}: right?\"", "{\"draft\":\"abc\"}", "\"abc: right?\"" },
    { "\"{{n}}\"", "{\"n\":7}", "7" },
    { "\"{{n}}\"", "{}", "null" },
    { "{\"draft\":\"{{draft}}\",\"n\":\"{{n}}\"}", "{\"draft\":\"a\",\"n\":1}",
      "{\"draft\":\"a\",\"n\":1}" },
    { "\"{{$config.thread_id}}\"", "{}", "\"t\"" },
};

static void check_asked(const struct fake *x, const char *expected)
{
    char *text = json_dumps(x->asked, JSON_COMPACT | JSON_ENCODE_ANY);
    ck_assert_str_eq(text, expected);
    mem_free(text);
}

static void begin(struct fake *x, const char *value, const char *rest)
{
    char *node = mem_printf("{\"kind\":\"interrupt\",\"value\":%s%s}", value, rest);
    fake_init(x);
    fake_graph(x, STATE, node);
    mem_free(node);
}

START_TEST(the_value_is_rendered_and_asked)
{
    struct fake x;
    begin(&x, questions[_i].value, ",\"output\":\"answer\"");
    x.configurable = json_loads("{\"thread_id\":\"t\"}", 0, NULL);
    fake_start(&x, questions[_i].input);
    ck_assert(x.has_ended);
    check_asked(&x, questions[_i].asked);
    ck_assert_str_eq(fake_update(&x), "{}");
    fake_deinit(&x);
}
END_TEST

START_TEST(with_an_answer_it_writes_the_answer_and_ends)
{
    static const char *const answers[] = { "null", "\"yes\"", "{\"a\":[1]}", "false" };
    struct fake x;
    begin(&x, "1", ",\"output\":\"answer\"");
    x.answer = json_loads(answers[_i], JSON_DECODE_ANY, NULL);
    fake_start(&x, "{}");
    ck_assert(x.has_ended);
    char *expected = mem_printf("{\"answer\":%s}", answers[_i]);
    ck_assert_str_eq(fake_update(&x), expected);
    mem_free(expected);
    fake_deinit(&x);
}
END_TEST

START_TEST(without_an_output_the_answer_is_dropped)
{
    struct fake x;
    begin(&x, "1", "");
    x.answer = json_string("yes");
    fake_start(&x, "{}");
    ck_assert(x.has_ended);
    ck_assert_str_eq(fake_update(&x), "{}");
    fake_deinit(&x);
}
END_TEST

START_TEST(an_answer_of_another_type_is_left_to_the_state_to_refuse)
{
    struct fake x;
    begin(&x, "1", ",\"output\":\"text\"");
    x.answer = json_integer(3);
    fake_start(&x, "{}");
    ck_assert_str_eq(fake_update(&x), "{\"text\":3}");
    fake_deinit(&x);
}
END_TEST

START_TEST(a_send_is_asked_about_instead_of_the_state)
{
    struct fake x;
    begin(&x, "\"{{draft}}\"", "");
    x.send = json_pack("{s:s}", "draft", "sent");
    fake_start(&x, "{\"draft\":\"held\"}");
    check_asked(&x, "\"sent\"");
    fake_deinit(&x);
}
END_TEST

START_TEST(a_value_past_the_state_limit_fails_the_task)
{
    struct fake x;
    begin(&x, "\"{{draft}}{{draft}}\"", "");
    x.conf.max_state_bytes = 5;
    fake_start(&x, "{\"draft\":\"1234\"}");
    fake_check_fail(&x, FAIL_LIMIT, "\"value\" renders to more than 5 bytes");
    fake_deinit(&x);
}
END_TEST

START_TEST(no_memory_at_any_point_ends_as_a_fault)
{
    struct fake x;
    begin(&x, "{\"d\":[\"{{draft}}!\"]}", ",\"output\":\"answer\"");
    x.answer = json_string("yes");
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        fake_prepare(&x, "{\"draft\":\"a\"}");
        mem_fail_at(n);
        x.task.node->kind->start(&x.task);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(x.has_ended);
        ck_assert(is_pending || x.fail.code == FAIL_INTERNAL);
        ck_assert(n < 1000);
    }
    ck_assert_str_eq(fake_update(&x), "{\"answer\":\"yes\"}");
    fake_deinit(&x);
}
END_TEST

START_TEST(no_memory_while_it_is_configured_is_a_fault)
{
    struct fake x;
    fake_init(&x);
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        int r = fake_parse(&x, STATE, ASK(",\"value\":\"{{draft}}\",\"output\":\"answer\""));
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        bool is_told = r < 0 || x.problems.fault != 0;
        ck_assert_msg(is_pending ? r == 0 : is_told, "allocation %lu: %d", n, r);
        ck_assert(n < 10000);
    }
    fake_deinit(&x);
}
END_TEST

START_TEST(a_question_for_which_there_was_no_memory_ends_as_a_fault)
{
    struct fake x;
    begin(&x, "1", "");
    fake_prepare(&x, "{}");
    ck_assert_ptr_null(task_ask(&x.task, NULL));
    fake_check_fail(&x, FAIL_INTERNAL, "");
    fake_deinit(&x);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("node_interrupt");
    TCase *tc = tcase_create("interrupt");
    tcase_add_loop_test(tc, a_wrong_node_is_told, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_loop_test(tc, the_value_is_rendered_and_asked, 0,
                        sizeof(questions) / sizeof(questions[0]));
    tcase_add_loop_test(tc, with_an_answer_it_writes_the_answer_and_ends, 0, 4);
    tcase_add_test(tc, without_an_output_the_answer_is_dropped);
    tcase_add_test(tc, an_answer_of_another_type_is_left_to_the_state_to_refuse);
    tcase_add_test(tc, a_send_is_asked_about_instead_of_the_state);
    tcase_add_test(tc, a_value_past_the_state_limit_fails_the_task);
    tcase_add_test(tc, no_memory_at_any_point_ends_as_a_fault);
    tcase_add_test(tc, no_memory_while_it_is_configured_is_a_fault);
    tcase_add_test(tc, a_question_for_which_there_was_no_memory_ends_as_a_fault);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
