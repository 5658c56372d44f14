/*
 * The fault law: whatever goes wrong, and whenever, a run ends once, leaves nothing at work and
 * nothing of what was cancelled in the state or the store, and its thread can go on to the end that
 * it would have come to.
 *
 * The graph has one of everything. A play of it (a run that asks, and one that answers) is counted
 * in ops that finish, in attempts, in commits or in allocations; then it is played again for every
 * one of them, and there the fault happens.
 */
#include "laws_rig.h"

#define QUICK "'initial_ms':0,'jitter':false"
static const struct laws_case everything = {
    "everything",
    "{'step_timeout_ms':86400000,"
    "'state':{'log':{'type':'array','reducer':'append'},'last':{'type':'any'},"
    "'talk':{'type':'messages'},'item':{'type':'any','private':true}},'nodes':{"
    "'a':{'kind':'act','ends':['w']},'w':{'kind':'act'},"
    "'r':{'kind':'act','retry':{'max_attempts':3,'on':['E']," QUICK "}},"
    "'t':{'kind':'act','timeout_ms':3600000,'retry':{'max_attempts':2," QUICK "}},"
    "'i':{'kind':'act','idle_timeout_ms':3600000,'retry':{'max_attempts':2," QUICK "}},"
    "'h':{'kind':'act','on_error':{'kind':'act','goto':'k'}},'k':{'kind':'act'},"
    "'c':{'kind':'act','cache':{}},"
    "'s':{'kind':'graph','graph':{'state':{'last':{'type':'any'},"
    "'own':{'type':'array','reducer':'append'}},'nodes':{'x':{'kind':'act'},'y':{'kind':'act'},"
    "'z':{'kind':'act','retry':{'max_attempts':2,'on':['Z']," QUICK "}}},"
    "'edges':[['START','x'],['x',['y','z']]]}},"
    "'j':{'kind':'act'},'d':{'kind':'set','values':{'log':'{{last}}{{^$run}}!{{/$run}}'}}},"
    "'edges':[['START','a'],['a',['r','t','i','h','c','s']],[['r','t','i','c','s'],'j'],['j','d']]"
    "}",
    "{'a':[[{'custom':{'at':'a'}},{'update':{'log':'a','talk':[['user','hello']]},"
    "'goto':[{'node':'w','arg':{'item':1}},{'node':'w','arg':{'item':2}}]}]],"
    "'w':[[{'update':{'log':[{'$input':'item'}]}}]],"
    "'r':[[{'fail':'E','times':2},{'update':{'log':'r'}}]],"
    "'t':[[{'hold':1},{'update':{'log':'t'}}]],'i':[[{'hold':1},{'update':{'log':'i'}}]],"
    "'h':[[{'fail':'H','times':99}]],'__error_handler__h':[[{'update':{'log':'handled'}}]],"
    "'k':[[{'update':{'log':'k'}}]],'c':[[{'update':{'log':'c'}}]],"
    "'s/x':[[{'update':{'own':'x'}}]],'s/y':[[{'ask':'y1','into':'last'}]],"
    "'s/z':[[{'fail':'Z'},{'update':{'own':'z'}}]],"
    "'j':[[{'update':{'log':'j'}}]]}",
    "{'log':['in']}"
};
static const char *const durabilities[] = { "sync", "async", "exit" };
enum { DURABILITY_COUNT = 3 };

/* ---- what happens ---- */

enum what {
    FAULTY_RESULT,   /* the op gives a fault */
    CANCELLED,       /* the run is cancelled, between the op's finish and its end */
    CANCELLED_LATER, /* at the end of that turn */
    TIMED_OUT,
    TIMED_OUT_LATER,
    DRAINED, /* the server ends */
    WHAT_COUNT
};

struct fault {
    struct laws *laws;
    enum what what;
    long at; /* the number of the op, 0 = none */
    long count;
    int run_count; /* of the play */
    struct loop_work work;
};

static struct run *only_run(const struct laws *l)
{
    const struct runs *runs = l->worker.runs;
    ck_assert_int_le(runs->active_count, 1);
    return runs->active_count == 0 ? NULL : LIST_OF(runs->active.next, struct run, node);
}

static void cancel(void *arg)
{
    struct fault *f = arg;
    if (only_run(f->laws) != NULL)
        run_cancel(only_run(f->laws));
}

static void time_out(void *arg)
{
    struct fault *f = arg;
    if (only_run(f->laws) != NULL)
        run_timeout_passed(only_run(f->laws));
}

static void drain(void *arg)
{
    struct fault *f = arg;
    if (only_run(f->laws) != NULL)
        run_drain(only_run(f->laws));
}

