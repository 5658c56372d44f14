/* argv -> a command. Everything else is a library. */
#include "anabranch.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/mem.h"
#include "cli/cli.h"
#include <stdio.h>
#include <string.h>

static const struct cli_command *const commands[] = {
    &command_serve, &command_check, &command_run, &command_draw, &command_health,
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(*commands) };

static void print_help(void)
{
    struct buf settings;

    printf("anabranch %s: serves LLM agent graphs over HTTP\n\nusage: anabranch COMMAND ...\n\n",
           anabranch_version());
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-7s %-32s %s\n", commands[i]->name, commands[i]->arguments,
               commands[i]->sentence);
    printf("  --version, --help\n\nanabranch COMMAND --help tells more about one of them.\n\n");
    buf_init(&settings, (size_t)1 << 20);
    conf_help(&settings);
    fputs(buf_text(&settings), stdout);
    buf_deinit(&settings);
}

static int wrong_command(const char *word)
{
    const char *names[COMMAND_COUNT];

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i]->name;
    const char *nearest = word == NULL ? NULL : problems_nearest(word, names, COMMAND_COUNT);
    if (word == NULL)
        fputs("anabranch: a command is missing; anabranch --help lists them\n", stderr);
    else if (nearest != NULL)
        fprintf(stderr, "anabranch: there is no command \"%s\"; did you mean %s?\n", word, nearest);
    else
        fprintf(stderr, "anabranch: there is no command \"%s\"; anabranch --help lists them\n",
                word);
    return EXIT_WRONG;
}

static int command(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;

    if (word == NULL)
        return wrong_command(NULL);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help();
        return EXIT_OK;
    }
    if (strcmp(word, "--version") == 0) {
        printf("anabranch %s\n", anabranch_version());
        return EXIT_OK;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, word) == 0)
            return commands[i]->run(argc - 2, argv + 2);
    }
    return wrong_command(word);
}

int main(int argc, char **argv)
{
    mem_init();
    return cli_finish(command(argc, argv));
}
