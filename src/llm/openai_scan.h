#ifndef ANABRANCH_LLM_OPENAI_SCAN_H
#define ANABRANCH_LLM_OPENAI_SCAN_H
/*
 * The first half of openai_chunk.h: finds the values of interest in one chunk and checks that the
 * chunk is JSON (RFC 8259, UTF-8, no deeper than OPENAI_CHUNK_DEPTH_MAX). Numbers of any size and
 * repeated keys are let through; of those the last counts.
 */
#include "base/buf.h"
#include <stdbool.h>

/* The text of a JSON value inside the chunk, quotes included; at NULL = not there. */
struct span {
    const char *at;
    size_t len_bytes;
};

struct openai_choice {
    struct span index;
    struct span content;
    struct span tool_calls;
    struct span finish_reason;
};

struct openai_parts {
    struct openai_choice choice; /* the first one with index 0 or without index */
    bool has_choice;
    struct span usage;
    struct span error;
    struct openai_choice current; /* the one that is being walked */
};

/*
 *   key_room  scratch for keys with escapes; cleared.
 * Returns 0, OPENAI_CHUNK_E_GARBAGE or a fault.
 */
int openai_scan(const char *message_key, const char *bytes, size_t len_bytes, struct buf *key_room,
                struct openai_parts *ret);

/*
 * Appends what a JSON string (that openai_scan() has seen, quotes included) stands for. Lone
 * surrogates and \u0000 become U+FFFD. high_half  in and out: a first half at the end of the string
 * is left here for the next string. NULL: it becomes U+FFFD. Errors are sticky in b.
 */
void openai_decode_string(struct span string, unsigned *high_half, struct buf *b);

#endif
