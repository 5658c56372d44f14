/* store/item.h: what every backend promises of items. */
#include "store_dump.h"

static void put(const char *ns, const char *key, const char *value, int64_t now_ms, int64_t ttl_ms)
{
    struct store_batch b;
    store_batch_init(&b);
    store_add_item(&b, &(struct item_put){ .ns = ns,
                                           .key = key,
                                           .value = value,
                                           .value_len_bytes = strlen(value),
                                           .now_ms = now_ms,
                                           .ttl_ms = ttl_ms });
    ck_assert_int_eq(commit(&b), 0);
}

static void drop(const char *ns, const char *key)
{
    struct store_batch b;
    store_batch_init(&b);
    store_add_delete_item(&b, ns, key);
    ck_assert_int_eq(commit(&b), 0);
}

static void refresh(const char *ns, const char *key, int64_t now_ms)
{
    struct store_batch b;
    store_batch_init(&b);
    store_add_refresh_item(&b, ns, key, now_ms);
    ck_assert_int_eq(commit(&b), 0);
}

static void assert_item(const char *ns, const char *key, int64_t now_ms, const char *wanted)
{
    ASSERT_DUMP(wanted, dump_items,
                (&(struct item_query){ .ns = ns, .key = key, .now_ms = now_ms }), true);
}

static void assert_found(const struct item_query *q, const char *wanted)
{
    ASSERT_DUMP(wanted, dump_items, q, false);
}

/* ---- one item ---- */

START_TEST(an_item_comes_back_as_it_was_put)
{
    open_store(_i);
    put("a\1b\1", "k.\1\n", "{\"x\":[1,\"\xc3\xa4\"]}", 5, 0);
    assert_item("a\1b\1", "k.\1\n", 5, "a/b/k.\1\n={\"x\":[1,\"\xc3\xa4\"]}(5 5 0)");
    assert_item("a\1", "k.\1\n", 5, "");
    assert_item("a\1b\1c\1", "k.\1\n", 5, "");
    assert_item("a\1b\1", "k", 5, "");
}
END_TEST

START_TEST(putting_again_replaces_the_value_and_keeps_when_it_was_made)
{
    open_store(_i);
    put("a\1", "k", "{\"x\":1,\"y\":2}", 5, 100);
    put("a\1", "k", "{\"z\":3}", 7, 0);
    assert_item("a\1", "k", 1000, "a/k={\"z\":3}(5 7 0)");
}
END_TEST

START_TEST(what_was_deleted_is_gone_and_made_anew)
{
    open_store(_i);
    put("a\1", "k", "1", 5, 0);
    drop("a\1", "k");
    drop("a\1", "k");
    drop("b\1", "none");
    assert_item("a\1", "k", 5, "");
    put("a\1", "k", "2", 9, 0);
    assert_item("a\1", "k", 9, "a/k=2(9 9 0)");
}
END_TEST

/* ---- time ---- */

START_TEST(an_expired_item_is_gone_before_it_is_swept)
{
    open_store(_i);
    put("a\1", "k", "1", 5, 10);
    assert_item("a\1", "k", 14, "a/k=1(5 5 10)");
    assert_item("a\1", "k", 15, "");
    assert_found(&(struct item_query){ .ns = "", .now_ms = 14 }, "a/k");
    assert_found(&(struct item_query){ .ns = "", .now_ms = 15 }, "");
    assert_found(&(struct item_query){ .ns = "a\1", .now_ms = 15 }, "");
    ASSERT_DUMP("a/", dump_namespaces, &(struct namespace_query){ .now_ms = 14 });
    ASSERT_DUMP("", dump_namespaces, &(struct namespace_query){ .now_ms = 15 });
    put("a\1", "k", "2", 20, 0);
    assert_item("a\1", "k", 99, "a/k=2(20 20 0)");
}
END_TEST

