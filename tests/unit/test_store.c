/*
 * store/store.h: what every backend promises. One suite; each test runs once per row of the table
 * of backends.
 */
#include "store_rig.h"

static int read_list(const struct store_query *q, struct stored_list *ret)
{
    struct end e = { .ends = 0 };
    store_read(store, loop, &e.op, q, ret, on_end, &e);
    ck_assert_int_eq(e.ends, 0);
    return wait_for(&e);
}

/* ---- short forms for rows ---- */

static void add_checkpoint(struct store_batch *b, const char *thread, const char *ns,
                           const char *id, const char *parent, const char *head)
{
    store_add_checkpoint(b, thread, ns, id, parent, head, strlen(head));
}

static void add_value(struct store_batch *b, const char *field, const char *at, const char *base,
                      const char *json)
{
    store_add_value(b, "t", "", field, at, base, json, strlen(json));
}

static void add_write(struct store_batch *b, const char *at, const char *task, enum write_kind kind,
                      const char *path, const char *json)
{
    store_add_write(b, "t", "", at, task, kind, path, json, strlen(json));
}

static void put(const char *thread, const char *ns, const char *id, const char *parent,
                const char *head)
{
    struct store_batch b;
    store_batch_init(&b);
    add_checkpoint(&b, thread, ns, id, parent, head);
    ck_assert_int_eq(commit(&b), 0);
}

static void put_write(const char *at, const char *task, enum write_kind kind, const char *path,
                      const char *json)
{
    struct store_batch b;
    store_batch_init(&b);
    add_write(&b, at, task, kind, path, json);
    ck_assert_int_eq(commit(&b), 0);
}

static void delete_thread(const char *thread)
{
    struct store_batch b;
    store_batch_init(&b);
    store_add_delete_thread(&b, thread);
    ck_assert_int_eq(commit(&b), 0);
}

/* ---- what is there ---- */

static void add_id(struct buf *out, const struct stored_checkpoint *c)
{
    (void)buf_addf(out, "%s%s%s%s", out->len > 0 ? " " : "", c->ns, c->ns[0] != '\0' ? "/" : "",
                   c->id);
}

/* "ns/id id ...": what a query finds, in its order. */
static void assert_finds(const struct store_query *q, const char *wanted)
{
    struct stored_list list;
    struct buf out;
    buf_init(&out, 1 << 16);
    ck_assert_int_eq(read_list(q, &list), 0);
    for (size_t i = 0; i < list.count; i++) {
        ck_assert_str_eq(list.items[i].thread_id, q->thread_id);
        add_id(&out, &list.items[i]);
    }
    ck_assert_str_eq(buf_text(&out), wanted);
    buf_deinit(&out);
    stored_list_clear(&list);
}

static void assert_thread(const char *thread, const char *wanted)
{
    assert_finds(&(struct store_query){ .thread_id = thread }, wanted);
}

static void add_value_text(struct buf *out, const struct stored_value *v)
{
    (void)buf_addf(out, "%s%s=", out->len > 0 ? " " : "", v->field);
    for (size_t i = 0; i < v->part_count; i++) {
        ck_assert_uint_eq(strlen(v->parts[i].bytes), v->parts[i].len_bytes);
        (void)buf_addf(out, "%s%s", i > 0 ? "+" : "", v->parts[i].bytes);
    }
}

static void add_write_text(struct buf *out, const struct stored_write *w)
{
    static const char kinds[WRITE_KIND_COUNT] = { [WRITE_RESULT] = 'R',
                                                  [WRITE_ERROR] = 'E',
                                                  [WRITE_INTERRUPT] = 'I',
                                                  [WRITE_RESUME] = 'A',
                                                  [WRITE_COMMAND] = 'C' };
    ck_assert_uint_eq(strlen(w->bytes.bytes), w->bytes.len_bytes);
    (void)buf_addf(out, "%s%s:%s:%c=%s", out->len > 0 ? " " : "", w->path, w->task_id,
                   kinds[w->kind], w->bytes.bytes);
}

/* "field=whole+part+part ..." and "path:task:kind=bytes ..." of the thread t's checkpoint. NULL:
 * not looked at. */
static void assert_holds(const char *id, const char *values, const char *writes)
{
    struct stored_list list;
    struct buf out;
    buf_init(&out, 1 << 16);
    ck_assert_int_eq(
        read_list(&(struct store_query){ .thread_id = "t", .ns = "", .id = id }, &list), 0);
    ck_assert_uint_eq(list.count, 1);
    for (size_t i = 0; i < list.items[0].value_count; i++)
        add_value_text(&out, &list.items[0].values[i]);
    if (values != NULL)
        ck_assert_str_eq(buf_text(&out), values);
    buf_clear(&out);
    for (size_t i = 0; i < list.items[0].write_count; i++)
        add_write_text(&out, &list.items[0].writes[i]);
    if (writes != NULL)
        ck_assert_str_eq(buf_text(&out), writes);
    buf_deinit(&out);
    stored_list_clear(&list);
}

