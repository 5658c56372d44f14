/*
 * A person in the middle of a graph, in C without a server:
 *
 *     __start__ -> draft -> approve -> send -> __end__
 *                              \-> draft        (it was refused: written anew)
 *
 * "approve" asks whether the letter may go out. The run ends there, and its thread remembers where;
 * hours later, and here at once, somebody looks at the thread and answers. The node then says with
 * a Command where the run goes on.
 */
#include <anabranch.h>
#include <stdio.h>
#include <string.h>

/* ---- the node kind "approve" ---- */

/* Runs twice for each question: until it asks, and again from here when there is an answer. */
static void approve(struct anabranch_task *task, void *config)
{
    static const char question[] = "\"May this letter go out?\"";
    static const char yes[] = "{\"__command__\":{\"goto\":\"send\"}}";
    static const char no[] = "{\"__command__\":{\"goto\":\"draft\"}}";
    const char *answer = anabranch_task_ask(task, question, strlen(question), NULL);
    const char *result;

    (void)config;
    if (answer == NULL) /* nobody has answered yet */
        return;
    result = strcmp(answer, "true") == 0 ? yes : no;
    anabranch_task_finish(task, result, strlen(result));
}

static int build(struct anabranch_engine *engine, struct anabranch_graph **graph)
{
    struct anabranch_builder *b;
    int r = anabranch_builder_new(engine, "letter", &b);

    if (r != 0)
        return r;
    anabranch_builder_field(b, "to", "{\"type\":\"string\"}");
    anabranch_builder_field(b, "tries", "{\"type\":\"integer\",\"reducer\":\"add\"}");
    anabranch_builder_field(b, "letter", "{\"type\":\"string\"}");
    anabranch_builder_node(
        b, "draft", "{\"kind\":\"set\",\"values\":{\"letter\":\"Dear {{to}},\",\"tries\":1}}");
    anabranch_builder_node(b, "approve", "{\"kind\":\"approve\",\"ends\":[\"send\",\"draft\"]}");
    anabranch_builder_node(b, "send",
                           "{\"kind\":\"set\",\"values\":{\"letter\":\"{{letter}} (sent)\"}}");
    anabranch_builder_edge(b, "__start__", "draft");
    anabranch_builder_edge(b, "draft", "approve");
    r = anabranch_builder_build(b, graph);
    if (r == ANABRANCH_E_INVALID)
        fputs(anabranch_builder_problems(b), stderr);
    anabranch_builder_free(b);
    return r;
}

/* ---- the thread between two runs ---- */

struct look {
    struct anabranch_engine *engine;
    int status;
};

/* A real program would show `json` to somebody: what is asked is in its "interrupts". */
static void looked(void *arg, int status, const char *json, size_t len_bytes)
{
    struct look *look = arg;

    (void)len_bytes;
    look->status = status;
    if (status == 0 && strstr(json, "May this letter go out?") != NULL)
        fputs("the thread waits for an answer\n", stderr);
    anabranch_engine_stop(look->engine);
}

/* Calls about threads are told their end by the loop; so it runs until then. */
static int look_at(struct anabranch_engine *engine, struct anabranch_graph *graph,
                   const char *thread_id)
{
    struct look look = { .engine = engine };
    struct anabranch_thread_options options = {
        .size = sizeof(options),
        .thread_id = thread_id,
        .on_end = looked,
        .arg = &look,
    };
    int r = anabranch_get_state(engine, graph, &options, 0);

    if (r == 0)
        r = anabranch_engine_run(engine);
    return r == 0 ? look.status : r;
}

/* ---- the runs ---- */

/* One of input and command. */
static int run(struct anabranch_engine *engine, struct anabranch_graph *graph, const char *input,
               const char *command)
{
    struct anabranch_run_options options = {
        .size = sizeof(options),
        .thread_id = "letter-1",
        .command = command,
    };
    char *result = NULL;
    int r = anabranch_invoke(engine, graph, input, &options, &result);

    if (r == ANABRANCH_E_INTERRUPTED)
        r = look_at(engine, graph, options.thread_id);
    else if (result != NULL)
        printf("%s\n", result);
    anabranch_free(result);
    return r;
}

int main(void)
{
    struct anabranch_options options = {
        .size = sizeof(options),
        .settings = "{\"log_level\":\"warn\",\"database\":\"memory:\"}",
    };
    struct anabranch_kind kind = { .size = sizeof(kind), .name = "approve", .start = approve };
    struct anabranch_engine *engine = NULL;
    struct anabranch_graph *graph = NULL;
    int r = anabranch_engine_new(&options, &engine);

    if (r == 0)
        r = anabranch_engine_add_kind(engine, &kind);
    if (r == 0)
        r = build(engine, &graph);
    if (r == 0)
        r = run(engine, graph, "{\"to\":\"Ada\"}", NULL);
    if (r == 0)
        r = run(engine, graph, NULL, "{\"resume\":false}"); /* write it anew, and ask again */
    if (r == 0)
        r = run(engine, graph, NULL, "{\"resume\":true}");
    if (r != 0)
        fprintf(stderr, "approve: ended with %d\n", r);
    anabranch_graph_free(graph);
    anabranch_engine_free(engine);
    return r == 0 ? 0 : 1;
}
