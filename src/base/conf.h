#ifndef ANABRANCH_BASE_CONF_H
#define ANABRANCH_BASE_CONF_H
/*
 * Every setting of the server, from one table (conf_table.c): name, environment variable, flag, type,
 * unit, default, least, most, one sentence.
 * `--help`, `--print-config` and docs/settings.md are printed from it, so they cannot differ from
 * what the program does.
 *
 * Where a value comes from, first match wins: flag, environment, settings file, default. The
 * environment variable is ANABRANCH_ and the name in capitals; a row may know a second one for when
 * the first is not set (OPENAI_API_KEY). An empty variable counts as not set. The flag is -- and
 * the name with dashes. A secret has no plain flag (the command line is visible to every user) but
 * a `--NAME-file`. A boolean takes true false 1 0 yes no on off, any case; a number may carry a
 * unit (KiB MiB GiB, ms s m). Unknown keys in the file, unknown flags and values outside their
 * range are errors; all are reported, not only the first.
 */
#include "base/buf.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who set a value; one per row of the table, for conf_print(). */
enum conf_origin {
    CONF_FROM_DEFAULT,
    CONF_FROM_FILE,
    CONF_FROM_ENV,       /* ANABRANCH_NAME */
    CONF_FROM_USUAL_ENV, /* the other name that the row knows, such as OPENAI_API_KEY */
    CONF_FROM_FLAG,
};

enum { CONF_ROW_MAX = 96 };

/* The values in force. Strings are owned by this struct, never NULL unless said. Times in ms, sizes
 * in bytes. */
struct conf {
    /* where and what */
    char *listen;        /* host:port; [::1]:8123 for IPv6; port 0 = any free port */
    char *config;        /* settings file; "" = none */
    char *graphs;        /* files and folders, separated by ':' */
    char *database;      /* sqlite:///abs, sqlite:rel or memory: */
    char *default_model; /* provider:model; the default depends on openai_api_key */
    char *log_level;     /* error warn info debug */
    /* who may */
    char *api_keys;     /* comma separated; "" = none; secret */
    char *auth;         /* keys or off; the default depends on api_keys */
    char *cors_origins; /* comma separated origins, or *; "" = loopback only */
    bool test_routes;
    /* a request */
    int64_t max_body_bytes;   /* 4 MiB */
    int64_t max_header_bytes; /* 8192: request line and headers */
    int64_t max_depth; /* 100: JSON nesting in requests, graph files, state writes and answers of
                          nodes */
    int64_t max_connections;    /* 10000 */
    int64_t connection_idle_ms; /* 60000: keep-alive without a request */
    int64_t request_timeout_ms; /* 30000: for a client to send head and body */
    int64_t heartbeat_ms;       /* 5000: silence after which a stream gets `: heartbeat` */
    int64_t write_timeout_ms;   /* 30000: a reader that takes nothing for so long is dropped */
    int64_t drain_ms;           /* 8000 */
    /* a run */
    int64_t max_runs;            /* 10000 in flight; above: 503 */
    int64_t max_tasks;           /* 10000 in one step */
    int64_t max_run_tasks;       /* 100000 of a run at once, subgraphs' too */
    int64_t recursion_limit;     /* 25: where neither request nor graph names one */
    int64_t max_recursion_limit; /* 100000: the most that a request or graph may ask for */
    int64_t run_timeout_ms;      /* 0 = none */
    int64_t log_bytes;           /* 4 MiB: event log of one run */
    int64_t logs_bytes;          /* 256 MiB: event logs of all runs */
    int64_t log_keep_ms;         /* 60000: event log of a run that has ended */
    int64_t resumable_bytes;     /* 64 MiB: stored events of one resumable run */
    int64_t resumable_keep_ms;   /* 24 h: the same of one that has ended */
    int64_t max_run_attempts;    /* 3: a run during which the server goes down is begun so often */
    int64_t node_cache_bytes;    /* 64 MiB: results of nodes with a cache policy */
    int64_t max_state_bytes;     /* 16 MiB: encoded values of one run's state */
    int64_t max_messages;        /* 10000: in one messages field */
    int64_t max_nodes;           /* 1000 in one graph */
    int64_t max_fields;          /* 1000 in one graph */
    /* stored threads */
    int64_t memory_store_bytes; /* 1 GiB: what the database memory: keeps; above: refused */
    int64_t thread_keep_ms;     /* 0: threads to which nothing has happened for so long go */
    int64_t history_keep_ms;    /* 0: of threads at rest for so long the latest checkpoint stays */
    int64_t run_keep_ms;        /* 0: records of runs that ended so long ago go */
    int64_t snapshot_every;     /* 50: so many updates of an append or messages field, then it is
                                   stored whole again */
    /* scripts */
    int64_t script_memory_bytes;          /* 256 MiB of one Lua state */
    int64_t script_max_instructions;      /* 5e8: of one attempt at a node */
    int64_t script_max_sync_instructions; /* 5e6: of a condition or reducer; loading a file: ten times */
    int64_t script_max_fibers;            /* 1000 functions side by side in one node */
    /* models and outgoing requests */
    char *openai_api_key;  /* env OPENAI_API_KEY; secret; "" = none */
    char *openai_base_url; /* env OPENAI_BASE_URL; https://api.openai.com/v1 */
    json_t *providers; /* object: name -> {"kind","base_url","api_key_env" or "api_key","headers"};
                          never NULL */
    int64_t model_connect_ms;    /* 10000 */
    int64_t model_first_byte_ms; /* 60000 */
    int64_t model_idle_ms;       /* 60000 */
    int64_t model_max_bytes;     /* 16 MiB of one answer */
    int64_t http_timeout_ms;     /* 30000: an http node in all */
    int64_t http_max_bytes;      /* 4 MiB of one answer */
    int64_t upstream_pools;      /* 4: curl multis per worker; a new request costs time linear in a
                                    pool's open connections */
    int64_t demo_delay_ms;       /* 30: between two words of the demo model */
    /* webhooks */
    char *webhook_hosts;        /* comma separated hosts that need no public address; "" = none */
    char *webhook_base_url;     /* stands before those that are a path; "" = they are refused */
    int64_t webhook_timeout_ms; /* 10000: one try in all */
    int64_t webhook_tries;      /* 8 */
    int64_t webhook_at_once;    /* 32 under way */
    int64_t max_webhooks;       /* 10000 that wait */

