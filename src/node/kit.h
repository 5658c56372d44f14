#ifndef ANABRANCH_NODE_KIT_H
#define ANABRANCH_NODE_KIT_H
/*
 * What the built-in kinds share: reading a config, rendering with the right failure, ending a task,
 * and data that may outlive it.
 *
 * Where a function fills `f`, it returns 0, KIT_E_FAILED (f says what to tell the client) or a
 * fault; kit_end() takes all but 0.
 */
#include "base/id.h"
#include "graph/setup.h"
#include "node/node.h"

enum { KIT_E_FAILED = 1 };

/* A zeroed config of size_bytes, filled by read(); free_it() gets a half-filled one when read()
 * meets a fault. */
int kit_configure(struct setup *s, size_t size_bytes, int (*read)(struct setup *s, void *config),
                  void (*free_it)(void *config), void **ret_config);

/* What became of rendering `key` into b. */
int kit_check(const struct buf *b, const char *key, struct fail *f);
/* *ret: a new reference, or NULL if the template is one path to nothing. */
int kit_json(const struct task *task, const struct jtemplate *t, const char *key, json_t **ret,
             struct fail *f);

/* Ends the task for r, which is KIT_E_FAILED or a fault. */
void kit_end(struct task *task, int r, struct fail *f);
/* Finishes the task with one write. Takes json; NULL = there was no memory for it. */
void kit_finish_take(struct task *task, int field, json_t *json);

#define KIT_MESSAGE_ID_BYTES (4 + ID_BYTES)
/* "run-" and a new UUIDv4. */
void kit_message_id(char ret[KIT_MESSAGE_ID_BYTES]);

/*
 * A task's data while something under way still holds a pointer to it: a cancelled request ends
 * later than the task that asked for it. The first member of the kind's own struct.
 */
struct job {
    struct task *task; /* NULL once nobody wants the result */
    bool is_busy;      /* somebody will still call back */
    bool is_released;
    void (*free_it)(struct job *job);
};
/* The task, whose result is given now: the job forgets it. */
struct task *job_take_task(struct job *job);
/* From release(): frees the job now, or as soon as it is idle. */
void job_release(struct job *job);
/* The last callback came. */
void job_idle(struct job *job);

#endif
