/* Chat messages as events: token by token, whole, and in the older form; of a run that stands
 * still. */
#include "emit_kit.h"
#include "graph/messages.h"

#define MODEL "openai:gpt-x"

static void say(struct run_task *t, const char *text)
{
    message_delta(t,
                  &(struct llm_delta){ .type = LLM_TEXT, .text = text, .len_bytes = strlen(text) });
}

static void finish(struct run_task *t)
{
    message_delta(t, &(struct llm_delta){ .type = LLM_FINISH, .text = "stop", .len_bytes = 4 });
}

static void call_tool(struct run_task *t, const char *id, const char *name, const char *args)
{
    message_delta(
        t, &(struct llm_delta){ .type = LLM_TOOL_CALL, .id = id, .name = name, .args = args });
}

/* The events alone: their names, and what stands at `key` of the first element of their data. */
static char *told(struct kit *k, const char *key)
{
    struct buf out;
    struct run_event event;

    buf_init(&out, 1 << 24);
    while (reader_next(k->reader, &event) == READER_EVENT) {
        json_t *data = json_loadb(event.data, event.data_len_bytes, 0, NULL);
        ck_assert_ptr_nonnull(data);
        const json_t *first = json_is_array(data) ? json_array_get(data, 0) : data;
        char *text = json_dumps(json_object_get(first, key), JSON_COMPACT | JSON_ENCODE_ANY);
        buf_addf(&out, "%s%s%s %s\n", event.name, event.ns[0] == '\0' ? "" : "|", event.ns,
                 text == NULL ? "-" : text);
        mem_free(text);
        json_decref(data);
    }
    return out.data == NULL ? mem_strdup("") : buf_take(&out, NULL);
}

static void expect_told(struct kit *k, const char *key, const char *expected)
{
    char *found = told(k, key);

    ck_assert_str_eq(found, expected);
    mem_free(found);
}

/* ---- tokens ---- */

#define CHUNK(id, content)                                                                         \
    "{'id':'" id "','content':'" content                                                           \
    "','tool_calls':[],'invalid_tool_calls':[],'tool_call_chunks':[],'additional_kwargs':{},"      \
    "'response_metadata':{},'type':'ai'}"
#define ABOUT(step, path, ns, model)                                                               \
    "{'tags':[],'run_attempt':1,'thread_id':'t1','run_id':'" RUN_ID                                \
    "','assistant_id':'eb6db400-e3c8-5d06-a834-015cb89efe69','graph_id':'g',"                      \
    "'langgraph_step':" step                                                                       \
    ",'langgraph_node':'a','langgraph_triggers':['branch:to:a'],'langgraph_path':" path            \
    ",'langgraph_checkpoint_ns':'" ns "','checkpoint_ns':'" ns "'" model "}"
#define LS        ",'ls_provider':'openai','ls_model_name':'gpt-x','ls_model_type':'chat'"
#define PULL_PATH "['__pregel_pull','a']"
#define INNER_NS  SUB_NS "|a:" IN_ID

