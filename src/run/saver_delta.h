#ifndef ANABRANCH_RUN_SAVER_DELTA_H
#define ANABRANCH_RUN_SAVER_DELTA_H
/* The writes of a step into one field, in a form that gives the same value when they are applied
 * again. */
#include "run/checkpoint.h"

/* *ret: an array of the writes, whose parts are shared; NULL: nobody wrote, or they cannot be
 * applied again (an Overwrite, messages without ids). 0 or a fault. */
int delta_of_step(const struct field *field, int index, const struct ended_task *tasks,
                  size_t count, json_t **ret);

#endif
