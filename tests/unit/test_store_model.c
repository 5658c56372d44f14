/*
 * Backends against `memory`: the same batches and questions, drawn by chance, must have the same
 * results. What a single answer should be is in test_store_records.c and its neighbours.
 */
#include "store_dump.h"

enum { ROUNDS = 1500 };

static unsigned long seed;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)(seed >> 33) % below;
}

static bool often(void)
{
    return draw(3) != 0;
}

static bool seldom(void)
{
    return draw(6) == 0;
}

/* ---- words ---- */

static const char *const ids[] = { "a", "b", "c", "d", "e", "\xc3\xa4", "f:1", "G" };
static const char *const statuses[] = { "idle", "busy", "error", "" };
static const char *const owners[] = { "a", "b", "c", "graph" };
static const char *const names[] = { "Agent", "agent two", "Other", "" };
static const char *const objects[] = {
    "{}",
    "{\"a\":1}",
    "{\"a\":1.0,\"b\":\"x\"}",
    "{\"a\":\"1\"}",
    "{\"a\":{\"b\":[1,{\"c\":2}]},\"b\":\"x\"}",
    "{\"a\":null}",
    "{\"a\":true,\"b\":\"y\",\"c\":9007199254740993}",
    "{\"c\":9007199254740992}",
    "{\"a\":{\"b\":[1]}}",
    "{\"long\":\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
    "234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
    "567890123456789012345678901234567890123456789\"}",
    "{\"long\":\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
    "234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
    "56789012345678901234567890123456789012345678X\"}",
};
static const char *const spaces[] = { "u\1", "u\1a\1", "u\1b\1", "u\1b\1c\1", "ua\1", "v\1a\1" };
static const char *const prefixes[] = { "",    "u\1",       "u\1b\1",   "u\1b\1c\1",
                                        "x\1", "*\1a\1",    "u\1*\1",   "a\1",
                                        "*\1", "*\1*\1*\1", "u\1*\1c\1" };
static const char *const filters[] = {
    "{}",
    "{\"a\":1}",
    "{\"a\":{\"$gt\":0}}",
    "{\"a\":{\"$ne\":1}}",
    "{\"a\":{\"b\":[1]}}",
    "{\"b\":{\"$in\":[\"x\",\"y\"]},\"a\":{\"$lte\":1}}",
    "{\"c\":{\"$gte\":9007199254740993}}",
    "{\"a\":null}",
};
static const char *const checkpoints[] = { "1", "2", "3", "4", "5", "6" };
static const char *const namespaces[] = { "", "sub", "n:1", "n:2|m" };

#define ANY(words)         (words[draw(sizeof(words) / sizeof(*(words)))])
#define ANY_OR_NULL(words) (often() ? NULL : ANY(words))

/* Of few kinds more. */
static enum record_kind any_kind(void)
{
    return (enum record_kind)(often() ? draw(RECORD_VERSION) : draw(RECORD_KIND_COUNT));
}

/* ---- batches ---- */

static void add_record(struct store_batch *b)
{
    const char *metadata = ANY_OR_NULL(objects);
    const char *body = ANY_OR_NULL(objects);
    store_add_record(b, &(struct record_put){
                            .kind = any_kind(),
                            .id = ANY(ids),
                            .owner = ANY_OR_NULL(owners),
                            .status = ANY_OR_NULL(statuses),
                            .name = ANY_OR_NULL(names),
                            .metadata = metadata,
                            .metadata_len_bytes = metadata == NULL ? 0 : strlen(metadata),
                            .body = body,
                            .body_len_bytes = body == NULL ? 0 : strlen(body),
                            .now_ms = 1 + draw(9),
                            .created_ms = often() ? 0 : 1 + draw(9),
                            .due_ms = (int64_t)draw(4) - 1,
                        });
}

static void expect_record(struct store_batch *b)
{
    const char *const some[] = { ANY(statuses), ANY(statuses) };
    enum record_kind kind = (enum record_kind)draw(2);
    if (often())
        store_add_expect_record(b, kind, ANY(ids), draw(3), some, draw(3));
    else
        store_add_expect_absent(b, kind, ANY(ids));
}

