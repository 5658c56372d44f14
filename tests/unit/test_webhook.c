/*
 * Webhooks over a worker with the memory store and a scripted receiver: which addresses may be called,
 * what an answer means, when the next try is, and that neither the end of the server nor a lack of
 * memory loses one.
 */
#include "base/clock.h"
#include "node_server.h"
#include "run/webhook_inside.h"
#include "run_kit.h"
#include <limits.h>

#define OK_REPLY    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
#define BUSY_REPLY  "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define WRONG_REPLY "HTTP/1.1 400 Wrong\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define LONG_REPLY  "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\ncut"

enum { NOW_MS = 1000 };
static const int64_t begin_ms = INT64_C(1700000000000);

/* ---- what needs no server ---- */

static const struct {
    int tries;
    int64_t pause_ms;
} pauses[] = { { 1, 1000 },   { 2, 4000 },   { 3, 16000 },       { 4, 64000 },
               { 5, 256000 }, { 6, 300000 }, { INT_MAX, 300000 } };

START_TEST(each_pause_is_four_times_as_long_up_to_five_minutes)
{
    ck_assert_int_eq(webhook_pause_ms(pauses[_i].tries), pauses[_i].pause_ms);
}
END_TEST

static const struct {
    int status;
    int result;
    enum webhook_verdict verdict;
} answers[] = {
    { 200, 0, WEBHOOK_SENT },
    { 204, 0, WEBHOOK_SENT },
    { 299, FETCH_E_CUT, WEBHOOK_SENT },
    { 200, FETCH_E_TOTAL_TIMEOUT, WEBHOOK_SENT },
    { 302, 0, WEBHOOK_FAILED },
    { 400, 0, WEBHOOK_FAILED },
    { 401, 0, WEBHOOK_FAILED },
    { 404, 0, WEBHOOK_FAILED },
    { 408, 0, WEBHOOK_AGAIN },
    { 410, 0, WEBHOOK_FAILED },
    { 425, 0, WEBHOOK_AGAIN },
    { 429, 0, WEBHOOK_AGAIN },
    { 500, 0, WEBHOOK_AGAIN },
    { 503, FETCH_E_CUT, WEBHOOK_AGAIN },
    { 0, FETCH_E_RESOLVE, WEBHOOK_AGAIN },
    { 0, FETCH_E_CONNECT, WEBHOOK_AGAIN },
    { 0, FETCH_E_TLS, WEBHOOK_AGAIN },
    { 0, FETCH_E_TOTAL_TIMEOUT, WEBHOOK_AGAIN },
    { 0, FETCH_E_PROTOCOL, WEBHOOK_AGAIN },
    { 0, FETCH_E_FORBIDDEN, WEBHOOK_FAILED },
    { 0, FETCH_E_URL, WEBHOOK_FAILED },
    { 0, ERR_NOMEM, WEBHOOK_AGAIN },
};

START_TEST(an_answer_is_a_delivery_or_worth_another_try_or_the_end)
{
    ck_assert_int_eq(webhook_judge(answers[_i].status, answers[_i].result), answers[_i].verdict);
}
END_TEST

/* ---- an office ---- */

static struct rig rig;
static struct webhooks *office;
static struct node_server receiver;

static void set_text(char **setting, const char *text)
{
    mem_free(*setting);
    *setting = mem_strdup(text);
}

static void open_office(void)
{
    ck_assert_int_eq(webhooks_new(&rig.worker.services, &office), 0);
}

static void set_up(void)
{
    rig_settings(&rig);
    set_text(&rig.conf.webhook_hosts, "127.0.0.1,*.inside.test,[fd00::1]:8080");
    set_text(&rig.conf.webhook_base_url, "http://127.0.0.1:9/base");
}

static void tear_down(void)
{
    office = webhooks_free(office);
    clock_fake(-1, 0);
    rig_deinit(&rig);
}

