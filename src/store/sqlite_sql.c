/* The statements, and the few calls of SQLite that running them takes. */
#include "base/err.h"
#include "base/mem.h"
#include "store/sqlite_db.h"
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define OF_THREAD "WHERE space IN (SELECT id FROM spaces WHERE thread_id = ?1)"
#define READ                                                                                       \
    "SELECT s.id, s.ns, c.id, c.parent_id, c.head FROM spaces s CROSS JOIN checkpoints c"          \
    " ON c.space = s.id WHERE s.thread_id = ?1 AND c.id "

/* No statement may read a whole table: a test asks SQLite how it would run each. */
static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SAVEPOINT] = "SAVEPOINT batch",
    [SQL_RELEASE] = "RELEASE batch",
    [SQL_ROLLBACK_TO] = "ROLLBACK TO batch",
    [SQL_FIND_SPACE] = "SELECT id FROM spaces WHERE thread_id = ?1 AND ns = ?2",
    [SQL_ADD_SPACE] = "INSERT INTO spaces (thread_id, ns) VALUES (?1, ?2) RETURNING id",
    [SQL_LATEST] = "SELECT id = ?2 FROM checkpoints WHERE space = ?1 ORDER BY id DESC LIMIT 1",
    [SQL_PUT_CHECKPOINT] =
        "INSERT INTO checkpoints (space, id, parent_id, head) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT DO UPDATE SET parent_id = excluded.parent_id, head = excluded.head",
    [SQL_PUT_VALUE] = "INSERT INTO checkpoint_values (space, checkpoint_id, field, base, bytes)"
                      " VALUES (?1, ?2, ?3, ?4, ?5)"
                      " ON CONFLICT DO UPDATE SET base = excluded.base, bytes = excluded.bytes",
    [SQL_PUT_WRITE] =
        "INSERT INTO checkpoint_writes (space, checkpoint_id, task_id, kind, path, bytes)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        " ON CONFLICT DO UPDATE SET path = excluded.path, bytes = excluded.bytes",
    [SQL_PUT_RESULT] =
        "INSERT INTO checkpoint_writes (space, checkpoint_id, task_id, kind, path, bytes)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    [SQL_DELETE_WRITES] = "DELETE FROM checkpoint_writes " OF_THREAD,
    [SQL_DELETE_VALUES] = "DELETE FROM checkpoint_values " OF_THREAD,
    [SQL_DELETE_CHECKPOINTS] = "DELETE FROM checkpoints " OF_THREAD,
    [SQL_DELETE_SPACES] = "DELETE FROM spaces WHERE thread_id = ?1",
    [SQL_READ_BELOW] = READ "< ?2 AND s.ns = ?4 ORDER BY c.id DESC LIMIT ?3",
    [SQL_READ_ONE] = READ "= ?2 AND s.ns = ?4 LIMIT ?3",
    [SQL_READ_ALL_BELOW] = READ "< ?2 ORDER BY c.id DESC, s.ns LIMIT ?3",
    [SQL_READ_ALL_ONE] = READ "= ?2 ORDER BY s.ns LIMIT ?3",
    [SQL_READ_VALUE] = "SELECT base, bytes FROM checkpoint_values"
                       " WHERE space = ?1 AND checkpoint_id = ?2 AND field = ?3",
    [SQL_READ_WRITES] = "SELECT task_id, kind, path, bytes FROM checkpoint_writes"
                        " WHERE space = ?1 AND checkpoint_id = ?2 ORDER BY path, task_id, kind",
};

const char *sql_statement(enum sql which)
{
    return texts[which];
}

/* ---- failures ---- */

/* A limit of the process or of the user ends in the same way as a disk that has no more. SQLite does
 * not tell which it was that made a COMMIT fail, so errno is looked at; who calls SQLite clears it. */
static bool is_full(int code)
{
    return (code & 0xff) == SQLITE_FULL || ((code & 0xff) == SQLITE_IOERR &&
                                            (errno == ENOSPC || errno == EDQUOT || errno == EFBIG));
}

int sql_failure(struct database *d, int code)
{
    d->code = is_full(code) ? SQLITE_FULL : code;
    (void)snprintf(d->text, sizeof(d->text), "%s", /* as much as there is room for */
                   d->code == code ? sqlite3_errmsg(d->handle) : sqlite3_errstr(d->code));
    switch (d->code & 0xff) {
    case SQLITE_NOMEM:
        return err_trace(ERR_NOMEM);
    case SQLITE_FULL:
        return STORE_E_FULL;
    case SQLITE_TOOBIG:
        return STORE_E_TOO_LARGE;
    default:
        return err_trace(ERR_SYSTEM);
    }
}

