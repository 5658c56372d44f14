/*
 * JSON as Lua tables of a script's own, and what Lua cannot tell apart: null is a light userdata,
 * arrays and objects that are made of JSON carry a mark (a metatable), so that [] and {} stay what
 * they were.
 */
#include "base/jsonx.h"
#include "base/mem.h"
#include "script/internal.h"
#include <string.h>

static const char mark_keys[MARK_COUNT] = { 0 }; /* the metatables of marks, by their addresses */
static const char box_key = 0;

/* ---- boxes ---- */

struct box {
    void *thing;
    void (*free_it)(void *thing);
};

static int box_gc(lua_State *L)
{
    struct box *b = lua_touserdata(L, 1);
    if (b->thing != NULL)
        b->free_it(b->thing);
    b->thing = NULL;
    return 0;
}

void **bridge_push_box(lua_State *L, void (*free_it)(void *thing))
{
    struct box *b = lua_newuserdatauv(L, sizeof(*b), 0);
    *b = (struct box){ NULL, free_it };
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &box_key);
    (void)lua_setmetatable(L, -2);
    return &b->thing;
}

void bridge_free_json(void *json)
{
    json_decref(json);
}

static void free_text(void *text)
{
    mem_free(text);
}

void bridge_push_text(lua_State *L, const json_t *json)
{
    size_t len = 0;
    void **text = bridge_push_box(L, free_text);
    *text = jsonx_text(json, (size_t)script_of(L)->conf->max_state_bytes, &len);
    if (*text == NULL)
        luaL_error(L,
                   "the text of the value is longer than max_state_bytes, or there is no memory");
    (void)lua_pushlstring(L, *text, len);
    *text = mem_free(*text);
    lua_remove(L, -2);
}

/* ---- marks and null ---- */

void bridge_mark(lua_State *L, enum mark mark)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &mark_keys[mark]);
    (void)lua_setmetatable(L, -2);
}

enum mark bridge_mark_of(lua_State *L, int index)
{
    int found = MARK_NONE;
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return MARK_NONE;
    for (int i = MARK_NONE + 1; i < MARK_COUNT && found == MARK_NONE; i++) {
        (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &mark_keys[i]);
        if (lua_rawequal(L, -1, -2))
            found = i;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return (enum mark)found;
}

void bridge_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

bool bridge_is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == NULL;
}

static int null_tostring(lua_State *L)
{
    (void)lua_pushliteral(L, "null");
    return 1;
}

static void open_mark(lua_State *L, enum mark mark)
{
    static const char *const names[MARK_COUNT] = {
        "", "array", "object", "Send", "Command", "node"
    };
    lua_createtable(L, 0, 2);
    (void)lua_pushstring(L, names[mark]);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &mark_keys[mark]);
}

void bridge_open(lua_State *L)
{
    for (int i = MARK_NONE + 1; i < MARK_COUNT; i++)
        open_mark(L, (enum mark)i);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, box_gc);
    lua_setfield(L, -2, "__gc");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &box_key);
    bridge_push_null(L);
    lua_createtable(L, 0, 2); /* light userdata have one metatable for all; null is the only one */
    lua_pushcfunction(L, null_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    (void)lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

/* ---- copies ---- */

static void copy_array(lua_State *L, const json_t *json)
{
    size_t count = json_array_size(json);
    lua_createtable(L, count < INT_MAX ? (int)count : 0, 0);
    for (size_t i = 0; i < count; i++) {
        bridge_push_copy(L, json_array_get(json, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    bridge_mark(L, MARK_ARRAY);
}

static void copy_object(lua_State *L, json_t *json)
{
    const char *key;
    json_t *value;
    lua_createtable(L, 0, (int)(json_object_size(json) & 0xffff)); /* a hint only */
    json_object_foreach(json, key, value) {
        (void)lua_pushstring(L, key);
        bridge_push_copy(L, value);
        lua_rawset(L, -3);
    }
    bridge_mark(L, MARK_OBJECT);
}

/* As deep as the JSON is, which the reader of JSON has bounded. */
void bridge_push_copy(lua_State *L, const json_t *json)
{
    luaL_checkstack(L, LUA_MINSTACK, "the value is nested too deeply");
    if (json_is_array(json))
        copy_array(L, json);
    else if (json_is_object(json))
        copy_object(L, (json_t *)json); /* walked, not changed */
    else
        view_push(L, json);
}
