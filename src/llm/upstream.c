/* Tables by result of a fetch and by status, and the reading, cleaning and masking of foreign text.
 */
#include "llm/upstream.h"
#include "base/jsonx.h"
#include "loop/fetch.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    DAY_MS = 86400000,
    MS_PER_S = 1000,
    SECRET_PIECE_BYTES = 8, /* a shorter beginning of a secret gives nothing away */
};

/* ---- codes ---- */

static const struct {
    int result;
    enum fail_code code;
} results[] = {
    { OP_CANCELLED, FAIL_CANCELLED },
    { OP_TIMEOUT, FAIL_UP_TIMEOUT },
    { FETCH_E_RESOLVE, FAIL_UP_CONNECT },
    { FETCH_E_CONNECT, FAIL_UP_CONNECT },
    { FETCH_E_TLS, FAIL_UP_CONNECT },
    { FETCH_E_CONNECT_TIMEOUT, FAIL_UP_TIMEOUT },
    { FETCH_E_FIRST_BYTE_TIMEOUT, FAIL_UP_TIMEOUT },
    { FETCH_E_IDLE_TIMEOUT, FAIL_UP_TIMEOUT },
    { FETCH_E_TOTAL_TIMEOUT, FAIL_UP_TIMEOUT },
    { FETCH_E_TOO_LARGE, FAIL_UP_TOO_LARGE },
    { FETCH_E_CUT, FAIL_UP_CUT },
    { FETCH_E_PROTOCOL, FAIL_UP_GARBAGE },
};

enum fail_code upstream_fetch_code(int result)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++)
        if (results[i].result == result)
            return results[i].code;
    return FAIL_NONE;
}

/* Ranges; the first match wins. */
static const struct {
    int from;
    int to;
    enum fail_code code;
} codes[] = {
    { 401, 401, FAIL_UP_AUTH }, { 403, 403, FAIL_UP_AUTH },   { 408, 409, FAIL_UP_STATUS },
    { 429, 429, FAIL_UP_RATE }, { 500, 999, FAIL_UP_STATUS },
};

enum fail_code upstream_status_code(int status)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (status >= codes[i].from && status <= codes[i].to)
            return codes[i].code;
    return FAIL_UP_REFUSED;
}

static const struct {
    int status;
    const char *name;
} names[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 418, "I'm a teapot" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 529, "Overloaded" }, /* of no RFC, but model providers use it */
};

const char *upstream_status_name(int status)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].status == status)
            return names[i].name;
    return "";
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
    *ret_wall_ms = (int64_t)timegm(&tm) * MS_PER_S;
    return true;
}

int64_t upstream_retry_after_ms(const char *header, int unit_ms, int64_t now_wall_ms)
{
    double number;
    int64_t date_ms;
    if (header == NULL)
        return 0;
    if (parse_number(header, &number))
        return clamp_ms(number * unit_ms);
    return parse_date(header, &date_ms) ? clamp_ms((double)(date_ms - now_wall_ms)) : 0;
}

/* ---- words ---- */

void upstream_add_words(struct buf *b, const char *bytes, size_t len_bytes)
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
        if (i++ < len_bytes) {
            (void)buf_add_char(b, '?'); /* sticky */
            was_blank = false;
        }
    }
}

void upstream_cut_words(struct buf *b, size_t max_bytes)
{
    if (b->len == 0)
        return;
    if (b->len > max_bytes)
        b->len = jsonx_utf8_prefix(b->data, max_bytes);
    while (b->len > 0 && b->data[b->len - 1] == ' ')
        b->len--;
    b->data[b->len] = '\0';
}

/* ---- secrets ---- */

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
void upstream_mask(struct buf *b, const char *secret, size_t secret_len)
{
    static const char stars[] = "****";
    struct buf out;
    size_t least = secret_len < SECRET_PIECE_BYTES ? secret_len : SECRET_PIECE_BYTES;
    if (least == 0 || b->len < least || b->fault != 0)
        return;
    buf_init(&out, b->len * strlen(stars)); /* at worst for each byte */
    for (size_t i = 0; i < b->len;) {
        size_t n = common_prefix(b->data + i, b->len - i, secret, secret_len);
        if (n < least) {
            (void)buf_add_char(&out, b->data[i++]); /* sticky */
            continue;
        }
        for (i += n; i < b->len && is_key_char(b->data[i]);)
            i++;
        (void)buf_add_str(&out, stars); /* sticky */
    }
    buf_deinit(b);
    *b = out;
}

static bool is_secret_header(const char *name)
{
    static const char *const words[] = { "auth",   "token",   "secret",    "key",
                                         "cookie", "session", "signature", "password" };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
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
            upstream_mask(b, value, len);
        value += len + strspn(value + len, " ");
    }
}

void upstream_mask_header(struct buf *b, const char *name, const char *value)
{
    if (is_secret_header(name))
        mask_words(b, value);
}
