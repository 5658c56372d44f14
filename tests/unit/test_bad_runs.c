/*
 * What a node or a caller can get wrong while graphs run: each is an error of its own class that
 * says what was wrong, and leaves its thread usable. Mistakes in graph files are in test_parse.c,
 * those of updates from outside in test_thread.c, those over HTTP in tests/scenario.
 *
 * One more kind: "says" {"result": any} returns what it is told to.
 */
#include "run_kit.h"

static const char *const modes_of_start[] = { "an empty", "a finished", "an asking" };
enum place { EMPTY, FINISHED, ASKING };

/* ---- says ---- */

static int configure_says(struct setup *s, void **ret_config)
{
    *ret_config = json_incref((json_t *)setup_json(s, "result", true));
    return 0;
}

static void free_says(void *config)
{
    json_decref(config);
}

static void start_says(struct task *task)
{
    struct outcome outcome = { 0 };
    struct fail f = { .code = FAIL_NONE };
    int r = outcome_add_result(&outcome, task->graph, task->node->name, task->node->config, &f);

    if (r == 0) {
        task_decide(task, &outcome);
        return;
    }
    outcome_clear(&outcome);
    ck_assert_int_eq(r, OUTCOME_E_REFUSED);
    task_fail(task, &f);
}

static const struct node_kind says_kind = {
    .name = "says", .configure = configure_says, .config_free = free_says, .start = start_says
};

/* ---- the rig ---- */

static struct rig rig;

static void set_up(void)
{
    rig_settings(&rig);
    size_t count = rig.worker.services.kinds.count;
    ck_assert_uint_lt(count, sizeof(rig.kinds) / sizeof(rig.kinds[0]));
    rig.kinds[count] = &says_kind;
    rig.worker.services.kinds = (struct kind_table){ rig.kinds, count + 1 };
}

static void tear_down(void)
{
    rig_deinit(&rig);
}

/* "outcome" or "Class: message" of a run that begins as req says; valid until the next call. */
static const char *try_with(const char *graph, const char *input, struct run_request req)
{
    static char text[65536];
    struct fail f = { .code = FAIL_NONE };
    json_t *json = input == NULL ? NULL : rig_parse(input);
    struct run *run = NULL;

    req.graph = rig_graph(&rig, graph);
    req.input = json;
    int r = run_start(rig.worker.runs, &req, &run, &f);
    if (r == 0) {
        rig_finish(&rig, run);
        fail_copy(&f, run_fail(run));
        snprintf(text, sizeof(text), "%s", rig_outcome(run));
    }
    if (fail_is_set(&f))
        snprintf(text, sizeof(text), "%s: %s", fail_type(&f), fail_message(&f));
    fail_clear(&f);
    run_unref(run);
    json_decref(json);
    graph_unref(req.graph);
    return text;
}

static const char *try_thread(const char *graph, const char *input)
{
    return try_with(graph, input, (struct run_request){ .thread_id = "t" });
}

static void expect_error(const char *found, const char *class, const char *part)
{
    size_t len = strlen(class);

    ck_assert_msg(strncmp(found, class, len) == 0 && found[len] == ':' &&
                      strstr(found, part) != NULL,
                  "wanted %s: ... %s\nfound %s", class, part, found);
}

#define STATE                                                                                      \
    "'state':{'way':{'type':'string'},'n':{'type':'integer'},'sum':{'type':'integer','reducer':"   \
    "'add'},'log':{'type':'array','reducer':'append'},'o':{'type':'object','reducer':'merge'},"    \
    "'m':{'type':'messages'}},'output':['way','n']"

/* ---- what a node returns ---- */

/* __start__ goes to "bad" or to "good". */
#define EITHER                                                                                     \
    "{" STATE ",'nodes':{'bad':{'kind':'says','result':%s},'good':{'kind':'set','values':{'n':"    \
    "1}}},'edges':[{'from':'START','switch':'way','cases':{'bad':'bad','good':'good'}}]}"
#define COMMAND(text) "{'__command__':{" text "}}"

