/* Members that say where an event comes from; the same in message events and in mode `events`. */
#include "run/about.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <string.h>

/* ---- members ---- */

void about_key(struct buf *out, const char *key)
{
    if (out->len > 0 && out->data[out->len - 1] != '{')
        buf_add_char(out, ',');
    jsonx_encode_string(key, strlen(key), out);
    buf_add_char(out, ':');
}

void about_text(struct buf *out, const char *key, const char *value)
{
    about_key(out, key);
    jsonx_encode_string(value, strlen(value), out);
}

static void begin_item(struct buf *out)
{
    if (out->len > 0 && out->data[out->len - 1] != '[')
        buf_add_char(out, ',');
}

static void add_items(struct buf *out, const char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        begin_item(out);
        jsonx_encode_string(items[i], strlen(items[i]), out);
    }
}

void about_list(struct buf *out, const char *key, const char *const *items, size_t count)
{
    about_key(out, key);
    buf_add_char(out, '[');
    add_items(out, items, count);
    buf_add_char(out, ']');
}

/* ---- the run ---- */

void about_tags(struct buf *out, const struct run *run, const struct node *node, int64_t step)
{
    const json_t *tag;
    size_t i;

    about_key(out, "tags");
    buf_add_char(out, '[');
    if (node != NULL)
        add_items(out, (const char *const *)node->tags, node->tag_count);
    json_array_foreach(run->tags, i, tag) {
        begin_item(out);
        jsonx_encode(tag, out);
    }
    if (step > 0) {
        begin_item(out);
        buf_addf(out, "\"graph:step:%lld\"", (long long)step);
    }
    buf_add_char(out, ']');
}

/* Written below; what callers and nodes call metadata cannot say them a second time. */
static bool is_reserved(const char *key)
{
    static const char *const reserved[] = {
        "tags",           "run_attempt",        "thread_id",      "run_id",
        "assistant_id",   "graph_id",           "langgraph_step", "langgraph_node",
        "langgraph_path", "langgraph_triggers", "checkpoint_ns",  "langgraph_checkpoint_ns",
        "ls_provider",    "ls_model_name",      "ls_model_type",
    };

    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(reserved[i], key) == 0)
            return true;
    }
    return false;
}

/* The run's metadata lies below, then come the nodes from the root's inwards; t NULL: the run's
 * alone. */
static const json_t *metadata_at(const struct run *run, const struct run_task *t)
{
    return t == NULL ? run->metadata : t->task.node->metadata;
}

static const struct run_task *below(const struct run_task *t)
{
    return t->exec->parent;
}

/* What the topmost says; NULL: nobody says anything. */
static const json_t *find_metadata(const struct run *run, const struct run_task *t, const char *key)
{
    const json_t *value = json_object_get(metadata_at(run, t), key);

    return value != NULL || t == NULL ? value : find_metadata(run, below(t), key);
}

/* The members of t's and of all below it, each once; what they hold is what top says. */
static void add_metadata(struct buf *out, const struct run *run, const struct run_task *t,
                         const struct run_task *top)
{
    const char *key;
    json_t *value;

    if (t != NULL)
        add_metadata(out, run, below(t), top);
    json_object_foreach((json_t *)metadata_at(run, t), key, value) {
        if (is_reserved(key) || (t != NULL && find_metadata(run, below(t), key) != NULL))
            continue;
        about_key(out, key);
        jsonx_encode(find_metadata(run, top, key), out);
    }
}

void about_user(struct buf *out, const struct run *run, const struct run_task *t)
{
    add_metadata(out, run, t, t);
}

void about_run(struct buf *out, const struct run *run, const struct run_task *t)
{
    about_user(out, run, t);
    about_key(out, "run_attempt");
    buf_add_int(out, run->attempt);
    about_text(out, "thread_id", run->thread_id);
    about_text(out, "run_id", run->id);
    about_text(out, "assistant_id", run->graph->assistant_id);
    about_text(out, "graph_id", run->graph->name);
}

/* ---- the task ---- */

int64_t about_step(const struct run_task *t)
{
    return t->exec->at.step + 1;
}

static void add_path(struct buf *out, const struct run_task *t)
{
    const char *const pull[] = { "__pregel_pull", t->task.node->name };

    if (t->kind == PLANNED_PULL) {
        about_list(out, "langgraph_path", pull, 2);
        return;
    }
    about_key(out, "langgraph_path");
    buf_addf(out, "[\"__pregel_push\",%zu,false]", t->index);
}

void about_task(struct buf *out, struct run_task *t)
{
    const char *ns = run_task_ns(t) == NULL ? "" : t->ns;

    about_key(out, "langgraph_step");
    buf_add_int(out, about_step(t));
    about_text(out, "langgraph_node", t->task.node->name);
    about_list(out, "langgraph_triggers", t->triggers, t->trigger_count);
    add_path(out, t);
    about_text(out, "langgraph_checkpoint_ns", ns);
    about_text(out, "checkpoint_ns", ns);
}

const char *about_model_name(const char *model)
{
    const char *colon = strchr(model, ':');

    return colon == NULL ? model : colon + 1;
}

void about_model(struct buf *out, const char *model)
{
    char provider[64];

    if (model[0] == '\0')
        return;
    llm_model_provider(model, provider, sizeof(provider));
    about_text(out, "ls_provider", provider);
    about_text(out, "ls_model_name", about_model_name(model));
    about_text(out, "ls_model_type", "chat");
}

static bool is_private(const struct graph *graph, const char *key)
{
    int field = graph_find_field(graph, key);

    return field >= 0 && graph->fields[field].is_private;
}

/* A Send's argument, without what goes by the name of a private field. */
static void write_argument(struct buf *out, const struct graph *graph, const json_t *argument)
{
    const char *key;
    json_t *value;

    if (!json_is_object(argument)) {
        jsonx_encode(argument, out);
        return;
    }
    buf_add_char(out, '{');
    size_t begin = out->len;
    json_object_foreach((json_t *)argument, key, value) {
        if (is_private(graph, key))
            continue;
        if (out->len > begin)
            buf_add_char(out, ',');
        jsonx_encode_string(key, strlen(key), out);
        buf_add_char(out, ':');
        jsonx_encode(value, out);
    }
    buf_add_char(out, '}');
}

void about_input(struct buf *out, const struct run_task *t)
{
    const struct scope *scope = &t->task.scope;

    if (scope->input != NULL)
        write_argument(out, scope->graph, scope->input);
    else
        state_encode(scope->state, VIEW_SHOWN, out);
}
