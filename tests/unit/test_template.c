#include "base/mem.h"
#include "graph/template.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *json_of(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(json);
    return json;
}

static struct template *template_of(const char *text)
{
    struct template *t = NULL;
    char error[200] = "";
    int r = template_parse(text, strlen(text), &t, error, sizeof(error));
    ck_assert_msg(r == 0, "%s: %s", text, error);
    return t;
}

static const char data[] =
    "{\"name\":\"Ada\",\"n\":0,\"half\":0.5,\"yes\":true,\"no\":false,\"nil\":null,\"empty\":\"\","
    "\"none\":[],"
    "\"list\":[1,\"b\",null],\"people\":[{\"name\":\"Bo\",\"n\":1},{\"name\":\"Cy\"}],"
    "\"user\":{\"name\":\"Eve\",\"tags\":[\"x\",\"y\"]},\"html\":\"<b>&\",\"o\":{},"
    "\"nest\":[[1,2],[3]],\"a\":{\"b\":{\"c\":1}},\"b\":{\"c\":\"root\"}}";

static const struct {
    const char *template;
    const char *expected;
} renderings[] = {
    { "", "" },
    { "plain", "plain" },
    { "{{name}}", "Ada" },
    { "{{ name }}!", "Ada!" },
    { "{{ # yes }}y{{ / yes }}", "y" },
    { "{{{name}}}{{& name}}", "AdaAda" },
    { "{{html}}", "<b>&" },
    { "[{{nil}}{{absent}}{{absent.x}}]", "[]" },
    { "{{n}} {{half}} {{yes}} {{no}}", "0 0.5 true false" },
    { "{{list}} {{user}}", "[1,\"b\",null] {\"name\":\"Eve\",\"tags\":[\"x\",\"y\"]}" },
    { "{{user.tags.1}}{{list.0}}", "y1" },
    { "a{{! nothing }}b", "ab" },
    /* sections */
    { "{{#yes}}y{{/yes}}{{#no}}n{{/no}}{{#nil}}n{{/nil}}{{#absent}}n{{/absent}}", "y" },
    { "{{#empty}}n{{/empty}}{{#none}}n{{/none}}{{#n}}zero{{/n}}{{#o}}o{{/o}}", "zeroo" },
    { "{{^yes}}n{{/yes}}{{^no}}y{{/no}}{{^empty}}e{{/empty}}{{^none}}l{{/none}}{{^n}}n{{/n}}",
      "yel" },
    { "{{#list}}<{{.}}>{{/list}}", "<1><b><>" },
    { "{{#people}}{{name}}{{n}};{{/people}}", "Bo1;Cy0;" },
    { "{{#user}}{{name}} {{#tags}}{{.}}{{name}}{{/tags}}{{/user}}", "Eve xEveyEve" },
    { "{{#user.tags}}{{.}},{{/user.tags}}", "x,y," },
    { "{{#nest}}({{#.}}{{.}}{{/.}}){{/nest}}", "(12)(3)" },
    { "{{#name}}{{.}}{{/name}}", "Ada" },
    { "{{#a}}{{b.c}}{{/a}}", "1" },
    { "{{#a.b}}{{b.c}}{{c}}{{/a.b}}", "root1" },
    /* the first part of a name decides where it is found */
    { "{{#people}}{{user.name}}{{name.x}};{{/people}}", "Eve;Eve;" },
    /* tags alone on a line */
    { "a\n{{#yes}}\nb\n{{/yes}}\nc", "a\nb\nc" },
    { "a\n  {{! x }}  \nb", "a\nb" },
    { "a\r\n{{#yes}}\r\nb\r\n{{/yes}}\r\n", "a\r\nb\r\n" },
    { "  {{#yes}}\nb\n  {{/yes}}", "b\n" },
    { "{{#list}}\n- {{.}}\n{{/list}}\n.", "- 1\n- b\n- \n." },
    { " {{name}}\n", " Ada\n" },
    { "x {{#yes}}\ny{{/yes}}\n", "x \ny\n" },
    { "{{#yes}} {{/yes}}\n", " \n" },
    { "a\n{{!\n two lines\n}}\nb", "a\nb" },
    { "{{^no}}\n{{/no}}", "" },
    /* delimiters */
    { "{{=<% %>=}}<%name%>{{name}}<%={{ }}=%>{{name}}", "Ada{{name}}Ada" },
    { "{{= | | =}}|name| |{name}|", "Ada Ada" },
    { "a\n{{=<% %>=}}\n<%name%>", "a\nAda" },
    { "{{#yes}}{{=<< >>=}}<<name>><</yes>>", "Ada" },
    /* what only looks like a tag */
    { "{ {name} }}", "{ {name} }}" },
    { "{{{name}}}}", "Ada}" },
};

