/*
 * The engine's side of the differential test: cases on standard input, traces on standard output.
 * FORMAT.md has both.
 *
 *     main.c     a case: its graph, its stage, its steps
 *     steps.c    what is done with the graph      place.c, command.c   what steps need for it
 *     note.c     what cannot be compared
 *     script.c   what nodes do                    stage.c              what they remember
 *     trace.c    lines
 *
 * The worker, and with it the store, serves all cases; each has a thread of its own.
 */
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/parse.h"
#include "must.h"
#include "script.h"
#include "script/script.h"
#include "steps.h"
#include "trace.h"
#include <stdio.h>
#include <stdlib.h>

enum { GRAPH_BYTES = 1 << 24 };

/* Lives as long as the worker: a graph may be freed a turn after its last run. */
struct session {
    struct worker worker;
    struct stage stage; /* of the case at work */
    struct script_kind script;
    long case_count;
};

static int build_json(const struct session *session, const json_t *json, struct problems *problems,
                      struct graph **ret)
{
    const struct node_kind *const kinds[] = { &session->script.kind, &node_graph };
    struct kind_table table = { .kinds = kinds, .count = sizeof(kinds) / sizeof(kinds[0]) };
    struct builder_limits limits = worker_builder_limits(session->worker.conf);
    size_t len = 0;
    char *text MEM_AUTO(mem_freep) = must(jsonx_text(json, GRAPH_BYTES, &len));

    return graph_parse(&table, &limits, "case.json", text, len, problems, ret);
}

/* The case as a Lua file: its nodes do what the script says by themselves. */
static int build_lua(const struct session *session, const json_t *text, struct problems *problems,
                     struct graph **ret)
{
    static const struct node_kind *const kinds[] = { &node_lua, &node_graph, &node_set };
    struct kind_table table = { .kinds = kinds, .count = sizeof(kinds) / sizeof(kinds[0]) };
    struct builder_limits limits = worker_builder_limits(session->worker.conf);
    struct script_tools tools = { session->worker.conf, &table, &limits, NULL, NULL };

    return script_load_graph(&tools, "case.lua", json_string_value(text), json_string_length(text),
                             problems, ret);
}

/* NULL: the mistakes are printed. */
static struct graph *build(const struct session *session, const json_t *one)
{
    const json_t *lua = json_object_get(one, "lua");
    struct problems problems;
    struct graph *graph = NULL;
    int r;

    problems_init(&problems);
    r = lua != NULL ? build_lua(session, lua, &problems, &graph)
                    : build_json(session, json_object_get(one, "graph"), &problems, &graph);
    if (r != 0 || graph == NULL)
        trace_error(-1, "InvalidGraph", buf_text(&problems.text));
    problems_deinit(&problems);
    return graph;
}

static void do_case(struct session *session, const json_t *one)
{
    struct driver driver = { .worker = &session->worker };

    snprintf(driver.thread_id, sizeof(driver.thread_id), "case-%ld", ++session->case_count);
    driver.graph = build(session, one);
    if (driver.graph == NULL)
        return;
    stage_init(&session->stage, json_object_get(one, "script"));
    driver_do_steps(&driver, json_object_get(one, "steps"));
    driver_forget(&driver);
    graph_unref(driver.graph);
    stage_deinit(&session->stage);
}

static void do_line(struct session *session, const char *line, size_t len_bytes)
{
    json_t *one = trace_parse(line, len_bytes);

    if (json_is_object(json_object_get(one, "graph")))
        do_case(session, one);
    else
        trace_error(-1, "InvalidCase", "the line is not an object with a graph");
    trace_line(json_pack("{s:o}", "done", json_share(json_object_get(one, "name"))));
    fflush(stdout);
    json_decref(one);
}

static void do_lines(struct session *session)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    while ((len = getline(&line, &size, stdin)) > 0)
        do_line(session, line, (size_t)len);
    free(line); /* getline's */
}

int main(void)
{
    char *const no_env[] = { NULL };
    struct conf conf = { 0 };
    struct session session = { 0 };
    struct buf problems;

    mem_init();
    log_level_set(LOG_ERROR);
    buf_init(&problems, GRAPH_BYTES);
    must_do(conf_load_json("{\"database\": \"memory:\"}", no_env, &conf, &problems));
    must_do(worker_init(&session.worker, &conf, no_env));
    session.script = script_kind_of(&session.stage);
    do_lines(&session);
    worker_deinit(&session.worker);
    conf_deinit(&conf);
    buf_deinit(&problems);
    return 0;
}
