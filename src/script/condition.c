/*
 * Each of these is a C function under script_protect(): it pushes what the script's function gets, calls
 * it, and makes JSON or targets of what comes back.
 */
#include "script/condition.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/outcome.h"
#include "graph/path.h"
#include "graph/texts.h"
#include "script/internal.h"
#include <stdio.h>
#include <string.h>

/* What of a protected call of ours is our failure: 0, 1 with f filled, or a fault. */
static int settle(int r, int status, struct fail *f, struct fail *thrown)
{
    if (r < 0) {
        fail_clear(thrown);
        return err_trace(r);
    }
    if (r > 0) {
        fail_move(f, thrown);
        return 1;
    }
    return status;
}

/* ---- functions that choose ---- */

struct choosing {
    struct script_function function;
    json_t *map; /* or NULL */
};

struct choose_call {
    const struct choosing *own;
    const struct scope *scope;
    json_t *state;
    struct outcome *out;
    struct fail *f;
    int status; /* 0, 1 with f filled, or a fault */
};

static int refuse_result(struct choose_call *x, const char *text)
{
    fail_set(x->f, FAIL_INVALID_UPDATE, "%s did not return a valid destination: %s",
             x->own->function.name, text);
    return 1;
}

static int add_name(struct choose_call *x, const char *name)
{
    const json_t *mapped = x->own->map == NULL ? NULL : json_object_get(x->own->map, name);
    char text[200];
    if (x->own->map != NULL && mapped == NULL) {
        (void)snprintf(text, sizeof(text), "\"%.150s\" is not in its map", name);
        return refuse_result(x, text);
    }
    const char *node = mapped == NULL ? name : json_string_value(mapped);
    if (strcmp(node, "END") == 0)
        node = "__end__";
    return outcome_add_goto(x->out, x->scope->graph, node, NULL, x->f);
}

/* {"node", "arg"}, unless the script has changed it since. */
static int add_send_json(struct choose_call *x, const json_t *send)
{
    const char *node = json_string_value(json_object_get(send, "node"));
    const json_t *arg = json_object_get(send, "arg");
    if (node == NULL || arg == NULL)
        return refuse_result(x, "a Send without a node or an input");
    return outcome_add_goto(x->out, x->scope->graph, node, arg, x->f);
}

static int add_send(lua_State *L, int index, struct choose_call *x)
{
    struct to_json o = { .max_depth = (int)script_of(L)->conf->max_depth };
    json_t *send = to_json(L, index, &o, "Send");
    if (send == NULL && o.why[0] != '\0')
        return refuse_result(x, o.why);
    int r = send == NULL ? err_trace(ERR_NOMEM) : add_send_json(x, send);
    json_decref(send);
    return r;
}

/* Numbers and booleans are looked up by their text. */
static int add_scalar(lua_State *L, int index, struct choose_call *x)
{
    char text[64] = "";
    if (lua_isboolean(L, index))
        return add_name(x, lua_toboolean(L, index) ? "true" : "false");
    if (lua_isinteger(L, index))
        (void)snprintf(text, sizeof(text), "%lld", (long long)lua_tointeger(L, index));
    else if (lua_type(L, index) == LUA_TNUMBER)
        (void)snprintf(text, sizeof(text), "%.14g", lua_tonumber(L, index));
    if (text[0] != '\0')
        return add_name(x, text);
    (void)snprintf(text, sizeof(text), "it is %s", lua_typename(L, lua_type(L, index)));
    return refuse_result(x, text);
}

static int add_result(lua_State *L, int index, struct choose_call *x)
{
    if (lua_type(L, index) == LUA_TSTRING)
        return add_name(x, lua_tostring(L, index));
    if (bridge_mark_of(L, index) == MARK_SEND)
        return add_send(L, index, x);
    return add_scalar(L, index, x);
}

