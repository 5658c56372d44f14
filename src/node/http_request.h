#ifndef ANABRANCH_NODE_HTTP_REQUEST_H
#define ANABRANCH_NODE_HTTP_REQUEST_H
/* One request of an `http` node, rendered. */
#include "base/buf.h"
#include "loop/fetch.h"
#include "node/http_config.h"
#include "node/node.h"

struct http_request {
    struct buf url;
    struct url_host host; /* borrowed from url */
    json_t *rendered;     /* owns the names of the headers */
    char *values[HTTP_HEADERS_MAX];
    struct fetch_header headers[HTTP_HEADERS_MAX + 1];
    int header_count;
    struct buf body;
    bool has_body;
};

/* req: http_request_deinit() whatever comes back. As the functions of node/kit.h: 0, KIT_E_FAILED
 * with f, or a fault. */
int http_request_render(struct http_request *req, const struct task *task, struct fail *f);
void http_request_deinit(struct http_request *req);

#endif
