/*
 * A step's command. Interrupts have random ids, so a case names them by their place among those
 * that are pending, sorted by their values.
 */
#include "base/mem.h"
#include "must.h"
#include "steps.h"
#include <stdlib.h>
#include <string.h>

#define NO_INTERRUPT "00000000000000000000000000000000"

struct question {
    const char *id; /* borrowed from the state */
    char *text;     /* of the value, keys sorted */
};

static int compare_questions(const void *a, const void *b)
{
    return strcmp(((const struct question *)a)->text, ((const struct question *)b)->text);
}

/* *ret: an array for free_questions(). */
static size_t find_questions(const json_t *state, struct question **ret)
{
    struct question *list = NULL;
    size_t count = 0;
    const json_t *task, *interrupt;
    size_t i, k;

    json_array_foreach(json_object_get(state, "tasks"), i, task) {
        const json_t *result = json_object_get(task, "result");
        if (result != NULL && !json_is_null(result))
            continue;
        json_array_foreach(json_object_get(task, "interrupts"), k, interrupt) {
            list = must(mem_realloc(list, (count + 1) * sizeof(*list)));
            list[count++] = (struct question){
                .id = must((char *)json_string_value(json_object_get(interrupt, "id"))),
                .text = must(json_dumps(json_object_get(interrupt, "value"),
                                        JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY)),
            };
        }
    }
    if (count > 0)
        qsort(list, count, sizeof(*list), compare_questions);
    *ret = list;
    return count;
}

static void free_questions(struct question *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(list[i].text);
    mem_free(list);
}

/* {"index": answer} -> {id: answer} */
static json_t *answers_by_id(const json_t *state, const json_t *answers)
{
    struct question *list;
    size_t count = find_questions(state, &list);
    json_t *by_id = must(json_object());
    const char *index;
    json_t *answer;

    json_object_foreach((json_t *)answers, index, answer) {
        size_t at = (size_t)strtoul(index, NULL, 10);
        if (at < count)
            must_do(json_object_set(by_id, list[at].id, answer));
    }
    if (json_object_size(by_id) == 0) {
        answer = json_object_iter_value(json_object_iter((json_t *)answers));
        must_do(json_object_set(by_id, NO_INTERRUPT, must(answer)));
    }
    free_questions(list, count);
    return by_id;
}

json_t *driver_command(struct driver *d, const json_t *spec, struct fail *f)
{
    json_t *command = must(json_copy((json_t *)spec));
    const json_t *answers = json_object_get(spec, "resume_map");
    json_t *state;

    if (answers == NULL)
        return command;
    state = driver_state(d, NULL, false, f);
    if (state == NULL) {
        json_decref(command);
        return NULL;
    }
    must_do(json_object_del(command, "resume_map"));
    must_do(json_object_set_new(command, "resume", answers_by_id(state, answers)));
    json_decref(state);
    return command;
}
