#ifndef ANABRANCH_SCRIPT_PATTERN_ITEM_H
#define ANABRANCH_SCRIPT_PATTERN_ITEM_H
/* Private to pattern.c: the items of a pattern that stand for one byte: x, ., %a, %., [set]. */
#include "script/pattern.h"

/*
 * Where the item ends that starts at `item` (< text->len).
 * Returns NULL and sets *ret, or the sentence that says what is wrong with it.
 */
const char *pattern_item_end(const struct pattern_text *text, size_t item, size_t *ret);

/* item, end: of a good item, as above. */
bool pattern_item_has(const struct pattern_text *text, size_t item, size_t end, unsigned char c);

#endif
