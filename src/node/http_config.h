#ifndef ANABRANCH_NODE_HTTP_CONFIG_H
#define ANABRANCH_NODE_HTTP_CONFIG_H
/* The fields of an `http` node. */
#include "graph/setup.h"
#include "node/http_url.h"

enum { HTTP_HEADERS_MAX = 64 };

/* Statuses from..to. */
struct status_range {
    int from;
    int to;
};

struct http_config {
    char *method;
    struct template *url;
    bool has_templated_host; /* scheme, host or port hold a tag: only allow_hosts may be reached */
    struct host_rule *allow_hosts;
    size_t allow_count;
    struct jtemplate *query;   /* an object, or NULL */
    struct jtemplate *headers; /* an object of strings, or NULL */
    bool has_type_header;      /* one of them is Content-Type */
    struct jtemplate *body;    /* or NULL */
    bool parses_json;
    struct path *select; /* or NULL */
    struct status_range *ok;
    size_t ok_count;   /* 0: 200..299 */
    int64_t max_bytes; /* 0: the setting */
    int output;
};

int http_configure(struct setup *s, void **ret_config);
void http_config_free(void *config);
/* By allow_hosts. */
bool http_host_is_allowed(const struct http_config *c, const struct url_host *host);
bool http_status_is_ok(const struct http_config *c, int status);

#endif
