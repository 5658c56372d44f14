#ifndef ANABRANCH_LLM_ANSWER_H
#define ANABRANCH_LLM_ANSWER_H
/* The deltas of one model call put together again. */
#include "base/buf.h"
#include "graph/graph.h"
#include "llm/llm.h"

struct tool_call;

struct answer {
    struct buf text;
    struct tool_call *calls; /* in the order in which they began */
    size_t call_count;
    size_t left_bytes; /* of the maximum, for text and tool calls together */
    size_t max_bytes;
    json_t *usage;       /* object or NULL */
    char *finish_reason; /* or NULL */
    bool has_output;     /* text or a piece of a tool call came */
};

void answer_init(struct answer *a, size_t max_bytes);
void answer_deinit(struct answer *a);
void answer_clear(struct answer *a); /* ready for another call */

enum { ANSWER_E_FULL = 1 };
/* 0, ANSWER_E_FULL (too many bytes, or tool calls), or a fault. */
int answer_add(struct answer *a, const struct llm_delta *delta);

/* What a field of this type gets: a message, a text, or a list of one text. New reference; NULL: no
   memory. id: the message's; model: without its provider. */
json_t *answer_json(const struct answer *a, enum field_type type, const char *id,
                    const char *model);

#endif
