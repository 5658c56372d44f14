/*
 * The tables, and how a file of an older version gets them. A step is never changed once a version
 * with it was released: what is different later is a step more.
 *
 * Rows have SQLite's own row id as key, so new ones are appended, and what is looked for has an
 * index. Thread and namespace are a number in all tables but one: that keeps the indexes small.
 * The bytes are JSON texts in blobs, so that SQLite never looks at them.
 */
#include "store/sqlite_db.h"
#include <sqlite3.h>
#include <stdio.h>

#define APPLICATION_ID 0x616e6162 /* "anab" */

static const char *const steps[] = {
    "CREATE TABLE spaces ("
    " id INTEGER PRIMARY KEY,"
    " thread_id TEXT NOT NULL,"
    " ns TEXT NOT NULL," /* of the graph within the thread; '' = root */
    " UNIQUE (thread_id, ns)) STRICT;"

    "CREATE TABLE checkpoints ("
    " space INTEGER NOT NULL,"
    " id TEXT NOT NULL,"
    " parent_id TEXT NOT NULL," /* '' = none */
    " head BLOB NOT NULL,"
    " UNIQUE (space, id)) STRICT;"

    "CREATE TABLE checkpoint_values ("
    " space INTEGER NOT NULL,"
    " checkpoint_id TEXT NOT NULL," /* that wrote it; the heads of later ones name it */
    " field TEXT NOT NULL,"
    " base TEXT," /* the checkpoint whose value these are writes on; NULL = it is whole */
    " bytes BLOB NOT NULL,"
    " UNIQUE (space, checkpoint_id, field)) STRICT;"

    "CREATE TABLE checkpoint_writes ("
    " space INTEGER NOT NULL,"
    " checkpoint_id TEXT NOT NULL,"
    " task_id TEXT NOT NULL,"
    " kind INTEGER NOT NULL," /* enum write_kind */
    " path TEXT NOT NULL,"
    " bytes BLOB NOT NULL,"
    " UNIQUE (space, checkpoint_id, task_id, kind)) STRICT;",

    "CREATE TABLE records ("
    " kind INTEGER NOT NULL," /* enum record_kind */
    " id TEXT NOT NULL,"
    " owner TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " updated_ms INTEGER NOT NULL,"
    " due_ms INTEGER NOT NULL," /* 0 = never */
    " revision INTEGER NOT NULL,"
    " reserved_seq INTEGER NOT NULL,"
    " metadata BLOB NOT NULL,"
    " UNIQUE (kind, id)) STRICT;"
    "CREATE INDEX records_by_created ON records (kind, created_ms, id);"
    "CREATE INDEX records_by_updated ON records (kind, updated_ms, id);"
    "CREATE INDEX records_by_status ON records (kind, status, created_ms, id);"
    "CREATE INDEX records_by_owner ON records (kind, owner, created_ms, id);"
    "CREATE INDEX records_by_name ON records (name, created_ms, id) WHERE kind = 2;"
    "CREATE INDEX records_by_due ON records (kind, due_ms, id) WHERE due_ms > 0;"

    /* Apart, so that a new status does not write the body again. None = {}. */
    "CREATE TABLE record_bodies ("
    " record INTEGER PRIMARY KEY," /* row id of the record */
    " bytes BLOB NOT NULL) STRICT;"

    /* The top-level scalars of metadata, see record_match.h. */
    "CREATE TABLE record_tags ("
    " kind INTEGER NOT NULL,"
    " key TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL," /* of the record, which never changes */
    " id TEXT NOT NULL,"
    " PRIMARY KEY (kind, key, value, created_ms, id)) STRICT, WITHOUT ROWID;"

    /* How many records there are: a search's total must not count them. */
    "CREATE TABLE record_counts ("
    " kind INTEGER NOT NULL,"
    " status TEXT NOT NULL,"
    " count INTEGER NOT NULL,"
    " PRIMARY KEY (kind, status)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE events ("
    " run_id TEXT NOT NULL,"
    " last_seq INTEGER NOT NULL,"
    " first_seq INTEGER NOT NULL,"
    " bytes BLOB NOT NULL,"
    " UNIQUE (run_id, last_seq)) STRICT;"

    "CREATE TABLE items ("
    " ns TEXT NOT NULL," /* as in item.h */
    " key TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " updated_ms INTEGER NOT NULL,"
    " ttl_ms INTEGER NOT NULL,"     /* 0 = for ever */
    " expires_ms INTEGER NOT NULL," /* the greatest number = never */
    " value BLOB NOT NULL,"
    " UNIQUE (ns, key)) STRICT;"
    "CREATE INDEX items_by_ns ON items (ns, updated_ms, key, expires_ms);"
    "CREATE INDEX items_by_updated ON items (updated_ms DESC, ns, key, expires_ms);"
    "CREATE INDEX items_by_expiry ON items (expires_ms, ns, key)"
    " WHERE expires_ms < 9223372036854775807;",
};
/* Their order is that of enum write_kind, which is in files: append only. */
_Static_assert(WRITE_RESULT == 0 && WRITE_ERROR == 1 && WRITE_INTERRUPT == 2 && WRITE_RESUME == 3 &&
                   WRITE_COMMAND == 4,
               "the kinds of writes are stored as numbers");
