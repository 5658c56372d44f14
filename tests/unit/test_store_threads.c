/*
 * store/store.h and store/tail.h: what is done to whole threads (copy, prune, rewind), and the event
 * logs of runs. And what every backend promises of these and of records and items when memory runs
 * out.
 */
#include "store_dump.h"

/* ---- short forms ---- */

static void add_checkpoint(struct store_batch *b, const char *ns, const char *id,
                           const char *parent, const char *log_at, const char *set_at)
{
    char head[200];
    snprintf(head, sizeof(head), "{\"fields\":{\"log\":{\"at\":\"%s\"},\"set\":{\"at\":\"%s\"}}}",
             log_at, set_at);
    store_add_checkpoint(b, "t", ns, id, parent, head, strlen(head));
}

static void add_value(struct store_batch *b, const char *ns, const char *field, const char *at,
                      const char *base, const char *json)
{
    store_add_value(b, "t", ns, field, at, base, json, strlen(json));
}

/* Four checkpoints; the log of the last one stands on 3, which stands on 1; set is of 2. */
static void add_root(struct store_batch *b)
{
    add_value(b, "", "log", "1", NULL, "[1]");
    add_value(b, "", "set", "1", NULL, "\"a\"");
    add_checkpoint(b, "", "1", "", "1", "1");
    add_value(b, "", "log", "2", NULL, "[\"a branch\"]");
    add_value(b, "", "set", "2", NULL, "\"b\"");
    add_checkpoint(b, "", "2", "1", "2", "2");
    add_value(b, "", "log", "3", "1", "[3]");
    add_checkpoint(b, "", "3", "2", "3", "2");
    add_value(b, "", "log", "4", "3", "[4]");
    add_checkpoint(b, "", "4", "3", "4", "2");
    store_add_write(b, "t", "", "3", "old", WRITE_RESULT, "", "1", 1);
    store_add_write(b, "t", "", "4", "new", WRITE_INTERRUPT, "", "2", 1);
}

static int fill(const char *thread)
{
    struct store_batch b;
    store_batch_init(&b);
    add_root(&b);
    store_add_checkpoint(&b, "t", "kept", "2", "1", "{}", 2);
    store_add_checkpoint(&b, "t", "kept", "1", "", "{}", 2);
    store_add_checkpoint(&b, "t", "n:done", "3", "", "{}", 2);
    store_add_checkpoint(&b, "t", "n:waits", "5", "", "{}", 2);
    store_add_checkpoint(&b, thread, "", "1", "", "{}", 2);
    return commit(&b);
}

#define ROOT_4 "/4<3 log=[1]+[3]+[4] set=\"b\" new:2:2\n/3<2 log=[1]+[3] set=\"b\" old:0:1\n"
#define ROOT_2 "/2<1 log=[\"a branch\"] set=\"b\"\n"
#define ROOT_1 "/1< log=[1] set=\"a\"\n"
#define FILLED "n:waits/5<\n" ROOT_4 "n:done/3<\n" ROOT_2 "kept/2<1\n" ROOT_1 "kept/1<\n"

typedef void (*adder)(struct store_batch *b);

static int commit_one(adder add)
{
    struct store_batch b;
    store_batch_init(&b);
    add(&b);
    return commit(&b);
}

static void copy(struct store_batch *b)
{
    store_add_copy_thread(b, "t", "new");
}
static void copy_onto(struct store_batch *b)
{
    store_add_copy_thread(b, "t", "other");
}
static void copy_none(struct store_batch *b)
{
    store_add_copy_thread(b, "none", "new");
}
static void prune(struct store_batch *b)
{
    store_add_prune_thread(b, "t");
}
static void rewind_to_2(struct store_batch *b)
{
    store_add_rewind_thread(b, "t", "2");
}
static void rewind_all(struct store_batch *b)
{
    store_add_rewind_thread(b, "t", "");
}
static void delete_thread(struct store_batch *b)
{
    store_add_delete_thread(b, "t");
}

/* ---- threads ---- */

