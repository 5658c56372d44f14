/*
 * From a text or a JSON value to a field of struct conf. Every mistake becomes one line of the
 * problems, with the place, what stands there, and what would be right; a secret is never repeated.
 */
#include "base/conf_table.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PROVIDERS_DEPTH = 8, LIST_BYTES_MAX = 1 << 20 };

void conf_complain(struct conf_job *job, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sentence = mem_vprintf(format, args);
    va_end(args);
    job->is_wrong = true;
    if (sentence == NULL)
        job->problems->fault = ERR_NOMEM;
    (void)buf_addf(job->problems, "%s: %s\n", job->where,
                   sentence != NULL ? sentence : ""); /* sticky */
    mem_free(sentence);
}

const char *conf_quote(const char *text, char ret[CONF_QUOTE_BYTES])
{
    const size_t most = CONF_QUOTE_BYTES - 4; /* three dots and NUL */
    size_t len = strnlen(text, most + 1);
    bool is_cut = len > most;
    len = jsonx_utf8_prefix(text, is_cut ? most : len);
    memcpy(ret, text, len);
    strcpy(ret + len, is_cut || text[len] != '\0' ? "..." : "");
    for (char *c = ret; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
    return ret;
}

/* The shipped settings file holds every default; what it repeats stays one. */
static void set_origin(struct conf_job *job, const struct conf_row *row, bool is_changed)
{
    if (is_changed || job->origin != CONF_FROM_FILE)
        job->conf->origins[row - conf_rows] = (unsigned char)job->origin;
}

static void complain_value(struct conf_job *job, const struct conf_row *row, const char *text)
{
    char quoted[CONF_QUOTE_BYTES];
    const char *wanted = row->wanted != NULL ? row->wanted : "a text";
    if (conf_row_is_secret(row))
        conf_complain(job, "the secret is malformed; wanted: %s", wanted);
    else
        conf_complain(job, "\"%s\" is not right; wanted: %s", conf_quote(text, quoted), wanted);
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++)
        if (iscntrl((unsigned char)*text))
            return true;
    return false;
}

static bool is_good_item(const struct conf_row *row, const char *text)
{
    return !has_control(text) && jsonx_utf8_prefix(text, strlen(text)) == strlen(text) &&
           (row->is_good == NULL || row->is_good(text));
}

/* Takes `text`, which may be NULL for lack of memory. */
static int store_string_take(struct conf_job *job, const struct conf_row *row, char *text)
{
    if (text == NULL)
        return err_trace(ERR_NOMEM);
    char **field = conf_string_at(job->conf, row);
    set_origin(job, row, *field == NULL || strcmp(*field, text) != 0);
    mem_free(*field);
    *field = text;
    return 0;
}

static int set_string(struct conf_job *job, const struct conf_row *row, const char *text)
{
    bool may_be_empty = row->fallback[0] == '\0';
    if (text[0] == '\0' ? !may_be_empty : !is_good_item(row, text)) {
        complain_value(job, row, text);
        return 0;
    }
    return store_string_take(job, row, mem_strdup(text));
}

/* One item, without the blanks around it, behind those that are there already. Empty ones are
 * dropped. */
static void add_item(struct conf_job *job, const struct conf_row *row, const char *item, size_t len,
                     struct buf *list)
{
    char *copy MEM_AUTO(mem_freep) = NULL;
    while (len > 0 && isspace((unsigned char)*item))
        item++, len--;
    while (len > 0 && isspace((unsigned char)item[len - 1]))
        len--;
    if (len == 0)
        return;
    if ((copy = mem_strndup(item, len)) == NULL) {
        list->fault = ERR_NOMEM;
        return;
    }
    if (!is_good_item(row, copy) || strchr(copy, row->separator) != NULL) {
        complain_value(job, row, copy);
        return;
    }
    if (list->len > 0)
        (void)buf_add_char(list, row->separator); /* sticky */
    (void)buf_add(list, item, len);
}

