/* api/extract.h: which paths there are, and where they lead. */
#include "api/extract.h"
#include "base/mem.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char thread[] = "{'values':{'log':['a','b',{'c':[[1,2],[3]]}],'x.y':1,'':2},'n':null}";

static json_t *parse(const char *text)
{
    char bytes[2000];

    ck_assert_uint_lt(strlen(text), sizeof(bytes));
    snprintf(bytes, sizeof(bytes), "%s", text);
    for (char *c = bytes; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *json = json_loads(bytes, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(json);
    return json;
}

static const struct {
    const char *path;
    const char *found; /* NULL: it is no path */
} paths[] = {
    { "n", "null" },
    { "values.log[0]", "'a'" },
    { "values.log[-2]", "'b'" },
    { "values.log[2].c[0][1]", "2" },
    { "values.log[-1].c[-1][-1]", "3" },
    { "values.log[-3]", "'a'" },
    { "values.log[-4]", "null" },
    { "values.log[3]", "null" },
    { "values.log[999999999]", "null" },
    { "values.log.a", "null" },
    { "values.nothing.at.all", "null" },
    { "values[0]", "null" },
    { "n.m", "null" },
    { "nobody", "null" },
    { "", NULL },
    { ".", NULL },
    { ".n", NULL },
    { "n.", NULL },
    { "values..log", NULL },
    { "[0]", NULL },
    { "values.log[]", NULL },
    { "values.log[-]", NULL },
    { "values.log[1", NULL },
    { "values.log[1]c", NULL },
    { "values.log[+1]", NULL },
    { "values.log[ 1]", NULL },
    { "values.log[1.5]", NULL },
    { "values.log[1000000000]", NULL },
    { "values.log]", NULL },
};

static bool fits(const json_t *asked)
{
    return type_fits(&type_extract, asked) && extract_fits(asked);
}

START_TEST(a_path_leads_to_a_part_or_to_null)
{
    json_t *from = parse(thread);
    json_t *asked = json_pack("{s:s}", "it", paths[_i].path);

    ck_assert_msg(fits(asked) == (paths[_i].found != NULL), "%s", paths[_i].path);
    if (paths[_i].found != NULL) {
        json_t *expected = parse(paths[_i].found);
        json_t *extracted = extract_new(from, asked);
        ck_assert_msg(json_equal(json_object_get(extracted, "it"), expected) == 1, "%s",
                      paths[_i].path);
        json_decref(extracted);
        json_decref(expected);
    }
    json_decref(asked);
    json_decref(from);
}
END_TEST

START_TEST(names_and_paths_are_bounded)
{
    char path[EXTRACT_PATH_MAX_BYTES + 2];
    json_t *asked = json_object();

    for (int i = 0; i < EXTRACT_MAX_PATHS; i++) {
        char name[20];
        snprintf(name, sizeof(name), "n%d", i);
        json_object_set_new(asked, name, json_string("n"));
    }
    ck_assert(fits(asked));
    json_object_set_new(asked, "one more", json_string("n"));
    ck_assert(!fits(asked));
    json_object_clear(asked);
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    json_object_set_new(asked, "long", json_string(path));
    ck_assert(!fits(asked));
    json_object_set_new(asked, "long", json_string(path + 1));
    ck_assert(fits(asked));
    json_object_set_new(asked, "long", json_integer(1));
    ck_assert(!fits(asked));
    json_decref(asked);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("extract");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, a_path_leads_to_a_part_or_to_null, 0, sizeof(paths) / sizeof(paths[0]));
    tcase_add_test(c, names_and_paths_are_bounded);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
