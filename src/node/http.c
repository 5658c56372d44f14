/*
 * `http`: one request.
 *
 *     start --render--> fetch --head, body--> on_end --> finish, or a failure
 *
 * The job outlives the task while a cancelled fetch has not come to its end.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "llm/upstream.h"
#include "node/http_answer.h"
#include "node/http_config.h"
#include "node/http_request.h"
#include "node/kit.h"

enum {
    REFUSED_MAX_BYTES = 4096, /* of an answer whose status is not ok: enough to quote from */
    MS_PER_S = 1000,
};

struct http_job {
    struct job job; /* is_busy: a fetch is under way */
    struct fetch *fetch;
    char *where; /* "GET host:port" */
    int status;  /* 0 until the head came */
    struct http_request request;
    struct buf body;
};

static const struct http_config *config_of(const struct task *task)
{
    return task->node->config;
}

/* The smaller of the node's and the setting's. */
static int64_t max_bytes_of(const struct task *task)
{
    int64_t most = task->services->conf->http_max_bytes;
    int64_t own = config_of(task)->max_bytes;
    return own > 0 && own < most ? own : most;
}

static void give_up(struct http_job *x, int r, struct fail *f)
{
    kit_end(job_take_task(&x->job), r, f);
}

/* ---- the answer ---- */

static void on_head(void *arg, int status)
{
    struct http_job *x = arg;
    x->status = status;
    if (x->job.task == NULL || http_status_is_ok(config_of(x->job.task), status))
        return;
    buf_deinit(&x->body);
    buf_init(&x->body, REFUSED_MAX_BYTES);
}

/* A fault is found in the buffer at the end. */
static void on_body(void *arg, const char *bytes, size_t len_bytes)
{
    struct http_job *x = arg;
    size_t room = x->body.max - x->body.len;
    (void)buf_add(&x->body, bytes, len_bytes < room ? len_bytes : room);
}

static int read_answer(struct http_job *x, const struct http_config *c, json_t **ret,
                       struct fail *f)
{
    const struct http_answer answer = {
        .where = x->where,
        .status = x->status,
        .retry_after_ms = upstream_retry_after_ms(fetch_header_find(x->fetch, "Retry-After"),
                                                  MS_PER_S, clock_wall_ms()),
        .body = &x->body,
        .request = &x->request,
        .max_depth = (int)x->job.task->services->conf->max_depth,
    };
    if (http_status_is_ok(c, x->status))
        return http_answer_value(&answer, c, ret, f);
    http_answer_refused(&answer, f);
    return KIT_E_FAILED;
}

/* A refusal says more than that its text was long or cut, so the status is looked at first. */
static int conclude(struct http_job *x, int result, json_t **ret, struct fail *f)
{
    const struct http_config *c = config_of(x->job.task);
    bool is_refused = x->status != 0 && !http_status_is_ok(c, x->status);
    if (result < 0 || x->body.fault < 0)
        return err_trace(result < 0 ? result : x->body.fault);
    if (result == 0 || is_refused)
        return read_answer(x, c, ret, f);
    http_answer_broken(result, fetch_error_text(x->fetch, result), f);
    return KIT_E_FAILED;
}

static void end_task(struct http_job *x, int result)
{
    struct fail f = { .code = FAIL_NONE };
    json_t *json = NULL;
    int r = conclude(x, result, &json, &f);
    if (r != 0) {
        give_up(x, r, &f);
        return;
    }
    struct task *task = job_take_task(&x->job);
    if (json == NULL)
        task_finish(task, NULL);
    else
        kit_finish_take(task, config_of(task)->output, json);
}

static void on_end(void *arg, int result)
{
    struct http_job *x = arg;
    if (x->job.task != NULL)
        end_task(x, result);
    x->fetch = NULL;
    job_idle(&x->job);
}

/* ---- the request ---- */

/* The headers stay: an answer may quote them. */
static int send_request(struct http_job *x)
{
    const struct http_request *req = &x->request;
    const struct task *task = x->job.task;
    const struct http_config *c = config_of(task);
    x->where = mem_printf("%s %.*s:%d", c->method, (int)req->host.len_bytes, req->host.name,
                          req->host.port);
    if (x->where == NULL)
        return err_trace(ERR_NOMEM);
    const struct fetch_request fetch = {
        .method = c->method,
        .url = buf_text(&req->url),
        .headers = req->headers,
        .header_count = req->header_count,
        .body = req->has_body ? buf_text(&req->body) : NULL,
        .body_len_bytes = req->body.len,
        .total_ms = task->services->conf->http_timeout_ms,
        .max_bytes = max_bytes_of(task),
        .on_head = on_head,
        .on_body = on_body,
        .on_end = on_end,
        .arg = x,
    };
    int r = fetch_start(task->services->fetcher, &fetch, &x->fetch);
    x->job.is_busy = r == 0;
    return r == 0 ? 0 : err_trace(r);
}

/* ---- the contract ---- */

static void job_free(struct job *job)
{
    struct http_job *x = (struct http_job *)job;
    http_request_deinit(&x->request);
    mem_free(x->where);
    buf_deinit(&x->body);
    mem_free(x);
}

static struct http_job *job_new(struct task *task)
{
    struct http_job *x = mem_zalloc(sizeof(*x));
    if (x == NULL)
        return NULL;
    x->job.task = task;
    x->job.free_it = job_free;
    buf_init(&x->body, (size_t)max_bytes_of(task));
    return x;
}

static void start(struct task *task)
{
    struct http_job *x = job_new(task);
    if (x == NULL) {
        task_fault(task, err_trace(ERR_NOMEM));
        return;
    }
    task->data = x;
    struct fail f = { .code = FAIL_NONE };
    int r = http_request_render(&x->request, task, &f);
    if (r == 0)
        r = send_request(x);
    buf_deinit(&x->request.body); /* the fetch has a copy */
    if (r != 0)
        give_up(x, r, &f);
}

static void cancel(struct task *task)
{
    struct http_job *x = task->data;
    if (x == NULL)
        return;
    (void)job_take_task(&x->job); /* on_end finds nobody who wants to know */
    if (x->fetch != NULL)
        op_cancel(fetch_op(x->fetch));
}

static void release(struct task *task)
{
    struct http_job *x = task->data;
    if (x == NULL)
        return;
    cancel(task);
    task->data = NULL;
    job_release(&x->job);
}

const struct node_kind node_http = {
    .name = "http",
    .summary = "Makes one HTTP request and writes its answer.",
    .configure = http_configure,
    .config_free = http_config_free,
    .start = start,
    .cancel = cancel,
    .release = release,
};