/* Ends a list that add_item() filled. */
static int store_list(struct conf_job *job, const struct conf_row *row, struct buf *list)
{
    if (list->fault == BUF_E_FULL) {
        conf_complain(job, "the list is too long; at most %d bytes", LIST_BYTES_MAX);
    } else if (list->fault == 0 && list->len == 0 && row->fallback[0] != '\0') {
        conf_complain(job, "the list is empty; wanted: %s", row->wanted);
    } else {
        return store_string_take(job, row, buf_take(list, NULL));
    }
    buf_deinit(list);
    return 0;
}

static void add_items(struct conf_job *job, const struct conf_row *row, const char *text,
                      size_t len, struct buf *list)
{
    const char *end = text + len;
    while (text < end) {
        const char *stop = memchr(text, row->separator, (size_t)(end - text));
        if (stop == NULL)
            stop = end;
        add_item(job, row, text, (size_t)(stop - text), list);
        text = stop + 1;
    }
}

static int set_list(struct conf_job *job, const struct conf_row *row, const char *text)
{
    struct buf list;
    buf_init(&list, LIST_BYTES_MAX);
    add_items(job, row, text, strlen(text), &list);
    return store_list(job, row, &list);
}

int conf_set_lines(struct conf_job *job, const struct conf_row *row, const char *text)
{
    const char *name = job->where;
    bool was_wrong = job->is_wrong;
    struct buf list;
    buf_init(&list, LIST_BYTES_MAX);
    job->is_wrong = false;
    for (int line = 1; *text != '\0'; line++) {
        char where[CONF_NAME_BYTES + 32];
        size_t len = strcspn(text, "\n");
        (void)snprintf(where, sizeof(where), "%s: line %d", name, line); /* names are short */
        job->where = where;
        if (text[0] != '#')
            add_items(job, row, text, len, &list);
        text += len + (text[len] != '\0');
    }
    job->where = name;
    if (list.fault == 0 && list.len == 0 && !job->is_wrong)
        conf_complain(job, "there is nothing in the file but comments and blanks");
    job->is_wrong |= was_wrong;
    return store_list(job, row, &list);
}

static int set_list_from_array(struct conf_job *job, const struct conf_row *row,
                               const json_t *array)
{
    struct buf list;
    buf_init(&list, LIST_BYTES_MAX);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        if (json_is_string(item))
            add_item(job, row, json_string_value(item), json_string_length(item), &list);
        else
            conf_complain(job, "item %zu is of type %s; wanted: a string", i,
                          jsonx_type_name(item));
    }
    return store_list(job, row, &list);
}

static int set_bool(struct conf_job *job, const struct conf_row *row, const char *text)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = { { "true", true },   { "yes", true }, { "on", true },   { "1", true },
                  { "false", false }, { "no", false }, { "off", false }, { "0", false } };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcasecmp(text, words[i].word) == 0) {
            set_origin(job, row, *conf_bool_at(job->conf, row) != words[i].value);
            *conf_bool_at(job->conf, row) = words[i].value;
            return 0;
        }
    char quoted[CONF_QUOTE_BYTES];
    conf_complain(job, "\"%s\" is neither true nor false", conf_quote(text, quoted));
    return 0;
}

static void store_int(struct conf_job *job, const struct conf_row *row, int64_t number)
{
    if (number < row->least || number > row->most) {
        conf_complain(job, "%lld is outside %lld to %lld", (long long)number, (long long)row->least,
                      (long long)row->most);
        return;
    }
    set_origin(job, row, *conf_int_at(job->conf, row) != number);
    *conf_int_at(job->conf, row) = number;
}

/* What a number is multiplied by for the suffix behind it; 0: the unit knows no such suffix. */
static int64_t suffix_factor(enum conf_unit unit, const char *suffix)
{
    static const struct {
        enum conf_unit unit;
        const char *suffix;
        int64_t factor;
    } suffixes[] = { { CONF_BYTES, "KiB", 1024 },
                     { CONF_BYTES, "MiB", 1024 * 1024 },
                     { CONF_BYTES, "GiB", 1024 * 1024 * 1024 },
                     { CONF_MS, "ms", 1 },
                     { CONF_MS, "s", 1000 },
                     { CONF_MS, "m", 60000 } };
    while (*suffix == ' ')
        suffix++;
    if (*suffix == '\0')
        return 1;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
        if (suffixes[i].unit == unit && strcasecmp(suffixes[i].suffix, suffix) == 0)
            return suffixes[i].factor;
    return 0;
}

