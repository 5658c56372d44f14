#ifndef ANABRANCH_STORE_ITEM_MATCH_H
#define ANABRANCH_STORE_ITEM_MATCH_H
/* For backends: does an item fit a query's filter, and when does it expire? Pure. */
#include "store/item.h"
#include <jansson.h>

/* text NULL: *ret is NULL, which all fit. *ret: owned. 0 or a fault: no filter. */
int item_filter_parse(const char *text, json_t **ret);
/* 0 or a fault: what is stored is not JSON. */
int item_fits(const json_t *filter, const struct stored_bytes *value, bool *ret_fits);
/* INT64_MAX = never. */
int64_t item_expiry(int64_t now_ms, int64_t ttl_ms);

#endif
