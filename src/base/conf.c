/*
 * Loading goes from the weakest source to the strongest, each overwriting the one before, so that
 * the mistakes of all are found:
 *
 *     arguments --split--> flag texts
 *     default < file < environment < flag, then what depends on others
 *
 * The name of the settings file is the exception: it is looked up first.
 */
#include "base/conf.h"
#include "base/conf_table.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

#define DEFAULT_FILE "config/anabranch.json"

struct flags {
    /* by row, NULL = not given; of a secret: the path of its file */
    const char *texts[CONF_ROW_MAX];
    bool wants_help;
    bool wants_print;
};

/* What is left of the arguments. */
struct reader {
    struct conf_args *all;
    int at;
};

static size_t index_of(const struct conf_row *row)
{
    return (size_t)(row - conf_rows);
}

/* The row of "--name" or "--name=value"; *ret_text: behind the '=', or NULL. */
static const struct conf_row *find_flag(const char *arg, const char **ret_text)
{
    size_t len = strcspn(arg, "=");
    *ret_text = arg[len] == '=' ? arg + len + 1 : NULL;
    for (size_t i = 0; i < conf_row_count; i++) {
        char flag[CONF_NAME_BYTES];
        conf_row_flag(&conf_rows[i], flag);
        if (strlen(flag) == len && strncmp(flag, arg, len) == 0)
            return &conf_rows[i];
    }
    return NULL;
}

/* A secret without "-file" behind its name. */
static const struct conf_row *find_plain_secret(const char *name)
{
    for (size_t i = 0; i < conf_row_count; i++) {
        char flag[CONF_NAME_BYTES];
        conf_row_flag(&conf_rows[i], flag);
        size_t len = strlen(name);
        if (conf_row_is_secret(&conf_rows[i]) && strncmp(flag, name, len) == 0 &&
            strcmp(flag + len, "-file") == 0)
            return &conf_rows[i];
    }
    return NULL;
}

static bool is_flag(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0';
}

static void skip_value(struct reader *in)
{
    if (in->at < in->all->count && !is_flag(in->all->args[in->at]))
        in->at++;
}

static void complain_mistyped(struct conf_job *job, const char *name, const char *const *options)
{
    char flag[CONF_NAME_BYTES];
    if (!conf_nearest(name, conf_row_flag, options, flag))
        conf_complain(job, "unknown flag; --help lists the known ones");
    else if (strcmp(name, flag) != 0)
        conf_complain(job, "unknown flag; did you mean %s?", flag);
    else /* the program's own, in a form that it did not take */
        conf_complain(job, "a value is missing, is too much, or is given twice; see --help");
}

/* Only the name is repeated: what follows '=' might be a secret. */
static void complain_unknown(struct conf_job *job, const char *arg, struct reader *in)
{
    char name[CONF_QUOTE_BYTES];
    char flag[CONF_NAME_BYTES];
    (void)conf_quote(arg, name);
    name[strcspn(name, "=")] = '\0';
    job->where = name;
    const struct conf_row *secret = find_plain_secret(name);
    if (secret != NULL) {
        conf_row_flag(secret, flag);
        conf_complain(job, "no secrets on the command line, where every user can see them; use %s",
                      flag);
    } else {
        complain_mistyped(job, name, in->all->options);
    }
    if (strchr(arg, '=') == NULL)
        skip_value(in); /* nor may a secret end up among the words */
}

static void read_value(struct conf_job *job, const struct conf_row *row, const char *text,
                       struct reader *in, struct flags *ret)
{
    char flag[CONF_NAME_BYTES];
    conf_row_flag(row, flag);
    job->where = flag;
    if (text == NULL && row->type == CONF_BOOL)
        text = "true";
    if (text == NULL && in->at < in->all->count && strncmp(in->all->args[in->at], "--", 2) != 0)
        text = in->all->args[in->at++];
    if (text == NULL)
        conf_complain(job, "a value must follow");
    job->where = NULL; /* flag ends here */
    ret->texts[index_of(row)] = text;
}

static void read_flag(struct conf_job *job, struct reader *in, struct flags *ret)
{
    const char *arg = in->all->args[in->at++];
    const char *text;
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        ret->wants_help = true;
        return;
    }
    if (strcmp(arg, "--print-config") == 0) {
        ret->wants_print = true;
        return;
    }
    const struct conf_row *row = find_flag(arg, &text);
    if (row == NULL)
        complain_unknown(job, arg, in);
    else
        read_value(job, row, text, in, ret);
}

