/* Failures of upstreams as sentences: a table by status, a table by fetch result, and the cleaning
 * of foreign words. */
#include "llm/openai_fail.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    HOST_BYTES = 280,
    QUOTE_BYTES = 300,      /* of the upstream's words */
    WORDS_MAX_BYTES = 1024, /* of them that are looked at */
    MASKED_MAX_BYTES = 8192,
    SECRET_PIECE_BYTES = 8, /* a shorter beginning of a secret gives nothing away */
    JSON_DEPTH = 20,
    DAY_MS = 86400000,
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
    format_host(p->base_url, host, sizeof host);
    fail_set(f, code, "%s at %s %s", p->name, host, sentence);
}

/* ---- cleaning the upstream's words ---- */

/* One line of valid UTF-8: control characters and blanks become one blank, bytes that are no UTF-8
 * become '?'. */
static void add_clean(struct buf *b, const char *bytes, size_t len_bytes)
{
    bool was_blank = true;
    for (size_t i = 0; i < len_bytes;) {
        size_t good = jsonx_utf8_prefix(bytes + i, len_bytes - i);
        for (size_t end = i + good; i < end; i++) {
            bool is_blank = (unsigned char)bytes[i] <= ' ' || bytes[i] == 0x7f;
            if (!is_blank || !was_blank)
                (void)buf_add_char(b, is_blank ? ' ' : bytes[i]); /* sticky */
            was_blank = is_blank;
        }
        if (i++ < len_bytes)
            (void)buf_add_char(b, '?'); /* sticky */
    }
}

static size_t common_prefix(const char *text, size_t text_len, const char *secret,
                            size_t secret_len)
{
    size_t n = 0;
    while (n < text_len && n < secret_len && text[n] == secret[n])
        n++;
    return n;
}

static bool is_key_char(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("-_.*", c) != NULL);
}

/* Servers quote a key with stars in its middle, so all that hangs on a beginning goes with it. */
static void mask(struct buf *b, const char *secret, size_t secret_len)
{
    struct buf out;
    size_t least = secret_len < SECRET_PIECE_BYTES ? secret_len : SECRET_PIECE_BYTES;
    if (least == 0 || b->len < least || b->fault != 0)
        return;
    buf_init(&out, MASKED_MAX_BYTES);
    for (size_t i = 0; i < b->len;) {
        size_t n = common_prefix(b->data + i, b->len - i, secret, secret_len);
        if (n < least) {
            (void)buf_add_char(&out, b->data[i++]); /* sticky */
            continue;
        }
        for (i += n; i < b->len && is_key_char(b->data[i]);)
            i++;
        (void)buf_add_str(&out, "****"); /* sticky */
    }
    buf_deinit(b);
    *b = out;
}

static bool is_secret_header(const char *name)
{
    static const char *const words[] = { "auth",   "token",   "secret",    "key",
                                         "cookie", "session", "signature", "password" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(name, words[i]) != NULL)
            return true;
    return false;
}

/* "Bearer abc": the words of a header's value, each on its own; short ones are no secrets. */
static void mask_words(struct buf *b, const char *value)
{
    while (*value != '\0') {
        size_t len = strcspn(value, " ");
        if (len >= SECRET_PIECE_BYTES)
            mask(b, value, len);
        value += len + strspn(value + len, " ");
    }
}

static void mask_all(struct buf *b, const struct llm_provider *p)
{
    const char *name;
    json_t *value;
    mask(b, p->api_key, strlen(p->api_key));
    json_object_foreach(p->headers, name,
                        value) if (is_secret_header(name) && json_is_string(value))
        mask_words(b, json_string_value(value));
}

/* Fills words with what may be shown of the upstream's text; with nothing if there is no memory to
 * clean it. */
static void clean(struct buf *words, const struct llm_provider *p, const char *text,
                  size_t len_bytes)
{
    buf_init(words, MASKED_MAX_BYTES);
    add_clean(words, text, len_bytes < WORDS_MAX_BYTES ? len_bytes : WORDS_MAX_BYTES);
    mask_all(words, p);
    if (words->fault != 0) {
        buf_deinit(words);
        return;
    }
    if (words->len > QUOTE_BYTES) {
        words->len = jsonx_utf8_prefix(words->data, QUOTE_BYTES);
        words->data[words->len] = '\0';
    }
    while (words->len > 0 && words->data[words->len - 1] == ' ')
        words->data[--words->len] = '\0';
}

