#ifndef ANABRANCH_HTTP_CHUNK_H
#define ANABRANCH_HTTP_CHUNK_H
/*
 * One chunk of a chunked body on its way into a socket that may take only part of it. For bytes
 * "hello" this leaves: "5\r\nhello\r\n". A zeroed chunk is one that was sent.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { CHUNK_HEAD_BYTES = 20 }; /* 16 hexadecimal digits and the line's end */

struct chunk {
    char head[CHUNK_HEAD_BYTES];
    size_t head_len;
    const char *bytes;
    size_t len_bytes;
    size_t sent_bytes; /* of head, bytes and the end together */
    char *kept;        /* what chunk_keep() copied */
};

/* The last chunk must have been sent or dropped. Borrows bytes (at least one: an empty chunk would
 * end the body) until this one is. */
void chunk_start(struct chunk *c, const char *bytes, size_t len_bytes);
bool chunk_is_sent(const struct chunk *c);
/* Never blocks. Returns how many bytes the socket took, framing included; -1 and errno: EAGAIN if
 * it is full, else the connection is dead. */
ssize_t chunk_send(struct chunk *c, int fd);
/* Payload only. */
size_t chunk_payload_sent_bytes(const struct chunk *c);
/* Ends the borrowing: what is left of the bytes is copied. false: no memory. */
bool chunk_keep(struct chunk *c);
void chunk_drop(struct chunk *c);

#endif
