/* Reading queries; see query.h. */
#include "api/query.h"
#include "base/err.h"
#include "base/jsonx.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- one value ---- */

bool query_read_flag(const char *text, bool *ret)
{
    static const char *const words[] = { "false", "true", "0", "1", "no", "yes" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) != 0)
            continue;
        *ret = i % 2 == 1;
        return true;
    }
    return false;
}

/* strtoll() would pass over blanks and a plus sign. */
bool query_read_integer(const char *text, int64_t *ret)
{
    char *end;

    if (*text == '\0' || strchr("-0123456789", *text) == NULL)
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *ret = number;
    return true;
}

bool query_flag(const struct req *req, const char *name, bool fallback)
{
    const char *text = req_query(req, name);

    if (text != NULL)
        (void)query_read_flag(text, &fallback); /* it stays */
    return fallback;
}

int64_t query_integer(const struct req *req, const char *name, int64_t fallback)
{
    const char *text = req_query(req, name);

    if (text != NULL)
        (void)query_read_integer(text, &fallback); /* it stays */
    return fallback;
}

/* ---- lists ---- */

/* JSON's brackets and quotes stand around words that have neither. */
static bool has_word(const char *list, const char *word)
{
    static const char between[] = " ,[]\"";
    size_t len = strlen(word);

    for (const char *at = list + strspn(list, between); *at != '\0'; at += strspn(at, between)) {
        size_t this_len = strcspn(at, between);
        if (this_len == len && memcmp(at, word, len) == 0)
            return true;
        at += this_len;
    }
    return false;
}

bool query_has(const struct req *req, const char *name, const char *word)
{
    const char *list;

    for (size_t i = 0; (list = req_query_at(req, name, i)) != NULL; i++) {
        if (has_word(list, word))
            return true;
    }
    return false;
}

static bool add_parts(json_t *to, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        if (len > 0 && json_array_append_new(to, json_stringn(text, len)) != 0)
            return false;
        text += len + (text[len] == ',');
    }
    return true;
}

static bool is_list_of_strings(const json_t *json)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json, i, item) {
        if (!json_is_string(item))
            return false;
    }
    return json_is_array(json);
}

/* 0, QUERY_E_WRONG, or a fault. */
static int add_text(json_t *to, const char *text)
{
    struct jsonx_error error;
    json_t *json = NULL;

    if (text[0] != '[')
        return add_parts(to, text) ? 0 : err_trace(ERR_NOMEM);
    int r = jsonx_parse(text, strlen(text), 2, &json, &error);
    if (r > 0 || (r == 0 && !is_list_of_strings(json)))
        r = QUERY_E_WRONG;
    if (r == 0)
        r = json_array_extend(to, json) == 0 ? 0 : err_trace(ERR_NOMEM);
    json_decref(json);
    return r;
}

int query_list(const struct req *req, const char *name, json_t **ret)
{
    const char *text;
    json_t *list = json_array();
    int r = list == NULL ? err_trace(ERR_NOMEM) : 0;

    for (size_t i = 0; r == 0 && (text = req_query_at(req, name, i)) != NULL; i++)
        r = add_text(list, text);
    if (r == 0)
        *ret = list;
    else
        json_decref(list);
    return r;
}
