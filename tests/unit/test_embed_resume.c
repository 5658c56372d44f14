/* Answers that name what is not asked, failures side by side, and going on after a state inside of
 * a subgraph was edited. */
#include "program.h"

static void ask(struct program *p, struct anabranch_task *task)
{
    char question[64], result[128];

    (void)p;
    snprintf(question, sizeof(question), "\"%s?\"", anabranch_task_node(task));
    const char *answer = anabranch_task_ask(task, question, strlen(question), NULL);
    if (answer == NULL)
        return;
    snprintf(result, sizeof(result), "{\"log\":[%s]}", answer);
    anabranch_task_finish(task, result, strlen(result));
}

static void break_down(struct program *p, struct anabranch_task *task)
{
    (void)p;
    anabranch_task_fail(task, "ValueError", anabranch_task_node(task));
}

static void break_later(void *arg)
{
    struct program *p = arg;
    break_down(p, p->held);
}

static void hold(struct program *p, struct anabranch_task *task)
{
    p->held = task;
    ck_assert_int_eq(anabranch_post(p->engine, break_later, p), 0);
}

static const struct program_act acts[] = {
    { "ask", ask }, { "fail", break_down }, { "fail later", hold }, { NULL, NULL }
};

static struct program p;

static void set_up(void)
{
    program_init(&p, acts, NULL);
}

static void tear_down(void)
{
    program_deinit(&p);
}

#define ACT(name, act) "'" name "':{'kind':'act','do':'" act "'}"

/* ---- answers by id ---- */

static char ids[2][64]; /* of what a and b ask */

static void ask_both(void)
{
    program_use(&p,
                "'nodes':{" ACT("a", "ask") "," ACT("b", "ask") "},'edges':[['START',['a','b']]]");
    ck_assert_int_eq(program_run(&p, "{}"), ANABRANCH_E_INTERRUPTED);
    for (int i = 0; i < 2; i++)
        program_take(p.answer, "'id':'", i + 1, ids[i], sizeof(ids[i]));
    ck_assert_str_ne(ids[0], ids[1]);
}

/* other NULL: only the one. */
static int resume(const char *id, const char *answer, const char *other, const char *other_answer)
{
    char command[512];

    if (other == NULL)
        snprintf(command, sizeof(command), "{'resume':{'%s':'%s'}}", id, answer);
    else
        snprintf(command, sizeof(command), "{'resume':{'%s':'%s','%s':'%s'}}", id, answer, other,
                 other_answer);
    return program_command(&p, command);
}

static const char stranger[] = "0123456789abcdef0123456789abcdef";

/* How many tasks of the state wait. */
static void expect_asked(int count)
{
    ck_assert_int_eq(program_state(&p, false), 0);
    program_expect(&p, count == 2 ? "'next':['a','b']" : "'next':['");
    if (count == 1)
        program_expect_no(&p, "'next':['a','b']");
}

START_TEST(a_map_with_one_id_that_is_asked_and_one_that_is_not_changes_nothing)
{
    ask_both();
    ck_assert_int_eq(resume(ids[0], "yes", stranger, "no"), ANABRANCH_E_FAILED);
    program_expect(&p, "{'error':{'type':'UnknownInterruptError'");
    program_expect(&p, stranger);
    program_expect_no(&p, ids[0]);
    expect_asked(2);
    ck_assert_int_eq(program_command(&p, "{'resume':'both'}"), 0);
    program_expect(&p, "{'log':['both','both']}");
}
END_TEST

START_TEST(of_such_a_map_a_lenient_run_takes_what_is_asked)
{
    p.run.is_lenient = 1;
    ask_both();
    ck_assert_int_eq(resume(ids[1], "yes", stranger, "no"), ANABRANCH_E_INTERRUPTED);
    program_expect(&p, ids[0]);
    program_expect_no(&p, ids[1]);
    expect_asked(1);
    ck_assert_int_eq(resume(ids[0], "too", NULL, NULL), 0);
    program_expect(&p, "{'log':['too','yes']}");
}
END_TEST

START_TEST(an_id_that_was_answered_is_not_asked_any_more)
{
    ask_both();
    ck_assert_int_eq(resume(ids[0], "first", NULL, NULL), ANABRANCH_E_INTERRUPTED);
    ck_assert_int_eq(resume(ids[0], "again", NULL, NULL), ANABRANCH_E_FAILED);
    program_expect(&p, "{'error':{'type':'UnknownInterruptError'");
    program_expect(&p, ids[0]);
    ck_assert_int_eq(resume(ids[0], "again", ids[1], "second"), ANABRANCH_E_FAILED);
    expect_asked(1);
    ck_assert_int_eq(resume(ids[1], "second", NULL, NULL), 0);
    program_expect(&p, "{'log':['first','second']}");
    ck_assert_int_eq(resume(ids[1], "late", NULL, NULL), ANABRANCH_E_FAILED);
    program_expect(&p, "asks nothing");
}
END_TEST

