#include "node/http_url.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

enum { PORT_MAX = 65535, HTTP_PORT = 80, HTTPS_PORT = 443 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool ascii_equal(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len != b_len)
        return false;
    for (size_t i = 0; i < a_len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_host_char(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
}

static bool is_ip6_char(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f') || c == ':' || c == '.';
}

/* The length of the host at the beginning of text, 0 = there is none. */
static size_t host_length(const char *text, size_t len)
{
    size_t i = 0;
    if (len == 0 || text[0] != '[') {
        while (i < len && is_host_char(text[i]))
            i++;
        return i;
    }
    for (i = 1; i < len && is_ip6_char(text[i]);)
        i++;
    return i > 2 && i < len && text[i] == ']' ? i + 1 : 0;
}

static int read_port(const char *digits, size_t len, int *ret)
{
    int port = 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(digits[i]) || (port = port * 10 + (digits[i] - '0')) > PORT_MAX)
            return URL_E_WRONG;
    }
    if (port == 0)
        return URL_E_WRONG;
    *ret = port;
    return 0;
}

/* "host" or "host:port", and nothing else. */
static int read_host(const char *text, size_t len, struct url_host *ret)
{
    size_t host_len = host_length(text, len);
    if (host_len == 0)
        return URL_E_WRONG;
    *ret = (struct url_host){ .name = text, .len_bytes = host_len };
    if (host_len == len)
        return 0;
    if (text[host_len] != ':')
        return URL_E_WRONG;
    return read_port(text + host_len + 1, len - host_len - 1, &ret->port);
}

static const struct {
    const char *prefix;
    int port;
} schemes[] = { { "http://", HTTP_PORT }, { "https://", HTTPS_PORT } };

/* The length of the scheme with its slashes, 0 = not ours. */
static size_t scheme_length(const char *text, size_t len, int *ret_port)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t prefix_len = strlen(schemes[i].prefix);
        if (len < prefix_len || !ascii_equal(text, prefix_len, schemes[i].prefix, prefix_len))
            continue;
        *ret_port = schemes[i].port;
        return prefix_len;
    }
    return 0;
}

size_t url_authority_end(const char *text, size_t len_bytes)
{
    int port;
    size_t i = scheme_length(text, len_bytes, &port);
    if (i == 0)
        return 0;
    while (i < len_bytes && text[i] != '/' && text[i] != '?' && text[i] != '#')
        i++;
    return i;
}

static bool has_odd_byte(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f || text[i] == '\\')
            return true;
    return false;
}

int url_read(const char *text, size_t len_bytes, struct url_host *ret)
{
    int port = 0;
    size_t begin = scheme_length(text, len_bytes, &port);
    size_t end = url_authority_end(text, len_bytes);
    if (begin == 0 || has_odd_byte(text, len_bytes))
        return URL_E_WRONG;
    int r = read_host(text + begin, end - begin, ret);
    if (r == 0 && ret->port == 0)
        ret->port = port;
    return r;
}

int host_rule_read(const char *text, struct host_rule *ret)
{
    bool is_suffix = strncmp(text, "*.", 2) == 0;
    struct host_rule rule = { .is_suffix = is_suffix };
    rule.text = mem_strdup(is_suffix ? text + 1 : text);
    if (rule.text == NULL)
        return err_trace(ERR_NOMEM);
    int r = read_host(rule.text, strlen(rule.text), &rule.host);
    if (r == 0 && is_suffix && rule.host.len_bytes < 2)
        r = URL_E_WRONG;
    if (r != 0)
        host_rule_deinit(&rule);
    else
        *ret = rule;
    return r;
}

void host_rule_deinit(struct host_rule *rule)
{
    mem_free(rule->text);
    *rule = (struct host_rule){ .text = NULL };
}

bool host_rule_allows(const struct host_rule *rule, const struct url_host *host)
{
    const struct url_host *wanted = &rule->host;
    if (wanted->port != 0 && wanted->port != host->port)
        return false;
    if (!rule->is_suffix)
        return ascii_equal(wanted->name, wanted->len_bytes, host->name, host->len_bytes);
    if (host->len_bytes <= wanted->len_bytes)
        return false;
    const char *tail = host->name + host->len_bytes - wanted->len_bytes;
    return ascii_equal(wanted->name, wanted->len_bytes, tail, wanted->len_bytes);
}
