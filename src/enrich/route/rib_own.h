/* rib_own: what the files of the RIB share among themselves (rib.c, rib_attr.c, rib_find.c). */
#pragma once
#include "enrich/route/rib.h"

void attrs_init(struct rib *r);
void attrs_fini(struct rib *r);

/* Never 0. */
static inline uint16_t hop_hash(struct ip a)
{
    uint64_t x = (a.q[0] ^ a.q[1] * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return (uint16_t)(x >> 48 | 1);
}

static inline unsigned family_bit(const struct rib_prefix *p)
{
    return p->len >= 96 && ip_is_v4(p->ip) ? 1 : 2;
}

/* Whether look-ups see a route: it is of the source's session, or of a former one that nobody has called off. */
static inline bool route_seen(const struct rib *r, const struct rib_route *route, unsigned family)
{
    const struct rib_mark *m = &r->marks[route->source & RIB_SOURCE_MASK];
    bool current = route->source >> RIB_SOURCE_BITS == __atomic_load_n(&m->session, __ATOMIC_RELAXED);
    bool kept = !(__atomic_load_n(&m->purge, __ATOMIC_RELAXED) & family);
    return current | kept; /* both loads, no branch */
}

/* First route of the table or a later one. */
static inline uint32_t table_begin(const struct rib_routes *b, uint32_t table)
{
    uint32_t low = 0, high = b->n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (b->route[mid].table < table)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}