START_TEST(a_copy_has_all_that_the_thread_has_and_is_another_one)
{
    open_store(_i);
    ck_assert_int_eq(fill("other"), 0);
    ck_assert_int_eq(commit_one(copy), 0);
    ASSERT_DUMP(FILLED, dump_thread, "new");
    ASSERT_DUMP(FILLED, dump_thread, "t");
    ck_assert_int_eq(commit_one(delete_thread), 0);
    ASSERT_DUMP(FILLED, dump_thread, "new");
    ASSERT_DUMP("", dump_thread, "t");
    ASSERT_DUMP("/1<\n", dump_thread, "other");
}
END_TEST

START_TEST(a_copy_is_not_laid_over_another_thread)
{
    open_store(_i);
    ck_assert_int_eq(fill("other"), 0);
    ck_assert_int_eq(commit_one(copy_onto), STORE_E_STALE);
    ASSERT_DUMP("/1<\n", dump_thread, "other");
    ck_assert_int_eq(commit_one(copy_none), 0);
    ASSERT_DUMP("", dump_thread, "new");
}
END_TEST

START_TEST(pruning_keeps_the_latest_of_each_namespace_and_what_its_values_stand_on)
{
    struct stored_list l;
    open_store(_i);
    ck_assert_int_eq(fill("other"), 0);
    ck_assert_int_eq(commit_one(prune), 0);
    ASSERT_DUMP("n:waits/5<\n/4< log=[1]+[3]+[4] set=\"b\" new:2:2\nkept/2<\n", dump_thread, "t");
    RIG_READ(store_read, (&(struct store_query){ .thread_id = "t", .ns = "n:done" }), &l);
    ck_assert_uint_eq(l.count, 0);
    stored_list_clear(&l);
    ASSERT_DUMP("/1<\n", dump_thread, "other");
    ck_assert_int_eq(commit_one(prune), 0);
    ASSERT_DUMP("n:waits/5<\n/4< log=[1]+[3]+[4] set=\"b\" new:2:2\nkept/2<\n", dump_thread, "t");
}
END_TEST

/* What went on the way cannot be seen: put under another head, it is not there. */
START_TEST(pruning_forgets_values_that_nobody_names)
{
    struct store_batch b;
    open_store(_i);
    ck_assert_int_eq(fill("other"), 0);
    ck_assert_int_eq(commit_one(prune), 0);
    store_batch_init(&b);
    add_checkpoint(&b, "", "6", "4", "2", "1");
    ck_assert_int_eq(commit(&b), 0);
    ck_assert_int_eq(commit_one(rewind_all), 0);
    ck_assert_int_eq(fill("other"), 0);
    ck_assert_int_eq(commit_one(prune), 0);
    store_batch_init(&b);
    add_checkpoint(&b, "", "6", "4", "2", "1");
    ck_assert_int_eq(commit(&b), 0);
    ASSERT_DUMP("/6<4\nn:waits/5<\n/4< log=[1]+[3]+[4] set=\"b\" new:2:2\nkept/2<\n", dump_thread,
                "t");
}
END_TEST

START_TEST(a_thread_goes_on_after_pruning)
{
    struct store_batch b;
    open_store(_i);
    ck_assert_int_eq(fill("other"), 0);
    ck_assert_int_eq(commit_one(prune), 0);
    store_batch_init(&b);
    store_add_expect(&b, "t", "", "4");
    add_value(&b, "", "log", "7", "4", "[7]");
    add_checkpoint(&b, "", "7", "4", "7", "2");
    ck_assert_int_eq(commit(&b), 0);
    ck_assert_int_eq(commit_one(prune), 0);
    ASSERT_DUMP("/7< log=[1]+[3]+[4]+[7] set=\"b\"\nkept/2<\n", dump_thread, "t");
}
END_TEST

