#ifndef ANABRANCH_BASE_CONF_TABLE_H
#define ANABRANCH_BASE_CONF_TABLE_H
/* Private to the conf_*.c files: the table of settings, and the job of filling a struct conf from
 * it. */
#include "base/conf.h"

enum conf_type {
    CONF_STRING,
    CONF_LIST,
    CONF_SECRET,
    CONF_SECRET_LIST,
    CONF_BOOL,
    CONF_INT,
    CONF_JSON
};
enum conf_unit { CONF_COUNT, CONF_BYTES, CONF_MS };

struct conf_row {
    const char *group; /* heading before this row, or NULL */
    const char *name;
    enum conf_type type;
    enum conf_unit unit;  /* of CONF_INT */
    size_t offset;        /* into struct conf */
    const char *fallback; /* the default, in the form that an environment variable has */
    int64_t least;
    int64_t most;
    char separator;                    /* of the lists */
    const char *usual_env;             /* a second variable, or NULL */
    bool (*is_good)(const char *text); /* of a string, of every item of a list; or NULL */
    const char *wanted;                /* what a good value looks like, for messages; or NULL */
    const char *sentence;
};

extern const struct conf_row conf_rows[];
extern const size_t conf_row_count;

enum { CONF_NAME_BYTES = 64 };
const struct conf_row *conf_row_find(const char *name);                    /* NULL = none */
void conf_row_flag(const struct conf_row *row, char ret[CONF_NAME_BYTES]); /* "--api-keys-file" */
void conf_row_env(const struct conf_row *row, char ret[CONF_NAME_BYTES]); /* "ANABRANCH_API_KEYS" */
void conf_row_name(const struct conf_row *row, char ret[CONF_NAME_BYTES]); /* "api_keys" */
bool conf_row_is_secret(const struct conf_row *row);
bool conf_row_is_list(const struct conf_row *row);
char **conf_string_at(struct conf *c, const struct conf_row *row);
bool *conf_bool_at(struct conf *c, const struct conf_row *row);
int64_t *conf_int_at(struct conf *c, const struct conf_row *row);

/* One loading. `where` and `origin` tell what is being read at the moment. */
struct conf_job {
    struct conf *conf;
    struct buf *problems;
    bool is_wrong;
    const char *where;
    enum conf_origin origin;
};

/* Appends "where: sentence" to the problems. A full list of problems is enough of a list. */
void conf_complain(struct conf_job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum { CONF_QUOTE_BYTES = 64 };
/* The start of a user's text, made fit for a message. */
const char *conf_quote(const char *text, char ret[CONF_QUOTE_BYTES]);

/* Set one value, or complain and leave it. 0 or a fault. */
int conf_set_text(struct conf_job *job, const struct conf_row *row, const char *text);
/* A list from a file: one item per line; empty lines and those that begin with # do not count. A
 * file without any item is a mistake. */
int conf_set_lines(struct conf_job *job, const struct conf_row *row, const char *text);
/* Keeps a reference to an object, which must not change from then on. */
int conf_set_json(struct conf_job *job, const struct conf_row *row, json_t *value);

/* Complains about what is no JSON and leaves *ret, which is the caller's, as it was. 0 or a fault. */
int conf_parse_json(struct conf_job *job, const char *text, size_t len_bytes, int max_depth,
                    json_t **ret);

bool conf_is_url(const char *text); /* http or https, a host, no user part, no query */
bool conf_is_provider_name(const char *text, size_t len); /* [a-z0-9_-]+ */

/* Complains about everything in `providers` that no provider could use. 0 or a fault. */
int conf_check_providers(struct conf_job *job, const json_t *providers);
/* Appends them as JSON with keys and header values as ****. */
void conf_encode_providers(json_t *providers, struct buf *out);

/* What a person most likely meant by a mistyped word: a row's name in one of its spellings, or one
 * of `more` (NULL at the end; may be NULL). false: none is near. */
bool conf_nearest(const char *word, void (*spell)(const struct conf_row *, char[CONF_NAME_BYTES]),
                  const char *const *more, char ret[CONF_NAME_BYTES]);

/* The settings file into job->conf. is_optional: a file that is not there is no mistake; *ret_found
 * says whether it was. */
int conf_read_settings(struct conf_job *job, const char *path, bool is_optional, bool *ret_found);
/* The text of a settings file; path: for messages. */
int conf_parse_settings(struct conf_job *job, const char *path, const char *text, size_t len_bytes);
/* The value of a secret from a file: one line, or a list in lines. */
int conf_read_secret(struct conf_job *job, const struct conf_row *row, const char *path);

#endif
