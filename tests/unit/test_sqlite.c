/*
 * What is SQLite's own: the file that stays, whose it is, groups of commits, and what happens when
 * the disk or the process fails. What every backend promises is in test_store.c.
 */
#include "loop/loop.h"
#include "store/sqlite_db.h"
#include "store/sqlite_group.h"
#include "store_kit.h"
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct kit_folder folder;
static char path[100];
static struct database *database;
static struct buf why;

static void setup(void)
{
    kit_folder_make(&folder);
    snprintf(path, sizeof(path), "%s/x.db", folder.path);
    buf_init(&why, 4096);
}

static void teardown(void)
{
    database = database_close(database);
    buf_deinit(&why);
    kit_folder_remove(&folder);
}

static void reopen(void)
{
    database = database_close(database);
    int r = database_open(path, &database_schema, &why, &database);
    ck_assert_msg(r == 0, "%s", buf_text(&why));
}

static int count_rows(const char *table)
{
    char text[300];
    int64_t count = -1;
    snprintf(text, sizeof(text), "SELECT count(*) FROM %s", table);
    ck_assert_int_eq(sql_ask(database, text, &count), 0);
    return (int)count;
}

/* ---- jobs, worked on this thread ---- */

enum { JOBS_MAX = 60 };
static struct sqlite_job jobs[JOBS_MAX];
static int job_count;

static struct sqlite_job *add_job(void)
{
    struct sqlite_job *job = &jobs[job_count++];
    *job = (struct sqlite_job){ .result = -99 };
    return job;
}

static struct store_batch *add_commit(void)
{
    return &add_job()->batch;
}

static void add_checkpoint(const char *id)
{
    store_add_checkpoint(add_commit(), "t", "", id, "", "{}", 2);
}

static struct sqlite_job *add_read(void)
{
    struct sqlite_job *job = add_job();
    job->what = &find_table[FIND_CHECKPOINTS];
    job->query.checkpoints = (struct store_query){ .thread_id = "t" };
    return job;
}

static void work(void)
{
    struct list list;
    list_init(&list);
    for (int i = 0; i < job_count; i++)
        list_add_tail(&list, &jobs[i].job.node);
    group_work(database, &list);
}

static void drop_jobs(void)
{
    for (int i = 0; i < job_count; i++) {
        store_batch_deinit(&jobs[i].batch);
        if (jobs[i].what != NULL)
            jobs[i].what->clear(&jobs[i].answer);
        jobs[i].paused = search_free(jobs[i].paused);
    }
    job_count = 0;
}

static int put(const char *id)
{
    add_checkpoint(id);
    work();
    int r = jobs[0].result;
    drop_jobs();
    return r;
}

static void assert_ids(const char *wanted)
{
    char found[1000] = "";
    add_read();
    work();
    ck_assert_int_eq(jobs[0].result, 0);
    for (size_t i = 0; i < jobs[0].answer.checkpoints.count; i++) {
        strcat(found, i > 0 ? " " : "");
        strcat(found, jobs[0].answer.checkpoints.items[i].id);
    }
    drop_jobs();
    ck_assert_str_eq(found, wanted);
}

static int note_transaction(void *arg)
{
    ++*(int *)arg;
    return 0;
}

START_TEST(fifty_batches_are_one_transaction)
{
    char id[16];
    int transactions = 0;
    reopen();
    sqlite3_commit_hook(database->handle, note_transaction, &transactions);
    ck_assert_int_eq(GROUP_MAX, 50);
    for (int i = 0; i < GROUP_MAX; i++) {
        snprintf(id, sizeof(id), "c%02d", i);
        add_checkpoint(id);
    }
    work();
    ck_assert_int_eq(transactions, 1);
    for (int i = 0; i < GROUP_MAX; i++)
        ck_assert_int_eq(jobs[i].result, 0);
    drop_jobs();
    ck_assert_int_eq(count_rows("checkpoints"), GROUP_MAX);
}
END_TEST

START_TEST(a_batch_that_fails_takes_only_itself_back)
{
    reopen();
    add_checkpoint("c1");
    store_add_checkpoint(add_commit(), "t", "", "c2", "", "{}", 2);
    store_add_expect(&jobs[1].batch, "t", "", "c9");
    store_add_delete_thread(&jobs[1].batch, "t");
    add_checkpoint("c3");
    work();
    ck_assert_int_eq(jobs[0].result, 0);
    ck_assert_int_eq(jobs[1].result, STORE_E_STALE);
    ck_assert_int_eq(jobs[2].result, 0);
    drop_jobs();
    assert_ids("c3 c1");
}
END_TEST

START_TEST(within_a_group_everything_counts_in_its_order)
{
    reopen();
    const struct sqlite_job *before = add_read();
    add_checkpoint("c1");
    const struct sqlite_job *between = add_read();
    store_add_expect(add_commit(), "t", "", "c1");
    store_add_checkpoint(&jobs[3].batch, "t", "", "c2", "c1", "{}", 2);
    store_add_expect(add_commit(), "t", "", "c1");
    const struct sqlite_job *behind = add_read();
    work();
    ck_assert_uint_eq(before->answer.checkpoints.count, 0);
    ck_assert_uint_eq(between->answer.checkpoints.count, 1);
    ck_assert_uint_eq(behind->answer.checkpoints.count, 2);
    ck_assert_int_eq(jobs[3].result, 0);
    ck_assert_int_eq(jobs[4].result, STORE_E_STALE);
    drop_jobs();
}
END_TEST