/* ---- finding the upstream's words ---- */

/* The string in {"error":{"message":"..."}} and its many variants, or NULL. */
static const json_t *find_message(const json_t *json)
{
    static const char *const keys[] = { "error", "message", "detail", "msg" };
    for (int depth = 0; depth < 3 && json_is_object(json); depth++) {
        const json_t *inner = NULL;
        for (size_t i = 0; i < sizeof keys / sizeof *keys && inner == NULL; i++)
            inner = json_object_get(json, keys[i]);
        json = inner;
    }
    return json_is_string(json) ? json : NULL;
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
    else if (r != 0 && len_bytes > 0 && *body != '<')
        clean(words, p, body, len_bytes);
    else
        clean(words, p, "", 0);
    json_decref(json);
}

/* ---- by status ---- */

static const struct status {
    int status;
    const char *reason;
    enum fail_code code;
} statuses[] = {
    { 400, "Bad Request", FAIL_UP_REFUSED },
    { 401, "Unauthorized", FAIL_UP_AUTH },
    { 402, "Payment Required", FAIL_UP_REFUSED },
    { 403, "Forbidden", FAIL_UP_AUTH },
    { 404, "Not Found", FAIL_UP_REFUSED },
    { 405, "Method Not Allowed", FAIL_UP_REFUSED },
    { 408, "Request Timeout", FAIL_UP_STATUS },
    { 409, "Conflict", FAIL_UP_STATUS },
    { 413, "Content Too Large", FAIL_UP_REFUSED },
    { 415, "Unsupported Media Type", FAIL_UP_REFUSED },
    { 422, "Unprocessable Content", FAIL_UP_REFUSED },
    { 429, "Too Many Requests", FAIL_UP_RATE },
    { 500, "Internal Server Error", FAIL_UP_STATUS },
    { 501, "Not Implemented", FAIL_UP_STATUS },
    { 502, "Bad Gateway", FAIL_UP_STATUS },
    { 503, "Service Unavailable", FAIL_UP_STATUS },
    { 504, "Gateway Timeout", FAIL_UP_STATUS },
    { 529, "Overloaded", FAIL_UP_STATUS },
};

static struct status status_find(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return statuses[i];
    return (struct status){ status, "", status >= 500 ? FAIL_UP_STATUS : FAIL_UP_REFUSED };
}

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
    struct status row = status_find(status);
    struct buf words;
    char host[HOST_BYTES];
    char advice[160] = "";
    format_host(p->base_url, host, sizeof host);
    quote(&words, p, body, len_bytes);
    if (status == 401)
        format_advice(p, advice, sizeof advice);
    fail_set(f, row.code, "%s at %s answered %d%s%s%s%s%s", p->name, host, status,
             *row.reason != '\0' ? " " : "", row.reason, words.len > 0 ? ": " : "",
             buf_text(&words), advice);
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
    format_host(p->base_url, host, sizeof host);
    fail_set(f, FAIL_UP_STATUS, "%s at %s reported an error in its answer%s%s", p->name, host,
             words.len > 0 ? ": " : "", buf_text(&words));
    buf_deinit(&words);
    json_decref(value);
}

/* ---- by result of the fetch ---- */

enum limit { LIMIT_NONE, LIMIT_CONNECT, LIMIT_FIRST_BYTE, LIMIT_IDLE, LIMIT_BYTES };

/* before NULL: the text of the fetch says it, with host and port. Else the limit stands between the
 * two. */
