/*
 * What it costs to look into the past where there is much of it: so many checkpoints, a tenth of them
 * on one thread and the others on threads of 1,000, each with two values and the result of a task.
 *
 *     history_bench DATABASE CHECKPOINTS
 */
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "store/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 300, VALUE_BYTES = 200, IN_BATCH = 500, ON_THREAD = 1000, TURNS = 2000 };

struct bench {
    struct loop *loop;
    struct store *store;
    struct store_op op;
    int result;
    bool is_done;
    char long_thread[ID_BYTES];
    char middle_id[ID_BYTES]; /* of the long thread */
    char head[HEAD_BYTES + 200];
};

static char filler[HEAD_BYTES + 1];

static void must(int r, const char *what)
{
    if (r == 0)
        return;
    fprintf(stderr, "history_bench: %s: %d\n", what, r);
    exit(EXIT_FAILURE);
}

static void on_end(void *arg, int result)
{
    struct bench *b = arg;
    b->result = result;
    b->is_done = true;
}

static void wait_for(struct bench *b, const char *what)
{
    must(loop_run_until(b->loop, &b->is_done), "loop");
    b->is_done = false;
    must(b->result, what);
}

static void add(struct bench *b, struct store_batch *batch, const char *thread,
                char parent[ID_BYTES])
{
    char id[ID_BYTES];
    id_v6(0, id);
    int len = snprintf(b->head, sizeof(b->head),
                       "{\"fields\":{\"a\":{\"at\":\"%s\"},\"b\":{\"at\":\"%s\"}},\"x\":\"%s\"}",
                       id, id, filler);
    store_add_write(batch, thread, "", parent, id, WRITE_RESULT, "", filler, VALUE_BYTES);
    store_add_value(batch, thread, "", "a", id, NULL, filler, VALUE_BYTES);
    store_add_value(batch, thread, "", "b", id, NULL, filler, VALUE_BYTES);
    store_add_checkpoint(batch, thread, "", id, parent, b->head, (size_t)len);
    memcpy(parent, id, ID_BYTES);
}

static void add_thread(struct bench *b, const char *thread, int count)
{
    char parent[ID_BYTES] = "";
    for (int i = 0; i < count; i += IN_BATCH) {
        struct store_batch batch;
        store_batch_init(&batch);
        if (i == 0)
            store_add_record(&batch, &(struct record_put){ .kind = RECORD_THREAD,
                                                           .id = thread,
                                                           .status = "idle",
                                                           .now_ms = clock_wall_ms() });
        for (int k = i; k < i + IN_BATCH && k < count; k++)
            add(b, &batch, thread, parent);
        if (i <= count / 2)
            memcpy(b->middle_id, parent, ID_BYTES);
        store_commit(b->store, b->loop, &b->op, &batch, on_end, b);
        store_batch_deinit(&batch);
        wait_for(b, "commit");
    }
}

static void fill(struct bench *b, int count)
{
    char thread[ID_BYTES];
    int left = count - count / 10;
    for (; left > 0; left -= ON_THREAD) {
        id_v7(thread);
        add_thread(b, thread, ON_THREAD < left ? ON_THREAD : left);
    }
    id_v7(b->long_thread);
    add_thread(b, b->long_thread, count / 10);
}

static size_t look(struct bench *b, const struct store_query *query)
{
    struct stored_list list = { .items = NULL };
    store_read(b->store, b->loop, &b->op, query, &list, on_end, b);
    wait_for(b, "read");
    size_t count = list.count;
    stored_list_clear(&list);
    return count;
}

static void measure(struct bench *b, const char *what, const struct store_query *query)
{
    size_t found = 0;
    int64_t begin_us = clock_mono_us();
    for (int i = 0; i < TURNS; i++)
        found = look(b, query);
    printf("%s found=%zu us=%.1f\n", what, found, (double)(clock_mono_us() - begin_us) / TURNS);
}

static void search(struct bench *b)
{
    struct stored_records list = { .items = NULL };
    const struct record_query query = { .kind = RECORD_THREAD, .limit = 10, .total = TOTAL_TOO };
    int64_t begin_us = clock_mono_us();
    for (int i = 0; i < TURNS; i++) {
        store_find_records(b->store, b->loop, &b->op, &query, &list, on_end, b);
        wait_for(b, "search");
        stored_records_clear(&list);
    }
    printf("search us=%.1f\n", (double)(clock_mono_us() - begin_us) / TURNS);
}

static void open_store(struct bench *b, const char *database)
{
    struct conf conf;
    struct buf why;
    buf_init(&why, 4096);
    must(conf_default(&conf), "settings");
    mem_free(conf.database);
    conf.database = mem_strdup(database);
    int r = store_open(&conf, &why, &b->store);
    must(r, buf_text(&why));
    conf_deinit(&conf);
    buf_deinit(&why);
}

int main(int arg_count, char **args)
{
    struct bench b = { .store = NULL };
    if (arg_count != 3) {
        fputs("usage: history_bench DATABASE CHECKPOINTS\n", stderr);
        return EXIT_FAILURE;
    }
    mem_init();
    memset(filler, 'x', HEAD_BYTES);
    must(loop_new(&b.loop), "loop");
    open_store(&b, args[1]);
    int count = atoi(args[2]);
    int64_t begin_us = clock_mono_us();
    fill(&b, count);
    printf("put per_s=%.0f\n", count / ((double)(clock_mono_us() - begin_us) / 1e6));
    const char *thread = b.long_thread;
    measure(&b, "latest", &(struct store_query){ .thread_id = thread, .ns = "", .limit = 1 });
    measure(&b, "history of 10",
            &(struct store_query){ .thread_id = thread, .ns = "", .limit = 10 });
    measure(
        &b, "history of 10 in the middle",
        &(struct store_query){ .thread_id = thread, .ns = "", .before = b.middle_id, .limit = 10 });
    measure(&b, "one by id",
            &(struct store_query){ .thread_id = thread, .ns = "", .id = b.middle_id, .limit = 1 });
    search(&b);
    b.store = store_close(b.store);
    b.loop = loop_free(b.loop);
    return EXIT_SUCCESS;
}
