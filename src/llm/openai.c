/*
 * One call of an OpenAI-compatible server.
 *
 *   start -> send -> head: what kind of answer? -> body -> end -> conclude -> on_end
 *              ^                                             |
 *              +---- once more, if stream_options was refused +
 *
 * The first thing that goes wrong is kept in `fail` and stops the fetch; conclude() reports it when
 * the fetch has ended. So nothing is freed before the fetch lets go.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "llm/openai_chunk.h"
#include "llm/openai_fail.h"
#include "llm/openai_request.h"
#include "llm/sse_in.h"
#include "llm/table.h"
#include "llm/upstream.h"
#include <string.h>
#include <strings.h>

enum {
    MAX_BYTES = 1 << 30,
    REFUSAL_MAX_BYTES = 65536, /* of a refusal's body: enough for its sentence */
    BODY_MAX_BYTES = 256 << 20,
    DONE_GRACE_MS = 250, /* from [DONE] to the end of the body, which keeps the connection usable */
    START_BYTES = 8,
    MS_PER_S = 1000,
};

enum answer {
    ANSWER_NONE,    /* no head yet */
    ANSWER_STREAM,  /* server-sent events */
    ANSWER_WHOLE,   /* one JSON text: the server does not stream */
    ANSWER_STRANGE, /* a success with a body of another type */
    ANSWER_REFUSAL, /* another status than 2xx */
};

struct openai_call {
    struct llm_call base;
    const struct llm_provider *provider;
    struct fetch *fetch;
    json_t *body; /* what was asked, until the answer is accepted */
    struct openai_limits limits;

    enum answer answer;
    int status;
    bool is_cancelled;
    bool is_second_try;
    bool is_done; /* [DONE] was seen */
    bool has_event;
    char start[START_BYTES]; /* of the answer's body */
    size_t start_len;
    struct sse_in sse;
    struct openai_chunk chunk;
    struct buf text; /* of an answer that is no stream */
    struct fail fail;

    void (*on_delta)(void *arg, const struct llm_delta *delta);
    void (*on_end)(void *arg, const struct fail *f);
    void *arg;
};

static int send_request(struct openai_call *c);

static void call_free(struct openai_call *c)
{
    json_decref(c->body);
    sse_in_deinit(&c->sse);
    openai_chunk_deinit(&c->chunk);
    buf_deinit(&c->text);
    fail_clear(&c->fail);
    mem_free(c);
}

/* ---- while the answer comes ---- */

static void relay(void *arg, const struct llm_delta *delta)
{
    struct openai_call *c = arg;
    if (!c->is_cancelled)
        c->on_delta(c->arg, delta);
}

static void stop(struct openai_call *c)
{
    op_cancel(fetch_op(c->fetch));
}

static void say(struct openai_call *c, enum fail_code code, const char *sentence)
{
    openai_fail_say(&c->fail, c->provider, code, sentence);
}

/* Puts a result of openai_chunk_scan() that is not 0 into fail. */
static void fail_chunk(struct openai_call *c, int r)
{
    if (r < 0)
        fail_set_fault(&c->fail, r);
    else if (r == OPENAI_CHUNK_E_ERROR)
        openai_fail_error(&c->fail, c->provider, c->chunk.error, c->chunk.error_len_bytes);
    else
        say(c, FAIL_UP_GARBAGE, "sent a chunk that is not valid JSON");
}

static bool is_over(const struct openai_call *c)
{
    return c->is_done || c->is_cancelled || fail_is_set(&c->fail);
}

static void on_event(void *arg, const char *event, const char *data, size_t len_bytes)
{
    struct openai_call *c = arg;
    (void)event; /* an error says so in its data */
    if (is_over(c) || len_bytes == 0)
        return;
    c->has_event = true;
    if (len_bytes >= 6 && memcmp(data, "[DONE]", 6) == 0) {
        c->is_done = true;
        (void)op_deadline(fetch_op(c->fetch), DONE_GRACE_MS); /* without memory: no hurry */
        return;
    }
    int r = openai_chunk_scan(&c->chunk, "delta", data, len_bytes);
    if (r != 0) {
        fail_chunk(c, r);
        stop(c);
    }
}