static int refuse_first(void *arg)
{
    return ++*(int *)arg == 1;
}

START_TEST(where_the_transaction_fails_each_job_gets_one_of_its_own)
{
    int transactions = 0;
    reopen();
    sqlite3_commit_hook(database->handle, refuse_first, &transactions);
    add_checkpoint("c1");
    const struct sqlite_job *read = add_read();
    add_checkpoint("c2");
    work();
    for (int i = 0; i < job_count; i++)
        ck_assert_int_eq(jobs[i].result, 0);
    ck_assert_uint_eq(read->answer.checkpoints.count, 1);
    drop_jobs();
    ck_assert_int_eq(transactions, 3); /* reading alone commits nothing */
    assert_ids("c2 c1");
}
END_TEST

START_TEST(a_transaction_that_fails_alone_is_told_and_the_next_works)
{
    int transactions = 0;
    reopen();
    sqlite3_commit_hook(database->handle, refuse_first, &transactions);
    ck_assert_int_eq(put("c1"), ERR_SYSTEM);
    ck_assert_int_eq(put("c2"), 0);
    assert_ids("c2");
}
END_TEST

/* ---- room ---- */

enum { MEGABYTE = 1 << 20, LARGE_COUNT = 24 };

static void put_large(int i, const char *bytes)
{
    char thread[16];
    snprintf(thread, sizeof(thread), "t%d", i);
    struct store_batch *b = add_commit();
    store_add_checkpoint(b, thread, "", "c1", "", "{}", 2);
    store_add_value(b, thread, "", "f", "c1", NULL, bytes, MEGABYTE);
    work();
    ck_assert_int_eq(jobs[0].result, 0);
    drop_jobs();
    database_rest(database);
}

static void delete_large(int i)
{
    char thread[16];
    snprintf(thread, sizeof(thread), "t%d", i);
    store_add_delete_thread(add_commit(), thread);
    work();
    ck_assert_int_eq(jobs[0].result, 0);
    drop_jobs();
    database_rest(database);
}

static off_t file_size(void)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_size;
}

START_TEST(room_is_used_again_and_given_back_when_there_is_much)
{
    char *bytes = mem_zalloc(MEGABYTE);
    reopen();
    for (int i = 0; i < LARGE_COUNT; i++)
        put_large(i, bytes);
    off_t most = file_size();
    ck_assert_int_gt(most, LARGE_COUNT / 2 * MEGABYTE);
    for (int i = 0; i < 5 * LARGE_COUNT; i++) {
        delete_large(i);
        put_large(i + LARGE_COUNT, bytes);
    }
    ck_assert_int_lt(file_size(), most + most / 4);
    for (int i = 0; i < 5 * LARGE_COUNT; i++)
        delete_large(i + LARGE_COUNT);
    for (int i = 0; i < 2 * LARGE_COUNT; i++)
        delete_large(-1); /* a rest gives back a part */
    ck_assert_int_lt(file_size(), 6 * MEGABYTE);
    mem_free(bytes);
}
END_TEST

/* ---- long searches ---- */

enum { THREADS = 40, LONG_US = 60000000 };

static void touch(int i, int64_t now_ms)
{
    char id[16];
    char body[64];
    snprintf(id, sizeof(id), "t%02d", i);
    snprintf(body, sizeof(body), "{\"values\":{\"n\":%d}}", i % 3);
    store_add_record(add_commit(), &(struct record_put){ .kind = RECORD_THREAD,
                                                         .id = id,
                                                         .status = i % 5 == 0 ? "busy" : "idle",
                                                         .body = body,
                                                         .body_len_bytes = strlen(body),
                                                         .now_ms = now_ms });
    work();
    ck_assert_int_eq(jobs[0].result, 0);
    drop_jobs();
}

static void put_threads(void)
{
    reopen();
    for (int i = 0; i < THREADS; i++)
        touch(i, 1000 + i * 7 % THREADS);
}

static void add_search(const struct record_query *query)
{
    struct sqlite_job *job = add_job();
    job->what = &find_table[FIND_RECORDS];
    job->query.records = *query;
}

/* "t03 t09 ... of 13", and how often it paused. */
static int search(const struct record_query *query, int64_t slice_us, struct buf *found)
{
    int pauses = 0;
    database->slice_us = slice_us;
    add_search(query);
    for (work(); jobs[0].paused != NULL; work())
        pauses++;
    ck_assert_int_eq(jobs[0].result, 0);
    for (size_t i = 0; i < jobs[0].answer.records.count; i++)
        buf_addf(found, "%s ", jobs[0].answer.records.items[i].id);
    buf_addf(found, "of %zu", jobs[0].answer.records.total);
    drop_jobs();
    return pauses;
}

