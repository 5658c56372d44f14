/* Group commit. What is retried here failed for all at once: no room, no memory, a broken disk. */
#include "store/sqlite_group.h"
#include "base/log.h"

static struct sqlite_job *job_of(struct list *node)
{
    return LIST_OF(LIST_OF(node, struct service_job, node), struct sqlite_job, job);
}

static void clear_answer(struct sqlite_job *job)
{
    if (job->what != NULL)
        job->what->clear(&job->answer);
}

static void do_job(struct database *d, struct sqlite_job *job)
{
    if (job->what != NULL)
        job->result = database_find(d, job->what, &job->query, &job->answer, &job->paused);
    else
        job->result = database_apply(d, &job->batch, &job->note);
}

/* What was read may never have been committed, and with it all that a search has found so far. */
static void forget(struct sqlite_job *job)
{
    clear_answer(job);
    job->paused = search_free(job->paused);
    job->note.swept = 0;
    job->note.next_due_ms = 0;
}

static void fail_job(struct sqlite_job *job, int result)
{
    forget(job);
    job->result = result;
}

static void roll_back(struct database *d)
{
    if (sql_is_in_transaction(d))
        (void)sql_run(d, SQL_ROLLBACK, NULL, 0); /* ends the transaction whatever it answers */
}

static int end_transaction(struct database *d)
{
    int r = sql_run(d, SQL_COMMIT, NULL, 0);
    if (r != 0)
        roll_back(d);
    return r;
}

/* ---- one by one ---- */

static void do_alone(struct database *d, struct sqlite_job *job)
{
    int r = sql_run(d, SQL_BEGIN, NULL, 0);
    if (r == 0) {
        do_job(d, job);
        r = job->result;
    }
    if (r == 0)
        r = end_transaction(d);
    if (r == 0)
        return;
    roll_back(d);
    fail_job(job, r);
}

static void do_each_alone(struct database *d, struct list *jobs)
{
    LIST_EACH(jobs, node) {
        forget(job_of(node));
        do_alone(d, job_of(node));
    }
}

/* ---- together ---- */

/* False: the transaction is gone, and all that was done in it. */
static bool do_together(struct database *d, struct list *jobs)
{
    if (sql_run(d, SQL_BEGIN, NULL, 0) != 0)
        return false;
    LIST_EACH(jobs, node) {
        do_job(d, job_of(node));
        if (!sql_is_in_transaction(d))
            return false;
    }
    return end_transaction(d) == 0;
}

/* ---- the log ---- */

/* Of many commits that fail for one reason the first is told. */
static void tell_failure(struct database *d)
{
    if (d->told_code == d->code)
        return;
    d->told_code = d->code;
    log_error("database_failed", "database", d->path, "message", d->text, NULL);
}

static void tell_recovery(struct database *d)
{
    if (d->told_code != 0)
        log_warn("database_works_again", "database", d->path, NULL);
    d->told_code = 0;
}

static void tell(struct database *d, struct list *jobs)
{
    bool has_failed = false;
    bool has_worked = false;
    LIST_EACH(jobs, node) {
        const struct sqlite_job *job = job_of(node);
        has_failed |= job->result < 0 || job->result == STORE_E_FULL;
        has_worked |= job->what == NULL && job->result == 0 && job->batch.count > 0;
    }
    if (has_failed)
        tell_failure(d);
    else if (has_worked)
        tell_recovery(d);
}

void group_work(struct database *d, struct list *jobs)
{
    bool is_single = jobs->next == jobs->prev;
    d->code = 0;
    if (is_single)
        do_alone(d, job_of(jobs->next));
    else if (!do_together(d, jobs))
        do_each_alone(d, jobs);
    tell(d, jobs);
}
