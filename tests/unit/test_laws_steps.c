/* Laws of the superstep: what a step sees, in which order it counts, and who may write. */
#include "laws_rig.h"

/* ---- 1: the order of finishing changes nothing ---- */

static const struct laws_how concurrencies[] = {
    { .max_concurrency = 0 },
    { .max_concurrency = 1 },
    { .max_concurrency = 2 },
    { .max_concurrency = 7 },
};

/* The whole history and the values of a play, as text. The thread is forgotten. free() */
static char *play_text(struct laws *l, const struct laws_how *how, uint64_t seed)
{
    struct laws_end end;
    struct laws_play play = { .how = *how };
    char *text = NULL;
    l->random = seed;
    play.how.input = l->input;
    int runs = laws_play(l, &play, &end);
    char *history = laws_history_text(l);
    ck_assert_int_gt(asprintf(&text, "%d runs\n%s\n%s", runs, end.values, history), 0);
    free(history);
    laws_end_clear(&end);
    laws_forget(l);
    return text;
}

START_TEST(the_order_of_finishing_and_the_number_at_work_change_neither_state_nor_checkpoints)
{
    struct laws l;
    laws_init(&l, &laws_cases[_i]);
    char *first = play_text(&l, &concurrencies[0], 1);
    for (uint64_t seed = 2; seed < 14; seed++) {
        char *other = play_text(&l, &concurrencies[seed % 4], seed * 7919);
        laws_check_text(other, first);
        free(other);
    }
    free(first);
    laws_deinit(&l);
}
END_TEST

/* ---- 2: what a step sees is what was there before it ---- */

static const struct laws_task *known_task(const struct laws *l, const char *id)
{
    for (size_t i = 0; i < l->task_count; i++)
        if (strcmp(l->tasks[i].id, id) == 0)
            return &l->tasks[i];
    return NULL;
}

/* Of nodes; what was sent sees what it was sent. Gives how many were looked at. */
static int check_inputs(const struct laws *l, const json_t *snapshot)
{
    char *values = laws_text(json_object_get(snapshot, "values"));
    const json_t *task;
    size_t i;
    int count = 0;
    json_array_foreach(json_object_get(snapshot, "tasks"), i, task) {
        const char *how = json_string_value(json_array_get(json_object_get(task, "path"), 0));
        const struct laws_task *t = known_task(l, json_string_value(json_object_get(task, "id")));
        if (t == NULL || strcmp(how, "__pregel_push") == 0)
            continue;
        laws_check_text(t->input, values);
        count++;
    }
    free(values);
    return count;
}

START_TEST(every_node_sees_the_state_after_the_step_before_and_nothing_of_its_siblings)
{
    struct laws l;
    struct laws_end end;
    const struct laws_play play = { .how = { .input = laws_cases[_i].input } };
    const json_t *one;
    size_t i;
    int count = 0;
    laws_init(&l, &laws_cases[_i]);
    l.random = 77;
    laws_play(&l, &play, &end);
    json_t *history = laws_history(&l);
    json_array_foreach(history, i, one)
        count += check_inputs(&l, one);
    ck_assert_int_gt(count, 1);
    json_decref(history);
    laws_end_clear(&end);
    laws_deinit(&l);
}
END_TEST

/* ---- 3: the order in which writes count ---- */

#define LOG                                                                                        \
    "'state':{'log':{'type':'array','reducer':'append'},'item':{'type':'any','private':true}}"

