/*
 * What a run sees as $config and $context, and what its messages carry as metadata: the graph's
 * assistant below, the request above it key by key, and the ids of the run, which a request's
 * configurable cannot change. And the stamp of its checkpoints: metadata, configured values, ids.
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

static int put_ids(const struct run *run, const char *assistant_id, json_t *to)
{
    const struct {
        const char *key;
        const char *value;
    } ids[] = { { "run_id", run->id },
                { "thread_id", run->thread_id },
                { "graph_id", run->graph->name },
                { "assistant_id", assistant_id } };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(ids) / sizeof(ids[0]); i++)
        r = put(to, ids[i].key, ids[i].value);
    return r;
}

/* ---- what checkpoints carry ---- */

/* What the engine and its clients configure a run with is nothing that a user looks for. */
static bool is_engines(const char *key)
{
    return strncmp(key, "__", 2) == 0 || strncmp(key, "langgraph_", 10) == 0 ||
           strncmp(key, "checkpoint_", 11) == 0;
}

/* Of what is there already the stamp knows better. */
static int stamp_with(struct run *run, const json_t *from, bool takes_lists)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)from, key, value) {
        bool is_plain = !json_is_object(value) && !json_is_array(value);
        if (is_engines(key) || !(is_plain || takes_lists) ||
            json_object_get(run->stamp, key) != NULL)
            continue;
        if (json_object_set(run->stamp, key, value) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

/* Checkpoints are found by what was configured, too, if it is a plain value; what the user calls
 * metadata wins. */
static int make_stamp(struct run *run, const char *assistant_id)
{
    run->stamp = json_object();
    int r = run->stamp == NULL ? err_trace(ERR_NOMEM) : put_ids(run, assistant_id, run->stamp);

    if (r == 0)
        r = stamp_with(run, run->metadata, true);
    return r == 0 ? stamp_with(run, run->configurable, false) : r;
}

int assistant_apply(struct run *run, const struct run_request *req)
{
    const json_t *assistant = run->graph->assistant;
    const json_t *config = json_object_get(assistant, "config");
    const char *assistant_id =
        req->assistant_id != NULL ? req->assistant_id : run->graph->assistant_id;
    int r = merge(&run->configurable, json_object_get(config, "configurable"), req->configurable);

    if (r == 0)
        r = put_ids(run, assistant_id, run->configurable);
    if (r == 0)
        r = merge(&run->context, json_object_get(assistant, "context"), req->context);
    if (r == 0)
        r = merge(&run->metadata, json_object_get(assistant, "metadata"), req->metadata);
    if (r == 0 && json_object_get(run->metadata, "created_by") == NULL)
        r = put(run->metadata, "created_by", "system");
    return r == 0 ? make_stamp(run, assistant_id) : r;
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

int64_t assistant_recursion_limit(const struct runs *runs, const struct run_request *req)
{
    const json_t *config = json_object_get(req->graph->assistant, "config");
    int64_t most = runs->services->conf->max_recursion_limit;
    int64_t of_assistant = json_integer_value(json_object_get(config, "recursion_limit"));

    if (req->recursion_limit > 0)
        return req->recursion_limit;
    return of_assistant < most ? of_assistant : most;
}
