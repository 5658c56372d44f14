/*
 * What a script finds. It runs in an environment of three tables, each behind the one before:
 *
 *     env        empty; what chunks see as their globals. A write goes through assign()
 *     globals    what the file has defined at its top level, while it was loaded
 *     builtins   our functions, and those of Lua's that neither block nor reach outside
 *
 * and a name that none of them has is an error, so a misspelt one is found. Tables of functions are
 * sealed: one run cannot change what another one calls.
 *
 * Left out: io, os but for time, load and its like, debug, string.dump, rawset, collectgarbage, and
 * __gc (Lua runs it with the counting of instructions switched off).
 */
#include "api_text.h"
#include "script/internal.h"
#include "script/lib_pattern.h"
#include "script/prelude.h"
#include <string.h>

static const char env_key = 0;
static const char globals_key = 0;
static const char builtins_key = 0;

/* ---- read-only tables ---- */

static int seal_newindex(lua_State *L)
{
    return luaL_error(L, "the table %s cannot be changed", lua_tostring(L, lua_upvalueindex(1)));
}

static int seal_next(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_next(L, lua_upvalueindex(1)))
        return 2;
    lua_pushnil(L);
    return 1;
}

/* The loop sees the stand-in: the table itself could be changed. */
static int seal_pairs(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, seal_next, 1);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

void sandbox_seal(lua_State *L, const char *what)
{
    int table = lua_gettop(L);
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 5);
    lua_pushvalue(L, table);
    lua_setfield(L, -2, "__index");
    (void)lua_pushstring(L, what);
    lua_pushcclosure(L, seal_newindex, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, table);
    lua_pushcclosure(L, seal_pairs, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    (void)lua_setmetatable(L, -2);
    lua_replace(L, table);
}

/* ---- the environment ---- */

static bool is_top_level(lua_State *L)
{
    lua_Debug ar;
    return lua_getstack(L, 1, &ar) && lua_getinfo(L, "S", &ar) && strcmp(ar.what, "main") == 0;
}

/* env.key = value; the builtins and the globals are upvalues. */
static int assign(lua_State *L)
{
    const char *name = luaL_tolstring(L, 2, NULL);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return luaL_error(L, "\"%s\" belongs to anabranch and cannot be assigned", name);
    if (!script_of(L)->is_loading)
        return luaL_error(L,
                          "assignment to the global \"%s\": globals are fixed once the file is "
                          "loaded; write local",
                          name);
    if (!is_top_level(L))
        return luaL_error(L,
                          "assignment to the global \"%s\" inside a function: write local, or "
                          "define it at the top of the file",
                          name);
    lua_settop(L, 3);
    lua_rawset(L, lua_upvalueindex(2));
    return 0;
}

static int missing(lua_State *L)
{
    return luaL_error(L, "nothing is called \"%s\" here", luaL_tolstring(L, 2, NULL));
}

/* One more table behind the one on the top: its __index is the value below it. */
static void set_index(lua_State *L, int table, int index)
{
    table = lua_absindex(L, table);
    index = lua_absindex(L, index);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, index);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    (void)lua_setmetatable(L, table);
}

/* The builtins are on the top. */
static void make_env(lua_State *L)
{
    int builtins = lua_gettop(L);
    lua_pushcfunction(L, missing);
    set_index(L, builtins, -1);
    lua_pop(L, 1);
    lua_createtable(L, 0, 0);
    int globals = lua_gettop(L);
    set_index(L, globals, builtins);
    lua_createtable(L, 0, 0);
    int env = lua_gettop(L);
    set_index(L, env, globals);
    (void)lua_getmetatable(L, env);
    lua_pushvalue(L, builtins);
    lua_pushvalue(L, globals);
    lua_pushcclosure(L, assign, 2);
    lua_setfield(L, -2, "__newindex");
    lua_pop(L, 1);
    lua_pushvalue(L, env);
    lua_setfield(L, builtins, "_G");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &env_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &globals_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &builtins_key);
}

void sandbox_push_env(lua_State *L)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &env_key);
}

void sandbox_push_globals(lua_State *L)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
}

void sandbox_push_builtins(lua_State *L)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &builtins_key);
}

/* ---- Lua's own libraries ---- */

/* setmetatable() without __gc: the collector calls it, whoever's turn it is. */
static int set_metatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    if (lua_istable(L, 2)) {
        (void)lua_pushliteral(L, "__gc");
        luaL_argcheck(L, lua_rawget(L, 2) == LUA_TNIL, 2, "__gc cannot be used here");
    }
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    lua_settop(L, 2);
    (void)lua_setmetatable(L, 1);
    return 1;
}

