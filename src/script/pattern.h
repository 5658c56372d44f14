#ifndef ANABRANCH_SCRIPT_PATTERN_H
#define ANABRANCH_SCRIPT_PATTERN_H
/*
 * The patterns of Lua 5.4 (reference manual, 6.4.1) in slices. Lua's own matcher runs until it is
 * done, and `("a"):rep(1e6):find(".-.-b")` is never done; this one stops after so many steps and goes
 * on where it stopped, so there is no limit on how long a match may take in all:
 *
 *     struct pattern p;
 *     pattern_init(&p, &subject, &text, true);
 *     for (;;) {
 *         size_t steps = 1000;
 *         int r = pattern_next(&p, &steps);
 *         if (r != PATTERN_E_STEPS)
 *             break;
 *         ... something else gets its turn
 *     }
 *
 * The answers are those of Lua, mistakes included: a pattern is read only as far as the match gets,
 * so the mistake in "x[" shows in subjects with an x. Differences: classes are those of ASCII whatever
 * the locale, and what Lua calls too complex may still be matched here. Needs no memory but the
 * struct, no C stack, no Lua.
 *
 * Conditions of pattern_next() and pattern_capture(), as noted there.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PATTERN_E_NONE = 1,  /* no (further) match */
    PATTERN_E_STEPS = 2, /* the steps are used up; call again to go on */
    PATTERN_E_WRONG = 3, /* malformed pattern; `why` has Lua's sentence */
};

enum {
    PATTERN_CAPTURES = 32,
    PATTERN_DEPTH = 200, /* repetitions of one pattern that a match may have to come back to */
};

/* Any bytes, NUL too; borrowed as long as the pattern is in use. */
struct pattern_text {
    const char *bytes;
    size_t len;
};

#define PATTERN_POSITION SIZE_MAX /* the len of a position capture: () */

struct pattern_capture {
    size_t at; /* offset in the subject */
    size_t len;
};

/* A repetition that took some bytes and could take fewer or, if lazy, more. */
struct pattern_frame {
    size_t item, item_end; /* what is repeated, in the pattern; a quantifier follows */
    size_t least;          /* where the repetition may end at the earliest, in the subject */
    size_t most;           /* at the latest */
    size_t now;            /* where it ends at the moment */
    uint32_t closed;       /* captures as they were here */
    unsigned level;
    bool is_lazy;
};

/* May be copied, also while a match is half done. Public: start and end. */
struct pattern {
    size_t start, end; /* of the match, offsets in the subject */

    struct pattern_text subject, text;
    size_t from;       /* where the next match may start */
    size_t last_end;   /* of the match before, where none may end again */
    size_t item, at;   /* how far the match is, in pattern and subject */
    size_t steps;      /* left */
    size_t open_count; /* of %b */
    enum { PATTERN_ITEM, PATTERN_GROWING, PATTERN_BALANCING } state;
    bool is_anchored;
    bool is_running; /* in the middle of a match that starts at start */
    uint32_t closed; /* captures that have an end, one bit each */
    unsigned level;  /* captures that have a start */
    size_t frame_count;
    struct pattern_capture captures[PATTERN_CAPTURES];
    char why[64];
    struct pattern_frame frames[PATTERN_DEPTH];
};

/*
 *   subject, text   borrowed, see above; the structs themselves are copied
 *   has_anchor      a ^ at the start of the text is an anchor; in gmatch() it is not
 */
void pattern_init(struct pattern *p, const struct pattern_text *subject,
                  const struct pattern_text *text, bool has_anchor);
/*
 * The first match will start at `from` or later (> subject.len: there is none). last_end: where no
 * match may end, because the one before did; SIZE_MAX = no such place.
 */
void pattern_seek(struct pattern *p, size_t from, size_t last_end);
/*
 * The next match, from left to right; they do not overlap, and an empty one is none right behind
 * another.
 *   steps_left   in, out: a step is a few nanoseconds. 0 gives PATTERN_E_STEPS at once. May end a
 *                little under what the last step took.
 * Returns 0 (see start and end), PATTERN_E_NONE, PATTERN_E_STEPS or PATTERN_E_WRONG.
 */
int pattern_next(struct pattern *p, size_t *steps_left);

/* After a match: how many values it has: its captures, or if the pattern has none the whole. */
size_t pattern_capture_count(const struct pattern *p);
/* One of these values, 0.. . Returns 0 or PATTERN_E_WRONG (not there, or without an end). */
int pattern_capture(struct pattern *p, size_t index, struct pattern_capture *ret);

/* No character of it has a meaning, so that a plain search does the same. */
bool pattern_is_plain(const struct pattern_text *text);
/* As pattern_next(), once, with the pattern as mere text. Never PATTERN_E_WRONG. */
int pattern_next_plain(struct pattern *p, size_t *steps_left);

#endif
