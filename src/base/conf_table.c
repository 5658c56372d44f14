/*
 * The table of settings: everything that loading, printing and documenting need to know. Adding a
 * setting is a field in struct conf and a row here; config/anabranch.json and docs/settings.md are
 * then printed anew.
 */
#include "base/conf_table.h"
#include "base/log.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_port(const char *text)
{
    size_t len = strspn(text, "0123456789");
    int port = 0;
    if (len == 0 || len > 5 || text[len] != '\0')
        return false;
    for (; *text != '\0'; text++)
        port = port * 10 + (*text - '0');
    return port <= 65535;
}

static bool is_listen(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || !is_port(colon + 1))
        return false;
    size_t host_len = (size_t)(colon - text);
    if (text[0] == '[')
        return host_len > 2 && colon[-1] == ']';
    return memchr(text, ':', host_len) == NULL && strcspn(text, " /[]") >= host_len;
}

static bool is_database(const char *text)
{
    if (strcmp(text, "memory:") == 0)
        return true;
    if (strncmp(text, "sqlite:///", 10) == 0)
        return text[10] != '\0';
    return strncmp(text, "sqlite:", 7) == 0 && text[7] != '\0' && strncmp(text + 7, "//", 2) != 0;
}

bool conf_is_provider_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) &&
            text[i] != '_' && text[i] != '-')
            return false;
    return len > 0;
}

static bool is_model(const char *text)
{
    size_t provider_len = strcspn(text, ":");
    return conf_is_provider_name(text, provider_len) &&
           (text[provider_len] == '\0' || text[provider_len + 1] != '\0');
}

static const char *behind_scheme(const char *text)
{
    if (strncmp(text, "http://", 7) == 0)
        return text + 7;
    return strncmp(text, "https://", 8) == 0 ? text + 8 : NULL;
}

bool conf_is_url(const char *text)
{
    const char *host = behind_scheme(text);
    if (host == NULL)
        return false;
    size_t host_len = strcspn(host, "/");
    return host_len > 0 && host[0] != ':' && memchr(host, '@', host_len) == NULL &&
           strpbrk(host, " ?#\\\"<>") == NULL;
}

static bool is_origin(const char *text)
{
    const char *host = behind_scheme(text);
    return strcmp(text, "*") == 0 ||
           (host != NULL && conf_is_url(text) && strchr(host, '/') == NULL);
}

/* "host", "host:port", "[::1]:port", "*.host" */
static bool is_host(const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    bool is_suffix = strncmp(text, "*.", 2) == 0;
    const char *host = is_suffix ? text + 2 : text;
    size_t len = strspn(host, letters);
    if (!is_suffix && host[0] == '[') {
        len = strspn(host + 1, "0123456789abcdefABCDEF:.") + 2;
        if (len < 4 || host[len - 1] != ']')
            return false;
    }
    return len > 0 && (host[len] == '\0' || (host[len] == ':' && is_port(host + len + 1) &&
                                             strspn(host + len + 1, "0") < strlen(host + len + 1)));
}

static bool is_key(const char *text)
{
    for (; *text != '\0'; text++)
        if (!isgraph((unsigned char)*text))
            return false;
    return true;
}

static bool is_auth(const char *text)
{
    return strcmp(text, "keys") == 0 || strcmp(text, "off") == 0;
}

static bool is_log_level(const char *text)
{
    enum log_level level;
    return log_level_find(text, &level) == 0;
}

#define AT(field) .name = #field, .offset = offsetof(struct conf, field)
#define INT(field, the_unit, def, the_least, the_most)                                             \
    AT(field), .type = CONF_INT, .unit = the_unit, .fallback = def, .least = the_least,            \
               .most = the_most

#define KIB     ((int64_t)1024)
#define MIB     (1024 * KIB)
#define GIB     (1024 * MIB)
#define HOUR_MS ((int64_t)3600000)
#define YEAR_MS (24 * 365 * HOUR_MS)

