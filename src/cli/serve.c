/*
 * anabranch serve. Parts start in this order and stop in the reverse one:
 *
 *     settings -> worker (loop, fetcher, models, database, runs) -> graphs -> desk, which takes up
 *     what an earlier process has left -> HTTP server
 *
 * The port opens last, so a server that answers is whole. SIGTERM or SIGINT: no new work, what runs
 * gets drain_ms to end, then it is cancelled; exit status 0. A second one ends the process at once.
 * SIGHUP: graph files that have changed are loaded, as by POST /admin/reload.
 */
#include "api/about.h"
#include "api/expiry.h"
#include "api/retention.h"
#include "api/work.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/graph_set.h"
#include "cli/reload_report.h"
#include "graph_schema.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LAST_WORDS_MS 500 /* for the error events of cancelled runs to reach their readers */

struct serve {
    const struct conf *conf;
    struct worker worker;
    struct graph_set set;
    struct desk *desk;
    struct api api;
    struct retention *retention;
    struct http_server *server;
    struct loop_timer *drain;
    bool is_draining;
    bool are_runs_idle;
    bool is_server_idle;
    bool is_past_drain;
};

/* ---- the end ---- */

static void stop_if_idle(struct serve *s)
{
    if (s->are_runs_idle && s->is_server_idle && desk_has_told_all(s->desk))
        loop_stop(s->worker.loop);
}

static void webhooks_idle(void *arg)
{
    stop_if_idle(arg);
}

static void runs_idle(void *arg)
{
    struct serve *s = arg;

    s->are_runs_idle = true;
    stop_if_idle(s);
}

static void server_idle(void *arg)
{
    struct serve *s = arg;

    s->is_server_idle = true;
    stop_if_idle(s);
}

static void drain_passed(void *arg)
{
    struct serve *s = arg;

    if (s->is_past_drain) {
        loop_stop(s->worker.loop);
        return;
    }
    s->is_past_drain = true;
    log_warn("drain_passed", "runs", log_int(runs_active(s->worker.runs)), NULL);
    runs_cancel_all(s->worker.runs);
    loop_timer_start(s->drain, LAST_WORDS_MS * 1000);
}

static void take_end(void *arg, int number)
{
    struct serve *s = arg;

    if (s->is_draining)
        _exit(128 + number);
    s->is_draining = true;
    log_info("draining", "signal", strsignal(number), "runs", log_int(runs_active(s->worker.runs)),
             NULL);
    http_server_quiesce(s->server);
    loop_timer_start(s->drain, s->conf->drain_ms * 1000);
    http_server_when_idle(s->server, server_idle, s);
    desk_drain(s->desk);
    desk_when_told_all(s->desk, webhooks_idle, s);
    runs_drain(s->worker.runs, runs_idle, s);
}

/* ---- graphs, once more ---- */

static void warn_model(void *arg, const char *graph, const char *node, const char *sentence)
{
    (void)arg;
    log_warn("model_not_ready", "graph", graph, "node", node, "message", sentence, NULL);
}

static bool is_in(const struct registry *graphs, const struct graph *g)
{
    return registry_find(graphs, g->name) == g;
}

/* Results that are kept of a graph that is not in force would never be asked for, and hold it. */
static void change_over(struct serve *s, const struct registry *before)
{
    const struct registry *now = &s->set.graphs;

    for (size_t i = 0; i < before->count; i++) {
        if (!is_in(now, before->graphs[i]))
            runs_clear_cache(s->worker.runs, before->graphs[i], NULL);
    }
    for (size_t i = 0; i < now->count; i++) {
        if (!is_in(before, now->graphs[i]))
            load_each_bad_model(&s->worker, now->graphs[i], warn_model, NULL);
    }
}

/*
 * struct api. It reads the files here on the loop's thread, where everything else waits for it: for
 * a handful of files that is a few milliseconds, and the bounds are those of the start
 * (max_body_bytes a file, ten times script_max_sync_instructions a script).
 */
static int reload(void *arg, json_t **ret)
{
    struct serve *s = arg;
    struct graph_set before;

    if (s->is_draining)
        return API_E_DRAINING;
    int r = graph_set_reload(s->conf, &s->worker.services.kinds, &s->set, &before, ret);
    if (r != 0)
        return err_trace(r);
    reload_report_log(*ret);
    change_over(s, &before.graphs);
    graph_set_deinit(&before);
    return 0;
}

static void take_hangup(void *arg, int number)
{
    struct serve *s = arg;
    json_t *report = NULL;

    (void)number;
    int r = reload(s, &report);
    if (r == API_E_DRAINING)
        log_info("reload_refused", "message", "the server is stopping", NULL);
    else if (r != 0)
        log_error("reload_failed", "message", err_text(r), NULL);
    json_decref(report);
}

/* ---- the beginning ---- */

