/* Streams over real sockets: pieces leave one by one, silence is filled, clients may leave or stop
 * reading at any moment. */
#include "http/chunk.h"
#include "http/sse.h"
#include "http_rig.h"

enum { STREAMS_MAX = 256 };

/* A source that says what the test has put into it. */
struct source {
    struct sse *sse;
    const char *pieces[8];
    size_t lens[8];
    size_t piece_count;
    size_t given;
    bool is_over;
    size_t many;      /* numbered pieces, after those above */
    size_t many_from; /* the next number */
    char numbered[16];
    int wake_at, abort_at; /* the call of next() that does it to its own stream */
    int asked;
    int closed_count;
    bool by_client;
};

static struct rig rig;
static struct source sources[STREAMS_MAX];
static size_t source_count;
static struct req *held;
static int64_t heartbeat_ms;
static bool is_inside; /* sse_open() or sse_wake() */

static enum sse_next next(void *arg, const char **ret, size_t *ret_len)
{
    struct source *s = arg;
    ck_assert(!is_inside);
    ck_assert_int_eq(s->closed_count, 0);
    s->asked++;
    if (s->asked == s->wake_at)
        sse_wake(s->sse);
    if (s->asked == s->abort_at)
        sse_abort(s->sse);
    if (s->given < s->piece_count) {
        *ret = s->pieces[s->given];
        *ret_len = s->lens[s->given++];
        return SSE_DATA;
    }
    if (s->many_from < s->many) {
        *ret = s->numbered;
        *ret_len = (size_t)snprintf(s->numbered, sizeof(s->numbered), "<%zu>", s->many_from++);
        return SSE_DATA;
    }
    return s->is_over ? SSE_END : SSE_WAIT;
}

static void closed(void *arg, bool by_client)
{
    struct source *s = arg;
    ck_assert(!is_inside);
    s->closed_count++;
    s->by_client = by_client;
    s->sse = NULL;
}

static void open_stream(struct req *req)
{
    struct source *s = &sources[source_count++];
    struct sse_options options = { .content_type = "text/event-stream",
                                   .heartbeat = ": heartbeat\n",
                                   .heartbeat_ms = heartbeat_ms,
                                   .next = next,
                                   .closed = closed,
                                   .arg = s };
    reply_header(req, "Content-Location", "/runs/1");
    is_inside = true;
    ck_assert_int_eq(sse_open(req, &options, &s->sse), 0);
    is_inside = false;
}

static void hold(struct req *req)
{
    held = req;
}

static void handle_ok(struct req *req)
{
    reply_text(req, 200, "ok");
}

static const struct http_route routes[] = {
    { "GET", "/stream", open_stream, 0, NULL },
    { "POST", "/held", hold, 0, NULL },
    { "GET", "/ok", handle_ok, ROUTE_OPEN, NULL },
};

static void begin(void)
{
    rig_init(&rig);
    memset(sources, 0, sizeof(sources));
    source_count = 0;
    heartbeat_ms = 0;
    held = NULL;
}

static void serve(void)
{
    rig_serve(&rig, routes, sizeof(routes) / sizeof(*routes));
}

static void say(size_t index, const char *bytes, size_t len)
{
    struct source *s = &sources[index];
    s->pieces[s->piece_count] = bytes;
    s->lens[s->piece_count++] = len;
    is_inside = true;
    if (s->sse != NULL)
        sse_wake(s->sse);
    is_inside = false;
}

static void say_one(struct rig *r)
{
    (void)r;
    say(0, "data: one\n\n", 11);
}

static void say_two(struct rig *r)
{
    (void)r;
    say(0, "data: 2\n\n", 9);
}

static size_t say_on;
static void say_it(struct rig *r)
{
    (void)r;
    say(say_on, "data: one\n\n", 11);
}

static void say_end(struct rig *r)
{
    (void)r;
    sources[0].is_over = true;
    if (sources[0].sse != NULL)
        sse_wake(sources[0].sse);
}

