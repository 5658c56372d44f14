#ifndef ANABRANCH_STORE_STORE_H
#define ANABRANCH_STORE_STORE_H
/*
 * Where everything is kept that outlives a request. One service per process, asynchronous by
 * contract: every verb is an op that finishes on the loop that started it, never inside the call.
 *
 *     here             checkpoints of threads, their values, and what tasks have left
 *     store/record.h   what the server knows of threads, runs, assistants
 *     store/tail.h     the event logs of runs
 *     store/item.h     the memory that threads share
 *
 * There is one verb that writes, commit(batch): typed rows, all or nothing, in the order of the
 * calls. Reads see every commit that was accepted before them. A commit that was handed over is
 * never cancelled: cancelling its op is ignored. Rows hold bytes, so a backend may take them to
 * another thread. This header knows nothing of graphs: `head` and the values are JSON texts of
 * run/checkpoint.c.
 *
 *     store_batch_init(&b)
 *     store_add_value(&b, thread, ns, "log", id, NULL, json, len) ...
 *     store_add_checkpoint(&b, thread, ns, id, parent, head, len)
 *     store_commit(store, loop, &c, &b, on_end, arg)           takes what is in b
 *
 * A value belongs to a field and to the checkpoint that wrote it; checkpoints in which it did not
 * change name that one. So an unchanged field costs nothing, and branches of a thread do not
 * disturb each other. A value is whole, or a step's writes on top of an older one (`base`): reading
 * it gives the whole one and the writes above it, oldest first.
 *
 * "Latest" is the greatest id; ids are UUIDv6 and grow (base/id.h).
 *
 * Limits: strings are NUL-terminated UTF-8, ids at most STORE_ID_MAX bytes, a namespace
 * STORE_NS_MAX. Loop thread only.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "base/id.h"
#include "loop/op.h"

struct store;

enum { STORE_ID_MAX = 255, STORE_NS_MAX = 4096 };
enum {
    STORE_E_STALE = OP_FIRST_OWN, /* a precondition of the batch does not hold */
    STORE_E_FULL,                 /* the backend's bound is reached; nothing was written */
    STORE_E_TOO_LARGE,            /* a string or value is longer than the backend takes */
    STORE_E_REFUSED               /* the database of the settings cannot be used */
};

/* ---- writing ---- */

enum write_kind {
    WRITE_RESULT,    /* what a task has decided (graph/outcome.h) */
    WRITE_ERROR,     /* why it failed */
    WRITE_INTERRUPT, /* what it asks for */
    WRITE_RESUME,    /* the answers that it was given */
    WRITE_COMMAND,   /* what a command from outside has written; of no task */
    WRITE_KIND_COUNT
};

/* The rows of one commit. Zeroed by init; deinit accepts a batch that was handed over. */
struct store_batch {
    struct store_row *rows;
    size_t count;
    size_t cap;
    int fault; /* sticky, as in struct buf: no memory for a row. store_commit() then fails with it */
};
void store_batch_init(struct store_batch *b);
void store_batch_deinit(struct store_batch *b);

/* All strings and bytes are copied. */
void store_add_checkpoint(struct store_batch *b, const char *thread_id, const char *ns,
                          const char *id, const char *parent_id /* "" = none */, const char *head,
                          size_t head_len_bytes);
/* base: the checkpoint that wrote the value below these writes; NULL: the value is whole. */
void store_add_value(struct store_batch *b, const char *thread_id, const char *ns,
                     const char *field, const char *checkpoint_id, const char *base,
                     const char *bytes, size_t len_bytes);
/* What a task of the step behind a checkpoint has left. There is at most one row per (checkpoint,
 * task, kind): a WRITE_RESULT that is there already stays (so writing it again changes nothing),
 * the other kinds are replaced. path orders them for reading. */
void store_add_write(struct store_batch *b, const char *thread_id, const char *ns,
                     const char *checkpoint_id, const char *task_id, enum write_kind kind,
                     const char *path, const char *bytes, size_t len_bytes);
