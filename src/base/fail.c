/* The table of everything that can go wrong in front of a client, and the value that carries one
 * row with its sentence. */
#include "base/fail.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#define ROW(code, type, status, retryable, sentence)                                               \
    [code] = { code, type, status, retryable, sentence }

static const struct fail_row rows[FAIL_CODE_COUNT] = {
    ROW(FAIL_NONE, "None", 200, false, "nothing went wrong"),

    ROW(FAIL_BAD_JSON, "BadRequestError", 400, false, "the body is not valid JSON"),
    ROW(FAIL_BAD_REQUEST, "BadRequestError", 400, false, "the request is not understood"),
    ROW(FAIL_UNAUTHORIZED, "UnauthorizedError", 401, false, "a valid API key is required"),
    ROW(FAIL_FORBIDDEN, "ForbiddenError", 403, false, "this is not allowed from here"),
    ROW(FAIL_NOT_FOUND, "NotFoundError", 404, false, "there is no such thing here"),
    ROW(FAIL_METHOD, "MethodNotAllowedError", 405, false, "this address knows other methods only"),
    ROW(FAIL_TIMEOUT_REQUEST, "RequestTimeoutError", 408, false, "the request came too slowly"),
    ROW(FAIL_CONFLICT, "ConflictError", 409, false, "this contradicts the present state"),
    ROW(FAIL_BUSY, "ConflictError", 409, false, "the thread is busy"),
    ROW(FAIL_TOO_LARGE, "ContentTooLargeError", 413, false, "the body is too large"),
    ROW(FAIL_HEAD_TOO_LARGE, "RequestHeaderFieldsTooLargeError", 431, false,
        "the address and the headers are too large"),
    ROW(FAIL_MEDIA_TYPE, "UnsupportedMediaTypeError", 415, false, "send application/json"),
    ROW(FAIL_UNPROCESSABLE, "UnprocessableError", 422, false,
        "the request is understood but cannot be done here"),
    ROW(FAIL_TOO_MANY, "TooManyRequestsError", 429, false, "too many requests; try again later"),
    ROW(FAIL_DRAINING, "ServiceUnavailableError", 503, false, "the server is shutting down"),
    ROW(FAIL_FULL, "ServiceUnavailableError", 503, false, "the server is full; try again later"),
    ROW(FAIL_NO_ROOM, "ServiceUnavailableError", 503, false, "there is no room for more threads"),
    ROW(FAIL_INTERNAL, "InternalError", 500, false, "the server failed; its log says more"),

    ROW(FAIL_INPUT, "InvalidInputError", 422, false, "the input does not fit the graph"),
    ROW(FAIL_EMPTY_INPUT, "EmptyInputError", 422, false, "the input sets no field of the graph"),
    ROW(FAIL_INVALID_UPDATE, "InvalidUpdateError", 422, false, "the state refused an update"),
    ROW(FAIL_RECURSION, "GraphRecursionError", 422, false,
        "the graph did not come to its end within the recursion limit"),
    ROW(FAIL_STEP_TIMEOUT, "StepTimeoutError", 504, false,
        "a step of the graph passed its time limit"),
    ROW(FAIL_RUN_TIMEOUT, "RunTimeoutError", 504, false, "the run passed its time limit"),
    ROW(FAIL_CANCELLED, "CancelledError", 499, false, "the run was cancelled"),
    ROW(FAIL_LIMIT, "LimitError", 422, false, "a limit of the server was passed"),

    ROW(FAIL_NODE, "NodeError", 500, true, "a node failed"),
    ROW(FAIL_NODE_TIMEOUT, "NodeTimeoutError", 504, true, "a node passed its time limit"),
    ROW(FAIL_TEMPLATE, "TemplateError", 422, false,
        "what a template renders to does not fit its place"),
    ROW(FAIL_NO_PROVIDER, "ProviderNotConfiguredError", 502, false,
        "the model's provider is not configured"),
    ROW(FAIL_UP_CONNECT, "APIConnectionError", 502, true, "the upstream could not be reached"),
    ROW(FAIL_UP_TIMEOUT, "APITimeoutError", 504, true, "the upstream did not answer in time"),
    ROW(FAIL_UP_CUT, "APIConnectionError", 502, true, "the upstream's answer broke off"),
    ROW(FAIL_UP_GARBAGE, "APIResponseError", 502, true, "the upstream's answer makes no sense"),
    ROW(FAIL_UP_AUTH, "AuthenticationError", 502, false, "the upstream refused our key"),
    ROW(FAIL_UP_RATE, "RateLimitError", 502, true, "the upstream limits our rate"),
    ROW(FAIL_UP_REFUSED, "APIStatusError", 502, false, "the upstream refused the request"),
    ROW(FAIL_UP_STATUS, "APIStatusError", 502, true, "the upstream failed"),
    ROW(FAIL_UP_TOO_LARGE, "APIResponseError", 502, false, "the upstream's answer is too large"),
    ROW(FAIL_UP_FORBIDDEN_HOST, "ForbiddenHostError", 500, false,
        "the address is not among the node's allow_hosts"),
};

