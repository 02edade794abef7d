/*
 * ip: addresses and prefixes. An address is always 16 bytes; IPv4 is held as ::ffff:a.b.c.d.
 *
 * Plain values; any thread.
 */
#pragma once
#include "base/str.h"
#include <netinet/in.h>
#include <sys/socket.h>

struct ip {
    union {
        uint8_t b[16];
        uint64_t q[2]; /* network order; for copying and comparing only */
    };
};

struct prefix {
    struct ip ip;
    uint8_t len; /* 0-128; an IPv4 prefix of n bits is 96 + n */
};

enum { IP_TEXT_MAX = 64 };

static inline bool ip_eq(struct ip a, struct ip b)
{
    return a.q[0] == b.q[0] && a.q[1] == b.q[1];
}

static inline bool ip_is_zero(struct ip a)
{
    return (a.q[0] | a.q[1]) == 0;
}

static inline bool ip_is_v4(struct ip a)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(a.b, mapped, sizeof mapped) == 0;
}

/* From 4 (mapped) or 16 bytes in network order. */
static inline struct ip ip_v4(const void *p)
{
    struct ip a = {.b = {[10] = 0xff, [11] = 0xff}};
    memcpy(a.b + 12, p, 4);
    return a;
}

static inline struct ip ip_v6(const void *p)
{
    struct ip a;
    memcpy(a.b, p, 16);
    return a;
}

/* Text of either family; IPv4-mapped reads as IPv4. */
bool ip_parse(struct str s, struct ip *out);
/* Without ::ffff: for IPv4. Returns buf, which has IP_TEXT_MAX bytes. */
const char *ip_format(struct ip a, char *buf);
/* "10.0.0.0/8", "2001:db8::/32", or a bare address as a host prefix; host bits are cleared. */
bool prefix_parse(struct str s, struct prefix *out);
const char *prefix_format(struct prefix p, char *buf);
bool prefix_contains(struct prefix p, struct ip a);
struct ip ip_mask(struct ip a, unsigned bits);

struct ip ip_from_sockaddr(const struct sockaddr *sa, uint16_t *port);
