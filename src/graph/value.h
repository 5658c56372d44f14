#ifndef ANABRANCH_GRAPH_VALUE_H
#define ANABRANCH_GRAPH_VALUE_H
/*
 * A state value: immutable, counted, used on one worker only. It hides its json_t and keeps its
 * encoded bytes once they were made, so that `values` frames and checkpoints join bytes instead of
 * encoding the state again. Whoever holds the json_t of a value must not change it, nor
 * anything inside it.
 */
#include <jansson.h>
#include <stddef.h>

struct value;

/* Takes json (also on failure). The caller must hold the only reference, or promise that nobody
 * changes it any more. */
int value_new_take(json_t *json, struct value **ret);
struct value *value_ref(struct value *v);
struct value *value_unref(struct value *v); /* accepts NULL, returns NULL */

/* Borrowed, as long as v lives. */
json_t *value_json(const struct value *v);
/* The compact encoding; borrowed, as long as v lives. Made on first call. 0 or ERR_NOMEM. */
int value_bytes(struct value *v, const char **ret, size_t *ret_len_bytes);

enum { VALUE_E_LONG = 1 };
/*
 * How long the encoding is. For values that nobody has measured yet: a template may name the same
 * large value many times, which costs nothing until it is encoded. Returns 0, VALUE_E_LONG (more
 * than max_bytes; no more than that was encoded), or ERR_NOMEM.
 */
int value_measure(struct value *v, size_t max_bytes, size_t *ret_len_bytes);

#endif