/* Of the value on the top. A list of the state is a list, too. */
static int add_results(lua_State *L, struct choose_call *x)
{
    int index = lua_gettop(L);
    int r = 0;
    if (json_is_array(view_json(L, index))) {
        bridge_push_copy(L, view_json(L, index));
        lua_replace(L, index);
    }
    if (!lua_istable(L, index) || bridge_mark_of(L, index) == MARK_SEND)
        return add_result(L, index, x);
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    for (lua_Integer i = 1; i <= count && r == 0; i++) {
        (void)lua_rawgeti(L, index, i);
        r = add_result(L, index + 1, x);
        lua_pop(L, 1);
    }
    return r;
}

static int call_choice(lua_State *L)
{
    struct choose_call *x = script_arg(L);
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, x->own->function.ref);
    view_push(L, x->state);
    about_push_config(L, x->scope->configurable);
    lua_call(L, 2, 1);
    x->status = add_results(L, x);
    return 0;
}

static int choose(void *arg, const struct scope *scope, struct outcome *out, struct fail *f)
{
    struct choose_call x = { .own = arg, .scope = scope, .out = out, .f = f };
    struct fail thrown = { .code = FAIL_NONE };
    x.state = scope_input(scope);
    if (x.state == NULL)
        return err_trace(ERR_NOMEM);
    int r = script_protect(x.own->function.script, call_choice, &x, &thrown);
    json_decref(x.state);
    return settle(r, x.status, f, &thrown);
}

static void free_choosing(void *arg)
{
    struct choosing *c = arg;
    script_function_clear(&c->function);
    json_decref(c->map);
    mem_free(c);
}

int condition_by_function(struct script *s, const char *function, json_t *map, struct chooser *ret)
{
    struct buf why MEM_AUTO(buf_deinit);
    struct choosing *c = mem_zalloc(sizeof(*c));
    buf_init(&why, TEXT_MAX_BYTES);
    int r = c == NULL ? ERR_NOMEM : script_find_function(s, function, &c->function, &why);
    if (r != 0) { /* "#7" is there: it was memory */
        mem_free(c);
        return err_trace(ERR_NOMEM);
    }
    c->map = json_incref(map);
    *ret = (struct chooser){ choose, c, free_choosing };
    return 0;
}

/* ---- expressions, tried in turn ---- */

struct trying {
    struct script *script;
    struct script_function *expressions; /* ref 0: holds always */
    char **targets;
    size_t count;
};

struct try_call {
    const struct trying *own;
    const struct scope *scope;
    json_t *state;
    size_t found; /* count: none */
};

/* An expression may also be the name of a function. null does not hold. */
static bool holds(lua_State *L, const struct try_call *x, size_t i)
{
    if (x->own->expressions[i].ref == 0)
        return true;
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, x->own->expressions[i].ref);
    view_push(L, x->state);
    about_push_config(L, x->scope->configurable);
    lua_call(L, 2, 1);
    if (lua_isfunction(L, -1)) {
        view_push(L, x->state);
        about_push_config(L, x->scope->configurable);
        lua_call(L, 2, 1);
    }
    bool is_true = lua_toboolean(L, -1) && !bridge_is_null(L, -1);
    lua_pop(L, 1);
    return is_true;
}

static int call_expressions(lua_State *L)
{
    struct try_call *x = script_arg(L);
    for (x->found = 0; x->found < x->own->count; x->found++)
        if (holds(L, x, x->found))
            break;
    return 0;
}

static int try_all(void *arg, const struct scope *scope, struct outcome *out, struct fail *f)
{
    const struct trying *own = arg;
    struct try_call x = { .own = own, .scope = scope, .found = own->count };
    struct fail thrown = { .code = FAIL_NONE };
    x.state = scope_input(scope);
    if (x.state == NULL)
        return err_trace(ERR_NOMEM);
    int r = script_protect(own->script, call_expressions, &x, &thrown);
    json_decref(x.state);
    if (r == 0 && x.found < own->count)
        return outcome_add_goto(out, scope->graph, own->targets[x.found], NULL, f);
    return settle(r, 0, f, &thrown);
}

static void free_trying(void *arg)
{
    struct trying *t = arg;
    for (size_t i = 0; t->expressions != NULL && i < t->count; i++)
        script_function_clear(&t->expressions[i]);
    mem_free(t->expressions);
    texts_free(t->targets, t->count);
    script_unref(t->script);
    mem_free(t);
}

