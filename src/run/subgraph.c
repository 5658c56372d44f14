/*
 * A task that is an execution of another graph. It begins with what the node sees, and what it
 * comes to is what the task comes to:
 *
 *     done          its output is the node's update
 *     interrupted   its questions are the node's; on the way back the execution goes on where it
 *                   stood, if it was kept
 *     left          commands for the parent: as if the node had returned them
 *     failed        the node has failed
 *
 * A cancelled task waits until the execution has let go of everything.
 */
#include "graph/subgraph.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include <string.h>

static struct run_task *task_of(struct task *task)
{
    return (struct run_task *)(void *)task;
}

static void fail_with(struct run_task *t, int r, struct fail *f)
{
    if (r < 0)
        fail_set_fault(f, r);
    fail_move(&t->fail, f);
    t->end = TASK_FAILED;
}

static void take_output(struct run_task *t, struct exec *child)
{
    struct fail f = { 0 };
    int r = subgraph_output(t->task.node->subgraph, t->exec->graph, child->at.state,
                            &t->outcome.update);

    if (r == 0)
        t->end = TASK_DONE;
    else
        fail_with(t, r, &f);
}

static void take_questions(struct run_task *t, struct exec *child)
{
    t->interrupts = json_incref(child->interrupts);
    t->end = TASK_INTERRUPTED;
}

static void take_commands(struct run_task *t, struct exec *child)
{
    struct fail f = { 0 };
    const json_t *command;
    size_t i;
    int r = 0;

    t->outcome.target_max = task_max_targets(&t->task);
    json_array_foreach(child->parent_command, i, command) {
        if (r == 0)
            r = outcome_add_command(&t->outcome, t->exec->graph, command, &f);
    }
    if (r == 0)
        t->end = TASK_DONE;
    else
        fail_with(t, r, &f);
}

static void take_failure(struct run_task *t, struct exec *child)
{
    fail_move(&t->fail, &child->fail);
    t->is_refused = child->is_refused;
    t->end = TASK_FAILED;
}

/* A task that was cancelled meanwhile takes no result, but it was this that it waited for. */
static void child_ended(struct exec *child)
{
    static void (*const takes[])(struct run_task *, struct exec *) = {
        [EXEC_DONE] = take_output,
        [EXEC_INTERRUPTED] = take_questions,
        [EXEC_FAILED] = take_failure,
        [EXEC_LEFT] = take_commands,
    };
    struct run_task *t = child->parent;

    if (run_task_takes_result(t))
        takes[child->end](t, child);
    t->child = exec_free(child);
    op_finish(&t->op, 0);
}

/* The place in the store: below the parent's; a subgraph with one state per thread has one place,
 * whatever task it is. */
static char *child_namespace(struct run_task *t, enum persistence persistence)
{
    const char *above = t->exec->ns;

    if (persistence != PERSIST_THREAD)
        return run_task_ns(t) == NULL ? NULL : mem_strdup(t->ns);
    char *ns = mem_printf("%s%s%s", above, above[0] == '\0' ? "" : "|", t->task.node->name);
    if (ns != NULL)
        namespace_strip(ns);
    return ns;
}

/*
 * With one state per thread, two tasks would begin at the same checkpoint, and what one of them
 * leaves would hide what the other did. The plan decides, not who is at work at this moment: so
 * neither the order of finishing nor a resume, in which one of them has finished long ago, changes
 * what is refused.
 *
 * Task ids are no part of such a namespace, on no level of it, so what counts is the same node
 * earlier in the same step, here or around this graph. NULL: there is none.
 */
static const struct node *find_rival(const struct run_task *t)
{
    for (; t != NULL; t = t->exec->parent)
        for (size_t i = 0; t->exec->tasks[i] != t; i++)
            if (t->exec->tasks[i]->task.node == t->task.node)
                return t->task.node;
    return NULL;
}

static bool is_kept(const struct run_task *t)
{
    return t->exec->run->is_kept && t->task.node->subgraph->persistence != PERSIST_NONE;
}

static bool refuse_rival(const struct run_task *t, struct fail *f)
{
    bool is_shared = is_kept(t) && t->task.node->subgraph->persistence == PERSIST_THREAD;
    const struct node *rival = is_shared ? find_rival(t) : NULL;

    if (rival != NULL)
        fail_set(f, FAIL_INVALID_UPDATE,
                 "the subgraph of node \"%s\" has one state per thread, which two tasks of node "
                 "\"%s\" in one step would both write; give it the persistence \"invocation\", or "
                 "let the tasks come one after the other",
                 t->task.node->name, rival->name);
    return rival != NULL;
}

static int start_child(struct run_task *t)
{
    const struct subgraph *sub = t->task.node->subgraph;
    char *ns MEM_AUTO(mem_freep) = child_namespace(t, sub->persistence);
    json_t *input = NULL;
    struct exec_options o = {
        .run = t->exec->run,
        .parent = t,
        .graph = sub->graph,
        .ns = ns,
        .is_kept = is_kept(t),
        .plain_answer = t->plain_answer,
        .is_resuming = t->exec->is_resuming || t->attempt_count > 1,
        .on_end = child_ended,
    };
    int r = ns == NULL ? err_trace(ERR_NOMEM)
                       : subgraph_input(sub, t->exec->graph, &t->task.scope, &input);

    o.input = input;
    if (r == 0)
        r = exec_start(&o, &t->child);
    json_decref(input);
    return r;
}

void run_task_subgraph_start(struct task *task)
{
    struct fail f = { 0 };

    if (refuse_rival(task_of(task), &f)) {
        task_fail(task, &f);
        return;
    }
    int r = start_child(task_of(task));
    if (r != 0)
        task_fault(task, r);
}

void run_task_subgraph_cancel(struct task *task)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_CANCELLED, "the node was cancelled");
    if (task_of(task)->child != NULL)
        exec_stop(task_of(task)->child, &f);
}
