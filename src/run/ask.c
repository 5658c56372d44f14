/* interrupt() in a task: the k-th question gets the k-th answer. What has none yet ends the attempt;
 * the task runs again from its start when there is one. */
#include "base/err.h"
#include "run/internal.h"

static void refuse(struct run_task *t)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_UNPROCESSABLE,
             "node \"%s\" asks with interrupt(), which needs a thread to come back to: start the "
             "run with a \"thread_id\" (MISSING_CHECKPOINTER)",
             t->task.node->name);
    task_fail(&t->task, &f);
}

static void ask(struct run_task *t, size_t index, json_t *value)
{
    char id[ID_BYTES];

    if (run_task_ns(t) == NULL) {
        task_fault(&t->task, ERR_NOMEM);
        return;
    }
    interrupt_id(t->ns, index, id);
    json_decref(t->interrupts);
    t->interrupts = json_pack("[{s:s, s:O}]", "id", id, "value", value);
    if (t->interrupts == NULL) {
        task_fault(&t->task, ERR_NOMEM);
        return;
    }
    t->end = TASK_INTERRUPTED;
    run_task_end(t);
}

/* The plain answer goes to the first question that has none. */
static int take_plain(struct run_task *t)
{
    json_t *plain = t->plain_answer;

    t->plain_answer = NULL;
    for (struct run_task *u = t; u != NULL; u = u->exec->parent)
        u->has_taken_plain = true;
    if (t->answers == NULL)
        t->answers = json_array();
    return json_array_append_new(t->answers, plain) == 0 ? 0 : err_trace(ERR_NOMEM);
}

const json_t *run_task_ask(struct task *task, json_t *take)
{
    struct run_task *t = (struct run_task *)(void *)task;
    json_t *value = take;
    const json_t *answer = NULL;

    if (run_task_takes_result(t)) {
        size_t index = t->asked_count++;
        if (index >= json_array_size(t->answers) && t->plain_answer != NULL && take_plain(t) != 0)
            task_fault(task, ERR_NOMEM);
        else if ((answer = json_array_get(t->answers, index)) == NULL && !t->exec->run->is_kept)
            refuse(t);
        else if (answer == NULL)
            ask(t, index, value);
    }
    json_decref(value);
    return answer;
}
