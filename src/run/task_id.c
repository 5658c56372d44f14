/* What a task is called: its id and its namespace, made when somebody asks for them. */
#include "run/internal.h"
#include <string.h>

/* As it was planned, for the id. */
static struct planned planned_of(const struct run_task *t)
{
    return (struct planned){ .kind = t->kind,
                             .node = t->node,
                             .arg = t->arg,
                             .index = t->index,
                             .triggers = t->triggers,
                             .trigger_count = t->trigger_count };
}

/* A handler's id hangs on its task's. */
const char *run_task_id(struct run_task *t)
{
    if (t->id[0] != '\0')
        return t->id;
    if (t->failed != NULL) {
        const char *name = t->task.node->name;
        id_v5(run_task_id(t->failed), name, strlen(name), t->id);
    } else {
        struct planned p = planned_of(t);
        checkpoint_task_id(&t->exec->at, t->exec->ns, &p, t->id);
    }
    return t->id;
}

const char *run_task_ns(struct run_task *t)
{
    const char *name = t->node == NODE_START ? "__start__" : t->task.node->name;

    if (t->ns == NULL)
        t->ns = task_namespace(t->exec->ns, name, run_task_id(t));
    return t->ns;
}
