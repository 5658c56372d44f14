/*
 * Opening a file, in an order in which nothing is written before it is known that the file is ours:
 *
 *     make the file if there is none, look at its rights
 *     lock it for the life of the process     nobody else may even read: one file, one server
 *     whose is it, which version              sqlite_schema.c
 *     write-ahead log, tables, statements
 *
 * The lock of SQLite's exclusive mode also spares the shared memory beside the log, so the file may
 * lie where mmap() is not possible.
 */
#include "store/sqlite_db.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite_heap.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * busy_timeout_ms: a server that was restarted waits for the one before to let go. Pages of 4 KiB:
 * see docs/architecture.md. After so many pages in the log they are moved into the file, when no
 * commit waits (database_rest); after a peak the log is cut to journal_size_limit. Pages that are
 * free are used again; when they are more than SPARE_MIN and a quarter of the file, some are given
 * back at each rest.
 */
enum { SLICE_US = 4000, BUSY_MS = 2000,
    WAL_PAGES_MAX = 1000,
    PAGE_BYTES_MIN = 512,
    SPARE_MIN = 1000,
    SPARE_PART = 4
};
#define GIVE_BACK "PRAGMA incremental_vacuum(1000)"
#define BEFORE_LOCK                                                                                \
    "PRAGMA page_size = 4096; PRAGMA locking_mode = EXCLUSIVE; "                                   \
    "BEGIN EXCLUSIVE"
/* Of a file that is empty: in one with tables it would write before it is known whose they are. */
#define OF_NEW_FILE "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL"
#define SETTINGS                                                                                   \
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"                                    \
    "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8192;"                             \
    "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;"

/* ---- refusing ---- */

static int refuse(const struct database *d, const char *what, const char *remedy, struct buf *why)
{
    (void)buf_addf(why, "database %s: %s. %s", d->path, what, remedy); /* sticky */
    return STORE_E_REFUSED;
}

static const struct {
    int code;
    const char *what; /* NULL: SQLite's own words */
    const char *remedy;
} refusals[] = {
    { SQLITE_BUSY, "another process has it open",
      "A file belongs to one server: stop the other one, or set database to another file" },
    { SQLITE_NOTADB, "it is no SQLite database; nothing in it was changed",
      "Set database to another file, or move this one away" },
    { SQLITE_CORRUPT, "it is damaged; nothing in it was changed",
      "Put a copy of it in its place, or move it away to begin with an empty one" },
    { SQLITE_ERROR, "its tables are not what they were; nothing in it was changed",
      "Put a copy of it in its place, or move it away to begin with an empty one" },
    { SQLITE_FULL, "the disk is full", "Make room" },
    { SQLITE_READONLY, "it cannot be written",
      "Let the server's user write the file and its folder, or set database to another one" },
    { SQLITE_CANTOPEN, "it, or the log beside it, cannot be opened",
      "Let the server's user write the file and its folder, or set database to another one" },
    { 0, NULL, "See to the disk, or set database to another file" },
};

/* A condition or fault of sql_failure() as a sentence; no memory stays a fault. */
static int refuse_failure(const struct database *d, int r, struct buf *why)
{
    size_t i = 0;
    if (r == ERR_NOMEM || r == STORE_E_REFUSED)
        return r;
    while (refusals[i].code != 0 && refusals[i].code != (d->code & 0xff))
        i++;
    return refuse(d, refusals[i].what == NULL ? d->text : refusals[i].what, refusals[i].remedy,
                  why);
}

static int refuse_errno(const struct database *d, const char *what, struct buf *why)
{
    char *text MEM_AUTO(mem_freep) = mem_printf("%s: %s", what, strerror(errno));
    if (text == NULL)
        return err_trace(ERR_NOMEM);
    return refuse(d, text, "Let the server's user write there, or set database to another file",
                  why);
}

/* ---- the file ---- */

/* SQLite keeps a log beside it. */
static int check_folder(const struct database *d, struct buf *why)
{
    const char *slash = strrchr(d->path, '/');
    char *folder MEM_AUTO(mem_freep) =
        slash == d->path ? mem_strdup("/") : mem_strndup(d->path, (size_t)(slash - d->path));
    if (folder == NULL)
        return err_trace(ERR_NOMEM);
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0)
        return 0;
    if (errno != ENOENT)
        return refuse_errno(d, "its folder cannot be written", why);
    return refuse(d, "its folder does not exist",
                  "Create the folder, or set database to another file", why);
}

static int not_a_database(struct database *d)
{
    d->code = SQLITE_NOTADB;
    return ERR_SYSTEM;
}