/* ---- checkpoints ---- */

START_TEST(a_checkpoint_comes_back_as_it_was_put)
{
    static const char head[] =
        "{\"step\":3,\"fields\":{\"b\":{\"at\":\"c1\"},\"a\":{\"at\":\"c0\"},"
        "\"gone\":{\"at\":\"c1\"},\"never\":{\"at\":\"\"}}}";
    struct store_batch b;
    struct stored_list list;
    open_store(_i);
    store_batch_init(&b);
    add_value(&b, "a", "c0", NULL, "\"\xc3\xa4\"");
    add_value(&b, "b", "c1", NULL, "[1,2]");
    add_value(&b, "a", "c1", NULL, "\"not named\"");
    add_checkpoint(&b, "t", "", "c1", "c0", head);
    ck_assert_int_eq(commit(&b), 0);
    ck_assert_int_eq(read_list(&(struct store_query){ .thread_id = "t", .ns = "" }, &list), 0);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].thread_id, "t");
    ck_assert_str_eq(list.items[0].ns, "");
    ck_assert_str_eq(list.items[0].id, "c1");
    ck_assert_str_eq(list.items[0].parent_id, "c0");
    ck_assert_str_eq(list.items[0].head.bytes, head);
    ck_assert_uint_eq(list.items[0].head.len_bytes, strlen(head));
    stored_list_clear(&list);
    assert_holds("c1", "b=[1,2] a=\"\xc3\xa4\"", "");
}
END_TEST

START_TEST(values_are_left_out_where_they_are_not_asked_for)
{
    struct store_batch b;
    struct stored_list list;
    open_store(_i);
    store_batch_init(&b);
    add_value(&b, "a", "c1", NULL, "1");
    add_write(&b, "c1", "task", WRITE_RESULT, "", "2");
    add_checkpoint(&b, "t", "", "c1", "", "{\"fields\":{\"a\":{\"at\":\"c1\"}}}");
    ck_assert_int_eq(commit(&b), 0);
    ck_assert_int_eq(
        read_list(&(struct store_query){ .thread_id = "t", .without_values = true }, &list), 0);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_uint_eq(list.items[0].value_count, 0);
    ck_assert_uint_eq(list.items[0].write_count, 1);
    stored_list_clear(&list);
}
END_TEST

START_TEST(nothing_is_found_where_nothing_is)
{
    open_store(_i);
    assert_thread("t", "");
    put("t", "", "c1", "", "{}");
    assert_thread("u", "");
    assert_finds(&(struct store_query){ .thread_id = "t", .ns = "sub" }, "");
    assert_finds(&(struct store_query){ .thread_id = "t", .ns = "", .id = "c2" }, "");
    assert_finds(&(struct store_query){ .thread_id = "t", .ns = "", .id = "c" }, "");
}
END_TEST

static const struct {
    const char *id;
    const char *before;
    size_t limit;
    const char *wanted;
} windows[] = {
    { NULL, NULL, 0, "c4 c3 c2 c1" }, { NULL, NULL, 1, "c4" },   { NULL, NULL, 9, "c4 c3 c2 c1" },
    { NULL, "c3", 0, "c2 c1" },       { NULL, "c3", 1, "c2" },   { NULL, "c1", 0, "" },
    { NULL, "c25", 0, "c2 c1" },      { NULL, "z", 2, "c4 c3" }, { "c2", NULL, 0, "c2" },
    { "c2", "c3", 1, "c2" },          { "c2", "c2", 0, "" },     { "c0", NULL, 0, "" },
};

START_TEST(checkpoints_are_listed_newest_first_within_id_before_and_limit)
{
    static const char *const ids[] = { "c2", "c4", "c1", "c3" }; /* not in their order */
    open_store(_i);
    for (size_t i = 0; i < 4; i++)
        put("t", "", ids[i], "", "{}");
    for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++)
        assert_finds(&(struct store_query){ .thread_id = "t",
                                            .ns = "",
                                            .id = windows[i].id,
                                            .before = windows[i].before,
                                            .limit = windows[i].limit },
                     windows[i].wanted);
}
END_TEST

START_TEST(namespaces_do_not_see_each_other)
{
    open_store(_i);
    put("t", "", "c1", "", "{\"of\":\"root\"}");
    put("t", "sub", "c2", "", "{}");
    put("t", "sub", "c1", "", "{\"of\":\"sub\"}");
    put("t", "su", "c3", "", "{}");
    assert_finds(&(struct store_query){ .thread_id = "t", .ns = "" }, "c1");
    assert_finds(&(struct store_query){ .thread_id = "t", .ns = "sub" }, "sub/c2 sub/c1");
    assert_finds(&(struct store_query){ .thread_id = "t", .ns = "", .id = "c2" }, "");
    assert_thread("t", "su/c3 sub/c2 c1 sub/c1");
    assert_finds(&(struct store_query){ .thread_id = "t", .limit = 2 }, "su/c3 sub/c2");
    assert_finds(&(struct store_query){ .thread_id = "t", .id = "c1" }, "c1 sub/c1");
    assert_finds(&(struct store_query){ .thread_id = "t", .before = "c3" }, "sub/c2 c1 sub/c1");
}
END_TEST

