#ifndef ANABRANCH_BASE_HASH_H
#define ANABRANCH_BASE_HASH_H
/*
 * A text's place in a table: FNV-1a. Texts that somebody chooses for the purpose can be made to
 * meet, so a table whose keys come from clients needs a bound on what it holds.
 */
#include <stdint.h>

#define HASH_BEGIN UINT64_C(14695981039346656037)

/* Goes on with the hash of what came before, or HASH_BEGIN. */
static inline uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

#endif
