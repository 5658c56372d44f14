#ifndef ANABRANCH_BASE_LOG_H
#define ANABRANCH_BASE_LOG_H
/*
 * Structured log: one line per event on standard error, `key=value` pairs, values with blanks or
 * control characters quoted as JSON strings:
 *
 *     2026-11-22T17:34:49.320Z info run_end run=01a2... graph=panel status=success ms=812
 *
 *     log_info("run_end", "run", id, "graph", name, "ms", log_int(812), NULL);
 *
 * The tail is pairs of (const char *key, const char *value) closed by NULL; a NULL value prints as
 * "-". Never logged: secrets, prompts, model output, request bodies (bodies and prompts only at
 * debug). Loop thread and pool threads; one write(2) per line.
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_level_set(enum log_level level);                  /* initially LOG_INFO */
int log_level_find(const char *name, enum log_level *ret); /* 0, or LOG_E_UNKNOWN */
enum { LOG_E_UNKNOWN = 1 };

void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));
#define log_error(...) log_event(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_event(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_event(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_event(LOG_DEBUG, __VA_ARGS__)

/* Numbers as text, valid until the eighth next call on the same thread. */
const char *log_int(long long number);

#endif