static void add_item(struct store_batch *b)
{
    const char *value = ANY(objects);
    store_add_item(b, &(struct item_put){ .ns = ANY(spaces),
                                          .key = ANY(ids),
                                          .value = value,
                                          .value_len_bytes = strlen(value),
                                          .now_ms = 1 + draw(9),
                                          .ttl_ms = often() ? 0 : 1 + draw(9) });
}

static void add_events(struct store_batch *b)
{
    int64_t first = draw(20);
    store_add_events(b, ANY(ids), first, first + draw(3), "e", 1);
}

static void add_checkpoint(struct store_batch *b)
{
    char head[200];
    const char *id = ANY(checkpoints);
    snprintf(head, sizeof(head), "{\"fields\":{\"f\":{\"at\":\"%s\"},\"g\":{\"at\":\"%s\"}}}", id,
             ANY(checkpoints));
    store_add_checkpoint(b, ANY(ids), ANY(namespaces), id, ANY(checkpoints), head, strlen(head));
}

/* A value stands on an older checkpoint, or on one that is not there. */
static void add_value(struct store_batch *b)
{
    unsigned at = draw(6);
    const char *base = at == 0 || draw(2) == 0 ? NULL : checkpoints[draw(at)];
    store_add_value(b, ANY(ids), ANY(namespaces), draw(2) == 0 ? "f" : "g", checkpoints[at], base,
                    "[1]", 3);
}

static void add_write(struct store_batch *b)
{
    store_add_write(b, ANY(ids), ANY(namespaces), ANY(checkpoints), ANY(names),
                    (enum write_kind)draw(WRITE_KIND_COUNT), "p", ANY(names), 1);
}

static void add_row(struct store_batch *b)
{
    switch (draw(28)) {
    case 0:
        store_add_delete_record(b, any_kind(), ANY(ids));
        break;
    case 1:
        store_add_delete_item(b, ANY(spaces), ANY(ids));
        break;
    case 2:
        store_add_refresh_item(b, ANY(spaces), ANY(ids), 1 + draw(20));
        break;
    case 3:
        store_add_sweep_items(b, draw(20), draw(4));
        break;
    case 4:
        store_add_drop_events(b, ANY(ids), draw(20));
        break;
    case 5:
        store_add_reserve_events(b, ANY(ids), draw(2000));
        break;
    case 6:
        store_add_copy_thread(b, ANY(ids), ANY(ids));
        break;
    case 7:
        store_add_prune_thread(b, ANY(ids));
        break;
    case 8:
        store_add_rewind_thread(b, ANY(ids), often() ? ANY(checkpoints) : "");
        break;
    case 9:
    case 10:
        expect_record(b);
        break;
    case 11:
    case 12:
        add_events(b);
        break;
    case 13:
    case 14:
        add_checkpoint(b);
        break;
    case 15:
    case 16:
        add_value(b);
        break;
    case 17:
        add_write(b);
        break;
    case 18:
    case 19:
        add_item(b);
        break;
    default:
        add_record(b);
    }
}

static void commit_some(struct buf *out)
{
    struct store_batch b;
    struct end e;
    store_batch_init(&b);
    for (unsigned i = draw(4) + 1; i > 0; i--)
        add_row(&b);
    start_commit(&e, &b);
    int r = wait_for(&e);
    (void)buf_addf(out, "commit %d %zu %lld", r, r == STORE_E_STALE ? e.op.stale : 0,
                   (long long)e.op.swept);
}

/* ---- questions ---- */

