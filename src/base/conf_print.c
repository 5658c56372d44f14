/* The table as people read it: --help, --print-config, docs/settings.md and config/anabranch.json.
 */
#include "base/conf_table.h"
#include "base/jsonx.h"
#include <string.h>

/* The results of buf_add_*() are left out throughout: errors stick to the buffer, where the caller
 * finds them. */

/* 4194304 bytes as 4MiB, 60000 ms as 60s: a form that is accepted as input too. */
static void add_number(struct buf *out, enum conf_unit unit, int64_t number)
{
    static const struct {
        enum conf_unit unit;
        int64_t factor;
        const char *suffix;
    } forms[] = { { CONF_BYTES, 1024 * 1024 * 1024, "GiB" },
                  { CONF_BYTES, 1024 * 1024, "MiB" },
                  { CONF_BYTES, 1024, "KiB" },
                  { CONF_MS, 1000, "s" },
                  { CONF_MS, 1, "ms" } };
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (forms[i].unit == unit && number != 0 && number % forms[i].factor == 0) {
            (void)buf_addf(out, "%lld%s", (long long)(number / forms[i].factor), forms[i].suffix);
            return;
        }
    (void)buf_add_int(out, number);
}

static const char *type_word(const struct conf_row *row)
{
    static const char *const numbers[] = {
        [CONF_COUNT] = "number",
        [CONF_BYTES] = "bytes",
        [CONF_MS] = "ms",
    };
    switch (row->type) {
    case CONF_STRING:
        return "text";
    case CONF_LIST:
        return "list";
    case CONF_SECRET:
        return "secret";
    case CONF_SECRET_LIST:
        return "list of secrets";
    case CONF_BOOL:
        return "boolean";
    case CONF_INT:
        return numbers[row->unit];
    case CONF_JSON:
        return "JSON object";
    }
    return "";
}

/* Either the range of a number, or what the row wants of a text. */
static void add_range(struct buf *out, const struct conf_row *row)
{
    if (row->type == CONF_INT) {
        (void)buf_add_str(out, ", ");
        add_number(out, row->unit, row->least);
        (void)buf_add_str(out, " to ");
        add_number(out, row->unit, row->most);
    } else if (conf_row_is_list(row)) {
        (void)buf_addf(out, ", separated by `%c`", row->separator);
    }
    if (row->wanted != NULL)
        (void)buf_addf(out, ": %s", row->wanted);
}

static void add_help_row(struct buf *out, const struct conf_row *row)
{
    char flag[CONF_NAME_BYTES];
    char env[CONF_NAME_BYTES];
    conf_row_flag(row, flag);
    conf_row_env(row, env);
    if (row->group != NULL)
        (void)buf_addf(out, "\n%s\n", row->group);
    (void)buf_addf(out, "  %s %s\n      %s\n      %s%s%s", flag,
                   conf_row_is_secret(row) ? "FILE" : type_word(row), row->sentence, env,
                   row->usual_env != NULL ? ", " : "",
                   row->usual_env != NULL ? row->usual_env : "");
    if (row->fallback[0] != '\0')
        (void)buf_addf(out, "; default %s", row->fallback);
    (void)buf_add_char(out, '\n');
}

void conf_help(struct buf *out)
{
    (void)buf_add_str(out, "Settings. Where one is given more than once, the flag wins, then the "
                           "environment variable, the settings file,\nthe default. Sizes may carry "
                           "KiB, MiB or GiB, times ms, s or m.\n");
    for (size_t i = 0; i < conf_row_count; i++)
        add_help_row(out, &conf_rows[i]);
    (void)buf_add_str(out,
                      "\nOther flags\n  --print-config\n      Prints the settings in force and "
                      "where each comes from, then ends.\n  --help\n      Prints this.\n");
}

static void add_value(struct buf *out, const struct conf *c, const struct conf_row *row)
{
    struct conf *conf = (struct conf *)c; /* read only */
    const char *text;
    switch (row->type) {
    case CONF_STRING:
    case CONF_LIST:
    case CONF_SECRET:
    case CONF_SECRET_LIST:
        text = *conf_string_at(conf, row);
        if (text[0] == '\0')
            (void)buf_add_str(out, conf_row_is_list(row) ? "[]" : "\"\"");
        else
            (void)buf_add_str(out, conf_row_is_secret(row) ? "****" : text);
        break;
    case CONF_BOOL:
        (void)buf_add_str(out, *conf_bool_at(conf, row) ? "true" : "false");
        break;
    case CONF_INT:
        add_number(out, row->unit, *conf_int_at(conf, row));
        break;
    case CONF_JSON:
        conf_encode_providers(c->providers, out);
        break;
    }
}

static void add_origin(struct buf *out, const struct conf *c, const struct conf_row *row)
{
    char name[CONF_NAME_BYTES];
    switch ((enum conf_origin)c->origins[row - conf_rows]) {
    case CONF_FROM_DEFAULT:
        (void)buf_add_str(out, "default");
        break;
    case CONF_FROM_FILE:
        (void)buf_addf(out, "file %s", c->config);
        break;
    case CONF_FROM_ENV:
        conf_row_env(row, name);
        (void)buf_addf(out, "environment %s", name);
        break;
    case CONF_FROM_USUAL_ENV:
        (void)buf_addf(out, "environment %s", row->usual_env);
        break;
    case CONF_FROM_FLAG:
        conf_row_flag(row, name);
        (void)buf_addf(out, "flag %s", name);
        break;
    }
}

