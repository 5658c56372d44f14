#ifndef ANABRANCH_RUN_THREAD_WORK_H
#define ANABRANCH_RUN_THREAD_WORK_H
/*
 * One verb of thread.h at work: the first member of the verb's own struct. It reads, and ends once.
 *
 *     thread_work_new    the op runs; refuses at once what needs no reading
 *     thread_read        ... the verb's function looks at what came
 *     thread_work_end    gives the result, frees all
 */
#include "run/internal.h"
#include "run/thread.h"

/* A graph's place in the store. */
struct thread_spot {
    struct graph *graph; /* borrowed from the root */
    char *ns;            /* as it is stored */
};
enum { SPOT_E_MISSING = 1 };
/* From a namespace as clients write it. Task ids of subgraphs with one state per thread do not
 * count. 0; SPOT_E_MISSING: root has no such subgraph; or ERR_NOMEM. Free ns with mem_free(). */
int thread_spot_find(struct graph *root, const char *ns, struct thread_spot *ret);

struct thread_call {
    struct runs *runs;
    struct thread_op *op;
    const struct thread_place *place; /* without a graph: the whole thread */
    json_t **ret;
    struct fail *f;
    void (*on_end)(void *arg, int result);
    void *arg;
};

struct thread_work {
    struct thread_op *op;
    struct runs *runs;
    struct graph *root; /* a reference, or NULL */
    char *thread_id;
    char *checkpoint_id; /* or NULL */
    struct thread_spot at;
    struct thread_claim claim; /* once thread_claim() has answered 0 */
    struct store_op read;
    struct stored_list list; /* what the last read gave */
    void (*on_read)(struct thread_work *w);
    json_t **ret;
    json_t *result; /* owned until the end */
    struct fail *f;
    void (*deinit)(struct thread_work *w); /* the verb's, or NULL */
};

/* A zeroed struct of size_bytes that begins with a thread_work; op is running. NULL: the op ends by
 * itself. */
void *thread_work_new(size_t size_bytes, const struct thread_call *call);
/* 0, THREAD_E_REFUSED (f is filled), OP_CANCELLED, or a fault. Takes w; with 0 w->result goes to
 * the caller. */
void thread_work_end(struct thread_work *w, int result);
/* on_read is called when w->list holds what the query finds; else the work ends. */
void thread_read(struct thread_work *w, const struct store_query *query,
                 void (*on_read)(struct thread_work *w));
/* The checkpoint that the place names, or the latest: the query for it. */
struct store_query thread_query(const struct thread_work *w);
/* After a read for the checkpoint `id`. 0, or THREAD_E_REFUSED with f: there is none. With NULL, the
 * latest, nothing is refused: a thread need not have begun. */
int thread_refuse_missing(const struct thread_work *w, const char *id);
/* For who changes the thread, before it reads: until the work ends nobody else may. 0, or
 * THREAD_E_REFUSED with f: a run or another change is at work on it. */
int thread_claim(struct thread_work *w);
/* One stored checkpoint (NULL = none) of a spot as a snapshot. 0 or a fault. */
int thread_snapshot(const struct thread_work *w, const struct thread_spot *spot,
                    const struct stored_checkpoint *from, bool with_pending, json_t **ret);

#endif
