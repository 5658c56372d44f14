#ifndef ANABRANCH_CLI_CLI_H
#define ANABRANCH_CLI_CLI_H
/*
 * The command line: one file and one struct per command; main.c lists them. A command gets its
 * arguments without its own name, and returns the exit status of the process.
 */
#include "base/conf.h"
#include "graph/problem.h"
#include "graph/registry.h"
#include "run/worker.h"
#include <stdio.h>

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1, /* it was understood, and did not work */
    EXIT_WRONG = 2,  /* arguments, settings or graphs are wrong; nothing was started */
};

struct cli_command {
    const char *name;
    const char *arguments; /* as its usage shows them */
    const char *sentence;
    const char *details;        /* lines about its arguments and options, or "" */
    const char *const *options; /* its own flags, NULL at the end; or NULL */
    bool is_quiet;              /* its log tells warnings and errors, unless asked for more */
    bool keeps_threads;         /* it opens the database of the settings; others use memory: */
    int (*run)(int arg_count, char **args);
};
extern const struct cli_command command_serve;
extern const struct cli_command command_check;
extern const struct cli_command command_run;
extern const struct cli_command command_draw;
extern const struct cli_command command_health;

/* "usage: ..." and the details. */
void cli_print_usage(FILE *out, const struct cli_command *command);

/*
 * Settings from args, environment and file. Prints help, settings or mistakes itself; *ret_exit
 * then is the status to leave with. The options of args are filled in here.
 * Returns true if the command should go on. conf is to be deinitialised in every case.
 */
bool cli_settings(const struct cli_command *command, struct conf_args *args, struct conf *conf,
                  int *ret_exit);

/*
 * An option of a command that is no setting: takes it out of args, with its value ("--input x" or
 * "--input=x") or as a flag without one. NULL or false: it was not there.
 */
const char *cli_take_value(int *arg_count, char **args, const char *name);
bool cli_take_flag(int *arg_count, char **args, const char *name);

/* graph_set.c: files and folders, separated by ':', into an empty registry. places: NULL = those of
   the settings. Problems are all noted; those of one file do not keep the others from being read. A
   graph may name any other as its node; if its file was asked for alone, also those of the files
   beside it, which are not added. 0 or a fault. */
int load_graphs(const struct conf *conf, const struct kind_table *kinds, const char *places,
                struct registry *graphs, struct problems *problems);
/* Is the word a file or a folder, or the name that a file would have? Else it is a graph's. */
bool load_is_place(const char *word);
/* The whole of a file (at most max_bytes) or, for "-", of standard input, for mem_free(); NULL with
 * a sentence in text. */
char *load_file(const char *path, size_t max_bytes, size_t *ret_len_bytes, char *text,
                size_t text_size);
/* What is legal and probably not meant: calls seen for every model of a graph that cannot be
   called, once, with the first node that names it. */
void load_each_bad_model(const struct worker *w, const struct graph *graph,
                         void (*seen)(void *arg, const char *graph, const char *node,
                                      const char *sentence),
                         void *arg);

/* The ending of a noun behind a number: "" or "s". */
const char *cli_plural(size_t count);
/* A fault at start: prints a sentence, returns EXIT_FAILED. */
int cli_fault(const char *what, int fault);
/* The same for what worker_init() came to; EXIT_WRONG where it was refused. */
int cli_worker_failure(const struct worker *w, int r);
/* The last call of a command: the exit status, which is EXIT_FAILED, with a sentence, for a good
 * one whose output was not all taken. */
int cli_finish(int status);

#endif
