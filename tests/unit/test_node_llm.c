/* The real model layer: the demo model, and the openai provider against a scripted server. */
#include "fake_task.h"
#include "llm/answer.h"
#include "node_server.h"

#define STATE                                                                                      \
    "{" F("q", "string") "," F("m", "any") "," F("text", "string") "," F("list", "array") "," F(   \
        "obj", "object") "," F("any", "any") "," F("n",                                            \
                                                   "number") ",\"log\":{\"type\":\"messages\"}}"
#define NO_MESSAGES  "{" F("q", "string") "}"
#define TWO_MESSAGES "{" F("q", "string") "," F("a", "messages") "," F("b", "messages") "}"

#define LLM(rest) "{\"kind\":\"llm\"," rest "}"
#define ASK(rest) LLM("\"prompt\":\"{{q}}\",\"output\":\"text\"" rest)

/* ---- configure ---- */

static const struct {
    const char *state;
    struct fake_wrong row;
} wrong[] = {
    { STATE, { LLM("\"prompt\":\"x\""), "\"output\" is missing" } },
    { STATE, { LLM("\"prompt\":\"x\",\"output\":\"txt\""), "text" } },
    { STATE, { LLM("\"prompt\":\"x\",\"output\":\"n\""), "cannot hold an answer" } },
    { STATE, { ASK(",\"messages\":\"log\""), "both \"prompt\" and \"messages\"" } },
    { STATE, { LLM("\"messages\":\"lg\",\"output\":\"text\""), "log" } },
    { STATE, { LLM("\"messages\":\"q\",\"output\":\"text\""), "type string holds no messages" } },
    { NO_MESSAGES, { LLM("\"output\":\"q\""), "no field of type messages" } },
    { TWO_MESSAGES, { LLM("\"output\":\"q\""), "several fields of type messages" } },
    { STATE, { LLM("\"prompt\":3,\"output\":\"text\""), "/nodes/it/prompt" } },
    { STATE, { ASK(",\"system\":\"{{qq}}\""), "/nodes/it/system" } },
    { STATE, { ASK(",\"model\":3"), "names no model" } },
    { STATE, { ASK(",\"model\":\"\""), "an empty string names no model" } },
    { STATE, { ASK(",\"model\":[]"), "1 to 16 models" } },
    { STATE, { ASK(",\"model\":[\"demo\",null]"), "null names no model" } },
    { STATE, { ASK(",\"model\":[\"demo\",\"{{mm}}\"]"), "/nodes/it/model" } },
    { STATE, { ASK(",\"model\":\"{{#m}}\""), "/nodes/it/model" } },
    { STATE, { ASK(",\"temperature\":2.5"), "2.5 is not between 0 and 2" } },
    { STATE, { ASK(",\"temperature\":\"hot\""), "/nodes/it/temperature" } },
    { STATE, { ASK(",\"max_tokens\":0"), "0 is not between" } },
    { STATE, { ASK(",\"params\":[]"), "expected object" } },
    { STATE, { ASK(",\"params\":{\"stop\":\"{{qq}}\"}"), "/nodes/it/params" } },
    { STATE, { ASK(",\"modle\":\"demo\""), "model" } },
};

START_TEST(a_wrong_node_is_told)
{
    fake_check_wrong(wrong[_i].state, &wrong[_i].row);
}
END_TEST

START_TEST(no_memory_while_it_is_configured_is_a_fault)
{
    struct fake x;
    fake_init(&x);
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        int r = fake_parse(&x, STATE,
                           ASK(",\"model\":[\"demo\",\"{{m}}\"],\"system\":\"You are {{m}}\","
                               "\"params\":{\"stop\":[\"{{m}}\"]}"));
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        bool is_told = r < 0 || x.problems.fault != 0;
        ck_assert_msg(is_pending ? r == 0 : is_told, "allocation %lu: %d", n, r);
        ck_assert(n < 10000);
    }
    fake_deinit(&x);
}
END_TEST

/* ---- the demo model ---- */

