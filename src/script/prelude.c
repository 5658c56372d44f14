#include "script/prelude.h"

#include "prelude_text.h"
#include "script/lib_pattern.h"
#include <lauxlib.h>
#include <lua.h>

void script_prelude(lua_State *L, size_t slice_steps)
{
    if (luaL_loadbufferx(L, prelude_text, sizeof(prelude_text) - 1, "=prelude", "t") != LUA_OK)
        (void)lua_error(L);
    script_lib_pattern(L, slice_steps);
    lua_call(L, 1, 1);
}
