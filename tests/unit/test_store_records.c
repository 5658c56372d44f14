/* store/record.h: what every backend promises of records. */
#include "store_dump.h"

/* ---- short forms ---- */

static struct record_put thread_put(const char *id, const char *status, const char *metadata,
                                    int64_t now_ms)
{
    return (struct record_put){ .kind = RECORD_THREAD,
                                .id = id,
                                .status = status,
                                .metadata = metadata,
                                .metadata_len_bytes = metadata == NULL ? 0 : strlen(metadata),
                                .now_ms = now_ms };
}

static int put(const struct record_put *p)
{
    struct store_batch b;
    store_batch_init(&b);
    store_add_record(&b, p);
    return commit(&b);
}

static void put_thread(const char *id, const char *status, const char *metadata, int64_t now_ms)
{
    const struct record_put p = thread_put(id, status, metadata, now_ms);
    ck_assert_int_eq(put(&p), 0);
}

static void put_owned(enum record_kind kind, const char *id, const char *owner, const char *status,
                      int64_t now_ms)
{
    ck_assert_int_eq(
        put(&(struct record_put){
            .kind = kind, .id = id, .owner = owner, .status = status, .now_ms = now_ms }),
        0);
}

static void assert_found(const struct record_query *q, const char *wanted)
{
    ASSERT_DUMP(wanted, dump_records, q, false);
}

static void assert_whole(enum record_kind kind, const char *id, const char *wanted)
{
    const struct record_query q = { .kind = kind, .ids = &id, .id_count = 1 };
    ASSERT_DUMP(wanted, dump_records, &q, true);
}

static int delete_record(enum record_kind kind, const char *id)
{
    struct store_batch b;
    store_batch_init(&b);
    store_add_delete_record(&b, kind, id);
    return commit(&b);
}

/* ---- putting ---- */

START_TEST(a_record_comes_back_as_it_was_put)
{
    open_store(_i);
    ck_assert_int_eq(put(&(struct record_put){ .kind = RECORD_RUN,
                                               .id = "r",
                                               .owner = "t",
                                               .status = "pending",
                                               .name = "n",
                                               .metadata = "{\"a\":1}",
                                               .metadata_len_bytes = 7,
                                               .body = "[\"\xc3\xa4\"]",
                                               .body_len_bytes = 6,
                                               .now_ms = 70,
                                               .created_ms = 50,
                                               .due_ms = 90 }),
                     0);
    assert_whole(RECORD_RUN, "r", "r(1 t pending n {\"a\":1} [\"\xc3\xa4\"] 50 70 90 r1 s0)");
    assert_whole(RECORD_THREAD, "r", "");
    assert_whole(RECORD_RUN, "R", "");
}
END_TEST

START_TEST(what_a_put_leaves_out_is_as_it_was_and_at_first_empty)
{
    open_store(_i);
    ck_assert_int_eq(put(&(struct record_put){ .kind = RECORD_CRON, .id = "c", .now_ms = 5 }), 0);
    assert_whole(RECORD_CRON, "c", "c(4    {} {} 5 5 0 r1 s0)");
    ck_assert_int_eq(put(&(struct record_put){ .kind = RECORD_CRON,
                                               .id = "c",
                                               .owner = "o",
                                               .name = "n",
                                               .body = "1",
                                               .body_len_bytes = 1,
                                               .now_ms = 6,
                                               .created_ms = 1,
                                               .due_ms = 9 }),
                     0);
    ck_assert_int_eq(
        put(&(struct record_put){ .kind = RECORD_CRON, .id = "c", .status = "s", .now_ms = 4 }), 0);
    assert_whole(RECORD_CRON, "c", "c(4 o s n {} 1 5 4 9 r3 s0)");
    ck_assert_int_eq(
        put(&(struct record_put){
            .kind = RECORD_CRON, .id = "c", .status = "", .now_ms = 7, .due_ms = RECORD_NEVER }),
        0);
    assert_whole(RECORD_CRON, "c", "c(4 o  n {} 1 5 7 0 r4 s0)");
}
END_TEST

START_TEST(metadata_that_is_no_object_ends_the_commit_in_a_fault_and_writes_nothing)
{
    static const char *const wrong[] = { "[]", "{", "1", "", "null" };
    open_store(_i);
    put_thread("t", "idle", "{}", 1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        const struct record_put p = thread_put(i % 2 == 0 ? "t" : "u", "busy", wrong[i], 2);
        ck_assert_int_lt(put(&p), 0);
    }
    assert_found(&(struct record_query){ .kind = RECORD_THREAD }, "t");
    assert_whole(RECORD_THREAD, "t", "t(0  idle  {} {} 1 1 0 r1 s0)");
}
END_TEST

