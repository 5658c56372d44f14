/* See the header. What results and statuses mean is in llm/upstream.c, the same for models. */
#include "node/http_answer.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "llm/upstream.h"
#include "node/kit.h"
#include <string.h>

enum { QUOTE_MAX_BYTES = 200 };

void http_answer_broken(int result, const char *text, struct fail *f)
{
    enum fail_code code = result == FETCH_E_URL ? FAIL_TEMPLATE : upstream_fetch_code(result);
    if (code == FAIL_NONE)
        fail_set_fault(f, result);
    else
        fail_set(f, code, "%s", text);
}

void http_answer_refused(const struct http_answer *a, struct fail *f)
{
    const char *name = upstream_status_name(a->status);
    struct buf words;
    buf_init(&words, a->body->max);
    upstream_add_words(&words, buf_text(a->body), a->body->len);
    for (int i = 0; i < a->request->header_count; i++)
        upstream_mask_header(&words, a->request->headers[i].name, a->request->headers[i].value);
    if (words.fault != 0)
        buf_clear(&words);
    upstream_cut_words(&words, QUOTE_MAX_BYTES);
    fail_set(f, upstream_status_code(a->status), "%s answered %d%s%s%s%s", a->where, a->status,
             *name == '\0' ? "" : " ", name, words.len == 0 ? "" : ": ", buf_text(&words));
    f->retry_after_ms = a->retry_after_ms;
    buf_deinit(&words);
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
