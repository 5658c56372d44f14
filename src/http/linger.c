/* See linger.h. */
#include "http/linger.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_MAX = 64, LINGER_US = 2000000, READ_BYTES = 16384 };

struct linger_state {
    struct list node;
    struct http_server *server;
    int fd;
    struct loop_watch *watch;
    struct loop_timer *timer;
};

static void linger_free(struct linger_state *l)
{
    loop_watch_free(l->watch);
    loop_timer_free(l->timer);
    list_remove(&l->node);
    l->server->linger_count--;
    if (l->fd >= 0)
        close(l->fd);
    mem_free(l);
}

static void on_timer(void *arg)
{
    linger_free(arg);
}

static void on_read(void *arg, int what)
{
    (void)what;
    struct linger_state *l = arg;
    char bytes[READ_BYTES];
    ssize_t n = recv(l->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        linger_free(l);
}

void linger_start(struct http_server *s, int fd)
{
    if (s->is_stopping || s->linger_count >= LINGER_MAX)
        return;
    struct linger_state *l = mem_zalloc(sizeof(*l));
    if (l == NULL)
        return;
    l->server = s;
    list_add_tail(&s->lingers, &l->node);
    s->linger_count++;
    l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (l->fd < 0 || loop_timer_new(s->loop, on_timer, l, &l->timer) != 0 ||
        loop_watch_new(s->loop, l->fd, LOOP_READ, on_read, l, &l->watch) != 0) {
        linger_free(l);
        return;
    }
    (void)shutdown(l->fd, SHUT_WR); /* fails if the client is gone: then reading says so */
    loop_timer_start(l->timer, LINGER_US);
}

void linger_stop_all(struct http_server *s)
{
    LIST_EACH(&s->lingers, node)
    {
        linger_free(LIST_OF(node, struct linger_state, node));
    }
}
