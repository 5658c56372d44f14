#include "base/query.h"
#include "base/jsonx.h"
#include <stdbool.h>
#include <string.h>

void query_add_value(const json_t *value, struct buf *out)
{
    if (json_is_string(value))
        (void)buf_add(out, json_string_value(value), json_string_length(value));
    else
        jsonx_encode(value, out);
}

/* RFC 3986, 2.3 */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void query_add_percent(const char *bytes, size_t len_bytes, struct buf *out)
{
    for (size_t i = 0; i < len_bytes; i++)
        if (is_unreserved(bytes[i]))
            (void)buf_add_char(out, bytes[i]);
        else
            (void)buf_addf(out, "%%%02X", (unsigned)(unsigned char)bytes[i]);
}

static void add_pair(struct buf *url, const char *name, const json_t *value)
{
    struct buf text;
    if (json_is_null(value))
        return;
    buf_init(&text, QUERY_URL_MAX_BYTES);
    query_add_value(value, &text);
    (void)buf_add_char(url, memchr(buf_text(url), '?', url->len) == NULL ? '?' : '&');
    query_add_percent(name, strlen(name), url);
    (void)buf_add_char(url, '=');
    query_add_percent(buf_text(&text), text.len, url);
    if (url->fault == 0)
        url->fault = text.fault;
    buf_deinit(&text);
}

/* A list repeats its name, which is how most servers read one. */
void query_add(struct buf *url, json_t *query)
{
    const char *name;
    json_t *value;
    if (json_object_size(query) == 0)
        return;
    const char *fragment = memchr(buf_text(url), '#', url->len);
    if (fragment != NULL && url->fault == 0) { /* never sent, and in the way */
        url->len = (size_t)(fragment - url->data);
        url->data[url->len] = '\0';
    }
    json_object_foreach(query, name, value) {
        if (!json_is_array(value))
            add_pair(url, name, value);
        for (size_t i = 0; i < json_array_size(value) && url->fault == 0; i++)
            add_pair(url, name, json_array_get(value, i));
    }
}
