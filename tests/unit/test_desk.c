/*
 * The desk over a worker with the memory store: what it writes down and when, the line of a thread's
 * runs, and that no lack of memory leaves a row that says running without anybody at work on it.
 */
#include "base/clock.h"
#include "run/desk.h"
#include "run_kit.h"
#include <sys/resource.h>

#define HELD                                                                                       \
    "{'name':'g','state':{'q':{'type':'string'},'log':{'type':'array','reducer':'append'}},"       \
    "'nodes':{'one':{'kind':'set','values':{'log':'one {{q}}'}},'two':{'kind':'hold'}},"           \
    "'edges':[['__start__','one'],['one','two'],['two','__end__']]}"
#define QUICK                                                                                      \
    "{'name':'g','state':{'q':{'type':'string'},'log':{'type':'array','reducer':'append'}},"       \
    "'nodes':{'one':{'kind':'set','values':{'log':'one {{q}}'}}},"                                 \
    "'edges':[['__start__','one'],['one','__end__']]}"

/* ---- a worker with a desk ---- */

struct bench {
    struct rig rig;
    struct registry graphs;
    struct desk *desk;
    unsigned long fail_at; /* the allocation of an order that fails; 0 = none */
};

static void bench_init(struct bench *b, const char *graph)
{
    memset(b, 0, sizeof(*b));
    rig_settings(&b->rig);
    struct graph *g = rig_graph(&b->rig, graph);
    ck_assert_int_eq(registry_add(&b->graphs, g), 0);
    graph_unref(g);
    ck_assert_int_eq(desk_new(&b->rig.worker.services, b->rig.worker.runs, &b->graphs, &b->desk),
                     0);
}

static void bench_deinit(struct bench *b)
{
    worker_end_runs(&b->rig.worker);
    b->desk = desk_free(b->desk);
    rig_deinit(&b->rig);
    registry_deinit(&b->graphs);
}

struct answer {
    bool is_there;
    int result;
    struct run *run;
    struct fail fail;
};

static void answered(void *arg, int result)
{
    struct answer *a = arg;
    ck_assert(!a->is_there);
    a->result = result;
    a->is_there = true;
}

/* thread NULL = stateless. */
static struct answer submit(struct bench *b, const char *thread, const char *kwargs,
                            enum multitask how)
{
    struct answer a = { 0 };
    struct desk_op op = { 0 };
    json_t *json = rig_parse(kwargs);
    const struct desk_order order = { .assistant = "g",
                                      .thread_id = thread,
                                      .kwargs = json,
                                      .multitask = how,
                                      .creates_thread = true,
                                      .modes = MODE_VALUES };
    mem_fail_at(b->fail_at);
    desk_submit(b->desk, &op, &order, &a.run, &a.fail, answered, &a);
    ck_assert(!a.is_there);
    json_decref(json);
    ck_assert_int_eq(loop_run_until(b->rig.worker.loop, &a.is_there), 0);
    return a;
}

static struct run *start(struct bench *b, const char *thread, enum multitask how)
{
    struct answer a = submit(b, thread, "{'input':{'q':'x'}}", how);
    ck_assert_msg(a.result == 0, "%s", fail_message(&a.fail));
    return a.run;
}

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

/* Reads the run to the end that its readers see. */
static void finish(struct bench *b, struct run *run)
{
    struct reader *r = NULL;
    bool is_ready = true;
    struct run_event event;
    ck_assert_int_eq(reader_open(run, MODE_VALUES, set_true, &is_ready, &r), 0);
    for (enum reader_result what; (what = reader_next(r, &event)) != READER_END;) {
        if (what == READER_EVENT)
            continue;
        is_ready = false;
        ck_assert_int_eq(loop_run_until(b->rig.worker.loop, &is_ready), 0);
    }
    reader_close(r);
    run_unref(run);
}

static void wait_held(struct bench *b, int count)
{
    while (b->rig.held_count < count) {
        bool is_over = false;
        struct loop_work turn;
        loop_work_init(&turn, set_true, &is_over);
        loop_ready(b->rig.worker.loop, &turn);
        ck_assert_int_eq(loop_run_until(b->rig.worker.loop, &is_over), 0);
    }
}

/* ---- what is in the books ---- */

struct look {
    struct stored_records found;
    bool is_there;
};

static void looked(void *arg, int result)
{
    ck_assert_int_eq(result, 0);
    ((struct look *)arg)->is_there = true;
}

