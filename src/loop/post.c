/*
 * Messages from other threads: a list under a mutex and an eventfd that wakes the loop. The only
 * lock in the program's own code.
 *
 *     loop_post() --lock--> incoming --eventfd--> on_wake() --> arrived --ready list--> deliver()
 *
 * Arrived messages go through the ready list one by one, so that a flood of them shares its 1 ms
 * with everything else.
 */
#include "base/err.h"
#include "base/mem.h"
#include "loop/loop_internal.h"
#include <sys/eventfd.h>
#include <unistd.h>

struct message {
    struct list node;
    void (*call)(void *arg);
    void *arg;
};

static void deliver(void *arg)
{
    struct loop *loop = arg;
    struct list *node = list_pop(&loop->post.arrived);
    if (node == NULL)
        return;
    struct message m = *LIST_OF(node, struct message, node);
    mem_free(LIST_OF(node, struct message, node));
    if (!list_is_empty(&loop->post.arrived))
        loop_ready(loop, &loop->post.deliver);
    m.call(m.arg);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *loop = arg;
    uint64_t count;
    struct list batch;
    (void)!read(fd, &count, sizeof(count)); /* non-blocking; nothing there is fine, too */
    (void)pthread_mutex_lock(&loop->post.lock);
    list_take_all(&loop->post.incoming, &batch);
    (void)pthread_mutex_unlock(&loop->post.lock);
    for (struct list *node = list_pop(&batch); node != NULL; node = list_pop(&batch))
        list_add_tail(&loop->post.arrived, node);
    loop_ready(loop, &loop->post.deliver);
}

int loop_post(struct loop *loop, void (*call)(void *arg), void *arg)
{
    static const uint64_t one = 1;
    struct message *m = mem_alloc(sizeof(*m));
    if (m == NULL)
        return err_trace(ERR_NOMEM);
    m->call = call;
    m->arg = arg;
    (void)pthread_mutex_lock(&loop->post.lock);
    bool is_first = list_is_empty(&loop->post.incoming);
    list_add_tail(&loop->post.incoming, &m->node);
    /* Written under the lock: once it is given back, the loop may run the message and be freed. */
    if (is_first)
        (void)!write(loop->post.wake_fd, &one,
                     sizeof(one)); /* fails only when it is signalled 2^64 times */
    (void)pthread_mutex_unlock(&loop->post.lock);
    return 0;
}

int post_init(struct loop *loop)
{
    struct post_box *box = &loop->post;
    list_init(&box->incoming);
    list_init(&box->arrived);
    loop_work_init(&box->deliver, deliver, loop);
    (void)pthread_mutex_init(&box->lock, NULL); /* a plain mutex cannot fail on Linux */
    box->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (box->wake_fd >= 0 &&
        event_assign(&box->wake, loop->base, box->wake_fd, EV_READ | EV_PERSIST, on_wake, loop) ==
            0 &&
        event_add(&box->wake, NULL) == 0)
        return 0;
    return ERR_SYSTEM;
}

static void drop(struct list *messages)
{
    for (struct list *node = list_pop(messages); node != NULL; node = list_pop(messages))
        mem_free(LIST_OF(node, struct message, node));
}

void post_deinit(struct loop *loop)
{
    struct post_box *box = &loop->post;
    if (box->incoming.next == NULL)
        return; /* loop_new() failed before post_init() */
    if (event_initialized(&box->wake))
        (void)event_del(&box->wake); /* fails for an event without a base only */
    if (box->wake_fd >= 0)
        (void)close(box->wake_fd); /* nothing is lost that could be reported */
    drop(&box->incoming);
    drop(&box->arrived);
    (void)pthread_mutex_destroy(&box->lock); /* nobody holds it */
}
