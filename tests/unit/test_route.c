/* The pure parts of the HTTP layer: request targets, the route table, and the policy. */
#include "base/err.h"
#include "base/mem.h"
#include "http/guard.h"
#include "http/route.h"
#include "http/uri.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

/* ---- targets ---- */

struct target_row {
    const char *raw;
    int result;
    const char *segments; /* joined by '|' */
};

static const struct target_row targets[] = {
    { "/", 0, "" },
    { "/ok", 0, "ok" },
    { "/ok?", 0, "ok" },
    { "/ok/", 0, "ok|" },
    { "//", 0, "|" },
    { "/a//b", 0, "a||b" },
    { "/a%2Fb/c", 0, "a/b|c" },
    { "/a%2fb%20+", 0, "a/b +" },
    { "/%C3%A9", 0, "\xc3\xa9" },
    { "/a?x=/b/c", 0, "a" },
    { "*", 0, "*" },
    { "http://host:1/a/b?c=d", 0, "a|b" },
    { "HTTP://host", 0, "" },
    { "/%00", URI_E_BAD, NULL },
    { "/a%00b", URI_E_BAD, NULL },
    { "/%", URI_E_BAD, NULL },
    { "/%4", URI_E_BAD, NULL },
    { "/%zz", URI_E_BAD, NULL },
    { "/%4g", URI_E_BAD, NULL },
    { "/%ff", URI_E_BAD, NULL },
    { "/\xff", URI_E_BAD, NULL },
    { "/%C3", URI_E_BAD, NULL },
    { "/a?x=%00", URI_E_BAD, NULL },
    { "/a?%zz=1", URI_E_BAD, NULL },
    { "", URI_E_BAD, NULL },
    { "ok", URI_E_BAD, NULL },
    { "https://host/a", URI_E_BAD, NULL },
};

START_TEST(a_target_is_split_before_it_is_decoded)
{
    const struct target_row *row = &targets[_i];
    struct uri u = { .path = NULL };
    ck_assert_int_eq(uri_parse(row->raw, &u), row->result);
    char joined[64] = "";
    for (size_t i = 0; row->segments != NULL && i < u.segment_count; i++) {
        strcat(joined, i == 0 ? "" : "|");
        strcat(joined, u.segments[i]);
    }
    if (row->segments != NULL)
        ck_assert_str_eq(joined, row->segments);
    uri_deinit(&u);
}
END_TEST

START_TEST(a_query_gives_every_value_of_a_name)
{
    struct uri u = { .path = NULL };
    ck_assert_int_eq(uri_parse("/a?x=1&y=a+b%26&x=2&&z&=e&x=", &u), 0);
    ck_assert_str_eq(u.path, "/a");
    ck_assert_str_eq(uri_query(&u, "x", 0), "1");
    ck_assert_str_eq(uri_query(&u, "x", 1), "2");
    ck_assert_str_eq(uri_query(&u, "x", 2), "");
    ck_assert_ptr_null(uri_query(&u, "x", 3));
    ck_assert_str_eq(uri_query(&u, "y", 0), "a b&");
    ck_assert_str_eq(uri_query(&u, "z", 0), "");
    ck_assert_ptr_null(uri_query(&u, "w", 0));
    uri_deinit(&u);
}
END_TEST

START_TEST(a_whole_address_names_its_host)
{
    struct uri u = { .path = NULL };
    ck_assert_int_eq(uri_parse("http://evil.example:80/ok?a=b", &u), 0);
    ck_assert_str_eq(u.host, "evil.example:80");
    ck_assert_str_eq(u.path, "/ok");
    uri_deinit(&u);
}
END_TEST

START_TEST(a_target_without_memory_is_a_fault_and_leaks_nothing)
{
    for (unsigned long n = 1;; n++) {
        struct uri u = { .path = NULL };
        mem_fail_at(n);
        int r = uri_parse("http://h/a/b?c=d&e=f", &u);
        int pending = mem_fail_pending();
        mem_fail_at(0);
        uri_deinit(&u);
        ck_assert_int_eq(r, pending ? 0 : ERR_NOMEM);
        if (pending)
            break;
    }
}
END_TEST

