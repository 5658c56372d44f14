#ifndef ANABRANCH_CLI_CLI_H
#define ANABRANCH_CLI_CLI_H
/*
 * The command line: one file per command, one row per command in main.c. A command gets its
 * arguments without its own name, and returns the exit status of the process.
 */
#include "base/conf.h"
#include "graph/problem.h"
#include "graph/registry.h"
#include "run/worker.h"

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1, /* it was understood, and did not work */
    EXIT_WRONG = 2,  /* arguments, settings or graphs are wrong; nothing was started */
};

int command_serve(int arg_count, char **args);
int command_check(int arg_count, char **args);
int command_run(int arg_count, char **args);
int command_draw(int arg_count, char **args);
int command_health(int arg_count, char **args);

/*
 * Settings from args, environment and file. Prints help, settings or mistakes itself; *ret_exit
 * then is the status to leave with.
 *   words  out: arguments that are no settings; at most words_max, more are a mistake
 * Returns true if the command should go on. conf is to be deinitialised in every case.
 */
bool cli_settings(int arg_count, char **args, struct conf *conf, const char **words, int words_max,
                  int *word_count, int *ret_exit);

/*
 * An option of a command that is no setting: takes it out of args, with its value ("--input x" or
 * "--input=x") or as a flag without one. NULL or false: it was not there.
 */
const char *cli_take_value(int *arg_count, char **args, const char *name);
bool cli_take_flag(int *arg_count, char **args, const char *name);

/* load.c: files and folders, separated by ':', into a registry. Problems are all noted; those of
   one file do not keep the others from being read. 0 or a fault. */
int load_graphs(const struct conf *conf, const struct kind_table *kinds, const char *places,
                struct registry *graphs, struct problems *problems);
/* The whole of a file (at most max_bytes) or, for "-", of standard input, for mem_free(); NULL with
 * a sentence in text. */
char *load_file(const char *path, size_t max_bytes, size_t *ret_len_bytes, char *text,
                size_t text_size);
/* Notes on standard error what is legal and probably not meant: models that cannot be called. */
void load_warn_models(const struct worker *w, const struct registry *graphs);

/* A fault at start: prints a sentence, returns EXIT_FAILED. */
int cli_fault(const char *what, int fault);
/* The last call of a command: the exit status, which is EXIT_FAILED, with a sentence, for a good
 * one whose output was not all taken. */
int cli_finish(int status);

#endif
