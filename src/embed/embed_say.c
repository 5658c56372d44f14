/*
 * What a task of a C kind says: text, events, questions and how it ends. Nobody listens after a
 * cancel (task->task is NULL), and after its end it has nothing to say.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "node/kit.h"
#include <string.h>

enum {
    MESSAGE_MAX_BYTES = 65536,
    TYPE_MAX_BYTES = 128,
    /* A list of Commands with a list of Sends around what a field or an argument holds. */
    RESULT_EXTRA_DEPTH = 5
};

static bool is_heard(const struct anabranch_task *t)
{
    return !t->is_ended && t->task != NULL;
}

/* ---- on the way ---- */

int anabranch_task_emit(struct anabranch_task *task, const char *text, size_t len_bytes)
{
    if (text == NULL && len_bytes > 0)
        return ANABRANCH_E_INVALID;
    if (!is_heard(task))
        return ANABRANCH_E_CANCELLED;
    if (len_bytes > 0)
        task_emit(task->task, text, len_bytes);
    return 0;
}

int anabranch_task_custom(struct anabranch_task *task, const char *value, size_t len_bytes)
{
    const struct conf *conf = &task->kind->engine->conf;
    struct jsonx_error error;
    json_t *json = NULL;
    int r;

    if (!is_heard(task))
        return ANABRANCH_E_CANCELLED;
    if (value == NULL)
        return embed_wrong("task_custom", "value", "there is none");
    if (len_bytes > task_max_bytes(task->task))
        return embed_wrong("task_custom", "value",
                           "longer than the setting max_state_bytes allows");
    r = jsonx_parse(value, len_bytes, (int)conf->max_depth, &json, &error);
    if (r < 0)
        return err_trace(r);
    if (r > 0)
        return embed_wrong("task_custom", "value", error.message);
    task_custom(task->task, json);
    return 0;
}

int anabranch_task_progress(struct anabranch_task *task)
{
    if (!is_heard(task))
        return ANABRANCH_E_CANCELLED;
    task_progress(task->task);
    return 0;
}

/* ---- JSON that the task ends for if it is wrong ---- */

struct said {
    const char *what; /* "result" */
    enum fail_code wrong;
    int extra_depth;
};
static const struct said a_result = { "result", FAIL_INVALID_UPDATE, RESULT_EXTRA_DEPTH };
static const struct said a_question = { "question", FAIL_NODE, 0 };

static int parse(const struct task *task, const struct said *said, const char *text,
                 size_t len_bytes, json_t **ret, struct fail *f)
{
    int max_depth = (int)task->services->conf->max_depth + said->extra_depth;
    struct jsonx_error error;
    int r;

    if (len_bytes > task_max_bytes(task)) {
        fail_set(f, FAIL_LIMIT,
                 "the node's %s of %zu bytes is longer than the setting max_state_bytes allows",
                 said->what, len_bytes);
        return KIT_E_FAILED;
    }
    r = jsonx_parse(text, len_bytes, max_depth, ret, &error);
    if (r <= 0)
        return r == 0 ? 0 : err_trace(r);
    fail_set(f, said->wrong, "the node's %s is not JSON: line %d, column %d: %s", said->what,
             error.line, error.column, error.message);
    return KIT_E_FAILED;
}

/* ---- questions ---- */

static const json_t *ask(struct task *task, const char *text, size_t len_bytes)
{
    struct fail f = { .code = FAIL_NONE };
    json_t *question = NULL;
    int r = 0;

    if (text == NULL)
        question = json_null();
    else
        r = parse(task, &a_question, text, len_bytes, &question, &f);
    if (r == 0)
        return task_ask(task, question);
    kit_end(task, r, &f);
    return NULL;
}

/* A kind may ask twice and then use both answers, so all of them stay. */
static const char *keep_answer(struct anabranch_task *t, const json_t *answer,
                               size_t *ret_len_bytes)
{
    char **grown = mem_realloc(t->answers, (t->answer_count + 1) * sizeof(*grown));
    char *text;

    if (grown == NULL)
        return NULL;
    t->answers = grown;
    text = jsonx_text(answer, EMBED_UNBOUNDED, ret_len_bytes);
    if (text != NULL)
        t->answers[t->answer_count++] = text;
    return text;
}

const char *anabranch_task_ask(struct anabranch_task *task, const char *question, size_t len_bytes,
                               size_t *ret_len_bytes)
{
    const json_t *answer = is_heard(task) ? ask(task->task, question, len_bytes) : NULL;
    const char *text = NULL;
    size_t text_len_bytes = 0;

    if (answer != NULL) {
        text = keep_answer(task, answer, &text_len_bytes);
        if (text == NULL)
            task_fault(task->task, ERR_NOMEM);
    }
    if (text == NULL && !task->is_ended)
        embed_task_end(task);
    if (text != NULL && ret_len_bytes != NULL)
        *ret_len_bytes = text_len_bytes;
    return text;
}

/* ---- the end ---- */

static void finish(struct task *task, const char *text, size_t len_bytes)
{
    struct outcome outcome = { .target_max = task_max_targets(task) };
    struct fail f = { .code = FAIL_NONE };
    json_t *json = NULL;
    int r = 0;

    if (text != NULL)
        r = parse(task, &a_result, text, len_bytes, &json, &f);
    if (r == 0 && json != NULL)
        r = outcome_add_result(&outcome, task->graph, task->node->name, json, &f);
    json_decref(json);
    if (r == 0)
        task_decide(task, &outcome);
    else
        kit_end(task, r < 0 ? r : KIT_E_FAILED, &f);
    outcome_clear(&outcome);
}

void anabranch_task_finish(struct anabranch_task *task, const char *result, size_t len_bytes)
{
    if (task->is_ended)
        return;
    if (task->task != NULL)
        finish(task->task, result, len_bytes);
    embed_task_end(task);
}

/* As much of a program's text as can stand in JSON. */
static size_t fit(const char *text, size_t max_bytes)
{
    return text == NULL ? 0 : jsonx_utf8_prefix(text, strnlen(text, max_bytes));
}

static void fail_with(struct task *task, const char *type, const char *message)
{
    struct fail f = { .code = FAIL_NODE }; /* without a message: the sentence of the table */
    size_t type_len = fit(type, TYPE_MAX_BYTES);
    size_t message_len = fit(message, MESSAGE_MAX_BYTES);
    char copy[TYPE_MAX_BYTES + 1] = { 0 };

    if (message_len > 0)
        fail_set(&f, FAIL_NODE, "%.*s", (int)message_len, message);
    if (type_len > 0) {
        memcpy(copy, type, type_len);
        fail_set_type(&f, copy);
    }
    task_fail(task, &f);
}

void anabranch_task_fail(struct anabranch_task *task, const char *type, const char *message)
{
    if (task->is_ended)
        return;
    if (task->task != NULL)
        fail_with(task->task, type, message);
    embed_task_end(task);
}