START_TEST(rows_of_one_batch_see_those_before_them)
{
    struct store_batch b;
    open_store(_i);
    store_batch_init(&b);
    const struct record_put first = thread_put("t", "a", "{\"k\":1}", 1);
    const struct record_put second = thread_put("t", "b", "{\"k\":2}", 2);
    store_add_record(&b, &first);
    store_add_record(&b, &second);
    store_add_delete_record(&b, RECORD_THREAD, "t");
    store_add_record(&b, &second);
    store_add_record(&b, &first);
    ck_assert_int_eq(commit(&b), 0);
    assert_whole(RECORD_THREAD, "t", "t(0  a  {\"k\":1} {} 2 1 0 r2 s0)");
    assert_found(&(struct record_query){ .kind = RECORD_THREAD, .metadata = "{\"k\":2}" }, "");
}
END_TEST

/* ---- preconditions ---- */

static const struct {
    enum record_kind kind;
    const char *id;
    int64_t revision; /* -1: absent */
    const char *statuses[3];
    size_t count;
    bool holds;
} expectations[] = {
    { RECORD_THREAD, "t", 0, { NULL }, 0, true },
    { RECORD_THREAD, "t", 2, { NULL }, 0, true },
    { RECORD_THREAD, "t", 1, { NULL }, 0, false },
    { RECORD_THREAD, "t", 3, { NULL }, 0, false },
    { RECORD_THREAD, "t", -1, { NULL }, 0, false },
    { RECORD_THREAD, "u", -1, { NULL }, 0, true },
    { RECORD_THREAD, "u", 0, { NULL }, 0, false },
    { RECORD_RUN, "t", 0, { NULL }, 0, false },
    { RECORD_RUN, "t", -1, { NULL }, 0, true },
    { RECORD_THREAD, "t", 0, { "idle" }, 1, true },
    { RECORD_THREAD, "t", 2, { "busy", "error", "idle" }, 3, true },
    { RECORD_THREAD, "t", 1, { "idle" }, 1, false },
    { RECORD_THREAD, "t", 0, { "idl", "idle2", "" }, 3, false },
};

START_TEST(a_batch_is_written_if_all_preconditions_hold_else_not_at_all)
{
    open_store(_i);
    put_thread("t", "busy", "{}", 1);
    put_thread("t", "idle", "{}", 2);
    for (size_t i = 0; i < sizeof(expectations) / sizeof(*expectations); i++) {
        struct store_batch b;
        struct end e;
        store_batch_init(&b);
        store_add_delete_record(&b, RECORD_RUN, "none");
        store_add_record(&b, &(struct record_put){ .kind = RECORD_CRON, .id = "c", .now_ms = 1 });
        if (expectations[i].revision < 0)
            store_add_expect_absent(&b, expectations[i].kind, expectations[i].id);
        else
            store_add_expect_record(&b, expectations[i].kind, expectations[i].id,
                                    expectations[i].revision, expectations[i].statuses,
                                    expectations[i].count);
        start_commit(&e, &b);
        ck_assert_int_eq(wait_for(&e), expectations[i].holds ? 0 : STORE_E_STALE);
        if (!expectations[i].holds)
            ck_assert_uint_eq(e.op.stale, 2);
        assert_found(&(struct record_query){ .kind = RECORD_CRON },
                     expectations[i].holds ? "c" : "");
        ck_assert_int_eq(delete_record(RECORD_CRON, "c"), 0);
    }
}
END_TEST

START_TEST(preconditions_are_looked_at_before_the_rows)
{
    struct store_batch b;
    open_store(_i);
    store_batch_init(&b);
    const struct record_put p = thread_put("t", "busy", "{}", 1);
    store_add_record(&b, &p);
    store_add_expect_absent(&b, RECORD_THREAD, "t");
    ck_assert_int_eq(commit(&b), 0);
    store_add_record(&b, &p);
    store_add_expect_absent(&b, RECORD_THREAD, "t");
    ck_assert_int_eq(commit(&b), STORE_E_STALE);
}
END_TEST

/* ---- what belongs to a record ---- */

