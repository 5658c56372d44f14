/* What a node's function can ask about its run: the argument `config`, and the table `runtime`. */
#include "script/internal.h"
#include <string.h>

void about_push_config(lua_State *L, const json_t *configurable)
{
    lua_createtable(L, 0, 1);
    if (configurable != NULL)
        view_push(L, configurable);
    else
        lua_createtable(L, 0, 0);
    lua_setfield(L, -2, "configurable");
}

/* ---- runtime ---- */

static void push_text(lua_State *L, const char *text)
{
    (void)lua_pushstring(L, text); /* NULL is nil */
}

static void push_run_id(lua_State *L, const struct script_call *c)
{
    push_text(L, c->options.about.run_id);
}

static void push_task_id(lua_State *L, const struct script_call *c)
{
    push_text(L, c->options.host->task_id(c->options.arg));
}

static void push_node(lua_State *L, const struct script_call *c)
{
    push_text(L, c->options.about.node);
}

static void push_graph(lua_State *L, const struct script_call *c)
{
    push_text(L, c->options.about.graph->name);
}

static void push_attempt(lua_State *L, const struct script_call *c)
{
    lua_pushinteger(L, c->options.about.attempt);
}

static void push_context(lua_State *L, const struct script_call *c)
{
    if (c->options.about.context != NULL)
        view_push(L, c->options.about.context);
    else
        lua_createtable(L, 0, 0);
}

static void push_thread_id(lua_State *L, const struct script_call *c)
{
    view_push(L, json_object_get(c->options.about.configurable, "thread_id"));
}

static void push_step(lua_State *L, const struct script_call *c)
{
    view_push(L, json_object_get(c->options.about.facts, "step"));
}

static void push_remaining_steps(lua_State *L, const struct script_call *c)
{
    view_push(L, json_object_get(c->options.about.facts, "remaining_steps"));
}

static void push_is_last_step(lua_State *L, const struct script_call *c)
{
    view_push(L, json_object_get(c->options.about.facts, "is_last_step"));
}

static const struct {
    const char *name;
    void (*push)(lua_State *L, const struct script_call *c);
} rows[] = {
    { "attempt", push_attempt }, { "context", push_context },
    { "graph", push_graph },     { "is_last_step", push_is_last_step },
    { "node", push_node },       { "remaining_steps", push_remaining_steps },
    { "run_id", push_run_id },   { "step", push_step },
    { "task_id", push_task_id }, { "thread_id", push_thread_id },
};

static int runtime_index(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2);
    const struct script_call *c = call_running(L, "runtime");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(rows[i].name, name) == 0) {
            rows[i].push(L, c);
            return 1;
        }
    return luaL_error(L, "runtime has no \"%s\"", name);
}

static int runtime_newindex(lua_State *L)
{
    return luaL_error(L, "runtime cannot be changed");
}

void lib_runtime_open(lua_State *L)
{
    lua_createtable(L, 0, 0);
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, runtime_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, runtime_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    (void)lua_setmetatable(L, -2);
    lua_setfield(L, -2, "runtime");
}
