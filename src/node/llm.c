/*
 * `llm`: one streamed model call, or as many as there are fallbacks.
 *
 *     start --> call_model --deltas--> on_end --whole answer--------------------> finish
 *                  ^                     |----failed, nothing was shown yet--> `next` is ready
 *                  +---------------------+                                        |
 *                  +--------------------------------------------------------------+
 *
 * The job outlives the task while a cancelled call has not come to its end.
 */
#include "llm/llm.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/messages.h"
#include "loop/loop.h"
#include "node/kit.h"
#include "llm/answer.h"
#include "node/llm_config.h"
#include <string.h>

enum { MODEL_MAX_BYTES = 1024 };

struct llm_job {
    struct job job;        /* is_busy: a call is under way */
    struct loop_work next; /* calls the next model */
    struct llm_call *call; /* NULL = none */
    size_t tried_count;    /* models */
    struct buf model;      /* of this call, "provider:model" */
    struct buf system;
    json_t *messages;
    json_t *params; /* or NULL */
    struct answer answer;
    char id[KIT_MESSAGE_ID_BYTES]; /* of the call's message */
};

static const struct llm_config *config_of(const struct task *task)
{
    return task->node->config;
}

/* ---- the ends ---- */

static void give_up(struct llm_job *x, int r, struct fail *f)
{
    kit_end(job_take_task(&x->job), r, f);
}

/* Messages are written as a list, as programs for LangGraph write them: that is what the readers of
 * `updates` expect. */
static void finish(struct llm_job *x)
{
    struct task *task = job_take_task(&x->job);
    int output = config_of(task)->output;
    enum field_type type = task->graph->fields[output].type;
    const char *model = buf_text(&x->model);
    const char *colon = strchr(model, ':');
    json_t *json = answer_json(&x->answer, type, x->id, colon != NULL ? colon + 1 : model);
    if (json != NULL && type == FIELD_MESSAGES)
        json = json_pack("[o]", json);
    kit_finish_take(task, output, json);
}

/* ---- one call ---- */

/* A piece that cannot be kept is not shown either: what clients saw must be what is written. */
static void on_delta(void *arg, const struct llm_delta *delta)
{
    struct llm_job *x = arg;
    if (x->job.task == NULL)
        return;
    int r = answer_add(&x->answer, delta);
    if (r == 0) {
        task_message_delta(x->job.task, delta);
        return;
    }
    struct fail f = { .code = FAIL_NONE };
    if (r == ANSWER_E_FULL) {
        fail_set(&f, FAIL_LIMIT, "the model's answer passes %zu bytes, or has too many tool calls",
                 x->answer.max_bytes);
        r = KIT_E_FAILED;
    }
    llm_cancel(x->call);
    give_up(x, r, &f);
}

static bool can_other_model_help(enum fail_code code)
{
    return code >= FAIL_NO_PROVIDER && code <= FAIL_UP_TOO_LARGE;
}

/* After the first token a fallback would show clients two answers. */
static bool wants_next(const struct llm_job *x, const struct fail *f)
{
    return can_other_model_help(f->code) && !x->answer.has_output &&
           x->tried_count < config_of(x->job.task)->model_count;
}

static void on_end(void *arg, const struct fail *f)
{
    struct llm_job *x = arg;
    struct task *task = x->job.task;
    x->call = NULL;
    job_idle(&x->job); /* frees x if the task was released */
    if (task == NULL)
        return;
    if (f == NULL) {
        finish(x);
    } else if (wants_next(x, f)) {
        loop_ready(task->services->loop, &x->next);
    } else {
        struct fail copy = { .code = FAIL_NONE };
        fail_copy(&copy, f);
        give_up(x, KIT_E_FAILED, &copy);
    }
}

/* An empty name, such as that of a `$config` key that a client left out, means the default, too. */
static int choose_model(struct llm_job *x, struct fail *f)
{
    const struct task *task = x->job.task;
    const struct llm_config *c = config_of(task);
    buf_clear(&x->model);
    if (x->tried_count < c->model_count)
        template_render(c->models[x->tried_count], &task->scope, ESCAPE_NONE, &x->model);
    x->tried_count++;
    if (x->model.len == 0 && x->model.fault == 0)
        (void)buf_add_str(&x->model, task->services->conf->default_model); /* sticky */
    return kit_check(&x->model, "model", f);
}

static int call_model(struct llm_job *x, struct fail *f)
{
    struct task *task = x->job.task;
    const struct llm_config *c = config_of(task);
    int r = choose_model(x, f);
    if (r != 0)
        return r;
    answer_clear(&x->answer);
    kit_message_id(x->id);
    task_message_begin(task, x->id, buf_text(&x->model));
    struct llm_request req = {
        .voice = task->node->name,
        .system = x->system.len > 0 ? buf_text(&x->system) : NULL,
        .messages = x->messages,
        .temperature = c->temperature,
        .max_tokens = c->max_tokens,
        .params = x->params,
        .on_delta = on_delta,
        .on_end = on_end,
        .arg = x,
    };
    r = llm_start(task->services->models, buf_text(&x->model), &req, &x->call);
    x->job.is_busy = r == 0;
    return r == 0 ? 0 : err_trace(r);
}

