/*
 * Bytes are made late and once: many values are replaced before anybody prints them, and those that
 * are printed are printed again with every later version of the state.
 */
#include "graph/value.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct value {
    int refs;
    json_t *json;
    char *bytes; /* NULL until asked for */
    size_t len_bytes;
};

int value_new_take(json_t *json, struct value **ret)
{
    /* NULL is what jansson's makers answer without memory; taken here, callers need not look first.
     */
    struct value *v = json == NULL ? NULL : mem_zalloc(sizeof(*v));
    if (v == NULL) {
        json_decref(json);
        return err_trace(ERR_NOMEM);
    }
    v->refs = 1;
    v->json = json;
    *ret = v;
    return 0;
}

struct value *value_ref(struct value *v)
{
    assert(v->refs > 0);
    v->refs++;
    return v;
}

struct value *value_unref(struct value *v)
{
    if (v == NULL || --v->refs > 0)
        return NULL;
    json_decref(v->json);
    mem_free(v->bytes);
    return mem_free(v);
}

json_t *value_json(const struct value *v)
{
    return v->json;
}

static int encode(struct value *v, size_t max_bytes)
{
    struct buf bytes;
    buf_init(&bytes, max_bytes);
    jsonx_encode(v->json, &bytes);
    bool is_long = bytes.fault == BUF_E_FULL;
    v->bytes = buf_take(&bytes, &v->len_bytes);
    buf_deinit(&bytes);
    if (is_long)
        return VALUE_E_LONG;
    return v->bytes == NULL ? err_trace(ERR_NOMEM) : 0;
}

int value_bytes(struct value *v, const char **ret, size_t *ret_len_bytes)
{
    /* A state measures whatever is written to it, so what is encoded here first is small. */
    int r = v->bytes == NULL ? encode(v, SIZE_MAX / 4) : 0;
    if (r != 0)
        return err_trace(ERR_NOMEM);
    *ret = v->bytes;
    *ret_len_bytes = v->len_bytes;
    return 0;
}

int value_measure(struct value *v, size_t max_bytes, size_t *ret_len_bytes)
{
    int r = v->bytes == NULL ? encode(v, max_bytes) : 0;
    if (r != 0)
        return r < 0 ? err_trace(r) : r;
    if (v->len_bytes > max_bytes)
        return VALUE_E_LONG;
    *ret_len_bytes = v->len_bytes;
    return 0;
}
