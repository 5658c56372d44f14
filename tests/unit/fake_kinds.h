#ifndef ANABRANCH_TESTS_UNIT_FAKE_KINDS_H
#define ANABRANCH_TESTS_UNIT_FAKE_KINDS_H
/*
 * Node kinds that can be configured and never run: enough of llm and set to read graph files
 * without node/.
 */
#include "base/mem.h"
#include "graph/build.h"
#include "graph/setup.h"

struct fake_llm {
    struct template *system;
    struct template *prompt;
    struct jtemplate *params;
    double temperature;
    int output;
};

static inline void fake_llm_free(void *config)
{
    struct fake_llm *c = config;
    if (c == NULL)
        return;
    template_free(c->system);
    template_free(c->prompt);
    jtemplate_free(c->params);
    mem_free(c);
}

static inline int fake_llm_configure(struct setup *s, void **ret)
{
    struct fake_llm *c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return -1;
    (void)setup_json(s, "model", false);
    c->temperature = setup_number(s, "temperature", 0, 2, -1);
    c->output = setup_field(s, "output", true);
    int r = setup_template(s, "system", false, &c->system);
    if (r == 0)
        r = setup_template(s, "prompt", false, &c->prompt);
    if (r == 0)
        r = setup_jtemplate(s, "params", false, &c->params);
    if (r != 0) {
        fake_llm_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

struct fake_set {
    int *fields;
    struct jtemplate **values;
    size_t count;
};

static inline void fake_set_free(void *config)
{
    struct fake_set *c = config;
    for (size_t i = 0; c != NULL && i < c->count; i++)
        jtemplate_free(c->values[i]);
    if (c != NULL) {
        mem_free(c->fields);
        mem_free(c->values);
    }
    mem_free(c);
}

static inline int fake_set_configure(struct setup *s, void **ret)
{
    struct fake_set *c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return -1;
    int r = setup_writes(s, "values", true, &c->fields, &c->values, &c->count);
    if (r != 0) {
        mem_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

static const struct node_kind fake_llm = { .name = "llm",
                                           .configure = fake_llm_configure,
                                           .config_free = fake_llm_free };
static const struct node_kind fake_set = { .name = "set",
                                           .configure = fake_set_configure,
                                           .config_free = fake_set_free };
static const struct node_kind *const fake_kind_list[] = { &fake_llm, &fake_set };
static const struct kind_table fake_kinds = { fake_kind_list, 2 };
static const struct builder_limits fake_limits = {
    .max_nodes = 50, .max_fields = 50, .max_depth = 64, .max_recursion_limit = 1000
};

#endif