START_TEST(threads_do_not_see_each_other)
{
    open_store(_i);
    put("t", "", "c1", "", "{}");
    put("u", "", "c2", "", "{}");
    put("tt", "", "c3", "", "{}");
    assert_thread("t", "c1");
    assert_thread("u", "c2");
    assert_thread("tt", "c3");
}
END_TEST

START_TEST(a_checkpoint_that_is_put_again_is_replaced_and_keeps_its_writes)
{
    struct stored_list list;
    open_store(_i);
    put("t", "", "c1", "c0", "{\"n\":1}");
    put_write("c1", "task", WRITE_RESULT, "", "1");
    put("t", "", "c1", "", "{\"n\":2}");
    ck_assert_int_eq(read_list(&(struct store_query){ .thread_id = "t" }, &list), 0);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].parent_id, "");
    ck_assert_str_eq(list.items[0].head.bytes, "{\"n\":2}");
    ck_assert_uint_eq(list.items[0].write_count, 1);
    stored_list_clear(&list);
}
END_TEST

START_TEST(a_thousand_threads_each_keep_their_own)
{
    char thread[16];
    char id[20];
    open_store(_i);
    for (int i = 0; i < 1000; i++) {
        snprintf(thread, sizeof(thread), "%d", i * 7919 % 1000);
        snprintf(id, sizeof(id), "c%s", thread);
        put(thread, "", id, "", "{}");
    }
    for (int i = 0; i < 1000; i += 3) {
        snprintf(thread, sizeof(thread), "%d", i);
        snprintf(id, sizeof(id), "c%d", i);
        assert_thread(thread, id);
    }
}
END_TEST

/* ---- writes ---- */

START_TEST(a_result_that_is_written_again_changes_nothing)
{
    open_store(_i);
    put("t", "", "c1", "", "{}");
    put_write("c1", "task", WRITE_RESULT, "p", "1");
    put_write("c1", "task", WRITE_RESULT, "q", "2");
    assert_holds("c1", "", "p:task:R=1");
}
END_TEST

START_TEST(the_other_kinds_of_writes_are_replaced)
{
    static const enum write_kind kinds[] = { WRITE_ERROR, WRITE_INTERRUPT, WRITE_RESUME,
                                             WRITE_COMMAND };
    open_store(_i);
    put("t", "", "c1", "", "{}");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        put_write("c1", "task", kinds[i], "p", "1");
        put_write("c1", "task", kinds[i], "q", "2");
    }
    put_write("c1", "task", WRITE_RESULT, "q", "3");
    assert_holds("c1", "", "q:task:R=3 q:task:E=2 q:task:I=2 q:task:A=2 q:task:C=2");
}
END_TEST

START_TEST(writes_in_one_batch_follow_the_same_rules)
{
    struct store_batch b;
    open_store(_i);
    store_batch_init(&b);
    add_checkpoint(&b, "t", "", "c1", "", "{}");
    add_write(&b, "c1", "task", WRITE_RESULT, "p", "1");
    add_write(&b, "c1", "task", WRITE_RESULT, "p", "2");
    add_write(&b, "c1", "task", WRITE_RESUME, "p", "1");
    add_write(&b, "c1", "task", WRITE_RESUME, "p", "2");
    ck_assert_int_eq(commit(&b), 0);
    assert_holds("c1", "", "p:task:R=1 p:task:A=2");
}
END_TEST

START_TEST(writes_are_ordered_by_path_then_task_then_kind)
{
    struct store_batch b;
    open_store(_i);
    store_batch_init(&b);
    add_checkpoint(&b, "t", "", "c1", "", "{}");
    add_write(&b, "c1", "z", WRITE_INTERRUPT, "p1", "1");
    add_write(&b, "c1", "y", WRITE_RESULT, "p2", "2");
    add_write(&b, "c1", "b", WRITE_ERROR, "p3", "3");
    add_write(&b, "c1", "a", WRITE_RESUME, "p3", "4");
    add_write(&b, "c1", "z", WRITE_RESULT, "p1", "5");
    ck_assert_int_eq(commit(&b), 0);
    assert_holds("c1", "", "p1:z:R=5 p1:z:I=1 p2:y:R=2 p3:a:A=4 p3:b:E=3");
}
END_TEST

START_TEST(writes_belong_to_their_checkpoint_and_namespace)
{
    struct store_batch b;
    open_store(_i);
    put("t", "", "c1", "", "{}");
    put("t", "sub", "c1", "", "{}");
    put_write("c1", "task", WRITE_RESULT, "", "1");
    store_batch_init(&b);
    store_add_write(&b, "t", "sub", "c1", "task", WRITE_RESULT, "", "2", 1);
    ck_assert_int_eq(commit(&b), 0);
    put("t", "", "c2", "c1", "{}");
    assert_holds("c1", "", ":task:R=1");
    assert_holds("c2", "", "");
}
END_TEST

