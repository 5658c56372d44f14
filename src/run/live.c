/* A streamed message as far as it has come; see live.h. */
#include "run/live.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"

struct live_message *live_message_new(size_t max_bytes)
{
    struct live_message *l = mem_zalloc(sizeof(*l));

    if (l != NULL)
        answer_init(&l->answer, max_bytes);
    return l;
}

struct live_message *live_message_free(struct live_message *l)
{
    if (l != NULL)
        answer_deinit(&l->answer);
    return mem_free(l);
}

void live_message_add(struct live_message *l, const struct llm_delta *delta)
{
    if (!l->is_lost && answer_add(&l->answer, delta) != 0)
        l->is_lost = true;
}

/* {"name","args":{},"id","type"} of a call whose arguments are still coming. */
static json_t *coming_call(const json_t *invalid)
{
    json_t *call = json_object();
    int bad = call == NULL || json_object_update(call, (json_t *)invalid) != 0;

    bad = bad || json_object_del(call, "error") != 0 ||
          json_object_set_new(call, "args", json_object()) != 0 ||
          json_object_set_new(call, "type", json_string("tool_call")) != 0;
    if (!bad)
        return call;
    json_decref(call);
    return NULL;
}

/* Half of a text is no JSON, which is nobody's fault before the message is whole. */
static bool excuse_coming(json_t *message)
{
    json_t *calls = json_object_get(message, "tool_calls");
    json_t *invalid = json_object_get(message, "invalid_tool_calls");
    const json_t *one;
    size_t i;

    json_array_foreach(invalid, i, one) {
        if (json_array_append_new(calls, coming_call(one)) != 0)
            return false;
    }
    return json_array_clear(invalid) == 0;
}

void live_message_encode(const struct live_message *l, const char *id, const char *model,
                         struct buf *out)
{
    json_t *message = answer_json(&l->answer, FIELD_MESSAGES, id, model);

    if (message == NULL || (l->answer.finish_reason == NULL && !excuse_coming(message)))
        out->fault = out->fault != 0 ? out->fault : ERR_NOMEM; /* sticky, like a failed append */
    else
        jsonx_encode(message, out);
    json_decref(message);
}
