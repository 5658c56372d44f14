#ifndef ANABRANCH_DIFF_MUST_H
#define ANABRANCH_DIFF_MUST_H
/* A tool without memory has nothing to say: it ends, and run.mjs tells that it died. */
#include <jansson.h>
#include <stdlib.h>

static inline void *must(void *made)
{
    if (made == NULL)
        abort();
    return made;
}
static inline void must_do(int result)
{
    if (result != 0)
        abort();
}
/* A new reference. */
static inline json_t *json_share(const json_t *json)
{
    return json == NULL ? json_null() : json_incref((json_t *)json);
}

#endif
