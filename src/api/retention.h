#ifndef ANABRANCH_API_RETENTION_H
#define ANABRANCH_API_RETENTION_H
/*
 * What goes by itself when it is old, where a setting says so:
 *
 *     thread_keep_ms     threads to which nothing has happened for so long
 *     history_keep_ms    of such threads, all checkpoints but the latest
 *     run_keep_ms        the records of runs that ended so long ago
 *
 * A few at a time, each few in a commit of their own. A timer runs only where one of the settings is
 * not 0, until the oldest record comes of age; with none there, until the next one could. What a run
 * is at work on is left alone.
 *
 * Loop thread only.
 */
#include "api/api.h"

struct retention;
/* Looks into the store soon. Borrows api until retention_free(). 0 or ERR_NOMEM. */
int retention_new(struct api *api, struct retention **ret);
/* Before api_finish(): nothing is begun any more. */
void retention_stop(struct retention *t);
/* After api_finish(). Accepts NULL, returns NULL. */
struct retention *retention_free(struct retention *t);

#endif
