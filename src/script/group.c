/*
 * Functions side by side.
 *
 *     gather(f, g)          results in the order of the call; the first error ends the others
 *     gather_settled(f, g)  {ok = true, value = v} or {ok = false, error = e} for each
 *     gather{f, g}          as gather, and gather_settled{f, g}: the results as one list
 *     with_timeout(s, f)    the results of f, or TimeoutError after s seconds
 *     spawn(f, ...)         a future; join(future) waits for its results
 *
 * All but spawn() are one thing: a group of fibers that a fiber waits for. The group owns its fibers,
 * but for a join, whose fiber is the future's.
 */
#include "base/err.h"
#include "base/mem.h"
#include "script/internal.h"
#include <math.h>
#include <stdio.h>

static const char future_key = 0; /* the metatable of futures */

enum group_kind { GROUP_GATHER, GROUP_SETTLED, GROUP_TIMEOUT, GROUP_JOIN };

struct group {
    struct wait wait; /* first member */
    enum group_kind kind;
    bool is_list; /* was given one, gives one */
    size_t count;
    size_t pending;
    struct fiber *failed; /* the first; NULL = none */
    struct loop_timer *timer;
    double seconds;
    bool has_timed_out;
    struct fiber *fibers[];
};

/* ---- the group as what a fiber waits for ---- */

static void let_go(struct fiber *f, const struct group *g)
{
    f->group = NULL;
    if (g->kind == GROUP_JOIN)
        return; /* the future's, whoever joins it */
    fiber_free(f);
}

static void drop(struct wait *wait)
{
    struct group *g = (struct group *)wait;
    loop_timer_free(g->timer);
    for (size_t i = 0; i < g->count; i++)
        if (g->fibers[i] != NULL)
            let_go(g->fibers[i], g);
    mem_free(g);
}

void group_forget(struct fiber *f)
{
    struct group *g = f->group;
    for (size_t i = 0; g != NULL && i < g->count; i++)
        if (g->fibers[i] == f)
            g->fibers[i] = NULL;
    f->group = NULL;
}

static struct group *group_new(lua_State *L, struct fiber *f, enum group_kind kind, size_t count)
{
    struct group *g = mem_zalloc(sizeof(*g) + count * sizeof(g->fibers[0]));
    if (g == NULL)
        luaL_error(L, "no memory");
    g->wait.drop = drop;
    g->kind = kind;
    g->count = count;
    g->pending = count;
    fiber_own_wait(f, &g->wait);
    return g;
}

/* ---- a fiber's end ---- */

/* The stack of a fiber that failed is lost when its error goes on to who waits for it. */
static int note_trace(lua_State *L)
{
    const struct fiber *f = script_arg(L);
    struct script_call *c = f->call;
    luaL_traceback(L, f->L, "in a function that ran beside it:", 0);
    if (!lua_checkstack(f->L, 1)) /* what raises there is caught by nobody */
        return luaL_error(L, "no memory");
    lua_pushvalue(f->L, -1);
    lua_xmove(f->L, L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &c->child_trace);
    mem_free(c->child_trace);
    c->child_trace = mem_strdup(lua_tostring(L, -1));
    return 0;
}

static void fiber_failed(struct group *g, struct fiber *f)
{
    struct fail none = { .code = FAIL_NONE };
    g->failed = f;
    (void)script_protect(f->call->script, note_trace, f,
                         &none); /* without it there is less to read */
    fail_clear(&none);
    for (size_t i = 0; i < g->count; i++)
        if (g->fibers[i] != f)
            fiber_close(g->fibers[i]);
}

void group_fiber_ended(struct fiber *f)
{
    struct group *g = f->group;
    if (g == NULL || g->failed != NULL || g->has_timed_out)
        return; /* a future that nobody joins yet; or the end is known */
    g->pending--;
    if (f->state == FIBER_FAILED && g->kind != GROUP_SETTLED)
        fiber_failed(g, f);
    if ((g->pending == 0 || g->failed != NULL) && g->wait.fiber != NULL)
        fiber_wake(g->wait.fiber);
}

/* ---- what a group comes to ---- */

/* Moves the one value on the top of another thread. */
static void take_value(lua_State *L, lua_State *from)
{
    luaL_checkstack(L, 1, "too many results");
    lua_xmove(from, L, 1);
}

