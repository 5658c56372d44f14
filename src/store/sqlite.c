/*
 * Everything in a SQLite file. A commit or a read is a job for the storage thread (loop/service.h): it
 * owns copies of all bytes and goes there and back.
 *
 *     store_commit, store_read ... -> job -> storage thread: group_work() -> job ends on the loop -> op
 *
 * The thread commits at once when it is idle, and what arrives meanwhile is the next transaction.
 */
#include "base/err.h"
#include "base/mem.h"
#include "store/sqlite_db.h"
#include "store/sqlite_group.h"
#include <string.h>

struct sqlite {
    struct store store; /* first member */
    struct database *database;
    struct service *service;
};

/* ---- the thread ---- */

static void work(void *arg, struct list *jobs)
{
    group_work(((struct sqlite *)arg)->database, jobs);
}

static void rest(void *arg)
{
    database_rest(((struct sqlite *)arg)->database);
}

static const struct service_kind service_kind = { "storage", GROUP_MAX, work, rest };

/* ---- jobs ---- */

static struct sqlite_job *job_of(struct service_job *job)
{
    return LIST_OF(job, struct sqlite_job, job);
}

static void *job_free(struct sqlite_job *job)
{
    store_batch_deinit(&job->batch);
    if (job->what != NULL)
        job->what->clear(&job->answer);
    search_free(job->paused);
    keep_clear(&job->keep);
    return mem_free(job);
}

/* ---- commit ---- */

static void commit_ended(struct service_job *ended)
{
    struct sqlite_job *job = job_of(ended);
    struct store_op *op = job->op;
    int result = job->result;
    op->stale = job->note.stale;
    op->swept = job->note.swept;
    op->next_due_ms = job->note.next_due_ms;
    job_free(job);
    op_finish(&op->op, result);
}

static void sqlite_commit(struct store *s, struct loop *loop, struct store_op *c,
                          struct store_batch *b)
{
    struct sqlite_job *job = mem_zalloc(sizeof(*job));
    if (job == NULL) {
        op_finish(&c->op, err_trace(ERR_NOMEM));
        return;
    }
    job->op = c;
    job->batch = *b;
    store_batch_init(b);
    service_put(((struct sqlite *)s)->service, loop, &job->job, commit_ended);
}

/* ---- read ---- */

static void find_ended(struct service_job *ended)
{
    struct sqlite_job *job = job_of(ended);
    struct store_op *r = job->op;
    int result = job->result;
    if (r != NULL && job->paused != NULL) { /* behind what has come meanwhile */
        service_put(ended->service, ended->loop, ended, find_ended);
        return;
    }
    if (r != NULL) {
        memcpy(job->ret, &job->answer, job->what->answer_bytes);
        memset(&job->answer, 0, sizeof(job->answer));
    }
    job_free(job);
    if (r != NULL)
        op_finish(&r->op, result);
}

/* The job comes back all the same; nobody will be there. */
static void cancel_find(struct op *op)
{
    struct store_op *r = LIST_OF(op, struct store_op, op);
    ((struct sqlite_job *)r->own)->op = NULL;
    op_finish(op, OP_CANCELLED);
}

static void sqlite_find(struct store *s, struct loop *loop, struct store_op *r,
                        const struct find *what, const void *query, void *ret)
{
    struct sqlite_job *job = mem_zalloc(sizeof(*job));
    if (job == NULL || find_copy_query(what, query, &job->keep, &job->query) != 0) {
        if (job != NULL)
            job_free(job);
        op_finish(&r->op, err_trace(ERR_NOMEM));
        return;
    }
    job->what = what;
    job->op = r;
    job->ret = ret;
    r->own = job;
    r->op.cancel = cancel_find;
    service_put(((struct sqlite *)s)->service, loop, &job->job, find_ended);
}

/* ---- the backend ---- */

/* What is queued is done first. */
static void sqlite_close(struct store *s)
{
    struct sqlite *q = (struct sqlite *)s;
    service_free(q->service);
    database_close(q->database);
    mem_free(q);
}

/* "sqlite:///absolute" and "sqlite:relative", as the settings checked. */
static const char *path_of(const char *text)
{
    text += strlen(store_sqlite.scheme);
    return strncmp(text, "///", 3) == 0 ? text + 2 : text;
}

static int sqlite_open(const struct conf *conf, struct buf *why, struct store **ret)
{
    struct sqlite *q = mem_zalloc(sizeof(*q));
    if (q == NULL)
        return err_trace(ERR_NOMEM);
    q->store =
        (struct store){ .commit = sqlite_commit, .find = sqlite_find, .close = sqlite_close };
    int r = database_open(path_of(conf->database), &database_schema, why, &q->database);
    if (r == 0)
        r = service_new(&service_kind, q, &q->service);
    if (r != 0) {
        sqlite_close(&q->store);
        return r;
    }
    *ret = &q->store;
    return 0;
}

const struct store_backend store_sqlite = { .scheme = "sqlite:", .open = sqlite_open };