static const char *const idle_or_error[] = { "idle", "error" };
#define SOME_VALUES .kind = RECORD_THREAD, .body = "{\"values\":{\"n\":1}}"
static const struct record_query long_queries[] = {
    { SOME_VALUES, .limit = 5, .total = TOTAL_TOO },
    { SOME_VALUES, .limit = 5, .offset = 3, .order = RECORDS_BY_UPDATED, .total = TOTAL_TOO },
    { SOME_VALUES, .order = RECORDS_BY_UPDATED, .is_ascending = true },
    { SOME_VALUES, .order = RECORDS_BY_STATUS, .limit = 7, .offset = 2, .total = TOTAL_TOO },
    { SOME_VALUES, .order = RECORDS_BY_ID, .is_ascending = true, .limit = 100 },
    { SOME_VALUES, .total = TOTAL_ONLY },
    { .kind = RECORD_THREAD,
      .statuses = idle_or_error,
      .status_count = 2,
      .limit = 9,
      .offset = 4,
      .total = TOTAL_TOO },
};
enum { LONG_QUERY_COUNT = sizeof(long_queries) / sizeof(long_queries[0]) };

START_TEST(a_search_that_pauses_finds_what_it_would_have_found_at_once)
{
    struct buf at_once;
    struct buf in_parts;
    put_threads();
    buf_init(&at_once, 4096);
    buf_init(&in_parts, 4096);
    ck_assert_int_eq(search(&long_queries[_i], LONG_US, &at_once), 0);
    ck_assert_int_gt(search(&long_queries[_i], 0, &in_parts), 10);
    ck_assert_str_eq(buf_text(&in_parts), buf_text(&at_once));
    buf_deinit(&at_once);
    buf_deinit(&in_parts);
}
END_TEST

/* Each commit comes between two parts. */
START_TEST(what_is_changed_while_a_search_pauses_is_not_found_twice)
{
    const struct record_query query = { SOME_VALUES, .order = RECORDS_BY_UPDATED,
                                        .is_ascending = true, .limit = 100 };
    put_threads();
    database->slice_us = 0;
    add_search(&query);
    work();
    for (int i = 0; i < THREADS && jobs[0].paused != NULL; i++) {
        struct sqlite_job search = jobs[0];
        job_count = 0;
        touch(i, 5000 + i);
        jobs[0] = search;
        job_count = 1;
        work();
    }
    database->slice_us = LONG_US;
    if (jobs[0].paused != NULL)
        work();
    const struct stored_records *found = &jobs[0].answer.records;
    for (size_t i = 0; i < found->count; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(found->items[i].id, found->items[k].id);
    ck_assert_uint_le(found->count, (THREADS + 2) / 3);
    drop_jobs();
}
END_TEST

START_TEST(a_search_that_nobody_waits_for_any_more_is_let_go)
{
    put_threads();
    database->slice_us = 0;
    add_search(&long_queries[0]);
    work();
    ck_assert_ptr_nonnull(jobs[0].paused);
    drop_jobs(); /* the sanitizer looks */
}
END_TEST

/* ---- the statements ---- */

START_TEST(no_statement_reads_a_whole_table)
{
    int searches = 0;
    reopen();
    for (int i = 0; i < SQL_COUNT; i++) {
        char text[2000];
        sqlite3_stmt *s = NULL;
        snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql_statement((enum sql)i));
        ck_assert_int_eq(sqlite3_prepare_v2(database->handle, text, -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(s, 3);
            ck_assert_msg(strstr(step, "SCAN") == NULL && strstr(step, "AUTOMATIC") == NULL,
                          "%s: %s", text, step);
            searches += strstr(step, "SEARCH") != NULL;
        }
        sqlite3_finalize(s);
    }
    ck_assert_int_gt(searches, 70);
}
END_TEST

START_TEST(what_sqlite_cannot_hold_is_too_large)
{
    char *large = mem_zalloc(20000);
    reopen();
    sqlite3_limit(database->handle, SQLITE_LIMIT_LENGTH, 10000);
    memset(large, 'x', 19999);
    store_add_checkpoint(add_commit(), "t", "", "c1", "", "{}", 2);
    store_add_value(&jobs[0].batch, "t", "", "f", "c1", NULL, large, 19999);
    add_checkpoint("c2");
    work();
    ck_assert_int_eq(jobs[0].result, STORE_E_TOO_LARGE);
    ck_assert_int_eq(jobs[1].result, 0);
    drop_jobs();
    mem_free(large);
    assert_ids("c2");
}
END_TEST

START_TEST(empty_bytes_come_back_empty)
{
    static const char head[] = "{\"fields\":{\"f\":{\"at\":\"c1\"}}}";
    reopen();
    store_add_checkpoint(add_commit(), "t", "", "c1", "", head, strlen(head));
    store_add_value(&jobs[0].batch, "t", "", "f", "c1", NULL, "", 0);
    const struct sqlite_job *read = add_read();
    work();
    ck_assert_int_eq(read->result, 0);
    ck_assert_uint_eq(read->answer.checkpoints.items[0].values[0].parts[0].len_bytes, 0);
    ck_assert_str_eq(read->answer.checkpoints.items[0].values[0].parts[0].bytes, "");
    drop_jobs();
}
END_TEST

/* ---- without memory ---- */

static void add_one_of_each(void)
{
    static const char head[] = "{\"fields\":{\"f\":{\"at\":\"c2\"}}}";
    struct store_batch *b = add_commit();
    store_add_expect(b, "t", "", "c1");
    store_add_checkpoint(b, "t", "", "c2", "c1", head, strlen(head));
    store_add_value(b, "t", "", "f", "c2", NULL, "1", 1);
    store_add_write(b, "t", "", "c1", "task", WRITE_RESULT, "p", "1", 1);
    store_add_write(b, "t", "", "c1", "task", WRITE_RESUME, "p", "1", 1);
    store_add_delete_thread(b, "u");
    add_read();
    store_add_checkpoint(add_commit(), "u", "", "c1", "", "{}", 2);
}

/* A commit whose transaction broke is done again, so most single failures are not seen at all. */
START_TEST(a_group_survives_each_failing_allocation)
{
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        reopen();
        ck_assert_int_eq(put("c1"), 0);
        add_one_of_each();
        mem_fail_at(n);
        work();
        is_pending = mem_fail_pending() != 0;
        mem_fail_at(0);
        ck_assert(jobs[0].result == 0 || jobs[0].result == ERR_NOMEM);
        ck_assert(jobs[1].result == 0 || jobs[1].result == ERR_NOMEM);
        ck_assert(jobs[2].result == 0 || jobs[2].result == ERR_NOMEM);
        bool is_written = jobs[0].result == 0;
        ck_assert_uint_eq(jobs[1].answer.checkpoints.count, jobs[1].result != 0 ? 0
                                                            : is_written        ? 2
                                                                                : 1);
        drop_jobs();
        ck_assert_int_eq(count_rows("checkpoint_writes"), is_written ? 2 : 0);
        assert_ids(is_written ? "c2 c1" : "c1");
        store_add_delete_thread(add_commit(), "t");
        store_add_delete_thread(&jobs[0].batch, "u");
        work();
        drop_jobs();
        ck_assert_int_eq(count_rows("spaces"), 0);
    }
}
END_TEST

