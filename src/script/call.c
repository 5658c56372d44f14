/* One attempt at a node: its function's own fiber, and what becomes of what that returns. */
#include "script/call.h"
#include "base/err.h"
#include "base/mem.h"
#include "script/internal.h"
#include <string.h>

/* ---- the end ---- */

void call_fail(struct script_call *c, struct fail *f)
{
    if (c->is_over) {
        fail_clear(f);
        return;
    }
    c->is_over = true;
    c->options.host->fail(c->options.arg, f);
    fail_clear(f);
}

static void call_fault(struct script_call *c)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set_fault(&f, ERR_NOMEM);
    call_fail(c, &f);
}

/* Does the function fail by what a function beside it has failed by? */
static bool has_child_error(const struct script_call *c)
{
    lua_State *L = c->root->L;
    if (c->child_trace == NULL || !lua_checkstack(L, LUA_MINSTACK))
        return false;
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &c->child_trace);
    bool is_same = lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
    return is_same;
}

/* What was thrown in a function of gather() has a stack of its own, which is told below. */
static void fail_by_error(struct script_call *c)
{
    struct fail f = { .code = FAIL_NONE };
    bool is_child = has_child_error(c);
    trace_fail(c->script, c->root->L, lua_status(c->root->L), &f);
    if (is_child) {
        struct fail whole = { .code = FAIL_NONE };
        fail_copy(&whole, &f);
        fail_set(&whole, f.code, "%s\n%s", fail_message(&f), c->child_trace);
        if (f.type != NULL)
            fail_set_type(&whole, f.type);
        fail_move(&f, &whole);
    }
    call_fail(c, &f);
}

static const struct fiber *forgotten_future(const struct script_call *c)
{
    LIST_EACH(&c->fibers, node) {
        const struct fiber *f = LIST_OF(node, struct fiber, node);
        if (f->is_future && !f->is_joined)
            return f;
    }
    return NULL;
}

/* The lesson's first mistake: something was begun, and nobody looked at what became of it. */
static bool fail_by_future(struct script_call *c)
{
    const struct fiber *lost = forgotten_future(c);
    struct fail f = { .code = FAIL_NONE };
    if (lost == NULL)
        return false;
    fail_set(&f, FAIL_NODE,
             "%snode \"%s\" ended without a join() of the future that spawn() made here",
             lost->where, c->options.about.node);
    fail_set_type(&f, "FutureNotJoinedError");
    call_fail(c, &f);
    return true;
}

static void finish(struct script_call *c)
{
    struct to_json o = { .max_depth = (int)c->script->conf->max_depth,
                         .graph = c->options.about.graph };
    struct fail f = { .code = FAIL_NONE };
    lua_State *L = c->root->L;
    lua_settop(L, 1); /* there is room: functions have some by themselves */
    json_t *result = to_json_result(L, 1, &o);
    if (result != NULL) {
        c->is_over = true;
        c->options.host->finish(c->options.arg, result);
    } else if (o.why[0] != '\0') {
        fail_set(&f, FAIL_INVALID_UPDATE, "node \"%s\": %s", c->options.about.node, o.why);
        call_fail(c, &f);
    } else {
        call_fault(c);
    }
}

void call_root_ended(struct script_call *c)
{
    if (c->root->state == FIBER_FAILED)
        fail_by_error(c);
    else if (!fail_by_future(c))
        finish(c);
}

/* ---- the beginning ---- */

/* function(state, config, error) */
static int make_root(lua_State *L)
{
    struct script_call *c = script_arg(L);
    const struct script_about *about = &c->options.about;
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, c->options.function->ref);
    view_push(L, about->state);
    about_push_config(L, about->configurable);
    view_push(L, about->error);
    c->root = fiber_new(L, c, 3);
    return 0;
}

static int begin(struct script_call *c, struct fail *f)
{
    int r = script_protect(c->script, make_root, c, f);
    if (r != 0)
        return r;
    fiber_start(c->root);
    return 0;
}

int script_call_start(const struct script_call_options *o, struct script_call **ret, struct fail *f)
{
    struct script_call *c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return err_trace(ERR_NOMEM);
    c->options = *o;
    c->script = script_ref(o->function->script);
    (void)json_incref(c->options.about.state);
    list_init(&c->fibers);
    list_init(&c->chats);
    int r = begin(c, f);
    if (r != 0) {
        script_call_free(c);
        return r < 0 ? err_trace(r) : r;
    }
    *ret = c;
    return 0;
}

struct script_call *script_call_free(struct script_call *c)
{
    if (c == NULL)
        return NULL;
    c->is_over = true;
    llm_chats_end(c);
    /* The function's own fiber is the first: what it waits for goes before what it waited with. */
    while (!list_is_empty(&c->fibers))
        fiber_free(LIST_OF(c->fibers.next, struct fiber, node));
    lua_pushnil(c->script->L);
    lua_rawsetp(c->script->L, LUA_REGISTRYINDEX, &c->child_trace);
    json_decref(c->options.about.state);
    mem_free(c->child_trace);
    script_unref(c->script);
    return mem_free(c);
}
