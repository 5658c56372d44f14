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

int cli_finish(int status)
{
    bool is_written = fflush(stdout) == 0 && ferror(stdout) == 0;

    if (status != EXIT_OK || is_written)
        return status;
    fputs("anabranch: standard output did not take everything\n", stderr);
    return EXIT_FAILED;
}

static void print_text(void (*write)(struct buf *out))
{
    struct buf text;

    buf_init(&text, TEXT_MAX_BYTES);
    write(&text);
    fputs(buf_text(&text), stdout);
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

static void apply_log_level(const struct conf *conf)
{
    enum log_level level = LOG_INFO;

    if (log_level_find(conf->log_level, &level) == 0)
        log_level_set(level);
}

/* Whether the command goes on; otherwise *ret_exit. */
static bool judge(int r, const struct conf *conf, const struct buf *problems, int *ret_exit)
{
    *ret_exit = EXIT_OK;
    if (r == CONF_E_HELP)
        print_text(conf_help);
    else if (r == CONF_E_PRINT)
        print_settings(conf);
    else if (r == CONF_E_WRONG) {
        fputs(buf_text(problems), stderr);
        *ret_exit = EXIT_WRONG;
    } else if (r < 0)
        *ret_exit = cli_fault("settings", r);
    return r == 0;
}

bool cli_settings(int arg_count, char **args, struct conf *conf, const char **words, int words_max,
                  int *word_count, int *ret_exit)
{
    struct buf problems MEM_AUTO(buf_deinit);

    buf_init(&problems, TEXT_MAX_BYTES);
    int r = conf_load(arg_count, args, environ, conf, words, words_max, word_count, &problems);
    if (!judge(r, conf, &problems, ret_exit))
        return false;
    apply_log_level(conf);
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