static int set_int(struct conf_job *job, const struct conf_row *row, const char *text)
{
    static const char *const forms[] = {
        [CONF_COUNT] = "a whole number",
        [CONF_BYTES] = "a whole number of bytes, or one with KiB, MiB or GiB",
        [CONF_MS] = "a whole number of milliseconds, or one with ms, s or m",
    };
    char *end = NULL;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    int64_t factor = suffix_factor(row->unit, end);
    bool starts_well = isdigit((unsigned char)text[0]) || (text[0] == '-' && end > text);
    if (!starts_well || factor == 0 || errno == ERANGE ||
        __builtin_mul_overflow(number, factor, &number)) {
        char quoted[CONF_QUOTE_BYTES];
        conf_complain(job, "\"%s\" is not right; wanted: %s, from %lld to %lld",
                      conf_quote(text, quoted), forms[row->unit], (long long)row->least,
                      (long long)row->most);
        return 0;
    }
    store_int(job, row, number);
    return 0;
}

static int set_object(struct conf_job *job, const struct conf_row *row, json_t *object)
{
    bool was_wrong = job->is_wrong;
    job->is_wrong = false;
    int r = conf_check_providers(job, object);
    bool is_good = !job->is_wrong;
    job->is_wrong = was_wrong || !is_good;
    if (r != 0 || !is_good)
        return r;
    set_origin(job, row, !json_equal(job->conf->providers, object));
    json_decref(job->conf->providers);
    job->conf->providers = json_incref(object); /* shared with a tree that is freed next */
    return 0;
}

int conf_parse_json(struct conf_job *job, const char *text, size_t len_bytes, int max_depth,
                    json_t **ret)
{
    struct jsonx_error error;
    int r = jsonx_parse(text, len_bytes, max_depth, ret, &error);
    if (r > 0)
        conf_complain(job, "not valid JSON at line %d, column %d: %s", error.line, error.column,
                      error.message);
    return r < 0 ? err_trace(r) : 0;
}

static int set_json_text(struct conf_job *job, const struct conf_row *row, const char *text)
{
    json_t *json = NULL;
    int r = conf_parse_json(job, text, strlen(text), PROVIDERS_DEPTH, &json);
    if (r == 0 && json != NULL)
        r = set_object(job, row, json);
    json_decref(json);
    return r;
}

int conf_set_text(struct conf_job *job, const struct conf_row *row, const char *text)
{
    switch (row->type) {
    case CONF_STRING:
    case CONF_SECRET:
        return set_string(job, row, text);
    case CONF_LIST:
    case CONF_SECRET_LIST:
        return set_list(job, row, text);
    case CONF_BOOL:
        return set_bool(job, row, text);
    case CONF_INT:
        return set_int(job, row, text);
    case CONF_JSON:
        return set_json_text(job, row, text);
    }
    return 0;
}

static const char *json_form(const struct conf_row *row)
{
    switch (row->type) {
    case CONF_STRING:
    case CONF_SECRET:
        return "a string";
    case CONF_LIST:
    case CONF_SECRET_LIST:
        return "an array of strings, or a string";
    case CONF_BOOL:
        return "true or false";
    case CONF_INT:
        return row->unit == CONF_COUNT ? "a whole number"
                                       : "a whole number, or a string with a unit";
    case CONF_JSON:
        return "an object";
    }
    return "";
}

int conf_set_json(struct conf_job *job, const struct conf_row *row, json_t *value)
{
    if (row->type == CONF_JSON && json_is_object(value))
        return set_object(job, row, value);
    if (row->type != CONF_JSON && json_is_string(value))
        return conf_set_text(job, row, json_string_value(value));
    if (row->type == CONF_BOOL && json_is_boolean(value))
        return set_bool(job, row, json_is_true(value) ? "true" : "false");
    if (row->type == CONF_INT && json_is_integer(value)) {
        store_int(job, row, json_integer_value(value));
        return 0;
    }
    if (conf_row_is_list(row) && json_is_array(value))
        return set_list_from_array(job, row, value);
    conf_complain(job, "of type %s; wanted: %s", jsonx_type_name(value), json_form(row));
    return 0;
}
