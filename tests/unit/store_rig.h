#ifndef ANABRANCH_TESTS_STORE_RIG_H
#define ANABRANCH_TESTS_STORE_RIG_H
/* A suite that runs once for each backend: opening one, and running what it does to its end. */
#include "store/item.h"
#include "store/record.h"
#include "store/tail.h"
#include "store_kit.h"

enum { BOUND_BYTES = 64 * 1024 };

static inline void bound_memory(struct conf *c)
{
    c->memory_store_bytes = BOUND_BYTES;
}

static const struct {
    const char *scheme;
    void (*bound)(struct conf *c); /* holds little; NULL: the backend has no bound of its own */
} backends[] = { { "memory:", bound_memory }, { "sqlite:", NULL } };
enum { BACKEND_COUNT = sizeof(backends) / sizeof(*backends) };

/* Of the test that runs; set by its fixture and by open_store(). */
static struct loop *loop;
static struct store *store;
static struct kit_folder folder;
static int opened; /* each opening is of an empty database */

static inline void setup(void)
{
    kit_folder_make(&folder);
    ck_assert_int_eq(loop_new(&loop), 0);
}

static inline void teardown(void)
{
    store = store_close(store);
    ck_assert_int_eq(loop_op_count(loop), 0);
    loop = loop_free(loop);
    kit_folder_remove(&folder);
}

/* "memory:", or a new file of the test's own. */
static inline void name_database(int backend, struct conf *conf)
{
    bool is_memory = strcmp(backends[backend].scheme, "memory:") == 0;
    mem_free(conf->database);
    conf->database =
        is_memory ? mem_strdup("memory:")
                  : mem_printf("%s//%s/%d.db", backends[backend].scheme, folder.path, opened++);
}

static inline void open_changed(int backend, void (*change)(struct conf *c))
{
    struct conf conf;
    ck_assert_int_eq(conf_default(&conf), 0);
    name_database(backend, &conf);
    if (change != NULL)
        change(&conf);
    kit_open(&conf, &store);
    conf_deinit(&conf);
}

static inline void open_store(int backend)
{
    open_changed(backend, NULL);
}

/* ---- running an op ---- */

struct end {
    struct store_op op;
    int result;
    int ends;
    bool done;
};

static inline void on_end(void *arg, int result)
{
    struct end *e = arg;
    ck_assert(!op_is_running(&e->op.op));
    e->result = result;
    e->ends++;
    e->done = true;
}

static inline int wait_for(struct end *e)
{
    ck_assert_int_eq(loop_run_until(loop, &e->done), 0);
    ck_assert_int_eq(e->ends, 1);
    return e->result;
}

static inline void start_commit(struct end *e, struct store_batch *b)
{
    memset(e, 0, sizeof(*e));
    store_commit(store, loop, &e->op, b, on_end, e);
    ck_assert_int_eq(e->ends, 0);
    ck_assert_uint_eq(b->count, 0);
    ck_assert_ptr_null(b->rows);
}

static inline int commit(struct store_batch *b)
{
    struct end e;
    start_commit(&e, b);
    return wait_for(&e);
}

/* Reads: they end in 0, the answer is the caller's. */
#define RIG_READ(verb, query, ret)                                                                 \
    do {                                                                                           \
        struct end rig_end = { .ends = 0 };                                                        \
        verb(store, loop, &rig_end.op, query, ret, on_end, &rig_end);                              \
        ck_assert_int_eq(rig_end.ends, 0);                                                         \
        ck_assert_int_eq(wait_for(&rig_end), 0);                                                   \
    } while (0)

/* ---- the program ---- */

/* What main() returns. */
static inline int run_suite(Suite *suite)
{
    mem_init();
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
