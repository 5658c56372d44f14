#ifndef ANABRANCH_STORE_SQLITE_DB_H
#define ANABRANCH_STORE_SQLITE_DB_H
/*
 * Private to sqlite*.c and their test: one connection to one file, and what goes through it. All of
 * it blocks. A connection belongs to one thread at a time: the one that opens it, then the storage
 * thread, then the one that closes it.
 *
 *     database_open(path, &database_schema, why, &d)
 *       sqlite_schema.c     makes the tables, or brings older ones up to date
 *     group_work(d, jobs)   sqlite_group.c: one transaction for up to 50 jobs
 *       database_apply      sqlite_commit.c: one batch, within it
 *       database_find       sqlite_read.c: one query
 *     database_rest(d)      moves the log into the file
 *     database_close(d)
 *
 * Results are 0, STORE_E_* or a fault. What SQLite said of the last call that failed is in `code`
 * and `text`, for the log.
 */
#include "store/find.h"

struct search;
struct sqlite3;
struct sqlite3_stmt;

/* All statements that are run after the start, see sqlite_texts.c. */
enum sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SAVEPOINT,
    SQL_RELEASE,
    SQL_ROLLBACK_TO,
    /* checkpoints */
    SQL_FIND_SPACE,
    SQL_ADD_SPACE,
    SQL_LATEST,
    SQL_PUT_CHECKPOINT,
    SQL_PUT_VALUE,
    SQL_PUT_WRITE,
    SQL_PUT_RESULT,
    SQL_READ_BELOW,     /* checkpoints of one namespace, with ids below a bound */
    SQL_READ_ONE,       /* the one with an id */
    SQL_READ_ALL_BELOW, /* the same in all namespaces of a thread */
    SQL_READ_ALL_ONE,
    SQL_READ_VALUE,
    SQL_READ_WRITES,
    /* whole threads; each group is run in its order */
    SQL_DELETE_WRITES,
    SQL_DELETE_VALUES,
    SQL_DELETE_CHECKPOINTS,
    SQL_DELETE_SPACES,
    SQL_DROP_WRITES, /* of one namespace */
    SQL_DROP_VALUES,
    SQL_DROP_CHECKPOINTS,
    SQL_DROP_SPACE,
    SQL_REWIND_WRITES,
    SQL_REWIND_VALUES,
    SQL_REWIND_CHECKPOINTS,
    SQL_DROP_EMPTY_SPACES, /* where a rewind has left nothing */
    SQL_COPY_SPACES,
    SQL_COPY_CHECKPOINTS,
    SQL_COPY_VALUES,
    SQL_COPY_WRITES,
    SQL_PRUNE_WRITES,
    SQL_PRUNE_CHECKPOINTS,
    SQL_FORGET_PARENT,
    SQL_SPACES,
    SQL_LATEST_HEAD,
    SQL_FIND_VALUE,
    SQL_VALUES_OF,
    SQL_DELETE_VALUE,
    /* records */
    SQL_FIND_RECORD,
    SQL_ADD_RECORD,
    SQL_SET_RECORD,
    SQL_SET_COLUMNS, /* those that change seldom */
    SQL_PUT_BODY,
    SQL_READ_BODY,
    SQL_ADD_TAG,
    SQL_DELETE_TAG,
    SQL_DELETE_RECORD,
    SQL_DELETE_BODY,
    SQL_COUNT_ONE, /* more or less of a kind and status */
    SQL_UNCOUNT_BELOW,
    SQL_DELETE_EVENTS_BELOW, /* of all records of an owner */
    SQL_DELETE_BODIES_BELOW,
    SQL_DELETE_RECORDS_BELOW,
    /* searching records; of each pair the second is descending */
    SQL_WALK_CREATED,
    SQL_WALK_UPDATED = SQL_WALK_CREATED + 2, /* the order is that of enum record_order */
    SQL_WALK_ID = SQL_WALK_UPDATED + 2,
    SQL_WALK_STATUS = SQL_WALK_ID + 2,
    SQL_WALK_OWNER = SQL_WALK_STATUS + 2,
    SQL_WALK_NAME = SQL_WALK_OWNER + 2,
    SQL_WALK_DUE = SQL_WALK_NAME + 2,
    SQL_WALK_OF_OWNER = SQL_WALK_DUE + 2,
    SQL_WALK_OF_STATUS = SQL_WALK_OF_OWNER + 2,
    SQL_WALK_OF_TAG = SQL_WALK_OF_STATUS + 2,
    SQL_MANY_OF_OWNER = SQL_WALK_OF_TAG + 2, /* are there more than so many? */
    SQL_MANY_OF_STATUS,
    SQL_MANY_OF_TAG,
    SQL_COUNT_OF_KIND,
    SQL_COUNT_OF_OWNER,
    SQL_COUNT_OF_STATUS,
    SQL_COUNT_OF_TAG,
    SQL_READ_RECORD,
    /* events */
    SQL_PUT_EVENTS,
    SQL_DROP_EVENTS,
    SQL_RESERVE_EVENTS,
    SQL_READ_EVENTS,
    /* items */
    SQL_PUT_ITEM,
    SQL_DELETE_ITEM,
    SQL_REFRESH_ITEM,
    SQL_SWEEP_ITEMS,
    SQL_FIRST_EXPIRY,
    SQL_GET_ITEM,
    SQL_READ_ITEM, /* by its row id */
    SQL_WALK_ITEMS,
    SQL_WALK_ITEMS_BELOW, /* a namespace */
    SQL_NEXT_NAMESPACE,
    SQL_COUNT
};

