/* What an `http` node may say, and every way to say it wrong. */
#include "node/http_config.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "node/kit.h"
#include <string.h>

enum { LIST_MAX = 100, MAX_BYTES_MOST = 1 << 30, STATUS_LEAST = 100, STATUS_MOST = 599 };

/* An object or list under `key`, or NULL and a problem if it is something else. */
static const json_t *read_container(struct setup *s, const char *key, json_type type)
{
    const json_t *json = setup_json(s, key, false);
    if (json == NULL || json_typeof(json) == type)
        return json;
    setup_problem(s, key, NULL, "expected %s, found %s", type == JSON_ARRAY ? "array" : "object",
                  jsonx_type_name(json));
    return NULL;
}

/* ---- method ---- */

static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS" };

static int read_method(struct setup *s, struct http_config *c)
{
    const char *method = setup_string(s, "method", false);
    if (method == NULL)
        method = setup_json(s, "body", false) != NULL ? "POST" : "GET";
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (!ascii_equal(method, strlen(method), methods[i], strlen(methods[i])))
            continue;
        c->method = mem_strdup(methods[i]);
        return c->method != NULL ? 0 : err_trace(ERR_NOMEM);
    }
    setup_problem(s, "method", "use GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS",
                  "unknown method \"%s\"", method);
    return 0;
}

/* ---- url, allow_hosts ---- */

static int read_rule(struct setup *s, struct http_config *c, const json_t *item)
{
    static const char remedy[] = "write \"example.com\", \"*.example.com\" or \"example.com:8080\"";
    const char *text = json_string_value(item);
    if (text == NULL) {
        setup_problem(s, "allow_hosts", remedy, "expected strings, found %s",
                      jsonx_type_name(item));
        return 0;
    }
    int r = host_rule_read(text, &c->allow_hosts[c->allow_count]);
    if (r == 0)
        c->allow_count++;
    else if (r == URL_E_WRONG)
        setup_problem(s, "allow_hosts", remedy, "\"%s\" is not a host", text);
    return r < 0 ? err_trace(r) : 0;
}

static int read_rules(struct setup *s, struct http_config *c)
{
    const json_t *list = read_container(s, "allow_hosts", JSON_ARRAY);
    size_t count = json_array_size(list);
    if (count > LIST_MAX) {
        setup_problem(s, "allow_hosts", NULL, "more than %d hosts", LIST_MAX);
        return 0;
    }
    c->allow_hosts = mem_array(count, sizeof(*c->allow_hosts));
    int r = c->allow_hosts == NULL ? err_trace(ERR_NOMEM) : 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = read_rule(s, c, json_array_get(list, i));
    return r;
}

/*
 * Any tag before the end of the authority counts, comments too: a rule that looks at text alone
 * cannot be talked out of it. A tag right behind the host ("http://a{{x}}") could still make it
 * longer.
 */
static bool has_templated_host(const char *url)
{
    const char *tag = strstr(url, "{{");
    if (tag == NULL)
        return false;
    size_t before_tag = (size_t)(tag - url);
    size_t end = url_authority_end(url, before_tag);
    return end == 0 || end == before_tag;
}

bool http_host_is_allowed(const struct http_config *c, const struct url_host *host)
{
    for (size_t i = 0; i < c->allow_count; i++)
        if (host_rule_allows(&c->allow_hosts[i], host))
            return true;
    return false;
}

static void check_url(struct setup *s, const struct http_config *c, const char *url)
{
    const char *tag = strstr(url, "{{");
    struct url_host host;
    if (c->has_templated_host) {
        if (setup_json(s, "allow_hosts", false) == NULL)
            setup_problem(s, "url", "add allow_hosts",
                          "a template in scheme, host or port lets clients choose the server");
    } else if (url_read(url, tag != NULL ? (size_t)(tag - url) : strlen(url), &host) != 0) {
        setup_problem(s, "url", "write \"https://host/path\"", "not an http or https address");
    } else if (json_is_array(setup_json(s, "allow_hosts", false)) &&
               !http_host_is_allowed(c, &host)) {
        setup_problem(s, "url", "add it", "its host is not among allow_hosts");
    }
}

static int read_url(struct setup *s, struct http_config *c)
{
    int r = read_rules(s, c);
    if (r == 0)
        r = setup_template(s, "url", true, &c->url);
    if (r != 0)
        return err_trace(r);
    if (c->url == NULL)
        return 0;
    const char *url = json_string_value(setup_json(s, "url", false));
    c->has_templated_host = has_templated_host(url);
    check_url(s, c, url);
    return 0;
}

/* ---- query, headers, body ---- */

/* What frames the message is for the HTTP library alone to say. */
static const char *const framing[] = { "connection", "content-length",
                                       "expect",     "keep-alive",
                                       "te",         "trailer",
                                       "upgrade",    "transfer-encoding" };

