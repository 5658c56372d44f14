#ifndef ANABRANCH_DIFF_TRACE_H
#define ANABRANCH_DIFF_TRACE_H
/* Lines of a trace on standard output. */
#include "base/fail.h"
#include <jansson.h>
#include <stddef.h>

/* Takes line. */
void trace_line(json_t *line);
void trace_error(json_int_t step, const char *class, const char *message);
/* A JSON text as a value, a new reference; null if it is none. */
json_t *trace_parse(const char *bytes, size_t len_bytes);

#endif
