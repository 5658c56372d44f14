/* Bodies of the protocol's resources, and pages of lists. */
#include "api/params.h"
#include "api/run_body.h"
#include "base/err.h"
#include "base/jsonx.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000 };
#define WHOLE_MAX 9e15 /* every whole number up to there is a double */

/* ---- bodies ---- */

static int parse(struct req *req, json_t **ret, struct fail *f)
{
    const struct api *api = req_app(req);
    struct jsonx_error error;
    size_t len = 0;
    const char *bytes = req_body(req, &len);
    int r = jsonx_parse(bytes, len, (int)api->services->conf->max_depth, ret, &error);

    if (r > 0)
        fail_set(f, FAIL_BAD_JSON,
                 "the body is not JSON as this server takes it: line %d, column %d: %s", error.line,
                 error.column, error.message);
    else if (r == 0 && !json_is_object(*ret))
        fail_set(f, FAIL_BAD_REQUEST, "the body must be a JSON object, not %s",
                 jsonx_type_name(*ret));
    return fail_is_set(f) ? PARAMS_E_WRONG : r;
}

/* What was found: the value itself where it is short, as it may be of the right type. */
static void tell_wrong(const struct body_key *key, const json_t *v, struct fail *f)
{
    const char *expected = key->type->expected;
    const json_t *item = type_find_wrong_item(key->type, v);

    if (key->type->sentence != NULL && (v == NULL || json_array_size(v) == 0))
        fail_set(f, FAIL_BAD_REQUEST, "%s", key->type->sentence);
    else if (v == NULL)
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" is missing: it must be %s", key->key, expected);
    else if (json_is_string(item))
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" must be %s, and \"%.40s\" is none", key->key,
                 expected, json_string_value(item));
    else if (json_is_string(v))
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" must be %s, not \"%.40s\"", key->key, expected,
                 json_string_value(v));
    else if (json_is_integer(v))
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" must be %s, not %lld", key->key, expected,
                 (long long)json_integer_value(v));
    else
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" must be %s, not %s", key->key, expected,
                 jsonx_type_name(v));
}

/* 5.0 becomes 5 in its place. 0 or a fault. */
static int make_whole(json_t *body, const struct body_key *key)
{
    const json_t *v = body_find(body, key->key);
    double number = json_real_value(v);
    const char *name = key->key;

    if (key->type->kind != TYPE_INTEGER || !json_is_real(v) || number != trunc(number) ||
        fabs(number) > WHOLE_MAX)
        return 0;
    for (const char *dot; (dot = strchr(name, '.')) != NULL; name = dot + 1)
        body = json_object_getn(body, name, (size_t)(dot - name));
    return json_object_set_new(body, name, json_integer((json_int_t)number)) == 0
               ? 0
               : err_trace(ERR_NOMEM);
}

int body_check(json_t *body, const struct body_key *keys, struct fail *f)
{
    for (const struct body_key *key = keys; key->key != NULL; key++) {
        int r = make_whole(body, key);
        if (r != 0)
            return r;
        const json_t *v = body_find(body, key->key);
        if (v == NULL ? !key->is_required : type_fits(key->type, v))
            continue;
        tell_wrong(key, v, f);
        return PARAMS_E_WRONG;
    }
    return 0;
}

int body_read(struct req *req, const struct body_key *keys, json_t **ret, struct fail *f)
{
    json_t *body = NULL;
    int r = parse(req, &body, f);

    if (r == 0)
        r = body_check(body, keys, f);
    if (r == 0)
        *ret = body;
    else
        json_decref(body);
    return r;
}

json_t *body_find(const json_t *body, const char *key)
{
    return run_body_find(body, key);
}

const char *body_text(const json_t *body, const char *key)
{
    return json_string_value(body_find(body, key));
}

int64_t body_ttl_ms(const json_t *body)
{
    const json_t *ttl = body_find(body, "ttl");

    if (json_is_object(ttl))
        ttl = json_object_get(ttl, "ttl");
    if (ttl == NULL)
        return 0;
    double ms = json_number_value(ttl) * MINUTE_MS;
    return ms < 1 ? 1 : (int64_t)ms;
}

/* ---- pages ---- */

struct page body_page(const json_t *body, size_t default_limit)
{
    const json_t *limit = body_find(body, "limit");

    return (struct page){
        .limit = limit == NULL ? default_limit : (size_t)json_integer_value(limit),
        .offset = (size_t)json_integer_value(body_find(body, "offset")),
    };
}

static void reply_number(struct req *req, const char *name, size_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%zu", number); /* 20 digits at most */
    reply_header(req, name, text);
}

void reply_page(struct req *req, const struct page *page, size_t count, size_t total)
{
    reply_number(req, "X-Pagination-Total", total);
    if (page->offset < total && total - page->offset > count)
        reply_number(req, "X-Pagination-Next", page->offset + count);
}

/* ---- answers ---- */

json_t *select_take(json_t *object, const json_t *names)
{
    json_t *chosen;
    const json_t *name;
    size_t i;
    int bad;

    if (names == NULL || object == NULL)
        return object;
    chosen = json_object();
    bad = chosen == NULL;
    json_array_foreach(names, i, name) {
        json_t *part = json_object_get(object, json_string_value(name));
        if (part != NULL && !bad)
            bad = json_object_set(chosen, json_string_value(name), part) != 0;
    }
    json_decref(object);
    if (!bad)
        return chosen;
    json_decref(chosen);
    return NULL;
}