static const struct fail_row *row_of(const struct fail *f)
{
    return &rows[f->code];
}

const struct fail_row *fail_row_get(enum fail_code code)
{
    assert(code > FAIL_NONE && code < FAIL_CODE_COUNT);
    return &rows[code];
}

/* Messages quote what others sent, and %.40s may cut inside a character; they end up in JSON. */
static void replace_bad_bytes(char *text)
{
    size_t left = strlen(text);
    for (size_t good; (good = jsonx_utf8_prefix(text, left)) < left; text++, left--) {
        text += good;
        left -= good;
        *text = '?';
    }
}

void fail_set(struct fail *f, enum fail_code code, const char *format, ...)
{
    assert(code > FAIL_NONE && code < FAIL_CODE_COUNT);
    va_list args;
    va_start(args, format);
    char *message = mem_vprintf(format, args); /* first: args may point into f */
    va_end(args);
    fail_clear(f);
    f->code = code;
    f->message = message;
    if (message != NULL)
        replace_bad_bytes(message);
}

void fail_set_fault(struct fail *f, int fault)
{
    fail_set(f, FAIL_INTERNAL, "%s", err_text(fault));
}

void fail_set_node(struct fail *f, const char *node)
{
    if (f->node == NULL)
        f->node = mem_strdup(node);
}

void fail_set_type(struct fail *f, const char *type)
{
    char *copy = mem_strdup(type);
    mem_free(f->type);
    f->type = copy;
    if (copy != NULL)
        replace_bad_bytes(copy);
}

void fail_clear(struct fail *f)
{
    mem_free(f->type);
    mem_free(f->message);
    mem_free(f->node);
    *f = (struct fail){ .code = FAIL_NONE };
}

void fail_move(struct fail *to, struct fail *from)
{
    if (to == from)
        return;
    fail_clear(to);
    *to = *from;
    *from = (struct fail){ .code = FAIL_NONE };
}

void fail_copy(struct fail *to, const struct fail *from)
{
    if (to == from)
        return;
    fail_clear(to);
    to->code = from->code;
    to->type = mem_strdup(from->type);
    to->message = mem_strdup(from->message);
    to->node = mem_strdup(from->node);
    to->retry_after_ms = from->retry_after_ms;
}

const char *fail_type(const struct fail *f)
{
    return f->type != NULL ? f->type : row_of(f)->type;
}

const char *fail_message(const struct fail *f)
{
    return f->message != NULL ? f->message : row_of(f)->sentence;
}

int fail_status(const struct fail *f)
{
    return row_of(f)->status;
}

/* A node may name any class; one of ours means what it means where we use it, and of a class with
 * several rows one is enough. AbortError is how JavaScript says that somebody has cancelled. */
static bool is_class_retryable(const char *type)
{
    bool is_ours = strcmp(type, "AbortError") == 0;

    for (int code = FAIL_NONE + 1; code < FAIL_CODE_COUNT; code++) {
        if (strcmp(rows[code].type, type) != 0)
            continue;
        if (rows[code].retryable)
            return true;
        is_ours = true;
    }
    return !is_ours;
}

bool fail_is_retryable(const struct fail *f)
{
    if (f->code == FAIL_NODE)
        return is_class_retryable(fail_type(f));
    return row_of(f)->retryable;
}

bool fail_is_set(const struct fail *f)
{
    return f->code != FAIL_NONE;
}
