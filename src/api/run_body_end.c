/* What a run's body says of its end: who is told, and whether anything of a stateless run stays. */
#include "api/run_body.h"
#include <string.h>

static const char *find_text(const json_t *body, const char *key)
{
    return json_string_value(run_body_find(body, key));
}

/* A stateless run that is kept is one on a thread that nobody has known before. */
static void keep(struct run_body *b)
{
    id_v7(b->kept_id);
    b->request.thread_id = b->kept_id;
    b->is_on_thread = true;
    b->creates_thread = true;
}

int run_body_read_end(const struct api *api, struct run_body *b, struct fail *f)
{
    const char *completion = find_text(b->json, "on_completion");
    const char *webhook = find_text(b->json, "webhook");

    if (!b->is_on_thread && completion != NULL && strcmp(completion, "keep") == 0)
        keep(b);
    if (webhook == NULL || webhook[0] == '\0')
        return 0;
    b->webhook = webhook;
    return desk_check_webhook(api->desk, webhook, f) == 0 ? 0 : RUN_BODY_E_WRONG;
}