START_TEST(a_rewound_thread_is_as_it_was_then)
{
    open_store(_i);
    ck_assert_int_eq(fill("other"), 0);
    ck_assert_int_eq(commit_one(rewind_to_2), 0);
    ASSERT_DUMP(ROOT_2 "kept/2<1\n" ROOT_1 "kept/1<\n", dump_thread, "t");
    ck_assert_int_eq(commit_one(rewind_all), 0);
    ASSERT_DUMP("", dump_thread, "t");
    ASSERT_DUMP("/1<\n", dump_thread, "other");
}
END_TEST

START_TEST(nothing_is_done_to_a_thread_that_is_not_there)
{
    open_store(_i);
    ck_assert_int_eq(commit_one(prune), 0);
    ck_assert_int_eq(commit_one(rewind_to_2), 0);
    ck_assert_int_eq(commit_one(rewind_all), 0);
}
END_TEST

/* ---- events ---- */

static const struct {
    int64_t from;
    size_t limit;
    const char *wanted;
} reads[] = {
    { 0, 0, "0-4:a 5-5:b 6-6:c 10-12:d" },
    { -1, 1, "0-4:a" },
    { 4, 2, "0-4:a 5-5:b" },
    { 5, 1, "5-5:b" },
    { 7, 0, "10-12:d" },
    { 12, 0, "10-12:d" },
    { 13, 0, "" },
    { INT64_MAX, 0, "" },
};

static void add_events(struct store_batch *b)
{
    store_add_events(b, "r", 10, 12, "d", 1);
    store_add_events(b, "r", 5, 5, "x", 1);
    store_add_events(b, "r", 0, 4, "a", 1);
    store_add_events(b, "r", 5, 5, "b", 1);
    store_add_events(b, "r", 6, 6, "c", 1);
    store_add_events(b, "rr", 7, 7, "z", 1);
}

START_TEST(events_are_read_from_the_row_that_holds_one_on)
{
    open_store(_i);
    ck_assert_int_eq(commit_one(add_events), 0);
    for (size_t i = 0; i < sizeof(reads) / sizeof(*reads); i++)
        ASSERT_DUMP(reads[i].wanted, dump_events,
                    (&(struct event_query){
                        .run_id = "r", .from_seq = reads[i].from, .limit = reads[i].limit }));
}
END_TEST

static void drop_events(struct store_batch *b)
{
    store_add_drop_events(b, "r", 6);
    store_add_drop_events(b, "none", 6);
}

START_TEST(events_below_a_number_are_dropped_by_whole_rows)
{
    struct store_batch b;
    open_store(_i);
    ck_assert_int_eq(commit_one(add_events), 0);
    ck_assert_int_eq(commit_one(drop_events), 0);
    ASSERT_DUMP("6-6:c 10-12:d", dump_events, &(struct event_query){ .run_id = "r" });
    store_batch_init(&b);
    store_add_drop_events(&b, "r", 12);
    ck_assert_int_eq(commit(&b), 0);
    ASSERT_DUMP("10-12:d", dump_events, &(struct event_query){ .run_id = "r" });
    ASSERT_DUMP("7-7:z", dump_events, &(struct event_query){ .run_id = "rr" });
}
END_TEST

static void put_run(struct store_batch *b)
{
    store_add_record(b, &(struct record_put){ .kind = RECORD_RUN, .id = "r", .now_ms = 5 });
}

START_TEST(reserving_events_goes_up_only_and_is_no_change_of_the_run)
{
    static const int64_t numbers[] = { 100, 300, 200, 0 };
    struct store_batch b;
    const char *id = "r";
    open_store(_i);
    ck_assert_int_eq(commit_one(put_run), 0);
    for (size_t i = 0; i < 4; i++) {
        store_batch_init(&b);
        store_add_reserve_events(&b, "r", numbers[i]);
        store_add_reserve_events(&b, "none", numbers[i]);
        ck_assert_int_eq(commit(&b), 0);
    }
    ASSERT_DUMP("r(1    {} {} 5 5 0 r1 s300)", dump_records,
                (&(struct record_query){ .kind = RECORD_RUN, .ids = &id, .id_count = 1 }), true);
}
END_TEST

/* ---- without memory ---- */

