#ifndef ANABRANCH_RUN_ABOUT_H
#define ANABRANCH_RUN_ABOUT_H
/*
 * What events say of where they come from, as members of a JSON object that the caller has opened
 * with '{' and closes. Errors are sticky in out.
 */
#include "run/internal.h"

/* A key with its colon, and the comma before it unless it is the object's first. */
void about_key(struct buf *out, const char *key);
void about_text(struct buf *out, const char *key, const char *value);
void about_list(struct buf *out, const char *key, const char *const *items, size_t count);

/* "tags": the node's (NULL = none), the request's, and "graph:step:N" with step > 0. */
void about_tags(struct buf *out, const struct run *run, const struct node *node, int64_t step);
/* about_user(), then the ids of the run. */
void about_run(struct buf *out, const struct run *run, const struct run_task *t);
/* The request's metadata, and that of t's node and of the nodes around its graph: the inner one
 * wins. t NULL: the request's alone. */
void about_user(struct buf *out, const struct run *run, const struct run_task *t);
/* langgraph_step, langgraph_node, ... */
void about_task(struct buf *out, struct run_task *t);
/* The number of the step that t is part of. */
int64_t about_step(const struct run_task *t);
/* ls_provider, ...; nothing for "". */
void about_model(struct buf *out, const char *model);
/* "provider:model" without the provider, if there is one. */
const char *about_model_name(const char *model);

/* What t sees, as one JSON value: the state without private fields, or a Send's argument. */
void about_input(struct buf *out, const struct run_task *t);

#endif
