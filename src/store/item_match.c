/* Filters as they come with a query, values as they are stored. */
#include "store/item_match.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "store/filter.h"
#include <string.h>

enum { DEPTH_MAX = 2048 }; /* whoever stored it had a smaller one */

static int parse(const char *bytes, size_t len_bytes, json_t **ret)
{
    struct jsonx_error error;
    int r = jsonx_parse(bytes, len_bytes, DEPTH_MAX, ret, &error);
    return r > 0 ? err_trace(ERR_SYSTEM) : r;
}

int item_filter_parse(const char *text, json_t **ret)
{
    int r = text == NULL ? 0 : parse(text, strlen(text), ret);
    if (r != 0 || text == NULL || filter_check(*ret, NULL) == 0)
        return r;
    json_decref(*ret);
    *ret = NULL;
    return err_trace(ERR_SYSTEM);
}

int item_fits(const json_t *filter, const struct stored_bytes *value, bool *ret_fits)
{
    json_t *json = NULL;
    *ret_fits = true;
    if (filter == NULL)
        return 0;
    int r = parse(value->bytes, value->len_bytes, &json);
    if (r == 0)
        *ret_fits = filter_matches(filter, json);
    json_decref(json);
    return r;
}

int64_t item_expiry(int64_t now_ms, int64_t ttl_ms)
{
    return ttl_ms == 0 || ttl_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + ttl_ms;
}
