/* The real fetcher against a scripted server on the loopback. */
#include "fake_task.h"
#include "node/http_url.h"
#include "node_server.h"

#define STATE                                                                                      \
    "{" F("q", "any") "," F("host", "string") "," F("port", "any") "," F("out", "any") "," F(      \
        "text", "string") "}"

/* ---- configure ---- */

#define HTTP(rest)  "{\"kind\":\"http\"," rest "}"
#define TO_A(rest)  HTTP("\"url\":\"http://a/\",\"output\":\"out\"," rest)
#define URL(url)    HTTP("\"url\":\"" url "\",\"output\":\"out\"")
#define ALLOW(list) TO_A("\"allow_hosts\":" list)

static const struct fake_wrong wrong[] = {
    { HTTP("\"output\":\"out\""), "\"url\" is missing" },
    { HTTP("\"url\":\"http://a/\""), "\"output\" is missing" },
    { HTTP("\"url\":\"http://a/\",\"output\":\"ot\""), "out" },
    { HTTP("\"url\":3,\"output\":\"out\""), "/nodes/it/url" },
    { URL(""), "not an http or https address" },
    { URL("ftp://a/"), "not an http or https address" },
    { URL("http:///x"), "not an http or https address" },
    { URL("http://u@a/"), "not an http or https address" },
    { URL("http://a:b/"), "not an http or https address" },
    { URL("http://a:1:2/"), "not an http or https address" },
    { URL("http://a:0/"), "not an http or https address" },
    { URL("http://a:70000/"), "not an http or https address" },
    { URL("http://a b/"), "not an http or https address" },
    { URL("http://a/\\\\b"), "not an http or https address" },
    { URL("http://[::1/"), "not an http or https address" },
    { URL("http://{{host}}/"), "add allow_hosts" },
    { URL("http://a{{host}}"), "add allow_hosts" },
    { URL("http://a:{{port}}/"), "add allow_hosts" },
    { URL("{{host}}://a/"), "add allow_hosts" },
    { URL("{{{q}}}"), "add allow_hosts" },
    { URL("http://{{! x/ }}a{{host}}/"), "add allow_hosts" },
    { URL("{{=<% %>=}}http://<%host%>/"), "add allow_hosts" },
    { URL("http://a/{{qq}}"), "qq" },
    { ALLOW("\"a\""), "expected array" },
    { ALLOW("[3,\"a\"]"), "expected strings" },
    { ALLOW("[\"http://a\",\"a\"]"), "is not a host" },
    { ALLOW("[\"*\",\"a\"]"), "is not a host" },
    { ALLOW("[\"*.\",\"a\"]"), "is not a host" },
    { ALLOW("[\"a:x\",\"a\"]"), "is not a host" },
    { ALLOW("[\"b\"]"), "not among allow_hosts" },
    { TO_A("\"method\":\"GIT\""), "unknown method" },
    { TO_A("\"headers\":[]"), "expected object" },
    { TO_A("\"headers\":{\"a b\":\"x\"}"), "not a header name" },
    { TO_A("\"headers\":{\"a\":1}"), "must be a string" },
    { TO_A("\"headers\":{\"Content-LENGTH\":\"1\"}"), "set by the server itself" },
    { TO_A("\"headers\":{\"a\":\"{{qq}}\"}"), "qq" },
    { TO_A("\"query\":\"a=b\""), "expected object" },
    { TO_A("\"body\":{\"a\":\"{{#q}}\"}"), "/nodes/it/body" },
    { TO_A("\"parse\":\"xml\""), "unknown value \"xml\"" },
    { TO_A("\"select\":\"a..b\""), "not a path" },
    { TO_A("\"select\":\"a\",\"parse\":\"text\""), "parsed as JSON" },
    { TO_A("\"ok\":200"), "expected array" },
    { TO_A("\"ok\":[]"), "1 to 100" },
    { TO_A("\"ok\":[200,20]"), "element 1" },
    { TO_A("\"ok\":[\"299-200\"]"), "element 0" },
    { TO_A("\"ok\":[\"9xx\"]"), "element 0" },
    { TO_A("\"max_bytes\":0"), "0 is not between" },
    { TO_A("\"metod\":\"GET\""), "method" },
};

START_TEST(a_wrong_node_is_told)
{
    fake_check_wrong(STATE, &wrong[_i]);
}
END_TEST

