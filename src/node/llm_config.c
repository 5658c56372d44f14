/* What an `llm` node may say, and every way to say it wrong. */
#include "node/llm_config.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "node/kit.h"
#include <math.h>

enum { MODELS_MAX = 16, ERROR_BYTES = 200 };

/* ---- model ---- */

static void check_path(void *arg, const struct path *path)
{
    setup_check_path(arg, "model", path);
}

static int add_model(struct setup *s, struct llm_config *c, const json_t *item)
{
    char error[ERROR_BYTES];
    struct template *model;
    if (json_string_length(item) == 0) {
        setup_problem(s, "model", "write \"provider:model\"", "%s names no model",
                      json_is_string(item) ? "an empty string" : jsonx_type_name(item));
        return 0;
    }
    int r = template_parse(json_string_value(item), json_string_length(item), &model, error,
                           sizeof(error));
    if (r == TEMPLATE_E_SYNTAX) {
        setup_problem(s, "model", NULL, "%s", error);
        return 0;
    }
    if (r != 0)
        return err_trace(r);
    template_each_path(model, check_path, s);
    c->models[c->model_count++] = model;
    return 0;
}

static int read_models(struct setup *s, struct llm_config *c)
{
    const json_t *json = setup_json(s, "model", false);
    if (json == NULL)
        return 0;
    size_t count = json_is_array(json) ? json_array_size(json) : 1;
    if (count == 0 || count > MODELS_MAX) {
        setup_problem(s, "model", NULL, "a list of fallbacks has 1 to %d models, this one %zu",
                      MODELS_MAX, count);
        return 0;
    }
    c->models = mem_array(count, sizeof(struct template *));
    int r = c->models == NULL ? ERR_NOMEM : 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = add_model(s, c, json_is_array(json) ? json_array_get(json, i) : json);
    return r == 0 ? 0 : err_trace(r);
}

/* ---- prompt or messages ---- */

/* The state's only field of type messages; -1 and a problem otherwise. */
static int find_messages(struct setup *s)
{
    const struct graph *g = setup_graph(s);
    int found = -1;
    for (size_t i = 0; i < g->field_count; i++) {
        if (g->fields[i].type != FIELD_MESSAGES)
            continue;
        if (found >= 0) {
            setup_problem(s, NULL, "name one in \"messages\", or give a \"prompt\"",
                          "the state has several fields of type messages");
            return -1;
        }
        found = (int)i;
    }
    if (found < 0)
        setup_problem(s, NULL, "give a \"prompt\"",
                      "neither \"prompt\" nor \"messages\", and no field of type messages");
    return found;
}

static void read_messages(struct setup *s, struct llm_config *c)
{
    c->messages = setup_field(s, "messages", true);
    if (c->messages < 0)
        return;
    enum field_type type = setup_graph(s)->fields[c->messages].type;
    if (type != FIELD_MESSAGES && type != FIELD_ARRAY)
        setup_problem(s, "messages", "name a field of type messages or array",
                      "a field of type %s holds no messages", field_type_name(type));
}

static int read_question(struct setup *s, struct llm_config *c)
{
    bool has_prompt = setup_json(s, "prompt", false) != NULL;
    bool has_messages = setup_json(s, "messages", false) != NULL;
    c->messages = -1;
    if (has_prompt && has_messages)
        setup_problem(s, NULL, "keep one of them", "both \"prompt\" and \"messages\"");
    if (has_messages)
        read_messages(s, c);
    else if (!has_prompt)
        c->messages = find_messages(s);
    int r = setup_template(s, "prompt", false, &c->prompt);
    return r == 0 ? 0 : err_trace(r);
}

/* ---- the rest ---- */

static int read_params(struct setup *s, struct llm_config *c)
{
    const json_t *json = setup_json(s, "params", false);
    if (json != NULL && !json_is_object(json))
        setup_problem(s, "params", NULL, "expected object, found %s", jsonx_type_name(json));
    int r = setup_jtemplate(s, "params", false, &c->params);
    return r == 0 ? 0 : err_trace(r);
}

static void read_output(struct setup *s, struct llm_config *c)
{
    c->output = setup_field(s, "output", true);
    if (c->output < 0)
        return;
    enum field_type type = setup_graph(s)->fields[c->output].type;
    if (type == FIELD_NUMBER || type == FIELD_INTEGER || type == FIELD_BOOLEAN)
        setup_problem(s, "output", "name a field of type string, array, messages, object or any",
                      "a field of type %s cannot hold an answer", field_type_name(type));
}

static int read_fields(struct setup *s, void *config)
{
    struct llm_config *c = config;
    int r = read_models(s, c);
    if (r == 0)
        r = setup_template(s, "system", false, &c->system);
    if (r == 0)
        r = read_question(s, c);
    if (r == 0)
        r = read_params(s, c);
    if (r != 0)
        return err_trace(r);
    c->temperature = setup_number(s, "temperature", 0, 2, (double)NAN);
    c->max_tokens = setup_int(s, "max_tokens", 1, INT32_MAX, 0);
    read_output(s, c);
    return 0;
}

void llm_config_free(void *config)
{
    struct llm_config *c = config;
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->model_count; i++)
        template_free(c->models[i]);
    mem_free(c->models);
    template_free(c->system);
    template_free(c->prompt);
    jtemplate_free(c->params);
    mem_free(c);
}

int llm_configure(struct setup *s, void **ret_config)
{
    return kit_configure(s, sizeof(struct llm_config), read_fields, llm_config_free, ret_config);
}
