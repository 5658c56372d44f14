/*
 * A checkpoint as a plain object: born, asked for and given pending writes, freed. Moving it on is
 * checkpoint_next.c, its stored form checkpoint_code.c, how clients see it snapshot.c.
 */
#include "run/checkpoint.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/checkpoint_inside.h"
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NO_STEP = -2, FIRST_CAP = 4 };

static const char *const source_names[] = {
    [SOURCE_INPUT] = "input",
    [SOURCE_LOOP] = "loop",
    [SOURCE_UPDATE] = "update",
    [SOURCE_FORK] = "fork",
};
enum { SOURCE_COUNT = sizeof(source_names) / sizeof(source_names[0]) };

const char *checkpoint_source_name(enum checkpoint_source s)
{
    return source_names[s];
}

int checkpoint_source_find(const char *name)
{
    for (int i = 0; name != NULL && i < SOURCE_COUNT; i++)
        if (strcmp(source_names[i], name) == 0)
            return i;
    return -1;
}

int checkpoint_init(struct checkpoint *c, struct graph *graph)
{
    *c = (struct checkpoint){ .graph = graph_ref(graph), .step = NO_STEP, .source = SOURCE_INPUT };
    c->metadata = json_object();
    c->parents = json_object();
    c->places = mem_array(graph->field_count, sizeof(*c->places));
    if (c->metadata == NULL || c->parents == NULL || c->places == NULL)
        return err_trace(ERR_NOMEM);
    int r = state_new(graph, &c->state);
    if (r == 0)
        r = sched_new(graph, &c->sched);
    return r != 0 ? err_trace(r) : 0;
}

void checkpoint_deinit(struct checkpoint *c)
{
    checkpoint_clear_writes(c);
    mem_free(c->writes);
    mem_free(c->places);
    json_decref(c->input);
    json_decref(c->parents);
    json_decref(c->metadata);
    sched_free(c->sched);
    state_unref(c->state);
    graph_unref(c->graph);
    *c = (struct checkpoint){ 0 };
}

/* ---- what has been left so far ---- */

static int order_of(const struct pending_write *w, const char *task_id, enum write_kind kind)
{
    int order = strcmp(w->task_id, task_id);
    return order != 0 ? order : (w->kind > kind) - (w->kind < kind);
}

/* Where it is, or belongs: they are sorted, because a step may have thousands of tasks. */
static size_t place_of(const struct checkpoint *c, const char *task_id, enum write_kind kind)
{
    size_t from = 0;
    size_t to = c->write_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (order_of(&c->writes[middle], task_id, kind) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct pending_write *find_write(const struct checkpoint *c, const char *task_id,
                                        enum write_kind kind)
{
    size_t place = place_of(c, task_id, kind);
    bool is_there = place < c->write_count && order_of(&c->writes[place], task_id, kind) == 0;
    return is_there ? &c->writes[place] : NULL;
}

const json_t *checkpoint_find_write(const struct checkpoint *c, const char *task_id,
                                    enum write_kind kind)
{
    const json_t *json = checkpoint_find_row(c, task_id, kind);
    return json_is_null(json) ? NULL : json;
}

const json_t *checkpoint_find_row(const struct checkpoint *c, const char *task_id,
                                  enum write_kind kind)
{
    const struct pending_write *w = find_write(c, task_id, kind);
    return w != NULL ? w->json : NULL;
}

static int grow_writes(struct checkpoint *c)
{
    size_t cap = c->write_cap == 0 ? FIRST_CAP : c->write_cap * 2;
    if (cap > SIZE_MAX / sizeof(*c->writes))
        return err_trace(ERR_NOMEM);
    struct pending_write *writes = mem_realloc(c->writes, cap * sizeof(*writes));
    if (writes == NULL)
        return err_trace(ERR_NOMEM);
    c->writes = writes;
    c->write_cap = cap;
    return 0;
}

int checkpoint_set_write_take(struct checkpoint *c, const char *task_id, enum write_kind kind,
                              json_t *json)
{
    struct pending_write *w = find_write(c, task_id, kind);
    if (json == NULL)
        return err_trace(ERR_NOMEM);
    if (w != NULL) {
        json_decref(w->json);
        w->json = json;
        return 0;
    }
    int r = c->write_count < c->write_cap ? 0 : grow_writes(c);
    if (r != 0) {
        json_decref(json);
        return err_trace(r);
    }
    assert(strlen(task_id) < ID_BYTES);
    w = &c->writes[place_of(c, task_id, kind)];
    memmove(w + 1, w, (size_t)(&c->writes[c->write_count++] - w) * sizeof(*w));
    *w = (struct pending_write){ .kind = kind, .json = json };
    memcpy(w->task_id, task_id, strlen(task_id));
    return 0;
}

void checkpoint_drop_write(struct checkpoint *c, const char *task_id, enum write_kind kind)
{
    struct pending_write *w = find_write(c, task_id, kind);
    if (w == NULL)
        return;
    json_decref(w->json);
    c->write_count--;
    memmove(w, w + 1, (size_t)(&c->writes[c->write_count] - w) * sizeof(*w));
}

void checkpoint_drop_writes(struct checkpoint *c, enum write_kind kind)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->write_count; i++) {
        if (c->writes[i].kind == kind)
            json_decref(c->writes[i].json);
        else
            c->writes[kept++] = c->writes[i];
    }
    c->write_count = kept;
}