static void add_one_of_each_record(void)
{
    struct store_batch *b = add_commit();
    store_add_expect_record(b, RECORD_THREAD, "t", 1, NULL, 0);
    store_add_record(b, &(struct record_put){ .kind = RECORD_THREAD,
                                              .id = "t",
                                              .owner = "o",
                                              .metadata = "{\"b\":1}",
                                              .metadata_len_bytes = 7,
                                              .body = "{}",
                                              .body_len_bytes = 2,
                                              .now_ms = 2 });
    store_add_record(
        b, &(struct record_put){ .kind = RECORD_RUN, .id = "r", .owner = "u", .now_ms = 1 });
    store_add_events(b, "r", 0, 0, "e", 1);
    store_add_reserve_events(b, "r", 5);
    store_add_delete_thread(b, "u");
    store_add_copy_thread(b, "t", "v");
    store_add_prune_thread(b, "v");
    store_add_item(b, &(struct item_put){ "n\1", "k", "1", 1, 1, 1 });
    store_add_sweep_items(b, 5, 5);
    store_add_item(b, &(struct item_put){ "n\1", "l", "1", 1, 1, 0 });
}

static void add_question(enum find_kind kind, const union find_query *query)
{
    struct sqlite_job *job = add_job();
    job->what = &find_table[kind];
    job->query = *query;
}

static const char *const asked_ids[] = { "t" };

static void add_questions(void)
{
    add_question(FIND_RECORDS, &(union find_query){ .records = { .metadata = "{\"b\":1}" } });
    add_question(
        FIND_RECORDS,
        &(union find_query){ .records = { .ids = asked_ids, .id_count = 1, .total = TOTAL_TOO } });
    add_question(FIND_RECORDS, &(union find_query){ .records = { .order = RECORDS_BY_UPDATED,
                                                                 .body = "{}",
                                                                 .total = TOTAL_TOO } });
    add_question(FIND_ITEMS, &(union find_query){ .items = { .ns = "n\1", .filter = "{}" } });
    add_question(FIND_NAMESPACES, &(union find_query){ .namespaces = { .limit = 5 } });
    add_question(FIND_EVENTS, &(union find_query){ .events = { .run_id = "s" } });
}

static void put_first_records(void)
{
    static const char head[] = "{\"fields\":{\"f\":{\"at\":\"c1\"}}}";
    struct store_batch *b = add_commit();
    store_add_checkpoint(b, "t", "", "c1", "", head, strlen(head));
    store_add_value(b, "t", "", "f", "c1", NULL, "1", 1);
    store_add_record(b, &(struct record_put){ .kind = RECORD_THREAD,
                                              .id = "t",
                                              .metadata = "{\"a\":1}",
                                              .metadata_len_bytes = 7,
                                              .now_ms = 1 });
    store_add_events(b, "s", 0, 0, "e", 1);
    work();
    ck_assert_int_eq(jobs[0].result, 0);
    drop_jobs();
}

/* One row of what a batch has written tells of all of them. */
START_TEST(records_survive_each_failing_allocation_too)
{
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n += n < 300 ? 1 : 7) {
        database = database_close(database);
        (void)unlink(path); /* there is none at first */
        reopen();
        put_first_records();
        add_one_of_each_record();
        add_questions();
        mem_fail_at(n);
        work();
        is_pending = mem_fail_pending() != 0;
        mem_fail_at(0);
        bool is_written = jobs[0].result == 0;
        for (int i = 0; i < job_count; i++)
            ck_assert_msg(jobs[i].result == 0 || jobs[i].result == ERR_NOMEM, "%lu: %d is %d: %s",
                          n, i, jobs[i].result, database->text);
        if (jobs[1].result == 0)
            ck_assert_uint_eq(jobs[1].answer.records.count, is_written);
        drop_jobs();
        ck_assert_int_eq(count_rows("record_tags WHERE key = 'b'"), is_written);
        ck_assert_int_eq(count_rows("record_tags"), 1);
        ck_assert_int_eq(count_rows("checkpoints"), is_written ? 2 : 1);
        ck_assert_int_eq(count_rows("checkpoint_values"), is_written ? 2 : 1);
        ck_assert_int_eq(count_rows("records"), 1);
        ck_assert_int_eq(count_rows("record_counts WHERE kind = 0 AND count = 1"), 1);
        ck_assert_int_eq(count_rows("record_counts WHERE count <> 0"), 1);
        ck_assert_int_eq(count_rows("events"), 1);
        ck_assert_int_eq(count_rows("items"), is_written);
    }
}
END_TEST