void conf_print(const struct conf *c, struct buf *out)
{
    for (size_t i = 0; i < conf_row_count; i++) {
        const struct conf_row *row = &conf_rows[i];
        (void)buf_addf(out, "%s = ", row->name);
        add_value(out, c, row);
        (void)buf_add_str(out, "  (");
        add_origin(out, c, row);
        (void)buf_add_str(out, ")\n");
    }
}

/* In a cell of a table a bar would start the next cell. */
static void add_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            (void)buf_add_char(out, '\\');
        (void)buf_add_char(out, *text);
    }
}

static void add_markdown_row(struct buf *out, const struct conf_row *row)
{
    char flag[CONF_NAME_BYTES];
    char env[CONF_NAME_BYTES];
    conf_row_flag(row, flag);
    conf_row_env(row, env);
    if (row->group != NULL)
        (void)buf_addf(out,
                       "\n## %s\n\n| setting | environment | flag | value | default | meaning |\n"
                       "| --- | --- | --- | --- | --- | --- |\n",
                       row->group);
    (void)buf_addf(out, "| `%s` | `%s`", row->name, env);
    if (row->usual_env != NULL)
        (void)buf_addf(out, ", else `%s`", row->usual_env);
    (void)buf_addf(out, " | `%s` | %s", flag, type_word(row));
    add_range(out, row);
    (void)buf_add_str(out, " | ");
    if (row->fallback[0] != '\0')
        (void)buf_addf(out, "`%s`", row->fallback);
    (void)buf_add_str(out, " | ");
    add_cell(out, row->sentence);
    (void)buf_add_str(out, " |\n");
}

void conf_markdown(struct buf *out)
{
    (void)buf_add_str(
        out,
        "# Settings\n\n"
        "This page is printed from the table in `src/base/conf_table.c`; a test compares them.\n\n"
        "A setting may be given in four places. The first of these wins: flag, environment "
        "variable, settings file,\ndefault. `anabranch serve --print-config` shows what is in "
        "force "
        "and where it comes from, with secrets masked.\n\n"
        "- The settings file is a JSON object of setting names. `config/anabranch.json` holds all "
        "of "
        "them with their\n  defaults and is read if it is there. `$comment` and `$schema` are "
        "ignored; any other unknown name is an error.\n"
        "- An environment variable that is empty counts as not set.\n"
        "- Flags are written `--name value` or `--name=value`; a boolean may stand alone.\n"
        "- Booleans are `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`.\n"
        "- Sizes are in bytes or carry `KiB`, `MiB` or `GiB`; times are in milliseconds or carry "
        "`ms`, `s` or `m`. In the\n  settings file such a value is a string: `\"16MiB\"`.\n"
        "- Lists are arrays of strings in the settings file.\n"
        "- Secrets have no flag of their own, since every user of a machine can read its command "
        "lines: the flag names\n  a file that holds the secret, or one item of a list per line, "
        "where empty lines and those that\n  "
        "begin with `#` do not count.\n"
        "- An empty text in the settings file stands for the default where the default is empty or "
        "depends on other\n  settings.\n"
        "- Paths are relative to the working directory.\n");
    for (size_t i = 0; i < conf_row_count; i++)
        add_markdown_row(out, &conf_rows[i]);
}

static void add_json_list(struct buf *out, const struct conf_row *row)
{
    const char *text = row->fallback;
    (void)buf_add_char(out, '[');
    while (*text != '\0') {
        size_t len = strcspn(text, (const char[]){ row->separator, '\0' });
        jsonx_encode_string(text, len, out);
        text += len;
        if (*text != '\0') {
            (void)buf_add_str(out, ", ");
            text++;
        }
    }
    (void)buf_add_char(out, ']');
}

static void add_json_value(struct buf *out, const struct conf *defaults, const struct conf_row *row)
{
    if (conf_row_is_list(row))
        add_json_list(out, row);
    else if (row->type == CONF_STRING || row->type == CONF_SECRET)
        jsonx_encode_string(row->fallback, strlen(row->fallback), out);
    else if (row->type == CONF_INT)
        (void)buf_add_int(out, *conf_int_at((struct conf *)defaults, row)); /* read only */
    else
        add_value(out, defaults, row);
}

/* Dependent defaults are written as "", which keeps the dependency; `config` cannot stand in the
 * file that it names. */
void conf_json(struct buf *out)
{
    struct conf defaults;
    int r = conf_default(&defaults);
    if (r != 0)
        out->fault = r;
    (void)buf_add_str(out, "{\n  \"$comment\": \"Every setting with its default; "
                           "docs/settings.md explains them. Names tell units: _ms, _bytes.\"");
    for (size_t i = 0; i < conf_row_count && out->fault == 0; i++) {
        const struct conf_row *row = &conf_rows[i];
        if (strcmp(row->name, "config") == 0)
            continue;
        (void)buf_addf(out, "%s\"%s\": ", row->group != NULL ? ",\n\n  " : ",\n  ", row->name);
        add_json_value(out, &defaults, row);
    }
    (void)buf_add_str(out, "\n}\n");
    conf_deinit(&defaults);
}
