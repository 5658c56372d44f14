/* run/saver.h: which rows are written when, and that what comes back is what was there. */
#include "checkpoint_kit.h"
#include <stdio.h>
#include <stdlib.h>

#define GRAPH                                                                                      \
    "{'state':{'log':{'type':'array','reducer':'append'},'talk':{'type':'messages'},"              \
    "'last':{'type':'string'},'n':{'type':'integer','reducer':'add'}},"                            \
    "'nodes':{" KIT_STEP("a") "},'edges':[['__start__','a'],['a','a']]}"

static struct loop *loop;
static struct store *store;
static struct graph *graph;
static struct checkpoint live;
static struct saver saver;

static void start(enum durability durability, int64_t max_bytes)
{
    store = kit_store(max_bytes);
    ck_assert_int_eq(saver_init(&saver, store, loop, "t", "", durability), 0);
}

static void setup(void)
{
    ck_assert_int_eq(loop_new(&loop), 0);
    graph = kit_graph(GRAPH);
    ck_assert_int_eq(checkpoint_init(&live, graph), 0);
}

static void teardown(void)
{
    saver_deinit(&saver);
    checkpoint_deinit(&live);
    graph = graph_unref(graph);
    store = store_close(store);
    ck_assert_int_eq(loop_op_count(loop), 0);
    loop = loop_free(loop);
}

static size_t count_stored(void)
{
    struct stored_list list;
    kit_read(store, loop, NULL, &list);
    size_t count = list.count;
    stored_list_clear(&list);
    return count;
}

/* How many parts a field of the latest checkpoint is stored in. */
static size_t count_parts(const char *field)
{
    struct stored_list list;
    size_t parts = 0;
    kit_read(store, loop, NULL, &list);
    for (size_t i = 0; i < list.items[0].value_count; i++)
        if (strcmp(list.items[0].values[i].field, field) == 0)
            parts = list.items[0].values[i].part_count;
    stored_list_clear(&list);
    return parts;
}

static void expect_same(const struct checkpoint *a, const char *id)
{
    struct checkpoint b;
    kit_load(store, loop, graph, id, &b);
    json_t *x = kit_state(a);
    json_t *y = kit_state(&b);
    ck_assert(json_equal(x, y));
    json_decref(x);
    json_decref(y);
    ck_assert_str_eq(a->id, b.id);
    ck_assert_str_eq(a->parent_id, b.parent_id);
    checkpoint_deinit(&b);
}

static void begin(const char *input)
{
    kit_begin(&live, &saver, input);
    kit_step(&live, &saver, "{}");
}

static void append(int i)
{
    char results[200];
    (void)snprintf(results, sizeof(results),
                   "{'a':{'log':['x%d'],'last':'l%d','n':1,"
                   "'talk':[{'type':'human','content':'hi','id':'m%d'}]}}",
                   i, i, i % 7);
    kit_step(&live, &saver, results);
}

START_TEST(every_step_is_a_checkpoint_in_sync_and_async)
{
    start(_i == 0 ? DURABILITY_SYNC : DURABILITY_ASYNC, 0);
    begin("{'log':['in']}");
    append(1);
    ck_assert_int_eq(kit_wait(&saver), 0);
    ck_assert_uint_eq(count_stored(), 3);
    expect_same(&live, NULL);
    ck_assert_str_eq(saver.stored_id, live.id);
}
END_TEST

START_TEST(exit_writes_the_last_checkpoint_with_the_stored_one_as_its_parent)
{
    start(DURABILITY_EXIT, 0);
    for (int run = 1; run <= 2; run++) {
        char before[ID_BYTES];
        memcpy(before, saver.stored_id, ID_BYTES);
        begin("{'log':['in']}");
        append(run);
        ck_assert_uint_eq(count_stored(), (size_t)run - 1);
        ck_assert_int_eq(saver_flush(&saver, &live), 0);
        ck_assert_int_eq(kit_wait(&saver), 0);
        ck_assert_uint_eq(count_stored(), (size_t)run);
        ck_assert_str_eq(live.parent_id, before);
        expect_same(&live, NULL);
    }
    ck_assert_uint_eq(count_parts("log"), 1);
}
END_TEST