START_TEST(refreshing_begins_the_time_anew_for_what_has_one_and_lives)
{
    open_store(_i);
    put("a\1", "k", "1", 5, 10);
    put("a\1", "ever", "1", 5, 0);
    refresh("a\1", "k", 14);
    refresh("a\1", "ever", 14);
    refresh("a\1", "none", 14);
    assert_item("a\1", "k", 23, "a/k=1(5 5 10)");
    assert_item("a\1", "k", 24, "");
    assert_item("a\1", "ever", INT64_MAX - 1, "a/ever=1(5 5 0)");
    refresh("a\1", "k", 24);
    assert_item("a\1", "k", 24, "");
}
END_TEST

START_TEST(a_time_beyond_all_times_is_for_ever)
{
    open_store(_i);
    put("a\1", "k", "1", 5, INT64_MAX);
    refresh("a\1", "k", 100);
    assert_item("a\1", "k", INT64_MAX - 1, "a/k=1(5 5 9223372036854775807)");
}
END_TEST

static int64_t next_due_ms; /* as the last sweep says */

static int64_t sweep(int64_t now_ms, int64_t most)
{
    struct store_batch b;
    struct end e;
    store_batch_init(&b);
    store_add_sweep_items(&b, now_ms, most);
    start_commit(&e, &b);
    ck_assert_int_eq(wait_for(&e), 0);
    next_due_ms = e.op.next_due_ms;
    return e.op.swept;
}

START_TEST(sweeping_deletes_the_expired_ones_in_bounded_chunks)
{
    open_store(_i);
    for (int i = 0; i < 10; i++) {
        char key[] = { (char)('0' + i), '\0' };
        put("a\1", key, "1", 0, i < 7 ? 10 + i : 1000);
    }
    put("a\1", "ever", "1", 0, 0);
    ck_assert_int_eq(sweep(5, 100), 0);
    ck_assert_int_eq(sweep(16, 0), 0);
    ck_assert_int_eq(next_due_ms, 10);
    ck_assert_int_eq(sweep(16, 3), 3);
    ck_assert_int_eq(next_due_ms, 13);
    assert_found(&(struct item_query){ .ns = "a\1", .now_ms = 1 },
                 "a/3 a/4 a/5 a/6 a/7 a/8 a/9 a/ever");
    ck_assert_int_eq(sweep(16, 100), 4);
    ck_assert_int_eq(next_due_ms, 1000);
    ck_assert_int_eq(sweep(16, 100), 0);
    refresh("a\1", "7", 500);
    refresh("a\1", "8", 600);
    refresh("a\1", "9", 700);
    ck_assert_int_eq(sweep(16, 100), 0);
    ck_assert_int_eq(next_due_ms, 1500);
    ck_assert_int_eq(sweep(INT64_MAX - 1, 100), 3);
    ck_assert_int_eq(next_due_ms, 0);
    assert_found(&(struct item_query){ .ns = "a\1", .now_ms = 1 }, "a/ever");
}
END_TEST

static void take_due(void *arg, int64_t due_ms)
{
    struct buf *seen = arg;
    (void)buf_addf(seen, "%lld ", (long long)due_ms);
}

START_TEST(who_watches_hears_of_each_item_that_will_expire)
{
    struct buf seen;
    buf_init(&seen, 256);
    open_store(_i);
    store_watch_items(store, take_due, &seen);
    put("a\1", "ever", "1", 5, 0);
    put("a\1", "k", "1", 5, 10);
    put("a\1", "k", "2", 7, 3);
    drop("a\1", "k");
    store_watch_items(store, NULL, NULL);
    put("a\1", "k", "1", 5, 10);
    ck_assert_str_eq(buf_text(&seen), "15 10 ");
    buf_deinit(&seen);
}
END_TEST

/* ---- searching ---- */

static void fill(void)
{
    put("a\1", "k", "{\"n\":1}", 10, 0);
    put("a\1b\1", "k", "{\"n\":2,\"d\":{\"x\":\"y\",\"z\":1}}", 30, 0);
    put("a\1bc\1", "k", "{\"n\":\"3\"}", 20, 0);
    put("ab\1", "k", "{\"n\":4.5}", 40, 0);
    put("a\1b\1", "j", "{\"m\":1,\"l\":[1,{\"x\":2}]}", 30, 0);
}

