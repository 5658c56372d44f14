/* What a run is asked to do, as it is written down and shown (run/sheet.h): the request's own words,
 * with what its headers say, without what belongs to the exchange only. */
#include "api/run_body.h"
#include <string.h>

static bool copy_keys(json_t *to, const json_t *from, const char *const *keys)
{
    bool ok = true;

    for (size_t i = 0; keys[i] != NULL; i++) {
        json_t *value = run_body_find(from, keys[i]);
        ok = ok && (value == NULL || json_object_set(to, keys[i], value) == 0);
    }
    return ok;
}

static bool add_config(json_t *to, const struct run_body *b)
{
    const json_t *asked = run_body_find(b->json, "config");
    json_t *config = asked == NULL ? json_object() : json_copy((json_t *)asked);
    bool ok = config != NULL && json_object_set(config, "configurable", b->configurable) == 0;

    return json_object_set_new(to, "config", config) == 0 && ok;
}

static bool add_modes(json_t *to, const struct run_body *b)
{
    json_t *asked = run_body_find(b->json, "stream_mode");

    if (json_is_array(asked) && json_array_size(asked) > 0)
        return json_object_set(to, "stream_mode", asked) == 0;
    const char *one = json_is_string(asked) ? json_string_value(asked) : "values";
    return json_object_set_new(to, "stream_mode", json_pack("[s]", one)) == 0;
}

/* A command comes in place of the input. */
static bool add_task(json_t *to, const struct run_body *b)
{
    if (b->command != NULL)
        return json_object_set(to, "command", b->command) == 0;
    const json_t *input = b->request.input;
    return input == NULL || json_object_set(to, "input", (json_t *)input) == 0;
}

static bool add_text(json_t *to, const char *key, const char *text)
{
    return text == NULL || json_object_set_new(to, key, json_string(text)) == 0;
}

static bool add_place(json_t *to, const struct run_body *b)
{
    return add_text(to, "checkpoint_id", b->request.checkpoint_id) &&
           add_text(to, "durability", b->request.durability) && add_text(to, "webhook", b->webhook);
}

static bool add_flags(json_t *to, const struct run_body *b, enum door door)
{
    bool subgraphs = json_is_true(run_body_find(b->json, "stream_subgraphs"));
    bool resumable = json_is_true(run_body_find(b->json, "stream_resumable"));
    int bad = json_object_set_new(to, "temporary", json_boolean(!b->is_on_thread));

    bad |= json_object_set_new(to, "subgraphs", json_boolean(subgraphs));
    bad |= json_object_set_new(to, "resumable", json_boolean(resumable));
    if (door == DOOR_INVOKE)
        bad |= json_object_set_new(to, "strict", json_true());
    return bad == 0;
}

json_t *run_kwargs_new(const struct run_body *b, enum door door)
{
    static const char *const copied[] = { "context", "interrupt_before", "interrupt_after",
                                          "timeout_ms", NULL };
    json_t *kwargs = json_object();

    if (kwargs != NULL && add_task(kwargs, b) && add_config(kwargs, b) && add_modes(kwargs, b) &&
        add_place(kwargs, b) && copy_keys(kwargs, b->json, copied) && add_flags(kwargs, b, door))
        return kwargs;
    json_decref(kwargs);
    return NULL;
}

struct desk_order run_body_order(const struct run_body *b, enum door door, const json_t *kwargs)
{
    return (struct desk_order){
        .assistant = b->assistant,
        .thread_id = b->request.thread_id,
        .kwargs = kwargs,
        .metadata = b->metadata,
        .multitask = b->multitask,
        .modes = b->request.modes,
        .creates_thread = b->creates_thread,
        .is_recorded = door == DOOR_BACKGROUND || b->webhook != NULL,
        .is_attended = b->cancels_on_disconnect && door != DOOR_BACKGROUND,
        .after_ms = b->after_ms,
    };
}
