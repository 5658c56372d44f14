/*
 * A line is built on the stack and written at once: it must work without memory, and lines of
 * several threads must not mix. A line that does not fit is cut at a character and closed with
 * "...".
 */
#include "base/log.h"
#include "base/clock.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_BYTES = 4096,
    TAIL_BYTES = 8, /* kept free for closing a cut line: quote, dots, newline */
    INT_TEXTS = 8,
    INT_TEXT_BYTES = 24,
};

struct line {
    char text[LINE_BYTES];
    size_t len;
    bool is_cut;
};

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

/* How much is said is a matter of the process, like standard error itself; set at start, read by
 * every thread. */
static _Atomic enum log_level current_level = LOG_INFO;

void log_level_set(enum log_level level)
{
    atomic_store(&current_level, level);
}

int log_level_find(const char *name, enum log_level *ret)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++)
        if (strcmp(level_names[i], name) == 0) {
            *ret = (enum log_level)i;
            return 0;
        }
    return LOG_E_UNKNOWN;
}

/* All of the bytes or none, so that an escape or a character is never split. */
static void put(struct line *l, const char *bytes, size_t len)
{
    if (l->is_cut || len > sizeof(l->text) - TAIL_BYTES - l->len) {
        l->is_cut = true;
        return;
    }
    memcpy(l->text + l->len, bytes, len);
    l->len += len;
}

static void put_str(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

static bool is_plain(const char *text)
{
    if (*text == '\0')
        return false;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '\\' || *p == '=')
            return false;
    return true;
}

/* Bytes of the UTF-8 sequence at p, or 0 if there is none; text is NUL-terminated, so a cut one
 * ends by itself. */
static size_t sequence_len(const unsigned char *p)
{
    size_t len = p[0] >= 0xf0 && p[0] <= 0xf4   ? 4
                 : p[0] >= 0xe0 && p[0] <= 0xef ? 3
                 : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
                                                : 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* C1 controls (U+0080..U+009F) can steer a terminal as escape sequences do. */
static bool is_c1(const unsigned char *p)
{
    return p[0] == 0xc2 && p[1] < 0xa0;
}

static size_t put_quoted_char(struct line *l, const unsigned char *p)
{
    char escape[8];
    size_t len = *p >= 0x80 ? sequence_len(p) : 1;
    if (*p == '"' || *p == '\\') {
        const char pair[2] = { '\\', (char)*p };
        put(l, pair, sizeof(pair));
    } else if (len == 0) {
        put_str(l, "\\ufffd");
    } else if (*p < ' ' || *p == 0x7f || is_c1(p)) {
        (void)snprintf(escape, sizeof(escape), "\\u%04x", len == 2 ? p[1] : p[0]); /* fits */
        put_str(l, escape);
    } else {
        put(l, (const char *)p, len);
    }
    return len == 0 ? 1 : len;
}

static void put_value(struct line *l, const char *value)
{
    size_t room = sizeof(l->text) - TAIL_BYTES - l->len;
    if (is_plain(value) && strlen(value) <= room) {
        put_str(l, value);
        return;
    }
    put_str(l, "\"");
    for (const unsigned char *p = (const unsigned char *)value; *p != '\0' && !l->is_cut;)
        p += put_quoted_char(l, p);
    if (l->is_cut)
        memcpy(l->text + l->len++, "\"", 1); /* within TAIL_BYTES */
    else
        put_str(l, "\"");
}

static void write_line(struct line *l)
{
    if (l->is_cut) {
        memcpy(l->text + l->len, "...", 3);
        l->len += 3;
    }
    l->text[l->len++] = '\n';
    /* Where standard error is gone there is nobody left to tell. */
    while (write(STDERR_FILENO, l->text, l->len) < 0 && errno == EINTR)
        ;
}

void log_event(enum log_level level, const char *event, ...)
{
    if (level > atomic_load_explicit(&current_level, memory_order_relaxed))
        return;
    int saved_errno = errno;
    struct line l;
    l.len = 0;
    l.is_cut = false;
    char time[CLOCK_ISO_BYTES];
    clock_iso(clock_wall_ms(), time);
    put_str(&l, time);
    put_str(&l, " ");
    put_str(&l, level_names[level]);
    put_str(&l, " ");
    put_str(&l, event);
    va_list pairs;
    va_start(pairs, event);
    for (const char *key; !l.is_cut && (key = va_arg(pairs, const char *)) != NULL;) {
        const char *value = va_arg(pairs, const char *);
        put_str(&l, " ");
        put_str(&l, key);
        put_str(&l, "=");
        put_value(&l, value == NULL ? "-" : value);
    }
    va_end(pairs);
    write_line(&l);
    errno = saved_errno;
}

const char *log_int(long long number)
{
    static _Thread_local char texts[INT_TEXTS][INT_TEXT_BYTES];
    static _Thread_local unsigned turn;
    char *text = texts[turn++ % INT_TEXTS];
    (void)snprintf(text, INT_TEXT_BYTES, "%lld", number); /* 20 digits at most */
    return text;
}
