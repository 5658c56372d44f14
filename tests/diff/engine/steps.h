#ifndef ANABRANCH_DIFF_STEPS_H
#define ANABRANCH_DIFF_STEPS_H
/* The steps of a case on one thread of the worker's store (FORMAT.md, "Steps" and "Trace"). */
#include "run/worker.h"

struct driver {
    struct worker *worker;
    struct graph *graph;
    char thread_id[32];
};

/* Does the steps one after the other and prints their lines. */
void driver_do_steps(struct driver *d, const json_t *steps);
/* Forgets the thread. */
void driver_forget(struct driver *d);

/* place.c: these wait for the store. A new reference, or NULL with f. */
json_t *driver_state(struct driver *d, const char *checkpoint_id, bool subgraphs, struct fail *f);
json_t *driver_history(struct driver *d, size_t limit, struct fail *f);
json_t *driver_update(struct driver *d, const char *checkpoint_id, const json_t *supersteps,
                      struct fail *f);
/* The checkpoint that a step names: 1 and its id, 0 if it names none, -1 with f. */
int driver_place(struct driver *d, const json_t *step, char ret[ID_BYTES], struct fail *f);

/* note.c: these print a note if the case cannot be compared, because of an event of `tasks` or
 * `updates`, or of what is planned where the thread stands. */
void note_task(json_int_t step, const json_t *task);
void note_update(json_int_t step, const json_t *update);
void note_planned(const struct driver *d, json_int_t step);
/* Before a run that brings no plain answer. */
void note_withdrawn(const struct driver *d, json_int_t step);

/* command.c: a step's command as the run takes it: a new reference, or NULL with f. */
json_t *driver_command(struct driver *d, const json_t *spec, struct fail *f);

#endif
