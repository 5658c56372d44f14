/*
 * Fetches against a small server in a thread of the test. The server is scripted: a function writes
 * raw bytes and waits at a gate (a pipe that the client's callbacks open), so every "before" and
 * "after" is enforced and nothing sleeps.
 *
 * getaddrinfo() is replaced for libcurl, too: "hang.test" hangs until the test lets it go, every
 * other name is unknown.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "loop/fetch.h"
#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- names ---- */

static int hang_gate[2];

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    char byte;
    (void)service;
    (void)hints;
    *ret = NULL;
    if (name != NULL && strcmp(name, "hang.test") == 0)
        (void)!read(hang_gate[0], &byte, 1);
    return EAI_NONAME;
}

static int thread_count(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    for (struct dirent *e = readdir(tasks); e != NULL; e = readdir(tasks))
        count += e->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* ---- the server ---- */

struct server {
    int listener;
    int port;
    int gate[2];
    int connections; /* to serve one after the other; 0 = until it is stopped */
    void (*serve)(struct server *s, int fd);
    pthread_t thread;
    char request[65536];
    char *body;
};

static struct server server;

static void put(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the client may leave whenever it likes */
        text += n;
        len -= (size_t)n;
    }
}

static void wait_at_gate(struct server *s)
{
    char byte;
    if (read(s->gate[0], &byte, 1) != 1)
        abort();
}

static void open_gate(void)
{
    if (write(server.gate[1], "x", 1) != 1)
        abort();
}

static void wait_for_eof(int fd)
{
    char bytes[1024];
    while (recv(fd, bytes, sizeof(bytes), 0) > 0)
        ;
}

/* Reads one request; false at the end of the connection. */
static bool take_request(struct server *s, int fd)
{
    size_t len = 0, want = 0;
    s->body = NULL;
    while (s->body == NULL || strlen(s->body) < want) {
        ssize_t n = recv(fd, s->request + len, sizeof(s->request) - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        s->request[len] = '\0';
        s->body = strstr(s->request, "\r\n\r\n");
        s->body = s->body == NULL ? NULL : s->body + 4;
        const char *length = strcasestr(s->request, "\ncontent-length:");
        want = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
    }
    return true;
}

static void *server_main(void *arg)
{
    struct server *s = arg;
    for (int i = 0; s->connections == 0 || i < s->connections; i++) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            break;
        if (take_request(s, fd))
            s->serve(s, fd);
        close(fd);
    }
    return NULL;
}

