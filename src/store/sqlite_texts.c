/*
 * The statements. None may read a whole table: a test asks SQLite how it would run each.
 *
 * Walks over records all have the same parameters: ?1 kind, ?2 how many rows to pass over, ?3 a text
 * or ?4 a time and ?5 an id, behind which the walk begins, ?6 and ?7 what the rows have in common.
 */
#include "store/sqlite_db.h"

#define OF_THREAD "WHERE space IN (SELECT id FROM spaces WHERE thread_id = ?1)"
#define READ                                                                                       \
    "SELECT s.id, s.ns, c.id, c.parent_id, c.head FROM spaces s CROSS JOIN checkpoints c"          \
    " ON c.space = s.id WHERE s.thread_id = ?1 AND c.id "
#define COPY(table, columns, copied)                                                               \
    "INSERT INTO " table " (space, " columns ") SELECT n.id, " copied " FROM spaces o"             \
    " CROSS JOIN spaces n ON n.thread_id = ?2 AND n.ns = o.ns"                                     \
    " CROSS JOIN " table " c ON c.space = o.id WHERE o.thread_id = ?1"

#define RECORD                                                                                     \
    "SELECT r.rowid, r.id, r.owner, r.status, r.name, r.created_ms, r.updated_ms, r.due_ms,"       \
    " r.revision, r.reserved_seq, r.metadata FROM "
#define BELOW "WHERE kind = ?1 AND owner = ?2"
#define COUNT " ON CONFLICT DO UPDATE SET count = count + excluded.count"
/* Both directions of one walk; three columns, two, or one say where a row is. */
#define WALK_3(from, a, b, c)                                                                      \
    RECORD from " AND (" a ", " b ", " c ") > (?3, ?4, ?5) ORDER BY " a ", " b ", " c              \
                " LIMIT -1 OFFSET ?2",                                                             \
        RECORD from " AND (" a ", " b ", " c ") < (?3, ?4, ?5) ORDER BY " a " DESC, " b            \
                    " DESC, " c " DESC LIMIT -1 OFFSET ?2"
#define WALK_2(from, b, c)                                                                         \
    RECORD from " AND (" b ", " c ") > (?4, ?5) ORDER BY " b ", " c " LIMIT -1 OFFSET ?2",         \
        RECORD from " AND (" b ", " c ") < (?4, ?5) ORDER BY " b " DESC, " c                       \
                    " DESC LIMIT -1 OFFSET ?2"
#define OF_KIND   "records r WHERE r.kind = ?1"
#define OF_OWNER  "records r WHERE r.kind = ?1 AND r.owner = ?6"
#define OF_STATUS "records r WHERE r.kind = ?1 AND r.status = ?6"
#define OF_TAG                                                                                     \
    "record_tags t CROSS JOIN records r ON r.kind = t.kind AND r.id = t.id"                        \
    " WHERE t.kind = ?1 AND t.key = ?6 AND t.value = ?7"