/* ---- a full disk ---- */

START_TEST(a_full_database_refuses_what_does_not_fit_and_takes_what_does)
{
    char *large = mem_zalloc(300000);
    reopen();
    ck_assert_int_eq(put("c1"), 0);
    ck_assert_int_eq(sql_execute(database, "PRAGMA max_page_count = 40"), 0);
    add_checkpoint("c2");
    store_add_checkpoint(add_commit(), "t", "", "c3", "", "{}", 2);
    store_add_value(&jobs[1].batch, "t", "", "f", "c3", NULL, large, 299999);
    add_checkpoint("c4");
    work();
    ck_assert_int_eq(jobs[0].result, 0);
    ck_assert_int_eq(jobs[1].result, STORE_E_FULL);
    ck_assert_int_eq(jobs[2].result, 0);
    drop_jobs();
    assert_ids("c4 c2 c1");
    mem_free(large);
}
END_TEST

static void limit_files(rlim_t most_bytes)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = most_bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(commits_work_again_when_there_is_room_again)
{
    reopen();
    ck_assert_int_eq(put("c1"), 0);
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    limit_files(16384);
    ck_assert_int_eq(put("c2"), STORE_E_FULL);
    ck_assert_int_eq(put("c3"), STORE_E_FULL);
    ck_assert_int_ne(database->told_code, 0);
    assert_ids("c1");
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(put("c4"), 0);
    ck_assert_int_eq(database->told_code, 0);
    assert_ids("c4 c1");
    reopen();
    assert_ids("c4 c1");
}
END_TEST

/* ---- the file ---- */

START_TEST(what_was_committed_is_there_when_the_file_is_opened_again)
{
    char log_path[120];
    struct stat st;
    reopen();
    ck_assert_int_eq(put("c1"), 0);
    ck_assert_int_eq(put("c2"), 0);
    reopen();
    assert_ids("c2 c1");
    database = database_close(database);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    snprintf(log_path, sizeof(log_path), "%s-wal", path);
    ck_assert_int_ne(stat(log_path, &st), 0);
}
END_TEST

START_TEST(the_log_is_moved_into_the_file_while_nobody_waits)
{
    static char large[100000];
    char id[16];
    struct stat st;
    reopen();
    memset(large, 'x', sizeof(large));
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        store_add_value(add_commit(), "t", "", "f", id, NULL, large, sizeof(large));
        work();
        drop_jobs();
        database_rest(database);
    }
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_gt(st.st_size, 5000000);
    char log_path[120];
    snprintf(log_path, sizeof(log_path), "%s-wal", path);
    ck_assert_int_eq(stat(log_path, &st), 0);
    ck_assert_int_lt(st.st_size, 6000000);
}
END_TEST

static void write_file(const char *bytes, size_t len_bytes)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, len_bytes, f), len_bytes);
    ck_assert_int_eq(fclose(f), 0);
}

static char *read_whole(long *ret_len)
{
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    *ret_len = ftell(f);
    rewind(f);
    char *bytes = mem_alloc((size_t)*ret_len + 1);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)*ret_len, f), (size_t)*ret_len);
    ck_assert_int_eq(fclose(f), 0);
    return bytes;
}

/* The sentence names the file and says what the words are about. */
static void assert_refused_as(const char *words)
{
    buf_clear(&why);
    ck_assert_int_eq(database_open(path, &database_schema, &why, &database), STORE_E_REFUSED);
    ck_assert_ptr_null(database);
    ck_assert_msg(strstr(buf_text(&why), words) != NULL, "%s", buf_text(&why));
    ck_assert_msg(strstr(buf_text(&why), path) != NULL, "%s", buf_text(&why));
}

static void assert_refused_unchanged(const char *words)
{
    long before_len;
    long after_len;
    char *before = read_whole(&before_len);
    assert_refused_as(words);
    char *after = read_whole(&after_len);
    ck_assert_int_eq(before_len, after_len);
    ck_assert_mem_eq(before, after, (size_t)before_len);
    mem_free(before);
    mem_free(after);
}

START_TEST(a_file_of_another_kind_is_refused_and_not_changed)
{
    char text[5000];
    memset(text, 'x', sizeof(text));
    static const size_t lengths[] = { 1, 16, 99, 100, 511, 512, 513, 1024, 4096, 5000 };
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        write_file(text, lengths[i]);
        assert_refused_unchanged("no SQLite database");
    }
}
END_TEST

static void run_sql(const char *text)
{
    sqlite3 *other = NULL;
    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, text, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(other), SQLITE_OK);
}