static int listen_somewhere(int *ret_port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(struct sockaddr_in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const void *)&at, len), 0);
    ck_assert_int_eq(listen(fd, 128), 0);
    ck_assert_int_eq(getsockname(fd, (void *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void server_start(void (*serve)(struct server *s, int fd), int connections)
{
    server = (struct server){ .serve = serve, .connections = connections };
    server.listener = listen_somewhere(&server.port);
    ck_assert_int_eq(pipe(server.gate), 0);
    ck_assert_int_eq(pthread_create(&server.thread, NULL, server_main, &server), 0);
}

/* Returns when every connection was served to its end: a client that does not hang up makes the
 * test time out. */
static void server_join(void)
{
    ck_assert_int_eq(pthread_join(server.thread, NULL), 0);
    close(server.listener);
    close(server.gate[0]);
    close(server.gate[1]);
}

static void server_stop(void)
{
    ck_assert_int_eq(shutdown(server.listener, SHUT_RDWR), 0);
    server_join();
}

/* ---- the client ---- */

static struct loop *loop;
static struct fetcher *fetcher;

struct client {
    struct fetch_request req;
    char url[256];
    struct fetch *fetch;
    int heads;
    int chunks;
    int ends;
    int status;
    int result;
    bool done;
    bool opens_gate;
    bool cancels_at_head;
    int cancels_at_chunk;
    const char *wanted; /* header to keep at the end */
    char value[128];
    char text[512];
    struct buf body;
    bool *also_done;
    int *left;           /* counted down at the end, also_done at 0 */
    struct client *then; /* started at the first chunk */
};

static void client_start(struct client *c)
{
    ck_assert_int_eq(fetch_start(fetcher, &c->req, &c->fetch), 0);
    ck_assert_int_eq(c->heads + c->chunks + c->ends, 0);
}

static void on_head(void *arg, int status)
{
    struct client *c = arg;
    ck_assert_int_eq(c->heads + c->chunks + c->ends, 0);
    c->heads++;
    c->status = status;
    if (c->opens_gate)
        open_gate();
    if (c->cancels_at_head)
        op_cancel(fetch_op(c->fetch));
}

static void on_body(void *arg, const char *bytes, size_t len_bytes)
{
    struct client *c = arg;
    ck_assert_int_eq(c->heads, 1);
    ck_assert_int_eq(c->ends, 0);
    ck_assert(c->cancels_at_chunk == 0 || c->chunks < c->cancels_at_chunk);
    c->chunks++;
    ck_assert_int_eq(buf_add(&c->body, bytes, len_bytes), 0);
    if (c->then != NULL && c->chunks == 1)
        client_start(c->then);
    if (c->chunks == c->cancels_at_chunk)
        op_cancel(fetch_op(c->fetch));
    if (c->opens_gate)
        open_gate();
}

static void on_end(void *arg, int result)
{
    struct client *c = arg;
    c->ends++;
    ck_assert_int_eq(c->ends, 1);
    c->result = result;
    const char *value = c->wanted == NULL ? NULL : fetch_header_find(c->fetch, c->wanted);
    snprintf(c->value, sizeof(c->value), "%s", value == NULL ? "(none)" : value);
    snprintf(c->text, sizeof(c->text), "%s", fetch_error_text(c->fetch, result));
    c->done = true;
    if (c->left != NULL && --*c->left == 0)
        *c->also_done = true;
}

static void client_init(struct client *c, const char *path)
{
    *c = (struct client){ .result = -99 };
    snprintf(c->url, sizeof(c->url), "http://127.0.0.1:%d%s", server.port, path);
    buf_init(&c->body, 1 << 20);
    c->req = (struct fetch_request){ .method = "GET",
                                     .url = c->url,
                                     .on_head = on_head,
                                     .on_body = on_body,
                                     .on_end = on_end,
                                     .arg = c };
}

static void client_run(struct client *c)
{
    ck_assert_int_eq(loop_run_until(loop, &c->done), 0);
    ck_assert_int_eq(c->ends, 1);
}

static void fetch_one(struct client *c)
{
    client_start(c);
    client_run(c);
}

static void setup(void)
{
    static const char *const proxies[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                           "ALL_PROXY" };
    for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++)
        unsetenv(proxies[i]);
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(fetcher_new(loop, 2, &fetcher), 0);
}

static void teardown(void)
{
    fetcher = fetcher_free(fetcher);
    ck_assert_int_eq(loop_op_count(loop), 0);
    loop = loop_free(loop);
}

/* ---- whole answers ---- */

static const char *script; /* what serve_script sends, then it closes */

static void serve_script(struct server *s, int fd)
{
    (void)s;
    put(fd, script);
}

static const struct answer {
    const char *method;
    const char *bytes;
    int status;
    const char *body;
} answers[] = {
    { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello" },
    { "GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, "" },
    { "GET", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 404, "no" },
    { "POST", "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", 500, "oops" },
    { "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "" },
    { "DELETE", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "" },
    { "GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end" },
    { "GET", "HTTP/1.0 200 OK\r\n\r\nold", 200, "old" },
    { "GET", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
      302, "" },
    { "GET", "HTTP/1.1 103 Early\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 200,
      "a" },
    { "GET",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", 200,
      "abc" },
};

START_TEST(a_whole_answer_of_any_status_is_a_success)
{
    const struct answer *a = &answers[_i];
    struct client c;
    script = a->bytes;
    server_start(serve_script, 1);
    client_init(&c, "/");
    c.req.method = a->method;
    fetch_one(&c);
    server_join();
    ck_assert_int_eq(c.result, 0);
    ck_assert_int_eq(c.heads, 1);
    ck_assert_int_eq(c.status, a->status);
    ck_assert_str_eq(buf_text(&c.body), a->body);
    ck_assert_str_eq(c.text, "no error");
    ck_assert_int_eq(strncmp(server.request, a->method, strlen(a->method)), 0);
    buf_deinit(&c.body);
}
END_TEST

START_TEST(the_request_carries_its_headers_and_body_and_nothing_uninvited)
{
    struct fetch_header headers[] = { { "X-One", "1" }, { "X-Empty", "" }, { "X-Tab", "a\tb" } };
    char *long_body = mem_alloc(30000);
    struct client c;
    script = answers[0].bytes;
    memset(long_body, 'z', 30000);
    server_start(serve_script, 1);
    client_init(&c, "/path?q=1");
    c.req.method = "POST";
    c.req.headers = headers;
    c.req.header_count = 3;
    c.req.body = long_body;
    c.req.body_len_bytes = 30000;
    client_start(&c);
    memset(long_body, '?', 30000); /* the request has its own copy */
    mem_free(long_body);
    memset(c.url, '?', sizeof(c.url) - 1);
    client_run(&c);
    server_join();
    ck_assert_int_eq(c.result, 0);
    ck_assert_int_eq(strncmp(server.request, "POST /path?q=1 HTTP/1.1\r\n", 25), 0);
    ck_assert_ptr_nonnull(strstr(server.request, "\r\nX-One: 1\r\n"));
    ck_assert_ptr_nonnull(strstr(server.request, "\r\nX-Empty:\r\n"));
    ck_assert_ptr_nonnull(strstr(server.request, "\r\nX-Tab: a\tb\r\n"));
    ck_assert_ptr_nonnull(strstr(server.request, "\r\nContent-Length: 30000\r\n"));
    ck_assert_uint_eq(strspn(server.body, "z"), 30000);
    server.body[0] = '\0';
    ck_assert_ptr_null(strcasestr(server.request, "\nexpect:"));
    ck_assert_ptr_null(strcasestr(server.request, "\ncontent-type:"));
    ck_assert_ptr_null(strcasestr(server.request, "\naccept-encoding:"));
    buf_deinit(&c.body);
}
END_TEST

START_TEST(headers_of_the_answer_are_found_in_any_case_from_head_to_end)
{
    struct client c;
    script = "HTTP/1.1 100 Continue\r\nX-Thing: interim\r\n\r\n"
             "HTTP/1.1 200 OK\r\nX-THING: \t first \r\nx-thing: second\r\nX-Nothing:\r\n"
             "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Late: trailer\r\n\r\n";
    static const char *const rows[][2] = {
        { "x-thing", "first" }, { "X-Nothing", "" }, { "X-Late", "(none)" }, { "X-Th", "(none)" }
    };
    server_start(serve_script, 1);
    client_init(&c, "/");
    c.wanted = rows[_i][0];
    fetch_one(&c);
    server_join();
    ck_assert_str_eq(c.value, rows[_i][1]);
    buf_deinit(&c.body);
}
END_TEST

static void serve_long_head(struct server *s, int fd)
{
    char line[1024];
    (void)s;
    put(fd, "HTTP/1.1 200 OK\r\nX-First: yes\r\n");
    for (int i = 0; i < 40; i++) {
        snprintf(line, sizeof(line), "X-%d: %0900d\r\n", i, i);
        put(fd, line);
    }
    put(fd, "X-Last: too late\r\nContent-Length: 0\r\n\r\n");
}

START_TEST(only_the_first_16_kib_of_a_long_head_are_kept)
{
    struct client c;
    server_start(serve_long_head, 0);
    for (int i = 0; i < 2; i++) {
        client_init(&c, "/");
        c.wanted = i == 0 ? "X-First" : "X-39";
        fetch_one(&c);
        ck_assert_int_eq(c.result, 0);
        ck_assert_str_eq(c.value, i == 0 ? "yes" : "(none)");
    }
    server_stop();
}
END_TEST

/* ---- streaming ---- */

enum { TOKENS = 5 };

static void serve_tokens(struct server *s, int fd)
{
    char chunk[32];
    put(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < TOKENS; i++) {
        wait_at_gate(s);
        snprintf(chunk, sizeof(chunk), "4\r\nt%02d \r\n", i);
        put(fd, chunk);
    }
    wait_at_gate(s);
    put(fd, "0\r\n\r\n");
}

START_TEST(each_token_arrives_before_the_next_one_is_sent)
{
    struct client c;
    server_start(serve_tokens, 1);
    client_init(&c, "/");
    c.opens_gate = true;
    fetch_one(&c);
    server_join();
    ck_assert_int_eq(c.result, 0);
    ck_assert_int_eq(c.chunks, TOKENS);
    ck_assert_str_eq(buf_text(&c.body), "t00 t01 t02 t03 t04 ");
    buf_deinit(&c.body);
}
END_TEST

static void serve_until_client_leaves(struct server *s, int fd)
{
    put(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    wait_at_gate(s);
    put(fd, "1\r\nb\r\n");
    wait_for_eof(fd);
}

START_TEST(a_cancel_in_the_middle_closes_the_connection)
{
    struct client c;
    server_start(serve_until_client_leaves, 1);
    client_init(&c, "/");
    c.opens_gate = true;
    c.cancels_at_chunk = _i;
    c.cancels_at_head = _i == 0;
    fetch_one(&c);
    if (_i == 0)
        ck_assert_int_eq(c.chunks, 0);
    server_join();
    ck_assert_int_eq(c.result, OP_CANCELLED);
    buf_deinit(&c.body);
}
END_TEST

static void serve_nothing(struct server *s, int fd)
{
    (void)s;
    open_gate(); /* tells the test that the request is here; used as a watched pipe */
    wait_for_eof(fd);
}

static void on_request_seen(void *arg, int what)
{
    struct client *c = arg;
    char byte;
    (void)what;
    ck_assert_int_eq(read(server.gate[0], &byte, 1), 1);
    for (int i = 0; i < 3; i++)
        op_cancel(fetch_op(c->fetch));
}

START_TEST(a_cancel_before_the_answer_closes_the_connection)
{
    struct client c;
    struct loop_watch *w = NULL;
    server_start(serve_nothing, 1);
    client_init(&c, "/");
    ck_assert_int_eq(loop_watch_new(loop, server.gate[0], LOOP_READ, on_request_seen, &c, &w), 0);
    fetch_one(&c);
    loop_watch_free(w);
    server_join();
    ck_assert_int_eq(c.result, OP_CANCELLED);
    ck_assert_int_eq(c.heads, 0);
}
END_TEST

START_TEST(a_cancel_right_after_the_start_makes_no_connection)
{
    struct client c;
    server.listener = listen_somewhere(&server.port);
    client_init(&c, "/");
    client_start(&c);
    op_cancel(fetch_op(c.fetch));
    ck_assert_int_eq(c.ends, 0);
    client_run(&c);
    ck_assert_int_eq(c.result, OP_CANCELLED);
    struct pollfd p = { .fd = server.listener, .events = POLLIN };
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    close(server.listener);
}
END_TEST

START_TEST(a_fetch_may_be_started_inside_the_body_callback_of_another)
{
    struct client a, b;
    script = answers[0].bytes;
    server_start(serve_script, 2);
    client_init(&a, "/a");
    client_init(&b, "/b");
    a.then = &b;
    client_start(&a);
    client_run(&b);
    client_run(&a);
    server_join();
    ck_assert_int_eq(a.result, 0);
    ck_assert_int_eq(b.result, 0);
    buf_deinit(&a.body);
    buf_deinit(&b.body);
}
END_TEST

static void serve_two_requests(struct server *s, int fd)
{
    put(fd, answers[0].bytes);
    if (take_request(s, fd))
        put(fd, answers[0].bytes);
}

START_TEST(a_connection_is_used_again)
{
    struct client c;
    fetcher_free(fetcher);
    ck_assert_int_eq(fetcher_new(loop, 1, &fetcher), 0);
    server_start(serve_two_requests, 1);
    for (int i = 0; i < 2; i++) {
        client_init(&c, "/");
        fetch_one(&c);
        ck_assert_int_eq(c.result, 0);
        buf_deinit(&c.body);
    }
    server_join();
}
END_TEST

/* ---- many at once ---- */

enum { MANY = 50 };

/* Answers nobody before all have asked. */
static void *serve_many(void *arg)
{
    struct server *s = arg;
    int fd[MANY];
    for (int i = 0; i < MANY; i++) {
        fd[i] = accept(s->listener, NULL, NULL);
        if (fd[i] < 0 || !take_request(s, fd[i]))
            abort();
    }
    for (int i = 0; i < MANY; i++) {
        put(fd[i], answers[0].bytes);
        close(fd[i]);
    }
    return NULL;
}

START_TEST(fifty_fetches_run_at_the_same_time)
{
    static struct client clients[MANY];
    int left = MANY;
    bool all_done = false;
    server = (struct server){ .connections = MANY };
    server.listener = listen_somewhere(&server.port);
    ck_assert_int_eq(pipe(server.gate), 0);
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve_many, &server), 0);
    for (int i = 0; i < MANY; i++) {
        client_init(&clients[i], "/");
        clients[i].left = &left;
        clients[i].also_done = &all_done;
        client_start(&clients[i]);
    }
    ck_assert_int_eq(loop_op_count(loop), MANY);
    ck_assert_int_eq(loop_run_until(loop, &all_done), 0);
    server_join();
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(clients[i].result, 0);
        ck_assert_str_eq(buf_text(&clients[i].body), "hello");
        buf_deinit(&clients[i].body);
    }
}
END_TEST

/* ---- ends that are no success ---- */

static void serve_script_and_wait(struct server *s, int fd)
{
    (void)s;
    put(fd, script);
    wait_for_eof(fd);
}

static void serve_reset(struct server *s, int fd)
{
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    put(fd, script);
    wait_at_gate(s);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

static void serve_endless_head(struct server *s, int fd)
{
    char line[1024];
    (void)s;
    put(fd, "HTTP/1.1 200 OK\r\n");
    snprintf(line, sizeof(line), "X-More: %01000d\r\n", 0);
    for (int i = 0; i < 2000; i++)
        put(fd, line);
    wait_for_eof(fd);
}

#define HEAD_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct end {
    int result;
    void (*serve)(struct server *s, int fd);
    const char *script;
    struct fetch_request limits;
    int64_t deadline_ms;
    const char *text; /* how the sentence begins */
} ends[] = {
    { FETCH_E_FIRST_BYTE_TIMEOUT,
      serve_script_and_wait,
      "",
      { .first_byte_ms = 50 },
      0,
      "no answer in time from 127.0.0.1:" },
    { FETCH_E_FIRST_BYTE_TIMEOUT,
      serve_script_and_wait,
      "HTTP/1.1 100 Continue\r\n\r\n",
      { .first_byte_ms = 50, .idle_ms = 60000 },
      0,
      "no answer in time from 127.0.0.1:" },
    { FETCH_E_IDLE_TIMEOUT,
      serve_script_and_wait,
      HEAD_CHUNKED "1\r\na\r\n",
      { .first_byte_ms = 60000, .idle_ms = 50 },
      0,
      "answer fell silent from 127.0.0.1:" },
    { FETCH_E_IDLE_TIMEOUT,
      serve_script_and_wait,
      "HTTP/1.1 200 OK\r\n",
      { .idle_ms = 50 },
      0,
      "answer fell silent from" },
    { FETCH_E_TOTAL_TIMEOUT,
      serve_script_and_wait,
      HEAD_CHUNKED "1\r\na\r\n",
      { .total_ms = 50 },
      0,
      "answer not complete in time from 127.0.0.1:" },
    { OP_TIMEOUT,
      serve_script_and_wait,
      "",
      { .total_ms = 60000 },
      50,
      "deadline passed while waiting for 127.0.0.1:" },
    { FETCH_E_TOO_LARGE,
      serve_script_and_wait,
      HEAD_CHUNKED "4\r\nabcd\r\n4\r\nefgh\r\n",
      { .max_bytes = 7 },
      0,
      "answer too large from 127.0.0.1:" },
    { FETCH_E_TOO_LARGE, serve_endless_head, "", { .idle_ms = 0 }, 0, "answer too large from" },
    { FETCH_E_CUT,
      serve_script,
      "",
      { .idle_ms = 0 },
      0,
      "connection broke before the end of the answer from 127.0.0.1:" },
    { FETCH_E_CUT,
      serve_script,
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
      { .idle_ms = 0 },
      0,
      "connection broke" },
    { FETCH_E_CUT, serve_script, HEAD_CHUNKED "4\r\nab", { .idle_ms = 0 }, 0, "connection broke" },
    { FETCH_E_CUT,
      serve_script,
      HEAD_CHUNKED "2\r\nab\r\n",
      { .idle_ms = 0 },
      0,
      "connection broke" },
    { FETCH_E_CUT, serve_reset, HEAD_CHUNKED, { .idle_ms = 0 }, 0, "connection broke" },
    { FETCH_E_PROTOCOL,
      serve_script,
      "220 mail.test ready, not the web at all\r\n",
      { .idle_ms = 0 },
      0,
      "not a valid HTTP answer from 127.0.0.1:" },
    { FETCH_E_PROTOCOL,
      serve_script,
      "HTTP/7.5 200 OK\r\n\r\n",
      { .idle_ms = 0 },
      0,
      "not a valid HTTP answer" },
    { FETCH_E_PROTOCOL,
      serve_script,
      "HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\nstrange bytes",
      { .idle_ms = 0 },
      0,
      "not a valid HTTP answer" },
};

START_TEST(every_bad_end_has_its_result_and_hangs_up)
{
    const struct end *e = &ends[_i];
    struct client c;
    script = e->script;
    server_start(e->serve, 1);
    client_init(&c, "/secret-path?key=secret-key");
    c.req.first_byte_ms = e->limits.first_byte_ms;
    c.req.idle_ms = e->limits.idle_ms;
    c.req.total_ms = e->limits.total_ms;
    c.req.max_bytes = e->limits.max_bytes;
    c.opens_gate = true;
    client_start(&c);
    ck_assert_int_eq(op_deadline(fetch_op(c.fetch), e->deadline_ms), 0);
    client_run(&c);
    server_join();
    ck_assert_msg(c.result == e->result, "row %d: %d, %s", _i, c.result, c.text);
    ck_assert_msg(strncmp(c.text, e->text, strlen(e->text)) == 0, "row %d: %s", _i, c.text);
    ck_assert_ptr_null(strstr(c.text, "secret"));
    ck_assert_uint_le(c.body.len, 7);
    buf_deinit(&c.body);
}
END_TEST

static const struct refusal {
    const char *method;
    const char *url;
    const char *name;
    const char *value;
} refusals[] = {
    { "GET", "", NULL, NULL },
    { "GET", NULL, NULL, NULL },
    { "GET", "not an address", NULL, NULL },
    { "GET", "127.0.0.1:80/", NULL, NULL },
    { "GET", "ftp://127.0.0.1/", NULL, NULL },
    { "GET", "file:///etc/passwd", NULL, NULL },
    { "GET", "http://", NULL, NULL },
    { "GET", "http://127.0.0.1/a b", NULL, NULL },
    { "GET", "http://127.0.0.1/a\r\nX: y", NULL, NULL },
    { "GET", "http://127.0.0.1:99999/", NULL, NULL },
    { "GET /", "http://127.0.0.1/", NULL, NULL },
    { "", "http://127.0.0.1/", NULL, NULL },
    { NULL, "http://127.0.0.1/", NULL, NULL },
    { "GET", "http://127.0.0.1/", "X", "a\r\nB: c" },
    { "GET", "http://127.0.0.1/", "X", "a\nb" },
    { "GET", "http://127.0.0.1/", "X", NULL },
    { "GET", "http://127.0.0.1/", "X Y", "a" },
    { "GET", "http://127.0.0.1/", "X:", "a" },
    { "GET", "http://127.0.0.1/", "", "a" },
    { "GET", "http://127.0.0.1/", NULL, "a" },
    { "POST", "http://127.0.0.1/", "content-length", "3" },
    { "POST", "http://127.0.0.1/", "Transfer-Encoding", "chunked" },
};

START_TEST(what_cannot_be_sent_is_refused_at_the_end_and_not_at_the_start)
{
    const struct refusal *f = &refusals[_i];
    struct fetch_header header = { f->name, f->value };
    struct client c;
    client_init(&c, "/");
    c.req.method = f->method;
    c.req.url = f->url;
    c.req.headers = &header;
    c.req.header_count = f->name != NULL || f->value != NULL;
    fetch_one(&c);
    ck_assert_int_eq(c.result, FETCH_E_URL);
    ck_assert_int_eq(c.heads, 0);
    ck_assert_str_eq(c.text, "not a request that can be sent over http or https");
}
END_TEST

START_TEST(a_refused_connection_names_the_host_and_the_reason)
{
    struct client c;
    char expected[128];
    close(listen_somewhere(&server.port));
    client_init(&c, "/");
    snprintf(c.url, sizeof(c.url), "http://user:pass@127.0.0.1:%d/path", server.port);
    fetch_one(&c);
    snprintf(expected, sizeof(expected), "connection refused by 127.0.0.1:%d (Connection refused)",
             server.port);
    ck_assert_int_eq(c.result, FETCH_E_CONNECT);
    ck_assert_str_eq(c.text, expected);
}
END_TEST

START_TEST(an_unknown_name_is_not_found)
{
    struct client c;
    client_init(&c, "/");
    c.req.url = "http://missing.test/path";
    fetch_one(&c);
    ck_assert_int_eq(c.result, FETCH_E_RESOLVE);
    ck_assert_str_eq(c.text, "host name not found for missing.test:80");
}
END_TEST

static void *serve_no_tls(void *arg)
{
    struct server *s = arg;
    char bytes[64];
    int fd = accept(s->listener, NULL, NULL);
    if (fd < 0 || recv(fd, bytes, sizeof(bytes), 0) <= 0)
        abort();
    put(fd, "HTTP/1.1 400 this port speaks no TLS\r\n\r\n");
    wait_for_eof(fd);
    close(fd);
    return NULL;
}

START_TEST(a_server_without_tls_is_a_tls_error)
{
    struct client c;
    server = (struct server){ .connections = 1 };
    server.listener = listen_somewhere(&server.port);
    ck_assert_int_eq(pipe(server.gate), 0);
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve_no_tls, &server), 0);
    client_init(&c, "/");
    snprintf(c.url, sizeof(c.url), "https://127.0.0.1:%d/path", server.port);
    fetch_one(&c);
    server_join();
    ck_assert_int_eq(c.result, FETCH_E_TLS);
    ck_assert_int_eq(strncmp(c.text, "no TLS session with 127.0.0.1:", 30), 0);
    ck_assert_ptr_null(strstr(c.text, "path"));
}
END_TEST

/* ---- a look-up that hangs ---- */

struct ticker {
    struct loop_timer *timer;
    int count;
};

static void on_tick(void *arg)
{
    struct ticker *t = arg;
    t->count++;
    loop_timer_start(t->timer, 1000);
}

/*
 * The look-up returns only after the fetch ended: a loop that waited for it would never get here.
 * Afterwards libcurl's thread, which nobody joins, must be gone before the process may look for
 * leaks.
 */
START_TEST(a_hanging_look_up_neither_holds_the_loop_nor_outlives_the_connect_time)
{
    struct client c;
    struct ticker t = { .count = 0 };
    ck_assert_int_eq(pipe(hang_gate), 0);
    ck_assert_int_eq(loop_timer_new(loop, on_tick, &t, &t.timer), 0);
    loop_timer_start(t.timer, 1000);
    client_init(&c, "/");
    c.req.url = "http://hang.test/";
    c.req.connect_ms = 100;
    fetch_one(&c);
    ck_assert_int_eq(c.result, FETCH_E_CONNECT_TIMEOUT);
    ck_assert_str_eq(c.text, "no connection in time with hang.test:80");
    ck_assert_int_ge(t.count, 3);
    loop_timer_free(t.timer);
    fetcher = fetcher_free(fetcher);
    int threads = thread_count(); /* more than two under a sanitizer that has its own */
    ck_assert_int_eq(write(hang_gate[1], "x", 1), 1);
    while (thread_count() >= threads)
        sched_yield();
}
END_TEST

/* ---- no memory ---- */

START_TEST(a_fetch_without_memory_fails_once_and_leaks_nothing)
{
    struct fetch_header header = { "X-One", "1" };
    bool pending = false;
    script = answers[0].bytes;
    server_start(serve_script, 0);
    for (unsigned long n = 1; !pending; n++) {
        struct client c;
        client_init(&c, "/");
        c.req.headers = &header;
        c.req.header_count = 1;
        c.req.method = "POST";
        c.req.on_body = NULL;
        mem_fail_at(n);
        int r = fetch_start(fetcher, &c.req, &c.fetch);
        if (r == 0)
            client_run(&c);
        pending = mem_fail_pending() != 0;
        mem_fail_at(0);
        ck_assert(r <= 0 && (r < 0 || c.result <= 0));
        ck_assert(!pending || (r == 0 && c.result == 0));
    }
    server_stop();
}
END_TEST

START_TEST(a_fetcher_without_memory_is_a_fault_and_leaks_nothing)
{
    int r = -1;
    for (unsigned long n = 1; r != 0; n++) {
        struct fetcher *other = NULL;
        mem_fail_at(n);
        r = fetcher_new(loop, 3, &other);
        mem_fail_at(0);
        ck_assert(r <= 0 && (r < 0) == (other == NULL));
        fetcher_free(other);
    }
}
END_TEST

#define COUNT_OF(rows) ((int)(sizeof(rows) / sizeof(*(rows))))

static void add_bad_ends(TCase *t)
{
    tcase_add_loop_test(t, every_bad_end_has_its_result_and_hangs_up, 0, COUNT_OF(ends));
    tcase_add_loop_test(t, what_cannot_be_sent_is_refused_at_the_end_and_not_at_the_start, 0,
                        COUNT_OF(refusals));
    tcase_add_test(t, a_refused_connection_names_the_host_and_the_reason);
    tcase_add_test(t, an_unknown_name_is_not_found);
    tcase_add_test(t, a_server_without_tls_is_a_tls_error);
    tcase_add_test(t, a_hanging_look_up_neither_holds_the_loop_nor_outlives_the_connect_time);
    tcase_add_test(t, a_fetch_without_memory_fails_once_and_leaks_nothing);
    tcase_add_test(t, a_fetcher_without_memory_is_a_fault_and_leaks_nothing);
}

static Suite *fetch_suite(void)
{
    Suite *s = suite_create("fetch");
    TCase *t = tcase_create("fetch");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_whole_answer_of_any_status_is_a_success, 0, COUNT_OF(answers));
    tcase_add_test(t, the_request_carries_its_headers_and_body_and_nothing_uninvited);
    tcase_add_loop_test(t, headers_of_the_answer_are_found_in_any_case_from_head_to_end, 0, 4);
    tcase_add_test(t, only_the_first_16_kib_of_a_long_head_are_kept);
    tcase_add_test(t, each_token_arrives_before_the_next_one_is_sent);
    tcase_add_loop_test(t, a_cancel_in_the_middle_closes_the_connection, 0, 3);
    tcase_add_test(t, a_cancel_before_the_answer_closes_the_connection);
    tcase_add_test(t, a_cancel_right_after_the_start_makes_no_connection);
    tcase_add_test(t, a_fetch_may_be_started_inside_the_body_callback_of_another);
    tcase_add_test(t, a_connection_is_used_again);
    tcase_add_test(t, fifty_fetches_run_at_the_same_time);
    add_bad_ends(t);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(fetch_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0 ? 1 : 0;
}
