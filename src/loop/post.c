/*
 * Messages from other threads: a list under a mutex and an eventfd that wakes the loop.
 *
 *     loop_mail_send() --lock--> incoming --eventfd--> on_wake() --> arrived --ready list--> deliver()
 *
 * loop_post() sends a mail of its own that is freed when it arrives. Arrived messages go through the
 * ready list one by one, so that a flood of them shares its 1 ms with everything else.
 */
#include "base/err.h"
#include "base/mem.h"
#include "loop/loop_internal.h"
#include <sys/eventfd.h>
#include <unistd.h>

/* What loop_post() sends. */
struct message {
    struct loop_mail mail; /* first member */
    void (*call)(void *arg);
    void *arg;
};

static void deliver(void *arg)
{
    struct loop *loop = arg;
    struct list *node = list_pop(&loop->post.arrived);
    if (node == NULL)
        return;
    struct loop_mail *m = LIST_OF(node, struct loop_mail, node);
    if (!list_is_empty(&loop->post.arrived))
        loop_ready(loop, &loop->post.deliver);
    m->call(m->arg); /* may free m */
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

void loop_mail_init(struct loop_mail *m, void (*call)(void *arg), void *arg)
{
    list_init(&m->node);
    m->call = call;
    m->arg = arg;
}

void loop_mail_send(struct loop *loop, struct loop_mail *m)
{
    static const uint64_t one = 1;
    (void)pthread_mutex_lock(&loop->post.lock);
    bool is_first = list_is_empty(&loop->post.incoming);
    list_add_tail(&loop->post.incoming, &m->node);
    /* Written under the lock: once it is given back, the loop may run the message and be freed. */
    if (is_first)
        (void)!write(loop->post.wake_fd, &one,
                     sizeof(one)); /* fails only when it is signalled 2^64 times */
    (void)pthread_mutex_unlock(&loop->post.lock);
}

void loop_mail_take_back(struct loop *loop, struct loop_mail *m)
{
    (void)pthread_mutex_lock(&loop->post.lock);
    list_remove(&m->node); /* from incoming; or from arrived, which is this thread's own */
    (void)pthread_mutex_unlock(&loop->post.lock);
}

static void open_message(void *arg)
{
    struct message m = *(struct message *)arg;
    mem_free(arg);
    m.call(m.arg);
}

int loop_post(struct loop *loop, void (*call)(void *arg), void *arg)
{
    struct message *m = mem_alloc(sizeof(*m));
    if (m == NULL)
        return err_trace(ERR_NOMEM);
    loop_mail_init(&m->mail, open_message, m);
    m->call = call;
    m->arg = arg;
    loop_mail_send(loop, &m->mail);
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

/* Other mail is its sender's. */
static void drop(struct list *messages)
{
    for (struct list *node = list_pop(messages); node != NULL; node = list_pop(messages)) {
        struct loop_mail *m = LIST_OF(node, struct loop_mail, node);
        if (m->call == open_message)
            mem_free(m->arg);
    }
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
