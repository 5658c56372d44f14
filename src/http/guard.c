/* The rules of guard.h. Names are compared as bytes: nothing here asks DNS, which is what an
 * attacker would answer for. */
#include "http/guard.h"
#include "base/err.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* ---- lists of the settings ---- */

static void list_deinit(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(items[i]);
    mem_free(items);
}

static int list_parse(const char *text, char ***ret, size_t *ret_count)
{
    size_t commas = 0;
    for (const char *p = text; *p != '\0'; p++)
        commas += *p == ',';
    *ret = mem_array(commas + 1, sizeof(**ret));
    if (*ret == NULL)
        return err_trace(ERR_NOMEM);
    for (const char *p = text; *p != '\0';) {
        p += strspn(p, ", \t");
        size_t len = strcspn(p, ", \t");
        if (len == 0)
            break;
        if (((*ret)[*ret_count] = mem_strndup(p, len)) == NULL)
            return err_trace(ERR_NOMEM);
        ++*ret_count;
        p += len;
    }
    return 0;
}

int guard_init(struct guard *g, const struct conf *conf, bool is_local)
{
    *g = (struct guard){ .is_local = is_local };
    const char *keys = strcmp(conf->auth, "off") == 0 ? "" : conf->api_keys;
    int r = list_parse(keys, &g->keys, &g->key_count);
    if (r == 0)
        r = list_parse(conf->cors_origins, &g->origins, &g->origin_count);
    for (size_t i = 0; i < g->origin_count; i++)
        g->is_any_origin |= strcmp(g->origins[i], "*") == 0;
    return r;
}

void guard_deinit(struct guard *g)
{
    list_deinit(g->keys, g->key_count);
    list_deinit(g->origins, g->origin_count);
    *g = (struct guard){ .keys = NULL };
}

bool guard_is_open(const struct guard *g)
{
    return g->key_count == 0;
}

/* ---- hosts and origins ---- */

struct host {
    const char *text; /* without brackets */
    size_t len;
    bool is_v6;
};

static bool is_port(const char *text)
{
    return text[0] == '\0' ||
           (text[0] == ':' && strspn(text + 1, "0123456789") == strlen(text + 1));
}

static bool host_parse(const char *text, struct host *ret)
{
    ret->is_v6 = text[0] == '[';
    ret->text = text + ret->is_v6;
    ret->len = strcspn(ret->text, ret->is_v6 ? "]" : ":");
    const char *behind = ret->text + ret->len;
    if (ret->is_v6 && *behind++ != ']')
        return false;
    return ret->len > 0 && is_port(behind);
}

/* The part behind "scheme://", or NULL ("null" is what a browser says for a page without an
 * origin). */
static const char *origin_host(const char *origin)
{
    const char *at = strstr(origin, "://");
    return at == NULL ? NULL : at + 3;
}

static bool host_is_name(struct host h, const char *name)
{
    return strlen(name) == h.len && strncasecmp(h.text, name, h.len) == 0;
}

static bool host_ends_with(struct host h, const char *tail)
{
    size_t len = strlen(tail);
    return h.len > len && strncasecmp(h.text + h.len - len, tail, len) == 0;
}

