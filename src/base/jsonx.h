#ifndef ANABRANCH_BASE_JSONX_H
#define ANABRANCH_BASE_JSONX_H
/*
 * JSON in and out of jansson's values with our rules: duplicate keys, NUL, invalid
 * UTF-8, integers past int64, reals past double and too deep nesting are refused with a sentence;
 * reals are printed with the fewest of 15, 16 or 17 digits that read back equal. Parser and encoder
 * are ours: jansson's encoder cannot do the digits, and its parser gives wrong values when memory
 * runs out (jsonx_parse.c).
 */
#include "base/buf.h"
#include <jansson.h>
#include <stddef.h>

struct jsonx_error {
    int line;          /* 1.. */
    int column;        /* 1.. */
    char message[200]; /* what is wrong, without the place; never quotes more than 40 bytes of the
                          input */
};

enum {
    JSONX_E_SYNTAX = 1, /* not JSON as above; error says why */
    JSONX_E_DEPTH = 2,  /* nested deeper than max_depth */
};

/*
 * Any JSON value (not only object or array); white space around it is fine, anything else behind it
 * is an error. max_depth   arrays and objects inside each other, 1 = `[]`. ret         owned by the
 * caller; untouched on failure. error       filled for every condition. Returns 0, JSONX_E_*, or a
 * fault.
 */
int jsonx_parse(const char *bytes, size_t len_bytes, int max_depth, json_t **ret,
                struct jsonx_error *error);

/* Appends compact JSON, keys in insertion order, UTF-8 as it is. Sticky error in b. */
void jsonx_encode(const json_t *json, struct buf *b);
/* Appends a JSON string with its quotes. bytes must be valid UTF-8. U+2028 and U+2029 stay raw,
 * control characters are escaped. */
void jsonx_encode_string(const char *bytes, size_t len_bytes, struct buf *b);
void jsonx_encode_real(double number, struct buf *b);

/* Compact JSON as a string for mem_free(); NULL: no memory or longer than max_bytes. */
char *jsonx_text(const json_t *json, size_t max_bytes, size_t *ret_len_bytes);

/* Depth of a value: 0 for a scalar, 1 for `[]`. Stops counting at `limit` + 1. */
int jsonx_depth(const json_t *json, int limit);

/* Length of the longest valid UTF-8 prefix (RFC 3629); whole = len_bytes. A cut sequence at the end
 * is not part of it. */
size_t jsonx_utf8_prefix(const char *bytes, size_t len_bytes);
/* How many bytes at the end of a valid prefix could still become a sequence (0..3): what a stream
 * keeps for the next chunk. */
size_t jsonx_utf8_partial(const char *bytes, size_t len_bytes);

/* "string", "integer", "number", "boolean", "null", "array", "object": the word for an error
 * message. */
const char *jsonx_type_name(const json_t *json);

#endif
