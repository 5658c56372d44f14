/*
 * The heap door. Every allocating call goes through door_is_open(), which is where a test shuts it:
 * the countdown is per thread, so a test that fails its own n-th allocation does not disturb helper
 * threads.
 */
#include "base/mem.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Test hook: allocations until the one that fails, 0 = none will. */
static _Thread_local unsigned long fail_countdown;

static bool door_is_open(void)
{
    return fail_countdown == 0 || --fail_countdown != 0;
}

static void free_for_jansson(void *old)
{
    free(old);
}

void mem_init(void)
{
    json_set_alloc_funcs(mem_alloc, free_for_jansson);
}

/* malloc(0) may return NULL, which a caller would take for "no memory". */
static size_t at_least_one(size_t size_bytes)
{
    return size_bytes == 0 ? 1 : size_bytes;
}

void *mem_alloc(size_t size_bytes)
{
    return door_is_open() ? malloc(at_least_one(size_bytes)) : NULL;
}

void *mem_zalloc(size_t size_bytes)
{
    return mem_array(1, size_bytes);
}

void *mem_array(size_t count, size_t size_bytes)
{
    return door_is_open() ? calloc(at_least_one(count), at_least_one(size_bytes)) : NULL;
}

void *mem_realloc(void *old, size_t size_bytes)
{
    return door_is_open() ? realloc(old, at_least_one(size_bytes)) : NULL;
}

char *mem_strdup(const char *text)
{
    return text == NULL ? NULL : mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t len_bytes)
{
    if (len_bytes == SIZE_MAX)
        return NULL;
    char *copy = mem_alloc(len_bytes + 1);
    if (copy == NULL)
        return NULL;
    if (len_bytes > 0)
        memcpy(copy, text, len_bytes);
    copy[len_bytes] = '\0';
    return copy;
}

char *mem_vprintf(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = len < 0 ? NULL : mem_alloc((size_t)len + 1);
    if (text != NULL)
        (void)vsnprintf(text, (size_t)len + 1, format, args); /* measured above */
    return text;
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    return text;
}

void *mem_free(void *old)
{
    free(old);
    return NULL;
}

void mem_fail_at(unsigned long n)
{
    fail_countdown = n;
}

int mem_fail_pending(void)
{
    return fail_countdown != 0;
}

void mem_freep(void *pointer_to_pointer)
{
    char **pointer = pointer_to_pointer;
    *pointer = mem_free(*pointer);
}