    unsigned char origins[CONF_ROW_MAX]; /* enum conf_origin by row */
};

enum { CONF_E_WRONG = 1, CONF_E_HELP = 2, CONF_E_PRINT = 3 };

/* The arguments of a subcommand, without its name. */
struct conf_args {
    int count;
    char *const *args;
    /* Flags that are the program's own, NULL at the end: offered for a mistyped one. NULL = none. */
    const char *const *options;
    const char **words; /* out: what is no flag; pointers into args */
    int words_max;      /* more are a mistake */
    int word_count;     /* out */
};

/*
 * Reads flags, environment, file and defaults.
 *   env       "NAME=value" strings, NULL at the end (environ)
 *   ret       zeroed before; free with conf_deinit() whatever comes back
 *   problems  every mistake, one line each: where it stands, what is wrong, what would be right
 * Returns 0, CONF_E_WRONG (see problems), CONF_E_HELP (--help was there), CONF_E_PRINT
 * (--print-config was there and all is well), or a fault. Reads files (settings, secrets); touches
 * nothing else.
 */
int conf_load(struct conf_args *args, char *const *env, struct conf *ret, struct buf *problems);
void conf_deinit(struct conf *c);

/* Who set it; name: of a setting. A settings file that repeats a default sets nothing. */
enum conf_origin conf_origin_of(const struct conf *c, const char *name);
/*
 * Calls seen for every variable whose name begins like ours and is none of ours: mistyped, or
 * another program's. nearest: the name that was perhaps meant, or NULL.
 */
void conf_each_unknown_variable(char *const *env,
                                void (*seen)(void *arg, const char *name, const char *nearest),
                                void *arg);

/* Defaults only; for tests and for embedding. 0 or a fault. */
int conf_default(struct conf *ret);

/*
 * For a program that brings its settings along: defaults, then `text` (an object as in the settings
 * file; NULL = none), then the environment, but only for settings that other programs read from
 * there as well (OPENAI_API_KEY). ret, problems: as above. Returns 0, CONF_E_WRONG, or a fault.
 * Reads no files.
 */
int conf_load_json(const char *text, char *const *env, struct conf *ret, struct buf *problems);

void conf_help(struct buf *out); /* the table as text for --help */
void conf_print(const struct conf *c,
                struct buf *out);    /* name = value  (origin), secrets as **** */
void conf_markdown(struct buf *out); /* the table for docs/settings.md */
void conf_json(struct buf *out);     /* config/anabranch.json: every setting with its default */

#endif
