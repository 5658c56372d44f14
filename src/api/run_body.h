#ifndef ANABRANCH_API_RUN_BODY_H
#define ANABRANCH_API_RUN_BODY_H
/*
 * The body of a request that creates a run. /invoke and /runs/... take the same keys, which are the
 * LangGraph protocol's; unknown keys are ignored, absent and null are the same, a wrong type is a
 * FAIL_BAD_REQUEST that names the key. What is understood but cannot be done (a thread on a door
 * that has none, a limit below 1, a webhook to a private address) is a FAIL_UNPROCESSABLE instead of
 * being ignored.
 */
#include "api/params.h"

enum door { DOOR_INVOKE, DOOR_WAIT, DOOR_STREAM, DOOR_BACKGROUND };

struct run_body {
    json_t *json;               /* the whole body; owns what request borrows */
    json_t *configurable;       /* headers and config.configurable */
    json_t *metadata;           /* config.metadata and metadata */
    json_t *command;            /* as the run layer reads it, or NULL */
    struct run_request request; /* borrows from here, and the graph from the registry */
    bool is_stream;             /* answer with SSE */
    bool is_on_thread;          /* request.thread_id says which */
    char kept_id[ID_BYTES];     /* a stateless run that is to be kept: of the thread made for it */
    const char *webhook;        /* or NULL */
    const char *assistant;      /* as it was named */
    enum multitask multitask;
    bool creates_thread;
    int64_t after_ms;
    bool cancels_on_disconnect;
};

enum { RUN_BODY_E_WRONG = 1 };
/*
 * Reads req's body.
 *   thread_id  that the path names; NULL = none: the run is stateless, but for /invoke, whose body may
 *              name one
 * 0, RUN_BODY_E_WRONG with f, or a fault. b is to be cleared in every case.
 */
int run_body_read(struct req *req, enum door door, const char *thread_id, struct run_body *b,
                  struct fail *f);
/* The same of a body that was parsed; takes json, of any type. */
int run_body_take(struct req *req, enum door door, const char *thread_id, json_t *json,
                  struct run_body *b, struct fail *f);
/* The body's JSON, any type. 0, RUN_BODY_E_WRONG with f, or a fault. */
int run_body_parse(struct req *req, json_t **ret, struct fail *f);
/* run_kwargs.c: what the run is asked to do, as run/sheet.h writes it down. NULL: no memory. */
json_t *run_kwargs_new(const struct run_body *b, enum door door);
/* The order for the desk; borrows from b and kwargs. */
struct desk_order run_body_order(const struct run_body *b, enum door door, const json_t *kwargs);
void run_body_clear(struct run_body *b);

/* run_body_check.c: the types of its keys, and of a list of stream modes in a query */
extern const struct body_key run_body_keys[];
extern const struct type type_stream_modes;
/* 0, RUN_BODY_E_WRONG with f, or a fault. body: an object; see body_check(). */
int run_body_check(json_t *body, enum door door, bool is_on_thread, struct fail *f);
/* The value of a key ("config.tags" leads into an object), borrowed; NULL = absent or null. */
json_t *run_body_find(const json_t *body, const char *key);
/* The thread that body names, in either place; borrowed, NULL = none. */
const char *run_body_thread_id(const json_t *body);

/* run_body_end.c: what is to become of the run and its thread when it has ended: on_completion,
 * webhook. After run_body_read_thread(). 0 or RUN_BODY_E_WRONG with f. */
int run_body_read_end(const struct api *api, struct run_body *b, struct fail *f);

/* run_body_thread.c: the parts of b->request that say where on a thread the run goes on, and with
 * what. After run_body_check(). 0, RUN_BODY_E_WRONG with f, or a fault. */
int run_body_read_thread(enum door door, struct run_body *b, struct fail *f);

#endif
