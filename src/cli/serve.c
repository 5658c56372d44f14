/*
 * anabranch serve. Parts start in this order and stop in the reverse one:
 *
 *     settings -> worker (loop, fetcher, models, database, runs) -> graphs -> HTTP server
 *
 * The port opens last, so a server that answers is whole. SIGTERM, SIGINT or SIGHUP: no new work,
 * what runs gets drain_ms to end, then it is cancelled; exit status 0. A second signal ends the
 * process at once.
 */
#include "api/expiry.h"
#include "api/work.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "graph_schema.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LAST_WORDS_MS 500 /* for the error events of cancelled runs to reach their readers */

struct serve {
    const struct conf *conf;
    struct worker worker;
    struct registry graphs;
    struct api api;
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
    if (s->are_runs_idle && s->is_server_idle)
        loop_stop(s->worker.loop);
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

static void take_signal(void *arg, int number)
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
    runs_drain(s->worker.runs, runs_idle, s);
}

/* ---- the beginning ---- */

static int load(struct serve *s)
{
    struct problems problems;
    int status = EXIT_OK;

    problems_init(&problems);
    int r = load_graphs(s->conf, &s->worker.services.kinds, NULL, &s->graphs, &problems);
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

static void warn_model(void *arg, const char *graph, const char *node, const char *sentence)
{
    (void)arg;
    log_warn("model_not_ready", "graph", graph, "node", node, "message", sentence, NULL);
}

/* Not before everything is loaded: until the loop runs, a signal should just end the process. */
static int watch_signals(struct serve *s)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
    int r = loop_timer_new(s->worker.loop, drain_passed, s, &s->drain);

    for (size_t i = 0; r == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
        r = loop_signal_watch(s->worker.loop, numbers[i], take_signal, s);
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
    };
    char text[256] = "";
    int r = http_server_new(s->worker.loop, &options, &s->server, text, sizeof(text));

    if (r == 0) {
        log_info("listening", "address", text, "graphs", log_int((long long)s->graphs.count), NULL);
        return EXIT_OK;
    }
    fprintf(stderr, "anabranch: %s\n", r > 0 ? text : err_text(r));
    return r == HTTP_E_REFUSED || r == HTTP_E_ADDRESS ? EXIT_WRONG : EXIT_FAILED;
}

static int start(struct serve *s)
{
    int r = worker_init(&s->worker, s->conf, environ);

    if (r != 0)
        return cli_worker_failure(&s->worker, r);
    int status = load(s);
    if (status != EXIT_OK)
        return status;
    r = watch_signals(s);
    if (r != 0)
        return cli_fault("start", r);
    s->api = (struct api){
        .services = &s->worker.services,
        .runs = s->worker.runs,
        .graphs = &s->graphs,
        .started_ms = clock_wall_ms(),
        .graph_schema = graph_schema_text,
        .graph_schema_len_bytes = sizeof(graph_schema_text) - 1,
    };
    r = expiry_new(&s->api, &s->api.expiry);
    if (r != 0)
        return cli_fault("start", r);
    load_each_bad_model(&s->worker, &s->graphs, warn_model, NULL);
    return open_port(s);
}

static void stop(struct serve *s)
{
    s->server = http_server_free(s->server);
    expiry_stop(s->api.expiry);
    api_finish(&s->api);
    s->api.expiry = expiry_free(s->api.expiry);
    s->drain = loop_timer_free(s->drain);
    worker_deinit(&s->worker);
    registry_deinit(&s->graphs);
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
    .details = "  The graphs are those of the setting graphs.\n",
    .keeps_threads = true,
    .run = run_serve,
};
