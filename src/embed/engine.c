/* The engine: a worker with its settings, and the order in which all of it ends. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "script/script.h"
#include "graph/build.h"
#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { PROBLEMS_MAX_BYTES = 65536 };

static_assert((int)ANABRANCH_E_NOMEM == ERR_NOMEM && (int)ANABRANCH_E_SYSTEM == ERR_SYSTEM,
              "faults pass the border as they are");

const char *anabranch_version(void)
{
    return "0.1.0";
}

void anabranch_free(void *text)
{
    mem_free(text);
}

/* ---- birth ---- */

static void log_problems(char *lines)
{
    char *line;

    while ((line = strsep(&lines, "\n")) != NULL) {
        if (line[0] != '\0')
            log_error("settings", "message", line, NULL);
    }
}

static int load_settings(struct conf *conf, const char *settings)
{
    struct buf problems MEM_AUTO(buf_deinit);
    enum log_level level;
    int r;

    buf_init(&problems, PROBLEMS_MAX_BYTES);
    r = conf_load_json(settings, environ, conf, &problems);
    if (r < 0)
        return err_trace(r);
    if (r > 0) {
        log_problems(problems.data);
        return ANABRANCH_E_INVALID;
    }
    if (log_level_find(conf->log_level, &level) == 0)
        log_level_set(level);
    return 0;
}

/* Nobody expects a library to make a file that nobody has named. */
static int keep_in_memory(struct conf *conf)
{
    if (conf_origin_of(conf, "database") != CONF_FROM_DEFAULT)
        return 0;
    mem_free(conf->database);
    conf->database = mem_strdup("memory:");
    return conf->database == NULL ? err_trace(ERR_NOMEM) : 0;
}

static int start_worker(struct anabranch_engine *engine)
{
    engine->scripts = (struct script_tools){ .conf = &engine->conf };
    engine->language = script_language(&engine->scripts);
    int r = worker_init(&engine->worker, &engine->conf, environ);

    if (r != WORKER_E_REFUSED)
        return r;
    log_error("settings", "message", buf_text(&engine->worker.why), NULL);
    return ANABRANCH_E_INVALID;
}

static int engine_init(struct anabranch_engine *engine, const char *settings)
{
    int r = load_settings(&engine->conf, settings);

    if (r == 0)
        r = keep_in_memory(&engine->conf);
    if (r == 0)
        r = start_worker(engine);
    if (r == 0)
        r = embed_kinds_init(engine);
    return r;
}

int anabranch_engine_new(const struct anabranch_options *options, struct anabranch_engine **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT; /* jansson's allocator is one per process */
    struct anabranch_options o;
    struct anabranch_engine *engine;
    int r;

    (void)pthread_once(&once, mem_init); /* fails for a bad argument only */
    options_copy(&o, sizeof(o), options);
    engine = mem_zalloc(sizeof(*engine));
    if (engine == NULL)
        return err_trace(ERR_NOMEM);
    list_init(&engine->own_kinds);
    list_init(&engine->tasks);
    list_init(&engine->runs);
    list_init(&engine->calls);
    r = engine_init(engine, o.settings);
    if (r != 0) {
        anabranch_engine_free(engine);
        return r;
    }
    *ret = engine;
    return 0;
}

/* Runs and calls end on the loop, so before it. Tasks that kinds forgot hold graphs, and graphs
 * kinds. */
void anabranch_engine_free(struct anabranch_engine *engine)
{
    if (engine == NULL)
        return;
    engine->is_ending = true;
    embed_runs_cancel(engine);
    embed_calls_end(engine);
    worker_deinit(&engine->worker);
    embed_runs_free(engine);
    embed_tasks_free(engine);
    embed_kinds_deinit(engine);
    conf_deinit(&engine->conf);
    mem_free(engine);
}

/* ---- the loop ---- */

int embed_turn_until(struct anabranch_engine *engine, const bool *done)
{
    struct loop *loop = engine->worker.loop;
    int r = 0;

    if (engine->is_running)
        return ANABRANCH_E_INVALID;
    engine->is_running = true;
    if (done == NULL)
        r = loop_run(loop);
    while (r == 0 && done != NULL && !*done) /* a stop is not for those who wait for a result */
        r = loop_run_until(loop, done);
    engine->is_running = false;
    return r;
}

int anabranch_engine_run(struct anabranch_engine *engine)
{
    return embed_turn_until(engine, NULL);
}

void anabranch_engine_stop(struct anabranch_engine *engine)
{
    loop_stop(engine->worker.loop);
}

int anabranch_post(struct anabranch_engine *engine, void (*call)(void *arg), void *arg)
{
    if (call == NULL)
        return ANABRANCH_E_INVALID;
    return loop_post(engine->worker.loop, call, arg);
}
