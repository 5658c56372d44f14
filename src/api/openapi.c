/*
 * The document is made of three things: the rows of the route table with what there is to say of
 * each (api/about.h), the tables that bodies and queries are checked by (api/type.h), and the shapes
 * of answers (answers.json, part of the binary). JSON is put together with a sticky flag in struct
 * doc.
 */
#include "api/openapi.h"
#include "anabranch.h"
#include "answers.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { ANSWERS_DEPTH_MAX = 50, STATUS_TEXT_BYTES = 12 };

struct doc {
    json_t *root;
    bool is_bad; /* no memory */
};

static void put(struct doc *d, json_t *object, const char *key, json_t *take)
{
    if (json_object_set_new(object, key, take) != 0)
        d->is_bad = true;
}

static void push(struct doc *d, json_t *array, json_t *take)
{
    if (json_array_append_new(array, take) != 0)
        d->is_bad = true;
}

/* The object under a key, which is made if it is not there; borrowed. */
static json_t *open_object(struct doc *d, json_t *object, const char *key)
{
    if (json_object_get(object, key) == NULL)
        put(d, object, key, json_object());
    return json_object_get(object, key);
}

/* To a schema; what follows a ']' in its name is none of it. */
static json_t *ref_new(const char *name)
{
    return json_pack("{s:o}", "$ref",
                     json_sprintf("#/components/schemas/%.*s", (int)strcspn(name, "]"), name));
}

/* ---- answers ---- */

/* Takes schema; NULL: there was no memory for it. */
static void add_content(struct doc *d, json_t *response, const char *type, json_t *schema)
{
    json_t *content = open_object(d, response, "content");

    put(d, content, type, json_pack("{s:o}", "schema", schema));
}

static json_t *response_of(struct doc *d, json_t *responses, int status, const char *sentence)
{
    char text[STATUS_TEXT_BYTES];

    (void)snprintf(text, sizeof(text), "%d", status); /* it fits */
    json_t *response = open_object(d, responses, text);
    if (json_object_get(response, "description") == NULL)
        put(d, response, "description", json_string(sentence));
    return response;
}

static void add_answer(struct doc *d, json_t *responses, const struct route_answer *answer)
{
    json_t *response = response_of(d, responses, answer->status, "done");
    const char *form = answer->form;

    if (form == NULL)
        return;
    if (strcmp(form, "text/event-stream") == 0)
        add_content(d, response, form, ref_new("Event"));
    else if (strchr(form, '/') != NULL)
        add_content(d, response, form, json_pack("{s:s}", "type", "string"));
    else if (form[0] == '[')
        add_content(d, response, "application/json",
                    json_pack("{s:s, s:o}", "type", "array", "items", ref_new(form + 1)));
    else
        add_content(d, response, "application/json", ref_new(form));
}

/* ---- failures ---- */

static const struct {
    int status;
    const char *sentence;
    unsigned when;  /* flags of the route's about; 0: always */
    unsigned flags; /* flags of the row; 0: always */
    bool needs_key; /* only where a key may be needed */
} failures[] = {
    { 400, "the request is not understood", 0, 0, false },
    { 401, "a valid key is required", 0, 0, true },
    { 403, "not from this page, host or machine", 0, 0, false },
    { 404, "there is no such thing", FAILS_404, 0, false },
    { 408, "the request came too slowly", 0, 0, false },
    { 409, "this contradicts the present state", FAILS_409, 0, false },
    { 413, "the body is too large", 0, 0, false },
    { 415, "the body is not JSON by its type", 0, ROUTE_BODY, false },
    { 422, "understood, but it cannot be done here", 0, ROUTE_BODY, false },
    { 422, "understood, but it cannot be done here", FAILS_422, 0, false },
    { 431, "the address and the headers are too large", 0, 0, false },
    { 500, "the server or a node failed", 0, 0, false },
    { 502, "something that a node asked failed", FAILS_502, 0, false },
    { 503, "the server is full or stopping", 0, 0, false },
    { 504, "a time limit passed", FAILS_502, 0, false },
};

