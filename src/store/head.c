/* The fields of a head, as an array that outlives the parsing of each. */
#include "store/head.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"

enum { HEAD_DEPTH_MAX = 2048 }; /* whoever wrote it had a smaller one */

static int add_fields(struct head_fields *h, json_t *fields)
{
    const char *name;
    json_t *place;
    h->items = mem_array(json_object_size(fields), sizeof(*h->items));
    if (h->items == NULL)
        return err_trace(ERR_NOMEM);
    json_object_foreach(fields, name, place) {
        const char *at = json_string_value(json_object_get(place, "at"));
        if (at == NULL)
            return err_trace(ERR_SYSTEM);
        h->items[h->count++] = (struct head_field){ name, at };
    }
    return 0;
}

int head_fields_init(struct head_fields *h, const struct stored_bytes *head)
{
    struct jsonx_error error;
    *h = (struct head_fields){ .items = NULL };
    int r = jsonx_parse(head->bytes, head->len_bytes, HEAD_DEPTH_MAX, &h->json, &error);
    if (r != 0)
        return err_trace(r < 0 ? r : ERR_SYSTEM);
    json_t *fields = json_object_get(h->json, "fields");
    if (!json_is_object(h->json) || (fields != NULL && !json_is_object(fields)))
        return err_trace(ERR_SYSTEM);
    return fields == NULL ? 0 : add_fields(h, fields);
}

void head_fields_deinit(struct head_fields *h)
{
    mem_free(h->items);
    json_decref(h->json);
    *h = (struct head_fields){ .items = NULL };
}
