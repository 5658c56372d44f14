#ifndef ANABRANCH_API_RUN_ADDRESS_H
#define ANABRANCH_API_RUN_ADDRESS_H
/*
 * Where a run or a thread can be found, as a header of an answer: Content-Location names it, Location is where
 * a client that loses its connection comes back to.
 */
#include "http/http.h"

/* Adds `name: /threads/THREAD/runs/RUN` with end behind it, as it is; either id may be NULL, and then
 * its part is left out. Without memory there is no header. */
void reply_run_address(struct req *req, const char *name, const char *thread_id, const char *run_id,
                       const char *end);

#endif