/* Everything of the thread: its record, its runs with their events, all checkpoints. */
void store_add_delete_thread(struct store_batch *b, const char *thread_id);
/* All checkpoints with their values and writes, in all namespaces, under another thread's id; ids
 * of checkpoints stay. STORE_E_STALE: there are some of that thread already. No records. */
void store_add_copy_thread(struct store_batch *b, const char *thread_id, const char *new_thread_id);
/*
 * Of each namespace only the latest checkpoint stays, without a parent, with its writes and with the
 * values that it names and those that they stand on. A namespace of one task (with a ':' in it) that
 * has nothing newer than the latest checkpoint of the root goes as a whole. Not while a run is at
 * work on the thread.
 */
void store_add_prune_thread(struct store_batch *b, const char *thread_id);
/* A rollback: what has an id above checkpoint_id goes, in all namespaces ("" = everything does). Not
 * what tasks have left at checkpoint_id itself, and no records. */
void store_add_rewind_thread(struct store_batch *b, const char *thread_id,
                             const char *checkpoint_id);
/* A precondition: the latest checkpoint of (thread, ns) is id ("" = there is none). Looked at
 * before the rows of this batch are written. */
void store_add_expect(struct store_batch *b, const char *thread_id, const char *ns, const char *id);

struct store_op {
    struct op op;  /* first member */
    void *own;     /* the backend's */
    size_t stale;  /* STORE_E_STALE: the row that it is about, as store_batch.count was before it
                       was added */
    int64_t swept; /* how many items store_add_sweep_items() has deleted */
    int64_t next_due_ms; /* and when the first of those expires that it has left; 0 = none does */
};

/* Finishes with 0, STORE_E_STALE, STORE_E_FULL, STORE_E_TOO_LARGE, or a fault; then nothing was
 * written. Takes what is in b (b is empty afterwards). */
void store_commit(struct store *s, struct loop *loop, struct store_op *c, struct store_batch *b,
                  void (*on_end)(void *arg, int result), void *arg);

/*
 * From now on due(arg, due_ms) is called for each commit with an item that has a time to live, inside
 * store_commit(): when it will have expired, if nobody refreshes it and the commit succeeds. For who
 * sweeps. NULL ends it. One at a time.
 */
void store_watch_items(struct store *s, void (*due)(void *arg, int64_t due_ms), void *arg);

/* ---- reading ---- */

struct stored_bytes {
    char *bytes; /* NUL behind them */
    size_t len_bytes;
};
struct stored_value {
    char *field;
    struct stored_bytes *parts; /* [0] is whole, the others are writes on top of it, oldest first */
    size_t part_count;
};
struct stored_write {
    char *task_id;
    enum write_kind kind;
    char *path;
    struct stored_bytes bytes;
};
struct stored_checkpoint {
    char *thread_id;
    char *ns;
    char *id;
    char *parent_id; /* "" = none */
    struct stored_bytes head;
    struct stored_value *values; /* of every field that the head names, see below */
    size_t value_count;
    struct stored_write *writes; /* by path, then task id, then kind */
    size_t write_count;
};
/* The caller owns it. */
struct stored_list {
    struct stored_checkpoint *items; /* newest first */
    size_t count;
};
void stored_list_clear(struct stored_list *l);

/*
 * Which value rows belong to a checkpoint is written in its head, as the member
 *
 *     "fields": {"log": {"at": "<checkpoint id that wrote it>", ...}, ...}
 *
 * which is all that a backend reads of a head. A row that is not there is left out.
 */
struct store_query {
    const char *thread_id; /* required */
    const char *ns;        /* "" = root; NULL = all namespaces */
    const char *id;        /* this one; NULL = all */
    const char *before;    /* only ids below this one; NULL = no bound */
    size_t limit;          /* 0 = all */
    bool without_values;   /* heads and writes only */
};
/* Finishes with 0 (*ret filled; nothing found is an empty list) or a fault. The query's strings are
 * copied; *ret must live until on_end. Cancel: finishes with OP_CANCELLED, *ret empty. */
