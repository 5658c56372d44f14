/*
 * Opens many streams, waits until every one has got a token, then counts tokens and their age for a
 * while, and hangs up.
 *
 *     usage: stream_client PORT PATH BODY STREAMS PER_SECOND WINDOW_MS
 *
 * prints "steady" when the window begins and "window TOKENS P50_US P99_US" at its end, each line
 * flushed, so that whoever started it can read other counters at these moments; and then waits for
 * a line on standard input before it hangs up.
 */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CARRY_BYTES 64 /* a token that is cut by the end of a read is shorter */
#define READ_BYTES  65536
#define AGE_MAX_US  1000000 /* older ones count as this old */

struct client {
    struct event_base *base;
    struct sockaddr_in address;
    char *request;
    size_t request_len;
    long stream_count;
    long opened;
    long begun;
    long per_second;
    struct event *opener;
    struct event *window;
    struct timeval window_time;
    int is_measuring;
    long long tokens;
    unsigned *ages; /* histogram by microsecond */
};

struct stream {
    struct client *client;
    struct event *readable;
    int has_token;
    size_t carry_len;
    char carry[CARRY_BYTES];
};

static long long now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static long long percentile(const struct client *c, double part)
{
    long long wanted = (long long)((double)c->tokens * part);

    for (long long age = 0, seen = 0; age <= AGE_MAX_US; age++) {
        seen += c->ages[age];
        if (seen > wanted)
            return age;
    }
    return AGE_MAX_US;
}

static void begin_window(struct client *c)
{
    c->is_measuring = 1;
    puts("steady");
    fflush(stdout);
    event_add(c->window, &c->window_time);
}

static void end_window(evutil_socket_t fd, short what, void *arg)
{
    struct client *c = arg;
    char line[16];

    (void)fd;
    (void)what;
    printf("window %lld %lld %lld\n", c->tokens, percentile(c, 0.5), percentile(c, 0.99));
    fflush(stdout);
    (void)!read(STDIN_FILENO, line, sizeof(line)); /* end of file is an answer too */
    exit(0);
}

static void count_token(struct stream *s, long long sent_us, long long now)
{
    struct client *c = s->client;

    if (!s->has_token) {
        s->has_token = 1;
        if (++c->begun == c->stream_count)
            begin_window(c);
    }
    if (!c->is_measuring)
        return;
    long long age = now - sent_us;
    c->ages[age < 0 ? 0 : age > AGE_MAX_US ? AGE_MAX_US : age]++;
    c->tokens++;
}

/* Counts the tokens `"content":"t123 ` in text; returns where the rest begins that may be the front
 * of another. */
static const char *scan(struct stream *s, const char *text, const char *end)
{
    static const char mark[] = "\"content\":\"t";
    long long now = now_us();
    const char *hit;

    while ((hit = memmem(text, (size_t)(end - text), mark, sizeof(mark) - 1)) != NULL) {
        const char *number = hit + sizeof(mark) - 1;
        if (memchr(number, ' ', (size_t)(end - number)) == NULL)
            return hit;
        count_token(s, strtoll(number, NULL, 10), now);
        text = number;
    }
    return end - text < CARRY_BYTES ? text : end - CARRY_BYTES + 1;
}

static void take_bytes(evutil_socket_t fd, short what, void *arg)
{
    static char text[CARRY_BYTES + READ_BYTES];
    struct stream *s = arg;

    (void)what;
    memcpy(text, s->carry, s->carry_len);
    ssize_t n = recv(fd, text + s->carry_len, READ_BYTES, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fail("a stream ended");
    const char *end = text + s->carry_len + n;
    const char *rest = scan(s, text, end);
    s->carry_len = (size_t)(end - rest);
    memcpy(s->carry, rest, s->carry_len);
}

static void open_stream(struct client *c)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stream *s = calloc(1, sizeof(*s));

    if (fd < 0 || s == NULL ||
        connect(fd, (struct sockaddr *)&c->address, sizeof(c->address)) != 0 ||
        send(fd, c->request, c->request_len, MSG_NOSIGNAL) != (ssize_t)c->request_len)
        fail("connect");
    evutil_make_socket_nonblocking(fd);
    s->client = c;
    s->readable = event_new(c->base, fd, EV_READ | EV_PERSIST, take_bytes, s);
    event_add(s->readable, NULL);
    c->opened++;
}

static void open_some(evutil_socket_t fd, short what, void *arg)
{
    const struct timeval turn = { .tv_usec = 10000 };
    struct client *c = arg;

    (void)fd;
    (void)what;
    for (long i = 0; i < c->per_second / 100 && c->opened < c->stream_count; i++)
        open_stream(c);
    if (c->opened < c->stream_count)
        event_add(c->opener, &turn);
}

static char *request_text(const char *port, const char *path, const char *body, size_t *ret_len)
{
    size_t size = strlen(path) + strlen(body) + 200;
    char *text = malloc(size);

    if (text == NULL)
        fail("malloc");
    *ret_len = (size_t)snprintf(
        text, size,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        path, port, strlen(body), body);
    return text;
}

int main(int argc, char **argv)
{
    struct client c = { .base = event_base_new() };
    struct rlimit files;

    if (argc != 7) {
        fputs("usage: stream_client PORT PATH BODY STREAMS PER_SECOND WINDOW_MS\n", stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    c.address.sin_family = AF_INET;
    c.address.sin_port = htons((unsigned short)strtol(argv[1], NULL, 10));
    c.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c.request = request_text(argv[1], argv[2], argv[3], &c.request_len);
    c.stream_count = strtol(argv[4], NULL, 10);
    c.per_second = strtol(argv[5], NULL, 10);
    long window_ms = strtol(argv[6], NULL, 10);
    c.window_time =
        (struct timeval){ .tv_sec = window_ms / 1000, .tv_usec = window_ms % 1000 * 1000 };
    c.ages = calloc(AGE_MAX_US + 1, sizeof(*c.ages));
    c.opener = evtimer_new(c.base, open_some, &c);
    c.window = evtimer_new(c.base, end_window, &c);
    if (c.ages == NULL || c.opener == NULL || c.window == NULL)
        fail("memory");
    open_some(-1, 0, &c);
    return event_base_dispatch(c.base);
}
