/* Requests at work. The rule of the file: who replies frees. */
#include "api/work.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <assert.h>
#include <stdarg.h>

enum { STALE_MAX = 100, BODY_EXTRA_BYTES = 65536 };

/* ---- begin and end ---- */

static void work_free(struct work *w)
{
    struct api *api = w->api;

    if (w->deinit != NULL)
        w->deinit(w);
    json_decref(w->body);
    json_decref(w->result);
    fail_clear(&w->fail);
    stored_records_clear(&w->found);
    store_batch_deinit(&w->batch);
    mem_free(w);
    api->work_count--;
    api->is_idle = api->work_count == 0;
}

static void client_gone(void *arg)
{
    struct work *w = arg;

    w->req = NULL;
}

void *work_new_inner(struct api *api, size_t size_bytes)
{
    struct work *w = mem_zalloc(size_bytes);

    if (w == NULL)
        return NULL;
    w->api = api;
    api->work_count++;
    api->is_idle = false;
    store_batch_init(&w->batch);
    return w;
}

void *work_new(struct req *req, size_t size_bytes, const struct body_key *keys)
{
    struct work *w = work_new_inner(req_app(req), size_bytes);
    int r;

    if (w == NULL) {
        reply_failf(req, FAIL_INTERNAL, "%s", err_text(ERR_NOMEM));
        return NULL;
    }
    w->req = req;
    req_on_gone(req, client_gone, w);
    r = keys == NULL ? 0 : body_read(req, keys, &w->body, &w->fail);
    if (r == 0)
        return w;
    if (r < 0)
        work_fault(w, r);
    else
        work_fail(w);
    return NULL;
}

void api_finish(struct api *api)
{
    /* Nothing more can be done about a fault here. */
    while (api->work_count > 0 && loop_run_until(api->services->loop, &api->is_idle) == 0)
        ;
}

/* ---- the store ---- */

static void tell_store(struct work *w, int result)
{
    switch (result) {
    case STORE_E_FULL:
        work_failf(w, FAIL_NO_ROOM,
                   "the database has no room left; delete threads or items, or give it more");
        break;
    case STORE_E_TOO_LARGE:
        work_failf(w, FAIL_LIMIT, "this is larger than what the database takes");
        break;
    default:
        work_fault(w, result < 0 ? result : ERR_SYSTEM);
    }
}

static void tell_stale(struct work *w)
{
    if (++w->stale_count < STALE_MAX && w->again != NULL)
        w->again(w);
    else
        work_failf(w, FAIL_CONFLICT, "others change this all the time; try again later");
}

void work_stored(void *arg, int result)
{
    struct work *w = arg;

    if (result == 0)
        w->then(w);
    else if (result == STORE_E_STALE)
        tell_stale(w);
    else
        tell_store(w, result);
}

void work_find(struct work *w, const struct record_query *query, void (*then)(struct work *w))
{
    const struct services *services = w->api->services;

    stored_records_clear(&w->found);
    w->then = then;
    store_find_records(services->store, services->loop, &w->store_op, query, &w->found, work_stored,
                       w);
}

static char *text_of(struct work *w, const json_t *json, const char *what, size_t max,
                     size_t *ret_len)
{
    struct buf text MEM_AUTO(buf_deinit);

    buf_init(&text, max);
    jsonx_encode(json, &text);
    if (text.fault == BUF_E_FULL) {
        work_failf(w, FAIL_LIMIT, "the %s would be larger than %zu bytes", what, max);
        return NULL;
    }
    char *bytes = buf_take(&text, ret_len);
    if (bytes == NULL)
        work_fault(w, err_trace(ERR_NOMEM));
    return bytes;
}

bool work_put(struct work *w, struct record_put *put, const json_t *metadata, const json_t *body)
{
    const struct conf *conf = w->api->services->conf;
    char *metadata_text MEM_AUTO(mem_freep) = NULL;
    char *body_text MEM_AUTO(mem_freep) = NULL;

    if (metadata != NULL) {
        metadata_text = text_of(w, metadata, "metadata", (size_t)conf->max_body_bytes,
                                &put->metadata_len_bytes);
        if (metadata_text == NULL)
            return false;
        put->metadata = metadata_text;
    }
    if (body != NULL) {
        body_text = text_of(w, body, "record", 2 * (size_t)conf->max_state_bytes + BODY_EXTRA_BYTES,
                            &put->body_len_bytes);
        if (body_text == NULL)
            return false;
        put->body = body_text;
    }
    store_add_record(&w->batch, put);
    put->metadata = NULL; /* was copied */
    put->body = NULL;
    return true;
}

void work_commit(struct work *w, void (*then)(struct work *w), void (*again)(struct work *w))
{
    const struct services *services = w->api->services;

    w->then = then;
    w->again = again;
    store_commit(services->store, services->loop, &w->store_op, &w->batch, work_stored, w);
}

/* ---- threads ---- */

void work_thread_done(void *arg, int result)
{
    struct work *w = arg;

    if (result == 0)
        w->then(w);
    else if (result == THREAD_E_REFUSED)
        work_fail(w);
    else
        tell_store(w, result);
}

/* ---- replies ---- */

void work_json_take(struct work *w, json_t *json)
{
    if (w->req != NULL)
        reply_json_take(w->req, 200, json);
    else
        json_decref(json);
    work_free(w);
}

void work_leave(struct work *w)
{
    work_free(w);
}

void work_empty(struct work *w)
{
    if (w->req != NULL)
        reply_empty(w->req);
    work_free(w);
}

void work_fail(struct work *w)
{
    assert(fail_is_set(&w->fail));
    if (w->req != NULL)
        reply_fail(w->req, &w->fail, NULL);
    work_free(w);
}

void work_fault(struct work *w, int fault)
{
    fail_set_fault(&w->fail, fault);
    work_fail(w);
}

void work_failf(struct work *w, enum fail_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *message MEM_AUTO(mem_freep) = mem_vprintf(format, args);
    va_end(args);
    if (message != NULL)
        fail_set(&w->fail, code, "%s", message);
    else
        w->fail.code = code; /* the table's own sentence will do */
    work_fail(w);
}