static void push_first_result(lua_State *L, const struct fiber *f)
{
    luaL_checkstack(L, LUA_MINSTACK, "too many results");
    if (lua_gettop(f->L) == 0) {
        lua_pushnil(L);
        return;
    }
    lua_settop(f->L, 1);
    take_value(L, f->L);
}

/* {ok = true, value = v} or {ok = false, error = e} */
static void push_settled(lua_State *L, const struct fiber *f)
{
    bool is_ok = f->state == FIBER_DONE;
    luaL_checkstack(L, LUA_MINSTACK, "too many results");
    lua_createtable(L, 0, 2);
    lua_pushboolean(L, is_ok);
    lua_setfield(L, -2, "ok");
    if (is_ok)
        push_first_result(L, f);
    else
        take_value(L, f->L);
    lua_setfield(L, -2, is_ok ? "value" : "error");
}

static void push_result(lua_State *L, const struct group *g, size_t i)
{
    if (g->kind == GROUP_SETTLED)
        push_settled(L, g->fibers[i]);
    else
        push_first_result(L, g->fibers[i]);
}

static int push_list(lua_State *L, const struct group *g)
{
    lua_createtable(L, (int)g->count, 0);
    for (size_t i = 0; i < g->count; i++) {
        push_result(L, g, i);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    bridge_mark(L, MARK_ARRAY);
    return 1;
}

static int push_results(lua_State *L, const struct group *g)
{
    if (g->is_list)
        return push_list(L, g);
    for (size_t i = 0; i < g->count; i++)
        push_result(L, g, i);
    return (int)g->count;
}

static int push_all(lua_State *L, const struct group *g)
{
    lua_State *from = g->fibers[0]->L;
    int count = lua_gettop(from);
    luaL_checkstack(L, count, "too many results");
    lua_xmove(from, L, count);
    return count;
}

static int raise_timeout(lua_State *L, struct fiber *f, double seconds)
{
    struct fail *late = trace_push_fail(L);
    fail_set(late, FAIL_NODE_TIMEOUT, "with_timeout: %g seconds have passed", seconds);
    fail_set_type(late, "TimeoutError");
    fiber_drop_wait(f);
    return lua_error(L);
}

static int (*const pushers[])(lua_State *L, const struct group *g) = {
    [GROUP_GATHER] = push_results,
    [GROUP_SETTLED] = push_results,
    [GROUP_TIMEOUT] = push_all,
    [GROUP_JOIN] = push_all,
};

static void forget_joined(struct group *g)
{
    struct fiber *f = g->fibers[0];
    f->is_joined = true;
    g->fibers[0] = NULL;
    f->group = NULL;
    fiber_free(f);
}

static int conclude(lua_State *L, struct fiber *f)
{
    struct group *g = (struct group *)f->wait;
    if (g->has_timed_out)
        return raise_timeout(L, f, g->seconds);
    int count = 1;
    if (g->failed != NULL)
        take_value(L, g->failed->L);
    else
        count = pushers[g->kind](L, g);
    bool has_failed = g->failed != NULL;
    if (g->kind == GROUP_JOIN)
        forget_joined(g);
    fiber_drop_wait(f);
    return has_failed ? lua_error(L) : count;
}

static int concluded(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    return conclude(L, (struct fiber *)ctx);
}

/* ---- gather ---- */

static void check_functions(lua_State *L, int first)
{
    for (int i = first; i <= lua_gettop(L); i++)
        if (!lua_isfunction(L, i))
            luaL_argerror(L, i, "function expected; write function() return f(x) end for f(x)");
}

/* gather{f, g}: the list is taken apart. */
static void unpack_list(lua_State *L)
{
    lua_Integer count = luaL_len(L, 1);
    luaL_argcheck(L, count >= 0 && count <= script_of(L)->conf->script_max_fibers, 1,
                  "the list is longer than script_max_fibers");
    luaL_checkstack(L, (int)count + LUA_MINSTACK, "the list is too long");
    for (lua_Integer i = 1; i <= count; i++)
        (void)lua_geti(L, 1, i);
    lua_remove(L, 1);
}

static int gather(lua_State *L, const char *what, enum group_kind kind)
{
    bool is_list = lua_gettop(L) == 1 && lua_istable(L, 1);
    if (is_list)
        unpack_list(L);
    check_functions(L, 1);
    size_t count = (size_t)lua_gettop(L);
    struct fiber *f = fiber_for_wait(L, what);
    fiber_check_room(L, f->call, count); /* all or none: what is there would stay as long as f */
    struct group *g = group_new(L, f, kind, count);
    g->is_list = is_list;
    for (size_t i = 0; i < count; i++) {
        lua_pushvalue(L, (int)i + 1);
        g->fibers[i] = fiber_new(L, f->call, 0);
        g->fibers[i]->group = g;
    }
    if (count == 0)
        return conclude(L, f);
    for (size_t i = 0; i < count; i++)
        fiber_start(g->fibers[i]);
    return fiber_wait(L, f, concluded);
}

static int lua_gather(lua_State *L)
{
    return gather(L, "gather()", GROUP_GATHER);
}

static int lua_gather_settled(lua_State *L)
{
    return gather(L, "gather_settled()", GROUP_SETTLED);
}

/* ---- with_timeout ---- */

static void time_passed(void *arg)
{
    struct group *g = arg;
    if (g->pending == 0 || g->failed != NULL)
        return; /* it has ended in this very turn */
    g->has_timed_out = true;
    fiber_close(g->fibers[0]);
    if (g->wait.fiber != NULL)
        fiber_wake(g->wait.fiber);
}

static int lua_with_timeout(lua_State *L)
{
    double seconds = wait_check_seconds(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    struct fiber *f = fiber_for_wait(L, "with_timeout()");
    struct group *g = group_new(L, f, GROUP_TIMEOUT, 1);
    g->seconds = seconds;
    if (loop_timer_new(f->call->options.loop, time_passed, g, &g->timer) != 0)
        return luaL_error(L, "no memory");
    g->fibers[0] = fiber_new(L, f->call, lua_gettop(L) - 2);
    g->fibers[0]->group = g;
    loop_timer_start(g->timer, (int64_t)llround(seconds * 1e6));
    fiber_start(g->fibers[0]);
    return fiber_wait(L, f, concluded);
}

/* ---- spawn and join ---- */

static struct future *check_future(lua_State *L)
{
    struct future *future = lua_touserdata(L, 1);
    bool is_future = future != NULL && !lua_islightuserdata(L, 1) && lua_getmetatable(L, 1);
    if (is_future) {
        (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &future_key);
        is_future = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    luaL_argcheck(L, is_future, 1, "future expected, as spawn() gives one");
    return future;
}

static int lua_spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    struct script_call *c = call_running(L, "spawn()");
    int arg_count = lua_gettop(L) - 1;
    struct future *future = lua_newuserdatauv(L, sizeof(*future), 0);
    future->fiber = NULL;
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &future_key);
    (void)lua_setmetatable(L, -2);
    lua_insert(L, 1);
    struct fiber *f = fiber_new(L, c, arg_count);
    luaL_where(L, 1);
    (void)snprintf(f->where, sizeof(f->where), "%s", lua_tostring(L, -1)); /* may be cut */
    lua_settop(L, 1);
    f->is_future = true;
    f->future = future;
    future->fiber = f;
    fiber_start(f);
    return 1;
}

static int lua_join(lua_State *L)
{
    struct future *future = check_future(L);
    struct fiber *f = fiber_for_wait(L, "join()");
    struct fiber *joined = future->fiber;
    luaL_argcheck(L, joined != NULL && joined->call == f->call, 1,
                  "the future was joined already, or is another run's");
    luaL_argcheck(L, joined->group == NULL && joined != f, 1,
                  "somebody waits for the future already");
    struct group *g = group_new(L, f, GROUP_JOIN, 1);
    g->fibers[0] = joined;
    joined->group = g;
    if (joined->state != FIBER_DONE && joined->state != FIBER_FAILED)
        return fiber_wait(L, f, concluded);
    group_fiber_ended(joined);
    return conclude(L, f);
}

/* The script has lost it; its fiber tells of that at the end. */
static int future_gc(lua_State *L)
{
    struct future *future = lua_touserdata(L, 1);
    if (future->fiber != NULL)
        future->fiber->future = NULL;
    future->fiber = NULL;
    return 0;
}

void lib_group_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "gather", lua_gather }, { "gather_settled", lua_gather_settled }, { "spawn", lua_spawn },
        { "join", lua_join },     { "with_timeout", lua_with_timeout },     { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, future_gc);
    lua_setfield(L, -2, "__gc");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, lua_join);
    lua_setfield(L, -2, "join");
    sandbox_seal(L, "future");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &future_key);
}