static void begin(struct fake *x, const char *providers)
{
    fake_init(x);
    mem_free(x->conf.default_model);
    x->conf.default_model = mem_strdup("demo");
    if (providers != NULL) {
        json_decref(x->conf.providers);
        x->conf.providers = json_loads(providers, 0, NULL);
        ck_assert_ptr_nonnull(x->conf.providers);
    }
    ck_assert_int_eq(fetcher_new(x->loop, 1, &x->services.fetcher), 0);
    ck_assert_int_eq(
        llm_models_new(&x->conf, x->loop, x->services.fetcher, NULL, &x->services.models), 0);
}

static void end(struct fake *x)
{
    fake_drain(x);
    llm_models_free(x->services.models);
    fetcher_free(x->services.fetcher);
    fake_deinit(x);
}

static const json_t *written(const struct fake *x, const char *field)
{
    ck_assert_msg(!fail_is_set(&x->fail), "%s", fail_message(&x->fail));
    ck_assert_uint_eq(x->update.count, 1);
    ck_assert_int_eq(x->update.writes[0].field, graph_find_field(x->graph, field));
    return value_json(x->update.writes[0].value);
}

/* In a field of type messages it is a list of one. */
static const json_t *written_message(const struct fake *x, const char *field)
{
    const json_t *json = written(x, field);

    if (strcmp(field, "log") != 0)
        return json;
    ck_assert_uint_eq(json_array_size(json), 1);
    return json_array_get(json, 0);
}

START_TEST(the_default_model_streams_what_is_written)
{
    struct fake x;
    begin(&x, NULL);
    fake_graph(&x, STATE, ASK(""));
    fake_run(&x, "{\"q\":\"Who pays?\"}");
    const char *text = json_string_value(written(&x, "text"));
    ck_assert_str_eq(text, buf_text(&x.text));
    ck_assert_ptr_nonnull(strstr(text, "Who pays?"));
    ck_assert_int_gt(x.delta_count, 8);
    ck_assert_int_eq(x.begin_count, 1);
    ck_assert_str_eq(x.model, "demo");
    ck_assert_int_eq(strncmp(x.id, "run-", 4), 0);
    end(&x);
}
END_TEST

static const struct {
    const char *model;
    const char *heard; /* "provider:model" */
} models[] = {
    { "\"demo:law\"", "demo:law" },
    { "\"{{m}}\"", "demo:math" },
    { "\"{{$config.model}}\"", "demo:general" },
    { "\"demo:{{$context.voice}}\"", "demo:editor" },
    { "\"{{$config.none}}\"", "demo" },
};

START_TEST(a_model_may_come_from_the_run)
{
    struct fake x;
    char *node = mem_printf(ASK(",\"model\":%s"), models[_i].model);
    begin(&x, NULL);
    x.context = json_loads("{\"voice\":\"editor\"}", 0, NULL);
    x.configurable = json_loads("{\"model\":\"demo:general\"}", 0, NULL);
    fake_graph(&x, STATE, node);
    fake_run(&x, "{\"q\":\"Who?\",\"m\":\"demo:math\"}");
    (void)written(&x, "text");
    ck_assert_str_eq(x.model, models[_i].heard);
    end(&x);
    mem_free(node);
}
END_TEST

START_TEST(a_list_gets_one_text)
{
    struct fake x;
    begin(&x, NULL);
    fake_graph(&x, STATE, LLM("\"prompt\":\"hi\",\"output\":\"list\""));
    fake_run(&x, "{}");
    const json_t *list = written(&x, "list");
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_str_eq(json_string_value(json_array_get(list, 0)), buf_text(&x.text));
    end(&x);
}
END_TEST

static const char *const message_fields[] = { "log", "obj", "any" };

