#ifndef ANABRANCH_RUN_EMIT_H
#define ANABRANCH_RUN_EMIT_H
/* What the files that make events share. */
#include "run/internal.h"

/* An event may show a state twice (a node's input and its output), and something about it. */
size_t emit_max_bytes(const struct run *run);
/* Where events of e are shown: NULL for the root, and for all if subgraphs are not asked for.
 * Borrowed. */
struct ns_text *emit_ns(const struct exec *e);
/*
 * Appends an event whose data is written. name is static. ns: NULL = the root. A text that passed
 * its limit is lost with a line in the log. 0 or a fault (also that of data).
 */
int emit_json(struct run *run, unsigned mode, const char *name, struct ns_text *ns,
              const struct buf *data);

/* ---- message.c ---- */

/* Which forms of a message clients have seen; bits. */
enum seen { SEEN_STREAMED = 1, SEEN_COMPLETE = 2 };
bool message_is_seen(const struct run *run, const char *id, enum seen form);
int message_note_seen(struct run *run, const char *id, enum seen form); /* 0 or ERR_NOMEM */
/* The stream that whole messages of t share; NULL: no memory, or its metadata is too long (logged).
 * unref it. */
struct message_stream *message_whole_stream(struct run_task *t);
/* A RECORD_*: loses nothing but the event on no memory. */
void message_append(struct run_task *t, struct message_stream *stream, enum event_kind kind,
                    const char *text, size_t len_bytes);
/* LangGraph's tag "nostream": a model whose words are nobody's business. */
bool message_is_silent(const struct node *node);
/* The answer of the model at work is over; those of all. */
void message_end(struct run_task *t);
void message_end_all(struct run_task *t);

/* ---- message_old.c: the mode `messages` ---- */

/* t's stream has grown. */
void old_partial(struct run_task *t);
/* Messages of e's state that were not there before (NULL: all) and not shown yet. 0 or a fault. */
int old_complete(struct exec *e, struct state *before);

/* ---- emit_events.c: the mode `events` ---- */

int events_task_start(struct run_task *t);
int events_task_end(struct run_task *t);
/* Of t's stream. */
void events_model_start(struct run_task *t);
void events_model_stream(struct run_task *t, const struct llm_delta *delta);
void events_model_end(struct run_task *t);

#endif
