/*
 * v6 and v7 are 60 bits that only grow, then bits that tell processes apart. The 60 bits come from
 * one atomic word per kind: the wall clock if it has moved on, else the last value plus one. Those
 * two words and the node number are this module's only state; they have to be shared by all
 * threads, because the promise is an order within the process.
 *
 *     v6   time since 1582 in 100 ns: 32 | 16 | 6 12 bits   10 step:14   node:48
 *     v7   milliseconds since 1970: 48 bits   7 counter:12   10 random:62
 */
#include "base/id.h"
#include "base/clock.h"
#include <assert.h>
#include <ctype.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <uuid/uuid.h>

static _Atomic uint64_t last_v6;
static _Atomic uint64_t last_v7;
static _Atomic uint64_t process_node;

static void put_big_endian(unsigned char *to, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, number >>= 8)
        to[i] = (unsigned char)number;
}

/*
 * Random bytes are fetched for many ids at once: the system call costs more than the rest of an id.
 * Each thread has its own, and none is used twice.
 */
static void random_fill(unsigned char *to, size_t count)
{
    static _Thread_local unsigned char pool[512];
    static _Thread_local size_t left;

    if (left < count) {
        ssize_t got = getrandom(pool, sizeof(pool), 0);
        if (got != (ssize_t)sizeof(pool)) /* no more than 256 bytes are promised at once */
            for (size_t i = 0; i + sizeof(uuid_t) <= sizeof(pool); i += sizeof(uuid_t))
                uuid_generate_random(&pool[i]);
        left = sizeof(pool);
    }
    left -= count;
    memcpy(to, pool + left, count);
    memset(pool + left, 0, count);
}

static uint64_t random_bits(void)
{
    uint64_t bits;
    random_fill((unsigned char *)&bits, sizeof(bits));
    return bits;
}

static uint64_t next_after(_Atomic uint64_t *last, uint64_t now)
{
    uint64_t seen = atomic_load(last);
    uint64_t next;
    do
        next = now > seen ? now : seen + 1;
    while (!atomic_compare_exchange_weak(last, &seen, next));
    return next;
}

/* Made on first use; threads that race agree on the first one stored. */
static uint64_t node_get(void)
{
    uint64_t node = atomic_load(&process_node);
    if (node != 0)
        return node;
    const uint64_t multicast = (uint64_t)1
                               << 40; /* RFC 9562: marks a node that is no network card */
    uint64_t fresh = (random_bits() & 0xffffffffffff) | multicast;
    return atomic_compare_exchange_strong(&process_node, &node, fresh) ? fresh : node;
}

void id_v4(char ret[ID_BYTES])
{
    uuid_t id;
    random_fill(id, sizeof(id));
    id[6] = (id[6] & 0x0f) | 0x40;
    id[8] = (id[8] & 0x3f) | 0x80;
    uuid_unparse_lower(id, ret);
}

void id_v5(const char *ns, const char *name, size_t name_len_bytes, char ret[ID_BYTES])
{
    uuid_t space;
    uuid_t id;
    int r = uuid_parse(ns, space);
    assert(r == 0);
    uuid_generate_sha1(id, space, name, name_len_bytes);
    uuid_unparse_lower(id, ret);
}

void id_v6(int step, char ret[ID_BYTES])
{
    const uint64_t from_1582_to_1970 = 0x01b21dd213814000; /* in 100 ns */
    uint64_t now = (uint64_t)clock_wall_ms() * 10000 + from_1582_to_1970;
    uint64_t time = next_after(&last_v6, now);
    uuid_t id;
    put_big_endian(id, time >> 12, 6);
    put_big_endian(id + 6, 0x6000 | (time & 0xfff), 2);
    put_big_endian(id + 8, 0x8000 | ((unsigned)step & 0x3fff), 2);
    put_big_endian(id + 10, node_get(), 6);
    uuid_unparse_lower(id, ret);
}

void id_v7(char ret[ID_BYTES])
{
    uint64_t time = next_after(&last_v7, (uint64_t)clock_wall_ms() << 12);
    uuid_t id;
    put_big_endian(id, time >> 12, 6);
    put_big_endian(id + 6, 0x7000 | (time & 0xfff), 2);
    put_big_endian(id + 8, ((uint64_t)2 << 62) | (random_bits() >> 2), 8);
    uuid_unparse_lower(id, ret);
}

bool id_is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof(shape) - 1; i++)
        if (shape[i] == '-' ? text[i] != '-' : isxdigit((unsigned char)text[i]) == 0)
            return false;
    return text[sizeof(shape) - 1] == '\0';
}
