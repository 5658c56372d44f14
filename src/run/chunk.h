#ifndef ANABRANCH_RUN_CHUNK_H
#define ANABRANCH_RUN_CHUNK_H
/*
 * A piece of a streamed message as a flat AI message. Text comes often and is written from its
 * parts; whatever else comes is written once, as the members in which it differs. Errors are sticky
 * in out.
 */
#include "llm/llm.h"

void chunk_write_text(struct buf *out, const char *id, const char *text, size_t len_bytes);
void chunk_write(struct buf *out, const char *id, const char *members, size_t len_bytes);
/* The members of a delta that is no text. model: "provider:model" or "". */
void chunk_members(struct buf *out, const struct llm_delta *delta, const char *model);

#endif
