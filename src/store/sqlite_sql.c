/* The few calls of SQLite that running them takes. */
#include "base/err.h"
#include "base/mem.h"
#include "store/sqlite_db.h"
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

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

struct sql_value sql_limit(size_t limit)
{
    return sql_int(limit == 0 || limit > INT64_MAX ? -1 : (int64_t)limit);
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

static int prepare(struct database *d, enum sql which)
{
    if (d->statements[which] != NULL)
        return 0;
    int code = sqlite3_prepare_v3(d->handle, sql_statement(which), -1, SQLITE_PREPARE_PERSISTENT,
                                  &d->statements[which], NULL);
    return code == SQLITE_OK ? 0 : sql_failure(d, code);
}

/* Going back must not need memory; and a file in which a table is missing is to be refused. */
static const enum sql at_once[] = {
    SQL_BEGIN,       SQL_COMMIT,     SQL_ROLLBACK,     SQL_SAVEPOINT,   SQL_RELEASE,
    SQL_ROLLBACK_TO, SQL_FIND_SPACE, SQL_LATEST,       SQL_READ_VALUE,  SQL_READ_WRITES,
    SQL_FIND_RECORD, SQL_READ_BODY,  SQL_COUNT_OF_TAG, SQL_READ_EVENTS, SQL_READ_ITEM,
};

int sql_prepare(struct database *d)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof(at_once) / sizeof(*at_once); i++)
        r = prepare(d, at_once[i]);
    return r;
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
    int r = prepare(d, which);
    if (r != 0)
        return r;
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
    if (d->statements[which] == NULL)
        return;                                         /* it could not be prepared */
    (void)sqlite3_reset(d->statements[which]);          /* repeats the code of the step */
    (void)sqlite3_clear_bindings(d->statements[which]); /* cannot fail */
}

int sql_first(struct database *d, enum sql which, const struct sql_value *values, size_t count,
              bool *ret_is_row)
{
    *ret_is_row = false;
    int r = sql_begin(d, which, values, count);
    return r == 0 ? sql_next(d, which, ret_is_row) : r;
}

int sql_first_of(struct database *d, enum sql which, const struct sql_value *values,
                 bool *ret_is_row)
{
    *ret_is_row = false;
    int r = prepare(d, which);
    if (r != 0)
        return r;
    size_t count = (size_t)sqlite3_bind_parameter_count(d->statements[which]);
    return sql_first(d, which, values, count, ret_is_row);
}

int64_t sql_changes(const struct database *d)
{
    return sqlite3_changes(d->handle);
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

int sql_column_borrow(const struct database *d, enum sql which, int column,
                      struct stored_bytes *ret)
{
    struct sqlite3_stmt *s = d->statements[which];
    bool is_text = sqlite3_column_type(s, column) == SQLITE_TEXT; /* only then a NUL is behind it */
    const void *bytes = is_text ? sqlite3_column_text(s, column) : sqlite3_column_blob(s, column);
    ret->len_bytes = (size_t)sqlite3_column_bytes(s, column);
    if (bytes == NULL && ret->len_bytes > 0)
        return err_trace(ERR_NOMEM);
    ret->bytes = bytes == NULL ? "" : (char *)bytes; /* SQLite has no pointer for an empty blob */
    return 0;
}

int sql_column_text(const struct database *d, enum sql which, int column, char **ret)
{
    const unsigned char *text = sqlite3_column_text(d->statements[which], column);
    *ret = mem_strdup((const char *)text);
    return *ret == NULL ? err_trace(ERR_NOMEM) : 0;
}

int sql_column_bytes(const struct database *d, enum sql which, int column, struct stored_bytes *ret)
{
    struct stored_bytes bytes = { .bytes = NULL };
    int r = sql_column_borrow(d, which, column, &bytes);
    return r == 0 ? find_copy_bytes(bytes.bytes, bytes.len_bytes, ret) : r;
}
