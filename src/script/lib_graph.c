/*
 * What api.lua makes StateGraph of: functions that a graph will call, marks on tables, places in the
 * file, and compiled graphs as values. A graph value is a number: the graphs themselves are the
 * loader's (compile.c), for a script must not keep alive the graph that keeps it alive.
 */
#include "base/mem.h"
#include "script/compile.h"
#include "script/internal.h"
#include <string.h>

static const char functions_key = 0; /* list: functions that were handed over */
static const char graph_key = 0;     /* the metatable of compiled graphs */

/* ---- marks ---- */

static const char *const mark_names[MARK_COUNT + 1] = { "none", "array", "object", "send", "command",
                                                    "node", NULL };

static int own_mark(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    int mark = luaL_checkoption(L, 2, NULL, mark_names);
    lua_settop(L, 1);
    bridge_mark(L, (enum mark)mark);
    return 1;
}

static int own_mark_of(lua_State *L)
{
    (void)lua_pushstring(L, mark_names[bridge_mark_of(L, 1)]);
    return 1;
}

/* ---- places ---- */

/* where(level): "line 12" of the function at that level above the one that asks. */
static int own_where(lua_State *L)
{
    lua_Debug ar;
    int level = (int)luaL_checkinteger(L, 1) + 1;
    if (lua_getstack(L, level, &ar) && lua_getinfo(L, "l", &ar) && ar.currentline > 0)
        (void)lua_pushfstring(L, "line %d", ar.currentline);
    else
        (void)lua_pushliteral(L, "");
    return 1;
}

/* ---- functions ---- */

void lib_graph_push_function(lua_State *L, lua_Integer index)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &functions_key);
    (void)lua_rawgeti(L, -1, index);
    lua_remove(L, -2);
}

/* ref(function, what): "#7 what", where what is its name in messages. */
static int own_ref(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (!script_of(L)->is_loading)
        return trace_blame(L, "graphs are built while their file is loaded, not in a node");
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &functions_key);
    lua_Integer index = (lua_Integer)lua_rawlen(L, -1) + 1;
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, index);
    (void)lua_pushfstring(L, "#%I %s", (LUAI_UACINT)index, luaL_checkstring(L, 2));
    return 1;
}

/* ---- compiled graphs ---- */

struct graph_value {
    int index;        /* in struct compiling */
    int checkpointer; /* -1 = not said, else a truth value */
};

static const struct graph_value *graph_value(lua_State *L, int index)
{
    const struct graph_value *v = lua_touserdata(L, index);
    if (v == NULL || lua_islightuserdata(L, index) || !lua_getmetatable(L, index))
        return NULL;
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &graph_key);
    bool is_graph = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_graph ? v : NULL;
}

int lib_graph_index(lua_State *L, int index)
{
    const struct graph_value *v = graph_value(L, index);
    return v == NULL ? -1 : v->index;
}

/* is_graph(value): nil, or "#3" and what its checkpointer is. */
static int own_is_graph(lua_State *L)
{
    const struct graph_value *v = graph_value(L, 1);
    if (v == NULL)
        return 0;
    (void)lua_pushfstring(L, "#%d", v->index);
    if (v->checkpointer < 0)
        lua_pushnil(L);
    else
        lua_pushboolean(L, v->checkpointer);
    return 2;
}

/* build(description, checkpointer): a graph value, also of a graph with mistakes. */
static int own_build(lua_State *L)
{
    struct compiling *c = script_of(L)->compiling;
    if (c == NULL)
        return trace_blame(L, "graphs are built while their file is loaded as a graph");
    int checkpointer = lua_isnil(L, 2) ? -1 : lua_toboolean(L, 2);
    struct graph_value *v = lua_newuserdatauv(L, sizeof(*v), 0);
    *v = (struct graph_value){ -1, checkpointer };
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &graph_key);
    (void)lua_setmetatable(L, -2);
    void **box = bridge_push_box(L, bridge_free_json);
    *box = to_json_or_raise(L, 1, "graph");
    if (compile_graph(c, *box, &v->index) != 0)
        return luaL_error(L, "no memory");
    lua_pop(L, 1);
    return 1;
}

/* ---- seal(table, name, call, index) ---- */

static int own_seal(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2);
    lua_settop(L, 4);
    lua_pushvalue(L, 1);
    sandbox_seal(L, name);
    (void)lua_getmetatable(L, -1);
    if (!lua_isnil(L, 3)) {
        lua_pushvalue(L, 3);
        lua_setfield(L, -2, "__call");
    }
    if (!lua_isnil(L, 4)) {
        lua_pushvalue(L, 4);
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
    return 1;
}

void lib_graph_open(lua_State *L)
{
    static const luaL_Reg primitives[] = {
        { "__build", own_build },     { "__is_graph", own_is_graph }, { "__mark", own_mark },
        { "__mark_of", own_mark_of }, { "__ref", own_ref },           { "__seal", own_seal },
        { "__where", own_where },     { NULL, NULL },
    };
    luaL_setfuncs(L, primitives, 0);
    lua_createtable(L, 0, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &functions_key);
    lua_createtable(L, 0, 2);
    (void)lua_pushliteral(L, "graph");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &graph_key);
}
