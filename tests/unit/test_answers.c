/*
 * Answers that do not fit: the run is refused, the thread is as before, and the question is open.
 * Besides run_kit's kinds there is one that asks as a script may:
 *
 *     twice   asks "1" and "2" and writes {"s": the first answer, "out": both}
 */
#include "run_kit.h"

static struct rig rig;
static struct node_kind twice;

static int configure_twice(struct setup *s, void **ret_config)
{
    (void)s;
    (void)ret_config;
    return 0;
}

static void start_twice(struct task *task)
{
    struct outcome outcome = { 0 };
    struct fail f = { 0 };
    const json_t *first = task_ask(task, json_string("1"));
    const json_t *second = first == NULL ? NULL : task_ask(task, json_string("2"));

    if (second == NULL)
        return;
    json_t *result = json_pack("{s:O, s:[O, O]}", "s", first, "out", first, second);
    ck_assert_int_eq(outcome_add_result(&outcome, task->graph, "n", result, &f), 0);
    json_decref(result);
    task_decide(task, &outcome);
}

static void set_up(void)
{
    rig_settings(&rig);
    twice =
        (struct node_kind){ .name = "twice", .configure = configure_twice, .start = start_twice };
    rig.kinds[rig.worker.services.kinds.count++] = &twice;
}

static void tear_down(void)
{
    rig_deinit(&rig);
}

#define FIELDS                                                                                     \
    "'state':{'s':{'type':'string'},'m':{'type':'messages'},'n':{'type':'integer','reducer':"      \
    "'add'},'out':{'type':'array','reducer':'append'}}"
#define GRAPH(nodes, edges) "{" FIELDS ",'nodes':{" nodes "},'edges':[" edges "]}"
#define ASK(output)         "{'kind':'interrupt','value':'?','output':'" output "'}"
#define LOG(text)           "{'kind':'set','values':{'out':'" text "'}}"

static const char *const durabilities[] = { "sync", "async", "exit" };
static const char *durability;
static char question[ID_BYTES]; /* the id of the first one of the last run */

/* On the thread "t"; input and command may be NULL; ' for ". The outcome, how many questions there
 * are behind it, and of a failure its text. */
static const char *go(const char *graph, const char *input, const char *command)
{
    static char text[4096];
    json_t *json = command == NULL ? NULL : rig_parse(command);
    struct run *run = rig_start_with(
        &rig, rig_graph(&rig, graph), input,
        (struct run_request){
            .thread_id = "t", .command = json, .durability = durability, .is_strict = true });

    rig_finish(&rig, run);
    const json_t *asked = run_interrupts(run);
    const char *id = json_string_value(json_object_get(json_array_get(asked, 0), "id"));
    snprintf(question, sizeof(question), "%s", id == NULL ? "" : id);
    snprintf(text, sizeof(text), "%.1000s ?%zu %.1000s", rig_outcome(run), json_array_size(asked),
             fail_is_set(run_fail(run)) ? fail_message(run_fail(run)) : "");
    run_unref(run);
    json_decref(json);
    return text;
}

static void expect(const char *graph, const char *input, const char *command, const char *outcome)
{
    const char *got = go(graph, input, command);

    ck_assert_msg(strncmp(got, outcome, strlen(outcome)) == 0, "%s, not %s", got, outcome);
}

#define I_THEN_J GRAPH("'i':" ASK("s") ",'j':" ASK("m"), "['START','i'],['i','j']")

