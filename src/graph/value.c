/*
 * Bytes are made late and once: many values are replaced before anybody prints them, and those that
 * are printed are printed again with every later version of the state.
 */
#include "graph/value.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <assert.h>
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
    struct value *v = json == NULL ? NULL : mem_zalloc(sizeof *v);
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

int value_bytes(struct value *v, const char **ret, size_t *ret_len_bytes)
{
    /* What made the value was bounded, so its encoding is. */
    if (v->bytes == NULL)
        v->bytes = jsonx_text(v->json, SIZE_MAX / 4, &v->len_bytes);
    if (v->bytes == NULL)
        return err_trace(ERR_NOMEM);
    *ret = v->bytes;
    *ret_len_bytes = v->len_bytes;
    return 0;
}
