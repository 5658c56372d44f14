#ifndef ANABRANCH_STORE_ITEM_JSON_H
#define ANABRANCH_STORE_ITEM_JSON_H
/* Store items in the protocol's shape, and back. Pure. */
#include "store/item.h"
#include <jansson.h>

/* {"namespace", "key", "value", "created_at", "updated_at"}; NULL: no memory, or what is stored is
 * damaged. */
json_t *item_json(const struct stored_item *item);
/* The labels of a namespace as a list; NULL: no memory. */
json_t *item_ns_json(const char *ns);
/* For mem_free(); NULL: no memory. */
char *item_value_text(const json_t *value, size_t *ret_len_bytes);

#endif