/* One row of every kind that is not in test_store.c, and what it needs. */
static void add_all_kinds(struct store_batch *b)
{
    store_add_expect_record(b, RECORD_RUN, "r", 1, (const char *const[]){ "" }, 1);
    store_add_expect_absent(b, RECORD_CRON, "r");
    store_add_record(b, &(struct record_put){ .kind = RECORD_THREAD,
                                              .id = "v",
                                              .metadata = "{\"a\":2}",
                                              .metadata_len_bytes = 7,
                                              .body = "1",
                                              .body_len_bytes = 1,
                                              .now_ms = 6 });
    store_add_record(b, &(struct record_put){ .kind = RECORD_RUN, .id = "s", .now_ms = 6 });
    store_add_events(b, "s", 1, 2, "e", 1);
    store_add_drop_events(b, "r", 6);
    store_add_reserve_events(b, "s", 9);
    store_add_delete_record(b, RECORD_RUN, "r");
    store_add_item(b, &(struct item_put){ "n\1", "k", "1", 1, 7, 0 });
    store_add_item(b, &(struct item_put){ "n\1", "l", "1", 1, 7, 5 });
    store_add_refresh_item(b, "n\1", "l", 8);
    store_add_delete_item(b, "n\1", "k");
    store_add_sweep_items(b, 6, 9);
    store_add_copy_thread(b, "t", "new");
    store_add_prune_thread(b, "t");
    store_add_rewind_thread(b, "new", "2");
}

static void fill_all_kinds(void)
{
    struct store_batch b;
    ck_assert_int_eq(fill("other"), 0);
    store_batch_init(&b);
    put_run(&b);
    add_events(&b);
    store_add_record(&b, &(struct record_put){ .kind = RECORD_THREAD,
                                               .id = "v",
                                               .metadata = "{\"a\":1}",
                                               .metadata_len_bytes = 7,
                                               .now_ms = 5 });
    store_add_item(&b, &(struct item_put){ "n\1", "k", "1", 1, 5, 0 });
    store_add_item(&b, &(struct item_put){ "n\1", "old", "1", 1, 5, 1 });
    ck_assert_int_eq(commit(&b), 0);
}

static void dump_all(struct buf *out)
{
    dump_records(out, &(struct record_query){ .kind = RECORD_THREAD }, true);
    dump_records(out, &(struct record_query){ .kind = RECORD_RUN }, true);
    dump_records(out, &(struct record_query){ .metadata = "{\"a\":1}", .total = TOTAL_TOO }, false);
    dump_events(out, &(struct event_query){ .run_id = "r" });
    dump_events(out, &(struct event_query){ .run_id = "s" });
    dump_items(out, &(struct item_query){ .ns = "", .now_ms = 1 }, true);
    dump_thread(out, "t");
    dump_thread(out, "new");
}

START_TEST(a_commit_survives_each_failing_allocation_whole_or_not_at_all)
{
    int r = ERR_NOMEM;
    struct buf before;
    struct buf now;
    buf_init(&before, DUMP_MAX_BYTES);
    buf_init(&now, DUMP_MAX_BYTES);
    open_store(_i);
    fill_all_kinds();
    dump_all(&before);
    for (unsigned long n = 1; r != 0; n++) {
        buf_clear(&now);
        mem_fail_at(n);
        r = commit_one(add_all_kinds);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_int_eq(r, is_pending ? 0 : ERR_NOMEM);
        dump_all(&now);
        ck_assert_int_eq(r == 0, strcmp(buf_text(&now), buf_text(&before)) != 0);
    }
    ck_assert_ptr_nonnull(strstr(buf_text(&now), "#0"));
    buf_deinit(&before);
    buf_deinit(&now);
}
END_TEST

static const struct record_query plain = { .kind = RECORD_THREAD, .total = TOTAL_TOO };
static const struct record_query sorted = { .kind = RECORD_THREAD,
                                            .order = RECORDS_BY_DUE,
                                            .metadata = "{\"a\":1}",
                                            .body = "{}",
                                            .statuses = (const char *const[]){ "" },
                                            .status_count = 1 };