static void find_records(struct buf *out)
{
    const char *const some_ids[] = { ANY(ids), ANY(ids), "none", ANY(ids) };
    const char *const some[] = { ANY(statuses), ANY(statuses) };
    const struct stored_record after = { .id = (char *)ANY(ids),
                                         .owner = (char *)ANY(owners),
                                         .status = (char *)ANY(statuses),
                                         .name = (char *)ANY(names),
                                         .created_ms = draw(9),
                                         .updated_ms = draw(9),
                                         .due_ms = draw(3) };
    struct record_query q = { .kind = any_kind() };
    q.order = (enum record_order)draw(RECORDS_BY_DUE + 1);
    if (q.order == RECORDS_BY_NAME)
        q.kind = RECORD_ASSISTANT;
    q.is_ascending = draw(2) == 0;
    if (seldom()) {
        q.ids = some_ids;
        q.id_count = draw(5);
    }
    q.owner = seldom() ? ANY(owners) : NULL;
    q.statuses = some;
    q.status_count = seldom() ? draw(3) : 0;
    q.metadata = ANY_OR_NULL(objects);
    q.body = seldom() ? ANY(objects) : NULL;
    q.name_part = seldom() ? "AGE" : NULL;
    q.updated_before_ms = seldom() ? draw(9) : 0;
    q.due_before_ms = seldom() ? draw(4) : 0;
    q.after = often() ? NULL : &after;
    q.offset = draw(3);
    q.limit = draw(4);
    q.without_body = draw(2) == 0;
    q.total = (enum record_total)draw(3);
    dump_records(out, &q, true);
}

static void find_items(struct buf *out)
{
    struct item_query q = { .ns = ANY(spaces), .now_ms = draw(20) };
    if (draw(4) == 0)
        q.key = ANY(ids);
    else
        q.filter = ANY_OR_NULL(filters);
    if (q.key == NULL && draw(3) == 0)
        q.ns = "";
    q.offset = draw(3);
    q.limit = draw(4);
    dump_items(out, &q, true);
}

static void find_namespaces(struct buf *out)
{
    dump_namespaces(out, &(struct namespace_query){ .prefix = ANY_OR_NULL(prefixes),
                                                    .suffix = ANY_OR_NULL(prefixes),
                                                    .max_depth = draw(4),
                                                    .now_ms = draw(20),
                                                    .offset = draw(3),
                                                    .limit = draw(4) });
}

static void find_events(struct buf *out)
{
    dump_events(
        out, &(struct event_query){ .run_id = ANY(ids), .from_seq = draw(25), .limit = draw(4) });
}

/* What is damaged is a fault; for both. */
static void read_thread(struct buf *out)
{
    struct end e = { .ends = 0 };
    struct stored_list l;
    const char *id = ANY(ids);
    store_read(store, loop, &e.op, &(struct store_query){ .thread_id = id }, &l, on_end, &e);
    int r = wait_for(&e);
    stored_list_clear(&l);
    (void)buf_addf(out, "%d ", r);
    if (r == 0)
        dump_thread(out, id);
}

static void (*const moves[])(struct buf *out) = { commit_some,  commit_some, commit_some,
                                                  find_records, find_items,  find_namespaces,
                                                  find_records, find_events, read_thread,
                                                  find_records };

static void assert_same(int round, const struct buf *a, const struct buf *b)
{
    ck_assert_msg(strcmp(buf_text(a), buf_text(b)) == 0, "seed %d\nmemory: %s\nother:  %s", round,
                  buf_text(a), buf_text(b));
}

START_TEST(every_backend_does_what_memory_does)
{
    struct store *stores[BACKEND_COUNT];
    struct buf outs[BACKEND_COUNT];
    for (int k = 0; k < BACKEND_COUNT; k++) {
        open_store(k);
        stores[k] = store;
        buf_init(&outs[k], DUMP_MAX_BYTES);
    }
    for (int i = 0; i < ROUNDS; i++) {
        int round = _i * ROUNDS + i;
        for (int k = 0; k < BACKEND_COUNT; k++) {
            store = stores[k];
            buf_clear(&outs[k]);
            seed = (unsigned long)round * 977 + 1;
            (void)draw(7);
            moves[draw(sizeof(moves) / sizeof(*moves))](&outs[k]);
            assert_same(round, &outs[0], &outs[k]);
        }
    }
    for (int k = 0; k < BACKEND_COUNT; k++) {
        buf_deinit(&outs[k]);
        store = store_close(stores[k]);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("store_model");
    TCase *c = tcase_create("chance");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, every_backend_does_what_memory_does, 0, 4);
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