static struct stored_records find(struct bench *b, enum record_kind kind, const char *id)
{
    struct look look = { .is_there = false };
    struct store_op op = { 0 };
    const struct record_query query = { .kind = kind,
                                        .ids = id != NULL ? &id : NULL,
                                        .id_count = id != NULL ? 1 : 0,
                                        .is_ascending = true };
    store_find_records(b->rig.worker.store, b->rig.worker.loop, &op, &query, &look.found, looked,
                       &look);
    ck_assert_int_eq(loop_run_until(b->rig.worker.loop, &look.is_there), 0);
    return look.found;
}

/* "status", or "none". */
static const char *status(struct bench *b, enum record_kind kind, const char *id)
{
    static char text[32];
    struct stored_records found = find(b, kind, id);
    snprintf(text, sizeof(text), "%s", found.count == 0 ? "none" : found.items[0].status);
    stored_records_clear(&found);
    return text;
}

static char *body(struct bench *b, enum record_kind kind, const char *id)
{
    struct stored_records found = find(b, kind, id);
    ck_assert_uint_eq(found.count, 1);
    char *text = strdup(found.items[0].body.bytes);
    stored_records_clear(&found);
    return text;
}

/* ---- one run ---- */

START_TEST(a_run_is_written_down_from_its_order_to_its_end)
{
    struct bench b;
    bench_init(&b, HELD);
    struct run *run = start(&b, "t", MULTITASK_REJECT);
    char id[ID_BYTES];
    memcpy(id, run_id(run), ID_BYTES);
    wait_held(&b, 1);
    ck_assert_str_eq(status(&b, RECORD_RUN, id), "running");
    ck_assert_str_eq(status(&b, RECORD_THREAD, "t"), "busy");
    task_finish(b.rig.held[0], NULL);
    finish(&b, run);
    ck_assert_str_eq(status(&b, RECORD_RUN, id), "success");
    ck_assert_str_eq(status(&b, RECORD_THREAD, "t"), "idle");
    char *text = body(&b, RECORD_THREAD, "t");
    ck_assert_str_eq(
        text, "{\"config\":{},\"values\":{\"q\":\"x\",\"log\":[\"one x\"]},\"interrupts\":{}}");
    free(text);
    bench_deinit(&b);
}
END_TEST

START_TEST(a_stateless_run_leaves_no_rows)
{
    struct bench b;
    bench_init(&b, QUICK);
    finish(&b, start(&b, NULL, MULTITASK_REJECT));
    struct stored_records runs = find(&b, RECORD_RUN, NULL);
    struct stored_records threads = find(&b, RECORD_THREAD, NULL);
    ck_assert_uint_eq(runs.count + threads.count, 0);
    stored_records_clear(&runs);
    stored_records_clear(&threads);
    bench_deinit(&b);
}
END_TEST

static const struct {
    const char *thread;
    const char *says;
    enum fail_code code;
} refusals[] = {
    { "", "1 to 255 bytes", FAIL_UNPROCESSABLE },
    { "..", "is not \".\" or \"..\"", FAIL_UNPROCESSABLE },
    { "t", "already running", FAIL_BUSY },
};

START_TEST(what_is_refused_leaves_no_rows)
{
    struct bench b;
    bench_init(&b, HELD);
    struct run *run = start(&b, "t", MULTITASK_ENQUEUE);
    struct answer a = submit(&b, refusals[_i].thread, "{'input':{}}", MULTITASK_REJECT);
    ck_assert_int_eq(a.result, DESK_E_REFUSED);
    ck_assert_int_eq(a.fail.code, refusals[_i].code);
    ck_assert_ptr_nonnull(strstr(fail_message(&a.fail), refusals[_i].says));
    ck_assert_ptr_null(a.run);
    fail_clear(&a.fail);
    struct stored_records runs = find(&b, RECORD_RUN, NULL);
    ck_assert_uint_eq(runs.count, 1);
    stored_records_clear(&runs);
    desk_cancel(b.desk, run, CANCEL_INTERRUPT);
    finish(&b, run);
    bench_deinit(&b);
}
END_TEST

/* ---- lines ---- */

