/* Calls of an OpenAI-compatible server: what goes out, what comes back, and every way in which it
 * can go wrong. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "llm/llm.h"
#include "tiny_server.h"
#include <check.h>
#include <math.h>

#define KEY      "sk-test-0123456789abcdef"
#define HEADER   "x-secret-token-value"
#define DELTA(t) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" t "\"}}]}\n\n"
#define STOP     "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE                                                                                      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,"                \
    "\"total_tokens\":9}}\n\n"
#define DONE "data: [DONE]\n\n"
#define SSE  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define OF_LENGTH(n)                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: " #n                    \
    "\r\nConnection: close\r\n\r\n"
#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define STATUS(line, headers, body)                                                                \
    "HTTP/1.1 " line "\r\nContent-Type: application/json\r\n" headers                              \
    "Connection: close\r\n\r\n" body

/* ---- one call against one server ---- */

struct bench {
    struct tiny_server server;
    struct loop *loop;
    struct fetcher *fetcher;
    struct conf conf;
    struct llm_models *models;
    struct llm_call *call;
    struct buf log; /* deltas as in "Hel|lo|<stop>|<7/2/9>|" */
    int delta_count;
    int cancel_at; /* the delta that cancels the call, 0 = none */
    bool opens_gates;
    int end_count;
    bool is_ended;
    struct fail fail;
};

static void on_delta(void *arg, const struct llm_delta *d)
{
    struct bench *b = arg;
    ck_assert_int_eq(b->end_count, 0);
    b->delta_count++;
    if (d->type == LLM_TEXT)
        (void)buf_add(&b->log, d->text, d->len_bytes);
    else if (d->type == LLM_FINISH)
        (void)buf_addf(&b->log, "<%s>", d->text);
    else if (d->type == LLM_USAGE)
        (void)buf_addf(&b->log, "<%lld/%lld/%lld>", (long long)d->input_tokens,
                       (long long)d->output_tokens, (long long)d->total_tokens);
    else
        (void)buf_addf(&b->log, "<call %d>", d->index);
    (void)buf_add_char(&b->log, '|');
    if (b->opens_gates)
        tiny_open_gate(&b->server);
    if (b->delta_count == b->cancel_at)
        llm_cancel(b->call);
}

static void on_end(void *arg, const struct fail *f)
{
    struct bench *b = arg;
    b->end_count++;
    b->is_ended = true;
    if (f != NULL)
        fail_copy(&b->fail, f);
}

/* Reads a request and writes s->arg. */
static void serve_text(struct tiny_server *s, int fd)
{
    if (tiny_take_request(s, fd))
        tiny_put(fd, s->arg);
}

static void bench_init(struct bench *b, void (*serve)(struct tiny_server *s, int fd),
                       const char *answer)
{
    char *env[] = { "OTHER=1", "TINY_KEY=" KEY, NULL };
    char url[64];
    memset(b, 0, sizeof(*b));
    buf_init(&b->log, 1 << 20);
    tiny_start(&b->server, serve, answer);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1/", b->server.port);
    ck_assert_int_eq(conf_default(&b->conf), 0);
    json_decref(b->conf.providers);
    b->conf.providers = json_pack("{s:{s:s,s:s,s:s,s:{s:s,s:s}}}", "tiny", "kind", "openai",
                                  "base_url", url, "api_key_env", "TINY_KEY", "headers", "x-auth",
                                  "Bearer " HEADER, "x-team", "blue");
    ck_assert_int_eq(loop_new(&b->loop), 0);
    ck_assert_int_eq(fetcher_new(b->loop, 1, &b->fetcher), 0);
    ck_assert_int_eq(llm_models_new(&b->conf, b->loop, b->fetcher, env, &b->models), 0);
}

static void bench_deinit(struct bench *b)
{
    tiny_stop(&b->server);
    llm_models_free(b->models);
    fetcher_free(b->fetcher);
    ck_assert_int_eq(loop_op_count(b->loop), 0);
    loop_free(b->loop);
    conf_deinit(&b->conf);
    fail_clear(&b->fail);
    buf_deinit(&b->log);
}

static struct llm_request request_of(struct bench *b, json_t *messages)
{
    return (struct llm_request){
        .messages = messages, .temperature = NAN, .on_delta = on_delta, .on_end = on_end, .arg = b
    };
}

