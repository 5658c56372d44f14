#ifndef ANABRANCH_LLM_OPENAI_REQUEST_H
#define ANABRANCH_LLM_OPENAI_REQUEST_H
/* What goes to an OpenAI-compatible server: the body and the headers of one call. */
#include "llm/llm.h"

/* The body of POST {base_url}/chat/completions; new reference. 0 or a fault. */
int openai_body_new(const struct llm_request *req, json_t **ret);

struct openai_headers {
    struct fetch_header *items; /* borrow their texts from the provider and from authorization */
    int count;
    char *authorization;
};
/* Ours, without those that the provider's own headers name, then the provider's. 0 or a fault;
 * deinit in any case. */
int openai_headers_init(struct openai_headers *h, const struct llm_provider *p);
void openai_headers_deinit(struct openai_headers *h);

#endif
