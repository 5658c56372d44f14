/* Graph files from anywhere: reading one, right or wrong, must neither crash nor leak; what is
 * right can be drawn. */
#include "base/mem.h"
#include "fake_kinds.h"
#include "graph/draw.h"
#include "graph/parse.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw(const struct graph *g)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    graph_draw(g, &out);
    buf_deinit(&out);
    json_decref(graph_schema(g, SCHEMA_STATE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    struct graph *g = NULL;
    problems_init(&problems);
    int r = graph_parse(&fake_kinds, &fake_limits, "fuzz.json", (const char *)data, size, &problems,
                        &g);
    if ((r == 0) != (g != NULL) || (r == PARSE_E_WRONG) != (problems.count > 0))
        abort();
    if (g != NULL)
        draw(g);
    graph_unref(g);
    problems_deinit(&problems);
    return 0;
}
