#ifndef ANABRANCH_BASE_QUERY_H
#define ANABRANCH_BASE_QUERY_H
/*
 * Parameters of an address. Strings go in as they are, other values as compact JSON, percent-encoded
 * but for what RFC 3986, 2.3 calls unreserved; null adds nothing, a list repeats its name.
 *
 *     "http://h/x?a=1#top" + {"q": "a b", "n": [1, 2]}  ->  "http://h/x?a=1&q=a%20b&n=1&n=2"
 */
#include "base/buf.h"
#include <jansson.h>

enum { QUERY_URL_MAX_BYTES = 65536 };

/* Percent-encoded. Sticky. */
void query_add_percent(const char *bytes, size_t len_bytes, struct buf *out);
/* A string as it is, another value as compact JSON. Sticky. */
void query_add_value(const json_t *value, struct buf *out);
/* query: an object, or NULL. A fragment of url is dropped: it is never sent. Sticky. */
void query_add(struct buf *url, json_t *query);

#endif
