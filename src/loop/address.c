/* The tables are those of the IANA special-purpose registries (RFC 6890 and its successors), read in
 * the careful direction: a range that some routers forward and others do not is left out. */
#include "loop/address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

/* ---- IPv4 ---- */

struct range4 {
    uint32_t base;
    int bits;
};
#define IP4(a, b, c, d)                                                                            \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct range4 closed4[] = {
    { IP4(0, 0, 0, 0), 8 },     /* this network; 0.0.0.0 reaches the own machine */
    { IP4(10, 0, 0, 0), 8 },    /* private */
    { IP4(100, 64, 0, 0), 10 }, /* shared by a provider's customers, and metadata of some clouds */
    { IP4(127, 0, 0, 0), 8 },   /* loopback */
    { IP4(168, 63, 129, 16), 32 }, /* the platform's own services within one cloud */
    { IP4(169, 254, 0, 0), 16 },   /* link-local, metadata services */
    { IP4(172, 16, 0, 0), 12 },    /* private */
    { IP4(192, 0, 0, 0), 24 },     /* protocol assignments, and metadata of one cloud */
    { IP4(192, 0, 2, 0), 24 },     /* documentation */
    { IP4(192, 31, 196, 0), 24 },  /* AS112 */
    { IP4(192, 52, 193, 0), 24 },  /* AMT */
    { IP4(192, 88, 99, 0), 24 },   /* 6to4 relays */
    { IP4(192, 168, 0, 0), 16 },   /* private */
    { IP4(192, 175, 48, 0), 24 },  /* AS112 */
    { IP4(198, 18, 0, 0), 15 },    /* benchmarks */
    { IP4(198, 51, 100, 0), 24 },  /* documentation */
    { IP4(203, 0, 113, 0), 24 },   /* documentation */
    { IP4(224, 0, 0, 0), 3 },      /* multicast, reserved, broadcast */
};

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof(closed4) / sizeof(closed4[0]); i++) {
        if ((address ^ closed4[i].base) >> (32 - closed4[i].bits) == 0)
            return false;
    }
    return true;
}

/* ---- IPv6 ---- */

struct range6 {
    unsigned char base[16];
    int bits;
};

/* Of global unicast, 2000::/3, which alone is public. */
static const struct range6 closed6[] = {
    { { 0x20, 0x01 }, 23 },             /* protocol assignments: Teredo, ORCHID, benchmarks */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
    { { 0x20, 0x02 }, 16 },             /* 6to4: an IPv4 address inside */
    { { 0x26, 0x20, 0x00, 0x4f, 0x80, 0x00 }, 48 }, /* AS112 */
    { { 0x3f, 0xff }, 20 },                         /* documentation */
};
static const struct range6 global6 = { { 0x20 }, 3 };
static const struct range6 nat64 = { { 0x00, 0x64, 0xff, 0x9b }, 96 };

static bool is_in6(const unsigned char *address, const struct range6 *range)
{
    int whole = range->bits / 8;
    int rest = range->bits % 8;

    if (memcmp(address, range->base, (size_t)whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ range->base[whole]) >> (8 - rest) == 0;
}

static bool is_public6(const unsigned char *address)
{
    if (is_in6(address, &nat64))
        return is_public4(IP4(address[12], address[13], address[14], address[15]));
    if (!is_in6(address, &global6))
        return false;
    for (size_t i = 0; i < sizeof(closed6) / sizeof(closed6[0]); i++) {
        if (is_in6(address, &closed6[i]))
            return false;
    }
    return true;
}

bool address_is_public(const struct sockaddr *address)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    switch (address->sa_family) {
    case AF_INET:
        memcpy(&in4, address, sizeof(in4)); /* it may lie anywhere */
        return is_public4(ntohl(in4.sin_addr.s_addr));
    case AF_INET6:
        memcpy(&in6, address, sizeof(in6));
        return is_public6(in6.sin6_addr.s6_addr);
    default:
        return false;
    }
}

bool address_text_may_be_public(const char *host, size_t len_bytes)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[16];
    bool has_brackets = len_bytes > 2 && host[0] == '[' && host[len_bytes - 1] == ']';

    host += has_brackets ? 1 : 0;
    len_bytes -= has_brackets ? 2 : 0;
    if (len_bytes >= sizeof(text))
        return true;
    memcpy(text, host, len_bytes);
    text[len_bytes] = '\0';
    if (inet_pton(AF_INET, text, address) == 1)
        return is_public4(IP4(address[0], address[1], address[2], address[3]));
    return inet_pton(AF_INET6, text, address) != 1 || is_public6(address);
}
