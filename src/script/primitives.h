#ifndef ANABRANCH_SCRIPT_PRIMITIVES_H
#define ANABRANCH_SCRIPT_PRIMITIVES_H
/*
 * Private to the lib_*.c files: what the C functions for prelude.lua share.
 *
 * The hook that gives way to other work counts instructions of Lua, and C functions have none. So
 * their work is metered: each takes what it did from `left`, and when nothing is left the prelude runs
 * SCRIPT_PAUSE_INSTRUCTIONS instructions that do nothing (the hook comes, and looks at its clock)
 * and fills the meter up. That holds from one call to the next too: many short searches add up.
 */
#include "script/lib_pattern.h"
#include <stddef.h>

struct script_meter {
    size_t left;  /* steps; see pattern.h */
    size_t slice; /* what it is filled up to */
};

/* Of the C function that is running: all have the meter as their first upvalue. */
struct script_meter *script_meter_get(struct lua_State *L);
void script_meter_charge(struct script_meter *meter, size_t steps);

enum { SCRIPT_BYTES_PER_STEP = 16 }; /* of copying, also into fresh memory */

/*
 * First results that are no values; their addresses count.
 *   script_bad      followed by an argument's number (0: none is to blame) and a sentence: the error
 *                   that the function which the script called shall raise
 *   script_paused   followed by a state for go_on()
 */
extern const char script_bad;
extern const char script_paused;

/* bad, 0, sentence. Returns 3. */
int script_push_bad(struct lua_State *L, const char *sentence);

/* Add functions to the table on top of the stack; the meter is below it. */
void script_lib_front(struct lua_State *L);
void script_lib_search(struct lua_State *L);
void script_lib_text(struct lua_State *L);

#endif