/* ---- routes ---- */

static void no_handler(struct req *req)
{
    (void)req;
}

static const struct http_route routes[] = {
    { "GET", "/", no_handler, 0, NULL },
    { "GET", "/threads/{thread_id}", no_handler, 0, NULL },
    { "POST", "/threads/search", no_handler, 0, NULL },
    { "GET", "/threads/count", no_handler, 0, NULL },
    { "DELETE", "/threads/{thread_id}", no_handler, 0, NULL },
    { "GET", "/threads/{thread_id}/runs/{run_id}", no_handler, 0, NULL },
    { "GET", "/{any}/x/runs/{run_id}", no_handler, 0, NULL },
    { "POST", "/invoke", no_handler, 0, NULL },
    { "POST", "/internal/truncate", no_handler, ROUTE_TEST, NULL },
};

struct route_row {
    const char *method;
    const char *path;
    enum route_result result;
    int index;         /* if found */
    const char *allow; /* if the method is wrong */
};

static const struct route_row route_rows[] = {
    { "GET", "/", ROUTE_FOUND, 0, NULL },
    { "HEAD", "/", ROUTE_FOUND, 0, NULL },
    { "GET", "/threads/7", ROUTE_FOUND, 1, NULL },
    { "HEAD", "/threads/7", ROUTE_FOUND, 1, NULL },
    { "GET", "/threads/search", ROUTE_WRONG_METHOD, 0, "POST" },
    { "GET", "/threads/count", ROUTE_FOUND, 3, NULL },
    { "POST", "/threads/search", ROUTE_FOUND, 2, NULL },
    { "DELETE", "/threads/search", ROUTE_WRONG_METHOD, 0, "POST" },
    { "GET", "/threads/x/runs/1", ROUTE_FOUND, 5, NULL },
    { "GET", "/other/x/runs/1", ROUTE_FOUND, 6, NULL },
    { "PUT", "/threads/7", ROUTE_WRONG_METHOD, 0, "GET, HEAD, DELETE" },
    { "PUT", "/threads/search", ROUTE_WRONG_METHOD, 0, "POST" },
    { "GET", "/invoke", ROUTE_WRONG_METHOD, 0, "POST" },
    { "HEAD", "/invoke", ROUTE_WRONG_METHOD, 0, "POST" },
    { "get", "/threads/7", ROUTE_WRONG_METHOD, 0, "GET, HEAD, DELETE" },
    { "POST", "/internal/truncate", ROUTE_UNKNOWN, 0, NULL },
    { "GET", "/internal/truncate", ROUTE_UNKNOWN, 0, NULL },
    { "GET", "/threads/", ROUTE_UNKNOWN, 0, NULL },
    { "GET", "/threads", ROUTE_UNKNOWN, 0, NULL },
    { "GET", "/threads/7/", ROUTE_UNKNOWN, 0, NULL },
    { "GET", "/threads//runs/1", ROUTE_UNKNOWN, 0, NULL },
    { "GET", "/threads/7/runs/1/x", ROUTE_UNKNOWN, 0, NULL },
    { "GET", "/Threads/7", ROUTE_UNKNOWN, 0, NULL },
    { "GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", ROUTE_UNKNOWN, 0, NULL },
};

START_TEST(a_path_finds_its_row_or_the_methods_it_takes)
{
    const struct route_row *row = &route_rows[_i];
    struct uri u = { .path = NULL };
    struct route_match match;
    ck_assert_int_eq(uri_parse(row->path, &u), 0);
    const struct route_ask ask = { row->method, (const char *const *)u.segments, u.segment_count,
                                   ROUTE_TEST };
    enum route_result result =
        route_find(routes, sizeof(routes) / sizeof(*routes), &ask, &match);
    ck_assert_int_eq(result, row->result);
    if (result == ROUTE_FOUND)
        ck_assert_ptr_eq(match.route, &routes[row->index]);
    if (result == ROUTE_WRONG_METHOD)
        ck_assert_str_eq(match.allow, row->allow);
    uri_deinit(&u);
}
END_TEST