START_TEST(a_template_renders_as_the_specification_says)
{
    json_t *extra = json_of(data);
    struct scope scope = { .extra = extra };
    struct template *t = template_of(renderings[_i].template);
    struct buf out;
    buf_init(&out, 1000);
    template_render(t, &scope, ESCAPE_NONE, &out);
    ck_assert_int_eq(0, out.fault);
    ck_assert_msg(strcmp(renderings[_i].expected, buf_text(&out)) == 0, "%s: \"%s\"",
                  renderings[_i].template, buf_text(&out));
    buf_deinit(&out);
    template_free(t);
    json_decref(extra);
}
END_TEST

static const struct {
    const char *template;
    const char *error;
} mistakes[] = {
    { "ab{{name", "a tag is not closed at byte 2" },
    { "{{{name}}", "a tag is not closed at byte 0" },
    { "{{}}", "a tag without a name at byte 0" },
    { "{{a..b}}", "\"a..b\" is no path at byte 0" },
    { "x {{#items}} y", "unclosed section {{#items}} at byte 2" },
    { "{{/items}}", "{{/items}} closes no section at byte 0" },
    { "{{#a}}{{/b}}", "section {{#a}} is closed by {{/b}} at byte 6" },
    { "{{> part}}", "partials like {{>part}} are not supported at byte 0" },
    { "{{=<%=}}", "delimiters are set as in {{=<% %>=}}; this is not so at byte 0" },
    { "{{=a b c=}}", "delimiters are set as in {{=<% %>=}}; this is not so at byte 0" },
    { "{{.}}", "{{.}} is an item, but no section is around it at byte 0" },
};

START_TEST(a_mistake_is_told_with_its_place)
{
    struct template *t = NULL;
    char error[200];
    const char *text = mistakes[_i].template;
    ck_assert_int_eq(TEMPLATE_E_SYNTAX,
                     template_parse(text, strlen(text), &t, error, sizeof(error)));
    ck_assert_str_eq(mistakes[_i].error, error);
    ck_assert_ptr_null(t);
}
END_TEST

START_TEST(sections_are_bounded_in_depth)
{
    char text[(TEMPLATE_MAX_DEPTH + 1) * 12 + 1] = "";
    for (int i = 0; i < TEMPLATE_MAX_DEPTH; i++)
        strcat(text, "{{#a}}");
    for (int i = 0; i < TEMPLATE_MAX_DEPTH; i++)
        strcat(text, "{{/a}}");
    template_free(template_of(text));
    char deeper[sizeof(text) + 12];
    snprintf(deeper, sizeof(deeper), "{{#a}}%s{{/a}}", text);
    struct template *t = NULL;
    char error[200];
    ck_assert_int_eq(TEMPLATE_E_SYNTAX,
                     template_parse(deeper, strlen(deeper), &t, error, sizeof(error)));
}
END_TEST

START_TEST(rendered_values_are_percent_encoded_and_literal_text_is_not)
{
    json_t *extra = json_of("{\"q\":\"a b/\\u00e9~\",\"o\":{\"k\":1}}");
    struct scope scope = { .extra = extra };
    struct template *t = template_of("/x y/{{q}}?{{o}}");
    struct buf out;
    buf_init(&out, 1000);
    template_render(t, &scope, ESCAPE_PERCENT, &out);
    ck_assert_str_eq("/x y/a%20b%2F%C3%A9~?%7B%22k%22%3A1%7D", buf_text(&out));
    buf_deinit(&out);
    template_free(t);
    json_decref(extra);
}
END_TEST

