#ifndef ANABRANCH_LLM_UPSTREAM_H
#define ANABRANCH_LLM_UPSTREAM_H
/*
 * What the failures of an HTTP server mean to a run. Shared by the providers and the `http` node,
 * so that a retry policy treats both alike:
 *
 *     upstream_status_code(429)                 FAIL_UP_RATE
 *     upstream_status_name(429)                 "Too Many Requests"
 *     upstream_retry_after_ms("7", now)         7000
 *     upstream_add_words(&b, "no\r\n\tway", 8)  "no way"
 *
 * Pure: no I/O, no clock.
 */
#include "base/buf.h"
#include "base/fail.h"

/* By a result of loop/fetch.h. FAIL_NONE: none of those, so a fault; or FETCH_E_URL, which is the
 * mistake of whoever made the request and theirs to name. */
enum fail_code upstream_fetch_code(int result);

/* By a status that is no success: 100..999. */
enum fail_code upstream_status_code(int status);
/* The reason phrase, never NULL; "" for a status that is not in common use. */
const char *upstream_status_name(int status);

/* Milliseconds to wait, by a number of units of unit_ms milliseconds or an HTTP date; header may be
 * NULL. 0 = none, or not understood; a day at most. */
int64_t upstream_retry_after_ms(const char *header, int unit_ms, int64_t now_wall_ms);

/* Appends text of theirs as one line of valid UTF-8: control characters and blanks become one
 * blank, bytes that are no UTF-8 become '?'. Errors are sticky in b. */
void upstream_add_words(struct buf *b, const char *bytes, size_t len_bytes);
/* Shortens b to max_bytes, between two characters, without a blank at the end. */
void upstream_cut_words(struct buf *b, size_t max_bytes);

/* Puts stars for whatever in b begins like the secret that was sent. Errors are sticky in b: then
 * it may hold the secret still, and must not be shown. */
void upstream_mask(struct buf *b, const char *secret, size_t secret_len);
/* The same for each word of a header that was sent, if its name says that it is a secret. */
void upstream_mask_header(struct buf *b, const char *name, const char *value);

#endif