START_TEST(writes_may_come_before_their_checkpoint)
{
    open_store(_i);
    put_write("c1", "task", WRITE_RESULT, "", "1");
    assert_thread("t", "");
    put("t", "", "c0", "", "{}");
    assert_thread("t", "c0");
    put("t", "", "c1", "c0", "{}");
    assert_holds("c1", "", ":task:R=1");
}
END_TEST

/* ---- deleting ---- */

START_TEST(a_deleted_thread_is_gone_in_all_namespaces_with_its_writes)
{
    open_store(_i);
    put("t", "", "c1", "", "{\"fields\":{\"a\":{\"at\":\"c1\"}}}");
    put("t", "sub", "c1", "", "{}");
    put("u", "", "c1", "", "{}");
    put_write("c1", "task", WRITE_RESULT, "", "1");
    delete_thread("t");
    assert_thread("t", "");
    assert_thread("u", "c1");
    put("t", "", "c1", "", "{\"fields\":{\"a\":{\"at\":\"c1\"}}}");
    assert_holds("c1", "", "");
}
END_TEST

START_TEST(deleting_a_thread_that_is_not_there_is_fine)
{
    open_store(_i);
    put("u", "", "c1", "", "{}");
    delete_thread("t");
    assert_thread("u", "c1");
}
END_TEST

START_TEST(rows_behind_a_deletion_in_one_batch_are_kept_and_those_before_are_not)
{
    struct store_batch b;
    open_store(_i);
    put("t", "", "c1", "", "{}");
    store_batch_init(&b);
    add_checkpoint(&b, "t", "", "c2", "", "{}");
    add_checkpoint(&b, "u", "", "c1", "", "{}");
    store_add_delete_thread(&b, "t");
    add_checkpoint(&b, "t", "", "c3", "", "{}");
    add_checkpoint(&b, "u", "", "c2", "", "{}");
    store_add_delete_thread(&b, "u");
    ck_assert_int_eq(commit(&b), 0);
    assert_thread("t", "c3");
    assert_thread("u", "");
}
END_TEST

/* ---- preconditions ---- */

static const struct {
    const char *thread;
    const char *ns;
    const char *id;
    int wanted;
} expectations[] = {
    { "t", "", "c2", 0 },
    { "t", "", "c1", STORE_E_STALE },
    { "t", "", "c9", STORE_E_STALE },
    { "t", "", "", STORE_E_STALE },
    { "t", "sub", "c1", 0 },
    { "t", "sub", "c2", STORE_E_STALE },
    { "t", "other", "", 0 },
    { "t", "other", "c2", STORE_E_STALE },
    { "u", "", "", 0 },
    { "u", "", "c2", STORE_E_STALE },
};

START_TEST(a_batch_is_written_if_the_latest_checkpoint_is_the_expected_one_else_not_at_all)
{
    for (size_t i = 0; i < sizeof(expectations) / sizeof(*expectations); i++) {
        struct store_batch b;
        open_store(_i);
        put("t", "", "c1", "", "{}");
        put("t", "", "c2", "c1", "{}");
        put("t", "sub", "c1", "", "{}");
        store_batch_init(&b);
        add_checkpoint(&b, "t", "", "c3", "c2", "{}"); /* does not count yet */
        add_checkpoint(&b, "v", "", "c1", "", "{}");
        store_add_delete_thread(&b, "u");
        store_add_expect(&b, expectations[i].thread, expectations[i].ns, expectations[i].id);
        ck_assert_int_eq(commit(&b), expectations[i].wanted);
        bool is_written = expectations[i].wanted == 0;
        assert_finds(&(struct store_query){ .thread_id = "t", .ns = "" },
                     is_written ? "c3 c2 c1" : "c2 c1");
        assert_thread("v", is_written ? "c1" : "");
        store = store_close(store);
    }
}
END_TEST

START_TEST(rows_without_a_checkpoint_are_not_the_latest)
{
    struct store_batch b;
    open_store(_i);
    put("t", "", "c1", "", "{}");
    put_write("c2", "task", WRITE_RESULT, "", "1");
    store_batch_init(&b);
    store_add_expect(&b, "t", "", "c1");
    ck_assert_int_eq(commit(&b), 0);
}
END_TEST

/* ---- order and cancelling ---- */

START_TEST(a_read_sees_commits_that_have_not_reported_yet)
{
    struct end first;
    struct end second;
    struct end reading = { .ends = 0 };
    struct stored_list list;
    struct store_batch b;
    open_store(_i);
    store_batch_init(&b);
    add_checkpoint(&b, "t", "", "c1", "", "{}");
    start_commit(&first, &b);
    store_add_expect(&b, "t", "", "c1");
    add_checkpoint(&b, "t", "", "c2", "c1", "{}");
    start_commit(&second, &b);
    store_read(store, loop, &reading.op, &(struct store_query){ .thread_id = "t" }, &list, on_end,
               &reading);
    ck_assert_int_eq(wait_for(&reading), 0);
    ck_assert_uint_eq(list.count, 2);
    ck_assert_int_eq(wait_for(&first), 0);
    ck_assert_int_eq(wait_for(&second), 0);
    stored_list_clear(&list);
}
END_TEST

