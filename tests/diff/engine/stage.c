/* Visits are looked for from end to end: a case has a few hundred at most. */
#include "stage.h"
#include "base/buf.h"
#include "base/mem.h"
#include "must.h"
#include <string.h>

#define HANDLER "__error_handler__"
enum { PATH_MAX_BYTES = 1 << 16 };

void stage_init(struct stage *stage, const json_t *script)
{
    *stage = (struct stage){ .script = script, .started = must(json_object()) };
    list_init(&stage->visits);
    list_init(&stage->waiting);
}

void stage_deinit(struct stage *stage)
{
    LIST_EACH(&stage->visits, node) {
        struct visit *v = LIST_OF(node, struct visit, node);

        list_remove(node);
        mem_free(v->key);
        json_decref(v->failed);
        mem_free(v);
    }
    json_decref(stage->started);
}

/* "sub:<id>|__error_handler__a:<id>" -> "sub/a!" */
static char *path_of(const char *ns)
{
    struct buf path;

    buf_init(&path, PATH_MAX_BYTES);
    while (ns != NULL) {
        bool is_handler = strncmp(ns, HANDLER, strlen(HANDLER)) == 0;
        const char *name = is_handler ? ns + strlen(HANDLER) : ns;

        buf_add_str(&path, path.len > 0 ? "/" : "");
        buf_add(&path, name, strcspn(name, ":|"));
        buf_add_str(&path, is_handler ? "!" : "");
        ns = strchr(ns, '|');
        ns = ns == NULL ? NULL : ns + 1;
    }
    return must(buf_take(&path, NULL));
}

/* The last visit serves all later ones. */
static const json_t *actions_of(struct stage *stage, const char *path)
{
    const json_t *visits = json_object_get(stage->script, path);
    json_int_t at = json_integer_value(json_object_get(stage->started, path));
    json_int_t last = (json_int_t)json_array_size(visits) - 1;

    must_do(json_object_set_new(stage->started, path, json_integer(at + 1)));
    return last < 0 ? NULL : json_array_get(visits, (size_t)(at < last ? at : last));
}

static struct visit *add_visit(struct stage *stage, const char *path, char *key)
{
    struct visit *v = must(mem_zalloc(sizeof(*v)));

    v->key = key;
    v->actions = actions_of(stage, path);
    v->failed = must(json_array());
    list_add_tail(&stage->visits, &v->node);
    return v;
}

struct visit *stage_visit(struct stage *stage, struct task *task)
{
    char *path MEM_AUTO(mem_freep) = path_of(task_ns(task));
    char *key = must(mem_printf("%s %s", path, task_id(task)));

    LIST_EACH(&stage->visits, node) {
        struct visit *v = LIST_OF(node, struct visit, node);

        if (strcmp(v->key, key) != 0)
            continue;
        mem_free(key);
        return v;
    }
    return add_visit(stage, path, key);
}

bool visit_fails(struct visit *visit, size_t action, json_int_t times)
{
    json_int_t before;

    while (json_array_size(visit->failed) <= action)
        must_do(json_array_append_new(visit->failed, json_integer(0)));
    before = json_integer_value(json_array_get(visit->failed, action));
    if (before >= times)
        return false;
    must_do(json_array_set_new(visit->failed, action, json_integer(before + 1)));
    return true;
}