static struct trying *new_trying(struct script *s, const char *const *targets, size_t count)
{
    struct trying *t = mem_zalloc(sizeof(*t));
    if (t == NULL)
        return NULL;
    t->script = script_ref(s);
    t->count = count;
    t->targets = texts_copy(targets, count);
    t->expressions = mem_array(count, sizeof(*t->expressions));
    if (t->targets != NULL && t->expressions != NULL)
        return t;
    free_trying(t);
    return NULL;
}

static bool is_name(const char *text)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return *text != '\0' && strspn(text, good) == strlen(text);
}

/* A function of the script by its name, or else an expression. 0, SCRIPT_E_WRONG, or a fault. */
static int find_expression(struct script *s, const char *text, struct script_function *ret,
                           struct buf *why)
{
    struct buf not_there MEM_AUTO(buf_deinit);
    buf_init(&not_there, TEXT_MAX_BYTES);
    int r = is_name(text) ? script_find_function(s, text, ret, &not_there) : SCRIPT_E_WRONG;
    if (r != SCRIPT_E_WRONG)
        return r < 0 ? err_trace(r) : 0;
    char *body MEM_AUTO(mem_freep) = mem_printf("return (%s\n)", text);
    return body == NULL ? err_trace(ERR_NOMEM) : script_compile_body(s, "if", body, ret, why);
}

int condition_by_expressions(struct code *code, const char *const *expressions,
                             const char *const *targets, size_t count, struct chooser *ret,
                             size_t *wrong, struct buf *why)
{
    struct script *s = script_of_code(code);
    struct trying *t = new_trying(s, targets, count);
    int r = t == NULL ? ERR_NOMEM : 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        if (expressions[i] == NULL)
            continue;
        *wrong = i;
        r = find_expression(s, expressions[i], &t->expressions[i], why);
    }
    if (r == 0) {
        *ret = (struct chooser){ try_all, t, free_trying };
        return 0;
    }
    if (t != NULL)
        free_trying(t);
    return r < 0 ? err_trace(r) : CODE_E_WRONG;
}

/* ---- reducers ---- */

struct fold_call {
    const struct script_function *function;
    const json_t *held, *written;
    json_t *result;
    int status;
    struct fail *f;
};

static int call_fold(lua_State *L)
{
    struct fold_call *x = script_arg(L);
    struct to_json o = { .max_depth = (int)script_of(L)->conf->max_depth };
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, x->function->ref);
    view_push(L, x->held);
    view_push(L, x->written);
    /* A list stays a list when the function empties it. */
    o.empty = json_is_array(x->held) ? EMPTY_ARRAY : EMPTY_OBJECT;
    lua_call(L, 2, 1);
    x->result = to_json(L, -1, &o, x->function->name);
    if (x->result == NULL && o.why[0] == '\0')
        x->status = err_trace(ERR_NOMEM);
    else if (x->result == NULL) {
        fail_set(x->f, FAIL_NODE, "%s", o.why);
        x->status = 1;
    }
    return 0;
}

static int fold(void *arg, const json_t *held, const json_t *written, json_t **ret, struct fail *f)
{
    struct fold_call x = { .function = arg, .held = held, .written = written, .f = f };
    struct fail thrown = { .code = FAIL_NONE };
    int r = script_protect(x.function->script, call_fold, &x, &thrown);
    if (r == 0 && x.status == 0) {
        *ret = x.result;
        return 0;
    }
    return settle(r, x.status, f, &thrown);
}

static void free_reducer(void *arg)
{
    script_function_clear(arg);
    mem_free(arg);
}

int condition_reducer(struct code *code, const char *name, struct reducer_fn *ret, struct buf *why)
{
    struct script_function *function = mem_zalloc(sizeof(*function));
    int r = function == NULL
                ? ERR_NOMEM
                : script_find_function(script_of_code(code), name, function, why);
    if (r != 0) {
        mem_free(function);
        return r < 0 ? err_trace(r) : CODE_E_WRONG;
    }
    *ret = (struct reducer_fn){ fold, function, free_reducer };
    return 0;
}
