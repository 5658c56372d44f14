/* The request as handlers read it. What lives in libmicrohttpd's memory (headers) is there until
 * the client left. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/internal.h"
#include "http/route.h"
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

int req_new(struct conn *c, const char *target, struct req **ret)
{
    struct http_server *s = c->server;
    struct req *req = mem_zalloc(sizeof(*req));
    if (req == NULL)
        return err_trace(ERR_NOMEM);
    req->server = s;
    req->conn = c;
    req->start_us = clock_mono_us();
    list_init(&req->headers);
    list_init(&req->node);
    buf_init(&req->body, (size_t)s->conf->max_body_bytes);
    (void)snprintf(req->id, sizeof(req->id), "%llx", ++s->next_id); /* 16 digits at most */
    req->target_bytes = strlen(target);
    req->uri_result = uri_parse(target, &req->uri);
    if (req->uri_result < 0) {
        req_free(req);
        return err_trace(ERR_NOMEM);
    }
    list_add_tail(&s->reqs, &req->node);
    c->req = req;
    *ret = req;
    return 0;
}

void req_free(void *arg)
{
    struct req *req = arg;
    list_remove(&req->node);
    for (struct list *node = list_pop(&req->headers); node != NULL;
         node = list_pop(&req->headers)) {
        struct reply_header *h = LIST_OF(node, struct reply_header, node);
        mem_free(h->value);
        mem_free(h);
    }
    if (req->response != NULL)
        MHD_destroy_response(req->response);
    sse_free(req->sse);
    uri_deinit(&req->uri);
    buf_deinit(&req->body);
    mem_free(req);
}

void req_settle(struct req *req)
{
    if (req->conn != NULL || !req->is_released || list_is_empty(&req->node))
        return;
    list_remove(&req->node);
    loop_free_later(req->server->loop, &req->later, req_free, req);
}

void req_leave(struct req *req)
{
    if (req->state != REQ_HANDLER)
        return;
    req->state = REQ_GONE;
    if (req->conn != NULL)
        conn_resume(req->conn);
    if (req->gone == NULL)
        return; /* the handler learns it never and replies some day */
    req->is_released = true;
    req->gone(req->gone_arg);
    req_settle(req);
}

void *req_app(const struct req *req)
{
    return req->server->app;
}

const char *req_path(const struct req *req)
{
    return req->uri.path;
}

const char *req_param(const struct req *req, const char *name)
{
    int index = route_param_index(req->route, name);
    assert(index >= 0); /* the route's own table says which names there are */
    return req->uri.segments[index];
}

bool req_has_param(const struct req *req, const char *name)
{
    return route_param_index(req->route, name) >= 0;
}

const char *req_query(const struct req *req, const char *name)
{
    return uri_query(&req->uri, name, 0);
}

const char *req_query_at(const struct req *req, const char *name, size_t index)
{
    return uri_query(&req->uri, name, index);
}

const char *req_header(const struct req *req, const char *name)
{
    if (req->conn == NULL)
        return NULL;
    return MHD_lookup_connection_value(req->conn->mhd, MHD_HEADER_KIND, name);
}

struct each {
    void (*seen)(void *arg, const char *name, const char *value);
    void *arg;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    struct each *each = arg;
    char *lower = mem_strdup(name);
    if (lower == NULL)
        return MHD_YES; /* headers are hints to those who walk over them; one less is no failure */
    for (char *p = lower; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    each->seen(each->arg, lower, value == NULL ? "" : value);
    mem_free(lower);
    return MHD_YES;
}

void req_each_header(const struct req *req,
                     void (*seen)(void *arg, const char *name, const char *value), void *arg)
{
    struct each each = { seen, arg };
    if (req->conn != NULL)
        (void)MHD_get_connection_values(req->conn->mhd, MHD_HEADER_KIND, on_header,
                                        &each); /* count */
}

const char *req_body(const struct req *req, size_t *ret_len_bytes)
{
    *ret_len_bytes = req->body.len;
    return buf_text(&req->body);
}

bool req_accepts_sse(const struct req *req)
{
    const char *accept = req_header(req, "accept");
    return accept != NULL && strcasestr(accept, "text/event-stream") != NULL;
}

void req_on_gone(struct req *req, void (*gone)(void *arg), void *arg)
{
    req->gone = gone;
    req->gone_arg = arg;
}
