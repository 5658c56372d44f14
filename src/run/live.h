#ifndef ANABRANCH_RUN_LIVE_H
#define ANABRANCH_RUN_LIVE_H
/* A message that is being streamed, put together as far as it has come: for modes that show the
 * whole of it again and again (`messages`) or at its end (`events`). */
#include "llm/answer.h"
#include <stdbool.h>

struct live_message {
    struct answer answer;
    bool is_announced; /* messages/metadata was sent */
    bool is_lost;      /* it passed its limit or there was no memory: it is not shown any more */
};

/* NULL: no memory. */
struct live_message *live_message_new(size_t max_bytes);
struct live_message *live_message_free(struct live_message *l); /* accepts NULL, returns NULL */
void live_message_add(struct live_message *l, const struct llm_delta *delta);
/* As a flat AI message. Sticky error in out. */
void live_message_encode(const struct live_message *l, const char *id, const char *model,
                         struct buf *out);

#endif