static void call_next(void *arg)
{
    struct llm_job *x = arg;
    struct fail f = { .code = FAIL_NONE };
    int r = call_model(x, &f);
    if (r != 0)
        give_up(x, r, &f);
}

/* ---- what is asked ---- */

static int ask_prompt(struct llm_job *x, struct fail *f)
{
    const struct task *task = x->job.task;
    struct buf text;
    buf_init(&text, task_max_bytes(task));
    template_render(config_of(task)->prompt, &task->scope, ESCAPE_NONE, &text);
    int r = kit_check(&text, "prompt", f);
    if (r == 0) {
        x->messages = json_pack("[{s:s,s:s}]", "type", "human", "content", buf_text(&text));
        r = x->messages == NULL ? err_trace(ERR_NOMEM) : 0;
    }
    buf_deinit(&text);
    return r;
}

/* A field of type messages is flat already; an array, and a list that was sent to the node, hold
 * whatever form their writer liked. */
static int flatten(struct llm_job *x, const json_t *any, struct fail *f)
{
    x->messages = json_array();
    int r = x->messages == NULL ? ERR_NOMEM : 0;
    for (size_t i = 0; i < json_array_size(any) && r == 0; i++) {
        json_t *message;
        r = message_coerce(json_array_get(any, i), &message, f);
        if (r == MESSAGES_E_REFUSED)
            return KIT_E_FAILED;
        if (r == 0)
            r = json_array_append_new(x->messages, message) == 0 ? 0 : ERR_NOMEM;
    }
    return r == 0 ? 0 : err_trace(r);
}

static int ask_messages(struct llm_job *x, struct fail *f)
{
    const struct task *task = x->job.task;
    int index = config_of(task)->messages;
    const struct field *field = &task->graph->fields[index];
    const json_t *list = scope_find(&task->scope, field->name);
    if (json_array_size(list) == 0) {
        fail_set(f, FAIL_INPUT, "\"%s\" is empty: a model call needs at least one message",
                 field->name);
        return KIT_E_FAILED;
    }
    if (field->type != FIELD_MESSAGES || task->scope.input != NULL)
        return flatten(x, list, f);
    x->messages = json_incref((json_t *)list); /* only counted */
    return 0;
}

static int prepare(struct llm_job *x, struct fail *f)
{
    const struct task *task = x->job.task;
    const struct llm_config *c = config_of(task);
    if (c->system != NULL)
        template_render(c->system, &task->scope, ESCAPE_NONE, &x->system);
    int r = kit_check(&x->system, "system", f);
    if (r == 0)
        r = c->prompt != NULL ? ask_prompt(x, f) : ask_messages(x, f);
    if (r == 0 && c->params != NULL)
        r = kit_json(task, c->params, "params", &x->params, f);
    return r;
}

/* ---- the contract ---- */

static void job_free(struct job *job)
{
    struct llm_job *x = (struct llm_job *)job;
    buf_deinit(&x->model);
    buf_deinit(&x->system);
    json_decref(x->messages);
    json_decref(x->params);
    answer_deinit(&x->answer);
    mem_free(x);
}

static struct llm_job *job_new(struct task *task)
{
    struct llm_job *x = mem_zalloc(sizeof(*x));
    if (x == NULL)
        return NULL;
    x->job.task = task;
    x->job.free_it = job_free;
    loop_work_init(&x->next, call_next, x);
    buf_init(&x->model, MODEL_MAX_BYTES);
    buf_init(&x->system, task_max_bytes(task));
    answer_init(&x->answer, task_max_bytes(task));
    return x;
}

static void start(struct task *task)
{
    struct llm_job *x = job_new(task);
    if (x == NULL) {
        task_fault(task, err_trace(ERR_NOMEM));
        return;
    }
    task->data = x;
    struct fail f = { .code = FAIL_NONE };
    int r = prepare(x, &f);
    if (r == 0)
        r = call_model(x, &f);
    if (r != 0)
        give_up(x, r, &f);
}

static void cancel(struct task *task)
{
    struct llm_job *x = task->data;
    if (x == NULL)
        return;
    (void)job_take_task(&x->job); /* on_end finds nobody who wants to know */
    loop_work_cancel(&x->next);
    if (x->call != NULL)
        llm_cancel(x->call);
}

static void release(struct task *task)
{
    struct llm_job *x = task->data;
    if (x == NULL)
        return;
    cancel(task);
    task->data = NULL;
    job_release(&x->job);
}

const struct node_kind node_llm = {
    .name = "llm",
    .summary = "Calls a chat model and streams its answer.",
    .configure = llm_configure,
    .config_free = llm_config_free,
    .start = start,
    .cancel = cancel,
    .release = release,
};
