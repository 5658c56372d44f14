#ifndef ANABRANCH_GRAPH_MESSAGES_H
#define ANABRANCH_GRAPH_MESSAGES_H
/*
 * Chat messages: coercion of every input form to the flat form of the LangGraph wire,
 * and LangChain's reducer add_messages.
 */
#include "base/fail.h"
#include <jansson.h>

enum { MESSAGES_E_REFUSED = 1 };

/* One message in any input form -> a new flat object with `type`, `content`, `id` ... Parts are
 * shared with what came in. Returns 0, MESSAGES_E_REFUSED (f: FAIL_INVALID_UPDATE), or a fault. */
int message_coerce(const json_t *any, json_t **ret, struct fail *f);

/*
 * left (array of flat messages, or NULL) and right (one message or an array, any form) -> a new
 * array. Messages without id get a UUIDv4; the same id replaces in place; RemoveMessage deletes
 * every message of its id; `__remove_all__` clears. left is not changed, its elements are shared.
 * Returns 0, MESSAGES_E_REFUSED (f: FAIL_INVALID_UPDATE), or a fault.
 */
int messages_add(const json_t *left, const json_t *right, json_t **ret, struct fail *f);

/* The AI message of a whole answer, flat form; new reference, NULL: no memory. Every argument may
 * be NULL but id. */
struct message_ai {
    const char *id;
    const char *text;
    size_t text_len_bytes;
    const json_t *tool_calls; /* array of {name,args,id,type} */
    const json_t *usage;      /* {input_tokens,output_tokens,total_tokens} */
    const char *model;
    const char *finish_reason;
};
json_t *message_ai_new(const struct message_ai *m);

/* A flat message -> {"role","content"} as OpenAI-compatible servers take it (tool calls included).
 * New reference, NULL: no memory. */
json_t *message_to_openai(const json_t *message);

#endif
