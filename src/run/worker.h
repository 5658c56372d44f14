#ifndef ANABRANCH_RUN_WORKER_H
#define ANABRANCH_RUN_WORKER_H
/*
 * What every program that runs graphs needs, put together in the order in which the parts depend on
 * each other: event loop, outgoing requests, models, threads, runs. The server, `anabranch run` and the C
 * API are each one of these and something around it.
 *
 * A worker is one thread; nothing in it is shared with another.
 */
#include "run/run.h"

struct worker {
    const struct conf *conf; /* borrowed */
    struct loop *loop;
    struct fetcher *fetcher;
    struct llm_models *models;
    struct store *store;      /* of threads */
    struct services services; /* what runs, nodes and the graph loader see */
    struct runs *runs;
    struct buf why; /* a sentence, when WORKER_E_REFUSED */
};

enum { WORKER_E_REFUSED = 1 }; /* the database of the settings cannot be used */

/* env: "NAME=value" strings, NULL at the end, for the providers' keys. 0, WORKER_E_REFUSED or a
 * fault; deinit in every case. */
int worker_init(struct worker *w, const struct conf *conf, char *const *env);
/* Cancels what still runs and waits until it has ended. */
void worker_deinit(struct worker *w);
/* The first half of it: cancels what still runs and waits until it has ended. For who has something
 * that must be given back before the rest. */
void worker_end_runs(struct worker *w);

struct builder_limits;
/* The limits of the settings that graphs are built under. */
struct builder_limits worker_builder_limits(const struct conf *conf);

#endif
