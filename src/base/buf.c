/*
 * Growth doubles, so that n appends copy O(n) bytes in all, and stops at the maximum. One byte more
 * than `cap` says is never needed: cap counts the closing NUL.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_CAP_BYTES = 64 };

void buf_init(struct buf *b, size_t max_bytes)
{
    assert(max_bytes < SIZE_MAX / 2); /* so that doubling and the NUL cannot overflow */
    *b = (struct buf){ .max = max_bytes };
}

void buf_deinit(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->fault = 0;
    if (b->data != NULL)
        b->data[0] = '\0';
}

static size_t next_cap(const struct buf *b, size_t needed_bytes)
{
    size_t cap = b->cap < FIRST_CAP_BYTES ? FIRST_CAP_BYTES : b->cap * 2;
    if (cap < needed_bytes)
        cap = needed_bytes;
    return cap > b->max + 1 ? b->max + 1 : cap;
}

static int grow(struct buf *b, size_t needed_bytes)
{
    size_t cap = next_cap(b, needed_bytes);
    char *data = mem_realloc(b->data, cap);
    if (data == NULL)
        return b->fault = ERR_NOMEM;
    data[b->len] = '\0';
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_reserve(struct buf *b, size_t more_bytes)
{
    if (b->fault != 0)
        return b->fault;
    if (more_bytes > b->max - b->len)
        return b->fault = BUF_E_FULL;
    size_t needed_bytes = b->len + more_bytes + 1;
    return needed_bytes <= b->cap ? 0 : grow(b, needed_bytes);
}

int buf_add(struct buf *b, const void *bytes, size_t len_bytes)
{
    int r = buf_reserve(b, len_bytes);
    if (r != 0)
        return r;
    if (len_bytes > 0)
        memcpy(b->data + b->len, bytes, len_bytes);
    b->len += len_bytes;
    b->data[b->len] = '\0';
    return 0;
}

int buf_add_str(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

int buf_add_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

int buf_add_int(struct buf *b, long long number)
{
    char digits[24];
    char *p = digits + sizeof(digits);
    /* Unsigned, because the least long long has no positive counterpart. */
    unsigned long long rest =
        number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (number < 0)
        *--p = '-';
    return buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

int buf_addf(struct buf *b, const char *format, ...)
{
    if (b->fault != 0)
        return b->fault;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return b->fault = ERR_SYSTEM;
    if (buf_reserve(b, (size_t)len) != 0)
        return b->fault;
    va_start(args, format);
    (void)vsnprintf(b->data + b->len, (size_t)len + 1, format, args); /* measured above */
    va_end(args);
    b->len += (size_t)len;
    return 0;
}

void buf_drop(struct buf *b, size_t len_bytes)
{
    assert(len_bytes <= b->len);
    if (len_bytes == 0)
        return;
    b->len -= len_bytes;
    memmove(b->data, b->data + len_bytes, b->len + 1);
}

char *buf_take(struct buf *b, size_t *ret_len_bytes)
{
    /* Pieces are missing from a buffer with a fault; nobody may take it for the whole. */
    char *text = b->fault != 0 ? NULL : b->data != NULL ? b->data : mem_strdup("");
    if (text == NULL) {
        buf_deinit(b);
        return NULL;
    }
    if (ret_len_bytes != NULL)
        *ret_len_bytes = b->len;
    buf_init(b, b->max);
    return text;
}

const char *buf_text(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}
