/*
 * The setting `providers`: what each may hold, and how it is shown.
 *
 *     {"ollama": {"kind": "openai", "base_url": "http://127.0.0.1:11434/v1"},
 *      "other":  {"kind": "openai", "base_url": "https://example.org/v1",
 *                 "api_key_env": "OTHER_KEY", "headers": {"x-team": "blue"}}}
 */
#include "base/conf_table.h"
#include "base/err.h"
#include "base/jsonx.h"
#include <ctype.h>
#include <string.h>

enum { PROVIDERS_MAX = 100, HEADERS_MAX = 100 };

/* The provider that is being looked at. */
struct look {
    struct conf_job *job;
    const char *provider;
};

static bool is_variable_name(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    while (isalnum((unsigned char)*text) || *text == '_')
        text++;
    return *text == '\0';
}

static bool is_kind(const char *text)
{
    return strcmp(text, "openai") == 0;
}

static bool is_visible(const char *text)
{
    while (isgraph((unsigned char)*text))
        text++;
    return *text == '\0';
}

static bool is_header_name(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) ||
           (text[len] != '\0' && strchr("!#$%&'*+-.^_`|~", text[len]) != NULL))
        len++;
    return len > 0 && text[len] == '\0';
}

static bool is_header_value(const char *text)
{
    while (*text == '\t' || (unsigned char)*text >= 0x80 || isprint((unsigned char)*text))
        text++;
    return *text == '\0';
}

static const struct member {
    const char *name;
    bool (*is_good)(const char *text);
    const char *wanted;
    bool is_required;
} members[] = {
    { "kind", is_kind, "\"openai\"", true },
    { "base_url", conf_is_url, "an http or https address without user, query or fragment", true },
    { "api_key_env", is_variable_name, "the name of an environment variable", false },
    { "api_key", is_visible, "a string of visible ASCII characters", false },
};
enum { MEMBER_COUNT = sizeof(members) / sizeof(*members) };

static void check_header(const struct look *look, const char *name, const json_t *value)
{
    char quoted[CONF_QUOTE_BYTES];
    if (!is_header_name(name))
        conf_complain(look->job, "%s: \"%s\" cannot be the name of a header", look->provider,
                      conf_quote(name, quoted));
    else if (!json_is_string(value) || !is_header_value(json_string_value(value)))
        conf_complain(look->job, "%s: header %s: wanted: a string of one line", look->provider,
                      conf_quote(name, quoted));
}

static void check_headers(const struct look *look, json_t *headers)
{
    const char *name;
    json_t *value;
    if (!json_is_object(headers)) {
        conf_complain(look->job, "%s: headers: wanted: an object of strings", look->provider);
        return;
    }
    if (json_object_size(headers) > HEADERS_MAX)
        conf_complain(look->job, "%s: more than %d headers", look->provider, HEADERS_MAX);
    json_object_foreach(headers, name, value) check_header(look, name, value);
}

static void check_member(const struct look *look, const char *name, json_t *value)
{
    char quoted[CONF_QUOTE_BYTES];
    if (strcmp(name, "headers") == 0) {
        check_headers(look, value);
        return;
    }
    for (int i = 0; i < MEMBER_COUNT; i++) {
        const struct member *m = &members[i];
        if (strcmp(m->name, name) != 0)
            continue;
        if (!json_is_string(value) || !m->is_good(json_string_value(value)))
            conf_complain(look->job, "%s: %s: wanted: %s", look->provider, name, m->wanted);
        return;
    }
    conf_complain(look->job,
                  "%s: unknown key \"%s\"; known: kind, base_url, api_key_env, api_key, headers",
                  look->provider, conf_quote(name, quoted));
}

static void check_members(const struct look *look, json_t *provider)
{
    const char *name;
    json_t *value;
    json_object_foreach(provider, name, value) check_member(look, name, value);
    for (int i = 0; i < MEMBER_COUNT; i++)
        if (members[i].is_required && json_object_get(provider, members[i].name) == NULL)
            conf_complain(look->job, "%s: %s is missing; wanted: %s", look->provider,
                          members[i].name, members[i].wanted);
    const json_t *key = json_object_get(provider, "api_key");
    if (key != NULL && json_object_get(provider, "api_key_env") != NULL)
        conf_complain(look->job, "%s: api_key and api_key_env exclude each other", look->provider);
    if (key != NULL && look->job->origin == CONF_FROM_FLAG)
        conf_complain(look->job,
                      "%s: no api_key on the command line, where every user can see it; "
                      "use api_key_env",
                      look->provider);
}

static void check_provider(struct conf_job *job, const char *name, json_t *provider)
{
    char quoted[CONF_QUOTE_BYTES];
    const struct look look = { .job = job, .provider = conf_quote(name, quoted) };
    if (!conf_is_provider_name(name, strlen(name)))
        conf_complain(job, "\"%s\" cannot be a name; wanted: a-z, 0-9, _ and -", look.provider);
    else if (strcmp(name, "demo") == 0)
        conf_complain(job, "demo is built in; choose another name");
    else if (!json_is_object(provider))
        conf_complain(job, "%s: wanted: an object", look.provider);
    else
        check_members(&look, provider);
}

int conf_check_providers(struct conf_job *job, const json_t *providers)
{
    json_t *object = (json_t *)providers; /* jansson's iterators take no const */
    const char *name;
    json_t *provider;
    if (!json_is_object(providers)) {
        conf_complain(job, "wanted: an object of name to provider");
        return 0;
    }
    if (json_object_size(providers) > PROVIDERS_MAX)
        conf_complain(job, "more than %d providers", PROVIDERS_MAX);
    json_object_foreach(object, name, provider) check_provider(job, name, provider);
    return job->problems->fault < 0 ? err_trace(job->problems->fault) : 0;
}

static void add_key(struct buf *out, char before, const char *key)
{
    (void)buf_add_char(out, before); /* sticky, as everywhere below */
    jsonx_encode_string(key, strlen(key), out);
    (void)buf_add_char(out, ':');
}

static void encode_headers(json_t *headers, struct buf *out)
{
    const char *name;
    json_t *value;
    char before = '{';
    json_object_foreach(headers, name, value)
    {
        add_key(out, before, name);
        (void)buf_add_str(out, "\"****\"");
        before = ',';
    }
    (void)buf_add_str(out, before == '{' ? "{}" : "}");
}

static void encode_provider(json_t *provider, struct buf *out)
{
    const char *name;
    json_t *value;
    char before = '{';
    json_object_foreach(provider, name, value)
    {
        add_key(out, before, name);
        if (strcmp(name, "headers") == 0)
            encode_headers(value, out);
        else if (strcmp(name, "api_key") == 0)
            (void)buf_add_str(out, "\"****\"");
        else
            jsonx_encode(value, out);
        before = ',';
    }
    (void)buf_add_str(out, before == '{' ? "{}" : "}");
}

void conf_encode_providers(json_t *providers, struct buf *out)
{
    const char *name;
    json_t *provider;
    char before = '{';
    json_object_foreach(providers, name, provider)
    {
        add_key(out, before, name);
        encode_provider(provider, out);
        before = ',';
    }
    (void)buf_add_str(out, before == '{' ? "{}" : "}");
}
