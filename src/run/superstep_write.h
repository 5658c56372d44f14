#ifndef ANABRANCH_RUN_SUPERSTEP_WRITE_H
#define ANABRANCH_RUN_SUPERSTEP_WRITE_H
/* What superstep.c and superstep_write.c share. Results are those of superstep_apply(). */
#include "run/superstep.h"

/* FAIL_INVALID_UPDATE; SUPERSTEP_E_REFUSED. */
int superstep_refuse(const struct superstep *s, const char *text);
int superstep_new_metadata(const struct superstep *s);
/* The next place in history, without what was pending at the one before. */
int superstep_checkpoint(const struct superstep *s, enum checkpoint_source source);

/* What finished tasks (and a command) have left is applied. takes_all: what is planned is used up
 * even if nobody has finished. What cannot be applied any more is left out. 0 or a fault. */
int superstep_apply_pending(const struct superstep *s, bool takes_all);
/* As nodes: their writes, edges and routes. */
int superstep_write(const struct superstep *s, const json_t *updates);
/* [[values, as_node], ...] in place of the planned tasks, which then have these results. */
int superstep_write_list(const struct superstep *s, const json_t *pairs);

#endif
