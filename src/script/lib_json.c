/* json.encode, json.decode, json.copy, json.array, json.object, json.null; and null. */
#include "base/jsonx.h"
#include "base/mem.h"
#include "script/internal.h"

static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    void **box = bridge_push_box(L, bridge_free_json);
    *box = to_json_or_raise(L, 1, "value");
    bridge_push_text(L, *box);
    return 1;
}

static int json_decode(lua_State *L)
{
    size_t len = 0;
    const char *text = luaL_checklstring(L, 1, &len);
    struct jsonx_error error;
    json_t *json = NULL;
    void **box = bridge_push_box(L, bridge_free_json);
    int r = jsonx_parse(text, len, (int)script_of(L)->conf->max_depth, &json, &error);
    *box = json;
    if (r < 0)
        return luaL_error(L, "no memory");
    if (r > 0)
        return luaL_error(L, "not JSON: line %d, column %d: %s", error.line, error.column,
                          error.message);
    bridge_push_copy(L, json);
    return 1;
}

/* A copy of a view, or of any other value that can be JSON: tables that may be changed. */
static int json_copy_of(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    void **box = bridge_push_box(L, bridge_free_json);
    *box = to_json_or_raise(L, 1, "value");
    bridge_push_copy(L, *box);
    return 1;
}

/* The table itself, marked. What has a metatable has it for something: with another one the library
 * or _G would be open for everybody to change. */
static int mark_table(lua_State *L, enum mark mark)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_createtable(L, 0, 0);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    enum mark held = bridge_mark_of(L, 1);
    bool is_free = held == MARK_ARRAY || held == MARK_OBJECT || !lua_getmetatable(L, 1);
    luaL_argcheck(L, is_free, 1, "a table without a metatable expected");
    bridge_mark(L, mark);
    return 1;
}

static int json_array_of(lua_State *L)
{
    return mark_table(L, MARK_ARRAY);
}

static int json_object_of(lua_State *L)
{
    return mark_table(L, MARK_OBJECT);
}

void lib_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "array", json_array_of }, { "copy", json_copy_of },     { "decode", json_decode },
        { "encode", json_encode },  { "object", json_object_of }, { NULL, NULL },
    };
    luaL_newlib(L, functions);
    bridge_push_null(L);
    lua_setfield(L, -2, "null");
    sandbox_seal(L, "json");
    lua_setfield(L, -2, "json");
    bridge_push_null(L);
    lua_setfield(L, -2, "null");
}
