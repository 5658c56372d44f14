#ifndef TESTS_UNIT_TINY_SERVER_H
#define TESTS_UNIT_TINY_SERVER_H
/*
 * A scripted HTTP server in a thread of the test: for each connection it calls serve(), which reads
 * a request, writes raw bytes and waits at a gate that the test opens. Nothing sleeps. On
 * top of it node_server.h gives scripted replies.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TINY_REQUEST_BYTES = 65536, TINY_PATIENCE_S = 20 };

struct tiny_server {
    int listener;
    int port;
    int gate[2];
    int count;    /* connections served so far */
    bool saw_eof; /* by tiny_wait_for_eof() */
    void (*serve)(struct tiny_server *s, int fd);
    const void *arg; /* for serve() */
    pthread_t thread;
    char request[TINY_REQUEST_BYTES]; /* the last one, NUL-terminated */
    const char *body;                 /* of it */
};

static inline void tiny_put(int fd, const char *text)
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

static inline void tiny_wait_at_gate(struct tiny_server *s)
{
    char byte;
    if (read(s->gate[0], &byte, 1) != 1)
        abort();
}

static inline void tiny_open_gate(struct tiny_server *s)
{
    if (write(s->gate[1], "x", 1) != 1)
        abort();
}

static inline void tiny_wait_for_eof(struct tiny_server *s, int fd)
{
    char bytes[1024];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        ;
    s->saw_eof = n == 0 || errno == ECONNRESET;
}

/* One whole request into s->request. */
static inline bool tiny_take_request(struct tiny_server *s, int fd)
{
    size_t len = 0;
    size_t wanted = 0;
    s->body = NULL;
    while (s->body == NULL || strlen(s->body) < wanted) {
        ssize_t n = recv(fd, s->request + len, sizeof(s->request) - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        s->request[len] = '\0';
        const char *head_end = strstr(s->request, "\r\n\r\n");
        s->body = head_end == NULL ? NULL : head_end + 4;
        const char *length = strcasestr(s->request, "\ncontent-length:");
        wanted = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
    }
    return true;
}

/* Until the listener is shut down. */
static inline void *tiny_main(void *arg)
{
    struct tiny_server *s = arg;
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        struct timeval patience = { TINY_PATIENCE_S, 0 };
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        s->count++;
        s->serve(s, fd);
        close(fd);
    }
}

static inline void tiny_start(struct tiny_server *s, void (*serve)(struct tiny_server *s, int fd),
                              const void *arg)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t at_len = sizeof(at);
    memset(s, 0, sizeof(*s));
    s->serve = serve;
    s->arg = arg;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (void *)&at, sizeof(at)) != 0 ||
        listen(s->listener, 16) != 0 || getsockname(s->listener, (void *)&at, &at_len) != 0 ||
        pipe(s->gate) != 0 || pthread_create(&s->thread, NULL, tiny_main, s) != 0)
        abort();
    s->port = ntohs(at.sin_port);
}

/* Waits for the connection that is being served; afterwards what the thread wrote may be read. May
 * be called again. */
static inline void tiny_stop(struct tiny_server *s)
{
    if (s->listener < 0)
        return;
    (void)shutdown(s->listener, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    close(s->listener);
    s->listener = -1;
    close(s->gate[0]);
    close(s->gate[1]);
}

#endif