START_TEST(a_name_of_a_route_stands_for_its_segment)
{
    ck_assert_int_eq(route_param_index(&routes[5], "thread_id"), 1);
    ck_assert_int_eq(route_param_index(&routes[5], "run_id"), 3);
    ck_assert_int_eq(route_param_index(&routes[5], "runs"), -1);
    ck_assert_int_eq(route_param_index(&routes[5], "run"), -1);
}
END_TEST

START_TEST(unknown_paths_below_the_protocols_folders_are_the_protocols)
{
    const char *const runs[] = { "runs", "x" };
    const char *const invoke[] = { "invoke" };
    const char *const runsx[] = { "runsx" };
    ck_assert(route_is_protocol(runs, 2));
    ck_assert(!route_is_protocol(invoke, 1));
    ck_assert(!route_is_protocol(runsx, 1));
    ck_assert(!route_is_protocol(NULL, 0));
}
END_TEST

/* ---- policy ---- */

struct host_row {
    const char *host;
    bool is_loopback;
};

static const struct host_row hosts[] = {
    { "localhost", true },
    { "LocalHost:8123", true },
    { "a.localhost", true },
    { "127.0.0.1", true },
    { "127.9.8.7:80", true },
    { "[::1]", true },
    { "[::1]:8123", true },
    { "localhost:", true },
    { "", false },
    { ".localhost", false },
    { "localhost.evil.com", false },
    { "evil-localhost", false },
    { "127.0.0.1.evil.com", false },
    { "127.1", false },
    { "128.0.0.1", false },
    { "[::2]", false },
    { "[::1", false },
    { "::1", false },
    { "localhost:80@evil", false },
    { "0.0.0.0", false },
    { "[localhost]", false },
};

START_TEST(loopback_hosts_are_told_by_their_text)
{
    ck_assert_msg(guard_is_loopback_host(hosts[_i].host) == hosts[_i].is_loopback, "%s",
                  hosts[_i].host);
}
END_TEST

struct setup {
    const char *keys, *auth, *origins;
    bool is_local;
};
#define OPEN                                                                                       \
    {                                                                                              \
        "", "", "", true                                                                           \
    }
#define KEYED                                                                                      \
    {                                                                                              \
        "k1,k22", "keys", "", true                                                                 \
    }
#define LISTED                                                                                     \
    {                                                                                              \
        "", "", "https://app.example:8443,http://b.example", true                                  \
    }
#define STAR                                                                                       \
    {                                                                                              \
        "", "", "*", true                                                                          \
    }
#define WORLD                                                                                      \
    {                                                                                              \
        "", "off", "", false                                                                       \
    }
#define OFF                                                                                        \
    {                                                                                              \
        "k1", "off", "", true                                                                      \
    }

struct policy_row {
    struct setup setup;
    unsigned flags;
    struct guard_ask ask;
    enum fail_code code;
    const char *allow_origin;
};