static const struct {
    const char *ns;
    const char *filter;
    size_t offset;
    size_t limit;
    const char *wanted;
} searches[] = {
    { "", NULL, 0, 0, "ab/k a/b/j a/b/k a/bc/k a/k" },
    { "a\1", NULL, 0, 0, "a/b/j a/b/k a/bc/k a/k" },
    { "a\1b\1", NULL, 0, 0, "a/b/j a/b/k" },
    { "a\1b\1c\1", NULL, 0, 0, "" },
    { "", NULL, 1, 2, "a/b/j a/b/k" },
    { "a\1", NULL, 3, 5, "a/k" },
    { "a\1", NULL, 4, 5, "" },
    { "", "{\"n\":{\"$gte\":1}}", 0, 0, "ab/k a/b/k a/k" },
    { "", "{\"n\":{\"$gte\":1}}", 1, 1, "a/b/k" },
    { "", "{\"n\":{\"$ne\":1}}", 0, 0, "ab/k a/b/j a/b/k a/bc/k" },
    { "a\1", "{\"d\":{\"x\":\"y\"}}", 0, 0, "a/b/k" },
    { "a\1", "{\"l\":[1,{\"x\":2}]}", 0, 0, "a/b/j" },
    { "a\1", "{}", 0, 1, "a/b/j" },
};

START_TEST(a_search_finds_what_is_below_its_labels_and_fits_the_last_changed_first)
{
    open_store(_i);
    fill();
    for (size_t i = 0; i < sizeof(searches) / sizeof(*searches); i++)
        assert_found(&(struct item_query){ .ns = searches[i].ns,
                                           .filter = searches[i].filter,
                                           .offset = searches[i].offset,
                                           .limit = searches[i].limit,
                                           .now_ms = 50 },
                     searches[i].wanted);
}
END_TEST

START_TEST(a_wrong_filter_is_a_fault)
{
    static const char *const wrong[] = { "[]", "{", "{\"a\":{\"$is\":1}}", "{\"$eq\":1}" };
    open_store(_i);
    fill();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct end e = { .ends = 0 };
        struct stored_items l;
        const struct item_query q = { .ns = "", .filter = wrong[i] };
        store_find_items(store, loop, &e.op, &q, &l, on_end, &e);
        ck_assert_int_lt(wait_for(&e), 0);
        ck_assert_ptr_null(l.items);
    }
}
END_TEST

/* ---- namespaces ---- */

static const struct {
    struct namespace_query query;
    const char *wanted;
} listings[] = {
    { { .limit = 0 }, "a/ a/b/c/ a/b/d/ a/c/ a/c/d/ a-b/ ab/c/" },
    { { .limit = 2 }, "a/ a/b/c/" },
    { { .limit = 2, .offset = 5 }, "a-b/ ab/c/" },
    { { .offset = 7 }, "" },
    { { .max_depth = 1 }, "a/ a-b/ ab/" },
    { { .max_depth = 2 }, "a/ a/b/ a/c/ a-b/ ab/c/" },
    { { .max_depth = 2, .offset = 1, .limit = 2 }, "a/b/ a/c/" },
    { { .max_depth = 9 }, "a/ a/b/c/ a/b/d/ a/c/ a/c/d/ a-b/ ab/c/" },
    { { .prefix = "a\1" }, "a/ a/b/c/ a/b/d/ a/c/ a/c/d/" },
    { { .prefix = "a\1b\1" }, "a/b/c/ a/b/d/" },
    { { .prefix = "a\1b\1", .max_depth = 1 }, "a/" },
    { { .prefix = "b\1" }, "" },
    { { .prefix = "*\1c\1" }, "a/c/ a/c/d/ ab/c/" },
    { { .prefix = "a\1*\1d\1" }, "a/b/d/ a/c/d/" },
    { { .suffix = "c\1" }, "a/b/c/ a/c/ ab/c/" },
    { { .suffix = "*\1c\1" }, "a/b/c/ a/c/ ab/c/" },
    { { .suffix = "*\1*\1d\1" }, "a/b/d/ a/c/d/" },
    { { .prefix = "a\1", .suffix = "d\1" }, "a/b/d/ a/c/d/" },
    { { .prefix = "a\1", .suffix = "d\1", .max_depth = 1 }, "a/" },
    { { .prefix = "a\1c\1", .suffix = "c\1d\1" }, "a/c/d/" },
};