START_TEST(an_answer_of_the_wrong_type_is_refused_and_the_question_stays)
{
    durability = durabilities[_i];
    expect(I_THEN_J, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(
        I_THEN_J, NULL, "{'resume':5}",
        "InvalidUpdateError ?0 node \"i\" wrote field \"s\": expected string, found integer. What "
        "\"i\" was answered is not kept: its question is open as before");
    expect(I_THEN_J, NULL, NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(I_THEN_J, NULL, "{'resume':'ok'}", "{'s':'ok','m':[],'n':0,'out':[]} ?1");
    expect(I_THEN_J, NULL, "{'resume':{'role':'nobody'}}", "InvalidUpdateError ?0");
    expect(I_THEN_J, NULL, "{'resume':[['ai','hello'],5]}", "InvalidUpdateError ?0");
    expect(I_THEN_J, NULL, NULL, "{'s':'ok','m':[],'n':0,'out':[]} ?1");
    expect(I_THEN_J, NULL, "{'resume':{'role':'ai','content':'hello','id':'1'}}",
           "{'s':'ok','m':[{'content':'hello'");
}
END_TEST

START_TEST(a_refused_answer_is_given_to_nobody_else)
{
    durability = durabilities[_i];
    expect(I_THEN_J, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(I_THEN_J, NULL, "{'resume':5}", "InvalidUpdateError");
    expect(I_THEN_J, NULL, "{'goto':'j'}", "{'m':[],'n':0,'out':[]} ?2");
}
END_TEST

START_TEST(an_answer_is_for_who_has_asked_and_not_for_whom_a_goto_adds)
{
    durability = durabilities[_i];
    expect(I_THEN_J, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(I_THEN_J, NULL, "{'resume':'ok','goto':'j'}", "{'s':'ok','m':[],'n':0,'out':[]} ?1");
}
END_TEST

START_TEST(of_several_that_ask_nobody_has_the_answer_that_one_cannot_take)
{
    static const char graph[] =
        GRAPH("'i':" ASK("s") ",'j':" ASK("n"), "['START','i'],['START','j']");
    char map[100];

    durability = durabilities[_i];
    expect(graph, "{}", NULL, "{'m':[],'n':0,'out':[]} ?2");
    snprintf(map, sizeof(map), "{'resume':{'%s':true}}", question);
    expect(graph, NULL, "{'resume':'text'}", "InvalidUpdateError ?0 node \"j\"");
    expect(graph, NULL, map, "InvalidUpdateError ?0 node \"i\"");
    expect(graph, NULL, NULL, "{'m':[],'n':0,'out':[]} ?2");
    snprintf(map, sizeof(map), "{'resume':{'%s':'text'}}", question);
    expect(graph, NULL, map, "{'s':'text','m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':2}", "{'s':'text','m':[],'n':2,'out':[]} ?0");
}
END_TEST

START_TEST(what_comes_with_a_refused_answer_is_not_kept_either)
{
    durability = durabilities[_i];
    expect(I_THEN_J, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(I_THEN_J, NULL, "{'update':{'n':1}}", "{'m':[],'n':1,'out':[]} ?1");
    expect(I_THEN_J, NULL, "{'resume':5,'update':{'n':10}}", "InvalidUpdateError");
    expect(I_THEN_J, NULL, "{'resume':'ok'}", "{'s':'ok','m':[],'n':1,'out':[]} ?1");
}
END_TEST

/* The node itself makes something of the answers that its field does not take. */
START_TEST(a_node_whose_result_is_refused_after_an_answer_asks_from_the_start)
{
    static const char graph[] =
        GRAPH("'a':{'kind':'twice'},'b':" LOG("b"), "['START','a'],['a','b']");

    durability = durabilities[_i];
    expect(graph, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':1}", "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':2,'update':{'n':3}}", "InvalidUpdateError ?0 node \"a\" wrote");
    expect(graph, NULL, NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':'x'}", "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':'y'}", "{'s':'x','m':[],'n':0,'out':['x','y','b']} ?0");
}
END_TEST

START_TEST(no_handler_stands_in_for_a_refused_answer)
{
    static const char graph[] =
        GRAPH("'a':{'kind':'twice','on_error':" LOG(
                  "handled") ",'retry':{'on':["
                             "'InvalidUpdateError'],'initial_ms':1,'jitter':false}}",
              "['START','a']");

    durability = durabilities[_i];
    expect(graph, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':1}", "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':2}", "InvalidUpdateError");
    expect(graph, NULL, "{'resume':'x'}", "{'m':[],'n':0,'out':[]} ?1");
}
END_TEST

static const char *const places[] = { "invocation", "thread" };

START_TEST(a_question_inside_a_graph_stays_open_too)
{
    char graph[1024];

    durability = durabilities[_i / 2];
    snprintf(graph, sizeof(graph),
             GRAPH("'g':{'kind':'graph','persistence':'%s','graph':" I_THEN_J
                   ",'on_error':" LOG("handled") "}",
                   "['START','g']"),
             places[_i % 2]);
    expect(graph, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':5,'update':{'n':7}}", "InvalidUpdateError");
    expect(graph, NULL, NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':'ok'}", "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':{'role':'ai','content':'x','id':'1'}}",
           "{'s':'ok','m':[{'content':'x'");
}
END_TEST

START_TEST(a_map_names_questions_as_they_are_and_null_is_no_answer)
{
    char command[200];
    char id[ID_BYTES];

    durability = "async";
    expect(I_THEN_J, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    memcpy(id, question, sizeof(id));
    snprintf(command, sizeof(command), "{'resume':{'%s':null}}", id);
    expect(I_THEN_J, NULL, command, "EmptyInputError");
    expect(I_THEN_J, NULL, "{'resume':{'0123456789ABCDEF0123456789ABCDEF':'x'}}",
           "UnknownInterruptError");
    for (char *c = id; *c != '\0'; c++)
        *c = (char)(*c >= 'a' ? *c - 'a' + 'A' : *c);
    snprintf(command, sizeof(command), "{'resume':{'%s':'x'}}", id);
    expect(I_THEN_J, NULL, command, "UnknownInterruptError");
    expect(I_THEN_J, NULL, "{'resume':'ok'}", "{'s':'ok'");
}
END_TEST

/* What asks by its kind may have no cache; of a program's kinds only the run knows. */
START_TEST(an_answer_is_in_no_cache)
{
    static const char graph[] = GRAPH("'a':{'kind':'twice','cache':{}}", "['START','a']");

    durability = "async";
    expect(graph, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':'x'}", "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':'y'}", "{'s':'x','m':[],'n':0,'out':['x','y']} ?0");
    expect(graph, "{}", NULL, "{'s':'x','m':[],'n':0,'out':['x','y']} ?1");
}
END_TEST

/* A failure that has nothing to do with the answer loses nothing, as before. */
START_TEST(a_failure_beside_it_keeps_the_answer_for_who_asked)
{
    static const char graph[] =
        GRAPH("'i':" ASK("s") ",'z':{'kind':'flaky','times':1}", "['START','i'],['i','z']");

    durability = durabilities[_i];
    expect(graph, "{}", NULL, "{'m':[],'n':0,'out':[]} ?1");
    expect(graph, NULL, "{'resume':'ok'}", "NodeError");
    expect(graph, NULL, NULL, "NodeError");
    expect(graph, "{}", NULL, "{'s':'ok'");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *s = suite_create("answers");
    TCase *t = tcase_create("answers");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, an_answer_of_the_wrong_type_is_refused_and_the_question_stays, 0, 3);
    tcase_add_loop_test(t, a_refused_answer_is_given_to_nobody_else, 0, 3);
    tcase_add_loop_test(t, an_answer_is_for_who_has_asked_and_not_for_whom_a_goto_adds, 0, 3);
    tcase_add_loop_test(t, of_several_that_ask_nobody_has_the_answer_that_one_cannot_take, 0, 3);
    tcase_add_loop_test(t, what_comes_with_a_refused_answer_is_not_kept_either, 0, 3);
    tcase_add_loop_test(t, a_node_whose_result_is_refused_after_an_answer_asks_from_the_start, 0,
                        3);
    tcase_add_loop_test(t, no_handler_stands_in_for_a_refused_answer, 0, 3);
    tcase_add_loop_test(t, a_question_inside_a_graph_stays_open_too, 0, 6);
    tcase_add_test(t, a_map_names_questions_as_they_are_and_null_is_no_answer);
    tcase_add_test(t, an_answer_is_in_no_cache);
    tcase_add_loop_test(t, a_failure_beside_it_keeps_the_answer_for_who_asked, 0, 3);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(make_suite());

    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