START_TEST(exit_writes_what_is_pending_and_only_that_on_a_loaded_checkpoint)
{
    struct stored_list list;
    start(DURABILITY_EXIT, 0);
    begin("{}");
    kit_set_write(&live, 0, WRITE_INTERRUPT, "[{'id':'i','value':1}]");
    ck_assert_int_eq(saver_flush(&saver, &live), 0);
    kit_set_write(&live, 0, WRITE_ERROR, "{'name':'E','message':'m'}");
    ck_assert_int_eq(saver_flush(&saver, &live), 0);
    ck_assert_int_eq(kit_wait(&saver), 0);
    kit_read(store, loop, NULL, &list);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_uint_eq(list.items[0].write_count, 2);
    stored_list_clear(&list);
}
END_TEST

START_TEST(a_write_is_stored_as_soon_as_it_is_put)
{
    struct checkpoint back;
    char id[ID_BYTES];
    start(DURABILITY_ASYNC, 0);
    begin("{}");
    kit_task_id(&live, 0, id);
    kit_set_write(&live, 0, WRITE_RESULT, "{'update':[['n',2]],'goto':[]}");
    ck_assert_int_eq(saver_put_write(&saver, &live, id, WRITE_RESULT, "a"), 0);
    ck_assert_int_eq(saver_put_write(&saver, &live, id, WRITE_ERROR, "a"), 0);
    ck_assert_int_eq(kit_wait(&saver), 0);
    kit_load(store, loop, graph, NULL, &back);
    ck_assert_uint_eq(back.write_count, 1);
    kit_expect(checkpoint_find_write(&back, id, WRITE_RESULT), "{'update':[['n',2]],'goto':[]}");
    checkpoint_deinit(&back);
}
END_TEST

START_TEST(an_unchanged_field_costs_nothing)
{
    start(DURABILITY_ASYNC, 0);
    begin("{'log':['in'],'last':'x'}");
    char written_by[ID_BYTES];
    memcpy(written_by, live.id, ID_BYTES);
    kit_step(&live, &saver, "{}");
    kit_step(&live, &saver, "{'a':{'n':1}}");
    ck_assert_int_eq(kit_wait(&saver), 0);
    ck_assert_str_eq(live.places[graph_find_field(graph, "last")].at, written_by);
    ck_assert_str_eq(live.places[graph_find_field(graph, "n")].at, live.id);
    expect_same(&live, NULL);
}
END_TEST

START_TEST(a_list_that_grew_step_by_step_reads_back_as_it_was_on_every_branch)
{
    enum { STEPS = 120, FORK_AT = 60 };
    struct checkpoint fork;
    struct saver other;
    char at[ID_BYTES];
    start(DURABILITY_ASYNC, 0);
    begin("{'log':['in'],'talk':'hello'}");
    for (int i = 0; i < STEPS; i++) {
        append(i);
        if (i == FORK_AT)
            memcpy(at, live.id, ID_BYTES);
        if (i % 10 == 0)
            expect_same(&live, live.id);
    }
    ck_assert_int_eq(kit_wait(&saver), 0);
    ck_assert_uint_gt(count_parts("log"), 1);
    ck_assert_uint_le(count_parts("log"), SAVER_DELTA_MAX);
    expect_same(&live, live.id);

    kit_load(store, loop, graph, at, &fork);
    ck_assert_int_eq(saver_init(&other, store, loop, "t", "", DURABILITY_ASYNC), 0);
    saver_note_loaded(&other, &fork);
    for (int i = 0; i < 5; i++)
        kit_step(&fork, &other,
                 "{'a':{'log':['fork','twice'],'talk':{'role':'user','content':'f','id':'f'}}}");
    ck_assert_int_eq(kit_wait(&other), 0);
    expect_same(&fork, fork.id);
    expect_same(&live, live.id);
    saver_deinit(&other);
    checkpoint_deinit(&fork);
}
END_TEST

/* After 4 writes at least, and when they are as large as what was there: so the whole is written
 * when it has doubled. */
START_TEST(a_field_that_grows_is_stored_whole_when_it_has_doubled)
{
    int whole_count = 0;
    size_t longest = 0;
    start(DURABILITY_ASYNC, 0);
    saver.delta_max = 4;
    begin("{'log':['in']}");
    for (int i = 0; i < 200; i++) {
        append(i);
        size_t parts = count_parts("log");
        whole_count += parts == 1;
        longest = parts > longest ? parts : longest;
    }
    ck_assert_int_ge(whole_count, 5);
    ck_assert_int_le(whole_count, 8);
    ck_assert_uint_gt(longest, 50);
    ck_assert_uint_le(longest, 100 + 4);
    ck_assert_int_eq(kit_wait(&saver), 0);
    expect_same(&live, NULL);
}
END_TEST