static bool host_is_loopback_address(struct host h)
{
    char text[INET6_ADDRSTRLEN];
    if (h.len >= sizeof(text))
        return false;
    memcpy(text, h.text, h.len);
    text[h.len] = '\0';
    struct in6_addr v6;
    struct in_addr v4;
    if (h.is_v6)
        return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
    return inet_pton(AF_INET, text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

bool guard_is_loopback_host(const char *host)
{
    struct host h;
    if (!host_parse(host, &h))
        return false;
    if (host_is_loopback_address(h))
        return true;
    return !h.is_v6 && (host_is_name(h, "localhost") || host_ends_with(h, ".localhost"));
}

static bool is_listed_origin(const struct guard *g, const char *origin)
{
    for (size_t i = 0; i < g->origin_count; i++)
        if (strcasecmp(g->origins[i], origin) == 0)
            return true;
    return false;
}

static bool is_listed_host(const struct guard *g, const char *host)
{
    struct host asked, listed;
    if (!host_parse(host, &asked))
        return false;
    for (size_t i = 0; i < g->origin_count; i++) {
        const char *text = origin_host(g->origins[i]);
        if (text != NULL && host_parse(text, &listed) && asked.is_v6 == listed.is_v6 &&
            asked.len == listed.len && strncasecmp(asked.text, listed.text, asked.len) == 0)
            return true;
    }
    return false;
}

static bool is_allowed_origin(const struct guard *g, const char *origin)
{
    const char *host = origin_host(origin);
    return g->is_any_origin || is_listed_origin(g, origin) ||
           (host != NULL && guard_is_loopback_host(host));
}

static bool is_allowed_host(const struct guard *g, const char *host)
{
    return g->is_any_origin || guard_is_loopback_host(host) || is_listed_host(g, host);
}

const char *guard_allow_origin(const struct guard *g, const char *origin)
{
    if (g->is_any_origin)
        return "*";
    return origin != NULL && is_allowed_origin(g, origin) ? origin : NULL;
}

enum fail_code guard_check_site(const struct guard *g, const struct guard_ask *ask,
                                const char **ret_why)
{
    if (!guard_is_open(g) || !g->is_local)
        return FAIL_NONE;
    if (ask->host != NULL && !is_allowed_host(g, ask->host)) {
        *ret_why = "this server answers to loopback names only; add the site to cors_origins";
        return FAIL_FORBIDDEN;
    }
    if (ask->origin != NULL && !is_allowed_origin(g, ask->origin)) {
        *ret_why = "pages of this origin may not call this server; add it to cors_origins";
        return FAIL_FORBIDDEN;
    }
    return FAIL_NONE;
}

/* ---- keys ---- */

/* Takes a time that depends on the length of `given` only. */
static bool is_same_secret(const char *given, const char *key)
{
    size_t given_len = strlen(given);
    size_t key_len = strlen(key);
    size_t differs = given_len ^ key_len;
    for (size_t i = 0; i < given_len; i++)
        differs |= (size_t)((unsigned char)given[i] ^ (unsigned char)key[i % (key_len + 1)]);
    return differs == 0;
}

static bool is_key(const struct guard *g, const char *given)
{
    bool is_good = false;
    for (size_t i = 0; i < g->key_count; i++)
        is_good |= is_same_secret(given, g->keys[i]);
    return is_good;
}

static bool has_key(const struct guard *g, const struct guard_ask *ask)
{
    static const char scheme[] = "Bearer ";
    if (ask->api_key != NULL && is_key(g, ask->api_key))
        return true;
    if (ask->authorization == NULL ||
        strncasecmp(ask->authorization, scheme, sizeof(scheme) - 1) != 0)
        return false;
    const char *token = ask->authorization + sizeof(scheme) - 1;
    return is_key(g, token + strspn(token, " "));
}

/* ---- content types ---- */

static bool is_type(const char *content_type, const char *type)
{
    size_t len = strlen(type);
    return strncasecmp(content_type, type, len) == 0 && strchr(" \t;", content_type[len]) != NULL;
}

/*
 * A page of another site may send text and forms without asking first. Text is taken nevertheless,
 * because the site was checked or a key is needed; a form with an Origin is no curl but a page.
 */
static bool is_json_type(const char *content_type, bool has_origin)
{
    if (content_type == NULL || content_type[0] == '\0')
        return true;
    return is_type(content_type, "application/json") || is_type(content_type, "text/plain") ||
           (is_type(content_type, "application/x-www-form-urlencoded") && !has_origin);
}

enum fail_code guard_check_route(const struct guard *g, unsigned flags, const struct guard_ask *ask,
                                 const char **ret_why)
{
    if (!guard_is_open(g) && (flags & ROUTE_OPEN) == 0 && !has_key(g, ask)) {
        *ret_why = "send a valid key as x-api-key or as Authorization: Bearer";
        return FAIL_UNAUTHORIZED;
    }
    if (guard_is_open(g) && (flags & ROUTE_ADMIN) != 0 && ask->is_forwarded) {
        *ret_why = "a server without keys takes this request directly only, not through a proxy";
        return FAIL_FORBIDDEN;
    }
    if (guard_is_open(g) && (flags & ROUTE_ADMIN) != 0 && ask->is_remote) {
        *ret_why = "a server without keys takes this request from its own machine only";
        return FAIL_FORBIDDEN;
    }
    if ((flags & ROUTE_BODY) != 0 && !is_json_type(ask->content_type, ask->origin != NULL)) {
        *ret_why = "send the body as application/json";
        return FAIL_MEDIA_TYPE;
    }
    return FAIL_NONE;
}

bool guard_is_forwarding_header(const char *name)
{
    static const char prefix[] = "x-forwarded-";
    return strncasecmp(name, prefix, sizeof(prefix) - 1) == 0 ||
           strcasecmp(name, "forwarded") == 0 || strcasecmp(name, "x-real-ip") == 0 ||
           strcasecmp(name, "via") == 0;
}
