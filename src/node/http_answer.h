#ifndef ANABRANCH_NODE_HTTP_ANSWER_H
#define ANABRANCH_NODE_HTTP_ANSWER_H
/* What a request of an `http` node came to: a value, or a failure with its sentence. */
#include "base/buf.h"
#include "loop/fetch.h"
#include "node/http_config.h"
#include "node/http_request.h"
#include "node/node.h"

struct http_answer {
    const char *where; /* "GET host:port", for sentences */
    int status;
    int64_t retry_after_ms; /* what the server asked for, or 0 */
    const struct buf *body;
    const struct http_request *request; /* whose headers are not to be quoted */
    int max_depth;
};

/* A request that ended without a whole answer. f: filled. */
void http_answer_broken(int result, const char *text, struct fail *f);
/* A status that is not ok. f: filled. */
void http_answer_refused(const struct http_answer *a, struct fail *f);
/* As the functions of node/kit.h. *ret: a new reference; NULL = an answer that says nothing (204).
 */
int http_answer_value(const struct http_answer *a, const struct http_config *c, json_t **ret,
                      struct fail *f);

#endif
