/* Events as readers get them: order, content, ids, equal bytes, and what a reader that is too slow
 * is told. */
#include "base/clock.h"
#include "base/jsonx.h"
#include "run_kit.h"

#define ALL_MODES (MODE_VALUES | MODE_UPDATES | MODE_MESSAGES_TUPLE)
#define LIST      "'state':{'q':{'type':'string'},'all':{'type':'array','reducer':'append'}}"
#define TWO                                                                                        \
    "{" LIST ",'nodes':{'a':{'kind':'wait','ms':20,'values':{'all':'A'}},'b':{'kind':'wait','ms':" \
    "0,'values':{'all':'B'}}},"                                                                    \
    "'edges':[['START',['a','b']]]}"

static void check_events(const char *graph, const char *input, unsigned modes, const char *expected)
{
    struct rig rig;

    rig_settings(&rig);
    char *events = rig_events(&rig, graph, input, modes);
    ck_assert_str_eq(events, expected);
    free(events);
    rig_deinit(&rig);
}

START_TEST(values_come_after_the_input_and_after_each_step_that_wrote)
{
    check_events(
        "{" LIST ",'nodes':{'a':{'kind':'set','values':{'all':'{{q}}'}},'b':{'kind':'set','values':"
        "{}},'c':{'kind':'set','values':{'q':'y'}}},"
        "'edges':[['START','a'],['a','b'],['b','c']]}",
        "{'q':'x'}", MODE_VALUES,
        "values {'q':'x','all':[]}\nvalues {'q':'x','all':['x']}\nvalues {'q':'y','all':['x']}\n");
}
END_TEST

START_TEST(updates_come_in_the_order_of_completion_and_values_after_the_step)
{
    check_events(TWO, "{'q':'x'}", MODE_VALUES | MODE_UPDATES,
                 "values {'q':'x','all':[]}\nupdates {'b':{'all':'B'}}\nupdates "
                 "{'a':{'all':'A'}}\nvalues {'q':'x','all':['A','B']}\n");
}
END_TEST

