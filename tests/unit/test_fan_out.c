/* How wide a step may become: Sends are refused where they are made, and nothing of them is kept. */
#include "run_kit.h"

static struct rig rig;

static void set_up(void)
{
    rig_settings(&rig);
    rig.conf.max_tasks = 4;
}

static void tear_down(void)
{
    rig_deinit(&rig);
}

#define STATE                                                                                      \
    "'state':{'l':{'type':'array'},'x':{'type':'any','private':true},'out':{'type':'array',"       \
    "'reducer':'append'}},'input':['l'],'output':['out']"
#define NOTE "{'kind':'set','values':{'out':'{{x}}'}}"

/* On the thread "t"; input and command may be NULL. */
static void expect(const char *graph, const char *input, const char *command, const char *outcome)
{
    json_t *json = command == NULL ? NULL : rig_parse(command);
    struct run *run = rig_start_with(&rig, rig_graph(&rig, graph), input,
                                     (struct run_request){ .thread_id = "t", .command = json });

    rig_finish(&rig, run);
    ck_assert_str_eq(rig_outcome(run), outcome);
    run_unref(run);
    json_decref(json);
}

/* The bytes of the newest checkpoint and of what is pending there. */
struct look {
    struct store_op op;
    struct stored_list list;
    bool is_done;
};

static void looked(void *arg, int result)
{
    struct look *look = arg;

    ck_assert_int_eq(result, 0);
    look->is_done = true;
}

static size_t stored_writes(void)
{
    struct look look = { .is_done = false };
    struct store_query query = { .thread_id = "t", .ns = "", .limit = 1 };
    size_t count = 0;

    store_read(rig.worker.services.store, rig.worker.loop, &look.op, &query, &look.list, looked,
               &look);
    ck_assert_int_eq(loop_run_until(rig.worker.loop, &look.is_done), 0);
    for (size_t i = 0; i < look.list.count; i++) {
        ck_assert_ptr_null(strstr(look.list.items[i].head.bytes, "\"sends\":[["));
        count += look.list.items[i].write_count;
    }
    stored_list_clear(&look.list);
    return count;
}

START_TEST(a_fan_out_of_the_input_that_is_too_wide_is_refused_and_not_kept)
{
    static const char graph[] = "{" STATE ",'nodes':{'n':" NOTE
                                "},'edges':[{'from':'START','each':'l','as':'x','send':'n'}]}";

    expect(graph, "{'l':[1,2,3,4,5]}", NULL, "LimitError");
    ck_assert_uint_eq(stored_writes(), 0);
    expect(graph, NULL, NULL, "EmptyInputError"); /* the thread has not begun */
    expect(graph, "{'l':[1,2,3,4]}", NULL, "{'out':[1,2,3,4]}");
}
END_TEST

START_TEST(a_fan_out_of_a_node_that_is_too_wide_fails_that_node)
{
    static const char graph[] =
        "{" STATE ",'nodes':{'a':{'kind':'set','values':{'out':'a'},'on_error':{'kind':'set',"
        "'values':{'out':'{{error.type}}'}}},'n':" NOTE
        "},'edges':[['START','a'],{'from':'a','each':'l','as':'x','send':'n'}]}";

    expect(graph, "{'l':[1,2,3,4,5]}", NULL, "{'out':['LimitError']}");
}
END_TEST

/* Two tasks make three Sends each; the second is not kept. */
START_TEST(tasks_that_are_too_wide_together_fail_the_run_and_the_last_is_not_kept)
{
    static const char graph[] =
        "{" STATE ",'nodes':{'a':{'kind':'set','values':{'out':'a'}},'b':{'kind':'set','values':"
        "{'out':'b'}},'n':" NOTE "},'edges':[['START',['a','b']],{'from':'a','each':'l','as':'x',"
        "'send':'n'},{'from':'b','each':'l','as':'x','send':'n'}]}";

    expect(graph, "{'l':[1,2,3]}", NULL, "LimitError");
    ck_assert_uint_eq(stored_writes(), 1);
    expect(graph, NULL, NULL, "LimitError");
    expect(graph, "{'l':[1,2]}", NULL, "{'out':['a','b',1,2,1,2]}");
}
END_TEST

START_TEST(a_command_with_too_many_Sends_is_refused_and_leaves_nothing)
{
    static const char graph[] = "{" STATE ",'nodes':{'n':" NOTE "},'edges':[['START','n']]}";

    expect(graph, "{}", NULL, "{'out':[]}");
    expect(graph, NULL,
           "{'goto':[{'node':'n','arg':{'x':1}},{'node':'n','arg':{'x':2}},{'node':'n','arg':"
           "{'x':3}},{'node':'n','arg':{'x':4}},{'node':'n','arg':{'x':5}}]}",
           "LimitError");
    ck_assert_uint_eq(stored_writes(), 0);
    expect(graph, NULL, "{'goto':{'node':'n','arg':{'x':1}}}", "{'out':[1]}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fan_out");
    TCase *t = tcase_create("fan_out");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_fan_out_of_the_input_that_is_too_wide_is_refused_and_not_kept);
    tcase_add_test(t, a_fan_out_of_a_node_that_is_too_wide_fails_that_node);
    tcase_add_test(t, tasks_that_are_too_wide_together_fail_the_run_and_the_last_is_not_kept);
    tcase_add_test(t, a_command_with_too_many_Sends_is_refused_and_leaves_nothing);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
