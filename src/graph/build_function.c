/*
 * Functions of a C program as reducers and conditions. They speak JSON text; the graph holds them
 * in the form that scripts use, too:
 *
 *     struct reducer_fn {fold, arg, free}        struct chooser {choose, arg, free}
 *                              |                                   |
 *                              v                                   v
 *                       struct own_reducer                  struct own_chooser
 */
#include "base/err.h"
#include "base/fail.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/outcome.h"
#include "graph/path.h"
#include <string.h>

/* Larger than what the limits of a state let pass. */
enum { TEXT_MAX_BYTES = 1 << 30, MESSAGE_MAX_BYTES = 65536, TYPE_MAX_BYTES = 128, E_FAILED = 1 };

struct own_reducer {
    char *field;
    int max_depth;
    anabranch_reduce *reduce;
    void *arg;
    void (*free_arg)(void *arg);
};

struct own_chooser {
    int max_depth;
    void (*choose)(void *arg, const char *state, struct anabranch_targets *targets);
    void *arg;
    void (*free_arg)(void *arg);
};

/* What a call has come to: 0, E_FAILED with fail filled, or a fault. */
struct anabranch_reduced {
    const struct own_reducer *own;
    json_t *json;
    struct fail *fail;
    int status;
};

struct anabranch_targets {
    const struct own_chooser *own;
    const struct scope *scope;
    struct outcome *out;
    struct fail *fail;
    int status;
    char *context, *config; /* made when they are asked for */
};

/* A status as the program sees it. */
static int public_status(int status)
{
    return status == E_FAILED ? ANABRANCH_E_INVALID : status;
}

/* As much of a program's text as can stand in JSON. */
static size_t fit(const char *text, size_t max_bytes)
{
    return text == NULL ? 0 : jsonx_utf8_prefix(text, strnlen(text, max_bytes));
}

static void fail_as_told(struct fail *f, const char *type, const char *message)
{
    char copy[TYPE_MAX_BYTES + 1] = { 0 };
    size_t type_len = fit(type, TYPE_MAX_BYTES);
    size_t message_len = fit(message, MESSAGE_MAX_BYTES);
    fail_clear(f);
    f->code = FAIL_NODE; /* without a message: the sentence of the table */
    if (message_len > 0)
        fail_set(f, FAIL_NODE, "%.*s", (int)message_len, message);
    if (type_len == 0)
        return;
    memcpy(copy, type, type_len);
    fail_set_type(f, copy);
}

/* 0, E_FAILED with f filled, or a fault. */
static int parse(const char *text, size_t len_bytes, int max_depth, const char *what, json_t **ret,
                 struct fail *f)
{
    struct jsonx_error error;
    int r = jsonx_parse(text, len_bytes, max_depth, ret, &error);
    if (r < 0)
        return err_trace(r);
    if (r == 0)
        return 0;
    fail_set(f, FAIL_INVALID_UPDATE, "%s is not JSON: line %d, column %d: %s", what, error.line,
             error.column, error.message);
    return E_FAILED;
}

/* ---- reducers ---- */

int anabranch_reduced_set(struct anabranch_reduced *reduced, const char *json, size_t len_bytes)
{
    if (reduced->status != 0)
        return public_status(reduced->status);
    char *what MEM_AUTO(mem_freep) =
        mem_printf("what the reducer of field \"%s\" gave", reduced->own->field);
    json_t *parsed = NULL;
    reduced->status = what == NULL ? err_trace(ERR_NOMEM)
                                   : parse(builder_text(json), json == NULL ? 0 : len_bytes,
                                           reduced->own->max_depth, what, &parsed, reduced->fail);
    json_decref(reduced->json);
    reduced->json = parsed;
    return public_status(reduced->status);
}

void anabranch_reduced_fail(struct anabranch_reduced *reduced, const char *type,
                            const char *message)
{
    if (reduced->status != 0)
        return;
    fail_as_told(reduced->fail, type, message);
    reduced->status = E_FAILED;
}

static int fold(void *arg, const json_t *held, const json_t *written, json_t **ret, struct fail *f)
{
    const struct own_reducer *own = arg;
    char *held_text MEM_AUTO(mem_freep) =
        held == NULL ? NULL : jsonx_text(held, TEXT_MAX_BYTES, NULL);
    char *written_text MEM_AUTO(mem_freep) = jsonx_text(written, TEXT_MAX_BYTES, NULL);
    if ((held != NULL && held_text == NULL) || written_text == NULL)
        return err_trace(ERR_NOMEM);
    struct anabranch_reduced reduced = { .own = own, .fail = f };
    own->reduce(own->arg, held_text, written_text, &reduced);
    if (reduced.status == 0 && reduced.json == NULL) {
        fail_set(f, FAIL_NODE, "the reducer of field \"%s\" gave no value", own->field);
        reduced.status = E_FAILED;
    }
    if (reduced.status == 0)
        *ret = reduced.json;
    else
        json_decref(reduced.json);
    return reduced.status;
}

