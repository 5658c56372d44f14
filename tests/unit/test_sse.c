/* Streams over real sockets: pieces leave one by one, silence is filled, clients may leave or stop
 * reading at any moment. */
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
    if (s->given < s->piece_count) {
        *ret = s->pieces[s->given];
        *ret_len = s->lens[s->given++];
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
    { "GET", "/stream", open_stream, 0 },
    { "POST", "/held", hold, 0 },
    { "GET", "/ok", handle_ok, ROUTE_OPEN },
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

int main(void)
{
    mem_init();
    Suite *suite = suite_create("sse");
    TCase *tc = tcase_create("sse");
    tcase_set_timeout(tc, 30);
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
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
