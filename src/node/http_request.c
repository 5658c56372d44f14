/* The state poured into an `http` node's fields, and what must not come out of that. */
#include "node/http_request.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/query.h"
#include "node/kit.h"
#include <string.h>

static const struct http_config *config_of(const struct task *task)
{
    return task->node->config;
}

/* ---- url ---- */

/* Capitals only, as templates write them. */
static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c - 'A' + 10;
}

/*
 * What chooses the server is taken as it stood in the state: an encoded colon is no colon, and
 * allow_hosts judges the outcome. Only what stands before the first literal slash is touched; there
 * every percent sign is the template's own.
 */
static void decode_front(struct buf *url)
{
    size_t end = url_authority_end(buf_text(url), url->len);
    if (url->fault != 0 || url->len == 0)
        return;
    if (end == 0)
        end = strcspn(url->data, "/?#");
    size_t to = 0;
    for (size_t i = 0; i < end; i++, to++) {
        bool is_escape = url->data[i] == '%' && i + 2 < end && is_hex(url->data[i + 1]) &&
                         is_hex(url->data[i + 2]);
        url->data[to] = url->data[i];
        if (!is_escape)
            continue;
        url->data[to] = (char)(hex_digit(url->data[i + 1]) * 16 + hex_digit(url->data[i + 2]));
        i += 2;
    }
    memmove(url->data + to, url->data + end, url->len - end + 1);
    url->len -= end - to;
}

/* Without a template in the host, configure() has judged it already; what was wrong is then behind
 * the host. */
static int check_host(struct http_request *req, const struct http_config *c, struct fail *f)
{
    int r = url_read(buf_text(&req->url), req->url.len, &req->host);
    if (r == 0 && (!c->has_templated_host || http_host_is_allowed(c, &req->host)))
        return 0;
    if (!c->has_templated_host)
        fail_set(f, FAIL_TEMPLATE, "\"url\" does not render to an http or https address");
    else if (r != 0)
        fail_set(f, FAIL_UP_FORBIDDEN_HOST,
                 "\"url\" renders to something whose host cannot be told for sure");
    else
        fail_set(f, FAIL_UP_FORBIDDEN_HOST, "%.*s:%d is not among the allow_hosts of the node",
                 (int)req->host.len_bytes, req->host.name, req->host.port);
    return KIT_E_FAILED;
}

static int render_url(struct http_request *req, const struct task *task, struct fail *f)
{
    const struct http_config *c = config_of(task);
    json_auto_t *query = NULL;
    template_render(c->url, &task->scope, ESCAPE_PERCENT, &req->url);
    if (c->has_templated_host)
        decode_front(&req->url);
    int r = c->query == NULL ? 0 : kit_json(task, c->query, "query", &query, f);
    if (r != 0)
        return r;
    query_add(&req->url, query);
    r = kit_check(&req->url, "url", f);
    return r != 0 ? r : check_host(req, c, f);
}

/* ---- headers ---- */

static bool can_stand_in_header(const struct buf *text)
{
    return strlen(buf_text(text)) == text->len && strpbrk(buf_text(text), "\r\n") == NULL;
}

static int add_header(struct http_request *req, const char *name, const json_t *value,
                      struct fail *f)
{
    struct buf text;
    buf_init(&text, QUERY_URL_MAX_BYTES);
    query_add_value(value, &text);
    int r = kit_check(&text, "headers", f);
    if (r == 0 && !can_stand_in_header(&text)) {
        fail_set(f, FAIL_TEMPLATE, "the header \"%s\" renders to more than one line", name);
        r = KIT_E_FAILED;
    }
    char *copy = r == 0 ? buf_take(&text, NULL) : NULL;
    buf_deinit(&text);
    if (r != 0)
        return r;
    if (copy == NULL)
        return err_trace(ERR_NOMEM);
    req->values[req->header_count] = copy;
    req->headers[req->header_count++] = (struct fetch_header){ name, copy };
    return 0;
}

static int render_headers(struct http_request *req, const struct task *task, struct fail *f)
{
    const struct http_config *c = config_of(task);
    const char *name;
    json_t *value;
    int r = c->headers == NULL ? 0 : kit_json(task, c->headers, "headers", &req->rendered, f);
    if (r != 0)
        return r;
    json_object_foreach(req->rendered, name, value)
    {
        if (json_is_null(value))
            continue; /* like a path to nothing */
        r = add_header(req, name, value, f);
        if (r != 0)
            return r;
    }
    return 0;
}

/* ---- body ---- */

static int render_body(struct http_request *req, const struct task *task, struct fail *f)
{
    const struct http_config *c = config_of(task);
    json_auto_t *body = NULL;
    int r = c->body == NULL ? 0 : kit_json(task, c->body, "body", &body, f);
    if (r != 0 || body == NULL)
        return r;
    req->has_body = true;
    query_add_value(body, &req->body);
    if (!json_is_string(body) && !c->has_type_header)
        req->headers[req->header_count++] =
            (struct fetch_header){ "Content-Type", "application/json" };
    return kit_check(&req->body, "body", f);
}

int http_request_render(struct http_request *req, const struct task *task, struct fail *f)
{
    *req = (struct http_request){ .rendered = NULL };
    buf_init(&req->url, QUERY_URL_MAX_BYTES);
    buf_init(&req->body, task_max_bytes(task));
    int r = render_url(req, task, f);
    if (r == 0)
        r = render_headers(req, task, f);
    if (r == 0)
        r = render_body(req, task, f);
    return r;
}

void http_request_deinit(struct http_request *req)
{
    buf_deinit(&req->url);
    buf_deinit(&req->body);
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        mem_free(req->values[i]);
    json_decref(req->rendered);
}