static const struct laws_case orders[] = {
    { "nodes by name in bytes, then Sends by index",
      "{" LOG ",'nodes':{'a':{'kind':'act','ends':['w']},'n9':{'kind':'act'},'n10':{'kind':'act'},"
      "'B':{'kind':'act'},'w':{'kind':'act'}},"
      "'edges':[['START','a'],['a',['n9','n10','B']]]}",
      "{'a':[[{'update':{},'goto':[{'node':'w','arg':{'item':2}},{'node':'w','arg':{'item':1}}]}]],"
      "'n9':[[{'update':{'log':'n9'}}]],'n10':[[{'update':{'log':'n10'}}]],"
      "'B':[[{'update':{'log':'B'}}]],'w':[[{'update':{'log':{'$input':'item'}}}]]}",
      "{'log':['B','n10','n9',2,1]}" },
    { "a handler in the place of its node",
      "{" LOG ",'nodes':{'a':{'kind':'act'},'b':{'kind':'act','on_error':{'kind':'act'}},"
      "'c':{'kind':'act'}},'edges':[['START',['a','b','c']]]}",
      "{'a':[[{'update':{'log':'a'}}]],'b':[[{'fail':'E','times':9}]],"
      "'c':[[{'update':{'log':'c'}}]],'__error_handler__b':[[{'update':{'log':'for b'}}]]}",
      "{'log':['a','for b','c']}" },
    { "a handler in the place of what was sent",
      "{" LOG ",'nodes':{'a':{'kind':'act','ends':['w']},"
      "'w':{'kind':'act','on_error':{'kind':'act'}},'x':{'kind':'act'}},"
      "'edges':[['START','a'],['a','x']]}",
      "{'a':[[{'update':{},'goto':[{'node':'w','arg':{'item':1}},{'node':'w','arg':{'item':2}},"
      "{'node':'w','arg':{'item':3}}]}]],'x':[[{'update':{'log':'x'}}]],"
      "'w':[[{'update':{'log':'first'}}],[{'fail':'E','times':9}],[{'update':{'log':'third'}}]],"
      "'__error_handler__w':[[{'update':{'log':{'$input':'item'}}}]]}",
      "{'log':['x','first',2,'third']}" },
};

/* The case's input is what the values have to be. */
static void check_values(const struct laws_case *c, const struct laws_how *how)
{
    struct laws l;
    laws_init(&l, c);
    for (uint64_t seed = 1; seed < 12; seed++) {
        struct laws_play play = { .how = *how };
        struct laws_end end;
        play.how.input = "{}";
        l.random = seed * 104729;
        laws_play(&l, &play, &end);
        laws_check_text(end.values, c->input);
        laws_end_clear(&end);
        laws_forget(&l);
    }
    laws_deinit(&l);
}

START_TEST(writes_of_a_step_count_in_the_order_of_names_then_of_sends_and_handlers_stand_in_place)
{
    for (size_t i = 0; i < sizeof(concurrencies) / sizeof(concurrencies[0]); i++)
        check_values(&orders[_i], &concurrencies[i]);
}
END_TEST

/* ---- 4: a single writer ---- */

static const struct laws_case two_writers = {
    "two writers",
    "{'state':{'log':{'type':'array','reducer':'append'},'last':{'type':'any'}},'nodes':{"
    "'a':{'kind':'act'},'b':{'kind':'act'},'c':{'kind':'act'},'d':{'kind':'act'}},"
    "'edges':[['START','a'],['a',['b','c','d']]]}",
    "{'a':[[{'update':{'log':'a'}}]],'b':[[{'update':{'last':'b'}}]],"
    "'c':[[{'update':{'last':'c'}}],[{'update':{'log':'c'}}]],'d':[[{'update':{'log':'d'}}]]}",
    "{}"
};

START_TEST(
    two_writers_of_a_field_fail_the_run_by_name_and_leave_no_checkpoint_and_a_thread_to_go_on)
{
    struct laws l;
    struct laws_end end;
    char id[ID_BYTES];
    laws_init(&l, &two_writers);
    laws_run(&l, &(struct laws_how){ .input = "{}" }, &end);
    ck_assert_str_eq(end.error, "InvalidUpdateError");
    ck_assert_ptr_nonnull(strstr(end.message, "\"last\""));
    ck_assert_ptr_nonnull(strstr(end.message, "\"b\""));
    ck_assert_ptr_nonnull(strstr(end.message, "\"c\""));
    laws_end_clear(&end);
    json_t *history = laws_history(&l);
    ck_assert_uint_eq(json_array_size(history), 3); /* input, __start__, a */
    json_decref(history);

    laws_run(&l, &(struct laws_how){ .input = "{}" }, &end);
    ck_assert_int_eq(end.status, RUN_SUCCESS);
    laws_check_text(end.values, "{'last':'b','log':['a','a','c','d']}");
    laws_end_clear(&end);
    laws_update(&l, NULL, "{'log':['u']}", "d", id);
    laws_run(&l, &(struct laws_how){ .input = NULL }, &end);
    laws_check_text(end.values, "{'last':'b','log':['a','a','c','d','u']}");
    laws_end_clear(&end);
    laws_deinit(&l);
}
END_TEST

