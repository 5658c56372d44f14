/* Marks that are copied, and that go through the store. */
#include "sched_rig.h"

static void expect_encoded(const char *expected)
{
    struct buf b;
    buf_init(&b, 1000);
    sched_encode(sched, &b);
    ck_assert_int_eq(b.fault, 0);
    ck_assert_str_eq(buf_text(&b), expected);
    buf_deinit(&b);
}

static json_t *encoded(void)
{
    struct buf b;
    buf_init(&b, 10000);
    sched_encode(sched, &b);
    ck_assert_int_eq(b.fault, 0);
    json_t *json = json_loads(buf_text(&b), 0, NULL);
    ck_assert_ptr_nonnull(json);
    buf_deinit(&b);
    return json;
}

/* In place of sched. */
static void decode(const json_t *json, bool is_lenient, int expected)
{
    sched = sched_free(sched);
    fail_clear(&failure);
    ck_assert_int_eq(sched_decode(&graph, json, is_lenient, &sched, &failure), expected);
    ck_assert((expected == 0) == (sched != NULL));
    ck_assert_int_eq(fail_is_set(&failure), expected == SCHED_E_REFUSED);
}

START_TEST(the_marks_of_a_new_thread_are_few)
{
    ck_assert_int_eq(sched_new(&graph, &sched), 0);
    expect_encoded("{\"version\":1,\"ready\":{},\"armed\":{},\"joins\":{},\"sends\":[],"
                   "\"ran\":{}}");
    sched_begin(sched);
    expect_encoded("{\"version\":2,\"ready\":{\"__start__\":2},\"armed\":{},\"joins\":{},"
                   "\"sends\":[],\"ran\":{}}");
}
END_TEST

START_TEST(marks_are_encoded_by_name)
{
    stand_in_the_middle();
    expect_encoded("{\"version\":4,\"ready\":{\"a\":4},\"armed\":{\"c\":3},\"joins\":{"
                   "\"join:a+b:d\":{\"seen\":[\"a\",\"b\"],\"at\":4,\"ready\":true},"
                   "\"join:b+e:d\":{\"seen\":[\"b\"],\"at\":0}},"
                   "\"sends\":[[\"e\",7]],\"ran\":{\"a\":3,\"b\":3,\"__start__\":2}}");
}
END_TEST

static void go_on_from_the_middle(void)
{
    expect_newest(NODE_NONE, true);
    expect_step("e(7)#0[__pregel_push] a[branch:to:a] d[join:a+b:d]");
    expect_newest(NODE_NONE, true);
    finish(D);
    finish(E);
    expect_step("d[join:b+e:d]");
    finish(D);
    expect_step("c[branch:to:c]");
    expect_newest(C, false);
    expect_step("");
}

START_TEST(a_run_goes_on_from_marks_that_were_stored)
{
    stand_in_the_middle();
    json_t *json = encoded();
    decode(json, false, 0);
    json_t *again = encoded();
    ck_assert(json_equal(json, again));
    json_decref(json);
    json_decref(again);
    go_on_from_the_middle();
}
END_TEST

START_TEST(a_copy_goes_its_own_way)
{
    stand_in_the_middle();
    struct sched *first = sched;
    ck_assert_int_eq(sched_copy(first, &sched), 0);
    go_on_from_the_middle();
    sched_free(sched);
    sched = first;
    go_on_from_the_middle();
}
END_TEST

/* In place of itself. */
static void store(void)
{
    json_t *json = encoded();
    decode(json, false, 0);
    json_decref(json);
}

START_TEST(a_join_of_a_deferred_node_is_stored_before_and_after_its_release)
{
    nodes[C].is_deferred = true;
    set_targets(&graph.start, LIST(A, B));
    set_targets(&nodes[B].out, LIST(D));
    add_join(C, "join:a+b:c", LIST(A, B));
    set_joins(A, LIST(0));
    set_joins(B, LIST(0));
    begin();
    expect_step("a[branch:to:a] b[branch:to:b]");
    finish(A);
    finish(B);
    sched_settle(sched);
    store();
    expect_step("d[branch:to:d]");
    sched_settle(sched);
    store();
    expect_step("c[join:a+b:c]");
}
END_TEST

START_TEST(settling_twice_releases_nothing)
{
    nodes[C].is_deferred = true;
    set_targets(&graph.start, LIST(A, C));
    begin();
    sched_settle(sched);
    sched_settle(sched);
    expect_plan("a[branch:to:a]");
}
END_TEST

START_TEST(a_node_that_is_deferred_no_more_is_ready)
{
    nodes[C].is_deferred = true;
    set_targets(&graph.start, LIST(A, C));
    begin();
    json_t *json = encoded();
    nodes[C].is_deferred = false;
    nodes[A].is_deferred = true;
    decode(json, false, 0);
    json_decref(json);
    expect_plan("a[branch:to:a] c[branch:to:c]");
}
END_TEST

#define MARKS(ready, armed, joins, sends)                                                          \
    "{\"version\":9,\"ready\":{" ready "},\"armed\":{" armed "},\"joins\":{" joins                 \
    "},\"sends\":[" sends "],\"ran\":{\"gone\":3,\"b\":4}}"

