#ifndef ANABRANCH_STORE_MATCH_H
#define ANABRANCH_STORE_MATCH_H
/* Which JSON values are the same, and which contain which. Pure; numbers by what they are worth:
 * 1 is 1.0, and integers beyond 2^53 are not rounded. */
#include "base/buf.h"
#include <jansson.h>
#include <stdbool.h>

/* Two numbers, or two texts (by bytes): true, *ret_order is below, at, or above 0. Else false. */
bool json_order(const json_t *a, const json_t *b, int *ret_order);
bool json_same(const json_t *a, const json_t *b);
/*
 * whole has all that part has: of an object every member, of an array for each element one that
 * contains it, of anything else the same. {} is in every object, [] in every array.
 */
bool json_contains(const json_t *whole, const json_t *part);

#endif