/* ---- 9: the recursion limit ---- */

/* a follows itself until n is 4. */
static const struct laws_case count_to_four = {
    "count",
    "{'state':{'n':{'type':'integer','reducer':'add'}},'nodes':{'a':{'kind':'act'}},"
    "'edges':[['START','a'],{'from':'a','switch':'n','cases':{'4':'END'},'default':'a'}]}",
    "{'a':[[{'update':{'n':1}}]]}", "{}"
};

static json_int_t latest_n(struct laws *l)
{
    json_t *state = laws_state(l, NULL);
    json_int_t n = json_integer_value(json_object_get(json_object_get(state, "values"), "n"));
    json_decref(state);
    return n;
}

/* steps are left to do; *ret_done of them were done and are in the store. */
static bool try_steps(int64_t steps, int64_t limit, bool resumes, json_int_t *ret_done)
{
    struct laws l;
    struct laws_end end;
    char input[32];
    laws_init(&l, &count_to_four);
    snprintf(input, sizeof(input), "{'n':%d}", (int)(4 - steps));
    struct laws_how how = { .input = input, .recursion_limit = limit };
    if (resumes) {
        how.recursion_limit = 25;
        how.before = "['a']";
        laws_run(&l, &how, &end);
        ck_assert_ptr_nonnull(end.interrupts);
        laws_end_clear(&end);
        how = (struct laws_how){ .recursion_limit = limit };
    }
    laws_run(&l, &how, &end);
    bool is_done = end.status == RUN_SUCCESS;
    ck_assert_str_eq(end.error, is_done ? "" : "GraphRecursionError");
    laws_end_clear(&end);
    *ret_done = latest_n(&l) - (4 - steps);
    ck_assert_int_eq(*ret_done, l.perform_count);
    laws_deinit(&l);
    return is_done;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

START_TEST(m_steps_need_a_limit_of_m_and_one_if_fresh_and_of_m_less_one_if_resumed)
{
    json_int_t done = 0;
    for (int64_t m = 1; m <= 4; m++) {
        for (int64_t limit = 1; limit <= 6; limit++) {
            ck_assert_int_eq(try_steps(m, limit, false, &done), limit >= m + 1);
            ck_assert_int_eq(done, least(m, limit));
            ck_assert_int_eq(try_steps(m, limit, true, &done), limit >= m - 1);
            ck_assert_int_eq(done, least(m, limit + 2));
        }
    }
}
END_TEST

/* ---- 10: a state is the fold of the writes ---- */

/* In apply order: what was sent comes last; a handler in the place of its task, which has no
 * result. */
static void fold_results(json_t *values, const json_t *tasks)
{
    const json_t *task;
    size_t i;
    for (int sent = 0; sent < 2; sent++) {
        json_array_foreach(tasks, i, task) {
            const char *how = json_string_value(json_array_get(json_object_get(task, "path"), 0));
            if ((strcmp(how, "__pregel_push") == 0) == (sent == 1))
                laws_fold(values, json_object_get(task, "result"));
        }
    }
}

START_TEST(every_state_is_the_one_before_with_the_results_of_its_tasks_folded_in)
{
    struct laws l;
    struct laws_end end;
    const struct laws_play play = { .how = { .input = laws_cases[_i].input } };
    laws_init(&l, &laws_cases[_i]);
    laws_play(&l, &play, &end);
    json_t *history = laws_history(&l);
    bool has_messages =
        json_object_get(json_object_get(json_array_get(history, 0), "values"), "talk") != NULL;
    bool has_handler = json_object_get(l.script, "__error_handler__h") != NULL;
    for (size_t i = json_array_size(history) - 1; i > 0 && !has_messages && !has_handler; i--) {
        const json_t *before = json_array_get(history, i);
        json_t *values = json_deep_copy(json_object_get(before, "values"));
        fold_results(values, json_object_get(before, "tasks"));
        char *folded = laws_text(values);
        char *stored = laws_text(json_object_get(json_array_get(history, i - 1), "values"));
        laws_check_text(folded, stored);
        free(folded);
        free(stored);
        json_decref(values);
    }
    json_decref(history);
    laws_end_clear(&end);
    laws_deinit(&l);
}
END_TEST

/* ---- 21: a Send is a map ---- */

static const struct laws_case twelve = {
    "twelve",
    "{'state':{'log':{'type':'array','reducer':'append'},'list':{'type':'array'},"
    "'item':{'type':'any','private':true},'k':{'type':'any','private':true}},"
    "'nodes':{'w':{'kind':'act','retry':{'max_attempts':3,'on':['E'],'initial_ms':0,"
    "'jitter':false}},'j':{'kind':'act'}},"
    "'edges':[{'from':'START','each':'list','as':'item','index':'k','send':'w'},['w','j']]}",
    "{'w':[[{'update':{'log':[{'$input':'item'},{'$input':'k'}]}}],"
    "[{'fail':'E','times':2},{'update':{'log':[{'$input':'item'},{'$input':'k'}]}}]],"
    "'j':[[{'update':{'log':'j'}}]]}",
    "{'list':['m','l','k','j','i','h','g','f','e','d','c','b']}"
};

START_TEST(a_fan_out_gives_what_a_loop_over_its_items_gives)
{
    struct laws l;
    laws_init(&l, &twelve);
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct laws_play play = { .how = concurrencies[seed % 4] };
        struct laws_end end;
        play.how.input = twelve.input;
        l.random = seed * 15485863;
        laws_play(&l, &play, &end);
        ck_assert_ptr_nonnull(strstr(
            end.values, "'log':['m',0,'l',1,'k',2,'j',3,'i',4,'h',5,'g',6,'f',7,'e',8,'d',9,'c',10,"
                        "'b',11,'j']"));
        ck_assert_int_eq(laws_done_count(&l, "w"), 12);
        ck_assert_int_eq(laws_perform_count(&l, "w"), 12 + 22);
        ck_assert_int_eq(laws_done_count(&l, "j"), 1);
        laws_end_clear(&end);
        laws_forget(&l);
    }
    laws_deinit(&l);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *s = suite_create("laws of the superstep");
    TCase *t = tcase_create("laws");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(
        t, the_order_of_finishing_and_the_number_at_work_change_neither_state_nor_checkpoints, 0,
        laws_case_count);
    tcase_add_loop_test(t,
                        every_node_sees_the_state_after_the_step_before_and_nothing_of_its_siblings,
                        0, laws_case_count);
    tcase_add_loop_test(
        t, writes_of_a_step_count_in_the_order_of_names_then_of_sends_and_handlers_stand_in_place,
        0, COUNT(orders));
    tcase_add_test(
        t,
        two_writers_of_a_field_fail_the_run_by_name_and_leave_no_checkpoint_and_a_thread_to_go_on);
    tcase_add_test(t, m_steps_need_a_limit_of_m_and_one_if_fresh_and_of_m_less_one_if_resumed);
    tcase_add_loop_test(t, every_state_is_the_one_before_with_the_results_of_its_tasks_folded_in, 0,
                        laws_case_count);
    tcase_add_test(t, a_fan_out_gives_what_a_loop_over_its_items_gives);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
