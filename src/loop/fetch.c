/*
 * The life of a fetch:
 *
 *     fetch_start() --ready list--> step() --joins a pool--> head, body ...
 *
 *     end message of libcurl -----------------------+
 *     timers ---------------------------------------+--> fetch_close() --ready list--> ended()
 *     cancel, limit: stop() --ready list--> step() -+
 *
 * on_head and on_body run inside a callback of libcurl, where handles may be neither added nor
 * removed, and from there any fetch may be started or cancelled. So start and stop only queue
 * `step`, which runs from the ready list. Whichever comes first of the step and libcurl's own end
 * message closes the fetch.
 */
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "loop/fetch_internal.h"
#include <assert.h>

enum { US_PER_MS = 1000 };

static void timer_start_ms(struct loop_timer *t, int64_t delay_ms)
{
    loop_timer_start(t, delay_ms < INT64_MAX / US_PER_MS ? delay_ms * US_PER_MS : INT64_MAX);
}

static void fetch_free(struct fetch *x)
{
    loop_timer_free(x->silence);
    loop_timer_free(x->total);
    curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->header_lines);
    fetch_head_deinit(&x->head);
    mem_free(x->body);
    mem_free(x->origin);
    mem_free(x->text);
    mem_free(x);
}

/* ---- the end ---- */

/* The count goes down first: on_end may free the fetcher. */
static void ended(void *arg, int result)
{
    struct fetch *x = arg;
    x->fetcher->fetch_count--;
    fetch_text_build(x, result);
    x->on_end(x->arg, result);
    fetch_free(x);
}

void fetch_close(struct fetch *x, int result)
{
    loop_work_cancel(&x->step);
    loop_timer_stop(x->silence);
    loop_timer_stop(x->total);
    if (x->pool != NULL)
        fetch_pool_remove(x);
    curl_easy_cleanup(x->easy);
    x->easy = NULL;
    op_finish(&x->op, result);
}

static void stop(struct fetch *x, int result)
{
    if (x->stop_result != 0 || x->op.state == OP_FINISHED)
        return;
    x->stop_result = result;
    loop_ready(x->fetcher->loop, &x->step);
}

static void on_cancel(struct op *op)
{
    stop(LIST_OF(op, struct fetch, op), OP_CANCELLED);
}

static void on_silence(void *arg)
{
    struct fetch *x = arg;
    fetch_close(x, x->is_answered ? FETCH_E_IDLE_TIMEOUT : FETCH_E_FIRST_BYTE_TIMEOUT);
}

static void on_total(void *arg)
{
    fetch_close(arg, FETCH_E_TOTAL_TIMEOUT);
}

/* ---- the answer, inside callbacks of libcurl ---- */

static void restart_silence(struct fetch *x)
{
    if (x->idle_ms > 0)
        timer_start_ms(x->silence, x->idle_ms);
    else
        loop_timer_stop(x->silence);
}

static void take_line(struct fetch *x, const char *line, size_t len)
{
    int r = fetch_head_line(&x->head, line, len);
    if (r < 0)
        stop(x, r);
    else if (r == FETCH_HEAD_E_TOO_LARGE)
        stop(x, FETCH_E_TOO_LARGE);
    if (r == FETCH_HEAD_STATUS)
        x->is_answered = true;
    if (x->is_answered)
        restart_silence(x);
    if (r == FETCH_HEAD_COMPLETE && x->on_head != NULL)
        x->on_head(x->arg, x->head.status);
}

size_t fetch_take_head_line(char *line, size_t size, size_t count, void *fetch)
{
    struct fetch *x = fetch;
    size_t len = size * count;
    if (x->stop_result == 0 && len > 0)
        take_line(x, line, len);
    return x->stop_result == 0 ? len : 0;
}

/* A body without a final head is what libcurl hands out after a 101 that nobody asked for. */
static int check_body(const struct fetch *x, size_t len)
{
    if (x->head.state != FETCH_HEAD_DONE)
        return FETCH_E_PROTOCOL;
    if (x->max_bytes > 0 && (uint64_t)len > (uint64_t)(x->max_bytes - x->body_bytes))
        return FETCH_E_TOO_LARGE;
    return 0;
}

size_t fetch_take_body(char *bytes, size_t size, size_t count, void *fetch)
{
    struct fetch *x = fetch;
    size_t len = size * count;
    if (len == 0)
        return 0;
    int r = x->stop_result != 0 ? 0 : check_body(x, len);
    if (r != 0)
        stop(x, r);
    if (x->stop_result != 0)
        return 0;
    x->body_bytes += (int64_t)len;
    restart_silence(x);
    if (x->on_body != NULL)
        x->on_body(x->arg, bytes, len);
    return x->stop_result == 0 ? len : 0;
}

