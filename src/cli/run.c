/*
 * anabranch run GRAPH --input JSON [--stream]: one run without a server. The final state goes to
 * standard output, or with --stream every event as it comes, in the same frames that the server
 * sends. A run that asks a person, or comes to a breakpoint, ends there: what it asks is printed
 * with the state, as "__interrupt__".
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "cli/one_graph.h"
#include "embed/embed.h"
#include "run/hub.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 16 }; /* one is right; more are told where an input goes */

struct command {
    struct worker worker;
    struct run *run;
    struct reader *reader;
    bool is_stream;
    bool is_over;
};

/* ---- input ---- */

static int read_input(const struct conf *conf, const char *arg, json_t **ret)
{
    bool is_file = arg[0] == '@' || strcmp(arg, "-") == 0;
    char text[256];
    size_t len = strlen(arg);
    char *bytes MEM_AUTO(mem_freep) = NULL;
    struct jsonx_error error;

    if (is_file) {
        bytes = load_file(arg[0] == '@' ? arg + 1 : arg, (size_t)conf->max_body_bytes, &len, text,
                          sizeof(text));
        if (bytes == NULL) {
            fprintf(stderr, "anabranch: --input %s: %s\n", arg, text);
            return EXIT_WRONG;
        }
    }
    int r = jsonx_parse(is_file ? bytes : arg, len, (int)conf->max_depth, ret, &error);
    if (r < 0)
        return cli_fault("--input", r);
    if (r > 0) {
        fprintf(stderr, "anabranch: --input is not JSON: line %d, column %d: %s\n", error.line,
                error.column, error.message);
        return EXIT_WRONG;
    }
    return EXIT_OK;
}

/* ---- output ---- */

/* Events are read by people and pipes as they come. main() tells if standard output took it all. */
static void write_out(const char *bytes, size_t len)
{
    (void)fwrite(bytes, 1, len, stdout);
    (void)fflush(stdout);
}

static void read_events(void *arg)
{
    struct command *c = arg;
    struct run_event event;
    enum reader_result what;

    while ((what = reader_next(c->reader, &event)) == READER_EVENT) {
        if (c->is_stream)
            write_out(event.frame, event.frame_len_bytes);
    }
    c->is_over = what == READER_END;
}

static int print_result(const struct command *c)
{
    const struct fail *f = run_fail(c->run);
    struct buf text MEM_AUTO(buf_deinit);

    buf_init(&text, 2 * (size_t)c->worker.conf->max_state_bytes + 65536); /* state and questions */
    if (!run_has_ended(c->run)) {
        fputs("anabranch: more events came at once than the settings log_bytes and logs_bytes "
              "allow\n",
              stderr);
        return EXIT_FAILED;
    }
    if (fail_is_set(f)) {
        fprintf(stderr, "anabranch: %s%s%s%s: %s\n", f->node != NULL ? "node " : "",
                f->node != NULL ? f->node : "", f->node != NULL ? ": " : "", fail_type(f),
                fail_message(f));
        return EXIT_FAILED;
    }
    if (c->is_stream)
        return EXIT_OK;
    embed_write_output(c->run, &text);
    buf_add_char(&text, '\n');
    write_out(buf_text(&text), text.len);
    return text.fault == 0 ? EXIT_OK : cli_fault("result", ERR_NOMEM);
}

/* ---- the run ---- */

/* On a thread, since without one nothing can be asked; nobody comes back to it, so it is written
 * once. */
static int run_to_end(struct command *c, struct graph *graph, const json_t *input)
{
    char thread_id[ID_BYTES];
    struct run_request req = { .graph = graph,
                               .input = input,
                               .thread_id = thread_id,
                               .durability = "exit",
                               .modes = c->is_stream ? MODE_UPDATES | MODE_MESSAGES_TUPLE : 0 };
    struct fail f = { 0 };

    id_v7(thread_id);
    int r = run_start(c->worker.runs, &req, &c->run, &f);

    if (r == 0)
        r = reader_open(c->run, req.modes, read_events, c, &c->reader);
    if (r == 0) {
        read_events(c);
        r = loop_run_until(c->worker.loop, &c->is_over);
    }
    int status = r == 0 ? print_result(c) : cli_fault("run", r < 0 ? r : ERR_SYSTEM);
    c->reader = reader_close(c->reader);
    c->run = run_unref(c->run);
    fail_clear(&f);
    return status;
}

static int run_by_name(const struct conf *conf, const char *name, const json_t *input,
                       bool is_stream)
{
    struct command c = { .is_stream = is_stream };
    struct graph *graph = NULL;
    int r = worker_init(&c.worker, conf, environ);
    int status = r == 0 ? one_graph_load(conf, &c.worker.services.kinds, name, &graph)
                        : cli_worker_failure(&c.worker, r);

    if (status == EXIT_OK)
        status = run_to_end(&c, graph, input);
    graph_unref(graph);
    worker_deinit(&c.worker);
    return status;
}

static int wrong_words(const struct conf_args *in)
{
    if (in->word_count == 0)
        cli_print_usage(stderr, &command_run);
    else
        fputs("anabranch: run takes one graph; give the input with --input JSON\n", stderr);
    return EXIT_WRONG;
}

static int run_run(int arg_count, char **args)
{
    const char *input_text = cli_take_value(&arg_count, args, "--input");
    bool is_stream = cli_take_flag(&arg_count, args, "--stream");
    struct conf conf = { 0 };
    const char *words[WORDS_MAX] = { NULL };
    struct conf_args in = {
        .count = arg_count, .args = args, .words = words, .words_max = WORDS_MAX
    };
    json_t *input = NULL;
    int status = EXIT_OK;

    if (cli_settings(&command_run, &in, &conf, &status)) {
        if (in.word_count != 1)
            status = wrong_words(&in);
        if (status == EXIT_OK)
            status = read_input(&conf, input_text == NULL ? "{}" : input_text, &input);
        if (status == EXIT_OK)
            status = run_by_name(&conf, words[0], input, is_stream);
    }
    json_decref(input);
    conf_deinit(&conf);
    return status;
}

static const char *const options[] = { "--input", "--stream", NULL };

const struct cli_command command_run = {
    .name = "run",
    .arguments = "GRAPH [--input JSON] [--stream]",
    .sentence = "run one graph without a server",
    .details = "  GRAPH         a graph's name or its file\n"
               "  --input JSON  the input, an object; @FILE reads a file, - standard input\n"
               "  --stream      prints events as they come, not the final state\n",
    .options = options,
    .is_quiet = true,
    .run = run_run,
};
