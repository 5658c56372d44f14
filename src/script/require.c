/* require(name): modules that lie beside the script's file, while it is loaded. */
#include "base/err.h"
#include "base/mem.h"
#include "script/internal.h"
#include <string.h>

static const char modules_key =
    0; /* table: name -> what the module returned; false while it runs */

enum { NAME_MAX_BYTES = 200 };

/* "lib.text" -> "folder/lib/text.lua", on the top. */
static const char *push_path(lua_State *L, int index)
{
    size_t len = 0;
    const char *name = lua_tolstring(L, index, &len); /* a NUL is no good byte */
    const char *own = script_of(L)->path;
    const char *slash = strrchr(own, '/');
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    bool is_good = len > 0 && len <= NAME_MAX_BYTES && strspn(name, good) == len &&
                   strstr(name, "..") == NULL && name[0] != '.' && name[len - 1] != '.';
    luaL_argcheck(L, is_good, 1,
                  "a module is named like \"text\" or \"lib.text\", and lies below the folder of "
                  "the graph's file");
    (void)lua_pushlstring(L, own, slash == NULL ? 0 : (size_t)(slash - own) + 1);
    (void)luaL_gsub(L, name, ".", "/");
    (void)lua_pushliteral(L, ".lua");
    lua_concat(L, 3);
    return lua_tostring(L, -1);
}

static void free_text(void *text)
{
    mem_free(text);
}

/* Nothing of it may be left when an error is raised, so that the sentence is copied. */
static char *read_file(const struct script *s, const char *path, size_t *ret_len, char *wrong,
                       size_t wrong_size)
{
    struct buf why MEM_AUTO(buf_deinit);
    int fault = 0;
    buf_init(&why, wrong_size);
    char *bytes = script_read_file(s, path, ret_len, &why, &fault);
    (void)snprintf(wrong, wrong_size, "%s", fault < 0 ? err_text(fault) : buf_text(&why));
    return bytes;
}

/* The chunk of the file; what is wrong is raised. */
static void load_file(lua_State *L, const char *name, const char *path)
{
    char wrong[200] = "";
    size_t len = 0;
    void **box = bridge_push_box(L, free_text);
    *box = read_file(script_of(L), path, &len, wrong, sizeof(wrong));
    if (*box == NULL)
        luaL_error(L, "module \"%s\": %s %s", name, path, wrong);
    script_compile_chunk(L, *box, len, lua_pushfstring(L, "@%s", path));
    lua_remove(L, -2);
}

static void push_modules(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 0);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
}

/* Calls the chunk on the top: its result. One that fails may be tried again. */
static void run_module(lua_State *L, const char *name)
{
    lua_pushboolean(L, 0);
    lua_setfield(L, 2, name);
    (void)lua_pushstring(L, name);
    int status = lua_pcall(L, 1, 1, 0);
    if (status == LUA_OK)
        return;
    lua_pushnil(L);
    lua_setfield(L, 2, name);
    lua_error(L);
}

int require_module(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    push_modules(L);
    int found = lua_getfield(L, 2, name);
    if (found == LUA_TBOOLEAN && !lua_toboolean(L, -1))
        return luaL_error(L, "module \"%s\" requires itself", name);
    if (found != LUA_TNIL)
        return 1;
    if (!script_of(L)->is_loading)
        return luaL_error(L, "require() reads files only while the graph's file is loaded: call it "
                             "at the top");
    const char *path = push_path(L, 1);
    load_file(L, name, path);
    lua_pushvalue(L, -1);
    run_module(L, name);
    lua_insert(L, -2);
    inspect_chunk(L, path);
    lua_pop(L, 1);
    if (!lua_toboolean(L, -1))
        lua_pushboolean(L, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}