static void add_checkpoint(const char *thread)
{
    struct store_batch b;
    store_batch_init(&b);
    store_add_checkpoint(&b, thread, "", "c", "", "{}", 2);
    ck_assert_int_eq(commit(&b), 0);
}

static void add_event(const char *run)
{
    struct store_batch b;
    store_batch_init(&b);
    store_add_events(&b, run, 0, 0, "e", 1);
    ck_assert_int_eq(commit(&b), 0);
}

static void fill_threads(void)
{
    put_thread("t", "idle", "{\"a\":1}", 1);
    put_thread("u", "idle", "{\"a\":1}", 2);
    put_owned(RECORD_RUN, "r1", "t", "success", 1);
    put_owned(RECORD_RUN, "r2", "t", "pending", 2);
    put_owned(RECORD_RUN, "r3", "u", "pending", 3);
    for (int i = 0; i < 3; i++) {
        char run[] = { 'r', (char)('1' + i), '\0' };
        add_event(run);
    }
    add_checkpoint("t");
    add_checkpoint("u");
}

static void assert_events(const char *run, const char *wanted)
{
    ASSERT_DUMP(wanted, dump_events, &(struct event_query){ .run_id = run });
}

START_TEST(a_thread_takes_its_runs_events_and_checkpoints_along)
{
    open_store(_i);
    fill_threads();
    ck_assert_int_eq(delete_record(RECORD_THREAD, "t"), 0);
    assert_found(&(struct record_query){ .kind = RECORD_THREAD }, "u");
    assert_found(&(struct record_query){ .kind = RECORD_THREAD, .metadata = "{\"a\":1}" }, "u");
    assert_found(&(struct record_query){ .kind = RECORD_RUN }, "r3");
    assert_events("r1", "");
    assert_events("r2", "");
    assert_events("r3", "0-0:e");
    ASSERT_DUMP("", dump_thread, "t");
    ASSERT_DUMP("/c<\n", dump_thread, "u");
}
END_TEST

START_TEST(a_run_takes_its_events_and_an_assistant_its_versions_along)
{
    open_store(_i);
    fill_threads();
    put_owned(RECORD_ASSISTANT, "a", "graph", "", 1);
    put_owned(RECORD_VERSION, "a/1", "a", "", 1);
    put_owned(RECORD_VERSION, "b/1", "b", "", 1);
    ck_assert_int_eq(delete_record(RECORD_RUN, "r1"), 0);
    ck_assert_int_eq(delete_record(RECORD_ASSISTANT, "a"), 0);
    assert_found(&(struct record_query){ .kind = RECORD_RUN }, "r3 r2");
    assert_events("r1", "");
    assert_events("r2", "0-0:e");
    assert_found(&(struct record_query){ .kind = RECORD_ASSISTANT }, "");
    assert_found(&(struct record_query){ .kind = RECORD_VERSION }, "b/1");
    assert_found(&(struct record_query){ .kind = RECORD_THREAD }, "u t");
}
END_TEST

START_TEST(deleting_what_is_not_there_is_fine)
{
    open_store(_i);
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
        ck_assert_int_eq(delete_record((enum record_kind)kind, "none"), 0);
}
END_TEST

/* ---- searching ---- */

/* id, status, metadata, created; updated is 100 - created. */
static void fill_search(void)
{
    static const struct {
        const char *id, *status, *metadata;
        int64_t created_ms;
    } rows[] = {
        { "c", "idle", "{\"user\":\"u1\",\"n\":1,\"deep\":{\"x\":1,\"y\":[1,2,{\"z\":3}]}}", 10 },
        { "a", "busy", "{\"user\":\"u1\",\"n\":2.0,\"flag\":true}", 30 },
        { "d", "idle", "{\"user\":\"u2\",\"n\":1.0,\"nothing\":null}", 20 },
        { "b", "error", "{\"user\":\"u1\",\"n\":\"1\"}", 20 },
        { "e", "interrupted", "{}", 40 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct record_put p =
            thread_put(rows[i].id, rows[i].status, rows[i].metadata, 100 - rows[i].created_ms);
        p.created_ms = rows[i].created_ms;
        p.due_ms = rows[i].created_ms == 20 ? 500 + (rows[i].id[0] - 'a') : 0;
        p.body = rows[i].id[0] < 'c' ? "{\"values\":{\"k\":[1,2]}}" : NULL;
        p.body_len_bytes = p.body == NULL ? 0 : strlen(p.body);
        ck_assert_int_eq(put(&p), 0);
    }
    put_owned(RECORD_RUN, "x", "a", "idle", 5);
}

#define IDS(...)                                                                                   \
    .ids = (const char *const[]){ __VA_ARGS__ },                                                   \
    .id_count = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)