/* ---- failures side by side ---- */

static const struct {
    const char *a, *b, *first;
} failures[] = {
    { "fail", "fail", "a" },
    { "fail later", "fail", "b" },
    { "fail", "fail later", "a" },
};
enum { FAILURE_COUNT = sizeof(failures) / sizeof(failures[0]) };

START_TEST(of_several_failures_in_a_step_the_first_is_the_runs)
{
    char graph[512], expected[128];

    snprintf(graph, sizeof(graph),
             "'nodes':{'a':{'kind':'act','do':'%s'},'b':{'kind':'act','do':'%s'}},"
             "'edges':[['START',['a','b']]]",
             failures[_i].a, failures[_i].b);
    snprintf(expected, sizeof(expected),
             "{'error':{'type':'ValueError','message':'%s','node':'%s'}}", failures[_i].first,
             failures[_i].first);
    program_use(&p, graph);
    p.run.stream_mode = "updates,tasks";
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(program_run(&p, i == 0 ? "{}" : NULL), ANABRANCH_E_FAILED);
        ck_assert_str_eq(p.answer, expected);
        ck_assert_int_eq(p.start_count, 2 * (i + 1)); /* nothing of the step was kept */
        program_expect_event(&p, "error {");
        ck_assert_ptr_null(strstr(strstr(p.events, "error {") + 1, "error {"));
    }
}
END_TEST

/* ---- a state inside ---- */

#define INSIDE                                                                                     \
    "'nodes':{'s':{'kind':'graph','graph':{'state':{'log':{'type':'array','reducer':'append'}},"   \
    "'nodes':{'w':{'kind':'set','values':{'log':'w'}}," ACT(                                       \
        "x", "ask") ",'y':{'kind':'set','values':{'log':'y'}}},"                                   \
                    "'edges':[['START','w'],['w','x'],['x','y']]}},"                               \
                    "'z':{'kind':'set','values':{'log':'z'}}},'edges':[['START','s'],['s','z']]"

static char place[128];

static void stop_inside(void)
{
    program_use(&p, INSIDE);
    ck_assert_int_eq(program_run(&p, "{}"), ANABRANCH_E_INTERRUPTED);
    ck_assert_int_eq(program_state(&p, true), 0);
    program_take(p.answer, "'checkpoint_ns':'s:", 1, place + 2, sizeof(place) - 2);
    memcpy(place, "s:", 2);
    p.at.checkpoint_ns = place;
}

static const struct {
    const char *values, *as_node;
    const char *next;   /* of the subgraph afterwards */
    const char *result; /* of the run that goes on; with an answer if x asks again */
} edits[] = {
    { "{'log':['edited']}", "x", "'next':['y']", "{'log':['w','edited','y','z']}" },
    { "{'log':['edited']}", "w", "'next':['x']", "{'log':['w','edited','fine','y','z']}" },
    { "{'log':['edited']}", NULL, "'next':['x']", "{'log':['w','edited','fine','y','z']}" },
    { "{'log':{'__overwrite__':['new']}}", "y", "'next':[]", "{'log':['new','z']}" },
};
enum { EDIT_COUNT = sizeof(edits) / sizeof(edits[0]) };

START_TEST(a_run_goes_on_from_a_state_inside_that_was_edited)
{
    stop_inside();
    ck_assert_int_eq(program_update(&p, edits[_i].values, edits[_i].as_node), 0);
    program_expect(&p, place);
    ck_assert_int_eq(program_state(&p, false), 0);
    program_expect(&p, edits[_i].next);
    int r = program_run(&p, NULL);
    if (strcmp(edits[_i].next, "'next':['x']") == 0) {
        ck_assert_int_eq(r, ANABRANCH_E_INTERRUPTED);
        program_expect(&p, "'value':'x?'");
        r = program_command(&p, "{'resume':'fine'}");
    }
    ck_assert_int_eq(r, 0);
    program_expect(&p, edits[_i].result);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("embed_resume");
    TCase *t = tcase_create("resume");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_map_with_one_id_that_is_asked_and_one_that_is_not_changes_nothing);
    tcase_add_test(t, of_such_a_map_a_lenient_run_takes_what_is_asked);
    tcase_add_test(t, an_id_that_was_answered_is_not_asked_any_more);
    tcase_add_loop_test(t, of_several_failures_in_a_step_the_first_is_the_runs, 0, FAILURE_COUNT);
    tcase_add_loop_test(t, a_run_goes_on_from_a_state_inside_that_was_edited, 0, EDIT_COUNT);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
