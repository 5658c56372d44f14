#ifndef ANABRANCH_STORE_FILTER_H
#define ANABRANCH_STORE_FILTER_H
/*
 * Filters of store items, as a client gives them: an object, all of whose members must hold.
 *
 *     {"a": 1}                 the value's member a is 1
 *     {"a": {"b": 1}}          a is an object whose member b is 1, whatever else is in it
 *     {"a": [1, {"b": 2}]}     a is an array of two, each as said
 *     {"a": {"$gt": 1, "$lte": 5}}     $eq $ne $gt $gte $lt $lte $in $nin; all must hold
 *
 * A member that is not there is null: so it is $ne to everything else. $gt and its like compare
 * numbers with numbers and texts with texts (by bytes); all else is not greater and not less. $in and
 * $nin take an array. Pure.
 */
#include "base/buf.h"
#include <jansson.h>
#include <stdbool.h>

enum { FILTER_E_WRONG = 1, FILTER_DEPTH_MAX = 100 };
/* FILTER_E_WRONG: why (may be NULL) gets a sentence that names the operator or member. */
int filter_check(const json_t *filter, struct buf *why);
/* filter: was checked. value: any. */
bool filter_matches(const json_t *filter, const json_t *value);

#endif