static bool starts_with(const char *text, const char *prefix)
{
    return text != NULL && strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* Without a type the answer is taken for what was asked for; the end shows whether it was. */
static enum answer answer_of(int status, const char *content_type)
{
    if (status < 200 || status > 299)
        return ANSWER_REFUSAL;
    if (content_type == NULL || starts_with(content_type, "text/event-stream"))
        return ANSWER_STREAM;
    return starts_with(content_type, "application/json") ? ANSWER_WHOLE : ANSWER_STRANGE;
}

static void on_head(void *arg, int status)
{
    struct openai_call *c = arg;
    c->status = status;
    c->answer = answer_of(status, fetch_header_find(c->fetch, "content-type"));
    if (c->answer == ANSWER_REFUSAL) {
        c->text.max = REFUSAL_MAX_BYTES;
        return;
    }
    json_decref(c->body); /* thousands of open streams should not keep their prompts */
    c->body = NULL;
}

static void take_stream(struct openai_call *c, const char *bytes, size_t len_bytes)
{
    int r = sse_in_feed(&c->sse, bytes, len_bytes);
    if (r == 0 || fail_is_set(&c->fail))
        return;
    if (r < 0)
        fail_set_fault(&c->fail, r);
    else
        say(c, FAIL_UP_TOO_LARGE, "sent an event larger than max_bytes");
    stop(c);
}

static void take_text(struct openai_call *c, const char *bytes, size_t len_bytes)
{
    size_t room = c->text.max - c->text.len;
    bool is_full = len_bytes > room;
    int r = buf_add(&c->text, bytes, is_full ? room : len_bytes);
    if (r < 0)
        fail_set_fault(&c->fail, r);
    if (is_full || r < 0)
        stop(c);
}

static void keep_start(struct openai_call *c, const char *bytes, size_t len_bytes)
{
    size_t room = sizeof(c->start) - c->start_len;
    size_t len = len_bytes < room ? len_bytes : room;
    memcpy(c->start + c->start_len, bytes, len);
    c->start_len += len;
}

static void on_body(void *arg, const char *bytes, size_t len_bytes)
{
    struct openai_call *c = arg;
    if (is_over(c))
        return;
    keep_start(c, bytes, len_bytes);
    switch (c->answer) {
    case ANSWER_STREAM:
        take_stream(c, bytes, len_bytes);
        break;
    case ANSWER_WHOLE:
    case ANSWER_REFUSAL:
        take_text(c, bytes, len_bytes);
        break;
    case ANSWER_STRANGE:
    case ANSWER_NONE: /* cannot be: the head comes first */
        say(c, FAIL_UP_GARBAGE, "answered with something that is neither events nor JSON");
        stop(c);
        break;
    }
}

/* ---- the end ---- */

/* Whether what came begins like events; for answers that hold none. */
static bool looks_like_events(const struct openai_call *c)
{
    static const char *const starts[] = { "data:", "event:", "id:", "retry:",
                                          ":",     "\r",     "\n",  "\xef\xbb\xbf" };
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        size_t len = strlen(starts[i]);
        if (memcmp(c->start, starts[i], len < c->start_len ? len : c->start_len) == 0)
            return true;
    }
    return false;
}

/* A stream may end without [DONE], but not without a reason, which tells it from a cut one. */
static void conclude_stream(struct openai_call *c)
{
    if (c->chunk.has_finish)
        return;
    if (!c->has_event && !looks_like_events(c))
        say(c, FAIL_UP_GARBAGE, "sent something that is not a stream of events");
    else
        say(c, FAIL_UP_CUT, "ended its answer before it was complete");
}

static void conclude_whole(struct openai_call *c)
{
    int r = openai_chunk_scan(&c->chunk, "message", buf_text(&c->text), c->text.len);
    if (r != 0)
        fail_chunk(c, r);
    else if (!c->chunk.has_choice)
        say(c, FAIL_UP_GARBAGE, "sent JSON that holds no answer");
}

/* [DONE] behind nothing: an error in a form that we do not know, or a proxy that swallowed all. */
static void conclude_done(struct openai_call *c)
{
    if (!c->chunk.has_choice)
        say(c, FAIL_UP_GARBAGE, "sent a stream that holds no answer");
}

/* The fetch ended well. */
static void conclude_answer(struct openai_call *c)
{
    if (c->start_len == 0)
        say(c, FAIL_UP_CUT, "sent an empty answer");
    else if (c->answer == ANSWER_WHOLE)
        conclude_whole(c);
    else
        conclude_stream(c);
}

static void conclude_refusal(struct openai_call *c)
{
    int64_t now_ms = clock_wall_ms();
    int64_t wait_ms =
        upstream_retry_after_ms(fetch_header_find(c->fetch, "retry-after-ms"), 1, now_ms);
    if (wait_ms == 0)
        wait_ms =
            upstream_retry_after_ms(fetch_header_find(c->fetch, "retry-after"), MS_PER_S, now_ms);
    openai_fail_status(&c->fail, c->provider, c->status, buf_text(&c->text), c->text.len, wait_ms);
}

/* A head that is too large has its own limit, which is none of the request's. */
static void conclude_broken(struct openai_call *c, int result)
{
    bool is_head = result == FETCH_E_TOO_LARGE && c->answer == ANSWER_NONE;
    openai_fail_fetch(&c->fail, c->provider, result, fetch_error_text(c->fetch, result),
                      is_head ? NULL : &c->limits);
}

/* Fills fail, or leaves it empty: the whole answer came. A status says more than how its body
   ended, and after [DONE] nothing matters any more. */
