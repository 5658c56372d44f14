#include <lua.h>
#define SCRIPT_SLICE_STEPS 1
static inline void script_prelude(lua_State *L, size_t n) { (void)n; lua_newtable(L); }
