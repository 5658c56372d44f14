/* The task's side of the contract with the run. Kinds never call the run's functions themselves. */
#include "node/node.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "node/kit.h"

enum { DELTA_MAX_BYTES = 65536 }; /* what struct llm_delta allows for one piece of text */

void task_decide(struct task *task, struct outcome *outcome)
{
    task->ops->finish(task, outcome);
    outcome_clear(outcome);
}

void task_finish(struct task *task, struct update *update)
{
    struct outcome outcome = { .parent = NULL };
    if (update != NULL)
        update_move(&outcome.update, update);
    task_decide(task, &outcome);
}

void task_fail(struct task *task, struct fail *f)
{
    task->ops->fail(task, f);
    fail_clear(f);
}

void task_fault(struct task *task, int fault)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set_fault(&f, fault);
    task_fail(task, &f);
}

const json_t *task_ask(struct task *task, json_t *value)
{
    if (value != NULL)
        return task->ops->ask(task, value);
    task_fault(task, err_trace(ERR_NOMEM));
    return NULL;
}

void task_custom(struct task *task, json_t *value)
{
    if (value != NULL)
        task->ops->custom(task, value);
}

void task_progress(struct task *task)
{
    task->ops->progress(task);
}

void task_subgraph_start(struct task *task)
{
    task->ops->subgraph_start(task);
}

void task_subgraph_cancel(struct task *task)
{
    task->ops->subgraph_cancel(task);
}

void task_message_begin(struct task *task, const char *id, const char *model)
{
    task->has_message = true;
    task->ops->message_begin(task, id, model);
}

void task_message_delta(struct task *task, const struct llm_delta *delta)
{
    task->ops->message_delta(task, delta);
}

void task_message_open(struct task *task, const char *id, const char *model)
{
    task->has_message = true;
    task->ops->message_open(task, id, model);
}

void task_message_use(struct task *task, const char *id)
{
    task->ops->message_use(task, id);
}

void task_message_close(struct task *task, const char *id)
{
    task->ops->message_close(task, id);
}

static void emit_piece(struct task *task, const char *text, size_t len_bytes)
{
    struct llm_delta delta = { .type = LLM_TEXT, .text = text, .len_bytes = len_bytes };
    task_message_delta(task, &delta);
}

static size_t valid_prefix(const char *text, size_t len_bytes)
{
    return jsonx_utf8_prefix(text, len_bytes < DELTA_MAX_BYTES ? len_bytes : DELTA_MAX_BYTES);
}

void task_emit(struct task *task, const char *text, size_t len_bytes)
{
    if (len_bytes > 0 && !task->has_message) {
        char id[KIT_MESSAGE_ID_BYTES];
        kit_message_id(id);
        task_message_begin(task, id, "");
    }
    const char *end = text + len_bytes;
    while (text < end) {
        size_t piece = valid_prefix(text, (size_t)(end - text));
        if (piece > 0) {
            emit_piece(task, text, piece);
            text += piece;
            continue;
        }
        /* A caller's broken bytes must not break every reader's JSON: a run of them becomes one
         * U+FFFD. */
        while (text < end && valid_prefix(text, (size_t)(end - text)) == 0)
            text++;
        emit_piece(task, "\xef\xbf\xbd", 3);
    }
}

const char *task_id(struct task *task)
{
    return task->ops->id(task);
}

const char *task_ns(struct task *task)
{
    return task->ops->ns(task);
}

size_t task_max_bytes(const struct task *task)
{
    return (size_t)task->services->conf->max_state_bytes;
}

size_t task_max_targets(const struct task *task)
{
    return (size_t)task->services->conf->max_tasks;
}
