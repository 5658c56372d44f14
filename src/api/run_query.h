#ifndef ANABRANCH_API_RUN_QUERY_H
#define ANABRANCH_API_RUN_QUERY_H
/* Values in the query of an address, in the spellings of the protocol's clients. */
#include "api/api.h"

/* true, 1, yes in any case; all else, and absent, is false. */
bool param_bool(const struct req *req, const char *name);
/* Absent: fallback. False: it is no integer in least..most, and the request was answered. */
bool param_int(struct req *req, const char *name, int64_t least, int64_t most, int64_t fallback,
               int64_t *ret);
/* A list of strings: ["a","b"], a repeated name, or a,b. *ret: a new array, empty if absent. False:
 * the request was answered. */
bool param_list(struct req *req, const char *name, json_t **ret);

#endif