static const struct {
    const char *result;
    const char *part; /* of the message of an InvalidUpdateError */
} results[] = {
    { "1", "has to return an object, a Command" },
    { "'text'", "has to return an object, a Command" },
    { "true", "has to return an object, a Command" },
    { "[]", "has to return an object, a Command" },
    { "[{'n':1}]", "has to return an object, a Command" },
    { COMMAND("'goto':'nobody'"), "unknown node \"nobody\"" },
    { COMMAND("'goto':'__start__'"), "\"__start__\"" },
    { COMMAND("'goto':7"), "found integer" },
    { COMMAND("'goto':{'node':'nobody','arg':{}}"), "a Send names the unknown node \"nobody\"" },
    { COMMAND("'goto':{'node':'__end__','arg':{}}"), "a Send cannot go to \"__end__\"" },
    { COMMAND("'goto':{'node':'__start__','arg':{}}"), "a Send cannot go to \"__start__\"" },
    { COMMAND("'goto':['good',{'node':'nobody','arg':1}]"), "unknown node \"nobody\"" },
    { COMMAND("'graph':'PARENT','goto':'good'"), "There is no parent graph" },
    { COMMAND("'graph':'elsewhere'"), "has to be \"PARENT\"" },
    { COMMAND("'update':7"), "found integer" },
    { COMMAND("'update':[['n',1],['n',2]]"), "\"n\"" },
    { "{'n':'x'}", "node \"bad\" wrote field \"n\": expected integer, found string" },
    { "{'n':null}", "expected integer, found null" },
    { "{'sum':'x'}", "expected integer, found string" },
    { "{'o':[]}", "expected object, found array" },
    { "{'m':7}", "found integer" },
    { "{'m':{'type':'wizard','content':'x'}}", "\"wizard\"" },
    { "{'m':{'type':'remove','id':'unknown'}}", "no message of the list has" },
    { COMMAND("'update':[['log',{'__overwrite__':[]}],['log',{'__overwrite__':[]}]]"),
      "one overwrite is allowed" },
    { "{'log':{'__overwrite__':'x'}}", "expected array, found string" },
};

START_TEST(a_wrong_result_fails_the_run_and_leaves_the_thread_usable)
{
    char graph[2048];

    snprintf(graph, sizeof(graph), EITHER, results[_i].result);
    expect_error(try_thread(graph, "{'way':'bad'}"), "InvalidUpdateError", results[_i].part);
    expect_error(try_thread(graph, NULL), "InvalidUpdateError", results[_i].part);
    ck_assert_str_eq(try_thread(graph, "{'way':'good'}"), "{'way':'good','n':1}");
}
END_TEST

static const struct {
    const char *result;
} harmless[] = {
    { "null" },
    { "{}" },
    { "{'unknown':1}" },
    { COMMAND("'goto':'__end__'") },
    { COMMAND("'goto':[]") },
    { COMMAND("'update':{'unknown':1}") },
};

START_TEST(what_the_reference_lets_pass_passes)
{
    char graph[2048];

    snprintf(graph, sizeof(graph), EITHER, harmless[_i].result);
    ck_assert_str_eq(try_thread(graph, "{'way':'bad'}"), "{'way':'bad'}");
}
END_TEST

START_TEST(two_writers_of_a_field_are_named_and_the_thread_goes_on)
{
    static const char graph[] =
        "{" STATE ",'nodes':{'a':{'kind':'set','values':{'n':1}},'b':{'kind':'set','values':{'n':"
        "1}},'c':{'kind':'set','values':{'n':3}}},'edges':[{'from':'START','switch':'way','cases':{"
        "'one':'c','two':'a'}},{'from':'START','switch':'way','cases':{'one':'c','two':'b'}}]}";

    const char *found = try_thread(graph, "{'way':'two'}");
    expect_error(found, "InvalidUpdateError", "\"n\"");
    expect_error(found, "InvalidUpdateError", "\"a\"");
    expect_error(found, "InvalidUpdateError", "\"b\"");
    ck_assert_str_eq(try_thread(graph, "{'way':'one'}"), "{'way':'one','n':3}");
}
END_TEST

START_TEST(a_function_that_goes_nowhere_fails_the_run)
{
    static const char graph[] =
        "{" STATE ",'nodes':{'a':{'kind':'set','values':{}},'b':{'kind':'set','values':{}}},"
        "'edges':[['START','a'],%s]}";
    static const struct {
        const char *edge;
        const char *part;
    } edges[] = {
        { "{'from':'a','switch':'way','cases':{'x':'b'}}", "\"a\"" },
        { "{'from':'a','each':'o.list','as':'i','send':'b'}", "list" },
    };
    char text[2048];

    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        snprintf(text, sizeof(text), graph, edges[i].edge);
        expect_error(try_thread(text, "{'way':'y','o':{'list':7}}"), "InvalidUpdateError",
                     edges[i].part);
    }
}
END_TEST

