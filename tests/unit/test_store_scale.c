/*
 * Many records: what SQLite chooses to go by must not change the answer, and a page must not cost
 * more than what it passes over. `memory` says what is right.
 */
#include "base/clock.h"
#include "store_dump.h"

#ifdef __SANITIZE_ADDRESS__
enum { MANY = 6000 };
#else
enum { MANY = 100000 };
#endif
enum { SOME = 6000 /* more than SQLite takes for few */, BATCH = 500 };

static struct store *stores[BACKEND_COUNT];

/* A third is of u1, every 97th of u2; 50 are busy; the last changed are not the last made. */
static void add_thread(struct store_batch *b, int i, int of)
{
    static const char *const users[] = { "u0", "u1", "u3" };
    char id[20];
    char metadata[100];
    snprintf(id, sizeof(id), "t%06d", i);
    snprintf(metadata, sizeof(metadata),
             "{\"graph_id\":\"g\",\"user\":\"%s\",\"n\":%d,\"in\":{\"m\":%d}}",
             i % 97 == 0 ? "u2" : users[i % 3], i % 50, i % 7);
    store_add_record(b, &(struct record_put){ .kind = RECORD_THREAD,
                                              .id = id,
                                              .status = i % (of / 50) == 0 ? "busy" : "idle",
                                              .metadata = metadata,
                                              .metadata_len_bytes = strlen(metadata),
                                              .now_ms = 1 + (int64_t)i * 7919 % of,
                                              .created_ms = 1 + i / 3 });
}

static void fill(int count)
{
    for (int i = 0; i < count; i += BATCH) {
        struct store_batch b;
        store_batch_init(&b);
        for (int k = i; k < i + BATCH; k++)
            add_thread(&b, k, count);
        ck_assert_int_eq(commit(&b), 0);
    }
}

static void open_all(void)
{
    for (int k = 0; k < BACKEND_COUNT; k++) {
        open_store(k);
        stores[k] = store;
        fill(SOME);
    }
}

static void close_all(void)
{
    for (int k = 0; k < BACKEND_COUNT; k++)
        store = store_close(stores[k]);
}

#define ONE(status) .statuses = (const char *const[]){ status }, .status_count = 1

static const struct record_query searches[] = {
    { .limit = 10, .total = TOTAL_TOO },
    { .limit = 10, .offset = 5000 },
    { .metadata = "{\"user\":\"u1\"}", .limit = 10, .offset = 50, .total = TOTAL_TOO },
    { .metadata = "{\"user\":\"u1\"}", .limit = 10, .order = RECORDS_BY_UPDATED },
    { .metadata = "{\"user\":\"u2\"}",
      .limit = 10,
      .order = RECORDS_BY_UPDATED,
      .total = TOTAL_TOO },
    { .metadata = "{\"user\":\"u2\",\"graph_id\":\"g\"}", .limit = 10, .is_ascending = true },
    { .metadata = "{\"graph_id\":\"g\",\"n\":7}", .limit = 10, .order = RECORDS_BY_ID },
    { .metadata = "{\"in\":{\"m\":3}}", .limit = 10, .total = TOTAL_TOO },
    { .metadata = "{\"user\":\"none\"}", .total = TOTAL_TOO },
    { ONE("busy"), .limit = 60, .total = TOTAL_TOO },
    { ONE("busy"), .limit = 60, .order = RECORDS_BY_UPDATED, .is_ascending = true },
    { ONE("idle"), .limit = 10, .order = RECORDS_BY_UPDATED, .offset = 20 },
    { ONE("idle"), .metadata = "{\"user\":\"u1\"}", .limit = 10, .total = TOTAL_TOO },
    { .order = RECORDS_BY_STATUS, .limit = 60 },
    { .order = RECORDS_BY_UPDATED, .is_ascending = true, .updated_before_ms = 30, .limit = 100 },
};

START_TEST(every_way_to_search_gives_what_memory_gives)
{
    open_all();
    for (size_t i = 0; i < sizeof(searches) / sizeof(*searches); i++) {
        struct buf wanted;
        buf_init(&wanted, DUMP_MAX_BYTES);
        store = stores[0];
        dump_records(&wanted, &searches[i], false);
        for (int k = 1; k < BACKEND_COUNT; k++) {
            store = stores[k];
            ASSERT_DUMP(buf_text(&wanted), dump_records, &searches[i], false);
        }
        buf_deinit(&wanted);
    }
    close_all();
}
END_TEST

/* All threads in pages; each is seen once. Answers how long it took. */
static int64_t page_through(enum record_order order, bool by_offset)
{
    enum { PAGE = 1000 };
    struct record_query q = { .order = order, .limit = PAGE, .without_body = true };
    struct stored_records page = { .items = NULL };
    int64_t since_us = clock_mono_us();
    size_t seen = 0;
    do {
        struct stored_records next;
        q.after = page.count > 0 && !by_offset ? &page.items[page.count - 1] : NULL;
        q.offset = by_offset ? seen : 0;
        RIG_READ(store_find_records, &q, &next);
        stored_records_clear(&page);
        page = next;
        seen += page.count;
    } while (page.count > 0);
    ck_assert_uint_eq(seen, MANY);
    return clock_mono_us() - since_us;
}

/* The bound is wide: it is there for what is square, and prints what it was. */
START_TEST(paging_through_all_threads_takes_no_more_than_its_pages)
{
    open_store(_i);
    fill(MANY);
    for (int order = RECORDS_BY_CREATED; order <= RECORDS_BY_STATUS; order++) {
        int64_t behind_us = page_through((enum record_order)order, false);
        int64_t offset_us = page_through((enum record_order)order, true);
        printf("%s order %d: %d threads in %lld ms, by offset in %lld ms\n", backends[_i].scheme,
               order, (int)MANY, (long long)behind_us / 1000, (long long)offset_us / 1000);
        ck_assert_int_lt(behind_us, 20000000);
        ck_assert_int_lt(offset_us, 20000000);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store_scale");
    TCase *c = tcase_create("many");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, every_way_to_search_gives_what_memory_gives);
    tcase_add_loop_test(c, paging_through_all_threads_takes_no_more_than_its_pages, 0,
                        BACKEND_COUNT);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void)
{
    mem_init();
    SRunner *runner = srunner_create(make_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