#define TAGGED "record_tags WHERE kind = ?1 AND key = ?6 AND value = ?7"
#define NEVER  "9223372036854775807"

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
    [SQL_READ_BELOW] = READ "< ?2 AND s.ns = ?4 ORDER BY c.id DESC LIMIT ?3",
    [SQL_READ_ONE] = READ "= ?2 AND s.ns = ?4 LIMIT ?3",
    [SQL_READ_ALL_BELOW] = READ "< ?2 ORDER BY c.id DESC, s.ns LIMIT ?3",
    [SQL_READ_ALL_ONE] = READ "= ?2 ORDER BY s.ns LIMIT ?3",
    [SQL_READ_VALUE] = "SELECT base, bytes FROM checkpoint_values"
                       " WHERE space = ?1 AND checkpoint_id = ?2 AND field = ?3",
    [SQL_READ_WRITES] = "SELECT task_id, kind, path, bytes FROM checkpoint_writes"
                        " WHERE space = ?1 AND checkpoint_id = ?2 ORDER BY path, task_id, kind",

    [SQL_DELETE_WRITES] = "DELETE FROM checkpoint_writes " OF_THREAD,
    [SQL_DELETE_VALUES] = "DELETE FROM checkpoint_values " OF_THREAD,
    [SQL_DELETE_CHECKPOINTS] = "DELETE FROM checkpoints " OF_THREAD,
    [SQL_DELETE_SPACES] = "DELETE FROM spaces WHERE thread_id = ?1",
    [SQL_DROP_WRITES] = "DELETE FROM checkpoint_writes WHERE space = ?1",
    [SQL_DROP_VALUES] = "DELETE FROM checkpoint_values WHERE space = ?1",
    [SQL_DROP_CHECKPOINTS] = "DELETE FROM checkpoints WHERE space = ?1",
    [SQL_DROP_SPACE] = "DELETE FROM spaces WHERE id = ?1",
    [SQL_REWIND_WRITES] = "DELETE FROM checkpoint_writes " OF_THREAD " AND checkpoint_id > ?2",
    [SQL_REWIND_VALUES] = "DELETE FROM checkpoint_values " OF_THREAD " AND checkpoint_id > ?2",
    [SQL_REWIND_CHECKPOINTS] = "DELETE FROM checkpoints " OF_THREAD " AND id > ?2",
    [SQL_DROP_EMPTY_SPACES] =
        "DELETE FROM spaces WHERE thread_id = ?1"
        " AND NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.space = spaces.id)"
        " AND NOT EXISTS (SELECT 1 FROM checkpoint_values v WHERE v.space = spaces.id)"
        " AND NOT EXISTS (SELECT 1 FROM checkpoint_writes w WHERE w.space = spaces.id)",
    [SQL_COPY_SPACES] =
        "INSERT INTO spaces (thread_id, ns) SELECT ?2, ns FROM spaces WHERE thread_id = ?1",
    [SQL_COPY_CHECKPOINTS] =
        COPY("checkpoints", "id, parent_id, head", "c.id, c.parent_id, c.head"),
    [SQL_COPY_VALUES] = COPY("checkpoint_values", "checkpoint_id, field, base, bytes",
                             "c.checkpoint_id, c.field, c.base, c.bytes"),
    [SQL_COPY_WRITES] = COPY("checkpoint_writes", "checkpoint_id, task_id, kind, path, bytes",
                             "c.checkpoint_id, c.task_id, c.kind, c.path, c.bytes"),
    [SQL_PRUNE_WRITES] = "DELETE FROM checkpoint_writes WHERE space = ?1 AND checkpoint_id <> ?2",
    [SQL_PRUNE_CHECKPOINTS] = "DELETE FROM checkpoints WHERE space = ?1 AND id <> ?2",
    [SQL_FORGET_PARENT] = "UPDATE checkpoints SET parent_id = '' WHERE space = ?1 AND id = ?2",
    [SQL_SPACES] = "SELECT id, ns FROM spaces WHERE thread_id = ?1",
    [SQL_LATEST_HEAD] =
        "SELECT id, head FROM checkpoints WHERE space = ?1 ORDER BY id DESC LIMIT 1",
    [SQL_FIND_VALUE] = "SELECT rowid, base FROM checkpoint_values"
                       " WHERE space = ?1 AND checkpoint_id = ?2 AND field = ?3",
    [SQL_VALUES_OF] = "SELECT rowid FROM checkpoint_values WHERE space = ?1",
    [SQL_DELETE_VALUE] = "DELETE FROM checkpoint_values WHERE rowid = ?1",

    [SQL_FIND_RECORD] = "SELECT rowid, revision, status, created_ms, metadata FROM records WHERE "
                        "kind = ?1 AND id = ?2",
    [SQL_ADD_RECORD] = "INSERT INTO records (kind, id, owner, status, name, created_ms, updated_ms,"
                       " due_ms, revision, reserved_seq, metadata)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, 0, ?9) RETURNING rowid",
    [SQL_SET_RECORD] =
        "UPDATE records SET status = coalesce(?2, status), metadata = coalesce(?3, metadata),"
        " updated_ms = ?4, revision = revision + 1 WHERE rowid = ?1",
    [SQL_SET_COLUMNS] = "UPDATE records SET owner = coalesce(?2, owner), name = coalesce(?3, name),"
                        " due_ms = coalesce(?4, due_ms) WHERE rowid = ?1",
    [SQL_PUT_BODY] = "INSERT INTO record_bodies (record, bytes) VALUES (?1, ?2)"
                     " ON CONFLICT DO UPDATE SET bytes = excluded.bytes",
    [SQL_READ_BODY] = "SELECT bytes FROM record_bodies WHERE record = ?1",
    [SQL_ADD_TAG] = "INSERT OR IGNORE INTO record_tags (kind, key, value, created_ms, id)"
                    " VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_DELETE_TAG] = "DELETE FROM record_tags WHERE kind = ?1 AND key = ?2 AND value = ?3"
                       " AND created_ms = ?4 AND id = ?5",
    [SQL_DELETE_RECORD] = "DELETE FROM records WHERE rowid = ?1",
    [SQL_DELETE_BODY] = "DELETE FROM record_bodies WHERE record = ?1",
    [SQL_COUNT_ONE] = "INSERT INTO record_counts (kind, status, count) VALUES (?1, ?2, ?3)" COUNT,
    [SQL_UNCOUNT_BELOW] =
        "INSERT INTO record_counts (kind, status, count)"
        " SELECT kind, status, -count(*) FROM records " BELOW " GROUP BY status" COUNT,
    [SQL_DELETE_EVENTS_BELOW] =
        "DELETE FROM events WHERE run_id IN (SELECT id FROM records " BELOW ")",
    [SQL_DELETE_BODIES_BELOW] =
        "DELETE FROM record_bodies WHERE record IN (SELECT rowid FROM records " BELOW ")",
    [SQL_DELETE_RECORDS_BELOW] = "DELETE FROM records " BELOW,

    [SQL_WALK_CREATED] = WALK_2(OF_KIND, "r.created_ms", "r.id"),
    [SQL_WALK_UPDATED] = WALK_2(OF_KIND, "r.updated_ms", "r.id"),
    [SQL_WALK_ID] = RECORD OF_KIND " AND r.id > ?5 ORDER BY r.id LIMIT -1 OFFSET ?2",
    RECORD OF_KIND " AND r.id < ?5 ORDER BY r.id DESC LIMIT -1 OFFSET ?2",
    [SQL_WALK_STATUS] = WALK_3(OF_KIND, "r.status", "r.created_ms", "r.id"),
    [SQL_WALK_OWNER] = WALK_3(OF_KIND, "r.owner", "r.created_ms", "r.id"),
    [SQL_WALK_NAME] =
        WALK_3("records r WHERE r.kind = 2 AND ?1 = 2", "r.name", "r.created_ms", "r.id"),
    [SQL_WALK_DUE] = WALK_2(OF_KIND " AND r.due_ms > 0", "r.due_ms", "r.id"),
    [SQL_WALK_OF_OWNER] = WALK_2(OF_OWNER, "r.created_ms", "r.id"),
    [SQL_WALK_OF_STATUS] = WALK_2(OF_STATUS, "r.created_ms", "r.id"),
    [SQL_WALK_OF_TAG] = WALK_2(OF_TAG, "t.created_ms", "t.id"),
    [SQL_MANY_OF_OWNER] = "SELECT 1 FROM " OF_OWNER " LIMIT 1 OFFSET ?2",
    [SQL_MANY_OF_STATUS] = "SELECT 1 FROM " OF_STATUS " LIMIT 1 OFFSET ?2",
    [SQL_MANY_OF_TAG] = "SELECT 1 FROM " TAGGED " LIMIT 1 OFFSET ?2",
    [SQL_COUNT_OF_KIND] = "SELECT sum(count) FROM record_counts WHERE kind = ?1",
    [SQL_COUNT_OF_OWNER] = "SELECT count(*) FROM " OF_OWNER,
    [SQL_COUNT_OF_STATUS] = "SELECT sum(count) FROM record_counts WHERE kind = ?1 AND status = ?6",
    [SQL_COUNT_OF_TAG] = "SELECT count(*) FROM " TAGGED,
    [SQL_READ_RECORD] = RECORD OF_KIND " AND r.id = ?5",

    [SQL_PUT_EVENTS] = "INSERT INTO events (run_id, last_seq, first_seq, bytes)"
                       " VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE"
                       " SET first_seq = excluded.first_seq, bytes = excluded.bytes",
    [SQL_DROP_EVENTS] = "DELETE FROM events WHERE run_id = ?1 AND last_seq < ?2",
    [SQL_RESERVE_EVENTS] = "UPDATE records SET reserved_seq = ?2"
                           " WHERE kind = 1 AND id = ?1 AND reserved_seq < ?2",
    [SQL_READ_EVENTS] = "SELECT first_seq, last_seq, bytes FROM events"
                        " WHERE run_id = ?1 AND last_seq >= ?2 ORDER BY last_seq LIMIT ?3",

    [SQL_PUT_ITEM] =
        "INSERT INTO items (ns, key, created_ms, updated_ms, ttl_ms, expires_ms, value)"
        " VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
        " created_ms = CASE WHEN expires_ms > ?3 THEN created_ms ELSE ?3 END,"
        " updated_ms = ?3, ttl_ms = ?4, expires_ms = ?5, value = ?6",
    [SQL_DELETE_ITEM] = "DELETE FROM items WHERE ns = ?1 AND key = ?2",
    [SQL_REFRESH_ITEM] = "UPDATE items SET expires_ms = min(?3, " NEVER " - ttl_ms) + ttl_ms"
                         " WHERE ns = ?1 AND key = ?2 AND ttl_ms > 0 AND expires_ms > ?3",
    [SQL_SWEEP_ITEMS] =
        "DELETE FROM items WHERE rowid IN (SELECT rowid FROM items"
        " WHERE expires_ms <= ?1 AND expires_ms < " NEVER " ORDER BY expires_ms, ns, key LIMIT ?2)",
    [SQL_FIRST_EXPIRY] =
        "SELECT expires_ms FROM items WHERE expires_ms < " NEVER " ORDER BY expires_ms LIMIT 1",
    [SQL_GET_ITEM] = "SELECT ns, key, created_ms, updated_ms, ttl_ms, value FROM items"
                     " WHERE ns = ?1 AND key = ?2 AND expires_ms > ?3",
    [SQL_READ_ITEM] =
        "SELECT ns, key, created_ms, updated_ms, ttl_ms, value FROM items WHERE rowid = ?1",
    [SQL_WALK_ITEMS] = "SELECT rowid FROM items WHERE updated_ms >= ?4 AND expires_ms > ?1"
                       " ORDER BY updated_ms DESC, ns, key LIMIT ?2 OFFSET ?3",
    [SQL_WALK_ITEMS_BELOW] =
        "SELECT rowid FROM items WHERE ns >= ?4 AND ns < ?5 AND expires_ms > ?1"
        " ORDER BY updated_ms DESC, ns, key LIMIT ?2 OFFSET ?3",
    [SQL_NEXT_NAMESPACE] =
        "SELECT ns FROM items WHERE ns >= ?1 AND expires_ms > ?2 ORDER BY ns LIMIT 1",
};
_Static_assert(RECORD_RUN == 1 && RECORD_ASSISTANT == 2, "the statements say them as numbers");
_Static_assert(RECORDS_BY_CREATED == 0 && RECORDS_BY_DUE == 6 &&
                   SQL_WALK_DUE == SQL_WALK_CREATED + 2 * RECORDS_BY_DUE,
               "a walk is found by its order");

const char *sql_statement(enum sql which)
{
    return texts[which];
}