/* RFC 9110, 5.6.2 */
static bool is_token(const char *text)
{
    static const char chars[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *text != '\0' && strspn(text, chars) == strlen(text);
}

static bool is_framing(const char *name)
{
    for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
        if (ascii_equal(name, strlen(name), framing[i], strlen(framing[i])))
            return true;
    return false;
}

static bool is_content_type(const char *name)
{
    static const char type[] = "content-type";
    return ascii_equal(name, strlen(name), type, sizeof(type) - 1);
}

static void check_header(struct setup *s, const char *name, const json_t *value)
{
    if (!is_token(name))
        setup_problem(s, "headers", NULL, "\"%s\" is not a header name", name);
    else if (is_framing(name))
        setup_problem(s, "headers", "remove it", "\"%s\" is set by the server itself", name);
    if (!json_is_string(value))
        setup_problem(s, "headers", NULL, "the value of \"%s\" must be a string, found %s", name,
                      jsonx_type_name(value));
}

static int read_headers(struct setup *s, struct http_config *c)
{
    /* jansson walks objects by non-const pointers; nothing is changed. */
    json_t *headers = (json_t *)read_container(s, "headers", JSON_OBJECT);
    const char *name;
    json_t *value;
    if (json_object_size(headers) > HTTP_HEADERS_MAX)
        setup_problem(s, "headers", NULL, "more than %d headers", HTTP_HEADERS_MAX);
    json_object_foreach(headers, name, value)
    {
        check_header(s, name, value);
        c->has_type_header = c->has_type_header || is_content_type(name);
    }
    int r = setup_jtemplate(s, "headers", false, &c->headers);
    return r == 0 ? 0 : err_trace(r);
}

static int read_parts(struct setup *s, struct http_config *c)
{
    (void)read_container(s, "query",
                         JSON_OBJECT); /* for its problem; the template holds the value */
    int r = setup_jtemplate(s, "query", false, &c->query);
    if (r == 0)
        r = read_headers(s, c);
    if (r == 0)
        r = setup_jtemplate(s, "body", false, &c->body);
    return r == 0 ? 0 : err_trace(r);
}

/* ---- parse, select, ok ---- */

static int read_select(struct setup *s, struct http_config *c)
{
    const char *text = setup_string(s, "select", false);
    if (text == NULL)
        return 0;
    if (!c->parses_json)
        setup_problem(s, "select", "remove it, or \"parse\": \"text\"",
                      "only an answer that is parsed as JSON can be selected from");
    int r = path_parse(text, strlen(text), &c->select);
    if (r == PATH_E_SYNTAX)
        setup_problem(s, "select", "write a dotted path such as \"items.0.name\"",
                      "\"%s\" is not a path", text);
    return r < 0 ? err_trace(r) : 0;
}

static int read_parse(struct setup *s, struct http_config *c)
{
    const char *parse = setup_string(s, "parse", false);
    c->parses_json = parse == NULL || strcmp(parse, "text") != 0;
    if (c->parses_json && parse != NULL && strcmp(parse, "json") != 0)
        setup_problem(s, "parse", "use \"json\" or \"text\"", "unknown value \"%s\"", parse);
    return read_select(s, c);
}

/* "2xx", "200-299" or "404". */
static bool parse_range(const char *text, struct status_range *ret)
{
    static const char digits[] = "0123456789";
    size_t len = strlen(text);
    if (len == 3 && strcmp(text + 1, "xx") == 0) {
        *ret = (struct status_range){ (text[0] - '0') * 100, (text[0] - '0') * 100 + 99 };
        return true;
    }
    if (len != 3 && (len != 7 || text[3] != '-'))
        return false;
    const char *last = text + len - 3;
    if (strspn(text, digits) != 3 || strspn(last, digits) != 3)
        return false;
    ret->from = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    ret->to = (last[0] - '0') * 100 + (last[1] - '0') * 10 + (last[2] - '0');
    return true;
}

static bool read_range(const json_t *item, struct status_range *ret)
{
    json_int_t status = json_integer_value(item);
    if (json_is_integer(item) && status >= STATUS_LEAST && status <= STATUS_MOST)
        *ret = (struct status_range){ (int)status, (int)status };
    else if (!json_is_string(item) || !parse_range(json_string_value(item), ret))
        return false;
    return ret->from >= STATUS_LEAST && ret->to <= STATUS_MOST && ret->from <= ret->to;
}

static int read_ok(struct setup *s, struct http_config *c)
{
    const json_t *list = read_container(s, "ok", JSON_ARRAY);
    if (list == NULL)
        return 0;
    size_t count = json_array_size(list);
    if (count == 0 || count > LIST_MAX) {
        setup_problem(s, "ok", NULL, "name 1 to %d statuses, not %zu", LIST_MAX, count);
        return 0;
    }
    c->ok = mem_array(count, sizeof(*c->ok));
    if (c->ok == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < count; i++)
        if (read_range(json_array_get(list, i), &c->ok[c->ok_count]))
            c->ok_count++;
        else
            setup_problem(s, "ok", "write 200, \"2xx\" or \"200-204\"",
                          "element %zu is not a status", i);
    return 0;
}

static int read_fields(struct setup *s, void *config)
{
    static int (*const readers[])(struct setup * s, struct http_config * c) = {
        read_method, read_url, read_parts, read_parse, read_ok,
    };
    struct http_config *c = config;
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        int r = readers[i](s, c);
        if (r != 0)
            return err_trace(r);
    }
    c->max_bytes = setup_int(s, "max_bytes", 1, MAX_BYTES_MOST, 0);
    c->output = setup_field(s, "output", true);
    return 0;
}

/* ---- the contract ---- */

bool http_status_is_ok(const struct http_config *c, int status)
{
    for (size_t i = 0; i < c->ok_count; i++)
        if (status >= c->ok[i].from && status <= c->ok[i].to)
            return true;
    return c->ok_count == 0 && status >= 200 && status <= 299;
}

void http_config_free(void *config)
{
    struct http_config *c = config;
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->allow_count; i++)
        host_rule_deinit(&c->allow_hosts[i]);
    mem_free(c->allow_hosts);
    mem_free(c->method);
    template_free(c->url);
    jtemplate_free(c->query);
    jtemplate_free(c->headers);
    jtemplate_free(c->body);
    path_free(c->select);
    mem_free(c->ok);
    mem_free(c);
}

int http_configure(struct setup *s, void **ret_config)
{
    return kit_configure(s, sizeof(struct http_config), read_fields, http_config_free, ret_config);
}