static void reducer_release(void *arg)
{
    struct own_reducer *own = arg;
    if (own->free_arg != NULL)
        own->free_arg(own->arg);
    mem_free(own->field);
    mem_free(own);
}

void reducer_free(struct reducer_fn *fn)
{
    if (fn->free != NULL)
        fn->free(fn->arg);
    *fn = (struct reducer_fn){ .arg = NULL };
}

int reducer_from_program(const struct anabranch_builder *b, const char *field,
                         anabranch_reduce *reduce, void *arg, void (*free_arg)(void *arg),
                         struct reducer_fn *ret)
{
    struct own_reducer *own = mem_zalloc(sizeof(*own));
    char *copy = own == NULL ? NULL : mem_strdup(field);
    if (copy == NULL) {
        mem_free(own);
        if (free_arg != NULL)
            free_arg(arg);
        return err_trace(ERR_NOMEM);
    }
    *own = (struct own_reducer){ copy, (int)b->limits.max_depth, reduce, arg, free_arg };
    *ret = (struct reducer_fn){ fold, own, reducer_release };
    return 0;
}

/* ---- conditions ---- */

/* The synonyms of the ends, as everywhere in the builder. */
static const char *end_name(const char *name)
{
    if (strcmp(name, "END") == 0)
        return "__end__";
    return strcmp(name, "START") == 0 ? "__start__" : name;
}

static int add_target(struct anabranch_targets *t, const char *node, const char *arg)
{
    json_t *json = NULL;
    int r = 0;
    if (arg != NULL)
        r = parse(arg, strlen(arg), t->own->max_depth, "the argument of a Send", &json, t->fail);
    if (r == 0)
        r = outcome_add_goto(t->out, t->scope->graph, end_name(node), json, t->fail);
    json_decref(json);
    return r;
}

int anabranch_targets_add(struct anabranch_targets *targets, const char *node, const char *arg)
{
    if (targets->status == 0)
        targets->status = add_target(targets, builder_text(node), arg);
    return public_status(targets->status);
}

void anabranch_targets_fail(struct anabranch_targets *targets, const char *type,
                            const char *message)
{
    if (targets->status != 0)
        return;
    fail_as_told(targets->fail, type, message);
    targets->status = E_FAILED;
}

/* The text of what a run was given, kept in *text; without a run an empty object. */
static const char *look(char **text, const json_t *json, size_t *ret_len_bytes)
{
    if (*text == NULL)
        *text = json == NULL ? mem_strdup("{}") : jsonx_text(json, TEXT_MAX_BYTES, NULL);
    if (*text != NULL && ret_len_bytes != NULL)
        *ret_len_bytes = strlen(*text);
    return *text;
}

const char *anabranch_targets_context(struct anabranch_targets *targets, size_t *ret_len_bytes)
{
    return look(&targets->context, targets->scope->context, ret_len_bytes);
}

const char *anabranch_targets_config(struct anabranch_targets *targets, size_t *ret_len_bytes)
{
    return look(&targets->config, targets->scope->configurable, ret_len_bytes);
}

static int choose(void *arg, const struct scope *scope, struct outcome *out, struct fail *f)
{
    const struct own_chooser *own = arg;
    json_t *seen = scope_input(scope);
    char *state MEM_AUTO(mem_freep) = seen == NULL ? NULL : jsonx_text(seen, TEXT_MAX_BYTES, NULL);
    json_decref(seen);
    if (state == NULL)
        return err_trace(ERR_NOMEM);
    struct anabranch_targets targets = { .own = own, .scope = scope, .out = out, .fail = f };
    own->choose(own->arg, state, &targets);
    mem_free(targets.context);
    mem_free(targets.config);
    return targets.status;
}

static void chooser_release(void *arg)
{
    struct own_chooser *own = arg;
    if (own->free_arg != NULL)
        own->free_arg(own->arg);
    mem_free(own);
}

void chooser_free(struct chooser *chooser)
{
    if (chooser->free != NULL)
        chooser->free(chooser->arg);
    *chooser = (struct chooser){ .arg = NULL };
}

int chooser_from_program(const struct anabranch_builder *b, const struct anabranch_when *when,
                         struct chooser *ret)
{
    struct own_chooser *own = mem_zalloc(sizeof(*own));
    if (own == NULL) {
        if (when->free_arg != NULL)
            when->free_arg(when->arg);
        return err_trace(ERR_NOMEM);
    }
    *own =
        (struct own_chooser){ (int)b->limits.max_depth, when->choose, when->arg, when->free_arg };
    *ret = (struct chooser){ choose, own, chooser_release };
    return 0;
}