static const struct fetch_row {
    int result;
    enum fail_code code;
    enum limit limit;
    const char *before;
    const char *after;
} fetch_rows[] = {
    { FETCH_E_URL, FAIL_NO_PROVIDER, LIMIT_NONE, NULL, NULL },
    { FETCH_E_RESOLVE, FAIL_UP_CONNECT, LIMIT_NONE, NULL, NULL },
    { FETCH_E_CONNECT, FAIL_UP_CONNECT, LIMIT_NONE, NULL, NULL },
    { FETCH_E_TLS, FAIL_UP_CONNECT, LIMIT_NONE, NULL, NULL },
    { FETCH_E_CUT, FAIL_UP_CUT, LIMIT_NONE, NULL, NULL },
    { FETCH_E_PROTOCOL, FAIL_UP_GARBAGE, LIMIT_NONE, NULL, NULL },
    { FETCH_E_TOTAL_TIMEOUT, FAIL_UP_TIMEOUT, LIMIT_NONE, NULL, NULL },
    { OP_TIMEOUT, FAIL_UP_TIMEOUT, LIMIT_NONE, NULL, NULL },
    { FETCH_E_CONNECT_TIMEOUT, FAIL_UP_TIMEOUT, LIMIT_CONNECT, "could not be connected to within",
      "ms (connect_ms)" },
    { FETCH_E_FIRST_BYTE_TIMEOUT, FAIL_UP_TIMEOUT, LIMIT_FIRST_BYTE,
      "did not begin to answer within", "ms (first_byte_ms)" },
    { FETCH_E_IDLE_TIMEOUT, FAIL_UP_TIMEOUT, LIMIT_IDLE, "fell silent for",
      "ms in its answer (idle_ms)" },
    { FETCH_E_TOO_LARGE, FAIL_UP_TOO_LARGE, LIMIT_BYTES, "sent more than", "bytes (max_bytes)" },
};

static long long limit_of(const struct openai_limits *l, enum limit limit)
{
    const int64_t values[] = { [LIMIT_NONE] = 0,
                               [LIMIT_CONNECT] = l->connect_ms,
                               [LIMIT_FIRST_BYTE] = l->first_byte_ms,
                               [LIMIT_IDLE] = l->idle_ms,
                               [LIMIT_BYTES] = l->max_bytes };
    return values[limit];
}

void openai_fail_fetch(struct fail *f, const struct llm_provider *p, int result, const char *text,
                       const struct openai_limits *limits)
{
    char sentence[120];
    for (size_t i = 0; i < sizeof fetch_rows / sizeof *fetch_rows; i++) {
        const struct fetch_row *row = &fetch_rows[i];
        if (row->result != result)
            continue;
        if (row->before == NULL) {
            fail_set(f, row->code, "%s: %s", p->name, text);
            return;
        }
        (void)snprintf(sentence, sizeof sentence, "%s %lld %s", row->before,
                       limit_of(limits, row->limit), row->after); /* fits */
        openai_fail_say(f, p, row->code, sentence);
        return;
    }
    fail_set_fault(f, result);
}

/* ---- Retry-After ---- */

static int64_t clamp_ms(double ms)
{
    return ms > 0 ? (int64_t)fmin(ms, DAY_MS) : 0;
}

static bool parse_number(const char *text, double *ret)
{
    char *end;
    *ret = strtod(text, &end);
    return end != text && end[strspn(end, " ")] == '\0' && isfinite(*ret);
}

/* "Sun, 22 Nov 2026 19:40:00 GMT" (RFC 9110 5.6.7); its two obsolete forms are not read. */
static bool parse_date(const char *text, int64_t *ret_wall_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = { .tm_isdst = 0 };
    char month[4];
    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &tm.tm_mday, month, &tm.tm_year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
        return false;
    const char *found = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (found == NULL || (found - months) % 3 != 0)
        return false;
    tm.tm_mon = (int)(found - months) / 3;
    tm.tm_year -= 1900;
    *ret_wall_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

int64_t openai_retry_after_ms(const char *ms, const char *retry_after, int64_t now_wall_ms)
{
    double number;
    int64_t date_ms;
    if (ms != NULL && parse_number(ms, &number))
        return clamp_ms(number);
    if (retry_after == NULL)
        return 0;
    if (parse_number(retry_after, &number))
        return clamp_ms(number * 1000);
    return parse_date(retry_after, &date_ms) ? clamp_ms((double)(date_ms - now_wall_ms)) : 0;
}
