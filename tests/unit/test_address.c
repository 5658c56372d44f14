/* Which addresses are public: one row for each range, at its edges. */
#include "loop/address.h"
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const struct {
    const char *text;
    bool is_public;
} addresses[] = {
    { "0.0.0.0", false },
    { "0.255.255.255", false },
    { "1.0.0.0", true },
    { "8.8.8.8", true },
    { "9.255.255.255", true },
    { "10.0.0.0", false },
    { "10.255.255.255", false },
    { "11.0.0.0", true },
    { "100.63.255.255", true },
    { "100.64.0.0", false },
    { "100.100.100.200", false },
    { "100.127.255.255", false },
    { "100.128.0.0", true },
    { "126.255.255.255", true },
    { "127.0.0.1", false },
    { "127.255.255.255", false },
    { "128.0.0.0", true },
    { "168.63.129.15", true },
    { "168.63.129.16", false },
    { "168.63.129.17", true },
    { "169.253.255.255", true },
    { "169.254.169.254", false },
    { "169.255.0.0", true },
    { "172.15.255.255", true },
    { "172.16.0.0", false },
    { "172.31.255.255", false },
    { "172.32.0.0", true },
    { "192.0.0.192", false },
    { "192.0.1.0", true },
    { "192.0.2.1", false },
    { "192.88.99.1", false },
    { "192.167.255.255", true },
    { "192.168.0.0", false },
    { "192.168.255.255", false },
    { "192.169.0.0", true },
    { "198.17.255.255", true },
    { "198.18.0.0", false },
    { "198.19.255.255", false },
    { "198.20.0.0", true },
    { "198.51.100.7", false },
    { "203.0.113.7", false },
    { "223.255.255.255", true },
    { "224.0.0.1", false },
    { "239.255.255.250", false },
    { "240.0.0.0", false },
    { "255.255.255.255", false },

    { "::", false },
    { "::1", false },
    { "::8.8.8.8", false },
    { "::ffff:127.0.0.1", false },
    { "::ffff:10.0.0.1", false },
    { "::ffff:8.8.8.8", false },
    { "64:ff9b::8.8.8.8", true },
    { "64:ff9b::10.0.0.1", false },
    { "64:ff9b::169.254.169.254", false },
    { "64:ff9b:1::8.8.8.8", false },
    { "100::1", false },
    { "1fff:ffff::1", false },
    { "2000::1", true },
    { "2001::1", false },
    { "2001:1ff:ffff::1", false },
    { "2001:200::1", true },
    { "2001:db7:ffff::1", true },
    { "2001:db8::1", false },
    { "2001:db9::1", true },
    { "2002:7f00:1::", false },
    { "2606:4700:4700::1111", true },
    { "2620:4f:8000::1", false },
    { "3fff::1", false },
    { "3fff:fff::1", false },
    { "3fff:1000::1", true },
    { "4000::1", false },
    { "5f00::1", false },
    { "fc00::1", false },
    { "fd00:ec2::254", false },
    { "fe80::1", false },
    { "fec0::1", false },
    { "ff02::1", false },
};
enum { ADDRESS_COUNT = sizeof(addresses) / sizeof(addresses[0]) };

START_TEST(an_address_is_public_or_not)
{
    const char *text = addresses[_i].text;
    struct sockaddr_in in4 = { .sin_family = AF_INET };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    bool is4 = inet_pton(AF_INET, text, &in4.sin_addr) == 1;
    const struct sockaddr *address = is4 ? (void *)&in4 : (void *)&in6;
    char bracketed[64];

    ck_assert(is4 || inet_pton(AF_INET6, text, &in6.sin6_addr) == 1);
    ck_assert_msg(address_is_public(address) == addresses[_i].is_public, "%s", text);
    ck_assert_msg(address_text_may_be_public(text, strlen(text)) == addresses[_i].is_public, "%s",
                  text);
    int len = snprintf(bracketed, sizeof(bracketed), "[%s]", text);
    ck_assert(is4 || address_text_may_be_public(bracketed, (size_t)len) == addresses[_i].is_public);
}
END_TEST

START_TEST(what_is_no_internet_address_is_not_public)
{
    const struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/tmp/x" };

    ck_assert(!address_is_public((const void *)&un));
}
END_TEST

START_TEST(a_name_is_judged_when_it_is_looked_up)
{
    static const char *const names[] = {
        "localhost",  "example.com",
        "",           "[",
        "[]",         "127.1",
        "0x7f000001", "a-name-that-is-longer-than-any-address-of-the-internet.test"
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_msg(address_text_may_be_public(names[i], strlen(names[i])), "%s", names[i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("address");
    TCase *c = tcase_create("all");
    tcase_add_loop_test(c, an_address_is_public_or_not, 0, ADDRESS_COUNT);
    tcase_add_test(c, what_is_no_internet_address_is_not_public);
    tcase_add_test(c, a_name_is_judged_when_it_is_looked_up);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