/* Copies functions of the library table on the top into the table below it. */
static void pick(lua_State *L, const char *const *names)
{
    for (; *names != NULL; names++) {
        (void)lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
    lua_pop(L, 1);
}

/* A library of Lua's, whole; on the top. */
static void open_library(lua_State *L, const char *name, lua_CFunction open)
{
    luaL_requiref(L, name, open, 1); /* global for what we have written in Lua ourselves */
}

static void open_base(lua_State *L)
{
    static const char *const names[] = { "assert",   "error",    "getmetatable", "ipairs", "pairs",
                                         "pcall",    "rawequal", "rawget",       "rawlen", "select",
                                         "tonumber", "tostring", "_VERSION",     "xpcall", NULL };
    static const luaL_Reg ours[] = {
        { "next", view_next },
        { "require", require_module },
        { "setmetatable", set_metatable },
        { "type", view_type },
        { NULL, NULL },
    };
    open_library(L, LUA_GNAME, luaopen_base);
    pick(L, names);
    luaL_setfuncs(L, ours, 0);
}

static void open_os(lua_State *L)
{
    static const char *const names[] = { "clock", "date", "difftime", "time", NULL };
    lua_createtable(L, 0, 4);
    open_library(L, LUA_OSLIBNAME, luaopen_os);
    pick(L, names);
    sandbox_seal(L, "os");
    lua_setfield(L, -2, "os");
}

/* Loads a text of ours and calls it with what is on the top, which its result replaces. */
static void run_own(lua_State *L, const char *text, const char *name)
{
    if (luaL_loadbufferx(L, text, strlen(text), name, "t") != LUA_OK)
        lua_error(L);
    lua_insert(L, -2);
    lua_call(L, 1, 1);
}

/* What loops for long in C is written in Lua instead: there the hook sees it. The library whose name
 * is on the top gets those functions of the prelude. */
static void replace_functions(lua_State *L, int prelude, const char *library)
{
    if (lua_getfield(L, prelude, library) != LUA_TTABLE) {
        lua_pop(L, 1);
        return;
    }
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -5);
    }
    lua_pop(L, 1);
}

static void open_sealed(lua_State *L, int prelude, const char *name, lua_CFunction open)
{
    open_library(L, name, open);
    replace_functions(L, prelude, name);
    if (strcmp(name, LUA_STRLIBNAME) == 0) {
        lua_pushnil(L);
        lua_setfield(L, -2, "dump");
        (void)lua_pushliteral(L, ""); /* strings find their methods there: nobody else may */
        (void)lua_getmetatable(L, -1);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pop(L, 2);
    }
    sandbox_seal(L, name);
    lua_setfield(L, -2, name);
}

static void open_lua_libraries(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        { LUA_STRLIBNAME, luaopen_string },
        { LUA_TABLIBNAME, luaopen_table },
        { LUA_MATHLIBNAME, luaopen_math },
        { LUA_UTF8LIBNAME, luaopen_utf8 },
        { NULL, NULL },
    };
    open_base(L);
    open_os(L);
    for (const luaL_Reg *library = libraries; library->name != NULL; library++) {
        open_library(L, library->name, library->func);
        lua_pop(L, 1);
    }
    script_prelude(L, SCRIPT_SLICE_STEPS);
    int prelude = lua_gettop(L);
    lua_pushvalue(L, -2); /* the builtins, for what follows */
    for (const luaL_Reg *library = libraries; library->name != NULL; library++)
        open_sealed(L, prelude, library->name, library->func);
    lua_settop(L, prelude - 1);
}

/* ---- all of it ---- */

/* What is written in Lua gets the builtins, and adds to them. */
static void open_api(lua_State *L)
{
    lua_pushvalue(L, -1);
    run_own(L, api_text, "=[anabranch]");
    lua_pop(L, 1);
}

void sandbox_open(lua_State *L)
{
    trace_open(L);
    bridge_open(L);
    view_open(L);
    lua_createtable(L, 0, 64);
    open_lua_libraries(L);
    lib_task_open(L);
    lib_wait_open(L);
    lib_group_open(L);
    lib_coroutine_open(L);
    lib_json_open(L);
    lib_log_open(L);
    lib_http_open(L);
    lib_store_open(L);
    lib_llm_open(L);
    lib_graph_open(L);
    lib_runtime_open(L);
    open_api(L);
    make_env(L);
}
