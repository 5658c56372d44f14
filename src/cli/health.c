/* anabranch health: asks a server's /ok, for container health checks. Exit status 0 = it answers.
 */
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEALTH_TIMEOUT_MS 3000

struct probe {
    int http_status;
    int result;
    bool is_over;
    char text[256];
    struct fetch *fetch;
};

static void take_head(void *arg, int status)
{
    ((struct probe *)arg)->http_status = status;
}

static void take_end(void *arg, int result)
{
    struct probe *p = arg;

    p->result = result;
    p->is_over = true;
    if (result != 0)
        snprintf(p->text, sizeof(p->text), "%s", fetch_error_text(p->fetch, result));
}

/* Where the server listens, as one reaches it from here: a wildcard address is asked on loopback.
 */
static char *address_url(const char *listen)
{
    static const char *const wildcards[] = { "0.0.0.0:", "[::]:" };

    for (size_t i = 0; i < sizeof(wildcards) / sizeof(wildcards[0]); i++) {
        size_t len = strlen(wildcards[i]);
        if (strncmp(listen, wildcards[i], len) == 0)
            return mem_printf("http://127.0.0.1:%s/ok", listen + len);
    }
    return mem_printf("http://%s/ok", listen);
}

static int ask(struct loop *loop, struct fetcher *fetcher, const char *url, struct probe *p)
{
    struct fetch_request req = {
        .method = "GET",
        .url = url,
        .total_ms = HEALTH_TIMEOUT_MS,
        .max_bytes = 4096,
        .on_head = take_head,
        .on_end = take_end,
        .arg = p,
    };
    int r = fetch_start(fetcher, &req, &p->fetch);

    return r == 0 ? loop_run_until(loop, &p->is_over) : r;
}

static int judge(const struct probe *p, const char *url)
{
    if (p->result == 0 && p->http_status == 200) {
        printf("ok\n");
        return EXIT_OK;
    }
    if (p->result == 0)
        fprintf(stderr, "anabranch: %s answered %d\n", url, p->http_status);
    else
        fprintf(stderr, "anabranch: %s: %s\n", url, p->text);
    return EXIT_FAILED;
}

static int probe(const struct conf *conf)
{
    struct loop *loop = NULL;
    struct fetcher *fetcher = NULL;
    struct probe p = { 0 };
    char *url MEM_AUTO(mem_freep) = address_url(conf->listen);
    int r = url == NULL ? ERR_NOMEM : loop_new(&loop);

    /* A proxy of the environment is for the models; it knows another loopback. */
    if (r == 0 && setenv("no_proxy", "*", 1) != 0)
        r = ERR_NOMEM;
    if (r == 0)
        r = fetcher_new(loop, 1, &fetcher);
    if (r == 0)
        r = ask(loop, fetcher, url, &p);
    fetcher_free(fetcher);
    loop_free(loop);
    return r == 0 ? judge(&p, url) : cli_fault("health", r);
}

static int run_health(int arg_count, char **args)
{
    struct conf conf = { 0 };
    struct conf_args in = { .count = arg_count, .args = args };
    int status = EXIT_OK;

    if (cli_settings(&command_health, &in, &conf, &status))
        status = probe(&conf);
    conf_deinit(&conf);
    return status;
}

const struct cli_command command_health = {
    .name = "health",
    .arguments = "[SETTINGS]",
    .sentence = "ask a running server whether it is well",
    .details = "  The server is the one that listens where the setting listen says.\n",
    .run = run_health,
};
