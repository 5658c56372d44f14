/* require(name): modules that lie beside the script's file, while it is loaded. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "script/internal.h"
#include <string.h>

static const char modules_key = 0; /* table: name -> what the module returned; false while it runs */

enum { NAME_MAX_BYTES = 200 };

/* "lib.text" -> "folder/lib/text.lua", on the top. */
static const char *push_path(lua_State *L, int index)
{
    size_t len = 0;
    const char *name = lua_tolstring(L, index, &len); /* a NUL is no good byte */
    const char *own = script_of(L)->path;
    const char *slash = strrchr(own, '/');
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
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

/* The chunk of the file; what is wrong is raised. */
static void load_file(lua_State *L, const char *name, const char *path)
{
    struct buf content;
    int error = 0;
    size_t len = 0;
    struct script *s = script_of(L);
    void **box = bridge_push_box(L, free_text);
    buf_init(&content, (size_t)s->conf->max_body_bytes);
    int r = file_read(path, &content, &error);
    *box = r == 0 ? buf_take(&content, &len) : NULL;
    buf_deinit(&content);
    script_tell_file(s, path, *box, len);
    if (r == FILE_E_UNREADABLE)
        luaL_error(L, "module \"%s\": %s cannot be read: %s", name, path, strerror(error));
    if (r == FILE_E_LARGE)
        luaL_error(L, "module \"%s\": %s is too large", name, path);
    if (*box == NULL)
        luaL_error(L, "no memory");
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
