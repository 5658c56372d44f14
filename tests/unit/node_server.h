#ifndef ANABRANCH_TESTS_UNIT_NODE_SERVER_H
#define ANABRANCH_TESTS_UNIT_NODE_SERVER_H
/*
 * A scripted HTTP server in a thread of its own: the n-th connection gets the n-th reply, and its
 * request is kept.
 */
#include <arpa/inet.h>
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NODE_SERVER_REPLIES = 8, NODE_SERVER_REQUEST_BYTES = 16384 };

struct node_reply {
    const char *bytes;
    bool is_held; /* after the bytes the connection stays open until the client closes it */
};

struct node_server {
    int listener;
    int port;
    pthread_t thread;
    struct node_reply replies[NODE_SERVER_REPLIES];
    int reply_count;
    char requests[NODE_SERVER_REPLIES][NODE_SERVER_REQUEST_BYTES];
    atomic_int request_count; /* whole requests read */
    atomic_int closed_count;  /* held connections that the client closed */
};

/* Reads one request with its body. */
static inline void node_server_read(int fd, char *request)
{
    size_t len = 0;
    const char *body = NULL;
    size_t body_len = 0;
    while (body == NULL || len < (size_t)(body - request) + body_len) {
        ssize_t n = recv(fd, request + len, NODE_SERVER_REQUEST_BYTES - 1 - len, 0);
        if (n <= 0)
            return;
        len += (size_t)n;
        request[len] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        body = end == NULL ? NULL : end + 4;
        const char *length = strcasestr(request, "\r\ncontent-length:");
        body_len = length == NULL ? 0 : strtoul(length + 17, NULL, 10);
    }
}

static inline void node_server_serve(struct node_server *s, int index, int fd)
{
    char byte;
    const struct node_reply *reply = &s->replies[index];
    node_server_read(fd, s->requests[index]);
    atomic_fetch_add(&s->request_count, 1);
    size_t len = reply->bytes == NULL ? 0 : strlen(reply->bytes);
    if (len > 0)
        (void)!send(fd, reply->bytes, len, MSG_NOSIGNAL); /* the client may be gone */
    if (!reply->is_held)
        return;
    while (recv(fd, &byte, 1, 0) > 0)
        ;
    atomic_fetch_add(&s->closed_count, 1);
}

static inline void *node_server_main(void *arg)
{
    struct node_server *s = arg;
    for (int i = 0; i < s->reply_count; i++) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            break;
        node_server_serve(s, i, fd);
        close(fd);
    }
    return NULL;
}

static inline void node_server_start(struct node_server *s, const struct node_reply *replies,
                                     int count)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(struct sockaddr_in);
    memset(s, 0, sizeof *s);
    memcpy(s->replies, replies, (size_t)count * sizeof *replies);
    s->reply_count = count;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(s->listener, (const void *)&at, len), 0);
    ck_assert_int_eq(listen(s->listener, 16), 0);
    ck_assert_int_eq(getsockname(s->listener, (void *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    ck_assert_int_eq(pthread_create(&s->thread, NULL, node_server_main, s), 0);
}

static inline void node_server_stop(struct node_server *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}

/* For fake_until(): whether the server has read a whole request. */
static inline bool node_server_was_asked(void *server)
{
    struct node_server *s = server;
    return atomic_load(&s->request_count) > 0;
}

#endif
