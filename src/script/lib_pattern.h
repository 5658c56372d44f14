#ifndef ANABRANCH_SCRIPT_LIB_PATTERN_H
#define ANABRANCH_SCRIPT_LIB_PATTERN_H
/*
 * What prelude.lua is made of: functions in C that work no longer than about a millisecond a call.
 * Scripts never see them.
 */
#include <stddef.h>

struct lua_State;

enum {
    SCRIPT_SLICE_STEPS = 200000,      /* about a millisecond */
    SCRIPT_PAUSE_INSTRUCTIONS = 1000, /* of Lua, after each slice: the hook's count or more */
};

/*
 * Pushes a table with the functions.
 *   slice_steps   1.. : SCRIPT_SLICE_STEPS, or less in tests
 * Raises Lua's error if there is no memory.
 */
void script_lib_pattern(struct lua_State *L, size_t slice_steps);

#endif
