/* Events of a run that stands still: what each mode says, and where. */
#include "emit_kit.h"

#define ABOUT_RUN                                                                                  \
    "'run_attempt':1,'thread_id':'t1','run_id':'" RUN_ID                                           \
    "','assistant_id':'eb6db400-e3c8-5d06-a834-015cb89efe69','graph_id':'g'"

/* ---- the table of modes ---- */

static const struct {
    const char *name;
    unsigned mode;
} names[] = {
    { "values", MODE_VALUES },
    { "updates", MODE_UPDATES },
    { "messages-tuple", MODE_MESSAGES_TUPLE },
    { "messages", MODE_MESSAGES },
    { "custom", MODE_CUSTOM },
    { "tasks", MODE_TASKS },
    { "checkpoints", MODE_CHECKPOINTS },
    { "debug", MODE_DEBUG },
    { "events", MODE_EVENTS },
    { "tools", 0 },
    { "subgraphs", 0 },
    { "", 0 },
};

START_TEST(a_mode_is_found_by_its_name)
{
    ck_assert_uint_eq(mode_find(names[_i].name), names[_i].mode);
    ck_assert_uint_eq(names[_i].mode & ~MODES_ALL, 0);
}
END_TEST

START_TEST(the_names_of_all_modes_stand_in_one_list)
{
    ck_assert_str_eq(mode_names(), "values, updates, messages-tuple, messages, custom, tasks, "
                                   "checkpoints, debug, events");
}
END_TEST

/* ---- everything, for tests of all emitters ---- */

static int emit_question(struct kit *k)
{
    return emit_interrupts(&k->root, k->value);
}

static int emit_tick(struct kit *k)
{
    return emit_custom(&k->task, k->value);
}

static int emit_all_values(struct kit *k)
{
    return emit_values(&k->root, NULL);
}

static int emit_one_update(struct kit *k)
{
    return emit_update(&k->task);
}

static int emit_one_start(struct kit *k)
{
    return emit_task_start(&k->task);
}

static int emit_one_end(struct kit *k)
{
    k->task.end = TASK_DONE;
    return emit_task_end(&k->task);
}

static int emit_one_failure(struct kit *k)
{
    k->task.end = TASK_FAILED;
    return emit_task_end(&k->task);
}

static int emit_child_start(struct kit *k)
{
    return emit_exec_start(&k->child);
}

static int emit_root_end(struct kit *k)
{
    k->root.end = EXEC_DONE;
    return emit_exec_end(&k->root);
}

static int emit_place(struct kit *k)
{
    k->root.saver.store = &(struct store){ 0 };
    int r = emit_checkpoint(&k->root);
    k->root.saver.store = NULL;
    return r;
}

static const struct {
    unsigned modes;
    int (*emit)(struct kit *k);
} emitters[] = {
    { MODE_VALUES | MODE_MESSAGES, emit_all_values },
    { MODE_UPDATES, emit_one_update },
    { MODE_VALUES | MODE_UPDATES, emit_question },
    { MODE_CUSTOM, emit_tick },
    { MODE_TASKS | MODE_DEBUG | MODE_EVENTS, emit_one_start },
    { MODE_TASKS | MODE_DEBUG | MODE_EVENTS, emit_one_end },
    { MODE_TASKS | MODE_DEBUG, emit_one_failure },
    { MODE_EVENTS, emit_child_start },
    { MODE_EVENTS, emit_root_end },
    { MODE_CHECKPOINTS | MODE_DEBUG, emit_place },
};

#define QUESTIONS "[{'id':'1','value':'x?'},{'id':'2','value':2}]"

static void fill(struct kit *k)
{
    struct update u = { 0 };

    k->value = kit_json(QUESTIONS);
    fail_set(&k->task.fail, FAIL_NODE, "no");
    kit_write(&u, KIT_Q, "'why?'");
    kit_write(&u, KIT_SECRET, "'hush'");
    kit_write(&u, KIT_MESSAGES, "[{'type':'human','content':'hi','id':'m1'}]");
    state_unref(kit_step(k, &u));
    k->task.task.scope.state = k->root.at.state;
    kit_write(&k->task.outcome.update, KIT_LOG, "['x']");
    kit_write(&k->task.outcome.update, KIT_SECRET, "'s'");
}

