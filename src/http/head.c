/*
 * Everything that is decided before the body: framing that two servers could read differently, the
 * site, CORS, the route, the key, the type and the announced length of the body. In this order,
 * because each step trusts the ones before it.
 */
#include "http/internal.h"
#include "http/listen.h"
#include "http/route.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- framing ---- */

enum { LINE_EXTRA_BYTES = 4 /* ": " and the end of the line */ };

struct framing {
    unsigned lengths;
    unsigned encodings;
    unsigned hosts;
    bool is_chunked;
    bool is_forwarded;
    bool has_odd_name;
    size_t head_bytes; /* of the headers' names and values */
};

/* RFC 9110 */
static bool is_token(const char *name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && strchr(marks, *name) == NULL)
            return false;
    return true;
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    struct framing *f = arg;
    f->has_odd_name |= !is_token(name);
    f->head_bytes += strlen(name) + (value == NULL ? 0 : strlen(value)) + LINE_EXTRA_BYTES;
    f->lengths += strcasecmp(name, "content-length") == 0;
    f->hosts += strcasecmp(name, "host") == 0;
    f->is_forwarded |= guard_is_forwarding_header(name);
    if (strcasecmp(name, "transfer-encoding") == 0) {
        f->encodings++;
        f->is_chunked = value != NULL && strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

/* What is wrong, or NULL. libmicrohttpd 0.9.75 lets all of this pass. */
static const char *framing_problem(const struct framing *f, const char *version)
{
    if (f->has_odd_name)
        return "a header has a name that is no token";
    if (f->hosts > 1)
        return "there must be one Host header";
    if (f->lengths > 1)
        return "there must be one Content-Length header";
    if (f->encodings > 1 || (f->encodings == 1 && !f->is_chunked))
        return "the only Transfer-Encoding known here is chunked";
    if (f->encodings > 0 && f->lengths > 0)
        return "Content-Length and Transfer-Encoding exclude each other";
    if (f->encodings > 0 && strcmp(version, "HTTP/1.1") != 0)
        return "Transfer-Encoding needs HTTP/1.1";
    return NULL;
}

/* ---- CORS ---- */

static void answer_preflight(struct req *req)
{
    const char *headers = req_header(req, "access-control-request-headers");
    reply_header(req, "Access-Control-Allow-Methods",
                 "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    if (headers != NULL)
        reply_header(req, "Access-Control-Allow-Headers", headers);
    reply_header(req, "Access-Control-Max-Age", "600");
    reply_header(req, "Vary", "Access-Control-Request-Headers");
    reply_empty(req);
}

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_cors(const struct req *req, struct MHD_Response *response)
{
    const char *origin = req_header(req, "origin");
    const struct guard *guard = &req->server->guard;
    const char *allowed = guard_allow_origin(guard, origin);
    if (allowed == NULL)
        return origin == NULL || add(response, "Vary", "Origin");
    return add(response, "Access-Control-Allow-Origin", allowed) &&
           add(response, "Access-Control-Expose-Headers",
               "content-location,location,x-pagination-total,x-pagination-next") &&
           (guard->is_any_origin || add(response, "Vary", "Origin"));
}

bool head_add_common(const struct req *req, struct MHD_Response *response)
{
    LIST_EACH(&req->headers, node) {
        const struct reply_header *h = LIST_OF(node, struct reply_header, node);
        if (!add(response, h->name, h->value))
            return false;
    }
    if ((req->must_close || req->server->is_quiesced) && !add(response, "Connection", "close"))
        return false;
    return add_cors(req, response);
}

/* ---- the steps ---- */

static void refuse(struct req *req, enum fail_code code, const char *why)
{
    if (code == FAIL_UNAUTHORIZED)
        reply_header(req, "WWW-Authenticate", "Bearer");
    reply_failf(req, code, "%s", why);
}

/* As the system knows the client; what headers say of it is not looked at. */
static bool is_remote(const struct req *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->conn->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info == NULL || info->client_addr == NULL || !listen_is_loopback(info->client_addr);
}

static struct guard_ask ask_of(const struct req *req, const char *method, const struct framing *f)
{
    return (struct guard_ask){
        .method = method,
        .host = req->uri.host != NULL ? req->uri.host : req_header(req, "host"),
        .origin = req_header(req, "origin"),
        .api_key = req_header(req, "x-api-key"),
        .authorization = req_header(req, "authorization"),
        .content_type = req_header(req, "content-type"),
        .is_forwarded = f->is_forwarded,
        .is_remote = is_remote(req),
    };
}

static void refuse_unknown(struct req *req)
{
    const struct http_server *s = req->server;
    const char *path = req_path(req);
    const char *why = "there is no such address on this server";
    for (size_t i = 0; i < s->absence_count; i++) {
        size_t len = strlen(s->absences[i].path);
        if (strncmp(path, s->absences[i].path, len) == 0 && (path[len] == '\0' || path[len] == '/'))
            why = s->absences[i].sentence;
    }
    reply_failf(req, FAIL_NOT_FOUND, "404 Not Found: %s", why);
}

static bool find_route(struct req *req, const char *method)
{
    const struct http_server *s = req->server;
    const struct uri *u = &req->uri;
    struct route_match match;
    const struct route_ask ask = { method, u->segments, u->segment_count,
                                   s->conf->test_routes ? 0 : ROUTE_TEST };
    switch (route_find(s->routes, s->route_count, &ask, &match)) {
    case ROUTE_FOUND:
        req->route = match.route;
        return true;
    case ROUTE_UNKNOWN:
        refuse_unknown(req);
        return false;
    case ROUTE_WRONG_METHOD:
        reply_header(req, "Allow", match.allow);
        reply_failf(req, FAIL_METHOD, "405 Method Not Allowed: this address takes %s", match.allow);
        return false;
    }
    return false;
}

static bool check_length(struct req *req)
{
    const char *length = req_header(req, "content-length");
    /* libmicrohttpd has refused what is no number or does not fit */
    if (length == NULL || strtoull(length, NULL, 10) <= req->body.max)
        return true;
    reply_failf(req, FAIL_TOO_LARGE, "the body has %s bytes; max_body_bytes is %zu", length,
                req->body.max);
    return false;
}

static void judge(struct req *req, const char *method, const struct framing *f)
{
    const struct guard *guard = &req->server->guard;
    struct guard_ask ask = ask_of(req, method, f);
    const char *why = NULL;
    enum fail_code code = guard_check_site(guard, &ask, &why);
    if (code != FAIL_NONE) {
        refuse(req, code, why);
        return;
    }
    if (strcmp(method, "OPTIONS") == 0) {
        answer_preflight(req);
        return;
    }
    if (!find_route(req, method))
        return;
    code = guard_check_route(guard, req->route->flags, &ask, &why);
    if (code != FAIL_NONE)
        refuse(req, code, why);
    else
        (void)check_length(req); /* a refusal is the request's reply */
}

void head_check(struct req *req, const char *method, const char *version)
{
    struct framing f = { .lengths = 0 };
    (void)MHD_get_connection_values(req->conn->mhd, MHD_HEADER_KIND, on_header, &f); /* count */
    (void)strncpy(req->method, method, sizeof(req->method) - 1);
    req->is_head = strcmp(method, "HEAD") == 0;
    const size_t head_bytes = strlen(method) + req->target_bytes + f.head_bytes;
    const bool is_large = head_bytes > (size_t)req->server->conf->max_header_bytes;
    const char *problem = framing_problem(&f, version);
    if (problem == NULL && req->uri_result == URI_E_BAD)
        problem = "the address has a broken escape, a %00, or bytes that are not UTF-8";
    if (problem != NULL)
        reply_failf(req, FAIL_BAD_REQUEST, "%s", problem);
    else if (is_large)
        reply_failf(req, FAIL_HEAD_TOO_LARGE,
                    "the address and the headers have %zu bytes; max_header_bytes is %lld",
                    head_bytes, (long long)req->server->conf->max_header_bytes);
    else if (req->conn->is_surplus)
        reply_failf(req, FAIL_FULL,
                    "this server has all the connections it may have; try again later");
    else
        judge(req, method, &f);
    const char *length = req_header(req, "content-length");
    bool has_body = f.encodings > 0 || (length != NULL && strtoull(length, NULL, 10) > 0);
    if (req->state == REQ_ANSWERED && (has_body || problem != NULL || req->conn->is_surplus))
        req->must_close = true; /* what follows on this connection may be anything */
}