START_TEST(a_database_of_another_program_is_refused_and_not_changed)
{
    run_sql("CREATE TABLE x (y)");
    assert_refused_unchanged("another program");
    run_sql("DROP TABLE x; VACUUM; PRAGMA application_id = 7");
    assert_refused_unchanged("another program");
}
END_TEST

START_TEST(a_newer_version_is_refused_and_not_changed)
{
    reopen();
    database = database_close(database);
    run_sql("PRAGMA user_version = 99");
    assert_refused_unchanged("newer version");
    ck_assert_ptr_nonnull(strstr(buf_text(&why), "format 99"));
}
END_TEST

START_TEST(a_file_that_was_cut_is_refused_and_not_changed)
{
    reopen();
    database = database_close(database);
    ck_assert_int_eq(truncate(path, 3 * 4096), 0);
    assert_refused_unchanged("damaged");
}
END_TEST

START_TEST(a_file_whose_tables_are_gone_is_refused)
{
    reopen();
    database = database_close(database);
    run_sql("DROP TABLE checkpoint_writes");
    assert_refused_as("tables");
}
END_TEST

/* Behind the schema damage is found when it is read, and is no end of the rest. */
START_TEST(damage_in_a_row_is_a_fault_of_those_who_read_it)
{
    reopen();
    ck_assert_int_eq(put("c1"), 0);
    ck_assert_int_eq(sql_execute(database, "UPDATE checkpoints SET head = 'x'"), ERR_SYSTEM);
    ck_assert_int_eq(sql_execute(database, "INSERT INTO checkpoint_writes VALUES"
                                           " (1, 'c1', 'task', 77, '', x'31')"),
                     0);
    add_read();
    work();
    ck_assert_int_eq(jobs[0].result, ERR_SYSTEM);
    drop_jobs();
    ck_assert_int_eq(put("c2"), 0);
}
END_TEST

START_TEST(a_place_where_no_file_can_be_is_refused_with_the_remedy)
{
    char name[100];
    snprintf(name, sizeof(name), "%s", path);
    snprintf(path, sizeof(path), "%s/none/x.db", folder.path);
    assert_refused_as("folder does not exist");
    snprintf(path, sizeof(path), "%s", folder.path);
    assert_refused_as("is no file");
    snprintf(path, sizeof(path), "/dev/null/x.db");
    assert_refused_as("folder cannot be written");
    snprintf(path, sizeof(path), "%s", name);
}
END_TEST

/* Rights do not hold for root, so this part of the test is somebody else. */
static void become_nobody(void)
{
    enum { NOBODY = 65534 };
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(folder.path, NOBODY, NOBODY), 0);
    ck_assert_int_eq(seteuid(NOBODY), 0);
}

/* LeakSanitizer looks at the process from outside. */
static void become_again(void)
{
    ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

START_TEST(what_may_not_be_written_is_refused)
{
    become_nobody();
    reopen();
    database = database_close(database);
    ck_assert_int_eq(chmod(path, 0400), 0);
    assert_refused_unchanged("cannot be read and written: Permission denied");
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(chmod(folder.path, 0500), 0);
    assert_refused_unchanged("folder cannot be written");
    ck_assert_int_eq(chmod(folder.path, 0700), 0);
    reopen();
    become_again();
}
END_TEST

START_TEST(names_that_mean_something_to_sqlite_are_files_here)
{
    ck_assert_int_eq(chdir(folder.path), 0);
    static const char *const names[] = { ":memory:", "file:x?mode=memory" };
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(database_open(names[i], &database_schema, &why, &database), 0);
        database = database_close(database);
        ck_assert_int_eq(access(names[i], F_OK), 0);
    }
}
END_TEST

/* ---- versions ---- */

enum { STEPS = 4 }; /* two that are, two that a test adds */

/* The tables as they are, with one or two more steps. */
static int open_with(const char *second, const char *third)
{
    const char *steps[STEPS] = { database_schema.steps[0], database_schema.steps[1], second,
                                 third };
    const struct schema schema = { steps, third != NULL ? STEPS : STEPS - 1 };
    database = database_close(database);
    buf_clear(&why);
    return database_open(path, &schema, &why, &database);
}

static int version(void)
{
    int64_t number = -1;
    ck_assert_int_eq(sql_ask(database, "PRAGMA user_version", &number), 0);
    return (int)number;
}

START_TEST(an_older_file_is_brought_up_to_date_and_keeps_its_rows)
{
    static const char second[] = "CREATE TABLE more (x INTEGER) STRICT;"
                                 "INSERT INTO more SELECT count(*) FROM checkpoints";
    reopen();
    ck_assert_int_eq(version(), database_schema.count);
    ck_assert_int_eq(put("c1"), 0);
    ck_assert_int_eq(open_with(second, NULL), 0);
    ck_assert_int_eq(version(), STEPS - 1);
    ck_assert_int_eq(count_rows("more WHERE x = 1"), 1);
    ck_assert_int_eq(open_with(second, "CREATE TABLE last (x INTEGER) STRICT"), 0);
    ck_assert_int_eq(version(), STEPS);
    ck_assert_int_eq(count_rows("more"), 1); /* a step is made once */
    assert_ids("c1");
    database = database_close(database);
    assert_refused_unchanged("newer version");
}
END_TEST