START_TEST(other_fields_get_the_message)
{
    struct fake x;
    char *node = mem_printf(LLM("\"prompt\":\"hi\",\"model\":\"demo:law\",\"output\":\"%s\""),
                            message_fields[_i]);
    begin(&x, NULL);
    fake_graph(&x, STATE, node);
    fake_run(&x, "{}");
    const json_t *message = written_message(&x, message_fields[_i]);
    const json_t *metadata = json_object_get(message, "response_metadata");
    ck_assert_str_eq(json_string_value(json_object_get(message, "type")), "ai");
    ck_assert_str_eq(json_string_value(json_object_get(message, "id")), x.id);
    ck_assert_str_eq(json_string_value(json_object_get(message, "content")), buf_text(&x.text));
    ck_assert_str_eq(json_string_value(json_object_get(metadata, "model_name")), "law");
    ck_assert_str_eq(json_string_value(json_object_get(metadata, "finish_reason")), "stop");
    ck_assert(json_is_object(json_object_get(message, "usage_metadata")));
    end(&x);
    mem_free(node);
}
END_TEST

static const struct {
    const char *node;
    const char *input;
    const char *asked;
} conversations[] = {
    { LLM("\"output\":\"text\""),
      "{\"log\":[\"first\",{\"role\":\"ai\",\"content\":\"no\"},\"last one\"]}", "last one" },
    { LLM("\"messages\":\"list\",\"output\":\"text\""),
      "{\"list\":[{\"role\":\"user\",\"content\":\"in a list\"}]}", "in a list" },
};

START_TEST(messages_of_the_state_are_sent)
{
    struct fake x;
    begin(&x, NULL);
    fake_graph(&x, STATE, conversations[_i].node);
    fake_run(&x, conversations[_i].input);
    ck_assert_ptr_nonnull(strstr(json_string_value(written(&x, "text")), conversations[_i].asked));
    end(&x);
}
END_TEST

START_TEST(messages_of_a_send_are_asked_in_whatever_form)
{
    static const char *const sends[] = {
        "{\"log\":[\"from a send\"]}",
        "{\"log\":[{\"role\":\"user\",\"content\":\"from a send\"}]}",
        "{\"log\":[{\"type\":\"human\",\"content\":\"from a send\",\"id\":\"1\"}],\"x\":1}",
    };
    struct fake x;
    begin(&x, NULL);
    x.send = json_loads(sends[_i], 0, NULL);
    fake_graph(&x, STATE, LLM("\"output\":\"text\""));
    fake_run(&x, "{\"log\":[\"from the state\"]}");
    ck_assert_ptr_nonnull(strstr(json_string_value(written(&x, "text")), "from a send"));
    end(&x);
}
END_TEST

START_TEST(a_send_without_messages_fails_whatever_the_state_holds)
{
    static const char *const sends[] = { "{}", "{\"log\":\"hi\"}", "[]" };
    struct fake x;
    begin(&x, NULL);
    x.send = json_loads(sends[_i], 0, NULL);
    fake_graph(&x, STATE, LLM("\"output\":\"text\""));
    fake_run(&x, "{\"log\":[\"from the state\"]}");
    fake_check_fail(&x, FAIL_INPUT, "\"log\" is empty");
    end(&x);
}
END_TEST

static const struct {
    const char *node;
    const char *input;
    enum fail_code code;
    const char *part;
} unasked[] = {
    { LLM("\"output\":\"text\""), "{}", FAIL_INPUT, "\"log\" is empty" },
    { LLM("\"messages\":\"list\",\"output\":\"text\""), "{\"list\":[]}", FAIL_INPUT,
      "\"list\" is empty" },
    { LLM("\"messages\":\"list\",\"output\":\"text\""), "{\"list\":[7]}", FAIL_INVALID_UPDATE, "" },
    { ASK(",\"model\":\"nobody:x\""), "{\"q\":\"a\"}", FAIL_NO_PROVIDER, "nobody" },
    { ASK(",\"system\":\"{{q}}{{q}}\""), "{\"q\":\"123456789\"}", FAIL_LIMIT, "\"system\"" },
    { LLM("\"prompt\":\"{{q}}{{q}}\",\"output\":\"text\""), "{\"q\":\"123456789\"}", FAIL_LIMIT,
      "\"prompt\"" },
    { ASK(""), "{\"q\":\"a\"}", FAIL_LIMIT, "the model's answer passes 16 bytes" },
};

