#ifndef ANABRANCH_GRAPH_PROBLEM_H
#define ANABRANCH_GRAPH_PROBLEM_H
/*
 * The mistakes found in one graph file: all of them are told at once, each with the place, what is
 * wrong and what would be right.
 *
 *     panel.json: /nodes/law/prompt: unknown field "inptu"; did you mean "input"?
 */
#include "base/buf.h"
#include <stdarg.h>
#include <stdbool.h>

#define PROBLEMS_MAX 100 /* what comes after is counted, not kept */

struct problems {
    struct buf text; /* one line per problem */
    int count;
    int fault;        /* ERR_NOMEM once a line could not be kept: the list is not whole */
    bool is_muted;    /* what is found now was told before: only a fault is noted */
    const char *base; /* goes in front of every pointer; borrowed; NULL = nothing */
};

void problems_init(struct problems *p);
void problems_deinit(struct problems *p);
/* pointer: JSON pointer (RFC 6901), "" for the whole file; remedy: NULL or a sentence without its
 * full stop. */
void problems_add(struct problems *p, const char *file, const char *pointer, const char *remedy,
                  const char *wrong, ...) __attribute__((format(printf, 5, 6)));

void problems_vadd(struct problems *p, const char *file, const char *pointer, const char *remedy,
                   const char *wrong, va_list args) __attribute__((format(printf, 5, 0)));

/* Ends the list: tells how many were not kept. Once, when no more will be added. */
void problems_close(struct problems *p);
/* Appends the lines of a closed list, all of them or, if there is no room, none: then they are
 * counted only. */
void problems_join(struct problems *to, const struct problems *from);

/* The entry of `names` (count strings) that a person most likely meant by `word`, or NULL. */
const char *problems_nearest(const char *word, const char *const *names, size_t count);
/* What would be right in its place: that entry as a question, or all there are, as many as a line
 * takes. Free with mem_free(). NULL: no memory. */
char *problems_hint(const char *word, const char *const *names, size_t count);

#endif
