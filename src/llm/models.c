/*
 * The providers that are configured: `demo` and `openai` always, and what the setting `providers`
 * names. An entry called "openai" takes the place of the built-in one and inherits what it leaves
 * out.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "llm/table.h"
#include <stdio.h>
#include <string.h>

#define OPENAI_URL "https://api.openai.com/v1" /* the one address that is known to want a key */

enum { SENTENCE_BYTES = 400, NAME_SHOWN_BYTES = 80 };

struct llm_models {
    const struct conf *conf;
    struct loop *loop;
    struct fetcher *fetcher;
    struct llm_provider *items;
    size_t count;
};

/* A provider before its strings are copied. */
struct draft {
    const char *name;
    const char *kind;
    const char *base_url;
    const char *api_key;
    const char *key_env;
    const json_t *headers;
    bool needs_key;
};

static struct llm_provider *find(const struct llm_models *m, const char *name, size_t name_len)
{
    for (size_t i = 0; i < m->count; i++)
        if (strlen(m->items[i].name) == name_len && memcmp(m->items[i].name, name, name_len) == 0)
            return &m->items[i];
    return NULL;
}

static void provider_deinit(struct llm_provider *p)
{
    mem_free(p->name);
    mem_free(p->base_url);
    mem_free(p->api_key);
    mem_free(p->key_env);
    json_decref(p->headers);
}

static char *without_slashes(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    return mem_strndup(url, len);
}

static int provider_init(struct llm_provider *p, const struct llm_models *m, const struct draft *d)
{
    *p = (struct llm_provider){
        .name = mem_strdup(d->name),
        .kind = llm_kind_find(d->kind),
        .base_url = without_slashes(d->base_url),
        .api_key = mem_strdup(d->api_key),
        .key_env = mem_strdup(d->key_env),
        .headers = d->headers != NULL ? json_deep_copy(d->headers) : NULL,
        .conf = m->conf,
        .loop = m->loop,
        .fetcher = m->fetcher,
    };
    bool is_whole = p->name != NULL && p->base_url != NULL && p->api_key != NULL &&
                    (p->key_env != NULL || d->key_env == NULL) &&
                    (p->headers != NULL || d->headers == NULL);
    if (!is_whole) {
        provider_deinit(p);
        return ERR_NOMEM;
    }
    p->needs_key = d->needs_key || strcmp(p->base_url, OPENAI_URL) == 0;
    return 0;
}

/* Of two with one name the later one stays. There is room for all. */
static int add(struct llm_models *m, const struct draft *d)
{
    struct llm_provider fresh;
    int r = provider_init(&fresh, m, d);
    if (r != 0)
        return r;
    struct llm_provider *old = find(m, d->name, strlen(d->name));
    if (old != NULL)
        provider_deinit(old);
    else
        old = &m->items[m->count++];
    *old = fresh;
    return 0;
}

static const char *env_find(char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; env != NULL && *env != NULL; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return "";
}

static const char *string_of(const json_t *entry, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(entry, key));
    return text != NULL ? text : fallback;
}

static struct draft draft_openai(const struct conf *conf)
{
    return (struct draft){ .name = "openai",
                           .kind = "openai",
                           .base_url = conf->openai_base_url,
                           .api_key = conf->openai_api_key,
                           .key_env = "OPENAI_API_KEY" };
}

/* The key of the built-in provider never goes to another name. */
static struct draft draft_entry(const struct conf *conf, const char *name, const json_t *entry,
                                char *const *env)
{
    struct draft d = { .base_url = OPENAI_URL, .api_key = "" };
    if (strcmp(name, "openai") == 0)
        d = draft_openai(conf);
    d.name = name;
    d.kind = string_of(entry, "kind", "openai");
    d.base_url = string_of(entry, "base_url", d.base_url);
    d.headers = json_object_get(entry, "headers");
    const char *key_env = string_of(entry, "api_key_env", NULL);
    if (key_env != NULL) {
        d.key_env = key_env;
        d.api_key = env_find(env, key_env);
        d.needs_key = true;
    }
    const char *api_key = string_of(entry, "api_key", NULL);
    if (api_key != NULL) {
        d.key_env = NULL;
        d.api_key = api_key;
    }
    return d;
}

static int add_all(struct llm_models *m, char *const *env)
{
    static const struct draft demo = { "demo", "demo", "", "", NULL, NULL, false };
    struct draft openai = draft_openai(m->conf);
    json_t *entries = m->conf->providers;
    const char *name;
    json_t *entry;
    int r = add(m, &demo);
    if (r == 0)
        r = add(m, &openai);
    json_object_foreach(entries, name, entry)
    {
        struct draft d = draft_entry(m->conf, name, entry, env);
        /* The settings were checked (conf_providers.c); what an embedder puts past them is unknown
         * later, not a crash. */
        if (r == 0 && llm_kind_find(d.kind) != NULL)
            r = add(m, &d);
    }
    return r;
}

