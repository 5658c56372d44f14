#ifndef ANABRANCH_HTTP_URI_H
#define ANABRANCH_HTTP_URI_H
/*
 * A request target taken apart. Pure.
 *
 *     /store/items/a%2Fb?limit=3&q=x+y   ->  segments "store" "items" "a/b",
 *                                            query limit = "3", q = "x y"
 *
 * Segments are split before they are decoded, so an escaped slash never makes a new one.
 */
#include <stddef.h>

enum { URI_SEGMENTS_MAX = 16 };
enum { URI_E_BAD = 1 }; /* %00, a broken escape, bytes that are not UTF-8, or no path */

struct uri_pair {
    const char *name;
    const char *value;
};

struct uri {
    char *path; /* as it came, without the query: for logs */
    char *host; /* of an absolute target (http://host/path), else NULL */
    char *pool; /* owns what the rest points to */
    const char *segments[URI_SEGMENTS_MAX];
    size_t segment_count; /* above URI_SEGMENTS_MAX: there were more, the first ones are kept */
    struct uri_pair *queries;
    size_t query_count;
};

/* Fills an empty *ret; uri_deinit() whatever comes back. 0, URI_E_BAD (path is set nevertheless) or
 * ERR_NOMEM. */
int uri_parse(const char *raw, struct uri *ret);
void uri_deinit(struct uri *u);
/* The index-th value (0 = first) that the query gives for name; NULL = none. */
const char *uri_query(const struct uri *u, const char *name, size_t index);

#endif
