#ifndef ANABRANCH_NODE_HTTP_URL_H
#define ANABRANCH_NODE_HTTP_URL_H
/*
 * Where an `http` node's request goes, judged before libcurl sees it. The grammar is narrower than
 * RFC 3986 on purpose: whatever two parsers could read in two ways (user info, backslashes, percent
 * signs in the host, blanks) is no address here.
 */
#include <stdbool.h>
#include <stddef.h>

/* A host as it stands in an address; brackets of IPv6 included. Borrowed from the text it was read
 * from. */
struct url_host {
    const char *name;
    size_t len_bytes;
    int port; /* 1..65535; 0 = not said */
};

enum { URL_E_WRONG = 1 };
/* An absolute http or https address. The port is filled with the scheme's own if not said. 0 or
 * URL_E_WRONG. */
int url_read(const char *text, size_t len_bytes, struct url_host *ret);
/* The bytes up to the end of the authority ("http://host:1" of "http://host:1/x?y"), or 0: there is
 * none. */
size_t url_authority_end(const char *text, size_t len_bytes);

/* One entry of allow_hosts: "example.com", "*.example.com", "[::1]:8080". Without a port, any port.
 */
struct host_rule {
    char *text; /* owned; suffixes with their dot, without the star */
    struct url_host host;
    bool is_suffix;
};
/* 0, URL_E_WRONG, or a fault. */
int host_rule_read(const char *text, struct host_rule *ret);
void host_rule_deinit(struct host_rule *rule);
bool host_rule_allows(const struct host_rule *rule, const struct url_host *host);

/* ASCII letters only, whatever the locale: a Turkish one has other ideas of i and I. */
bool ascii_equal(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
