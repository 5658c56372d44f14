/*
 * A graph of two nodes, built and run in C without a server:
 *
 *     __start__ -> process -> enrich -> __end__
 *
 * "process" is of a kind that this program writes itself. Its answer comes from another thread a
 * tenth of a second later, and meanwhile the engine could serve any number of other tasks. "enrich"
 * is of the built-in kind "set".
 *
 * README.md beside this file says how to build it.
 */
#include <anabranch.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The engine is one thread, so what its callbacks need can simply be handed to them. */
struct program {
    struct anabranch_engine *engine;
};

/* What configure() makes of one node: it lives as long as the graph. */
struct config {
    struct program *program;
    char *prefix;
};

/* One task at work. */
struct job {
    struct anabranch_task *task;
    struct config *config;
    pthread_t thread;
};

/*
 * The string at `key`, in a copy, as it stands between its quotes. Still escaped, so it can be put
 * into other JSON as it is. This is all the JSON that the example needs; a real program has a
 * library for it.
 */
static char *string_at(const char *json, const char *key)
{
    char quoted[64];
    const char *begin, *end;

    snprintf(quoted, sizeof(quoted), "\"%s\":\"", key);
    begin = strstr(json, quoted);
    if (begin == NULL)
        return NULL;
    begin += strlen(quoted);
    for (end = begin; *end != '"'; end++) {
        if (*end == '\\')
            end++;
    }
    return strndup(begin, (size_t)(end - begin));
}

/* ---- the node kind "slow_prefix" ---- */

/* Called once for each node of this kind, when the graph is built. Mistakes in the node are
 * reported, not returned. */
static int configure(void *arg, const char *spec, struct anabranch_builder *builder,
                     void **ret_config)
{
    struct config *config = malloc(sizeof(*config));

    if (config == NULL)
        return ANABRANCH_E_NOMEM;
    config->program = arg;
    config->prefix = string_at(spec, "prefix");
    if (config->prefix == NULL)
        anabranch_report(builder, "prefix", "there is no text to put in front",
                         "write \"prefix\": \"...\"");
    *ret_config = config;
    return 0;
}

static void config_free(void *data)
{
    struct config *config = data;

    free(config->prefix);
    free(config);
}

/* {"text": prefix + text}, or NULL without memory. Both are still escaped, as string_at() leaves
 * them. */
static char *update_with(const char *prefix, const char *text)
{
    static const char format[] = "{\"text\":\"%s%s\"}";
    size_t size = sizeof(format) + strlen(prefix) + strlen(text);
    char *update = malloc(size);

    if (update != NULL)
        snprintf(update, size, format, prefix, text);
    return update;
}

/* Back on the engine's thread: ends the task. */
static void finish(void *arg)
{
    struct job *job = arg;
    const char *state = anabranch_task_state(job->task, NULL);
    char *text = state == NULL ? NULL : string_at(state, "text");
    char *update = text == NULL ? NULL : update_with(job->config->prefix, text);

    pthread_join(job->thread, NULL);
    if (update != NULL)
        anabranch_task_finish(job->task, update, strlen(update));
    else
        anabranch_task_fail(job->task, "ValueError", "the state has no \"text\"");
    free(update);
    free(text);
    free(job);
}

/* The slow part. Of the engine, this thread may only call anabranch_post(). */
static void *work(void *arg)
{
    static const struct timespec tenth = { .tv_nsec = 100000000 };
    struct job *job = arg;

    do
        nanosleep(&tenth, NULL);
    while (anabranch_post(job->config->program->engine, finish, job) !=
           0); /* no memory for it now: once more */
    return NULL;
}

/* Begins a task and returns at once; finish() ends it. */
static void start(struct anabranch_task *task, void *config)
{
    struct job *job = malloc(sizeof(*job));
    int error = ENOMEM;

    if (job != NULL) {
        job->task = task;
        job->config = config;
        error = pthread_create(&job->thread, NULL, work, job);
    }
    if (error == 0)
        return;
    free(job);
    anabranch_task_fail(task, "OSError", strerror(error));
}

/* ---- the graph ---- */

static int build(struct anabranch_engine *engine, struct anabranch_graph **graph)
{
    struct anabranch_builder *b;
    int r = anabranch_builder_new(engine, "enrich", &b);

    if (r != 0)
        return r;
    /* Mistakes are collected: building tells them all. Only memory can run out on the way, and that
     * shows in the end as well. */
    anabranch_builder_field(b, "text", "{\"type\":\"string\"}");
    anabranch_builder_node(b, "process", "{\"kind\":\"slow_prefix\",\"prefix\":\"İşlendi: \"}");
    anabranch_builder_node(
        b, "enrich", "{\"kind\":\"set\",\"values\":{\"text\":\"Zenginleştirildi: {{text}}\"}}");
    anabranch_builder_edge(b, "__start__", "process");
    anabranch_builder_edge(b, "process", "enrich");
    anabranch_builder_edge(b, "enrich", "__end__");
    r = anabranch_builder_build(b, graph);
    if (r == ANABRANCH_E_INVALID)
        fputs(anabranch_builder_problems(b), stderr);
    anabranch_builder_free(b);
    return r;
}

/* ---- the run ---- */

static void print_event(void *arg, const char *event, const char *data, size_t len_bytes)
{
    (void)arg;
    (void)len_bytes;
    if (strcmp(event, "updates") == 0)
        printf("%s\n", data);
}

static int run(struct anabranch_engine *engine, struct anabranch_graph *graph)
{
    struct anabranch_run_options options = {
        .size = sizeof(options),
        .stream_mode = "updates",
        .on_event = print_event,
    };
    char *result = NULL;
    int r = anabranch_invoke(engine, graph, "{\"text\":\"Merhaba\"}", &options, &result);

    if (result != NULL)
        printf("%s\n", result);
    anabranch_free(result);
    return r;
}

int main(void)
{
    struct program program = { 0 };
    struct anabranch_options options = { .size = sizeof(options),
                                         .settings = "{\"log_level\":\"warn\"}" };
    struct anabranch_kind kind = {
        .size = sizeof(kind),
        .name = "slow_prefix",
        .arg = &program,
        .configure = configure,
        .config_free = config_free,
        .start = start,
    };
    struct anabranch_graph *graph = NULL;
    int r = anabranch_engine_new(&options, &program.engine);

    if (r == 0)
        r = anabranch_engine_add_kind(program.engine, &kind);
    if (r == 0)
        r = build(program.engine, &graph);
    if (r == 0)
        r = run(program.engine, graph);
    if (r != 0)
        fprintf(stderr, "enrich: ended with %d\n", r);
    anabranch_graph_free(graph);
    anabranch_engine_free(program.engine);
    return r == 0 ? 0 : 1;
}
