/* The server over real sockets: one request after the other, the wrong ones, the slow ones, and
 * those that leave. */
#include "http_rig.h"
#include <fcntl.h>

static struct rig rig;
static struct req *held;
static struct loop_timer *timer;
static int gone_count;
static int idle_count;

static void handle_ok(struct req *req)
{
    reply_json(req, 200, "{\"ok\":true}", 11);
}

static void handle_echo(struct req *req)
{
    size_t len;
    const char *body = req_body(req, &len);
    reply_json(req, 200, body, len);
}

static void handle_thing(struct req *req)
{
    const char *q = req_query(req, "q");
    char text[200];
    (void)snprintf(text, sizeof(text), "%s %s %s", req_path(req), req_param(req, "id"),
                   q == NULL ? "-" : q);
    ck_assert_ptr_eq(req_app(req), &rig);
    reply_header(req, "Content-Location", req_param(req, "id"));
    reply_text(req, 200, text);
}

static void on_later(void *arg)
{
    (void)arg;
    reply_json_take(held, 201, json_pack("{s:s}", "late", "yes"));
    held = NULL;
}

static void handle_later(struct req *req)
{
    held = req;
    loop_timer_start(timer, 20000);
}

static void on_gone(void *arg)
{
    ck_assert_ptr_eq(arg, &gone_count);
    gone_count++;
    reply_json(held, 200, "{}", 2); /* harmless */
    held = NULL;
}

static void handle_hold(struct req *req)
{
    held = req;
    req_on_gone(req, on_gone, &gone_count);
}

static void handle_keep(struct req *req)
{
    held = req;
}

static void handle_fail(struct req *req)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set(&f, (enum fail_code)atoi(req_param(req, "code")), "it \"broke\" \xff here");
    fail_set_node(&f, "editor");
    reply_fail(req, &f, "run-1");
    fail_clear(&f);
}

static void handle_empty(struct req *req)
{
    reply_empty(req);
}

static void handle_big(struct req *req)
{
    size_t len = 8 << 20;
    char *bytes = malloc(len);
    memset(bytes, 'x', len);
    reply_json(req, 200, bytes, len);
    free(bytes);
}

static void join(void *arg, const char *name, const char *value)
{
    strcat(arg, name);
    strcat(arg, "=");
    strcat(arg, value);
    strcat(arg, ";");
}

static void handle_headers(struct req *req)
{
    char text[1000] = "";
    req_each_header(req, join, text);
    strcat(text, req_accepts_sse(req) ? "sse" : "json");
    reply_text(req, 200, text);
}

static const struct http_route routes[] = {
    { "GET", "/ok", handle_ok, ROUTE_OPEN, NULL },
    { "POST", "/echo", handle_echo, ROUTE_BODY, NULL },
    { "DELETE", "/echo", handle_echo, ROUTE_BODY, NULL },
    { "GET", "/things/{id}", handle_thing, 0, NULL },
    { "POST", "/later", handle_later, 0, NULL },
    { "POST", "/hold", handle_hold, 0, NULL },
    { "POST", "/keep", handle_keep, 0, NULL },
    { "GET", "/fail/{code}", handle_fail, 0, NULL },
    { "GET", "/threads/{code}", handle_fail, ROUTE_PROTOCOL, NULL },
    { "DELETE", "/empty", handle_empty, 0, NULL },
    { "GET", "/big", handle_big, 0, NULL },
    { "GET", "/headers", handle_headers, 0, NULL },
    { "POST", "/admin", handle_ok, ROUTE_ADMIN, NULL },
};

static void begin(void)
{
    rig_init(&rig);
    held = NULL;
    gone_count = idle_count = 0;
    ck_assert_int_eq(loop_timer_new(rig.loop, on_later, NULL, &timer), 0);
}

static void serve(void)
{
    rig_serve(&rig, routes, sizeof(routes) / sizeof(*routes));
}

static void finish(void)
{
    timer = loop_timer_free(timer);
    rig_deinit(&rig);
}

static void run(void (*client)(struct rig *))
{
    begin();
    serve();
    rig_run(&rig, client);
    ck_assert_int_eq(http_server_open(rig.server), 0);
    finish();
}

/* ---- plain requests ---- */

struct exchange {
    const char *request;
    int status;
    const char *body;   /* NULL = any */
    const char *header; /* NULL = any */
};
#define H "Host: localhost\r\n"

