#ifndef ANABRANCH_HTTP_LINGER_H
#define ANABRANCH_HTTP_LINGER_H
/*
 * Closing with bytes of the client unread makes the kernel send a reset, and a reset can overtake
 * the refusal that the client should read. So the descriptor is kept open for a moment and what
 * still comes is thrown away (RFC 9112, 9.6).
 */
#include "http/internal.h"

/* Keeps the socket behind fd open, by a descriptor of its own. Does nothing if there are too many
 * or no memory. */
void linger_start(struct http_server *s, int fd);
void linger_stop_all(struct http_server *s);

#endif
