#ifndef ANABRANCH_LLM_TABLE_H
#define ANABRANCH_LLM_TABLE_H
/* Every kind of provider that is built in: one file and one row in table.c each. */
#include "llm/llm.h"

extern const struct llm_kind llm_kind_demo;   /* demo.c */
extern const struct llm_kind llm_kind_openai; /* openai.c */

/* NULL = there is no such kind. */
const struct llm_kind *llm_kind_find(const char *name);

#endif
