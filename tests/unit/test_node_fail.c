#include "fake_task.h"

#define STATE "{" F("why", "string") "," F("cls", "string") "}"

static const struct fake_wrong wrong[] = {
    { "{\"kind\":\"fail\",\"error\":3}", "/nodes/it/error" },
    { "{\"kind\":\"fail\",\"error\":\"two words\"}", "not a class name" },
    { "{\"kind\":\"fail\",\"error\":\"\"}", "not a class name" },
    { "{\"kind\":\"fail\",\"error\":\"1st\"}", "not a class name" },
    { "{\"kind\":\"fail\",\"message\":[]}", "/nodes/it/message" },
    { "{\"kind\":\"fail\",\"message\":\"{{wyh}}\"}", "why" },
    { "{\"kind\":\"fail\",\"mesage\":\"x\"}", "message" },
};

START_TEST(a_wrong_node_is_told)
{
    fake_check_wrong(STATE, &wrong[_i]);
}
END_TEST

static const struct {
    const char *node;
    const char *input;
    enum fail_code code;
    const char *type;
    const char *message;
} rows[] = {
    { "{\"kind\":\"fail\"}", "{}", FAIL_NODE, "NodeError", "a node failed" },
    { "{\"kind\":\"fail\",\"error\":\"ValueError\",\"message\":\"no {{why}} here\"}",
      "{\"why\":\"luck\"}", FAIL_NODE, "ValueError", "no luck here" },
    { "{\"kind\":\"fail\",\"error\":\"{{cls}}\",\"message\":\"100%s\"}",
      "{\"cls\":\"my.lib.Error2\"}", FAIL_NODE, "my.lib.Error2", "100%s" },
    { "{\"kind\":\"fail\",\"error\":\"{{cls}}\"}", "{}", FAIL_NODE, "NodeError", "a node failed" },
    { "{\"kind\":\"fail\",\"error\":\"{{cls}}\"}", "{\"cls\":\"a b\"}", FAIL_TEMPLATE,
      "TemplateError", "class name" },
};

START_TEST(it_fails_with_its_class_and_message)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, rows[_i].node);
    fake_run(&x, rows[_i].input);
    fake_check_fail(&x, rows[_i].code, rows[_i].message);
    ck_assert_str_eq(fail_type(&x.fail), rows[_i].type);
    fake_deinit(&x);
}
END_TEST

START_TEST(a_message_that_passes_the_limit_is_told_as_such)
{
    struct fake x;
    fake_init(&x);
    x.conf.max_state_bytes = 4;
    fake_graph(&x, STATE, "{\"kind\":\"fail\",\"message\":\"{{why}}{{why}}\"}");
    fake_run(&x, "{\"why\":\"abc\"}");
    fake_check_fail(&x, FAIL_LIMIT, "\"message\" renders to more than 4 bytes");
    fake_deinit(&x);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("node_fail");
    TCase *tc = tcase_create("fail");
    tcase_add_loop_test(tc, a_wrong_node_is_told, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_loop_test(tc, it_fails_with_its_class_and_message, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, a_message_that_passes_the_limit_is_told_as_such);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
