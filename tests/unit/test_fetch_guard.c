/*
 * Guarded fetches: whatever a host is called, and however its name is looked up, nothing connects to
 * an address that is not public. The server listens on loopback, so it must never see a connection.
 *
 * getaddrinfo() is replaced, for libcurl, too: "inside.test" is 127.0.0.1.
 */
#include "base/buf.h"
#include "loop/fetch.h"
#include "tiny_server.h"
#include <check.h>
#include <netdb.h>
#include <netinet/in.h>

/* ---- names ---- */

static struct sockaddr_in inside = { .sin_family = AF_INET };
static struct addrinfo inside_info;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    (void)hints;
    if (name == NULL || strcmp(name, "inside.test") != 0)
        return EAI_NONAME;
    inside.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    inside.sin_port = htons((uint16_t)(service == NULL ? 0 : atoi(service)));
    inside_info = (struct addrinfo){ .ai_family = AF_INET,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_addrlen = sizeof(inside),
                                     .ai_addr = (struct sockaddr *)&inside };
    *ret = &inside_info;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    (void)list;
}

/* ---- a server that nobody reaches, and its client ---- */

static struct tiny_server server;
static struct loop *loop;
static struct fetcher *fetcher;

static void serve(struct tiny_server *s, int fd)
{
    while (tiny_take_request(s, fd))
        tiny_put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
}

static void setup(void)
{
    static const char *const proxies[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                           "ALL_PROXY",  "no_proxy",    "NO_PROXY" };
    for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++)
        unsetenv(proxies[i]);
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(fetcher_new(loop, 1, &fetcher), 0);
    tiny_start(&server, serve, NULL);
}

static void teardown(void)
{
    fetcher = fetcher_free(fetcher);
    tiny_stop(&server);
    ck_assert_int_eq(loop_op_count(loop), 0);
    loop = loop_free(loop);
}

struct client {
    struct fetch *fetch;
    bool is_done;
    int result;
    char text[256];
};

static void ended(void *arg, int result)
{
    struct client *c = arg;
    c->result = result;
    snprintf(c->text, sizeof(c->text), "%s", fetch_error_text(c->fetch, result));
    c->is_done = true;
}

static struct client fetch(const char *host, bool is_guarded)
{
    struct client c = { .is_done = false };
    char url[256];
    snprintf(url, sizeof(url), "http://%s:%d/secret?token=1", host, server.port);
    const struct fetch_request req = {
        .method = "POST",
        .url = url,
        .body = "{}",
        .body_len_bytes = 2,
        .is_guarded = is_guarded,
        .on_end = ended,
        .arg = &c,
    };
    ck_assert_int_eq(fetch_start(fetcher, &req, &c.fetch), 0);
    ck_assert_int_eq(loop_run_until(loop, &c.is_done), 0);
    return c;
}

/* ---- tests ---- */

static const char *const hosts[] = {
    "127.0.0.1",     "127.1",   "2130706433", "0x7f.0.0.1",
    "0177.0.0.1",    "0.0.0.0", "0",          "inside.test",
    "localhost",     "[::1]",   "[::]",       "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
};
enum { HOST_COUNT = sizeof(hosts) / sizeof(hosts[0]) };

START_TEST(a_guarded_fetch_reaches_nothing_that_is_not_public)
{
    struct client c = fetch(hosts[_i], true);

    teardown();
    ck_assert_int_eq(server.count, 0);
    ck_assert_msg(c.result == FETCH_E_FORBIDDEN, "%s: %d, %s", hosts[_i], c.result, c.text);
    ck_assert_int_eq(strncmp(c.text, "no public address that may be reached for ", 42), 0);
    ck_assert_ptr_null(strstr(c.text, "secret"));
    ck_assert_ptr_null(strstr(c.text, "token"));
}
END_TEST

START_TEST(a_guarded_fetch_uses_no_connection_of_another_one)
{
    ck_assert_int_eq(fetch("127.0.0.1", false).result, 0);
    ck_assert_int_eq(fetch("127.0.0.1", false).result, 0);
    ck_assert_int_eq(fetch("127.0.0.1", true).result, FETCH_E_FORBIDDEN);
    teardown();
    ck_assert_int_eq(server.count, 1);
}
END_TEST

START_TEST(a_guarded_fetch_uses_no_proxy)
{
    char proxy[64];
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server.port);
    setenv("http_proxy", proxy, 1);
    struct client through = fetch("missing.test", false);
    struct client guarded = fetch("inside.test", true);
    unsetenv("http_proxy");
    teardown();
    ck_assert_int_eq(through.result, 0); /* the environment counts for others */
    ck_assert_int_eq(guarded.result, FETCH_E_FORBIDDEN);
    ck_assert_int_eq(server.count, 1);
}
END_TEST

START_TEST(a_name_that_is_not_known_is_not_found)
{
    ck_assert_int_eq(fetch("missing.test", true).result, FETCH_E_RESOLVE);
    teardown();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fetch_guard");
    TCase *t = tcase_create("guard");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_loop_test(t, a_guarded_fetch_reaches_nothing_that_is_not_public, 0, HOST_COUNT);
    tcase_add_test(t, a_guarded_fetch_uses_no_connection_of_another_one);
    tcase_add_test(t, a_guarded_fetch_uses_no_proxy);
    tcase_add_test(t, a_name_that_is_not_known_is_not_found);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
