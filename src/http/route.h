#ifndef ANABRANCH_HTTP_ROUTE_H
#define ANABRANCH_HTTP_ROUTE_H
/*
 * From method and path to a row of the route table. Pure.
 *
 * Of several paths that fit, the one counts that has a literal where the others have a {name}, looking
 * from the left, whatever the methods of its rows: GET /threads/search is a wrong method, not a thread.
 * Of rows with one path and method the earlier one wins. A GET row also takes HEAD. A {name} never takes an empty
 * segment.
 */
#include "http/http.h"

enum route_result { ROUTE_FOUND, ROUTE_UNKNOWN, ROUTE_WRONG_METHOD };
enum { ROUTE_ALLOW_BYTES = 64 };

struct route_match {
    const struct http_route *route; /* if ROUTE_FOUND, else NULL */
    char allow[ROUTE_ALLOW_BYTES];  /* if ROUTE_WRONG_METHOD: "GET, HEAD, POST" */
};

struct route_ask {
    const char *method;
    const char *const *segments;
    size_t segment_count;
    unsigned hidden; /* rows with one of these flags are not there */
};
enum route_result route_find(const struct http_route *routes, size_t route_count,
                             const struct route_ask *ask, struct route_match *ret);
/* Which segment {name} stands for; -1 = the route has no such name. */
int route_param_index(const struct http_route *route, const char *name);
/* Would an unknown path be taken for one of the LangGraph protocol? */
bool route_is_protocol(const char *const *segments, size_t segment_count);

#endif