START_TEST(what_cannot_be_asked_or_kept_fails)
{
    struct fake x;
    begin(&x, NULL);
    x.conf.max_state_bytes = 16;
    fake_graph(&x, STATE, unasked[_i].node);
    fake_run(&x, unasked[_i].input);
    fake_check_fail(&x, unasked[_i].code, unasked[_i].part);
    ck_assert_uint_le(x.text.len, 16);
    end(&x);
}
END_TEST

START_TEST(no_memory_at_any_point_of_the_start_is_a_fault)
{
    struct fake x;
    begin(&x, NULL);
    fake_graph(&x, STATE,
               LLM("\"messages\":\"list\",\"system\":\"{{q}}!\",\"model\":\"{{m}}\","
                   "\"params\":{\"a\":\"{{q}}\"},\"output\":\"log\""));
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        fake_prepare(&x, "{\"list\":[\"hi\"],\"m\":\"demo\",\"q\":\"a\"}");
        mem_fail_at(n);
        x.task.node->kind->start(&x.task);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        if (!is_pending)
            fake_check_fail(&x, FAIL_INTERNAL, "");
        fake_release(&x);
        fake_drain(&x);
        ck_assert(n < 1000);
    }
    end(&x);
}
END_TEST

/* ---- fallbacks ---- */

static const struct {
    const char *list;
    int calls;
    const char *last;
    bool succeeds;
} fallbacks[] = {
    { "[\"nobody:x\",\"demo\"]", 2, "demo", true },
    { "[\"demo:law\",\"demo\"]", 1, "demo:law", true },
    { "[\"nobody:x\",\"noone:y\",\"demo:law\"]", 3, "demo:law", true },
    { "[\"nobody:x\",\"noone:y\"]", 2, "noone:y", false },
    { "[\"nobody:x\",\"{{$config.none}}\"]", 2, "demo", true },
};

START_TEST(a_model_that_cannot_be_called_gives_way_to_the_next)
{
    struct fake x;
    char *node = mem_printf(ASK(",\"model\":%s"), fallbacks[_i].list);
    begin(&x, NULL);
    fake_graph(&x, STATE, node);
    fake_run(&x, "{\"q\":\"hi\"}");
    ck_assert_int_eq(x.begin_count, fallbacks[_i].calls); /* the fake asserts that ids differ */
    ck_assert_str_eq(x.model, fallbacks[_i].last);
    if (fallbacks[_i].succeeds)
        (void)written(&x, "text");
    else
        fake_check_fail(&x, FAIL_NO_PROVIDER, "noone");
    end(&x);
    mem_free(node);
}
END_TEST

#define SSE                                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"                                       \
    "Connection: close\r\n\r\n"
#define CHUNK(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define FINISH(why)                                                                                \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" why "\"}]}\n\n"
#define TOKEN(text) CHUNK("{\"content\":\"" text "\"}")
#define DONE        "data: [DONE]\n\n"
#define BROKEN      "HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

static void begin_served(struct fake *x, struct node_server *server,
                         const struct node_reply *replies, int count)
{
    node_server_start(server, replies, count);
    char *providers = mem_printf(
        "{\"up\":{\"kind\":\"openai\",\"base_url\":\"http://127.0.0.1:%d/v1\"}}", server->port);
    begin(x, providers);
    mem_free(providers);
}

START_TEST(a_failure_before_the_first_token_tries_the_next_model)
{
    const struct node_reply replies[] = {
        { BROKEN, false }, { SSE TOKEN("Hel") TOKEN("lo") FINISH("stop") DONE, false }
    };
    static struct node_server server;
    struct fake x;
    begin_served(&x, &server, replies, 2);
    fake_graph(&x, STATE,
               ASK(",\"model\":[\"up:a\",\"up:b\"],\"temperature\":0.7,\"max_tokens\":9,"
                   "\"system\":\"Be {{m}}\",\"params\":{\"top_p\":\"{{n}}\"}"));
    fake_run(&x, "{\"q\":\"hi\",\"m\":\"kind\",\"n\":0.5}");
    ck_assert_str_eq(json_string_value(written(&x, "text")), "Hello");
    ck_assert_int_eq(x.begin_count, 2);
    ck_assert_str_eq(x.model, "up:b");
    const char *request = server.requests[1];
    ck_assert_ptr_nonnull(strstr(request, "\"model\":\"b\""));
    ck_assert_ptr_nonnull(strstr(request, "\"temperature\":0.7"));
    ck_assert_ptr_nonnull(strstr(request, "\"top_p\":0.5"));
    ck_assert_ptr_nonnull(strstr(request, "Be kind"));
    ck_assert_ptr_nonnull(strstr(request, "\"content\":\"hi\""));
    node_server_stop(&server);
    end(&x);
}
END_TEST

