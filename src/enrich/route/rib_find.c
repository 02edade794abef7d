/* Look-ups: many at once, so that the cache misses of prefixes, blocks and attributes overlap. */
#include "enrich/route/rib_own.h"

enum {
    ABREAST = LPM_ABREAST,
    FEW = 8,       /* routes that are gone through from the first on */
    SCAN_MAX = 64, /* routes looked at outside the wanted table */
    /* what is worth how much; a longer prefix decides between equals */
    WORTH_TABLE = 8,
    WORTH_NOT_DEFAULT = 4,
    WORTH_ROUTER = 2,
};

/*
 * How well a route answers, 0: not at all. A route of the router that sent the flow comes before those of others, then one
 * with the flow's next hop. Computed without branches: which of the few routes it will be is anybody's guess.
 */
static inline unsigned score(const struct rib *r, const struct rib_ask *q, uint16_t hop, unsigned family,
                             const struct rib_route *route)
{
    const struct rib_mark *m = &r->marks[route->source & RIB_SOURCE_MASK];
    unsigned own = (unsigned)(q->router != RIB_NO_ROUTER) & (m->router == q->router);
    unsigned by_hop = 0;
    if (__builtin_expect(route->hop == hop, 0)) /* that of no address is never 0 */
        by_hop = ip_eq(rib_attr_at(r, route->attr)->next_hop, q->next_hop);
    return route_seen(r, route, family) ? 1 + by_hop + 2 * own : 0;
}

/* The best route of a block, the earlier of two that score the same, and its worth. */
static const struct rib_route *choose(const struct rib *r, const struct rib_ask *q,
                                      const struct rib_routes *b, unsigned family, uint8_t len,
                                      unsigned *worth)
{
    uint16_t hop = ip_is_zero(q->next_hop) ? 0 : hop_hash(q->next_hop);
    const struct rib_route *best = NULL;
    unsigned most = 0;
    for (uint32_t i = b->n <= FEW ? 0 : table_begin(b, q->table); i < b->n && b->route[i].table <= q->table;
         i++) {
        unsigned s = b->route[i].table == q->table ? score(r, q, hop, family, &b->route[i]) : 0;
        best = s > most ? &b->route[i] : best;
        most = s > most ? s : most;
    }
    *worth = best ? WORTH_TABLE : 0;
    for (uint32_t i = 0; !*worth && i < b->n && i < SCAN_MAX; i++) {
        unsigned s = score(r, q, hop, family, &b->route[i]);
        best = s > most ? &b->route[i] : best;
        most = s > most ? s : most;
    }
    *worth += (len ? WORTH_NOT_DEFAULT : 0) + (most > 2 ? WORTH_ROUTER : 0);
    return best;
}

/* A look-up under way: the longest prefix that was not looked at yet, and the best answer so far. */
struct search {
    struct lpm_hit hit;
    unsigned worth, enough;
};

/* The routes of the prefix at hand; true when a shorter prefix may have a better one, which is at hand then. */
static inline bool search_on(const struct rib *r, const struct rib_ask *q, struct search *s,
                             struct rib_answer *best)
{
    bool v4 = ip_is_v4(q->address);
    unsigned base = v4 ? 96 : 0, worth;
    uint8_t len = (uint8_t)(s->hit.len - base);
    const struct rib_route *route = choose(r, q, pool_at(&r->pool, s->hit.value), v4 ? 1 : 2, len, &worth);
    if (route && (!best->attr || worth > s->worth)) {
        *best = (struct rib_answer){rib_attr_at(r, route->attr), len};
        s->worth = worth;
    }
    if ((best->attr && s->worth == s->enough) || len == 0)
        return false;
    s->hit = lpm_find(&r->lpm, q->address, s->hit.len - 1u);
    return s->hit.value && s->hit.len >= base;
}

/* As in base/lpm.c: never from where there is no memory. */
static inline void fetch_block(const struct rib *r, uint32_t at, const void *at_hand)
{
    const char *block = at ? pool_at(&r->pool, at) : at_hand;
    __builtin_prefetch(block);
    __builtin_prefetch(block + 63);
}

/* 1 <= n <= ABREAST */
static void find_abreast(const struct rib *r, const struct rib_ask *ask, size_t n, struct rib_answer *out)
{
    struct ip address[ABREAST];
    struct lpm_hit hit[ABREAST];
    struct search search[ABREAST];
    uint8_t live[ABREAST];
    size_t left = 0, k = 0;
    do
        address[k] = ask[k].address;
    while (++k < n);
    lpm_find_many(&r->lpm, address, n, hit);
    for (size_t i = 0; i < n; i++) {
        fetch_block(r, hit[i].value, &hit[i]);
        search[i] = (struct search){
            hit[i], 0, WORTH_TABLE + WORTH_NOT_DEFAULT + (ask[i].router != RIB_NO_ROUTER ? WORTH_ROUTER : 0)};
        out[i] = (struct rib_answer){0};
        live[left] = (uint8_t)i;
        left += hit[i].value && (hit[i].len >= 96 || !ip_is_v4(address[i]));
    }
    while (left) {
        size_t stay = 0;
        for (size_t j = 0; j < left; j++) {
            uint8_t i = live[j];
            bool on = search_on(r, &ask[i], &search[i], &out[i]);
            if (on)
                fetch_block(r, search[i].hit.value, NULL);
            else
                __builtin_prefetch(out[i].attr ? (const void *)out[i].attr : &out[i]);
            live[stay] = i;
            stay += on;
        }
        left = stay;
    }
}

void rib_find(const struct rib *r, const struct rib_ask *ask, size_t n, struct rib_answer *out)
{
    for (size_t i = 0; i < n; i += ABREAST)
        find_abreast(r, ask + i, n - i < ABREAST ? n - i : ABREAST, out + i);
}