const struct conf_row conf_rows[] = {
    { .group = "Where and what",
      AT(listen),
      .fallback = "127.0.0.1:8123",
      .is_good = is_listen,
      .wanted = "host:port, such as 127.0.0.1:8123 or [::1]:8123",
      .sentence = "Address to listen on; port 0 takes any free one." },
    { AT(config), .fallback = "",
      .sentence = "Settings file. Without it config/anabranch.json is read if it is there; the "
                  "flag with an empty value reads none." },
    { AT(graphs), .type = CONF_LIST, .separator = ':', .fallback = "config/graphs",
      .wanted = "files and folders", .sentence = "Graph files and folders of graph files." },
    { AT(database), .fallback = "sqlite:anabranch.db", .is_good = is_database,
      .wanted = "sqlite:///absolute/path, sqlite:relative/path or memory:",
      .sentence =
          "Where threads are kept: a SQLite file, made if it is not there, which belongs to one "
          "server at a time; or memory:, which ends with the server. Programs that embed the "
          "engine use memory: unless they name another one." },
    { AT(default_model), .fallback = "", .is_good = is_model,
      .wanted = "provider:model, such as openai:gpt-4o-mini, or demo",
      .sentence = "Model of nodes that name none. Empty: openai:gpt-4o-mini if openai_api_key is "
                  "set, else demo." },
    { AT(log_level), .fallback = "info", .is_good = is_log_level,
      .wanted = "error, warn, info or debug",
      .sentence = "Least important kind of event that is logged." },

    { .group = "Who may",
      AT(api_keys),
      .type = CONF_SECRET_LIST,
      .separator = ',',
      .fallback = "",
      .is_good = is_key,
      .wanted = "visible ASCII characters",
      .sentence = "Accepted keys. Clients send one as x-api-key or as bearer token." },
    { AT(auth), .fallback = "", .is_good = is_auth, .wanted = "keys or off",
      .sentence = "Whether a key is required. Empty: keys if api_keys has any; without keys only a "
                  "loopback address is served, unless this is off." },
    { AT(cors_origins), .type = CONF_LIST, .separator = ',', .fallback = "", .is_good = is_origin,
      .wanted = "scheme://host[:port] without a path, or *",
      .sentence = "Web origins whose pages may call the server, besides loopback ones." },
    { AT(test_routes), .type = CONF_BOOL, .fallback = "false",
      .sentence = "Adds POST /internal/truncate, with which test suites empty the database." },

    { .group = "A request",
      INT(max_body_bytes, CONF_BYTES, "4MiB", 1 * KIB, 1 * GIB),
      .sentence = "Largest request body." },
    { INT(max_header_bytes, CONF_BYTES, "8KiB", 1 * KIB, 1 * MIB),
      .sentence = "Largest request line with headers." },
    { INT(max_depth, CONF_COUNT, "100", 1, 2000),
      .sentence = "Deepest nesting of JSON in requests, graph files, state and answers of nodes." },
    { INT(max_connections, CONF_COUNT, "10000", 1, 1000000),
      .sentence = "Open client connections; more are refused." },
    { INT(connection_idle_ms, CONF_MS, "60s", 10, 24 * HOUR_MS),
      .sentence = "How long a connection may stay open without a request." },
    { INT(request_timeout_ms, CONF_MS, "30s", 10, 24 * HOUR_MS),
      .sentence = "How long a client may take to send a request." },
    { INT(heartbeat_ms, CONF_MS, "5s", 10, 24 * HOUR_MS),
      .sentence = "Silence after which a stream carries a heartbeat." },
    { INT(write_timeout_ms, CONF_MS, "30s", 10, 24 * HOUR_MS),
      .sentence = "A stream's reader that takes nothing for so long is dropped." },
    { INT(drain_ms, CONF_MS, "8s", 0, 1 * HOUR_MS),
      .sentence = "How long a stopping server waits for its runs." },

    { .group = "A run",
      INT(max_runs, CONF_COUNT, "10000", 1, 1000000),
      .sentence = "Runs at the same time; more are answered with 503." },
    { INT(max_tasks, CONF_COUNT, "10000", 1, 1000000), .sentence = "Tasks in one step of a run." },
    { INT(max_run_tasks, CONF_COUNT, "100000", 1, 10000000),
      .sentence = "Tasks of a run at the same time, those of its subgraphs too." },
    { INT(recursion_limit, CONF_COUNT, "25", 1, 10000000),
      .sentence = "Steps of a run where neither request nor graph names a limit." },
    { INT(max_recursion_limit, CONF_COUNT, "100000", 1, 10000000),
      .sentence = "The most steps that a request or graph may ask for." },
    { INT(run_timeout_ms, CONF_MS, "0", 0, 168 * HOUR_MS),
      .sentence = "Time limit of a run; 0 is none." },
    { INT(log_bytes, CONF_BYTES, "4MiB", 4 * KIB, 1 * GIB),
      .sentence = "Event log of one run; what falls out cannot be replayed." },
    { INT(logs_bytes, CONF_BYTES, "256MiB", 4 * KIB, 64 * GIB),
      .sentence = "Event logs of all runs together." },
    { INT(log_keep_ms, CONF_MS, "60000", 0, 24 * HOUR_MS),
      .sentence =
          "So long after its end a run of /runs or of a thread can be streamed and joined." },
    { INT(resumable_bytes, CONF_BYTES, "64MiB", 64 * KIB, 64 * GIB),
      .sentence = "Stored events of one run with stream_resumable; the oldest are dropped." },
    { INT(resumable_keep_ms, CONF_MS, "86400000", 0, 8760 * HOUR_MS),
      .sentence = "So long after the run's end its stored events are kept." },
    { INT(max_run_attempts, CONF_COUNT, "3", 1, 1000),
      .sentence =
          "A stored run during which the server goes down is begun so often, then it ends as "
          "an error." },
    { INT(node_cache_bytes, CONF_BYTES, "64MiB", 4 * KIB, 64 * GIB),
      .sentence = "Results of nodes that have a cache policy." },
    { INT(max_state_bytes, CONF_BYTES, "16MiB", 1 * KIB, 1 * GIB),
      .sentence = "Encoded values in the state of one run." },
    { INT(max_messages, CONF_COUNT, "10000", 1, 10000000),
      .sentence = "Messages in one field of the state." },
    { INT(max_nodes, CONF_COUNT, "1000", 1, 100000), .sentence = "Nodes in one graph." },
    { INT(max_fields, CONF_COUNT, "1000", 1, 100000), .sentence = "State fields in one graph." },

    { .group = "Stored threads",
      INT(memory_store_bytes, CONF_BYTES, "1GiB", 1 * MIB, 1024 * GIB),
      .sentence = "The most that the database memory: keeps; what would pass it is refused." },
    { INT(thread_keep_ms, CONF_MS, "0", 0, 100 * YEAR_MS),
      .sentence = "A thread to which nothing has happened for so long is deleted with its runs; 0 "
                  "keeps all." },
    { INT(history_keep_ms, CONF_MS, "0", 0, 100 * YEAR_MS),
      .sentence =
          "Of a thread to which nothing has happened for so long only the latest checkpoint "
          "is kept; 0 keeps all." },
    { INT(run_keep_ms, CONF_MS, "0", 0, 100 * YEAR_MS),
      .sentence =
          "The record of a run that ended so long ago is deleted, its thread stays; 0 keeps "
          "all." },
    { INT(snapshot_every, CONF_COUNT, "50", 1, 10000),
      .sentence = "An append or messages field is stored whole again after so many updates, if they are "
                  "as large as it was then; until that only what was added." },

    { .group = "Scripts",
      INT(script_memory_bytes, CONF_BYTES, "256MiB", 1 * MIB, 64 * GIB),
      .sentence = "Memory of one script: a Lua file with what it requires, for all its runs." },
    { INT(script_max_instructions, CONF_COUNT, "500000000", 1000, INT64_C(1000000000000000)),
      .sentence = "Lua instructions of one attempt at a node." },
    { INT(script_max_sync_instructions, CONF_COUNT, "5000000", 1000, INT64_C(1000000000000)),
      .sentence = "Lua instructions of a condition or reducer, which hold everything up; to load a "
                  "file may take ten times as many." },
    { INT(script_max_fibers, CONF_COUNT, "1000", 1, 1000000),
      .sentence = "Functions that one node may run side by side with gather() and spawn()." },

    { .group = "Models and outgoing requests",
      AT(openai_api_key),
      .type = CONF_SECRET,
      .fallback = "",
      .usual_env = "OPENAI_API_KEY",
      .is_good = is_key,
      .wanted = "visible ASCII characters",
      .sentence = "Key of the provider openai." },
    { AT(openai_base_url), .fallback = "https://api.openai.com/v1", .usual_env = "OPENAI_BASE_URL",
      .is_good = conf_is_url, .wanted = "an http or https address without user, query or fragment",
      .sentence = "Address of the provider openai, or of anything that speaks its protocol." },
    { AT(providers), .type = CONF_JSON, .fallback = "{}",
      .sentence = "Further providers: an object of name to {\"kind\": \"openai\", \"base_url\", "
                  "\"api_key_env\" or \"api_key\", \"headers\"}." },
    { INT(model_connect_ms, CONF_MS, "10s", 10, 1 * HOUR_MS),
      .sentence = "How long connecting to a model may take." },
    { INT(model_first_byte_ms, CONF_MS, "60s", 10, 24 * HOUR_MS),
      .sentence = "How long a model may take to begin its answer." },
    { INT(model_idle_ms, CONF_MS, "60s", 10, 24 * HOUR_MS),
      .sentence = "How long a model may fall silent in its answer." },
    { INT(model_max_bytes, CONF_BYTES, "16MiB", 1, 1 * GIB),
      .sentence = "Largest answer of a model." },
    { INT(http_timeout_ms, CONF_MS, "30s", 10, 24 * HOUR_MS),
      .sentence = "How long the request of an http node may take in all." },
    { INT(http_max_bytes, CONF_BYTES, "4MiB", 1, 1 * GIB),
      .sentence = "Largest answer to an http node." },
    { INT(upstream_pools, CONF_COUNT, "4", 1, 64),
      .sentence = "Pools of outgoing connections; several thousand at a time want more pools." },
    { INT(demo_delay_ms, CONF_MS, "30ms", 0, 60000),
      .sentence = "Pause between two words of the demo model." },

    { .group = "Webhooks",
      AT(webhook_hosts),
      .type = CONF_LIST,
      .separator = ',',
      .fallback = "",
      .is_good = is_host,
      .wanted =
          "host or host:port, such as hooks.internal, *.svc.local, 127.0.0.1:9000 or [::1]:9000",
      .sentence = "Hosts that webhooks may reach although their addresses are not public." },
    { AT(webhook_base_url), .fallback = "", .is_good = conf_is_url,
      .wanted = "an http or https address without user, query or fragment",
      .sentence =
          "What stands before a webhook that is a path only, such as "
          "http://127.0.0.1:9000; it need not be public. Empty: such webhooks are refused." },
    { INT(webhook_timeout_ms, CONF_MS, "10s", 10, 1 * HOUR_MS),
      .sentence = "How long a try to deliver a webhook may take in all." },
    { INT(webhook_tries, CONF_COUNT, "8", 1, 100),
      .sentence = "How often a webhook is tried; the pauses are 1 s, then four times as long each "
                  "time, at most 5 minutes." },
    { INT(webhook_at_once, CONF_COUNT, "32", 1, 10000),
      .sentence = "Webhooks under way at the same time; the others wait." },
    { INT(max_webhooks, CONF_COUNT, "10000", 1, 10000000),
      .sentence = "Webhooks that may wait for their delivery; of runs that end meanwhile they are "
                  "dropped, with a line in the log." },
};

