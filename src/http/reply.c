/* Replies. Whatever goes wrong here ends in a closed connection, so handlers have nothing to check.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    JSON_MAX_BYTES = 256 << 20,
    FAIL_MAX_BYTES = 1 << 20,
    STATUS_NO_CONTENT = 204,
    STATUS_FAULT = 500
};

void reply_set(struct req *req, int status, struct MHD_Response *response)
{
    bool can_answer = req->state == REQ_HEAD || req->state == REQ_HANDLER;
    if (!can_answer) {
        if (response != NULL)
            MHD_destroy_response(response);
        if (req->state == REQ_GONE) {
            req->is_released = true;
            req_settle(req);
        } else {
            log_error("reply_twice", "req", req->id, "path", req->uri.path, NULL);
        }
        return;
    }
    req->state = REQ_ANSWERED;
    req->status = status;
    req->response = response;
    req->is_released = true;
    conn_resume(req->conn);
}

/* ---- headers ---- */

/* What would end the header or start another one. */
static bool is_clean(const char *value)
{
    for (const unsigned char *p = (const unsigned char *)value; *p != '\0'; p++)
        if (*p < ' ' || *p == 0x7f)
            return false;
    return true;
}

void reply_header(struct req *req, const char *name, const char *value)
{
    if (!is_clean(value)) {
        log_debug("reply_header_dropped", "req", req->id, "name", name, NULL);
        return;
    }
    size_t size = strlen(name) + 1;
    struct reply_header *h = mem_alloc(sizeof(*h) + size);
    char *copy = mem_strdup(value);
    if (h == NULL || copy == NULL) {
        mem_free(h);
        mem_free(copy);
        req->is_broken = true;
        return;
    }
    memcpy(h->name, name, size);
    h->value = copy;
    list_add_tail(&req->headers, &h->node);
}

/* ---- bodies ---- */

static void free_bytes(void *bytes)
{
    mem_free(bytes);
}

/* Takes bytes (NULL: there was no memory). */
static void reply_take(struct req *req, int status, const char *type, char *bytes, size_t len)
{
    struct MHD_Response *response = NULL;
    if (bytes != NULL)
        response = MHD_create_response_from_buffer_with_free_callback(len, bytes, free_bytes);
    if (response == NULL)
        mem_free(bytes);
    else if (MHD_add_response_header(response, "Content-Type", type) != MHD_YES)
        req->is_broken = true;
    req->sent_bytes = req->is_head ? 0 : (long long)len;
    reply_set(req, response == NULL ? STATUS_FAULT : status, response);
}

void reply_json(struct req *req, int status, const char *bytes, size_t len_bytes)
{
    reply_take(req, status, "application/json", mem_strndup(bytes, len_bytes), len_bytes);
}

void reply_json_take(struct req *req, int status, json_t *json)
{
    size_t len = 0;
    char *bytes = json == NULL ? NULL : jsonx_text(json, JSON_MAX_BYTES, &len);
    json_decref(json);
    reply_take(req, status, "application/json", bytes, len);
}

void reply_text(struct req *req, int status, const char *text)
{
    reply_take(req, status, "text/plain; charset=utf-8", mem_strdup(text), strlen(text));
}

void reply_empty(struct req *req)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    reply_set(req, STATUS_NO_CONTENT, response);
}

/* ---- failures ---- */

void reply_fail(struct req *req, const struct fail *f, const char *run_id)
{
    enum fail_shape shape = fail_shape_of(req);
    struct buf body;
    size_t len = 0;
    buf_init(&body, FAIL_MAX_BYTES);
    fail_reply_body(f, shape, run_id, &body);
    if (fail_reply_wants_retry(f))
        reply_header(req, "Retry-After", "1");
    char *bytes = buf_take(&body, &len);
    buf_deinit(&body);
    reply_take(req, fail_reply_status(f, shape), fail_reply_type(shape), bytes, len);
}

void reply_failf(struct req *req, enum fail_code code, const char *format, ...)
{
    struct fail f = { .code = FAIL_NONE };
    va_list args;
    va_start(args, format);
    char *message = mem_vprintf(format, args);
    va_end(args);
    if (message != NULL)
        fail_set(&f, code, "%s", message);
    else
        f.code = code; /* the table's own sentence will do */
    mem_free(message);
    reply_fail(req, &f, NULL);
    fail_clear(&f);
}

void reply_raw(struct req *req, enum fail_code code, const char *message)
{
    enum fail_shape shape = fail_shape_of(req);
    struct fail f = { .code = FAIL_NONE };
    struct buf body, all;
    buf_init(&body, FAIL_MAX_BYTES);
    buf_init(&all, 2 * FAIL_MAX_BYTES);
    fail_set(&f, code, "%s", message);
    fail_reply_body(&f, shape, NULL, &body);
    int status = fail_reply_status(&f, shape);
    buf_addf(
        &all,
        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
        status, MHD_get_reason_phrase_for((unsigned)status), fail_reply_type(shape), body.len);
    buf_add(&all, body.data, body.len);
    /* Nothing of this request was sent yet, so the socket has room; and if not, the client learns
     * it from the close. */
    if (body.fault == 0 && all.fault == 0)
        (void)send(req->conn->fd, all.data, all.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    req->state = REQ_ANSWERED;
    req->status = status;
    req->sent_bytes = (long long)body.len;
    req->is_released = true;
    fail_clear(&f);
    buf_deinit(&body);
    buf_deinit(&all);
}
