/* `set`: writes values that are made of the state. */
#include "base/mem.h"
#include "node/kit.h"
#include "node/writes.h"

static int read_fields(struct setup *s, void *config)
{
    return writes_read(s, true, config);
}

static void config_free(void *config)
{
    if (config != NULL)
        writes_deinit(config);
    mem_free(config);
}

static int configure(struct setup *s, void **ret_config)
{
    return kit_configure(s, sizeof(struct writes), read_fields, config_free, ret_config);
}

static void start(struct task *task)
{
    writes_finish(task->node->config, task);
}

const struct node_kind node_set = {
    .name = "set",
    .summary = "Writes values into the state.",
    .configure = configure,
    .config_free = config_free,
    .start = start,
};
