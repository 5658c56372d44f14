/* Three tables: what an end of a fetch means, what a status means, and what a status is called. */
#include "node/http_answer.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "node/kit.h"
#include <string.h>

enum { QUOTE_MAX_BYTES = 200, RETRY_AFTER_MOST_S = 86400, MS_PER_S = 1000 };

static const struct {
    int result;
    enum fail_code code;
} ends[] = {
    { OP_CANCELLED, FAIL_CANCELLED },
    { OP_TIMEOUT, FAIL_UP_TIMEOUT },
    { FETCH_E_URL, FAIL_TEMPLATE },
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

void http_answer_broken(int result, const char *text, struct fail *f)
{
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends[i].result != result)
            continue;
        fail_set(f, ends[i].code, "%s", text);
        return;
    }
    fail_set_fault(f, result);
}

/* ---- statuses ---- */

/* First match wins. */
static const struct {
    int from;
    int to;
    enum fail_code code;
} meanings[] = {
    { 401, 401, FAIL_UP_AUTH }, { 403, 403, FAIL_UP_AUTH },   { 408, 409, FAIL_UP_STATUS },
    { 429, 429, FAIL_UP_RATE }, { 500, 599, FAIL_UP_STATUS }, { 0, 999, FAIL_UP_REFUSED },
};

static const struct {
    int status;
    const char *name;
} names[] = {
    { 200, " OK" },
    { 201, " Created" },
    { 202, " Accepted" },
    { 204, " No Content" },
    { 301, " Moved Permanently" },
    { 302, " Found" },
    { 303, " See Other" },
    { 304, " Not Modified" },
    { 307, " Temporary Redirect" },
    { 308, " Permanent Redirect" },
    { 400, " Bad Request" },
    { 401, " Unauthorized" },
    { 402, " Payment Required" },
    { 403, " Forbidden" },
    { 404, " Not Found" },
    { 405, " Method Not Allowed" },
    { 406, " Not Acceptable" },
    { 408, " Request Timeout" },
    { 409, " Conflict" },
    { 410, " Gone" },
    { 412, " Precondition Failed" },
    { 413, " Content Too Large" },
    { 415, " Unsupported Media Type" },
    { 418, " I'm a teapot" },
    { 422, " Unprocessable Content" },
    { 429, " Too Many Requests" },
    { 500, " Internal Server Error" },
    { 501, " Not Implemented" },
    { 502, " Bad Gateway" },
    { 503, " Service Unavailable" },
    { 504, " Gateway Timeout" },
};

static enum fail_code meaning_of(int status)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (status >= meanings[i].from && status <= meanings[i].to)
            return meanings[i].code;
    return FAIL_UP_REFUSED;
}

static const char *name_of(int status)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].status == status)
            return names[i].name;
    return "";
}

/* The beginning of the body as one line of text, "" if it is none. */
static void quote(const struct buf *body, char ret[QUOTE_MAX_BYTES + 1])
{
    size_t len = body->len < QUOTE_MAX_BYTES ? body->len : QUOTE_MAX_BYTES;
    len = jsonx_utf8_prefix(buf_text(body), len);
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)body->data[i];
        bool is_blank = c <= ' ' || c == 0x7f;
        if (!is_blank)
            ret[kept++] = (char)c;
        else if (kept > 0 && ret[kept - 1] != ' ')
            ret[kept++] = ' ';
    }
    while (kept > 0 && ret[kept - 1] == ' ')
        kept--;
    ret[kept] = '\0';
}

/* The form in seconds; a date says nothing without trusting the peer's clock. */
static int64_t retry_after_ms(const char *header)
{
    int64_t seconds = 0;
    for (const char *c = header; c != NULL && *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            return 0;
        seconds = seconds * 10 + (*c - '0');
        if (seconds > RETRY_AFTER_MOST_S)
            return RETRY_AFTER_MOST_S * (int64_t)MS_PER_S;
    }
    return seconds * MS_PER_S;
}

void http_answer_refused(const struct http_answer *a, struct fail *f)
{
    char text[QUOTE_MAX_BYTES + 1];
    quote(a->body, text);
    fail_set(f, meaning_of(a->status), "%s answered %d%s%s%s", a->where, a->status,
             name_of(a->status), *text == '\0' ? "" : ": ", text);
    f->retry_after_ms = retry_after_ms(a->retry_after);
}

/* ---- the value ---- */

static int text_value(const struct http_answer *a, json_t **ret, struct fail *f)
{
    const char *text = buf_text(a->body);
    size_t len = a->body->len;
    if (jsonx_utf8_prefix(text, len) != len || memchr(text, '\0', len) != NULL) {
        fail_set(f, FAIL_UP_GARBAGE, "%s answered with something that is not UTF-8 text", a->where);
        return KIT_E_FAILED;
    }
    *ret = json_stringn(text, len);
    return *ret != NULL ? 0 : err_trace(ERR_NOMEM);
}

static int parse(const struct http_answer *a, json_t **ret, struct fail *f)
{
    struct jsonx_error error;
    int r = jsonx_parse(buf_text(a->body), a->body->len, a->max_depth, ret, &error);
    if (r <= 0)
        return r == 0 ? 0 : err_trace(r);
    fail_set(f, FAIL_UP_GARBAGE,
             "%s answered with something that is not JSON: line %d, column %d: %s", a->where,
             error.line, error.column, error.message);
    return KIT_E_FAILED;
}

int http_answer_value(const struct http_answer *a, const struct http_config *c, json_t **ret,
                      struct fail *f)
{
    if (!c->parses_json)
        return text_value(a, ret, f);
    json_auto_t *json = NULL;
    bool is_silent = a->body->len == 0 &&
                     (a->status == 204 || a->status == 205 || strcmp(c->method, "HEAD") == 0);
    int r = is_silent ? 0 : parse(a, &json, f);
    if (r != 0)
        return r;
    const json_t *chosen = c->select == NULL ? json : path_find_in(c->select, 0, json);
    if (c->select != NULL && chosen == NULL) {
        fail_set(f, FAIL_NODE, "%s answered with nothing at \"%s\"", a->where,
                 path_text(c->select));
        return KIT_E_FAILED;
    }
    /* Counting a reference changes nothing that a reader of the const value could see. */
    *ret = json_incref((json_t *)chosen);
    return 0;
}
