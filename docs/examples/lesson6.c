/*
 * The graph of config/graphs/lesson/lesson6_json.json in C, without a server:
 *
 *     __start__ -> node1 -> node2 -> __end__
 *
 * Each node waits a tenth of a second, as if it asked a model, and makes a text of what it sees.
 * While they wait, the engine could serve any number of other runs.
 */
#include <anabranch.h>
#include <stdio.h>

static const char *const fields[] = { "user_input", "step1_result", "step2_result" };

static const char node1[] = "{\"kind\":\"wait\",\"ms\":100,"
                            "\"values\":{\"step1_result\":\"İşlendi: {{user_input}}\"}}";
static const char node2[] = "{\"kind\":\"wait\",\"ms\":100,"
                            "\"values\":{\"step2_result\":\"Zenginleştirildi: {{step1_result}}\"}}";

static int build(struct anabranch_engine *engine, struct anabranch_graph **graph)
{
    struct anabranch_builder *b;
    int r = anabranch_builder_new(engine, "lesson6", &b);

    if (r != 0)
        return r;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        anabranch_builder_field(b, fields[i], "{\"type\":\"string\"}");
    anabranch_builder_node(b, "node1", node1);
    anabranch_builder_node(b, "node2", node2);
    anabranch_builder_edge(b, "__start__", "node1");
    anabranch_builder_edge(b, "node1", "node2");
    anabranch_builder_edge(b, "node2", "__end__");
    r = anabranch_builder_build(b, graph);
    if (r == ANABRANCH_E_INVALID)
        fputs(anabranch_builder_problems(b), stderr);
    anabranch_builder_free(b);
    return r;
}

int main(void)
{
    struct anabranch_engine *engine = NULL;
    struct anabranch_graph *graph = NULL;
    char *result = NULL;
    int r = anabranch_engine_new(NULL, &engine);

    if (r == 0)
        r = build(engine, &graph);
    if (r == 0)
        r = anabranch_invoke(engine, graph, "{\"user_input\":\"Merhaba\"}", NULL, &result);
    if (result != NULL)
        printf("%s\n", result);
    if (r != 0)
        fprintf(stderr, "lesson6: ended with %d\n", r);
    anabranch_free(result);
    anabranch_graph_free(graph);
    anabranch_engine_free(engine);
    return r == 0 ? 0 : 1;
}
