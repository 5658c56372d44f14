/* See the header. */
#include "llm/openai_request.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/messages.h"
#include <math.h>
#include <strings.h>

/* ---- the body ---- */

static json_t *system_message(const char *text)
{
    return json_pack("{s:s, s:s}", "role", "system", "content", text);
}

static json_t *messages_new(const struct llm_request *req)
{
    json_t *list = json_array();
    size_t i;
    json_t *message;
    int r = list != NULL ? 0 : -1;
    if (r == 0 && req->system != NULL)
        r = json_array_append_new(list, system_message(req->system));
    json_array_foreach(req->messages, i, message)
    {
        if (r == 0)
            r = json_array_append_new(list, message_to_openai(message));
    }
    if (r == 0)
        return list;
    json_decref(list);
    return NULL;
}

/* What params may override. */
static int set_wishes(json_t *body, const struct llm_request *req)
{
    int r = json_object_set_new(body, "stream_options", json_pack("{s:b}", "include_usage", 1));
    if (r == 0 && !isnan(req->temperature))
        r = json_object_set_new(body, "temperature", json_real(req->temperature));
    if (r == 0 && req->max_tokens > 0)
        r = json_object_set_new(body, "max_tokens", json_integer(req->max_tokens));
    if (r == 0 && json_is_object(req->params))
        r = json_object_update(body, (json_t *)req->params); /* borrows, but takes no const */
    return r;
}

static int set_ours(json_t *body, const struct llm_request *req)
{
    int r = 0;
    (void)json_object_del(body, "model"); /* fails if params have none */
    if (req->model[0] != '\0')
        r = json_object_set_new(body, "model", json_string(req->model));
    if (r == 0)
        r = json_object_set_new(body, "messages", messages_new(req));
    if (r == 0)
        r = json_object_set_new(body, "stream", json_true());
    return r;
}

int openai_body_new(const struct llm_request *req, json_t **ret)
{
    json_t *body = json_object();
    if (body == NULL || set_wishes(body, req) != 0 || set_ours(body, req) != 0) {
        json_decref(body);
        return err_trace(ERR_NOMEM);
    }
    *ret = body;
    return 0;
}

/* ---- the headers ---- */

enum { OUR_COUNT = 3 };

static bool has_header(json_t *headers, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach(headers, key, value)
    {
        if (strcasecmp(key, name) == 0)
            return true;
    }
    return false;
}

static void add(struct openai_headers *h, const char *name, const char *value)
{
    h->items[h->count++] = (struct fetch_header){ .name = name, .value = value };
}

static void add_all(struct openai_headers *h, const struct llm_provider *p)
{
    const struct fetch_header ours[OUR_COUNT] = {
        { "Content-Type", "application/json" },
        { "Accept", "text/event-stream" },
        { "Authorization", h->authorization },
    };
    const char *name;
    json_t *value;
    for (int i = 0; i < OUR_COUNT; i++)
        if (ours[i].value != NULL && !has_header(p->headers, ours[i].name))
            add(h, ours[i].name, ours[i].value);
    json_object_foreach(p->headers, name, value)
    {
        if (json_is_string(value))
            add(h, name, json_string_value(value));
    }
}

int openai_headers_init(struct openai_headers *h, const struct llm_provider *p)
{
    *h = (struct openai_headers){ .count = 0 };
    bool has_key = p->api_key[0] != '\0';
    if (has_key)
        h->authorization = mem_printf("Bearer %s", p->api_key);
    h->items = mem_array(json_object_size(p->headers) + OUR_COUNT, sizeof(*h->items));
    if (h->items == NULL || (has_key && h->authorization == NULL))
        return err_trace(ERR_NOMEM);
    add_all(h, p);
    return 0;
}

void openai_headers_deinit(struct openai_headers *h)
{
    mem_free(h->items);
    mem_free(h->authorization);
}
