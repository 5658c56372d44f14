#ifndef ANABRANCH_STORE_UNDO_H
#define ANABRANCH_STORE_UNDO_H
/*
 * For store/memory*.c: how a batch that fails half way leaves no trace. Every change is made at once
 * and noted, together with what it replaced. At the end the notes are forgotten, or all changes are
 * taken back, last first, which needs no memory.
 *
 *     undo_reserve(u)              before the change; the last that may fail
 *     undo_note(u, kind, place, old, fresh)
 *     ...
 *     undo_forget(u) or undo_take_back(u)
 */
#include <stddef.h>
#include <stdint.h>

struct undo_kind {
    /* old takes fresh's place again, and fresh is freed. */
    void (*take_back)(void *place, void *old, void *fresh);
    /* Nobody needs old any more. NULL: there is nothing to free. */
    void (*forget)(void *old);
};
struct undo_step {
    const struct undo_kind *kind;
    void *place;
    void *old;
    void *fresh;
};
/* Zeroed = nothing has changed. */
struct undo {
    struct undo_step *steps;
    size_t count;
    size_t cap;
    int64_t bytes; /* how many more are kept, or fewer */
};

/* 0 or ERR_NOMEM. */
int undo_reserve(struct undo *u);
void undo_note(struct undo *u, const struct undo_kind *kind, void *place, void *old, void *fresh);
/* Both leave it zeroed. */
void undo_forget(struct undo *u);
void undo_take_back(struct undo *u);

#endif
