/* Who, what they said without our secrets, and which limit of ours was passed. */
#include "llm/openai_fail.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "llm/upstream.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    HOST_BYTES = 280,
    QUOTE_BYTES = 300,      /* of the upstream's words */
    WORDS_MAX_BYTES = 1024, /* of them that are looked at */
    JSON_DEPTH = 20,
    MESSAGE_DEPTH = 4, /* [{"error":{"message":"..."}}] */
};

/* ---- who ---- */

/* "host:port" of a base URL; a user part, a path and a query may hold secrets and are left out. */
static void format_host(const char *url, char *ret, size_t size)
{
    const char *host = strstr(url, "://");
    bool is_tls = strncasecmp(url, "https:", 6) == 0;
    host = host != NULL ? host + 3 : url;
    size_t len = strcspn(host, "/?#");
    const char *at = memchr(host, '@', len);
    for (; at != NULL; at = memchr(host, '@', len)) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    const char *bracket = memchr(host, ']', len);
    const char *from = bracket != NULL ? bracket : host;
    bool has_port = memchr(from, ':', len - (size_t)(from - host)) != NULL;
    (void)snprintf(ret, size, "%.*s%s", (int)len, host,
                   has_port ? ""
                   : is_tls ? ":443"
                            : ":80"); /* may be cut */
}

void openai_fail_say(struct fail *f, const struct llm_provider *p, enum fail_code code,
                     const char *sentence)
{
    char host[HOST_BYTES];
    format_host(p->base_url, host, sizeof(host));
    fail_set(f, code, "%s at %s %s", p->name, host, sentence);
}

/* ---- cleaning the upstream's words ---- */

static void mask_all(struct buf *b, const struct llm_provider *p)
{
    const char *name;
    json_t *value;
    upstream_mask(b, p->api_key, strlen(p->api_key));
    json_object_foreach(p->headers, name, value)
    {
        if (json_is_string(value))
            upstream_mask_header(b, name, json_string_value(value));
    }
}

/* Fills words with what may be shown of the upstream's text; with nothing if there is no memory to
 * clean it. */
static void clean(struct buf *words, const struct llm_provider *p, const char *text,
                  size_t len_bytes)
{
    buf_init(words, WORDS_MAX_BYTES);
    upstream_add_words(words, text, len_bytes < WORDS_MAX_BYTES ? len_bytes : WORDS_MAX_BYTES);
    mask_all(words, p);
    if (words->fault != 0) {
        buf_deinit(words);
        return;
    }
    upstream_cut_words(words, QUOTE_BYTES);
}

/* ---- finding the upstream's words ---- */

/* The value that leads to the message: the first of the known keys, or the first element. */
static const json_t *step_in(const json_t *json)
{
    static const char *const keys[] = { "error", "message", "detail", "msg" };
    const json_t *inner = json_array_get(json, 0);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && inner == NULL; i++)
        inner = json_object_get(json, keys[i]);
    return inner;
}

/* The string in {"error":{"message":"..."}} and its many variants, or NULL. */
static const json_t *find_message(const json_t *json)
{
    for (int depth = 0; depth < MESSAGE_DEPTH && json != NULL && !json_is_string(json); depth++)
        json = step_in(json);
    return json_is_string(json) ? json : NULL;
}

static bool is_html(const char *body, size_t len_bytes)
{
    size_t i = 0;
    while (i < len_bytes && isspace((unsigned char)body[i]))
        i++;
    return i < len_bytes && body[i] == '<';
}

/* A page of HTML says nothing in 300 bytes. */
static void quote(struct buf *words, const struct llm_provider *p, const char *body,
                  size_t len_bytes)
{
    struct jsonx_error error;
    json_t *json = NULL;
    int r = jsonx_parse(body, len_bytes, JSON_DEPTH, &json, &error);
    const json_t *message = find_message(json);
    if (message != NULL)
        clean(words, p, json_string_value(message), json_string_length(message));
    else
        clean(words, p, body, r != 0 && !is_html(body, len_bytes) ? len_bytes : 0);
    json_decref(json);
}

/* ---- by status ---- */