static void wake_idly(struct rig *r)
{
    (void)r;
    sse_wake(sources[0].sse);
    sse_wake(sources[0].sse);
}

static size_t count_open, count_held, count_closed;
static int count_asked;
static void look(struct rig *r)
{
    count_open = (size_t)http_server_open(r->server);
    count_held = held != NULL;
    count_asked = sources[0].asked;
    count_closed = 0;
    for (size_t i = 0; i < source_count; i++)
        count_closed += (size_t)sources[i].closed_count;
}

static void wait_for(struct rig *r, const size_t *what, size_t value)
{
    do
        rig_on_loop(r, look);
    while (*what != value);
}

static int open_client(struct rig *r, struct answer *a)
{
    int fd = cl_open(r);
    cl_send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cl_read_head(fd, a);
    ck_assert_int_eq(a->status, 200);
    return fd;
}

static void gate(struct rig *r)
{
    static struct answer a;
    int fd = open_client(r, &a); /* the head comes before any piece */
    ck_assert(cl_has(&a, "Content-Type: text/event-stream"));
    ck_assert(cl_has(&a, "Cache-Control: no-cache"));
    ck_assert(cl_has(&a, "X-Accel-Buffering: no"));
    ck_assert(cl_has(&a, "Content-Location: /runs/1"));
    ck_assert(cl_has(&a, "Transfer-Encoding: chunked"));
    rig_on_loop(r, say_one);
    cl_read_until(fd, &a, "b\r\ndata: one\n\n\r\n");
    rig_on_loop(r, wake_idly);
    rig_on_loop(r, say_two);
    cl_read_until(fd, &a, "9\r\ndata: 2\n\n\r\n");
    rig_on_loop(r, say_end);
    cl_read_until(fd, &a, "\r\n0\r\n\r\n");
    ck_assert_int_eq(strcasecmp(a.body, "b\r\ndata: one\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"), 0);
    cl_send(fd, "GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cl_read(fd, &a);
    ck_assert_int_eq(a.status, 200);
    close(fd);
}

START_TEST(a_piece_arrives_before_the_next_is_made)
{
    begin();
    serve();
    rig_run(&rig, gate);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static void two_at_once(struct rig *r)
{
    static struct answer a;
    int fd = open_client(r, &a);
    cl_read_until(fd, &a, "\r\n0\r\n\r\n");
    ck_assert_str_eq(a.body, "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n");
    close(fd);
}

START_TEST(pieces_that_are_there_leave_as_chunks_of_their_own)
{
    begin();
    serve();
    say(0, "a", 1);
    say(0, "", 0);
    say(0, "bc", 2);
    sources[0].is_over = true;
    rig_run(&rig, two_at_once);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static void silence(struct rig *r)
{
    static struct answer a;
    int fd = open_client(r, &a);
    cl_read_until(fd, &a, "c\r\n: heartbeat\n\r\nc\r\n: heartbeat\n\r\n");
    rig_on_loop(r, say_one);
    cl_read_until(fd, &a, "b\r\ndata: one\n\n\r\n");
    cl_read_until(fd, &a, "one\n\n\r\nc\r\n: heartbeat\n\r\n");
    rig_on_loop(r, say_end);
    cl_read_until(fd, &a, "\r\n0\r\n\r\n");
    close(fd);
}

START_TEST(silence_is_filled_with_heartbeats)
{
    begin();
    heartbeat_ms = 20;
    serve();
    rig_run(&rig, silence);
    ck_assert_int_eq(sources[0].closed_count, 1);
    rig_deinit(&rig);
}
END_TEST

static void leave_in_silence(struct rig *r)
{
    static struct answer a;
    int fd = open_client(r, &a);
    close(fd);
    wait_for(r, &count_closed, 1);
    wait_for(r, &count_open, 0);
    fd = open_client(r, &a);
    shutdown(fd, SHUT_WR);
    wait_for(r, &count_closed, 2);
    ck_assert(cl_is_closed(fd));
    close(fd);
    fd = cl_open(r);
    cl_send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    close(fd); /* before the stream is open */
    wait_for(r, &count_closed, 3);
}

START_TEST(a_client_that_leaves_in_silence_is_noticed)
{
    begin();
    serve();
    rig_run(&rig, leave_in_silence);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sources[i].closed_count, 1);
        ck_assert(sources[i].by_client);
    }
    rig_deinit(&rig);
}
END_TEST

enum { BIG_BYTES = 8 << 20 };
static char *big;

static void say_big(struct rig *r)
{
    (void)r;
    say(0, big, BIG_BYTES);
}

/* Undoes the chunks: how many bytes of the piece came, and were they right? */
static size_t read_chunks(int fd)
{
    FILE *in = fdopen(dup(fd), "r");
    size_t total = 0;
    unsigned len;
    while (fscanf(in, "%x", &len) == 1 && len > 0) {
        ck_assert_int_eq(fgetc(in), '\r');
        ck_assert_int_eq(fgetc(in), '\n');
        bool is_same = true;
        for (unsigned i = 0; i < len; i++)
            is_same &= fgetc(in) == big[total++];
        ck_assert(is_same);
        ck_assert_int_eq(fgetc(in), '\r');
        ck_assert_int_eq(fgetc(in), '\n');
    }
    fclose(in);
    return total;
}

static int open_slow_client(struct rig *r)
{
    static struct answer a;
    int fd = cl_open_with(r, 4096);
    cl_send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cl_read_head(fd, &a);
    return fd;
}

static void read_slowly(struct rig *r)
{
    int fd = open_slow_client(r);
    rig_on_loop(r, say_big);
    rig_on_loop(r, say_end);
    ck_assert_uint_eq(read_chunks(fd), BIG_BYTES);
    close(fd);
}

START_TEST(a_piece_larger_than_the_socket_arrives_whole)
{
    begin();
    serve();
    big = malloc(BIG_BYTES);
    for (size_t i = 0; i < BIG_BYTES; i++)
        big[i] = (char)('a' + i % 23);
    rig_run(&rig, read_slowly);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
    free(big);
}
END_TEST

static void take_nothing(struct rig *r)
{
    int fd = open_slow_client(r);
    rig_on_loop(r, say_big);
    wait_for(r, &count_closed, 1);
    close(fd);
}

START_TEST(a_reader_that_takes_nothing_is_dropped)
{
    begin();
    rig.conf.write_timeout_ms = 50;
    serve();
    big = calloc(1, BIG_BYTES);
    rig_run(&rig, take_nothing);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(sources[0].by_client);
    rig_deinit(&rig);
    free(big);
}
END_TEST

static void old_client(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "GET /stream HTTP/1.0\r\n\r\n");
    cl_read_head(fd, &a);
    ck_assert_ptr_null(strcasestr(a.text, "chunked"));
    rig_on_loop(r, say_one);
    cl_read_until(fd, &a, "data: one\n\n");
    rig_on_loop(r, say_end);
    while (cl_more(fd, &a))
        ;
    ck_assert_int_eq(errno, 0);
    ck_assert_str_eq(a.body, "data: one\n\n");
    close(fd);
}

