/*
 * The library coroutine. It is ours because what waits inside of a coroutine must give back the loop,
 * and not yield to whoever resumed the coroutine:
 *
 *     fiber -- resume --> coroutine -- sleep() --> yields: is the fiber waiting?
 *       ^                                             |  then its resumer yields, too ...
 *       +------------- the loop <---------------------+  ... and resumes it when it goes on itself
 */
#include "script/internal.h"

/* Set of threads that nobody may resume: coroutines that are at work or wait on the loop, and those
 * that C resumes. */
static const char busy_key = 0;

/* Has it yielded because its fiber gives the loop back? One that is closed does not any more. */
static bool has_left(const struct fiber *f)
{
    return f != NULL && f->state != FIBER_CLOSED &&
           (f->is_preempted || f->state == FIBER_WAITING || f->call->is_over_limit ||
            f->call->is_over);
}

static void set_busy(lua_State *L, int co, bool is_busy)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &busy_key);
    lua_pushvalue(L, co);
    if (is_busy)
        lua_pushboolean(L, 1);
    else
        lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static bool is_busy(lua_State *L, int co)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &busy_key);
    lua_pushvalue(L, co);
    bool found = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return found;
}

static int again(lua_State *L, int status, lua_KContext is_wrap);

/* What a coroutine that yielded or ended has given, behind `true`; or its error behind `false`. */
static int give_results(lua_State *L, lua_State *co, int status, int count, bool is_wrap)
{
    if (status == LUA_OK || status == LUA_YIELD) {
        luaL_checkstack(L, count + 1, "too many results");
        if (!is_wrap)
            lua_pushboolean(L, 1);
        lua_xmove(co, L, count);
        return count + !is_wrap;
    }
    luaL_checkstack(L, 2, "too many results");
    if (!is_wrap)
        lua_pushboolean(L, 0);
    lua_xmove(co, L, 1);
    if (is_wrap)
        (void)lua_resetthread(co);
    return is_wrap ? lua_error(L) : 2;
}

/* The coroutine stands at index 1; its arguments are on its own stack. */
static int go_on(lua_State *L, int arg_count, bool is_wrap)
{
    struct fiber *f = script_of(L)->running;
    lua_State *co = lua_tothread(L, 1);
    bool pins = f != NULL && !lua_isyieldable(L);
    int count = 0;
    if (f != NULL && pins)
        f->pinned++;
    int status = lua_resume(co, L, arg_count, &count);
    if (f != NULL && pins)
        f->pinned--;
    if (status == LUA_YIELD && has_left(f))
        return lua_yieldk(L, 0, is_wrap, again);
    set_busy(L, 1, false);
    return give_results(L, co, status, count, is_wrap);
}

static int again(lua_State *L, int status, lua_KContext is_wrap)
{
    (void)status;
    return go_on(L, 0, is_wrap != 0);
}

/* The status of the coroutine at index 1 of L. */
static const char *status_of(lua_State *L, int index)
{
    lua_State *co = lua_tothread(L, index);
    lua_Debug ar;
    if (co == L)
        return "running";
    if (is_busy(L, index))
        return "normal";
    if (lua_status(co) == LUA_YIELD)
        return "suspended";
    if (lua_status(co) != LUA_OK)
        return "dead";
    if (lua_getstack(co, 0, &ar))
        return "normal";
    return lua_gettop(co) == 0 ? "dead" : "suspended";
}

static int resume(lua_State *L, bool is_wrap)
{
    lua_State *co = lua_tothread(L, 1);
    const char *status = status_of(L, 1);
    int arg_count = lua_gettop(L) - 1;
    const char *wrong = NULL;
    if (status[0] != 's')
        wrong = lua_pushfstring(L, "cannot resume %s coroutine",
                                status[0] == 'd' ? "dead" : "non-suspended");
    else if (!lua_checkstack(co, arg_count))
        wrong = "too many arguments to resume";
    if (wrong != NULL && is_wrap)
        return luaL_error(L, "%s", wrong);
    if (wrong != NULL) {
        lua_pushboolean(L, 0);
        (void)lua_pushstring(L, wrong);
        return 2;
    }
    set_busy(L, 1, true); /* now: it may need memory, and what leaves must be busy */
    lua_xmove(L, co, arg_count);
    return go_on(L, arg_count, is_wrap);
}

static int co_resume(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    return resume(L, false);
}

static int co_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    script_hook(co);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int call_wrapped(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    return resume(L, true);
}

static int co_wrap(lua_State *L)
{
    (void)co_create(L);
    lua_pushcclosure(L, call_wrapped, 1);
    return 1;
}

static int co_yield (lua_State *L)
{
    const struct fiber *f = script_of(L)->running;
    if (f != NULL && f->L == L)
        return luaL_error(L, "attempt to yield from outside a coroutine");
    return lua_yield(L, lua_gettop(L));
}

static int co_status(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    (void)lua_pushstring(L, status_of(L, 1));
    return 1;
}

static int co_isyieldable(lua_State *L)
{
    const struct fiber *f = script_of(L)->running;
    lua_pushboolean(L, lua_isyieldable(L) && (f == NULL || f->L != L));
    return 1;
}

static int co_running(lua_State *L)
{
    const struct fiber *f = script_of(L)->running;
    bool is_main = lua_pushthread(L) || (f != NULL && f->L == L);
    lua_pushboolean(L, is_main);
    return 2;
}

static int co_close(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_State *co = lua_tothread(L, 1);
    const char *status = status_of(L, 1);
    if (status[0] != 's' && status[0] != 'd')
        return luaL_error(L, "cannot close a %s coroutine", status);
    if (lua_resetthread(co) == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushboolean(L, 0);
    lua_xmove(co, L, 1);
    return 2;
}

void coroutine_keep(lua_State *L)
{
    set_busy(L, lua_gettop(L), true);
}

void lib_coroutine_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "create", co_create }, { "resume", co_resume },   { "wrap", co_wrap },
        { "yield", co_yield },   { "status", co_status },   { "isyieldable", co_isyieldable },
        { "close", co_close },   { "running", co_running }, { NULL, NULL },
    };
    lua_createtable(L, 0, 0); /* weak keys: a coroutine that nobody has is no entry */
    lua_createtable(L, 0, 1);
    (void)lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    (void)lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &busy_key);
    (void)lua_pushthread(L); /* the main thread, which conditions and reducers run on */
    coroutine_keep(L);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    sandbox_seal(L, "coroutine");
    lua_setfield(L, -2, "coroutine");
}
