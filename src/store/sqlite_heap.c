/* The door to the heap for SQLite. It wants to know how large a block is; malloc() knows. */
#include "store/sqlite_heap.h"
#include "base/mem.h"
#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>

enum { ROUND_BYTES = 8 };

static void *allocate(int size_bytes)
{
    return mem_alloc((size_t)size_bytes);
}

static void release(void *block)
{
    mem_free(block);
}

static void *resize(void *block, int size_bytes)
{
    return mem_realloc(block, (size_t)size_bytes);
}

static int size_of(void *block)
{
    return (int)malloc_usable_size(block);
}

static int round_up(int size_bytes)
{
    return (size_bytes + ROUND_BYTES - 1) & ~(ROUND_BYTES - 1);
}

static int start(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void stop(void *arg)
{
    (void)arg;
}

static void configure(void)
{
    static const sqlite3_mem_methods methods = { allocate, release, resize, size_of,
                                                 round_up, start,   stop,   NULL };
    /* MISUSE: others have used it before. Nobody asks how much it has, which takes a lock each time. */
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

bool sqlite_heap_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, configure); /* fails for a bad argument only */
    return sqlite3_initialize() == SQLITE_OK;
}