static const struct event_query events = { .run_id = "r" };
static const struct item_query items = { .ns = "n\1", .filter = "{}", .now_ms = 1 };
static const struct namespace_query spaces = { .suffix = "n\1", .now_ms = 1 };

/* The result of one read; its answer is freed. */
static int read_one(int which)
{
    struct end e = { .ends = 0 };
    union {
        struct stored_records records;
        struct stored_events events;
        struct stored_items items;
        struct stored_namespaces namespaces;
    } l;
    int r = 0;
    if (which < 2) {
        store_find_records(store, loop, &e.op, which == 0 ? &plain : &sorted, &l.records, on_end,
                           &e);
        r = wait_for(&e);
        stored_records_clear(&l.records);
    } else if (which == 2) {
        store_read_events(store, loop, &e.op, &events, &l.events, on_end, &e);
        r = wait_for(&e);
        stored_events_clear(&l.events);
    } else if (which == 3) {
        store_find_items(store, loop, &e.op, &items, &l.items, on_end, &e);
        r = wait_for(&e);
        stored_items_clear(&l.items);
    } else {
        store_list_namespaces(store, loop, &e.op, &spaces, &l.namespaces, on_end, &e);
        r = wait_for(&e);
        stored_namespaces_clear(&l.namespaces);
    }
    return r;
}

START_TEST(reads_survive_each_failing_allocation)
{
    open_store(_i);
    fill_all_kinds();
    for (int which = 0; which < 5; which++) {
        int r = ERR_NOMEM;
        for (unsigned long n = 1; r != 0; n++) {
            mem_fail_at(n);
            r = read_one(which);
            int is_pending = mem_fail_pending();
            mem_fail_at(0);
            ck_assert_int_eq(r, is_pending ? 0 : ERR_NOMEM);
        }
    }
}
END_TEST

/* ---- full ---- */

static void fill_up(struct store_batch *b)
{
    static char text[3000];
    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < 30; i++) {
        char id[] = { (char)('A' + i), '\0' };
        store_add_record(
            b, &(struct record_put){ .kind = RECORD_RUN, .id = id, .now_ms = 1, .name = text });
    }
}

START_TEST(a_full_store_refuses_records_and_takes_others_after_a_deletion)
{
    if (backends[_i].bound == NULL)
        return;
    open_changed(_i, backends[_i].bound);
    ck_assert_int_eq(commit_one(put_run), 0);
    for (int i = 0; i < 50; i++) { /* nothing of what is taken back stays in the account */
        ck_assert_int_eq(commit_one(fill_up), STORE_E_FULL);
        ck_assert_int_eq(commit_one(put_run), 0);
        ck_assert_int_eq(commit_one(add_events), 0);
    }
    ASSERT_DUMP("r", dump_records, &(struct record_query){ .kind = RECORD_RUN }, false);
}
END_TEST

static Suite *make_suite(void)
{
    const TTest *const tests[] = {
        a_copy_has_all_that_the_thread_has_and_is_another_one,
        a_copy_is_not_laid_over_another_thread,
        pruning_keeps_the_latest_of_each_namespace_and_what_its_values_stand_on,
        pruning_forgets_values_that_nobody_names,
        a_thread_goes_on_after_pruning,
        a_rewound_thread_is_as_it_was_then,
        nothing_is_done_to_a_thread_that_is_not_there,
        events_are_read_from_the_row_that_holds_one_on,
        events_below_a_number_are_dropped_by_whole_rows,
        reserving_events_goes_up_only_and_is_no_change_of_the_run,
        a_commit_survives_each_failing_allocation_whole_or_not_at_all,
        reads_survive_each_failing_allocation,
        a_full_store_refuses_records_and_takes_others_after_a_deletion,
    };
    Suite *suite = suite_create("store_threads");
    TCase *c = tcase_create("backends");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
        tcase_add_loop_test(c, tests[i], 0, BACKEND_COUNT);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void)
{
    return run_suite(make_suite());
}