int llm_models_new(const struct conf *conf, struct loop *loop, struct fetcher *fetcher,
                   char *const *env, struct llm_models **ret)
{
    struct llm_models *m = mem_zalloc(sizeof(*m));
    if (m == NULL)
        return err_trace(ERR_NOMEM);
    *m = (struct llm_models){ .conf = conf, .loop = loop, .fetcher = fetcher };
    m->items = mem_array(json_object_size(conf->providers) + 2, sizeof(*m->items));
    int r = m->items != NULL ? add_all(m, env) : ERR_NOMEM;
    if (r != 0) {
        llm_models_free(m);
        return err_trace(r);
    }
    *ret = m;
    return 0;
}

struct llm_models *llm_models_free(struct llm_models *m)
{
    if (m == NULL)
        return NULL;
    for (size_t i = 0; i < m->count; i++)
        provider_deinit(&m->items[i]);
    mem_free(m->items);
    return mem_free(m);
}

/* ---- which provider ---- */

static void list_names(const struct llm_models *m, char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < m->count && len < size; i++) {
        int n = snprintf(text + len, size - len, "%s%s", i > 0 ? ", " : "", m->items[i].name);
        len += n > 0 ? (size_t)n : 0;
    }
}

/* How much of a model's name is shown: all, or up to a border between two characters. */
static int shown_bytes(const char *model)
{
    size_t len = strlen(model);
    return (int)jsonx_utf8_prefix(model, len < NAME_SHOWN_BYTES ? len : NAME_SHOWN_BYTES);
}

static void say_unknown(const struct llm_models *m, const char *model, char *text, size_t size)
{
    char names[SENTENCE_BYTES / 2];
    char hint[NAME_SHOWN_BYTES + 40] = "";
    size_t len = strlen(model);
    list_names(m, names, sizeof(names));
    if (len > 0 && len <= NAME_SHOWN_BYTES && strchr(model, ':') == NULL)
        (void)snprintf(hint, sizeof(hint), " (did you mean \"openai:%s\"?)", model); /* fits */
    (void)snprintf(text, size, "model \"%.*s\" names no known provider%s; known are: %s",
                   shown_bytes(model), model, hint, names); /* may be cut */
}

static void say_no_key(const struct llm_provider *p, const char *model, char *text, size_t size)
{
    if (p->key_env != NULL)
        (void)snprintf(text, size, "model \"%.*s\" needs a key: set %s, or name another model",
                       shown_bytes(model), model, p->key_env);
    else
        (void)snprintf(text, size,
                       "model \"%.*s\" needs a key: give provider %s an api_key_env, or name "
                       "another model",
                       shown_bytes(model), model, p->name); /* may be cut, as above */
}

/* NULL: it cannot be called, and text says why. */
static const struct llm_provider *find_callable(const struct llm_models *m, const char *model,
                                                char *text, size_t size)
{
    const struct llm_provider *p = find(m, model, strcspn(model, ":"));
    if (p != NULL && (!p->needs_key || p->api_key[0] != '\0'))
        return p;
    if (p == NULL)
        say_unknown(m, model, text, size);
    else
        say_no_key(p, model, text, size);
    return NULL;
}

int llm_model_check(const struct llm_models *m, const char *model, char *text, size_t text_size)
{
    return find_callable(m, model, text, text_size) != NULL ? 0 : LLM_E_MODEL;
}

void llm_model_provider(const char *model, char *ret, size_t ret_size)
{
    (void)snprintf(ret, ret_size, "%.*s", (int)strcspn(model, ":"), model); /* may be cut */
}

/* ---- calls ---- */

/* A call that cannot be made. It ends like any other: later, and once. */
struct refused_call {
    struct llm_call base;
    struct op op;
    struct fail fail;
    void (*on_end)(void *arg, const struct fail *f);
    void *arg;
};

static void cancel_refused(struct llm_call *call)
{
    struct refused_call *c = (void *)call;
    fail_set(&c->fail, FAIL_CANCELLED, "the model call was cancelled");
}

static void end_refused(void *arg, int result)
{
    struct refused_call *c = arg;
    (void)result; /* the failure says it all */
    c->on_end(c->arg, &c->fail);
    fail_clear(&c->fail);
    mem_free(c);
}

static int refuse(struct loop *loop, const struct llm_request *req, const char *text,
                  struct llm_call **ret)
{
    struct refused_call *c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return err_trace(ERR_NOMEM);
    c->base.cancel = cancel_refused;
    c->on_end = req->on_end;
    c->arg = req->arg;
    fail_set(&c->fail, FAIL_NO_PROVIDER, "%s", text);
    op_start(&c->op, loop, NULL, end_refused, c);
    op_finish(&c->op, 0);
    *ret = &c->base;
    return 0;
}

int llm_start(struct llm_models *m, const char *model, const struct llm_request *req,
              struct llm_call **ret)
{
    char text[SENTENCE_BYTES];
    const struct llm_provider *p = find_callable(m, model, text, sizeof(text));
    if (p == NULL)
        return refuse(m->loop, req, text, ret);
    const char *colon = strchr(model, ':');
    struct llm_request named = *req;
    named.model = colon != NULL ? colon + 1 : "";
    int r = p->kind->start(p, &named, ret);
    return r != 0 ? err_trace(r) : 0;
}

void llm_cancel(struct llm_call *call)
{
    call->cancel(call);
}