static json_t *hello(void)
{
    return json_pack("[{s:s,s:s}]", "type", "human", "content", "Hello");
}

static void call(struct bench *b)
{
    json_t *messages = hello();
    struct llm_request req = request_of(b, messages);
    ck_assert_int_eq(llm_start(b->models, "tiny:m1", &req, &b->call), 0);
    json_decref(messages); /* borrowed until the return only */
    ck_assert_int_eq(b->end_count + b->delta_count, 0);
    ck_assert_int_eq(loop_run_until(b->loop, &b->is_ended), 0);
    ck_assert_int_eq(b->end_count, 1);
}

/* ---- what goes out ---- */

static json_t *sent_body(struct bench *b)
{
    json_error_t error;
    json_t *body = json_loads(b->server.body, 0, &error);
    ck_assert_ptr_nonnull(body);
    return body;
}

START_TEST(the_request_carries_model_messages_wishes_and_key)
{
    struct bench b;
    bench_init(&b, serve_text, SSE STOP DONE);
    json_t *messages = hello();
    json_t *params = json_pack("{s:i,s:b,s:s,s:n,s:i,s:s}", "max_tokens", 9, "stream", 0, "model",
                               "evil", "messages", "seed", 3, "user", "u");
    struct llm_request req = request_of(&b, messages);
    req.system = "Be kind.";
    req.temperature = 0.25;
    req.max_tokens = 5;
    req.params = params;
    ck_assert_int_eq(llm_start(b.models, "tiny:m1", &req, &b.call), 0);
    ck_assert_int_eq(loop_run_until(b.loop, &b.is_ended), 0);
    ck_assert(!fail_is_set(&b.fail));
    json_t *body = sent_body(&b);
    json_t *wanted =
        json_pack("{s:s,s:[{s:s,s:s},{s:s,s:s}],s:b,s:{s:b},s:f,s:i,s:i,s:s}", "model", "m1",
                  "messages", "role", "system", "content", "Be kind.", "role", "user", "content",
                  "Hello", "stream", 1, "stream_options", "include_usage", 1, "temperature", 0.25,
                  "max_tokens", 9, "seed", 3, "user", "u");
    ck_assert_ptr_nonnull(wanted);
    ck_assert_msg(json_equal(body, wanted), "%s", b.server.body);
    ck_assert_ptr_eq(strstr(b.server.request, "POST /v1/chat/completions HTTP/1.1\r\n"),
                     b.server.request);
    ck_assert_ptr_nonnull(strcasestr(b.server.request, "\r\nauthorization: Bearer " KEY "\r\n"));
    ck_assert_ptr_nonnull(strcasestr(b.server.request, "\r\ncontent-type: application/json\r\n"));
    ck_assert_ptr_nonnull(strcasestr(b.server.request, "\r\naccept: text/event-stream\r\n"));
    ck_assert_ptr_nonnull(strcasestr(b.server.request, "\r\nx-team: blue\r\n"));
    json_decref(wanted);
    json_decref(body);
    json_decref(params);
    json_decref(messages);
    bench_deinit(&b);
}
END_TEST

START_TEST(what_was_not_asked_for_is_not_sent)
{
    struct bench b;
    bench_init(&b, serve_text, SSE STOP DONE);
    call(&b);
    json_t *body = sent_body(&b);
    ck_assert_uint_eq(json_object_size(body), 4); /* model, messages, stream, stream_options */
    json_decref(body);
    bench_deinit(&b);
}
END_TEST

/* ---- what comes back ---- */

static void serve_gated(struct tiny_server *s, int fd)
{
    static const char *const parts[] = { DELTA("a"), DELTA("b"), DELTA("c") };
    if (!tiny_take_request(s, fd))
        return;
    tiny_put(fd, SSE);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        tiny_put(fd, parts[i]);
        tiny_wait_at_gate(s); /* which the delta opens: the next is not sent before */
    }
    tiny_put(fd, STOP DONE);
}

START_TEST(deltas_are_given_out_as_they_come)
{
    struct bench b;
    bench_init(&b, serve_gated, NULL);
    b.opens_gates = true;
    call(&b);
    ck_assert_str_eq(buf_text(&b.log), "a|b|c|<stop>|");
    ck_assert(!fail_is_set(&b.fail));
    bench_deinit(&b);
}
END_TEST

