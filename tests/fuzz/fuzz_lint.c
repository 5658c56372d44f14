/* Dumps of Lua code from anywhere, and sources: lint must neither crash nor hang nor leak, and it
 * can read whatever Lua itself wrote.
 * The first byte says what follows: 0 to 3, changes to the dump of a program; 4, a dump; any other
 * is itself the first of a source. */
#include "base/buf.h"
#include "script/lint.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const programs[] = {
    "local n = 0\nlocal t = {}\nhelper = 1\nfunction t:m(...) n = n + 1 x = ... spawn(self, 1.5) "
    "end\nreturn t",
    "local _ENV = {}\nfor i = 1, 3 do local x <close> = y print(function() x1 = x return slep(i) "
    "end) end",
    "for k, v in pairs({ a = 1, 2, 3 }) do goto next local s = 'x' .. k .. v ::next:: end\nprint = "
    "nil",
    "a_name_that_is_longer_than_the_forty_bytes_of_a_short_string = function()\n\n"
    "return function() another_name_that_is_longer_than_the_forty_bytes = _ENV end end",
};
enum {
    PROGRAMS = sizeof(programs) / sizeof(*programs),
    DUMP_KIND = PROGRAMS,
    DUMP_MAX_BYTES = 16 << 20
};

static const char *const known[] = { "print", "pairs", "sleep", "spawn" };
static const struct lint_options options = { .known = known,
    .known_count = 4,
    .futures = known + 3,
    .future_count = 1 };

static void found(void *arg, bool is_warning, int line, const char *sentence)
{
    (void)arg;
    (void)is_warning;
    if (line < 0 || strlen(sentence) == 0)
        abort();
}

static int write_dump(lua_State *L, const void *bytes, size_t len, void *arg)
{
    (void)L;
    return buf_add(arg, bytes, len);
}

static void dump(const char *source, struct buf *ret)
{
    lua_State *L = luaL_newstate();
    buf_init(ret, DUMP_MAX_BYTES);
    if (luaL_loadbufferx(L, source, strlen(source), "@graph.lua", "t") != LUA_OK ||
        lua_dump(L, write_dump, ret, 0) != 0)
        abort();
    lua_close(L);
}

/* Three bytes each: where, where, what. */
static void lint_changed(const char *program, const uint8_t *changes, size_t size)
{
    struct buf bytes;
    dump(program, &bytes);
    for (; size >= 3; changes += 3, size -= 3)
        bytes.data[(size_t)(changes[0] << 8 | changes[1]) % bytes.len] = (char)changes[2];
    (void)script_lint_dump(bytes.data, bytes.len, &options, found, NULL); /* any answer is right */
    buf_deinit(&bytes);
}

static void lint_source(const uint8_t *source, size_t size)
{
    lua_State *L = luaL_newstate();
    if (luaL_loadbufferx(L, (const char *)source, size, "@graph.lua", "t") == LUA_OK &&
        script_lint(L, &options, found, NULL) != 0)
        abort();
    lua_close(L);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] < PROGRAMS)
        lint_changed(programs[data[0]], data + 1, size - 1);
    else if (data[0] == DUMP_KIND)
        (void)script_lint_dump(data + 1, size - 1, &options, found, NULL); /* any answer is right */
    else
        lint_source(data, size);
    return 0;
}
