/*
 * A job is in one list at a time:
 *
 *     service_put() -> queue -> a group -> ended -> end()
 *                      lock     thread     lock     loop
 *
 * The mail that brings an end to the loop is part of the job, so nothing can get lost for want of
 * memory; `ended` knows those whose mail has not been opened yet, for service_free().
 */
#include "loop/service.h"
#include "base/err.h"
#include "base/mem.h"
#include <assert.h>
#include <pthread.h>
#include <signal.h>

struct service {
    const struct service_kind *kind;
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list queue; /* under the lock, like all below */
    struct list ended;
    bool is_closing;
};

static void lock(struct service *s)
{
    (void)pthread_mutex_lock(&s->lock); /* a plain mutex cannot fail on Linux */
}

static void unlock(struct service *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- the service's thread ---- */

/* Waits for work. False: there is none, and there will be none. */
static bool take_group(struct service *s, struct list *group)
{
    struct list *node;
    list_init(group);
    lock(s);
    while (list_is_empty(&s->queue) && !s->is_closing)
        (void)pthread_cond_wait(&s->wake, &s->lock);
    for (size_t i = 0; i < s->kind->group_max && (node = list_pop(&s->queue)) != NULL; i++)
        list_add_tail(group, node);
    unlock(s);
    return !list_is_empty(group);
}

/* Sent under the lock: service_free() must not find a job whose mail is still to be sent. */
static void end_group(struct service *s, struct list *group)
{
    lock(s);
    for (struct list *node = list_pop(group); node != NULL; node = list_pop(group)) {
        struct service_job *job = LIST_OF(node, struct service_job, node);
        list_add_tail(&s->ended, node);
        loop_mail_send(job->loop, &job->mail);
    }
    unlock(s);
}

static void *run(void *arg)
{
    struct service *s = arg;
    struct list group;
    while (take_group(s, &group)) {
        s->kind->work(s->arg, &group);
        end_group(s, &group);
        if (s->kind->rest != NULL)
            s->kind->rest(s->arg);
    }
    return NULL;
}

/* ---- the loop's thread ---- */

static void open_mail(void *arg)
{
    struct service_job *job = arg;
    lock(job->service);
    list_remove(&job->node);
    unlock(job->service);
    job->end(job);
}

void service_put(struct service *s, struct loop *loop, struct service_job *job,
                 void (*end)(struct service_job *job))
{
    *job = (struct service_job){ .service = s, .loop = loop, .end = end };
    list_init(&job->node);
    loop_mail_init(&job->mail, open_mail, job);
    lock(s);
    assert(!s->is_closing);
    list_add_tail(&s->queue, &job->node);
    (void)pthread_cond_signal(&s->wake); /* cannot fail on Linux, either */
    unlock(s);
}

/* Signals are for the loop's thread. */
static int start_thread(struct service *s)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* fails for a bad `how` only */
    int r = pthread_create(&s->thread, NULL, run, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0)
        return err_trace(ERR_SYSTEM);
    (void)pthread_setname_np(s->thread, s->kind->name); /* a name too long is not worth a start */
    return 0;
}

static void deinit(struct service *s)
{
    (void)pthread_cond_destroy(&s->wake);  /* nobody waits */
    (void)pthread_mutex_destroy(&s->lock); /* nobody holds it */
    mem_free(s);
}

int service_new(const struct service_kind *kind, void *arg, struct service **ret)
{
    struct service *s = mem_zalloc(sizeof(*s));
    if (s == NULL)
        return err_trace(ERR_NOMEM);
    s->kind = kind;
    s->arg = arg;
    list_init(&s->queue);
    list_init(&s->ended);
    (void)pthread_mutex_init(&s->lock, NULL); /* plain ones cannot fail on Linux */
    (void)pthread_cond_init(&s->wake, NULL);
    int r = start_thread(s);
    if (r != 0) {
        deinit(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct service *service_free(struct service *s)
{
    if (s == NULL)
        return NULL;
    lock(s);
    s->is_closing = true;
    (void)pthread_cond_signal(&s->wake);
    unlock(s);
    (void)pthread_join(s->thread, NULL); /* it is ours and was not joined */
    for (struct list *node = list_pop(&s->ended); node != NULL; node = list_pop(&s->ended)) {
        struct service_job *job = LIST_OF(node, struct service_job, node);
        loop_mail_take_back(job->loop, &job->mail);
        job->end(job);
    }
    deinit(s);
    return NULL;
}
