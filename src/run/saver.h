#ifndef ANABRANCH_RUN_SAVER_H
#define ANABRANCH_RUN_SAVER_H
/*
 * Writes the checkpoints of one graph on one thread, in the order in which they are given.
 *
 *     sync    the caller waits (saver_wait) before the next step
 *     async   the caller waits at the end, and where it is far ahead of the disk
 *     exit    nothing is written until saver_flush(): one checkpoint and what is pending on it
 *
 * What is written of a field: its value if it changed since it was last stored. `append` and
 * `messages` fields: the writes of the step on top of the last stored value, and the whole value
 * every `delta_max`-th time, after an Overwrite, when more than the noted step has changed it, and
 * under exit. A row names the one below it, so branches do not disturb each other. Fields that live
 * for a run are never written, initial values neither.
 *
 * Loop thread only.
 */
#include "run/checkpoint.h"

struct tail;

enum durability { DURABILITY_ASYNC, DURABILITY_SYNC, DURABILITY_EXIT };
/* "sync" ... -> the value; -1 = unknown. */
int durability_find(const char *name);

/* A field as it was last stored, and what the step that is being put together writes into it. */
struct saver_field {
    struct value *stored; /* a reference; NULL = not stored, or not known */
    json_t *written;      /* array: the writes of the noted step; NULL = none, or no delta */
};

enum { SAVER_DELTA_MAX = 100 }; /* delta_max until the setting snapshot_every is put there */

struct saver {
    struct store *store; /* NULL: nothing is kept, and every function below does nothing */
    struct loop *loop;
    char *thread_id;
    char *ns; /* where it is stored: with task ids for PERSIST_INVOCATION, else without */
    enum durability durability;
    int64_t delta_max;
    struct tail *tail; /* of the run's events: what of them is not stored rides along; or NULL */
    size_t in_flight;
    size_t in_flight_bytes;
    int result;               /* sticky: the first commit that failed: STORE_E_*, or a fault */
    char stored_id[ID_BYTES]; /* the checkpoint that was last put, or loaded; "" = none */
    void (*on_idle)(void *arg);
    void *arg;
    struct loop_work idle;
    struct saver_field *fields; /* one per field of the graph; made on first use */
    size_t field_count;
};
/* store may be NULL. thread_id and ns are copied. 0 or ERR_NOMEM; deinit in every case. */
int saver_init(struct saver *s, struct store *store, struct loop *loop, const char *thread_id,
               const char *ns, enum durability durability);
/* Nothing may be in flight. */
void saver_deinit(struct saver *s);
/* c was loaded from the store. Without memory for the notes `result` says so. */
void saver_note_loaded(struct saver *s, const struct checkpoint *c);

/* What the last step wrote into `append` and `messages` fields is noted before
 * checkpoint_apply(), so that it can be stored as it is. Order as there. 0 or a fault. */
int saver_note_step(struct saver *s, const struct checkpoint *c, const struct ended_task *tasks,
                    size_t count);
/* c, which was advanced, with the values that changed. Sets c->places. 0 or a fault. */
int saver_put(struct saver *s, struct checkpoint *c);
/* One of c's writes, as it is there (none: nothing happens). path: orders the rows. exit: it waits
 * for the flush. 0 or a fault. */
int saver_put_write(struct saver *s, const struct checkpoint *c, const char *task_id,
                    enum write_kind kind, const char *path);
/* exit: what was held back: c with whole values, unless it is the one that was loaded, and all its
 * writes. What was between is lost: its parent is the one that was stored last. 0 or a fault. */
int saver_flush(struct saver *s, struct checkpoint *c);
/* Between two steps: should the caller wait before the next? */
bool saver_must_wait(const struct saver *s);
/* Calls on_idle once from the loop when nothing is in flight; at once is possible, inside never. */
void saver_wait(struct saver *s, void (*on_idle)(void *arg), void *arg);
/* What `result` means for a client: FAIL_LIMIT for a full store and what is too long for it,
 * FAIL_CONFLICT for a thread that others have moved on, else the fault. result is not 0. */
void saver_fail(const struct saver *s, struct fail *f);

#endif
