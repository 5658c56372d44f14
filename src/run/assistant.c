/*
 * What a run sees as $config and $context, and what its messages carry as metadata: the graph's
 * assistant below, the request above it key by key, and the ids of the run, which a request's
 * configurable cannot change.
 */
#include "base/err.h"
#include "run/internal.h"
#include <string.h>

static int put(json_t *to, const char *key, const char *value)
{
    return json_object_set_new(to, key, json_string(value)) == 0 ? 0 : err_trace(ERR_NOMEM);
}

static int add(json_t *to, const json_t *from)
{
    return from == NULL || json_object_update(to, (json_t *)from) == 0 ? 0 : err_trace(ERR_NOMEM);
}

static int merge(json_t **ret, const json_t *below, const json_t *above)
{
    *ret = json_object();
    if (*ret == NULL)
        return err_trace(ERR_NOMEM);
    int r = add(*ret, below);
    return r != 0 ? r : add(*ret, above);
}

static int put_ids(const struct run *run, json_t *to)
{
    const struct {
        const char *key;
        const char *value;
    } ids[] = { { "run_id", run->id },
                { "thread_id", run->thread_id },
                { "graph_id", run->graph->name },
                { "assistant_id", run->graph->assistant_id } };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(ids) / sizeof(ids[0]); i++)
        r = put(to, ids[i].key, ids[i].value);
    return r;
}

/* Checkpoints are found by what was configured, too; what the user calls metadata wins. */
static int stamp_configured(struct run *run)
{
    const char *key;
    json_t *value;

    json_object_foreach(run->configurable, key, value) {
        bool is_ours = strncmp(key, "__", 2) == 0 || strncmp(key, "langgraph_", 10) == 0 ||
                       strncmp(key, "checkpoint_", 11) == 0 || strcmp(key, "thread_id") == 0;
        if (is_ours || json_is_object(value) || json_is_array(value) ||
            json_object_get(run->stamp, key) != NULL)
            continue;
        if (json_object_set(run->stamp, key, value) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

int assistant_apply(struct run *run, const struct run_request *req)
{
    const json_t *assistant = run->graph->assistant;
    const json_t *config = json_object_get(assistant, "config");
    int r = merge(&run->configurable, json_object_get(config, "configurable"), req->configurable);

    if (r == 0)
        r = put_ids(run, run->configurable);
    if (r == 0)
        r = merge(&run->context, json_object_get(assistant, "context"), req->context);
    if (r == 0)
        r = merge(&run->metadata, json_object_get(assistant, "metadata"), req->metadata);
    if (r == 0 && json_object_get(run->metadata, "created_by") == NULL)
        r = put(run->metadata, "created_by", "system");
    if (r == 0)
        r = merge(&run->stamp, run->metadata, NULL);
    if (r == 0)
        r = put_ids(run, run->stamp);
    return r == 0 ? stamp_configured(run) : r;
}

int64_t assistant_max_concurrency(const struct run_request *req)
{
    const json_t *config = json_object_get(req->graph->assistant, "config");

    return req->max_concurrency > 0
               ? req->max_concurrency
               : json_integer_value(json_object_get(config, "max_concurrency"));
}

const json_t *assistant_tags(const struct run_request *req)
{
    return req->tags != NULL
               ? req->tags
               : json_object_get(json_object_get(req->graph->assistant, "config"), "tags");
}

/* The first that says something: request, assistant, graph, setting. */
int64_t assistant_recursion_limit(const struct runs *runs, const struct run_request *req)
{
    const json_t *config = json_object_get(req->graph->assistant, "config");
    const struct conf *conf = runs->services->conf;
    int64_t of_assistant = json_integer_value(json_object_get(config, "recursion_limit"));

    if (req->recursion_limit > 0)
        return req->recursion_limit;
    if (of_assistant > 0)
        return of_assistant < conf->max_recursion_limit ? of_assistant : conf->max_recursion_limit;
    return req->graph->recursion_limit > 0 ? req->graph->recursion_limit : conf->recursion_limit;
}
