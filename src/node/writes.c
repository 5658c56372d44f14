#include "node/writes.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/kit.h"

int writes_read(struct setup *s, bool required, struct writes *w)
{
    int r = setup_writes(s, "values", required, &w->fields, &w->values, &w->count);
    return r == 0 ? 0 : err_trace(r);
}

void writes_deinit(struct writes *w)
{
    for (size_t i = 0; i < w->count; i++)
        jtemplate_free(w->values[i]);
    mem_free(w->values);
    mem_free(w->fields);
    *w = (struct writes){ .count = 0 };
}

static int render_one(const struct writes *w, size_t i, const struct task *task,
                      struct update *update, struct fail *f)
{
    json_t *json = NULL;
    struct value *value;
    int r = kit_json(task, w->values[i], "values", &json, f);
    if (r != 0 || json == NULL)
        return r;
    r = value_new_take(json, &value);
    if (r == 0)
        r = update_add_take(update, w->fields[i], value);
    return r == 0 ? 0 : err_trace(r);
}

void writes_finish(const struct writes *w, struct task *task)
{
    struct fail f = { .code = FAIL_NONE };
    struct update update;
    update_init(&update);
    int r = 0;
    for (size_t i = 0; i < w->count && r == 0; i++)
        r = render_one(w, i, task, &update, &f);
    if (r == 0)
        task_finish(task, &update);
    else
        kit_end(task, r, &f);
    update_clear(&update);
}