/* ---- what a caller asks for ---- */

#define ID      "0123456789abcdef0123456789abcdef"
#define UNKNOWN "1f000000-0000-6000-8000-000000000000"
#define LATER   "ffffffff-ffff-6fff-bfff-ffffffffffff"

/* Asks if `way` is "ask". */
static const char line[] =
    "{" STATE ",'nodes':{'ask':{'kind':'interrupt','value':'?','output':'n'},'end':{'kind':'set',"
    "'values':{'log':'end'}}},'edges':[{'from':'START','switch':'way','cases':{'ask':'ask'},"
    "'default':'end'},['ask','end']]}";

static void go_to(enum place place)
{
    static const char *const inputs[] = { NULL, "{'way':'end'}", "{'way':'ask'}" };

    if (inputs[place] != NULL)
        (void)try_thread(line, inputs[place]);
}

static const struct {
    enum place place;
    const char *command;
    const char *checkpoint_id;
    const char *class;
    const char *part;
} requests[] = {
    { EMPTY, NULL, NULL, "EmptyInputError", "no input" },
    { EMPTY, "{}", NULL, "EmptyInputError", "the command has none of resume, update and goto" },
    { FINISHED, "{'goto':[]}", NULL, "EmptyInputError",
      "the command has none of resume, update and goto" },
    { ASKING, "{'resume':null}", NULL, "EmptyInputError",
      "the command has none of resume, update and goto" },
    { EMPTY, "{'resume':1}", NULL, "UnknownInterruptError", "asks nothing" },
    { EMPTY, "{'resume':{'" ID "':1}}", NULL, "UnknownInterruptError", "asks nothing" },
    { FINISHED, "{'resume':1}", NULL, "UnknownInterruptError", "asks nothing" },
    { FINISHED, "{'resume':{'" ID "':1}}", NULL, "UnknownInterruptError", "asks nothing" },
    { ASKING, "{'resume':{'" ID "':1}}", NULL, "UnknownInterruptError", ID },
    { EMPTY, "{'goto':'nobody'}", NULL, "InvalidUpdateError", "unknown node \"nobody\"" },
    { FINISHED, "{'goto':'nobody'}", NULL, "InvalidUpdateError", "unknown node \"nobody\"" },
    { ASKING, "{'goto':'nobody'}", NULL, "InvalidUpdateError", "unknown node \"nobody\"" },
    { ASKING, "{'goto':'__start__'}", NULL, "InvalidUpdateError", "\"__start__\"" },
    { ASKING, "{'goto':{'node':'nobody','arg':1}}", NULL, "InvalidUpdateError",
      "a Send names the unknown node" },
    { ASKING, "{'goto':{'node':'__end__','arg':1}}", NULL, "InvalidUpdateError",
      "a Send cannot go to \"__end__\"" },
    { ASKING, "{'goto':7}", NULL, "InvalidUpdateError", "found integer" },
    { ASKING, "{'resume':1,'goto':'nobody'}", NULL, "InvalidUpdateError",
      "unknown node \"nobody\"" },
    { ASKING, "{'update':7}", NULL, "InvalidUpdateError", "found integer" },
    { EMPTY, "{'update':{'n':'x'}}", NULL, "InvalidUpdateError", "expected integer" },
    { ASKING, "{'update':{'n':'x'}}", NULL, "InvalidUpdateError", "expected integer" },
    { FINISHED, "{'update':{'n':'x'}}", NULL, "InvalidUpdateError", "expected integer" },
    { ASKING, "{'resume':1,'update':{'n':'x'}}", NULL, "InvalidUpdateError", "expected integer" },
    { FINISHED, "{'update':[['n',1],['n',2]]}", NULL, "InvalidUpdateError", "written twice" },
    { FINISHED, "{'update':{'m':{'type':'remove','id':'z'}}}", NULL, "InvalidUpdateError",
      "no message of the list has" },
    { ASKING, "{'graph':'PARENT','goto':'end'}", NULL, "InvalidUpdateError", "no parent graph" },
    { EMPTY, NULL, UNKNOWN, "NotFoundError", UNKNOWN },
    { FINISHED, NULL, UNKNOWN, "NotFoundError", UNKNOWN },
    { FINISHED, NULL, LATER, "NotFoundError", LATER },
    { ASKING, "{'resume':1}", UNKNOWN, "NotFoundError", UNKNOWN },
    { ASKING, NULL, "no uuid", "NotFoundError", "no uuid" },
    { ASKING, NULL, "", "NotFoundError", "\"\"" },
};

