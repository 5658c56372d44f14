#ifndef ANABRANCH_SCRIPT_LINT_H
#define ANABRANCH_SCRIPT_LINT_H
/*
 * Mistakes in a graph file written in Lua that running it would find too late, or never. The
 * compiler's own output is read, so scopes are those that the file will have:
 *
 *     function fetch(state)
 *         count = count + 1       -- "count" is a local of the file: all runs of the graph share it
 *         spawn(other, state)     -- nobody keeps the future
 *         slep(100)               -- did you mean "sleep"?
 *         result = 1              -- no `local`
 *     end
 *
 * Not seen: what is reached through a table (_G.x, rawset), a function under another name (local
 * s = spawn; s(f)), whether a function runs while the file loads. Of an expression over several
 * lines a global may be told at the line of the operator behind it. In a file that uses _ENV as a
 * value no name counts as unknown; one that assigns _ENV is told nothing about globals.
 *
 * Conditions: LINT_E_UNREADABLE (nothing was said: no main function of a file that was compiled
 * from text by Lua 5.4, or its code takes more than 64 MiB).
 */
#include <stdbool.h>
#include <stddef.h>

struct lua_State;

enum { LINT_E_UNREADABLE = 1 };

/* All borrowed for the call. */
struct lint_options {
    const char *const *known; /* every global that is ours or Lua's: cannot be assigned */
    size_t known_count;
    const char *const *others; /* globals of other files that it may read; may be NULL */
    size_t other_count;
    const char *const *futures; /* globals whose result must not be thrown away; known too */
    size_t future_count;
};

/* is_warning: it may be meant; else it goes wrong when it is run. sentence: without place and full
 * stop, UTF-8, valid only during the call. Must not raise Lua errors. */
typedef void lint_found(void *arg, bool is_warning, int line, const char *sentence);

/*
 * Calls found 0..n times, in the order of lines (1..), from within this call.
 *   L  on top the function that luaL_loadbufferx(..., "t") made; it stays there. Needs no more than
 *      what lua_checkstack() can give; raises nothing, runs none of the file's code.
 * Returns 0, LINT_E_UNREADABLE, or a fault; after a fault the findings are not all.
 */
int script_lint(struct lua_State *L, const struct lint_options *o, lint_found *found, void *arg);

/* The same for what lua_dump(strip = 0) wrote. Any bytes are safe. */
int script_lint_dump(const void *bytes, size_t len_bytes, const struct lint_options *o,
                     lint_found *found, void *arg);

#endif