START_TEST(the_next_run_begins_when_the_one_before_is_written_down)
{
    struct bench b;
    bench_init(&b, HELD);
    struct run *first = start(&b, "t", MULTITASK_ENQUEUE);
    struct run *second = start(&b, "t", MULTITASK_ENQUEUE);
    wait_held(&b, 1);
    ck_assert_str_eq(status(&b, RECORD_RUN, run_id(second)), "pending");
    task_finish(b.rig.held[0], NULL);
    finish(&b, first);
    ck_assert_str_eq(status(&b, RECORD_THREAD, "t"), "busy");
    wait_held(&b, 2);
    task_finish(b.rig.held[1], NULL);
    finish(&b, second);
    ck_assert_str_eq(status(&b, RECORD_THREAD, "t"), "idle");
    bench_deinit(&b);
}
END_TEST

static const struct {
    enum multitask how;
    const char *first;
    const char *log;
} strategies[] = {
    { MULTITASK_INTERRUPT, "interrupted", "[\"one x\",\"one x\"]" },
    { MULTITASK_ROLLBACK, "none", "[\"one x\"]" },
};

START_TEST(a_run_may_take_the_place_of_those_before_it)
{
    struct bench b;
    bench_init(&b, HELD);
    struct run *first = start(&b, "t", MULTITASK_ENQUEUE);
    struct run *waiting = start(&b, "t", MULTITASK_ENQUEUE);
    char id[ID_BYTES], waiting_id[ID_BYTES];
    memcpy(id, run_id(first), ID_BYTES);
    memcpy(waiting_id, run_id(waiting), ID_BYTES);
    wait_held(&b, 1);
    struct run *second = start(&b, "t", strategies[_i].how);
    finish(&b, first);
    finish(&b, waiting);
    wait_held(&b, 2);
    task_finish(b.rig.held[1], NULL);
    finish(&b, second);
    ck_assert_str_eq(status(&b, RECORD_RUN, id), strategies[_i].first);
    ck_assert_str_eq(status(&b, RECORD_RUN, waiting_id), strategies[_i].first);
    char *text = body(&b, RECORD_THREAD, "t");
    ck_assert_msg(strstr(text, strategies[_i].log) != NULL, "%s", text);
    free(text);
    bench_deinit(&b);
}
END_TEST

START_TEST(a_cancelled_run_is_interrupted_and_its_thread_idle)
{
    struct bench b;
    bench_init(&b, HELD);
    struct run *run = start(&b, "t", MULTITASK_ENQUEUE);
    char id[ID_BYTES];
    memcpy(id, run_id(run), ID_BYTES);
    wait_held(&b, 1);
    ck_assert_ptr_eq(desk_find(b.desk, "t", id), run);
    ck_assert_ptr_null(desk_find(b.desk, "u", id));
    ck_assert_ptr_null(desk_find(b.desk, NULL, id));
    desk_cancel(b.desk, run, CANCEL_INTERRUPT);
    desk_cancel(b.desk, run, CANCEL_INTERRUPT);
    finish(&b, run);
    ck_assert_str_eq(status(&b, RECORD_RUN, id), "interrupted");
    ck_assert_str_eq(status(&b, RECORD_THREAD, "t"), "idle");
    bench_deinit(&b);
}
END_TEST

START_TEST(a_thread_is_emptied_before_it_is_deleted)
{
    struct bench b;
    bool is_empty = false;
    struct desk_wait wait = { .empty = set_true, .arg = &is_empty };
    bench_init(&b, HELD);
    ck_assert(!desk_empty_thread(b.desk, "t", &wait));
    struct run *first = start(&b, "t", MULTITASK_ENQUEUE);
    struct run *second = start(&b, "t", MULTITASK_ENQUEUE);
    ck_assert(desk_empty_thread(b.desk, "t", &wait));
    ck_assert(!is_empty);
    ck_assert_int_eq(loop_run_until(b.rig.worker.loop, &is_empty), 0);
    ck_assert(run_has_ended(first) && run_has_ended(second));
    run_unref(first);
    run_unref(second);
    bench_deinit(&b);
}
END_TEST

/* ---- what an earlier process has left ---- */

enum { LEFT_COUNT = 2000, HOUR_MS = 3600000 };

static void committed(void *arg, int result)
{
    ck_assert_int_eq(result, 0);
    *(bool *)arg = true;
}