static void expect_usable(enum place place)
{
    json_t *resume = rig_parse("{'resume':5}");

    if (place == ASKING)
        ck_assert_str_eq(try_with(line, NULL,
                                  (struct run_request){
                                      .thread_id = "t", .command = resume, .is_strict = true }),
                         "{'way':'ask','n':5}");
    else
        ck_assert_str_eq(try_thread(line, "{'way':'end'}"), "{'way':'end'}");
    json_decref(resume);
}

START_TEST(a_wrong_request_fails_and_leaves_the_thread_as_it_was)
{
    json_t *command = requests[_i].command == NULL ? NULL : rig_parse(requests[_i].command);

    go_to(requests[_i].place);
    const char *found = try_with(line, NULL,
                                 (struct run_request){ .thread_id = "t",
                                                       .command = command,
                                                       .checkpoint_id = requests[_i].checkpoint_id,
                                                       .is_strict = true });
    ck_assert_msg(strstr(found, requests[_i].part) != NULL, "on %s thread: %s",
                  modes_of_start[requests[_i].place], found);
    expect_error(found, requests[_i].class, requests[_i].part);
    expect_usable(requests[_i].place);
    json_decref(command);
}
END_TEST

/* Nothing of it stays, not even an answer that would have fitted. */
START_TEST(a_refused_answer_is_not_remembered)
{
    json_t *command = rig_parse("{'resume':1,'goto':'nobody'}");

    go_to(ASKING);
    (void)try_with(line, NULL, (struct run_request){ .thread_id = "t", .command = command });
    ck_assert_str_eq(try_thread(line, NULL), "{'way':'ask'}");
    expect_usable(ASKING);
    json_decref(command);
}
END_TEST

static const struct {
    enum place place;
    const char *resume;
    const char *outcome;
} lenient[] = {
    { FINISHED, "{'resume':1}", "{'way':'end'}" },
    { FINISHED, "{'resume':{'" ID "':1}}", "{'way':'end'}" },
    { ASKING, "{'resume':{'" ID "':1}}", "{'way':'ask'}" },
};

START_TEST(as_in_the_reference_an_answer_to_nobody_may_be_ignored)
{
    json_t *command = rig_parse(lenient[_i].resume);

    go_to(lenient[_i].place);
    ck_assert_str_eq(
        try_with(line, NULL, (struct run_request){ .thread_id = "t", .command = command }),
        lenient[_i].outcome);
    expect_usable(lenient[_i].place);
    json_decref(command);
}
END_TEST

static const struct {
    struct run_request req;
    const char *command;
    const char *before;
    const char *class;
    const char *part;
} refusals[] = {
    { { .checkpoint_id = UNKNOWN }, NULL, NULL, "UnprocessableError", "thread_id" },
    { { .modes = 0 }, "{'resume':1}", NULL, "UnprocessableError", "thread_id" },
    { { .thread_id = "" }, NULL, NULL, "UnprocessableError", "thread_id" },
    { { .durability = "never" }, NULL, NULL, "UnprocessableError", "\"never\"" },
    { { .thread_id = "t", .is_strict = true }, NULL, "['nobody']", "UnprocessableError", "\"nobody\"" },
};

START_TEST(a_request_that_cannot_be_done_is_refused_with_the_reason)
{
    json_t *command = refusals[_i].command == NULL ? NULL : rig_parse(refusals[_i].command);
    json_t *before = refusals[_i].before == NULL ? NULL : rig_parse(refusals[_i].before);
    struct run_request req = refusals[_i].req;

    req.command = command;
    req.interrupt_before = before;
    expect_error(try_with(line, command == NULL ? "{}" : NULL, req), refusals[_i].class,
                 refusals[_i].part);
    req.interrupt_before = NULL;
    req.interrupt_after = before;
    if (before != NULL)
        expect_error(try_with(line, "{}", req), refusals[_i].class, "interrupt_after");
    json_decref(command);
    json_decref(before);
}
END_TEST

START_TEST(a_thread_name_that_is_too_long_is_refused)
{
    char name[STORE_ID_MAX + 2];

    memset(name, 'x', sizeof(name) - 1);
    name[STORE_ID_MAX + 1] = '\0';
    expect_error(try_with(line, "{}", (struct run_request){ .thread_id = name }),
                 "UnprocessableError", "1 to");
    name[STORE_ID_MAX] = '\0';
    ck_assert_str_eq(try_with(line, "{}", (struct run_request){ .thread_id = name }), "{}");
}
END_TEST

