/*
 * How many commits a store takes per second: so many threads, each of which commits a step (a
 * checkpoint, two values, a task's result) and waits for it before the next.
 *
 *     store_bench DATABASE THREADS SECONDS
 */
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "store/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 700, VALUE_BYTES = 500, RESULT_BYTES = 300, US_PER_S = 1000000 };

struct bench {
    struct loop *loop;
    struct store *store;
    int64_t end_us;
    long commits;
    int64_t slowest_us;
    int running;
    bool is_over;
};

struct writer {
    struct store_op op;
    struct bench *bench;
    char thread_id[ID_BYTES];
    char parent_id[ID_BYTES];
    int64_t begin_us;
};

static char filler[HEAD_BYTES];

static void must(int r, const char *what)
{
    if (r == 0)
        return;
    fprintf(stderr, "store_bench: %s: %d\n", what, r);
    exit(EXIT_FAILURE);
}

static void on_end(void *arg, int result);

static void commit(struct writer *w)
{
    struct store_batch b;
    char id[ID_BYTES];
    id_v6(0, id);
    store_batch_init(&b);
    store_add_write(&b, w->thread_id, "", w->parent_id, id, WRITE_RESULT, "", filler, RESULT_BYTES);
    store_add_value(&b, w->thread_id, "", "a", id, NULL, filler, VALUE_BYTES);
    store_add_value(&b, w->thread_id, "", "b", id, NULL, filler, VALUE_BYTES);
    store_add_checkpoint(&b, w->thread_id, "", id, w->parent_id, filler, HEAD_BYTES);
    memcpy(w->parent_id, id, ID_BYTES);
    w->begin_us = clock_mono_us();
    store_commit(w->bench->store, w->bench->loop, &w->op, &b, on_end, w);
    store_batch_deinit(&b);
}

static void on_end(void *arg, int result)
{
    struct writer *w = arg;
    struct bench *b = w->bench;
    int64_t now_us = clock_mono_us();
    must(result, "commit");
    b->commits++;
    if (now_us - w->begin_us > b->slowest_us)
        b->slowest_us = now_us - w->begin_us;
    if (now_us < b->end_us)
        commit(w);
    else
        b->is_over = --b->running == 0;
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
    struct bench b = { .commits = 0 };
    if (arg_count != 4) {
        fputs("usage: store_bench DATABASE THREADS SECONDS\n", stderr);
        return EXIT_FAILURE;
    }
    int seconds = atoi(args[3]);
    b.running = atoi(args[2]);
    mem_init();
    memset(filler, 'x', sizeof(filler));
    must(loop_new(&b.loop), "loop");
    open_store(&b, args[1]);
    struct writer *writers = mem_array((size_t)b.running, sizeof(*writers));
    must(writers == NULL, "memory");
    b.end_us = clock_mono_us() + (int64_t)seconds * US_PER_S;
    for (int i = 0, count = b.running; i < count; i++) {
        writers[i].bench = &b;
        id_v7(writers[i].thread_id);
        commit(&writers[i]);
    }
    must(loop_run_until(b.loop, &b.is_over), "loop");
    printf("%s threads=%s commits/s=%ld slowest_ms=%.1f\n", args[1], args[2], b.commits / seconds,
           (double)b.slowest_us / 1000);
    b.store = store_close(b.store);
    b.loop = loop_free(b.loop);
    mem_free(writers);
    return EXIT_SUCCESS;
}
