/*
 * A table with a row per reducer: which JSON it takes from a writer, what it can go on from, and
 * the fold itself.
 *
 *     writes -> an Overwrite among them? -> it alone is placed
 *            -> else: each write is checked, then fold(left, writes)
 *
 * A fold never changes what it is given: values are shared between versions of the state. A result
 * that is one of the inputs is passed on as the same struct value, because that one has its bytes
 * already.
 */
#include "graph/reduce.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/messages.h"
#include "graph/state.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

typedef int fold_fn(const struct field *field, struct value *left, const struct pending *writes,
                    struct value **ret, struct fail *f);

struct reducer_row {
    fold_fn *fold;
    bool (*takes)(enum field_type type, const json_t *json); /* from a writer */
};

/* Who writes without being a node. */
static const struct outsider {
    const char *writer;
    enum fail_code code;
    const char *what;
} outsiders[] = {
    { "__start__", FAIL_INPUT, "input" },
    { "__input__", FAIL_INVALID_UPDATE, "command.update:" },
};

static const struct outsider *find_outsider(const char *writer)
{
    for (size_t i = 0; i < sizeof(outsiders) / sizeof(outsiders[0]); i++)
        if (strcmp(outsiders[i].writer, writer) == 0)
            return &outsiders[i];
    return NULL;
}

void write_refused(const struct field *field, const char *writer, const char *why, struct fail *f)
{
    const struct outsider *o = find_outsider(writer);
    if (o != NULL) {
        fail_set(f, o->code, "%s field \"%s\": %s", o->what, field->name, why);
        return;
    }
    fail_set(f, FAIL_INVALID_UPDATE, "node \"%s\" wrote field \"%s\": %s", writer, field->name,
             why);
    fail_set_node(f, writer);
}