START_TEST(a_step_that_fails_leaves_the_version_before_it)
{
    reopen();
    ck_assert_int_eq(put("c1"), 0);
    ck_assert_int_eq(open_with("CREATE TABLE more (x INTEGER) STRICT", "nonsense"),
                     STORE_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(buf_text(&why), path));
    ck_assert_int_eq(open_with("nothing of this", "CREATE TABLE last (x INTEGER) STRICT"), 0);
    ck_assert_int_eq(version(), STEPS);
    ck_assert_int_eq(count_rows("more"), 0);
    assert_ids("c1");
}
END_TEST

START_TEST(every_step_makes_an_empty_file_too)
{
    ck_assert_int_eq(open_with("CREATE TABLE more (x INTEGER) STRICT", NULL), 0);
    ck_assert_int_eq(version(), STEPS - 1);
    assert_ids("");
}
END_TEST

/* What version 1 had in it is there, and what version 2 adds works. */
START_TEST(a_file_of_version_1_gets_records_and_keeps_its_threads)
{
    const struct schema first = { database_schema.steps, 1 };
    ck_assert_int_eq(database_open(path, &first, &why, &database), STORE_E_REFUSED);
    run_sql("INSERT INTO spaces VALUES (1, 't', ''); INSERT INTO checkpoints VALUES (1, 'c1', '', "
            "x'7b7d')");
    reopen();
    ck_assert_int_eq(version(), 2);
    assert_ids("c1");
    store_add_record(add_commit(),
                     &(struct record_put){ .kind = RECORD_THREAD, .id = "t", .now_ms = 1 });
    store_add_copy_thread(&jobs[0].batch, "t", "u");
    work();
    ck_assert_int_eq(jobs[0].result, 0);
    drop_jobs();
    ck_assert_int_eq(count_rows("records"), 1);
    ck_assert_int_eq(count_rows("checkpoints"), 2);
}
END_TEST

/* ---- one server per file ---- */

START_TEST(a_file_that_is_open_is_refused_to_others)
{
    struct database *second = NULL;
    reopen();
    ck_assert_int_eq(database_open(path, &database_schema, &why, &second), STORE_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(buf_text(&why), "another process has it open"));
    ck_assert_int_eq(put("c1"), 0);
    reopen();
    assert_ids("c1");
}
END_TEST

/* ---- the store as a whole: its thread, and the end of the process ---- */

static struct loop *loop;
static struct store *store;

static void open_store(void)
{
    struct conf conf;
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(conf_default(&conf), 0);
    mem_free(conf.database);
    conf.database = mem_printf("sqlite://%s", path);
    kit_open(&conf, &store);
    conf_deinit(&conf);
}

static void close_store(void)
{
    store = store_close(store);
    loop = loop_free(loop);
}

struct commit {
    struct store_op op;
    int number;
    int fd; /* told the number when it is kept; or -1 */
    bool is_over;
};

static void on_kept(void *arg, int result)
{
    struct commit *c = arg;
    ck_assert_int_eq(result, 0);
    if (c->fd >= 0)
        ck_assert_int_eq(write(c->fd, &c->number, sizeof(c->number)), sizeof(c->number));
    c->is_over = true;
}

/* Three rows that belong together. */
static void start_commit(struct commit *c, int number, int fd)
{
    struct store_batch b;
    char id[16];
    *c = (struct commit){ .number = number, .fd = fd };
    snprintf(id, sizeof(id), "c%08d", number);
    store_batch_init(&b);
    store_add_checkpoint(&b, "t", "", id, "", "{}", 2);
    store_add_value(&b, "t", "", "f", id, NULL, id, strlen(id));
    store_add_write(&b, "t", "", id, "task", WRITE_RESULT, "", id, strlen(id));
    store_commit(store, loop, &c->op, &b, on_kept, c);
}

enum { IN_FLIGHT = 20 };

/* Until it is killed. */
static void commit_for_ever(int first, int fd)
{
    static struct commit commits[IN_FLIGHT];
    open_store();
    for (int i = 0; i < IN_FLIGHT; i++)
        start_commit(&commits[i], first++, fd);
    for (int i = 0;; i = (i + 1) % IN_FLIGHT) {
        ck_assert_int_eq(loop_run_until(loop, &commits[i].is_over), 0);
        start_commit(&commits[i], first++, fd);
    }
}

static pid_t start_child(int first, int *ret_fd)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        commit_for_ever(first, ends[1]);
    ck_assert_int_eq(close(ends[1]), 0);
    *ret_fd = ends[0];
    return child;
}

static void end_child(pid_t child)
{
    int status;
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
}

/* Marks what the child was told is kept, until it was killed after `wanted` of it. */
static void kill_after(int first, int wanted, bool *is_kept)
{
    int fd;
    int number;
    pid_t child = start_child(first, &fd);
    for (int count = 0; read(fd, &number, sizeof(number)) == sizeof(number); count++) {
        is_kept[number] = true;
        if (count == wanted)
            end_child(child);
    }
    ck_assert_int_eq(close(fd), 0);
}

