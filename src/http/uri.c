/*
 * One copy of the target is cut and decoded in place (decoding only shortens), a second one keeps
 * the path as it came.
 */
#include "http/uri.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of an escape, 1..255, or 0: not one that may stand in a text. */
static int escaped_byte(const char *at)
{
    int high = hex_digit(at[1]);
    int low = high < 0 ? -1 : hex_digit(at[2]);
    return low < 0 ? 0 : high * 16 + low;
}

static bool decode(char *text, bool has_plus)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        char c = *from;
        if (c == '%') {
            int byte = escaped_byte(from);
            if (byte == 0)
                return false;
            c = (char)byte;
            from += 2;
        } else if (c == '+' && has_plus) {
            c = ' ';
        }
        *to++ = c;
    }
    *to = '\0';
    size_t len = (size_t)(to - text);
    return jsonx_utf8_prefix(text, len) == len;
}

static bool split_path(struct uri *u, char *path)
{
    char *rest = path;
    if (*rest == '/')
        rest++;
    else if (strcmp(path, "*") != 0)
        return false;
    if (*rest == '\0')
        return true;
    for (char *segment; (segment = strsep(&rest, "/")) != NULL; u->segment_count++) {
        if (!decode(segment, false))
            return false;
        if (u->segment_count < URI_SEGMENTS_MAX)
            u->segments[u->segment_count] = segment;
    }
    return true;
}

static size_t count_char(const char *text, char c)
{
    size_t count = 0;
    for (; (text = strchr(text, c)) != NULL; text++)
        count++;
    return count;
}

static int split_query(struct uri *u, char *query)
{
    u->queries = mem_array(count_char(query, '&') + 1, sizeof(*u->queries));
    if (u->queries == NULL)
        return err_trace(ERR_NOMEM);
    for (char *pair; (pair = strsep(&query, "&")) != NULL;) {
        if (*pair == '\0')
            continue;
        char *value = pair + strcspn(pair, "=");
        if (*value != '\0')
            *value++ = '\0';
        if (!decode(pair, true) || !decode(value, true))
            return URI_E_BAD;
        u->queries[u->query_count++] = (struct uri_pair){ pair, value };
    }
    return 0;
}

/* RFC 9112, 3.2.2: the target may be a whole address; then its host counts and not the Host header.
 */
static int split_host(const char **raw, char **ret_host)
{
    static const char scheme[] = "http://";
    if (strncasecmp(*raw, scheme, sizeof(scheme) - 1) != 0)
        return 0;
    const char *host = *raw + sizeof(scheme) - 1;
    size_t len = strcspn(host, "/?");
    *ret_host = mem_strndup(host, len);
    *raw = host[len] == '/' ? host + len : "/";
    return *ret_host == NULL ? err_trace(ERR_NOMEM) : 0;
}

int uri_parse(const char *raw, struct uri *ret)
{
    int r = split_host(&raw, &ret->host);
    if (r != 0)
        return r;
    size_t path_len = strcspn(raw, "?");
    ret->path = mem_strndup(raw, path_len);
    ret->pool = mem_strdup(raw);
    if (ret->path == NULL || ret->pool == NULL)
        return err_trace(ERR_NOMEM);
    char *query = ret->pool + path_len;
    if (*query != '\0')
        *query++ = '\0';
    if (!split_path(ret, ret->pool))
        return URI_E_BAD;
    return split_query(ret, query);
}

void uri_deinit(struct uri *u)
{
    mem_free(u->path);
    mem_free(u->host);
    mem_free(u->pool);
    mem_free(u->queries);
    *u = (struct uri){ .path = NULL };
}

const char *uri_query(const struct uri *u, const char *name, size_t index)
{
    for (size_t i = 0; i < u->query_count; i++)
        if (strcmp(u->queries[i].name, name) == 0 && index-- == 0)
            return u->queries[i].value;
    return NULL;
}
