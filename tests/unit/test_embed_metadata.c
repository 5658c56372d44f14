/* The metadata of nodes: what events carry of it, and where it stands between others'. */
#include "program.h"

static void speak(struct program *p, struct anabranch_task *task)
{
    (void)p;
    ck_assert_int_eq(anabranch_task_emit(task, "hi", 2), 0);
    program_finish(task, "{}");
}

static const struct program_act acts[] = { { "speak", speak }, { NULL, NULL } };

static struct program p;

static void set_up(void)
{
    program_init(&p, acts, NULL);
    p.run.config = "{\"metadata\":{\"user\":\"run\",\"other\":1}}";
    p.run.subgraphs = 1;
}

static void tear_down(void)
{
    program_deinit(&p);
}

#define SPEAK(metadata) "{'kind':'act','do':'speak','metadata':" metadata "}"
#define ONE(metadata)   "'nodes':{'x':" SPEAK(metadata) "},'edges':[['START','x']]"
#define INSIDE(metadata, inner)                                                                    \
    "'nodes':{'s':{'kind':'graph','metadata':" metadata                                            \
    ",'graph':{'state':{'log':{'type':'array'}}," ONE(inner) "}}},'edges':[['START','s']]"
#define HANDLED(metadata, handler)                                                                 \
    "'nodes':{'x':{'kind':'fail','metadata':" metadata                                             \
    ",'on_error':" SPEAK(handler) "}},'edges':[['START','x']]"

/* What LangGraph.js 1.7.3 gives for the same graphs, without the keys that are the engine's. */
static const struct {
    const char *graph, *metadata;
} rows[] = {
    { ONE("{}"), "'user':'run','other':1,'created_by':'system'" },
    { ONE("{'own':'x','deep':{'a':[1]}}"),
      "'user':'run','other':1,'created_by':'system','own':'x','deep':{'a':[1]}" },
    { ONE("{'own':'x','user':'node'}"), "'user':'node','other':1,'created_by':'system','own':'x'" },
    { INSIDE("{'own':'s','sub':1}", "{'own':'x','level':2}"),
      "'user':'run','other':1,'created_by':'system','own':'x','sub':1,'level':2" },
    { INSIDE("{'user':'s'}", "{}"), "'user':'s','other':1,'created_by':'system'" },
    { HANDLED("{'own':'x'}", "{'own':'h'}"),
      "'user':'run','other':1,'created_by':'system','own':'h'" },
    /* what the engine says itself */
    { ONE("{'langgraph_node':'fake','run_id':'fake','checkpoint_ns':'fake','tags':['fake'],"
          "'own':'x'}"),
      "'user':'run','other':1,'created_by':'system','own':'x'" },
};
enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

START_TEST(messages_carry_the_metadata_of_the_run_and_of_the_nodes_around_them)
{
    char part[512];
    program_use(&p, rows[_i].graph);
    p.run.stream_mode = "messages-tuple";
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    snprintf(part, sizeof(part), "},{'tags':[],%s,'run_attempt':1,", rows[_i].metadata);
    program_expect_event(&p, part);
    ck_assert_ptr_null(strstr(p.events, "fake"));
}
END_TEST

START_TEST(tasks_carry_it_and_whose_they_are)
{
    char part[512];
    program_use(&p, rows[_i].graph);
    p.run.stream_mode = "tasks";
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    snprintf(part, sizeof(part), "'interrupts':[],'metadata':{%s,'run_attempt':1,",
             rows[_i].metadata);
    program_expect_event(&p, part);
}
END_TEST

START_TEST(events_carry_it_for_the_node_and_for_the_graph_that_it_is)
{
    program_use(&p, INSIDE("{'own':'s'}", "{'own':'x'}"));
    p.run.stream_mode = "events";
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    program_expect_event(&p, "'metadata':{'user':'run','other':1,'created_by':'system','run_att");
    program_expect_event(&p, "'created_by':'system','own':'s','run_attempt'");
    program_expect_event(&p, "'created_by':'system','own':'x','run_attempt'");
}
END_TEST

START_TEST(checkpoints_keep_nothing_of_it)
{
    program_use(&p, ONE("{'own':'x'}"));
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    ck_assert_int_eq(program_history(&p, NULL, NULL), 0);
    program_expect_no(&p, "'own'");
}
END_TEST

START_TEST(metadata_is_an_object)
{
    static const char text[] =
        "{\"state\":{},\"nodes\":{\"x\":{\"kind\":\"wait\",\"ms\":1,\"metadata\":[]}},"
        "\"edges\":[[\"START\",\"x\"]]}";
    struct anabranch_graph *graph = NULL;
    char *problems = NULL;
    ck_assert_int_eq(
        anabranch_graph_parse(p.engine, "g.json", text, strlen(text), &graph, &problems),
        ANABRANCH_E_INVALID);
    ck_assert_str_eq(problems, "g.json: /nodes/x/metadata: expected object, found array\n");
    anabranch_free(problems);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("embed_metadata");
    TCase *t = tcase_create("metadata");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, messages_carry_the_metadata_of_the_run_and_of_the_nodes_around_them, 0,
                        ROW_COUNT);
    tcase_add_loop_test(t, tasks_carry_it_and_whose_they_are, 0, ROW_COUNT);
    tcase_add_test(t, events_carry_it_for_the_node_and_for_the_graph_that_it_is);
    tcase_add_test(t, checkpoints_keep_nothing_of_it);
    tcase_add_test(t, metadata_is_an_object);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
