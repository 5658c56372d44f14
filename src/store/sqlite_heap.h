#ifndef ANABRANCH_STORE_SQLITE_HEAP_H
#define ANABRANCH_STORE_SQLITE_HEAP_H
/* Private to sqlite*.c: SQLite's allocations go through base/mem.h, like everything. */
#include <stdbool.h>

/* Before the first use of SQLite, any number of times, any thread. A process that embeds the engine
 * and has used SQLite before keeps the allocator it has. False: no memory. */
bool sqlite_heap_init(void);

#endif