static const struct exchange exchanges[] = {
    { "GET /ok HTTP/1.1\r\n" H "\r\n", 200, "{\"ok\":true}", "Content-Type: application/json" },
    { "PUT /empty HTTP/1.1\r\n" H "\r\n", 405, NULL, "Allow: DELETE" },
    { "GET /things/a%2Fb?q=x+y HTTP/1.1\r\n" H "\r\n", 200, "/things/a%2Fb a/b x y",
      "Content-Location: a/b" },
    { "GET /things/a%0d%0aX:%20y HTTP/1.1\r\n" H "\r\n", 200, "/things/a%0d%0aX:%20y a\r\nX: y -",
      NULL },
    { "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n[1,2]", 200, "[1,2]", NULL },
    { "POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, "", NULL },
    { "POST /echo HTTP/1.1\r\n" H "\r\n", 200, "", NULL },
    { "DELETE /echo HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}", 200, "{}", NULL },
    { "POST /echo HTTP/1.1\r\n" H
      "Transfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n",
      200, "[1]", NULL },
    { "POST /later HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}", 201, "{\"late\":\"yes\"}", NULL },
    { "DELETE /empty HTTP/1.1\r\n" H "\r\n", 204, "", NULL },
    { "OPTIONS /echo HTTP/1.1\r\n" H
      "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: "
      "POST\r\nAccess-Control-Request-Headers: x-a,x-b\r\n\r\n",
      204, "", "Access-Control-Allow-Headers: x-a,x-b" },
    { "OPTIONS /echo HTTP/1.1\r\n" H "Origin: http://localhost:3000\r\n\r\n", 204, "",
      "Access-Control-Allow-Origin: http://localhost:3000" },
    { "OPTIONS * HTTP/1.1\r\n" H "\r\n", 204, "", NULL },
    { "GET /ok HTTP/1.1\r\n" H "Origin: http://127.0.0.1:1\r\n\r\n", 200, NULL,
      "Access-Control-Expose-Headers: "
      "content-location,location,x-pagination-total,x-pagination-next" },
    { "GET /headers HTTP/1.1\r\n" H "X-Big: 1\r\nAccept: text/event-stream\r\n\r\n", 200,
      "host=localhost;x-big=1;accept=text/event-stream;sse", NULL },
    { "GET http://localhost:99/ok HTTP/1.1\r\n" H "\r\n", 200, NULL, NULL },
    { "POST /admin HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, NULL, NULL },
    /* refused */
    { "GET /nothing HTTP/1.1\r\n" H "\r\n", 404,
      "{\"error\":{\"type\":\"NotFoundError\",\"message\":\"404 Not Found: there is no such "
      "address on this server\"}}",
      NULL },
    { "GET /runs/nothing HTTP/1.1\r\n" H "\r\n", 404,
      "404 Not Found: there is no such address on this server",
      "Content-Type: text/plain; charset=utf-8" },
    { "GET /runs/nothing HTTP/1.1\r\n" H "User-Agent: langgraph-sdk-py/0.4\r\n\r\n", 404,
      "{\"detail\":\"404 Not Found: there is no such address on this server\"}", NULL },
    { "PUT /echo HTTP/1.1\r\n" H "\r\n", 405, NULL, "Allow: POST, DELETE" },
    { "POST /ok HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}", 405, NULL, "Connection: close" },
    { "PUT /threads/1 HTTP/1.1\r\n" H "\r\n", 405,
      "405 Method Not Allowed: this address takes GET, HEAD", "Allow: GET, HEAD" },
    { "GET /ok HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, NULL, NULL },
    { "GET http://evil.example/ok HTTP/1.1\r\n" H "\r\n", 403, NULL, NULL },
    { "GET /ok HTTP/1.1\r\n" H "Origin: https://evil.example\r\n\r\n", 403, NULL, "Vary: Origin" },
    { "POST /admin HTTP/1.1\r\n" H "X-Forwarded-For: 1.2.3.4\r\nContent-Length: 0\r\n\r\n", 403,
      NULL, NULL },
    { "POST /echo HTTP/1.1\r\n" H "Content-Type: text/xml\r\nContent-Length: 2\r\n\r\n{}", 415,
      NULL, "Connection: close" },
    { "GET /things/%00 HTTP/1.1\r\n" H "\r\n", 400, NULL, NULL },
    { "GET /things/%zz HTTP/1.1\r\n" H "\r\n", 400, NULL, NULL },
    { "GET /things/a?q=%ff HTTP/1.1\r\n" H "\r\n", 400, NULL, NULL },
    { "GET /ok HTTP/1.1\r\n" H H "\r\n", 400, NULL, NULL },
    { "POST /echo HTTP/1.1\r\n" H "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, NULL,
      "Connection: close" },
    { "POST /echo HTTP/1.1\r\n" H "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, NULL,
      "Connection: close" },
    { "POST /echo HTTP/1.1\r\n" H
      "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400, NULL, "Connection: close" },
    { "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, NULL,
      "Connection: close" },
    { "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 400, NULL,
      "Connection: close" },
    { "POST /echo HTTP/1.1\r\n" H "Content-Length: 4194305\r\n\r\n", 413, NULL,
      "Connection: close" },
    { "PATCH /echo HTTP/1.1\r\n" H "Content-Length: 20\r\n\r\n", 405, NULL, "Connection: close" },
    /* failures of handlers; the numbers are codes of base/fail.h */
    { "GET /threads/19 HTTP/1.1\r\n" H "\r\n", 422, "it \"broke\" ? here", NULL },
};

static int current;

static void one_exchange(struct rig *r)
{
    const struct exchange *x = &exchanges[current];
    struct answer a;
    cl_ask(r, x->request, &a);
    ck_assert_msg(a.status == x->status, "%s -> %s", x->request, a.text);
    if (x->body != NULL)
        ck_assert_msg(strlen(x->body) == a.body_len && memcmp(x->body, a.body, a.body_len) == 0,
                      "%s -> %s", x->request, a.text);
    if (x->header != NULL)
        ck_assert_msg(cl_has(&a, x->header), "%s -> %s", x->request, a.text);
}

START_TEST(every_request_gets_the_answer_of_the_table)
{
    current = _i;
    run(one_exchange);
}
END_TEST

static void shapes(struct rig *r)
{
    struct answer a;
    char request[200];
    for (int code = FAIL_BAD_JSON; code < FAIL_CODE_COUNT; code++) {
        const struct fail_row *row = fail_row_get((enum fail_code)code);
        (void)snprintf(request, sizeof(request), "GET /fail/%d HTTP/1.1\r\n" H "\r\n", code);
        cl_ask(r, request, &a);
        ck_assert_int_eq(a.status, row->status);
        json_t *json = json_loadb(a.body, a.body_len, 0, NULL);
        const char *type, *message, *node, *run_id;
        ck_assert_int_eq(json_unpack(json, "{s:{s:s,s:s,s:s,s:s !}!}", "error", "type", &type,
                                     "message", &message, "node", &node, "run_id", &run_id),
                         0);
        ck_assert_str_eq(type, row->type);
        ck_assert_str_eq(message, "it \"broke\" ? here");
        json_decref(json);
        bool is_passing = code == FAIL_DRAINING || code == FAIL_FULL;
        ck_assert(cl_has(&a, "Retry-After: 1") == (is_passing || code == FAIL_TOO_MANY));
        (void)snprintf(request, sizeof(request),
                       "GET /threads/%d HTTP/1.1\r\n" H "User-Agent: langgraph-sdk-py/1\r\n\r\n",
                       code);
        cl_ask(r, request, &a);
        bool is_kept = row->status < 500 || is_passing || code == FAIL_INTERNAL;
        ck_assert_int_eq(a.status, is_kept && code != FAIL_BUSY ? row->status : 422);
        ck_assert_mem_eq(a.body, "{\"detail\":\"it", 13);
    }
}

START_TEST(failures_have_the_shape_of_their_route)
{
    run(shapes);
}
END_TEST

static void head_request(struct rig *r)
{
    struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "HEAD /ok HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
    cl_read_all(fd, &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert_uint_eq(a.body_len, 0);
    ck_assert(cl_has(&a, "Content-Length: 11"));
    close(fd);
}

START_TEST(head_is_get_without_a_body)
{
    run(head_request);
}
END_TEST

static void keep_alive(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    for (int i = 0; i < 50; i++) {
        cl_send(fd, i % 2 == 0 ? "GET /ok HTTP/1.1\r\n" H "\r\n"
                               : "POST /later HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}");
        ck_assert_uint_eq(cl_read(fd, &a), 0);
        ck_assert_int_eq(a.status, i % 2 == 0 ? 200 : 201);
    }
    close(fd);
}

START_TEST(one_connection_carries_many_requests)
{
    run(keep_alive);
}
END_TEST

static void pipeline(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "GET /ok HTTP/1.1\r\n" H "\r\n"
                "POST /later HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}"
                "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n[7]"
                "GET /nothing HTTP/1.1\r\n" H "\r\n"
                "GET /ok HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
    cl_read_all(fd, &a);
    const char *const order[] = { "{\"ok\":true}", "{\"late\":\"yes\"}", "[7]", "NotFoundError",
                                  "{\"ok\":true}" };
    const char *at = a.text;
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        at = strstr(at, order[i]);
        ck_assert_msg(at != NULL, "%s", a.text);
        at += strlen(order[i]);
    }
    close(fd);
}

START_TEST(requests_sent_ahead_are_answered_in_order)
{
    run(pipeline);
}
END_TEST

static void old_client(struct rig *r)
{
    struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "GET /ok HTTP/1.0\r\n\r\n");
    cl_read_all(fd, &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert_mem_eq(a.body, "{\"ok\":true}", 11);
    close(fd);
    fd = cl_open(r);
    cl_send(fd, "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    cl_read_all(fd, &a);
    ck_assert_int_eq(a.status, 400);
    close(fd);
}

START_TEST(http_1_0_is_served)
{
    run(old_client);
}
END_TEST

/* ---- limits ---- */

static void send_chunks(int fd, size_t count)
{
    char chunk[1024 + 8];
    memcpy(chunk, "400\r\n", 5);
    memset(chunk + 5, '1', 1024);
    memcpy(chunk + 5 + 1024, "\r\n", 2);
    for (size_t i = 0; i < count; i++)
        cl_send_bytes(fd, chunk, 5 + 1024 + 2);
}

static void large_bodies(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 16);
    cl_send(fd, "0\r\n\r\n");
    cl_read(fd, &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert_uint_eq(a.body_len, 16384);
    cl_send(fd, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd,
                1024); /* far more than was asked for: the refusal must be readable nevertheless */
    cl_read_all(fd, &a);
    ck_assert_int_eq(a.status, 413);
    ck_assert_ptr_nonnull(strstr(a.body, "ContentTooLargeError"));
    close(fd);
    fd = cl_open(r);
    cl_send(fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 1048576\r\n\r\n");
    for (int i = 0; i < 1024; i++)
        cl_send_bytes(fd, a.text, 1024);
    cl_read_all(fd, &a);
    ck_assert_int_eq(a.status, 413);
    close(fd);
}

START_TEST(bodies_above_the_limit_are_refused_readably)
{
    begin();
    rig.conf.max_body_bytes = 16384;
    serve();
    rig_run(&rig, large_bodies);
    finish();
}
END_TEST

/* Any size: an answer, or above the library's own bound perhaps a reset, but never silence. */
static void heads_around_the_limit(struct rig *r)
{
    static struct answer a;
    static char request[16384];
    for (int size = 7000; size < 10000; size += 37) {
        int len = snprintf(request, sizeof(request), "GET /ok?%*s HTTP/1.1\r\n" H "\r\n", size, "x");
        for (char *at = request + 4; at < request + 8 + size; at++)
            *at = *at == ' ' ? 'x' : *at;
        cl_ask(r, request, &a);
        ck_assert_msg(a.status == (len - 14 > r->conf.max_header_bytes ? 431 : 200), "%d: %d", len,
                      a.status);
    }
}

START_TEST(heads_get_an_answer_on_both_sides_of_the_limit)
{
    run(heads_around_the_limit);
}
END_TEST

static void large_heads(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "GET /ok HTTP/1.1\r\n" H "X: ");
    memset(a.text, 'x', 20000);
    cl_send_bytes(fd, a.text, 20000);
    cl_send(fd, "\r\n\r\n");
    a.len = 0;
    a.text[0] = '\0';
    while (cl_more(fd, &a))
        ;
    if (a.len > 0) /* else a reset was faster: libmicrohttpd does not wait for the rest */
        ck_assert_ptr_nonnull(strstr(a.text, " 431 "));
    close(fd);
    cl_ask(r, "GET /ok HTTP/1.1\r\n" H "\r\n", &a);
    ck_assert_int_eq(a.status, 200);
}

START_TEST(heads_above_the_limit_are_refused)
{
    run(large_heads);
}
END_TEST

static void garbage(struct rig *r)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
#define ROW(text) { text, sizeof(text) - 1 }
        ROW("\0\0\0\0\r\n\r\n"),
        ROW("GET /o\0k HTTP/1.1\r\n" H "\r\n"),
        ROW("GET /ok HTTP/1.1\r\n" H "X: a\0b\r\n\r\n"),
        ROW("GET /ok HTTP/1.1\r\n" H "X\0Y: ab\r\n\r\n"),
        ROW("GET /ok HTTP/1.1\r\n\r\n"),
        ROW("GET\r\n\r\n"),
        ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ROW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls\r\n\r\n"),
        ROW("GET /ok HTTP/1.1\r\n" H " folded: x\r\n\r\n"),
        ROW("GET /ok HTTP/1.1\r\n" H "nocolon\r\n\r\n"),
        ROW("POST /echo HTTP/1.1\r\n" H "Content-Length: x\r\n\r\n"),
        ROW("POST /echo HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"),
        ROW("POST /echo HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n"),
        ROW("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ROW("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        ROW("GET /ok HTTP/1.1 HTTP/1.1\r\n" H "\r\n"),
    };
    static struct answer a;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int fd = cl_open(r);
        cl_send_bytes(fd, rows[i].bytes, rows[i].len);
        shutdown(fd, SHUT_WR);
        a.len = 0;
        a.text[0] = '\0';
        while (cl_more(fd, &a))
            ;
        if (getenv("RIG_LOG") != NULL)
            fprintf(stderr, "garbage %zu: %.60s\n", i, a.text);
        ck_assert_int_ne(errno, EAGAIN);
        if (a.len > 0 && strstr(a.text, "\r\n\r\n") != NULL)
            ck_assert_msg(strncmp(a.text, "HTTP/1.", 7) == 0 && strncmp(a.text + 9, "500", 3) != 0,
                          "%zu: %s", i, a.text);
        close(fd);
    }
    cl_ask(r, "GET /ok HTTP/1.1\r\n" H "\r\n", &a);
    ck_assert_int_eq(a.status, 200);
}

START_TEST(garbage_harms_nobody)
{
    run(garbage);
}
END_TEST

static void slow_body(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n[1");
    cl_read_all(fd, &a);
    ck_assert_int_eq(a.status, 408);
    close(fd);
}

static void slow_head(struct rig *r)
{
    int fd = cl_open(r);
    ck_assert(cl_is_closed(fd)); /* says nothing at all */
    close(fd);
    fd = cl_open(r);
    cl_send(fd, "POST /echo HTT");
    ck_assert(cl_is_closed(fd));
    close(fd);
    static struct answer a;
    fd = cl_open(r);
    cl_send(fd, "GET /ok HTTP/1.1\r\n" H "\r\n");
    cl_read(fd, &a);
    cl_send(fd, "GET /ok HTTP/1.1\r\n" H);
    ck_assert(cl_is_closed(fd)); /* the second one is slow */
    close(fd);
}

START_TEST(slow_senders_are_told_once_their_head_is_there)
{
    begin();
    rig.conf.request_timeout_ms = 50;
    serve();
    rig_run(&rig, slow_body);
    rig_run(&rig, slow_head);
    finish();
}
END_TEST

static void idle_past_request_timeout(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "GET /ok HTTP/1.1\r\n" H "\r\n");
    cl_read(fd, &a);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ck_assert_int_eq(poll(&p, 1, 150), 0); /* idle longer than request_timeout_ms, and still open */
    cl_send(fd, "GET /ok HTTP/1.1\r\n" H "\r\n");
    cl_read(fd, &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert(cl_is_closed(fd)); /* after connection_idle_ms, here 1 s */
    close(fd);
}

START_TEST(idle_connections_have_their_own_time)
{
    begin();
    rig.conf.request_timeout_ms = 50;
    rig.conf.connection_idle_ms = 1000;
    serve();
    rig_run(&rig, idle_past_request_timeout);
    finish();
}
END_TEST

static void too_many(struct rig *r)
{
    static struct answer a;
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = cl_open(r);
        cl_send(fds[i], "GET /ok HTTP/1.1\r\n" H "\r\n");
        cl_read(fds[i], &a);
        ck_assert_int_eq(a.status, i < 2 ? 200 : 503);
    }
    ck_assert(cl_has(&a, "Retry-After: 1"));
    ck_assert(cl_is_closed(fds[2]));
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

START_TEST(connections_above_the_limit_are_told_so)
{
    begin();
    rig.conf.max_connections = 2;
    serve();
    rig_run(&rig, too_many);
    finish();
}
END_TEST

/* ---- keys ---- */

static void with_keys(struct rig *r)
{
    static struct answer a;
    cl_ask(r, "GET /ok HTTP/1.1\r\nHost: any.example\r\n\r\n", &a);
    ck_assert_int_eq(a.status, 200);
    cl_ask(r, "GET /headers HTTP/1.1\r\n" H "\r\n", &a);
    ck_assert_int_eq(a.status, 401);
    ck_assert(cl_has(&a, "WWW-Authenticate: Bearer"));
    cl_ask(r, "GET /headers HTTP/1.1\r\n" H "X-Api-Key: secret\r\n\r\n", &a);
    ck_assert_int_eq(a.status, 200);
    cl_ask(r, "GET /headers HTTP/1.1\r\n" H "Authorization: Bearer secret\r\n\r\n", &a);
    ck_assert_int_eq(a.status, 200);
    cl_ask(r, "GET /nothing HTTP/1.1\r\n" H "\r\n", &a);
    ck_assert_int_eq(a.status, 404);
}

START_TEST(a_key_is_asked_for_where_the_route_is_not_open)
{
    begin();
    rig_set(&rig.conf.api_keys, "secret");
    rig_set(&rig.conf.auth, "keys");
    serve();
    rig_run(&rig, with_keys);
    finish();
}
END_TEST

/* ---- clients that leave ---- */

static void until_held(struct rig *r)
{
    (void)r;
}

static bool is_held, is_gone, is_open;
static void look(struct rig *r)
{
    is_held = held != NULL;
    is_gone = gone_count > 0;
    is_open = http_server_open(r->server) > 0;
}

/* Asks the loop again and again, each time a turn later; no clock is involved. */
static void wait_for(struct rig *r, const bool *what, bool value)
{
    do
        rig_on_loop(r, look);
    while (*what != value);
}

static void leave_while_waiting(struct rig *r)
{
    int fd = cl_open(r);
    cl_send(fd, "POST /hold HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}");
    wait_for(r, &is_held, true);
    close(fd);
    wait_for(r, &is_gone, true);
    wait_for(r, &is_open, false);
}

START_TEST(a_handler_is_told_once_that_its_client_left)
{
    begin();
    serve();
    rig_run(&rig, leave_while_waiting);
    rig_run(&rig, until_held);
    ck_assert_int_eq(gone_count, 1);
    finish();
}
END_TEST

static void half_close(struct rig *r)
{
    int fd = cl_open(r);
    cl_send(fd, "POST /hold HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}");
    shutdown(fd, SHUT_WR);
    wait_for(r, &is_gone, true);
    ck_assert(cl_is_closed(fd));
    close(fd);
}

START_TEST(a_client_that_shut_its_side_down_has_left)
{
    run(half_close);
}
END_TEST

static void reply_to_held(struct rig *r)
{
    (void)r;
    reply_failf(held, FAIL_CONFLICT, "too late");
    held = NULL;
}

static void leave_untold(struct rig *r)
{
    int fd = cl_open(r);
    cl_send(fd, "POST /keep HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}");
    wait_for(r, &is_held, true);
    close(fd);
    wait_for(r, &is_open, false);
    rig_on_loop(r, reply_to_held);
}

START_TEST(a_reply_to_a_client_that_left_is_harmless)
{
    run(leave_untold);
}
END_TEST

static void leave_untold_and_never_reply(struct rig *r)
{
    int fd = cl_open(r);
    cl_send(fd, "POST /keep HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}");
    wait_for(r, &is_held, true);
    close(fd);
    wait_for(r, &is_open, false);
}

START_TEST(a_request_that_nobody_replies_to_ends_with_the_server)
{
    run(leave_untold_and_never_reply);
}
END_TEST

static void leave_in_the_middle(struct rig *r)
{
    const char *const parts[] = { "GET /o", "GET /ok HTTP/1.1\r\nHo",
                                  "POST /echo HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\n[1" };
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        int fd = cl_open(r);
        cl_send(fd, parts[i]);
        close(fd);
    }
    static struct answer a;
    int fd = cl_open_with(r, 4096);
    cl_send(fd, "GET /big HTTP/1.1\r\n" H "\r\n");
    cl_read_head(fd, &a);
    close(fd);
    wait_for(r, &is_open, false);
}

START_TEST(a_client_may_leave_at_any_place)
{
    run(leave_in_the_middle);
}
END_TEST

/* ---- the way down ---- */

static int stay_fd;

static void stay(struct rig *r)
{
    stay_fd = cl_open(r);
    cl_send(stay_fd, "POST /hold HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}");
    wait_for(r, &is_held, true);
}

START_TEST(freeing_the_server_ends_waiting_requests)
{
    begin();
    serve();
    rig_run(&rig, stay);
    rig.server = http_server_free(rig.server);
    ck_assert_int_eq(gone_count, 1);
    ck_assert(cl_is_closed(stay_fd));
    close(stay_fd);
    finish();
}
END_TEST

static void on_idle(void *arg)
{
    (void)arg;
    idle_count++;
}

static void quiesce(struct rig *r)
{
    http_server_quiesce(r->server);
    http_server_when_idle(r->server, on_idle, NULL);
}

static void release(struct rig *r)
{
    (void)r;
    ck_assert_int_eq(idle_count, 0);
    reply_json(held, 200, "{}", 2);
    held = NULL;
}

static void drain(struct rig *r)
{
    static struct answer a;
    int idle_fd = cl_open(r);
    cl_send(idle_fd, "GET /ok HTTP/1.1\r\n" H "\r\n");
    cl_read(idle_fd, &a);
    ck_assert(!cl_has(&a, "Connection: close"));
    stay(r);
    rig_on_loop(r, quiesce);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)r->port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
    close(fd);
    cl_send(idle_fd, "GET /ok HTTP/1.1\r\n" H "\r\n");
    cl_read(idle_fd, &a);
    ck_assert_int_eq(a.status, 200);
    ck_assert(cl_has(&a, "Connection: close"));
    ck_assert(cl_is_closed(idle_fd));
    close(idle_fd);
    rig_on_loop(r, release);
    cl_read(stay_fd, &a);
    ck_assert_int_eq(a.status, 200);
    close(stay_fd);
    wait_for(r, &is_open, false);
}

START_TEST(a_quiet_server_takes_nobody_new_and_says_when_it_is_idle)
{
    begin();
    serve();
    rig_run(&rig, drain);
    rig_run(&rig, until_held);
    ck_assert_int_eq(idle_count, 1);
    finish();
}
END_TEST

/* ---- start ---- */

struct start_row {
    const char *listen, *keys, *auth;
    int result;
    const char *text; /* how it begins */
};

static const struct start_row starts[] = {
    { "127.0.0.1:0", "", "", 0, "127.0.0.1:" },
    { "localhost:0", "", "", 0, "127.0.0.1:" },
    { "[::1]:0", "", "", 0, "[::1]:" },
    { "0.0.0.0:0", "", "", HTTP_E_REFUSED, "listen is 0.0.0.0:0, which others can reach" },
    { "[::]:0", "", "", HTTP_E_REFUSED, "listen is" },
    { "0.0.0.0:0", "k", "keys", 0, "0.0.0.0:" },
    { "0.0.0.0:0", "", "off", 0, "0.0.0.0:" },
    { "0.0.0.0:0", "k", "off", 0, "0.0.0.0:" },
    { "", "", "", HTTP_E_ADDRESS, "listen is" },
    { "8123", "", "", HTTP_E_ADDRESS, "listen is" },
    { ":8123", "", "", HTTP_E_ADDRESS, "listen is" },
    { "127.0.0.1:", "", "", HTTP_E_ADDRESS, "listen is" },
    { "127.0.0.1:65536", "", "", HTTP_E_ADDRESS, "listen is" },
    { "127.0.0.1:80x", "", "", HTTP_E_ADDRESS, "listen is" },
    { "::1:80", "", "", HTTP_E_ADDRESS, "listen is" },
    { "example.org:80", "", "", HTTP_E_ADDRESS, "listen is" },
    { "203.0.113.1:0", "k", "keys", HTTP_E_ADDRESS, "cannot listen on 203.0.113.1:0: " },
};

START_TEST(an_address_is_served_or_refused_with_a_sentence)
{
    const struct start_row *row = &starts[_i];
    begin();
    rig_set(&rig.conf.listen, row->listen);
    rig_set(&rig.conf.api_keys, row->keys);
    rig_set(&rig.conf.auth, row->auth);
    struct http_options options = { .conf = &rig.conf, .routes = routes, .route_count = 1 };
    int r = http_server_new(rig.loop, &options, &rig.server, rig.text, sizeof(rig.text));
    ck_assert_msg(r == row->result, "%d %s", r, rig.text);
    ck_assert_msg(strncmp(rig.text, row->text, strlen(row->text)) == 0, "%s", rig.text);
    finish();
}
END_TEST

START_TEST(a_port_in_use_is_told)
{
    begin();
    serve();
    struct http_server *second = NULL;
    rig_set(&rig.conf.listen, rig.text);
    struct http_options options = { .conf = &rig.conf, .routes = routes, .route_count = 1 };
    char text[200];
    ck_assert_int_eq(http_server_new(rig.loop, &options, &second, text, sizeof(text)),
                     HTTP_E_IN_USE);
    ck_assert_ptr_null(second);
    ck_assert_ptr_nonnull(strstr(text, "in use"));
    finish();
}
END_TEST

START_TEST(starting_without_memory_fails_cleanly)
{
    begin();
    for (unsigned long n = 1;; n++) {
        struct http_options options = { .conf = &rig.conf, .routes = routes, .route_count = 1 };
        mem_fail_at(n);
        int r = http_server_new(rig.loop, &options, &rig.server, rig.text, sizeof(rig.text));
        int pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert((r == 0) == (pending != 0));
        ck_assert_int_le(r, 0);
        if (pending)
            break;
        ck_assert_ptr_null(rig.server);
    }
    finish();
}
END_TEST

#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof(*table)))

int main(void)
{
    mem_init();
    Suite *suite = suite_create("http");
    TCase *tc = tcase_create("http");
    tcase_set_timeout(tc, 30);
    LOOP(every_request_gets_the_answer_of_the_table, exchanges);
    tcase_add_test(tc, failures_have_the_shape_of_their_route);
    tcase_add_test(tc, head_is_get_without_a_body);
    tcase_add_test(tc, one_connection_carries_many_requests);
    tcase_add_test(tc, requests_sent_ahead_are_answered_in_order);
    tcase_add_test(tc, http_1_0_is_served);
    tcase_add_test(tc, bodies_above_the_limit_are_refused_readably);
    tcase_add_test(tc, heads_get_an_answer_on_both_sides_of_the_limit);
    tcase_add_test(tc, heads_above_the_limit_are_refused);
    tcase_add_test(tc, garbage_harms_nobody);
    tcase_add_test(tc, slow_senders_are_told_once_their_head_is_there);
    tcase_add_test(tc, idle_connections_have_their_own_time);
    tcase_add_test(tc, connections_above_the_limit_are_told_so);
    tcase_add_test(tc, a_key_is_asked_for_where_the_route_is_not_open);
    tcase_add_test(tc, a_handler_is_told_once_that_its_client_left);
    tcase_add_test(tc, a_client_that_shut_its_side_down_has_left);
    tcase_add_test(tc, a_reply_to_a_client_that_left_is_harmless);
    tcase_add_test(tc, a_request_that_nobody_replies_to_ends_with_the_server);
    tcase_add_test(tc, a_client_may_leave_at_any_place);
    tcase_add_test(tc, freeing_the_server_ends_waiting_requests);
    tcase_add_test(tc, a_quiet_server_takes_nobody_new_and_says_when_it_is_idle);
    LOOP(an_address_is_served_or_refused_with_a_sentence, starts);
    tcase_add_test(tc, a_port_in_use_is_told);
    tcase_add_test(tc, starting_without_memory_fails_cleanly);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