static int load(struct serve *s)
{
    struct problems problems;
    int status = EXIT_OK;

    problems_init(&problems);
    int r = graph_set_load(s->conf, &s->worker.services.kinds, NULL, &s->set, &problems);
    if (r != 0)
        status = cli_fault("graphs", r);
    else if (problems.count > 0) {
        fputs(buf_text(&problems.text), stderr);
        fprintf(stderr, "anabranch: %d mistake%s in graph files; nothing was started\n",
                problems.count, cli_plural((size_t)problems.count));
        status = EXIT_WRONG;
    }
    problems_deinit(&problems);
    return status;
}

/* Not before everything is loaded: until the loop runs, a signal should just end the process. */
static int watch_ends(struct serve *s)
{
    int r = loop_timer_new(s->worker.loop, drain_passed, s, &s->drain);

    if (r == 0)
        r = loop_signal_watch(s->worker.loop, SIGTERM, take_end, s);
    if (r == 0)
        r = loop_signal_watch(s->worker.loop, SIGINT, take_end, s);
    return r;
}

static int open_port(struct serve *s)
{
    struct http_options options = {
        .conf = s->conf,
        .routes = api_routes,
        .route_count = api_route_count,
        .absences = api_absences,
        .absence_count = api_absence_count,
        .app = &s->api,
        .admit = about_admit,
    };
    char text[256] = "";
    int r = http_server_new(s->worker.loop, &options, &s->server, text, sizeof(text));

    if (r == 0) {
        log_info("listening", "address", text, "graphs", log_int((long long)s->set.graphs.count),
                 NULL);
        return EXIT_OK;
    }
    fprintf(stderr, "anabranch: %s\n", r > 0 ? text : err_text(r));
    return r == HTTP_E_REFUSED || r == HTTP_E_ADDRESS ? EXIT_WRONG : EXIT_FAILED;
}

/* Unfinished runs are the first that is read of a database. Why it cannot be is in the log. */
static int unreadable(const struct serve *s, int r)
{
    if (r != ERR_SYSTEM)
        return cli_fault("unfinished runs", r);
    fprintf(
        stderr,
        "anabranch: database %s: what it keeps of unfinished runs cannot be read. Put a copy of it "
        "in its place, or move it away to begin with an empty one\n",
        s->conf->database);
    return EXIT_WRONG;
}

static int start(struct serve *s)
{
    const struct registry none = { .count = 0 };
    int r = worker_init(&s->worker, s->conf, environ);

    if (r != 0)
        return cli_worker_failure(&s->worker, r);
    /* Before anything is loaded: it waits for the loop, and no file that changes is missed. */
    r = loop_signal_watch(s->worker.loop, SIGHUP, take_hangup, s);
    int status = r == 0 ? load(s) : cli_fault("start", r);
    if (status != EXIT_OK)
        return status;
    r = watch_ends(s);
    if (r != 0)
        return cli_fault("start", r);
    r = desk_new(&s->worker.services, s->worker.runs, &s->set.graphs, &s->desk);
    if (r == 0)
        r = desk_recover(s->desk);
    if (r != 0)
        return unreadable(s, r);
    s->api = (struct api){
        .services = &s->worker.services,
        .runs = s->worker.runs,
        .desk = s->desk,
        .graphs = &s->set.graphs,
        .started_ms = clock_wall_ms(),
        .graph_schema = graph_schema_text,
        .graph_schema_len_bytes = sizeof(graph_schema_text) - 1,
        .reload = reload,
        .reload_arg = s,
    };
    r = expiry_new(&s->api, &s->api.expiry);
    if (r == 0)
        r = retention_new(&s->api, &s->retention);
    if (r != 0)
        return cli_fault("start", r);
    change_over(s, &none);
    return open_port(s);
}

static void stop(struct serve *s)
{
    s->is_draining = true; /* no SIGHUP from now on */
    s->server = http_server_free(s->server);
    expiry_stop(s->api.expiry);
    retention_stop(s->retention);
    api_finish(&s->api);
    s->api.expiry = expiry_free(s->api.expiry);
    s->retention = retention_free(s->retention);
    worker_end_runs(&s->worker);
    s->desk = desk_free(s->desk);
    s->drain = loop_timer_free(s->drain);
    worker_deinit(&s->worker);
    graph_set_deinit(&s->set);
}

static int serve(const struct conf *conf)
{
    struct serve s = { .conf = conf };
    int status = start(&s);

    if (status == EXIT_OK) {
        int r = loop_run(s.worker.loop);
        status = r == 0 ? EXIT_OK : cli_fault("event loop", r);
        log_info("stopped", NULL);
    }
    stop(&s);
    return status;
}

static int run_serve(int arg_count, char **args)
{
    struct conf conf = { 0 };
    struct conf_args in = { .count = arg_count, .args = args };
    int status = EXIT_OK;

    if (cli_settings(&command_serve, &in, &conf, &status))
        status = serve(&conf);
    conf_deinit(&conf);
    return status;
}

const struct cli_command command_serve = {
    .name = "serve",
    .arguments = "[SETTINGS]",
    .sentence = "serve graphs over HTTP",
    .details =
        "  The graphs are those of the setting graphs. SIGHUP loads files that have changed; "
        "SIGTERM and SIGINT let\n  runs end, for at most drain_ms.\n",
    .keeps_threads = true,
    .run = run_serve,
};
