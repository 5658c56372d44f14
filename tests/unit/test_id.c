/* base/id.h and base/clock.h. */
#include "base/clock.h"
#include "base/id.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(a_v4_id_carries_version_and_variant)
{
    char id[ID_BYTES];
    id_v4(id);
    ck_assert(id_is_uuid(id));
    ck_assert_int_eq(id[14], '4');
    ck_assert_ptr_nonnull(strchr("89ab", id[19]));
}
END_TEST

static const struct {
    const char *ns;
    const char *name;
    const char *id;
} known[] = {
    /* RFC 9562, appendix A.4 */
    { "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com",
      "2ed6657d-e927-568b-95e1-2665a8aea6a2" },
    { ID_NS_ASSISTANT, "agent", "fe096781-5601-53d2-b2f6-0d3403f7e9ca" },
};

START_TEST(a_v5_id_is_the_known_one)
{
    char id[ID_BYTES];
    id_v5(known[_i].ns, known[_i].name, strlen(known[_i].name), id);
    ck_assert_str_eq(id, known[_i].id);
}
END_TEST

static void make(int kind, char ret[ID_BYTES])
{
    if (kind == 6)
        id_v6(0, ret);
    else
        id_v7(ret);
}

START_TEST(ids_made_in_one_moment_sort_in_order_of_creation)
{
    char before[ID_BYTES];
    char id[ID_BYTES];
    clock_fake(1, 1764000000000);
    make(_i, before);
    for (int n = 0; n < 10000; n++) {
        make(_i, id);
        ck_assert(id_is_uuid(id));
        ck_assert_int_eq(id[14], '0' + _i);
        ck_assert_ptr_nonnull(strchr("89ab", id[19]));
        ck_assert_int_lt(strcmp(before, id), 0);
        memcpy(before, id, sizeof(id));
    }
    clock_fake(-1, 0);
}
END_TEST

START_TEST(ids_keep_their_order_when_the_clock_jumps_back)
{
    char before[ID_BYTES];
    char id[ID_BYTES];
    clock_fake(1, 1764000000000);
    make(_i, before);
    clock_fake(1, 1763000000000);
    make(_i, id);
    ck_assert_int_lt(strcmp(before, id), 0);
    clock_fake(-1, 0);
}
END_TEST

static const struct {
    int step;
    const char *field;
} steps[] = {
    { -1, "bfff" }, { 0, "8000" }, { 1, "8001" }, { 0x3ffe, "bffe" }, { 0x4000, "8000" }
};

START_TEST(a_v6_id_carries_the_step_in_its_clock_sequence)
{
    char id[ID_BYTES];
    id_v6(steps[_i].step, id);
    ck_assert_mem_eq(id + 19, steps[_i].field, 4);
}
END_TEST

/* The time of RFC 9562's own example of a v6 id: 1EC9414C-232A-6B00. */
START_TEST(a_v6_id_holds_the_time_since_1582)
{
    char id[ID_BYTES];
    clock_fake(1, 1645557742000);
    id_v6(0, id);
    clock_fake(-1, 0);
    ck_assert_mem_eq(id, "1ec9414c-232a-6b00-8000-", 24);
}
END_TEST

START_TEST(a_v7_id_begins_with_the_milliseconds)
{
    char id[ID_BYTES];
    clock_fake(1, 1645557742000);
    id_v7(id);
    clock_fake(-1, 0);
    ck_assert_mem_eq(id, "017f22e2-79b0-7000-", 19);
}
END_TEST

static const struct {
    const char *text;
    bool is_uuid;
} texts[] = {
    { "2ed6657d-e927-568b-95e1-2665a8aea6a2", true },
    { "2ED6657D-E927-568B-95E1-2665A8AEA6A2", true },
    { "2ed6657d-e927-568b-95e1-2665a8aea6a", false },
    { "2ed6657d-e927-568b-95e1-2665a8aea6a20", false },
    { "2ed6657de927-568b-95e1-2665a8aea6a2--", false },
    { "2ed6657g-e927-568b-95e1-2665a8aea6a2", false },
    { "{ed6657d-e927-568b-95e1-2665a8aea6a2", false },
    { "", false },
};

START_TEST(only_the_36_character_form_is_a_uuid)
{
    ck_assert(id_is_uuid(texts[_i].text) == texts[_i].is_uuid);
}
END_TEST

static const struct {
    int64_t wall_ms;
    const char *text;
} times[] = {
    { 0, "1970-01-01T00:00:00.000Z" },
    { 1763832889320, "2025-11-22T17:34:49.320Z" },
    { -5, "1970-01-01T00:00:00.000Z" },
    { INT64_MAX, "9999-12-31T23:59:59.999Z" },
};

START_TEST(a_time_is_written_with_milliseconds_in_utc)
{
    char text[CLOCK_ISO_BYTES];
    clock_iso(times[_i].wall_ms, text);
    ck_assert_str_eq(text, times[_i].text);
}
END_TEST

START_TEST(the_fake_clock_stands_still_and_gives_way_to_the_real_one)
{
    clock_fake(5, 7);
    ck_assert_int_eq(clock_mono_us(), 5);
    ck_assert_int_eq(clock_wall_ms(), 7);
    clock_fake(-1, 0);
    ck_assert(clock_wall_ms() > 1600000000000);
    int64_t before = clock_mono_us();
    ck_assert(clock_mono_us() >= before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("id");
    TCase *c = tcase_create("id");
    tcase_add_test(c, a_v4_id_carries_version_and_variant);
    tcase_add_loop_test(c, a_v5_id_is_the_known_one, 0, sizeof(known) / sizeof(*known));
    tcase_add_test(c, a_v6_id_holds_the_time_since_1582);
    tcase_add_test(c, a_v7_id_begins_with_the_milliseconds);
    tcase_add_loop_test(c, ids_made_in_one_moment_sort_in_order_of_creation, 6, 8);
    tcase_add_loop_test(c, ids_keep_their_order_when_the_clock_jumps_back, 6, 8);
    tcase_add_loop_test(c, a_v6_id_carries_the_step_in_its_clock_sequence, 0,
                        sizeof(steps) / sizeof(*steps));
    tcase_add_loop_test(c, only_the_36_character_form_is_a_uuid, 0, sizeof(texts) / sizeof(*texts));
    tcase_add_loop_test(c, a_time_is_written_with_milliseconds_in_utc, 0,
                        sizeof(times) / sizeof(*times));
    tcase_add_test(c, the_fake_clock_stands_still_and_gives_way_to_the_real_one);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
