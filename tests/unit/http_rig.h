#ifndef ANABRANCH_TESTS_HTTP_RIG_H
#define ANABRANCH_TESTS_HTTP_RIG_H
/*
 * A server on a loop in the main thread, and a client with blocking sockets in another one. The
 * client's function runs to its end, then the server is freed and the loop must be empty.
 */
#include "base/log.h"
#include "base/mem.h"
#include "http/http.h"
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RIG_ANSWER_BYTES = 1 << 16, RIG_WAIT_MS = 5000 };

struct rig {
    struct loop *loop;
    struct conf conf;
    struct http_server *server;
    char text[256];
    int port;
    bool is_done;
    void (*client)(struct rig *rig);
};

static inline void rig_set(char **setting, const char *value)
{
    mem_free(*setting);
    *setting = mem_strdup(value);
}

/* Change rig->conf between the two. */
static inline void rig_init(struct rig *rig)
{
    *rig = (struct rig){ .port = 0 };
    log_level_set(getenv("RIG_LOG") != NULL ? LOG_DEBUG : LOG_ERROR);
    ck_assert_int_eq(conf_default(&rig->conf), 0);
    rig_set(&rig->conf.listen, "127.0.0.1:0");
    ck_assert_int_eq(loop_new(&rig->loop), 0);
}

static inline void rig_serve(struct rig *rig, const struct http_route *routes, size_t count)
{
    struct http_options options = {
        .conf = &rig->conf, .routes = routes, .route_count = count, .app = rig
    };
    int r = http_server_new(rig->loop, &options, &rig->server, rig->text, sizeof(rig->text));
    ck_assert_msg(r == 0, "%s", rig->text);
    rig->port = atoi(strrchr(rig->text, ':') + 1);
}

static inline void rig_done(void *arg)
{
    ((struct rig *)arg)->is_done = true;
}

static inline void *rig_thread(void *arg)
{
    struct rig *rig = arg;
    rig->client(rig);
    ck_assert_int_eq(loop_post(rig->loop, rig_done, rig), 0);
    return NULL;
}

static inline void rig_run(struct rig *rig, void (*client)(struct rig *rig))
{
    pthread_t thread;
    rig->client = client;
    rig->is_done = false;
    ck_assert_int_eq(pthread_create(&thread, NULL, rig_thread, rig), 0);
    ck_assert_int_eq(loop_run_until(rig->loop, &rig->is_done), 0);
    pthread_join(thread, NULL);
}

static inline void rig_deinit(struct rig *rig)
{
    rig->server = http_server_free(rig->server);
    rig->loop = loop_free(rig->loop);
    conf_deinit(&rig->conf);
}

/* Runs call on the loop thread and waits for it: for looking at what the server knows. */
struct rig_call {
    void (*call)(struct rig *rig);
    struct rig *rig;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool is_done;
};
static inline void rig_on_call(void *arg)
{
    struct rig_call *c = arg;
    c->call(c->rig);
    pthread_mutex_lock(&c->mutex);
    c->is_done = true;
    pthread_cond_signal(&c->cond);
    pthread_mutex_unlock(&c->mutex);
}
static inline void rig_on_loop(struct rig *rig, void (*call)(struct rig *rig))
{
    struct rig_call c = { .call = call, .rig = rig };
    pthread_mutex_init(&c.mutex, NULL);
    pthread_cond_init(&c.cond, NULL);
    ck_assert_int_eq(loop_post(rig->loop, rig_on_call, &c), 0);
    pthread_mutex_lock(&c.mutex);
    while (!c.is_done)
        pthread_cond_wait(&c.cond, &c.mutex);
    pthread_mutex_unlock(&c.mutex);
    pthread_mutex_destroy(&c.mutex);
    pthread_cond_destroy(&c.cond);
}

/* ---- the client ---- */

struct answer {
    int status;
    size_t len; /* of text, so far */
    char text[RIG_ANSWER_BYTES];
    const char *body; /* into text */
    size_t body_len;
};