static const struct {
    const char *address;
    const char *url; /* where it leads; NULL = it is refused */
    bool is_guarded;
} addresses[] = {
    { "http://example.com/x?y#z", "http://example.com/x?y#z", true },
    { "HTTPS://example.com", "HTTPS://example.com", true },
    { "http://8.8.8.8:8080/", "http://8.8.8.8:8080/", true },
    { "http://localhost/", "http://localhost/", true }, /* found out when it is called */
    { "http://127.0.0.1/", "http://127.0.0.1/", false },
    { "http://127.0.0.1:81/", "http://127.0.0.1:81/", false },
    { "http://127.0.0.2/", NULL, false },
    { "http://a.inside.test/", "http://a.inside.test/", false },
    { "http://A.B.INSIDE.TEST/", "http://A.B.INSIDE.TEST/", false },
    { "http://inside.test/", "http://inside.test/", true },
    { "http://xinside.test/", "http://xinside.test/", true },
    { "http://[fd00::1]:8080/", "http://[fd00::1]:8080/", false },
    { "http://[fd00::1]:8081/", NULL, false },
    { "http://10.0.0.1/", NULL, false },
    { "http://[::1]/", NULL, false },
    { "http://[::ffff:8.8.8.8]/", NULL, false },
    { "http://user@example.com/", NULL, false },
    { "http://user:pass@example.com/", NULL, false },
    { "http://example.com@127.0.0.1/", NULL, false },
    { "http://example.com\\@127.0.0.1/", NULL, false },
    { "http://a.inside.test?@10.0.0.1/", "http://a.inside.test?@10.0.0.1/", false },
    { "http://a.inside.test;@10.0.0.1/", NULL, false },
    { "http://a.inside.test:80:81/", NULL, false },
    { "http://example.com:0/", NULL, false },
    { "http://example.com:65536/", NULL, false },
    { "http://exa%6dple.com/", NULL, false },
    { "http://example.com/a b", NULL, false },
    { "http://example.com/\n", NULL, false },
    { "ftp://example.com/", NULL, false },
    { "file:///etc/passwd", NULL, false },
    { "example.com", NULL, false },
    { "http:/example.com", NULL, false },
    { "x", NULL, false },
    { "/", "http://127.0.0.1:9/base/", false },
    { "/a/b?c=/../d", "http://127.0.0.1:9/base/a/b?c=/../d", false },
    { "/a..b/...", "http://127.0.0.1:9/base/a..b/...", false },
    { "//example.com/", NULL, false },
    { "/..", NULL, false },
    { "/../x", NULL, false },
    { "/a/./b", NULL, false },
    { "/a/%2e%2E/b", NULL, false },
    { "/a/.%2e", NULL, false },
    { "/a\\..\\b", NULL, false },
    { "/a b", NULL, false },
};

START_TEST(an_address_is_refused_or_leads_somewhere)
{
    struct fail f = { 0 };
    struct buf url;
    bool is_guarded = false;
    const char *address = addresses[_i].address;

    open_office();
    int r = webhooks_check(office, address, &f);
    ck_assert_msg((r == 0) == (addresses[_i].url != NULL), "%s: %s", address, fail_message(&f));
    ck_assert(r == 0 || (f.code == FAIL_UNPROCESSABLE && strstr(fail_message(&f), "webhook")));
    buf_init(&url, 4096);
    if (r == 0) {
        ck_assert_int_eq(webhook_resolve(office, address, &url, &is_guarded), 0);
        ck_assert_str_eq(buf_text(&url), addresses[_i].url);
        ck_assert_int_eq(is_guarded, addresses[_i].is_guarded);
    }
    buf_deinit(&url);
    fail_clear(&f);
}
END_TEST

START_TEST(a_path_without_the_setting_is_refused_with_the_remedy)
{
    struct fail f = { 0 };

    set_text(&rig.conf.webhook_base_url, "");
    open_office();
    ck_assert_int_eq(webhooks_check(office, "/done", &f), WEBHOOK_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(fail_message(&f), "webhook_base_url"));
    fail_clear(&f);
}
END_TEST

START_TEST(an_address_that_is_too_long_is_refused)
{
    struct fail f = { 0 };
    char address[WEBHOOK_MAX_BYTES + 2] = "http://example.com/";

    memset(address + 19, 'x', sizeof(address) - 20);
    open_office();
    ck_assert_int_eq(webhooks_check(office, address, &f), WEBHOOK_E_REFUSED);
    fail_clear(&f);
    address[WEBHOOK_MAX_BYTES] = '\0';
    ck_assert_int_eq(webhooks_check(office, address, &f), 0);
}
END_TEST

/* ---- the queue ---- */

static void set_true(void *arg, int result)
{
    ck_assert_int_eq(result, 0);
    *(bool *)arg = true;
}