const size_t conf_row_count = sizeof(conf_rows) / sizeof(*conf_rows);
_Static_assert(sizeof(conf_rows) / sizeof(*conf_rows) <= CONF_ROW_MAX, "enlarge CONF_ROW_MAX");

const struct conf_row *conf_row_find(const char *name)
{
    for (size_t i = 0; i < conf_row_count; i++)
        if (strcmp(conf_rows[i].name, name) == 0)
            return &conf_rows[i];
    return NULL;
}

void conf_row_flag(const struct conf_row *row, char ret[CONF_NAME_BYTES])
{
    const char *ending = conf_row_is_secret(row) ? "-file" : "";
    (void)snprintf(ret, CONF_NAME_BYTES, "--%s%s", row->name,
                   ending); /* names are ours and short */
    for (char *c = ret; *c != '\0'; c++)
        if (*c == '_')
            *c = '-';
}

void conf_row_env(const struct conf_row *row, char ret[CONF_NAME_BYTES])
{
    (void)snprintf(ret, CONF_NAME_BYTES, "ANABRANCH_%s", row->name); /* names are ours and short */
    for (char *c = ret; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
}

void conf_row_name(const struct conf_row *row, char ret[CONF_NAME_BYTES])
{
    (void)snprintf(ret, CONF_NAME_BYTES, "%s", row->name); /* names are ours and short */
}

bool conf_row_is_secret(const struct conf_row *row)
{
    return row->type == CONF_SECRET || row->type == CONF_SECRET_LIST;
}

bool conf_row_is_list(const struct conf_row *row)
{
    return row->type == CONF_LIST || row->type == CONF_SECRET_LIST;
}

static void *field_at(struct conf *c, const struct conf_row *row)
{
    return (char *)c + row->offset;
}

char **conf_string_at(struct conf *c, const struct conf_row *row)
{
    return field_at(c, row);
}

bool *conf_bool_at(struct conf *c, const struct conf_row *row)
{
    return field_at(c, row);
}

int64_t *conf_int_at(struct conf *c, const struct conf_row *row)
{
    return field_at(c, row);
}

/* Levenshtein's distance with one row of the matrix; both names are shorter than CONF_NAME_BYTES.
 */
static size_t distance(const char *a, const char *b)
{
    size_t line[CONF_NAME_BYTES];
    size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++)
        line[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = line[0];
        line[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = line[j] + 1 < best ? line[j] + 1 : best;
            best = line[j - 1] + 1 < best ? line[j - 1] + 1 : best;
            diagonal = line[j];
            line[j] = best;
        }
    }
    return line[b_len];
}

