#ifndef ANABRANCH_API_EXPIRY_H
#define ANABRANCH_API_EXPIRY_H
/*
 * Threads and store items with a time to live are deleted when it has passed; a thread may lose all
 * its checkpoints but the latest instead, as its strategy says. A timer runs only while there are such;
 * a thread that a run is at work on is looked at again later. Items are hidden from the moment that
 * they expire, so they are swept once a second at most.
 *
 * Loop thread only.
 */
#include "api/api.h"

struct expiry;
/* Looks into the store soon, and watches it for items until expiry_stop(). Borrows api until expiry_free(). 0 or ERR_NOMEM. */
int expiry_new(struct api *api, struct expiry **ret);
/* Before api_finish(): nothing is begun any more. */
void expiry_stop(struct expiry *e);
/* After api_finish(). Accepts NULL, returns NULL. */
struct expiry *expiry_free(struct expiry *e);
/* A thread was written that is due then. Accepts NULL: nothing is swept here. */
void expiry_note(struct expiry *e, int64_t due_ms);

#endif