/* A run has ended, and its webhook goes to the receiver. */
static void end_run(const char *run_id)
{
    struct sheet s = { .status = "success", .attempt = 1, .updated_ms = clock_wall_ms() };
    const struct webhook_news news = { .sheet = &s, .started_ms = s.updated_ms - 7 };
    struct store_batch batch;
    struct store_op op = { 0 };
    bool is_done = false;

    snprintf(s.run_id, sizeof(s.run_id), "%s", run_id);
    s.assistant_id = mem_strdup("a");
    s.graph = mem_strdup("g");
    s.metadata = json_object();
    s.kwargs = json_pack("{s:o}", "webhook",
                         json_sprintf("http://127.0.0.1:%d/done?token=1", receiver.port));
    store_batch_init(&batch);
    ck_assert(webhooks_add(office, &news, &batch));
    store_commit(rig.worker.store, rig.worker.loop, &op, &batch, set_true, &is_done);
    ck_assert_int_eq(loop_run_until(rig.worker.loop, &is_done), 0);
    sheet_clear(&s);
}

static void mark(void *arg)
{
    *(bool *)arg = true;
}

static void rest(void)
{
    bool is_idle = false;

    webhooks_when_idle(office, mark, &is_idle);
    ck_assert_int_eq(loop_run_until(rig.worker.loop, &is_idle), 0);
    webhooks_when_idle(office, NULL, NULL);
}

static void tell(void)
{
    webhooks_note(office);
    rest();
}

/* "tries+ms until the next one" of the one that is waiting, or "none". */
static const char *waiting(void)
{
    static char text[64];
    struct stored_records found;
    struct store_op op = { 0 };
    bool is_done = false;
    const struct record_query query = { .kind = RECORD_WEBHOOK };

    store_find_records(rig.worker.store, rig.worker.loop, &op, &query, &found, set_true, &is_done);
    ck_assert_int_eq(loop_run_until(rig.worker.loop, &is_done), 0);
    snprintf(text, sizeof(text), "none");
    if (found.count > 0)
        snprintf(text, sizeof(text), "%s+%lld", found.items[0].status,
                 (long long)(found.items[0].due_ms - clock_wall_ms()));
    ck_assert_uint_le(found.count, 1);
    stored_records_clear(&found);
    return text;
}

static void begin(const struct node_reply *replies, int count)
{
    node_server_start(&receiver, replies, count);
    clock_fake(NOW_MS, begin_ms);
    open_office();
    rest();
}