START_TEST(an_overwrite_is_stored_whole)
{
    static const char *const overwrites[] = {
        "{'a':{'log':{'__overwrite__':['new']}}}",
        "{'a':{'log':{'type':'__overwrite__','value':['new']}}}"
    };
    start(DURABILITY_ASYNC, 0);
    begin("{'log':['in']}");
    append(1);
    ck_assert_uint_eq(count_parts("log"), 2);
    kit_step(&live, &saver, overwrites[_i]);
    ck_assert_int_eq(kit_wait(&saver), 0);
    ck_assert_uint_eq(count_parts("log"), 1);
    expect_same(&live, NULL);
}
END_TEST

START_TEST(messages_without_ids_are_stored_whole)
{
    start(DURABILITY_ASYNC, 0);
    begin("{'talk':'first'}");
    kit_step(&live, &saver, "{'a':{'talk':'second'}}");
    ck_assert_int_eq(kit_wait(&saver), 0);
    ck_assert_uint_eq(count_parts("talk"), 1);
    expect_same(&live, NULL);
}
END_TEST

START_TEST(a_change_between_the_steps_is_stored_whole)
{
    struct outcome o = { 0 };
    struct fail f = { 0 };
    json_t *command = kit_json("{'update':{'log':['c']}}");
    start(DURABILITY_ASYNC, 0);
    begin("{'log':['in']}");
    append(1);
    ck_assert_int_eq(outcome_add_command(&o, graph, command, &f), 0);
    ck_assert_int_eq(checkpoint_apply_null(&live, &o, &kit_limits, NULL, &f), 0);
    append(2);
    ck_assert_int_eq(kit_wait(&saver), 0);
    ck_assert_uint_eq(count_parts("log"), 1);
    expect_same(&live, NULL);
    outcome_clear(&o);
    json_decref(command);
}
END_TEST

START_TEST(a_full_store_is_told_once_and_names_the_setting)
{
    enum { MIB = 1024 * 1024 };
    struct fail f = { 0 };
    start(DURABILITY_ASYNC, 1000);
    begin("{'log':['in']}");
    for (int i = 0; i < 50; i++)
        append(i);
    ck_assert_int_eq(kit_wait(&saver), STORE_E_FULL);
    saver_fail(&saver, &f);
    ck_assert_int_eq(f.code, FAIL_NO_ROOM);
    ck_assert_ptr_nonnull(strstr(fail_message(&f), "memory_store_bytes"));
    fail_clear(&f);
}
END_TEST

START_TEST(other_results_become_failures_of_their_own)
{
    static const struct {
        int result;
        enum fail_code code;
    } rows[] = { { STORE_E_TOO_LARGE, FAIL_LIMIT },
                 { STORE_E_STALE, FAIL_CONFLICT },
                 { ERR_NOMEM, FAIL_INTERNAL } };
    struct fail f = { 0 };
    start(DURABILITY_ASYNC, 0);
    saver.result = rows[_i].result;
    saver_fail(&saver, &f);
    ck_assert_int_eq(f.code, rows[_i].code);
    fail_clear(&f);
}
END_TEST

/* A backend that takes its time. */
static struct store_op *taken[100];
static size_t taken_count;

static void slow_commit(struct store *s, struct loop *l, struct store_op *c, struct store_batch *b)
{
    (void)s;
    (void)l;
    (void)b; /* freed by the caller */
    taken[taken_count++] = c;
}