START_TEST(a_failure_after_the_first_token_is_final)
{
    const struct node_reply replies[] = { { SSE TOKEN("Hel"), false }, { SSE DONE, false } };
    static struct node_server server;
    struct fake x;
    begin_served(&x, &server, replies, 2);
    fake_graph(&x, STATE, ASK(",\"model\":[\"up:a\",\"up:b\"]"));
    fake_run(&x, "{\"q\":\"hi\"}");
    fake_check_fail(&x, FAIL_UP_CUT, "");
    ck_assert_int_eq(x.begin_count, 1);
    node_server_stop(&server);
    end(&x);
}
END_TEST

START_TEST(tool_calls_are_put_together)
{
    const struct node_reply reply = {
        SSE CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":"
                  "{\"name\":\"f\",\"arguments\":\"\"}}]}")
            CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\"\"}}]}")
                CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]}")
                    FINISH("tool_calls") DONE,
        false
    };
    static struct node_server server;
    struct fake x;
    begin_served(&x, &server, &reply, 1);
    fake_graph(&x, STATE, LLM("\"prompt\":\"hi\",\"model\":\"up:a\",\"output\":\"log\""));
    fake_run(&x, "{}");
    const json_t *message = written_message(&x, "log");
    json_t *expected = json_loads(
        "[{\"name\":\"f\",\"args\":{\"a\":1},\"id\":\"c1\",\"type\":\"tool_call\"}]", 0, NULL);
    ck_assert(json_equal(json_object_get(message, "tool_calls"), expected));
    ck_assert_str_eq(json_string_value(json_object_get(message, "content")), "");
    json_decref(expected);
    node_server_stop(&server);
    end(&x);
}
END_TEST

/* ---- cancel ---- */

START_TEST(a_call_cancelled_at_once_leaves_nothing)
{
    struct fake x;
    begin(&x, NULL);
    fake_graph(&x, STATE, ASK(""));
    fake_start(&x, "{\"q\":\"hi\"}");
    fake_cancel(&x);
    fake_release(&x);
    end(&x);
}
END_TEST

START_TEST(a_call_cancelled_by_who_takes_its_delta_leaves_nothing)
{
    struct fake x;
    begin(&x, NULL);
    x.wants_cancel_in_delta = true;
    fake_graph(&x, STATE, ASK(""));
    fake_start(&x, "{\"q\":\"hi\"}");
    ck_assert_int_eq(loop_run_until(x.loop, &x.has_delta), 0);
    fake_release(&x);
    fake_drain(&x);
    ck_assert_int_eq(x.delta_count, 1);
    end(&x);
}
END_TEST

static bool has_begun_twice(void *fake)
{
    return ((struct fake *)fake)->begin_count == 2;
}

static void cancel_now(void *fake)
{
    fake_cancel(fake);
}

/* The refused call ends from the ready list; the cancel stands right behind it there, the next
 * model behind both. */
START_TEST(a_cancel_between_two_models_leaves_the_second_alone)
{
    struct fake x;
    struct loop_work work;
    begin(&x, NULL);
    fake_graph(&x, STATE, ASK(",\"model\":[\"nobody:x\",\"demo\"]"));
    fake_start(&x, "{\"q\":\"hi\"}");
    loop_work_init(&work, cancel_now, &x);
    loop_ready(x.loop, &work);
    ck_assert_int_eq(loop_run_until(x.loop, &x.is_cancelled), 0);
    ck_assert_int_eq(x.begin_count, 1);
    fake_release(&x);
    end(&x);
}
END_TEST

