#ifndef ANABRANCH_BASE_BUF_H
#define ANABRANCH_BASE_BUF_H
/*
 * A byte buffer born with a maximum. Errors are sticky: the first failing append sets `fault` and
 * every later one is a no-op, so a writer of many small pieces checks once at its end:
 *
 *     struct buf b;
 *     buf_init(&b, 1 << 20);
 *     buf_add_str(&b, "data: ");
 *     buf_add(&b, text, len);
 *     if (b.fault != 0) ...
 *     buf_deinit(&b);
 *
 * Conditions of `fault` and of every buf_add_*: BUF_E_FULL (the maximum would be passed), fault
 * ERR_NOMEM.
 */
#include <stddef.h>

enum { BUF_E_FULL = 1 };

struct buf {
    char *data; /* len bytes and a NUL behind them, or NULL while nothing was ever added */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* most bytes that may ever be in use */
    int fault;  /* 0, BUF_E_FULL or ERR_NOMEM; sticky until buf_clear() */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_deinit(struct buf *b);
void buf_clear(struct buf *b);                     /* len 0, fault 0, memory kept */
int buf_reserve(struct buf *b, size_t more_bytes); /* room for so many more bytes */
int buf_add(struct buf *b, const void *bytes, size_t len_bytes);
int buf_add_str(struct buf *b, const char *text);
int buf_add_char(struct buf *b, char c);
int buf_add_int(struct buf *b, long long number);
int buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Removes the first len_bytes (<= b->len). */
void buf_drop(struct buf *b, size_t len_bytes);

/* The bytes as a NUL-terminated string that the caller frees with mem_free(); b is empty
 * afterwards. NULL: no memory, or b has a fault (what is in it is not all of it). */
char *buf_take(struct buf *b, size_t *ret_len_bytes);

/* Never NULL: "" for an empty buffer. Valid until the next change. */
const char *buf_text(const struct buf *b);

#endif
