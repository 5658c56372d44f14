#ifndef ANABRANCH_API_QUERY_H
#define ANABRANCH_API_QUERY_H
/*
 * Values in the query of an address, in the spellings of the protocol's clients: the JS client sends
 * lists as JSON, the Python one repeats the name.
 *
 * A handler asks for what its route's table has (api/about.h). So wrong values were refused before it
 * was called, and what does not fit counts as absent here.
 */
#include "http/http.h"
#include <jansson.h>

/* true false 1 0 yes no, in any case. */
bool query_flag(const struct req *req, const char *name, bool fallback);
int64_t query_integer(const struct req *req, const char *name, int64_t fallback);
/* Is word in a list? */
bool query_has(const struct req *req, const char *name, const char *word);
/* A list of strings: ["a","b"], a repeated name, or a,b. *ret: a new array, empty if absent. 0,
 * QUERY_E_WRONG (it is JSON and none of strings), or a fault. */
enum { QUERY_E_WRONG = 1 };
int query_list(const struct req *req, const char *name, json_t **ret);

/* One value. False: it is none. */
bool query_read_flag(const char *text, bool *ret);
bool query_read_integer(const char *text, int64_t *ret);

#endif