/* Keeps the connection open behind [DONE]. */
static void serve_and_stay(struct tiny_server *s, int fd)
{
    if (!tiny_take_request(s, fd))
        return;
    tiny_put(fd, SSE DELTA("a") DONE);
    tiny_wait_for_eof(s, fd);
}

START_TEST(nothing_is_waited_for_behind_the_end_of_a_stream)
{
    struct bench b;
    bench_init(&b, serve_and_stay, NULL);
    call(&b);
    ck_assert_str_eq(buf_text(&b.log), "a|");
    ck_assert(!fail_is_set(&b.fail));
    bench_deinit(&b);
}
END_TEST

static const struct answer_row {
    const char *answer;
    const char *log;
    enum fail_code code;
    const char *message; /* a part of it */
    int64_t retry_after_ms;
} answers[] = {
    { SSE DELTA("Hel") DELTA("") DELTA("lo") STOP USAGE DONE, "Hel|lo|<stop>|<7/2/9>|", FAIL_NONE,
      "", 0 },
    { SSE DELTA("x") DONE, "x|", FAIL_NONE, "", 0 },
    { SSE ": hello\r\n\r\nevent: x\r\n" DELTA("x") STOP, "x|<stop>|", FAIL_NONE, "", 0 },
    { SSE DELTA("x") DONE "data: rubbish\n\n", "x|", FAIL_NONE, "", 0 },
    { "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" DELTA("x") DONE, "x|", FAIL_NONE, "", 0 },
    { OF_LENGTH(9999) DELTA("x") DONE, "x|", FAIL_NONE, "", 0 },
    { SSE
      "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\"}]}}]}\n\n" DONE,
      "<call 0>|", FAIL_NONE, "", 0 },
    { JSON_HEAD "{\"choices\":[{\"message\":{\"content\":\"Hello\"},\"finish_reason\":\"stop\"}],"
                "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}",
      "Hello|<stop>|<7/2/9>|", FAIL_NONE, "", 0 },

    { SSE, "", FAIL_UP_CUT, "empty", 0 },
    { JSON_HEAD, "", FAIL_UP_CUT, "empty", 0 },
    { "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "", FAIL_UP_CUT, "empty", 0 },
    { "", "", FAIL_UP_CUT, "tiny: ", 0 },
    { SSE DELTA("x"), "x|", FAIL_UP_CUT, "before it was complete", 0 },
    { SSE "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"\"}]}\n\n", "x|",
      FAIL_UP_CUT, "before it was complete", 0 },
    { SSE "data: {\"cho", "", FAIL_UP_CUT, "before it was complete", 0 },
    { SSE ": only comments\n\n", "", FAIL_UP_CUT, "before it was complete", 0 },
    { OF_LENGTH(9999) DELTA("x"), "x|", FAIL_UP_CUT, "connection broke", 0 },
    { OF_LENGTH(9999) DELTA("x") STOP, "x|<stop>|", FAIL_UP_CUT, "connection broke", 0 },

    { SSE DONE, "", FAIL_UP_GARBAGE, "a stream that holds no answer", 0 },
    { SSE "data: {\"object\":\"error\",\"message\":\"x\"}\n\n" DONE, "", FAIL_UP_GARBAGE,
      "a stream that holds no answer", 0 },
    { SSE "<html>no</html>", "", FAIL_UP_GARBAGE, "not a stream of events", 0 },
    { SSE DELTA("x") "data: {broken\n\n" STOP DONE, "x|", FAIL_UP_GARBAGE, "not valid JSON", 0 },
    { SSE DELTA("\xff"), "", FAIL_UP_GARBAGE, "not valid JSON", 0 },
    { JSON_HEAD "{broken", "", FAIL_UP_GARBAGE, "not valid JSON", 0 },
    { JSON_HEAD "{}", "", FAIL_UP_GARBAGE, "no answer", 0 },
    { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>", "",
      FAIL_UP_GARBAGE, "neither events nor JSON", 0 },
    { "rubbish\r\n\r\n", "", FAIL_UP_GARBAGE, "not a valid HTTP answer", 0 },

    { SSE DELTA("x") "data: {\"error\":{\"message\":\"overloaded\\nnow\"}}\n\n" DONE, "x|",
      FAIL_UP_STATUS, "reported an error in its answer: overloaded now", 0 },
    { SSE "data: {\"error\":\"flat\"}\n\n", "", FAIL_UP_STATUS, ": flat", 0 },
    { JSON_HEAD "{\"error\":{\"code\":5}}", "", FAIL_UP_STATUS, "reported an error", 0 },

    { STATUS("401 X", "", "{\"error\":{\"message\":\"Bad key\"}}"), "", FAIL_UP_AUTH,
      "answered 401 Unauthorized: Bad key (check TINY_KEY)", 0 },
    { STATUS("403 X", "", "{\"message\":\"no\"}"), "", FAIL_UP_AUTH, "answered 403 Forbidden: no",
      0 },
    { STATUS("429 X", "Retry-After: 7\r\n", "{\"error\":\"slow\"}"), "", FAIL_UP_RATE,
      "answered 429 Too Many Requests: slow", 7000 },
    { STATUS("429 X", "Retry-After: 7\r\nretry-after-ms: 250\r\n", ""), "", FAIL_UP_RATE,
      "answered 429 Too Many Requests", 250 },
    { STATUS("429 X", "Retry-After: Sun, 22 Nov 2026 19:40:05 GMT\r\n", ""), "", FAIL_UP_RATE, "",
      5000 },
    { STATUS("429 X", "Retry-After: Sun, 22 Nov 2020 19:40:05 GMT\r\n", ""), "", FAIL_UP_RATE, "",
      0 },
    { STATUS("429 X", "Retry-After: soon\r\n", ""), "", FAIL_UP_RATE, "", 0 },
    { STATUS("429 X", "Retry-After: 1e300\r\n", ""), "", FAIL_UP_RATE, "", 86400000 },
    { STATUS("429 X", "Retry-After: -5\r\n", ""), "", FAIL_UP_RATE, "", 0 },
    { STATUS("500 X", "", "<html>"), "", FAIL_UP_STATUS, "answered 500 Internal Server Error", 0 },
    { STATUS("503 X", "Retry-After: 1\r\n", "plain\r\n\r\nwords"), "", FAIL_UP_STATUS,
      "answered 503 Service Unavailable: plain words", 1000 },
    { STATUS("599 X", "", ""), "", FAIL_UP_STATUS, "answered 599", 0 },
    { STATUS("408 X", "", ""), "", FAIL_UP_STATUS, "408", 0 },
    { STATUS("409 X", "", ""), "", FAIL_UP_STATUS, "409", 0 },
    { STATUS("404 X", "", "{\"detail\":\"no such model\"}"), "", FAIL_UP_REFUSED,
      "answered 404 Not Found: no such model", 0 },
    { STATUS("400 X", "", "[{\"error\":{\"code\":400,\"message\":\"Bad argument\"}}]"), "",
      FAIL_UP_REFUSED, "answered 400 Bad Request: Bad argument", 0 },
    { STATUS("422 X", "", "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"Too odd\"}]}"), "",
      FAIL_UP_REFUSED, "answered 422 Unprocessable Content: Too odd", 0 },
    { STATUS("500 X", "", "\r\n <html>no</html>"), "", FAIL_UP_STATUS, "Server Error", 0 },
    { STATUS("400 X", "", "\xff\xfe"), "", FAIL_UP_REFUSED, "answered 400 Bad Request: ??", 0 },
    { STATUS("302 X", "Location: /x\r\n", ""), "", FAIL_UP_REFUSED, "answered 302 Found", 0 },
    { STATUS("500 X", "Content-Length: 99\r\n", "{\"error\":\"cut"), "", FAIL_UP_STATUS,
      "answered 500", 0 },

    { STATUS("401 X", "", "{\"error\":{\"message\":\"Incorrect key " KEY ".\"}}"), "", FAIL_UP_AUTH,
      "Incorrect key **** (check", 0 },
    { STATUS("401 X", "", "{\"error\":{\"message\":\"Incorrect key sk-test-****cdef given\"}}"), "",
      FAIL_UP_AUTH, "Incorrect key **** given", 0 },
    { STATUS("400 X", "", "you sent " HEADER " and '" KEY "'"), "", FAIL_UP_REFUSED,
      "you sent **** and '****'", 0 },
    { SSE "data: {\"error\":\"" KEY "\"}\n\n", "", FAIL_UP_STATUS, ": ****", 0 },
};
enum { ANSWER_COUNT = sizeof(answers) / sizeof(*answers) };

START_TEST(every_answer_comes_to_its_end)
{
    const struct answer_row *row = &answers[_i];
    struct bench b;
    clock_fake(1, INT64_C(1795376400) * 1000); /* 2026-11-22T19:40:00Z */
    bench_init(&b, serve_text, row->answer);
    call(&b);
    ck_assert_str_eq(buf_text(&b.log), row->log);
    ck_assert_msg(b.fail.code == row->code, "%s: %s", row->answer, fail_message(&b.fail));
    if (row->code != FAIL_NONE) {
        const char *message = fail_message(&b.fail);
        ck_assert_msg(strstr(message, row->message) != NULL, "%s", message);
        ck_assert_ptr_null(strstr(message, "sk-test-"));
        ck_assert_ptr_null(strstr(message, HEADER));
        ck_assert_ptr_null(strchr(message, '\n'));
        ck_assert_ptr_eq(strstr(message, "tiny"), message);
    }
    ck_assert_int_eq(b.fail.retry_after_ms, row->retry_after_ms);
    bench_deinit(&b);
    clock_fake(-1, 0);
}
END_TEST

static void serve_long_head(struct tiny_server *s, int fd)
{
    static char line[1000];
    if (!tiny_take_request(s, fd))
        return;
    memset(line, 'a', sizeof(line) - 1);
    tiny_put(fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 300; i++) {
        tiny_put(fd, "X-More: ");
        tiny_put(fd, line);
        tiny_put(fd, "\r\n");
    }
}

START_TEST(a_head_without_end_is_not_taken_for_a_long_body)
{
    struct bench b;
    bench_init(&b, serve_long_head, NULL);
    call(&b);
    ck_assert_int_eq(b.fail.code, FAIL_UP_TOO_LARGE);
    ck_assert_ptr_null(strstr(fail_message(&b.fail), "max_bytes"));
    bench_deinit(&b);
}
END_TEST

START_TEST(the_upstreams_words_are_cut)
{
    static char answer[2000];
    struct bench b;
    (void)snprintf(answer, sizeof(answer), STATUS("400 X", "", "y%.*s"), 0, "");
    for (size_t len = strlen(answer); len < sizeof(answer) - 3; len += 2)
        memcpy(answer + len, "\xc3\xa4", 3);
    bench_init(&b, serve_text, answer);
    call(&b);
    const char *words = strstr(fail_message(&b.fail), ": y");
    ck_assert_ptr_nonnull(words);
    ck_assert_uint_eq(strlen(words),
                      2 + 299); /* y and 149 times two bytes; a half one is left out */
    bench_deinit(&b);
}
END_TEST

static void serve_second_time(struct tiny_server *s, int fd)
{
    if (!tiny_take_request(s, fd))
        return;
    bool has_options = strstr(s->body, "stream_options") != NULL;
    tiny_put(fd, has_options ? s->arg : SSE DELTA("x") DONE);
}

static const char *const refused_options[] = {
    STATUS("400 X", "", "{\"error\":\"unknown field stream_options\"}"),
    STATUS("422 X", "", "{\"detail\":[{\"loc\":[\"body\",\"stream_options\"],\"msg\":\"extra\"}]}"),
};

START_TEST(a_server_that_refuses_stream_options_is_asked_again_without)
{
    struct bench b;
    bench_init(&b, serve_second_time, refused_options[_i]);
    call(&b);
    ck_assert_str_eq(buf_text(&b.log), "x|");
    ck_assert(!fail_is_set(&b.fail));
    ck_assert_int_eq(b.server.count, 2);
    bench_deinit(&b);
}
END_TEST

START_TEST(a_server_is_asked_twice_at_most)
{
    struct bench b;
    bench_init(&b, serve_text, STATUS("400 X", "", "no stream_options, whatever you send"));
    call(&b);
    ck_assert_int_eq(b.fail.code, FAIL_UP_REFUSED);
    ck_assert_int_eq(b.server.count, 2);
    bench_deinit(&b);
}
END_TEST

/* ---- limits and connections ---- */

START_TEST(a_refused_connection_is_named_with_its_host)
{
    struct bench b;
    bench_init(&b, serve_text, "");
    tiny_stop(&b.server); /* nobody listens there any more */
    call(&b);
    ck_assert_int_eq(b.fail.code, FAIL_UP_CONNECT);
    ck_assert_ptr_nonnull(strstr(fail_message(&b.fail), "127.0.0.1:"));
    bench_deinit(&b);
}
END_TEST

/* Writes s->arg and waits for the client to leave. */
static void serve_silence(struct tiny_server *s, int fd)
{
    if (!tiny_take_request(s, fd))
        return;
    tiny_put(fd, s->arg);
    tiny_wait_for_eof(s, fd);
}

static const struct limit_row {
    const char *answer;
    int64_t first_byte_ms, idle_ms, max_bytes;
    enum fail_code code;
    const char *message;
} limits[] = {
    { "", 30, 9000, 0, FAIL_UP_TIMEOUT, "did not begin to answer within 30 ms (first_byte_ms)" },
    { SSE DELTA("x"), 9000, 30, 0, FAIL_UP_TIMEOUT,
      "fell silent for 30 ms in its answer (idle_ms)" },
    { SSE DELTA("x"), 0, 0, 20, FAIL_UP_TOO_LARGE, "sent more than 20 bytes (max_bytes)" },
    { JSON_HEAD "                             ", 0, 0, 20, FAIL_UP_TOO_LARGE,
      "sent more than 20 bytes (max_bytes)" },
};
enum { LIMIT_COUNT = sizeof(limits) / sizeof(*limits) };

START_TEST(limits_of_the_request_are_kept_and_named)
{
    const struct limit_row *row = &limits[_i];
    struct bench b;
    bench_init(&b, serve_silence, row->answer);
    json_t *messages = hello();
    struct llm_request req = request_of(&b, messages);
    req.first_byte_ms = row->first_byte_ms;
    req.idle_ms = row->idle_ms;
    req.max_bytes = row->max_bytes;
    ck_assert_int_eq(llm_start(b.models, "tiny:m1", &req, &b.call), 0);
    ck_assert_int_eq(loop_run_until(b.loop, &b.is_ended), 0);
    ck_assert_int_eq(b.fail.code, row->code);
    ck_assert_msg(strstr(fail_message(&b.fail), row->message) != NULL, "%s", fail_message(&b.fail));
    json_decref(messages);
    bench_deinit(&b);
}
END_TEST

/* ---- cancel ---- */

START_TEST(a_cancel_in_the_stream_closes_the_connection)
{
    struct bench b;
    bench_init(&b, serve_silence, SSE DELTA("a") DELTA("b") DELTA("c"));
    b.cancel_at = 2;
    call(&b);
    ck_assert_str_eq(buf_text(&b.log), "a|b|");
    ck_assert_int_eq(b.fail.code, FAIL_CANCELLED);
    tiny_stop(&b.server); /* while the fetcher still lives, which would close it, too */
    ck_assert(b.server.saw_eof);
    bench_deinit(&b);
}
END_TEST

START_TEST(a_call_may_be_cancelled_at_once_and_twice)
{
    struct bench b;
    bench_init(&b, serve_text, "");
    json_t *messages = hello();
    struct llm_request req = request_of(&b, messages);
    ck_assert_int_eq(llm_start(b.models, "tiny:m1", &req, &b.call), 0);
    llm_cancel(b.call);
    llm_cancel(b.call);
    ck_assert_int_eq(b.end_count, 0);
    ck_assert_int_eq(loop_run_until(b.loop, &b.is_ended), 0);
    ck_assert_int_eq(b.end_count, 1);
    ck_assert_int_eq(b.fail.code, FAIL_CANCELLED);
    json_decref(messages);
    bench_deinit(&b);
}
END_TEST

START_TEST(a_cancel_by_the_last_delta_counts)
{
    struct bench b;
    bench_init(&b, serve_text, SSE DELTA("x") USAGE DONE);
    b.cancel_at = 2;
    call(&b);
    ck_assert_str_eq(buf_text(&b.log), "x|<7/2/9>|");
    ck_assert_int_eq(b.fail.code, FAIL_CANCELLED);
    bench_deinit(&b);
}
END_TEST

/* ---- memory ---- */

START_TEST(a_failed_allocation_at_the_start_is_a_fault_and_nothing_is_called)
{
    struct bench b;
    bench_init(&b, serve_text, SSE DELTA("x") DONE);
    json_t *messages = hello();
    for (unsigned long n = 1;; n++) {
        struct llm_request req = request_of(&b, messages);
        req.system = "Be kind.";
        mem_fail_at(n);
        int r = llm_start(b.models, "tiny:m1", &req, &b.call);
        int was_pending = mem_fail_pending();
        mem_fail_at(0);
        if (r == 0)
            ck_assert(was_pending);
        if (r == 0)
            break;
        ck_assert_int_lt(r, 0);
        ck_assert_int_eq(loop_op_count(b.loop), 0);
    }
    ck_assert_int_eq(loop_run_until(b.loop, &b.is_ended), 0);
    ck_assert(!fail_is_set(&b.fail));
    json_decref(messages);
    bench_deinit(&b);
}
END_TEST

/* Memory may run out at any point of the call: it still ends once, and says nothing secret. */
static const char *const starving[] = {
    SSE DELTA("a\\n") STOP USAGE DONE,
    JSON_HEAD "{\"choices\":[{\"message\":{\"content\":[{\"text\":\"x\"}]}}]}",
    STATUS("401 X", "Retry-After: 1\r\n",
           "{\"error\":{\"message\":\"Bad key " KEY " " HEADER "\"}}"),
    SSE "data: {\"error\":\"" KEY "\"}\n\n",
    STATUS("400 X", "", "no stream_options, whatever you send"),
};
enum { STARVING_COUNT = sizeof(starving) / sizeof(*starving) };

START_TEST(a_failed_allocation_in_the_call_ends_it_once)
{
    struct bench b;
    bench_init(&b, serve_text, starving[_i]);
    bool was_pending = false;
    for (unsigned long n = 1; !was_pending; n++) {
        json_t *messages = hello();
        struct llm_request req = request_of(&b, messages);
        b.is_ended = false;
        b.end_count = 0;
        ck_assert_int_eq(llm_start(b.models, "tiny:m1", &req, &b.call), 0);
        mem_fail_at(n);
        int r = loop_run_until(b.loop, &b.is_ended);
        was_pending = mem_fail_pending() != 0;
        mem_fail_at(0);
        ck_assert_int_eq(r, 0);
        ck_assert_int_eq(b.end_count, 1);
        ck_assert_ptr_null(strstr(fail_message(&b.fail), "sk-test-"));
        ck_assert_ptr_null(strstr(fail_message(&b.fail), HEADER));
        fail_clear(&b.fail);
        json_decref(messages);
    }
    bench_deinit(&b);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("openai");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_request_carries_model_messages_wishes_and_key);
    tcase_add_test(tc, what_was_not_asked_for_is_not_sent);
    tcase_add_test(tc, deltas_are_given_out_as_they_come);
    tcase_add_test(tc, nothing_is_waited_for_behind_the_end_of_a_stream);
    tcase_add_loop_test(tc, every_answer_comes_to_its_end, 0, ANSWER_COUNT);
    tcase_add_test(tc, a_head_without_end_is_not_taken_for_a_long_body);
    tcase_add_test(tc, the_upstreams_words_are_cut);
    tcase_add_loop_test(tc, a_server_that_refuses_stream_options_is_asked_again_without, 0,
                        sizeof(refused_options) / sizeof(*refused_options));
    tcase_add_test(tc, a_server_is_asked_twice_at_most);
    tcase_add_test(tc, a_refused_connection_is_named_with_its_host);
    tcase_add_loop_test(tc, limits_of_the_request_are_kept_and_named, 0, LIMIT_COUNT);
    tcase_add_test(tc, a_cancel_in_the_stream_closes_the_connection);
    tcase_add_test(tc, a_call_may_be_cancelled_at_once_and_twice);
    tcase_add_test(tc, a_cancel_by_the_last_delta_counts);
    tcase_add_test(tc, a_failed_allocation_at_the_start_is_a_fault_and_nothing_is_called);
    tcase_add_loop_test(tc, a_failed_allocation_in_the_call_ends_it_once, 0, STARVING_COUNT);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? 1 : 0;
}
