/* Events in the store: numbers are shown when they are reserved, what was stored reads as the log
 * did, and what is wrong with rows is told. */
#include "run/tail.h"
#include "run_kit.h"
#include "store/tail.h"

#define RUN "01a20453-a341-7716-bba6-c29a07e3aaa1"
#define LONG                                                                                       \
    "{'state':{'n':{'type':'integer','reducer':'add','default':0}},'recursion_limit':100,"         \
    "'nodes':{'a':{'kind':'set','values':{'n':1}}},"                                               \
    "'edges':[['START','a'],{'from':'a','switch':'n','cases':{'30':'END'},'default':'a'}]}"
#define HELD                                                                                       \
    "{'state':{'n':{'type':'integer','reducer':'add','default':0}},"                               \
    "'nodes':{'a':{'kind':'set','values':{'n':1}},'b':{'kind':'hold'}},"                           \
    "'edges':[['START','a'],['a','b'],['b','END']]}"

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

static void wait_true(struct rig *rig, bool *what)
{
    ck_assert_int_eq(loop_run_until(rig->worker.loop, what), 0);
}

/* ---- a run in somebody's books ---- */

struct books {
    struct rig rig;
    struct run *run;
    bool has_ended;
};

static void books_open(struct books *b, const char *graph, enum events_kept events)
{
    const struct run_keeper keeper = { set_true, &b->has_ended };
    b->has_ended = false;
    b->run = rig_start_with(&b->rig, rig_graph(&b->rig, graph), "{}",
                            (struct run_request){ .modes = MODE_VALUES | MODE_UPDATES,
                                                  .run_id = RUN,
                                                  .keeper = &keeper,
                                                  .events = events });
}

static void committed(void *arg, int result)
{
    ck_assert_int_eq(result, 0);
    set_true(arg);
}

static void commit(struct books *b, struct store_batch *batch)
{
    struct store_op op = { 0 };
    bool is_over = false;
    store_commit(b->rig.worker.store, b->rig.worker.loop, &op, batch, committed, &is_over);
    wait_true(&b->rig, &is_over);
    store_batch_deinit(batch);
}

static void begin(struct books *b)
{
    struct store_batch batch;
    store_batch_init(&batch);
    run_add_begin(b->run, &batch);
    commit(b, &batch);
    run_begun(b->run);
}

static void end(struct books *b)
{
    struct store_batch batch;
    run_release(b->run);
    wait_true(&b->rig, &b->has_ended);
    store_batch_init(&batch);
    run_add_end(b->run, true, &batch);
    run_add_end(b->run, true, &batch); /* as when the first try was overtaken */
    commit(b, &batch);
    run_close(b->run);
}

static void books_close(struct books *b)
{
    run_unref(b->run);
    rig_deinit(&b->rig);
}

/* All that a reader gets, waiting for it; mem_free(). */
static char *read_all(struct rig *rig, struct reader *reader, bool *is_ready)
{
    struct buf out;
    enum reader_result what;
    buf_init(&out, 1 << 24);
    do {
        *is_ready = false;
        char *text = rig_read(reader, &what);
        buf_add_str(&out, text);
        mem_free(text);
        if (what == READER_WAIT)
            wait_true(rig, is_ready);
    } while (what == READER_WAIT);
    return buf_take(&out, NULL);
}

static char *read_log(struct books *b, uint64_t from)
{
    struct reader *reader = NULL;
    bool is_ready;
    ck_assert_int_eq(reader_open(b->run, MODE_VALUES | MODE_UPDATES, set_true, &is_ready, &reader),
                     0);
    reader_seek(reader, from);
    char *text = read_all(&b->rig, reader, &is_ready);
    reader_close(reader);
    return text;
}

static char *read_store_to(struct rig *rig, uint64_t from, uint64_t end)
{
    struct reader *reader = NULL;
    bool is_ready;
    ck_assert_int_eq(
        reader_open_stored(&rig->worker.services, RUN, end, set_true, &is_ready, &reader), 0);
    reader_set_modes(reader, MODE_VALUES | MODE_UPDATES);
    reader_seek(reader, from);
    char *text = read_all(rig, reader, &is_ready);
    reader_close(reader);
    return text;
}

static char *read_store(struct rig *rig, uint64_t from)
{
    return read_store_to(rig, from, 0);
}

/* ---- numbers ---- */

