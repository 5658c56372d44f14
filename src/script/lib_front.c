/*
 * A function of the prelude as a script sees it:
 *
 *     script  ->  front (C)  ->  function of the prelude (Lua, may yield)  ->  primitive (C)
 *                            ->  primitive (C), and finish() of the prelude if it needs more time
 *
 * The front checks arguments and raises errors, because Lua takes the name in "bad argument #1 to
 * 'find'" and the line that is to blame from how the C function was called. A function in Lua that
 * is called as `return s:find(x)` does not know either any more.
 */
#include "script/primitives.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

enum { CAN_READ = 1, CAN_WRITE = 2, HAS_LENGTH = 4 };

/* A table, or something with these metamethods. */
static void check_table(lua_State *L, int arg, int what)
{
    static const struct {
        int what;
        const char *event;
    } rows[] = { { CAN_READ, "__index" }, { CAN_WRITE, "__newindex" }, { HAS_LENGTH, "__len" } };
    if (lua_istable(L, arg))
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if ((what & rows[i].what) == 0)
            continue;
        if (luaL_getmetafield(L, arg, rows[i].event) == LUA_TNIL)
            luaL_checktype(L, arg, LUA_TTABLE);
        else
            lua_pop(L, 1);
    }
}

static void check_integer(lua_State *L, int arg)
{
    lua_pushinteger(L, luaL_checkinteger(L, arg));
    lua_replace(L, arg);
}

static void check_replacement(lua_State *L, int arg)
{
    int type = lua_type(L, arg);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     arg, "string/function/table");
    if (type == LUA_TNUMBER)
        (void)lua_tolstring(L, arg, NULL); /* for what it does to the argument */
}

/* Checks an argument and makes it what it stands for: 1 becomes "1" or "1" becomes 1. */
static void check_argument(lua_State *L, int arg, char kind)
{
    switch (kind) {
    case 's':
        (void)luaL_checklstring(L, arg, NULL);
        break;
    case 'i':
        check_integer(L, arg);
        break;
    case 'r':
        check_replacement(L, arg);
        break;
    case 'l': /* a list to read */
        check_table(L, arg, CAN_READ | HAS_LENGTH);
        break;
    case 'm': /* a list to change */
        check_table(L, arg, CAN_READ | CAN_WRITE | HAS_LENGTH);
        break;
    case 'f': /* move()'s source */
        check_table(L, arg, CAN_READ);
        break;
    default: /* 'd', move()'s destination: by default the source */
        check_table(L, lua_isnoneornil(L, arg) ? 1 : arg, CAN_WRITE);
    }
}

/* "1s2s3I": kinds by argument in the order of the checks; a capital: may be missing. */
static void check_arguments(lua_State *L, const char *spec)
{
    for (; spec[0] != '\0'; spec += 2) {
        int arg = spec[0] - '0';
        bool is_optional = spec[1] >= 'A' && spec[1] <= 'Z';
        if (!is_optional)
            check_argument(L, arg, spec[1]);
        else if (!lua_isnoneornil(L, arg))
            check_argument(L, arg, (char)(spec[1] - 'A' + 'a'));
    }
}

/* What was called gave the answer, or the error to raise, or it is paused; then finish() knows. */
static int answer(lua_State *L, int status, lua_KContext context)
{
    (void)status; /* always LUA_YIELD or LUA_OK: errors go past */
    (void)context;
    const void *first = lua_touserdata(L, 1);
    if (first == &script_paused) {
        lua_pushvalue(L, lua_upvalueindex(3));
        lua_insert(L, 1);
        lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, answer);
        return answer(L, LUA_OK, 0);
    }
    if (first != &script_bad)
        return lua_gettop(L);
    int arg = (int)lua_tointeger(L, 2);
    const char *sentence = lua_tostring(L, 3);
    return arg > 0 ? luaL_argerror(L, arg, sentence) : luaL_error(L, "%s", sentence);
}

static int call_behind(lua_State *L)
{
    check_arguments(L, lua_tostring(L, lua_upvalueindex(1)));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, answer);
    return answer(L, LUA_OK, 0);
}

/*
 * front(spec, function, finish): the function for scripts.
 *   function   of the prelude, or a primitive
 *   finish     is called with its results if they begin with `paused`, and gives the real ones
 */
static int front(lua_State *L)
{
    (void)luaL_checkstring(L, 1);
    lua_settop(L, 3);
    lua_pushcclosure(L, call_behind, 3);
    return 1;
}

void script_lib_front(lua_State *L)
{
    lua_pushcfunction(L, front);
    lua_setfield(L, -2, "front");
}