/* The writer, the field, and then the text. */
static void refuse(struct fail *f, const struct field *field, const char *node, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

static void refuse(struct fail *f, const struct field *field, const char *node, const char *format,
                   ...)
{
    va_list args;
    va_start(args, format);
    char *made MEM_AUTO(mem_freep) = mem_vprintf(format, args);
    va_end(args);
    write_refused(field, node, made != NULL ? made : "refused", f);
}

static int refuse_type(struct fail *f, const struct field *field, const char *node,
                       const char *expected, const json_t *found)
{
    refuse(f, field, node, "expected %s, found %s", expected, jsonx_type_name(found));
    return REDUCE_E_REFUSED;
}

/* Two writers where one is allowed. */
static int refuse_second(struct fail *f, const struct field *field, const struct pending *a,
                         const struct pending *b, const char *verb, const char *advice)
{
    if (strcmp(a->node, b->node) == 0)
        refuse(f, field, a->node, "%s twice in one step; %s", verb, advice);
    else
        fail_set(f, FAIL_INVALID_UPDATE,
                 "field \"%s\" was %s by nodes \"%s\" and \"%s\" in one step; %s", field->name,
                 verb, a->node, b->node, advice);
    return REDUCE_E_REFUSED;
}

/* What a writer's messages came to: r and the reason, which does not know the field. Clears inner.
 */
static int told_messages(const struct field *field, const struct pending *writer, int r,
                         struct fail *inner, struct fail *f)
{
    if (r == MESSAGES_E_REFUSED)
        refuse(f, field, writer->node, "%s", fail_message(inner));
    fail_clear(inner);
    return r < 0 ? err_trace(r) : r > 0 ? REDUCE_E_REFUSED : 0;
}

static int new_value(json_t *json, struct value **ret)
{
    int r = value_new_take(json, ret);
    return r != 0 ? err_trace(r) : 0;
}

/* The field holds this from now on, whatever it held. same: the value whose JSON it is, or NULL. */
static int place(const struct field *field, const struct pending *writer, json_t *json,
                 struct value *same, struct value **ret, struct fail *f)
{
    if (field->type == FIELD_MESSAGES) {
        json_t *list = NULL;
        struct fail inner = { 0 };
        int r = messages_add(NULL, json, &list, &inner);
        r = told_messages(field, writer, r, &inner, f);
        return r != 0 ? r : new_value(list, ret);
    }
    if (!field_type_fits(field->type, json))
        return refuse_type(f, field, writer->node, field_type_name(field->type), json);
    if (same == NULL)
        return new_value(json_incref(json), ret);
    *ret = value_ref(same);
    return 0;
}

static int fold_replace(const struct field *field, struct value *left, const struct pending *writes,
                        struct value **ret, struct fail *f)
{
    (void)left; /* replaced */
    if (writes->next != NULL)
        return refuse_second(f, field, writes, writes->next, "written",
                             "give it a reducer to take several writes "
                             "(INVALID_CONCURRENT_GRAPH_UPDATE)");
    return place(field, writes, value_json(writes->value), writes->value, ret, f);
}

/* Not with json_copy(): that one hides an allocation that failed and gives a part of the whole. */
static json_t *joined(const json_t *left, const struct pending *writes)
{
    json_t *list = json_array();
    int bad = list == NULL || (left != NULL && json_array_extend(list, (json_t *)left));
    for (const struct pending *w = writes; w != NULL && !bad; w = w->next) {
        json_t *json = value_json(w->value);
        bad = json_is_array(json) ? json_array_extend(list, json) : json_array_append(list, json);
    }
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static int fold_append(const struct field *field, struct value *left, const struct pending *writes,
                       struct value **ret, struct fail *f)
{
    const json_t *old = left == NULL ? NULL : value_json(left);
    if (old == NULL || json_is_array(old))
        return new_value(joined(old, writes), ret);
    /* A default or an overwrite can put anything into a field of type any. */
    refuse(f, field, writes->node, "cannot append to the %s that the field holds",
           jsonx_type_name(old));
    return REDUCE_E_REFUSED;
}

static int fold_merge(const struct field *field, struct value *left, const struct pending *writes,
                      struct value **ret, struct fail *f)
{
    (void)field;
    (void)f; /* objects always merge */
    json_t *object = json_object();
    int bad = object == NULL || (left != NULL && json_object_update(object, value_json(left)));
    for (const struct pending *w = writes; w != NULL && !bad; w = w->next)
        bad = json_object_update(object, value_json(w->value));
    if (bad) {
        json_decref(object);
        return err_trace(ERR_NOMEM);
    }
    return new_value(object, ret);
}

/* a + b: 0 and the sum, REDUCE_E_REFUSED if there is no such number, or a fault. */
static int add_numbers(enum field_type type, const json_t *a, const json_t *b, json_t **ret)
{
    long long sum = 0;
    bool is_integer = json_is_integer(a) && json_is_integer(b) &&
                      !__builtin_add_overflow(json_integer_value(a), json_integer_value(b), &sum);
    double real = json_number_value(a) + json_number_value(b);
    if (!is_integer && (type == FIELD_INTEGER || !isfinite(real)))
        return REDUCE_E_REFUSED;
    *ret = is_integer ? json_integer(sum) : json_real(real);
    return *ret != NULL ? 0 : err_trace(ERR_NOMEM);
}

static int fold_add(const struct field *field, struct value *left, const struct pending *writes,
                    struct value **ret, struct fail *f)
{
    const struct pending *w = left == NULL ? writes->next : writes;
    json_auto_t *sum = json_incref(value_json(left == NULL ? writes->value : left));
    for (; w != NULL; w = w->next) {
        json_t *next = NULL;
        int r = add_numbers(field->type, sum, value_json(w->value), &next);
        if (r > 0)
            refuse(f, field, w->node, "the sum is too large for %s",
                   field->type == FIELD_INTEGER ? "a 64-bit integer" : "a number");
        if (r != 0)
            return r;
        json_decref(sum);
        sum = next;
    }
    return new_value(json_incref(sum), ret);
}

/* Less than, equal to or greater than 0; both are strings or both are numbers. */
static int compare(const json_t *a, const json_t *b)
{
    if (json_is_string(a))
        return strcmp(json_string_value(a), json_string_value(b));
    if (json_is_integer(a) && json_is_integer(b)) { /* as doubles, large neighbours look equal */
        json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return (x > y) - (x < y);
    }
    double x = json_number_value(a), y = json_number_value(b);
    return (x > y) - (x < y);
}

static int fold_extreme(const struct field *field, struct value *left, const struct pending *writes,
                        struct value **ret, struct fail *f)
{
    (void)f; /* two values of a type always compare */
    int sign = field->reducer == REDUCE_MAX ? 1 : -1;
    struct value *best = left;
    for (const struct pending *w = writes; w != NULL; w = w->next) {
        json_t *json = value_json(w->value);
        if (best == NULL || sign * compare(json, value_json(best)) > 0)
            best = w->value;
    }
    *ret = value_ref(best);
    return 0;
}

static int fold_messages(const struct field *field, struct value *left,
                         const struct pending *writes, struct value **ret, struct fail *f)
{
    struct message_fold m;
    message_fold_init(&m, left == NULL ? NULL : value_json(left));
    int r = 0;
    for (const struct pending *w = writes; w != NULL && r == 0; w = w->next) {
        struct fail inner = { 0 };
        r = message_fold_write(&m, value_json(w->value), &inner);
        r = told_messages(field, w, r, &inner, f);
    }
    json_t *list = NULL;
    if (r == 0)
        r = message_fold_finish(&m, &list);
    message_fold_deinit(&m);
    if (r != 0)
        return r < 0 ? err_trace(r) : REDUCE_E_REFUSED;
    return new_value(list, ret);
}

/* Write by write, as LangGraph's reducers are called. */
static int fold_function(const struct field *field, struct value *left,
                         const struct pending *writes, struct value **ret, struct fail *f)
{
    const struct reducer_fn *fn = &field->fn;
    json_auto_t *held = left == NULL ? NULL : json_incref(value_json(left));
    for (const struct pending *w = writes; w != NULL; w = w->next) {
        json_t *next = NULL;
        int r = fn->fold(fn->arg, held, value_json(w->value), &next, f);
        if (r > 0 && find_outsider(w->node) == NULL)
            fail_set_node(f, w->node);
        if (r != 0)
            return r < 0 ? err_trace(r) : REDUCE_E_REFUSED;
        json_decref(held);
        held = next;
    }
    return new_value(json_incref(held), ret);
}

static bool takes_anything(enum field_type type, const json_t *json)
{
    (void)type; /* the fold makes it fit, or refuses it */
    return json != NULL;
}

/* The builder gives these reducers only types on which they work. */
static bool takes_type(enum field_type type, const json_t *json)
{
    return field_type_fits(type, json);
}

static const struct reducer_row rows[] = {
    [REDUCE_REPLACE] = { fold_replace, takes_anything },
    [REDUCE_APPEND] = { fold_append, takes_anything },
    [REDUCE_ADD] = { fold_add, takes_type },
    [REDUCE_MERGE] = { fold_merge, takes_type },
    [REDUCE_MAX] = { fold_extreme, takes_type },
    [REDUCE_MIN] = { fold_extreme, takes_type },
    [REDUCE_MESSAGES] = { fold_messages, takes_anything },
    [REDUCE_FUNCTION] = { fold_function, takes_anything },
};

/* Both spellings of an Overwrite; the second is what survives a round through JSON in LangGraph.
 * Borrowed, or NULL. */
static json_t *overwrite_of(const json_t *json)
{
    if (json_object_size(json) == 1)
        return json_object_get(json, "__overwrite__");
    const char *type = json_string_value(json_object_get(json, "type"));
    if (type == NULL || strcmp(type, "__overwrite__") != 0 || json_object_size(json) != 2)
        return NULL;
    return json_object_get(json, "value");
}

/* The one write that sets the field aside from its reducer; NULL in *ret if there is none. */
static int find_overwrite(const struct field *field, const struct pending *writes,
                          const struct pending **ret, struct fail *f)
{
    *ret = NULL;
    if (field->reducer == REDUCE_REPLACE)
        return 0; /* there it is an object like any other */
    for (const struct pending *w = writes; w != NULL; w = w->next) {
        if (overwrite_of(value_json(w->value)) == NULL)
            continue;
        if (*ret != NULL)
            return refuse_second(f, field, *ret, w, "overwritten", "one overwrite is allowed");
        *ret = w;
    }
    return 0;
}

static int fold(const struct field *field, struct value *left, const struct pending *writes,
                struct value **ret, struct fail *f)
{
    const struct reducer_row *row = &rows[field->reducer];
    /* The graph file may have given the field another type since it was stored. */
    if (left != NULL && field->reducer != REDUCE_REPLACE &&
        !field_type_fits(field->type, value_json(left))) {
        refuse(f, field, writes->node, "it holds %s, which is no %s any more; overwrite it",
               jsonx_type_name(value_json(left)), field_type_name(field->type));
        return REDUCE_E_REFUSED;
    }
    for (const struct pending *w = writes; w != NULL; w = w->next)
        if (!row->takes(field->type, value_json(w->value)))
            return refuse_type(f, field, w->node, field_type_name(field->type),
                               value_json(w->value));
    return row->fold(field, left, writes, ret, f);
}

int reduce(const struct field *field, struct value *left, const struct pending *writes,
           struct value **ret, struct fail *f)
{
    const struct pending *over;
    int r = find_overwrite(field, writes, &over, f);
    if (r != 0)
        return r;
    struct value *made = NULL;
    r = over != NULL ? place(field, over, overwrite_of(value_json(over->value)), NULL, &made, f)
                     : fold(field, left, writes, &made, f);
    if (r != 0)
        return r < 0 ? err_trace(r) : r;
    if (!field_type_fits(field->type, value_json(made))) {
        r = refuse_type(f, field, writes->node, field_type_name(field->type), value_json(made));
        value_unref(made);
        return r;
    }
    *ret = made;
    return 0;
}
