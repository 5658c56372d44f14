#ifndef ANABRANCH_LOOP_SERVICE_H
#define ANABRANCH_LOOP_SERVICE_H
/*
 * A thread of its own for work that blocks: jobs go in from a loop, are worked in the order in which
 * they were put, and end on the loop that put them. The thread sleeps while there is nothing to do.
 *
 * It takes what there is, at most group_max jobs at a time. While it works on one group the next
 * one gathers: so what costs the same for one job as for many (a sync to the disk) is shared as
 * soon as there is more than one, without a timer.
 *
 *     service_new(&kind, arg, &s)
 *     service_put(s, loop, &x->job, x_ended)       loop thread
 *       kind.work(arg, jobs)                       service thread, 1..group_max jobs
 *         x_ended(&x->job)                         loop thread, once, never inside service_put()
 *       kind.rest(arg)                             service thread, while the ends are under way
 *     service_free(s)                              loop thread
 *
 * Nothing that belongs to a loop may be touched by work and rest: jobs own the bytes that cross.
 *
 * Conditions: none. Faults: ERR_NOMEM, ERR_SYSTEM (no thread).
 */
#include "loop/loop.h"

struct service;

struct service_job {
    struct list node; /* what work() is given a list of */
    struct loop_mail mail;
    struct service *service;
    struct loop *loop;
    void (*end)(struct service_job *job);
};

struct service_kind {
    const char *name; /* of the thread, at most 15 bytes */
    size_t group_max;
    /* Leaves the list as it is. */
    void (*work)(void *arg, struct list *jobs);
    /* Work that nobody waits for, after each group; or NULL. */
    void (*rest)(void *arg);
};

/* kind is borrowed for the life of the service. */
int service_new(const struct service_kind *kind, void *arg, struct service **ret);
/* The job must live until end, which may free it. No allocation, cannot fail. */
void service_put(struct service *s, struct loop *loop, struct service_job *job,
                 void (*end)(struct service_job *job));
/* Works what was put, ends the thread, and calls inside this call the ends that are still under
 * way. On the loop thread of the jobs that are left. Accepts NULL, returns NULL. */
struct service *service_free(struct service *s);

#endif