struct database {
    char *path;
    struct sqlite3 *handle;
    struct sqlite3_stmt *statements[SQL_COUNT];
    int wal_pages;    /* in the write-ahead log, after the last commit */
    bool has_spare;   /* free pages, more than it will need soon */
    int64_t slice_us; /* a search pauses after so long */
    int code;         /* SQLite's extended code of the last call that failed */
    char text[160];
    int told_code; /* what the log was last told of; 0 = that all is well */
};

/* ---- the file ---- */

/* The steps[i] makes version i + 1 of version i. Version 0 is an empty file. */
struct schema {
    const char *const *steps; /* SQL */
    int count;
};
extern const struct schema database_schema;

/* Creates the file if there is none. STORE_E_REFUSED: it cannot be used, `why` names the file, what
 * is wrong, and the remedy; nothing in it was changed. */
int database_open(const char *path, const struct schema *schema, struct buf *why,
                  struct database **ret);
/* Moves the log into the file. Accepts NULL, and one that was opened by half. */
struct database *database_close(struct database *d);
/* Work that nobody waits for: the log into the file, once it is long, and pages that are free back to
 * the disk, once they are many. */
void database_rest(struct database *d);

/* 0 or STORE_E_REFUSED, with `why`. */
int schema_check(struct database *d, const struct schema *schema, struct buf *why);
/* The steps that are missing, each in a transaction of its own. */
int schema_bring_up(struct database *d, const struct schema *schema);

/* ---- statements ---- */

/* A parameter. */
struct sql_value {
    enum { SQL_IS_INT, SQL_IS_TEXT, SQL_IS_BLOB } type;
    int64_t number;
    const char *bytes; /* NULL = NULL; borrowed until the statement ends */
    size_t len_bytes;
};
struct sql_value sql_int(int64_t number);
struct sql_value sql_text(const char *text);
struct sql_value sql_blob(const struct stored_bytes *bytes);
struct sql_value sql_limit(size_t limit); /* 0 = none */
/* A bound above every text: in SQLite's order blobs come behind. */
struct sql_value sql_above_all(void);

#define SQL_WITH(...)                                                                              \
    (const struct sql_value[]){ __VA_ARGS__ },                                                     \
        sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value)

const char *sql_statement(enum sql which);
/* Those that must be ready, and one for each table; the others are prepared when they are first
 * used. */