START_TEST(cancelling_a_commit_is_ignored)
{
    struct end e;
    struct store_batch b;
    open_store(_i);
    store_batch_init(&b);
    add_checkpoint(&b, "t", "", "c1", "", "{}");
    start_commit(&e, &b);
    op_cancel(&e.op.op);
    op_cancel(&e.op.op);
    ck_assert_int_eq(wait_for(&e), 0);
    assert_thread("t", "c1");
}
END_TEST

START_TEST(a_cancelled_read_says_so_and_leaves_an_empty_list)
{
    struct end e = { .ends = 0 };
    struct stored_list list;
    open_store(_i);
    put("t", "", "c1", "", "{}");
    store_read(store, loop, &e.op, &(struct store_query){ .thread_id = "t" }, &list, on_end, &e);
    op_cancel(&e.op.op);
    op_cancel(&e.op.op);
    ck_assert_int_eq(wait_for(&e), OP_CANCELLED);
    ck_assert_uint_eq(list.count, 0);
    ck_assert_ptr_null(list.items);
    assert_thread("t", "c1");
}
END_TEST

START_TEST(the_strings_of_a_query_are_free_after_the_call)
{
    struct end e = { .ends = 0 };
    struct stored_list list;
    char *id = mem_strdup("t");
    open_store(_i);
    put("t", "", "c1", "", "{}");
    store_read(store, loop, &e.op, &(struct store_query){ .thread_id = id }, &list, on_end, &e);
    mem_free(id);
    ck_assert_int_eq(wait_for(&e), 0);
    ck_assert_uint_eq(list.count, 1);
    stored_list_clear(&list);
}
END_TEST

/* ---- limits ---- */