enum stage { ASKED, AT_SECOND_MODEL, STREAMING, STAGE_COUNT };

START_TEST(a_cancelled_call_is_dropped_in_every_stage)
{
    const struct node_reply first = _i == STREAMING ? (struct node_reply){ SSE TOKEN("Hel"), true }
                                    : _i == ASKED   ? (struct node_reply){ NULL, true }
                                                    : (struct node_reply){ BROKEN, false };
    const struct node_reply replies[] = { first, { NULL, true } };
    static struct node_server server;
    struct fake x;
    begin_served(&x, &server, replies, 2);
    fake_graph(&x, STATE, ASK(",\"model\":[\"up:a\",\"up:b\"]"));
    fake_start(&x, "{\"q\":\"hi\"}");
    if (_i == ASKED)
        fake_until(&x, node_server_was_asked, &server);
    else if (_i == AT_SECOND_MODEL)
        fake_until(&x, has_begun_twice, &x);
    else
        ck_assert_int_eq(loop_run_until(x.loop, &x.has_delta), 0);
    fake_cancel(&x);
    fake_release(&x);
    end(&x);
    node_server_stop(&server);
}
END_TEST

START_TEST(a_released_task_drops_its_call)
{
    struct fake x;
    begin(&x, NULL);
    x.conf.demo_delay_ms = 60000;
    fake_graph(&x, STATE, ASK(""));
    fake_start(&x, "{\"q\":\"hi\"}");
    fake_release(&x);
    end(&x);
}
END_TEST

/* ---- the answer alone ---- */

static struct llm_delta tool(int index, const char *id, const char *name, const char *args)
{
    return (struct llm_delta){
        .type = LLM_TOOL_CALL, .index = index, .id = id, .name = name, .args = args
    };
}

START_TEST(mixed_up_pieces_find_their_calls_and_bad_arguments_are_kept_as_text)
{
    const struct llm_delta deltas[] = {
        tool(0, "a", "f", NULL), tool(7, "b", "g", "[1"),   tool(0, NULL, NULL, "{\"x\":"),
        tool(7, "c", "h", "]"),  tool(0, NULL, NULL, "2}"), tool(-3, NULL, "k", NULL),
    };
    struct answer a;
    answer_init(&a, 1000);
    for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++)
        ck_assert_int_eq(answer_add(&a, &deltas[i]), 0);
    json_t *message = answer_json(&a, FIELD_MESSAGES, "run-1", "m");
    json_t *valid =
        json_loads("[{\"name\":\"f\",\"args\":{\"x\":2},\"id\":\"a\",\"type\":\"tool_call\"},"
                   "{\"name\":\"k\",\"args\":{},\"type\":\"tool_call\"}]",
                   0, NULL);
    ck_assert(json_equal(json_object_get(message, "tool_calls"), valid));
    const json_t *invalid = json_array_get(json_object_get(message, "invalid_tool_calls"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(invalid, "name")), "g");
    ck_assert_str_eq(json_string_value(json_object_get(invalid, "id")), "b");
    ck_assert_str_eq(json_string_value(json_object_get(invalid, "args")), "[1]");
    json_decref(valid);
    json_decref(message);
    answer_deinit(&a);
}
END_TEST

START_TEST(text_and_calls_share_one_limit)
{
    struct answer a;
    const struct llm_delta text = { .type = LLM_TEXT, .text = "12345", .len_bytes = 5 };
    const struct llm_delta call = tool(0, "id", "f", "12");
    const struct llm_delta more = tool(0, NULL, NULL, "1");
    answer_init(&a, 10);
    ck_assert_int_eq(answer_add(&a, &text), 0);
    ck_assert_int_eq(answer_add(&a, &call), 0);
    ck_assert_int_eq(answer_add(&a, &text), ANSWER_E_FULL);
    ck_assert_int_eq(answer_add(&a, &more), ANSWER_E_FULL);
    answer_deinit(&a);
}
END_TEST

