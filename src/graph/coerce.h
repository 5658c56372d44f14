#ifndef ANABRANCH_GRAPH_COERCE_H
#define ANABRANCH_GRAPH_COERCE_H
/* What messages.c and coerce.c share: the types of messages and what a flat one looks like. */
#include <jansson.h>
#include <stdbool.h>

enum message_type {
    MESSAGE_HUMAN,
    MESSAGE_AI,
    MESSAGE_SYSTEM,
    MESSAGE_TOOL,
    MESSAGE_FUNCTION,
    MESSAGE_REMOVE
};

/* Of a flat message; -1 = none of ours. */
int message_type_of(const json_t *message);
/* "" if there is none. */
const char *message_id(const json_t *message);
/* For an error message: the type of what stands where something else should; "nothing" for NULL. */
const char *message_found_word(const json_t *found);
/* Has all that message_coerce() gives every message. */
bool message_is_flat(const json_t *json);

#endif
