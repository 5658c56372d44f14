#include "trace.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "must.h"
#include <stdio.h>

enum { DEPTH = 200, LINE_BYTES = 1 << 26 };

void trace_line(json_t *line)
{
    char *text MEM_AUTO(mem_freep) = must(jsonx_text(must(line), LINE_BYTES, NULL));

    puts(text);
    json_decref(line);
}

void trace_error(json_int_t step, const char *class, const char *message)
{
    trace_line(json_pack("{s:I, s:{s:s, s:s}}", "step", step, "error", "class", class, "message",
                         message));
}

json_t *trace_parse(const char *bytes, size_t len_bytes)
{
    struct jsonx_error error;
    json_t *json = NULL;

    return jsonx_parse(bytes, len_bytes, DEPTH, &json, &error) == 0 ? json : json_null();
}