void store_read(struct store *s, struct loop *loop, struct store_op *r,
                const struct store_query *query, struct stored_list *ret,
                void (*on_end)(void *arg, int result), void *arg);

/* ---- backends ---- */

/* One row of table.c. Adding one is a file, a row, and the suite of tests/unit/test_store.c. */
struct store_backend {
    const char *scheme; /* what the setting `database` begins with: "memory:" */
    /* As store_open(). */
    int (*open)(const struct conf *conf, struct buf *why, struct store **ret);
};
extern const struct store_backend store_memory;
extern const struct store_backend store_sqlite;

struct find;
/*
 * What the first members of every backend's struct store are. The op is started by store_commit()
 * and by the verbs that read; the backend finishes it. commit: strings are within their limits; rows
 * that it does not move out of b are freed after the call. find: *ret is empty, its type and that of
 * *query are those of what (store/find.h); until the backend sets r->op.cancel, a cancel finishes
 * the op at once.
 */
struct store {
    void (*commit)(struct store *s, struct loop *loop, struct store_op *c, struct store_batch *b);
    void (*find)(struct store *s, struct loop *loop, struct store_op *r, const struct find *what,
                 const void *query, void *ret);
    void (*close)(struct store *s);
    void (*item_due)(void *arg, int64_t due_ms); /* store.c's, as the next one */
    void *item_due_arg;
};

/* By the setting `database`. Blocks until it can be used. STORE_E_REFUSED: `why` gets a sentence
 * that names the database, what is wrong, and the remedy; what is there was not changed. 0 or a
 * fault. */
int store_open(const struct conf *conf, struct buf *why, struct store **ret);
/* Every op must have ended; on the loop of the last ones. Blocks until all is on the disk. Accepts
 * NULL, returns NULL. */
struct store *store_close(struct store *s);

/* For backends: one row. What a kind does not use is NULL or 0. */
enum store_row_kind {
    ROW_CHECKPOINT,
    ROW_VALUE,
    ROW_WRITE,
    ROW_DELETE_THREAD,
    ROW_COPY_THREAD,
    ROW_PRUNE_THREAD,
    ROW_REWIND_THREAD,
    ROW_EXPECT,
    ROW_RECORD,
    ROW_DELETE_RECORD,
    ROW_EXPECT_RECORD,
    ROW_EVENTS,
    ROW_DROP_EVENTS,
    ROW_RESERVE_EVENTS,
    ROW_ITEM,
    ROW_DELETE_ITEM,
    ROW_REFRESH_ITEM,
    ROW_SWEEP_ITEMS,
};
struct store_row {
    enum store_row_kind kind;
    int type;        /* WRITE: enum write_kind; *RECORD: enum record_kind */
    char *thread_id; /* RECORD: owner */
    char *ns;        /* RECORD: status; EXPECT_RECORD: statuses, each with '\n' behind it */
    char *id;        /* CHECKPOINT, EXPECT: itself; VALUE, WRITE: the checkpoint they belong to;
                        COPY_THREAD: the new thread; REWIND_THREAD: what stays; *RECORD, *EVENTS:
                        of the record or run; *ITEM: key */
    char *other;     /* CHECKPOINT: parent; VALUE: base or NULL; WRITE: path */
    char *name;      /* VALUE: field; WRITE: task id; RECORD: itself */
    struct stored_bytes bytes;    /* RECORD: body; ITEM: value */
    struct stored_bytes metadata; /* RECORD */
    int64_t now_ms;               /* RECORD, ITEM, REFRESH_ITEM, SWEEP_ITEMS */
    int64_t created_ms;           /* RECORD */
    int64_t due_ms;               /* RECORD; ITEM: ttl */
    int64_t number;   /* EXPECT_RECORD: revision, 0 = any, -1 = absent; *EVENTS: first or
                                     below seq; SWEEP_ITEMS: most */
    int64_t last_seq; /* EVENTS */
};

#endif
