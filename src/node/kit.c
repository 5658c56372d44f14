/* Small things that every kind would otherwise write again, each a little differently. */
#include "node/kit.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

int kit_configure(struct setup *s, size_t size_bytes, int (*read)(struct setup *s, void *config),
                  void (*free_it)(void *config), void **ret_config)
{
    void *config = mem_zalloc(size_bytes);
    if (config == NULL)
        return err_trace(ERR_NOMEM);
    int r = read(s, config);
    if (r != 0) {
        free_it(config);
        return err_trace(r);
    }
    *ret_config = config;
    return 0;
}

int kit_check(const struct buf *b, const char *key, struct fail *f)
{
    if (b->fault != BUF_E_FULL)
        return b->fault == 0 ? 0 : err_trace(b->fault);
    fail_set(f, FAIL_LIMIT, "\"%s\" renders to more than %zu bytes", key, b->max);
    return KIT_E_FAILED;
}

int kit_json(const struct task *task, const struct jtemplate *t, const char *key, json_t **ret,
             struct fail *f)
{
    int r = jtemplate_render(t, &task->scope, task_max_bytes(task), ret);
    if (r != BUF_E_FULL)
        return r == 0 ? 0 : err_trace(r);
    fail_set(f, FAIL_LIMIT, "\"%s\" renders to more than %zu bytes", key, task_max_bytes(task));
    return KIT_E_FAILED;
}

void kit_end(struct task *task, int r, struct fail *f)
{
    if (r == KIT_E_FAILED)
        task_fail(task, f);
    else
        task_fault(task, r);
}

void kit_finish_take(struct task *task, int field, json_t *json)
{
    struct update update;
    struct value *value;
    update_init(&update);
    int r = json == NULL ? ERR_NOMEM : value_new_take(json, &value);
    if (r == 0)
        r = update_add_take(&update, field, value);
    if (r == 0)
        task_finish(task, &update);
    else
        task_fault(task, r);
    update_clear(&update);
}

void kit_message_id(char ret[KIT_MESSAGE_ID_BYTES])
{
    static const char prefix[4] = { 'r', 'u', 'n', '-' };
    memcpy(ret, prefix, sizeof(prefix));
    id_v4(ret + sizeof(prefix));
}

struct task *job_take_task(struct job *job)
{
    struct task *task = job->task;
    job->task = NULL;
    return task;
}

void job_release(struct job *job)
{
    job->task = NULL;
    job->is_released = true;
    if (!job->is_busy)
        job->free_it(job);
}

void job_idle(struct job *job)
{
    job->is_busy = false;
    if (job->is_released)
        job->free_it(job);
}
