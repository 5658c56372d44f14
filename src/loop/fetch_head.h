#ifndef ANABRANCH_LOOP_FETCH_HEAD_H
#define ANABRANCH_LOOP_FETCH_HEAD_H
/*
 * The head of an answer, taken in line by line as libcurl cuts it: interim answers (1xx) are
 * dropped, trailers are ignored, at most 16 KiB of fields are kept, and more than 256 KiB of lines
 * altogether are refused. No I/O.
 */
#include "base/buf.h"
#include <stdbool.h>

/* What a line meant. Faults: ERR_NOMEM. */
enum {
    FETCH_HEAD_MORE,        /* go on */
    FETCH_HEAD_STATUS,      /* it was the final status line */
    FETCH_HEAD_COMPLETE,    /* it was the empty line after the final head */
    FETCH_HEAD_E_TOO_LARGE, /* the server sends lines without end */
};

enum fetch_head_state { FETCH_HEAD_WAIT, FETCH_HEAD_INTERIM, FETCH_HEAD_FIELDS, FETCH_HEAD_DONE };

struct fetch_head {
    enum fetch_head_state state;
    int status;
    size_t seen_bytes;
    struct buf fields; /* name NUL value NUL, again and again */
};

void fetch_head_init(struct fetch_head *h);
void fetch_head_deinit(struct fetch_head *h);
int fetch_head_line(struct fetch_head *h, const char *line, size_t len_bytes);
/* Value of the first field of that name in any case, or NULL. Borrowed from h. */
const char *fetch_head_find(const struct fetch_head *h, const char *name);
/* The field at *at, which begins as 0 and is moved to the next. Its name, or NULL; borrowed. */
const char *fetch_head_next(const struct fetch_head *h, size_t *at, const char **ret_value);

#endif
