#include "script/lib_pattern.h"

#include "script/primitives.h"
#include <assert.h>
#include <lauxlib.h>
#include <lua.h>

const char script_bad = 'b';
const char script_paused = 'p';

struct script_meter *script_meter_get(lua_State *L)
{
    struct script_meter *meter = lua_touserdata(L, lua_upvalueindex(1));
    assert(meter != NULL);
    return meter;
}

void script_meter_charge(struct script_meter *meter, size_t steps)
{
    meter->left = meter->left > steps ? meter->left - steps : 0;
}

int script_push_bad(lua_State *L, const char *sentence)
{
    lua_pushlightuserdata(L, (void *)&script_bad);
    lua_pushinteger(L, 0);
    lua_pushstring(L, sentence);
    return 3;
}

/* is_spent() */
static int is_spent(lua_State *L)
{
    lua_pushboolean(L, script_meter_get(L)->left == 0);
    return 1;
}

/* refill() */
static int refill(lua_State *L)
{
    struct script_meter *meter = script_meter_get(L);
    meter->left = meter->slice;
    return 0;
}

static const luaL_Reg functions[] = {
    { "is_spent", is_spent },
    { "refill", refill },
    { NULL, NULL },
};

static void add_constants(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&script_bad);
    lua_setfield(L, -2, "bad");
    lua_pushlightuserdata(L, (void *)&script_paused);
    lua_setfield(L, -2, "paused");
    lua_pushinteger(L, SCRIPT_PAUSE_INSTRUCTIONS);
    lua_setfield(L, -2, "pause_instructions");
}

void script_lib_pattern(lua_State *L, size_t slice_steps)
{
    luaL_checkstack(L, 5, NULL);
    struct script_meter *meter = lua_newuserdatauv(L, sizeof(*meter), 0);
    *meter = (struct script_meter){ slice_steps, slice_steps };
    lua_newtable(L);
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, functions, 1);
    script_lib_front(L);
    script_lib_search(L);
    script_lib_text(L);
    add_constants(L);
    lua_remove(L, -2);
}
