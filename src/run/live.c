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

void live_message_encode(const struct live_message *l, const char *id, const char *model,
                         struct buf *out)
{
    json_t *message = answer_json(&l->answer, FIELD_MESSAGES, id, model);

    if (message == NULL)
        out->fault = out->fault != 0 ? out->fault : ERR_NOMEM; /* sticky, like a failed append */
    else
        jsonx_encode(message, out);
    json_decref(message);
}