#define STATUSES(...)                                                                              \
    .statuses = (const char *const[]){ __VA_ARGS__ },                                              \
    .status_count = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

static const struct {
    struct record_query query;
    const char *wanted;
} searches[] = {
    { { .limit = 0 }, "e a d b c" }, /* newest first, then by id, descending too */
    { { .is_ascending = true }, "c b d a e" },
    { { .order = RECORDS_BY_UPDATED }, "c d b a e" },
    { { .order = RECORDS_BY_UPDATED, .is_ascending = true }, "e a b d c" },
    { { .order = RECORDS_BY_ID }, "e d c b a" },
    { { .order = RECORDS_BY_ID, .is_ascending = true }, "a b c d e" },
    { { .order = RECORDS_BY_STATUS, .is_ascending = true }, "a b c d e" },
    { { .order = RECORDS_BY_STATUS }, "e d c b a" },
    { { .order = RECORDS_BY_DUE, .is_ascending = true }, "b d" },
    { { .order = RECORDS_BY_DUE }, "d b" },
    { { IDS("d", "nobody", "a", "d") }, "a d" },
    { { IDS("d", "a"), .order = RECORDS_BY_ID }, "d a" },
    { { IDS("d", "a"), STATUSES("idle") }, "d" },
    { { .ids = (const char *const[]){ "a" }, .id_count = 0 }, "" },
    { { STATUSES("idle") }, "d c" },
    { { STATUSES("idle"), .order = RECORDS_BY_UPDATED }, "c d" },
    { { STATUSES("busy", "error", "none") }, "a b" },
    { { STATUSES("idl") }, "" },
    { { .metadata = "{}" }, "e a d b c" },
    { { .metadata = "{\"user\":\"u1\"}" }, "a b c" },
    { { .metadata = "{\"user\":\"u1\"}", .order = RECORDS_BY_ID, .is_ascending = true }, "a b c" },
    { { .metadata = "{\"user\":\"u1\",\"n\":1}" }, "c" },
    { { .metadata = "{\"n\":1}" }, "d c" },
    { { .metadata = "{\"n\":1.0}" }, "d c" },
    { { .metadata = "{\"n\":2}" }, "a" },
    { { .metadata = "{\"n\":\"1\"}" }, "b" },
    { { .metadata = "{\"n\":\"=1\"}" }, "" },
    { { .metadata = "{\"flag\":true}" }, "a" },
    { { .metadata = "{\"flag\":false}" }, "" },
    { { .metadata = "{\"nothing\":null}" }, "d" },
    { { .metadata = "{\"user\":null}" }, "" },
    { { .metadata = "{\"deep\":{}}" }, "c" },
    { { .metadata = "{\"deep\":{\"x\":1}}" }, "c" },
    { { .metadata = "{\"deep\":{\"x\":2}}" }, "" },
    { { .metadata = "{\"deep\":{\"y\":[2]}}" }, "c" },
    { { .metadata = "{\"deep\":{\"y\":[{\"z\":3},1]}}" }, "c" },
    { { .metadata = "{\"deep\":{\"y\":[4]}}" }, "" },
    { { .metadata = "{\"user\":\"u1\"}", STATUSES("idle", "error") }, "b c" },
    { { .body = "{\"values\":{\"k\":[2]}}" }, "a b" },
    { { .body = "{\"values\":{\"k\":[3]}}" }, "" },
    { { .updated_before_ms = 80 }, "e a" },
    { { .updated_before_ms = 81, .order = RECORDS_BY_UPDATED, .is_ascending = true }, "e a b d" },
    { { .updated_before_ms = 81, .order = RECORDS_BY_UPDATED }, "d b a e" },
    { { .due_before_ms = 503, .order = RECORDS_BY_DUE, .is_ascending = true }, "b" },
    { { .due_before_ms = 504 }, "d b" },
    { { .owner = "a" }, "" },
    { { .limit = 2 }, "e a" },
    { { .limit = 2, .offset = 1 }, "a d" },
    { { .limit = 9, .offset = 4 }, "c" },
    { { .limit = 9, .offset = 5 }, "" },
    { { .metadata = "{\"user\":\"u1\"}", .limit = 1, .offset = 1 }, "b" },
    { { .limit = 2, .total = TOTAL_TOO }, "e a #5" },
    { { .limit = 2, .offset = 4, .total = TOTAL_TOO }, "c #5" },
    { { .total = TOTAL_ONLY }, "#5" },
    { { .total = TOTAL_ONLY, .limit = 2, .offset = 1 }, "#5" },
    { { .metadata = "{\"user\":\"u1\"}", .limit = 1, .total = TOTAL_TOO }, "a #3" },
    { { .metadata = "{\"deep\":{}}", .total = TOTAL_ONLY }, "#1" },
    { { .order = RECORDS_BY_DUE, .total = TOTAL_ONLY }, "#2" },
    { { STATUSES("idle"), .total = TOTAL_ONLY }, "#2" },
    { { IDS("d", "d", "a"), .total = TOTAL_ONLY }, "#2" },
};