/* Stateless runs that are to begin in an hour. */
static void leave_waiting(struct bench *b, int count)
{
    struct store_batch batch;
    struct store_op op = { 0 };
    bool is_there = false;
    json_t *nothing = json_object();
    int64_t now_ms = clock_wall_ms();
    struct sheet sheet = { .assistant_id = "a",
                           .graph = "g",
                           .status = "pending",
                           .metadata = nothing,
                           .kwargs = nothing,
                           .attempt = 1,
                           .is_temporary = true,
                           .created_ms = now_ms,
                           .updated_ms = now_ms,
                           .due_ms = now_ms + HOUR_MS };

    store_batch_init(&batch);
    for (int i = 0; i < count; i++) {
        id_v7(sheet.run_id);
        sheet_add(&sheet, &batch, 1000);
    }
    store_commit(b->rig.worker.store, b->rig.worker.loop, &op, &batch, committed, &is_there);
    ck_assert_int_eq(loop_run_until(b->rig.worker.loop, &is_there), 0);
    store_batch_deinit(&batch);
    json_decref(nothing);
}

START_TEST(however_many_runs_are_taken_up_the_stack_stays_small)
{
    struct bench b;
    struct rlimit before, small;
    bench_init(&b, QUICK);
    leave_waiting(&b, LEFT_COUNT);
    ck_assert_int_eq(getrlimit(RLIMIT_STACK, &before), 0);
    small = before;
    small.rlim_cur = 256 * 1024;
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &small), 0);
    ck_assert_int_eq(desk_recover(b.desk), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_STACK, &before), 0);
    struct stored_records runs = find(&b, RECORD_RUN, NULL);
    ck_assert_uint_eq(runs.count, LEFT_COUNT);
    ck_assert_ptr_nonnull(desk_find(b.desk, NULL, runs.items[LEFT_COUNT - 1].id));
    stored_records_clear(&runs);
    bench_deinit(&b);
}
END_TEST

/* ---- faults ---- */

/* Nothing is at work once the loop has come to rest, so no row may say so. */
static void check_rows(struct bench *b)
{
    struct stored_records runs = find(b, RECORD_RUN, NULL);
    for (size_t i = 0; i < runs.count; i++) {
        ck_assert_str_ne(runs.items[i].status, "running");
        ck_assert_str_ne(runs.items[i].status, "pending");
    }
    stored_records_clear(&runs);
    ck_assert_str_ne(status(b, RECORD_THREAD, "t"), "busy");
}

START_TEST(no_lack_of_memory_leaves_a_row_that_says_running)
{
    bool is_through = false;
    log_level_set(LOG_ERROR);
    for (unsigned long n = 1; !is_through; n++) {
        struct bench b;
        bench_init(&b, QUICK);
        b.fail_at = n;
        struct answer a = submit(&b, "t", "{'input':{'q':'x'}}", MULTITASK_ENQUEUE);
        if (a.result == 0) {
            bool is_empty = false;
            struct desk_wait wait = { .empty = set_true, .arg = &is_empty };
            if (desk_empty_thread(b.desk, "t", &wait) && !is_empty)
                ck_assert_int_eq(loop_run_until(b.rig.worker.loop, &is_empty), 0);
        }
        is_through = mem_fail_pending() != 0;
        mem_fail_at(0);
        run_unref(a.run);
        fail_clear(&a.fail);
        check_rows(&b);
        bench_deinit(&b);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("desk");
    TCase *one = tcase_create("one run");
    tcase_add_test(one, a_run_is_written_down_from_its_order_to_its_end);
    tcase_add_test(one, a_stateless_run_leaves_no_rows);
    tcase_add_loop_test(one, what_is_refused_leaves_no_rows, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    suite_add_tcase(s, one);
    TCase *lines = tcase_create("lines");
    tcase_add_test(lines, the_next_run_begins_when_the_one_before_is_written_down);
    tcase_add_loop_test(lines, a_run_may_take_the_place_of_those_before_it, 0,
                        sizeof(strategies) / sizeof(strategies[0]));
    tcase_add_test(lines, a_cancelled_run_is_interrupted_and_its_thread_idle);
    tcase_add_test(lines, a_thread_is_emptied_before_it_is_deleted);
    suite_add_tcase(s, lines);
    TCase *left = tcase_create("left");
    tcase_set_timeout(left, 60);
    tcase_add_test(left, however_many_runs_are_taken_up_the_stack_stays_small);
    suite_add_tcase(s, left);
    TCase *faults = tcase_create("faults");
    tcase_set_timeout(faults, 240);
    tcase_add_test(faults, no_lack_of_memory_leaves_a_row_that_says_running);
    suite_add_tcase(s, faults);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
