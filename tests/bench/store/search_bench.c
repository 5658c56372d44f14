/*
 * How many searches a store answers per second, one after the other, over so many threads. Seconds
 * are those of the processor: others may be at work on the machine.
 *
 *     search_bench DATABASE THREADS
 */
#include "base/id.h"
#include "base/mem.h"
#include "store/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 100, US_PER_S = 1000000, RUN_US = US_PER_S };

static struct loop *loop;
static struct store *store;
static bool is_over;

static void must(int r, const char *what)
{
    if (r == 0)
        return;
    fprintf(stderr, "search_bench: %s: %d\n", what, r);
    exit(EXIT_FAILURE);
}

static void on_end(void *arg, int result)
{
    (void)arg;
    must(result, "op");
    is_over = true;
}

static void wait_for_end(void)
{
    must(loop_run_until(loop, &is_over), "loop");
    is_over = false;
}

static int64_t cpu_us(void)
{
    struct timespec t;
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), "clock");
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

/* ---- filling ---- */

static void add_thread(struct store_batch *b, int i)
{
    char id[ID_BYTES];
    char metadata[200];
    static char body[600];
    id_v7(id);
    memset(body, ' ', sizeof(body));
    memcpy(body, "{}", 2);
    snprintf(metadata, sizeof(metadata),
             "{\"graph_id\":\"agent\",\"assistant_id\":\"fe096781-5601-53d2-b2f6-0d3403f7e9ca\","
             "\"user_id\":\"user-%d\"}",
             i % 5000);
    store_add_record(b, &(struct record_put){ .kind = RECORD_THREAD,
                                              .id = id,
                                              .status = i % 1000 == 0 ? "busy" : "idle",
                                              .metadata = metadata,
                                              .metadata_len_bytes = strlen(metadata),
                                              .body = body,
                                              .body_len_bytes = sizeof(body),
                                              .now_ms = 1700000000000 + (int64_t)i * 7919 % 100000,
                                              .created_ms = 1700000000000 + i });
}

static void fill(int threads)
{
    struct store_op op = { .own = NULL };
    int64_t since_us = cpu_us();
    for (int i = 0; i < threads; i += BATCH) {
        struct store_batch b;
        store_batch_init(&b);
        for (int k = i; k < i + BATCH && k < threads; k++)
            add_thread(&b, k);
        store_commit(store, loop, &op, &b, on_end, NULL);
        wait_for_end();
    }
    int64_t took_us = cpu_us() - since_us;
    printf("%d threads put, %d in a batch: %lld per second\n", threads, BATCH,
           (long long)threads * US_PER_S / (took_us + 1));
}

/* ---- searching ---- */

#define ONE(status) .statuses = (const char *const[]){ status }, .status_count = 1

static const struct {
    const char *name;
    struct record_query query;
} searches[] = {
    { "newest 10", { .limit = 10 } },
    { "newest 10, total", { .limit = 10, .total = TOTAL_TOO } },
    { "newest 10, without body", { .limit = 10, .without_body = true } },
    { "last changed 10", { .limit = 10, .order = RECORDS_BY_UPDATED } },
    { "10 behind 1,000", { .limit = 10, .offset = 1000 } },
    { "10 behind 50,000", { .limit = 10, .offset = 50000 } },
    { "of a user (20)", { .limit = 10, .metadata = "{\"user_id\":\"user-77\"}" } },
    { "of a user, last changed",
      { .limit = 10, .metadata = "{\"user_id\":\"user-77\"}", .order = RECORDS_BY_UPDATED } },
    { "of a user and graph, total",
      { .limit = 10,
        .metadata = "{\"graph_id\":\"agent\",\"user_id\":\"user-77\"}",
        .total = TOTAL_TOO } },
    { "of a graph (all)", { .limit = 10, .metadata = "{\"graph_id\":\"agent\"}" } },
    { "of a graph, last changed",
      { .limit = 10, .metadata = "{\"graph_id\":\"agent\"}", .order = RECORDS_BY_UPDATED } },
    { "of a graph, total",
      { .limit = 10, .metadata = "{\"graph_id\":\"agent\"}", .total = TOTAL_TOO } },
    { "busy (100), last changed", { .limit = 10, ONE("busy"), .order = RECORDS_BY_UPDATED } },
    { "idle, last changed", { .limit = 10, ONE("idle"), .order = RECORDS_BY_UPDATED } },
    { "expired",
      { .limit = 100,
        .order = RECORDS_BY_UPDATED,
        .is_ascending = true,
        .updated_before_ms = 1700000000100 } },
};

static void measure(const char *name, const struct record_query *q)
{
    struct store_op op = { .own = NULL };
    int64_t since_us = cpu_us();
    int64_t took_us;
    long count = 0;
    size_t found = 0;
    do {
        struct stored_records l;
        store_find_records(store, loop, &op, q, &l, on_end, NULL);
        wait_for_end();
        found = l.count;
        stored_records_clear(&l);
        count++;
        took_us = cpu_us() - since_us;
    } while (took_us < RUN_US);
    printf("%-28s %3zu found, %8lld per second\n", name, found,
           (long long)count * US_PER_S / took_us);
}

static void open_store(const char *database)
{
    struct conf conf;
    struct buf why;
    buf_init(&why, 4096);
    must(conf_default(&conf), "settings");
    mem_free(conf.database);
    conf.database = mem_strdup(database);
    int r = store_open(&conf, &why, &store);
    must(r, buf_text(&why));
    conf_deinit(&conf);
    buf_deinit(&why);
}

int main(int arg_count, char **args)
{
    if (arg_count != 3) {
        fputs("usage: search_bench DATABASE THREADS\n", stderr);
        return EXIT_FAILURE;
    }
    mem_init();
    must(loop_new(&loop), "loop");
    open_store(args[1]);
    fill(atoi(args[2]));
    for (size_t i = 0; i < sizeof(searches) / sizeof(*searches); i++)
        measure(searches[i].name, &searches[i].query);
    store = store_close(store);
    loop = loop_free(loop);
    return EXIT_SUCCESS;
}