static void conclude(struct openai_call *c, int result)
{
    if (c->is_cancelled || fail_is_set(&c->fail))
        ; /* known already */
    else if (c->is_done)
        conclude_done(c);
    else if (c->answer == ANSWER_REFUSAL)
        conclude_refusal(c);
    else if (result != 0)
        conclude_broken(c, result);
    else
        conclude_answer(c);
    if (!fail_is_set(&c->fail))
        openai_chunk_finish(&c->chunk);
    if (c->is_cancelled) /* perhaps only by a delta that was just given out */
        fail_set(&c->fail, FAIL_CANCELLED, "the model call was cancelled");
}

/* Some servers know no stream_options and refuse what they do not know. */
static bool wants_second_try(const struct openai_call *c)
{
    return !c->is_cancelled && !c->is_second_try && !fail_is_set(&c->fail) &&
           (c->status == 400 || c->status == 422) &&
           json_object_get(c->body, "stream_options") != NULL &&
           strstr(buf_text(&c->text), "stream_options") != NULL;
}

static int send_again(struct openai_call *c)
{
    c->is_second_try = true;
    c->answer = ANSWER_NONE;
    c->status = 0;
    c->start_len = 0;
    buf_deinit(&c->text);
    buf_init(&c->text, (size_t)c->limits.max_bytes);
    (void)json_object_del(c->body, "stream_options"); /* it is there */
    return send_request(c);
}

static void on_fetch_end(void *arg, int result)
{
    struct openai_call *c = arg;
    if (wants_second_try(c)) {
        int r = send_again(c);
        if (r == 0)
            return;
        fail_set_fault(&c->fail, r);
    }
    conclude(c, result);
    c->on_end(c->arg, fail_is_set(&c->fail) ? &c->fail : NULL);
    call_free(c);
}

/* ---- the start ---- */

static int start_fetch(struct openai_call *c, const char *url, const struct openai_headers *headers,
                       const struct buf *body)
{
    const struct fetch_request req = {
        .method = "POST",
        .url = url,
        .headers = headers->items,
        .header_count = headers->count,
        .body = buf_text(body),
        .body_len_bytes = body->len,
        .connect_ms = c->limits.connect_ms,
        .first_byte_ms = c->limits.first_byte_ms,
        .idle_ms = c->limits.idle_ms,
        .max_bytes = c->limits.max_bytes,
        .on_head = on_head,
        .on_body = on_body,
        .on_end = on_fetch_end,
        .arg = c,
    };
    return fetch_start(c->provider->fetcher, &req, &c->fetch);
}

static int send_request(struct openai_call *c)
{
    struct openai_headers headers;
    struct buf body;
    char *url MEM_AUTO(mem_freep) = mem_printf("%s/chat/completions", c->provider->base_url);
    int r = openai_headers_init(&headers, c->provider);
    buf_init(&body, BODY_MAX_BYTES);
    jsonx_encode(c->body, &body);
    if (r == 0 && (url == NULL || body.fault != 0))
        r = ERR_NOMEM;
    if (r == 0)
        r = start_fetch(c, url, &headers, &body);
    openai_headers_deinit(&headers);
    buf_deinit(&body);
    return r != 0 ? err_trace(r) : 0;
}

static void cancel(struct llm_call *call)
{
    struct openai_call *c = (void *)call;
    c->is_cancelled = true;
    stop(c);
}

static int64_t limit_or(int64_t wanted, int64_t setting)
{
    return wanted > 0 ? wanted : setting;
}

static void set_limits(struct openai_call *c, const struct llm_request *req)
{
    const struct conf *conf = c->provider->conf;
    c->limits = (struct openai_limits){
        .connect_ms = limit_or(req->connect_ms, conf->model_connect_ms),
        .first_byte_ms = limit_or(req->first_byte_ms, conf->model_first_byte_ms),
        .idle_ms = limit_or(req->idle_ms, conf->model_idle_ms),
        .max_bytes = limit_or(req->max_bytes, conf->model_max_bytes),
    };
    if (c->limits.max_bytes > MAX_BYTES)
        c->limits.max_bytes = MAX_BYTES;
}

static struct openai_call *call_new(const struct llm_provider *p, const struct llm_request *req)
{
    struct openai_call *c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    c->base.cancel = cancel;
    c->provider = p;
    c->on_delta = req->on_delta;
    c->on_end = req->on_end;
    c->arg = req->arg;
    set_limits(c, req);
    size_t max_bytes = (size_t)c->limits.max_bytes;
    sse_in_init(&c->sse, max_bytes, on_event, c);
    openai_chunk_init(&c->chunk, max_bytes, relay, c);
    buf_init(&c->text, max_bytes);
    return c;
}

static int start(const struct llm_provider *p, const struct llm_request *req, struct llm_call **ret)
{
    struct openai_call *c = call_new(p, req);
    if (c == NULL)
        return err_trace(ERR_NOMEM);
    int r = openai_body_new(req, &c->body);
    if (r == 0)
        r = send_request(c);
    if (r != 0) {
        call_free(c);
        return err_trace(r);
    }
    *ret = &c->base;
    return 0;
}

const struct llm_kind llm_kind_openai = { .name = "openai", .start = start };