static int finished(void *arg, int result)
{
    static const struct {
        void (*call)(void *arg);
        void (*queue)(struct loop *loop, struct loop_work *work);
    } acts[WHAT_COUNT] = {
        [CANCELLED] = { cancel, loop_ready },   [CANCELLED_LATER] = { cancel, loop_defer },
        [TIMED_OUT] = { time_out, loop_ready }, [TIMED_OUT_LATER] = { time_out, loop_defer },
        [DRAINED] = { drain, loop_ready },
    };
    struct fault *f = arg;
    if (++f->count != f->at)
        return result;
    if (f->what == FAULTY_RESULT)
        return result == 0 ? ERR_SYSTEM : result;
    loop_work_init(&f->work, acts[f->what].call, f);
    acts[f->what].queue(f->laws->worker.loop, &f->work);
    return result;
}

/* ---- plays ---- */

static void check_clean(struct laws *l, const struct laws_end *end)
{
    char *dump = laws_dump(l);
    ck_assert_ptr_null(strstr(dump, "poison"));
    ck_assert_ptr_null(strstr(end->values, "poison"));
    mem_free(dump);
}

/* What it comes to; messages get new ids, which laws_text() has numbered. f: watched, or NULL.
 * free() */
static char *play(struct laws *l, const char *durability, struct fault *f)
{
    const struct laws_play play = { .how = { .input = l->input,
                                             .durability = durability,
                                             .modes = MODE_UPDATES | MODE_SUBGRAPHS } };
    struct laws_end end;
    l->random = 31337;
    op_watch(f == NULL ? NULL : finished, f);
    int run_count = laws_play(l, &play, &end);
    op_watch(NULL, NULL);
    if (f != NULL)
        f->run_count = run_count;
    check_clean(l, &end);
    char *values = strdup(end.values);
    laws_end_clear(&end);
    laws_forget(l);
    return values;
}

/* With a fault at the n-th op (0: with none); gives how many there were. *ret_hits: counts plays in
 * which it stopped a run. */
static long play_with_fault(struct laws *l, enum what what, long at, const char *durability,
                            const char *values, long *ret_hits)
{
    struct fault f = { .laws = l, .what = what, .at = at };
    char *other = play(l, durability, &f);
    laws_check_text(other, values);
    free(other);
    *ret_hits += f.run_count > 2;
    return f.count;
}

START_TEST(at_whichever_op_it_happens_the_run_ends_and_the_thread_comes_to_the_same_end)
{
    struct laws l;
    laws_init(&l, &everything);
    enum what what = (enum what)(_i / DURABILITY_COUNT);
    const char *durability = durabilities[_i % DURABILITY_COUNT];
    char *values = play(&l, durability, NULL);
    long hits = 0;
    long count = play_with_fault(&l, what, 0, durability, values, &hits);
    ck_assert_int_gt(count, 30);
    ck_assert_int_eq(hits, 0);
    for (long at = 1; at <= count; at++)
        (void)play_with_fault(&l, what, at, durability, values, &hits);
    /* An attempt does not look at its op's result; what comes at a run's last op is too late. */
    ck_assert_int_ge(hits, what == FAULTY_RESULT ? 2 : count - 8);
    free(values);
    laws_deinit(&l);
}
END_TEST

START_TEST(whichever_attempt_fails_the_thread_comes_to_the_same_end)
{
    struct laws l;
    laws_init(&l, &everything);
    char *values = play(&l, durabilities[_i], NULL);
    long count = l.perform_count;
    ck_assert_int_gt(count, 15);
    for (long at = 1; at <= count; at++) {
        l.perform_count = 0;
        l.fail_at_perform = at;
        char *other = play(&l, durabilities[_i], NULL);
        laws_check_text(other, values);
        ck_assert_int_ge(l.perform_count, at);
        free(other);
    }
    free(values);
    laws_deinit(&l);
}
END_TEST

/* Goes on, or begins again, to the same end. */
static void check_goes_on(struct laws *l, const char *durability, const char *values)
{
    json_t *state = laws_state(l, NULL);
    bool is_empty = laws_id_of(state)[0] == '\0';
    json_decref(state);
    if (is_empty)
        laws_forget_tasks_from(l, INT64_MIN);
    const struct laws_play play = { .how = { .input = is_empty ? l->input : NULL,
                                             .durability = durability } };
    struct laws_end end;
    (void)laws_play(l, &play, &end);
    check_clean(l, &end);
    laws_check_text(end.values, values);
    laws_end_clear(&end);
    laws_forget(l);
}