START_TEST(a_search_finds_what_all_conditions_hold_for_in_its_order)
{
    open_store(_i);
    fill_search();
    for (size_t i = 0; i < sizeof(searches) / sizeof(*searches); i++) {
        struct buf out;
        buf_init(&out, DUMP_MAX_BYTES);
        dump_records(&out, &searches[i].query, false);
        ck_assert_msg(strcmp(buf_text(&out), searches[i].wanted) == 0, "search %zu: %s, not %s", i,
                      buf_text(&out), searches[i].wanted);
        buf_deinit(&out);
    }
}
END_TEST

START_TEST(assistants_are_found_by_a_part_of_their_name_and_sorted_by_name_and_graph)
{
    static const char *const names[] = { "Helper", "my agent", "AGENT", "x" };
    open_store(_i);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(put(&(struct record_put){ .kind = RECORD_ASSISTANT,
                                                   .id = names[i],
                                                   .owner = i % 2 == 0 ? "g1" : "g0",
                                                   .name = names[i],
                                                   .now_ms = 1 + i }),
                         0);
    const struct record_query agents = { .kind = RECORD_ASSISTANT, .name_part = "Agent" };
    const struct record_query named = { .kind = RECORD_ASSISTANT,
                                        .order = RECORDS_BY_NAME,
                                        .is_ascending = true };
    const struct record_query graphs = { .kind = RECORD_ASSISTANT,
                                         .order = RECORDS_BY_OWNER,
                                         .is_ascending = true };
    const struct record_query of_one = { .kind = RECORD_ASSISTANT,
                                         .order = RECORDS_BY_NAME,
                                         .owner = "g1" };
    assert_found(&agents, "AGENT my agent");
    assert_found(&named, "AGENT Helper my agent x");
    assert_found(&graphs, "my agent x Helper AGENT");
    assert_found(&of_one, "Helper AGENT");
}
END_TEST

/* Every order, in pages of two, is the same by keyset as by offset. */
START_TEST(paging_behind_a_record_gives_what_paging_by_offset_gives)
{
    open_store(_i);
    fill_search();
    for (int variant = 0; variant < 2 * (RECORDS_BY_OWNER + 1); variant++) {
        struct record_query q = { .order = (enum record_order)(variant / 2),
                                  .is_ascending = variant % 2 == 0,
                                  .limit = 2 };
        struct stored_records page = { .items = NULL };
        for (q.offset = 0; q.offset < 6; q.offset += 2) {
            struct buf wanted;
            struct record_query behind = q;
            buf_init(&wanted, DUMP_MAX_BYTES);
            dump_records(&wanted, &q, true);
            behind.offset = 0;
            behind.after = page.count > 0 ? &page.items[page.count - 1] : NULL;
            ASSERT_DUMP(buf_text(&wanted), dump_records, &behind, true);
            stored_records_clear(&page);
            RIG_READ(store_find_records, &q, &page);
            buf_deinit(&wanted);
        }
        stored_records_clear(&page);
    }
}
END_TEST

START_TEST(bodies_are_left_out_where_they_are_not_asked_for)
{
    const char *id = "a";
    open_store(_i);
    fill_search();
    ASSERT_DUMP("a(0  busy  {\"user\":\"u1\",\"n\":2.0,\"flag\":true} - 30 70 0 r1 s0)",
                dump_records,
                (&(struct record_query){ .ids = &id, .id_count = 1, .without_body = true }), true);
}
END_TEST

