#ifndef ANABRANCH_STORE_RECORD_H
#define ANABRANCH_STORE_RECORD_H
/*
 * Records: what the server knows of threads, runs and assistants, as rows of a batch and as a
 * search. A record is (kind, id), columns to search and to sort by, a JSON object `metadata`, and a
 * JSON text `body` that nobody but its writer understands.
 *
 *     kind                 id            owner         status      name
 *     RECORD_THREAD        thread id                   idle ...
 *     RECORD_RUN           run id        thread id     pending ...
 *     RECORD_ASSISTANT     assistant id  graph id                  as shown
 *     RECORD_VERSION       of the caller's making  assistant id
 *     RECORD_CRON          cron id       of the caller's choice
 *     RECORD_WEBHOOK       run id                      tries       its address
 *     RECORD_MARK          a word: what a part of the server notes down for its next start
 *
 * A record is written by puts, each of which may leave columns as they are, and every put counts its
 * revision up by one. Whoever writes what they have read says so:
 *
 *     read the thread (revision 7) ... merge the metadata
 *     store_add_expect_record(&b, RECORD_THREAD, id, 7, NULL, 0)
 *     store_add_record(&b, &(struct record_put){ RECORD_THREAD, id, .metadata = ..., .now_ms = ... })
 *     store_commit(...)            STORE_E_STALE: read again
 *
 * and whoever wants one of many things to happen says what must hold, in the same batch:
 *
 *     store_add_expect_record(&b, RECORD_THREAD, id, 0, (const char *[]){ "idle", "error" }, 2)
 *     store_add_record(&b, the thread, status busy)
 *     store_add_record(&b, the run, status pending)
 *
 * What belongs to a record goes with it, in the same commit: a thread takes its runs and its
 * checkpoints along, a run its events (store/tail.h), an assistant its versions.
 *
 * Conditions: those of store_commit(). Loop thread only.
 */
#include "store/store.h"

/* Stored as numbers: append only. */
enum record_kind {
    RECORD_THREAD,
    RECORD_RUN,
    RECORD_ASSISTANT,
    RECORD_VERSION,
    RECORD_CRON,
    RECORD_WEBHOOK,
    RECORD_MARK,
    RECORD_KIND_COUNT
};

enum { RECORD_NEVER = -1 };

/* Strings and bytes are borrowed during the call. NULL and 0: as it is; in a new record "", 0, and
 * {} for metadata and body. */
struct record_put {
    enum record_kind kind;
    const char *id;    /* not "" */
    const char *owner; /* at most STORE_ID_MAX bytes, as id and status */
    const char *status;
    const char *name;     /* at most STORE_NS_MAX bytes */
    const char *metadata; /* replaces all of it; a JSON object, else the commit ends in a fault */
    size_t metadata_len_bytes;
    const char *body;
    size_t body_len_bytes;
    int64_t now_ms;     /* becomes updated_ms, in a new record created_ms too; wall clock */
    int64_t created_ms; /* of a new record, when it is not now_ms */
    int64_t due_ms;     /* when something is to be done about it: a thread expires, a delayed run or
                           a cron starts; RECORD_NEVER takes it away */
};
/* Makes the record, or changes it. */
void store_add_record(struct store_batch *b, const struct record_put *put);
/* With what belongs to it. None there: nothing happens. A thread: store_add_delete_thread(). */
void store_add_delete_record(struct store_batch *b, enum record_kind kind, const char *id);

/* Preconditions, looked at before any row of the batch is written: there is no such record; */
void store_add_expect_absent(struct store_batch *b, enum record_kind kind, const char *id);
/* there is, its revision is this one (0 = any), and its status one of these (count 0 = any). */
void store_add_expect_record(struct store_batch *b, enum record_kind kind, const char *id,
                             int64_t revision, const char *const *statuses, size_t count);

/* ---- searching ---- */

/* Texts by their bytes. Equal ones, in the same direction: texts by created_ms, and what is then
 * still equal by id. */
enum record_order {
    RECORDS_BY_CREATED,
    RECORDS_BY_UPDATED,
    RECORDS_BY_ID,
    RECORDS_BY_STATUS,
    RECORDS_BY_OWNER,
    RECORDS_BY_NAME, /* assistants only */
    RECORDS_BY_DUE,  /* finds only those with a due_ms */
};
enum record_total { TOTAL_NONE, TOTAL_TOO, TOTAL_ONLY /* no records */ };

struct stored_record {
    enum record_kind kind;
    char *id;
    char *owner;
    char *status;
    char *name;
    struct stored_bytes metadata;
    struct stored_bytes body; /* .bytes NULL where it was not asked for */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t due_ms;       /* 0 = never */
    int64_t revision;     /* 1.. */
    int64_t reserved_seq; /* of a run: store_add_reserve_events() */
};

/*
 * All that is given must hold. Zeroed, but for kind: all records of the kind, newest first.
 *
 * Always fast: by ids; by owner, by one status, or by a top-level scalar of the metadata in order of
 * created_ms; any of them in any order where at most 1,000 records have it; the first page of
 * every order. Otherwise the order's index is walked until the page is full, and the costs are those
 * of the records passed over: so it is with offset (0.1 us each; `after` is free), name_part, body,
 * and nested metadata (some 2 us each), but others get their turn. A total of what has some metadata counts it; others are kept.
 * `memory` walks for ids, status and metadata, too.
 */
struct record_query {
    enum record_kind kind;
    const char *const *ids; /* one of these; NULL = any */
    size_t id_count;
    const char *owner;           /* NULL = any */
    const char *const *statuses; /* one of these; NULL = any */
    size_t status_count;
    const char *metadata;      /* JSON object that must be contained (store/match.h); NULL = any */
    const char *body;          /* the same for the body: slow */
    const char *name_part;     /* is in the name, ASCII letters in any case; NULL = any */
    int64_t updated_before_ms; /* only older ones; 0 = any */
    int64_t due_before_ms;     /* only those that have a due_ms below it; 0 = any */
    enum record_order order;
    bool is_ascending;
    const struct stored_record *after; /* only behind this one in the order: the last of the page
                                          before (id, created_ms and the order's column) */
    size_t offset;                     /* so many are passed over */
    size_t limit;                      /* 0 = all */
    bool without_body;
    enum record_total total;
};
/* The caller owns it. */
struct stored_records {
    struct stored_record *items;
    size_t count;
    size_t total; /* where asked for: of all pages, whatever after, offset and limit say */
};
void stored_records_clear(struct stored_records *l);

/* As store_read(). A query whose JSON is not an object ends in a fault: look at it before. */
void store_find_records(struct store *s, struct loop *loop, struct store_op *r,
                        const struct record_query *query, struct stored_records *ret,
                        void (*on_end)(void *arg, int result), void *arg);

#endif
