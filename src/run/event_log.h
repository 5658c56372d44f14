#ifndef ANABRANCH_RUN_EVENT_LOG_H
#define ANABRANCH_RUN_EVENT_LOG_H
/*
 * Private to run/: the events of a run (run/event.h), as records in its log.
 *
 *     emit*.c makes a record -> event_log_append_take() -> readers (run/hub.h) -> its frame, once
 *                                     +-> the store, of runs whose books are kept (run/tail.h)
 *
 * Loop thread only.
 */
#include "base/buf.h"
#include "base/list.h"
#include "graph/sched.h"
#include "run/event.h"
#include "run/run.h"

enum event_kind {
    RECORD_METADATA, /* run id and attempt */
    RECORD_VALUES,   /* a state version */
    RECORD_UPDATES,  /* a node and what it wrote */
    RECORD_JSON,     /* an event whose data was written when it happened, in `text` */
    RECORD_TEXT,     /* a token of a message stream */
    RECORD_CHUNK,    /* another fragment of one: JSON members of the chunk, in `text` */
    RECORD_MESSAGE,  /* a whole message: its JSON, in `text` */
    RECORD_ERROR
};

/* Where events of a subgraph come from: "sub:uuid|inner:uuid", counted. NULL is the root. */
struct ns_text {
    int refs;
    char text[];
};
struct ns_text *ns_text_new(const char *text);     /* NULL: no memory */
struct ns_text *ns_text_ref(struct ns_text *ns);   /* accepts NULL */
struct ns_text *ns_text_unref(struct ns_text *ns); /* accepts NULL, returns NULL */

/*
 * The part of a message's events that is the same for all of them: made once per message, not once
 * per token. An event's data is
 *
 *     [{"id":"...",  <what differs>  ,"type":"ai"},{metadata}]
 */
struct message_stream {
    int refs;
    struct message_stream *next; /* open beside this one, in run_task->others */
    char *id;                    /* "" for whole messages, which bring theirs */
    char *model;                 /* "provider:model", "" if none */
    char *metadata;              /* the second element, as JSON text */
    size_t metadata_len_bytes;
    struct live_message *live; /* what has come so far, for modes that say it again; or NULL */
    bool is_noted;             /* its id is among the run's streamed_ids */
};
/* The metadata of a message, and a chunk's members. */
#define MESSAGE_PART_MAX_BYTES ((size_t)1 << 20)
/* Both accept NULL. unref returns NULL. */
struct message_stream *message_stream_ref(struct message_stream *s);
struct message_stream *message_stream_unref(struct message_stream *s);

struct record {
    struct list node; /* in the log; a record that fell out may still be held by a reader */
    int refs;
    enum event_kind kind;
    unsigned mode;          /* bit of the mode it belongs to; 0 = every reader gets it */
    struct ns_text *ns;     /* NULL = the root's, which every reader of the mode gets */
    const char *event_name; /* RECORD_JSON: static text */
    bool is_cached;         /* RECORD_UPDATES: the work of an earlier run, shown again */
    bool has_number;        /* it is in a log, as `number` */
    uint64_t number;
    size_t cost_bytes;    /* charged to the log */
    enum state_view view; /* VALUES, UPDATES: which fields are shown */
    struct state *state;
    const struct graph *graph; /* borrowed from the run */
    const char *name;          /* RECORD_UPDATES: the node; borrowed from the graph */
    struct update update;
    struct message_stream *stream;
    struct fail fail;
    struct buf frame; /* empty until somebody reads it */
    size_t event_at;  /* where the frame begins that does not say its number */
    size_t data_at;   /* where the data begins in frame, and how long it is */
    size_t data_len_bytes;
    size_t text_len_bytes;
    char text[];
};
/* A record with room for text (copied, may be NULL). NULL: no memory. */
struct record *record_new(enum event_kind kind, unsigned mode, const char *text,
                          size_t text_len_bytes);
struct record *record_ref(struct record *r);
struct record *record_unref(struct record *r); /* accepts NULL, returns NULL */
/* Before r is in a log: r refers to s. The first record that holds s is charged for it. */
void record_set_stream(struct record *r, struct message_stream *s);
/* Before r is in a log: charges r for a value that it keeps alive. 0 or ERR_NOMEM. */
int record_charge_value(struct record *r, struct value *v);
/* Makes the frame if it is not there. 0, BUF_E_FULL (over max_bytes), or ERR_NOMEM. */
int record_make_frame(struct record *r, size_t max_bytes);
const char *record_event_name(const struct record *r);

struct event_log {
    struct list records;
    uint64_t first; /* number of the first record that is still here; records are numbered from 0 */
    uint64_t next;
    size_t bytes;
    size_t max_bytes;
    unsigned modes;      /* what is kept */
    size_t *total_bytes; /* of all logs of the worker */
    size_t total_max_bytes;
    struct list readers;
    struct loop *loop;
    struct tail *tail; /* NULL: it is in memory only */
};
void event_log_init(struct event_log *log, struct runs *runs, unsigned modes); /* borrows runs */
/* Readers must be closed. */
void event_log_deinit(struct event_log *log);
/* Takes r (NULL: no memory, then nothing happens and ERR_NOMEM comes back). Wakes the readers at
 * the end of the turn. */
int event_log_append_take(struct event_log *log, struct record *r);
/* Tells the readers that there is nothing more to wait for. */
void event_log_wake(struct event_log *log);
/* r's frame was made (call it once per frame), which costs more; the oldest records may fall out,
 * r too. */
void event_log_charge(struct event_log *log, struct record *r);
/* A reader needs r's frame no more. If nobody else reads the log, the frame goes; a later reader
 * makes it again. */
void event_log_passed(struct event_log *log, struct record *r);

/* What of a log is in the store (run/tail.h). */
enum { TAIL_SEGMENTS = 8 };
struct tail {
    struct run *run;
    bool is_stored;     /* events are, not only their numbers reserved */
    bool has_begun;     /* tail_reserved() was called */
    bool is_closed;     /* the rest goes with the run's end */
    uint64_t begin;     /* the attempt's first event */
    uint64_t asked;     /* numbers below are reserved, or will be by a commit on its way */
    uint64_t open;      /* numbers below are reserved */
    uint64_t stored;    /* events below were handed over, from begin on */
    size_t ahead_bytes; /* of commits of its own on their way */
    int64_t max_bytes;
    int64_t segment_bytes;                /* of the newest segment so far */
    uint64_t segments[TAIL_SEGMENTS - 1]; /* where the segments begin; the first begins at 0 */
    size_t segment_count;
};

#endif