/* ---- the start ---- */

/* All TLS requests to one origin meet in one pool, where HTTP/2 lets them share a connection; the
 * others take turns. */
static struct fetch_pool *choose_pool(struct fetch *x)
{
    struct fetcher *f = x->fetcher;
    if (!x->is_tls) {
        f->next_pool = (f->next_pool + 1) % f->pool_count;
        return &f->pools[f->next_pool];
    }
    return &f->pools[hash_text(HASH_BEGIN, x->origin) % (uint64_t)f->pool_count];
}

static void step(void *arg)
{
    struct fetch *x = arg;
    int r = x->stop_result;
    if (r == 0)
        r = fetch_pool_add(choose_pool(x), x);
    if (r != 0)
        fetch_close(x, r);
}

static struct fetch *fetch_new(struct fetcher *f, const struct fetch_request *req)
{
    struct fetch *x = mem_zalloc(sizeof(*x));
    if (x == NULL)
        return NULL;
    x->fetcher = f;
    list_init(&x->node);
    loop_work_init(&x->step, step, x);
    fetch_head_init(&x->head);
    x->first_byte_ms = req->first_byte_ms;
    x->idle_ms = req->idle_ms;
    x->total_ms = req->total_ms;
    x->max_bytes = req->max_bytes;
    x->is_guarded = req->is_guarded;
    x->on_head = req->on_head;
    x->on_body = req->on_body;
    x->on_end = req->on_end;
    x->arg = req->arg;
    return x;
}

static int prepare(struct fetch *x, const struct fetch_request *req)
{
    int r = loop_timer_new(x->fetcher->loop, on_silence, x, &x->silence);
    if (r == 0)
        r = loop_timer_new(x->fetcher->loop, on_total, x, &x->total);
    if (r == 0)
        r = fetch_easy_build(x, req);
    return r;
}

static void begin(struct fetch *x)
{
    if (x->first_byte_ms > 0)
        timer_start_ms(x->silence, x->first_byte_ms);
    if (x->total_ms > 0)
        timer_start_ms(x->total, x->total_ms);
    loop_ready(x->fetcher->loop, &x->step);
}

int fetch_start(struct fetcher *f, const struct fetch_request *req, struct fetch **ret)
{
    assert(req->on_end != NULL);
    struct fetch *x = fetch_new(f, req);
    if (x == NULL)
        return err_trace(ERR_NOMEM);
    int r = prepare(x, req);
    if (r < 0) {
        fetch_free(x);
        return err_trace(r);
    }
    f->fetch_count++;
    op_start(&x->op, f->loop, on_cancel, ended, x);
    if (r == 0)
        begin(x);
    else
        op_finish(&x->op, r);
    *ret = x;
    return 0;
}

struct op *fetch_op(struct fetch *x)
{
    return &x->op;
}

const char *fetch_header_find(const struct fetch *x, const char *name)
{
    return fetch_head_find(&x->head, name);
}

const char *fetch_header_next(const struct fetch *x, size_t *at, const char **ret_value)
{
    return fetch_head_next(&x->head, at, ret_value);
}

/* ---- the fetcher ---- */

static int fetcher_init(struct fetcher *f, struct loop *loop, int pools)
{
    f->loop = loop;
    f->pools = mem_array((size_t)pools, sizeof(*f->pools));
    int r = f->pools == NULL ? ERR_NOMEM : 0;
    for (; r == 0 && f->pool_count < pools; f->pool_count++)
        r = fetch_pool_init(&f->pools[f->pool_count], loop);
    return r;
}

int fetcher_new(struct loop *loop, int pools, struct fetcher **ret)
{
    assert(pools > 0);
    struct fetcher *f = mem_zalloc(sizeof(*f));
    if (f == NULL)
        return err_trace(ERR_NOMEM);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) { /* counts its callers */
        mem_free(f);
        return err_trace(ERR_SYSTEM);
    }
    int r = fetcher_init(f, loop, pools);
    if (r != 0) {
        fetcher_free(f);
        return err_trace(r);
    }
    *ret = f;
    return 0;
}

struct fetcher *fetcher_free(struct fetcher *f)
{
    if (f == NULL)
        return NULL;
    assert(f->fetch_count == 0);
    for (int i = 0; i < f->pool_count; i++)
        fetch_pool_deinit(&f->pools[i]);
    mem_free(f->pools);
    curl_global_cleanup();
    return mem_free(f);
}
