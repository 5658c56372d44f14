/* A list of changes, as long as its batch has rows. */
#include "store/undo.h"
#include "base/err.h"
#include "base/mem.h"
#include <assert.h>

enum { FIRST_CAP = 16 };

int undo_reserve(struct undo *u)
{
    if (u->count < u->cap)
        return 0;
    size_t cap = u->cap == 0 ? FIRST_CAP : 2 * u->cap;
    struct undo_step *steps = mem_realloc(u->steps, cap * sizeof(*steps));
    if (steps == NULL)
        return err_trace(ERR_NOMEM);
    u->steps = steps;
    u->cap = cap;
    return 0;
}

void undo_note(struct undo *u, const struct undo_kind *kind, void *place, void *old, void *fresh)
{
    assert(u->count < u->cap);
    u->steps[u->count++] = (struct undo_step){ kind, place, old, fresh };
}

static void clear(struct undo *u)
{
    mem_free(u->steps);
    *u = (struct undo){ .steps = NULL };
}

void undo_forget(struct undo *u)
{
    for (size_t i = 0; i < u->count; i++)
        if (u->steps[i].kind->forget != NULL)
            u->steps[i].kind->forget(u->steps[i].old);
    clear(u);
}

void undo_take_back(struct undo *u)
{
    for (size_t i = u->count; i > 0; i--) {
        struct undo_step *step = &u->steps[i - 1];
        step->kind->take_back(step->place, step->old, step->fresh);
    }
    clear(u);
}