static const char *const right[] = {
    URL("http://a"),
    URL("https://a.b-c_d:8443/x?y=z#f"),
    URL("HTTP://[::1]:80/{{q}}"),
    URL("http://a?{{q}}"),
    HTTP("\"url\":\"http://{{host}}/\",\"allow_hosts\":[],\"output\":\"out\""),
    TO_A("\"allow_hosts\":[\"A\"],\"ok\":[200,\"404\",\"5xx\",\"200-204\"],\"method\":\"delete\""),
};

START_TEST(a_right_node_is_taken)
{
    struct fake x;
    fake_init(&x);
    fake_graph(&x, STATE, right[_i]);
    fake_deinit(&x);
}
END_TEST

/* ---- hosts ---- */

static const struct {
    const char *rule;
    const char *url;
    bool is_allowed;
} hosts[] = {
    { "example.com", "http://example.com/x", true },
    { "example.com", "https://EXAMPLE.com:8443/x", true },
    { "EXAMPLE.com", "https://example.COM", true },
    { "example.com", "http://example.com.", false },
    { "example.com", "http://example.com.evil.org/", false },
    { "example.com", "http://evilexample.com/", false },
    { "example.com", "http://a.example.com/", false },
    { "example.com", "http://evil.org/example.com", false },
    { "example.com", "http://evil.org?@example.com", false },
    { "example.com", "http://evil.org#@example.com", false },
    { "example.com", "http://example.com@evil.org/", false },
    { "example.com", "http://evil.org\\@example.com/", false },
    { "example.com", "http://example.com%2f.evil.org/", false },
    { "example.com", "http:/example.com/", false },
    { "example.com", "http://example.com:/", false },
    { "example.com", "http://example.com:80:81/", false },
    { "example.com", "http://example.com:99999/", false },
    { "example.com", "http://example.com/a b", false },
    { "example.com", "http://example.com/a\nb", false },
    { "example.com", "file://example.com/", false },
    { "example.com:8080", "http://example.com:8080/", true },
    { "example.com:8080", "http://example.com/", false },
    { "example.com:443", "https://example.com/", true },
    { "*.example.com", "http://a.example.com/", true },
    { "*.example.com", "http://a.b.Example.com/", true },
    { "*.example.com", "http://example.com/", false },
    { "*.example.com", "http://.example.com/", false },
    { "*.example.com", "http://aexample.com/", false },
    { "[::1]", "http://[::1]:8123/", true },
    { "[::1]", "http://[::2]/", false },
    { "[::1]", "http://[::1%25lo]/", false },
    { "127.0.0.1", "http://2130706433/", false },
};

START_TEST(only_allowed_hosts_are_allowed)
{
    struct host_rule rule;
    struct url_host host;
    const char *url = hosts[_i].url;
    ck_assert_int_eq(host_rule_read(hosts[_i].rule, &rule), 0);
    bool is_allowed = url_read(url, strlen(url), &host) == 0 && host_rule_allows(&rule, &host);
    ck_assert_int_eq(is_allowed, hosts[_i].is_allowed);
    host_rule_deinit(&rule);
}
END_TEST

/* ---- at work ---- */

static void begin(struct fake *x)
{
    fake_init(x);
    ck_assert_int_eq(fetcher_new(x->loop, 1, &x->services.fetcher), 0);
}

static void end(struct fake *x)
{
    fake_drain(x);
    fetcher_free(x->services.fetcher);
    fake_deinit(x);
}

/* node: a format with one %d for the port. */
static void graph_at(struct fake *x, const char *node, int port)
{
    char *text = mem_alloc(strlen(node) + 16);
    const char *mark = strstr(node, "%d");
    ck_assert_ptr_nonnull(mark);
    sprintf(text, "%.*s%d%s", (int)(mark - node), node, port, mark + 2);
    fake_graph(x, STATE, text);
    mem_free(text);
}

#define OK_JSON(len, body)                                                                         \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"                   \
    "Content-Length: " len "\r\n\r\n" body
#define HERE(path, rest) HTTP("\"url\":\"http://127.0.0.1:%d" path "\",\"output\":\"out\"" rest)

struct exchange {
    const char *node;
    const char *input;
    const char *reply;
    const char *request; /* a part of it */
    const char *absent;  /* what must not be in it, or NULL */
    const char *update;
};

