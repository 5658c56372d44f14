#ifndef ANABRANCH_LLM_LLM_H
#define ANABRANCH_LLM_LLM_H
/*
 * Chat models. One request in, a sequence of typed deltas out, then one end. A provider knows
 * nothing of graphs and nodes.
 *
 *     llm_start(models, "openai:gpt-4o-mini", &req, &call)
 *       req.on_delta  LLM_TEXT "Hel"  LLM_TEXT "lo"  LLM_FINISH "stop"  LLM_USAGE 7/2/9
 *       req.on_end    0
 *
 * Adding a provider: one file, one row in table.c, one test.
 */
#include "base/conf.h"
#include "base/fail.h"
#include "loop/fetch.h"
#include <jansson.h>

enum llm_delta_type { LLM_TEXT, LLM_TOOL_CALL, LLM_FINISH, LLM_USAGE };

/* Valid during on_delta only. */
struct llm_delta {
    enum llm_delta_type type;
    const char *text; /* LLM_TEXT: valid UTF-8, 1..65536 bytes (a sequence cut by a chunk border is
                         kept back until it is whole); LLM_FINISH: the reason ("stop", "length",
                         "tool_calls", ...) */
    size_t len_bytes; /* of text */
    /* LLM_TOOL_CALL: a fragment of the call number `index`; id and name come with the first one
     * (else NULL), args is a piece of JSON text */
    int index;
    const char *id;
    const char *name;
    const char *args;
    /* LLM_USAGE */
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t total_tokens;
};

struct llm_request {
    const char *model;      /* filled by llm_start(): the part behind "provider:", "" if none */
    const char *voice;      /* whom `demo` speaks as: the node's name */
    const char *system;     /* goes first; NULL = none */
    const json_t *messages; /* array of flat messages (graph/messages.h), at least one */
    double temperature;     /* NaN = not sent */
    int64_t max_tokens;     /* 0 = not sent */
    const json_t *params;   /* object passed on to the API as it is, or NULL; wins over temperature
                               and max_tokens, never over model, messages and stream */
    int64_t connect_ms;     /* 0 = the setting */
    int64_t first_byte_ms;
    int64_t idle_ms;
    int64_t max_bytes;

    /* Loop thread, never inside llm_start(). on_end exactly once, after the last delta: f NULL =
       the whole answer came; otherwise what went wrong (borrowed during the call; FAIL_CANCELLED
       after llm_cancel()). The call is gone after it. */
    void (*on_delta)(void *arg, const struct llm_delta *delta);
    void (*on_end)(void *arg, const struct fail *f);
    void *arg;
};

struct llm_models; /* the providers that are configured */
struct llm_call;

/* Borrows conf, loop and fetcher for its life. Reads the keys that providers name from env
 * ("NAME=value", NULL at the end). */
int llm_models_new(const struct conf *conf, struct loop *loop, struct fetcher *fetcher,
                   char *const *env, struct llm_models **ret);
struct llm_models *llm_models_free(struct llm_models *m); /* every call has ended; accepts NULL */

/*
 * model: "provider:model" or "provider". Everything in req is copied or used before the return, but
 * arg. A model that cannot be called (unknown provider, no key) is an ordinary end with
 * FAIL_NO_PROVIDER, through on_end. Returns 0 or a fault; then nothing will be called.
 */
int llm_start(struct llm_models *m, const char *model, const struct llm_request *req,
              struct llm_call **ret);
void llm_cancel(struct llm_call *call); /* any number of times before on_end */

/* For warnings at start and for `check`: 0 if the model can be called; else LLM_E_MODEL and a
 * sentence in text. */
enum { LLM_E_MODEL = 1 };
int llm_model_check(const struct llm_models *m, const char *model, char *text, size_t text_size);
/* The provider's name of a model text ("openai" of "openai:x"), for metadata: ret_size bytes at
 * most. */
void llm_model_provider(const char *model, char *ret, size_t ret_size);

/* ---- for providers ---- */

struct llm_provider;
struct llm_kind {
    const char *name; /* "openai", "demo" */
    /* As llm_start(), for a provider of this kind. The call is allocated by the provider, whose
     * first member is struct llm_call. */
    int (*start)(const struct llm_provider *p, const struct llm_request *req,
                 struct llm_call **ret);
};
struct llm_provider {
    char *name; /* as in "name:model" */
    const struct llm_kind *kind;
    char *base_url;  /* without a slash at the end; "" for demo */
    char *api_key;   /* "" = none; never logged */
    char *key_env;   /* the variable that the key comes from, for sentences; NULL = none is named */
    json_t *headers; /* object of strings, or NULL */
    bool needs_key;  /* a call without key ends with FAIL_NO_PROVIDER */
    const struct conf *conf;
    struct loop *loop;
    struct fetcher *fetcher;
};
struct llm_call {
    void (*cancel)(struct llm_call *call);
};

#endif