static int check_file(struct database *d, struct buf *why)
{
    struct stat st;
    if (stat(d->path, &st) != 0)
        return refuse_errno(d, "it cannot be read", why);
    if (!S_ISREG(st.st_mode))
        return refuse(d, "it is no file", "Set database to a file", why);
    if (faccessat(AT_FDCWD, d->path, R_OK | W_OK, AT_EACCESS) != 0)
        return refuse_errno(d, "it cannot be read and written", why);
    /* SQLite takes a file of a few bytes for an empty one, and would write over them. */
    if (st.st_size > 0 && st.st_size < PAGE_BYTES_MIN)
        return refuse_failure(d, not_a_database(d), why);
    return 0;
}

/* What people said to agents is nobody else's business, so only this user may read a new file. An
 * old one is not opened here: closing it would give back the lock of another engine of this
 * process. */
static int make_file(struct database *d, struct buf *why)
{
    int fd = open(d->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return refuse_errno(d, "it cannot be created", why);
    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    return fd >= 0 ? 0 : check_file(d, why);
}

/* ---- opening ---- */

static int note_commit(void *arg, struct sqlite3 *handle, const char *name, int pages)
{
    struct database *d = arg;
    (void)handle;
    (void)name;
    d->wal_pages = pages;
    return SQLITE_OK;
}

static bool is_empty_file(const struct database *d)
{
    struct stat st;
    return stat(d->path, &st) == 0 && st.st_size == 0;
}

static int open_locked(struct database *d)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(d->path, &d->handle, flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(d->handle, BUSY_MS);
    if (d->handle == NULL)
        return err_trace(ERR_NOMEM);
    if (code != SQLITE_OK)
        return sql_failure(d, code);
    int r = is_empty_file(d) ? sql_execute(d, OF_NEW_FILE) : 0;
    return r == 0 ? sql_execute(d, BEFORE_LOCK) : r;
}

static int set_up(struct database *d)
{
    int64_t is_wal = 0;
    int r = sql_execute(d, "COMMIT"); /* the lock stays */
    if (r == 0)
        r = sql_execute(d, "PRAGMA journal_mode = WAL");
    if (r == 0)
        r = sql_ask(d, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &is_wal);
    if (r == 0 && !is_wal)
        r = sql_failure(d, SQLITE_CANTOPEN);
    if (r == 0)
        r = sql_execute(d, SETTINGS);
    if (r == 0)
        (void)sqlite3_wal_hook(d->handle, note_commit, d); /* gives back the one before */
    return r;
}

static int open_file(struct database *d, const struct schema *schema, struct buf *why)
{
    int r = check_folder(d, why);
    if (r == 0)
        r = make_file(d, why);
    if (r == 0)
        r = open_locked(d);
    if (r == 0)
        r = schema_check(d, schema, why);
    if (r == 0)
        r = set_up(d);
    if (r == 0)
        r = schema_bring_up(d, schema);
    if (r == 0)
        r = sql_prepare(d);
    return r == 0 ? 0 : refuse_failure(d, r, why);
}

int database_open(const char *path, const struct schema *schema, struct buf *why,
                  struct database **ret)
{
    if (!sqlite_heap_init())
        return err_trace(ERR_NOMEM);
    struct database *d = mem_zalloc(sizeof(*d));
    if (d == NULL)
        return err_trace(ERR_NOMEM);
    d->slice_us = SLICE_US;
    /* With a slash in it no name means anything special to SQLite, as ":memory:" does. */
    d->path = mem_printf("%s%s", strchr(path, '/') == NULL ? "./" : "", path);
    int r = d->path == NULL ? err_trace(ERR_NOMEM) : open_file(d, schema, why);
    if (r != 0) {
        database_close(d);
        return r;
    }
    *ret = d;
    return 0;
}

struct database *database_close(struct database *d)
{
    if (d == NULL)
        return NULL;
    for (int i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_finalize(d->statements[i]); /* accepts NULL; repeats an old code */
    (void)sqlite3_close(
        d->handle); /* the log stays where it cannot be moved: the next start does */
    mem_free(d->path);
    return mem_free(d);
}

static void move_log(struct database *d)
{
    d->wal_pages = 0;
    int code = sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code != SQLITE_OK)
        log_warn("database_log_grows", "database", d->path, "message", sqlite3_errstr(code), NULL);
}

/* A failure here costs nothing but room; the next commit meets it, too, and tells. */
static void give_back(struct database *d)
{
    int64_t spare = 0;
    int64_t all = 0;
    int r = sql_ask(d, "PRAGMA freelist_count", &spare);
    if (r == 0)
        r = sql_ask(d, "PRAGMA page_count", &all);
    d->has_spare = r == 0 && spare > SPARE_MIN && spare > all / SPARE_PART;
    if (d->has_spare && sql_execute(d, GIVE_BACK) != 0)
        d->has_spare = false;
}

void database_rest(struct database *d)
{
    bool is_long = d->wal_pages >= WAL_PAGES_MAX;
    if (is_long)
        move_log(d);
    if (is_long || d->has_spare)
        give_back(d);
}
