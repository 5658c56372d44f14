/*
 * Our patterns against liblua's: find(), match(), gmatch() and gsub() of the prelude, in slices of a
 * few steps, must give what the library's own give, errors included.
 *
 * An input: a byte for init and max, one for the kind of replacement and of alphabet, the pattern's
 * length, the pattern, the subject.
 */
#include "script/pattern.h"
#include "script/prelude.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_MAX = 20, SUBJECT_MAX = 40, STEPS_MAX = 2000, SLICE_STEPS = 29 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One line calls both, so that their errors blame the same. */
static const char compare_text[] =
    "local ours = ...\n"
    "local stock = { find = string.find, match = string.match, gmatch = string.gmatch,\n"
    "                gsub = string.gsub }\n"
    "local function results(f, ...) return table.pack(pcall(function(...) return f(...) end, ...)) "
    "end\n"
    "local function same(name, a, b)\n"
    "  local equal = a.n == b.n\n"
    "  for i = 1, a.n do equal = equal and a[i] == b[i] and math.type(a[i]) == math.type(b[i]) "
    "end\n"
    "  if equal then return end\n"
    "  local text = name .. ': '\n"
    "  for _, list in ipairs{a, b} do\n"
    "    for i = 1, list.n do text = text .. string.format('%q ', list[i]) end\n"
    "    text = text .. ' against '\n"
    "  end\n"
    "  error(text)\n"
    "end\n"
    "local function both(name, ...)\n"
    "  same(name, results(stock[name], ...), results(ours[name], ...))\n"
    "end\n"
    "local function all(gmatch, ...)\n"
    "  local list = {}\n"
    "  for a, b, c in gmatch(...) do list[#list + 1] = table.concat({a, b, c}, '|') end\n"
    "  return table.concat(list, ';')\n"
    "end\n"
    "local replacements = { '<%0>', '%1', '%2%%%1', '', '%', '%a', 'x',\n"
    "  { a = 'b', b = 7, c = false, [1] = 'one' }, {},\n"
    "  function(a, b) return a and b end,\n"
    "  function(a) return #tostring(a) end,\n"
    "  function(a) return a == 'a' and {} or nil end }\n"
    "return function(s, p, init, replacement, max)\n"
    "  both('find', s, p, init)\n"
    "  both('find', s, p, init, true)\n"
    "  both('match', s, p, init)\n"
    "  same('gmatch', results(all, stock.gmatch, s, p, init), results(all, ours.gmatch, s, p, "
    "init))\n"
    "  both('gsub', s, p, replacements[replacement % #replacements + 1], max)\n"
    "end\n";

static lua_State *L; /* the comparing function is all that is on its stack */

static void begin(void)
{
    L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_loadstring(L, compare_text) != LUA_OK)
        abort();
    script_prelude(L, SLICE_STEPS);
    lua_getfield(L, -1, "string");
    lua_remove(L, -2);
    lua_call(L, 1, 1);
}

/* What takes ours too long would take theirs as long. */
static int is_short(const struct pattern_text *subject, const struct pattern_text *text)
{
    struct pattern p;
    size_t steps = STEPS_MAX;
    int r = 0;
    for (int has_anchor = 0; has_anchor < 2 && r != PATTERN_E_STEPS; has_anchor++) {
        pattern_init(&p, subject, text, has_anchor);
        while ((r = pattern_next(&p, &steps)) == 0)
            ;
    }
    return r != PATTERN_E_STEPS;
}

static void compare(const struct pattern_text *subject, const struct pattern_text *text,
                    unsigned char place, unsigned char kind)
{
    lua_pushvalue(L, 1);
    lua_pushlstring(L, subject->bytes, subject->len);
    lua_pushlstring(L, text->bytes, text->len);
    lua_pushinteger(L, (place & 15) - 5);
    lua_pushinteger(L, kind & 15);
    if (place < 128)
        lua_pushnil(L);
    else
        lua_pushinteger(L, (place >> 4 & 7) - 1);
    if (lua_pcall(L, 5, 0, 0) != LUA_OK) {
        fprintf(stderr, "subject '%.*s' pattern '%.*s': %s\n", (int)subject->len, subject->bytes,
                (int)text->len, text->bytes, lua_tostring(L, -1));
        abort();
    }
}

/* Most bytes mean nothing in a pattern; these do, and meet in a subject. */
static char narrow(uint8_t byte)
{
    static const char alphabet[] = "ab%[]()^$.*+-?b1f2 aAxdwslp0%%()[]";
    return alphabet[byte % (sizeof(alphabet) - 1)];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char bytes[PATTERN_MAX + SUBJECT_MAX];
    if (L == NULL)
        begin();
    if (size < 3)
        return 0;
    size_t len = size - 3 < sizeof(bytes) ? size - 3 : sizeof(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = data[1] < 128 ? narrow(data[i + 3]) : (char)data[i + 3];
    struct pattern_text text = { bytes, data[2] % (PATTERN_MAX + 1) };
    text.len = text.len < len ? text.len : len;
    struct pattern_text subject = { bytes + text.len, len - text.len };
    if (subject.len > SUBJECT_MAX)
        subject.len = SUBJECT_MAX;
    if (is_short(&subject, &text))
        compare(&subject, &text, data[0], data[1]);
    return 0;
}
