#ifndef ANABRANCH_SCRIPT_LINT_EVENT_H
#define ANABRANCH_SCRIPT_LINT_EVENT_H
/* What the code of a chunk does with global names and with the locals of its file, in the order of
 * its lines. Whether that is right, lint.c judges. */
#include "script/lint_code.h"
#include <stdbool.h>

enum lint_event_kind {
    LINT_READ,   /* reads the global `name` */
    LINT_ASSIGN, /* assigns it */
    LINT_DROP,   /* calls it and takes no result */
    LINT_SHARE,  /* a function assigns the local `name` of the file */
};

struct lint_event {
    enum lint_event_kind kind;
    bool is_main; /* outside all functions */
    int line;
    size_t order;          /* in which they were found; breaks ties between lines */
    struct lint_text name; /* an identifier; points into the dump */
};

struct lint_events {
    struct lint_event *items;
    size_t count;
    size_t cap;
    bool is_env_replaced; /* the file assigns _ENV: its global names may be anything */
    bool is_env_used;     /* _ENV as a value: globals may be born that no event tells of */
};

/* *ret is for lint_events_deinit() whatever comes back. 0 or a fault. */
int lint_events_collect(const struct lint_function *main_function, struct lint_events *ret);
void lint_events_deinit(struct lint_events *events);

bool lint_text_equals(struct lint_text a, struct lint_text b);

#endif
