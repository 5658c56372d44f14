#ifndef ANABRANCH_BASE_ERR_H
#define ANABRANCH_BASE_ERR_H
/*
 * Return codes, the way docs/architecture.md ("Errors") uses them.
 *
 *   0          success
 *   negative   a fault: the outside world broke (no memory, an i/o call that cannot fail failed).
 *              Never matched on, always passed up: return err_trace(r);
 *   positive   a condition named in the header of the function that returned it. The caller deals
 *              with it and never returns it as its own.
 */

enum {
    ERR_NOMEM = -1,  /* an allocation failed */
    ERR_SYSTEM = -2, /* an operating system or library call failed in a way we cannot act on */
};

/* Passes a fault up one hop and notes the hop in the log at debug level. Returns r. */
#define err_trace(r) err_trace_at((r), __func__, __FILE__, __LINE__)
int err_trace_at(int r, const char *function, const char *file, int line);

/* A static sentence for a fault; "unknown fault" for anything else. */
const char *err_text(int r);

#endif
