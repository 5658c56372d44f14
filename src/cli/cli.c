/* What the commands share: settings, options of their own, and how they fail. */
#include "cli/cli.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX_BYTES ((size_t)1 << 20)

int cli_fault(const char *what, int fault)
{
    fprintf(stderr, "anabranch: %s: %s\n", what, err_text(fault));
    return EXIT_FAILED;
}

int cli_worker_failure(const struct worker *w, int r)
{
    if (r != WORKER_E_REFUSED)
        return cli_fault("start", r);
    fprintf(stderr, "anabranch: %s\n", buf_text(&w->why));
    return EXIT_WRONG;
}

int cli_finish(int status)
{
    bool is_written = fflush(stdout) == 0 && ferror(stdout) == 0;

    if (status != EXIT_OK || is_written)
        return status;
    fputs("anabranch: standard output did not take everything\n", stderr);
    return EXIT_FAILED;
}

const char *cli_plural(size_t count)
{
    return count == 1 ? "" : "s";
}

void cli_print_usage(FILE *out, const struct cli_command *command)
{
    fprintf(out, "usage: anabranch %s %s\n%s", command->name, command->arguments, command->details);
}

static void print_help(const struct cli_command *command)
{
    struct buf text;

    cli_print_usage(stdout, command);
    buf_init(&text, TEXT_MAX_BYTES);
    conf_help(&text);
    printf("\n%s", buf_text(&text));
    buf_deinit(&text);
}

static void print_settings(const struct conf *conf)
{
    struct buf text;

    buf_init(&text, TEXT_MAX_BYTES);
    conf_print(conf, &text);
    fputs(buf_text(&text), stdout);
    buf_deinit(&text);
}

static void apply_log_level(const struct cli_command *command, const struct conf *conf)
{
    enum conf_origin origin = conf_origin_of(conf, "log_level");
    bool is_asked_for = origin == CONF_FROM_FLAG || origin == CONF_FROM_ENV;
    enum log_level level = LOG_INFO;

    (void)log_level_find(conf->log_level, &level); /* the settings were checked */
    log_level_set(command->is_quiet && !is_asked_for ? LOG_WARN : level);
}

static void warn_variable(void *arg, const char *name, const char *nearest)
{
    (void)arg;
    log_warn("unknown_variable", "name", name, "nearest", nearest, "message",
             "no setting has this name", NULL);
}

/* What a command leaves behind is nobody's thread, and the file may be a server's that runs. */
static int use_memory(struct conf *conf)
{
    mem_free(conf->database);
    conf->database = mem_strdup("memory:");
    return conf->database == NULL ? ERR_NOMEM : 0;
}

/* Whether the command goes on; otherwise *ret_exit. */
static bool judge(int r, const struct cli_command *command, const struct conf *conf,
                  const struct buf *problems, int *ret_exit)
{
    *ret_exit = EXIT_OK;
    if (r == CONF_E_HELP)
        print_help(command);
    else if (r == CONF_E_PRINT)
        print_settings(conf);
    else if (r == CONF_E_WRONG) {
        fputs(buf_text(problems), stderr);
        *ret_exit = EXIT_WRONG;
    } else if (r < 0)
        *ret_exit = cli_fault("settings", r);
    return r == 0;
}

bool cli_settings(const struct cli_command *command, struct conf_args *args, struct conf *conf,
                  int *ret_exit)
{
    struct buf problems MEM_AUTO(buf_deinit);

    buf_init(&problems, TEXT_MAX_BYTES);
    args->options = command->options;
    int r = conf_load(args, environ, conf, &problems);
    if (!judge(r, command, conf, &problems, ret_exit))
        return false;
    r = command->keeps_threads ? 0 : use_memory(conf);
    if (r != 0) {
        *ret_exit = cli_fault("settings", r);
        return false;
    }
    apply_log_level(command, conf);
    conf_each_unknown_variable(environ, warn_variable, NULL);
    return true;
}

static void drop(int *arg_count, char **args, int at, int count)
{
    memmove(args + at, args + at + count, (size_t)(*arg_count - at - count) * sizeof(char *));
    *arg_count -= count;
}

const char *cli_take_value(int *arg_count, char **args, const char *name)
{
    size_t len = strlen(name);

    for (int i = 0; i < *arg_count; i++) {
        char *arg = args[i];
        if (strncmp(arg, name, len) != 0)
            continue;
        if (arg[len] == '=') {
            drop(arg_count, args, i, 1);
            return arg + len + 1;
        }
        if (arg[len] == '\0' && i + 1 < *arg_count) {
            const char *value = args[i + 1];
            drop(arg_count, args, i, 2);
            return value;
        }
    }
    return NULL;
}

bool cli_take_flag(int *arg_count, char **args, const char *name)
{
    for (int i = 0; i < *arg_count; i++) {
        if (strcmp(args[i], name) == 0) {
            drop(arg_count, args, i, 1);
            return true;
        }
    }
    return false;
}