static void put_large_write(size_t len)
{
    char *text = mem_alloc(len + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', len);
    text[len] = '\0';
    ck_assert_int_eq(
        checkpoint_set_write_take(&live, NULL_TASK_ID, WRITE_RESUME, json_string(text)), 0);
    mem_free(text);
    ck_assert_int_eq(saver_put_write(&saver, &live, NULL_TASK_ID, WRITE_RESUME, ""), 0);
}

START_TEST(async_waits_only_where_it_is_far_ahead_of_the_disk_and_sync_always)
{
    struct store slow = { .commit = slow_commit };
    start(_i == 0 ? DURABILITY_SYNC : DURABILITY_ASYNC, 0);
    saver.store = &slow;
    ck_assert(!saver_must_wait(&saver));
    put_large_write(1 << 20);
    ck_assert_int_eq(saver_must_wait(&saver), saver.durability == DURABILITY_SYNC);
    for (int i = 0; i < 4; i++)
        put_large_write(1 << 20);
    ck_assert(saver_must_wait(&saver));
    for (size_t i = 0; i < taken_count; i++)
        op_finish(&taken[i]->op, 0);
    ck_assert_int_eq(kit_wait(&saver), 0);
    ck_assert(!saver_must_wait(&saver));
    ck_assert_uint_eq(saver.in_flight_bytes, 0);
}
END_TEST

START_TEST(without_a_store_nothing_happens)
{
    ck_assert_int_eq(saver_init(&saver, NULL, loop, "t", "", DURABILITY_SYNC), 0);
    begin("{}");
    append(1);
    ck_assert_int_eq(saver_flush(&saver, &live), 0);
    ck_assert_int_eq(kit_wait(&saver), 0);
    ck_assert_uint_eq(saver.in_flight, 0);
}
END_TEST

START_TEST(durabilities_have_names)
{
    start(DURABILITY_ASYNC, 0);
    ck_assert_int_eq(durability_find("async"), DURABILITY_ASYNC);
    ck_assert_int_eq(durability_find("sync"), DURABILITY_SYNC);
    ck_assert_int_eq(durability_find("exit"), DURABILITY_EXIT);
    ck_assert_int_eq(durability_find("never"), -1);
}
END_TEST

/* Puts the step again and again until memory suffices. */
START_TEST(a_put_without_memory_fails_and_leaves_the_places_as_they_were)
{
    start(DURABILITY_ASYNC, 0);
    begin("{'log':['in'],'n':1}");
    json_t *results = kit_json("{'a':{'log':['x'],'n':1,'last':'y'}}");
    struct kit_step s;
    kit_step_fill(&s, &live, results);
    int r = -1;
    for (unsigned long n = 1; r != 0; n++) {
        mem_fail_at(n);
        r = saver_note_step(&saver, &live, s.tasks, s.count);
        mem_fail_at(0);
        ck_assert_int_le(r, 0);
    }
    ck_assert_int_eq(checkpoint_apply(&live, s.tasks, s.count, &kit_limits, NULL, &s.f), 0);
    checkpoint_advance(&live, SOURCE_LOOP);
    char at[ID_BYTES];
    memcpy(at, live.places[0].at, ID_BYTES);
    unsigned long failures = 0;
    for (unsigned long n = 1;; n++) {
        mem_fail_at(n);
        r = saver_put(&saver, &live);
        bool is_pending = mem_fail_pending();
        mem_fail_at(0);
        if (r == 0 && is_pending)
            break;
        if (r == 0) { /* the store ran out of it later */
            ck_assert_int_eq(kit_wait(&saver), ERR_NOMEM);
            break;
        }
        failures++;
        ck_assert_str_eq(live.places[0].at, at);
    }
    ck_assert_uint_gt(failures, 5);
    ck_assert_str_eq(live.places[0].at, live.id);
    kit_step_clear(&s);
    json_decref(results);
    (void)kit_wait(&saver); /* said above */
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("saver");
    TCase *t = tcase_create("saver");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, every_step_is_a_checkpoint_in_sync_and_async, 0, 2);
    tcase_add_test(t, exit_writes_the_last_checkpoint_with_the_stored_one_as_its_parent);
    tcase_add_test(t, exit_writes_what_is_pending_and_only_that_on_a_loaded_checkpoint);
    tcase_add_test(t, a_write_is_stored_as_soon_as_it_is_put);
    tcase_add_test(t, an_unchanged_field_costs_nothing);
    tcase_add_test(t, a_list_that_grew_step_by_step_reads_back_as_it_was_on_every_branch);
    tcase_add_test(t, a_field_that_grows_is_stored_whole_when_it_has_doubled);
    tcase_add_loop_test(t, an_overwrite_is_stored_whole, 0, 2);
    tcase_add_test(t, messages_without_ids_are_stored_whole);
    tcase_add_test(t, a_change_between_the_steps_is_stored_whole);
    tcase_add_test(t, a_full_store_is_told_once_and_names_the_setting);
    tcase_add_loop_test(t, other_results_become_failures_of_their_own, 0, 3);
    tcase_add_loop_test(t, async_waits_only_where_it_is_far_ahead_of_the_disk_and_sync_always, 0,
                        2);
    tcase_add_test(t, without_a_store_nothing_happens);
    tcase_add_test(t, durabilities_have_names);
    tcase_add_test(t, a_put_without_memory_fails_and_leaves_the_places_as_they_were);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