START_TEST(events_are_shown_when_their_numbers_are_reserved)
{
    struct books b;
    struct reader *reader = NULL;
    enum reader_result what;
    bool is_ready = false;
    rig_settings(&b.rig);
    books_open(&b, HELD, EVENTS_NUMBERED);
    ck_assert_int_eq(reader_open(b.run, MODE_VALUES, set_true, &is_ready, &reader), 0);
    run_release(b.run);
    while (b.rig.held_count == 0)
        rig_turn(&b.rig);
    char *early = rig_read(reader, &what);
    ck_assert_str_eq(early, "metadata {'run_id':'" RUN "','attempt':1}\n");
    ck_assert_int_eq(what, READER_WAIT);
    begin(&b);
    wait_true(&b.rig, &is_ready);
    char *late = rig_read(reader, &what);
    ck_assert_str_eq(late, "values {'n':1}\n");
    mem_free(early);
    mem_free(late);
    reader_close(reader);
    task_finish(b.rig.held[0], NULL);
    end(&b);
    books_close(&b);
}
END_TEST

START_TEST(the_next_block_is_reserved_before_the_last_one_is_used_up)
{
    struct books b;
    rig_settings(&b.rig);
    books_open(&b, LONG, EVENTS_NUMBERED);
    begin(&b);
    b.run->tail.asked = b.run->tail.open = b.run->log.next + 3;
    end(&b);
    ck_assert_uint_gt(b.run->tail.open, b.run->log.next);
    char *all = read_log(&b, 0);
    ck_assert_ptr_nonnull(strstr(all, "values {'n':30}\n"));
    mem_free(all);
    books_close(&b);
}
END_TEST

START_TEST(a_reader_of_an_attempt_before_goes_on_at_the_next)
{
    struct books b;
    rig_settings(&b.rig);
    books_open(&b, LONG, EVENTS_NUMBERED);
    b.run->tail.begin = 0;
    end(&b);
    char *all = read_log(&b, 0);
    /* As if 100 numbers had been taken by an earlier process. */
    const struct run_keeper keeper = { set_true, &b.has_ended };
    struct run *second = rig_start_with(&b.rig, rig_graph(&b.rig, LONG), "{}",
                                        (struct run_request){ .modes = MODE_VALUES | MODE_UPDATES,
                                                              .run_id = RUN,
                                                              .keeper = &keeper,
                                                              .first_event = 100,
                                                              .events = EVENTS_NUMBERED });
    run_unref(b.run);
    b.run = second;
    b.has_ended = false;
    end(&b);
    char *again = read_log(&b, 7);
    ck_assert_str_eq(again, all);
    mem_free(all);
    mem_free(again);
    books_close(&b);
}
END_TEST

/* ---- rows ---- */

START_TEST(what_is_stored_reads_as_the_log_did_from_everywhere)
{
    struct books b;
    rig_settings(&b.rig);
    books_open(&b, LONG, EVENTS_STORED);
    begin(&b);
    end(&b);
    ck_assert_uint_eq(b.run->log.next, 61);
    for (uint64_t from = 0; from <= 61; from++) {
        char *log = read_log(&b, from);
        char *store = read_store(&b.rig, from);
        ck_assert_str_eq(log, store);
        ck_assert(from == 61 || log[0] != '\0');
        mem_free(log);
        mem_free(store);
    }
    books_close(&b);
}
END_TEST

START_TEST(what_falls_out_of_a_small_log_is_stored_before)
{
    struct books b;
    rig_settings(&b.rig);
    b.rig.conf.log_bytes = 4096;
    books_open(&b, LONG, EVENTS_STORED);
    begin(&b);
    end(&b);
    ck_assert_uint_gt(b.run->log.first, 40);
    char *log = read_log(&b, 0);
    char *store = read_store(&b.rig, 0);
    ck_assert_str_eq(log, store);
    ck_assert_ptr_nonnull(strstr(log, "values {'n':30}\n"));
    mem_free(log);
    mem_free(store);
    books_close(&b);
}
END_TEST

START_TEST(a_bounded_store_keeps_the_newest_events_and_tells_the_gap)
{
    struct books b;
    rig_settings(&b.rig);
    b.rig.conf.log_bytes = 4096;
    b.rig.conf.resumable_bytes = 1024;
    books_open(&b, LONG, EVENTS_STORED);
    begin(&b);
    end(&b);
    char *whole = read_store(&b.rig, 3);
    ck_assert_msg(strncmp(whole, "error {'error':'StreamTruncated','message':'events 3 to ", 56) ==
                      0,
                  "%s", whole);
    char *last = read_store(&b.rig, 60);
    ck_assert_str_eq(last, "values {'n':30}\n");
    mem_free(whole);
    mem_free(last);
    books_close(&b);
}
END_TEST

