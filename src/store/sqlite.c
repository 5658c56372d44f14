/*
 * Threads in a SQLite file. A commit or a read is a job for the storage thread (loop/service.h): it
 * owns copies of all bytes and goes there and back.
 *
 *     store_commit, store_read -> job -> storage thread: group_work() -> job ends on the loop -> op
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
    stored_list_clear(&job->list);
    mem_free((void *)job->query.thread_id);
    mem_free((void *)job->query.ns);
    mem_free((void *)job->query.id);
    mem_free((void *)job->query.before);
    return mem_free(job);
}

/* ---- commit ---- */

static void commit_ended(struct service_job *ended)
{
    struct sqlite_job *job = job_of(ended);
    struct store_op *op = job->op;
    int result = job->result;
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

static void read_ended(struct service_job *ended)
{
    struct sqlite_job *job = job_of(ended);
    struct store_op *r = job->op;
    int result = job->result;
    if (r != NULL) {
        *job->ret = job->list;
        job->list = (struct stored_list){ .items = NULL };
    }
    job_free(job);
    if (r != NULL)
        op_finish(&r->op, result);
}

/* The job comes back all the same; nobody will be there. */
static void cancel_read(struct op *op)
{
    struct store_op *r = LIST_OF(op, struct store_op, op);
    ((struct sqlite_job *)r->own)->op = NULL;
    op_finish(op, OP_CANCELLED);
}

static bool copy_text(const char *from, const char **ret)
{
    *ret = mem_strdup(from);
    return from == NULL || *ret != NULL;
}

static bool copy_query(const struct store_query *from, struct store_query *ret)
{
    *ret = (struct store_query){ .limit = from->limit, .without_values = from->without_values };
    return copy_text(from->thread_id, &ret->thread_id) && copy_text(from->ns, &ret->ns) &&
           copy_text(from->id, &ret->id) && copy_text(from->before, &ret->before);
}

static void sqlite_read(struct store *s, struct loop *loop, struct store_op *r,
                        const struct store_query *query, struct stored_list *ret)
{
    struct sqlite_job *job = mem_zalloc(sizeof(*job));
    if (job == NULL || !copy_query(query, &job->query)) {
        if (job != NULL)
            job_free(job);
        op_finish(&r->op, err_trace(ERR_NOMEM));
        return;
    }
    job->is_read = true;
    job->op = r;
    job->ret = ret;
    r->own = job;
    r->op.cancel = cancel_read;
    service_put(((struct sqlite *)s)->service, loop, &job->job, read_ended);
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
    q->store = (struct store){ sqlite_commit, sqlite_read, sqlite_close };
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