static void keep_word(struct conf_job *job, const char *word, struct conf_args *all)
{
    char quoted[CONF_QUOTE_BYTES];
    if (all->word_count < all->words_max) {
        all->words[all->word_count++] = word;
        return;
    }
    job->where = conf_quote(word, quoted);
    conf_complain(job, "one word too many");
}

/* "--" ends the flags, as everywhere. */
static void split_args(struct conf_job *job, struct conf_args *all, struct flags *ret)
{
    struct reader in = { .all = all };
    bool has_ended = false;
    all->word_count = 0;
    while (in.at < all->count) {
        const char *arg = all->args[in.at];
        if (!has_ended && is_flag(arg) && strcmp(arg, "--") != 0) {
            read_flag(job, &in, ret);
            continue;
        }
        if (has_ended || !is_flag(arg))
            keep_word(job, arg, all);
        else
            has_ended = true;
        in.at++;
    }
}

/* NULL: not set, or empty. */
static const char *find_variable(char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; env != NULL && *env != NULL; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return (*env)[len + 1] != '\0' ? *env + len + 1 : NULL;
    return NULL;
}

static int set_default(struct conf_job *job, const struct conf_row *row)
{
    job->where = row->name;
    job->origin = CONF_FROM_DEFAULT;
    return conf_set_text(job, row, row->fallback);
}

static int set_from_env(struct conf_job *job, const struct conf_row *row, char *const *env)
{
    char name[CONF_NAME_BYTES];
    conf_row_env(row, name);
    job->where = name;
    job->origin = CONF_FROM_ENV;
    const char *text = find_variable(env, name);
    if (text == NULL && row->usual_env != NULL) {
        job->where = row->usual_env;
        job->origin = CONF_FROM_USUAL_ENV;
        text = find_variable(env, row->usual_env);
    }
    int r = text == NULL ? 0 : conf_set_text(job, row, text);
    job->where = NULL; /* name ends here */
    return r;
}

static int set_from_flag(struct conf_job *job, const struct conf_row *row, const char *text)
{
    char name[CONF_NAME_BYTES];
    conf_row_flag(row, name);
    job->where = name;
    job->origin = CONF_FROM_FLAG;
    int r = 0;
    if (text != NULL)
        r = conf_row_is_secret(row) ? conf_read_secret(job, row, text)
                                    : conf_set_text(job, row, text);
    job->where = NULL; /* name ends here */
    return r;
}