START_TEST(the_output_is_bounded)
{
    json_t *extra = json_of(data);
    struct scope scope = { .extra = extra };
    static const struct {
        const char *template;
        enum template_escape escape;
        size_t max;
    } rows[] = { { "{{name}}{{name}}", ESCAPE_NONE, 5 },
                 { "{{user}}", ESCAPE_NONE, 10 },
                 { "{{html}}", ESCAPE_PERCENT, 6 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct template *t = template_of(rows[i].template);
        struct buf out;
        buf_init(&out, rows[i].max);
        template_render(t, &scope, rows[i].escape, &out);
        ck_assert_int_eq(BUF_E_FULL, out.fault);
        buf_deinit(&out);
        template_free(t);
    }
    json_decref(extra);
}
END_TEST

/* Much work and no byte of output: lists inside lists, and many tags for each element. */
static const char *const silent[] = {
    "{{#l}}{{#l}}{{#l}}{{#l}}{{x}}{{/l}}{{/l}}{{/l}}{{/l}}",
    "{{#l}}{{#l}}{{x}}{{x}}{{x}}{{^l}}{{/l}}{{/l}}{{/l}}",
};

START_TEST(work_without_output_ends)
{
    json_t *extra = json_object();
    json_t *list = json_array();
    for (int i = 0; i < 500; i++)
        json_array_append_new(list, json_integer(i));
    json_object_set_new(extra, "l", list);
    struct scope scope = { .extra = extra };
    struct template *t = template_of(silent[_i]);
    struct buf out;
    buf_init(&out, 10);
    template_render(t, &scope, ESCAPE_NONE, &out);
    ck_assert_int_eq(BUF_E_FULL, out.fault);
    buf_deinit(&out);
    template_free(t);
    json_decref(extra);
}
END_TEST

static const struct {
    const char *template;
    const char *whole; /* NULL: not one path */
    long first_tag;
} shapes[] = {
    { "x", NULL, -1 },
    { "{{a.b}}", "a.b", 0 },
    { "{{ a }}", "a", 0 },
    { " {{a}}", NULL, 1 },
    { "{{a}}\n", NULL, 0 },
    { "{{a}}{{b}}", NULL, 0 },
    { "{{{a}}}", "a", 0 },
    { "{{! c}}", NULL, -1 },
    { "{{#a}}{{/a}}", NULL, 0 },
    { "http://{{h}}", NULL, 7 },
    { "{{a}}{{!x}}", NULL, 0 },
    { "{{!x}}{{a}}", NULL, 6 },
    { "", NULL, -1 },
};

START_TEST(the_shape_of_a_template_is_known)
{
    struct template *t = template_of(shapes[_i].template);
    const struct path *whole = template_whole_path(t);
    ck_assert_int_eq(shapes[_i].whole != NULL, whole != NULL);
    if (whole != NULL)
        ck_assert_str_eq(shapes[_i].whole, path_text(whole));
    ck_assert_int_eq(shapes[_i].first_tag, template_first_tag(t));
    ck_assert_int_eq(shapes[_i].first_tag < 0, template_is_constant(t));
    template_free(t);
}
END_TEST

static void collect(void *arg, const struct path *path)
{
    strcat(arg, path_text(path));
    strcat(arg, " ");
}

START_TEST(paths_are_told_outside_of_sections_and_the_runs_everywhere)
{
    struct template *t =
        template_of("{{a.x}}{{#b.y}}{{c}}{{#d}}{{$run.x}}{{/d}}{{c}}{{/b.y}}{{^e}}{{f}}{{/e}}"
                    "{{$context.g}}");
    char roots[100] = "";
    template_each_path(t, collect, roots);
    ck_assert_str_eq("a.x b.y $run.x e f $context.g ", roots);
    template_free(t);
}
END_TEST

static const struct {
    const char *source;
    const char *expected; /* NULL: absent */
} jrenderings[] = {
    { "1", "1" },
    { "\"{{name}}\"", "\"Ada\"" },
    { "\"{{list}}\"", "[1,\"b\",null]" },
    { "\"{{absent}}\"", NULL },
    { "\"{{nil}}\"", "null" },
    { "\"{{list}}!\"", "\"[1,\\\"b\\\",null]!\"" },
    { "{\"a\":\"{{n}}\",\"b\":\"{{absent}}\",\"c\":[\"{{absent}}\",2,\"{{yes}}\"]}",
      "{\"a\":0,\"c\":[2,true]}" },
    { "{\"{{name}}\":{\"x\":[\"{{user.name}}\"]}}", "{\"{{name}}\":{\"x\":[\"Eve\"]}}" },
    { "[[],{},\"x\",null]", "[[],{},\"x\",null]" },
};

START_TEST(templates_inside_json_keep_the_types_of_values)
{
    json_t *extra = json_of(data);
    json_t *source = json_of(jrenderings[_i].source);
    struct scope scope = { .extra = extra };
    struct jtemplate *t;
    char error[200];
    ck_assert_int_eq(0, jtemplate_parse(source, &t, error, sizeof(error)));
    json_t *made = NULL;
    ck_assert_int_eq(0, jtemplate_render(t, &scope, 1000, &made));
    ck_assert_int_eq(jrenderings[_i].expected != NULL, made != NULL);
    if (made != NULL) {
        json_t *expected = json_of(jrenderings[_i].expected);
        ck_assert(json_equal(expected, made));
        json_decref(expected);
    }
    json_decref(made);
    jtemplate_free(t);
    json_decref(source);
    json_decref(extra);
}
END_TEST

START_TEST(a_rendered_string_in_json_is_bounded)
{
    json_t *extra = json_of(data);
    json_t *source = json_of("{\"a\":[\"x{{name}}\"]}");
    struct scope scope = { .extra = extra };
    struct jtemplate *t;
    char error[200];
    ck_assert_int_eq(0, jtemplate_parse(source, &t, error, sizeof(error)));
    json_t *made = NULL;
    ck_assert_int_eq(BUF_E_FULL, jtemplate_render(t, &scope, 3, &made));
    ck_assert_ptr_null(made);
    jtemplate_free(t);
    json_decref(source);
    json_decref(extra);
}
END_TEST

START_TEST(without_memory_parsing_is_a_fault_and_leaks_nothing)
{
    json_t *source = json_of("{\"a\":[\"x{{name}}{{#l}}{{.}}{{/l}}\",\"{{q}}\"],\"b\":1}");
    struct jtemplate *t = NULL;
    char error[200];
    for (unsigned long n = 1;; n++) {
        mem_fail_at(n);
        int r = jtemplate_parse(source, &t, error, sizeof(error));
        if (mem_fail_pending()) {
            mem_fail_at(0);
            ck_assert_int_eq(0, r);
            break;
        }
        ck_assert_int_lt(r, 0);
    }
    jtemplate_free(t);
    json_decref(source);
}
END_TEST

START_TEST(without_memory_rendering_is_a_fault_and_leaks_nothing)
{
    json_t *extra = json_of(data);
    json_t *source = json_of("{\"a\":[\"x{{name}}{{user}}\",\"{{n}}\"],\"b\":[1]}");
    struct scope scope = { .extra = extra };
    struct jtemplate *t;
    char error[200];
    ck_assert_int_eq(0, jtemplate_parse(source, &t, error, sizeof(error)));
    json_t *made = NULL;
    for (unsigned long n = 1;; n++) {
        mem_fail_at(n);
        int r = jtemplate_render(t, &scope, 1000, &made);
        if (mem_fail_pending()) {
            mem_fail_at(0);
            ck_assert_int_eq(0, r);
            break;
        }
        ck_assert_int_lt(r, 0);
    }
    json_decref(made);
    jtemplate_free(t);
    json_decref(source);
    json_decref(extra);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof(table)[0])

int main(void)
{
    mem_init();
    Suite *suite = suite_create("template");
    TCase *tc = tcase_create("template");
    tcase_add_loop_test(tc, a_template_renders_as_the_specification_says, 0, ROWS(renderings));
    tcase_add_loop_test(tc, a_mistake_is_told_with_its_place, 0, ROWS(mistakes));
    tcase_add_test(tc, sections_are_bounded_in_depth);
    tcase_add_test(tc, rendered_values_are_percent_encoded_and_literal_text_is_not);
    tcase_add_test(tc, the_output_is_bounded);
    tcase_add_loop_test(tc, work_without_output_ends, 0, ROWS(silent));
    tcase_add_loop_test(tc, the_shape_of_a_template_is_known, 0, ROWS(shapes));
    tcase_add_test(tc, paths_are_told_outside_of_sections_and_the_runs_everywhere);
    tcase_add_loop_test(tc, templates_inside_json_keep_the_types_of_values, 0, ROWS(jrenderings));
    tcase_add_test(tc, a_rendered_string_in_json_is_bounded);
    tcase_add_test(tc, without_memory_parsing_is_a_fault_and_leaks_nothing);
    tcase_add_test(tc, without_memory_rendering_is_a_fault_and_leaks_nothing);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
