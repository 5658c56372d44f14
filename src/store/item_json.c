/* How items look. */
#include "store/item_json.h"
#include "base/clock.h"
#include "base/jsonx.h"

/* A value came in a body, which has limits of its own. */
enum { VALUE_DEPTH_MAX = 10000, VALUE_MAX_BYTES = 1 << 30 };

json_t *item_ns_json(const char *ns)
{
    json_t *labels = json_array();
    const char *label;
    size_t len;

    while ((label = item_ns_label(ns, &len, &ns)) != NULL) {
        if (json_array_append_new(labels, json_stringn(label, len)) == 0)
            continue;
        json_decref(labels);
        return NULL;
    }
    return labels;
}

json_t *item_json(const struct stored_item *item)
{
    char created[CLOCK_ISO_BYTES], updated[CLOCK_ISO_BYTES];
    struct jsonx_error error;
    json_t *value = NULL;

    if (jsonx_parse(item->value.bytes, item->value.len_bytes, VALUE_DEPTH_MAX, &value, &error) != 0)
        return NULL;
    clock_iso(item->created_ms, created);
    clock_iso(item->updated_ms, updated);
    /* A NULL from item_ns_json() makes json_pack() fail too, and it frees what it took. */
    return json_pack("{s:o, s:s, s:o, s:s, s:s}", "value", value, "key", item->key, "namespace",
                     item_ns_json(item->ns), "created_at", created, "updated_at", updated);
}

char *item_value_text(const json_t *value, size_t *ret_len_bytes)
{
    return jsonx_text(value, VALUE_MAX_BYTES, ret_len_bytes);
}