static const struct policy_row policies[] = {
    /* the site */
    { OPEN, 0, { .host = "localhost:8123" }, FAIL_NONE, NULL },
    { OPEN, 0, { .host = NULL }, FAIL_NONE, NULL },
    { OPEN, 0, { .host = "evil.example" }, FAIL_FORBIDDEN, NULL },
    { OPEN, 0, { .host = "localhost", .origin = "http://evil.example" }, FAIL_FORBIDDEN, NULL },
    { OPEN, 0, { .host = "localhost", .origin = "null" }, FAIL_FORBIDDEN, NULL },
    { OPEN,
      0,
      { .host = "localhost", .origin = "http://localhost:3000" },
      FAIL_NONE,
      "http://localhost:3000" },
    { LISTED,
      0,
      { .host = "localhost", .origin = "https://app.example:8443" },
      FAIL_NONE,
      "https://app.example:8443" },
    { LISTED, 0, { .host = "localhost", .origin = "https://app.example" }, FAIL_FORBIDDEN, NULL },
    { LISTED, 0, { .host = "app.example" }, FAIL_NONE, NULL },
    { LISTED, 0, { .host = "B.EXAMPLE:9" }, FAIL_NONE, NULL },
    { LISTED, 0, { .host = "c.example" }, FAIL_FORBIDDEN, NULL },
    { STAR, 0, { .host = "any.example", .origin = "http://any.example" }, FAIL_NONE, "*" },
    { STAR, 0, { .host = "localhost" }, FAIL_NONE, "*" },
    { WORLD, 0, { .host = "any.example", .origin = "http://any.example" }, FAIL_NONE, NULL },
    { KEYED,
      ROUTE_OPEN,
      { .host = "any.example", .origin = "http://any.example" },
      FAIL_NONE,
      NULL },
    /* keys */
    { KEYED, 0, { .host = "localhost" }, FAIL_UNAUTHORIZED, NULL },
    { KEYED, 0, { .api_key = "k1" }, FAIL_NONE, NULL },
    { KEYED, 0, { .api_key = "k22" }, FAIL_NONE, NULL },
    { KEYED, 0, { .api_key = "k2" }, FAIL_UNAUTHORIZED, NULL },
    { KEYED, 0, { .api_key = "k222" }, FAIL_UNAUTHORIZED, NULL },
    { KEYED, 0, { .api_key = "" }, FAIL_UNAUTHORIZED, NULL },
    { KEYED, 0, { .api_key = "k1,k22" }, FAIL_UNAUTHORIZED, NULL },
    { KEYED, 0, { .authorization = "Bearer k22" }, FAIL_NONE, NULL },
    { KEYED, 0, { .authorization = "bearer  k1" }, FAIL_NONE, NULL },
    { KEYED, 0, { .authorization = "Basic k1" }, FAIL_UNAUTHORIZED, NULL },
    { KEYED, 0, { .authorization = "Bearer" }, FAIL_UNAUTHORIZED, NULL },
    { KEYED, 0, { .api_key = "bad", .authorization = "Bearer k1" }, FAIL_NONE, NULL },
    { KEYED, ROUTE_ADMIN, { .is_forwarded = true }, FAIL_UNAUTHORIZED, NULL },
    { KEYED, ROUTE_ADMIN, { .is_forwarded = true, .api_key = "k1" }, FAIL_NONE, NULL },
    { OFF, 0, { .host = "localhost" }, FAIL_NONE, NULL },
    { OPEN, ROUTE_ADMIN, { .host = "localhost" }, FAIL_NONE, NULL },
    { OPEN, ROUTE_ADMIN, { .is_forwarded = true }, FAIL_FORBIDDEN, NULL },
    { OPEN, 0, { .is_forwarded = true }, FAIL_NONE, NULL },
    { OPEN, ROUTE_ADMIN, { .is_remote = true }, FAIL_FORBIDDEN, NULL },
    { WORLD, ROUTE_ADMIN, { .is_remote = true }, FAIL_FORBIDDEN, NULL },
    { WORLD, ROUTE_ADMIN, { .host = "any.example" }, FAIL_NONE, NULL },
    { WORLD, 0, { .is_remote = true }, FAIL_NONE, NULL },
    { OFF, ROUTE_ADMIN, { .is_remote = true, .api_key = "k1" }, FAIL_FORBIDDEN, NULL },
    { KEYED, ROUTE_ADMIN, { .is_remote = true }, FAIL_UNAUTHORIZED, NULL },
    { KEYED, ROUTE_ADMIN, { .is_remote = true, .api_key = "k1" }, FAIL_NONE, NULL },
    /* types */
    { OPEN, ROUTE_BODY, { .content_type = NULL }, FAIL_NONE, NULL },
    { OPEN, ROUTE_BODY, { .content_type = "application/json" }, FAIL_NONE, NULL },
    { OPEN, ROUTE_BODY, { .content_type = "Application/JSON; charset=utf-8" }, FAIL_NONE, NULL },
    { OPEN, ROUTE_BODY, { .content_type = "text/plain;charset=UTF-8" }, FAIL_NONE, NULL },
    { OPEN, ROUTE_BODY, { .content_type = "application/x-www-form-urlencoded" }, FAIL_NONE, NULL },
    { OPEN,
      ROUTE_BODY,
      { .content_type = "application/x-www-form-urlencoded", .origin = "http://localhost" },
      FAIL_MEDIA_TYPE,
      "http://localhost" },
    { OPEN, ROUTE_BODY, { .content_type = "application/jsonx" }, FAIL_MEDIA_TYPE, NULL },
    { OPEN,
      ROUTE_BODY,
      { .content_type = "multipart/form-data; boundary=x" },
      FAIL_MEDIA_TYPE,
      NULL },
    { OPEN, 0, { .content_type = "multipart/form-data" }, FAIL_NONE, NULL },
};

