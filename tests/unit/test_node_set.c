#include "fake_task.h"

#define STATE                                                                                      \
    "{" F("name", "string") "," F("n", "integer") "," F("any", "any") "," F(                       \
        "out", "any") ","                                                                          \
                      "\"tags\":{\"type\":\"array\",\"reducer\":\"append\"}}"

static const struct fake_wrong wrong[] = {
    { "{\"kind\":\"set\"}", "\"values\" is missing" },
    { "{\"kind\":\"set\",\"values\":3}", "/nodes/it/values" },
    { "{\"kind\":\"set\",\"values\":{\"nmae\":1}}", "name" },
    { "{\"kind\":\"set\",\"values\":{\"out\":\"{{nmae}}\"}}", "name" },
    { "{\"kind\":\"set\",\"values\":{\"out\":\"{{#name}}\"}}", "name" },
    { "{\"kind\":\"set\",\"values\":{},\"value\":1}", "value" },
};

START_TEST(a_wrong_node_is_told)
{
    fake_check_wrong(STATE, &wrong[_i]);
}
END_TEST

static const struct {
    const char *values;
    const char *input;
    const char *update;
} right[] = {
    { "{\"out\":1}", "{}", "{\"out\":1}" },
    { "{\"out\":\"Hello {{name}}\"}", "{\"name\":\"Ada\"}", "{\"out\":\"Hello Ada\"}" },
    { "{\"out\":\"{{any}}\"}", "{\"any\":{\"a\":[1]}}", "{\"out\":{\"a\":[1]}}" },
    { "{\"out\":{\"k\":[\"{{n}}\",\"{{n}}!\"]}}", "{\"n\":7}", "{\"out\":{\"k\":[7,\"7!\"]}}" },
    { "{\"out\":\"{{name}}\",\"n\":2}", "{}", "{\"n\":2}" },
    { "{\"out\":{\"x\":\"{{name}}\"}}", "{}", "{\"out\":{}}" },
    { "{\"out\":\"{{$context.who}}/{{$config.id}}\"}", "{}", "{\"out\":\"me/7\"}" },
    { "{\"tags\":\"a\",\"out\":null}", "{}", "{\"tags\":\"a\",\"out\":null}" },
    { "{}", "{}", "{}" },
};

START_TEST(values_are_rendered_and_written)
{
    struct fake x;
    char *node = mem_printf("{\"kind\":\"set\",\"values\":%s}", right[_i].values);
    fake_init(&x);
    x.context = json_loads("{\"who\":\"me\"}", 0, NULL);
    x.configurable = json_loads("{\"id\":7}", 0, NULL);
    fake_graph(&x, STATE, node);
    fake_start(&x, right[_i].input);
    ck_assert(x.has_ended); /* inside start */
    fake_release(&x);
    ck_assert_str_eq(fake_update(&x), right[_i].update);
    fake_deinit(&x);
    mem_free(node);
}
END_TEST

START_TEST(a_value_that_passes_the_state_limit_fails_the_task)
{
    struct fake x;
    fake_init(&x);
    x.conf.max_state_bytes = 10;
    fake_graph(&x, STATE, "{\"kind\":\"set\",\"values\":{\"out\":\"{{name}}{{name}}\"}}");
    fake_run(&x, "{\"name\":\"123456\"}");
    fake_check_fail(&x, FAIL_LIMIT, "more than 10 bytes");
    fake_deinit(&x);
}
END_TEST

START_TEST(no_memory_while_it_runs_ends_as_a_fault)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, "{\"kind\":\"set\",\"values\":{\"out\":[\"{{name}}!\"],\"n\":1}}");
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        fake_prepare(&x, "{\"name\":\"Ada\"}");
        mem_fail_at(n);
        x.task.node->kind->start(&x.task);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(x.has_ended);
        ck_assert(is_pending || x.fail.code == FAIL_INTERNAL);
        ck_assert(n < 1000);
    }
    ck_assert_str_eq(fake_update(&x), "{\"out\":[\"Ada!\"],\"n\":1}");
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
        int r = fake_parse(&x, STATE, "{\"kind\":\"set\",\"values\":{\"out\":\"{{name}}\"}}");
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        bool is_told = r < 0 || x.problems.fault != 0;
        ck_assert_msg(is_pending ? r == 0 : is_told, "allocation %lu: %d", n, r);
        ck_assert(n < 10000);
    }
    fake_deinit(&x);
}
END_TEST

START_TEST(every_kind_has_a_name_of_its_own_and_a_sentence)
{
    struct kind_table kinds = node_kinds();
    ck_assert_uint_eq(kinds.count, 8);
    for (size_t i = 0; i < kinds.count; i++) {
        ck_assert_ptr_eq(kind_find(&kinds, kinds.kinds[i]->name), kinds.kinds[i]);
        ck_assert(strlen(kinds.kinds[i]->summary) > 10);
    }
    ck_assert_ptr_null(kind_find(&kinds, "python"));
}
END_TEST

START_TEST(emitted_text_is_one_message_of_valid_pieces)
{
    static char text[200001];
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, "{\"kind\":\"set\",\"values\":{}}");
    fake_start(&x, "{}");
    x.has_ended = false;
    memset(text, 'a', sizeof(text));
    task_emit(&x.task, "", 0);
    ck_assert_int_eq(x.begin_count, 0);
    task_emit(&x.task, "\xc3\xa7", 2);
    task_emit(&x.task, "x\xff\xfey\xc3", 5);
    ck_assert_str_eq(buf_text(&x.text), "\xc3\xa7x\xef\xbf\xbdy\xef\xbf\xbd");
    task_emit(&x.task, text, sizeof(text));
    ck_assert_int_eq(x.begin_count, 1);
    ck_assert_int_eq(x.delta_count, 1 + 4 + 4);
    ck_assert_int_eq(strncmp(x.id, "run-", 4), 0);
    ck_assert_uint_eq(strlen(x.id), 40);
    fake_release(&x);
    fake_deinit(&x);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("node_set");
    TCase *tc = tcase_create("set");
    tcase_add_loop_test(tc, a_wrong_node_is_told, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_loop_test(tc, values_are_rendered_and_written, 0, sizeof(right) / sizeof(right[0]));
    tcase_add_test(tc, a_value_that_passes_the_state_limit_fails_the_task);
    tcase_add_test(tc, no_memory_while_it_runs_ends_as_a_fault);
    tcase_add_test(tc, no_memory_while_it_is_configured_is_a_fault);
    tcase_add_test(tc, every_kind_has_a_name_of_its_own_and_a_sentence);
    tcase_add_test(tc, emitted_text_is_one_message_of_valid_pieces);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
