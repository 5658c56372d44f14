/*
 * libFuzzer target: a stream cut into pieces must give the same events as the stream in one piece,
 * and its events go on to the chunk scanner. The first byte chooses the sizes of the pieces.
 */
#include "base/jsonx.h"
#include "llm/openai_chunk.h"
#include "llm/sse_in.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
    struct buf events;
    struct openai_chunk chunk;
};

static void on_delta(void *arg, const struct llm_delta *d)
{
    (void)arg;
    if (d->type == LLM_TEXT && (d->len_bytes == 0 || d->len_bytes > OPENAI_CHUNK_TEXT_MAX_BYTES ||
                                jsonx_utf8_prefix(d->text, d->len_bytes) != d->len_bytes))
        abort();
}

static void on_event(void *arg, const char *event, const char *data, size_t len_bytes)
{
    struct sink *s = arg;
    (void)buf_add_str(&s->events, event);
    (void)buf_add_char(&s->events, '|');
    (void)buf_add(&s->events, data, len_bytes);
    (void)buf_add_char(&s->events, '\n');
    (void)openai_chunk_scan(&s->chunk, "delta", data, len_bytes);
}

static int run(const char *bytes, size_t len, size_t step, struct buf *ret_events)
{
    struct sink s;
    struct sse_in in;
    int r = 0;
    buf_init(&s.events, 8 * MAX_BYTES);
    openai_chunk_init(&s.chunk, MAX_BYTES, on_delta, &s);
    sse_in_init(&in, MAX_BYTES, on_event, &s);
    for (size_t at = 0; at < len && r == 0; at += step)
        r = sse_in_feed(&in, bytes + at, len - at < step ? len - at : step);
    openai_chunk_finish(&s.chunk);
    openai_chunk_deinit(&s.chunk);
    sse_in_deinit(&in);
    *ret_events = s.events;
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, pieces;
    if (size < 2 || size > MAX_BYTES)
        return 0;
    const char *bytes = (const char *)data + 1;
    size_t step = (size_t)data[0] % 64 + 1;
    int first = run(bytes, size - 1, size, &whole);
    int second = run(bytes, size - 1, step, &pieces);
    if (first != second || whole.len != pieces.len ||
        (whole.len > 0 && memcmp(whole.data, pieces.data, whole.len) != 0))
        abort();
    buf_deinit(&whole);
    buf_deinit(&pieces);

    struct sink direct;
    openai_chunk_init(&direct.chunk, MAX_BYTES, on_delta, &direct);
    (void)openai_chunk_scan(&direct.chunk, data[0] & 1 ? "delta" : "message", bytes, size - 1);
    openai_chunk_finish(&direct.chunk);
    openai_chunk_deinit(&direct.chunk);
    return 0;
}