START_TEST(a_try_comes_when_it_is_due_and_not_before)
{
    const struct node_reply replies[] = { { .bytes = BUSY_REPLY },
                                          { .bytes = BUSY_REPLY },
                                          { .bytes = OK_REPLY } };

    begin(replies, 3);
    end_run("r");
    tell();
    ck_assert_str_eq(waiting(), "1+1000");
    clock_fake(NOW_MS, begin_ms + 999);
    tell();
    ck_assert_str_eq(waiting(), "1+1");
    ck_assert_int_eq(atomic_load(&receiver.request_count), 1);
    clock_fake(NOW_MS, begin_ms + 1000);
    tell();
    ck_assert_str_eq(waiting(), "2+4000");
    clock_fake(NOW_MS, begin_ms + 5000);
    tell();
    ck_assert_str_eq(waiting(), "none");
    node_server_stop(&receiver);
    ck_assert_int_eq(atomic_load(&receiver.request_count), 3);
    ck_assert_ptr_nonnull(strstr(receiver.requests[0], "POST /done?token=1 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(receiver.requests[0], "Content-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(receiver.requests[0],
                                 "\"run_started_at\":\"2023-11-14T22:13:19.993Z\","
                                 "\"run_ended_at\":\"2023-11-14T22:13:20.000Z\",\"values\":null,"
                                 "\"webhook_sent_at\":\"2023-11-14T22:13:20.000Z\"}"));
    ck_assert_ptr_nonnull(
        strstr(receiver.requests[2], "\"webhook_sent_at\":\"2023-11-14T22:13:25.000Z\"}"));
}
END_TEST

START_TEST(after_the_last_try_it_is_given_up)
{
    const struct node_reply replies[] = { { .bytes = BUSY_REPLY }, { .bytes = BUSY_REPLY } };

    rig.conf.webhook_tries = 2;
    begin(replies, 2);
    end_run("r");
    tell();
    ck_assert_str_eq(waiting(), "1+1000");
    clock_fake(NOW_MS, begin_ms + 1000);
    tell();
    ck_assert_str_eq(waiting(), "none");
    node_server_stop(&receiver);
}
END_TEST

static const char *const ends[] = { OK_REPLY, LONG_REPLY, WRONG_REPLY };

START_TEST(one_answer_may_be_enough)
{
    const struct node_reply reply = { .bytes = ends[_i] };

    begin(&reply, 1);
    end_run("r");
    tell();
    ck_assert_str_eq(waiting(), "none");
    node_server_stop(&receiver);
}
END_TEST

START_TEST(what_an_earlier_office_has_left_is_taken_up_at_once)
{
    const struct node_reply replies[] = { { .bytes = BUSY_REPLY }, { .bytes = OK_REPLY } };

    begin(replies, 2);
    end_run("r");
    tell();
    office = webhooks_free(office);
    clock_fake(NOW_MS, begin_ms + 3600000);
    open_office();
    rest(); /* before its first look */
    tell();
    ck_assert_str_eq(waiting(), "none");
    node_server_stop(&receiver);
}
END_TEST

START_TEST(what_is_under_way_when_the_server_ends_stays_as_it_was)
{
    const struct node_reply replies[] = { { .is_held = true } };

    begin(replies, 1);
    end_run("r");
    webhooks_note(office);
    while (atomic_load(&receiver.request_count) == 0) {
        bool is_over = false;
        struct loop_work turn;
        loop_work_init(&turn, mark, &is_over);
        loop_ready(rig.worker.loop, &turn);
        ck_assert_int_eq(loop_run_until(rig.worker.loop, &is_over), 0);
    }
    ck_assert(!webhooks_are_idle(office));
    office = webhooks_free(office);
    ck_assert_str_eq(waiting(), "0+0");
    node_server_stop(&receiver);
    ck_assert_int_eq(atomic_load(&receiver.closed_count), 1);
}
END_TEST

/* It is delivered, or waits for its next try; nothing is lost, and nothing leaks. */
START_TEST(no_lack_of_memory_loses_a_webhook)
{
    bool is_through = false;

    log_level_set(LOG_ERROR);
    for (unsigned long n = 1; !is_through; n++) {
        const struct node_reply reply = { .bytes = OK_REPLY };
        begin(&reply, 1);
        end_run("r");
        mem_fail_at(n);
        tell();
        is_through = mem_fail_pending() != 0;
        mem_fail_at(0);
        office = webhooks_free(office);
        node_server_stop(&receiver);
        bool is_heard = atomic_load(&receiver.request_count) > 0;
        ck_assert(is_heard || strcmp(waiting(), "none") != 0);
        ck_assert(!is_through || strcmp(waiting(), "none") == 0);
        tear_down();
        set_up();
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static Suite *suite(void)
{
    Suite *s = suite_create("webhook");
    TCase *pure = tcase_create("rules");
    tcase_add_loop_test(pure, each_pause_is_four_times_as_long_up_to_five_minutes, 0,
                        COUNT(pauses));
    tcase_add_loop_test(pure, an_answer_is_a_delivery_or_worth_another_try_or_the_end, 0,
                        COUNT(answers));
    suite_add_tcase(s, pure);
    TCase *where = tcase_create("addresses");
    tcase_add_checked_fixture(where, set_up, tear_down);
    tcase_add_loop_test(where, an_address_is_refused_or_leads_somewhere, 0, COUNT(addresses));
    tcase_add_test(where, a_path_without_the_setting_is_refused_with_the_remedy);
    tcase_add_test(where, an_address_that_is_too_long_is_refused);
    suite_add_tcase(s, where);
    TCase *queue = tcase_create("queue");
    tcase_add_checked_fixture(queue, set_up, tear_down);
    tcase_set_timeout(queue, 240);
    tcase_add_test(queue, a_try_comes_when_it_is_due_and_not_before);
    tcase_add_test(queue, after_the_last_try_it_is_given_up);
    tcase_add_loop_test(queue, one_answer_may_be_enough, 0, COUNT(ends));
    tcase_add_test(queue, what_an_earlier_office_has_left_is_taken_up_at_once);
    tcase_add_test(queue, what_is_under_way_when_the_server_ends_stays_as_it_was);
    tcase_add_test(queue, no_lack_of_memory_loses_a_webhook);
    suite_add_tcase(s, queue);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
