#ifndef ANABRANCH_TESTS_UNIT_NODE_SERVER_H
#define ANABRANCH_TESTS_UNIT_NODE_SERVER_H
/*
 * The server of tiny_server.h with a list of replies: the n-th connection gets the n-th one, and
 * its request is kept.
 */
#include "base/list.h"
#include "tiny_server.h"
#include <check.h>
#include <stdatomic.h>

enum { NODE_SERVER_REPLIES = 8, NODE_SERVER_REQUEST_BYTES = 16384 };

struct node_reply {
    const char *bytes; /* or NULL */
    bool is_held;      /* after the bytes the connection stays open until the client closes it */
};

struct node_server {
    struct tiny_server tiny;
    int port;
    struct node_reply replies[NODE_SERVER_REPLIES];
    int reply_count;
    char requests[NODE_SERVER_REPLIES][NODE_SERVER_REQUEST_BYTES];
    atomic_int request_count; /* whole requests read */
    atomic_int closed_count;  /* held connections that the client closed */
};

static inline void node_server_serve(struct tiny_server *tiny, int fd)
{
    struct node_server *s = LIST_OF(tiny, struct node_server, tiny);
    int index = tiny->count - 1;
    if (index >= s->reply_count || !tiny_take_request(tiny, fd))
        return;
    size_t len = strnlen(tiny->request, NODE_SERVER_REQUEST_BYTES - 1);
    memcpy(s->requests[index], tiny->request, len); /* zeroed before */
    atomic_fetch_add(&s->request_count, 1);
    if (s->replies[index].bytes != NULL)
        tiny_put(fd, s->replies[index].bytes);
    if (!s->replies[index].is_held)
        return;
    tiny_wait_for_eof(tiny, fd);
    atomic_fetch_add(&s->closed_count, 1);
}

static inline void node_server_start(struct node_server *s, const struct node_reply *replies,
                                     int count)
{
    ck_assert_int_le(count, NODE_SERVER_REPLIES);
    memset(s, 0, sizeof(*s));
    memcpy(s->replies, replies, (size_t)count * sizeof(*replies));
    s->reply_count = count;
    tiny_start(&s->tiny, node_server_serve, NULL);
    s->port = s->tiny.port;
}

static inline void node_server_stop(struct node_server *s)
{
    tiny_stop(&s->tiny);
}

/* For fake_until(): whether the server has read a whole request. */
static inline bool node_server_was_asked(void *server)
{
    struct node_server *s = server;
    return atomic_load(&s->request_count) > 0;
}

#endif