static void assert_kept(const bool *is_kept, int count)
{
    reopen();
    for (int i = 0; i < count; i++) {
        char where[100];
        if (!is_kept[i])
            continue;
        snprintf(where, sizeof(where), "checkpoints WHERE id = 'c%08d'", i);
        ck_assert_int_eq(count_rows(where), 1);
    }
    int whole = count_rows("checkpoints");
    ck_assert_int_eq(count_rows("checkpoint_values"), whole);
    ck_assert_int_eq(count_rows("checkpoint_writes"), whole);
    ck_assert_int_eq(count_rows("checkpoints c JOIN checkpoint_values v ON v.checkpoint_id = c.id"
                                " JOIN checkpoint_writes w ON w.checkpoint_id = c.id"),
                     whole);
    database = database_close(database);
}

START_TEST(a_killed_process_leaves_every_commit_that_was_told_and_no_half_one)
{
    enum { ROUNDS = 10, NUMBERS = 100000 };
    static bool is_kept[ROUNDS * NUMBERS];
    for (int i = 0; i < ROUNDS; i++) {
        kill_after(i * NUMBERS, 37 * (i + 1), is_kept);
        assert_kept(is_kept, (i + 1) * NUMBERS);
    }
}
END_TEST

START_TEST(a_file_of_another_process_is_refused_until_that_has_ended)
{
    int fd;
    int number;
    pid_t child = start_child(0, &fd);
    ck_assert_int_eq(read(fd, &number, sizeof(number)), sizeof(number)); /* it has it */
    assert_refused_as("another process has it open");
    end_child(child);
    ck_assert_int_eq(close(fd), 0);
    reopen();
}
END_TEST

START_TEST(closing_keeps_what_was_handed_over_and_forgets_who_was_cancelled)
{
    static struct commit commits[JOBS_MAX];
    struct commit reading = { .fd = -1 };
    struct stored_list list;
    open_store();
    for (int i = 0; i < JOBS_MAX; i++)
        start_commit(&commits[i], i, -1);
    store_read(store, loop, &reading.op, &(struct store_query){ .thread_id = "t" }, &list, on_kept,
               &reading);
    for (int i = 0; i < JOBS_MAX; i++)
        ck_assert_int_eq(loop_run_until(loop, &commits[i].is_over), 0);
    ck_assert_int_eq(loop_run_until(loop, &reading.is_over), 0);
    stored_list_clear(&list);
    close_store();
    reopen();
    ck_assert_int_eq(count_rows("checkpoints"), JOBS_MAX);
}
END_TEST

static void on_cancelled(void *arg, int result)
{
    ck_assert_int_eq(result, OP_CANCELLED);
    *(bool *)arg = true;
}

START_TEST(a_cancelled_read_may_come_back_when_the_store_is_closed)
{
    struct store_op op = { .own = NULL };
    struct stored_list list;
    bool is_over = false;
    open_store();
    store_read(store, loop, &op, &(struct store_query){ .thread_id = "t" }, &list, on_cancelled,
               &is_over);
    op_cancel(&op.op);
    ck_assert_int_eq(loop_run_until(loop, &is_over), 0);
    ck_assert_uint_eq(list.count, 0);
    close_store();
}
END_TEST

static Suite *make_suite(void)
{
    const TTest *const tests[] = {
        fifty_batches_are_one_transaction,
        a_batch_that_fails_takes_only_itself_back,
        within_a_group_everything_counts_in_its_order,
        where_the_transaction_fails_each_job_gets_one_of_its_own,
        a_transaction_that_fails_alone_is_told_and_the_next_works,
        room_is_used_again_and_given_back_when_there_is_much,
        what_is_changed_while_a_search_pauses_is_not_found_twice,
        a_search_that_nobody_waits_for_any_more_is_let_go,
        no_statement_reads_a_whole_table,
        what_sqlite_cannot_hold_is_too_large,
        empty_bytes_come_back_empty,
        a_group_survives_each_failing_allocation,
        records_survive_each_failing_allocation_too,
        a_full_database_refuses_what_does_not_fit_and_takes_what_does,
        commits_work_again_when_there_is_room_again,
        what_was_committed_is_there_when_the_file_is_opened_again,
        the_log_is_moved_into_the_file_while_nobody_waits,
        a_file_of_another_kind_is_refused_and_not_changed,
        a_database_of_another_program_is_refused_and_not_changed,
        a_newer_version_is_refused_and_not_changed,
        a_file_that_was_cut_is_refused_and_not_changed,
        a_file_whose_tables_are_gone_is_refused,
        damage_in_a_row_is_a_fault_of_those_who_read_it,
        a_place_where_no_file_can_be_is_refused_with_the_remedy,
        what_may_not_be_written_is_refused,
        names_that_mean_something_to_sqlite_are_files_here,
        an_older_file_is_brought_up_to_date_and_keeps_its_rows,
        a_step_that_fails_leaves_the_version_before_it,
        every_step_makes_an_empty_file_too,
        a_file_of_version_1_gets_records_and_keeps_its_threads,
        a_file_that_is_open_is_refused_to_others,
        a_killed_process_leaves_every_commit_that_was_told_and_no_half_one,
        a_file_of_another_process_is_refused_until_that_has_ended,
        closing_keeps_what_was_handed_over_and_forgets_who_was_cancelled,
        a_cancelled_read_may_come_back_when_the_store_is_closed,
    };
    Suite *suite = suite_create("sqlite");
    TCase *c = tcase_create("sqlite");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
        tcase_add_test(c, tests[i]);
    tcase_add_loop_test(c, a_search_that_pauses_finds_what_it_would_have_found_at_once, 0,
                        LONG_QUERY_COUNT);
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
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
