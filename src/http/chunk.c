/* Three parts go to the kernel in one call; how far it got is one count over all of them. */
#include "http/chunk.h"
#include "base/mem.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static const char end[] = { '\r', '\n' };

static size_t whole_bytes(const struct chunk *c)
{
    return c->head_len + c->len_bytes + (c->head_len > 0 ? sizeof(end) : 0);
}

void chunk_start(struct chunk *c, const char *bytes, size_t len_bytes)
{
    assert(chunk_is_sent(c) && len_bytes > 0);
    chunk_drop(c);
    c->head_len = (size_t)snprintf(c->head, sizeof(c->head), "%zx\r\n", len_bytes);
    c->bytes = bytes;
    c->len_bytes = len_bytes;
}

bool chunk_is_sent(const struct chunk *c)
{
    return c->sent_bytes == whole_bytes(c);
}

/* Leaves out the first *skip bytes of a part, and takes them off. */
static struct iovec part(const char *bytes, size_t len, size_t *skip)
{
    size_t gone = *skip < len ? *skip : len;
    *skip -= gone;
    return (struct iovec){ .iov_base = (void *)(bytes + gone), .iov_len = len - gone };
}

ssize_t chunk_send(struct chunk *c, int fd)
{
    size_t skip = c->sent_bytes;
    struct iovec parts[3];
    parts[0] = part(c->head, c->head_len, &skip);
    parts[1] = part(c->bytes, c->len_bytes, &skip);
    parts[2] = part(end, sizeof(end), &skip);
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = sizeof(parts) / sizeof(*parts) };
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        c->sent_bytes += (size_t)n;
    if (chunk_is_sent(c))
        c->kept = mem_free(c->kept);
    return n;
}

size_t chunk_payload_sent_bytes(const struct chunk *c)
{
    if (c->sent_bytes <= c->head_len)
        return 0;
    size_t n = c->sent_bytes - c->head_len;
    return n < c->len_bytes ? n : c->len_bytes;
}

bool chunk_keep(struct chunk *c)
{
    if (chunk_is_sent(c) || c->kept != NULL)
        return true;
    c->kept = mem_alloc(c->len_bytes);
    if (c->kept == NULL)
        return false;
    memcpy(c->kept, c->bytes, c->len_bytes);
    c->bytes = c->kept;
    return true;
}

void chunk_drop(struct chunk *c)
{
    mem_free(c->kept);
    *c = (struct chunk){ .head_len = 0 };
}
