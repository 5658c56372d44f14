/*
 * A model server that costs little: answers every POST with an endless stream of chat completion
 * chunks, one token each interval_ms, until its client leaves. A token is the moment it was sent
 * ("t" and microseconds), so that the last reader can tell how long it took. GET answers with the
 * number of open streams.
 *
 *     usage: token_source INTERVAL_MS      prints the port it listens on
 */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX_BYTES 16384

struct source {
    struct event_base *base;
    struct timeval interval;
    long open_count;
};

struct stream {
    struct source *source;
    evutil_socket_t fd;
    struct event *readable;
    struct event *timer; /* NULL: the request is not complete yet */
    size_t len;
    char request[REQUEST_MAX_BYTES + 1];
};

static long long now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void stream_free(struct stream *s)
{
    if (s->timer != NULL) {
        s->source->open_count--;
        event_free(s->timer);
    }
    event_free(s->readable);
    evutil_closesocket(s->fd);
    free(s);
}

static void stream_send(const struct stream *s, const char *bytes, int len)
{
    /* A full socket loses the token: the reader is too slow to be measured anyway. */
    if (send(s->fd, bytes, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
        shutdown(s->fd, SHUT_RDWR);
}

static void send_token(evutil_socket_t fd, short what, void *arg)
{
    const struct stream *s = arg;
    char data[256];
    char chunk[300];

    (void)fd;
    (void)what;
    int len = snprintf(
        data, sizeof(data),
        "data: "
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","
        "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"t%lld "
        "\"},\"finish_reason\":null}]}\n\n",
        now_us());
    len = snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n", (unsigned)len, data);
    stream_send(s, chunk, len);
    event_add(s->timer, &s->source->interval);
}

static void begin_stream(struct stream *s)
{
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

    s->source->open_count++;
    s->timer = evtimer_new(s->source->base, send_token, s);
    stream_send(s, head, sizeof(head) - 1);
    event_add(s->timer, &s->source->interval);
}

static void answer_count(struct stream *s)
{
    char text[128];
    char count[24];
    int len = snprintf(count, sizeof(count), "%ld", s->source->open_count);

    len =
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len, count);
    stream_send(s, text, len);
    s->len = 0;
}

/* A request is complete with the body that its head announces. */
static int is_complete(const struct stream *s)
{
    const char *end = strstr(s->request, "\r\n\r\n");
    const char *length = strcasestr(s->request, "\r\nContent-Length:");

    if (end == NULL)
        return 0;
    size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return s->len >= (size_t)(end - s->request) + 4 + body;
}

static void take_bytes(evutil_socket_t fd, short what, void *arg)
{
    struct stream *s = arg;
    ssize_t n = recv(fd, s->request + s->len, REQUEST_MAX_BYTES - s->len, 0);

    (void)what;
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            stream_free(s);
        return;
    }
    s->len += (size_t)n;
    s->request[s->len] = '\0';
    if (s->timer != NULL || !is_complete(s))
        return;
    if (s->request[0] == 'G')
        answer_count(s);
    else
        begin_stream(s);
}

static void take_connection(evutil_socket_t listener, short what, void *arg)
{
    int fd;
    int on = 1;

    (void)what;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct stream *s = calloc(1, sizeof(*s));
        if (s == NULL)
            abort();
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        s->source = arg;
        s->fd = fd;
        s->readable = event_new(s->source->base, fd, EV_READ | EV_PERSIST, take_bytes, s);
        event_add(s->readable, NULL);
    }
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("token_source");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct source source = { .interval = { 0 } };
    struct event_config *config = event_config_new();
    struct rlimit files;
    long interval_ms = argc > 1 ? strtol(argv[1], NULL, 10) : 100;

    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    source.base = event_base_new_with_config(config);
    source.interval.tv_sec = interval_ms / 1000;
    source.interval.tv_usec = interval_ms % 1000 * 1000;
    event_add(
        event_new(source.base, listen_anywhere(), EV_READ | EV_PERSIST, take_connection, &source),
        NULL);
    return event_base_dispatch(source.base);
}