static char *text_of(size_t len)
{
    char *text = mem_alloc(len + 1);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

/* The texts of four rows; one of them is made too long. */
enum { TEXT_THREAD, TEXT_NS, TEXT_ID, TEXT_PARENT, TEXT_BASE, TEXT_TASK, TEXT_COUNT };
static const size_t longest[TEXT_COUNT] = {
    [TEXT_THREAD] = STORE_ID_MAX, [TEXT_NS] = STORE_NS_MAX,   [TEXT_ID] = STORE_ID_MAX,
    [TEXT_PARENT] = STORE_ID_MAX, [TEXT_BASE] = STORE_ID_MAX, [TEXT_TASK] = STORE_ID_MAX,
};

static int commit_texts(const char *const texts[TEXT_COUNT])
{
    struct store_batch b;
    store_batch_init(&b);
    add_checkpoint(&b, "before", "", "c1", "", "{}");
    add_checkpoint(&b, texts[TEXT_THREAD], texts[TEXT_NS], texts[TEXT_ID], texts[TEXT_PARENT],
                   "{}");
    store_add_value(&b, "t", "", "field", "c1", texts[TEXT_BASE], "1", 1);
    add_write(&b, "c1", texts[TEXT_TASK], WRITE_RESULT, "", "1");
    return commit(&b);
}

START_TEST(texts_may_be_as_long_as_the_limit_and_not_longer)
{
    for (int is_longer = 0; is_longer <= 1; is_longer++)
        for (int i = 0; i < TEXT_COUNT; i++) {
            const char *texts[TEXT_COUNT] = { "t", "n", "c1", "c0", "c0", "task" };
            char *text = text_of(longest[i] + (size_t)is_longer);
            texts[i] = text;
            open_store(_i);
            ck_assert_int_eq(commit_texts(texts), is_longer ? STORE_E_TOO_LARGE : 0);
            assert_thread("before", is_longer ? "" : "c1");
            store = store_close(store);
            mem_free(text);
        }
}
END_TEST

static int put_large(const char *id, size_t len)
{
    struct store_batch b;
    char *text = text_of(len);
    store_batch_init(&b);
    add_checkpoint(&b, "t", "", id, "", "{}");
    store_add_value(&b, "t", "", "large", id, NULL, text, len);
    mem_free(text);
    return commit(&b);
}

START_TEST(a_full_store_refuses_the_whole_batch_and_takes_more_after_a_deletion)
{
    if (backends[_i].bound == NULL)
        return;
    open_changed(_i, backends[_i].bound);
    ck_assert_int_eq(put_large("c1", BOUND_BYTES / 2), 0);
    ck_assert_int_eq(put_large("c2", BOUND_BYTES / 2), STORE_E_FULL);
    assert_thread("t", "c1");
    ck_assert_int_eq(put_large("c1", BOUND_BYTES / 2 + 1000), 0); /* in place of the first */
    delete_thread("t");
    for (int i = 0; i < 20; i++) { /* nothing of what is deleted stays in the account */
        ck_assert_int_eq(put_large("c2", BOUND_BYTES - 1000), 0);
        delete_thread("t");
    }
}
END_TEST

START_TEST(many_small_rows_fill_a_store_too)
{
    int r = 0;
    int count = 0;
    if (backends[_i].bound == NULL)
        return;
    open_changed(_i, backends[_i].bound);
    for (; r == 0 && count < BOUND_BYTES; count++) {
        char id[16];
        struct store_batch b;
        snprintf(id, sizeof(id), "%d", count);
        store_batch_init(&b);
        add_checkpoint(&b, id, "", "c", "", "{}");
        r = commit(&b);
    }
    ck_assert_int_eq(r, STORE_E_FULL);
    ck_assert_int_gt(count, 50);
}
END_TEST

/* ---- chains of values ---- */

static void put_log(const char *id, const char *parent, const char *base, const char *json)
{
    char head[100];
    struct store_batch b;
    snprintf(head, sizeof(head), "{\"fields\":{\"log\":{\"at\":\"%s\"}}}", id);
    store_batch_init(&b);
    add_value(&b, "log", id, base, json);
    add_checkpoint(&b, "t", "", id, parent, head);
    ck_assert_int_eq(commit(&b), 0);
}

START_TEST(a_chain_is_read_from_the_whole_value_up_and_branches_do_not_mix)
{
    open_store(_i);
    put_log("c1", "", NULL, "[1]");
    put_log("c2", "c1", "c1", "[2]");
    put("t", "", "c3", "c2", "{\"fields\":{\"log\":{\"at\":\"c2\"}}}"); /* unchanged there */
    put_log("c4", "c3", "c2", "[4]");
    put_log("c5", "c2", "c2", "[5]"); /* a branch */
    put_log("c6", "c5", "c5", "[6]");
    put_log("c7", "c6", NULL, "[0]"); /* whole again */
    put_log("c8", "c7", "c7", "[8]");
    assert_holds("c1", "log=[1]", "");
    assert_holds("c3", "log=[1]+[2]", "");
    assert_holds("c4", "log=[1]+[2]+[4]", "");
    assert_holds("c6", "log=[1]+[2]+[5]+[6]", "");
    assert_holds("c7", "log=[0]", "");
    assert_holds("c8", "log=[0]+[8]", "");
}
END_TEST

START_TEST(a_long_chain_is_read_whole)
{
    enum { LINKS = 5000 };
    struct store_batch b;
    struct stored_list list;
    char id[16];
    char base[16];
    open_store(_i);
    store_batch_init(&b);
    for (int i = 0; i < LINKS; i++) {
        snprintf(id, sizeof(id), "c%06d", i);
        snprintf(base, sizeof(base), "c%06d", i - 1);
        add_value(&b, "log", id, i == 0 ? NULL : base, id);
    }
    add_checkpoint(&b, "t", "", "d", "", "{\"fields\":{\"log\":{\"at\":\"c004999\"}}}");
    ck_assert_int_eq(commit(&b), 0);
    ck_assert_int_eq(read_list(&(struct store_query){ .thread_id = "t" }, &list), 0);
    ck_assert_uint_eq(list.items[0].values[0].part_count, LINKS);
    ck_assert_str_eq(list.items[0].values[0].parts[0].bytes, "c000000");
    ck_assert_str_eq(list.items[0].values[0].parts[LINKS - 1].bytes, "c004999");
    stored_list_clear(&list);
}
END_TEST

static void assert_damaged(void)
{
    struct stored_list list;
    ck_assert_int_lt(read_list(&(struct store_query){ .thread_id = "t" }, &list), 0);
    ck_assert_uint_eq(list.count, 0);
    ck_assert_ptr_null(list.items);
}

START_TEST(a_chain_that_is_a_circle_is_a_fault)
{
    open_store(_i);
    put_log("c1", "", "c2", "[1]");
    put_log("c2", "", "c1", "[2]");
    assert_damaged();
    delete_thread("t");
    put_log("c1", "", "c1", "[1]");
    assert_damaged();
}
END_TEST

START_TEST(a_chain_with_a_missing_link_is_a_fault)
{
    open_store(_i);
    put_log("c2", "", "c1", "[2]");
    assert_damaged();
}
END_TEST

static const char *const damaged_heads[] = {
    "",
    "{",
    "[]",
    "7",
    "{\"fields\":[]}",
    "{\"fields\":{\"a\":\"c1\"}}",
    "{\"fields\":{\"a\":{\"at\":1}}}",
    "{\"fields\":{\"a\":{}}}",
};

START_TEST(a_damaged_head_is_a_fault_unless_it_is_not_looked_at)
{
    for (size_t i = 0; i < sizeof(damaged_heads) / sizeof(*damaged_heads); i++) {
        struct stored_list list;
        open_store(_i);
        put("t", "", "c1", "", damaged_heads[i]);
        assert_damaged();
        ck_assert_int_eq(
            read_list(&(struct store_query){ .thread_id = "t", .without_values = true }, &list), 0);
        ck_assert_uint_eq(list.count, 1);
        stored_list_clear(&list);
        store = store_close(store);
    }
}
END_TEST

/* ---- without memory ---- */

static void fill(void)
{
    struct store_batch b;
    store_batch_init(&b);
    add_checkpoint(&b, "t", "", "c1", "", "{\"fields\":{\"log\":{\"at\":\"c1\"}}}");
    add_value(&b, "log", "c1", NULL, "[1]");
    add_write(&b, "c1", "task", WRITE_RESULT, "p", "1");
    add_write(&b, "c1", "task", WRITE_RESUME, "p", "1");
    add_checkpoint(&b, "u", "", "c1", "", "{}");
    add_checkpoint(&b, "v", "", "c1", "", "{}");
    ck_assert_int_eq(commit(&b), 0);
}

static void assert_filled(void)
{
    assert_thread("t", "c1");
    assert_holds("c1", "log=[1]", "p:task:R=1 p:task:A=1");
    assert_thread("u", "c1");
    assert_thread("v", "c1");
    assert_thread("w", "");
}

/* Rows of every kind, to old and new threads, namespaces and checkpoints. */
static int commit_all_kinds(void)
{
    struct store_batch b;
    store_batch_init(&b);
    store_add_expect(&b, "t", "", "c1");
    add_checkpoint(&b, "t", "", "c2", "c1", "{\"fields\":{\"log\":{\"at\":\"c2\"}}}");
    add_value(&b, "log", "c2", "c1", "[2]");
    add_write(&b, "c1", "task", WRITE_RESULT, "q", "2");
    add_write(&b, "c1", "task", WRITE_RESUME, "q", "2");
    add_write(&b, "c1", "more", WRITE_ERROR, "r", "2");
    store_add_delete_thread(&b, "u");
    store_add_delete_thread(&b, "v");
    add_checkpoint(&b, "v", "sub", "c3", "", "{}");
    add_checkpoint(&b, "w", "", "c1", "", "{}");
    return commit(&b);
}

START_TEST(a_commit_survives_each_failing_allocation_whole_or_not_at_all)
{
    int r = ERR_NOMEM;
    for (unsigned long n = 1; r != 0; n++) {
        open_store(_i);
        fill();
        mem_fail_at(n);
        r = commit_all_kinds();
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_int_eq(r, is_pending ? 0 : ERR_NOMEM);
        if (r != 0) {
            assert_filled();
            ck_assert_int_eq(commit_all_kinds(), 0);
        }
        assert_thread("t", "c2 c1");
        assert_holds("c2", "log=[1]+[2]", "");
        assert_holds("c1", "log=[1]", "p:task:R=1 q:task:A=2 r:more:E=2");
        assert_thread("u", "");
        assert_thread("v", "sub/c3");
        assert_thread("w", "c1");
        store = store_close(store);
    }
}
END_TEST

START_TEST(a_read_survives_each_failing_allocation)
{
    int r = ERR_NOMEM;
    open_store(_i);
    fill();
    ck_assert_int_eq(commit_all_kinds(), 0);
    for (unsigned long n = 1; r != 0; n++) {
        struct stored_list list;
        mem_fail_at(n);
        r = read_list(&(struct store_query){ .thread_id = "t" }, &list);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_int_eq(r, is_pending ? 0 : ERR_NOMEM);
        ck_assert_uint_eq(list.count, r == 0 ? 2 : 0);
        stored_list_clear(&list);
    }
}
END_TEST

/* What a backend can do without may fail unseen. */
START_TEST(opening_survives_each_failing_allocation)
{
    struct conf conf;
    int is_pending = false;
    ck_assert_int_eq(conf_default(&conf), 0);
    name_database(_i, &conf);
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        int r = store_open(&conf, NULL, &store);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(r == 0 || (!is_pending && r == ERR_NOMEM));
        store = r == 0 ? store_close(store) : NULL;
    }
    conf_deinit(&conf);
}
END_TEST

