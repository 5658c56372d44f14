/* State fields: names, types, reducers, what they begin with, and which of them callers see. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/code.h"
#include "graph/messages.h"
#include <string.h>

enum { FIELD_NAME_MAX_BYTES = 200, NAMES_MAX = FIELD_ANY + 1, WHY_MAX_BYTES = 4096 };

#define BIT(type) (1u << (type))

/* Which types a reducer can work on, and the remedy if the type is another. */
static const struct {
    enum reducer reducer;
    unsigned types;
    const char *remedy;
} reducer_rows[] = {
    { REDUCE_APPEND, BIT(FIELD_ARRAY) | BIT(FIELD_ANY), "use the type array" },
    { REDUCE_ADD, BIT(FIELD_NUMBER) | BIT(FIELD_INTEGER), "use the type number or integer" },
    { REDUCE_MERGE, BIT(FIELD_OBJECT), "use the type object" },
    { REDUCE_MAX, BIT(FIELD_NUMBER) | BIT(FIELD_INTEGER) | BIT(FIELD_STRING),
      "use the type number, integer or string" },
    { REDUCE_MIN, BIT(FIELD_NUMBER) | BIT(FIELD_INTEGER) | BIT(FIELD_STRING),
      "use the type number, integer or string" },
    { REDUCE_MESSAGES, BIT(FIELD_MESSAGES), "use the type messages" },
};

/* NULL: the name is right. */
static const char *name_fault(const char *name)
{
    size_t len = strlen(name);
    if (len == 0)
        return "a field needs a name";
    if (len > FIELD_NAME_MAX_BYTES)
        return "the name is longer than 200 bytes";
    if (jsonx_utf8_prefix(name, len) != len)
        return "the name is not UTF-8";
    if (name[0] == '$')
        return "names with \"$\" in front are kept for $context, $config and $run";
    if (strncmp(name, "__", 2) == 0)
        return "names with \"__\" in front are kept for the server";
    /* Checkpoints list fields beside the marks of nodes and joins. */
    if (strncmp(name, "branch:to:", 10) == 0 || strncmp(name, "join:", 5) == 0)
        return "names with \"branch:to:\" or \"join:\" in front are kept for the server";
    if (strchr(name, '.') != NULL)
        return "a dot in a name would be taken for a path";
    return builder_reserved_fault(name);
}

static void check_reducer(struct setup *s, const struct field *f)
{
    bool is_messages = f->type == FIELD_MESSAGES && f->reducer != REDUCE_MESSAGES;
    if (is_messages)
        setup_problem(s, "reducer", "leave it out", "the type messages has the reducer messages");
    for (size_t i = 0; i < sizeof(reducer_rows) / sizeof(*reducer_rows) && !is_messages; i++)
        if (reducer_rows[i].reducer == f->reducer && (reducer_rows[i].types & BIT(f->type)) == 0)
            setup_problem(s, "reducer", reducer_rows[i].remedy,
                          "the reducer %s does not fit the type %s", reducer_name(f->reducer),
                          field_type_name(f->type));
}

/* A reducer that is no word of ours is a function of the graph's script, if it has one. */
static int read_function(struct setup *s, struct field *f)
{
    struct code *code = s->builder->code;
    const char *name = json_string_value(json_object_get(s->spec, "reducer"));
    struct buf why MEM_AUTO(buf_deinit);
    buf_init(&why, WHY_MAX_BYTES);
    if (name == NULL || reducer_find(name) >= 0 || f->type == FIELD_MESSAGES)
        return 0;
    if (code == NULL && !s->builder->has_bad_code)
        return 0;
    f->reducer = REDUCE_FUNCTION;
    (void)setup_string(s, "reducer", false); /* known, for setup_finish() */
    if (code == NULL)
        return 0;
    int r = code->ops->reducer(code, name, &f->fn, &why);
    if (r < 0)
        return err_trace(r);
    if (r != 0)
        setup_problem(s, "reducer", NULL, "%s", buf_text(&why));
    return 0;
}

