#ifndef ANABRANCH_LLM_OPENAI_CHUNK_H
#define ANABRANCH_LLM_OPENAI_CHUNK_H
/*
 * Reads chunks of a streamed chat completion, one JSON text each, and gives out deltas:
 *
 *     {"choices":[{"index":0,"delta":{"content":"Hel"}}]}          LLM_TEXT "Hel"
 *     {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}  LLM_FINISH "stop"
 *     {"choices":[],"usage":{"prompt_tokens":7, ...}}              LLM_USAGE, but kept until
 *                                                                  openai_chunk_finish()
 *
 * No tree is built: the text is walked once, checked, and the places of the few values of interest
 * are noted. Content without escapes is given out where it lies. Only tool calls, usage, errors and
 * content in parts are parsed, each alone. The answer of a server that does not stream has the same
 * shape with "message" for "delta".
 *
 * Of several choices only the one with index 0 counts.
 */
#include "base/buf.h"
#include "llm/llm.h"

enum { OPENAI_CHUNK_TEXT_MAX_BYTES = 65536, OPENAI_CHUNK_DEPTH_MAX = 100 };

enum {
    OPENAI_CHUNK_E_GARBAGE = 1, /* not JSON, not UTF-8, nested too deep, or not an object */
    OPENAI_CHUNK_E_ERROR, /* the upstream reports one: its value is in error, error_len_bytes */
};

struct openai_chunk {
    void (*on_delta)(void *arg, const struct llm_delta *delta); /* may not call into this module */
    void *arg;
    struct buf text;    /* decoded strings */
    unsigned high_half; /* of a surrogate pair that the next chunk may make whole, or 0 */
    bool has_choice;    /* an answer was seen, with or without content */
    bool has_finish;    /* a finish_reason was seen that says something */
    bool has_usage;
    struct llm_delta usage; /* the latest */
    const char *error;      /* points into the chunk */
    size_t error_len_bytes;
};

/* max_bytes: no chunk is longer. */
void openai_chunk_init(struct openai_chunk *c, size_t max_bytes,
                       void (*on_delta)(void *arg, const struct llm_delta *delta), void *arg);
void openai_chunk_deinit(struct openai_chunk *c);

/*
 * Walks one chunk and gives out its deltas: text, tool calls, finish reason (the first one only).
 *   message_key  "delta", or "message" for an answer that is not streamed.
 * Returns 0, OPENAI_CHUNK_E_*, or a fault. Nothing is given out of a chunk with a condition, and of
 * one with a fault perhaps not all; the stream should be left then.
 */
int openai_chunk_scan(struct openai_chunk *c, const char *message_key, const char *bytes,
                      size_t len_bytes);

/* The whole answer has come: gives out what was kept back (half a character as U+FFFD, usage). */
void openai_chunk_finish(struct openai_chunk *c);

#endif
