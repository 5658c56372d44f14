/* Faults: their sentences, and the debug line per hop that replaces a stack trace. */
#include "base/err.h"
#include "base/log.h"
#include <stddef.h>

int err_trace_at(int r, const char *function, const char *file, int line)
{
    log_debug("fault", "cause", err_text(r), "function", function, "file", file, "line",
              log_int(line), NULL);
    return r;
}

const char *err_text(int r)
{
    switch (r) {
    case ERR_NOMEM:
        return "out of memory";
    case ERR_SYSTEM:
        return "the operating system refused a call";
    default:
        return "unknown fault";
    }
}