START_TEST(what_is_missing_at_the_end_is_told)
{
    struct books b;
    rig_settings(&b.rig);
    books_open(&b, LONG, EVENTS_STORED);
    begin(&b);
    end(&b);
    char *whole = read_store_to(&b.rig, 60, 61);
    char *cut = read_store_to(&b.rig, 60, 63);
    ck_assert_str_eq(whole, "values {'n':30}\n");
    ck_assert_ptr_nonnull(strstr(cut, "'StreamTruncated','message':'events 61 to 62 "));
    mem_free(whole);
    mem_free(cut);
    books_close(&b);
}
END_TEST

static void store_row(struct books *b, int64_t first, int64_t last, const char *bytes)
{
    struct store_batch batch;
    store_batch_init(&batch);
    store_add_events(&batch, RUN, first, last, bytes, strlen(bytes));
    commit(b, &batch);
}

static const struct {
    const char *bytes;
    int64_t last;
} damaged[] = {
    { "", 0 },
    { "b", 0 },
    { "bb", 0 },
    { "b\n", 0 },
    { "b\nx", 0 },
    { "b\n1 9", 0 },
    { "b\n1 0\n", 0 },
    { "b\n1 99999999999999999999\nid: 0\nevent: a\ndata: {}\n\n", 0 },
    { "b\n1 29\nid: 0\nevent: a\ndata: {}\n\n", 0 },
    { "b\n1 28\nid: 0\nevent: a\ndata: {}\n\nrest", 0 },
    { "b\n0 4\nabc\n", 0 },
    { "b\n0 8\nid: 0\ne\n", 0 },
    { "b\n0 17\nid: 0\nevent: abc\n", 0 },
    { "b\n0 28\nid: 0\nevent: a\ndata: {}\n\n", 5 },
};

START_TEST(a_damaged_row_is_an_error_and_the_end)
{
    struct books b;
    rig_settings(&b.rig);
    store_row(&b, 0, damaged[_i].last, damaged[_i].bytes);
    char *text = read_store(&b.rig, 0);
    ck_assert_msg(strstr(text, "error {'error':'InternalError'") != NULL, "%s", text);
    mem_free(text);
    rig_deinit(&b.rig);
}
END_TEST

/* ---- no memory ---- */

START_TEST(no_lack_of_memory_shows_an_event_twice_or_leaves_a_reader_waiting)
{
    bool is_through = false;
    for (unsigned long n = 1; !is_through; n++) {
        struct books b;
        rig_settings(&b.rig);
        b.rig.conf.log_bytes = 4096;
        books_open(&b, LONG, EVENTS_STORED);
        begin(&b);
        run_release(b.run);
        mem_fail_at(n);
        wait_true(&b.rig, &b.has_ended);
        is_through = mem_fail_pending() != 0;
        mem_fail_at(0);
        end(&b);
        char *text = read_log(&b, 0);
        ck_assert_msg(strstr(text, "values {'n':30}\n") != NULL || strstr(text, "error {") != NULL,
                      "%s", text);
        mem_free(text);
        books_close(&b);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("tail");
    TCase *t = tcase_create("tail");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, events_are_shown_when_their_numbers_are_reserved);
    tcase_add_test(t, the_next_block_is_reserved_before_the_last_one_is_used_up);
    tcase_add_test(t, a_reader_of_an_attempt_before_goes_on_at_the_next);
    tcase_add_test(t, what_is_stored_reads_as_the_log_did_from_everywhere);
    tcase_add_test(t, what_falls_out_of_a_small_log_is_stored_before);
    tcase_add_test(t, a_bounded_store_keeps_the_newest_events_and_tells_the_gap);
    tcase_add_test(t, what_is_missing_at_the_end_is_told);
    tcase_add_loop_test(t, a_damaged_row_is_an_error_and_the_end, 0,
                        sizeof(damaged) / sizeof(damaged[0]));
    tcase_add_test(t, no_lack_of_memory_shows_an_event_twice_or_leaves_a_reader_waiting);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