enum { DISTANCE_MAX = 3 }; /* more differences are another word */

static void take_nearer(const char *word, const char *name, size_t *least,
                        char ret[CONF_NAME_BYTES])
{
    size_t d = distance(word, name);
    if (d >= *least)
        return;
    *least = d;
    (void)snprintf(ret, CONF_NAME_BYTES, "%s", name); /* names are ours and short */
}

bool conf_nearest(const char *word, void (*spell)(const struct conf_row *, char[CONF_NAME_BYTES]),
                  const char *const *more, char ret[CONF_NAME_BYTES])
{
    size_t least = DISTANCE_MAX + 1;
    if (strlen(word) >= CONF_NAME_BYTES)
        return false;
    for (size_t i = 0; i < conf_row_count; i++) {
        char name[CONF_NAME_BYTES];
        spell(&conf_rows[i], name);
        take_nearer(word, name, &least, ret);
    }
    for (; more != NULL && *more != NULL; more++)
        take_nearer(word, *more, &least, ret);
    return least <= DISTANCE_MAX;
}

/* ---- questions of programs ---- */

enum conf_origin conf_origin_of(const struct conf *c, const char *name)
{
    return c->origins[conf_row_find(name) - conf_rows];
}

/* Set by others, on purpose: our tests name the program, and where a Kubernetes service is called
 * anabranch, all its pods are told the address. */
static bool is_foreign_variable(const char *entry)
{
    static const char *const starts[] = { "ANABRANCH_BIN=", "ANABRANCH_SERVICE_", "ANABRANCH_PORT_",
                                          "ANABRANCH_PORT=tcp:" };
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (strncmp(entry, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static bool is_variable(const char *name)
{
    char env[CONF_NAME_BYTES];
    for (size_t i = 0; i < conf_row_count; i++) {
        conf_row_env(&conf_rows[i], env);
        if (strcmp(env, name) == 0)
            return true;
    }
    return false;
}

void conf_each_unknown_variable(char *const *env,
                                void (*seen)(void *arg, const char *name, const char *nearest),
                                void *arg)
{
    static const char ours[] = "ANABRANCH_";
    for (; env != NULL && *env != NULL; env++) {
        char name[2 * CONF_NAME_BYTES];
        char nearest[CONF_NAME_BYTES];
        if (strncmp(*env, ours, sizeof(ours) - 1) != 0 || is_foreign_variable(*env))
            continue;
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(*env, "="), *env); /* may be cut */
        if (!is_variable(name))
            seen(arg, name, conf_nearest(name, conf_row_env, NULL, nearest) ? nearest : NULL);
    }
}
