/*
 * http.request: one request of a script, as a thing to wait for. api.lua makes http.get and the answer's
 * methods of the primitive
 *
 *     send({method, url, headers, query, body, json, timeout, max_bytes}, what) -> status, headers, body
 *
 * An answer of any status is an answer. What goes wrong before there is one is raised, with the class
 * that an `http` node would fail with.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "base/query.h"
#include "llm/upstream.h"
#include "script/internal.h"
#include <ctype.h>
#include <math.h>
#include <string.h>

enum { HEADERS_MAX = 64, MS_PER_S = 1000, TEXT_BYTES = 300 };

struct http_wait {
    struct wait wait; /* first member */
    struct fetch *fetch;
    bool is_busy; /* the fetch will call back */
    int status;
    int result;
    char text[TEXT_BYTES]; /* why it failed */
    struct buf body;
    json_t *headers; /* object: names in small letters */
};

/* ---- the fetch ---- */

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)tolower((unsigned char)*text);
}

/* Fields of one name are one, as RFC 9110, 5.3 has it. Without memory a header is lost, and then
 * the answer, see on_end(). */
static void take_header(struct http_wait *w, const char *name, const char *value)
{
    char *key MEM_AUTO(mem_freep) = mem_strdup(name);
    if (key == NULL)
        return;
    lower(key);
    const char *held = json_string_value(json_object_get(w->headers, key));
    char *joined MEM_AUTO(mem_freep) =
        held == NULL ? mem_strdup(value) : mem_printf("%s, %s", held, value);
    (void)json_object_set_new(w->headers, key, json_string(joined)); /* not UTF-8: left out */
}

static void on_head(void *arg, int status)
{
    struct http_wait *w = arg;
    size_t at = 0;
    const char *value = NULL;
    w->status = status;
    for (const char *name = fetch_header_next(w->fetch, &at, &value); name != NULL;
         name = fetch_header_next(w->fetch, &at, &value))
        take_header(w, name, value);
}

static void on_body(void *arg, const char *bytes, size_t len_bytes)
{
    struct http_wait *w = arg;
    (void)buf_add(&w->body, bytes, len_bytes); /* sticky */
}

static void wait_free(struct http_wait *w)
{
    buf_deinit(&w->body);
    json_decref(w->headers);
    mem_free(w);
}

static void on_end(void *arg, int result)
{
    struct http_wait *w = arg;
    w->is_busy = false;
    w->result = result == 0 && w->body.fault != 0 ? ERR_NOMEM : result;
    (void)snprintf(w->text, sizeof(w->text), "%s", fetch_error_text(w->fetch, result));
    w->fetch = NULL;
    if (w->wait.fiber == NULL)
        wait_free(w);
    else
        fiber_wake(w->wait.fiber);
}

static void drop(struct wait *wait)
{
    struct http_wait *w = (struct http_wait *)wait;
    if (w->is_busy)
        op_cancel(fetch_op(w->fetch)); /* on_end() frees it */
    else
        wait_free(w);
}

/* ---- the request ---- */

/* What of the request hangs on the Lua stack while it is made. */
struct request {
    json_t *spec;
    struct buf url;
    struct buf body;
    struct fetch_header headers[HEADERS_MAX + 1];
    int header_count;
};

static const char *add_headers(struct request *r)
{
    const char *name;
    json_t *value;
    bool has_type = false;
    json_object_foreach(json_object_get(r->spec, "headers"), name, value) {
        const char *text = json_string_value(value);
        if (text == NULL)
            return "headers must be strings";
        if (r->header_count == HEADERS_MAX)
            return "too many headers";
        has_type = has_type || strcasecmp(name, "content-type") == 0;
        r->headers[r->header_count++] = (struct fetch_header){ name, text };
    }
    if (json_object_get(r->spec, "json") != NULL && !has_type)
        r->headers[r->header_count++] =
            (struct fetch_header){ "Content-Type", "application/json" };
    return NULL;
}

static const char *add_body(struct request *r)
{
    const json_t *json = json_object_get(r->spec, "json");
    const json_t *body = json_object_get(r->spec, "body");
    if (body != NULL && !json_is_string(body))
        return "body must be a string; use json = for a table";
    if (body != NULL && json != NULL)
        return "either body or json";
    if (json_is_string(json))
        jsonx_encode(json, &r->body);
    else if (json != NULL)
        query_add_value(json, &r->body);
    else if (body != NULL)
        query_add_value(body, &r->body);
    return r->body.fault != 0 ? "the body is larger than max_state_bytes" : NULL;
}

/* NULL, or what is wrong. */
static const char *make_request(struct request *r)
{
    const char *url = json_string_value(json_object_get(r->spec, "url"));
    const json_t *query = json_object_get(r->spec, "query");
    if (url == NULL)
        return "url must be a string";
    if (query != NULL && !json_is_object(query))
        return "query must be a table with names";
    (void)buf_add_str(&r->url, url);
    query_add(&r->url, (json_t *)query); /* walked, not changed */
    if (r->url.fault != 0)
        return "the url is too long";
    const char *wrong = add_headers(r);
    return wrong != NULL ? wrong : add_body(r);
}

