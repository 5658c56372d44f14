#ifndef ANABRANCH_NODE_LLM_CONFIG_H
#define ANABRANCH_NODE_LLM_CONFIG_H
/* The fields of an `llm` node. */
#include "graph/setup.h"

struct llm_config {
    struct template **models; /* tried in this order; none: the setting default_model */
    size_t model_count;
    struct template *system;
    struct template *prompt; /* NULL: `messages` holds */
    int messages;            /* a field of type messages or array */
    double temperature;      /* NaN = not sent */
    int64_t max_tokens;      /* 0 = not sent */
    struct jtemplate *params;
    int output;
};

int llm_configure(struct setup *s, void **ret_config);
void llm_config_free(void *config);

#endif
