/*
 * Fibers: the coroutines of a call, and what makes them go on.
 *
 *     fiber_start -> ready list -> run -> lua_resume -- waits --> FIBER_WAITING -- fiber_wake --+
 *                        ^           |                                                          |
 *                        |           +-- its slice is over                                      |
 *                        +-----------+--------------------------------------------------------<-+
 *                                    +-- ends --> its group, or the call
 *
 * A fiber is anchored in the registry under its own address, so that nothing of it is collected
 * while C holds it.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "script/internal.h"
#include <string.h>

static void run(void *arg);

/* ---- making one ---- */

void fiber_check_room(lua_State *L, const struct script_call *c, size_t count)
{
    int64_t most = c->script->conf->script_max_fibers;
    if ((int64_t)(c->fiber_count + count) > most)
        luaL_error(L, "more than %I functions at the same time (script_max_fibers)",
                   (LUAI_UACINT)most);
}

static struct fiber *add_fiber(lua_State *L, struct script_call *c)
{
    fiber_check_room(L, c, 1);
    struct fiber *f = mem_zalloc(sizeof(*f));
    if (f == NULL)
        luaL_error(L, "no memory for another function");
    f->call = c;
    f->state = FIBER_CLOSED;
    loop_work_init(&f->work, run, f);
    list_add_tail(&c->fibers, &f->node);
    c->fiber_count++;
    return f;
}

/* Where Lua raises in here, the fiber stays in the call's list, empty, and goes with the call. */
struct fiber *fiber_new(lua_State *L, struct script_call *c, int arg_count)
{
    struct fiber *f = add_fiber(L, c);
    lua_State *co = lua_newthread(L);
    coroutine_keep(L); /* scripts get hold of it by coroutine.running() */
    lua_rawsetp(L, LUA_REGISTRYINDEX, f);
    f->L = co;
    script_hook(co);
    if (!lua_checkstack(co, arg_count + 1 + LUA_MINSTACK))
        luaL_error(L, "too many arguments");
    lua_xmove(L, co, arg_count + 1);
    f->arg_count = arg_count;
    return f;
}

void fiber_start(struct fiber *f)
{
    f->state = FIBER_READY;
    loop_ready(f->call->options.loop, &f->work);
}

/* ---- running ---- */

static void note_limit(struct script_call *c)
{
    struct fail f = { .code = FAIL_NONE };
    fail_set(&f, FAIL_LIMIT, "%s: node \"%s\" needs more than script_max_instructions, %lld",
             c->script->path, c->options.about.node,
             (long long)c->script->conf->script_max_instructions);
    call_fail(c, &f);
}

static void ended(struct fiber *f, enum fiber_state how)
{
    f->state = how;
    if (f == f->call->root)
        call_root_ended(f->call);
    else
        group_fiber_ended(f);
}

static void settle(struct fiber *f, int status)
{
    struct script_call *c = f->call;
    if (c->is_over)
        return; /* a question without an answer: it is closed with the call */
    if (c->is_over_limit)
        note_limit(c);
    else if (status == LUA_YIELD && f->state == FIBER_WAITING)
        return;
    else if (status == LUA_YIELD)
        fiber_start(f);
    else
        ended(f, status == LUA_OK ? FIBER_DONE : FIBER_FAILED);
}

static void run(void *arg)
{
    struct fiber *f = arg;
    struct script *s = f->call->script;
    int arg_count = f->arg_count;
    int result_count = 0;
    if (f->state != FIBER_READY || f->call->is_over)
        return;
    f->state = FIBER_RUNNING;
    f->arg_count = 0;
    f->is_preempted = false;
    s->running = f;
    s->slice_end_us = clock_mono_us() + SLICE_US;
    int status = lua_resume(f->L, NULL, arg_count, &result_count);
    s->running = NULL;
    settle(f, status);
}

/* ---- waiting ---- */

struct script_call *call_running(lua_State *L, const char *what)
{
    const struct script *s = script_of(L);
    if (s->running == NULL && s->is_loading)
        trace_blame(L,
                    "%s only works inside of a node: here the file is being loaded, and no run "
                    "is there yet",
                    what);
    if (s->running == NULL)
        trace_blame(L, "%s only works inside of a node, not in a condition or reducer", what);
    if (s->running->call->is_over || s->running->state == FIBER_CLOSED)
        trace_blame(L, "%s does not work any more: the node is being ended", what);
    return s->running->call;
}

struct fiber *fiber_for_wait(lua_State *L, const char *what)
{
    (void)call_running(L, what);
    struct fiber *f = script_of(L)->running;
    if (!lua_isyieldable(L) || f->pinned > 0)
        trace_blame(L,
                    "%s cannot wait here: a function of the library is in between that does not "
                    "know how to",
                    what);
    return f;
}

void fiber_own_wait(struct fiber *f, struct wait *w)
{
    fiber_drop_wait(f);
    f->wait = w;
    w->fiber = f;
}

int fiber_wait(lua_State *L, struct fiber *f, lua_KFunction k)
{
    f->state = FIBER_WAITING;
    return lua_yieldk(L, 0, (lua_KContext)f, k);
}

void fiber_wake(struct fiber *f)
{
    if (f->state == FIBER_WAITING)
        fiber_start(f);
}

void fiber_drop_wait(struct fiber *f)
{
    struct wait *w = f->wait;
    f->wait = NULL;
    if (w == NULL)
        return;
    w->fiber = NULL;
    w->drop(w);
}

/* ---- the end ---- */

/* What the function has to close is closed; it cannot wait, and has few instructions for it. */
void fiber_close(struct fiber *f)
{
    struct script *s = f->call->script;
    struct fiber *running = s->running;
    loop_work_cancel(&f->work);
    fiber_drop_wait(f);
    if (f->L == NULL || f->state == FIBER_CLOSED)
        return;
    f->state = FIBER_CLOSED;
    f->closing_ticks = CLOSE_TICKS;
    s->running = f;
    script_hook(f->L);
    (void)lua_resetthread(f->L); /* an error in there has nobody to be told to */
    s->running = running;
}

void fiber_free(struct fiber *f)
{
    lua_State *L = f->call->script->L;
    fiber_close(f);
    group_forget(f);
    if (f->future != NULL)
        f->future->fiber = NULL;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, f); /* to take away needs no memory */
    list_remove(&f->node);
    f->call->fiber_count--;
    mem_free(f);
}
