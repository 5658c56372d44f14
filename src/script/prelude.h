#ifndef ANABRANCH_SCRIPT_PRELUDE_H
#define ANABRANCH_SCRIPT_PRELUDE_H
/* prelude.lua, which is part of the binary: functions of Lua's library that can be interrupted. */
#include <stddef.h>

struct lua_State;

/*
 * Pushes {string = {find = ..., ...}, table = {sort = ..., ...}}: functions that replace Lua's own.
 * The libraries base, string and math must be open.
 *   slice_steps   SCRIPT_SLICE_STEPS, or less in tests
 * Raises Lua's error if there is no memory.
 */
void script_prelude(struct lua_State *L, size_t slice_steps);

#endif