static json_t *failure_new(struct doc *d, const char *sentence, bool is_protocol)
{
    json_t *response = json_pack("{s:s}", "description", sentence);

    if (is_protocol) {
        add_content(d, response, "text/plain", ref_new("Sentence"));
        add_content(d, response, "application/json", ref_new("Detail"));
    } else
        add_content(d, response, "application/json", ref_new("Error"));
    return response;
}

/* One for each status and shape, since most routes have most of them. */
static void add_failure(struct doc *d, json_t *responses, const struct http_route *route, size_t i)
{
    bool is_protocol = (route->flags & ROUTE_PROTOCOL) != 0;
    char status[STATUS_TEXT_BYTES], name[32];

    (void)snprintf(status, sizeof(status), "%d", failures[i].status);
    (void)snprintf(name, sizeof(name), "%s%s", is_protocol ? "Protocol" : "", status);
    if (json_object_get(responses, status) != NULL)
        return; /* it stands there as an answer */
    json_t *all = json_object_get(json_object_get(d->root, "components"), "responses");
    if (json_object_get(all, name) == NULL)
        put(d, all, name, failure_new(d, failures[i].sentence, is_protocol));
    put(d, responses, status,
        json_pack("{s:o}", "$ref", json_sprintf("#/components/responses/%s", name)));
}

static bool can_fail(const struct http_route *route, size_t i)
{
    return (failures[i].when == 0 || (route->about->fails & failures[i].when) != 0) &&
           (failures[i].flags == 0 || (route->flags & failures[i].flags) != 0) &&
           (!failures[i].needs_key || (route->flags & ROUTE_OPEN) == 0);
}

static json_t *responses_new(struct doc *d, const struct http_route *route)
{
    json_t *responses = json_object();

    for (const struct route_answer *a = route->about->answers; a->status != 0; a++)
        add_answer(d, responses, a);
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (can_fail(route, i))
            add_failure(d, responses, route, i);
    }
    return responses;
}

/* ---- what is asked ---- */

static json_t *parameter_new(const char *name, const char *in, const struct type *type)
{
    bool is_path = strcmp(in, "path") == 0;
    json_t *parameter = json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", in, "required",
                                  is_path, "schema", type_schema(type));

    return parameter;
}

static void add_path_values(struct doc *d, json_t *parameters, const char *path)
{
    char name[64];

    for (const char *at = path; (at = strchr(at, '{')) != NULL; at++) {
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "}"), at + 1);
        push(d, parameters, parameter_new(name, "path", about_path_type(name)));
    }
}

static json_t *parameters_new(struct doc *d, const struct http_route *route)
{
    json_t *parameters = json_array();
    const struct query_key *key = route->about->query;

    add_path_values(d, parameters, route->path);
    for (; key != NULL && key->name != NULL; key++)
        push(d, parameters, parameter_new(key->name, "query", key->type));
    return parameters;
}

/* That one of its keys is there, and not null. */
static void require_one(struct doc *d, json_t *schema, const char *const *needs)
{
    json_t *ways = json_array();

    for (size_t i = 0; needs[i] != NULL; i++)
        push(d, ways,
             json_pack("{s:[s], s:{s:{s:{s:s}}}}", "required", needs[i], "properties", needs[i],
                       "not", "type", "null"));
    put(d, schema, "anyOf", ways);
}

static void require(struct doc *d, json_t *schema, const char *needed)
{
    json_t *members = json_object_get(schema, "properties");
    json_t *type = json_object_get(json_object_get(members, needed), "type");

    if (json_array_size(type) > 1)
        (void)json_array_remove(type, 1); /* null, which is what absent is */
    put(d, schema, "required", json_pack("[s]", needed));
}