_Static_assert(RECORD_THREAD == 0 && RECORD_RUN == 1 && RECORD_ASSISTANT == 2 &&
                   RECORD_VERSION == 3 && RECORD_CRON == 4 && RECORD_WEBHOOK == 5 &&
                   RECORD_MARK == 6,
               "the kinds of records are stored as numbers");

const struct schema database_schema = { steps, sizeof(steps) / sizeof(*steps) };

/* ---- whose file is it? ---- */

struct identity {
    int64_t application_id;
    int64_t version;
    int64_t table_count;
};

static int identify(struct database *d, struct identity *ret)
{
    int r = sql_ask(d, "PRAGMA application_id", &ret->application_id);
    if (r == 0)
        r = sql_ask(d, "PRAGMA user_version", &ret->version);
    if (r == 0)
        r = sql_ask(d, "SELECT count(*) FROM sqlite_schema", &ret->table_count);
    return r;
}

static bool is_empty(const struct identity *is)
{
    return is->application_id == 0 && is->version == 0 && is->table_count == 0;
}

int schema_check(struct database *d, const struct schema *schema, struct buf *why)
{
    struct identity is;
    int r = identify(d, &is);
    if (r != 0 || is_empty(&is))
        return r;
    if (is.application_id != APPLICATION_ID || is.version < 1) {
        (void)buf_addf(why,
                       "database %s: this SQLite database belongs to another program; nothing "
                       "in it was changed. Set database to another file",
                       d->path); /* sticky */
        return STORE_E_REFUSED;
    }
    if (is.version > schema->count) {
        (void)buf_addf(why,
                       "database %s: a newer version of anabranch has written it (format "
                       "%lld, this one knows %d); nothing in it was changed. Start that "
                       "version, or set database to another file",
                       d->path, (long long)is.version, schema->count); /* sticky */
        return STORE_E_REFUSED;
    }
    return 0;
}

/* ---- steps ---- */

/* The version is part of the transaction, so a step is made whole or is made again. */
static int make_step(struct database *d, const char *step, int version)
{
    char stamp[100];
    (void)snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                   APPLICATION_ID, version); /* fits */
    int r = sql_execute(d, "BEGIN");
    if (r == 0)
        r = sql_execute(d, step);
    if (r == 0)
        r = sql_execute(d, stamp);
    return r == 0 ? sql_execute(d, "COMMIT") : r;
}

int schema_bring_up(struct database *d, const struct schema *schema)
{
    int64_t version = 0;
    int r = sql_ask(d, "PRAGMA user_version", &version);
    for (int i = (int)version; r == 0 && i < schema->count; i++)
        r = make_step(d, schema->steps[i], i + 1);
    return r; /* an open transaction ends with the connection, which cannot be used */
}