START_TEST(a_token_says_which_step_and_task_it_comes_from)
{
    struct kit k;
    kit_init(&k, MODE_MESSAGES_TUPLE);
    message_begin(&k.task, "m1", MODEL);
    say(&k.task, "Hel");
    kit_expect(&k,
               "messages [" CHUNK("m1", "Hel") "," ABOUT("1", PULL_PATH, "a:" TASK_ID, LS) "]\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(a_task_that_was_sent_has_its_index_in_its_path)
{
    struct kit k;
    kit_init(&k, MODE_MESSAGES_TUPLE);
    k.root.at.step = 6;
    k.task.kind = PLANNED_PUSH;
    k.task.index = 3;
    message_begin(&k.task, "m1", "");
    say(&k.task, "x");
    kit_expect(&k, "messages [" CHUNK("m1", "x") "," ABOUT("7", "['__pregel_push',3,false]",
                                                           "a:" TASK_ID, "") "]\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(words_from_a_subgraph_are_shown_with_its_namespace_if_that_is_asked_for)
{
    struct kit k;
    kit_init(&k, MODE_MESSAGES_TUPLE | MODE_SUBGRAPHS);
    message_begin(&k.inner, "m1", MODEL);
    say(&k.inner, "x");
    kit_expect(&k, "messages|" SUB_NS
                   " [" CHUNK("m1", "x") "," ABOUT("1", PULL_PATH, INNER_NS, LS) "]\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(words_from_a_subgraph_are_shown_like_the_roots_otherwise)
{
    struct kit k;
    kit_init(&k, MODE_MESSAGES_TUPLE);
    message_begin(&k.inner, "m1", MODEL);
    say(&k.inner, "x");
    kit_expect(&k, "messages [" CHUNK("m1", "x") "," ABOUT("1", PULL_PATH, INNER_NS, LS) "]\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(tokens_of_a_message_share_what_is_said_about_it)
{
    struct kit k;
    kit_init(&k, MODE_MESSAGES_TUPLE);
    message_begin(&k.task, "m1", MODEL);
    say(&k.task, "x");
    size_t before = k.run.log.bytes;
    say(&k.task, "abc");
    ck_assert_uint_eq(k.run.log.bytes - before, sizeof(struct record) + 3);
    kit_deinit(&k);
}
END_TEST

START_TEST(other_pieces_of_a_message_come_as_chunks_too)
{
    struct kit k;
    kit_init(&k, MODE_MESSAGES_TUPLE);
    message_begin(&k.task, "m1", MODEL);
    call_tool(&k.task, "c1", "f", "{\"a\":");
    finish(&k.task);
    char *found = kit_read(&k);
    ck_assert_ptr_nonnull(strstr(found, "'tool_call_chunks':[{'type':'tool_call_chunk','id':'c1',"
                                        "'name':'f','args':'{\\'a\\':','index':0}],'type':'ai'}"));
    ck_assert_ptr_nonnull(
        strstr(found, "'response_metadata':{'finish_reason':'stop','model_name':'gpt-x'}"));
    mem_free(found);
    kit_deinit(&k);
}
END_TEST

START_TEST(a_silent_node_streams_in_no_mode)
{
    struct kit k;
    struct update u = { 0 };
    kit_init(&k, MODE_MESSAGES_TUPLE | MODE_MESSAGES | MODE_EVENTS);
    k.task.task.node = &k.nodes[KIT_QUIET];
    message_begin(&k.task, "m1", MODEL);
    say(&k.task, "x");
    kit_write(&u, KIT_MESSAGES, "[{'type':'ai','content':'x','id':'m1'}]");
    message_show(&k.task, &u);
    update_clear(&u);
    kit_expect(&k, "");
    kit_deinit(&k);
}
END_TEST

/* ---- whole messages ---- */

START_TEST(a_settled_write_is_flat_and_has_ids)
{
    struct kit k;
    struct update u = { 0 };
    struct fail f = { .code = FAIL_NONE };
    kit_init(&k, 0);
    kit_write(&u, KIT_Q, "'stays'");
    kit_write(&u, KIT_MESSAGES, "['hi',{'role':'assistant','content':'ho','id':'m2'}]");
    kit_write(&u, KIT_MESSAGES, "{'__overwrite__':['as it is']}");
    ck_assert_int_eq(message_settle(&k.services, &k.graph, "n", &u, &f), 0);
    const json_t *list = value_json(u.writes[1].value);
    ck_assert(id_is_uuid(json_string_value(json_object_get(json_array_get(list, 0), "id"))));
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 1), "type")), "ai");
    ck_assert_ptr_nonnull(json_object_get(value_json(u.writes[2].value), "__overwrite__"));
    update_clear(&u);
    k.conf.max_messages = 1;
    kit_write(&u, KIT_MESSAGES, "['a','b']");
    ck_assert_int_eq(message_settle(&k.services, &k.graph, "n", &u, &f), MESSAGES_E_REFUSED);
    ck_assert_int_eq(f.code, FAIL_LIMIT);
    fail_clear(&f);
    update_clear(&u);
    kit_deinit(&k);
}
END_TEST

#define WHOLE(id) "{'type':'ai','content':'x','id':'" id "'}"

START_TEST(a_whole_message_is_shown_once_and_not_if_it_was_there_before)
{
    struct kit k;
    struct update u = { 0 };
    kit_init(&k, MODE_MESSAGES_TUPLE);
    kit_write(&u, KIT_MESSAGES, "[" WHOLE("old") "]");
    state_unref(kit_step(&k, &u));
    k.task.task.scope.state = k.root.at.state;
    message_begin(&k.task, "spoken", MODEL);
    say(&k.task, "x");
    kit_write(&u, KIT_MESSAGES,
              "[" WHOLE("old") "," WHOLE("spoken") "," WHOLE("n1") ",{'type':'remove','id':'n2'}]");
    kit_write(&u, KIT_MESSAGES, WHOLE("n3"));
    kit_write(&u, KIT_MESSAGES, "{'__overwrite__':[],'id':'n4'}");
    kit_write(&u, KIT_HIDDEN, "[" WHOLE("n5") "]");
    message_show(&k.task, &u);
    message_show(&k.inner, &u);
    expect_told(&k, "id",
                "messages \"spoken\"\nmessages \"n1\"\nmessages \"n3\"\nmessages \"old\"\n");
    update_clear(&u);
    kit_deinit(&k);
}
END_TEST

START_TEST(messages_of_a_sent_argument_are_not_repeated)
{
    struct kit k;
    struct update u = { 0 };
    json_t *arg = kit_json("{'one':" WHOLE("a1") ",'many':[" WHOLE("a2") ",7],'text':'x'}");
    kit_init(&k, MODE_MESSAGES_TUPLE | MODE_SUBGRAPHS);
    k.inner.task.scope.input = arg;
    kit_write(&u, KIT_MESSAGES, "[" WHOLE("a1") "," WHOLE("a2") "," WHOLE("n1") "]");
    message_show(&k.inner, &u);
    kit_expect(&k, "messages|" SUB_NS " [{'type':'ai','content':'x','id':'n1'}," ABOUT(
                       "1", PULL_PATH, INNER_NS, "") "]\n");
    update_clear(&u);
    json_decref(arg);
    kit_deinit(&k);
}
END_TEST

/* ---- the older mode ---- */

#define PARTIAL(content, more)                                                                     \
    "messages/partial [{'content':'" content "','additional_kwargs':{},'response_metadata':{" more \
    "'model_name':'gpt-x'},'tool_call_chunks':[],'tool_calls':[],'invalid_tool_calls':[],"         \
    "'id':'m1','type':'ai'}]\n"

START_TEST(a_message_grows_in_the_older_mode)
{
    struct kit k;
    kit_init(&k, MODE_MESSAGES | MODE_SUBGRAPHS);
    message_begin(&k.inner, "m1", MODEL);
    say(&k.inner, "Hel");
    say(&k.inner, "lo");
    finish(&k.inner);
    kit_expect(&k, "messages/metadata {'m1':{'metadata':" ABOUT("1", PULL_PATH, INNER_NS,
                                                                LS) "}}\n" PARTIAL("Hel", "")
                       PARTIAL("Hello", "") PARTIAL("Hello", "'finish_reason':'stop',"));
    kit_deinit(&k);
}
END_TEST

START_TEST(a_tool_call_has_its_arguments_when_they_are_whole)
{
    struct kit k;
    kit_init(&k, MODE_MESSAGES);
    message_begin(&k.task, "m1", MODEL);
    call_tool(&k.task, "c1", "f", "{\"a\":");
    call_tool(&k.task, NULL, NULL, "1}");
    expect_told(
        &k, "tool_calls",
        "messages/metadata -\nmessages/partial "
        "[{\"name\":\"f\",\"args\":{},\"id\":\"c1\",\"type\":\"tool_call\"}]\nmessages/partial "
        "[{\"name\":\"f\",\"args\":{\"a\":1},\"id\":\"c1\",\"type\":\"tool_call\"}]\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(what_is_new_in_the_state_is_complete_right_after_the_values)
{
    struct kit k;
    struct update u = { 0 };
    kit_init(&k, MODE_MESSAGES | MODE_VALUES);
    kit_write(&u, KIT_MESSAGES, "[" WHOLE("m1") "]");
    kit_write(&u, KIT_HIDDEN, "[" WHOLE("h1") "]");
    state_unref(kit_step(&k, &u));
    ck_assert_int_eq(emit_values(&k.root, NULL), 0);
    expect_told(&k, "id", "values -\nmessages/complete \"m1\"\n");
    message_begin(&k.task, "m2", MODEL);
    say(&k.task, "x");
    kit_write(&u, KIT_MESSAGES, "[" WHOLE("m2") "," WHOLE("m3") "]");
    struct state *before = kit_step(&k, &u);
    ck_assert_int_eq(emit_values(&k.root, before), 0);
    state_unref(before);
    char *found = kit_read(&k);
    const char *complete = strstr(found, "messages/complete [{'content':'x'");
    ck_assert_msg(complete != NULL && strstr(complete, "'m1'") == NULL &&
                      strstr(complete, "'m2'") != NULL && strstr(complete, "'m3'") != NULL,
                  "%s", found);
    mem_free(found);
    ck_assert_int_eq(emit_values(&k.root, NULL), 0);
    ck_assert_int_eq(emit_values(&k.child, NULL), 0);
    expect_told(&k, "id", "values -\n");
    kit_deinit(&k);
}
END_TEST

START_TEST(a_message_past_its_limit_is_partial_no_more)
{
    struct kit k;
    kit_init(&k, MODE_MESSAGES | MODE_EVENTS);
    char *text = mem_zalloc(MESSAGE_PART_MAX_BYTES + 2);
    memset(text, 'x', MESSAGE_PART_MAX_BYTES + 1);
    message_begin(&k.task, "m1", MODEL);
    say(&k.task, "a");
    say(&k.task, text);
    say(&k.task, "b");
    k.task.end = TASK_DONE;
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    expect_told(&k, "event",
                "events \"on_chat_model_start\"\nmessages/metadata -\nmessages/partial -\n"
                "events \"on_chat_model_stream\"\nevents \"on_chat_model_stream\"\n"
                "events \"on_chat_model_stream\"\nevents \"on_chain_end\"\n");
    mem_free(text);
    kit_deinit(&k);
}
END_TEST

/* ---- the mode events ---- */

START_TEST(a_model_at_work_begins_streams_and_ends_inside_its_node)
{
    struct kit k;
    char id[ID_BYTES], event[512];
    kit_init(&k, MODE_EVENTS);
    message_begin(&k.task, "m1", MODEL);
    say(&k.task, "Hi");
    finish(&k.task);
    k.task.end = TASK_DONE;
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    char *found = kit_read(&k);
    id_v5(TASK_ID, "m1", 2, id);
    snprintf(event, sizeof(event),
             "events {'event':'on_chat_model_start','name':'" MODEL "','run_id':'%s','tags':[],"
             "'metadata':{'tags':[],",
             id);
    ck_assert_msg(strncmp(found, event, strlen(event)) == 0, "%s", found);
    ck_assert_ptr_nonnull(strstr(found,
                                 LS "},'parent_ids':['" RUN_ID "','" TASK_ID
                                    "'],'data':{}}\nevents {'event':'on_chat_model_stream'"));
    ck_assert_ptr_nonnull(strstr(found, "'data':{'chunk':" CHUNK("m1", "Hi") "}}\n"));
    const char *end = strstr(found, "events {'event':'on_chat_model_end'");
    ck_assert_ptr_nonnull(end);
    ck_assert_ptr_nonnull(strstr(end, "'data':{'output':{'content':'Hi',"));
    ck_assert_ptr_nonnull(strstr(end, "\nevents {'event':'on_chain_end','name':'a'"));
    mem_free(found);
    kit_deinit(&k);
}
END_TEST

START_TEST(a_second_call_of_a_model_ends_the_first)
{
    struct kit k;
    kit_init(&k, MODE_EVENTS);
    message_begin(&k.task, "m1", "");
    message_begin(&k.task, "m2", "");
    expect_told(&k, "event",
                "events \"on_chat_model_start\"\nevents \"on_chat_model_end\"\n"
                "events \"on_chat_model_start\"\n");
    k.task.end = TASK_FAILED;
    ck_assert_int_eq(emit_task_end(&k.task), 0);
    expect_told(&k, "event", "");
    kit_deinit(&k);
}
END_TEST

/* ---- no memory ---- */

static void stream_all(struct kit *k)
{
    message_begin(&k->inner, "m1", MODEL);
    say(&k->inner, "Hi");
    call_tool(&k->inner, "c1", "f", "{}");
    finish(&k->inner);
    message_show(&k->inner, &k->inner.outcome.update);
    message_end(&k->inner);
}

START_TEST(without_memory_events_are_lost_and_nothing_leaks)
{
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        struct kit k;
        kit_init(&k, MODES_ALL | MODE_SUBGRAPHS);
        kit_write(&k.inner.outcome.update, KIT_MESSAGES, "[" WHOLE("n1") "]");
        mem_fail_at(n);
        stream_all(&k);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(!is_pending || k.run.log.next == 13);
        kit_deinit(&k);
    }
}
END_TEST

int main(void)
{
    mem_init();
    Suite *s = suite_create("message_events");
    TCase *t = tcase_create("message_events");
    tcase_add_test(t, a_token_says_which_step_and_task_it_comes_from);
    tcase_add_test(t, a_task_that_was_sent_has_its_index_in_its_path);
    tcase_add_test(t, words_from_a_subgraph_are_shown_with_its_namespace_if_that_is_asked_for);
    tcase_add_test(t, words_from_a_subgraph_are_shown_like_the_roots_otherwise);
    tcase_add_test(t, tokens_of_a_message_share_what_is_said_about_it);
    tcase_add_test(t, other_pieces_of_a_message_come_as_chunks_too);
    tcase_add_test(t, a_silent_node_streams_in_no_mode);
    tcase_add_test(t, a_settled_write_is_flat_and_has_ids);
    tcase_add_test(t, a_whole_message_is_shown_once_and_not_if_it_was_there_before);
    tcase_add_test(t, messages_of_a_sent_argument_are_not_repeated);
    tcase_add_test(t, a_message_grows_in_the_older_mode);
    tcase_add_test(t, a_tool_call_has_its_arguments_when_they_are_whole);
    tcase_add_test(t, what_is_new_in_the_state_is_complete_right_after_the_values);
    tcase_add_test(t, a_message_past_its_limit_is_partial_no_more);
    tcase_add_test(t, a_model_at_work_begins_streams_and_ends_inside_its_node);
    tcase_add_test(t, a_second_call_of_a_model_ends_the_first);
    tcase_add_test(t, without_memory_events_are_lost_and_nothing_leaks);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
