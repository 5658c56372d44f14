/*
 * The other primitives:
 *
 *     rep(s, n, sep)          the string, or nil: too long
 *     join(list, sep, i, j)   the elements i..j >= i as one string; no metamethods; or nil, the index of
 *                             one that is neither string nor number, its type
 *     compare(a, b)           a < b, or nil: a metamethod decides, which only Lua can call and yield
 *     integer(x)              x as the length of something, or nil
 */
#include "script/primitives.h"
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdbool.h>
#include <string.h>

/* Twice as much each time: a loop of n short copies would take too long. */
static void fill(char *out, size_t total, size_t filled)
{
    while (filled < total) {
        size_t more = filled < total - filled ? filled : total - filled;
        memcpy(out + filled, out, more);
        filled += more;
    }
}

/* What Lua allows, so that the total is no overflow either. */
static bool is_too_long(size_t s_len, size_t sep_len, lua_Integer n)
{
    return s_len + sep_len > (size_t)((lua_Integer)INT_MAX / n);
}

/* total > 0 */
static void push_repeated(lua_State *L, size_t total)
{
    size_t s_len, sep_len;
    const char *s = lua_tolstring(L, 1, &s_len), *sep = lua_tolstring(L, 3, &sep_len);
    luaL_Buffer b;
    char *out = luaL_buffinitsize(L, &b, total);
    memcpy(out, s, s_len);
    if (total > s_len)
        memcpy(out + s_len, sep, sep_len);
    fill(out, total, s_len + sep_len);
    luaL_pushresultsize(&b, total);
    script_meter_charge(script_meter_get(L), total / SCRIPT_BYTES_PER_STEP);
}

static int rep(lua_State *L)
{
    size_t s_len, sep_len;
    (void)luaL_checklstring(L, 1, &s_len);
    lua_Integer n = luaL_checkinteger(L, 2);
    (void)luaL_checklstring(L, 3, &sep_len);
    if (n > 0 && is_too_long(s_len, sep_len, n)) {
        lua_pushnil(L);
        return 1;
    }
    size_t total = n > 0 ? (s_len + sep_len) * (size_t)n - sep_len : 0;
    if (total == 0)
        lua_pushliteral(L, "");
    else
        push_repeated(L, total);
    return 1;
}

static int push_unfit(lua_State *L, lua_Integer index, int type)
{
    lua_pushnil(L);
    lua_pushinteger(L, index);
    lua_pushstring(L, lua_typename(L, type));
    return 3;
}

/* 0, or the type of an element that is no text; *i is its index then. */
static int add_elements(lua_State *L, luaL_Buffer *out, lua_Integer *i, lua_Integer j)
{
    size_t sep_len;
    const char *sep = lua_tolstring(L, 2, &sep_len);
    for (;; ++*i) {
        int type = lua_rawgeti(L, 1, *i);
        if (!lua_isstring(L, -1)) {
            lua_pop(L, 1);
            return type;
        }
        luaL_addvalue(out);
        if (*i == j)
            return LUA_TSTRING;
        luaL_addlstring(out, sep, sep_len);
    }
}

static int join(lua_State *L)
{
    luaL_Buffer out;
    luaL_checktype(L, 1, LUA_TTABLE);
    (void)luaL_checklstring(L, 2, NULL);
    lua_Integer first = luaL_checkinteger(L, 3), i = first, j = luaL_checkinteger(L, 4);
    luaL_buffinit(L, &out);
    int type = add_elements(L, &out, &i, j);
    size_t steps = (size_t)(i - first) + luaL_bufflen(&out) / SCRIPT_BYTES_PER_STEP;
    script_meter_charge(script_meter_get(L), steps);
    luaL_pushresult(&out);
    return type == LUA_TSTRING ? 1 : push_unfit(L, i, type);
}

static int compare(lua_State *L)
{
    lua_settop(L, 2);
    if (luaL_getmetafield(L, 1, "__lt") != LUA_TNIL || luaL_getmetafield(L, 2, "__lt") != LUA_TNIL)
        lua_pushnil(L);
    else
        lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
    return 1;
}

static int integer(lua_State *L)
{
    int is_integer;
    lua_Integer number = lua_tointegerx(L, 1, &is_integer);
    if (is_integer)
        lua_pushinteger(L, number);
    else
        lua_pushnil(L);
    return 1;
}

static const luaL_Reg functions[] = {
    { "rep", rep },         { "join", join }, { "compare", compare },
    { "integer", integer }, { NULL, NULL },
};

void script_lib_text(lua_State *L)
{
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, functions, 1);
}
