#ifndef ANABRANCH_BASE_FAIL_H
#define ANABRANCH_BASE_FAIL_H
/*
 * What went wrong, as a client sees it: one table of codes in fail.c gives each its class name
 * (`type` on the wire), HTTP status on /invoke, and whether a retry policy repeats it by default.
 * Handlers and nodes name a code; nobody formats error JSON by hand.
 *
 * Where LangGraph has a code of its own for what went wrong, as its pages on troubleshooting list
 * them, the message ends with it: "... (INVALID_CONCURRENT_GRAPH_UPDATE)".
 *
 * A struct fail is a plain value that owns its strings. An empty one (code FAIL_NONE) needs no
 * clearing.
 */
#include <stdbool.h>
#include <stdint.h>

enum fail_code {
    FAIL_NONE,
    /* a request that cannot become a run */
    FAIL_BAD_JSON,        /* 400 BadRequestError */
    FAIL_BAD_REQUEST,     /* 400 BadRequestError */
    FAIL_UNAUTHORIZED,    /* 401 UnauthorizedError */
    FAIL_FORBIDDEN,       /* 403 ForbiddenError */
    FAIL_NOT_FOUND,       /* 404 NotFoundError */
    FAIL_METHOD,          /* 405 MethodNotAllowedError */
    FAIL_TIMEOUT_REQUEST, /* 408 RequestTimeoutError: the client sent too slowly */
    FAIL_CONFLICT,        /* 409 ConflictError */
    FAIL_BUSY,      /* 409 ConflictError; on the protocol's routes 422, as the reference has it */
    FAIL_TOO_LARGE, /* 413 ContentTooLargeError */
    FAIL_HEAD_TOO_LARGE, /* 431 RequestHeaderFieldsTooLargeError */
    FAIL_MEDIA_TYPE,     /* 415 UnsupportedMediaTypeError */
    FAIL_UNPROCESSABLE, /* 422 UnprocessableError: understood, but this version or this graph cannot
                           do it */
    FAIL_TOO_MANY,      /* 429 TooManyRequestsError */
    FAIL_DRAINING,      /* 503 ServiceUnavailableError, Retry-After */
    FAIL_FULL,          /* 503 ServiceUnavailableError, Retry-After */
    FAIL_NO_ROOM, /* 503 ServiceUnavailableError: threads take all the room there is; waiting does not
                           help */
    FAIL_INTERNAL, /* 500 InternalError: a fault of ours, no memory */
    /* a run */
    FAIL_INPUT,          /* 422 InvalidInputError: the input does not fit the graph */
    FAIL_EMPTY_INPUT,    /* 422 EmptyInputError */
    FAIL_INVALID_UPDATE, /* 422 InvalidUpdateError */
    FAIL_RECURSION,      /* 422 GraphRecursionError */
    FAIL_STEP_TIMEOUT,   /* 504 StepTimeoutError: step_timeout_ms of the graph passed */
    FAIL_RUN_TIMEOUT,    /* 504 RunTimeoutError: timeout_ms of the request passed */
    FAIL_CANCELLED,      /* 499 CancelledError: the client left, or was told to stop */
    FAIL_LIMIT, /* 422 LimitError: a limit of the settings was passed (steps, tasks, state size,
                   depth) */
    /* a node */
    FAIL_NODE,         /* 500 NodeError, or the class that the node names itself; repeated, unless
                          that is the class of a row here which is not */
    FAIL_NODE_TIMEOUT, /* 504 NodeTimeoutError; repeated by default */
    FAIL_TEMPLATE,     /* 422 TemplateError: what the state holds does not fit where it is put */
    FAIL_NO_PROVIDER,  /* 502 ProviderNotConfiguredError: named but has no key or address */
    FAIL_UP_CONNECT, /* 502 APIConnectionError: refused, unreachable, name not found, TLS; repeated
                      */
    FAIL_UP_TIMEOUT, /* 504 APITimeoutError; repeated */
    FAIL_UP_CUT,     /* 502 APIConnectionError: the answer stopped in the middle; repeated */
    FAIL_UP_GARBAGE, /* 502 APIResponseError: the answer is not what the protocol says; repeated */
    FAIL_UP_AUTH,    /* 502 AuthenticationError: upstream said 401 or 403 */
    FAIL_UP_RATE,    /* 502 RateLimitError: upstream said 429; repeated after retry_after_ms */
    FAIL_UP_REFUSED, /* 502 APIStatusError: upstream said another 4xx */
    FAIL_UP_STATUS,  /* 502 APIStatusError: upstream said 5xx, 408 or 409; repeated */
    FAIL_UP_TOO_LARGE,      /* 502 APIResponseError: the answer passed max_bytes */
    FAIL_UP_FORBIDDEN_HOST, /* 500 ForbiddenHostError: the rendered address is not in allow_hosts */
    FAIL_CODE_COUNT
};

struct fail {
    enum fail_code code;
    char *type;             /* a class name that overrides the table's, or NULL */
    char *message;          /* UTF-8, one or two sentences; NULL: there was no memory for it */
    char *node;             /* the node it happened in, or NULL */
    int64_t retry_after_ms; /* what an upstream asked for, or 0 */
};

/*
 * Sets code and message, whatever was there before. Never fails: without memory fail_message()
 * gives the table's own sentence. Bytes of the message that are not UTF-8 become '?'.
 */
void fail_set(struct fail *f, enum fail_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void fail_set_fault(struct fail *f, int fault);       /* FAIL_INTERNAL with err_text() */
void fail_set_node(struct fail *f, const char *node); /* only if not set yet */
void fail_set_type(struct fail *f, const char *type); /* its bytes likewise */
void fail_clear(struct fail *f);
void fail_move(struct fail *to, struct fail *from); /* clears to, empties from */
void fail_copy(struct fail *to, const struct fail *from);

const char *fail_type(const struct fail *f);    /* class name for the wire */
const char *fail_message(const struct fail *f); /* never NULL */
int fail_status(const struct fail *f);          /* HTTP status on /invoke */
bool fail_is_retryable(const struct fail *f);   /* by the default predicate */
bool fail_is_set(const struct fail *f);

/* One row of the table, for docs and tests: code 1 .. FAIL_CODE_COUNT-1. */
struct fail_row {
    enum fail_code code;
    const char *type;
    int status;
    bool retryable;
    const char *sentence;
};
const struct fail_row *fail_row_get(enum fail_code code);

#endif