static int set_defaults(struct conf_job *job)
{
    for (size_t i = 0; i < conf_row_count; i++) {
        int r = set_default(job, &conf_rows[i]);
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

static int set_env_and_flags(struct conf_job *job, char *const *env, const struct flags *flags)
{
    for (size_t i = 0; i < conf_row_count; i++) {
        int r = set_from_env(job, &conf_rows[i], env);
        if (r == 0)
            r = set_from_flag(job, &conf_rows[i], flags->texts[i]);
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

/* Before the other flags and variables, because it names what they overwrite. */
static int load_file(struct conf_job *job, char *const *env, const struct flags *flags)
{
    const struct conf_row *row = conf_row_find("config");
    const char *flag_text = flags->texts[index_of(row)];
    const char *env_text = find_variable(env, "ANABRANCH_CONFIG");
    const char *named = flag_text != NULL ? flag_text : env_text;
    const char *path = named != NULL ? named : DEFAULT_FILE;
    bool is_found = false;
    job->where = flag_text != NULL ? "--config" : env_text != NULL ? "ANABRANCH_CONFIG" : path;
    if (path[0] == '\0')
        return 0;
    int r = conf_read_settings(job, path, named == NULL, &is_found);
    if (r != 0 || named != NULL || !is_found)
        return r;
    job->origin = CONF_FROM_DEFAULT;
    return conf_set_text(job, row, path);
}

/* An empty text stands for the rule; what the rule gives counts as a default. */
static int derive(struct conf *c, const char *name, const char *text)
{
    const struct conf_row *row = conf_row_find(name);
    char **field = conf_string_at(c, row);
    if (**field != '\0')
        return 0;
    char *copy = mem_strdup(text);
    if (copy == NULL)
        return err_trace(ERR_NOMEM);
    mem_free(*field);
    *field = copy;
    c->origins[index_of(row)] = CONF_FROM_DEFAULT;
    return 0;
}

static int derive_all(struct conf *c)
{
    int r =
        derive(c, "default_model", c->openai_api_key[0] != '\0' ? "openai:gpt-4o-mini" : "demo");
    return r != 0 ? r : derive(c, "auth", c->api_keys[0] != '\0' ? "keys" : "");
}

/* What no single row can know. */
static void check_together(struct conf_job *job)
{
    const struct conf *c = job->conf;
    job->where = "settings";
    if (strcmp(c->auth, "keys") == 0 && c->api_keys[0] == '\0')
        conf_complain(job, "auth is keys but api_keys is empty; set ANABRANCH_API_KEYS or give "
                           "--api-keys-file");
    if (c->recursion_limit > c->max_recursion_limit)
        conf_complain(job, "recursion_limit %lld is above max_recursion_limit %lld",
                      (long long)c->recursion_limit, (long long)c->max_recursion_limit);
    if (c->log_bytes > c->logs_bytes)
        conf_complain(job, "log_bytes %lld is above logs_bytes %lld", (long long)c->log_bytes,
                      (long long)c->logs_bytes);
}

static int load_all(struct conf_job *job, char *const *env, const struct flags *flags)
{
    int r = set_defaults(job);
    if (r == 0)
        r = load_file(job, env, flags);
    if (r == 0)
        r = set_env_and_flags(job, env, flags);
    if (r == 0)
        r = derive_all(job->conf);
    if (r == 0 && !job->is_wrong)
        check_together(job);
    return r;
}

int conf_load(struct conf_args *args, char *const *env, struct conf *ret, struct buf *problems)
{
    struct conf_job job = { .conf = ret, .problems = problems };
    struct flags flags = { .wants_help = false };
    split_args(&job, args, &flags);
    if (flags.wants_help)
        return CONF_E_HELP;
    int r = load_all(&job, env, &flags);
    if (r == 0 && problems->fault < 0)
        r = problems->fault;
    if (r != 0)
        return err_trace(r);
    if (job.is_wrong)
        return CONF_E_WRONG;
    return flags.wants_print ? CONF_E_PRINT : 0;
}

static int set_usual_env(struct conf_job *job, char *const *env)
{
    for (size_t i = 0; i < conf_row_count; i++) {
        int r = conf_rows[i].usual_env == NULL ? 0 : set_from_env(job, &conf_rows[i], env);
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

static int parse_text(struct conf_job *job, const char *text)
{
    job->where = "settings";
    job->origin = CONF_FROM_FILE;
    return text == NULL ? 0 : conf_parse_settings(job, job->where, text, strlen(text));
}

int conf_load_json(const char *text, char *const *env, struct conf *ret, struct buf *problems)
{
    struct conf_job job = { .conf = ret, .problems = problems };
    int r = set_defaults(&job);
    if (r == 0)
        r = parse_text(&job, text);
    if (r == 0)
        r = set_usual_env(&job, env);
    if (r == 0)
        r = derive_all(ret);
    if (r == 0 && !job.is_wrong)
        check_together(&job);
    if (r == 0 && problems->fault < 0)
        r = problems->fault;
    if (r != 0)
        return err_trace(r);
    return job.is_wrong ? CONF_E_WRONG : 0;
}

int conf_default(struct conf *ret)
{
    struct buf problems;
    struct conf_job job = { .conf = ret, .problems = &problems };
    *ret = (struct conf){ .listen = NULL };
    buf_init(&problems, 0); /* our own defaults are right */
    int r = set_defaults(&job);
    if (r == 0)
        r = derive_all(ret);
    buf_deinit(&problems);
    return r;
}

void conf_deinit(struct conf *c)
{
    for (size_t i = 0; i < conf_row_count; i++) {
        const struct conf_row *row = &conf_rows[i];
        if (row->type == CONF_BOOL || row->type == CONF_INT || row->type == CONF_JSON)
            continue;
        char *text = *conf_string_at(c, row);
        if (text != NULL && conf_row_is_secret(row))
            explicit_bzero(text, strlen(text));
        mem_free(text);
    }
    json_decref(c->providers);
    *c = (struct conf){ .listen = NULL };
}