START_TEST(namespaces_are_listed_by_prefix_suffix_and_depth)
{
    static const char *const spaces[] = { "ab\1c\1", "a\1",   "a\1b\1c\1", "a\1b\1d\1",
                                          "a\1c\1",  "a-b\1", "a\1c\1d\1" };
    open_store(_i);
    for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
        put(spaces[i], "k", "1", 1, 0);
        put(spaces[i], "l", "1", 1, 0);
    }
    put("gone\1", "k", "1", 1, 0);
    drop("gone\1", "k");
    assert_item("only-read\1", "k", 1, "");
    for (size_t i = 0; i < sizeof(listings) / sizeof(*listings); i++)
        ASSERT_DUMP(listings[i].wanted, dump_namespaces, &listings[i].query);
}
END_TEST

/* ---- names of namespaces ---- */

static const char *const wrong_labels[] = { "", "a.b", ".", "a\1", "\n", "tab\t" };

START_TEST(labels_are_not_empty_and_have_no_periods_and_no_control_characters)
{
    struct buf ns;
    buf_init(&ns, 100);
    for (size_t i = 0; i < sizeof(wrong_labels) / sizeof(*wrong_labels); i++)
        ck_assert_int_eq(item_ns_add(&ns, wrong_labels[i]), ITEM_E_LABEL);
    ck_assert_int_eq(item_ns_add(&ns, "a b"), 0);
    ck_assert_int_eq(item_ns_add(&ns, "\xc3\xa4"), 0);
    ck_assert_str_eq(buf_text(&ns), "a b\1\xc3\xa4\1");
    buf_deinit(&ns);
}
END_TEST

START_TEST(labels_are_read_one_after_the_other)
{
    size_t len = 0;
    const char *rest = "ab\1c\1";
    ck_assert_mem_eq(item_ns_label(rest, &len, &rest), "ab", 2);
    ck_assert_uint_eq(len, 2);
    ck_assert_mem_eq(item_ns_label(rest, &len, &rest), "c", 1);
    ck_assert_uint_eq(len, 1);
    ck_assert_ptr_null(item_ns_label(rest, &len, &rest));
}
END_TEST

static Suite *make_suite(void)
{
    const TTest *const tests[] = {
        an_item_comes_back_as_it_was_put,
        putting_again_replaces_the_value_and_keeps_when_it_was_made,
        what_was_deleted_is_gone_and_made_anew,
        an_expired_item_is_gone_before_it_is_swept,
        refreshing_begins_the_time_anew_for_what_has_one_and_lives,
        a_time_beyond_all_times_is_for_ever,
        sweeping_deletes_the_expired_ones_in_bounded_chunks,
        who_watches_hears_of_each_item_that_will_expire,
        a_search_finds_what_is_below_its_labels_and_fits_the_last_changed_first,
        a_wrong_filter_is_a_fault,
        namespaces_are_listed_by_prefix_suffix_and_depth,
    };
    Suite *suite = suite_create("store_items");
    TCase *c = tcase_create("backends");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
        tcase_add_loop_test(c, tests[i], 0, BACKEND_COUNT);
    suite_add_tcase(suite, c);
    c = tcase_create("names");
    tcase_add_test(c, labels_are_not_empty_and_have_no_periods_and_no_control_characters);
    tcase_add_test(c, labels_are_read_one_after_the_other);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void)
{
    return run_suite(make_suite());
}
