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
/* The same for the element `index` of a list: f says which one it is. */
int message_coerce_at(const json_t *any, size_t index, json_t **ret, struct fail *f);

/*
 * The writes of one step onto one list, in their order: each is one message or an array, any form.
 * Messages without id get a UUIDv4; the same id replaces in place; RemoveMessage deletes every
 * message of its id; `__remove_all__` clears. What one write has removed it may bring back in the
 * old place; for the writes after it the id is new. The time taken is that of the list and of all
 * writes together, however many there are.
 *
 *     message_fold_init -> message_fold_write, once or more -> message_fold_finish
 *                                   any time -> message_fold_deinit
 *
 * The members are private.
 */
struct message_fold {
    const json_t *left; /* borrowed */
    json_t *list;       /* NULL until a write needs it */
    json_t *index;
    json_t *removed;
    json_t *gone;
};
/* left: array of flat messages, or NULL; borrowed until deinit. It is not changed, its elements are
 * shared. Cannot fail. */
void message_fold_init(struct message_fold *m, const json_t *left);
void message_fold_deinit(struct message_fold *m);
/* Returns 0, MESSAGES_E_REFUSED (f: FAIL_INVALID_UPDATE), or a fault; after these two only deinit
 * may be called. */
int message_fold_write(struct message_fold *m, const json_t *right, struct fail *f);
/* The new array; only deinit may follow. 0 or ERR_NOMEM. */
int message_fold_finish(struct message_fold *m, json_t **ret);

/* A fold of one write. Returns 0, MESSAGES_E_REFUSED (f: FAIL_INVALID_UPDATE), or a fault. */
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