static inline int cl_open_with(struct rig *rig, int receive_bytes)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)rig->port) };
    struct timeval wait = { RIG_WAIT_MS / 1000, 0 };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    if (receive_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static inline int cl_open(struct rig *rig)
{
    return cl_open_with(rig, 0);
}

static inline void cl_send_bytes(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0)
            return; /* the server closed: what it said is what the test looks at */
        bytes += n;
        len -= (size_t)n;
    }
}

static inline void cl_send(int fd, const char *text)
{
    cl_send_bytes(fd, text, strlen(text));
}

/* false: the end, a reset, or nothing for RIG_WAIT_MS (then errno is EAGAIN). */
static inline bool cl_more(int fd, struct answer *a)
{
    ck_assert_uint_lt(a->len, sizeof(a->text) - 1);
    errno = 0;
    ssize_t n = recv(fd, a->text + a->len, sizeof(a->text) - 1 - a->len, 0);
    if (n <= 0)
        return false;
    a->len += (size_t)n;
    a->text[a->len] = '\0';
    return true;
}

static inline bool cl_is_closed(int fd)
{
    char byte;
    errno = 0;
    ssize_t n = recv(fd, &byte, 1, 0);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static inline void cl_parse_head(struct answer *a)
{
    char *end = strstr(a->text, "\r\n\r\n");
    ck_assert_msg(end != NULL, "no whole head: \"%s\"", a->text);
    ck_assert_int_eq(sscanf(a->text, "HTTP/1.%*d %d", &a->status), 1);
    a->body = end + 4;
    a->body_len = a->len - (size_t)(a->body - a->text);
}

static inline void cl_read_head(int fd, struct answer *a)
{
    a->len = 0;
    a->text[0] = '\0';
    while (strstr(a->text, "\r\n\r\n") == NULL && cl_more(fd, a))
        ;
    cl_parse_head(a);
}

/* One answer with a Content-Length. Bytes of a following one stay in a->text behind the body and
 * are returned as count. */
static inline size_t cl_read(int fd, struct answer *a)
{
    cl_read_head(fd, a);
    const char *length = strcasestr(a->text, "\r\ncontent-length:");
    size_t len = length == NULL || length > a->body ? 0 : strtoul(length + 17, NULL, 10);
    while (a->body_len < len && cl_more(fd, a))
        a->body_len = a->len - (size_t)(a->body - a->text);
    ck_assert_uint_ge(a->body_len, len);
    size_t rest = a->body_len - len;
    a->body_len = len;
    return rest;
}

static inline void cl_read_all(int fd, struct answer *a)
{
    a->len = 0;
    a->text[0] = '\0';
    while (cl_more(fd, a))
        ;
    ck_assert_int_ne(errno, EAGAIN);
    cl_parse_head(a);
}

/* Without regard to case: chunk lengths are written in either. */
static inline void cl_read_until(int fd, struct answer *a, const char *text)
{
    while (strcasestr(a->text, text) == NULL)
        ck_assert_msg(cl_more(fd, a), "\"%s\" did not come after \"%s\"", text, a->text);
}

static inline void cl_ask(struct rig *rig, const char *request, struct answer *a)
{
    int fd = cl_open(rig);
    cl_send(fd, request);
    size_t rest = cl_read(fd, a);
    ck_assert_uint_eq(rest, 0);
    close(fd);
}

static inline bool cl_has(const struct answer *a, const char *header)
{
    char line[512];
    (void)snprintf(line, sizeof(line), "\r\n%s\r\n", header);
    const char *at = strcasestr(a->text, line);
    return at != NULL && at < a->body;
}

/* One request on a connection of its own, read to the end of the connection; a->status is 0 if there was
 * no answer. */
static inline void cl_exchange(struct rig *rig, const char *method, const char *path,
                               const char *body, struct answer *a)
{
    char request[2048];
    int fd = cl_open(rig);
    (void)snprintf(request, sizeof(request),
                   "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   method, path, strlen(body), body);
    a->len = 0;
    a->text[0] = '\0';
    a->status = 0;
    cl_send(fd, request);
    while (cl_more(fd, a))
        ;
    ck_assert_int_ne(errno, EAGAIN);
    if (a->len > 0)
        cl_parse_head(a);
    close(fd);
}

#endif