static json_t *body_new(struct doc *d, const struct route_about *about)
{
    json_t *schema = type_keys_schema(about->keys);

    if (about->needs[0] != NULL && about->needs[1] != NULL)
        require_one(d, schema, about->needs);
    else if (about->needs[0] != NULL)
        require(d, schema, about->needs[0]);
    if (about->is_list)
        schema = json_pack("{s:s, s:i, s:o}", "type", "array", "minItems", 1, "items", schema);
    return json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", "application/json", "schema",
                     schema);
}

/* ---- one route ---- */

/* "get_threads_thread_id_state" */
static json_t *operation_id_new(const struct http_route *route)
{
    char id[160];
    size_t len = 0;

    for (const char *at = route->method; *at != '\0' && len < sizeof(id) - 1; at++)
        id[len++] = (char)tolower((unsigned char)*at);
    for (const char *at = route->path; *at != '\0' && len < sizeof(id) - 1; at++) {
        if (isalnum((unsigned char)*at) || *at == '_')
            id[len++] = *at;
        else if (*at == '/' || *at == '.')
            id[len++] = '_';
    }
    return json_stringn(id, len);
}

static json_t *tag_new(const struct http_route *route)
{
    return json_stringn(route->path + 1, strcspn(route->path + 1, "/"));
}

static json_t *operation_new(struct doc *d, const struct http_route *route)
{
    const struct route_about *about = route->about;
    json_t *operation =
        json_pack("{s:s, s:o, s:[o], s:o, s:o}", "summary", about->summary, "operationId",
                  operation_id_new(route), "tags", tag_new(route), "parameters",
                  parameters_new(d, route), "responses", responses_new(d, route));

    if (about->keys != NULL)
        put(d, operation, "requestBody", body_new(d, about));
    if ((route->flags & ROUTE_OPEN) != 0)
        put(d, operation, "security", json_array());
    return operation;
}

static void add_route(struct doc *d, json_t *paths, const struct http_route *route)
{
    char method[16];
    size_t len = 0;

    for (; route->method[len] != '\0' && len < sizeof(method) - 1; len++)
        method[len] = (char)tolower((unsigned char)route->method[len]);
    method[len] = '\0';
    put(d, open_object(d, paths, route->path), method, operation_new(d, route));
}

/* ---- the whole ---- */

static json_t *answers_new(void)
{
    struct jsonx_error error;
    json_t *answers = NULL;

    return jsonx_parse(answers_text, strlen(answers_text), ANSWERS_DEPTH_MAX, &answers, &error) == 0
               ? answers
               : NULL;
}

/* Without keys in the settings none is needed: the first alternative. */
static json_t *frame_new(void)
{
    return json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:[{}, {s:[]}, {s:[]}], s:{}, s:{s:{}, s:o, s:{s:{s:s, "
        "s:s, s:s}, s:{s:s, s:s}}}}",
        "openapi", "3.1.0", "info", "title", "anabranch", "version", anabranch_version(),
        "description", "Runs LLM agent graphs and speaks the LangGraph server protocol.",
        "security", "key", "bearer", "paths", "components", "responses", "schemas", answers_new(),
        "securitySchemes", "key", "type", "apiKey", "in", "header", "name", "x-api-key", "bearer",
        "type", "http", "scheme", "bearer");
}

json_t *openapi_document(const struct http_route *routes, size_t route_count, unsigned hidden)
{
    struct doc d = { .root = frame_new() };
    json_t *paths = json_object_get(d.root, "paths");

    d.is_bad = d.root == NULL;
    for (size_t i = 0; !d.is_bad && i < route_count; i++) {
        if ((routes[i].flags & hidden) == 0 && routes[i].about != NULL)
            add_route(&d, paths, &routes[i]);
    }
    if (!d.is_bad)
        return d.root;
    json_decref(d.root);
    return NULL;
}

/* ---- the route ---- */

void handle_openapi(struct req *req)
{
    const struct api *api = req_app(req);
    unsigned hidden = api->services->conf->test_routes ? 0 : ROUTE_TEST;

    reply_json_take(req, 200, openapi_document(api_routes, api_route_count, hidden));
}

const struct route_about about_openapi = {
    .summary = "This document",
    .answers = { { 200, "Schema" } },
};
