/*
 * Every input form is first brought to a type and an object of parts, then one routine lays the
 * parts out in wire order:
 *
 *     "hi"                            human, {"content":"hi"}
 *     ["ai","hi"]                     ai, {"content":"hi"}
 *     {"role"|"type":T, ...}          T, the object itself
 *     {"type":T,"data":{...}}         T, data                   (LangChain's stored form)
 *     {"lc":1,"id":[..,T],"kwargs"}   T, kwargs                 (LangChain's constructor form)
 *
 * Which parts a type has, and what stands in for an absent one, is the table `parts`. A flat
 * message comes out equal.
 */
#include "graph/coerce.h"
#include "base/err.h"
#include "base/id.h"
#include "base/jsonx.h"
#include "graph/messages.h"
#include "graph/tool_calls.h"
#include <string.h>

static const char *const type_names[] = {
    [MESSAGE_HUMAN] = "human",       [MESSAGE_AI] = "ai",
    [MESSAGE_SYSTEM] = "system",     [MESSAGE_TOOL] = "tool",
    [MESSAGE_FUNCTION] = "function", [MESSAGE_REMOVE] = "remove",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Besides the names above: roles of providers, and LangChain's class names. */
static const struct alias {
    const char *name;
    enum message_type type;
} aliases[] = {
    { "user", MESSAGE_HUMAN },
    { "assistant", MESSAGE_AI },
    { "developer", MESSAGE_SYSTEM },
    { "HumanMessage", MESSAGE_HUMAN },
    { "HumanMessageChunk", MESSAGE_HUMAN },
    { "AIMessage", MESSAGE_AI },
    { "AIMessageChunk", MESSAGE_AI },
    { "SystemMessage", MESSAGE_SYSTEM },
    { "SystemMessageChunk", MESSAGE_SYSTEM },
    { "ToolMessage", MESSAGE_TOOL },
    { "ToolMessageChunk", MESSAGE_TOOL },
    { "FunctionMessage", MESSAGE_FUNCTION },
    { "FunctionMessageChunk", MESSAGE_FUNCTION },
    { "RemoveMessage", MESSAGE_REMOVE },
};

enum fill { FILL_NOTHING, FILL_OBJECT, FILL_ARRAY, FILL_SUCCESS, FILL_REFUSED };

/* Between content and id, in wire order. Only the types in `types` have the part; elsewhere it is
 * an extra key like any other. */
static const struct part {
    const char *name;
    unsigned types; /* bit 1 << enum message_type */
    json_type json;
    enum fill fill;
} parts[] = {
    { "additional_kwargs", ~0u, JSON_OBJECT, FILL_OBJECT },
    { "response_metadata", ~0u, JSON_OBJECT, FILL_OBJECT },
    { "tool_call_chunks", 1u << MESSAGE_AI, JSON_ARRAY, FILL_NOTHING },
    { "tool_calls", 1u << MESSAGE_AI, JSON_ARRAY, FILL_ARRAY },
    { "invalid_tool_calls", 1u << MESSAGE_AI, JSON_ARRAY, FILL_ARRAY },
    { "usage_metadata", 1u << MESSAGE_AI, JSON_OBJECT, FILL_NOTHING },
    { "tool_call_id", 1u << MESSAGE_TOOL, JSON_STRING, FILL_REFUSED },
    { "status", 1u << MESSAGE_TOOL, JSON_STRING, FILL_SUCCESS },
    { "name", ~0u, JSON_STRING, FILL_NOTHING },
};

/* A message on its way. */
struct draft {
    enum message_type type;
    json_t *in;  /* the parts as they came; owned */
    json_t *out; /* owned */
    struct fail *f;
};

static int refuse_found(struct fail *f, const char *expected, const json_t *found)
{
    fail_set(f, FAIL_INVALID_UPDATE, "%s, found %s", expected, message_found_word(found));
    return MESSAGES_E_REFUSED;
}

static int find_type(const char *name)
{
    for (size_t i = 0; i < COUNT(type_names); i++)
        if (strcmp(type_names[i], name) == 0)
            return (int)i;
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (strcmp(aliases[i].name, name) == 0)
            return (int)aliases[i].type;
    return -1;
}

/* What a JSON null stands for in every part: nothing. */
static json_t *part_of(const json_t *object, const char *name)
{
    json_t *part = json_object_get(object, name);
    return json_is_null(part) ? NULL : part;
}

int message_type_of(const json_t *message)
{
    const char *name = json_string_value(json_object_get(message, "type"));
    for (size_t i = 0; name != NULL && i < COUNT(type_names); i++)
        if (strcmp(type_names[i], name) == 0)
            return (int)i;
    return -1;
}

const char *message_id(const json_t *message)
{
    const char *id = json_string_value(json_object_get(message, "id"));
    return id != NULL ? id : "";
}

const char *message_found_word(const json_t *found)
{
    return found != NULL ? jsonx_type_name(found) : "nothing";
}

bool message_is_flat(const json_t *json)
{
    return message_type_of(json) >= 0 && message_id(json)[0] != '\0' &&
           json_object_get(json, "content") != NULL;
}

static int set_type(struct draft *d, const json_t *name)
{
    if (!json_is_string(name))
        return refuse_found(d->f, "a message needs a role or a type that is a string", name);
    const char *text = json_string_value(name);
    int type = find_type(text);
    if (type < 0) {
        enum { QUOTED_BYTES = 40 };
        size_t len = json_string_length(name);
        len = jsonx_utf8_prefix(text, len < QUOTED_BYTES ? len : QUOTED_BYTES);
        fail_set(d->f, FAIL_INVALID_UPDATE,
                 "\"%.*s\" is no message type; there are human, ai, system, tool, function and "
                 "remove, and the roles user, assistant and developer",
                 (int)len, text);
        return MESSAGES_E_REFUSED;
    }
    d->type = (enum message_type)type;
    return 0;
}

static int read_content(struct draft *d, const json_t *type, const json_t *content)
{
    d->in = json_pack("{s:O}", "content", content);
    return d->in == NULL ? err_trace(ERR_NOMEM) : set_type(d, type);
}

static int read_string(struct draft *d, const json_t *text)
{
    d->type = MESSAGE_HUMAN;
    d->in = json_pack("{s:O}", "content", text);
    return d->in == NULL ? err_trace(ERR_NOMEM) : 0;
}

static int read_pair(struct draft *d, const json_t *pair)
{
    if (json_array_size(pair) == 2)
        return read_content(d, json_array_get(pair, 0), json_array_get(pair, 1));
    fail_set(d->f, FAIL_INVALID_UPDATE,
             "a message given as an array is a pair of role and content, found %zu elements",
             json_array_size(pair));
    return MESSAGES_E_REFUSED;
}

static int read_object(struct draft *d, const json_t *object)
{
    json_t *kwargs = json_object_get(object, "kwargs");
    json_t *data = json_object_get(object, "data");
    json_t *role = part_of(object, "role");
    json_t *type = role != NULL ? role : json_object_get(object, "type");
    if (json_object_get(object, "lc") != NULL && json_is_object(kwargs)) {
        const json_t *path = json_object_get(object, "id");
        d->in = json_incref(kwargs);
        return set_type(d, json_array_get(path, json_array_size(path) - 1));
    }
    bool is_stored = json_is_object(data) && json_object_get(object, "content") == NULL;
    d->in = json_incref(is_stored ? data : (json_t *)object);
    return set_type(d, type);
}

static int read_any(struct draft *d, const json_t *any)
{
    if (json_is_string(any))
        return read_string(d, any);
    if (json_is_array(any))
        return read_pair(d, any);
    if (json_is_object(any))
        return read_object(d, any);
    return refuse_found(d->f, "a message is a string, a pair of role and content, or an object",
                        any);
}

static int refuse_content(struct draft *d, const json_t *found)
{
    return refuse_found(d->f, "the content of a message is a string or an array of blocks", found);
}

/* Providers answer null where there are only tool calls, and a removal has nothing to say. */
static bool may_lack_content(enum message_type type)
{
    return type == MESSAGE_AI || type == MESSAGE_REMOVE;
}

static int put_content(struct draft *d)
{
    json_t *content = part_of(d->in, "content");
    if (content == NULL && may_lack_content(d->type))
        return json_object_set_new(d->out, "content", json_string("")) ? ERR_NOMEM : 0;
    if (!json_is_string(content) && !json_is_array(content))
        return refuse_content(d, json_object_get(d->in, "content"));
    size_t i;
    json_t *block;
    json_array_foreach(content, i, block) {
        if (!json_is_string(block) && !json_is_object(block))
            return refuse_found(d->f, "a block of content is a string or an object", block);
    }
    return json_object_set(d->out, "content", content) ? ERR_NOMEM : 0;
}

static bool has_part(const struct part *p, enum message_type type)
{
    return (p->types >> type & 1u) != 0;
}

static json_t *filled(enum fill fill)
{
    switch (fill) {
    case FILL_OBJECT:
        return json_object();
    case FILL_ARRAY:
        return json_array();
    case FILL_SUCCESS:
        return json_string("success");
    case FILL_NOTHING:
    case FILL_REFUSED:
        break;
    }
    return NULL;
}

static int put_part(struct draft *d, const struct part *p)
{
    json_t *part = part_of(d->in, p->name);
    if (part == NULL && p->fill == FILL_NOTHING)
        return 0;
    if (part == NULL && p->fill != FILL_REFUSED)
        return json_object_set_new(d->out, p->name, filled(p->fill)) ? ERR_NOMEM : 0;
    if (part == NULL || json_typeof(part) != p->json) {
        fail_set(d->f, FAIL_INVALID_UPDATE, "%s of a %s message is %s, found %s", p->name,
                 type_names[d->type],
                 p->json == JSON_STRING  ? "a string"
                 : p->json == JSON_ARRAY ? "an array"
                                         : "an object",
                 message_found_word(part));
        return MESSAGES_E_REFUSED;
    }
    return json_object_set(d->out, p->name, part) ? ERR_NOMEM : 0;
}

static int put_parts(struct draft *d)
{
    int r = put_content(d);
    for (size_t i = 0; r == 0 && i < COUNT(parts); i++)
        if (has_part(&parts[i], d->type))
            r = put_part(d, &parts[i]);
    if (r == 0 && d->type == MESSAGE_AI)
        r = tool_calls_flatten(d->out, d->f);
    return r;
}

static bool is_extra(const struct draft *d, const char *key)
{
    static const char *const handled[] = { "content", "role", "type", "id" };
    for (size_t i = 0; i < COUNT(handled); i++)
        if (strcmp(key, handled[i]) == 0)
            return false;
    for (size_t i = 0; i < COUNT(parts); i++)
        if (has_part(&parts[i], d->type) && strcmp(key, parts[i].name) == 0)
            return false;
    return true;
}

static int put_extras(struct draft *d)
{
    const char *key;
    json_t *extra;
    json_object_foreach(d->in, key, extra) {
        if (is_extra(d, key) && json_object_set(d->out, key, extra) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

/* The id a client gave, or a new one; integers are taken because other servers take them. */
static json_t *id_for(const json_t *given)
{
    char id[ID_BYTES];
    if (json_is_integer(given))
        return json_sprintf("%lld", (long long)json_integer_value(given));
    if (json_string_length(given) > 0)
        return json_incref((json_t *)given);
    id_v4(id);
    return json_string(id);
}

static int put_id_and_type(struct draft *d)
{
    json_t *id = part_of(d->in, "id");
    if (id != NULL && !json_is_string(id) && !json_is_integer(id))
        return refuse_found(d->f, "the id of a message is a string", id);
    if (d->type == MESSAGE_REMOVE &&
        (id == NULL || (json_is_string(id) && json_string_length(id) == 0))) {
        fail_set(d->f, FAIL_INVALID_UPDATE,
                 "a remove message needs the id of the message to remove");
        return MESSAGES_E_REFUSED;
    }
    if (json_object_set_new(d->out, "id", id_for(id)) != 0 ||
        json_object_set_new(d->out, "type", json_string(type_names[d->type])) != 0)
        return err_trace(ERR_NOMEM);
    return 0;
}

static int lay_out(struct draft *d)
{
    d->out = json_object();
    int r = d->out == NULL ? ERR_NOMEM : put_parts(d);
    if (r == 0)
        r = put_extras(d);
    if (r == 0)
        r = put_id_and_type(d);
    return r;
}

int message_coerce(const json_t *any, json_t **ret, struct fail *f)
{
    struct draft d = { .f = f };
    int r = read_any(&d, any);
    if (r == 0)
        r = lay_out(&d);
    if (r == 0)
        *ret = json_incref(d.out);
    json_decref(d.in);
    json_decref(d.out);
    return r < 0 ? err_trace(r) : r > 0 ? MESSAGES_E_REFUSED : 0;
}

int message_coerce_at(const json_t *any, size_t index, json_t **ret, struct fail *f)
{
    const char *id = json_string_value(json_object_get(any, "id"));
    int r = message_coerce(any, ret, f);
    if (r == MESSAGES_E_REFUSED && id != NULL)
        fail_set(f, f->code, "message %zu (id \"%.100s\"): %s", index, id, fail_message(f));
    else if (r == MESSAGES_E_REFUSED)
        fail_set(f, f->code, "message %zu: %s", index, fail_message(f));
    return r;
}