START_TEST(an_event_is_made_only_if_its_mode_is_asked_for)
{
    struct kit k;
    kit_init(&k, MODES_ALL & ~emitters[_i].modes);
    fill(&k);
    ck_assert_int_eq(emitters[_i].emit(&k), 0);
    ck_assert_uint_eq(k.run.log.next, 0);
    kit_deinit(&k);
}
END_TEST

START_TEST(no_memory_is_a_fault_and_leaks_nothing)
{
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        struct kit k;
        kit_init(&k, emitters[_i].modes);
        fill(&k);
        mem_fail_at(n);
        int r = emitters[_i].emit(&k);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(is_pending ? r == 0 : r == ERR_NOMEM, "allocation %lu gave %d", n, r);
        kit_deinit(&k);
    }
}
END_TEST

/* ---- values and updates ---- */

START_TEST(values_show_the_state_without_private_fields)
{
    struct kit k;
    kit_init(&k, MODE_VALUES);
    ck_assert_int_eq(emit_values(&k.root, NULL), 0);
    fill(&k);
    ck_assert_int_eq(emit_values(&k.root, NULL), 0);
    kit_expect(&k, "values {}\nvalues {'q':'why?','messages':[{'content':'hi','additional_kwargs':"
                   "{},'response_metadata':{},'id':'m1','type':'human'}]}\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(only_what_changed_is_charged_to_the_log)
{
    struct kit k;
    struct update u = { 0 };
    kit_init(&k, MODE_VALUES);
    kit_write(&u, KIT_LOG, "['0123456789012345678901234567890123456789']");
    state_unref(kit_step(&k, &u));
    ck_assert_int_eq(emit_values(&k.root, NULL), 0);
    size_t first = k.run.log.bytes;
    kit_write(&u, KIT_Q, "'x'");
    struct state *before = kit_step(&k, &u);
    ck_assert_int_eq(emit_values(&k.root, before), 0);
    state_unref(before);
    ck_assert_uint_eq(k.run.log.bytes - first, sizeof(struct record) + strlen("\"x\""));
    kit_deinit(&k);
}
END_TEST

START_TEST(an_update_names_its_node_and_says_if_it_is_shown_again)
{
    struct kit k;
    kit_init(&k, MODE_UPDATES);
    fill(&k);
    ck_assert_int_eq(emit_update(&k.task), 0);
    k.task.is_replayed = true;
    ck_assert_int_eq(emit_update(&k.task), 0);
    outcome_clear(&k.task.outcome);
    k.task.is_replayed = false;
    ck_assert_int_eq(emit_update(&k.task), 0);
    kit_expect(&k, "updates {'a':{'log':['x']}}\n"
                   "updates {'a':{'log':['x']},'__metadata__':{'cached':true}}\n"
                   "updates {'a':{}}\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(questions_come_alone_as_updates_and_as_values)
{
    struct kit k;
    kit_init(&k, MODE_VALUES | MODE_UPDATES);
    fill(&k);
    ck_assert_int_eq(emit_question(&k), 0);
    json_t *none = json_array();
    ck_assert_int_eq(emit_interrupts(&k.root, none), 0);
    json_decref(none);
    kit_expect(&k, "updates {'__interrupt__':[{'id':'1','value':'x?'},{'id':'2','value':2}]}\n"
                   "values {'__interrupt__':[{'id':'1','value':'x?'},{'id':'2','value':2}]}\n"
                   "updates {'__interrupt__':[]}\n"
                   "values {'__interrupt__':[]}\n");
    kit_deinit(&k);
}
END_TEST

/* ---- tasks, debug, checkpoints ---- */

START_TEST(a_task_that_begins_shows_its_input_and_its_triggers)
{
    struct kit k;
    kit_init(&k, MODE_TASKS);
    k.run.metadata = kit_json("{'mine':1,'run_id':'x'}");
    fill(&k);
    ck_assert_int_eq(emit_task_start(&k.task), 0);
    kit_expect(
        &k, "tasks {'id':'" TASK_ID "','name':'a','input':{'q':'why?','messages':[{'content':'hi',"
            "'additional_kwargs':{},'response_metadata':{},'id':'m1','type':'human'}]},"
            "'triggers':['branch:to:a'],'interrupts':[],'metadata':{'mine':1," ABOUT_RUN "}}\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(a_task_that_was_sent_shows_its_argument)
{
    struct kit k;
    json_t *arg = kit_json("{'item':[1,'x']}");
    kit_init(&k, MODE_TASKS);
    k.task.kind = PLANNED_PUSH;
    k.task.task.scope.input = arg;
    ck_assert_int_eq(emit_task_start(&k.task), 0);
    kit_expect(&k, "tasks {'id':'" TASK_ID "','name':'a','input':{'item':[1,'x']},"
                   "'triggers':['branch:to:a'],'interrupts':[],'metadata':{" ABOUT_RUN "}}\n");
    json_decref(arg);
    kit_deinit(&k);
}
END_TEST

START_TEST(a_task_that_is_done_shows_what_it_wrote)
{
    struct kit k;
    kit_init(&k, MODE_TASKS);
    fill(&k);
    kit_write(&k.task.outcome.update, KIT_Q, "'one'");
    kit_write(&k.task.outcome.update, KIT_LOG, "['y']");
    kit_write(&k.task.outcome.update, KIT_LOG, "['z']");
    k.task.end = TASK_DONE;
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    kit_expect(&k, "tasks {'id':'" TASK_ID "','name':'a','error':null,"
                   "'result':{'log':{'$writes':[['x'],['y'],['z']]},'q':'one'},'interrupts':[]}\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(a_task_that_failed_or_asks_says_so_in_its_result)
{
    struct kit k;
    kit_init(&k, MODE_TASKS);
    k.task.end = TASK_INTERRUPTED;
    k.task.interrupts = kit_json(QUESTIONS);
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    k.task.end = TASK_FAILED;
    fail_set(&k.task.fail, FAIL_NODE, "it \"broke\"");
    fail_set_type(&k.task.fail, "BoomError");
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    kit_expect(&k, "tasks {'id':'" TASK_ID "','name':'a','error':null,'result':{},"
                   "'interrupts':[{'id':'1','value':'x?'},{'id':'2','value':2}]}\n"
                   "tasks {'id':'" TASK_ID "','name':'a','error':'BoomError: it \\'broke\\'',"
                   "'result':{},'interrupts':[]}\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(work_of_an_earlier_run_and_cancelled_work_have_no_result_events)
{
    struct kit k;
    kit_init(&k, MODE_TASKS | MODE_DEBUG | MODE_EVENTS);
    k.task.end = TASK_CANCELLED;
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    k.task.end = TASK_DONE;
    k.task.is_replayed = true;
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    kit_expect(&k, "");
    kit_deinit(&k);
}
END_TEST

START_TEST(debug_shows_tasks_in_an_envelope_with_the_number_of_the_step)
{
    struct kit k;
    clock_fake(0, 1795369274049);
    kit_init(&k, MODE_TASKS | MODE_DEBUG);
    k.root.at.step = 2;
    ck_assert_int_eq(emit_task_start(&k.task), 0);
    k.task.end = TASK_DONE;
    ck_assert_int_eq(emit_task_end(&k.task), 0);
#define START                                                                                      \
    "{'id':'" TASK_ID "','name':'a','input':{},'triggers':['branch:to:a'],'interrupts':[],"        \
    "'metadata':{" ABOUT_RUN "}}"
#define END_RESULT "{'id':'" TASK_ID "','name':'a','error':null,'result':{},'interrupts':[]}"
    kit_expect(
        &k, "tasks " START "\n"
            "debug {'step':3,'type':'task','timestamp':'2026-11-22T17:41:14.049Z','payload':" START
            "}\n"
            "tasks " END_RESULT "\n"
            "debug {'step':3,'type':'task_result','timestamp':'2026-11-22T17:41:14.049Z',"
            "'payload':" END_RESULT "}\n");
    clock_fake(-1, 0);
    kit_deinit(&k);
}
END_TEST

START_TEST(a_checkpoint_is_shown_where_one_is_kept)
{
    struct kit k;
    kit_init(&k, MODE_CHECKPOINTS | MODE_DEBUG);
    fill(&k);
    ck_assert_int_eq(emit_checkpoint(&k.root), 0);
    kit_expect(&k, "");
    checkpoint_advance(&k.root.at, SOURCE_LOOP);
    ck_assert_int_eq(emit_place(&k), 0);
    char *found = kit_read(&k);
    const char *debug = strstr(found, "\ndebug {'step':1,'type':'checkpoint','timestamp':'");
    ck_assert_msg(strncmp(found, "checkpoints {", 13) == 0 && debug != NULL, "%s", found);
    const char *payload = strstr(debug, "'payload':");
    size_t len = (size_t)(debug - found) - strlen("checkpoints ");
    ck_assert(strncmp(payload + strlen("'payload':"), found + strlen("checkpoints "), len) == 0);
    ck_assert_ptr_nonnull(strstr(found, "'values':{'q':'why?',"));
    ck_assert_ptr_null(strstr(found, "hush"));
    mem_free(found);
    kit_deinit(&k);
}
END_TEST

/* ---- subgraphs ---- */

static void emit_inside(struct kit *k)
{
    json_t *value = kit_json("[1]");

    ck_assert_int_eq(emit_values(&k->child, NULL), 0);
    ck_assert_int_eq(emit_update(&k->inner), 0);
    ck_assert_int_eq(emit_custom(&k->inner, value), 0);
    ck_assert_int_eq(emit_interrupts(&k->child, value), 0);
    ck_assert_int_eq(emit_task_start(&k->inner), 0);
    json_decref(value);
}

#define INSIDE (MODE_VALUES | MODE_UPDATES | MODE_CUSTOM | MODE_TASKS)

START_TEST(events_of_a_subgraph_carry_its_namespace)
{
    struct kit k;
    kit_init(&k, INSIDE | MODE_SUBGRAPHS);
    emit_inside(&k);
    ck_assert_int_eq(emit_values(&k.root, NULL), 0);
    kit_expect(&k, "values|" SUB_NS " {}\nupdates|" SUB_NS " {'a':{}}\ncustom|" SUB_NS " [1]\n"
                   "updates|" SUB_NS " {'__interrupt__':[1]}\nvalues|" SUB_NS
                   " {'__interrupt__':[1]}\ntasks|" SUB_NS " {'id':'" IN_ID
                   "','name':'a','input':{},'triggers':['branch:to:a'],'interrupts':[],"
                   "'metadata':{" ABOUT_RUN "}}\nvalues {}\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(without_subgraphs_their_custom_values_are_the_roots_and_nothing_else_is_shown)
{
    struct kit k;
    kit_init(&k, INSIDE | MODE_DEBUG);
    emit_inside(&k);
    kit_expect(&k, "custom [1]\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(a_reader_may_leave_out_what_has_a_namespace)
{
    struct kit k;
    struct run_event event;
    struct reader *plain = NULL;
    kit_init(&k, INSIDE | MODE_SUBGRAPHS);
    ck_assert_int_eq(reader_open(&k.run, MODE_VALUES, kit_ignore, NULL, &plain), 0);
    emit_inside(&k);
    ck_assert_int_eq(emit_values(&k.root, NULL), 0);
    ck_assert_int_eq(reader_next(plain, &event), READER_EVENT);
    ck_assert_str_eq(event.name, "values");
    ck_assert_str_eq(event.ns, "");
    ck_assert_int_eq(reader_next(plain, &event), READER_WAIT);
    reader_close(plain);
    ck_assert_int_eq(reader_next(k.reader, &event), READER_EVENT);
    ck_assert_str_eq(event.name, "values");
    ck_assert_str_eq(event.ns, SUB_NS);
    ck_assert(
        strncmp(event.frame, "event: values|" SUB_NS "\ndata: {}\n\n", event.frame_len_bytes) == 0);
    kit_deinit(&k);
}
END_TEST

START_TEST(an_event_that_is_too_large_is_lost_and_the_run_goes_on)
{
    struct kit k;
    struct buf text;
    kit_init(&k, MODE_CUSTOM);
    k.conf.max_state_bytes = 1000;
    json_t *large = json_array();
    char *item = mem_alloc(1 << 20);
    memset(item, 'x', 1 << 20);
    for (int i = 0; i < 3; i++)
        json_array_append_new(large, json_stringn(item, 1 << 20));
    mem_free(item);
    ck_assert_int_eq(emit_custom(&k.task, large), 0);
    kit_expect(&k, "");
    json_array_clear(large);
    ck_assert_int_eq(emit_custom(&k.task, large), 0);
    kit_expect(&k, "custom []\n");
    json_decref(large);
    buf_init(&text, 1);
    ck_assert_int_eq(buf_add_str(&text, "{}"), BUF_E_FULL);
    ck_assert_int_eq(emit_json(&k.run, MODE_CUSTOM, "custom", NULL, &text), 0);
    text.fault = ERR_NOMEM;
    ck_assert_int_eq(emit_json(&k.run, MODE_CUSTOM, "custom", NULL, &text), ERR_NOMEM);
    buf_deinit(&text);
    kit_deinit(&k);
}
END_TEST

/* ---- events ---- */

#define CHAIN(event, name, id, tags, more, parents, data)                                          \
    "events {'event':'" event "','name':'" name "','run_id':'" id "','tags':[" tags                \
    "],'metadata':{" ABOUT_RUN more "},'parent_ids':[" parents "],'data':{" data "}}\n"
#define ABOUT_A(ns)                                                                                \
    ",'langgraph_step':1,'langgraph_node':'a','langgraph_triggers':['branch:to:a'],"               \
    "'langgraph_path':['__pregel_pull','a'],'langgraph_checkpoint_ns':'" ns                        \
    "','checkpoint_ns':'" ns "'"

START_TEST(the_mode_events_tells_begin_and_end_of_the_run_and_of_nodes)
{
    struct kit k;
    kit_init(&k, MODE_EVENTS);
    k.root.input = kit_json("{'q':1}");
    k.run.tags = kit_json("['mine']");
    ck_assert_int_eq(emit_exec_start(&k.root), 0);
    ck_assert_int_eq(emit_task_start(&k.task), 0);
    fill(&k);
    k.task.task.scope.input = k.root.input;
    k.task.end = TASK_DONE;
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    k.root.end = EXEC_DONE;
    ck_assert_int_eq(emit_exec_end(&k.root), 0);
    kit_expect(&k, CHAIN("on_chain_start", "LangGraph", RUN_ID, "'mine'", "", "", "'input':{'q':1}")
                       CHAIN("on_chain_start", "a", TASK_ID, "'mine','graph:step:1'",
                             ABOUT_A("a:" TASK_ID), "'" RUN_ID "'", "'input':{}")
                           CHAIN("on_chain_end", "a", TASK_ID, "'mine','graph:step:1'",
                                 ABOUT_A("a:" TASK_ID), "'" RUN_ID "'",
                                 "'output':{'log':['x']},'input':{'q':1}")
                               CHAIN("on_chain_end", "LangGraph", RUN_ID, "'mine'", "", "",
                                     "'output':{'q':'why?'}"));
    json_decref(k.root.input);
    kit_deinit(&k);
}
END_TEST

START_TEST(what_runs_in_a_subgraph_names_its_parents_from_the_root_on)
{
    struct kit k;
    kit_init(&k, MODE_EVENTS);
    ck_assert_int_eq(emit_exec_start(&k.child), 0);
    ck_assert_int_eq(emit_task_start(&k.inner), 0);
    char graph_id[ID_BYTES];
    id_v5(SUB_ID, "LangGraph", 9, graph_id);
    char *found = kit_read(&k);
    char expected[256];
    snprintf(expected, sizeof(expected),
             "'parent_ids':['" RUN_ID "','" SUB_ID "'],'data':{'input':null}}\n");
    ck_assert_msg(strstr(found, expected) != NULL, "%s", found);
    snprintf(expected, sizeof(expected),
             "'parent_ids':['" RUN_ID "','" SUB_ID "','%s'],'data':{'input':{}}}\n", graph_id);
    ck_assert_msg(strstr(found, expected) != NULL, "%s", found);
    mem_free(found);
    kit_deinit(&k);
}
END_TEST

static const struct {
    enum exec_end end;
    bool of_root;
    bool is_told;
} ends[] = {
    { EXEC_DONE, true, true },        { EXEC_DONE, false, true },
    { EXEC_INTERRUPTED, true, true }, { EXEC_INTERRUPTED, false, false },
    { EXEC_FAILED, true, false },     { EXEC_LEFT, false, false },
};

START_TEST(an_execution_that_did_not_come_through_has_no_end_event)
{
    struct kit k;
    kit_init(&k, MODE_EVENTS);
    struct exec *e = ends[_i].of_root ? &k.root : &k.child;
    e->end = ends[_i].end;
    ck_assert_int_eq(emit_exec_end(e), 0);
    ck_assert_uint_eq(k.run.log.next, ends[_i].is_told ? 1 : 0);
    k.task.end = TASK_FAILED;
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    ck_assert_uint_eq(k.run.log.next, ends[_i].is_told ? 1 : 0);
    kit_deinit(&k);
}
END_TEST

#define LOOP(tc, test, table)                                                                      \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof(table[0])))

int main(void)
{
    mem_init();
    Suite *s = suite_create("emit");
    TCase *t = tcase_create("emit");
    LOOP(t, a_mode_is_found_by_its_name, names);
    tcase_add_test(t, the_names_of_all_modes_stand_in_one_list);
    LOOP(t, an_event_is_made_only_if_its_mode_is_asked_for, emitters);
    LOOP(t, no_memory_is_a_fault_and_leaks_nothing, emitters);
    tcase_add_test(t, values_show_the_state_without_private_fields);
    tcase_add_test(t, only_what_changed_is_charged_to_the_log);
    tcase_add_test(t, an_update_names_its_node_and_says_if_it_is_shown_again);
    tcase_add_test(t, questions_come_alone_as_updates_and_as_values);
    tcase_add_test(t, a_task_that_begins_shows_its_input_and_its_triggers);
    tcase_add_test(t, a_task_that_was_sent_shows_its_argument);
    tcase_add_test(t, a_task_that_is_done_shows_what_it_wrote);
    tcase_add_test(t, a_task_that_failed_or_asks_says_so_in_its_result);
    tcase_add_test(t, work_of_an_earlier_run_and_cancelled_work_have_no_result_events);
    tcase_add_test(t, debug_shows_tasks_in_an_envelope_with_the_number_of_the_step);
    tcase_add_test(t, a_checkpoint_is_shown_where_one_is_kept);
    tcase_add_test(t, events_of_a_subgraph_carry_its_namespace);
    tcase_add_test(t,
                   without_subgraphs_their_custom_values_are_the_roots_and_nothing_else_is_shown);
    tcase_add_test(t, a_reader_may_leave_out_what_has_a_namespace);
    tcase_add_test(t, an_event_that_is_too_large_is_lost_and_the_run_goes_on);
    tcase_add_test(t, the_mode_events_tells_begin_and_end_of_the_run_and_of_nodes);
    tcase_add_test(t, what_runs_in_a_subgraph_names_its_parents_from_the_root_on);
    LOOP(t, an_execution_that_did_not_come_through_has_no_end_event, ends);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
