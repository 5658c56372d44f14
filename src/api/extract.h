#ifndef ANABRANCH_API_EXTRACT_H
#define ANABRANCH_API_EXTRACT_H
/*
 * Parts of a thread under names that the request chooses, so that a list of threads need not carry
 * all their values:
 *
 *     "extract": {"last": "values.messages[-1].content"}   ->   "extracted": {"last": "Hello"}
 */
#include "api/type.h"

enum { EXTRACT_MAX_PATHS = 10, EXTRACT_PATH_MAX_BYTES = 1000 };

/* At most EXTRACT_MAX_PATHS names with a path each; */
extern const struct type type_extract;
/* of which this says whether they can be followed. NULL and null are fine. */
bool extract_fits(const json_t *paths);

/* What the paths, which fit, lead to in a thread; null where they lead nowhere. A new object, whose
 * values are shared. NULL: no memory. */
json_t *extract_new(const json_t *thread, const json_t *paths);

#endif