START_TEST(an_http_1_0_client_gets_the_plain_bytes)
{
    begin();
    serve();
    rig_run(&rig, old_client);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static void head_only(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cl_read_head(fd, &a);
    ck_assert_int_eq(a.status, 200);
    wait_for(r, &count_closed, 1);
    close(fd);
}

START_TEST(head_opens_and_closes_a_stream_without_a_piece)
{
    begin();
    serve();
    rig_run(&rig, head_only);
    ck_assert_int_eq(sources[0].asked, 0);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static void cut(struct rig *r)
{
    (void)r;
    sse_abort(sources[source_count - 1].sse);
}

static void be_cut(struct rig *r)
{
    static struct answer a;
    int fd = open_client(r, &a);
    rig_on_loop(r, say_one);
    cl_read_until(fd, &a, "one\n\n\r\n");
    rig_on_loop(r, cut);
    ck_assert(cl_is_closed(fd)); /* without a last chunk */
    close(fd);
}

START_TEST(a_stream_can_be_cut_off)
{
    begin();
    serve();
    rig_run(&rig, be_cut);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static void cut_stalled(struct rig *r)
{
    int fd = open_slow_client(r);
    rig_on_loop(r, say_big);
    rig_on_loop(r, cut);
    wait_for(r, &count_closed, 1);
    close(fd);
}

START_TEST(a_stream_can_be_cut_off_while_its_client_does_not_read)
{
    begin();
    serve();
    big = calloc(1, BIG_BYTES);
    rig_run(&rig, cut_stalled);
    ck_assert_int_eq(sources[0].closed_count, 1);
    rig_deinit(&rig);
    free(big);
}
END_TEST

static void open_held(struct rig *r)
{
    (void)r;
    open_stream(held);
    held = NULL;
}

static void open_later(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "POST /held HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    wait_for(r, &count_held, 1);
    rig_on_loop(r, open_held);
    rig_on_loop(r, say_one);
    rig_on_loop(r, say_end);
    cl_read_head(fd, &a);
    cl_read_until(fd, &a, "b\r\ndata: one\n\n\r\n0\r\n\r\n");
    close(fd);
}

START_TEST(a_stream_may_be_opened_after_the_handler)
{
    begin();
    serve();
    rig_run(&rig, open_later);
    ck_assert_int_eq(sources[0].closed_count, 1);
    rig_deinit(&rig);
}
END_TEST

static void open_and_wake_held(struct rig *r)
{
    open_held(r);
    wake_idly(r);
}

static void open_too_late(struct rig *r)
{
    int fd = cl_open(r);
    cl_send(fd, "POST /held HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    wait_for(r, &count_held, 1);
    close(fd);
    wait_for(r, &count_open, 0);
    rig_on_loop(r, open_and_wake_held);
    wait_for(r, &count_closed, 1);
}

START_TEST(a_stream_for_a_client_that_left_is_closed_at_once)
{
    begin();
    serve();
    rig_run(&rig, open_too_late);
    ck_assert_int_eq(sources[0].asked, 0);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static int fds[STREAMS_MAX];

static void open_some(struct rig *r)
{
    static struct answer a;
    for (int i = 0; i < 5; i++)
        fds[i] = open_client(r, &a);
    fds[5] = open_slow_client(r);
    rig_on_loop(r, say_big);
    fds[6] = cl_open(r);
    cl_send(fds[6], "GET /stream HTTP/1.1\r\nHost: localhost\r\n");
    fds[7] = cl_open(r);
    cl_send(fds[7], "POST /held HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    wait_for(r, &count_held, 1);
}

START_TEST(freeing_the_server_closes_its_streams)
{
    begin();
    serve();
    big = calloc(1, BIG_BYTES);
    rig_run(&rig, open_some);
    rig_deinit(&rig);
    for (size_t i = 0; i < source_count; i++) {
        ck_assert_int_eq(sources[i].closed_count, 1);
        ck_assert(sources[i].by_client);
    }
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    free(big);
}
END_TEST

enum { MANY = 200 };

static void say_to_all(struct rig *r)
{
    (void)r;
    for (size_t i = 0; i < source_count; i++)
        say(i, "data: one\n\n", 11);
}

static void end_all(struct rig *r)
{
    (void)r;
    for (size_t i = 0; i < source_count; i++) {
        sources[i].is_over = true;
        sse_wake(sources[i].sse);
    }
}

static void many(struct rig *r)
{
    static struct answer a;
    for (int i = 0; i < MANY; i++)
        fds[i] = open_client(r, &a);
    for (int round = 0; round < 3; round++) {
        rig_on_loop(r, say_to_all);
        for (int i = 0; i < MANY; i++) {
            a.len = 0;
            a.text[0] = '\0';
            cl_read_until(fds[i], &a, "b\r\ndata: one\n\n\r\n");
        }
    }
    rig_on_loop(r, end_all);
    for (int i = 0; i < MANY; i++) {
        a.len = 0;
        a.text[0] = '\0';
        cl_read_until(fds[i], &a, "0\r\n\r\n");
        close(fds[i]);
    }
    wait_for(r, &count_closed, MANY);
}

START_TEST(two_hundred_streams_run_side_by_side)
{
    begin();
    serve();
    rig_run(&rig, many);
    for (size_t i = 0; i < MANY; i++)
        ck_assert(!sources[i].by_client);
    rig_deinit(&rig);
}
END_TEST

static void idle_turns(struct rig *r)
{
    static struct answer a;
    int fd = open_client(r, &a);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    rig_on_loop(r, wake_idly);
    ck_assert_int_eq(poll(&p, 1, 100), 0);
    rig_on_loop(r, look);
    ck_assert_int_le(count_asked, 3); /* first, and for the wakes: silence asks nobody */
    close(fd);
    wait_for(r, &count_closed, 1);
}

START_TEST(a_silent_source_is_not_asked_again_until_it_wakes)
{
    begin();
    serve();
    rig_run(&rig, idle_turns);
    rig_deinit(&rig);
}
END_TEST

/* ---- directly: after the first silence ---- */

enum { SOON_MS = 50, NUMBERED = 400000 };

static void say_many(struct rig *r)
{
    (void)r;
    sources[0].many += NUMBERED;
    sse_wake(sources[0].sse);
}

static void say_last_big(struct rig *r)
{
    say_big(r);
    say_end(r);
}

static void big_make(void)
{
    big = malloc(BIG_BYTES);
    for (size_t i = 0; i < BIG_BYTES; i++)
        big[i] = (char)('a' + i % 23);
}

static void ask_again(int fd)
{
    static struct answer a;
    cl_send(fd, "GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cl_read(fd, &a);
    ck_assert_int_eq(a.status, 200);
}

/* All payload of the body; *ret_chunks: in how many chunks. Nothing behind the last one is read. */
static char *read_body(int fd, size_t *ret_len, size_t *ret_chunks)
{
    FILE *in = fdopen(dup(fd), "r");
    char *body = NULL;
    size_t len = 1;
    *ret_len = *ret_chunks = 0;
    while (fscanf(in, "%zx", &len) == 1 && fgetc(in) == '\r' && fgetc(in) == '\n' && len > 0) {
        body = realloc(body, *ret_len + len);
        ck_assert_uint_eq(fread(body + *ret_len, 1, len, in), len);
        *ret_len += len;
        ++*ret_chunks;
        ck_assert_int_eq(fgetc(in), '\r');
        ck_assert_int_eq(fgetc(in), '\n');
    }
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(fgetc(in), '\r');
    ck_assert_int_eq(fgetc(in), '\n');
    fclose(in);
    return body;
}

static void check_numbers(const char *body, size_t len, size_t count)
{
    const char *at = body;
    for (size_t i = 0; i < count; i++) {
        char want[24];
        int n = snprintf(want, sizeof(want), "<%zu>", i);
        ck_assert_uint_le((size_t)(at - body) + (size_t)n, len);
        ck_assert_int_eq(memcmp(at, want, (size_t)n), 0);
        at += n;
    }
    ck_assert_uint_eq((size_t)(at - body), len);
}

/* As open_slow_client(), but leaves what follows the head to the caller. */
static int open_slow_client_exactly(struct rig *r)
{
    static const char end[] = "\r\n\r\n";
    int fd = cl_open_with(r, 4096);
    cl_send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    char byte;
    for (size_t at = 0; at < 4; at = byte == end[at] ? at + 1 : byte == '\r')
        ck_assert_int_eq(recv(fd, &byte, 1, 0), 1);
    return fd;
}

static void read_backlog(struct rig *r)
{
    size_t len, chunks;
    int fd = open_slow_client(r);
    rig_on_loop(r, wake_idly);
    rig_on_loop(r, say_many);
    rig_on_loop(r, say_end);
    poll(NULL, 0, SOON_MS); /* its socket fills up */
    char *body = read_body(fd, &len, &chunks);
    check_numbers(body, len, NUMBERED);
    ck_assert_uint_lt(chunks, NUMBERED / 8);
    free(body);
    ask_again(fd);
    close(fd);
}

START_TEST(a_backlog_reaches_a_slow_client_whole_and_in_few_chunks)
{
    begin();
    serve();
    rig_run(&rig, read_backlog);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static void read_after_start(struct rig *r)
{
    size_t len, chunks;
    int fd = open_slow_client_exactly(r);
    poll(NULL, 0, SOON_MS); /* what is there at once fills its socket: libmicrohttpd writes on */
    rig_on_loop(r, say_one);
    rig_on_loop(r, wake_idly);
    rig_on_loop(r, say_last_big);
    char *body = read_body(fd, &len, &chunks);
    ck_assert_uint_eq(len, 2 * (size_t)BIG_BYTES + 11);
    ck_assert_int_eq(memcmp(body, big, BIG_BYTES), 0);
    ck_assert_int_eq(memcmp(body + BIG_BYTES, "data: one\n\n", 11), 0);
    ck_assert_int_eq(memcmp(body + BIG_BYTES + 11, big, BIG_BYTES), 0);
    free(body);
    ask_again(fd);
    close(fd);
}

START_TEST(what_libmicrohttpd_still_holds_comes_before_what_is_written_directly)
{
    begin();
    serve();
    big_make();
    say(0, big, BIG_BYTES);
    rig_run(&rig, read_after_start);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
    free(big);
}
END_TEST

static void beat_after_stall(struct rig *r)
{
    static struct answer a;
    int fd = open_slow_client(r);
    rig_on_loop(r, say_big);
    poll(NULL, 0, SOON_MS);
    FILE *in = fdopen(dup(fd), "r");
    size_t total = 0, len = 0;
    while (total < BIG_BYTES && fscanf(in, "%zx\r\n", &len) == 1)
        for (total += len; len > 0; len--)
            ck_assert_int_ne(fgetc(in), EOF);
    for (int beats = 0; beats < 3; beats++) {
        char line[16];
        ck_assert_int_eq(fscanf(in, "%zx\r\n", &len), 1);
        ck_assert_ptr_nonnull(fgets(line, sizeof(line), in));
        ck_assert_str_eq(line, ": heartbeat\n");
    }
    fclose(in);
    rig_on_loop(r, say_end);
    a.len = 0;
    a.text[0] = '\0';
    cl_read_until(fd, &a, "0\r\n\r\n");
    close(fd);
}

START_TEST(heartbeats_go_on_after_a_stall_and_never_into_a_chunk)
{
    begin();
    heartbeat_ms = 20;
    serve();
    big_make();
    rig_run(&rig, beat_after_stall);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
    free(big);
}
END_TEST

/* With a reset: the next write fails. */
static void leave_between(struct rig *r)
{
    static struct answer a;
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    for (int i = 0; i < 2; i++) {
        int fd = open_client(r, &a);
        say_on = (size_t)i;
        rig_on_loop(r, say_it);
        cl_read_until(fd, &a, "b\r\ndata: one\n\n\r\n");
        if (i == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        close(fd);
        rig_on_loop(r, say_it);
        wait_for(r, &count_closed, (size_t)i + 1);
    }
}

START_TEST(a_client_that_leaves_between_two_pieces_is_noticed_once)
{
    begin();
    serve();
    rig_run(&rig, leave_between);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(sources[i].closed_count, 1);
        ck_assert(sources[i].by_client);
    }
    rig_deinit(&rig);
}
END_TEST

static void leave_stalled(struct rig *r)
{
    int fd = open_slow_client(r);
    rig_on_loop(r, say_big);
    poll(NULL, 0, SOON_MS);
    close(fd);
    wait_for(r, &count_closed, 1);
}

START_TEST(a_client_that_leaves_in_the_middle_of_a_piece_is_noticed_once)
{
    begin();
    serve();
    big_make();
    rig_run(&rig, leave_stalled);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(sources[0].by_client);
    rig_deinit(&rig);
    free(big);
}
END_TEST

static void read_to_close(struct rig *r)
{
    static struct answer a;
    int fd = cl_open(r);
    cl_send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    cl_read_head(fd, &a);
    rig_on_loop(r, say_one);
    cl_read_until(fd, &a, "data: one\n\n");
    rig_on_loop(r, say_end);
    while (cl_more(fd, &a))
        ;
    bool is_chunked = strcasestr(a.text, "transfer-encoding: chunked") != NULL;
    ck_assert_str_eq(a.body, is_chunked ? "b\r\ndata: one\n\n\r\n0\r\n\r\n" : "data: one\n\n");
    close(fd);
}

START_TEST(a_client_that_wants_no_other_reply_gets_the_framing_of_the_head)
{
    begin();
    serve();
    rig_run(&rig, read_to_close);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static int leaving_fd;

static void reset_and_say(struct rig *r)
{
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(leaving_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(leaving_fd);
    say_one(r);
}

static void leave_before_write(struct rig *r)
{
    static struct answer a;
    leaving_fd = open_client(r, &a);
    rig_on_loop(r, wake_idly);
    rig_on_loop(r, reset_and_say);
    wait_for(r, &count_closed, 1);
}

START_TEST(a_write_to_a_client_that_has_just_left_ends_the_stream)
{
    begin();
    serve();
    rig_run(&rig, leave_before_write);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static void say_many_without_memory(struct rig *r)
{
    say_many(r);
    mem_fail_at(1);
}

static void stall_without_memory(struct rig *r)
{
    int fd = open_slow_client(r);
    rig_on_loop(r, wake_idly);
    rig_on_loop(r, say_many_without_memory);
    wait_for(r, &count_closed, 1);
    close(fd);
}

START_TEST(a_backlog_that_cannot_be_kept_ends_the_stream)
{
    begin();
    serve();
    rig_run(&rig, stall_without_memory);
    ck_assert(!mem_fail_pending());
    mem_fail_at(0);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static void wake_inside(struct rig *r)
{
    static struct answer a;
    int fd = open_client(r, &a);
    rig_on_loop(r, say_one);
    cl_read_until(fd, &a, "one\n\n\r\n");
    rig_on_loop(r, say_end);
    cl_read_until(fd, &a, "\r\n0\r\n\r\n");
    close(fd);
}

/* Call 1 is libmicrohttpd's, the later ones are ours. */
START_TEST(a_source_that_wakes_itself_is_asked_again)
{
    begin();
    serve();
    sources[0].wake_at = _i + 1;
    rig_run(&rig, wake_inside);
    ck_assert_int_ge(sources[0].asked, 4);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(!sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

static void abort_inside(struct rig *r)
{
    static struct answer a;
    int fd = open_client(r, &a);
    if (sources[0].abort_at > 1)
        rig_on_loop(r, say_one);
    wait_for(r, &count_closed, 1);
    while (cl_more(fd, &a))
        ;
    ck_assert_ptr_null(strstr(a.body, "0\r\n\r\n"));
    close(fd);
}

START_TEST(a_source_may_cut_off_its_own_stream_when_it_is_asked)
{
    begin();
    serve();
    sources[0].abort_at = _i + 1;
    rig_run(&rig, abort_inside);
    ck_assert_int_eq(sources[0].closed_count, 1);
    ck_assert(sources[0].by_client);
    rig_deinit(&rig);
}
END_TEST

/* ---- one chunk ---- */

START_TEST(a_chunk_leaves_whole_through_any_small_socket)
{
    int pair[2], small = 1;
    char got[1 << 17];
    size_t len = 0;
    struct chunk c = { .head_len = 0 };
    big_make();
    char *borrowed = malloc(100000);
    memcpy(borrowed, big, 100000);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    ck_assert(chunk_is_sent(&c));
    chunk_start(&c, borrowed, 100000);
    while (chunk_send(&c, pair[0]) > 0)
        ;
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert(!chunk_is_sent(&c));
    mem_fail_at(1);
    ck_assert(!chunk_keep(&c));
    mem_fail_at(0);
    ck_assert(chunk_keep(&c));
    memset(borrowed, '!', 100000);
    while (len < 100000 + 9) {
        ssize_t n = recv(pair[1], got + len, 777, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        if (!chunk_is_sent(&c))
            (void)chunk_send(&c, pair[0]);
    }
    ck_assert(chunk_is_sent(&c));
    ck_assert_uint_eq(chunk_payload_sent_bytes(&c), 100000);
    ck_assert_int_eq(memcmp(got, "186a0\r\n", 7), 0);
    ck_assert_int_eq(memcmp(got + 7, big, 100000), 0);
    ck_assert_int_eq(memcmp(got + 7 + 100000, "\r\n", 2), 0);
    ck_assert_int_lt(recv(pair[1], got, 1, MSG_DONTWAIT), 0);
    chunk_drop(&c);
    close(pair[0]);
    close(pair[1]);
    free(borrowed);
    free(big);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("sse");
    TCase *tc = tcase_create("sse");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_piece_arrives_before_the_next_is_made);
    tcase_add_test(tc, pieces_that_are_there_leave_as_chunks_of_their_own);
    tcase_add_test(tc, silence_is_filled_with_heartbeats);
    tcase_add_test(tc, a_client_that_leaves_in_silence_is_noticed);
    tcase_add_test(tc, a_piece_larger_than_the_socket_arrives_whole);
    tcase_add_test(tc, a_reader_that_takes_nothing_is_dropped);
    tcase_add_test(tc, an_http_1_0_client_gets_the_plain_bytes);
    tcase_add_test(tc, head_opens_and_closes_a_stream_without_a_piece);
    tcase_add_test(tc, a_stream_can_be_cut_off);
    tcase_add_test(tc, a_stream_can_be_cut_off_while_its_client_does_not_read);
    tcase_add_test(tc, a_stream_may_be_opened_after_the_handler);
    tcase_add_test(tc, a_stream_for_a_client_that_left_is_closed_at_once);
    tcase_add_test(tc, freeing_the_server_closes_its_streams);
    tcase_add_test(tc, two_hundred_streams_run_side_by_side);
    tcase_add_test(tc, a_silent_source_is_not_asked_again_until_it_wakes);
    tcase_add_test(tc, a_backlog_reaches_a_slow_client_whole_and_in_few_chunks);
    tcase_add_test(tc, what_libmicrohttpd_still_holds_comes_before_what_is_written_directly);
    tcase_add_test(tc, heartbeats_go_on_after_a_stall_and_never_into_a_chunk);
    tcase_add_test(tc, a_client_that_leaves_between_two_pieces_is_noticed_once);
    tcase_add_test(tc, a_client_that_leaves_in_the_middle_of_a_piece_is_noticed_once);
    tcase_add_test(tc, a_write_to_a_client_that_has_just_left_ends_the_stream);
    tcase_add_test(tc, a_backlog_that_cannot_be_kept_ends_the_stream);
    tcase_add_loop_test(tc, a_source_that_wakes_itself_is_asked_again, 0, 3);
    tcase_add_loop_test(tc, a_source_may_cut_off_its_own_stream_when_it_is_asked, 0, 3);
    tcase_add_test(tc, a_client_that_wants_no_other_reply_gets_the_framing_of_the_head);
    tcase_add_test(tc, a_chunk_leaves_whole_through_any_small_socket);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