static void format_advice(const struct llm_provider *p, char *ret, size_t size)
{
    bool has_key = p->api_key[0] != '\0';
    if (p->key_env != NULL)
        (void)snprintf(ret, size, has_key ? " (check %s)" : " (no key was sent; set %s)",
                       p->key_env);
    else
        (void)snprintf(ret, size,
                       has_key ? " (check the key of provider %s)"
                               : " (no key was sent; give provider %s an api_key_env)",
                       p->name); /* may be cut, as above */
}

void openai_fail_status(struct fail *f, const struct llm_provider *p, int status, const char *body,
                        size_t len_bytes, int64_t retry_after_ms)
{
    const char *name = upstream_status_name(status);
    struct buf words;
    char host[HOST_BYTES];
    char advice[160] = "";
    format_host(p->base_url, host, sizeof(host));
    quote(&words, p, body, len_bytes);
    if (status == 401)
        format_advice(p, advice, sizeof(advice));
    fail_set(f, upstream_status_code(status), "%s at %s answered %d%s%s%s%s%s", p->name, host,
             status, *name != '\0' ? " " : "", name, words.len > 0 ? ": " : "", buf_text(&words),
             advice);
    f->retry_after_ms = retry_after_ms;
    buf_deinit(&words);
}

void openai_fail_error(struct fail *f, const struct llm_provider *p, const char *json,
                       size_t len_bytes)
{
    struct jsonx_error error;
    struct buf words;
    json_t *value = NULL;
    char host[HOST_BYTES];
    (void)jsonx_parse(json, len_bytes, JSON_DEPTH, &value, &error); /* no message, then */
    const json_t *message = json_is_string(value) ? value : find_message(value);
    clean(&words, p, message != NULL ? json_string_value(message) : "",
          json_string_length(message));
    format_host(p->base_url, host, sizeof(host));
    fail_set(f, FAIL_UP_STATUS, "%s at %s reported an error in its answer%s%s", p->name, host,
             words.len > 0 ? ": " : "", buf_text(&words));
    buf_deinit(&words);
    json_decref(value);
}

/* ---- by result of the fetch ---- */

enum limit { LIMIT_CONNECT, LIMIT_FIRST_BYTE, LIMIT_IDLE, LIMIT_BYTES };

/* Those with a limit of ours, which stands between the two. For the others the text of the fetch
 * says it all, with host and port. */
static const struct fetch_row {
    int result;
    enum limit limit;
    const char *before;
    const char *after;
} fetch_rows[] = {
    { FETCH_E_CONNECT_TIMEOUT, LIMIT_CONNECT, "could not be connected to within",
      "ms (connect_ms)" },
    { FETCH_E_FIRST_BYTE_TIMEOUT, LIMIT_FIRST_BYTE, "did not begin to answer within",
      "ms (first_byte_ms)" },
    { FETCH_E_IDLE_TIMEOUT, LIMIT_IDLE, "fell silent for", "ms in its answer (idle_ms)" },
    { FETCH_E_TOO_LARGE, LIMIT_BYTES, "sent more than", "bytes (max_bytes)" },
};

static const struct fetch_row *fetch_row_find(int result, const struct openai_limits *limits)
{
    for (size_t i = 0; i < sizeof(fetch_rows) / sizeof(*fetch_rows); i++)
        if (fetch_rows[i].result == result && limits != NULL)
            return &fetch_rows[i];
    return NULL;
}

static long long limit_of(const struct openai_limits *l, enum limit limit)
{
    const int64_t values[] = { [LIMIT_CONNECT] = l->connect_ms,
                               [LIMIT_FIRST_BYTE] = l->first_byte_ms,
                               [LIMIT_IDLE] = l->idle_ms,
                               [LIMIT_BYTES] = l->max_bytes };
    return values[limit];
}

void openai_fail_fetch(struct fail *f, const struct llm_provider *p, int result, const char *text,
                       const struct openai_limits *limits)
{
    char sentence[120];
    const struct fetch_row *row = fetch_row_find(result, limits);
    enum fail_code code = result == FETCH_E_URL ? FAIL_NO_PROVIDER : upstream_fetch_code(result);
    if (code == FAIL_NONE) {
        fail_set_fault(f, result);
    } else if (row == NULL) {
        fail_set(f, code, "%s: %s", p->name, text);
    } else {
        (void)snprintf(sentence, sizeof(sentence), "%s %lld %s", row->before,
                       limit_of(limits, row->limit), row->after); /* fits */
        openai_fail_say(f, p, code, sentence);
    }
}
