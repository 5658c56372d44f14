/* Query parameters; the JS client sends lists as JSON, the Python one repeats the name. */
#include "api/run_query.h"
#include "base/err.h"
#include "base/jsonx.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool param_bool(const struct req *req, const char *name)
{
    static const char *const yes[] = { "true", "1", "yes" };
    const char *text = req_query(req, name);

    for (size_t i = 0; text != NULL && i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcasecmp(text, yes[i]) == 0)
            return true;
    }
    return false;
}

bool param_int(struct req *req, const char *name, int64_t least, int64_t most, int64_t fallback,
               int64_t *ret)
{
    const char *text = req_query(req, name);
    char *end;

    *ret = fallback;
    if (text == NULL)
        return true;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    if (*text != '\0' && *end == '\0' && errno == 0 && *ret >= least && *ret <= most)
        return true;
    reply_failf(req, FAIL_BAD_REQUEST, "\"%s\" must be an integer from %lld to %lld, not \"%.40s\"",
                name, (long long)least, (long long)most, text);
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

/* 0; 1: it is not what it should be; or a fault. */
static int add_text(json_t *to, const char *text)
{
    struct jsonx_error error;
    json_t *json = NULL;

    if (text[0] != '[')
        return add_parts(to, text) ? 0 : err_trace(ERR_NOMEM);
    int r = jsonx_parse(text, strlen(text), 2, &json, &error);
    if (r == 0 && !is_list_of_strings(json))
        r = 1;
    if (r == 0)
        r = json_array_extend(to, json) == 0 ? 0 : err_trace(ERR_NOMEM);
    json_decref(json);
    return r;
}

bool param_list(struct req *req, const char *name, json_t **ret)
{
    const char *text;
    json_t *list = json_array();
    int r = list == NULL ? err_trace(ERR_NOMEM) : 0;

    for (size_t i = 0; r == 0 && (text = req_query_at(req, name, i)) != NULL; i++)
        r = add_text(list, text);
    *ret = list;
    if (r == 0)
        return true;
    *ret = NULL;
    json_decref(list);
    if (r < 0)
        reply_failf(req, FAIL_INTERNAL, "%s", err_text(r));
    else
        reply_failf(req, FAIL_BAD_REQUEST, "\"%s\" must be a list of strings", name);
    return false;
}