START_TEST(metadata_that_was_replaced_is_not_found_any_more)
{
    open_store(_i);
    put_thread("t", "idle", "{\"a\":1,\"b\":2}", 1);
    put_thread("t", "idle", "{\"b\":2,\"c\":3}", 2);
    put_thread("t", "busy", NULL, 3);
    assert_found(&(struct record_query){ .metadata = "{\"a\":1}" }, "");
    assert_found(&(struct record_query){ .metadata = "{\"b\":2}" }, "t");
    assert_found(&(struct record_query){ .metadata = "{\"c\":3}", .total = TOTAL_TOO }, "t #1");
}
END_TEST

START_TEST(a_query_that_is_no_json_object_is_a_fault)
{
    static const char *const wrong[] = { "[]", "{", "7", "" };
    open_store(_i);
    put_thread("t", "idle", "{}", 1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct end e = { .ends = 0 };
        struct stored_records l;
        const struct record_query q = { .metadata = wrong[i] };
        store_find_records(store, loop, &e.op, &q, &l, on_end, &e);
        ck_assert_int_lt(wait_for(&e), 0);
        ck_assert_ptr_null(l.items);
    }
}
END_TEST

START_TEST(a_cancelled_search_says_so_and_its_query_is_free_after_the_call)
{
    struct end e = { .ends = 0 };
    struct stored_records l;
    char id[] = "t";
    char metadata[] = "{\"a\":1}";
    const char *ids[] = { id };
    const struct record_query q = { .ids = ids, .id_count = 1, .metadata = metadata };
    open_store(_i);
    put_thread("t", "idle", "{\"a\":1}", 1);
    store_find_records(store, loop, &e.op, &q, &l, on_end, &e);
    op_cancel(&e.op.op);
    ck_assert_int_eq(wait_for(&e), OP_CANCELLED);
    ck_assert_ptr_null(l.items);
    e = (struct end){ .ends = 0 };
    store_find_records(store, loop, &e.op, &q, &l, on_end, &e);
    id[0] = metadata[0] = 'x';
    ids[0] = NULL;
    ck_assert_int_eq(wait_for(&e), 0);
    ck_assert_uint_eq(l.count, 1);
    stored_records_clear(&l);
}
END_TEST

START_TEST(texts_of_records_have_limits)
{
    char text[STORE_NS_MAX + 2];
    open_store(_i);
    memset(text, 'x', sizeof(text));
    text[STORE_NS_MAX + 1] = '\0';
    struct record_put p = thread_put("t", "idle", "{}", 1);
    p.name = text;
    ck_assert_int_eq(put(&p), STORE_E_TOO_LARGE);
    text[STORE_NS_MAX] = '\0';
    ck_assert_int_eq(put(&p), 0);
    text[STORE_ID_MAX + 1] = '\0';
    p = thread_put(text, "idle", "{}", 1);
    ck_assert_int_eq(put(&p), STORE_E_TOO_LARGE);
    p = thread_put("t", text, "{}", 1);
    ck_assert_int_eq(put(&p), STORE_E_TOO_LARGE);
    text[STORE_ID_MAX] = '\0';
    p = thread_put(text, text, "{}", 1);
    p.owner = text;
    ck_assert_int_eq(put(&p), 0);
}
END_TEST

static Suite *make_suite(void)
{
    const TTest *const tests[] = {
        a_record_comes_back_as_it_was_put,
        what_a_put_leaves_out_is_as_it_was_and_at_first_empty,
        metadata_that_is_no_object_ends_the_commit_in_a_fault_and_writes_nothing,
        rows_of_one_batch_see_those_before_them,
        a_batch_is_written_if_all_preconditions_hold_else_not_at_all,
        preconditions_are_looked_at_before_the_rows,
        a_thread_takes_its_runs_events_and_checkpoints_along,
        a_run_takes_its_events_and_an_assistant_its_versions_along,
        deleting_what_is_not_there_is_fine,
        a_search_finds_what_all_conditions_hold_for_in_its_order,
        assistants_are_found_by_a_part_of_their_name_and_sorted_by_name_and_graph,
        paging_behind_a_record_gives_what_paging_by_offset_gives,
        bodies_are_left_out_where_they_are_not_asked_for,
        metadata_that_was_replaced_is_not_found_any_more,
        a_query_that_is_no_json_object_is_a_fault,
        a_cancelled_search_says_so_and_its_query_is_free_after_the_call,
        texts_of_records_have_limits,
    };
    Suite *suite = suite_create("store_records");
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