START_TEST(a_store_with_data_closes_without_a_trace)
{
    open_store(_i);
    fill();
    put("t", "sub", "c1", "", "{}");
}
END_TEST

/* ---- what is not the backend's ---- */

START_TEST(a_batch_that_had_no_memory_fails_its_commit)
{
    struct store_batch b;
    open_store(0);
    store_batch_init(&b);
    add_checkpoint(&b, "t", "", "c1", "", "{}");
    mem_fail_at(3);
    add_checkpoint(&b, "t", "", "c2", "", "{}");
    mem_fail_at(0);
    add_checkpoint(&b, "t", "", "c3", "", "{}");
    ck_assert_int_eq(b.fault, ERR_NOMEM);
    ck_assert_int_eq(commit(&b), ERR_NOMEM);
    ck_assert_int_eq(b.fault, 0);
    assert_thread("t", "");
}
END_TEST

START_TEST(a_batch_that_is_not_handed_over_is_given_up_whole)
{
    struct store_batch b;
    store_batch_init(&b);
    for (int i = 0; i < 20; i++)
        add_write(&b, "c1", "task", WRITE_RESULT, "p", "1");
    ck_assert_uint_eq(b.count, 20);
    store_batch_deinit(&b);
    store_batch_deinit(&b);
}
END_TEST

