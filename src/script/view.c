/*
 * JSON as scripts see it. State values are immutable and shared, so a script gets a view and not a
 * copy: what it does not look at costs nothing, and what it looks at is made once it is asked for.
 *
 *     state.messages[1].content      three views of one json_t, then a string
 *
 * A view behaves like a table that cannot be written: indexing, #, pairs, ipairs, next, table.concat,
 * table.unpack and type() do. It keeps its json_t alive, so it may be stored anywhere.
 */
#include "script/internal.h"
#include <string.h>

static const char view_key = 0; /* the metatable of views */

struct view {
    json_t *json; /* array or object; a reference */
};

const json_t *view_json(lua_State *L, int index)
{
    const struct view *v = lua_touserdata(L, index);
    if (v == NULL || lua_islightuserdata(L, index) || !lua_getmetatable(L, index))
        return NULL;
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &view_key);
    bool is_view = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_view ? v->json : NULL;
}

static void push_view(lua_State *L, const json_t *json)
{
    struct view *v = lua_newuserdatauv(L, sizeof(*v), 0);
    v->json = json_incref((json_t *)json); /* counting changes nothing that a reader could see */
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &view_key);
    (void)lua_setmetatable(L, -2);
}

void view_push(lua_State *L, const json_t *json)
{
    if (json == NULL) {
        lua_pushnil(L);
        return;
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        push_view(L, json);
        break;
    case JSON_STRING:
        (void)lua_pushlstring(L, json_string_value(json), json_string_length(json));
        break;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(json));
        break;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(json));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(json));
        break;
    case JSON_NULL:
        bridge_push_null(L);
        break;
    }
}

/* What stands at the key at index 2, as Lua counts: the first element is 1. */
static const json_t *find(lua_State *L, const json_t *json)
{
    int is_integer = 0;
    lua_Integer i = lua_tointegerx(L, 2, &is_integer);
    int type = lua_type(L, 2); /* "1" is no index */
    if (json_is_array(json) && type == LUA_TNUMBER)
        return is_integer && i >= 1 ? json_array_get(json, (size_t)i - 1) : NULL;
    if (!json_is_object(json) || type != LUA_TSTRING)
        return NULL;
    size_t len = 0;
    const char *key = lua_tolstring(L, 2, &len);
    return strlen(key) == len ? json_object_get(json, key) : NULL; /* no key has a NUL in it */
}

static int view_index(lua_State *L)
{
    view_push(L, find(L, view_json(L, 1)));
    return 1;
}

static int view_newindex(lua_State *L)
{
    return luaL_error(L, "the state cannot be written: return an update from the node, or change a "
                         "copy (json.copy)");
}

static int view_len(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)json_array_size(view_json(L, 1)));
    return 1;
}

static int next_element(lua_State *L, const json_t *array)
{
    lua_Integer i = luaL_optinteger(L, 2, 0);
    if (i < 0 || (size_t)i >= json_array_size(array)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, i + 1);
    view_push(L, json_array_get(array, (size_t)i));
    return 2;
}

static int next_member(lua_State *L, json_t *object)
{
    void *at = lua_isnoneornil(L, 2) ? json_object_iter(object)
                                     : json_object_iter_at(object, luaL_checkstring(L, 2));
    if (!lua_isnoneornil(L, 2) && at != NULL)
        at = json_object_iter_next(object, at);
    if (at == NULL) {
        lua_pushnil(L);
        return 1;
    }
    (void)lua_pushstring(L, json_object_iter_key(at));
    view_push(L, json_object_iter_value(at));
    return 2;
}

int view_next(lua_State *L)
{
    const json_t *json = view_json(L, 1);
    if (json_is_array(json))
        return next_element(L, json);
    if (json_is_object(json))
        return next_member(L, (json_t *)json); /* jansson walks objects by non-const pointers */
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (lua_next(L, 1))
        return 2;
    lua_pushnil(L);
    return 1;
}

static int view_pairs(lua_State *L)
{
    lua_pushcfunction(L, view_next);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

static int view_tostring(lua_State *L)
{
    bridge_push_text(L, view_json(L, 1));
    return 1;
}

static int view_eq(lua_State *L)
{
    const json_t *a = view_json(L, 1);
    const json_t *b = view_json(L, 2);
    lua_pushboolean(L, a != NULL && b != NULL && json_equal(a, b));
    return 1;
}

static int view_gc(lua_State *L)
{
    struct view *v = lua_touserdata(L, 1);
    json_decref(v->json);
    v->json = NULL;
    return 0;
}

int view_type(lua_State *L)
{
    luaL_checkany(L, 1);
    (void)lua_pushstring(L, view_json(L, 1) != NULL ? "table" : luaL_typename(L, 1));
    return 1;
}

void view_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "__index", view_index },       { "__newindex", view_newindex }, { "__len", view_len },
        { "__pairs", view_pairs },       { "__eq", view_eq },             { "__gc", view_gc },
        { "__tostring", view_tostring }, { NULL, NULL },
    };
    luaL_newlib(L, methods);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    (void)lua_pushliteral(L, "table");
    lua_setfield(L, -2, "__name"); /* what messages call it */
    lua_rawsetp(L, LUA_REGISTRYINDEX, &view_key);
}
