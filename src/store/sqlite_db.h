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
#include "store/store.h"

struct sqlite3;
struct sqlite3_stmt;

/* All statements that are run after the start, see sqlite_sql.c. */
enum sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SAVEPOINT,
    SQL_RELEASE,
    SQL_ROLLBACK_TO,
    SQL_FIND_SPACE,
    SQL_ADD_SPACE,
    SQL_LATEST,
    SQL_PUT_CHECKPOINT,
    SQL_PUT_VALUE,
    SQL_PUT_WRITE,
    SQL_PUT_RESULT,
    SQL_DELETE_WRITES,
    SQL_DELETE_VALUES,
    SQL_DELETE_CHECKPOINTS,
    SQL_DELETE_SPACES,
    SQL_READ_BELOW,     /* checkpoints of one namespace, with ids below a bound */
    SQL_READ_ONE,       /* the one with an id */
    SQL_READ_ALL_BELOW, /* the same in all namespaces of a thread */
    SQL_READ_ALL_ONE,
    SQL_READ_VALUE,
    SQL_READ_WRITES,
    SQL_COUNT
};

struct database {
    char *path;
    struct sqlite3 *handle;
    struct sqlite3_stmt *statements[SQL_COUNT];
    int wal_pages; /* in the write-ahead log, after the last commit */
    int code;      /* SQLite's extended code of the last call that failed */
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
/* Work that nobody waits for: the log into the file, once it is long. */
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
/* A bound above every text: in SQLite's order blobs come behind. */
struct sql_value sql_above_all(void);

#define SQL_WITH(...)                                                                              \
    (const struct sql_value[]){ __VA_ARGS__ },                                                     \
        sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value)

const char *sql_statement(enum sql which);
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

/* Columns of the row. Copies; 0 or ERR_NOMEM. */
int64_t sql_column_int(const struct database *d, enum sql which, int column);
bool sql_column_is_null(const struct database *d, enum sql which, int column);
int sql_column_text(const struct database *d, enum sql which, int column, char **ret);
int sql_column_bytes(const struct database *d, enum sql which, int column,
                     struct stored_bytes *ret);

/* Keeps what SQLite said, and gives the result that it means. code: SQLite's, not OK. */
int sql_failure(struct database *d, int code);
/* SQLite ends transactions by itself after some failures. */
bool sql_is_in_transaction(const struct database *d);

/* ---- work, within a transaction ---- */

/* All rows, or none and STORE_E_STALE, STORE_E_FULL, STORE_E_TOO_LARGE or a fault; then the
 * transaction, too, may be gone. */
int database_apply(struct database *d, const struct store_batch *b);
/* ret: empty. 0 or a fault, then it is empty again. */
int database_find(struct database *d, const struct store_query *q, struct stored_list *ret);

#endif