static int read_type(struct setup *s, struct field *f)
{
    const char *types[NAMES_MAX];
    const char *reducers[NAMES_MAX];
    for (int i = 0; i <= FIELD_ANY; i++)
        types[i] = field_type_name((enum field_type)i);
    for (int i = 0; i <= REDUCE_MESSAGES; i++)
        reducers[i] = reducer_name((enum reducer)i);
    int before = s->builder->problems.count;
    if (setup_json(s, "type", true) != NULL)
        f->type = (enum field_type)setup_word(s, "type", "type", types, FIELD_ANY + 1, FIELD_ANY);
    int implied = f->type == FIELD_MESSAGES ? REDUCE_MESSAGES : REDUCE_REPLACE;
    int r = read_function(s, f);
    if (r != 0 || f->reducer == REDUCE_FUNCTION)
        return r;
    f->reducer =
        (enum reducer)setup_word(s, "reducer", "reducer", reducers, REDUCE_MESSAGES + 1, implied);
    /* A type that is wrong by itself fits no reducer, and once is enough. */
    if (s->builder->problems.count == before)
        check_reducer(s, f);
    return 0;
}

static void read_life(struct setup *s, struct field *f)
{
    const char *lives[LIFE_RUN + 1];
    for (int i = 0; i <= LIFE_RUN; i++)
        lives[i] = field_life_name((enum field_life)i);
    f->life =
        (enum field_life)setup_word(s, "lifetime", "lifetime", lives, LIFE_RUN + 1, LIFE_THREAD);
}

/* What a field of a type begins with whose reducer is a function. */
static json_t *zero_of_type(enum field_type type)
{
    switch (type) {
    case FIELD_STRING:
        return json_string("");
    case FIELD_NUMBER:
    case FIELD_INTEGER:
        return json_integer(0);
    case FIELD_BOOLEAN:
        return json_false();
    case FIELD_OBJECT:
        return json_object();
    case FIELD_ARRAY:
    case FIELD_MESSAGES:
        return json_array();
    case FIELD_ANY:
        break;
    }
    return NULL;
}

static bool has_zero(const struct field *f)
{
    static const unsigned without = BIT(REDUCE_REPLACE) | BIT(REDUCE_MAX) | BIT(REDUCE_MIN);
    if (f->reducer == REDUCE_FUNCTION)
        return f->type != FIELD_ANY;
    return (without & BIT(f->reducer)) == 0;
}

/* What a reducer begins with. No zero is less than every number, so max and min begin with nothing.
 */
static json_t *zero_value(const struct field *f)
{
    switch (f->reducer) {
    case REDUCE_APPEND:
    case REDUCE_MESSAGES:
        return json_array();
    case REDUCE_ADD:
        return json_integer(0);
    case REDUCE_MERGE:
        return json_object();
    case REDUCE_FUNCTION:
        return zero_of_type(f->type);
    case REDUCE_REPLACE:
    case REDUCE_MAX:
    case REDUCE_MIN:
        break;
    }
    return NULL;
}

/* The default in the form the state keeps: messages may be written in any of their forms. */
static int read_default(struct setup *s, const struct field *f, const json_t *json, json_t **ret)
{
    /* What can be appended to is a list, whatever else the type allows. */
    enum field_type type = f->reducer == REDUCE_APPEND ? FIELD_ARRAY : f->type;
    if (!field_type_fits(type, json)) {
        setup_problem(s, "default", NULL, "expected %s, found %s", field_type_name(type),
                      jsonx_type_name(json));
        return 0;
    }
    if (f->type != FIELD_MESSAGES) {
        *ret = json_incref((json_t *)json); /* counting changes nothing a reader could see */
        return 0;
    }
    struct fail why = { .code = FAIL_NONE };
    int r = messages_add(NULL, json, ret, &why);
    if (r == MESSAGES_E_REFUSED) {
        setup_problem(s, "default", NULL, "%s", fail_message(&why));
        r = 0;
    }
    fail_clear(&why);
    return r;
}

static int read_initial(struct setup *s, struct field *f)
{
    const json_t *given = setup_json(s, "default", false);
    json_t *json = NULL;
    int r = 0;
    if (given != NULL)
        r = read_default(s, f, given, &json);
    else if (has_zero(f) && (json = zero_value(f)) == NULL)
        r = ERR_NOMEM;
    if (r != 0)
        return err_trace(r);
    return json == NULL ? 0 : value_new_take(json, &f->initial);
}

