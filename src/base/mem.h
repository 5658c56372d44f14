#ifndef ANABRANCH_BASE_MEM_H
#define ANABRANCH_BASE_MEM_H
/*
 * The one door to the heap, so that a test can make the n-th allocation fail. jansson is sent
 * through the same door by mem_init(). Nothing here aborts: NULL means no memory, and the caller
 * answers with ERR_NOMEM.
 */
#include <stdarg.h>
#include <stddef.h>

/* Sends jansson's allocations through this module. Call once, before any other thread and any
 * json_t exists. */
void mem_init(void);

void *mem_alloc(size_t size_bytes);               /* size 0 is allowed and gives a unique pointer */
void *mem_zalloc(size_t size_bytes);              /* zeroed */
void *mem_array(size_t count, size_t size_bytes); /* zeroed; NULL on overflow too */
void *mem_realloc(void *old, size_t size_bytes);  /* old stays valid on failure */
char *mem_strdup(const char *text);               /* NULL in, NULL out */
char *mem_strndup(const char *text, size_t len_bytes);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
void *mem_free(void *old); /* accepts NULL, returns NULL: p = mem_free(p) */

/*
 * Tests only: from now on the n-th allocation of this thread (1 = the next) fails, once. 0 switches
 * it off. mem_fail_pending() says whether the failure has not yet happened.
 */
void mem_fail_at(unsigned long n);
int mem_fail_pending(void);

/* struct foo *x MEM_AUTO(foo_freep) ... */
#define MEM_AUTO(cleaner) __attribute__((cleanup(cleaner)))
void mem_freep(void *pointer_to_pointer); /* char *s MEM_AUTO(mem_freep) = ... */

#endif