START_TEST(whichever_commit_is_refused_the_thread_stays_whole_and_comes_to_the_same_end)
{
    struct laws l;
    laws_init(&l, &everything);
    char *values = play(&l, durabilities[_i], NULL);
    long count = l.commit_count - 1; /* the last one deletes */
    for (long at = 1; at <= count; at++) {
        struct laws_end end;
        l.commit_count = 0;
        l.full_at_commit = at;
        laws_run(&l, &(struct laws_how){ .input = l.input, .durability = durabilities[_i] }, &end);
        l.full_at_commit = 0;
        if (_i < 2)
            laws_check_chain(&l);
        if (end.status != RUN_SUCCESS)
            ck_assert_str_eq(end.error, "ServiceUnavailableError");
        laws_end_clear(&end);
        check_goes_on(&l, durabilities[_i], values);
    }
    free(values);
    laws_deinit(&l);
}
END_TEST

/* ---- memory ---- */

/* Until the run has ended; nothing here needs memory that could be told to fail, but nodes. */
static void wait_without_memory(struct laws *l)
{
    for (int turn = 0; runs_active(l->worker.runs) > 0; turn++) {
        ck_assert_int_lt(turn, LAWS_TURN_MAX);
        laws_turn(l);
    }
}

/* The run's n-th allocation fails. False: it had fewer. */
static bool run_without_memory(struct laws *l, const json_t *input, const json_t *command,
                               const char *durability, unsigned long n)
{
    struct run_request req = { .graph = l->graph,
                               .input = input,
                               .command = command,
                               .modes = MODES_ALL | MODE_SUBGRAPHS,
                               .thread_id = l->thread_id,
                               .durability = durability };
    struct run *run = NULL;
    struct fail f = { 0 };
    l->notes_nothing = true;
    mem_fail_at(n);
    int r = run_start(l->worker.runs, &req, &run, &f);
    if (r == 0)
        wait_without_memory(l);
    bool was_met = mem_fail_pending() == 0;
    mem_fail_at(0);
    l->notes_nothing = false;
    ck_assert_int_le(r, 0);
    if (r == 0) {
        ck_assert(run_has_ended(run));
        ck_assert_int_eq(run->refs, 1);
        if (!was_met)
            ck_assert_int_eq(run_status(run), RUN_SUCCESS);
    }
    fail_clear(&f);
    run_unref(run);
    ck_assert_int_eq(loop_op_count(l->worker.loop), 0);
    ck_assert_uint_eq(l->held_count, 0);
    return was_met;
}

/* Up to where it asks; what answers it. */
static json_t *play_to_question(struct laws *l, const char *durability)
{
    struct laws_end end;
    l->random = 31337;
    laws_run(l, &(struct laws_how){ .input = l->input, .durability = durability }, &end);
    ck_assert_uint_eq(json_array_size(end.interrupts), 1);
    json_t *command = laws_answers(end.interrupts, false);
    laws_end_clear(&end);
    return command;
}

/* With LAWS_ALL in the environment every allocation is tried, which takes a minute; else a part of
 * them, another one in each test. */
enum { ALLOCATIONS_APART = 29 };

START_TEST(whichever_allocation_fails_the_run_ends_and_the_thread_comes_to_the_same_end)
{
    struct laws l;
    const char *durability = durabilities[_i % DURABILITY_COUNT];
    bool resumes = _i >= DURABILITY_COUNT;
    unsigned long apart = getenv("LAWS_ALL") == NULL ? ALLOCATIONS_APART : 1;
    unsigned long n = 1 + (unsigned long)_i * 3 % apart;
    laws_init(&l, &everything);
    char *values = play(&l, durability, NULL);
    json_t *input = resumes ? NULL : laws_json(l.input);
    for (bool was_met = true; was_met; n += apart) {
        json_t *command = resumes ? play_to_question(&l, durability) : NULL;
        l.random = 31337;
        was_met = run_without_memory(&l, input, command, durability, n);
        json_decref(command);
        check_goes_on(&l, durability, values);
    }
    ck_assert_uint_gt(n, 200);
    json_decref(input);
    free(values);
    laws_deinit(&l);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fault law");
    TCase *t = tcase_create("fault");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(
        t, at_whichever_op_it_happens_the_run_ends_and_the_thread_comes_to_the_same_end, 0,
        WHAT_COUNT * DURABILITY_COUNT);
    tcase_add_loop_test(t, whichever_attempt_fails_the_thread_comes_to_the_same_end, 0,
                        DURABILITY_COUNT);
    tcase_add_loop_test(
        t, whichever_commit_is_refused_the_thread_stays_whole_and_comes_to_the_same_end, 0,
        DURABILITY_COUNT);
    tcase_add_loop_test(
        t, whichever_allocation_fails_the_run_ends_and_the_thread_comes_to_the_same_end, 0,
        2 * DURABILITY_COUNT);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