static const struct {
    const char *marks;
    const char *name; /* what the refusal says */
} gone[] = {
    { MARKS("\"a\":1,\"x\":1", "", "", ""), "node \"x\"" },
    { MARKS("\"a\":1", "\"x\":1", "", ""), "node \"x\"" },
    { MARKS("\"a\":1", "", "\"join:x+b:c\":{\"seen\":[\"x\"],\"at\":0}", ""),
      "join \"join:x+b:c\"" },
    { MARKS("\"a\":1", "", "\"join:a+b:c\":{\"seen\":[\"a\",\"x\"],\"at\":0}", ""), "node \"x\"" },
    { MARKS("\"a\":1", "", "", "[\"x\",1]"), "node \"x\"" },
};

START_TEST(what_is_marked_and_gone_is_refused_by_name_or_dropped)
{
    add_join(C, "join:a+b:c", LIST(A, B));
    json_t *json = json_loads(gone[_i].marks, 0, NULL);
    decode(json, false, SCHED_E_REFUSED);
    ck_assert_int_eq(failure.code, FAIL_INVALID_UPDATE);
    ck_assert_ptr_nonnull(strstr(fail_message(&failure), gone[_i].name));
    decode(json, true, 0);
    expect_plan("a[branch:to:a]");
    expect_newest(B, false);
    json_decref(json);
}
END_TEST

static const char *const damaged[] = {
    "[]",
    "{}",
    MARKS("\"a\":\"1\"", "", "", ""),
    MARKS("\"a\":0", "", "", ""),
    MARKS("", "\"a\":9223372036854775807", "", ""),
    MARKS("", "", "\"join:a+b:c\":{}", ""),
    MARKS("", "", "\"join:a+b:c\":{\"seen\":[1]}", ""),
    MARKS("", "", "\"join:a+b:c\":{\"seen\":[\"a\",\"b\"]}", ""),
    MARKS("", "", "", "[\"a\"]"),
    MARKS("", "", "", "1"),
    "{\"version\":1,\"ready\":{},\"armed\":{},\"joins\":{},\"sends\":{},\"ran\":{}}",
    "{\"version\":1,\"ready\":{},\"armed\":{},\"joins\":{},\"sends\":[],\"ran\":{\"a\":-1}}",
    "{\"version\":1,\"ready\":{},\"armed\":{},\"joins\":{},\"sends\":[]}",
};

START_TEST(damaged_marks_are_a_fault)
{
    add_join(C, "join:a+b:c", LIST(A, B));
    json_t *json = json_loads(damaged[_i], 0, NULL);
    decode(json, false, ERR_SYSTEM);
    decode(json, true, ERR_SYSTEM);
    json_decref(json);
}
END_TEST

/* ---- without memory ---- */

static int make_new(const json_t *json)
{
    (void)json;
    return sched_new(&graph, &sched);
}

static int make_copy(const json_t *json)
{
    (void)json;
    struct sched *first = sched;
    int r = sched_copy(first, &sched);
    if (r == 0)
        sched_free(first);
    return r;
}

static int make_decoded(const json_t *json)
{
    struct sched *made = NULL;
    int r = sched_decode(&graph, json, false, &made, &failure);
    if (r == 0) {
        sched_free(sched);
        sched = made;
    }
    return r;
}

static int make_encoded(const json_t *json)
{
    (void)json;
    struct buf b;
    buf_init(&b, 1000);
    sched_encode(sched, &b);
    int r = b.fault;
    buf_deinit(&b);
    return r;
}

static int (*const makers[])(const json_t *json) = { make_new, make_copy, make_decoded,
                                                     make_encoded };

START_TEST(every_failing_allocation_is_a_fault)
{
    unsigned long n = 1;
    stand_in_the_middle();
    json_t *json = encoded();
    if (makers[_i] == make_new)
        sched = sched_free(sched);
    for (bool is_pending = false; !is_pending; n++) {
        mem_fail_at(n);
        int r = makers[_i](json);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(is_pending ? r == 0 : r == ERR_NOMEM);
    }
    json_decref(json);
    ck_assert(!fail_is_set(&failure));
    ck_assert_uint_gt(n, 2);
}
END_TEST

#define LOOP(tc, test, table)                                                                      \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof(table[0])))

int main(void)
{
    Suite *suite = suite_create("sched_code");
    TCase *tc = tcase_create("sched_code");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_marks_of_a_new_thread_are_few);
    tcase_add_test(tc, marks_are_encoded_by_name);
    tcase_add_test(tc, a_run_goes_on_from_marks_that_were_stored);
    tcase_add_test(tc, a_copy_goes_its_own_way);
    tcase_add_test(tc, a_join_of_a_deferred_node_is_stored_before_and_after_its_release);
    tcase_add_test(tc, settling_twice_releases_nothing);
    tcase_add_test(tc, a_node_that_is_deferred_no_more_is_ready);
    LOOP(tc, what_is_marked_and_gone_is_refused_by_name_or_dropped, gone);
    LOOP(tc, damaged_marks_are_a_fault, damaged);
    LOOP(tc, every_failing_allocation_is_a_fault, makers);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
