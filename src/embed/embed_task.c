/*
 * A task of a C kind. Two sides hold it, and either may let go first:
 *
 *     the kind   until its finish or fail: is_ended
 *     the run    until it called release: is_released
 *
 * After a cancel or a timeout the run goes on at once, while a thread of the kind may still work;
 * what it brings then is dropped. When both have let go the task is freed at the end of the loop's
 * turn, so a second finish in the same callback does no harm.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "node/kit.h"
#include <string.h>

enum { MESSAGE_MAX_BYTES = 65536, TYPE_MAX_BYTES = 128 };

struct anabranch_task {
    struct list node; /* engine->tasks */
    struct loop_later later;
    const struct embed_kind *kind;
    struct task *task; /* NULL: the run does not want it any more */
    struct state *state;
    const struct node *of; /* in the graph that state holds */
    char *state_text;
    size_t state_len_bytes;
    void *data;
    bool is_ended;
    bool is_released;
};

static void task_free(void *object)
{
    struct anabranch_task *t = object;

    if (t->data != NULL && t->kind->api.data_free != NULL)
        t->kind->api.data_free(t->data);
    state_unref(t->state);
    mem_free(t->state_text);
    mem_free(t);
}

void embed_tasks_free(struct anabranch_engine *engine)
{
    LIST_EACH(&engine->tasks, node) {
        list_remove(node);
        task_free(LIST_OF(node, struct anabranch_task, node));
    }
}

static void let_go(struct anabranch_task *t)
{
    if (!t->is_ended || !t->is_released)
        return;
    list_remove(&t->node);
    loop_free_later(t->kind->engine->worker.loop, &t->later, task_free, t);
}

/* ---- the run's side ---- */

void embed_task_start(struct task *task)
{
    struct anabranch_task *t = mem_zalloc(sizeof(*t));

    if (t == NULL) {
        task_fault(task, ERR_NOMEM);
        return;
    }
    t->kind = task->node->kind->arg;
    t->task = task;
    t->state = state_ref((struct state *)task->scope.state); /* counted, not changed */
    t->of = task->node;
    list_add_tail(&t->kind->engine->tasks, &t->node);
    task->data = t;
    t->kind->api.start(t, embed_config(t->of));
}

void embed_task_cancel(struct task *task)
{
    struct anabranch_task *t = task->data;

    if (t == NULL)
        return;
    t->task = NULL;
    if (t->kind->api.cancel != NULL)
        t->kind->api.cancel(t, embed_config(t->of));
}

void embed_task_release(struct task *task)
{
    struct anabranch_task *t = task->data;

    if (t == NULL)
        return;
    t->task = NULL;
    t->is_released = true;
    let_go(t);
}

/* ---- the kind's side ---- */

const char *anabranch_task_node(const struct anabranch_task *task)
{
    return task->of->name;
}

const char *anabranch_task_state(struct anabranch_task *task, size_t *ret_len_bytes)
{
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, EMBED_UNBOUNDED);
    if (task->state_text == NULL) {
        state_encode(task->state, VIEW_ALL, &out);
        task->state_text = buf_take(&out, &task->state_len_bytes);
    }
    if (task->state_text != NULL && ret_len_bytes != NULL)
        *ret_len_bytes = task->state_len_bytes;
    return task->state_text;
}

void anabranch_task_set_data(struct anabranch_task *task, void *data)
{
    task->data = data;
}

void *anabranch_task_data(const struct anabranch_task *task)
{
    return task->data;
}

int anabranch_task_emit(struct anabranch_task *task, const char *text, size_t len_bytes)
{
    if (text == NULL && len_bytes > 0)
        return ANABRANCH_E_INVALID;
    if (task->is_ended || task->task == NULL)
        return ANABRANCH_E_CANCELLED;
    if (len_bytes > 0)
        task_emit(task->task, text, len_bytes);
    return 0;
}

static int parse_update(const struct task *task, const char *text, size_t len_bytes, json_t **ret,
                        struct fail *f)
{
    /* The object around the fields is one level more than what max_depth allows in a field. */
    int max_depth = (int)task->services->conf->max_depth + 1;
    struct jsonx_error error;
    int r;

    if (len_bytes > task_max_bytes(task)) {
        fail_set(f, FAIL_LIMIT,
                 "the node's update of %zu bytes is longer than the setting max_state_bytes allows",
                 len_bytes);
        return KIT_E_FAILED;
    }
    r = jsonx_parse(text, len_bytes, max_depth, ret, &error);
    if (r < 0)
        return err_trace(r);
    if (r > 0)
        fail_set(f, FAIL_INVALID_UPDATE, "the node's update is not JSON: line %d, column %d: %s",
                 error.line, error.column, error.message);
    else if (!json_is_object(*ret))
        fail_set(f, FAIL_INVALID_UPDATE, "the node's update must be a JSON object, not %s",
                 jsonx_type_name(*ret));
    return fail_is_set(f) ? KIT_E_FAILED : 0;
}

static void finish(struct task *task, const char *text, size_t len_bytes)
{
    struct update update MEM_AUTO(update_clear);
    struct fail f = { .code = FAIL_NONE };
    json_t *json = NULL;
    int r = 0;

    update_init(&update);
    if (text != NULL)
        r = parse_update(task, text, len_bytes, &json, &f);
    if (r == 0 && json != NULL)
        r = update_add_object(&update, task->graph, json);
    json_decref(json);
    if (r == 0)
        task_finish(task, &update);
    else
        kit_end(task, r, &f);
}

void anabranch_task_finish(struct anabranch_task *task, const char *update, size_t len_bytes)
{
    if (task->is_ended)
        return;
    task->is_ended = true;
    if (task->task != NULL)
        finish(task->task, update, len_bytes);
    let_go(task);
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
    task->is_ended = true;
    if (task->task != NULL)
        fail_with(task->task, type, message);
    let_go(task);
}