static void setup_guard(const struct setup *setup, struct conf *conf, struct guard *g, int *ret)
{
    *conf = (struct conf){ .api_keys = (char *)setup->keys,
                           .auth = (char *)setup->auth,
                           .cors_origins = (char *)setup->origins };
    *ret = guard_init(g, conf, setup->is_local);
}

START_TEST(the_policy_is_what_the_table_says)
{
    const struct policy_row *row = &policies[_i];
    struct conf conf;
    struct guard g;
    int r;
    const char *why = NULL;
    setup_guard(&row->setup, &conf, &g, &r);
    ck_assert_int_eq(r, 0);
    enum fail_code code = guard_check_site(&g, &row->ask, &why);
    if (code == FAIL_NONE)
        code = guard_check_route(&g, row->flags, &row->ask, &why);
    ck_assert_int_eq(code, row->code);
    ck_assert((why != NULL) == (code != FAIL_NONE));
    const char *allow = guard_allow_origin(&g, row->ask.origin);
    ck_assert_pstr_eq(allow, row->allow_origin);
    guard_deinit(&g);
}
END_TEST

START_TEST(a_guard_without_memory_is_a_fault_and_leaks_nothing)
{
    const struct setup setup = { "a,b, c", "keys", "http://x.example,http://y.example", true };
    for (unsigned long n = 1;; n++) {
        struct conf conf;
        struct guard g;
        int r;
        mem_fail_at(n);
        setup_guard(&setup, &conf, &g, &r);
        int pending = mem_fail_pending();
        mem_fail_at(0);
        if (pending)
            ck_assert_uint_eq(g.key_count, 3);
        guard_deinit(&g);
        ck_assert_int_eq(r, pending ? 0 : ERR_NOMEM);
        if (pending)
            break;
    }
}
END_TEST

START_TEST(headers_of_proxies_are_known)
{
    ck_assert(guard_is_forwarding_header("X-Forwarded-For"));
    ck_assert(guard_is_forwarding_header("Forwarded"));
    ck_assert(guard_is_forwarding_header("via"));
    ck_assert(guard_is_forwarding_header("X-Real-IP"));
    ck_assert(!guard_is_forwarding_header("x-forward"));
    ck_assert(!guard_is_forwarding_header("host"));
}
END_TEST

#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof(*table)))

int main(void)
{
    Suite *suite = suite_create("route");
    TCase *tc = tcase_create("route");
    LOOP(a_target_is_split_before_it_is_decoded, targets);
    tcase_add_test(tc, a_query_gives_every_value_of_a_name);
    tcase_add_test(tc, a_whole_address_names_its_host);
    tcase_add_test(tc, a_target_without_memory_is_a_fault_and_leaks_nothing);
    LOOP(a_path_finds_its_row_or_the_methods_it_takes, route_rows);
    tcase_add_test(tc, a_name_of_a_route_stands_for_its_segment);
    tcase_add_test(tc, unknown_paths_below_the_protocols_folders_are_the_protocols);
    LOOP(loopback_hosts_are_told_by_their_text, hosts);
    LOOP(the_policy_is_what_the_table_says, policies);
    tcase_add_test(tc, a_guard_without_memory_is_a_fault_and_leaks_nothing);
    tcase_add_test(tc, headers_of_proxies_are_known);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