static int64_t milliseconds(const struct request *r, int64_t fallback)
{
    const json_t *timeout = json_object_get(r->spec, "timeout");
    double seconds = json_number_value(timeout);
    return seconds > 0 && seconds < 86400 ? (int64_t)ceil(seconds * MS_PER_S) : fallback;
}

static int64_t max_bytes(const struct request *r, int64_t most)
{
    int64_t own = json_integer_value(json_object_get(r->spec, "max_bytes"));
    return own > 0 && own < most ? own : most;
}

static int start(struct http_wait *w, const struct request *r, const struct script_call *c)
{
    const struct conf *conf = c->script->conf;
    const char *method = json_string_value(json_object_get(r->spec, "method"));
    bool has_body = r->body.len > 0 || json_object_get(r->spec, "body") != NULL;
    const struct fetch_request fetch = {
        .method = method != NULL ? method : has_body ? "POST" : "GET",
        .url = buf_text(&r->url),
        .headers = r->headers,
        .header_count = r->header_count,
        .body = has_body ? buf_text(&r->body) : NULL,
        .body_len_bytes = r->body.len,
        .total_ms = milliseconds(r, conf->http_timeout_ms),
        .max_bytes = max_bytes(r, conf->http_max_bytes),
        .on_head = on_head,
        .on_body = on_body,
        .on_end = on_end,
        .arg = w,
    };
    int result = fetch_start(c->options.fetcher, &fetch, &w->fetch);
    w->is_busy = result == 0;
    return result == 0 ? 0 : err_trace(result);
}

/* ---- what the script gets ---- */

static int raise(lua_State *L, struct fiber *f, const struct http_wait *w)
{
    enum fail_code code =
        w->result == FETCH_E_URL ? FAIL_NODE : upstream_fetch_code(w->result);
    struct fail *fail = trace_push_fail(L);
    if (code == FAIL_NONE)
        fail_set_fault(fail, w->result);
    else
        fail_set(fail, code, "%s", w->text);
    if (w->result == FETCH_E_URL)
        fail_set_type(fail, "ValueError");
    fiber_drop_wait(f);
    return lua_error(L);
}

static int answered(lua_State *L, int status, lua_KContext ctx)
{
    struct fiber *f = (struct fiber *)ctx;
    struct http_wait *w = (struct http_wait *)f->wait;
    (void)status;
    if (w->result != 0)
        return raise(L, f, w);
    lua_pushinteger(L, w->status);
    bridge_push_copy(L, w->headers);
    (void)lua_pushlstring(L, buf_text(&w->body), w->body.len);
    fiber_drop_wait(f);
    return 3;
}

static struct http_wait *wait_new(lua_State *L, struct fiber *f)
{
    struct http_wait *w = mem_zalloc(sizeof(*w));
    json_t *headers = json_object();
    if (w == NULL || headers == NULL) {
        json_decref(headers);
        mem_free(w);
        luaL_error(L, "no memory");
    }
    w->wait.drop = drop;
    w->headers = headers;
    buf_init(&w->body, (size_t)f->call->script->conf->http_max_bytes);
    fiber_own_wait(f, &w->wait);
    return w;
}

static int http_send(lua_State *L)
{
    const char *what = luaL_checkstring(L, 2);
    struct fiber *f = fiber_for_wait(L, what);
    void **box = bridge_push_box(L, bridge_free_json);
    *box = to_json_or_raise(L, 1, "request");
    struct http_wait *w = wait_new(L, f);
    struct request r = { .spec = *box };
    buf_init(&r.url, QUERY_URL_MAX_BYTES);
    buf_init(&r.body, (size_t)f->call->script->conf->max_state_bytes);
    const char *wrong = make_request(&r);
    int result = wrong == NULL ? start(w, &r, f->call) : 0;
    buf_deinit(&r.url);
    buf_deinit(&r.body);
    if (wrong != NULL)
        return trace_blame(L, "%s: %s", what, wrong);
    if (result != 0)
        return luaL_error(L, "no memory");
    return fiber_wait(L, f, answered);
}

/* status_error(what, status, retry_after): raises the class of a status that is no success. */
static int http_status_error(lua_State *L)
{
    const char *what = luaL_checkstring(L, 1);
    int status = (int)luaL_checkinteger(L, 2);
    struct fail *fail = trace_push_fail(L);
    fail_set(fail, upstream_status_code(status), "%s answered %d %s", what, status,
             upstream_status_name(status));
    fail->retry_after_ms =
        upstream_retry_after_ms(lua_tostring(L, 3), MS_PER_S, clock_wall_ms());
    return lua_error(L);
}

void lib_http_open(lua_State *L)
{
    lua_pushcfunction(L, http_send);
    lua_setfield(L, -2, "__http_send");
    lua_pushcfunction(L, http_status_error);
    lua_setfield(L, -2, "__http_status_error");
}