START_TEST(an_empty_batch_is_committed)
{
    struct store_batch b;
    open_store(0);
    store_batch_init(&b);
    ck_assert_int_eq(commit(&b), 0);
}
END_TEST

START_TEST(another_scheme_is_refused_with_a_sentence)
{
    struct conf conf;
    struct buf why;
    buf_init(&why, 1000);
    ck_assert_int_eq(conf_default(&conf), 0);
    mem_free(conf.database);
    conf.database = mem_strdup("mysql:x");
    ck_assert_int_eq(store_open(&conf, &why, &store), STORE_E_REFUSED);
    ck_assert_str_eq(buf_text(&why), "database mysql:x: there is no such kind of database");
    buf_deinit(&why);
    conf_deinit(&conf);
}
END_TEST

START_TEST(closing_no_store_is_fine)
{
    ck_assert_ptr_null(store_close(NULL));
}
END_TEST

/* A backend that takes its time: the op of a commit must not end before it does. */
static void slow_commit(struct store *s, struct loop *l, struct store_op *c, struct store_batch *b)
{
    (void)s;
    (void)l;
    (void)c;
    (void)b;
}

START_TEST(cancelling_a_commit_that_takes_its_time_is_ignored_too)
{
    struct store slow = { .commit = slow_commit };
    struct end e = { .ends = 0 };
    struct store_batch b;
    store_batch_init(&b);
    store_commit(&slow, loop, &e.op, &b, on_end, &e);
    op_cancel(&e.op.op);
    op_cancel(&e.op.op);
    ck_assert(op_is_running(&e.op.op));
    op_finish(&e.op.op, STORE_E_STALE);
    ck_assert_int_eq(wait_for(&e), STORE_E_STALE);
}
END_TEST

static Suite *make_suite(void)
{
    const TTest *const per_backend[] = {
        a_checkpoint_comes_back_as_it_was_put,
        values_are_left_out_where_they_are_not_asked_for,
        nothing_is_found_where_nothing_is,
        checkpoints_are_listed_newest_first_within_id_before_and_limit,
        namespaces_do_not_see_each_other,
        threads_do_not_see_each_other,
        a_checkpoint_that_is_put_again_is_replaced_and_keeps_its_writes,
        a_thousand_threads_each_keep_their_own,
        a_result_that_is_written_again_changes_nothing,
        the_other_kinds_of_writes_are_replaced,
        writes_in_one_batch_follow_the_same_rules,
        writes_are_ordered_by_path_then_task_then_kind,
        writes_belong_to_their_checkpoint_and_namespace,
        writes_may_come_before_their_checkpoint,
        a_deleted_thread_is_gone_in_all_namespaces_with_its_writes,
        deleting_a_thread_that_is_not_there_is_fine,
        rows_behind_a_deletion_in_one_batch_are_kept_and_those_before_are_not,
        a_batch_is_written_if_the_latest_checkpoint_is_the_expected_one_else_not_at_all,
        rows_without_a_checkpoint_are_not_the_latest,
        a_read_sees_commits_that_have_not_reported_yet,
        cancelling_a_commit_is_ignored,
        a_cancelled_read_says_so_and_leaves_an_empty_list,
        the_strings_of_a_query_are_free_after_the_call,
        texts_may_be_as_long_as_the_limit_and_not_longer,
        a_full_store_refuses_the_whole_batch_and_takes_more_after_a_deletion,
        many_small_rows_fill_a_store_too,
        a_chain_is_read_from_the_whole_value_up_and_branches_do_not_mix,
        a_long_chain_is_read_whole,
        a_chain_that_is_a_circle_is_a_fault,
        a_chain_with_a_missing_link_is_a_fault,
        a_damaged_head_is_a_fault_unless_it_is_not_looked_at,
        a_commit_survives_each_failing_allocation_whole_or_not_at_all,
        a_read_survives_each_failing_allocation,
        opening_survives_each_failing_allocation,
        a_store_with_data_closes_without_a_trace,
    };
    Suite *suite = suite_create("store");
    TCase *c = tcase_create("backends");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    for (size_t i = 0; i < sizeof(per_backend) / sizeof(*per_backend); i++)
        tcase_add_loop_test(c, per_backend[i], 0, BACKEND_COUNT);
    suite_add_tcase(suite, c);
    c = tcase_create("common");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_batch_that_had_no_memory_fails_its_commit);
    tcase_add_test(c, a_batch_that_is_not_handed_over_is_given_up_whole);
    tcase_add_test(c, an_empty_batch_is_committed);
    tcase_add_test(c, another_scheme_is_refused_with_a_sentence);
    tcase_add_test(c, closing_no_store_is_fine);
    tcase_add_test(c, cancelling_a_commit_that_takes_its_time_is_ignored_too);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void)
{
    return run_suite(make_suite());
}