bool sql_is_in_transaction(const struct database *d)
{
    return sqlite3_get_autocommit(d->handle) == 0;
}

/* ---- values ---- */

struct sql_value sql_int(int64_t number)
{
    return (struct sql_value){ .type = SQL_IS_INT, .number = number };
}

struct sql_value sql_text(const char *text)
{
    return (struct sql_value){ .type = SQL_IS_TEXT,
                               .bytes = text,
                               .len_bytes = text == NULL ? 0 : strlen(text) };
}

struct sql_value sql_blob(const struct stored_bytes *bytes)
{
    return (struct sql_value){ .type = SQL_IS_BLOB,
                               .bytes = bytes->bytes,
                               .len_bytes = bytes->len_bytes };
}

struct sql_value sql_above_all(void)
{
    return (struct sql_value){ .type = SQL_IS_BLOB, .bytes = "" };
}

static int bind(struct sqlite3_stmt *s, int index, const struct sql_value *v)
{
    if (v->type == SQL_IS_INT)
        return sqlite3_bind_int64(s, index, v->number);
    if (v->type == SQL_IS_TEXT)
        return sqlite3_bind_text64(s, index, v->bytes, v->len_bytes, SQLITE_STATIC, SQLITE_UTF8);
    return sqlite3_bind_blob64(s, index, v->bytes, v->len_bytes, SQLITE_STATIC);
}

/* ---- running ---- */

int sql_prepare(struct database *d)
{
    for (int i = 0; i < SQL_COUNT; i++) {
        int code = sqlite3_prepare_v3(d->handle, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &d->statements[i], NULL);
        if (code != SQLITE_OK)
            return sql_failure(d, code);
    }
    return 0;
}

int sql_execute(struct database *d, const char *text)
{
    errno = 0;
    int code = sqlite3_exec(d->handle, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : sql_failure(d, code);
}

int sql_ask(struct database *d, const char *text, int64_t *ret)
{
    struct sqlite3_stmt *s = NULL;
    errno = 0;
    int code = sqlite3_prepare_v2(d->handle, text, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    int r = code == SQLITE_ROW ? 0 : sql_failure(d, code);
    if (r == 0)
        *ret = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s); /* repeats the code of the step */
    return r;
}

int sql_begin(struct database *d, enum sql which, const struct sql_value *values, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < count && code == SQLITE_OK; i++)
        code = bind(d->statements[which], (int)i + 1, &values[i]);
    return code == SQLITE_OK ? 0 : sql_failure(d, code);
}

int sql_next(struct database *d, enum sql which, bool *ret_is_row)
{
    errno = 0;
    int code = sqlite3_step(d->statements[which]);
    *ret_is_row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : sql_failure(d, code);
}

/* Parameters are borrowed, so none may stay behind. */
void sql_end(struct database *d, enum sql which)
{
    (void)sqlite3_reset(d->statements[which]);          /* repeats the code of the step */
    (void)sqlite3_clear_bindings(d->statements[which]); /* cannot fail */
}

int sql_run(struct database *d, enum sql which, const struct sql_value *values, size_t count)
{
    bool is_row = false;
    int r = sql_begin(d, which, values, count);
    if (r == 0)
        r = sql_next(d, which, &is_row);
    sql_end(d, which);
    return r;
}

/* ---- columns ---- */

int64_t sql_column_int(const struct database *d, enum sql which, int column)
{
    return sqlite3_column_int64(d->statements[which], column);
}

bool sql_column_is_null(const struct database *d, enum sql which, int column)
{
    return sqlite3_column_type(d->statements[which], column) == SQLITE_NULL;
}

int sql_column_text(const struct database *d, enum sql which, int column, char **ret)
{
    const unsigned char *text = sqlite3_column_text(d->statements[which], column);
    *ret = mem_strdup((const char *)text);
    return *ret == NULL ? err_trace(ERR_NOMEM) : 0;
}

/* SQLite has no pointer for an empty blob. */
int sql_column_bytes(const struct database *d, enum sql which, int column, struct stored_bytes *ret)
{
    const char *bytes = sqlite3_column_blob(d->statements[which], column);
    size_t len_bytes = (size_t)sqlite3_column_bytes(d->statements[which], column);
    if (bytes == NULL && len_bytes > 0)
        return err_trace(ERR_NOMEM);
    ret->bytes = mem_strndup(bytes, len_bytes);
    ret->len_bytes = len_bytes;
    return ret->bytes == NULL ? err_trace(ERR_NOMEM) : 0;
}