static int read_field(struct anabranch_builder *b, const struct field_spec *spec,
                      const char *pointer, struct field *f)
{
    const char *fault = name_fault(spec->name);
    if (fault != NULL)
        builder_problem(b, pointer, NULL, "%s", fault);
    f->type = FIELD_ANY;
    if (spec->json == NULL) /* told when it was noted */
        return 0;
    struct setup s;
    setup_init(&s, b, pointer, spec->json);
    int r = read_type(&s, f);
    read_life(&s, f);
    f->is_private = setup_bool(&s, "private", false);
    if (r == 0)
        r = read_initial(&s, f);
    setup_finish(&s);
    return r;
}

static int add_field(struct anabranch_builder *b, const struct field_spec *spec, struct graph *g)
{
    char *pointer MEM_AUTO(mem_freep) = pointer_join("/state", spec->name);
    if (pointer == NULL)
        return err_trace(ERR_NOMEM);
    if (graph_find_field(g, spec->name) >= 0) {
        builder_problem(b, pointer, NULL, "there is a field of this name already");
        return 0;
    }
    struct field *f = &g->fields[g->field_count];
    f->name = mem_strdup(spec->name);
    if (f->name == NULL)
        return err_trace(ERR_NOMEM);
    g->field_count++;
    return read_field(b, spec, pointer, f);
}

/* The function moves from the builder to the field. */
static void use_reducer(struct anabranch_builder *b, struct reducer_spec *spec, struct graph *g)
{
    int index = graph_find_field(g, spec->field);
    if (index < 0) {
        builder_problem_field(b, g, "/state", spec->field, false);
        return;
    }
    char *pointer MEM_AUTO(mem_freep) = pointer_join("/state", spec->field);
    struct field *f = &g->fields[index];
    if (pointer == NULL)
        builder_note_fault(b);
    else if (f->reducer != REDUCE_REPLACE)
        builder_problem(b, pointer, "take one of them away", "there is a reducer already");
    else {
        f->reducer = REDUCE_FUNCTION;
        f->fn = spec->fn;
        spec->fn = (struct reducer_fn){ .arg = NULL };
    }
}

/* The field of "input" or "output", or NULL with a problem noted. */
static struct field *listed_field(struct anabranch_builder *b, struct graph *g, const char *pointer,
                                  const char *name)
{
    int index = graph_find_field(g, name);
    if (index >= 0 && !g->fields[index].is_private)
        return &g->fields[index];
    if (index >= 0) {
        builder_problem(b, pointer, "take it off the list, or leave out \"private\"",
                        "field \"%s\" is private", name);
        return NULL;
    }
    builder_problem_field(b, g, pointer, name, false);
    return NULL;
}

static bool *seen_by_caller(struct field *f, bool is_input)
{
    return is_input ? &f->is_input : &f->is_output;
}

static void apply_list(struct anabranch_builder *b, struct graph *g, bool is_input)
{
    const struct name_list *list = is_input ? &b->input : &b->output;
    for (size_t i = 0; i < g->field_count && !list->is_given; i++)
        *seen_by_caller(&g->fields[i], is_input) = !g->fields[i].is_private;
    for (size_t i = 0; i < list->count; i++) {
        char *pointer MEM_AUTO(mem_freep) = mem_printf("/%s/%zu", is_input ? "input" : "output", i);
        if (pointer == NULL) {
            builder_note_fault(b);
            return;
        }
        struct field *f = listed_field(b, g, pointer, list->names[i]);
        if (f != NULL)
            *seen_by_caller(f, is_input) = true;
    }
}

int build_fields(struct anabranch_builder *b, struct graph *g)
{
    g->fields = mem_array(b->field_count, sizeof(*g->fields));
    if (g->fields == NULL)
        return err_trace(ERR_NOMEM);
    int r = 0;
    for (size_t i = 0; i < b->field_count && r == 0; i++)
        r = add_field(b, &b->fields[i], g);
    if (r != 0)
        return r;
    for (size_t i = 0; i < b->reducer_count; i++)
        use_reducer(b, &b->reducers[i], g);
    apply_list(b, g, true);
    apply_list(b, g, false);
    return 0;
}