START_TEST(tool_calls_are_counted)
{
    struct answer a;
    int r = 0;
    int count = 0;
    answer_init(&a, 1 << 20);
    for (; r == 0 && count < 100000; count++) {
        struct llm_delta call = tool(count, "i", "f", "{}");
        r = answer_add(&a, &call);
    }
    ck_assert_int_eq(r, ANSWER_E_FULL);
    answer_deinit(&a);
}
END_TEST

static int build_answer(void)
{
    const struct llm_delta deltas[] = {
        { .type = LLM_TEXT, .text = "hi", .len_bytes = 2 },
        tool(0, "a", "f", "{}"),
        tool(1, "b", "g", "["),
        { .type = LLM_FINISH, .text = "stop", .len_bytes = 4 },
        { .type = LLM_USAGE, .input_tokens = 1, .output_tokens = 2, .total_tokens = 3 },
    };
    struct answer a;
    int r = 0;
    answer_init(&a, 1000);
    for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]) && r == 0; i++)
        r = answer_add(&a, &deltas[i]);
    static const enum field_type types[] = { FIELD_STRING, FIELD_ARRAY, FIELD_MESSAGES };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && r == 0; i++) {
        json_t *json = answer_json(&a, types[i], "run-1", "m");
        r = json == NULL ? -1 : 0;
        json_decref(json);
    }
    answer_deinit(&a);
    return r;
}

START_TEST(no_memory_for_any_part_of_an_answer_is_a_fault)
{
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        int r = build_answer();
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(is_pending ? r == 0 : r < 0, "allocation %lu: %d", n, r);
    }
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof(table[0]))

int main(void)
{
    mem_init();
    Suite *suite = suite_create("node_llm");
    TCase *tc = tcase_create("llm");
    tcase_add_loop_test(tc, a_wrong_node_is_told, 0, COUNT(wrong));
    tcase_add_test(tc, no_memory_while_it_is_configured_is_a_fault);
    tcase_add_test(tc, the_default_model_streams_what_is_written);
    tcase_add_loop_test(tc, a_model_may_come_from_the_run, 0, COUNT(models));
    tcase_add_test(tc, a_list_gets_one_text);
    tcase_add_loop_test(tc, other_fields_get_the_message, 0, COUNT(message_fields));
    tcase_add_loop_test(tc, messages_of_the_state_are_sent, 0, COUNT(conversations));
    tcase_add_loop_test(tc, messages_of_a_send_are_asked_in_whatever_form, 0, 3);
    tcase_add_loop_test(tc, a_send_without_messages_fails_whatever_the_state_holds, 0, 3);
    tcase_add_loop_test(tc, what_cannot_be_asked_or_kept_fails, 0, COUNT(unasked));
    tcase_add_test(tc, no_memory_at_any_point_of_the_start_is_a_fault);
    tcase_add_loop_test(tc, a_model_that_cannot_be_called_gives_way_to_the_next, 0,
                        COUNT(fallbacks));
    tcase_add_test(tc, a_failure_before_the_first_token_tries_the_next_model);
    tcase_add_test(tc, a_failure_after_the_first_token_is_final);
    tcase_add_test(tc, tool_calls_are_put_together);
    tcase_add_test(tc, a_call_cancelled_at_once_leaves_nothing);
    tcase_add_test(tc, a_call_cancelled_by_who_takes_its_delta_leaves_nothing);
    tcase_add_test(tc, a_cancel_between_two_models_leaves_the_second_alone);
    tcase_add_loop_test(tc, a_cancelled_call_is_dropped_in_every_stage, 0, STAGE_COUNT);
    tcase_add_test(tc, a_released_task_drops_its_call);
    tcase_add_test(tc, mixed_up_pieces_find_their_calls_and_bad_arguments_are_kept_as_text);
    tcase_add_test(tc, text_and_calls_share_one_limit);
    tcase_add_test(tc, tool_calls_are_counted);
    tcase_add_test(tc, no_memory_for_any_part_of_an_answer_is_a_fault);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
