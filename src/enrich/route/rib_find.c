/* Look-ups: many at once, so that the cache misses of prefixes, blocks and attributes overlap. */
#include "enrich/route/rib_own.h"

enum {
    ABREAST = 16,
    FEW = 8,       /* routes that are gone through from the first on */
    SCAN_MAX = 64, /* routes looked at outside the wanted table */
    /* what is worth how much; a longer prefix decides between equals */
    WORTH_TABLE = 8,
    WORTH_NOT_DEFAULT = 4,
    WORTH_ROUTER = 2,
};

/* The better of two routes of a block, the first of which comes earlier: a matching next hop, else the order. */
struct pick {
    const struct rib_route *own, *any; /* of the router that sent the flow; of whoever */
    bool own_hop, any_hop;
};

static bool hop_matches(const struct rib *r, const struct rib_ask *q, uint16_t hash,
                        const struct rib_route *route)
{
    return route->hop == hash && ip_eq(rib_attr_at(r, route->attr)->next_hop, q->next_hop);
}

static void consider(const struct rib *r, const struct rib_ask *q, uint16_t hop,
                     const struct rib_route *route, struct pick *p)
{
    bool own = q->router && r->marks[route->source & RIB_SOURCE_MASK].router == q->router;
    bool *has_hop = own ? &p->own_hop : &p->any_hop;
    const struct rib_route **best = own ? &p->own : &p->any;
    if (*best && (*has_hop || !hop))
        return;
    bool matches = hop && hop_matches(r, q, hop, route);
    if (*best && !matches)
        return;
    *best = route;
    *has_hop = matches;
}

/* The best route of a block, and its worth. */
static const struct rib_route *choose(const struct rib *r, const struct rib_ask *q,
                                      const struct rib_routes *b, unsigned family, uint8_t len,
                                      unsigned *worth)
{
    uint16_t hop = ip_is_zero(q->next_hop) ? 0 : hop_hash(q->next_hop);
    struct pick pick = {0};
    *worth = WORTH_TABLE;
    for (uint32_t i = b->n <= FEW ? 0 : table_begin(b, q->table); i < b->n && b->route[i].table <= q->table;
         i++)
        if (b->route[i].table == q->table && route_seen(r, &b->route[i], family))
            consider(r, q, hop, &b->route[i], &pick);
    if (!pick.own && !pick.any) {
        *worth = 0;
        for (uint32_t i = 0; i < b->n && i < SCAN_MAX; i++)
            if (route_seen(r, &b->route[i], family))
                consider(r, q, hop, &b->route[i], &pick);
    }
    *worth += (len ? WORTH_NOT_DEFAULT : 0) + (pick.own ? WORTH_ROUTER : 0);
    return pick.own ? pick.own : pick.any;
}

static struct rib_answer find_one(const struct rib *r, const struct rib_ask *q, struct lpm_hit hit)
{
    struct rib_answer best = {0};
    unsigned best_worth = 0, enough = WORTH_TABLE + WORTH_NOT_DEFAULT + (q->router ? WORTH_ROUTER : 0);
    bool v4 = ip_is_v4(q->address);
    unsigned base = v4 ? 96 : 0;
    while (hit.value && hit.len >= base) {
        uint8_t len = (uint8_t)(hit.len - base);
        unsigned worth;
        const struct rib_route *route = choose(r, q, pool_at(&r->pool, hit.value), v4 ? 1 : 2, len, &worth);
        if (route && (!best.attr || worth > best_worth)) {
            best = (struct rib_answer){rib_attr_at(r, route->attr), len};
            best_worth = worth;
        }
        if ((best.attr && best_worth == enough) || hit.len == base)
            break;
        hit = lpm_find(&r->lpm, q->address, hit.len - 1u);
    }
    return best;
}

/* 1 <= n <= ABREAST */
static void find_abreast(const struct rib *r, const struct rib_ask *ask, size_t n, struct rib_answer *out)
{
    struct ip address[ABREAST];
    struct lpm_hit hit[ABREAST];
    size_t k = 0;
    do
        address[k] = ask[k].address;
    while (++k < n);
    lpm_find_many(&r->lpm, address, n, hit);
    for (size_t i = 0; i < n; i++)
        if (hit[i].value) {
            __builtin_prefetch(pool_at(&r->pool, hit[i].value));
            __builtin_prefetch((const char *)pool_at(&r->pool, hit[i].value) + 63);
        }
    for (size_t i = 0; i < n; i++) {
        out[i] = find_one(r, &ask[i], hit[i]);
        __builtin_prefetch(out[i].attr);
    }
}

void rib_find(const struct rib *r, const struct rib_ask *ask, size_t n, struct rib_answer *out)
{
    for (size_t i = 0; i < n; i += ABREAST)
        find_abreast(r, ask + i, n - i < ABREAST ? n - i : ABREAST, out + i);
}
