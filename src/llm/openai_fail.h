#ifndef ANABRANCH_LLM_OPENAI_FAIL_H
#define ANABRANCH_LLM_OPENAI_FAIL_H
/*
 * What went wrong with an OpenAI-compatible server, as a sentence:
 *
 *     openai at api.openai.com:443 answered 401 Unauthorized: wrong key **** (check OPENAI_API_KEY)
 *
 * The upstream's words are put on one line, cut to 300 bytes, and masked wherever they quote the
 * beginning of a secret of ours.
 */
#include "llm/llm.h"

struct openai_limits {
    int64_t connect_ms;
    int64_t first_byte_ms;
    int64_t idle_ms;
    int64_t max_bytes;
};

/* A status that is no success. body: the answer or its beginning. Any JSON error in it is quoted,
 * or its text. */
void openai_fail_status(struct fail *f, const struct llm_provider *p, int status, const char *body,
                        size_t len_bytes, int64_t retry_after_ms);
/* A result of fetch.h that is not 0. text: fetch_error_text(). limits: those of the request, or
 * NULL: it was not one of them. */
void openai_fail_fetch(struct fail *f, const struct llm_provider *p, int result, const char *text,
                       const struct openai_limits *limits);
/* An error inside an answer: the value of its key "error". */
void openai_fail_error(struct fail *f, const struct llm_provider *p, const char *json,
                       size_t len_bytes);
/* "PROVIDER at HOST:PORT " and a sentence of ours. */
void openai_fail_say(struct fail *f, const struct llm_provider *p, enum fail_code code,
                     const char *sentence);

#endif