int sql_prepare(struct database *d);
/* Outside of statements: what a pragma or other SQL text does, and what number it answers. */
int sql_execute(struct database *d, const char *text);
int sql_ask(struct database *d, const char *text, int64_t *ret);

/* Binds; then sql_next() until there is no row, and sql_end() in every case. */
int sql_begin(struct database *d, enum sql which, const struct sql_value *values, size_t count);
int sql_next(struct database *d, enum sql which, bool *ret_is_row);
void sql_end(struct database *d, enum sql which);
/* All three, for a statement that gives no rows. */
int sql_run(struct database *d, enum sql which, const struct sql_value *values, size_t count);
/* sql_begin() and the first sql_next(); sql_end() in every case. */
int sql_first(struct database *d, enum sql which, const struct sql_value *values, size_t count,
              bool *ret_is_row);
/* How many rows the last statement has changed. */
int64_t sql_changes(const struct database *d);
/* The same for statements that take different counts: as many values as this one takes. */
int sql_first_of(struct database *d, enum sql which, const struct sql_value *values,
                 bool *ret_is_row);

/* Columns of the row. Copies; 0 or ERR_NOMEM. */
int64_t sql_column_int(const struct database *d, enum sql which, int column);
bool sql_column_is_null(const struct database *d, enum sql which, int column);
int sql_column_text(const struct database *d, enum sql which, int column, char **ret);
int sql_column_bytes(const struct database *d, enum sql which, int column,
                     struct stored_bytes *ret);
/* The bytes of a text (with a NUL behind them) or blob, borrowed until the statement goes on. 0 or ERR_NOMEM. */
int sql_column_borrow(const struct database *d, enum sql which, int column,
                      struct stored_bytes *ret);

/* Keeps what SQLite said, and gives the result that it means. code: SQLite's, not OK. */
int sql_failure(struct database *d, int code);
/* SQLite ends transactions by itself after some failures. */
bool sql_is_in_transaction(const struct database *d);

/* ---- work, within a transaction ---- */

/* What a commit tells, as in struct store_op. */
struct commit_note {
    size_t stale;
    int64_t swept;
    int64_t next_due_ms;
};
/* All rows, or none and STORE_E_STALE, STORE_E_FULL, STORE_E_TOO_LARGE or a fault; then the
 * transaction, too, may be gone. */
int database_apply(struct database *d, const struct store_batch *b, struct commit_note *note);
/*
 * answer: empty. 0 or a fault, then it is empty again. *paused: NULL at first; not NULL after 0: it
 * has taken long and wants to be called again with all this as it is, when others have had their
 * turn; search_free() if nobody wants it any more.
 */
int database_find(struct database *d, const struct find *what, const union find_query *query,
                  union find_answer *answer, struct search **paused);

/* One row, or one question: sqlite_thread.c, sqlite_records.c, sqlite_items.c. */
int database_delete_thread(struct database *d, const char *thread_id);
int database_copy_thread(struct database *d, const struct store_row *row);
int database_prune_thread(struct database *d, const char *thread_id);
int database_rewind_thread(struct database *d, const struct store_row *row);
int database_check_record(struct database *d, const struct store_row *expect);
int database_put_record(struct database *d, const struct store_row *row);
int database_delete_record(struct database *d, enum record_kind kind, const char *id);
int database_put_events(struct database *d, const struct store_row *row);
int database_put_item(struct database *d, const struct store_row *row);
int database_sweep_items(struct database *d, const struct store_row *row, struct commit_note *note);

/* ret is typed by find_kind and may be half filled on failure. */
int database_find_checkpoints(struct database *d, const void *query, void *ret);
int database_find_records(struct database *d, const struct record_query *query,
                          struct stored_records *ret, struct search **paused);
struct search *search_free(struct search *s); /* accepts NULL, returns NULL */
int database_find_events(struct database *d, const void *query, void *ret);
int database_find_items(struct database *d, const void *query, void *ret);
int database_find_namespaces(struct database *d, const void *query, void *ret);

#endif
