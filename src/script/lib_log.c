/* log.error, warn, info, debug; log(...) and print(...) are log.info. */
#include "base/log.h"
#include "script/internal.h"

/* The arguments as print() would join them, on the top. */
static const char *joined(lua_State *L, int first)
{
    int count = lua_gettop(L);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = first; i <= count; i++) {
        if (i > first)
            luaL_addchar(&b, ' ');
        (void)luaL_tolstring(L, i, NULL);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    return lua_tostring(L, -1);
}

static int say(lua_State *L, enum log_level level, int first)
{
    const struct script *s = script_of(L);
    const struct script_about *about = s->running == NULL ? NULL : &s->running->call->options.about;
    const char *text = joined(L, first);
    if (about == NULL)
        log_event(level, "script", "file", s->path, "message", text, NULL);
    else
        log_event(level, "script", "run", about->run_id, "graph", about->graph->name, "node",
                  about->node, "message", text, NULL);
    return 0;
}

static int log_call(lua_State *L)
{
    return say(L, LOG_INFO, 2); /* log(...): the table itself comes first */
}

static int log_print(lua_State *L)
{
    return say(L, LOG_INFO, 1);
}

static int log_at_error(lua_State *L)
{
    return say(L, LOG_ERROR, 1);
}

static int log_at_warn(lua_State *L)
{
    return say(L, LOG_WARN, 1);
}

static int log_at_debug(lua_State *L)
{
    return say(L, LOG_DEBUG, 1);
}

void lib_log_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "debug", log_at_debug },
        { "error", log_at_error },
        { "info", log_print },
        { "warn", log_at_warn },
        { NULL, NULL },
    };
    luaL_newlib(L, functions);
    sandbox_seal(L, "log");
    (void)lua_getmetatable(L, -1);
    lua_pushcfunction(L, log_call);
    lua_setfield(L, -2, "__call");
    lua_pop(L, 1);
    lua_setfield(L, -2, "log");
    lua_pushcfunction(L, log_print);
    lua_setfield(L, -2, "print");
}
