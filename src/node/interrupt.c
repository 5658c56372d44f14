/*
 * `interrupt`: stops the run until a person has answered. Without an answer the task ends in
 * task_ask(), and is run again from its start when there is one.
 */
#include "base/err.h"
#include "base/mem.h"
#include "node/kit.h"

struct interrupt_config {
    struct jtemplate *value;
    int output; /* -1: the answer is not kept */
};

static int read_fields(struct setup *s, void *config)
{
    struct interrupt_config *c = config;
    c->output = setup_field(s, "output", false);
    int r = setup_jtemplate(s, "value", true, &c->value);
    return r == 0 ? 0 : err_trace(r);
}

static void config_free(void *config)
{
    struct interrupt_config *c = config;
    if (c != NULL)
        jtemplate_free(c->value);
    mem_free(c);
}

static int configure(struct setup *s, void **ret_config)
{
    return kit_configure(s, sizeof(struct interrupt_config), read_fields, config_free, ret_config);
}

/* A path to nothing asks with null: that a value is missing is no reason not to ask. */
static int render_value(const struct task *task, json_t **ret, struct fail *f)
{
    const struct interrupt_config *c = task->node->config;
    int r = kit_json(task, c->value, "value", ret, f);
    if (r == 0 && *ret == NULL)
        *ret = json_null();
    return r;
}

static void start(struct task *task)
{
    const struct interrupt_config *c = task->node->config;
    struct fail f = { .code = FAIL_NONE };
    json_t *value = NULL;
    int r = render_value(task, &value, &f);
    if (r != 0) {
        kit_end(task, r, &f);
        return;
    }
    const json_t *answer = task_ask(task, value);
    if (answer == NULL)
        return;
    if (c->output < 0)
        task_finish(task, NULL);
    else
        kit_finish_take(task, c->output, json_incref((json_t *)answer)); /* only counted */
}

static int answer_field(const void *config)
{
    return ((const struct interrupt_config *)config)->output;
}

const struct node_kind node_interrupt = {
    .name = "interrupt",
    .summary = "Stops for a person and goes on with the answer.",
    .configure = configure,
    .config_free = config_free,
    .answer_field = answer_field,
    .start = start,
};
