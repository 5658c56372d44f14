/*
 * How a task of a C kind lives, and what it sees.
 *
 * After a cancel or a timeout the run goes on at once, while a thread of the kind may still work;
 * what it brings then is dropped. When both sides have let go the task is freed at the end of the
 * loop's turn, so a second finish in the same callback does no harm.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "embed/embed.h"
#include <string.h>

static void sight_clear(struct embed_sight *s)
{
    json_decref(s->json);
    mem_free(s->text);
}

static void task_free(void *object)
{
    struct anabranch_task *t = object;

    if (t->data != NULL && t->kind->api.data_free != NULL)
        t->kind->api.data_free(t->data);
    for (size_t i = 0; i < t->answer_count; i++)
        mem_free(t->answers[i]);
    mem_free(t->answers);
    json_decref(t->arg);
    json_decref(t->extra);
    sight_clear(&t->context);
    sight_clear(&t->config);
    sight_clear(&t->facts);
    state_unref(t->state);
    mem_free(t->state_text);
    mem_free(t->input_text);
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

void embed_task_end(struct anabranch_task *t)
{
    t->is_ended = true;
    let_go(t);
}

/* ---- the run's side ---- */

/* The state is counted and the JSON shared: nobody changes either. */
static void keep_what_it_sees(struct anabranch_task *t, struct task *task)
{
    t->state = state_ref((struct state *)task->scope.state);
    t->arg = json_incref((json_t *)task->scope.input);
    t->extra = json_incref((json_t *)task->scope.extra);
    t->context.json = json_incref((json_t *)task->scope.context);
    t->config.json = json_incref((json_t *)task->scope.configurable);
    t->facts.json = json_incref((json_t *)task->scope.facts);
    t->of = task->node;
    memcpy(t->id, task_id(task), ID_BYTES);
}

void embed_task_start(struct task *task)
{
    struct anabranch_task *t = mem_zalloc(sizeof(*t));

    if (t == NULL) {
        task_fault(task, ERR_NOMEM);
        return;
    }
    t->kind = task->node->kind->arg;
    t->task = task;
    keep_what_it_sees(t, task);
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

const char *anabranch_task_id(const struct anabranch_task *task)
{
    return task->id;
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

/* Not with json_copy(): that one hides an allocation that failed. */
static json_t *with_extra(const json_t *input, const json_t *extra)
{
    json_t *all = json_object();

    if (all != NULL && json_object_update(all, (json_t *)input) == 0 &&
        json_object_update(all, (json_t *)extra) == 0)
        return all;
    json_decref(all);
    return NULL;
}

static char *input_text(const struct anabranch_task *t, size_t *ret_len_bytes)
{
    const struct scope scope = { .graph = state_graph(t->state),
                                 .state = t->state,
                                 .input = t->arg };
    json_t *input = scope_input(&scope);
    char *text;

    if (json_is_object(input) && t->extra != NULL) {
        json_t *all = with_extra(input, t->extra);
        json_decref(input);
        input = all;
    }
    text = input == NULL ? NULL : jsonx_text(input, EMBED_UNBOUNDED, ret_len_bytes);
    json_decref(input);
    return text;
}

const char *anabranch_task_input(struct anabranch_task *task, size_t *ret_len_bytes)
{
    if (task->input_text == NULL)
        task->input_text = input_text(task, &task->input_len_bytes);
    if (task->input_text != NULL && ret_len_bytes != NULL)
        *ret_len_bytes = task->input_len_bytes;
    return task->input_text;
}

static const char *look(struct embed_sight *s, size_t *ret_len_bytes)
{
    if (s->text == NULL && s->json == NULL)
        s->json = json_object();
    if (s->text == NULL && s->json != NULL)
        s->text = jsonx_text(s->json, EMBED_UNBOUNDED, &s->len_bytes);
    if (s->text != NULL && ret_len_bytes != NULL)
        *ret_len_bytes = s->len_bytes;
    return s->text;
}

const char *anabranch_task_context(struct anabranch_task *task, size_t *ret_len_bytes)
{
    return look(&task->context, ret_len_bytes);
}

const char *anabranch_task_config(struct anabranch_task *task, size_t *ret_len_bytes)
{
    return look(&task->config, ret_len_bytes);
}

const char *anabranch_task_facts(struct anabranch_task *task, size_t *ret_len_bytes)
{
    return look(&task->facts, ret_len_bytes);
}

void anabranch_task_set_data(struct anabranch_task *task, void *data)
{
    task->data = data;
}

void *anabranch_task_data(const struct anabranch_task *task)
{
    return task->data;
}