START_TEST(a_step_shows_its_tasks_around_what_they_write_and_then_the_values)
{
    struct rig rig;
    struct reader *reader = NULL;
    struct run_event event;
    struct buf names;
    unsigned modes = MODE_VALUES | MODE_UPDATES | MODE_TASKS | MODE_DEBUG;
    rig_settings(&rig);
    buf_init(&names, 4096);
    struct run *run =
        rig_start_with(&rig,
                       rig_graph(&rig, "{" LIST ",'nodes':{'a':{'kind':'set','values':{'q':'y'}}},"
                                       "'edges':[['START','a']]}"),
                       "{'q':'x'}", (struct run_request){ .modes = modes });
    ck_assert_int_eq(reader_open(run, modes, NULL, NULL, &reader), 0);
    rig_finish(&rig, run);
    while (reader_next(reader, &event) == READER_EVENT)
        buf_addf(&names, "%s ", event.name);
    ck_assert_str_eq(buf_text(&names),
                     "metadata values tasks debug updates tasks debug values ");
    buf_deinit(&names);
    reader_close(reader);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(only_the_modes_that_were_asked_for_are_kept)
{
    check_events(TWO, "{'q':'x'}", MODE_UPDATES,
                 "updates {'b':{'all':'B'}}\nupdates {'a':{'all':'A'}}\n");
    check_events(TWO, "{'q':'x'}", 0, "");
}
END_TEST

START_TEST(an_error_is_the_last_event_and_names_its_node)
{
    check_events(
        "{" LIST ",'nodes':{'a':{'kind':'set','values':{'q':'y'}},'bad':{'kind':'fail','error':'"
        "ValueError','message':'no'}},"
        "'edges':[['START','a'],['a','bad']]}",
        "{'q':'x'}", MODE_UPDATES,
        "updates {'a':{'q':'y'}}\nerror {'error':'ValueError','message':'no','node':'bad'}\n");
}
END_TEST

START_TEST(a_cancelled_run_just_ends)
{
    struct rig rig;
    struct reader *reader = NULL;
    enum reader_result end;
    rig_settings(&rig);
    struct run *run = rig_start_with(
        &rig, rig_graph(&rig, "{" LIST ",'nodes':{'a':{'kind':'hold'}},'edges':[['START','a']]}"),
        "{}", (struct run_request){ .modes = MODE_UPDATES });
    ck_assert_int_eq(reader_open(run, MODE_UPDATES, NULL, NULL, &reader), 0);
    rig_turn(&rig);
    run_cancel(run);
    rig_finish(&rig, run);
    char *events = rig_read(reader, &end);
    ck_assert_int_eq(end, READER_END);
    ck_assert_ptr_null(strstr(events, "error"));
    mem_free(events);
    reader_close(reader);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

/* ---- messages ---- */

#define CHAT "'state':{'q':{'type':'string'},'messages':{'type':'messages'}}"

/* The data of the messages events of a whole run, as one array; the run's state behind it. */
static json_t *messages_of(struct rig *rig, const char *graph, const char *input,
                           struct run_request req, json_t **ret_state)
{
    req.modes = MODE_MESSAGES_TUPLE;
    struct run *run = rig_start_with(rig, rig_graph(rig, graph), input, req);
    struct reader *reader = NULL;
    struct run_event event;
    struct buf state;
    json_t *all = json_array();

    ck_assert_int_eq(reader_open(run, req.modes, NULL, NULL, &reader), 0);
    rig_finish(rig, run);
    while (reader_next(reader, &event) == READER_EVENT) {
        json_error_t error;
        json_t *data = json_loadb(event.data, event.data_len_bytes, JSON_REJECT_DUPLICATES, &error);
        ck_assert_msg(data != NULL, "%s: %.*s", error.text, (int)event.data_len_bytes, event.data);
        ck_assert_msg(strcmp(event.name, "error") != 0, "%.*s", (int)event.data_len_bytes,
                      event.data);
        if (strcmp(event.name, "messages") == 0)
            json_array_append(all, data);
        json_decref(data);
    }
    buf_init(&state, 1 << 20);
    state_encode(run_state(run), VIEW_SHOWN, &state);
    *ret_state = json_loadb(state.data, state.len, 0, NULL);
    buf_deinit(&state);
    reader_close(reader);
    run_unref(run);
    return all;
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    ck_assert_msg(text != NULL, "no text at \"%s\"", key);
    return text;
}

START_TEST(tokens_join_to_the_message_in_the_state_and_carry_its_id)
{
    struct rig rig;
    json_t *state = NULL, *data;
    struct buf joined;
    size_t i;
    rig_settings(&rig);
    json_t *all = messages_of(&rig,
                              "{" CHAT ",'nodes':{'a':{'kind':'llm','prompt':'{{q}}','output':'"
                              "messages'}},'edges':[['START','a']]}",
                              "{'q':'Merhaba ç'}", (struct run_request){ .modes = 0 }, &state);
    const json_t *message = json_array_get(json_object_get(state, "messages"), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(state, "messages")), 1);
    ck_assert_uint_gt(json_array_size(all), 5);
    buf_init(&joined, 1 << 16);
    json_array_foreach(all, i, data) {
        ck_assert_str_eq(text_at(json_array_get(data, 0), "id"), text_at(message, "id"));
        ck_assert_str_eq(text_at(json_array_get(data, 0), "type"), "ai");
        buf_add_str(&joined, text_at(json_array_get(data, 0), "content"));
    }
    ck_assert_str_eq(buf_text(&joined), text_at(message, "content"));
    buf_deinit(&joined);
    json_decref(all);
    json_decref(state);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_whole_message_is_shown_once_with_the_id_of_the_state)
{
    struct rig rig;
    json_t *state = NULL;
    rig_settings(&rig);
    /* b gives back what is there already: nothing new to show. */
    json_t *all = messages_of(
        &rig,
        "{" CHAT
        ",'nodes':{'a':{'kind':'set','values':{'messages':[{'role':'assistant','content':'hi'}]}},"
        "'b':{'kind':'set','values':{'messages':'{{messages}}'}}},'edges':[['START','a'],['a','b']]"
        "}",
        "{'messages':[{'role':'user','content':'q','id':'u1'}]}",
        (struct run_request){ .modes = 0 }, &state);
    const json_t *messages = json_object_get(state, "messages");
    ck_assert_uint_eq(json_array_size(messages), 2);
    ck_assert_uint_eq(json_array_size(all), 1);
    const json_t *shown = json_array_get(json_array_get(all, 0), 0);
    ck_assert_str_eq(text_at(shown, "content"), "hi");
    ck_assert_str_eq(text_at(shown, "id"), text_at(json_array_get(messages, 1), "id"));
    json_decref(all);
    json_decref(state);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_message_event_says_where_it_comes_from)
{
    struct rig rig;
    json_t *state = NULL;
    json_t *metadata =
        rig_parse("{'mine':1,'run_id':'x','langgraph_step':'y','tags':'z','ls_provider':'w'}");
    json_t *tags = rig_parse("['of run']");
    rig_settings(&rig);
    json_t *all = messages_of(
        &rig,
        "{'name':'chat'," CHAT ",'nodes':{'first':{'kind':'set','values':{}},"
        "'a':{'kind':'llm','tags':['of "
        "node'],'prompt':'{{q}}','output':'messages'}},'edges':[['START','first'],['first','a']]}",
        "{'q':'x'}", (struct run_request){ .metadata = metadata, .tags = tags }, &state);
    const json_t *about = json_array_get(json_array_get(all, 0), 1);
    ck_assert_str_eq(text_at(about, "langgraph_node"), "a");
    ck_assert_int_eq(json_integer_value(json_object_get(about, "langgraph_step")), 2);
    ck_assert_str_eq(
        json_string_value(json_array_get(json_object_get(about, "langgraph_triggers"), 0)),
        "branch:to:a");
    ck_assert_str_eq(text_at(about, "graph_id"), "chat");
    ck_assert_str_eq(text_at(about, "ls_provider"), "demo");
    ck_assert(id_is_uuid(text_at(about, "run_id")));
    ck_assert_int_eq(json_integer_value(json_object_get(about, "mine")), 1);
    ck_assert_str_eq(json_string_value(json_array_get(json_object_get(about, "tags"), 0)),
                     "of node");
    ck_assert_str_eq(json_string_value(json_array_get(json_object_get(about, "tags"), 1)),
                     "of run");
    json_decref(all);
    json_decref(state);
    json_decref(metadata);
    json_decref(tags);
    rig_deinit(&rig);
}
END_TEST

/* ---- readers ---- */

START_TEST(all_readers_get_the_same_bytes)
{
    struct rig rig;
    struct reader *one = NULL, *two = NULL;
    struct run_event a, b;
    char expected[4096];
    rig_settings(&rig);
    struct run *run = rig_start_with(&rig, rig_graph(&rig, TWO), "{'q':'x'}",
                                     (struct run_request){ .modes = ALL_MODES });
    ck_assert_int_eq(reader_open(run, ALL_MODES, NULL, NULL, &one), 0);
    rig_finish(&rig, run);
    ck_assert_int_eq(reader_open(run, ALL_MODES, NULL, NULL, &two), 0);
    while (reader_next(one, &a) == READER_EVENT) {
        ck_assert_int_eq(reader_next(two, &b), READER_EVENT);
        ck_assert_ptr_eq(a.frame, b.frame); /* not only equal: made once */
        int len = snprintf(expected, sizeof(expected), "event: %s\ndata: %.*s\n\n", a.name,
                           (int)a.data_len_bytes, a.data);
        ck_assert_uint_eq(a.frame_len_bytes, (size_t)len);
        ck_assert_mem_eq(a.frame, expected, (size_t)len);
    }
    ck_assert_int_eq(reader_next(two, &b), READER_END);
    ck_assert_int_eq(reader_next(two, &b), READER_END);
    reader_close(one);
    reader_close(two);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_reader_gets_its_own_modes_and_metadata_and_errors)
{
    struct rig rig;
    struct reader *reader = NULL;
    rig_settings(&rig);
    struct run *run = rig_start_with(
        &rig,
        rig_graph(&rig,
                  "{" LIST ",'nodes':{'a':{'kind':'set','values':{'q':'y'}},'bad':{'kind':'fail'}},"
                  "'edges':[['START','a'],['a','bad']]}"),
        "{'q':'x'}", (struct run_request){ .modes = ALL_MODES });
    rig_finish(&rig, run);
    ck_assert_int_eq(reader_open(run, MODE_UPDATES, NULL, NULL, &reader), 0);
    char *events = rig_read(reader, NULL);
    ck_assert_ptr_nonnull(strstr(events, "metadata "));
    ck_assert_ptr_nonnull(strstr(events, "\nupdates {'a':{'q':'y'}}\nerror {'error':'NodeError'"));
    ck_assert_ptr_null(strstr(events, "values"));
    mem_free(events);
    reader_close(reader);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

struct live {
    struct reader *reader;
    int ready_count;
    char *last; /* what was read at the last call */
    enum reader_result end;
};

static void live_ready(void *arg)
{
    struct live *live = arg;

    live->ready_count++;
    mem_free(live->last);
    live->last = rig_read(live->reader, &live->end);
}

START_TEST(a_waiting_reader_is_called_once_when_there_is_more)
{
    struct rig rig;
    struct live live = { .end = READER_WAIT };
    struct run_event event;
    rig_settings(&rig);
    struct run *run = rig_start_with(
        &rig, rig_graph(&rig, "{" LIST ",'nodes':{'a':{'kind':'hold'}},'edges':[['START','a']]}"),
        "{}", (struct run_request){ .modes = MODE_UPDATES });
    rig_turn(&rig);
    ck_assert_int_eq(reader_open(run, MODE_UPDATES, live_ready, &live, &live.reader), 0);
    rig_turn(&rig);
    ck_assert_int_eq(live.ready_count, 0); /* it did not wait yet */
    ck_assert_int_eq(reader_next(live.reader, &event), READER_EVENT);
    ck_assert_int_eq(reader_next(live.reader, &event), READER_WAIT);
    rig_turn(&rig);
    ck_assert_int_eq(live.ready_count, 0); /* there was nothing more */
    task_finish(rig.held[0], NULL);
    ck_assert_int_eq(live.ready_count, 0); /* never inside the call */
    clock_fake(0, 0); /* else a busy machine may need more than one turn for what is ready */
    rig_finish(&rig, run);
    clock_fake(-1, 0);
    ck_assert_int_eq(live.ready_count, 1); /* the update and the end came in one turn */
    ck_assert_str_eq(live.last, "updates {'a':{}}\n");
    ck_assert_int_eq(live.end, READER_END);
    mem_free(live.last);
    reader_close(live.reader);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_reader_that_was_closed_is_not_called)
{
    struct rig rig;
    struct live live = { .ready_count = 0 };
    struct run_event event;
    rig_settings(&rig);
    struct run *run = rig_start_with(
        &rig, rig_graph(&rig, "{" LIST ",'nodes':{'a':{'kind':'hold'}},'edges':[['START','a']]}"),
        "{}", (struct run_request){ .modes = MODE_UPDATES });
    ck_assert_int_eq(reader_open(run, MODE_UPDATES, live_ready, &live, &live.reader), 0);
    ck_assert_int_eq(reader_next(live.reader, &event), READER_EVENT);
    ck_assert_int_eq(reader_next(live.reader, &event), READER_WAIT);
    run_cancel(run);
    reader_close(live.reader);
    rig_finish(&rig, run);
    ck_assert_int_eq(live.ready_count, 0);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

/* ---- bounds ---- */

/* A field of 1000 letters and a node that writes 999 of them again and again, `steps` times. */
static struct run *start_long(struct rig *rig, int steps, unsigned modes)
{
    char graph[2048], input[1200], letters[1001] = "";

    memset(letters, 'x', 1000);
    snprintf(input, sizeof(input), "{'big':'%s'}", letters);
    snprintf(
        graph, sizeof(graph),
        "{'state':{'big':{'type':'string'},'n':{'type':'integer','reducer':'add','default':0}},'"
        "recursion_limit':%d,"
        "'nodes':{'a':{'kind':'set','values':{'n':1,'big':'{{big}}'}}},"
        "'edges':[['START','a'],{'from':'a','switch':'n','cases':{'%d':'END'},'default':'a'}]}",
        steps + 1, steps);
    return rig_start_with(rig, rig_graph(rig, graph), input,
                          (struct run_request){ .modes = modes });
}

START_TEST(a_reader_that_fell_out_of_the_log_is_told_what_it_missed)
{
    struct rig rig;
    struct reader *reader = NULL;
    enum reader_result end;
    char *events;
    rig_settings(&rig);
    rig.conf.log_bytes = 6000;
    struct run *run = start_long(&rig, 20, MODE_UPDATES);
    ck_assert_int_eq(reader_open(run, MODE_UPDATES, NULL, NULL, &reader), 0);
    rig_finish(&rig, run);
    uint64_t first = run->log.first;
    ck_assert_uint_gt(first, 1);
    ck_assert_uint_le(run->log.bytes, 6000);
    char expected[64];
    snprintf(expected, sizeof(expected), "events 0 to %llu ", (unsigned long long)first - 1);
    events = rig_read(reader, &end);
    ck_assert_msg(strncmp(events, "error {'error':'StreamTruncated'", 32) == 0, "%s", events);
    ck_assert_ptr_nonnull(strstr(events, expected));
    ck_assert_int_eq(end, READER_END);
    mem_free(events);
    events = rig_read(reader, &end);
    ck_assert_str_eq(events, "");
    ck_assert_int_eq(end, READER_END);
    mem_free(events);
    reader_close(reader);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(frames_that_the_only_reader_has_passed_are_dropped_and_made_again_for_another)
{
    struct rig rig;
    struct reader *one = NULL, *two = NULL;
    enum reader_result end;
    rig_settings(&rig);
    struct run *run = rig_start_with(&rig, rig_graph(&rig, TWO), "{'q':'x'}",
                                     (struct run_request){ .modes = ALL_MODES });
    rig_finish(&rig, run);
    size_t unread_bytes = run->log.bytes;
    ck_assert_int_eq(reader_open(run, ALL_MODES, NULL, NULL, &one), 0);
    char *first = rig_read(one, &end);
    reader_close(one);
    ck_assert_uint_ge(run->log.bytes, unread_bytes);
    ck_assert_uint_lt(run->log.bytes - unread_bytes, strlen(first)); /* all but the last */
    ck_assert_int_eq(reader_open(run, ALL_MODES, NULL, NULL, &two), 0);
    char *second = rig_read(two, &end);
    ck_assert_str_eq(first, second);
    ck_assert_uint_gt(strlen(first), 0);
    reader_close(two);
    mem_free(first);
    mem_free(second);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(a_reader_that_keeps_up_gets_everything_from_a_small_log)
{
    struct rig rig;
    struct live live = { .ready_count = 0 };
    struct run_event event;
    rig_settings(&rig);
    rig.conf.log_bytes = 1200;
    struct run *run = rig_start_with(
        &rig,
        rig_graph(&rig, "{" LIST ",'nodes':{'a':{'kind':'hold'}},'edges':[['START','a'],"
                        "{'from':'a','switch':'q','cases':{'end':'END'},'default':'a'}]}"),
        "{}", (struct run_request){ .modes = MODE_UPDATES });
    ck_assert_int_eq(reader_open(run, MODE_UPDATES, live_ready, &live, &live.reader), 0);
    ck_assert_int_eq(reader_next(live.reader, &event), READER_EVENT);
    ck_assert_int_eq(reader_next(live.reader, &event), READER_WAIT);
    for (int i = 0; i < 10; i++) {
        while (rig.held_count == 0)
            rig_turn(&rig);
        rig.held_count = 0;
        task_finish(rig.held[0], NULL);
        while (live.ready_count == i)
            rig_turn(&rig);
        ck_assert_str_eq(live.last, "updates {'a':{}}\n");
    }
    ck_assert_uint_gt(run->log.first, 0);
    run_cancel(run);
    rig_finish(&rig, run);
    mem_free(live.last);
    reader_close(live.reader);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

/* The versions of a state that a record holds are memory, whether or not somebody reads. */
START_TEST(a_log_that_nobody_reads_is_bounded_by_what_it_keeps_alive)
{
    struct rig rig;
    static const unsigned modes[] = { MODE_VALUES, MODE_UPDATES };
    rig_settings(&rig);
    rig.conf.log_bytes = 20000;
    struct run *run = start_long(&rig, 40, modes[_i]);
    rig_finish(&rig, run);
    ck_assert_int_eq(run_status(run), RUN_SUCCESS);
    ck_assert_uint_le(run->log.bytes, 20000);
    ck_assert_uint_ge(run->log.next, 41);
    ck_assert_uint_le(run->log.next - run->log.first, 20);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

/* A request's metadata goes into every message's events, and is as large as the client likes. */
START_TEST(the_metadata_of_whole_messages_is_held_once_and_charged)
{
    enum { BIG = 20000 };
    struct rig rig;
    char big[BIG + 1] = { 0 };
    memset(big, 'x', BIG);
    json_t *metadata = json_pack("{s:s}", "big", big);
    rig_settings(&rig);
    struct run *run = rig_start_with(
        &rig,
        rig_graph(&rig, "{" CHAT ",'nodes':{'a':{'kind':'set','values':{'messages':["
                        "{'role':'assistant','content':'1'},{'role':'assistant','content':'2'}]}}},"
                        "'edges':[['START','a']]}"),
        "{'q':''}", (struct run_request){ .modes = MODE_MESSAGES_TUPLE, .metadata = metadata });
    rig_finish(&rig, run);
    ck_assert_uint_eq(run->log.next, 3);
    const struct record *last = LIST_OF(run->log.records.prev, struct record, node);
    const struct record *before = LIST_OF(last->node.prev, struct record, node);
    ck_assert_ptr_eq(last->stream, before->stream);
    ck_assert_uint_ge(run->log.bytes, BIG);
    ck_assert_uint_lt(run->log.bytes, 2 * BIG);
    json_decref(metadata);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(the_logs_of_all_runs_share_a_bound)
{
    struct rig rig;
    struct run *run[3];
    size_t kept = 0;
    rig_settings(&rig);
    rig.conf.log_bytes = 10000;
    rig.conf.logs_bytes = 15000;
    for (int i = 0; i < 3; i++) {
        run[i] = start_long(&rig, 20, MODE_UPDATES);
        rig_finish(&rig, run[i]);
        kept += run[i]->log.bytes;
        ck_assert_uint_eq(rig.worker.runs->log_bytes, kept);
        /* The newest record always stays, so the bound may be passed by one record. */
        ck_assert_uint_le(kept, 15000 + 2000);
    }
    ck_assert_uint_eq(run[2]->log.next - run[2]->log.first, 1);
    for (int i = 0; i < 3; i++)
        run_unref(run[i]);
    rig_deinit(&rig);
}
END_TEST

START_TEST(without_memory_for_an_event_its_reader_is_told_and_others_are_not_harmed)
{
    struct rig rig;
    struct reader *poor = NULL, *other = NULL;
    enum reader_result end;
    rig_settings(&rig);
    struct run *run = rig_start_with(&rig, rig_graph(&rig, TWO), "{'q':'x'}",
                                     (struct run_request){ .modes = MODE_UPDATES });
    rig_finish(&rig, run);
    ck_assert_int_eq(reader_open(run, MODE_UPDATES, NULL, NULL, &poor), 0);
    ck_assert_int_eq(reader_open(run, MODE_UPDATES, NULL, NULL, &other), 0);
    struct run_event event;
    ck_assert_int_eq(reader_next(poor, &event), READER_EVENT);
    mem_fail_at(1);
    ck_assert_int_eq(reader_next(poor, &event), READER_EVENT);
    mem_fail_at(0);
    ck_assert_str_eq(event.name, "error");
    ck_assert_ptr_nonnull(strstr(event.data, "InternalError"));
    ck_assert_int_eq(reader_next(poor, &event), READER_END);
    char *events = rig_read(other, &end);
    ck_assert_int_eq(end, READER_END);
    ck_assert_ptr_nonnull(
        strstr(events, "\nupdates {'b':{'all':'B'}}\nupdates {'a':{'all':'A'}}\n"));
    mem_free(events);
    reader_close(poor);
    reader_close(other);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

START_TEST(modes_have_the_names_of_the_protocol)
{
    ck_assert_uint_eq(mode_find("values"), MODE_VALUES);
    ck_assert_uint_eq(mode_find("updates"), MODE_UPDATES);
    ck_assert_uint_eq(mode_find("messages-tuple"), MODE_MESSAGES_TUPLE);
    ck_assert_uint_eq(mode_find("custom"), MODE_CUSTOM);
    ck_assert_uint_eq(mode_find("value"), 0);
    ck_assert_uint_eq(mode_find(""), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hub");
    TCase *t = tcase_create("hub");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, values_come_after_the_input_and_after_each_step_that_wrote);
    tcase_add_test(t, updates_come_in_the_order_of_completion_and_values_after_the_step);
    tcase_add_test(t, a_step_shows_its_tasks_around_what_they_write_and_then_the_values);
    tcase_add_test(t, only_the_modes_that_were_asked_for_are_kept);
    tcase_add_test(t, an_error_is_the_last_event_and_names_its_node);
    tcase_add_test(t, a_cancelled_run_just_ends);
    tcase_add_test(t, tokens_join_to_the_message_in_the_state_and_carry_its_id);
    tcase_add_test(t, a_whole_message_is_shown_once_with_the_id_of_the_state);
    tcase_add_test(t, a_message_event_says_where_it_comes_from);
    tcase_add_test(t, all_readers_get_the_same_bytes);
    tcase_add_test(t,
                   frames_that_the_only_reader_has_passed_are_dropped_and_made_again_for_another);
    tcase_add_test(t, a_reader_gets_its_own_modes_and_metadata_and_errors);
    tcase_add_test(t, a_waiting_reader_is_called_once_when_there_is_more);
    tcase_add_test(t, a_reader_that_was_closed_is_not_called);
    tcase_add_test(t, a_reader_that_fell_out_of_the_log_is_told_what_it_missed);
    tcase_add_test(t, a_reader_that_keeps_up_gets_everything_from_a_small_log);
    tcase_add_loop_test(t, a_log_that_nobody_reads_is_bounded_by_what_it_keeps_alive, 0, 2);
    tcase_add_test(t, the_metadata_of_whole_messages_is_held_once_and_charged);
    tcase_add_test(t, the_logs_of_all_runs_share_a_bound);
    tcase_add_test(t, without_memory_for_an_event_its_reader_is_told_and_others_are_not_harmed);
    tcase_add_test(t, modes_have_the_names_of_the_protocol);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