static const struct exchange exchanges[] = {
    { HERE("/x", ""), "{}", OK_JSON("7", "{\"a\":1}"), "GET /x HTTP/1.1\r\n", "Content-Type",
      "{\"out\":{\"a\":1}}" },
    { HERE("/r/{{q}}?z=1#frag",
           ",\"query\":{\"n\":\"{{q}}\",\"l\":[\"a b\",2],\"gone\":\"{{host}}\"}"),
      "{\"q\":\"ç/?&\"}", OK_JSON("2", "[]"),
      "GET /r/%C3%A7%2F%3F%26?z=1&n=%C3%A7%2F%3F%26&l=a%20b&l=2 HTTP/1.1\r\n", "frag",
      "{\"out\":[]}" },
    { HERE("", ",\"query\":{\"q\":\"{{q}}\"}"), "{\"q\":[1,\"x\",{\"a\":null}]}", OK_JSON("1", "1"),
      "GET /?q=1&q=x&q=%7B%22a%22%3Anull%7D HTTP/1.1\r\n", NULL, "{\"out\":1}" },
    { HERE("/", ",\"headers\":{\"X-Who\":\"{{host}} {{q}}\",\"X-Gone\":\"{{port}}\"}"),
      "{\"host\":\"me\",\"q\":{\"a\":1}}", OK_JSON("4", "null"), "\r\nX-Who: me {\"a\":1}\r\n",
      "X-Gone", "{\"out\":null}" },
    { HERE("/", ",\"body\":{\"q\":\"{{q}}\"}"), "{\"q\":[true]}", OK_JSON("4", "true"),
      "\r\nContent-Type: application/json\r\n", "Expect", "{\"out\":true}" },
    { HERE("/", ",\"body\":{\"q\":\"{{q}}\"}"), "{\"q\":[true]}", OK_JSON("4", "true"),
      "\r\n\r\n{\"q\":[true]}", NULL, "{\"out\":true}" },
    { HERE("/", ",\"method\":\"put\",\"body\":\"text {{q}}\""), "{\"q\":7}", OK_JSON("4", "true"),
      "\r\n\r\ntext 7", "Content-Type", "{\"out\":true}" },
    { HERE("/", ",\"body\":[1],\"headers\":{\"content-type\":\"a/b\"}"), "{}", OK_JSON("1", "1"),
      "\r\ncontent-type: a/b\r\n", "application/json", "{\"out\":1}" },
    { HERE("/", ",\"select\":\"items.1.name\""), "{}",
      OK_JSON("32", "{\"items\":[{},{\"name\":\"second\"}]}  "), "GET / ", NULL,
      "{\"out\":\"second\"}" },
    { HERE("/", ",\"parse\":\"text\""), "{}", OK_JSON("7", "{\"a\":1}"), "GET / ", NULL,
      "{\"out\":\"{\\\"a\\\":1}\"}" },
    { HERE("/", ",\"ok\":[404]"), "{}",
      "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 1\r\n\r\n5", "GET / ", NULL,
      "{\"out\":5}" },
    { HERE("/", ",\"method\":\"DELETE\""), "{}",
      "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "DELETE / ", NULL, "{}" },
    { HTTP("\"url\":\"http://{{host}}:%d/\",\"allow_hosts\":[\"127.0.0.1\"],\"output\":\"out\""),
      "{\"host\":\"127.0.0.1\"}", OK_JSON("1", "1"), "GET / ", NULL, "{\"out\":1}" },
    { HTTP("\"url\":\"{{host}}:%d/x/{{q}}\",\"allow_hosts\":[\"127.0.0.1\"],\"output\":\"out\""),
      "{\"host\":\"http://127.0.0.1\",\"q\":\"a/b\"}", OK_JSON("1", "1"), "GET /x/a%2Fb ", NULL,
      "{\"out\":1}" },
};

START_TEST(it_asks_and_writes_the_answer)
{
    const struct exchange *e = &exchanges[_i];
    const struct node_reply reply = { e->reply, false };
    static struct node_server server;
    struct fake x;
    begin(&x);
    node_server_start(&server, &reply, 1);
    graph_at(&x, e->node, server.port);
    fake_run(&x, e->input);
    ck_assert_str_eq(fake_update(&x), e->update);
    const char *request = server.requests[0];
    ck_assert_msg(strstr(request, e->request) != NULL, "%s", request);
    ck_assert_msg(e->absent == NULL || strcasestr(request, e->absent) == NULL, "%s", request);
    node_server_stop(&server);
    end(&x);
}
END_TEST

struct refusal {
    const char *node;
    const char *reply;
    enum fail_code code;
    const char *part;
};

#define STATUS(line, more) "HTTP/1.1 " line "\r\nConnection: close\r\n" more
#define PLAIN              HERE("/secret?key=1", "")

static const struct refusal refusals[] = {
    { PLAIN, STATUS("500 Oops", "Content-Length: 12\r\n\r\nboom\r\n\there"), FAIL_UP_STATUS,
      " answered 500 Internal Server Error: boom here" },
    { HERE("/", ",\"headers\":{\"Authorization\":\"Bearer my-secret-1\"}"),
      STATUS("500 Oops", "\r\nyou sent Bearer my-secret-1, why?"), FAIL_UP_STATUS,
      ": you sent Bearer ****, why?" },
    { PLAIN, STATUS("500 Oops", "Content-Length: 0\r\n\r\n"), FAIL_UP_STATUS,
      " answered 500 Internal Server Error" },
    { PLAIN, STATUS("599 Odd", "Content-Length: 0\r\n\r\n"), FAIL_UP_STATUS, " answered 599" },
    { PLAIN, STATUS("401 No", "Content-Length: 0\r\n\r\n"), FAIL_UP_AUTH, "GET 127.0.0.1:" },
    { PLAIN, STATUS("403 No", "Content-Length: 0\r\n\r\n"), FAIL_UP_AUTH, "403 Forbidden" },
    { PLAIN, STATUS("404 No", "Content-Length: 0\r\n\r\n"), FAIL_UP_REFUSED, "404 Not Found" },
    { PLAIN, STATUS("408 No", "Content-Length: 0\r\n\r\n"), FAIL_UP_STATUS, "408" },
    { PLAIN, STATUS("409 No", "Content-Length: 0\r\n\r\n"), FAIL_UP_STATUS, "409 Conflict" },
    { PLAIN, STATUS("302 No", "Location: http://b/\r\nContent-Length: 0\r\n\r\n"), FAIL_UP_REFUSED,
      "302 Found" },
    { PLAIN, STATUS("429 No", "Retry-After: 3\r\nContent-Length: 0\r\n\r\n"), FAIL_UP_RATE,
      "429 Too Many Requests" },
    { HERE("/", ",\"ok\":[201]"), STATUS("200 OK", "Content-Length: 0\r\n\r\n"), FAIL_UP_REFUSED,
      "200 OK" },
    { HERE("/", ",\"max_bytes\":4"), STATUS("500 OK", "Content-Length: 8\r\n\r\n12345678"),
      FAIL_UP_STATUS, "answered 500" },
    { HERE("/", ",\"max_bytes\":4"), STATUS("200 OK", "Content-Length: 8\r\n\r\n12345678"),
      FAIL_UP_TOO_LARGE, "" },
    { PLAIN, STATUS("200 OK", "Content-Length: 9\r\n\r\n1234"), FAIL_UP_CUT, "" },
    { PLAIN, "what?\r\n\r\n", FAIL_UP_GARBAGE, "" },
    { PLAIN, OK_JSON("6", "{\"a\":\n"), FAIL_UP_GARBAGE, "line 2, column 1" },
    { PLAIN, STATUS("200 OK", "Content-Length: 0\r\n\r\n"), FAIL_UP_GARBAGE, "not JSON" },
    { HERE("/", ",\"parse\":\"text\""), OK_JSON("2", "a\xff"), FAIL_UP_GARBAGE, "not UTF-8 text" },
    { HERE("/", ",\"select\":\"a.b\""), OK_JSON("7", "{\"a\":1}"), FAIL_NODE,
      "nothing at \"a.b\"" },
};

START_TEST(an_answer_that_is_no_success_fails_with_its_reason)
{
    const struct refusal *row = &refusals[_i];
    const struct node_reply reply = { row->reply, false };
    static struct node_server server;
    struct fake x;
    begin(&x);
    node_server_start(&server, &reply, 1);
    graph_at(&x, row->node, server.port);
    fake_run(&x, "{}");
    fake_check_fail(&x, row->code, row->part);
    ck_assert_ptr_null(strstr(fail_message(&x.fail), "secret"));
    ck_assert_int_eq(x.fail.retry_after_ms, row->code == FAIL_UP_RATE ? 3000 : 0);
    node_server_stop(&server);
    end(&x);
}
END_TEST

START_TEST(an_answer_nested_too_deep_is_refused)
{
    const struct node_reply reply = { OK_JSON("8", "[[[[]]]]"), false };
    static struct node_server server;
    struct fake x;
    begin(&x);
    x.conf.max_depth = 3;
    node_server_start(&server, &reply, 1);
    graph_at(&x, PLAIN, server.port);
    fake_run(&x, "{}");
    fake_check_fail(&x, FAIL_UP_GARBAGE, "not JSON");
    node_server_stop(&server);
    end(&x);
}
END_TEST

static const struct {
    const char *node;
    const char *input;
    enum fail_code code;
    const char *part;
} unsent[] = {
    { HTTP("\"url\":\"http://{{host}}/\",\"allow_hosts\":[\"a\",\"*.b\"],\"output\":\"out\""),
      "{\"host\":\"evil.org\"}", FAIL_UP_FORBIDDEN_HOST, "evil.org:80 is not among" },
    { HTTP("\"url\":\"http://{{host}}/\",\"allow_hosts\":[\"a\"],\"output\":\"out\""),
      "{\"host\":\"a@b\"}", FAIL_UP_FORBIDDEN_HOST, "cannot be told" },
    { HTTP("\"url\":\"http://{{host}}/\",\"allow_hosts\":[\"a\"],\"output\":\"out\""), "{}",
      FAIL_UP_FORBIDDEN_HOST, "cannot be told" },
    { HTTP("\"url\":\"{{{host}}}\",\"allow_hosts\":[\"a\"],\"output\":\"out\""),
      "{\"host\":\"http://b:81/\"}", FAIL_UP_FORBIDDEN_HOST, "b:81 is not among" },
    { HTTP("\"url\":\"http://{{host}}/\",\"allow_hosts\":[\"a\"],\"output\":\"out\""),
      "{\"host\":\"b:81/?a\"}", FAIL_UP_FORBIDDEN_HOST, "b:81 is not among" },
    { HTTP("\"url\":\"{{host}}/x\",\"allow_hosts\":[\"a\"],\"output\":\"out\""),
      "{\"host\":\"file:///etc/passwd\"}", FAIL_UP_FORBIDDEN_HOST, "cannot be told" },
    { HTTP("\"url\":\"{{host}}/x\",\"allow_hosts\":[\"a\"],\"output\":\"out\""),
      "{\"host\":\"http://a%2f@b\"}", FAIL_UP_FORBIDDEN_HOST, "cannot be told" },
    { HTTP("\"url\":\"http://a:{{port}}/\",\"allow_hosts\":[\"a:80\"],\"output\":\"out\""),
      "{\"port\":22}", FAIL_UP_FORBIDDEN_HOST, "a:22 is not among" },
    { TO_A("\"headers\":{\"X\":\"{{host}}\"}"), "{\"host\":\"a\\r\\nY: b\"}", FAIL_TEMPLATE,
      "more than one line" },
    { TO_A("\"headers\":{\"X\":\"{{host}}\"}"), "{\"host\":\"a\\u0001\"}", FAIL_TEMPLATE, "" },
    { TO_A("\"body\":\"{{host}}{{host}}\""), "{\"host\":\"123456\"}", FAIL_LIMIT, "\"body\"" },
    { URL("http://127.0.0.1:1/"), "{}", FAIL_UP_CONNECT, "127.0.0.1:1" },
};

START_TEST(what_must_not_or_cannot_be_sent_fails)
{
    struct fake x;
    begin(&x);
    x.conf.max_state_bytes = 10;
    fake_graph(&x, STATE, unsent[_i].node);
    fake_run(&x, unsent[_i].input);
    fake_check_fail(&x, unsent[_i].code, unsent[_i].part);
    end(&x);
}
END_TEST

START_TEST(no_memory_at_any_point_of_the_start_is_a_fault)
{
    struct fake x;
    begin(&x);
    fake_graph(&x, STATE,
               URL("http://127.0.0.1:1/{{q}}\",\"query\":{\"a\":[\"{{q}}\",7]},\"headers\":"
                   "{\"b\":\"{{q}}\"},\"body\":{\"c\":\"{{q}}\"},\"method\":\"PUT"));
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        fake_prepare(&x, "{\"q\":\"x y\"}");
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

START_TEST(no_memory_while_it_is_configured_is_a_fault)
{
    struct fake x;
    fake_init(&x);
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        int r = fake_parse(
            &x, STATE,
            TO_A("\"allow_hosts\":[\"a\",\"*.b:1\"],\"query\":{\"a\":\"{{q}}\"},\"ok\":[200],"
                 "\"headers\":{\"b\":\"{{q}}\"},\"body\":\"{{q}}\",\"select\":\"a.b\""));
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        bool is_told = r < 0 || x.problems.fault != 0;
        ck_assert_msg(is_pending ? r == 0 : is_told, "allocation %lu: %d", n, r);
        ck_assert(n < 10000);
    }
    fake_deinit(&x);
}
END_TEST

START_TEST(a_url_has_a_limit)
{
    struct fake x;
    struct buf input;
    begin(&x);
    buf_init(&input, 1 << 20);
    buf_add_str(&input, "{\"q\":\"");
    for (int i = 0; i < 30000; i++)
        buf_add_str(&input, " ");
    buf_add_str(&input, "\"}");
    fake_graph(&x, STATE, URL("http://a/{{q}}"));
    fake_run(&x, buf_text(&input));
    fake_check_fail(&x, FAIL_LIMIT, "\"url\" renders to more than");
    buf_deinit(&input);
    end(&x);
}
END_TEST

START_TEST(silence_ends_with_a_timeout)
{
    const struct node_reply reply = { NULL, true };
    static struct node_server server;
    struct fake x;
    begin(&x);
    x.conf.http_timeout_ms = 50;
    node_server_start(&server, &reply, 1);
    graph_at(&x, PLAIN, server.port);
    fake_run(&x, "{}");
    fake_check_fail(&x, FAIL_UP_TIMEOUT, "127.0.0.1:");
    node_server_stop(&server);
    end(&x);
}
END_TEST

enum stage { AT_ONCE, ASKED, IN_BODY, STAGE_COUNT };

START_TEST(a_cancelled_request_is_dropped_in_every_stage)
{
    const struct node_reply reply = {
        _i == IN_BODY ? "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[1," : NULL, true
    };
    static struct node_server server;
    struct fake x;
    begin(&x);
    node_server_start(&server, &reply, 1);
    graph_at(&x, PLAIN, server.port);
    fake_start(&x, "{}");
    if (_i != AT_ONCE)
        fake_until(&x, node_server_was_asked, &server);
    fake_cancel(&x);
    fake_release(&x);
    fake_drain(&x);
    end(&x);
    node_server_stop(&server);
    ck_assert_int_eq(atomic_load(&server.closed_count), _i == AT_ONCE ? 0 : 1);
}
END_TEST

START_TEST(a_task_that_is_only_released_drops_its_request)
{
    const struct node_reply reply = { NULL, true };
    static struct node_server server;
    struct fake x;
    begin(&x);
    node_server_start(&server, &reply, 1);
    graph_at(&x, PLAIN, server.port);
    fake_start(&x, "{}");
    fake_until(&x, node_server_was_asked, &server);
    fake_release(&x);
    end(&x);
    node_server_stop(&server);
    ck_assert_int_eq(atomic_load(&server.closed_count), 1);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("node_http");
    TCase *tc = tcase_create("http");
    tcase_add_loop_test(tc, a_wrong_node_is_told, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_loop_test(tc, a_right_node_is_taken, 0, sizeof(right) / sizeof(right[0]));
    tcase_add_loop_test(tc, only_allowed_hosts_are_allowed, 0, sizeof(hosts) / sizeof(hosts[0]));
    tcase_add_loop_test(tc, it_asks_and_writes_the_answer, 0,
                        sizeof(exchanges) / sizeof(exchanges[0]));
    tcase_add_loop_test(tc, an_answer_that_is_no_success_fails_with_its_reason, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(tc, an_answer_nested_too_deep_is_refused);
    tcase_add_loop_test(tc, what_must_not_or_cannot_be_sent_fails, 0,
                        sizeof(unsent) / sizeof(unsent[0]));
    tcase_add_test(tc, no_memory_at_any_point_of_the_start_is_a_fault);
    tcase_add_test(tc, no_memory_while_it_is_configured_is_a_fault);
    tcase_add_test(tc, a_url_has_a_limit);
    tcase_add_test(tc, silence_ends_with_a_timeout);
    tcase_add_loop_test(tc, a_cancelled_request_is_dropped_in_every_stage, 0, STAGE_COUNT);
    tcase_add_test(tc, a_task_that_is_only_released_drops_its_request);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