START_TEST(without_a_thread_nobody_can_be_asked)
{
    expect_error(try_with(line, "{'way':'ask'}", (struct run_request){ .modes = 0 }),
                 "UnprocessableError", "thread_id");
}
END_TEST

/* ---- limits ---- */

static const struct {
    int64_t limit;
    bool is_enough;
} limits[] = { { 1, false }, { 2, false }, { 3, true }, { 0, true }, { -7, true } };

/* 0 or less counts as not said; the doors refuse it (test_embed_thread.c, test_threads.py). */
START_TEST(a_limit_that_is_passed_says_which)
{
    static const char graph[] =
        "{" STATE ",'nodes':{'a':{'kind':'set','values':{'n':1}},'b':{"
        "'kind':'set','values':{'n':2}}},'edges':[['START','a'],['a','b']]}";
    char part[200];
    const char *found =
        try_with(graph, "{}", (struct run_request){ .recursion_limit = limits[_i].limit });

    if (limits[_i].is_enough) {
        ck_assert_str_eq(found, "{'n':2}");
        return;
    }
    snprintf(
        part, sizeof(part),
        "Recursion limit of %lld reached without hitting a stop condition. You can increase the "
        "limit by setting the \"recursion_limit\" config key. (GRAPH_RECURSION_LIMIT)",
        (long long)limits[_i].limit);
    expect_error(found, "GraphRecursionError", part);
}
END_TEST

/* ---- commands, one after the other ---- */

#define TWO                                                                                        \
    "{'state':{'n':{'type':'integer'}},'nodes':{'a':{'kind':'interrupt','value':'A'},"             \
    "'b':{'kind':'interrupt','value':'B'}},'edges':[['START',['a','b']]]}"

/* Two questions of one step, answered one by one: both commands belong to the same checkpoint. */
START_TEST(each_command_at_a_checkpoint_may_write_a_field_once)
{
    struct run_request first = { .thread_id = "t" };
    struct run *run = rig_start_with(&rig, rig_graph(&rig, TWO), "{}", first);
    const char *found = NULL;

    rig_finish(&rig, run);
    for (int i = 0; i < 2; i++) {
        const json_t *asked = json_array_get(run_interrupts(run), (size_t)i);
        const char *id = json_string_value(json_object_get(asked, "id"));
        json_t *command = json_pack("{s:{s:i}, s:{s:i}}", "resume", id, 1, "update", "n", i + 1);
        found = try_with(TWO, NULL, (struct run_request){ .thread_id = "t", .command = command });
        ck_assert_str_eq(found, i == 0 ? "{'n':1}" : "{'n':2}");
        json_decref(command);
    }
    run_unref(run);
}
END_TEST

/* ---- the suite ---- */

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *new_case(Suite *s, const char *name)
{
    TCase *t = tcase_create(name);

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    suite_add_tcase(s, t);
    return t;
}

int main(void)
{
    Suite *s = suite_create("bad runs");
    TCase *t = new_case(s, "results");

    tcase_add_loop_test(t, a_wrong_result_fails_the_run_and_leaves_the_thread_usable, 0,
                        COUNT(results));
    tcase_add_loop_test(t, what_the_reference_lets_pass_passes, 0, COUNT(harmless));
    tcase_add_test(t, two_writers_of_a_field_are_named_and_the_thread_goes_on);
    tcase_add_test(t, a_function_that_goes_nowhere_fails_the_run);
    t = new_case(s, "requests");
    tcase_add_loop_test(t, a_wrong_request_fails_and_leaves_the_thread_as_it_was, 0,
                        COUNT(requests));
    tcase_add_test(t, a_refused_answer_is_not_remembered);
    tcase_add_test(t, each_command_at_a_checkpoint_may_write_a_field_once);
    tcase_add_loop_test(t, as_in_the_reference_an_answer_to_nobody_may_be_ignored, 0,
                        COUNT(lenient));
    tcase_add_loop_test(t, a_request_that_cannot_be_done_is_refused_with_the_reason, 0,
                        COUNT(refusals));
    tcase_add_test(t, a_thread_name_that_is_too_long_is_refused);
    tcase_add_test(t, without_a_thread_nobody_can_be_asked);
    tcase_add_loop_test(t, a_limit_that_is_passed_says_which, 0, COUNT(limits));
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