void checkpoint_clear_writes(struct checkpoint *c)
{
    for (size_t i = 0; i < c->write_count; i++)
        json_decref(c->writes[i].json);
    c->write_count = 0;
}

/* ---- tasks ---- */

const char *planned_name(const struct graph *g, const struct planned *p)
{
    return p->node == NODE_START ? "__start__" : g->nodes[p->node].name;
}

/* One more part of a name: a chain of UUIDv5s needs neither a separator nor memory. */
static void add_part(char id[ID_BYTES], const char *part)
{
    char next[ID_BYTES];
    id_v5(id, part, strlen(part), next);
    memcpy(id, next, ID_BYTES);
}

static void add_number_part(char id[ID_BYTES], int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)number); /* fits */
    add_part(id, text);
}

void checkpoint_task_id(const struct checkpoint *c, const char *ns, const struct planned *p,
                        char ret[ID_BYTES])
{
    memcpy(ret, c->id, ID_BYTES);
    add_part(ret, ns);
    add_number_part(ret, c->step);
    add_part(ret, planned_name(c->graph, p));
    if (p->kind == PLANNED_PUSH) {
        add_part(ret, "push");
        add_number_part(ret, (int64_t)p->index);
        return;
    }
    add_part(ret, "pull");
    for (size_t i = 0; i < p->trigger_count; i++)
        add_part(ret, p->triggers[i]);
}

char *task_namespace(const char *ns, const char *name, const char *task_id)
{
    return mem_printf("%s%s%s:%s", ns, ns[0] != '\0' ? "|" : "", name, task_id);
}

void namespace_strip(char *ns)
{
    char *to = ns;
    for (const char *from = ns; *from != '\0';) {
        if (*from == ':')
            from += strcspn(from, "|");
        else
            *to++ = *from++;
    }
    *to = '\0';
}

void interrupt_id(const char *task_ns, size_t index, char ret[ID_BYTES])
{
    static const char space[] = "3d9a1c52-6f0e-5b7d-9c84-e2a7105bd36f"; /* ours, never to change */
    char id[ID_BYTES];
    size_t len = 0;
    id_v5(space, task_ns, strlen(task_ns), id);
    if (index > 0)
        add_number_part(id, (int64_t)index);
    for (const char *at = id; *at != '\0'; at++)
        if (*at != '-')
            ret[len++] = *at;
    ret[len] = '\0';
}
